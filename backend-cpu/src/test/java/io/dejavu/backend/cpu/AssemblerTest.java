package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Reg.*;
import static io.dejavu.backend.cpu.Vec.xmm;
import static io.dejavu.backend.cpu.Vec.ymm;
import static io.dejavu.backend.cpu.Vec.zmm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.dejavu.backend.cpu.Assembler.Label;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every form of every instruction that our kernels use, as the GNU assembler encodes it.
class AssemblerTest {
  record Form(String text, String bytes, Consumer<Assembler> instruction) {
    @Override
    public String toString() {
      return text;
    }
  }

  private static Form form(String text, String bytes, Consumer<Assembler> instruction) {
    return new Form(text, bytes, instruction);
  }

  static List<Form> forms() {
    return List.of(
        form("mov r10, rdi", "4989fa", a -> a.mov(R10, RDI)),
        form("mov rax, r15", "4c89f8", a -> a.mov(RAX, R15)),
        form("mov rdx, [rdi]", "488b17", a -> a.mov(RDX, RDI.at())),
        form("mov r8, [rdi+40]", "4c8b4728", a -> a.mov(R8, RDI.at(40))),
        form("mov rax, [rsp+8]", "488b442408", a -> a.mov(RAX, RSP.at(8))),
        form("mov rcx, [r13]", "498b4d00", a -> a.mov(RCX, R13.at())),
        form("mov [rdi], rax", "488907", a -> a.mov(RDI.at(), RAX)),
        form("mov [r8+64], r9", "4d894840", a -> a.mov(R8.at(64), R9)),
        form(
            "vsubps zmm24, zmm29, zmm24", "620114405cc0", a -> a.vsubps(zmm(24), zmm(29), zmm(24))),
        form("vsubps ymm9, ymm13, ymm9", "c441145cc9", a -> a.vsubps(ymm(9), ymm(13), ymm(9))),
        form(
            "vfmadd213ps zmm29, zmm27, zmm25",
            "62022540a8e9",
            a -> a.vfmadd213ps(zmm(29), zmm(27), zmm(25))),
        form(
            "vfmadd213ps ymm13, ymm11, ymm9",
            "c44225a8e9",
            a -> a.vfmadd213ps(ymm(13), ymm(11), ymm(9))),
        form(
            "vfmadd213ps ymm7, ymm11, [r8+96]",
            "c4c225a87860",
            a -> a.vfmadd213ps(ymm(7), ymm(11), R8.at(96))),
        form("vpmovsxwd ymm15, [rdx+16]", "c4627d237a10", a -> a.vpmovsxwd(ymm(15), RDX.at(16))),
        form("vpsllw zmm31, zmm30, 8", "6291054071f608", a -> a.vpsllw(zmm(31), zmm(30), 8)),
        form("vpsllw ymm10, ymm15, 8", "c4c12d71f708", a -> a.vpsllw(ymm(10), ymm(15), 8)),
        form("vmovss [rdx+32], xmm9", "c57a114a20", a -> a.vmovss(RDX.at(32), xmm(9))),
        form("vmovd [rdx+36], xmm8", "c5797e4224", a -> a.vmovd(RDX.at(36), xmm(8))),
        form("vmovd xmm14, eax", "c5796ef0", a -> a.vmovd(xmm(14), RAX)),
        form("vmovd xmm3, r9d", "c4c1796ed9", a -> a.vmovd(xmm(3), R9)),
        form("vbroadcastss ymm9, xmm9", "c4427d18c9", a -> a.vbroadcastss(ymm(9), xmm(9))),
        form("vextracti128 xmm1, ymm8, 1", "c4637d39c101", a -> a.vextracti128(xmm(1), ymm(8))),
        form("vextracti128 xmm9, ymm2, 1", "c4c37d39d101", a -> a.vextracti128(xmm(9), ymm(2))),
        form("vpshufd xmm1, xmm8, 0x4e", "c4c17970c84e", a -> a.vpshufd(xmm(1), xmm(8), 0x4e)),
        form("vdivps ymm0, ymm0, ymm9", "c4c17c5ec1", a -> a.vdivps(ymm(0), ymm(0), ymm(9))),
        form("vdivps xmm9, xmm0, xmm14", "c441785ece", a -> a.vdivps(xmm(9), xmm(0), xmm(14))),
        form(
            "vcmpneq_oqps ymm7, ymm9, ymm7",
            "c5b4c2ff0c",
            a -> a.vcmpneqps(ymm(7), ymm(9), ymm(7))),
        form(
            "vcmpunordps ymm2, ymm0, ymm0",
            "c5fcc2d003",
            a -> a.vcmpunordps(ymm(2), ymm(0), ymm(0))),
        form(
            "vblendvps ymm1, ymm1, ymm0, ymm2",
            "c4e3754ac820",
            a -> a.vblendvps(ymm(1), ymm(1), ymm(0), ymm(2))),
        form(
            "vblendvps ymm9, ymm1, ymm10, ymm12",
            "c443754acac0",
            a -> a.vblendvps(ymm(9), ymm(1), ymm(10), ymm(12))),
        form("vcvtps2dq ymm2, ymm2", "c5fd5bd2", a -> a.vcvtps2dq(ymm(2), ymm(2))),
        form(
            "vcvtneps2bf16 ymm0, zmmword ptr [rdi]",
            "62f27e487207",
            a -> a.vcvtneps2bf16(ymm(0), RDI.at())),
        form(
            "vcvtneps2bf16 ymm0, zmmword ptr [rdi+64]",
            "62f27e48724701",
            a -> a.vcvtneps2bf16(ymm(0), RDI.at(64))),
        form("vpsubd xmm8, xmm0, xmm8", "c44179fac0", a -> a.vpsubd(xmm(8), xmm(0), xmm(8))),
        form("vpmaxsd ymm0, ymm0, ymm1", "c4e27d3dc1", a -> a.vpmaxsd(ymm(0), ymm(0), ymm(1))),
        form("vpmaxsd xmm8, xmm8, xmm1", "c462393dc1", a -> a.vpmaxsd(xmm(8), xmm(8), xmm(1))),
        form("vpackssdw xmm2, xmm2, xmm3", "c5e96bd3", a -> a.vpackssdw(xmm(2), xmm(2), xmm(3))),
        form("vpacksswb xmm0, xmm0, xmm2", "c5f963c2", a -> a.vpacksswb(xmm(0), xmm(0), xmm(2))),
        form(
            "vpand ymm1, ymm10, [rdi+32]", "c5addb4f20", a -> a.vpand(ymm(1), ymm(10), RDI.at(32))),
        form("call rax", "ffd0", a -> a.call(RAX)),
        form("call r11", "41ffd3", a -> a.call(R11)),
        form("mov rcx, 1000", "48c7c1e8030000", a -> a.mov(RCX, 1000)),
        form("lea r10, [rdi+rsi*2]", "4c8d1477", a -> a.lea(R10, Mem.at(RDI, RSI, 2, 0))),
        form("lea r11, [r10+rsi+64]", "4d8d5c3240", a -> a.lea(R11, Mem.at(R10, RSI, 1, 64))),
        form(
            "lea rax, [r12+r9*8-1000]",
            "4b8d84cc18fcffff",
            a -> a.lea(RAX, Mem.at(R12, R9, 8, -1000))),
        form("add rdi, rsi", "4801f7", a -> a.add(RDI, RSI)),
        form("add rdx, 64", "4883c240", a -> a.add(RDX, 64)),
        form("add r9, 1088", "4981c140040000", a -> a.add(R9, 1088)),
        form("sub rcx, 1", "4883e901", a -> a.sub(RCX, 1)),
        form("sub rsp, 256", "4881ec00010000", a -> a.sub(RSP, 256)),
        form("cmp rcx, r8", "4c39c1", a -> a.cmp(RCX, R8)),
        form("test r9, r9", "4d85c9", a -> a.test(R9, R9)),
        form("push rbx", "53", a -> a.push(RBX)),
        form("push r12", "4154", a -> a.push(R12)),
        form("pop r15", "415f", a -> a.pop(R15)),
        form("pop rbp", "5d", a -> a.pop(RBP)),
        form("ret", "c3", a -> a.ret()),
        form("prefetcht0 [rdx+1024]", "0f188a00040000", a -> a.prefetcht0(RDX.at(1024))),
        form("prefetcht0 [r9]", "410f1809", a -> a.prefetcht0(R9.at())),
        form("prefetcht1 [r9+64]", "410f185140", a -> a.prefetcht1(R9.at(64))),
        form("vzeroupper", "c5f877", a -> a.vzeroupper()),
        form("vmovups zmm1, [rdx]", "62f17c48100a", a -> a.vmovups(zmm(1), RDX.at())),
        form("vmovups zmm30, [rdx+64]", "62617c48107201", a -> a.vmovups(zmm(30), RDX.at(64))),
        form(
            "vmovups zmm17, [r8+100]", "62c17c48108864000000", a -> a.vmovups(zmm(17), R8.at(100))),
        form("vmovups ymm9, [rdx+32]", "c57c104a20", a -> a.vmovups(ymm(9), RDX.at(32))),
        form("vmovups xmm3, [rdx]", "c5f8101a", a -> a.vmovups(xmm(3), RDX.at())),
        form("vmovups [r8+8128], zmm31", "62417c4811787f", a -> a.vmovups(R8.at(8128), zmm(31))),
        form(
            "vmovups [rax+r10+8], ymm2",
            "c4a17c11541008",
            a -> a.vmovups(Mem.at(RAX, R10, 1, 8), ymm(2))),
        form("vmovaps zmm20, zmm5", "62e17c4828e5", a -> a.vmovaps(zmm(20), zmm(5))),
        form("vmovaps ymm12, ymm2", "c57c28e2", a -> a.vmovaps(ymm(12), ymm(2))),
        form(
            "vbroadcastss zmm28, [rdi+rsi*2+4]",
            "62627d4818647701",
            a -> a.vbroadcastss(zmm(28), Mem.at(RDI, RSI, 2, 4))),
        form(
            "vbroadcastss ymm12, [r10+512]",
            "c4427d18a200020000",
            a -> a.vbroadcastss(ymm(12), R10.at(512))),
        form(
            "vpbroadcastd zmm29, [r11+rsi+12]",
            "62427d48586c3303",
            a -> a.vpbroadcastd(zmm(29), Mem.at(R11, RSI, 1, 12))),
        form("vpbroadcastd ymm14, [rax]", "c4627d5830", a -> a.vpbroadcastd(ymm(14), RAX.at())),
        form("vpxor xmm3, xmm3, xmm3", "c5e1efdb", a -> a.zero(zmm(3))),
        form("vpxor xmm13, xmm13, xmm13", "c44111efed", a -> a.zero(ymm(13))),
        form("vpxord zmm16, zmm16, zmm16", "62a17d40efc0", a -> a.zero(zmm(16))),
        form("vpcmpeqd ymm15, ymm15, ymm15", "c4410576ff", a -> a.ones(ymm(15))),
        form("vpternlogd zmm26, zmm26, zmm26, 255", "62032d4025d2ff", a -> a.ones(zmm(26))),
        form("vaddps zmm1, zmm2, zmm30", "62916c4858ce", a -> a.vaddps(zmm(1), zmm(2), zmm(30))),
        form("vaddps ymm1, ymm2, [rdi]", "c5ec580f", a -> a.vaddps(ymm(1), ymm(2), RDI.at())),
        form(
            "vmulps zmm18, zmm28, dword ptr [rdi+rsi]{1to16}",
            "62e11c50591437",
            a -> a.vmulps(zmm(18), zmm(28), Mem.at(RDI, RSI, 1, 0).everywhere())),
        form("vmulps ymm8, ymm4, ymm11", "c4415c59c3", a -> a.vmulps(ymm(8), ymm(4), ymm(11))),
        form(
            "vfmadd231ps zmm0, zmm31, zmm15",
            "62d20540b8c7",
            a -> a.vfmadd231ps(zmm(0), zmm(31), zmm(15))),
        form(
            "vfmadd231ps zmm23, zmm24, dword ptr [r9+508]{1to16}",
            "62c23d50b8797f",
            a -> a.vfmadd231ps(zmm(23), zmm(24), R9.at(508).everywhere())),
        form(
            "vfmadd231ps zmm23, zmm24, dword ptr [r9+512]{1to16}",
            "62c23d50b8b900020000",
            a -> a.vfmadd231ps(zmm(23), zmm(24), R9.at(512).everywhere())),
        form(
            "vfmadd231ps ymm11, ymm12, ymm14",
            "c4421db8de",
            a -> a.vfmadd231ps(ymm(11), ymm(12), ymm(14))),
        form(
            "vfmadd231ps ymm1, ymm12, [rax+r10]",
            "c4a21db80c10",
            a -> a.vfmadd231ps(ymm(1), ymm(12), Mem.at(RAX, R10, 1, 0))),
        form(
            "vdpbf16ps zmm23, zmm30, zmm28",
            "62820e4052fc",
            a -> a.vdpbf16ps(zmm(23), zmm(30), zmm(28))),
        form(
            "vdpbf16ps zmm2, zmm30, dword ptr [r11+rsi*2]{1to16}",
            "62d20e50521473",
            a -> a.vdpbf16ps(zmm(2), zmm(30), Mem.at(R11, RSI, 2, 0).everywhere())),
        form("vcvtdq2ps zmm16, zmm17", "62a17c485bc1", a -> a.vcvtdq2ps(zmm(16), zmm(17))),
        form("vcvtdq2ps ymm6, ymm7", "c5fc5bf7", a -> a.vcvtdq2ps(ymm(6), ymm(7))),
        form("vcvtph2ps zmm24, [rdx+32]", "62627d48134201", a -> a.vcvtph2ps(zmm(24), RDX.at(32))),
        form("vcvtph2ps ymm4, [rdx+16]", "c4e27d136210", a -> a.vcvtph2ps(ymm(4), RDX.at(16))),
        form(
            "vpdpbusd zmm17, zmm24, zmm25",
            "62823d4050c9",
            a -> a.vpdpbusd(zmm(17), zmm(24), zmm(25))),
        form(
            "vpdpbusd zmm7, zmm24, dword ptr [rdi+124]{1to16}",
            "62f23d50507f1f",
            a -> a.vpdpbusd(zmm(7), zmm(24), RDI.at(124).everywhere())),
        form("vpmaddwd ymm3, ymm4, ymm15", "c4c15df5df", a -> a.vpmaddwd(ymm(3), ymm(4), ymm(15))),
        form(
            "vpmaddubsw ymm3, ymm14, ymm5",
            "c4e20d04dd",
            a -> a.vpmaddubsw(ymm(3), ymm(14), ymm(5))),
        form("vpaddw ymm3, ymm4, ymm5", "c5ddfddd", a -> a.vpaddw(ymm(3), ymm(4), ymm(5))),
        form("vpaddd ymm13, ymm4, ymm15", "c4415dfeef", a -> a.vpaddd(ymm(13), ymm(4), ymm(15))),
        form("vpaddd ymm3, ymm4, [rdi]", "c5ddfe1f", a -> a.vpaddd(ymm(3), ymm(4), RDI.at())),
        form("vpandd zmm24, zmm25, zmm26", "62013540dbc2", a -> a.vpand(zmm(24), zmm(25), zmm(26))),
        form("vpand ymm4, ymm5, ymm15", "c4c155dbe7", a -> a.vpand(ymm(4), ymm(5), ymm(15))),
        form("vpmovsxbw ymm4, [rdx+16]", "c4e27d206210", a -> a.vpmovsxbw(ymm(4), RDX.at(16))),
        form("vpmovzxwd zmm28, [rdx+32]", "62627d48336201", a -> a.vpmovzxwd(zmm(28), RDX.at(32))),
        form("vpmovzxwd ymm9, [rdx]", "c4627d330a", a -> a.vpmovzxwd(ymm(9), RDX.at())),
        form("vpsrlw zmm25, zmm24, 4", "6291354071d004", a -> a.vpsrlw(zmm(25), zmm(24), 4)),
        form("vpsrlw ymm5, ymm14, 4", "c4c15571d604", a -> a.vpsrlw(ymm(5), ymm(14), 4)),
        form("vpsrld zmm25, zmm4, 24", "62f1354072d418", a -> a.vpsrld(zmm(25), zmm(4), 24)),
        form("vpsrld ymm15, ymm15, 16", "c4c10572d710", a -> a.vpsrld(ymm(15), ymm(15), 16)),
        form("vpsrad zmm5, zmm24, 24", "6291554872e018", a -> a.vpsrad(zmm(5), zmm(24), 24)),
        form("vpsrad ymm5, ymm4, 24", "c5d572e418", a -> a.vpsrad(ymm(5), ymm(4), 24)),
        form("vpslld zmm24, zmm25, 16", "62913d4072f110", a -> a.vpslld(zmm(24), zmm(25), 16)),
        form("vpslld ymm4, ymm5, 16", "c5dd72f510", a -> a.vpslld(ymm(4), ymm(5), 16)));
  }

