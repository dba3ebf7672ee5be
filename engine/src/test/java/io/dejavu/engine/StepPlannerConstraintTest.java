package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.GenerationEvent.Failed;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationEvent.Token;
import java.util.BitSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What may be drawn: stop tokens and constraints.
class StepPlannerConstraintTest extends PlannerFixture {
  @Test
  void stopTokensAreBannedBeforeMinTokens() {
    submit(1, request(4, 9, 1, Set.of(61, 60, 5000)));

    assertThat(step().chunks().getFirst().draw().banned()).containsExactly(60, 61);
    done(50);
    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
  }

  @Test
  void aConstraintLimitsEachDrawAndMovesOnWithItsToken() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 68)));

    assertThat(allowed(step())).containsExactly(70);
    done(70);
    assertThat(allowed(step())).containsExactly(69);
  }

  @Test
  void aSequenceWithoutConstraintMayDrawAnything() {
    submit(1, request(4, 9));

    assertThat(step().chunks().getFirst().draw().allowed()).isNull();
  }

  @Test
  void aStopTokenEndsAConstrainedSequence() {
    submit(1, request(4, 9, 0, Set.of(69)).withConstraint(new Countdown(70, 68)));
    step();
    done(70);
    step();

    assertThat(done(69)).contains(emit(1, new Finished(FinishReason.STOP, 4, 2, 0)));
    assertNothingIsLeft();
  }

  @Test
  void aConstraintWhoseTextIsOverEndsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Once(70)));
    assertThat(allowed(step())).containsExactly(70);

    assertThat(done(70)).contains(emit(1, new Finished(FinishReason.STOP, 4, 1, 0)));
    assertNothingIsLeft();
  }

  @Test
  void aConstraintThatThrowsFailsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 68)));
    submit(2, request(4, 9));
    step();

    // 71 was not allowed; a model that draws it has a bug, and so has the constraint that throws.
    assertThat(done(71, 50)).hasSize(3).last().isEqualTo(emit(2, new Token(4, 50, null)));
    assertThat(planner.running()).isEqualTo(1);
  }

  @Test
  void aConstraintThatLeavesNothingButStopTokensWinsOverMinTokens() {
    submit(1, request(4, 9, 5, Set.of(69)).withConstraint(new Countdown(70, 68)));

    assertThat(step().chunks().getFirst().draw().banned()).containsExactly(69);
    done(70);
    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
    assertThat(done(69)).contains(emit(1, new Finished(FinishReason.STOP, 4, 2, 0)));
  }

  @Test
  void stopTokensThatAreTheWholeVocabularyAreNotBanned() {
    var all = IntStream.range(0, 100).boxed().collect(Collectors.toSet());
    submit(1, request(4, 9, 5, all));

    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
  }

  @Test
  void aConstraintThatAllowsNothingFailsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 69)));
    step();
    done(70);
    step();

    assertThat(done(69))
        .containsExactly(
            emit(1, new Token(5, 69, null)),
            emit(1, new Failed("the constraint allows no token after 6 tokens")));
    assertNothingIsLeft();
    // Bits beyond the vocabulary of 100 are no tokens.
    assertThat(
            planner.on(
                new StepEvent.Submitted(2, request(4, 9).withConstraint(new Countdown(100, 0)))))
        .containsExactly(emit(2, new Failed("the constraint allows no token after 4 tokens")));
    assertNothingIsLeft();
  }

  @Test
  void aConstraintThatIsCompleteEndsItsSequenceWithoutAnEndToken() {
    submit(1, request(4, 9).withConstraint(new OneToken(70, false)));
    step();

    assertThat(done(70))
        .containsExactly(
            emit(1, new Token(4, 70, null)), emit(1, new Finished(FinishReason.STOP, 4, 1, 0)));
    assertNothingIsLeft();
  }

  /// Allows `token` and is over after it.
  private record Once(int token, boolean isComplete) implements TokenConstraint {
    Once(int token) {
      this(token, false);
    }

    @Override
    public long[] allowed() {
      return new Countdown(token, 0).allowed();
    }

    @Override
    public TokenConstraint after(int next) {
      return new Once(99, true);
    }
  }

  /// Allows `id` and is complete then.
  private record OneToken(int id, boolean isComplete) implements TokenConstraint {
    @Override
    public long[] allowed() {
      return new long[] {0, isComplete ? 0 : 1L << id};
    }

    @Override
    public TokenConstraint after(int token) {
      return new OneToken(id, true);
    }
  }

  /// Allows `next` only, then one less, down to `last`.
  private record Countdown(int next, int last) implements TokenConstraint {
    @Override
    public long[] allowed() {
      var set = new long[2];
      if (next >= last) {
        set[next / 64] |= 1L << next;
      }
      return set;
    }

    @Override
    public TokenConstraint after(int token) {
      if (token != next) {
        throw new IllegalStateException(token + " is not " + next);
      }
      return new Countdown(next - 1, last);
    }
  }

  private static int[] allowed(StepPlan plan) {
    return BitSet.valueOf(plan.chunks().getFirst().draw().allowed()).stream().toArray();
  }
}
