package io.dejavu.keeper;

import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// One connection between a keeper and a client: messages that are lists of words.
///
/// ```
///  0       2        4
///  +-------+--------+-----------+--------+-----------+--
///  | words | length | UTF-8 …   | length | UTF-8 …   | …   big-endian, unsigned
///  +-------+--------+-----------+--------+-----------+--
/// ```
///
/// | client says | keeper answers |
/// |---|---|
/// | `hello` version name pid | `ok` pid |
/// | `hold` segment bytes: make it | `ok` |
/// | `fill` segment: go on making it | `ok` name bytes owner path; `ok` alone if there is more to do |
/// | `claim` segment: I own it, another keeper knew that | `ok` name bytes owner path |
/// | `take` segment owner: kill that owner if it lives, and make me the next | `ok` name bytes owner path |
/// | `release` segment | `ok` |
/// | `list` | `ok`, name bytes owner path of each |
/// | `start` name command… | `ok` pid |
/// | `kill` name: return when it has exited | `ok` |
/// | `watch` number: tell me who exits, from this exit on, -1 for those to come | `ok` number of the next, then `exited` name pid status number |
/// | `stop`: kill what you have started, let go of everything, end | `ok` |
///
/// What cannot be is answered with `no` and why. A status of -1 is not known. What is being made is
/// freed when its connection ends.
///
/// One thread reads; writing is guarded.
final class KeeperWire implements AutoCloseable {
  static final String VERSION = "3";

  /// What segments and processes may be called: their names become those of files.
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

  private static final int MOST_WORDS = 4096;

  /// A side that does not read for so long is given up.
  private static final Duration WRITE_WITHIN = Duration.ofSeconds(10);

  private final SocketChannel channel;
  private final DataInputStream in;
  private final DataOutputStream out;

  KeeperWire(SocketChannel channel) {
    this.channel = channel;
    in = new DataInputStream(Channels.newInputStream(channel));
    out = new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel)));
  }

  /// Waits for a message.
  ///
  /// @return null if the other side is gone
  @Nullable List<String> read() throws IOException {
    try {
      int count = in.readUnsignedShort();
      if (count > MOST_WORDS) {
        throw new IOException("a message of %d words".formatted(count));
      }
      var words = new ArrayList<String>(count);
      for (int i = 0; i < count; i++) {
        words.add(in.readUTF());
      }
      return words;
    } catch (EOFException _) {
      return null;
    }
  }

  synchronized void write(List<String> words) throws IOException {
    if (words.size() > MOST_WORDS) {
      throw new IOException(
          "a message of %d words, at most %d".formatted(words.size(), MOST_WORDS));
    }
    try (var _ = new WireDeadline(this, WRITE_WITHIN)) {
      out.writeShort(words.size());
      for (var word : words) {
        out.writeUTF(word);
      }
      out.flush();
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException("a socket cannot be closed", e);
    }
  }
}