  @ParameterizedTest
  @MethodSource("forms")
  void encodesAsTheGnuAssemblerDoes(Form form) {
    var assembler = new Assembler();

    form.instruction.accept(assembler);

    assertEquals(form.bytes, HexFormat.of().formatHex(assembler.code()));
  }

  @Test
  void jumpsBackwardsShortAndFar() {
    var assembler = new Assembler();
    var start = new Label();
    assembler.bind(start);
    assembler.jnz(start);
    for (int i = 0; i < 200; i++) {
      assembler.ret();
    }
    assembler.jnz(start);
    assembler.jmp(start);

    var code = HexFormat.of().formatHex(assembler.code());

    assertEquals("75fe", code.substring(0, 4));
    assertEquals("0f8530ffffff" + "e92bffffff", code.substring(404));
  }

  @Test
  void jumpsForwards() {
    var assembler = new Assembler();
    var end = new Label();
    assembler.jz(end);
    assembler.jmp(end);
    assembler.ret();
    assembler.bind(end);

    assertEquals("0f8406000000" + "e901000000" + "c3", HexFormat.of().formatHex(assembler.code()));
  }

  @Test
  void refusesDotInstructionsWithoutEvex() {
    assertThrows(
        IllegalArgumentException.class, () -> new Assembler().vpdpbusd(ymm(1), ymm(2), ymm(3)));
  }

  @Test
  void refusesRspAsIndex() {
    assertThrows(IllegalArgumentException.class, () -> Mem.at(RAX, RSP, 1, 0));
  }
}
