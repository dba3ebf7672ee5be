package io.dejavu.api;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.HexFormat;

/// Private keys out of PEM files. Java reads PKCS#8 alone; the older forms, PKCS#1 of RSA keys (RFC
/// 8017, A.1.2) and SEC 1 of elliptic curves (RFC 5915), are wrapped into it.
final class PrivateKeys {
  private static final int INTEGER = 0x02;
  private static final int OCTETS = 0x04;
  private static final int SEQUENCE = 0x30;
  private static final int PARAMETERS = 0xa0; // [0], explicit

  /// `INTEGER 0`: the version of PKCS#8.
  private static final byte[] VERSION = {INTEGER, 1, 0};

  /// `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }`.
  private static final byte[] RSA = HexFormat.of().parseHex("300d06092a864886f70d0101010500");

  /// `OBJECT IDENTIFIER ecPublicKey`.
  private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");

  private PrivateKeys() {}

  /// @param algorithm of the certificate's public key
  /// @throws IllegalArgumentException if there is no such key in the file
  static PrivateKey read(Path file, String algorithm) {
    for (var block : Pem.read(file)) {
      switch (block.label()) {
        case "PRIVATE KEY" -> {
          return key(file, block.der(), algorithm);
        }
        case "RSA PRIVATE KEY" -> {
          return key(file, der(SEQUENCE, VERSION, RSA, der(OCTETS, block.der())), algorithm);
        }
        case "EC PRIVATE KEY" -> {
          return key(file, wrapped(file, block.der()), algorithm);
        }
        case "ENCRYPTED PRIVATE KEY" ->
            throw new IllegalArgumentException(
                file + " is encrypted; `openssl pkey -in FILE -out FILE` decrypts it");
        default -> {} // such as EC PARAMETERS, or the certificate
      }
    }
    throw new IllegalArgumentException(file + " has no private key");
  }

  private static PrivateKey key(Path file, byte[] pkcs8, String algorithm) {
    try {
      return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalArgumentException("no support for keys of type " + algorithm, e);
    } catch (InvalidKeySpecException e) {
      throw new IllegalArgumentException(
          "%s has no valid private key of type %s, which the certificate has"
              .formatted(file, algorithm),
          e);
    }
  }

  /// `SEQUENCE { 0, SEQUENCE { ecPublicKey, curve }, OCTET STRING sec1 }`.
  private static byte[] wrapped(Path file, byte[] sec1) {
    try {
      var in = ByteBuffer.wrap(sec1);
      var fields = ByteBuffer.wrap(content(in, SEQUENCE));
      content(fields, INTEGER);
      content(fields, OCTETS);
      byte[] curve = content(fields, PARAMETERS);
      return der(SEQUENCE, VERSION, der(SEQUENCE, EC, curve), der(OCTETS, sec1));
    } catch (GeneralSecurityException | java.nio.BufferUnderflowException e) {
      throw new IllegalArgumentException(
          file + " does not name its curve; `openssl pkcs8 -topk8 -nocrypt` converts it", e);
    }
  }

  /// What the next value holds, which must have this tag.
  private static byte[] content(ByteBuffer in, int tag) throws GeneralSecurityException {
    int found = in.get() & 0xff;
    int length = in.get() & 0xff;
    if (length > 0x80) {
      int bytes = length - 0x80;
      length = 0;
      for (int i = 0; i < bytes; i++) {
        length = (length << 8) | (in.get() & 0xff);
      }
    }
    if (found != tag || length < 0 || length > in.remaining()) {
      throw new GeneralSecurityException("tag %02x, %02x expected".formatted(found, tag));
    }
    var content = new byte[length];
    in.get(content);
    return content;
  }

  private static byte[] der(int tag, byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    var out = new ByteArrayOutputStream();
    out.write(tag);
    if (length < 0x80) {
      out.write(length);
    } else {
      out.write(0x82); // two bytes of length: keys are shorter than 64 KiB
      out.write(length >> 8);
      out.write(length);
    }
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
