//===- matrix_test.cpp - wgmma, mma, ldmatrix, stmatrix in kernels ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "Numbers.h"

#include <cstdio>
#include <cstring>
#include <random>

using namespace adze::test;

static uint16_t bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t(bits >> 16); // small integers are exact
}

static std::vector<float> integers(unsigned count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float &value : values)
    value = float(int(random() % 17) - 8);
  return values;
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

namespace {
enum : unsigned { none = 0, b128 = 1, b64 = 2, b32 = 3 };

/// One wgmma.mma_async m64n32 of 32 bytes of k: the tiles as an image of shared
/// memory in one of CuTe's canonical layouts, A as register fragments behind
/// them.
struct Wgmma {
  static constexpr unsigned m = 64, n = 32, threads = 128;
  static constexpr uint32_t bOffset = 16384, aRegisters = 24576,
                            imageBytes = 32768;
  std::string type = "bf16", d = "f32";
  unsigned bytes = 2, k = 16;
  bool fromRegisters = false;
  unsigned swizzle = b128;
  bool mnMajorA = false, mnMajorB = false;
  uint32_t leading = 4096, stride = 0;
  std::vector<float> a = integers(m * 32, 1), b = integers(n * 32, 2);

  Wgmma(unsigned mode, bool trans, const std::string &operand = "bf16",
        unsigned size = 2)
      : type(operand), bytes(size), k(32 / size), swizzle(mode) {
    if (operand == "s8")
      d = "s32";
    mnMajorA = mnMajorB = trans;
    stride = 8 * width() * 16;
    if (mode == none) {
      leading = trans ? 1024 : 2048;
      stride = 128;
    }
  }
  unsigned width() const {
    return swizzle == none ? 1 : swizzle == b32 ? 2 : swizzle == b64 ? 4 : 8;
  }
  /// Byte offset of an element in its tile.
  uint32_t place(unsigned mn, unsigned depth, bool mnMajor) const {
    unsigned w = width(), inner = mnMajor ? mn : depth, per = 16 / bytes;
    uint32_t at;
    if (!mnMajor)
      at = mn % 8 * w * 16 + mn / 8 * stride +
           depth / per * (w == 1 ? leading : 16);
    else
      at = mn / 8 % w * 16 + depth % 8 * w * 16 +
           (w == 1 ? mn / 8 * stride + depth / 8 * leading
                   : mn / 8 / w * leading + depth / 8 * stride);
    unsigned mask = w - 1;
    at ^= (at >> 7 & mask) << 4;
    return at + inner % per * bytes;
  }
  uint32_t element(float value) const { return encode(type, int(value)); }
  std::vector<uint8_t> image() const {
    std::vector<uint8_t> image(imageBytes, 0xcd);
    for (unsigned depth = 0; depth < k; ++depth) {
      for (unsigned row = 0; row < m; ++row) {
        uint32_t value = element(a[row * k + depth]);
        std::memcpy(&image[place(row, depth, mnMajorA)], &value, bytes);
      }
      for (unsigned column = 0; column < n; ++column) {
        uint32_t value = element(b[column * k + depth]);
        std::memcpy(&image[bOffset + place(column, depth, mnMajorB)], &value,
                    bytes);
      }
    }
    // ISA 9.7.15.5.1.1: register r of a thread has e neighbours of k.
    unsigned e = 4 / bytes;
    for (unsigned thread = 0; thread < threads; ++thread)
      for (unsigned i = 0; i < 4 * e; ++i) {
        unsigned reg = i / e;
        unsigned row = thread / 32 * 16 + thread % 32 / 4 + (reg % 2 ? 8 : 0);
        unsigned depth = reg / 2 * 4 * e + thread % 4 * e + i % e;
        uint32_t value = element(a[row * k + depth]);
        std::memcpy(&image[aRegisters + thread * 16 + i * bytes], &value,
                    bytes);
      }
    return image;
  }
  std::string text() const {
    unsigned count = d == "f16" ? n / 4 : n / 2;
    std::string registers;
    for (unsigned i = 0; i < count; ++i)
      registers += (i ? ", %x" : "%x") + std::to_string(i);
    char one[16];
    std::snprintf(one, sizeof one, "0x%x",
                  encode(d, 1) * (d == "f16" ? 0x10001u : 1u));
    uint64_t fields = uint64_t(leading >> 4) << 16 |
                      uint64_t(stride >> 4) << 32 | uint64_t(swizzle) << 62;
    std::string out = R"(.version 8.0
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 dyn[];
.visible .entry k(.param .u64 in, .param .u64 out)
.reqntid 128, 1, 1
{
.reg .pred %p<8>;
.reg .b32 %r<64>;
.reg .b64 %rd<32>;
.reg .b32 %x<64>;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  add.u32 %r3, %r2, 32768;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra INITIALIZED;
  mbarrier.init.shared::cta.b64 [%r3], 1;
  fence.mbarrier_init.release.cluster;
INITIALIZED:
  bar.sync 0;
  @%p1 bra WAIT;
  mbarrier.arrive.expect_tx.shared::cta.b64 %rd3, [%r3], 32768;
  cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1], 32768, [%r3];
WAIT:
  mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;
  @!%p2 bra WAIT;
  bar.warp.sync 0xffffffff;
  shr.u32 %r4, %r2, 4;
  cvt.u64.u32 %rd4, %r4;
)";
    out += "  or.b64 %rd5, %rd4, " + std::to_string(int64_t(fields)) + ";\n";
    out += "  add.u64 %rd6, %rd5, " + std::to_string(bOffset >> 4) + ";\n";
    for (unsigned i = 0; i < count; ++i)
      out += "  mov.b32 %x" + std::to_string(i) + ", " + one + ";\n";
    if (fromRegisters)
      out += "  shl.b32 %r5, %r1, 4;\n  add.u32 %r6, %r5, %r2;\n"
             "  ld.shared.v4.b32 {%r20, %r21, %r22, %r23}, [%r6+24576];\n";
    std::string ends = d == "s32" ? "" : ", 1, 1";
    if (bytes == 2 && !fromRegisters)
      ends += mnMajorA ? ", 1" : ", 0";
    if (bytes == 2)
      ends += mnMajorB ? ", 1" : ", 0";
    out += "  wgmma.fence.sync.aligned;\n  setp.ne.b32 %p3, 1, 0;\n"
           "  // tile.wgmma mlp.onnx:5\n"
           "  wgmma.mma_async.sync.aligned.m64n32k" +
           std::to_string(k) + "." + d + "." + type + "." + type + " {" +
           registers + "}, " +
           (fromRegisters ? "{%r20, %r21, %r22, %r23}" : "%rd5") +
           ", %rd6, %p3" + ends +
           ";\n  wgmma.commit_group.sync.aligned;\n"
           "  wgmma.wait_group.sync.aligned 0;\n"
           "  mul.wide.u32 %rd7, %r1, 64;\n  add.u64 %rd8, %rd2, %rd7;\n";
    for (unsigned i = 0; i < count; ++i)
      out += "  st.global.b32 [%rd8+" + std::to_string(4 * i) + "], %x" +
             std::to_string(i) + ";\n";
    return out + "  ret;\n}\n";
  }
  /// Runs a text; compares with 1 + a * transpose(b).
  std::string check(const std::string &text) const {
    start();
    Buffer<uint8_t> in(image());
    Buffer<uint32_t> out(std::vector<uint32_t>(threads * n / 2, 0));
    std::string report =
        run(text, {1, threads, imageBytes + 64}, {&in.address, &out.address});
    if (!report.empty())
      return report;
    std::vector<uint32_t> got = out.read();
    for (unsigned thread = 0; thread < threads; ++thread)
      for (unsigned i = 0; i < n / 2; ++i) {
        unsigned row = thread / 32 * 16 + thread % 32 / 4 + (i & 2 ? 8 : 0);
        unsigned column = i / 4 * 8 + thread % 4 * 2 + (i & 1);
        float expected = 1;
        for (unsigned depth = 0; depth < k; ++depth)
          expected += a[row * k + depth] * b[column * k + depth];
        uint32_t bits = got[thread * n / 2 + i];
        if (d == "f16")
          bits = got[thread * n / 2 + i / 2] >> 16 * (i % 2) & 0xffff;
        int value = decode(d, bits);
        EXPECT_EQ(value, int(expected))
            << "row " << row << " column " << column;
        if (value != int(expected))
          return report;
      }
    return report;
  }
};
} // namespace

