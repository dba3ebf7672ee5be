package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;

/// Answers every request with what a script writes, byte for byte, on loopback.
final class ScriptedServer implements AutoCloseable {
  private static final Pattern LENGTH = Pattern.compile("(?i)content-length: *(\\d+)");

  /// Writes an answer.
  interface Script {
    /// @param number of the request, from 0
    /// @return whether the connection is kept
    boolean answer(int number, Socket client) throws IOException, InterruptedException;
  }

  private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<Socket> connections = new CopyOnWriteArrayList<>();
  private final Script script;

  ScriptedServer(Script script) throws IOException {
    this.script = script;
    Thread.ofVirtual().start(this::accept);
  }

  /// One that writes the same answer to all.
  static ScriptedServer of(String answer) throws IOException {
    return new ScriptedServer(
        (_, client) -> {
          client.getOutputStream().write(answer.getBytes(UTF_8));
          return false;
        });
  }

  /// Events as one chunked answer.
  static String stream(String... events) {
    var answer = new StringBuilder("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
    answer.append("Transfer-Encoding: chunked\r\n\r\n");
    for (String event : events) {
      String text = "data: " + event + "\n\n";
      answer.append(Integer.toHexString(text.getBytes(UTF_8).length)).append("\r\n");
      answer.append(text).append("\r\n");
    }
    return answer.append("0\r\n\r\n").toString();
  }

  static String token(String text) {
    return "{\"choices\":[{\"index\":0,\"text\":\"%s\",\"finish_reason\":null}]}".formatted(text);
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + socket.getLocalPort());
  }

  /// Head and body of all, in order.
  List<String> requests() {
    return requests;
  }

  int connections() {
    return connections.size();
  }

  private void accept() {
    try {
      while (true) {
        var client = socket.accept();
        connections.add(client);
        Thread.ofVirtual().start(() -> converse(client));
      }
    } catch (IOException _) {
      // closed
    }
  }

  private void converse(Socket client) {
    try (client) {
      var in = new BufferedInputStream(client.getInputStream());
      String request = request(in);
      while (request != null) {
        int number;
        synchronized (requests) {
          number = requests.size();
          requests.add(request);
        }
        request = script.answer(number, client) ? request(in) : null;
      }
    } catch (IOException _) {
      // the client has left
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static String request(InputStream in) throws IOException {
    var head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int b = in.read();
      if (b < 0) {
        return null;
      }
      head.append((char) b);
    }
    var length = LENGTH.matcher(head);
    int count = length.find() ? Integer.parseInt(length.group(1)) : 0;
    return head + new String(in.readNBytes(count), ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    socket.close();
    for (var connection : connections) {
      connection.close();
    }
  }
}
