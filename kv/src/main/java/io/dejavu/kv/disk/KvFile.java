package io.dejavu.kv.disk;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvLayout;
import io.dejavu.tensor.HostBuffer;
import java.io.EOFException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Keys and values on disk: a file of equal slots, each of which holds one record that describes
/// itself ({@link KvRecord}: a header with checksums, then the bytes). Who uses which slot is
/// decided elsewhere; after a restart, {@link #scan} tells what there is.
///
/// A record is written over whatever was there, a large one before its header. It counts when both
/// checksums agree, so what was torn by a crash is not a record, and nothing needs to be flushed.
///
/// Goes around the page cache where the file system can do that (`O_DIRECT`): what is read once
/// should not push out what is read often, and copying twice costs more than the disk does. So
/// buffers come from {@link #allocate}.
///
/// Slots may be read and written by several threads at once; who interrupts a thread in here closes
/// the file. One process has it at a time.
public final class KvFile implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KvFile.class.getName());

  /// Records of up to this are read at once.
  private static final long SMALL_BYTES = KvRecord.HEADER_BYTES + RunningChecksum.WORTH_BYTES;

  /// Larger ones are read in parts that are checked while the next comes. Each is two thirds of
  /// what is left, within these: a part costs the disk 0.1 ms in which it waits for the next order,
  /// and the last one is checked when there is nothing more to read.
  private static final long MOST_PART = 16 << 20;

  private static final long LEAST_PART = 2 << 20;

  /// Files that are open in this process. The system's locks are the process's: to open a file once
  /// more and close it again would give the lock away.
  private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

  /// Its place in {@link #OPEN} until it is closed; null also if it has none.
  private final AtomicReference<@Nullable Path> place = new AtomicReference<>();

  private final FileChannel channel;
  private final BlockHash model;
  private final KvLayout layout;
  private final long payloadBytes;
  private final int slots;
  private final AtomicLong written = new AtomicLong();

  /// What was found in a slot.
  ///
  /// @param written how many records were written before it
  public record Found(int slot, long written, KvLabel label) {}

  /// Records in what is open already.
  ///
  /// @param channel that nobody else uses; closed with this
  /// @param model tells files of different models apart: all that decides about keys and values
  /// @param payloadBytes most of a record without its header
  public KvFile(FileChannel channel, String model, KvLayout layout, long payloadBytes, int slots) {
    if (payloadBytes < 1 || slots < 1) {
      throw new IllegalArgumentException("%d slots of %d bytes".formatted(slots, payloadBytes));
    }
    this.channel = channel;
    this.model = BlockHash.root(model);
    this.layout = layout;
    this.payloadBytes = payloadBytes;
    this.slots = slots;
  }

  /// Opens or makes a file for blocks: one per slot.
  ///
  /// @param directory is made if it is not there; the file is named after model and layout
  /// @param model tells files of different models apart: all that decides about keys and values
  /// @param layout of the memory that the blocks are from
  /// @param bytes most that the file may take
  /// @throws IllegalArgumentException if it holds no block
  /// @throws IOException if it cannot be opened, or another process has it
  public static KvFile forBlocks(Path directory, String model, KvLayout layout, long bytes)
      throws IOException {
    long slot = slotBytes(layout.blockBytes());
    int slots = (int) Math.min(Integer.MAX_VALUE, bytes / slot);
    if (slots < 1) {
      throw new IllegalArgumentException(
          "a KV block takes %d bytes on disk, there may be %d".formatted(slot, bytes));
    }
    Files.createDirectories(directory);
    var name = BlockHash.root(model, layout.withBlocks(1).toString());
    return open(
        directory.resolve("kv-%s.dejavu".formatted(name)),
        model,
        layout,
        layout.blockBytes(),
        slots);
  }

  /// Opens or makes a file.
  ///
  /// @param payloadBytes most of a record without its header
  /// @throws IOException if it cannot be opened, or another process has it
  public static KvFile open(Path path, String model, KvLayout layout, long payloadBytes, int slots)
      throws IOException {
    var folder = path.toAbsolutePath().getParent();
    if (folder == null) {
      throw new IOException("%s is no file".formatted(path));
    }
    var place = folder.toRealPath().resolve(path.getFileName());
    if (!OPEN.add(place)) {
      throw new IOException("%s: this process uses it already".formatted(path));
    }
    @Nullable KvFile file = null;
    try {
      file = lock(path, model, layout, payloadBytes, slots);
      file.place.set(place);
      return file;
    } finally {
      if (file == null) {
        OPEN.remove(place);
      }
    }
  }

  private static KvFile lock(Path path, String model, KvLayout layout, long payloadBytes, int slots)
      throws IOException {
    var channel = DirectChannel.open(path).channel();
    boolean complete = false;
    try {
      if (channel.tryLock() == null) {
        throw new IOException("%s: another process uses it".formatted(path));
      }
      var file = new KvFile(channel, model, layout, payloadBytes, slots);
      complete = true;
      return file;
    } catch (OverlappingFileLockException e) {
      throw new IOException("%s: this process uses it by another name".formatted(path), e);
    } finally {
      if (!complete) {
        channel.close();
      }
    }
  }

  /// Bytes of a record with so large a payload, on disk and in a buffer.
  public static long slotBytes(long payloadBytes) {
    return KvRecord.HEADER_BYTES
        + Math.ceilDiv(payloadBytes, DirectChannel.ALIGNMENT) * DirectChannel.ALIGNMENT;
  }

  public int slots() {
    return slots;
  }

  /// Of the memories whose keys and values are in it.
  public KvLayout layout() {
    return layout;
  }

  /// Most of a record without its header.
  public long payloadBytes() {
    return payloadBytes;
  }

  /// Bytes of a record with its header, on disk and in a buffer.
  public long slotBytes() {
    return slotBytes(payloadBytes);
  }

  /// A buffer for `records` records; its owner closes it.
  public HostBuffer allocate(int records) {
    return HostBuffer.allocate(records * slotBytes(), DirectChannel.ALIGNMENT);
  }

  /// Where the payload lies in the `index`-th record of a buffer.
  public MemorySegment payload(HostBuffer buffer, int index) {
    return buffer.segment().asSlice(index * slotBytes() + KvRecord.HEADER_BYTES, payloadBytes);
  }

  /// Writes what is in the first records of a buffer to as many consecutive slots.
  ///
  /// @param payloads bytes of each
  /// @throws IOException if that cannot be: what is in these slots then is found when it is read
  public void write(int slot, KvLabel[] labels, long[] payloads, HostBuffer buffer)
      throws IOException {
    check(slot, labels.length);
    if (labels.length == 1 && payloads[0] >= RunningChecksum.WORTH_BYTES) {
      writeLarge(slot, labels[0], payloads[0], buffer);
      return;
    }
    seal(slot, labels, payloads, buffer);
    writeSealed(slot, labels.length, buffer);
  }

  private void seal(int slot, KvLabel[] labels, long[] payloads, HostBuffer buffer) {
    for (int i = 0; i < labels.length; i++) {
      var record = record(buffer, i);
      int crc = KvRecord.crc(record.asSlice(KvRecord.HEADER_BYTES, payloads[i]));
      seal(record, slot + i, payloads[i], crc, labels[i]);
    }
  }

  /// The header last: what is there before it does not agree with the bytes.
  private void writeLarge(int slot, KvLabel label, long bytes, HostBuffer buffer)
      throws IOException {
    var record = record(buffer, 0);
    var checksum = new RunningChecksum();
    checksum.add(record.asSlice(KvRecord.HEADER_BYTES, bytes));
    int crc;
    try {
      DirectChannel.transfer(
          record.asSlice(KvRecord.HEADER_BYTES, slotBytes(bytes) - KvRecord.HEADER_BYTES),
          slot * slotBytes() + KvRecord.HEADER_BYTES,
          channel::write);
    } finally {
      crc = checksum.value(); // The buffer is the caller's again.
    }
    seal(record, slot, bytes, crc, label);
    DirectChannel.transfer(
        record.asSlice(0, KvRecord.HEADER_BYTES), slot * slotBytes(), channel::write);
  }

  private void seal(MemorySegment record, int slot, long bytes, int crc, KvLabel label) {
    KvRecord.seal(record, slot, written.getAndIncrement(), bytes, crc, model, layout, label);
  }

  private MemorySegment record(HostBuffer buffer, int index) {
    return buffer.segment().asSlice(index * slotBytes(), slotBytes());
  }

  /// Writes the full blocks that are in the first records of a buffer.
  public void writeBlocks(int slot, KvLabel[] labels, HostBuffer buffer) throws IOException {
    sealBlocks(slot, labels, buffer);
    writeSealed(slot, labels.length, buffer);
  }

  /// The first half of {@link #writeBlocks}: headers and checksums, no disk.
  void sealBlocks(int slot, KvLabel[] labels, HostBuffer buffer) {
    check(slot, labels.length);
    var payloads = new long[labels.length];
    Arrays.fill(payloads, payloadBytes);
    seal(slot, labels, payloads, buffer);
  }

  /// The second half of {@link #writeBlocks}: the disk, nothing else.
  void writeSealed(int slot, int count, HostBuffer buffer) throws IOException {
    DirectChannel.transfer(
        buffer.segment().asSlice(0, count * slotBytes()), slot * slotBytes(), channel::write);
  }

  /// Reads consecutive slots into the first records of a buffer. What is there is to be {@link
  /// #verify}ed.
  public void read(int slot, int count, HostBuffer buffer) throws IOException {
    check(slot, count);
    DirectChannel.transfer(
        buffer.segment().asSlice(0, count * slotBytes()), slot * slotBytes(), channel::read);
  }

  /// Whether the `index`-th record of a buffer, read from `slot`, is whole and holds this.
  ///
  /// @return what it says of itself
  /// @throws KvFileException if not
  public KvLabel verify(int slot, BlockHash content, HostBuffer buffer, int index)
      throws KvFileException {
    var record = record(buffer, index);
    var header = KvRecord.open(record, slot, model, layout, payloadBytes);
    if (!header.label().content().equals(content)) {
      throw new KvFileException(
          "slot %d holds %s, not %s".formatted(slot, header.label().content(), content));
    }
    if (!KvRecord.isWhole(record, header)) {
      throw new KvFileException("slot %d was not written to its end".formatted(slot));
    }
    return header.label();
  }

  /// Reads one record, however large, and verifies it while it comes.
  ///
  /// @return what it says of itself
  /// @throws KvFileException if it is damaged or something else
  public KvLabel readRecord(int slot, BlockHash content, HostBuffer buffer) throws IOException {
    check(slot, 1);
    var record = record(buffer, 0);
    long at = slot * slotBytes();
    // How long it is, its header says; mostly it fills its slot.
    long first = slotBytes() <= SMALL_BYTES ? slotBytes() : nextPart(slotBytes());
    long done = readFirst(record.asSlice(0, first), at);
    var header = KvRecord.open(record, slot, model, layout, payloadBytes);
    long bytes = slotBytes(header.bytes());
    if (done >= bytes) {
      return verify(slot, content, buffer, 0);
    }
    if (!header.label().content().equals(content)) {
      throw new KvFileException(
          "slot %d holds %s, not %s".formatted(slot, header.label().content(), content));
    }
    long end = KvRecord.HEADER_BYTES + header.bytes();
    var checksum = new RunningChecksum();
    int crc;
    try {
      checksum.add(record.asSlice(KvRecord.HEADER_BYTES, done - KvRecord.HEADER_BYTES));
      while (done < bytes) {
        var part = record.asSlice(done, nextPart(bytes - done));
        DirectChannel.transfer(part, at + done, channel::read);
        checksum.add(part.asSlice(0, Math.min(part.byteSize(), end - done)));
        done += part.byteSize();
      }
    } finally {
      crc = checksum.value(); // The buffer is the caller's again.
    }
    if (crc != header.crc()) {
      throw new KvFileException("slot %d was not written to its end".formatted(slot));
    }
    return header.label();
  }

  private static long nextPart(long left) {
    long most = left * 2 / 3 / DirectChannel.ALIGNMENT * DirectChannel.ALIGNMENT;
    return left <= LEAST_PART ? left : Math.clamp(most, LEAST_PART, MOST_PART);
  }

  /// Reads what there is of `bytes`: a file may end before.
  ///
  /// @return how much that is, at least a header
  private long readFirst(MemorySegment bytes, long at) throws IOException {
    int now = channel.read(bytes.asByteBuffer(), at);
    if (now < KvRecord.HEADER_BYTES) {
      throw new EOFException("no header at byte %d".formatted(at));
    }
    return now / DirectChannel.ALIGNMENT * DirectChannel.ALIGNMENT;
  }

  /// Tells which slots have records of this model and layout, in the order of the slots. Reads
  /// headers only: whether the bytes are whole is found when they are read.
  ///
  /// @throws IOException if the file cannot be read
  public void scan(Consumer<Found> found) throws IOException {
    scan(found, () -> true);
  }

  /// The same, as long as it is wanted: that of a large file takes a minute.
  void scan(Consumer<Found> found, BooleanSupplier isWanted) throws IOException {
    long most = -1;
    try (var buffer = HostBuffer.allocate(KvRecord.HEADER_BYTES, DirectChannel.ALIGNMENT)) {
      // The last record may end before its slot does.
      long size = channel.size();
      long there = Math.min(slots, (size + slotBytes() - KvRecord.HEADER_BYTES) / slotBytes());
      for (int slot = 0; slot < there && isWanted.getAsBoolean(); slot++) {
        DirectChannel.transfer(buffer.segment(), slot * slotBytes(), channel::read);
        try {
          var header = KvRecord.open(buffer.segment(), slot, model, layout, payloadBytes);
          if (size < slot * slotBytes() + KvRecord.HEADER_BYTES + header.bytes()) {
            throw new KvFileException("the file ends within slot %d".formatted(slot));
          }
          most = Math.max(most, header.written());
          found.accept(new Found(slot, header.written(), header.label()));
        } catch (KvFileException e) {
          LOG.log(Level.DEBUG, e::getMessage);
        }
      }
    }
    long next = most + 1;
    written.updateAndGet(now -> Math.max(now, next));
  }

  private void check(int slot, int count) {
    if (slot < 0 || count < 1 || slot > slots - count) {
      throw new IndexOutOfBoundsException(
          "slots [%d, %d) of %d".formatted(slot, slot + count, slots));
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    var mine = place.getAndSet(null);
    if (mine != null) {
      OPEN.remove(mine);
    }
  }
}
