//===- mma_types_test.cpp - mma.sync of every shape and type ------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "Numbers.h"

#include <random>

using namespace adze::test;

namespace {
/// An instruction and how a small integer looks as its operand.
struct Case {
  const char *shape;
  unsigned k;
  const char *d, *operand, *c;
  unsigned bits;
};

std::string registers(const char *prefix, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::string(prefix) + std::to_string(i);
  return text + "}";
}
} // namespace

/// Operands lie in memory as 16 registers a lane: A, B, C from 0, 4, 8.
static std::string text(const Case &c) {
  unsigned a = 16 * c.k * c.bits / 1024, b = 8 * c.k * c.bits / 1024;
  unsigned cCount = c.c == std::string("f16") ? 2 : 4;
  unsigned dCount = c.d == std::string("f16") ? 2 : 4;
  std::string out = R"(.version 8.4
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out)
{
.reg .b32 %r<4>;
.reg .b32 %a<4>;
.reg .b32 %b<4>;
.reg .b32 %c<4>;
.reg .b32 %d<4>;
.reg .b64 %rd<8>;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd3, %r1, 64;
  add.u64 %rd4, %rd1, %rd3;
  mul.wide.u32 %rd5, %r1, 16;
  add.u64 %rd6, %rd2, %rd5;
)";
  auto load = [&](const char *prefix, unsigned count, unsigned offset) {
    for (unsigned i = 0; i < count; ++i)
      out += std::string("  ld.global.b32 ") + prefix + std::to_string(i) +
             ", [%rd4+" + std::to_string(4 * (offset + i)) + "];\n";
  };
  load("%a", a, 0);
  load("%b", b, 4);
  load("%c", cCount, 8);
  out += std::string("  mma.sync.aligned.") + c.shape + ".row.col." + c.d +
         "." + c.operand + "." + c.operand + "." + c.c + " " +
         registers("%d", dCount) + ", " + registers("%a", a) + ", " +
         registers("%b", b) + ", " + registers("%c", cCount) + ";\n";
  for (unsigned i = 0; i < dCount; ++i)
    out += "  st.global.b32 [%rd6+" + std::to_string(4 * i) + "], %d" +
           std::to_string(i) + ";\n";
  return out + "  ret;\n}\n";
}

static void check(const Case &c) {
  SCOPED_TRACE(std::string(c.shape) + "." + c.operand + " to " + c.d);
  start();
  std::mt19937 random(5);
  bool isUnsigned = c.operand == std::string("u8");
  auto next = [&] { return int(random() % 9) - (isUnsigned ? 0 : 4); };
  std::vector<int> a(16 * c.k), b(c.k * 8), sum(16 * 8);
  for (auto *values : {&a, &b, &sum})
    for (int &value : *values)
      value = next();
  std::vector<uint32_t> in(32 * 16, 0);
  unsigned e = 32 / c.bits;
  auto put = [&](unsigned lane, unsigned reg, unsigned i, const char *type,
                 unsigned bits, int value) {
    in[lane * 16 + reg] |= encode(type, value) << (bits * i % 32);
  };
  // The formulas of the ISA: g = lane / 4, t = lane % 4.
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane / 4, t = lane % 4;
    for (unsigned chunk = 0; chunk * 4 * e < c.k; ++chunk)
      for (unsigned i = 0; i < e; ++i) {
        unsigned k = chunk * 4 * e + t * e + i;
        put(lane, 2 * chunk, i, c.operand, c.bits, a[g * c.k + k]);
        put(lane, 2 * chunk + 1, i, c.operand, c.bits, a[(g + 8) * c.k + k]);
        put(lane, 4 + chunk, i, c.operand, c.bits, b[k * 8 + g]);
      }
    for (unsigned i = 0; i < 4; ++i) {
      int value = sum[(g + (i / 2) * 8) * 8 + 2 * t + i % 2];
      if (c.c == std::string("f16"))
        put(lane, 8 + i / 2, i % 2, c.c, 16, value);
      else
        put(lane, 8 + i, 0, c.c, 32, value);
    }
  }
  Buffer<uint32_t> from(in), to(std::vector<uint32_t>(32 * 4, 0));
  ASSERT_EQ(run(text(c), {1, 32, 0}, {&from.address, &to.address}), "");
  std::vector<uint32_t> got = to.read();
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + (i / 2) * 8, column = 2 * (lane % 4) + i % 2;
      int expected = sum[row * 8 + column];
      for (unsigned k = 0; k < c.k; ++k)
        expected += a[row * c.k + k] * b[k * 8 + column];
      uint32_t bits = c.d == std::string("f16")
                          ? got[lane * 4 + i / 2] >> 16 * (i % 2) & 0xffff
                          : got[lane * 4 + i];
      EXPECT_EQ(decode(c.d, bits), expected);
    }
}

TEST(MmaTypes, EveryShapeAndType) {
  for (Case c : {Case{"m16n8k4", 4, "f32", "tf32", "f32", 32},
                 Case{"m16n8k8", 8, "f32", "tf32", "f32", 32},
                 Case{"m16n8k8", 8, "f32", "bf16", "f32", 16},
                 Case{"m16n8k8", 8, "f32", "f16", "f32", 16},
                 Case{"m16n8k16", 16, "f32", "f16", "f32", 16},
                 Case{"m16n8k16", 16, "f16", "f16", "f16", 16},
                 Case{"m16n8k16", 16, "f32", "bf16", "f32", 16},
                 Case{"m16n8k16", 16, "s32", "s8", "s32", 8},
                 Case{"m16n8k32", 32, "s32", "s8", "s32", 8},
                 Case{"m16n8k32", 32, "s32", "u8", "s32", 8},
                 Case{"m16n8k32", 32, "f32", "e4m3", "f32", 8},
                 Case{"m16n8k32", 32, "f32", "e5m2", "f32", 8}})
    check(c);
}

TEST(MmaTypes, ShapesThatDoNotExist) {
  EXPECT_NE(run(text({"m16n8k8", 8, "s32", "s8", "s32", 8}), {1, 32, 0}, {}),
            "");
}
