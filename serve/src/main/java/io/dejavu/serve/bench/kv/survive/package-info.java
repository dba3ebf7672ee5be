/// `dejavu bench kv survive`: processes are killed while they generate, and others go on in their
/// memory. Start at `SurviveBench`; its processes run `SurviveWorkerCommand`.
package io.dejavu.serve.bench.kv.survive;
