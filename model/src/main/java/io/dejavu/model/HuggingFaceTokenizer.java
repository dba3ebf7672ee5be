package io.dejavu.model;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/// Hugging Face's tokenizers (the Rust library, through DJL's binding of it) on a `tokenizer.json`.
///
/// The binding is called below its own tokenizer class, which cuts a text after 512 tokens unless
/// told otherwise and builds several arrays per token that nobody reads.
public final class HuggingFaceTokenizer implements Tokenizer {
  private static final long MOST_BYTES = 256L << 20;
  private static final byte[] NOTHING = {};

  private final Vocabulary vocabulary;
  private final Map<Integer, byte[]> probed = new ConcurrentHashMap<>();
  // Held for reading by every call, for writing by close: the library frees its memory there.
  private final ReentrantReadWriteLock inUse = new ReentrantReadWriteLock();
  private long handle;

  private HuggingFaceTokenizer(Vocabulary vocabulary, long handle) {
    this.vocabulary = vocabulary;
    this.handle = handle;
  }

  /// Opens a `tokenizer.json`.
  ///
  /// @throws CheckpointException if it is not one, or is of a kind the library does not know
  public static HuggingFaceTokenizer open(Path file) {
    var json = JsonFile.bytes(file, MOST_BYTES);
    var vocabulary = Vocabulary.read(file, json);
    return new HuggingFaceTokenizer(vocabulary, TokenizerLibrary.create(file, json));
  }

  @Override
  public int[] encode(String text, boolean specialTokens) {
    var ids =
        locked(
            library -> {
              long encoding = library.encode(handle, wellFormed(text), specialTokens);
              try {
                return library.getTokenIds(encoding);
              } finally {
                library.deleteEncoding(encoding);
              }
            });
    var narrowed = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      narrowed[i] = vocabulary.checked(ids[i]);
    }
    return narrowed;
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    var widened = new long[ids.length];
    int n = 0;
    for (int id : ids) {
      if (vocabulary.token(id) != null) {
        widened[n++] = id;
      }
    }
    var known = Arrays.copyOf(widened, n);
    return locked(library -> library.decode(handle, known, skipSpecial));
  }

  @Override
  public String token(int id) {
    var token = vocabulary.token(id);
    return token == null ? "" : token;
  }

  @Override
  public byte[] bytes(int id, boolean first) {
    var token = vocabulary.token(id);
    if (token == null) {
      return NOTHING;
    }
    var bytes = vocabulary.bytes(token);
    if (bytes != null) {
      return bytes;
    }
    return probed.computeIfAbsent(first ? -1 - id : id, _ -> probe(id, first)).clone();
  }

  // What the decoder makes of the token alone, and what the same token adds when it comes again.
  private byte[] probe(int id, boolean first) {
    var alone = decode(new int[] {id}, false);
    if (first) {
      return alone.getBytes(StandardCharsets.UTF_8);
    }
    var twice = decode(new int[] {id, id}, false);
    var again = twice.startsWith(alone) ? twice.substring(alone.length()) : alone;
    return again.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public int id(String token) {
    return vocabulary.id(token);
  }

  @Override
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  @Override
  public int vocabularySize() {
    return vocabulary.size();
  }

  @Override
  public void close() {
    inUse.writeLock().lock();
    try {
      if (handle != 0) {
        TokenizersLibrary.LIB.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      inUse.writeLock().unlock();
    }
  }

  private interface Call<T> {
    T on(TokenizersLibrary library);
  }

  private <T> T locked(Call<T> call) {
    inUse.readLock().lock();
    try {
      if (handle == 0) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      return call.on(TokenizersLibrary.LIB);
    } finally {
      inUse.readLock().unlock();
    }
  }

  // Only whole characters may cross into the library.
  private static String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
      }
    }
    return text;
  }
}
