package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CodeMemoryTest {
  private static final Pattern MAPPING = Pattern.compile("(\\p{XDigit}+)-(\\p{XDigit}+) (\\S+)");

  @BeforeEach
  void onlyWhereCodeIsWrittenFor() {
    assumeTrue(!CpuFeatures.ofThisMachine().names().isEmpty());
  }

  @Test
  void runsWhatWasWritten() {
    var assembler = new Assembler();
    assembler.add(Reg.RSI, Reg.RDX);
    assembler.lea(Reg.RAX, Mem.at(Reg.RSI, Reg.RCX, 8, 5));
    assembler.add(Reg.R8, Reg.R9);
    assembler.add(Reg.RAX, Reg.R8);
    assembler.mov(Reg.RDI.at(), Reg.RAX);
    assembler.ret();
    try (var memory = new CodeMemory();
        var arena = Arena.ofConfined()) {
      var result = arena.allocate(JAVA_LONG);

      CodeMemory.call(memory.add(assembler.code()), result.address(), 1, 20, 300, 4000, 50000);

      assertEquals(1 + 20 + 8 * 300 + 5 + 4000 + 50000, result.get(JAVA_LONG, 0));
    }
  }

  @Test
  void isExecutableAndNotWritable() throws IOException {
    try (var memory = new CodeMemory()) {
      var code = memory.add(new byte[] {(byte) 0xc3});

      assertEquals("r-xp", permissions(code.address()));
      assertThrows(IllegalArgumentException.class, () -> code.set(JAVA_BYTE, 0, (byte) 0));
    }
  }

  @Test
  void isGivenBack() throws IOException {
    var memory = new CodeMemory();
    var address = memory.add(new byte[] {(byte) 0xc3}).address();

    memory.close();

    assertEquals("none", permissions(address));
  }

  private static String permissions(long address) throws IOException {
    for (var line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      var matcher = MAPPING.matcher(line);
      if (matcher.lookingAt()
          && Long.parseUnsignedLong(matcher.group(1), 16) <= address
          && address < Long.parseUnsignedLong(matcher.group(2), 16)) {
        return matcher.group(3);
      }
    }
    return "none";
  }
}
