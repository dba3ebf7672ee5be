package io.dejavu.kv.stream;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvFile;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides what is written into which slot of a file, and what becomes of streams into it. Knows no
/// thread, clock or disk; {@link KvFileStreams} does what it says.
///
/// A slot has one owner: a request, for a record of it that counts, or the write under way. Nobody
/// else's is free.
final class FileState {
  private final KvLayout layout;
  private final int slots;
  private final long recordCells;
  private final long queuedBytes;
  private final BitSet taken = new BitSet();
  private final Map<Long, FiledRequest> requests = new LinkedHashMap<>();
  private final Map<Integer, FileStream> streams = new LinkedHashMap<>();
  // Each gets a record in turn.
  private final ArrayDeque<FileStream> ready = new ArrayDeque<>();
  private long readyBytes;
  private boolean blocked;
  private @Nullable String closed;
  private List<Effect> effects = new ArrayList<>();

  /// What somebody is to hear.
  sealed interface Effect {
    record Granted(int stream, int room) implements Effect {}

    record Committed(int stream, int tokens) implements Effect {}

    record Ended(int stream, KvOutcome outcome) implements Effect {}

    record Blocked() implements Effect {}

    record Unblocked() implements Effect {}
  }

  /// A record that is to be gathered, then written.
  record Order(FileStream stream, FileRecord record) {}

  /// @param queuedBytes so many that could be written are too many
  FileState(KvLayout layout, int slots, long recordCells, long queuedBytes) {
    this.layout = layout;
    this.slots = slots;
    this.recordCells = recordCells;
    this.queuedBytes = queuedBytes;
  }

  /// What is in the file from before; slots of what does not count are free.
  void adopt(List<KvFile.Found> found) {
    Map<Long, List<KvFile.Found>> byRequest = new HashMap<>();
    for (var each : found) {
      var slice = each.label().slice();
      if (FileRecord.Origin.isIn(each.label())
          && layout.layers().contains(slice.layers())
          && layout.heads().equals(slice.heads())) {
        byRequest.computeIfAbsent(each.label().request(), _ -> new ArrayList<>()).add(each);
      }
    }
    byRequest.forEach((number, records) -> own(FiledRequest.of(number, layout.layers(), records)));
  }

  private void own(FiledRequest request) {
    requests.put(request.request(), request);
    request.records().forEach(record -> taken.set(record.slot()));
  }

  private void free(Collection<FileRecord> records) {
    records.forEach(record -> taken.clear(record.slot()));
  }

  // --- what is posted

  /// @param name of the stream, which no other has
  void open(int number, KvOffer offer, long name) {
    var known = requests.get(offer.request());
    int there = known == null ? 0 : known.complete();
    int start = offer.tokens().start();
    var why =
        closed != null
            ? closed
            : known != null && known.newest().epoch() >= offer.epoch()
                ? "epoch %d is there".formatted(known.newest().epoch())
                : start > there
                    ? "%d tokens are there to go on from, not %d".formatted(there, start)
                    : null;
    if (why != null) {
      effects.add(new Effect.Ended(number, new KvOutcome.Refused(why)));
      return;
    }
    if (known != null) {
      end(known, new KvOutcome.Refused("epoch %d writes it now".formatted(offer.epoch())));
      free(known.records());
    }
    var request =
        FiledRequest.begin(offer.request(), offer.epoch(), start, name, layout.layers(), known);
    var stream = new FileStream(number, offer, request, recordCells);
    request.writer = stream;
    own(request);
    streams.put(number, stream);
    effects.add(new Effect.Granted(number, offer.tokens().end()));
  }

  void post(int number, LayerRange layers, TokenRange tokens) {
    var stream = streams.get(number);
    if (stream == null || stream.outcome() != null) {
      return;
    }
    readyBytes -= stream.readyBytes();
    stream.post(layers, tokens);
    readyBytes += stream.readyBytes();
    if (stream.isTooFragmented()) {
      end(stream, new KvOutcome.Cancelled("posted in %d fragments".formatted(stream.fragments())));
    }
    changed(stream);
  }

