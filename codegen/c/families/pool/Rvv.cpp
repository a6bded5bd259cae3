//===- Rvv.cpp - Pooling, RISC-V vectors ------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Lanes are channels. An average adds bytes to 16-bit sums, which hold up to
/// 255 pixels, or to 32-bit ones, and divides by vdiv, which truncates as
/// TFLite does after adding half of the divisor away from zero.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/rvv/ChannelLanes.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families {

namespace {

constexpr int64_t mostNarrow = 255; // pixels whose sum fits 16 bits

bool isNarrow(const PoolProblem &p) {
  return p.windowHeight * p.windowWidth <= mostNarrow;
}

/// Channels of a block at VLEN 128.
int64_t lanes(const PoolProblem &p) {
  return p.kind == PoolProblem::Kind::maximum ? 128 : isNarrow(p) ? 64 : 32;
}

std::string averageText(const PoolProblem &p) {
  bool narrow = isNarrow(p);
  const char *sum = narrow ? "i16m8" : "i32m8";
  int bits = narrow ? 16 : 32;
  std::string load =
      narrow ? "__riscv_vwadd_wv_i16m8(sum, __riscv_vle8_v_i8m4(from, vl), vl)"
             : "__riscv_vwadd_wv_i32m8(sum, "
               "__riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(from, vl), vl), "
               "vl)";
  std::string clamp;
  if (p.low > -128)
    clamp += fmt::format("          sum = __riscv_vmax_vx_{}(sum, {}, vl);\n",
                         sum, p.low);
  if (p.high < 127)
    clamp += fmt::format("          sum = __riscv_vmin_vx_{}(sum, {}, vl);\n",
                         sum, p.high);
  std::string bytes =
      narrow ? "__riscv_vse8_v_i8m4(to + c, __riscv_vncvt_x_x_w_i8m4(sum, vl), "
               "vl);"
             : "__riscv_vse8_v_i8m2(to + c, "
               "__riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(sum, vl), "
               "vl), vl);";
  return fmt::format(
      R"(          vint{0}m8_t sum = __riscv_vmv_v_x_{1}(0, vl);
          for (int32_t iy = top; iy < bottom; ++iy) {{
            const int8_t *from = in0 + ((n * {2} + iy) * {3} + left) * {4} + c;
#pragma clang loop unroll_count(4)
            for (int32_t ix = left; ix < right; ++ix) {{
              sum = {5};
              from += {4};
            }}
          }}
          /* sum / count, ties away from zero */
          sum = __riscv_vadd_vx_{1}(sum, (int{0}_t)half, vl);
          sum = __riscv_vsub_vv_{1}(sum, __riscv_vand_vx_{1}(__riscv_vsra_vx_{1}(__riscv_vsub_vx_{1}(sum, (int{0}_t)half, vl), {6}, vl), (int{0}_t)(2 * half), vl), vl);
          sum = __riscv_vdiv_vx_{1}(sum, (int{0}_t)count, vl);
{7}          {8}
)",
      bits, sum, p.inputHeight, p.inputWidth, p.channels, load, bits - 1, clamp,
      bytes);
}

std::string maximumText(const PoolProblem &p) {
  std::string clamp;
  if (p.low > -128)
    clamp += fmt::format(
        "          most = __riscv_vmax_vx_i8m8(most, {}, vl);\n", p.low);
  if (p.high < 127)
    clamp += fmt::format(
        "          most = __riscv_vmin_vx_i8m8(most, {}, vl);\n", p.high);
  return fmt::format(
      R"(          vint8m8_t most = __riscv_vmv_v_x_i8m8(-128, vl);
          for (int32_t iy = top; iy < bottom; ++iy) {{
            const int8_t *from = in0 + ((n * {0} + iy) * {1} + left) * {2} + c;
            for (int32_t ix = left; ix < right; ++ix) {{
              most = __riscv_vmax_vv_i8m8(most, __riscv_vle8_v_i8m8(from, vl), vl);
              from += {2};
            }}
          }}
{3}          __riscv_vse8_v_i8m8(to + c, most, vl);
)",
      p.inputHeight, p.inputWidth, p.channels, clamp);
}

