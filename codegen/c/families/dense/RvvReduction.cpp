//===- RvvReduction.cpp - Few outputs, RISC-V vectors -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Fully connected layers of few outputs leave most lanes empty where lanes are
/// outputs. Here they are inputs: two outputs share the load of the
/// activations, and a reduction adds up the lanes at the end.
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelLanes.h"
#include "codegen/c/families/rvv/Requantize.h"

#include <fmt/format.h>

#include <cstring>

namespace adze::families {

namespace {

/// More outputs are always better off in lanes.
constexpr int64_t mostOutputs = 16;

/// The sums of `count` outputs (1 or 2) at `weights`, requantized.
std::string outputsText(const ConvolutionProblem &p,
                        const rvv::Requantizer &requantizer, int count,
                        KernelCode &code) {
  std::string zeros, products, results;
  for (int i = 0; i < count; ++i) {
    zeros +=
        fmt::format("    vint32m8_t sum{} = "
                    "__riscv_vmv_v_x_i32m8(0, __riscv_vsetvlmax_e32m8());\n",
                    i);
    products +=
        fmt::format("      sum{0} = __riscv_vwmacc_vv_i32m8_tu(sum{0}, x, "
                    "__riscv_vle16_v_i16m4(weights + {1} + k, vl), vl);\n",
                    i, i * p.inputChannels);
    std::string channel = i ? fmt::format("(o + {})", i) : "o";
    results += fmt::format(
        "    {{\n      int32_t value = "
        "__riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m8_i32m1(sum{0}, "
        "__riscv_vmv_s_x_i32m1(c1[{1}], 1), __riscv_vsetvlmax_e32m8()));\n"
        "{2}      out0[{1}] = (int8_t)value;\n    }}\n",
        i, channel, requantizer.scalar(channel, channel, "      ", code));
  }
  return fmt::format(
      R"({0}    for (size_t k = 0; k < {1}; k += vl) {{
      vl = __riscv_vsetvl_e16m4({1} - k);
      const vint16m4_t x = __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2(in0 + k, vl), vl);
{2}    }}
{3})",
      zeros, p.inputChannels, products, results);
}

class DenseReductionRvv final : public KernelFamily {
public:
  std::string_view name() const override { return "dense.reduction.rvv"; }
  std::string_view summary() const override {
    return "fully connected with few outputs, inputs in lanes";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return p && rvv::isVectorConvolution(*p, machine) && p->groups == 1 &&
           p->kernelHeight == 1 && p->kernelWidth == 1 && p->padTop == 0 &&
           p->padLeft == 0 && p->outputElements() == p->outputChannels &&
           p->inputElements() == p->inputChannels &&
           p->outputChannels <= mostOutputs;
  }

  std::vector<Schedule> schedules(const Problem &,
                                  const Machine &) const override {
    return {{std::string(name()), {}}};
  }

  KernelFeatures features(const Problem &problem, const Schedule &,
                          const Machine &) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    auto pairs = double(p.outputChannels / 2),
         odd = double(p.outputChannels % 2);
    double turns = double((p.inputChannels + 31) / 32);
    KernelFeatures features;
    features.instructions = 20 + pairs * (16 + turns * 13) +
                            odd * (12 + turns * 10) +
                            double(p.outputChannels) * (p.residual ? 40 : 30);
    features.loads = (pairs * 3 + odd * 2) * turns;
    features.constantBytes = p.outputChannels * (2 * p.inputChannels + 10);
    features.codeBytes = 500;
    return features;
  }

  bool generate(const Problem &problem, const Schedule &, const Machine &,
                KernelCode &code) const override {
    const auto &p = std::get<ConvolutionProblem>(problem);
    rvv::Requantizer requantizer;
    if (!requantizer.build(p))
      return false;
    KernelConstant weights;
    weights.type = QuantizedType::int16;
    weights.bytes.resize(p.weights.size() * 2);
    for (size_t i = 0; i < p.weights.size(); ++i) {
      int16_t value = p.weights[i];
      std::memcpy(weights.bytes.data() + 2 * i, &value, 2);
    }
    code.constants = {weights, wordConstant(requantizer.words()),
                      rvv::shiftConstant(requantizer.shifts())};
    code.headers.insert("riscv_vector.h");
    int64_t pairs = p.outputChannels / 2;
    code.body = fmt::format("#if {}\n  const int16_t *weights = c0;\n"
                            "  size_t vl;\n  size_t o = 0;\n",
                            rvv::vectorGuard);
    if (pairs)
      code.body += fmt::format(
          "#pragma clang loop unroll(disable)\n"
          "  for (; o < {}; o += 2) {{\n{}    weights += {};\n  }}\n",
          2 * pairs, outputsText(p, requantizer, 2, code), 2 * p.inputChannels);
    if (p.outputChannels % 2)
      code.body += "  {\n" + outputsText(p, requantizer, 1, code) + "  }\n";
    code.body += fmt::format(
        R"(#else
  for (int32_t o = 0; o < {0}; ++o) {{
    uint32_t sum = (uint32_t)c1[o];
    int32_t value;
    for (int32_t i = 0; i < {1}; ++i) {{
      sum += (uint32_t)(in0[i] * c0[o * {1} + i]);
    }}
    value = (int32_t)sum;
{2}    out0[o] = (int8_t)value;
  }}
#endif
)",
        p.outputChannels, p.inputChannels,
        requantizer.scalar("o", "o", "    ", code));
    return true;
  }
};

} // namespace

const KernelFamily &denseReductionRvv() {
  static const DenseReductionRvv family;
  return family;
}

} // namespace adze::families
