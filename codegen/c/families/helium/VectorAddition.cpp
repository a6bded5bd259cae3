//===- VectorAddition.cpp - Addition on Helium ------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/VectorAddition.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/addition/LinearForm.h"
#include "codegen/c/families/helium/AsmText.h"

#include <cstdlib>
#include <cstring>

namespace adze::families::helium {

namespace {

/// Elements of one turn of the loop.
constexpr int64_t turn = 16;

// r0 = a, r1 = b, r2 = {p, q, r, low, high, turns}, r3 = out. Four elements
// widen to a vector of 32-bit lanes; two narrowing steps leave element 4 k + i
// of vector k in byte 4 i + {0, 2, 1, 3}[k], where the scatter takes it from.
// The narrowing shifts round, because GNU as 2.40 assembles VQSHRN as VQRSHRN.
AsmText assembly(const LinearForm &form, bool clamp) {
  AsmText text;
  text.op("push {{r4-r10, lr}}");
  text.op("vpush {{d8-d15}}");
  text.op("ldm r2!, {{r4, r5, r6, r7, r8, lr}}");
  text.op("vldrb.u8 q7, [r2]");
  text.op("vdup.8 q5, r7");
  text.op("vdup.8 q6, r8");
  text.op("vdup.32 q4, r4");
  text.op("cmp lr, #0");
  text.op("beq.w 9f");
  text.op("dls lr, lr");
  text.countTile(true);
  int label = text.label();
  auto product = [&](const char *q, const char *scratch) {
    text.op("vldrb.s32 {}, [r0], #4", q);
    text.op("vldrb.s32 {}, [r1], #4", scratch);
    text.op("vmlas.s32 {}, q4, r6", q);
    text.op("vmla.s32 {}, {}, r5", q, scratch);
  };
  product("q0", "q3");
  product("q1", "q3");
  text.op("vqrshrnb.s32 q0, q0, #16");
  text.op("vqrshrnt.s32 q0, q1, #16");
  product("q2", "q3");
  product("q1", "q3");
  text.op("vqrshrnb.s32 q2, q2, #16");
  text.op("vqrshrnt.s32 q2, q1, #16");
  text.op("vqrshrnb.s16 q0, q0, #{}", form.shift - 16);
  text.op("vqrshrnt.s16 q0, q2, #{}", form.shift - 16);
  if (clamp) {
    text.op("vmax.s8 q0, q0, q5");
    text.op("vmin.s8 q0, q0, q6");
  }
  text.op("vstrb.8 q0, [r3, q7]");
  text.op("adds r3, r3, #{}", turn);
  text.op("le lr, {}b", label);
  text.countTile(false);
  text.mark(9);
  text.op("vpop {{d8-d15}}");
  text.op("pop {{r4-r10, pc}}");
  return text;
}

} // namespace

std::string additionCall(const Addition &addition, int64_t elements,
                         const std::string &a, const std::string &b,
                         const std::string &out, KernelCode &code) {
  std::optional<LinearForm> form = findLinearForm(addition);
  if (!form)
    return "";
  // The narrowing shifts round; the constant takes that back.
  int64_t rounded = int64_t(form->r) - (1 << 15) - (1 << (form->shift - 1));
  if (128 * (std::abs(int64_t(form->p)) + std::abs(int64_t(form->q))) +
          std::abs(rounded) >
      INT32_MAX)
    return "";
  bool clamp = addition.low > -128 || addition.high < 127;
  code.headers.insert("arm_mve.h");
  std::string name =
      fmt::format("adze_mve_add_shift{}{}", form->shift, clamp ? "_clamp" : "");
  addFunction(
      code, name,
      nakedFunction(
          fmt::format("y[i] = clamp((a[i] * p + b[i] * q + r) >> {}), which is "
                      "TFLite's addition for every pair of int8.",
                      form->shift),
          name,
          {"const int8_t *a", "const int8_t *b", "const int8_t *factors",
           "int8_t *out"},
          assembly(*form, clamp),
          fmt::format(R"(  int32_t f[6], i;
  memcpy(f, factors, sizeof f);
  for (i = 0; i < f[5] * {0}; ++i) {{
    int32_t y = (((a[i] * f[0] + b[i] * f[1] + f[2] + 32768) >> 16) + {1}) >> {2};
    y = y < f[3] ? f[3] : y;
    y = y > f[4] ? f[4] : y;
    out[i] = (int8_t)y;
  }}
)",
                      turn, 1 << (form->shift - 17), form->shift - 16)));
  KernelConstant constant;
  constant.type = QuantizedType::int8;
  constant.bytes.resize(24);
  const int32_t words[] = {form->p,          form->q,
                           int32_t(rounded), addition.low,
                           addition.high,    int32_t(elements / turn)};
  std::memcpy(constant.bytes.data(), words, sizeof words);
  for (int64_t byte = 0; byte < turn; ++byte) {
    const int64_t vectorOf[] = {0, 2, 1, 3};
    constant.bytes.push_back(char(4 * vectorOf[byte % 4] + byte / 4));
  }
  std::string factors = fmt::format("c{}", code.constants.size());
  code.constants.push_back(constant);
  std::string text =
      fmt::format("  {}({}, {}, {}, {});\n", name, a, b, factors, out);
  if (int64_t rest = elements % turn) {
    std::string one = name + "_one";
    addFunction(
        code, one,
        fmt::format(
            R"(static void {0}(const int8_t *a, const int8_t *b, const int8_t *factors, int8_t *out, int32_t n)
{{
  int32_t f[6], i;
  memcpy(f, factors, sizeof f);
  for (i = 0; i < n; ++i) {{
    int32_t y = (((a[i] * f[0] + b[i] * f[1] + f[2] + 32768) >> 16) + {1}) >> {2};
    y = y < f[3] ? f[3] : y;
    y = y > f[4] ? f[4] : y;
    out[i] = (int8_t)y;
  }}
}}
)",
            one, 1 << (form->shift - 17), form->shift - 16));
    text += fmt::format("  {0}({1} + {5}, {2} + {5}, {3}, {4} + {5}, {6});\n",
                        one, a, b, factors, out, elements - rest, rest);
  }
  return text;
}

double additionInstructions(int64_t elements) {
  LinearForm form;
  form.shift = 20;
  AsmText text = assembly(form, false);
  return text.perCall() + double(elements / turn) * text.perTileCall() + 8 +
         double(elements % turn) * 12 + (elements % turn ? 20 : 0);
}

} // namespace adze::families::helium
