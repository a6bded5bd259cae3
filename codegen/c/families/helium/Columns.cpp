//===- Columns.cpp - Input rows as columns of windows -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/Columns.h"

#include "codegen/c/families/FixedPointText.h"

#include <fmt/format.h>

#include <algorithm>

namespace adze::families::helium {

int64_t Columns::copied() const {
  return std::min(p.inputWidth, count() - p.padLeft);
}

// Offsets of a byte scatter are bytes themselves.
int64_t Columns::perVector() const {
  int64_t c = p.inputChannels, n = 16 / std::max<int64_t>(c, 1);
  while (n > 1 && (n - 1) * columnBytes() + c - 1 > 255)
    --n;
  return c < 16 && n > 1 ? n : 0;
}

std::string copyFunction(KernelCode &code) {
  addFunction(
      code, "adze_mve_copy",
      R"(static inline void adze_mve_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
#if defined(__ARM_FEATURE_MVE)
  do {
    mve_pred16_t p = vctp8q((uint32_t)bytes);
    vstrbq_p_s8(to, vldrbq_z_s8(from, p), p);
    to += 16;
    from += 16;
    bytes -= 16;
  } while (bytes > 0);
#else
  memcpy(to, from, (size_t)bytes);
#endif
}
)");
  return "adze_mve_copy";
}

std::string Columns::spreadFunction(KernelCode &code) const {
  int64_t c = p.inputChannels, pitch = columnBytes(), per = perVector();
  std::string name = fmt::format("adze_mve_spread_{}_{}", c, pitch);
  std::string vector, plain;
  if (per) {
    for (int64_t lane = 0; lane < 16; ++lane)
      vector += fmt::format("{}{}", lane ? ", " : "",
                            lane < per * c ? lane / c * pitch + lane % c : 0);
    vector = fmt::format(
        R"(  static const uint8_t lanes[16] = {{{0}}};
  const uint8x16_t offsets = vld1q_u8(lanes);
  mve_pred16_t p = vctp8q({1});
  int32_t i;
  for (i = columns / {2}; i > 0; --i) {{
    vstrbq_scatter_offset_p_s8(to, offsets, vldrbq_z_s8(from, p), p);
    to += {3};
    from += {1};
  }}
  columns %= {2};
  if (columns > 0) {{
    p = vctp8q((uint32_t)columns * {4});
    vstrbq_scatter_offset_p_s8(to, offsets, vldrbq_z_s8(from, p), p);
  }}
)",
        vector, per * c, per, per * pitch, c);
  } else {
    std::string moves;
    for (int64_t at = 0; at + 16 <= c; at += 16)
      moves +=
          fmt::format("    vst1q_s8(to + {0}, vld1q_s8(from + {0}));\n", at);
    if (c % 16)
      moves += fmt::format("    vstrbq_p_s8(to + {0}, vldrbq_z_s8(from + {0}, "
                           "p), p);\n",
                           c / 16 * 16);
    vector = fmt::format("{}  for (; columns > 0; --columns) {{\n{}"
                         "    to += {};\n    from += {};\n  }}\n",
                         c % 16 ? fmt::format("  const mve_pred16_t p = "
                                              "vctp8q({});\n",
                                              c % 16)
                                : "",
                         moves, pitch, c);
  }
  addSharedFunction(code, name,
                    fmt::format(R"(/* Pixels of {0} bytes, {1} bytes apart. */
ADZE_SHARED static void {2}(int8_t *to, const int8_t *from, int32_t columns)
{{
#if defined(__ARM_FEATURE_MVE)
{3}#else
  for (; columns > 0; --columns) {{
    memcpy(to, from, {0});
    to += {1};
    from += {0};
  }}
#endif
}}
)",
                                c, pitch, name, vector));
  return name;
}

std::string Columns::fillFunction(KernelCode &code) const {
  std::string name =
      fmt::format("adze_mve_border_{}_{}", p.inputChannels, columnBytes());
  addSharedFunction(code, name,
                    fmt::format(R"(/* A row outside of the image. */
ADZE_SHARED static void {}(int8_t *to, int8_t value, int32_t columns)
{{
#if defined(__clang__)
#pragma clang loop unroll(disable)
#endif
  do {{
    memset(to, value, {});
    to += {};
  }} while (--columns > 0);
}}
)",
                                name, p.inputChannels, columnBytes()));
  return name;
}

std::string Columns::loops(const std::string &declarations,
                           const std::string &calls, KernelCode &code) const {
  code.headers.insert("arm_mve.h");
  code.scratchBytes.insert(code.scratchBytes.begin(), scratchBytes());
  bool padded =
      p.padTop > 0 || (p.outputHeight - 1) * p.strideHeight - p.padTop +
                              (p.kernelHeight - 1) * p.dilationHeight >=
                          p.inputHeight;
  std::string text = fmt::format(
      "  const int8_t *in = in0;\n  int8_t *out = out0;\n"
      "  int8_t *columns = (int8_t *)scratch0;\n  int32_t {}y, k;\n{}",
      p.batch > 1 ? "n, " : "", declarations);
  if (p.padLeft > 0 || copied() < count() - p.padLeft)
    text += fmt::format("  memset(columns, {}, {});\n",
                        int(uint8_t(int8_t(p.inputZeroPoint))),
                        count() * columnBytes());
  if (p.batch > 1)
    text += fmt::format("  for (n = 0; n < {}; ++n) {{\n", p.batch);
  text += fmt::format("  for (y = 0; y < {}; ++y) {{\n"
                      "    for (k = 0; k < {}; ++k) {{\n",
                      p.outputHeight, p.kernelHeight);
  text +=
      fmt::format("      int32_t row = y * {} + k * {} - {};\n{}"
                  "        {}(columns + {} + k * {}, in + row * {}, {});\n",
                  p.strideHeight, p.dilationHeight, p.padTop,
                  padded ? fmt::format("      if (row >= 0 && row < {}) {{\n",
                                       p.inputHeight)
                         : "",
                  spreadFunction(code), p.padLeft * columnBytes(),
                  p.inputChannels, p.inputWidth * p.inputChannels, copied());
  if (padded)
    text += fmt::format("      }} else {{\n"
                        "        {}(columns + k * {}, {}, {});\n      }}\n",
                        fillFunction(code), p.inputChannels, p.inputZeroPoint,
                        count());
  text += "    }\n" + calls + "  }\n";
  if (p.batch > 1)
    text += fmt::format("  in += {};\n  }}\n",
                        p.inputHeight * p.inputWidth * p.inputChannels);
  return text;
}

double Columns::instructions() const {
  double c = double(p.inputChannels), row = 0;
  if (int64_t per = perVector())
    row = double(copied() / per) * 6 + (copied() % per ? 8 : 0) + 10;
  else
    row = double(copied()) * (2 * double(p.inputChannels / 16) + 1 +
                              (p.inputChannels % 16 ? 3 : 0)) +
          14;
  double border = double(count()) * (c * 0.5 + 6) + 10;
  double all = 0;
  for (int64_t y = 0; y < p.outputHeight; ++y)
    for (int64_t k = 0; k < p.kernelHeight; ++k) {
      int64_t at = y * p.strideHeight + k * p.dilationHeight - p.padTop;
      all += at >= 0 && at < p.inputHeight ? row : border;
    }
  return double(p.batch) * (all + double(p.outputHeight) * 6) +
         double(count() * columnBytes()) * 0.5 + 40;
}

} // namespace adze::families::helium
