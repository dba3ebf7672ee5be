package io.dejavu.engine;

import io.dejavu.kv.BlockHash;

/// Where a block of keys and values can be had without computing it.
///
/// @param slot of the tier
public record BlockSource(BlockHash content, Tier tier, int slot) {}
