//===- arithmetic_test.cpp - Arithmetic of PTX against the host's ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

using namespace adze::test;

namespace {

/// Runs one instruction over 32-bit operands, a lane each.
/// `body` reads %a, %b, %c (b32) and writes %d.
std::vector<uint32_t> run32(const std::string &body,
                            const std::vector<uint32_t> &a,
                            const std::vector<uint32_t> &b,
                            const std::vector<uint32_t> &c) {
  std::string text = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 pa, .param .u64 pb, .param .u64 pc,
                  .param .u64 pd)
{
  .reg .pred %p<4>;
  .reg .b16 %h<8>;
  .reg .b32 %a, %b, %c, %d, %t, %r<8>;
  .reg .b64 %rd<12>;
  ld.param.u64 %rd0, [pa];
  ld.param.u64 %rd1, [pb];
  ld.param.u64 %rd2, [pc];
  ld.param.u64 %rd3, [pd];
  mov.u32 %t, %tid.x;
  mul.wide.u32 %rd4, %t, 4;
  add.s64 %rd0, %rd0, %rd4;
  add.s64 %rd1, %rd1, %rd4;
  add.s64 %rd2, %rd2, %rd4;
  add.s64 %rd3, %rd3, %rd4;
  ld.global.b32 %a, [%rd0];
  ld.global.b32 %b, [%rd1];
  ld.global.b32 %c, [%rd2];
)" + body + R"(
  st.global.b32 [%rd3], %d;
  ret;
}
)";
  start();
  Buffer<uint32_t> da(a), db(b), dc(c);
  Buffer<uint32_t> dd{std::vector<uint32_t>(a.size())};
  EXPECT_EQ(run(text, {1, unsigned(a.size()), 0},
                {&da.address, &db.address, &dc.address, &dd.address}),
            "")
      << body;
  return dd.read();
}

/// Values at the edges of integers and floats, in all pairs.
struct Pairs {
  std::vector<uint32_t> a, b, c;
  explicit Pairs(const std::vector<uint32_t> &values) {
    for (uint32_t x : values)
      for (uint32_t y : values) {
        a.push_back(x);
        b.push_back(y);
        c.push_back(x * 2654435761u ^ y);
      }
  }
};
const Pairs &integers() {
  static const Pairs pairs({0, 1, 2, 3, 7, 31, 32, 33, 255, 0x8000, 0xffff,
                            0x12345678, 0x7fffffff, 0x80000000, 0x80000001,
                            0xfffffffe, 0xffffffff});
  return pairs;
}
uint32_t bits(float f) { return std::bit_cast<uint32_t>(f); }
float value(uint32_t u) { return std::bit_cast<float>(u); }
const Pairs &floats() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  static const Pairs pairs({bits(0.0f),
                            bits(-0.0f),
                            bits(1),
                            bits(-1),
                            bits(1.5f),
                            bits(-2.5f),
                            bits(3.25f),
                            bits(1e-40f),
                            bits(-1e-45f),
                            bits(1.17549435e-38f),
                            bits(3.4e38f),
                            bits(-3.4e38f),
                            bits(inf),
                            bits(-inf),
                            0x7fc00000,
                            bits(0.1f),
                            bits(65519),
                            bits(65520),
                            bits(2147483648.0f),
                            bits(4294967296.0f),
                            bits(-2147483904.0f)});
  return pairs;
}

using Reference = std::function<uint32_t(uint32_t, uint32_t, uint32_t)>;

void expectIntegers(const std::string &body, const Reference &reference) {
  const Pairs &p = integers();
  std::vector<uint32_t> got = run32(body, p.a, p.b, p.c);
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(got[i], reference(p.a[i], p.b[i], p.c[i]))
        << body << " of " << std::hex << p.a[i] << ", " << p.b[i] << ", "
        << p.c[i];
}

using FloatReference = std::function<float(float, float)>;
void expectFloats(const std::string &body, const FloatReference &reference) {
  const Pairs &p = floats();
  std::vector<uint32_t> got = run32(body, p.a, p.b, p.c);
  for (size_t i = 0; i < got.size(); ++i) {
    float want = reference(value(p.a[i]), value(p.b[i]));
    if (std::isnan(want))
      EXPECT_TRUE(std::isnan(value(got[i])))
          << body << value(p.a[i]) << ", " << value(p.b[i]);
    else
      EXPECT_EQ(got[i], bits(want))
          << body << value(p.a[i]) << ", " << value(p.b[i]);
  }
}