TEST(Wgmma, EveryCanonicalLayout) {
  for (bool mnMajor : {false, true})
    for (unsigned mode : {none, b32, b64, b128}) {
      SCOPED_TRACE(std::to_string(mode) + (mnMajor ? " mn-major" : " k-major"));
      Wgmma wgmma(mode, mnMajor);
      EXPECT_EQ(wgmma.check(wgmma.text()), "");
    }
}

TEST(Wgmma, EveryType) {
  struct Case {
    const char *type;
    unsigned bytes;
    const char *d;
  };
  for (Case c :
       {Case{"f16", 2, "f32"}, Case{"f16", 2, "f16"}, Case{"tf32", 4, "f32"},
        Case{"s8", 1, "s32"}, Case{"e4m3", 1, "f32"}, Case{"e5m2", 1, "f32"}})
    for (bool fromRegisters : {false, true}) {
      SCOPED_TRACE(std::string(c.type) + " to " + c.d);
      Wgmma wgmma(b64, false, c.type, c.bytes);
      wgmma.d = c.d;
      wgmma.fromRegisters = fromRegisters;
      EXPECT_EQ(wgmma.check(wgmma.text()), "");
    }
}

TEST(Wgmma, RegistersOfAOverwrittenBeforeTheWait) {
  Wgmma wgmma(b128, false);
  wgmma.fromRegisters = true;
  expectReport(
      wgmma.check(with(wgmma.text(), "wgmma.wait_group.sync.aligned 0;",
                       "mov.b32 %r21, 0;\n  "
                       "wgmma.wait_group.sync.aligned 0;")),
      {"mov.b32 %r21, 0", "reads its A operand from"});
}

