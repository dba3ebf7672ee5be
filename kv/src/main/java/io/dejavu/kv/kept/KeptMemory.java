package io.dejavu.kv.kept;

import io.dejavu.kv.KvMemory;
import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.SharedFile;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/// Keys and values in memory that outlives its process: a file that another process holds, with a
/// directory of the sequences in it ({@link KeptLayout} has the drawings). A process that goes on
/// after the owner was killed attaches it and finds every sequence as it was after its last step.
///
/// The commit rule: after a step, the seals of the blocks that became full come first, then the
/// table of blocks, last the count of tokens. What lies beyond the count is computed again, and
/// overwritten with the same bytes.
///
/// One process owns it: that of the latest epoch. Attaching makes the next epoch, of two that try
/// one wins, and the owner checks before each commit that it still is one. That guards against
/// mistakes, not against a process that writes keys and values meanwhile: nobody may attach before
/// the last owner has exited, which its keeper knows.
///
/// Not thread-safe: whoever computes the steps owns it.
public final class KeptMemory implements AutoCloseable {
  private final SharedFile file;
  private final MemorySegment memory;
  private final KeptLayout layout;
  private final UUID id;
  private final long ownership;
  private final int epoch;
  private final KeptDirectory directory;
  private final BlockSeals seals;
  private List<KeptSequence> inherited = List.of();
  private List<String> damage = List.of();

  private KeptMemory(SharedFile file, KeptLayout layout, UUID id, int epoch) {
    this.file = file;
    this.memory = file.bytes();
    this.layout = layout;
    this.id = id;
    this.epoch = epoch;
    ownership = ownership(id, epoch);
    directory = new KeptDirectory(layout, memory, epoch);
    seals = new BlockSeals(layout, memory);
  }

  /// What came of trying to attach.
  public sealed interface Attachment {
    /// It is ours, one epoch later.
    record Attached(KeptMemory memory) implements Attachment {}

    /// Nothing was changed; the file is still the caller's to close.
    ///
    /// @param why in one line
    record Refused(String why) implements Attachment {}
  }

  /// Makes a memory in an empty file, of epoch 1.
  ///
  /// @param file of at least `layout.bytes()` bytes, all of them 0; closed with the memory
  public static KeptMemory create(SharedFile file, KeptLayout layout) {
    var memory = file.bytes();
    if (memory.byteSize() < layout.bytes()) {
      throw new IllegalArgumentException(
          "%s has %d bytes, %d are needed"
              .formatted(file.path(), memory.byteSize(), layout.bytes()));
    }
    if (memory.asSlice(0, layout.seals()).mismatch(zeros(layout.seals())) >= 0) {
      throw new IllegalArgumentException("%s is not empty".formatted(file.path()));
    }
    var id = UUID.randomUUID();
    var made = new KeptMemory(file, layout, id, 1);
    layout.write(memory, id);
    CheckedWord.store(memory, KeptLayout.EPOCH, made.ownership);
    return made;
  }

  private static MemorySegment zeros(long bytes) {
    return MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
  }

  /// Takes over what another process has left. It must have exited.
  ///
  /// @param file of the memory; closed with it, unless it is refused
  /// @param expected what it must be
  /// @param lastEpoch of its last owner; that of another means that somebody was quicker
  public static Attachment attach(SharedFile file, KeptLayout expected, int lastEpoch) {
    var bytes = file.bytes();
    var refusal = expected.refusal(bytes);
    if (refusal.isPresent()) {
      return new Attachment.Refused("%s: %s".formatted(file.path(), refusal.get()));
    }
    var id = KeptLayout.id(bytes);
    long word = CheckedWord.load(bytes, KeptLayout.EPOCH);
    var found = CheckedWord.number(word, id.getMostSignificantBits(), id.getLeastSignificantBits());
    if (found.isEmpty() || found.getAsInt() < 1) {
      return new Attachment.Refused("%s: its epoch is damaged".formatted(file.path()));
    }
    if (found.getAsInt() != lastEpoch
        || !CheckedWord.replace(bytes, KeptLayout.EPOCH, word, ownership(id, lastEpoch + 1))) {
      return new Attachment.Refused(
          "%s: it is at epoch %d, not %d: it has another owner"
              .formatted(file.path(), epochOf(bytes), lastEpoch));
    }
    var attached = new KeptMemory(file, expected, id, lastEpoch + 1);
    attached.inherit();
    return new Attachment.Attached(attached);
  }