std::string plainText(const PoolProblem &p) {
  bool average = p.kind == PoolProblem::Kind::average;
  return fmt::format(
      R"(        for (int32_t c = 0; c < {0}; ++c) {{
          int32_t value = {1};
          for (int32_t iy = top; iy < bottom; ++iy) {{
            for (int32_t ix = left; ix < right; ++ix) {{
              const int32_t element = in0[((n * {2} + iy) * {3} + ix) * {0} + c];
              value = {4};
            }}
          }}
{5}          value = value < {6} ? {6} : value;
          value = value > {7} ? {7} : value;
          to[c] = (int8_t)value;
        }}
)",
      p.channels, average ? "0" : "-128", p.inputHeight, p.inputWidth,
      average ? "value + element" : "element > value ? element : value",
      average ? "          value = (value < 0 ? value - half : value + half) / "
                "count;\n"
              : "",
      p.low, p.high);
}

class PoolRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "pool.rvv"; }
  std::string_view summary() const override {
    return "average and maximum, channels in lanes";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<PoolProblem>(&problem);
    return p && machine.hasRvv && p->type == QuantizedType::int8 &&
           p->windowHeight * p->windowWidth < (1 << 23) &&
           poolPortable().matches(problem, machine);
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<PoolProblem>(problem);
    bool average = p.kind == PoolProblem::Kind::average;
    double blocks = double((p.channels + lanes(p) - 1) / lanes(p));
    double pixels = double(p.batch * p.outputHeight * p.outputWidth);
    double pixel = average ? isNarrow(p) ? 3 : 5.5 : 4.5;
    KernelFeatures features;
    features.instructions =
        20 + pixels * (14 + blocks * (double(p.windowHeight) *
                                          (double(p.windowWidth) * pixel + 3) +
                                      (average ? 16 : 6)));
    features.loads = pixels * blocks * double(p.windowHeight * p.windowWidth);
    features.codeBytes = 400;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<PoolProblem>(problem);
    bool average = p.kind == PoolProblem::Kind::average;
    code.headers.insert("riscv_vector.h");
    code.body = fmt::format(
        R"(  for (int32_t n = 0; n < {0}; ++n) {{
    for (int32_t y = 0; y < {1}; ++y) {{
      for (int32_t x = 0; x < {2}; ++x) {{
        int8_t *const to = out0 + ((n * {1} + y) * {2} + x) * {3};
        const int32_t first = y * {4} - {5};
        const int32_t start = x * {6} - {7};
        const int32_t top = first < 0 ? 0 : first;
        const int32_t left = start < 0 ? 0 : start;
        const int32_t bottom = first + {8} > {9} ? {9} : first + {8};
        const int32_t right = start + {10} > {11} ? {11} : start + {10};
{12}#if {13}
        size_t vl;
        for (size_t c = 0; c < {3}; c += vl) {{
          vl = __riscv_vsetvl_e8m{14}({3} - c);
{15}        }}
#else
{16}#endif
      }}
    }}
  }}
)",
        p.batch, p.outputHeight, p.outputWidth, p.channels, p.strideHeight,
        p.padTop, p.strideWidth, p.padLeft, p.windowHeight, p.inputHeight,
        p.windowWidth, p.inputWidth,
        average ? "        const int32_t count = (bottom - top) * (right - "
                  "left);\n        const int32_t half = count / 2;\n"
                : "",
        rvv::vectorGuard, lanes(p) / 16,
        average ? averageText(p) : maximumText(p), plainText(p));
    return true;
  }
};

} // namespace

const KernelFamily &poolRvv() {
  static const PoolRvv family;
  return family;
}

} // namespace adze::families