TEST(Wgmma, AccumulatorsReadBeforeTheWait) {
  Wgmma wgmma(b128, false);
  expectReport(
      wgmma.check(with(wgmma.text(), "wgmma.wait_group.sync.aligned 0;", "")),
      {"st.global.b32", "uses an accumulator of", "tile.wgmma mlp.onnx:5"});
}

TEST(Wgmma, NotCommitted) {
  Wgmma wgmma(b128, false);
  expectReport(
      wgmma.check(with(wgmma.text(), "wgmma.commit_group.sync.aligned;", "")),
      {"uses an accumulator of", "tile.wgmma mlp.onnx:5"});
}

TEST(Wgmma, NoFenceAfterTheAccumulatorsWereWritten) {
  Wgmma wgmma(b128, false);
  expectReport(wgmma.check(with(wgmma.text(), "wgmma.fence.sync.aligned;", "")),
               {"wgmma.fence.sync.aligned", "tile.wgmma mlp.onnx:5"});
}

TEST(Wgmma, DescriptorOffTheSwizzlePattern) {
  Wgmma wgmma(b128, false);
  expectReport(wgmma.check(with(wgmma.text(), "add.u64 %rd6, %rd5, 1024;",
                                "add.u64 %rd6, %rd5, 1032;")),
               {"descriptor of operand B", "swizzle pattern", "tile.wgmma"});
}

TEST(Wgmma, DescriptorLeadsOutOfSharedMemory) {
  Wgmma wgmma(b128, false);
  expectReport(wgmma.check(with(wgmma.text(), "add.u64 %rd6, %rd5, 1024;",
                                "add.u64 %rd6, %rd5, 2048;")),
               {"tile.wgmma"});
}

TEST(Wgmma, StrideShorterThanAnAtom) {
  Wgmma wgmma(b128, false);
  wgmma.stride = 512;
  expectReport(wgmma.check(wgmma.text()), {"atoms overlap"});
}

TEST(Wgmma, SharedMemoryWrittenWithoutAProxyFence) {
  Wgmma wgmma(b128, false);
  std::string text = with(wgmma.text(), "shr.u32 %r4, %r2, 4;",
                          "st.shared.u32 [%r2+4], 0;\n  bar.sync 0;\n"
                          "  shr.u32 %r4, %r2, 4;");
  text = with(text, "st.shared", "@!%p1 st.shared");
  expectReport(wgmma.check(text), {"no fence.proxy.async since"});
}

TEST(Wgmma, SharedMemoryOverwrittenWhileItIsRead) {
  Wgmma wgmma(b128, false);
  std::string text = with(wgmma.text(), "wgmma.wait_group.sync.aligned 0;",
                          "@!%p1 st.shared.u32 [%r2+16384], 0;\n"
                          "  wgmma.wait_group.sync.aligned 0;");
  expectReport(wgmma.check(text), {"overwrites", "still reads it"});
}

//===----------------------------------------------------------------------===//
// ldmatrix, mma, stmatrix
//===----------------------------------------------------------------------===//

