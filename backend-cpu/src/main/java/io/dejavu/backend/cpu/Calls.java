package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.dejavu.backend.cpu.Assembler.Label;
import java.lang.foreign.MemorySegment;

/// A list of calls of machine code that is run with one step out of Java: such a step takes 16 ns
/// in compiled code, but microseconds before that, which a server's first requests would feel.
final class Calls {
  /// Function, then six arguments.
  private static final int RECORD = 7 * 8;

  private static final int CAPACITY = 512;

  /// Memory that a list takes.
  static final long BYTES = (long) RECORD * CAPACITY;

  private final MemorySegment runner;
  private final long list;
  private int count;

  /// @param runner code of {@link #emitRunner}
  /// @param list {@link #BYTES} of memory
  Calls(MemorySegment runner, long list) {
    this.runner = runner;
    this.list = list;
  }

  /// Writes the code that makes the calls of a list, `rdi`, of `rsi` records, at least one.
  static byte[] emitRunner() {
    var a = new Assembler();
    var next = new Label();
    a.push(Reg.RBX);
    a.push(Reg.R12);
    a.push(Reg.R13); // a third one, because calls want the stack at a multiple of 16
    a.mov(Reg.RBX, Reg.RDI);
    a.mov(Reg.R12, Reg.RSI);
    a.bind(next);
    a.mov(Reg.RAX, Reg.RBX.at(0));
    a.mov(Reg.RDI, Reg.RBX.at(8));
    a.mov(Reg.RSI, Reg.RBX.at(16));
    a.mov(Reg.RDX, Reg.RBX.at(24));
    a.mov(Reg.RCX, Reg.RBX.at(32));
    a.mov(Reg.R8, Reg.RBX.at(40));
    a.mov(Reg.R9, Reg.RBX.at(48));
    a.call(Reg.RAX);
    a.add(Reg.RBX, RECORD);
    a.sub(Reg.R12, 1);
    a.jnz(next);
    a.pop(Reg.R13);
    a.pop(Reg.R12);
    a.pop(Reg.RBX);
    a.ret();
    return a.code();
  }

  void add(MemorySegment function, long a, long b, long c, long d, long e, long f) {
    if (count == CAPACITY) {
      run();
    }
    var record = list + (long) count * RECORD;
    set(record, function.address());
    set(record + 8, a);
    set(record + 16, b);
    set(record + 24, c);
    set(record + 32, d);
    set(record + 40, e);
    set(record + 48, f);
    count++;
  }

  /// Makes the calls in the order in which they were added, and forgets them.
  void run() {
    if (count > 0) {
      CodeMemory.call(runner, list, count, 0, 0, 0, 0);
      count = 0;
    }
  }

  private static void set(long address, long value) {
    Memory.ALL.set(JAVA_LONG, address, value);
  }
}
