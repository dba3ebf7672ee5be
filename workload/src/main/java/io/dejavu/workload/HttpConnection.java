package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/// One connection of HTTP/1.1, for one request after the other, blocking on a virtual thread. Less
/// than the JDK's client, in which every piece of an answer passes several threads: here the thread
/// that measures reads the socket itself, and knows when.
final class HttpConnection implements AutoCloseable {
  private static final int LONGEST_HEAD = 64 << 10;
  private static final long UNTIL_CLOSED = Long.MAX_VALUE;

  /// Not HTTP.
  static final class Garbled extends IOException {
    private static final long serialVersionUID = 1;

    Garbled(String message) {
      super(message);
    }
  }

  /// Status and headers of an answer.
  ///
  /// @param headers by names in lower case
  record Head(int status, Map<String, String> headers) {
    private boolean says(String name, String value) {
      return headers.getOrDefault(name, "").toLowerCase(Locale.ROOT).contains(value);
    }
  }

  private final Socket socket;
  private final InputStream in;
  private final LongSupplier nanoTime;
  private final byte[] buffer = new byte[16 << 10];
  private int position;
  private int limit;
  private long readNanos;

  private boolean chunked;
  private long remaining; // of the body, or of the chunk
  private boolean chunkOpen; // its line end has not been read
  private boolean complete = true;
  private boolean reusable;

  private HttpConnection(Socket socket, LongSupplier nanoTime) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.nanoTime = nanoTime;
  }

  static HttpConnection open(URI server, Duration patience, LongSupplier nanoTime)
      throws IOException {
    boolean tls = "https".equalsIgnoreCase(server.getScheme());
    int port = server.getPort() >= 0 ? server.getPort() : tls ? 443 : 80;
    var plain = new Socket();
    Socket socket = plain;
    boolean open = false;
    try {
      plain.setTcpNoDelay(true);
      plain.connect(
          new InetSocketAddress(server.getHost().replaceAll("[\\[\\]]", ""), port),
          Math.toIntExact(patience.toMillis()));
      if (tls) {
        plain.setSoTimeout(Math.toIntExact(patience.toMillis()));
        socket = secured(plain, server.getHost(), port);
        socket.setSoTimeout(0);
      }
      var connection = new HttpConnection(socket, nanoTime);
      open = true;
      return connection;
    } finally {
      if (!open) {
        socket.close();
      }
    }
  }

  private static Socket secured(Socket plain, String host, int port) throws IOException {
    var factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    var socket = (SSLSocket) factory.createSocket(plain, host, port, true);
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  /// Limits each read from now on, for those that no deadline watches.
  void readWithin(Duration patience) throws IOException {
    socket.setSoTimeout(Math.toIntExact(patience.toMillis()));
  }

  /// @param request head and body
  void send(byte[] request) throws IOException {
    complete = false;
    reusable = false;
    socket.getOutputStream().write(request);
  }

  /// Reads up to the beginning of the body.
  ///
  /// @throws EOFException if the connection was closed before the first byte
  Head readHead() throws IOException {
    Head head;
    do {
      head = head(line(true));
    } while (head.status < 200);
    frame(head);
    return head;
  }

  private Head head(String statusLine) throws IOException {
    String[] parts = statusLine.split(" ", 3);
    if (parts.length < 2 || !parts[0].startsWith("HTTP/1.") || !parts[1].matches("[1-5]\\d\\d")) {
      throw new Garbled("not an answer of HTTP/1.1: " + statusLine);
    }
    var headers = new HashMap<String, String>();
    headers.put(":version", parts[0]);
    int size = 0;
    for (String line = line(false); !line.isEmpty(); line = line(false)) {
      size += line.length();
      int colon = line.indexOf(':');
      if (colon < 1 || size > LONGEST_HEAD) {
        throw new Garbled("not a header: " + line);
      }
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    return new Head(Integer.parseInt(parts[1]), headers);
  }

  private void frame(Head head) throws Garbled {
    chunked = head.says("transfer-encoding", "chunked");
    chunkOpen = false;
    String length = head.headers.get("content-length");
    try {
      remaining = chunked ? 0 : length == null ? UNTIL_CLOSED : Long.parseLong(length);
    } catch (NumberFormatException e) {
      throw new Garbled("content-length: " + length);
    }
    if (head.status == 204 || head.status == 304) {
      remaining = 0;
    }
    complete = !chunked && remaining == 0;
    reusable =
        remaining != UNTIL_CLOSED
            && !head.says("connection", "close")
            && head.headers.getOrDefault(":version", "").equals("HTTP/1.1");
  }

  /// The next bytes of the body, as many as are there.
  ///
  /// @return how many, at least one; -1 at the end of the body
  /// @throws EOFException if the connection was closed before the end
  int read(byte[] into) throws IOException {
    if (complete) {
      return -1;
    }
    if (chunked && remaining == 0 && !nextChunk()) {
      complete = true;
      return -1;
    }
    if (position == limit && !fill()) {
      if (remaining == UNTIL_CLOSED) {
        complete = true;
        return -1;
      }
      throw new EOFException("the connection was closed within the answer");
    }
    int count = (int) Math.min(Math.min(limit - position, into.length), remaining);
    System.arraycopy(buffer, position, into, 0, count);
    position += count;
    if (remaining != UNTIL_CLOSED) {
      remaining -= count;
      complete = !chunked && remaining == 0;
    }
    return count;
  }

  /// When the last bytes were read from the socket.
  long readNanos() {
    return readNanos;
  }

  /// Whether the answer was read to its end and the connection can carry another request.
  boolean isReusable() {
    return reusable && complete;
  }

  /// @return false at the end of the body
  private boolean nextChunk() throws IOException {
    if (chunkOpen && !line(false).isEmpty()) {
      throw new Garbled("a chunk is longer than it says");
    }
    String size = line(false);
    int end = size.indexOf(';');
    try {
      remaining = Long.parseLong((end < 0 ? size : size.substring(0, end)).strip(), 16);
    } catch (NumberFormatException e) {
      throw new Garbled("size of a chunk: " + size);
    }
    chunkOpen = remaining > 0;
    if (remaining < 0) {
      throw new Garbled("size of a chunk: " + size);
    }
    while (!chunkOpen) {
      if (line(false).isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /// @param first an end of the connection here is an end, not garbage
  private String line(boolean first) throws IOException {
    var line = new StringBuilder();
    while (true) {
      if (position == limit && !fill()) {
        throw new EOFException(
            first && line.isEmpty()
                ? "the connection was closed before an answer"
                : "the connection was closed within the answer");
      }
      int start = position;
      while (position < limit && buffer[position] != '\n') {
        position++;
      }
      line.append(new String(buffer, start, position - start, ISO_8859_1));
      if (line.length() > LONGEST_HEAD) {
        throw new Garbled("a line of more than %d bytes".formatted(LONGEST_HEAD));
      }
      if (position < limit) {
        position++;
        int end = line.length();
        return end > 0 && line.charAt(end - 1) == '\r'
            ? line.substring(0, end - 1)
            : line.toString();
      }
    }
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(0, in.read(buffer));
    readNanos = nanoTime.getAsLong();
    return limit > 0;
  }

  /// May be called from another thread: a read under way fails.
  @Override
  public void close() throws IOException {
    socket.close();
  }
}
