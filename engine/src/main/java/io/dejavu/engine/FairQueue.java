package io.dejavu.engine;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Requests that wait for a place. Next is the tenant that was given the fewest tokens, of its
/// requests the one of the lowest `priority`, of those the first that came. Every eighth place goes
/// to whoever waits longest, so nobody starves: not low priorities, and not a tenant that has
/// already had much while new ones keep coming.
///
/// A tenant that comes back after a pause starts level with those that wait: it cannot save up.
///
/// Source: Sheng et al. 2024, Fairness in Serving Large Language Models, algorithm 2 (virtual token
/// counter), with equal weights.
final class FairQueue {
  private static final int PLACES_PER_TURN = 8;

  private final Map<String, Tenant> tenants = new HashMap<>();
  // By number, thus by arrival.
  private final TreeMap<Long, Sequence> all = new TreeMap<>();
  private long lastServed;
  private int places;

  private static final class Tenant {
    final TreeSet<Sequence> waiting = new TreeSet<>(Sequence.SENIORITY);
    long served;
  }

  int size() {
    return all.size();
  }

  void add(Sequence sequence) {
    var tenant = tenant(sequence);
    if (tenant.waiting.isEmpty()) {
      long level =
          tenants.values().stream()
              .filter(other -> !other.waiting.isEmpty())
              .mapToLong(other -> other.served)
              .min()
              .orElse(lastServed);
      tenant.served = Math.max(tenant.served, level);
    }
    tenant.waiting.add(sequence);
    all.put(sequence.number, sequence);
  }

  boolean remove(Sequence sequence) {
    var tenant = tenant(sequence);
    if (!tenant.waiting.remove(sequence)) {
      return false;
    }
    all.remove(sequence.number);
    if (tenant.waiting.isEmpty()) {
      lastServed = tenant.served;
    }
    return true;
  }

  /// Its tenant was given so many tokens.
  void charge(Sequence sequence, int tokens) {
    tenant(sequence).served += tokens;
  }

  /// Who is next among the `eligible`; null if none is. It stays in the queue.
  @Nullable Sequence next(Predicate<Sequence> eligible) {
    if (places % PLACES_PER_TURN == PLACES_PER_TURN - 1) {
      return all.values().stream().filter(eligible).findFirst().orElse(null);
    }
    return tenants.values().stream()
        .filter(tenant -> !tenant.waiting.isEmpty())
        .map(
            tenant ->
                new Candidate(
                    tenant.served,
                    tenant.waiting.stream().filter(eligible).findFirst().orElse(null)))
        .filter(candidate -> candidate.sequence != null)
        .min(Candidate.ORDER)
        .map(Candidate::sequence)
        .orElse(null);
  }

  private record Candidate(long served, @Nullable Sequence sequence) {
    static final Comparator<Candidate> ORDER =
        Comparator.comparingLong(Candidate::served)
            .thenComparingLong(c -> c.sequence == null ? Long.MAX_VALUE : c.sequence.number);
  }

  /// The next one got its place.
  void take(Sequence sequence) {
    remove(sequence);
    places++;
  }

  private Tenant tenant(Sequence sequence) {
    return tenants.computeIfAbsent(sequence.request.tenant(), _ -> new Tenant());
  }
}
