package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.disk.KvFile;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The records of one request that count, of its newest epoch and of those that it continues. Who
/// has this object owns their slots.
final class FiledRequest {
  private final long request;
  private final FileRecord.Origin newest;
  private final LayerRange layers;
  // What was written later comes later, so that it is read over what was before.
  private final List<FileRecord> records;
  private Coverage coverage;

  /// Who writes it; null if nobody does.
  @Nullable FileStream writer;

  private FiledRequest(
      long request, FileRecord.Origin newest, LayerRange layers, List<FileRecord> records) {
    this.request = request;
    this.newest = newest;
    this.layers = layers;
    this.records = records;
    this.coverage = coverage();
  }

  /// One that a stream begins to write.
  ///
  /// @param before what is there, of which tokens from `start` on do not count any more
  static FiledRequest begin(
      long request,
      int epoch,
      int start,
      long stream,
      LayerRange layers,
      @Nullable FiledRequest before) {
    var kept = new ArrayList<FileRecord>();
    if (before != null) {
      before.records.stream()
          .filter(record -> record.start() < start)
          .map(record -> record.before(start))
          .forEach(kept::add);
    }
    long last = kept.isEmpty() ? 0 : kept.getLast().origin().stream();
    var origin = new FileRecord.Origin(stream, epoch, start, last);
    return new FiledRequest(request, origin, layers, kept);
  }

  /// Finds what counts of all records of a request: those of the stream with the newest epoch, and
  /// of the streams that it continues up to where it does.
  static FiledRequest of(long request, LayerRange layers, Collection<KvFile.Found> found) {
    Map<Long, List<KvFile.Found>> streams = new HashMap<>();
    KvFile.Found newest = null;
    for (var each : found) {
      streams.computeIfAbsent(origin(each).stream(), _ -> new ArrayList<>()).add(each);
      if (newest == null || NEWER.compare(each, newest) > 0) {
        newest = each;
      }
    }
    if (newest == null) {
      throw new IllegalArgumentException("request %d has no record".formatted(request));
    }
    var kept = new ArrayList<FileRecord>();
    var part = streams.remove(origin(newest).stream());
    for (int until = Integer.MAX_VALUE; part != null; ) {
      var older = new ArrayList<FileRecord>();
      var origin = origin(part.getFirst());
      for (var each : part) {
        if (each.label().slice().tokens().start() < until) {
          older.add(new FileRecord(each.slot(), origin, each.label().slice(), until));
        }
      }
      kept.addAll(0, older);
      until = Math.min(until, origin.start());
      part = streams.remove(origin.before()); // A stream comes once, whatever the records say.
    }
    return new FiledRequest(request, origin(newest), layers, kept);
  }

  private static final Comparator<KvFile.Found> NEWER =
      Comparator.<KvFile.Found>comparingInt(found -> origin(found).epoch())
          .thenComparingLong(KvFile.Found::written);

  private static FileRecord.Origin origin(KvFile.Found found) {
    return FileRecord.Origin.of(found.label());
  }

  long request() {
    return request;
  }

  FileRecord.Origin newest() {
    return newest;
  }

  List<FileRecord> records() {
    return records;
  }

  /// Tokens of which every layer is there.
  int complete() {
    return coverage.complete();
  }

  void add(FileRecord record) {
    records.add(record);
    coverage.add(record.slice().layers(), record.counted());
  }

  /// Of which it turned out that they are not what they say.
  void remove(Collection<FileRecord> damaged) {
    records.removeAll(damaged);
    coverage = coverage();
  }

  private Coverage coverage() {
    var all = new Coverage(layers, 0);
    records.forEach(record -> all.add(record.slice().layers(), record.counted()));
    return all;
  }
}
