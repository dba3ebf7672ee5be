package io.dejavu.local;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.StepPlan;
import io.dejavu.kv.kept.KeptMemory;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.Map;

/// Writes down in memory that outlives this process, after each step, where its sequences are and
/// how far they got: before any client knows of the step's tokens, so that another process knows of
/// at least as many.
public final class KeptSteps implements StepListener {
  private static final System.Logger LOG = System.getLogger(KeptSteps.class.getName());

  private final KeptMemory memory;
  private final Map<Long, Long> requests = new HashMap<>();

  /// @param memory in which the pipeline computes
  public KeptSteps(KeptMemory memory) {
    this.memory = memory;
  }

  /// What a request is called in kept memory, by its id, which must be unique among those that
  /// live.
  public static long number(String id) {
    try {
      var hash = MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public void sequenceBegins(long sequence, GenerationRequest request) {
    long number = number(request.id());
    if (requests.containsValue(number)) {
      LOG.log(
          Level.WARNING, "two live requests are called {0}: the later is not kept", request.id());
      return;
    }
    requests.put(sequence, number);
  }

  @Override
  public void stepDone(StepPlan plan) {
    var commit = memory.commit();
    for (var chunk : plan.chunks()) {
      var request = requests.get(chunk.sequence());
      if (request != null) {
        int end = chunk.start() + chunk.tokens().length;
        commit.sequence(request, chunk.start(), end, chunk.blocks().blocks());
      }
    }
  }

  @Override
  public void sequencePreempted(long sequence) {
    var request = requests.get(sequence);
    if (request != null) {
      memory.remove(request);
    }
  }

  @Override
  public void sequenceEnded(long sequence) {
    var request = requests.remove(sequence);
    if (request != null) {
      memory.remove(request);
    }
  }
}
