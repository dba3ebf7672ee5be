package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.Pending.Area;
import org.jspecify.annotations.Nullable;

/// A stream into a file: what is posted and not written, and up to where it counts.
final class FileStream {
  /// Areas that it may have pending for each of its layers; more is no stream.
  private static final int MOST_AREAS_PER_LAYER = 64;

  private final int number;
  private final KvOffer offer;
  private final FiledRequest request;
  private final long recordCells;
  private final Pending pending = new Pending();
  private long readyCells;
  private int declared;
  private int committed;
  private int finish = -1;
  private int writing;
  private @Nullable KvOutcome outcome;

  /// Whether its blocks are being read.
  boolean isRead;

  /// Whether it stands in the line of those that have something to write.
  boolean isQueued;

  /// @param recordCells tokens times layers of a record
  FileStream(int number, KvOffer offer, FiledRequest request, long recordCells) {
    this.number = number;
    this.offer = offer;
    this.request = request;
    this.recordCells = recordCells;
    declared = offer.tokens().start();
    committed = declared;
  }

  int number() {
    return number;
  }

  KvOffer offer() {
    return offer;
  }

  FiledRequest request() {
    return request;
  }

  // --- what is posted

  void post(LayerRange layers, TokenRange tokens) {
    pending.add(new Area(layers, tokens));
    countReady();
  }

  boolean isTooFragmented() {
    return pending.areas() > MOST_AREAS_PER_LAYER * offer.layers().count();
  }

  int fragments() {
    return pending.areas();
  }

  void commit(int tokens) {
    declared = Math.max(declared, tokens);
    countReady();
  }

  void finish(int tokens) {
    finish = tokens;
    commit(tokens);
  }

  /// Full blocks of what counts are written though they fill no record; a block that is not full
  /// waits for its other tokens, or the end.
  private int due() {
    return finish >= 0 ? finish : declared - declared % offer.wireTokens();
  }

  private void countReady() {
    readyCells = pending.readyCells(recordCells, due(), offer.wireTokens());
  }

  /// Bytes that could be written now.
  long readyBytes() {
    return outcome == null ? readyCells * offer.tokenBytes() : 0;
  }

  // --- what is written

  /// Takes what the next record holds.
  @Nullable Area take() {
    var area = pending.takeRecord(recordCells, due(), offer.wireTokens(), offer.layers());
    if (area != null) {
      writing++;
      countReady();
    }
    return area;
  }

  void written() {
    writing--;
  }

  /// Up to where it counts and is there.
  ///
  /// @return whether that is more than it was
  boolean advance() {
    int now = Math.min(declared, request.complete());
    boolean isMore = now > committed;
    committed = Math.max(committed, now);
    return isMore;
  }

  int committed() {
    return committed;
  }

  /// How it ends by itself; null if it does not yet.
  @Nullable KvOutcome end() {
    if (finish < 0) {
      return null;
    }
    if (committed >= finish) {
      return new KvOutcome.Done(finish);
    }
    return writing > 0 || readyCells > 0
        ? null
        : new KvOutcome.Cancelled(
            "token %d was not posted with all layers, %d were to come"
                .formatted(committed, finish));
  }

  void end(KvOutcome how) {
    outcome = how;
  }

  /// How it ended; null while it has not.
  @Nullable KvOutcome outcome() {
    return outcome;
  }
}
