package io.dejavu.api;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/// With which certificate the server speaks TLS (1.2 and 1.3, as the JDK has them configured), and
/// whether clients need one. Whatever is wrong with the files is found when they are loaded.
public final class ServerTls {
  private static final String HTTP = "http/1.1";
  private static final char[] NO_PASSWORD = {};

  private final SSLContext context;
  private final boolean clientCertificates;

  private ServerTls(SSLContext context, boolean clientCertificates) {
    this.context = context;
    this.clientCertificates = clientCertificates;
  }

  /// @param chain PEM file: the server's certificate, then those that vouch for it
  /// @param key PEM file of its private key, not encrypted: PKCS#8, PKCS#1 or SEC 1
  /// @param clientCa PEM file of certificates, one of which must vouch for each client's; null:
  ///   clients need none
  /// @throws IllegalArgumentException naming the file and what is wrong with it
  public static ServerTls load(Path chain, Path key, @Nullable Path clientCa, InstantSource clock) {
    var certificates = certificates(chain);
    checkChain(chain, certificates);
    var own = certificates.getFirst();
    checkValidity(chain, own, clock);
    var privateKey = PrivateKeys.read(key, own.getPublicKey().getAlgorithm());
    if (!belongs(privateKey, own.getPublicKey())) {
      throw new IllegalArgumentException(
          "%s is not the key of the certificate in %s".formatted(key, chain));
    }
    try {
      var context = SSLContext.getInstance("TLS");
      context.init(
          keys(certificates, privateKey).getKeyManagers(),
          clientCa == null ? null : trust(certificates(clientCa)),
          null);
      return new ServerTls(context, clientCa != null);
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalArgumentException("%s cannot be used: %s".formatted(chain, e), e);
    }
  }

  /// For a new connection.
  SSLEngine engine() {
    var engine = context.createSSLEngine();
    engine.setUseClientMode(false);
    engine.setNeedClientAuth(clientCertificates);
    engine.setHandshakeApplicationProtocolSelector(
        (_, offered) -> offered.contains(HTTP) ? HTTP : null);
    return engine;
  }

  private static List<X509Certificate> certificates(Path file) {
    var certificates = new ArrayList<X509Certificate>();
    try {
      var factory = CertificateFactory.getInstance("X.509");
      for (var block : Pem.read(file)) {
        if (block.label().equals("CERTIFICATE")) {
          certificates.add(
              (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block.der())));
        }
      }
    } catch (CertificateException e) {
      throw new IllegalArgumentException(file + " has a damaged certificate", e);
    }
    if (certificates.isEmpty()) {
      throw new IllegalArgumentException(file + " has no certificate");
    }
    return certificates;
  }

  private static void checkChain(Path file, List<X509Certificate> chain) {
    for (int i = 0; i + 1 < chain.size(); i++) {
      var issuer = chain.get(i).getIssuerX500Principal();
      var next = chain.get(i + 1).getSubjectX500Principal();
      if (!issuer.equals(next)) {
        throw new IllegalArgumentException(
            "%s: certificate %d was issued by %s, but the next one is of %s; the server's comes first"
                .formatted(file, i + 1, issuer, next));
      }
    }
  }

  private static void checkValidity(Path file, X509Certificate own, InstantSource clock) {
    try {
      own.checkValidity(Date.from(clock.instant()));
    } catch (CertificateExpiredException e) {
      throw new IllegalArgumentException(
          "%s: the certificate expired at %s".formatted(file, own.getNotAfter().toInstant()), e);
    } catch (CertificateNotYetValidException e) {
      throw new IllegalArgumentException(
          "%s: the certificate is valid from %s on only"
              .formatted(file, own.getNotBefore().toInstant()),
          e);
    }
  }

  /// Whether what the one signs the other verifies.
  private static boolean belongs(PrivateKey key, PublicKey publicKey) {
    String type = key.getAlgorithm();
    String algorithm =
        switch (type) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> type;
        };
    byte[] message = {1, 2, 3};
    try {
      var signing = Signature.getInstance(algorithm);
      signing.initSign(key);
      signing.update(message);
      var verifying = Signature.getInstance(algorithm);
      verifying.initVerify(publicKey);
      verifying.update(message);
      return verifying.verify(signing.sign());
    } catch (GeneralSecurityException _) {
      return false; // such as keys of two curves
    }
  }

  private static KeyManagerFactory keys(List<X509Certificate> chain, PrivateKey key)
      throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("server", key, NO_PASSWORD, chain.toArray(X509Certificate[]::new));
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory;
  }

  private static TrustManager[] trust(List<X509Certificate> authorities)
      throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    for (int i = 0; i < authorities.size(); i++) {
      store.setCertificateEntry("authority-" + i, authorities.get(i));
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }
}
