package io.dejavu.transport;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// Waits for peers at an address. Whoever connects is asked to prove that it knows the secret, on a
/// thread of its own and within a deadline; only those who did come out of here.
public interface Listener extends AutoCloseable {
  /// Where it listens: with the port that was free, if 0 was asked for.
  Address address();

  /// Waits for the next peer.
  ///
  /// @return null if none came by `deadline`
  /// @throws IOException if this is closed or cannot listen any more
  @Nullable Connection accept(Deadline deadline) throws IOException;

  /// How many were turned away: no secret, another version, garbage, or silence.
  long refused();

  /// Why the last one was turned away, in one line; empty if nobody was.
  String lastRefusal();

  /// Ends listening, and the connections that nobody accepted. Those that were stay open.
  @Override
  void close();
}
