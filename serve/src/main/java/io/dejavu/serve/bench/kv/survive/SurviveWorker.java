package io.dejavu.serve.bench.kv.survive;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/// A {@link SurviveWorkerCommand} as the bench sees it: a socket, and a thread that puts what it
/// says into the bench's queue.
final class SurviveWorker {
  final String name;
  final long pid;
  private final BufferedWriter out;

  // Of the bench's thread.
  boolean ready;
  boolean doomed;
  boolean gone;
  boolean closed;
  String @Nullable [] answer;

  /// @param name of the worker; empty: nobody's
  /// @param at when it was heard, by `System.nanoTime()`
  record Said(String name, String[] words, long at) {}

  private SurviveWorker(String name, long pid, BufferedWriter out) {
    this.name = name;
    this.pid = pid;
    this.out = out;
  }

  /// Waits for it to say its name, and listens from then on.
  static SurviveWorker of(SocketChannel channel, long pid, BlockingQueue<Said> queue)
      throws IOException {
    var in = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
    var hello = in.readLine();
    if (hello == null || !hello.startsWith("hello ")) {
      throw new IOException("a worker says \"%s\"".formatted(hello));
    }
    var name = hello.substring("hello ".length());
    Thread.ofPlatform()
        .name("survive-" + name)
        .daemon()
        .start(
            () -> {
              try (channel) {
                for (var line = in.readLine(); line != null; line = in.readLine()) {
                  queue.add(new Said(name, line.split(" "), System.nanoTime()));
                }
              } catch (IOException e) {
                // Killed: the connection may be reset.
              }
              queue.add(new Said(name, new String[] {"closed"}, System.nanoTime()));
            });
    return new SurviveWorker(
        name, pid, new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8)));
  }

  void tell(String line) throws IOException {
    out.write(line);
    out.write('\n');
    out.flush();
  }
}
