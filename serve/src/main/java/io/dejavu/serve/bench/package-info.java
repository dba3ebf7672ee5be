/// `dejavu bench`: how fast a model computes (`EngineBench`), how good a server is, ours or another
/// (`BenchServeCommand`), and which of two is better (`BenchCompareCommand`).
package io.dejavu.serve.bench;