TEST(Integer, WrapsAndWidens) {
  expectIntegers("add.s32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return a + b; });
  expectIntegers("sub.u32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return a - b; });
  expectIntegers("mul.lo.s32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return a * b; });
  expectIntegers("mul.hi.s32 %d, %a, %b;", [](auto a, auto b, auto) {
    return uint32_t(uint64_t(int64_t(int32_t(a)) * int32_t(b)) >> 32);
  });
  expectIntegers("mul.hi.u32 %d, %a, %b;", [](auto a, auto b, auto) {
    return uint32_t(uint64_t(a) * b >> 32);
  });
  expectIntegers("mad.lo.s32 %d, %a, %b, %c;",
                 [](auto a, auto b, auto c) { return a * b + c; });
  expectIntegers("mul.wide.s32 %rd5, %a, %b; mov.b64 {%r0, %d}, %rd5;",
                 [](auto a, auto b, auto) {
                   return uint32_t(uint64_t(int64_t(int32_t(a)) * int32_t(b)) >>
                                   32);
                 });
  expectIntegers("add.sat.s32 %d, %a, %b;", [](auto a, auto b, auto) {
    int64_t r = int64_t(int32_t(a)) + int32_t(b);
    return uint32_t(
        std::min<int64_t>(std::max<int64_t>(r, INT32_MIN), INT32_MAX));
  });
  expectIntegers("sad.u32 %d, %a, %b, %c;", [](auto a, auto b, auto c) {
    return c + (a < b ? b - a : a - b);
  });
  expectIntegers("dp4a.s32.s32 %d, %a, %b, %c;", [](auto a, auto b, auto c) {
    for (int i = 0; i < 4; ++i)
      c += uint32_t(int8_t(a >> 8 * i) * int8_t(b >> 8 * i));
    return c;
  });
}

TEST(Integer, DividesAndBounds) {
  expectIntegers("div.s32 %d, %a, %b;", [](auto a, auto b, auto) {
    return b == 0            ? ~0u
           : b == 0xffffffff ? 0u - a
                             : uint32_t(int32_t(a) / int32_t(b));
  });
  expectIntegers("rem.u32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return b ? a % b : a; });
  expectIntegers("min.s32 %d, %a, %b;", [](auto a, auto b, auto) {
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  });
  expectIntegers("max.u32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return std::max(a, b); });
  expectIntegers("abs.s32 %d, %a;", [](auto a, auto, auto) {
    return int32_t(a) < 0 ? 0u - a : a;
  });
}

TEST(Bits, ShiftsClampAndFunnel) {
  expectIntegers("shl.b32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return b > 31 ? 0 : a << b; });
  expectIntegers("shr.u32 %d, %a, %b;",
                 [](auto a, auto b, auto) { return b > 31 ? 0 : a >> b; });
  expectIntegers("shr.s32 %d, %a, %b;", [](auto a, auto b, auto) {
    return uint32_t(int32_t(a) >> (b > 31 ? 31 : b));
  });
  expectIntegers("shf.l.wrap.b32 %d, %a, %b, %c;", [](auto a, auto b, auto c) {
    c &= 31;
    return c ? b << c | a >> (32 - c) : b;
  });
  expectIntegers("shf.r.clamp.b32 %d, %a, %b, %c;", [](auto a, auto b, auto c) {
    return c >= 32 ? b : c ? b << (32 - c) | a >> c : a;
  });
}

TEST(Bits, FieldsAndCounts) {
  expectIntegers("bfe.u32 %d, %a, 4, 9;",
                 [](auto a, auto, auto) { return a >> 4 & 511; });
  expectIntegers("bfe.s32 %d, %a, 28, 9;",
                 [](auto a, auto, auto) { return uint32_t(int32_t(a) >> 28); });
  expectIntegers("bfi.b32 %d, %a, %b, 8, 12;", [](auto a, auto b, auto) {
    return (b & ~(0xfffu << 8)) | (a & 0xfff) << 8;
  });
  expectIntegers("lop3.b32 %d, %a, %b, %c, 0xe8;", [](auto a, auto b, auto c) {
    return (a & b) | (a & c) | (b & c);
  });
  expectIntegers("prmt.b32 %d, %a, %b, 0x5410;",
                 [](auto a, auto b, auto) { return (a & 0xffff) | b << 16; });
  expectIntegers("prmt.b32 %d, %a, %b, 0x9bbb;", [](auto a, auto, auto) {
    uint32_t s = a >> 31 ? 0xffffff : 0;
    return s | (a & 0x8000 ? 0xff000000u : 0);
  });
  expectIntegers("popc.b32 %d, %a;",
                 [](auto a, auto, auto) { return uint32_t(std::popcount(a)); });
  expectIntegers("clz.b32 %d, %a;", [](auto a, auto, auto) {
    return uint32_t(std::countl_zero(a));
  });
  expectIntegers("brev.b32 %d, %a;", [](auto a, auto, auto) {
    uint32_t r = 0;
    for (int i = 0; i < 32; ++i)
      r |= (a >> i & 1) << (31 - i);
    return r;
  });
}

TEST(Float, RoundsAsItSays) {
  expectFloats("add.rn.f32 %d, %a, %b;",
               [](float a, float b) { return a + b; });
  expectFloats("mul.f32 %d, %a, %b;", [](float a, float b) { return a * b; });
  expectFloats("fma.rn.f32 %d, %a, %b, %a;",
               [](float a, float b) { return std::fma(a, b, a); });
  expectFloats("div.rn.f32 %d, %a, %b;",
               [](float a, float b) { return a / b; });
  expectFloats("sqrt.rn.f32 %d, %a;",
               [](float a, float) { return std::sqrt(a); });
  auto down = [](float a, float b) {
    double exact = double(a) + b;
    float r = float(exact);
    return double(r) > exact ? std::nextafter(r, -HUGE_VALF) : r;
  };
  std::vector<uint32_t> got =
      run32("add.rm.f32 %d, %a, %b;", {bits(1), bits(-1)},
            {bits(1e-10f), bits(-1e-10f)}, {0, 0});
  EXPECT_EQ(value(got[0]), down(1, 1e-10f));
  EXPECT_EQ(value(got[1]), down(-1, -1e-10f));
}

TEST(Float, SaturatesFlushesAndBounds) {
  expectFloats("add.sat.f32 %d, %a, %b;", [](float a, float b) {
    float r = a + b;
    return r > 0 ? std::min(r, 1.0f) : 0.0f;
  });
  auto flush = [](float a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0f, a) : a;
  };
  expectFloats("mul.ftz.f32 %d, %a, %b;",
               [&](float a, float b) { return flush(flush(a) * flush(b)); });
  expectFloats("max.f32 %d, %a, %b;", [](float a, float b) {
    return std::isnan(a)   ? b
           : std::isnan(b) ? a
           : a == b        ? (std::signbit(a) ? b : a)
                           : std::max(a, b);
  });
  expectFloats("min.NaN.f32 %d, %a, %b;", [](float a, float b) {
    return std::isnan(a) || std::isnan(b) ? NAN
           : a == b                       ? (std::signbit(a) ? a : b)
                                          : std::min(a, b);
  });
}

TEST(Compare, TreatsNaNAsTheIsaSays) {
  auto table = [](const std::string &name,
                  std::function<bool(float, float)> holds) {
    const Pairs &p = floats();
    auto got = run32("setp." + name +
                         ".f32 %p0, %a, %b; selp.b32 %d, 1, 0, "
                         "%p0;",
                     p.a, p.b, p.c);
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(got[i], uint32_t(holds(value(p.a[i]), value(p.b[i]))))
          << name << value(p.a[i]) << ", " << value(p.b[i]);
  };
  table("lt", [](float a, float b) { return a < b; });
  table("ne", [](float a, float b) { return a < b || a > b; });
  table("neu", [](float a, float b) { return a != b; });
  table("geu", [](float a, float b) { return !(a < b); });
  table("num", [](float a, float b) { return a == a && b == b; });
  table("nan", [](float a, float b) { return a != a || b != b; });
}

TEST(Convert, FloatsToIntegersSaturate) {
  const Pairs &p = floats();
  auto got = run32("cvt.rzi.s32.f32 %d, %a;", p.a, p.b, p.c);
  auto down = run32("cvt.rmi.u32.f32 %d, %a;", p.a, p.b, p.c);
  auto byte = run32("cvt.rni.sat.s8.f32 %d, %a;", p.a, p.b, p.c);
  for (size_t i = 0; i < got.size(); ++i) {
    double v = value(p.a[i]);
    auto clamp = [&](double r, double low, double high) {
      return std::isnan(v) ? 0.0 : std::min(std::max(r, low), high);
    };
    EXPECT_EQ(int32_t(got[i]),
              int32_t(clamp(std::trunc(v), INT32_MIN, INT32_MAX)))
        << v;
    EXPECT_EQ(down[i], uint32_t(clamp(std::floor(v), 0, UINT32_MAX))) << v;
    EXPECT_EQ(int32_t(byte[i]), int32_t(clamp(std::nearbyint(v), -128, 127)))
        << v;
  }
}

TEST(Convert, SmallFloatsRoundToNearestEven) {
  std::vector<uint32_t> a = {
      bits(1),        bits(65519), bits(65520), bits(-0.0f), bits(6e-8f),
      bits(2.98e-8f), 0x3f808000,  0x3f818000,  0x7fc00000,  bits(-3)};
  std::vector<uint32_t> none(a.size());
  auto half =
      run32("cvt.rn.f16.f32 %h0, %a; cvt.u32.u16 %d, %h0;", a, none, none);
  EXPECT_EQ(half[0], 0x3c00u);
  EXPECT_EQ(half[1], 0x7bffu);
  EXPECT_EQ(half[2], 0x7c00u);
  EXPECT_EQ(half[3], 0x8000u);
  EXPECT_EQ(half[4], 0x0001u);
  EXPECT_EQ(half[5], 0x0000u);
  EXPECT_EQ(half[8] & 0x7c00, 0x7c00u);
  EXPECT_NE(half[8] & 0x3ff, 0u);
  auto bfloat =
      run32("cvt.rn.bf16.f32 %h0, %a; cvt.u32.u16 %d, %h0;", a, none, none);
  EXPECT_EQ(bfloat[0], 0x3f80u);
  EXPECT_EQ(bfloat[6], 0x3f80u); // a tie to even
  EXPECT_EQ(bfloat[7], 0x3f82u);
  auto pair = run32("cvt.rn.bf16x2.f32 %d, %a, %b;", {bits(1)}, {bits(2)}, {0});
  EXPECT_EQ(pair[0], 0x3f804000u); // the first operand lies above
  auto zero = run32("cvt.rz.bf16.f32 %h0, %a; cvt.u32.u16 %d, %h0;",
                    {0x3f80ffff, 0xbf80ffff}, {0, 0}, {0, 0});
  EXPECT_EQ(zero[0], 0x3f80u);
  EXPECT_EQ(zero[1], 0xbf80u);
  auto tf32 = run32("cvt.rna.tf32.f32 %d, %a;", {0x3f801000}, {0}, {0});
  EXPECT_EQ(tf32[0], 0x3f802000u);
  auto eight =
      run32("cvt.rn.satfinite.e4m3x2.f32 %h0, %a, %b; "
            "cvt.u32.u16 %d, %h0;",
            {bits(1), bits(1000)}, {bits(-0.5f), bits(0.0625f)}, {0, 0});
  EXPECT_EQ(eight[0], 0x38b0u);
  EXPECT_EQ(eight[1], 0x7e18u);
}

TEST(Half, FmaRoundsOnce) {
  // (1 + 2^-10) (1 + 3 * 2^-10) - 1 = 2^-8 (1 + 0.75 ulp); a product rounded
  // first would give 2^-8.
  auto got = run32("fma.rn.f16x2 %d, %a, %b, %c;", {0x3c013c01}, {0x3c033c03},
                   {0xbc00bc00});
  EXPECT_EQ(got[0], 0x1c011c01u);
  auto relu = run32("fma.rn.relu.bf16x2 %d, %a, %b, %c;", {0xbf803f80},
                    {0x40004000}, {0x00000000});
  EXPECT_EQ(relu[0], 0x00004000u);
}

} // namespace