/// D = A * B with A 16 x 16 in rows and B 16 x 8 in rows (ldmatrix.trans) or
/// in columns; D leaves as bf16 by stmatrix.
static std::string mmaText(bool transposed) {
  return std::string(R"(.version 8.0
.target sm_90a
.address_size 64
.extern .shared .align 16 .b8 dyn[];
.visible .entry k(.param .u64 in, .param .u64 out)
{
.reg .b32 %r<64>;
.reg .b64 %rd<32>;
.reg .f32 %f<16>;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  mul.wide.u32 %rd3, %r1, 32;
  add.u64 %rd4, %rd1, %rd3;
  shl.b32 %r3, %r1, 5;
  add.u32 %r4, %r2, %r3;
  cp.async.ca.shared.global [%r4], [%rd4], 16;
  cp.async.ca.shared.global [%r4+16], [%rd4+16], 16;
  cp.async.wait_all;
  bar.warp.sync -1;
  and.b32 %r5, %r1, 15;
  shr.u32 %r6, %r1, 4;
  shl.b32 %r7, %r5, 5;
  shl.b32 %r8, %r6, 4;
  add.u32 %r9, %r7, %r8;
  add.u32 %r10, %r2, %r9;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r10];
)") +
         (transposed ? R"(
  shl.b32 %r11, %r5, 4;
  add.u32 %r12, %r2, %r11;
  ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r24, %r25}, [%r12+512];
)"
                     : R"(
  and.b32 %r11, %r1, 7;
  shl.b32 %r12, %r11, 5;
  shr.u32 %r13, %r5, 3;
  shl.b32 %r14, %r13, 4;
  add.u32 %r12, %r12, %r14;
  add.u32 %r12, %r2, %r12;
  ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r24, %r25}, [%r12+512];
)") + R"(
  mov.f32 %f0, 0f00000000;
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f2, %f3, %f4}, {%r20, %r21, %r22, %r23}, {%r24, %r25}, {%f0, %f0, %f0, %f0};
  cvt.rn.bf16x2.f32 %r30, %f2, %f1;
  cvt.rn.bf16x2.f32 %r31, %f4, %f3;
  shl.b32 %r15, %r5, 4;
  add.u32 %r16, %r2, %r15;
  stmatrix.sync.aligned.m8n8.x2.shared.b16 [%r16+768], {%r30, %r31};
  bar.warp.sync -1;
  shl.b32 %r17, %r1, 3;
  add.u32 %r18, %r2, %r17;
  ld.shared.b64 %rd5, [%r18+768];
  cvt.u64.u32 %rd6, %r17;
  add.u64 %rd7, %rd2, %rd6;
  st.global.b64 [%rd7], %rd5;
  ret;
}
)";
}

TEST(Mma, LdmatrixMmaStmatrix) {
  start();
  std::vector<float> a = integers(16 * 16, 3), b = integers(16 * 8, 4);
  for (bool transposed : {false, true}) {
    std::vector<uint16_t> image(512, 0);
    for (unsigned i = 0; i < 256; ++i)
      image[i] = bf16(a[i]);
    for (unsigned depth = 0; depth < 16; ++depth)
      for (unsigned column = 0; column < 8; ++column)
        image[256 + (transposed ? depth * 8 + column : column * 16 + depth)] =
            bf16(b[depth * 8 + column]);
    Buffer<uint16_t> in(image), out(std::vector<uint16_t>(128, 0));
    ASSERT_EQ(
        run(mmaText(transposed), {1, 32, 1024}, {&in.address, &out.address}),
        "");
    std::vector<uint16_t> got = out.read();
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        float sum = 0;
        for (unsigned depth = 0; depth < 16; ++depth)
          sum += a[row * 16 + depth] * b[depth * 8 + column];
        uint32_t bits = uint32_t(got[row * 8 + column]) << 16;
        float value;
        std::memcpy(&value, &bits, 4);
        EXPECT_NEAR(value, sum, std::abs(sum) / 256);
      }
  }
}

TEST(Mma, PartOfTheWarp) {
  start();
  Buffer<uint16_t> in(std::vector<uint16_t>(512, 0)),
      out(std::vector<uint16_t>(128, 0));
  std::string text = with(mmaText(false), "mov.f32 %f0, 0f00000000;",
                          "mov.f32 %f0, 0f00000000;\n"
                          ".reg .pred %p1;\n  setp.lt.u32 %p1, %r1, 16;\n"
                          "  @%p1 bra PART;\n  bra END;\nPART:");
  text = with(text, "  ret;", "END:\n  ret;");
  expectReport(run(text, {1, 32, 1024}, {&in.address, &out.address}),
               {"mma.sync"});
}
