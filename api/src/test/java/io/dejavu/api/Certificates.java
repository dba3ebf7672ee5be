package io.dejavu.api;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// A key with a certificate that it has signed itself, made by the JDK's `keytool`.
record Certificates(Path chain, Path key, byte[] pkcs8, KeyStore store) {
  private static final char[] PASSWORD = "changeit".toCharArray();

  /// @param algorithm with its parameters, as `keytool` takes them, such as `EC -groupname
  ///   secp256r1`
  static Certificates make(Path folder, String name, String algorithm, String... more)
      throws IOException, InterruptedException, GeneralSecurityException {
    var file = folder.resolve(name + ".p12");
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "key",
                "-storetype",
                "PKCS12",
                "-keystore",
                file.toString(),
                "-storepass",
                new String(PASSWORD),
                "-dname",
                "CN=" + name,
                "-ext",
                "SAN=DNS:localhost,IP:127.0.0.1",
                "-keyalg"));
    command.addAll(List.of(algorithm.split(" ")));
    command.addAll(List.of(more));
    var process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(name + ".log").toFile())
            .start();
    if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new AssertionError(Files.readString(folder.resolve(name + ".log")));
    }
    var store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, PASSWORD);
    }
    byte[] pkcs8 = store.getKey("key", PASSWORD).getEncoded();
    return new Certificates(
        pem(folder, name + ".crt", "CERTIFICATE", store.getCertificate("key").getEncoded()),
        pem(folder, name + ".key", "PRIVATE KEY", pkcs8),
        pkcs8,
        store);
  }

  static Path pem(Path folder, String name, String label, byte[] der) throws IOException {
    String base64 = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(der);
    return Files.writeString(
        folder.resolve(name),
        "Comment\n-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(label, base64, label));
  }

  /// The key in its older form: the octets at the end of PKCS#8, however long the lengths are.
  byte[] inner() {
    for (int i = pkcs8.length - 4; i > 0; i--) {
      int length = pkcs8.length - i;
      boolean small = pkcs8[i] == 4 && length - 2 < 128 && pkcs8[i + 1] == length - 2;
      boolean large =
          pkcs8[i] == 4
              && pkcs8[i + 1] == (byte) 0x82
              && ((pkcs8[i + 2] & 0xff) << 8 | pkcs8[i + 3] & 0xff) == length - 4;
      if ((small || large) && pkcs8[i + (small ? 2 : 4)] == 0x30) {
        return Arrays.copyOfRange(pkcs8, i + (small ? 2 : 4), pkcs8.length);
      }
    }
    throw new AssertionError("not the form of PKCS#8 that was expected");
  }

  /// For a client that trusts this server's certificate alone, and shows `own`.
  SSLContext client(Certificates own) throws GeneralSecurityException {
    var trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    var trust = KeyStore.getInstance("PKCS12");
    try {
      trust.load(null, null);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    trust.setCertificateEntry("server", store.getCertificate("key"));
    trusted.init(trust);
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own.store, PASSWORD);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
    return context;
  }
}
