package io.dejavu.api;

import io.dejavu.grammar.GrammarException;
import io.dejavu.grammar.GrammarVocabulary;
import io.dejavu.grammar.TokenGrammar;
import io.dejavu.model.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// Grammars of answers, compiled for the model's vocabulary; those used last are kept. Used by all
/// requests at once.
final class AnswerGrammars {
  private static final int KEPT = 64;

  private final ServedModel model;
  private final ReentrantLock lock = new ReentrantLock();

  // Under the lock.
  private @Nullable GrammarVocabulary vocabulary;
  private final Map<AnswerRule, TokenGrammar> kept =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<AnswerRule, TokenGrammar> eldest) {
          return size() > KEPT;
        }
      };

  AnswerGrammars(ServedModel model) {
    this.model = model;
  }

  /// Null if any answer will do.
  ///
  /// @throws HttpError if the rule is not understood, or the model has no tokenizer
  @Nullable TokenGrammar of(AnswerRule rule) {
    var known = find(rule);
    if (known != null) {
      return known;
    }
    var grammar = rule.grammar();
    if (grammar == null) {
      return null;
    }
    var tokenizer = model.tokenizer();
    if (tokenizer == null) {
      throw HttpError.unsupported(
          rule.at(),
          "model \"%s\" has no tokenizer: its answers can't be given a form"
              .formatted(model.name()));
    }
    try {
      return keep(rule, TokenGrammar.compile(grammar, vocabulary(tokenizer)));
    } catch (GrammarException e) {
      throw AnswerRule.notUnderstood(rule.at(), e);
    }
  }

  private @Nullable TokenGrammar find(AnswerRule rule) {
    lock.lock();
    try {
      return kept.get(rule);
    } finally {
      lock.unlock();
    }
  }

  private TokenGrammar keep(AnswerRule rule, TokenGrammar grammar) {
    lock.lock();
    try {
      kept.put(rule, grammar);
    } finally {
      lock.unlock();
    }
    return grammar;
  }

  /// Made when it is first needed: that takes a moment, and most servers never do.
  private GrammarVocabulary vocabulary(Tokenizer tokenizer) {
    lock.lock();
    try {
      var made = vocabulary;
      if (made == null) {
        var chat = model.chat();
        var spoken = chat == null ? Set.<Integer>of() : chat.spoken(tokenizer);
        made = GrammarVocabulary.of(new SpokenTokens(tokenizer, spoken));
        vocabulary = made;
      }
      return made;
    } finally {
      lock.unlock();
    }
  }

  /// A tokenizer some of whose special tokens are text like any other.
  private record SpokenTokens(Tokenizer inner, Set<Integer> spoken) implements Tokenizer {
    @Override
    public int[] encode(String text, boolean specialTokens) {
      return inner.encode(text, specialTokens);
    }

    @Override
    public String decode(int[] ids, boolean skipSpecial) {
      return inner.decode(ids, skipSpecial);
    }

    @Override
    public String token(int id) {
      return inner.token(id);
    }

    @Override
    public byte[] bytes(int id, boolean first) {
      return inner.bytes(id, first);
    }

    @Override
    public int id(String token) {
      return inner.id(token);
    }

    @Override
    public boolean isSpecial(int id) {
      return inner.isSpecial(id) && !spoken.contains(id);
    }

    @Override
    public int vocabularySize() {
      return inner.vocabularySize();
    }

    /// The tokenizer belongs to the model.
    @Override
    public void close() {}
  }
}