  void commit(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null && stream.outcome() == null) {
      readyBytes -= stream.readyBytes();
      stream.commit(tokens);
      readyBytes += stream.readyBytes();
      changed(stream);
    }
  }

  void finish(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null && stream.outcome() == null) {
      readyBytes -= stream.readyBytes();
      stream.finish(tokens);
      readyBytes += stream.readyBytes();
      changed(stream);
    }
  }

  void cancel(int number, String why) {
    var stream = streams.get(number);
    if (stream != null && stream.outcome() == null) {
      drop(stream.request(), why);
    }
  }

  void drop(long number) {
    var request = requests.get(number);
    if (request != null) {
      drop(request, "dropped");
    }
  }

  private void drop(FiledRequest request, String why) {
    end(request, new KvOutcome.Cancelled(why));
    if (requests.remove(request.request(), request)) {
      free(request.records());
    }
  }

  /// Ends all streams; what is in the file stays.
  void close(String why) {
    closed = why;
    for (var stream : List.copyOf(streams.values())) {
      end(stream, new KvOutcome.Cancelled(why));
    }
  }

  /// More may be ready of it, or it may be done.
  private void changed(FileStream stream) {
    if (stream.outcome() == null) {
      if (stream.advance()) {
        effects.add(new Effect.Committed(stream.number(), stream.committed()));
      }
      var how = stream.end();
      if (how != null) {
        end(stream, how);
      } else if (stream.readyBytes() > 0 && !stream.isQueued) {
        stream.isQueued = true;
        ready.add(stream);
      }
    }
    if (!blocked && readyBytes > queuedBytes) {
      blocked = true;
      effects.add(new Effect.Blocked());
    } else if (blocked && readyBytes <= queuedBytes / 2) {
      blocked = false;
      effects.add(new Effect.Unblocked());
    }
  }

  private void end(FiledRequest request, KvOutcome how) {
    if (request.writer != null) {
      end(request.writer, how);
    }
  }

  private void end(FileStream stream, KvOutcome how) {
    if (stream.outcome() == null) {
      readyBytes -= stream.readyBytes();
      stream.end(how);
      var request = stream.request();
      request.writer = null;
      if (request.records().isEmpty()) {
        requests.remove(request.request(), request);
      }
      if (!stream.isRead) {
        ended(stream, how);
      }
      changed(stream);
    }
  }

  /// Nothing reads its memory any more.
  private void ended(FileStream stream, KvOutcome how) {
    streams.remove(stream.number());
    effects.add(new Effect.Ended(stream.number(), how));
  }

  // --- what is written

  boolean hasWork() {
    return !ready.isEmpty();
  }

  /// The next record; null if there is nothing to write. Until {@link #gathered} its stream's
  /// memory is read, until {@link #written} its slot is taken.
  @Nullable Order next() {
    for (FileStream stream; (stream = ready.poll()) != null; ) {
      stream.isQueued = false;
      if (stream.outcome() != null) {
        continue;
      }
      int slot = taken.nextClearBit(0);
      if (slot >= slots) {
        end(stream, new KvOutcome.Refused("no slot is free, of %d".formatted(slots)));
        continue;
      }
      readyBytes -= stream.readyBytes();
      var area = stream.take();
      readyBytes += stream.readyBytes();
      if (area != null) {
        taken.set(slot);
        stream.isRead = true;
        changed(stream);
        var slice = stream.offer().slice(area.layers(), area.tokens());
        var origin = stream.request().newest();
        return new Order(stream, new FileRecord(slot, origin, slice, Integer.MAX_VALUE));
      }
    }
    return null;
  }

  void gathered(Order order) {
    var stream = order.stream();
    stream.isRead = false;
    var how = stream.outcome();
    if (how != null) {
      ended(stream, how);
    }
  }

  /// @param trouble why it is not there; null if it is
  void written(Order order, @Nullable String trouble) {
    var stream = order.stream();
    var request = stream.request();
    stream.written();
    if (trouble != null) {
      taken.clear(order.record().slot());
      end(stream, new KvOutcome.PeerLost(trouble));
    } else if (!request.equals(requests.get(request.request()))) {
      taken.clear(order.record().slot()); // dropped meanwhile, or another epoch's
    } else {
      request.add(order.record());
      changed(stream);
    }
  }

  // --- what is there

  Collection<FiledRequest> requests() {
    return requests.values();
  }

  @Nullable FiledRequest request(long number) {
    return requests.get(number);
  }

  /// Records of a request turned out not to be what they say.
  void damaged(FiledRequest request, List<FileRecord> records) {
    if (request.equals(requests.get(request.request())) && request.writer == null) {
      request.remove(records);
      free(records);
      if (request.records().isEmpty()) {
        requests.remove(request.request());
      }
    }
  }

  int freeSlots() {
    return slots - taken.cardinality();
  }

  List<Effect> effects() {
    var some = effects;
    effects = new ArrayList<>();
    return some;
  }
}