  /// The epoch that a memory is at, to be attached with; 0 if that cannot be read.
  public static int epochOf(MemorySegment memory) {
    if (memory.byteSize() < KeptLayout.DIRECTORY) {
      return 0;
    }
    var id = KeptLayout.id(memory);
    return CheckedWord.number(
            CheckedWord.load(memory, KeptLayout.EPOCH),
            id.getMostSignificantBits(),
            id.getLeastSignificantBits())
        .orElse(0);
  }

  private static long ownership(UUID id, int epoch) {
    return CheckedWord.of(epoch, id.getMostSignificantBits(), id.getLeastSignificantBits());
  }

  private void inherit() {
    var lines = new ArrayList<String>();
    inherited = directory.inherit(lines);
    damage = List.copyOf(lines);
  }

  public KeptLayout layout() {
    return layout;
  }

  public int epoch() {
    return epoch;
  }

  /// What the owner before has left, as it was when this was attached. Each is to be {@link
  /// #verify}ed, then either goes on, which commits it anew, or is {@link #remove}d.
  public List<KeptSequence> inherited() {
    return inherited;
  }

  /// What could not be read of the directory, a line for each entry. Its sequences are lost.
  public List<String> damage() {
    return damage;
  }

  /// Reads all full blocks of a sequence.
  ///
  /// @return what is wrong with it; empty if its blocks are as they were sealed. The last tokens,
  ///   fewer than a block has, have no seal
  public Optional<String> verify(KeptSequence sequence) {
    int full = sequence.tokens() / layout.kv().blockTokens();
    for (int i = 0; i < full; i++) {
      int block = sequence.blocks()[i];
      if (!seals.isWhole(block)) {
        return Optional.of(
            "request %x: block %d, number %d of %d, is not as it was sealed"
                .formatted(sequence.request(), block, i, sequence.blocks().length));
      }
    }
    return Optional.empty();
  }

  /// A step has written keys and values.
  public Commit commit() {
    return new Commit();
  }

  /// What one step did, sequence by sequence.
  public final class Commit {
    // A block that two sequences of the step share is sealed once.
    private final BitSet sealed = new BitSet();

    private Commit() {
      checkOwner();
    }

    /// Counts the first `tokens` tokens of a sequence, of which those from `start` were written by
    /// this step.
    ///
    /// @param blocks that hold them, in order, and perhaps more for later
    /// @throws IllegalStateException if there is no room for the sequence
    public void sequence(long request, int start, int tokens, int[] blocks) {
      int size = layout.kv().blockTokens();
      if (blocks.length > layout.sequenceBlocks() || tokens > blocks.length * size) {
        throw new IllegalStateException(
            "%d tokens in %d blocks of %d, an entry has room for %d"
                .formatted(tokens, blocks.length, size, layout.sequenceBlocks()));
      }
      int full = tokens / size;
      for (int i = 0; i < full; i++) {
        boolean written = i >= start / size;
        if (written && !sealed.get(blocks[i])
            || !written && !directory.has(request, i, blocks[i]) && !seals.isSealed(blocks[i])) {
          seals.seal(blocks[i]);
          sealed.set(blocks[i]);
        }
      }
      if (full * size < tokens && seals.isSealed(blocks[full])) {
        seals.open(blocks[full]);
      }
      directory.commit(request, tokens, blocks);
    }
  }

  /// The sequence is over, or has lost its blocks. Before they are given to another.
  public void remove(long request) {
    checkOwner();
    directory.remove(request);
  }

  /// Requests that have an entry.
  public List<Long> requests() {
    return directory.requests();
  }

  private void checkOwner() {
    if (CheckedWord.load(memory, KeptLayout.EPOCH) != ownership) {
      throw new IllegalStateException(
          "%s is at epoch %d, this process had it at %d: another has taken it over"
              .formatted(file.path(), epochOf(memory), epoch));
    }
  }

  /// The keys and values, with what they hold.
  ///
  /// @param device that computes in the host's memory
  /// @return closed with this, and this with it
  public KvMemory keysAndValues(Device device) {
    return KvMemory.of(
        device,
        layout.kv(),
        buffer(),
        new KvMemory.Backing() {
          @Override
          public void beforeFilling(int[] blocks) {
            for (int block : blocks) {
              seals.open(block);
            }
          }

          @Override
          public void close() {
            KeptMemory.this.close();
          }
        });
  }

  Buffer buffer() {
    return file.buffer(layout.keysAndValues(), layout.kv().bytes());
  }

  @Override
  public String toString() {
    return "kept memory %s, epoch %d".formatted(id, epoch);
  }

  /// Nobody may still use it. What it holds stays, for the next owner.
  @Override
  public void close() {
    file.close();
  }
}
