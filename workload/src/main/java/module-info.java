import org.jspecify.annotations.NullMarked;

/// What is asked of a server, when, and how well it answers: traces and made-up workloads, a client
/// that sends them to any OpenAI server, and the report. A room of its own because simulations use
/// the workloads without a server, and because a measuring instrument shares no code with what it
/// measures. Start at `Workload` (a plain value), `LoadRun` (sends it) and `ServingFigures` (what
/// came of it).
@NullMarked
module io.dejavu.workload {
  requires static transitive org.jspecify;
  requires chart.js; // its script is inlined into reports
  requires jdk.management; // the client's own processor time
  requires org.apache.commons.rng.api;
  requires org.apache.commons.rng.sampling;
  requires org.apache.commons.rng.simple;
  requires org.apache.commons.statistics.distribution;
  requires transitive tools.jackson.databind; // reports are its trees

  exports io.dejavu.workload;
}
