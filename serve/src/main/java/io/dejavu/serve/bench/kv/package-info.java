/// `dejavu bench kv`: what links and disks carry, what waits behind the prefix cache is worth
/// (`TiersBench`), and what streaming keys and values to another process costs (`KvStreamBench`,
/// with a `Target` for each way to stream).
package io.dejavu.serve.bench.kv;
