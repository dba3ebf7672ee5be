package io.dejavu.model;

/// A linear layer of a checkpoint: the tensor `name.weight`, and `name.bias` if it has one.
record Projection(String name, boolean bias) {}
