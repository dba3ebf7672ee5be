package io.dejavu.grammar;

import io.dejavu.engine.TokenConstraint;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A grammar compiled for a vocabulary: which tokens may come next at every place in a text. Masks
/// are computed when a text first gets to a place, by a walk through the vocabulary, and kept, as
/// many as fit into 8 MiB. One for any number of sequences and threads.
///
/// What is allowed depends on the grammar, the vocabulary and the tokens before, never on what was
/// computed or kept for others.
public final class TokenGrammar {
  private final Machine machine;
  private final GrammarVocabulary vocabulary;
  private final MaskCache later;
  private final MaskCache first;

  private TokenGrammar(Machine machine, GrammarVocabulary vocabulary) {
    this.machine = machine;
    this.vocabulary = vocabulary;
    later = new MaskCache(vocabulary.trie(false));
    first =
        vocabulary.trie(true) == vocabulary.trie(false)
            ? later
            : new MaskCache(vocabulary.trie(true));
  }

  /// Compiles `grammar`, in milliseconds.
  ///
  /// @throws GrammarException if it is too large, or no text at all matches it
  public static TokenGrammar compile(Grammar grammar, GrammarVocabulary vocabulary) {
    return new TokenGrammar(new Machine(NetworkBuilder.build(grammar.part())), vocabulary);
  }

  /// The beginning of a text that follows `grammar`: [#compile] and [#start] in one.
  ///
  /// @param endTokens which tokens end a text; allowed where the grammar lets it end
  public static TokenConstraint constraint(
      Grammar grammar, GrammarVocabulary vocabulary, Set<Integer> endTokens) {
    return compile(grammar, vocabulary).start(endTokens);
  }

  /// The beginning of a text.
  ///
  /// @param endTokens which tokens end a text; allowed where the grammar lets it end; none: the
  ///   text goes on until nothing can follow
  public TokenConstraint start(Set<Integer> endTokens) {
    return start(endTokens, false);
  }

  /// @param beginning whether nothing that counts as text precedes, so that a tokenizer which drops
  ///   the first space of a text does so with the first token
  public TokenConstraint start(Set<Integer> endTokens, boolean beginning) {
    int[] ends =
        endTokens.stream().mapToInt(Integer::intValue).filter(id -> id >= 0).sorted().toArray();
    var place = new Place(machine.start(), ends, beginning, false);
    place.allowed(); // the first mask takes longest: better here than on the thread of the steps
    return place;
  }

  /// How far a text has come.
  private final class Place implements TokenConstraint {
    private final Machine.State state;
    private final int[] ends;
    private final boolean beginning;
    private final boolean ended;

    Place(Machine.State state, int[] ends, boolean beginning, boolean ended) {
      this.state = state;
      this.ends = ends;
      this.beginning = beginning;
      this.ended = ended;
    }

    @Override
    public long[] allowed() {
      if (ended) {
        return withEnds(new long[0]);
      }
      var mask = (beginning ? first : later).of(state);
      return state.mayEnd() && ends.length > 0 ? withEnds(mask) : mask;
    }

    private long[] withEnds(long[] mask) {
      int words = Math.max(mask.length, ends[ends.length - 1] / Long.SIZE + 1);
      var all = Arrays.copyOf(mask, words);
      for (int id : ends) {
        all[id / Long.SIZE] |= 1L << id;
      }
      return all;
    }

    @Override
    public TokenConstraint after(int token) {
      if (state.mayEnd() && Arrays.binarySearch(ends, token) >= 0) {
        return new Place(state, ends, false, true);
      }
      var bytes =
          ended || token < 0 || token >= vocabulary.size()
              ? new byte[0]
              : vocabulary.trie(beginning).bytes(token);
      Machine.@Nullable State next = bytes.length == 0 ? null : state;
      for (int i = 0; i < bytes.length && next != null; i++) {
        next = machine.after(next, bytes[i]);
      }
      if (next == null) {
        throw new IllegalArgumentException("token %d is not allowed here".formatted(token));
      }
      return new Place(next, ends, false, false);
    }

    @Override
    public boolean isComplete() {
      return ended || state.isLast();
    }
  }

  /// Masks by state, the ones used last.
  private final class MaskCache {
    private final TokenTrie trie;
    private final LinkedHashMap<Machine.State, long[]> masks;

    MaskCache(TokenTrie trie) {
      this.trie = trie;
      int words = (vocabulary.size() + Long.SIZE - 1) / Long.SIZE;
      long most = Math.max(16, Limits.MASK_BYTES / (8L * words + 64));
      masks =
          new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Machine.State, long[]> eldest) {
              return size() > most;
            }
          };
    }

    synchronized long[] of(Machine.State state) {
      var mask = masks.get(state);
      if (mask == null) {
        mask = compute(state);
        masks.put(state, mask);
      }
      return mask;
    }

    private long[] compute(Machine.State state) {
      return new MaskWalk(machine, trie, (vocabulary.size() + Long.SIZE - 1) / Long.SIZE).of(state);
    }
  }
}
