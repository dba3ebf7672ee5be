package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;

/// Where that goes which is posted of streams: to a peer ({@link KvSender}) or into a file ({@link
/// KvFileStreams}). None of it waits.
interface StreamPosts {
  /// The name of who gets it.
  String peer();

  void post(int stream, LayerRange layers, TokenRange tokens);

  void commit(int stream, int tokens);

  void finish(int stream, int tokens);

  void cancel(int stream, String why);
}
