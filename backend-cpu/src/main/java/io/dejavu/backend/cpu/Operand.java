package io.dejavu.backend.cpu;

/// What an instruction may read as its last source: a register or memory.
sealed interface Operand permits Vec, Mem {}
