package io.dejavu.hub;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The body of an answer, piece by piece, with a deadline on each: the JDK's own streams wait for
/// ever for a server that fell silent.
final class Chunks implements HttpResponse.BodySubscriber<Chunks>, AutoCloseable {
  private static final int AHEAD = 16;

  private sealed interface Piece {
    record Bytes(List<ByteBuffer> buffers) implements Piece {}

    record End() implements Piece {}

    record Broken(Throwable why) implements Piece {}
  }

  // Never holds more than what was asked for, and an end.
  private final LinkedBlockingQueue<Piece> arrived = new LinkedBlockingQueue<>();
  private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
  private boolean ended;

  @Override
  public CompletionStage<Chunks> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription offered) {
    if (subscription.complete(offered)) {
      offered.request(AHEAD);
    } else {
      offered.cancel();
    }
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    arrived.add(new Piece.Bytes(buffers));
  }

  @Override
  public void onError(Throwable why) {
    arrived.add(new Piece.Broken(why));
  }

  @Override
  public void onComplete() {
    arrived.add(new Piece.End());
  }

  /// The next piece; null: there is no more.
  ///
  /// @throws HubException.Passing if the connection breaks or nothing comes for `silence`
  @Nullable List<ByteBuffer> next(Duration silence) throws InterruptedException {
    if (ended) {
      return null;
    }
    return switch (arrived.poll(silence.toMillis(), TimeUnit.MILLISECONDS)) {
      case Piece.Bytes(var buffers) -> {
        var _ = subscription.thenAccept(source -> source.request(1));
        yield buffers;
      }
      case Piece.End() -> {
        ended = true;
        yield null;
      }
      case Piece.Broken(var why) ->
          throw new HubException.Passing("the connection broke: " + why.getMessage(), why);
      case null ->
          throw new HubException.Passing(
              "the server sent nothing for %d s".formatted(silence.toSeconds()), null);
    };
  }

  /// All of it.
  ///
  /// @throws HubException if it has more than `most` bytes
  byte[] all(int most, Duration silence) throws InterruptedException {
    var all = new ByteArrayOutputStream();
    for (var buffers = next(silence); buffers != null; buffers = next(silence)) {
      for (var buffer : buffers) {
        if (all.size() + buffer.remaining() > most) {
          throw new HubException("the answer has more than %,d bytes".formatted(most));
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        all.writeBytes(bytes);
      }
    }
    return all.toByteArray();
  }

  /// Closes the connection unless all was read.
  @Override
  public void close() {
    var _ = subscription.thenAccept(Flow.Subscription::cancel);
  }
}
