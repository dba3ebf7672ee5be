package io.dejavu.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The most memory that a batch will need: with sequences in the order of what they have left to
/// generate, longest first, `peak = max over i of (Σ_{j≤i} held_j + left_i · i)`. Each grows by a
/// token per step; just before the i-th ends, those before it have grown as much as it has, and
/// those after it are gone.
///
/// Source: Gong et al. 2025, Past-Future Scheduler for LLM Serving under SLA Guarantees, §3.
final class PeakMemory {
  private final List<Need> needs = new ArrayList<>();

  private record Need(int held, int left) {}

  /// Adds a sequence of the batch.
  ///
  /// @param held tokens whose keys and values it has, or has soon: its prompt
  /// @param left tokens that it will get
  void add(int held, int left) {
    needs.add(new Need(held, left));
  }

  /// Blocks of `blockTokens` that are enough at any time, each sequence's last one not full.
  long blocks(int blockTokens) {
    needs.sort(Comparator.comparingInt(Need::left).reversed());
    long peak = 0;
    long held = 0;
    for (int i = 0; i < needs.size(); i++) {
      var need = needs.get(i);
      held += need.held + blockTokens - 1;
      peak = Math.max(peak, held + (long) need.left * (i + 1));
    }
    return peak / blockTokens;
  }
}
