//===- Requantize.cpp - The fast form as Thumb-2 and as C -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/dsp/Requantize.h"

#include "codegen/c/families/FixedPointText.h"

namespace adze::families::dsp {

bool hasSteps(const FastRequantization &form) {
  return form.exact || (form.stepped && !form.unitSteps);
}

void emitSaturate(Assembly &a, const FastRequantization &form,
                  const std::string &name) {
  if (form.exact)
    a("ssat {0}, #8, {0}", name);
  else
    a("ssat {0}, #8, {0}, asr #{1}", name, form.shift);
  if (!form.clamps)
    return;
  a("sub {0}, {0}, #{1}", name, form.clampSubtract);
  a("ssat {0}, #8, {0}", name);
  a("add {0}, {0}, #{1}", name, form.clampAdd);
}

void emitRequantizeStepped(Assembly &a, const FastRequantization &form,
                           const std::string &sum,
                           const std::string &multiplier,
                           const std::string &addend, const std::string &step,
                           const std::string &spare) {
  if (!form.exact) {
    a("and {}, {}, {}, asr #31", spare, step, sum);
    a("smmlar {0}, {0}, {1}, {2}", sum, multiplier, addend);
    a("add {0}, {0}, {1}", sum, spare);
    return;
  }
  a("asr {0}, {0}, #{1}", sum, form.shift);
  if (form.twice) {
    a("smmlar {}, {}, {}, {}", spare, sum, multiplier, addend);
    a("add {0}, {1}, {0}, asr #31", sum, spare);
  } else {
    a("smmla {0}, {0}, {1}, {2}", sum, multiplier, addend);
  }
  a("asr {0}, {0}, {1}", sum, step);
}

std::string emitRequantizePairs(Assembly &a, const FastRequantization &form) {
  const std::pair<const char *, int> sums[] = {
      {"r2", 0}, {"r4", 0}, {"r3", 1}, {"r5", 1}};
  const char *multiplier[] = {"r6", "r8"}, *addend[] = {"r7", "r9"};
  const char *step[] = {"r10", "r11"};
  bool steps = hasSteps(form);
  a("ldmia r1!, {{{}}}", steps ? "r6-r12" : "r6-r10");
  for (auto [sum, c] : sums) {
    if (steps) {
      emitRequantizeStepped(a, form, sum, multiplier[c], addend[c], step[c],
                            "lr");
    } else if (form.stepped) {
      a("smmlar lr, {}, {}, {}", sum, multiplier[c], addend[c]);
      a("add {0}, lr, {0}, asr #31", sum);
    } else {
      a("smmlar {0}, {0}, {1}, {2}", sum, multiplier[c], addend[c]);
    }
  }
  for (auto [sum, c] : sums)
    emitSaturate(a, form, sum);
  return steps ? "r12" : "r10";
}

double requantizeInstructions(const Requantization &r) {
  bool bent = r.rounding == Rounding::twice && r.low < r.zeroPoint;
  bool clamps = r.low > -128 || r.high < 127;
  return 2 + (bent ? 2 : 0) + (clamps ? 3 : 0);
}

std::string formSuffix(const FastRequantization &form) {
  std::string suffix = form.exact ? fmt::format("_exact{}{}", form.shift,
                                                form.twice ? "" : "once")
                                  : fmt::format("_e{}", form.shift);
  if (form.stepped)
    suffix += form.unitSteps ? "_unit" : "_stepped";
  if (form.clamps)
    suffix += fmt::format("_clamp{}_{}", form.clampSubtract, form.clampAdd);
  return suffix;
}

std::string addPlainRequantize(KernelCode &code,
                               const FastRequantization &form) {
  std::string name = "adze_dsp_requantize" + formSuffix(form);
  std::string clamp =
      form.clamps ? fmt::format("  t -= {};\n"
                                "  t = t < -128 ? -128 : t > 127 ? 127 : t;\n"
                                "  t += {};\n",
                                form.clampSubtract, form.clampAdd)
                  : "";
  std::string multiply =
      form.exact
          ? fmt::format("  int64_t x = (int32_t)sum >> {};\n"
                        "  int64_t t = ((x * multiplier{}) >> 32) + addend{};\n"
                        "  t >>= step;\n",
                        form.shift, form.twice ? " + 2147483648LL" : "",
                        form.twice ? " - (x < 0)" : "")
          : fmt::format("  int64_t t = (((int64_t)(int32_t)sum * multiplier + "
                        "2147483648LL) >> 32) + addend;\n"
                        "  if (sum >> 31)\n    t += step;\n"
                        "  t >>= {};\n",
                        form.shift);
  addFunction(
      code, name,
      fmt::format("#if !defined(__ARM_FEATURE_DSP)\n"
                  "static int8_t {}(uint32_t sum, int32_t multiplier, int32_t "
                  "addend, int32_t step)\n{{\n"
                  "{}"
                  "  t = t < -128 ? -128 : t > 127 ? 127 : t;\n"
                  "{}  return (int8_t)t;\n}}\n#endif\n",
                  name, multiply, clamp));
  return name;
}

void addPlainDual(KernelCode &code) {
  addFunction(code, "adze_dsp_dual",
              R"(#if !defined(__ARM_FEATURE_DSP)
/* SMLAD: the products of both halves added to a sum that wraps around. */
static uint32_t adze_dsp_dual(int32_t x, int32_t y, uint32_t sum)
{
  int32_t low = (int16_t)((uint32_t)x & 0xffffu) * (int16_t)((uint32_t)y & 0xffffu);
  int32_t high = (int16_t)((uint32_t)x >> 16) * (int16_t)((uint32_t)y >> 16);
  return sum + (uint32_t)low + (uint32_t)high;
}
/* SXTB16: the low byte of each half. */
static int32_t adze_dsp_low_bytes(int32_t x)
{
  uint32_t low = (uint32_t)(int32_t)(int8_t)((uint32_t)x & 0xffu);
  uint32_t high = (uint32_t)(int32_t)(int8_t)(((uint32_t)x >> 16) & 0xffu);
  return (int32_t)((low & 0xffffu) | (high << 16));
}
#endif
)");
}

} // namespace adze::families::dsp
