package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.dejavu.transport.Address;
import io.dejavu.transport.ConnectionRefused;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.Security;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Through TLS over TCP, with new keys after each MiB.
final class TlsConnectionTest extends ConnectionContract {
  private static SSLContext context;
  private static SSLContext stranger;

  @BeforeAll
  static void makeKeys(@TempDir Path keys) {
    Security.setProperty(
        "jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate 2^20, ChaCha20-Poly1305 KeyUpdate 2^20");
    context = TlsKeys.context(keys, "cluster");
    stranger = TlsKeys.context(keys, "stranger");
  }

  @Override
  protected Address address(Path folder) {
    return new Address.Tcp("127.0.0.1", 0);
  }

  @Override
  protected TransportConfig config() {
    return super.config().withTls(context);
  }

  @Override
  protected boolean crossesProcesses() {
    return false; // the other process would need the keys; over TCP the same code sees it go
  }

  @Test
  void aCertificateThatIsNotTrustedIsRefused() throws IOException {
    try (var listener = transport(context).listen(new Address.Tcp("127.0.0.1", 0))) {
      assertThatIOException()
          .isThrownBy(() -> transport(stranger).connect(listener.address(), soon()))
          .withMessageContaining("TLS");
      assertThatIOException()
          .isThrownBy(
              () ->
                  new Transport(Identity.of("plain"), SECRET, TransportConfig.DEFAULT)
                      .connect(listener.address(), soon()));
    }
  }

  @Test
  void nobodyCanStandBetweenTheTwoEvenWithACertificateThatBothTrust() throws IOException {
    try (var listener = transport(context).listen(new Address.Tcp("127.0.0.1", 0));
        var server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0)) {
      int target = ((Address.Tcp) listener.address()).port();
      Thread.ofPlatform().daemon().start(() -> relay(server, target));

      assertThatExceptionOfType(ConnectionRefused.class)
          .isThrownBy(
              () ->
                  transport(context)
                      .connect(new Address.Tcp("127.0.0.1", server.getLocalPort()), soon()))
          .withMessageContaining("does not know the shared secret");
    }
  }

  private static void relay(SSLServerSocket server, int target) {
    try (var near = (SSLSocket) server.accept();
        var far = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", target)) {
      Thread back = Thread.ofPlatform().daemon().start(() -> pump(far, near));
      pump(near, far);
      back.join();
    } catch (IOException _) {
      // Both ends have gone.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static void pump(SSLSocket from, SSLSocket to) {
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      var buffer = new byte[4096];
      for (int bytes; (bytes = in.read(buffer)) > 0; ) {
        out.write(buffer, 0, bytes);
      }
    } catch (IOException _) {
      // One of the ends has gone.
    }
  }

  private static Transport transport(SSLContext tls) {
    return new Transport(Identity.of("me"), SECRET, TransportConfig.DEFAULT.withTls(tls));
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(20));
  }
}
