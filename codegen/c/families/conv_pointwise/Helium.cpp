//===- Helium.cpp - Pointwise convolution on Helium -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 1x1 convolution straight from the input tensor: a window is a pixel, and
/// without stride the whole image is one row of pixels. Where the pixels of a
/// row are no multiple of the tile, the last tile overlaps the one before.
/// `line`: requantization along a searched line (RequantizationForm.h).
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/helium/ConvolutionEpilogue.h"
#include "codegen/c/families/helium/DotTile.h"

namespace adze::families {

namespace {

using helium::DotTile;

/// Rows of pixels that lie at equal distances in input and output.
struct Rows {
  int64_t count, pixels, inputPitch, outputPitch;
  bool flat; // one row: everything
};

Rows rowsOf(const ConvolutionProblem &p) {
  bool flat = p.strideHeight == 1 && p.strideWidth == 1;
  if (flat)
    return {1, p.batch * p.outputHeight * p.outputWidth, 0, 0, true};
  return {p.batch * p.outputHeight, p.outputWidth,
          p.strideHeight * p.inputWidth * p.inputChannels,
          p.outputWidth * p.outputChannels, false};
}

DotTile tileOf(const ConvolutionProblem &p, const Schedule &schedule) {
  DotTile tile;
  tile.pixels = schedule.get("pixels", 4);
  tile.depth = p.inputChannels;
  tile.pitch = p.strideWidth * p.inputChannels;
  tile.outputs = tile.outputPitch = p.outputChannels;
  tile.words = p.inputChannels % 4 == 0;
  tile.exact = true;
  tile.form = schedule.get("line", 0)
                  ? helium::RequantizationForm::unsolvedLine(p.requantization)
                  : helium::RequantizationForm(p.requantization);
  return tile;
}

class PointwiseHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.pointwise.helium"; }
  std::string_view summary() const override {
    return "1x1 convolution on Helium, tiles of pixels times two channels";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    if (!machine.hasHelium || !p || !helium::isConvolution(*p) ||
        p->groups != 1 || p->kernelHeight != 1 || p->kernelWidth != 1 ||
        p->padTop != 0 || p->padLeft != 0)
      return false;
    if ((p->outputHeight - 1) * p->strideHeight >= p->inputHeight ||
        (p->outputWidth - 1) * p->strideWidth >= p->inputWidth)
      return false; // padding below or on the right
    if (p->strideHeight == 1 && p->strideWidth == 1 &&
        (p->inputHeight != p->outputHeight || p->inputWidth != p->outputWidth))
      return false;
    return !schedules(problem, machine).empty();
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> all;
    for (bool line : {true, false})
      for (int64_t pixels : {4, 3}) {
        Schedule schedule = {std::string(name()),
                             {{"pixels", pixels}, {"line", line}}};
        if ((!line ||
             helium::RequantizationForm::mayBeLine(p.requantization)) &&
            rowsOf(p).pixels >= pixels && tileOf(p, schedule).fits())
          all.push_back(schedule);
      }
    return all;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Rows rows = rowsOf(p);
    KernelFeatures f;
    int64_t whole = rows.pixels / tile.pixels,
            rest = rows.pixels % tile.pixels != 0;
    f.instructions =
        double(rows.count) * (double(1 + rest) * (tile.perCall() + 7) +
                              double(whole + rest) * tile.perTile() + 6) +
        10;
    f.constantBytes = tile.constantBytes();
    f.codeBytes = tile.codeBytes() + 80;
    f.stackBytes = 150;
    helium::addResidualFeatures(p, f);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Rows rows = rowsOf(p);
    if (tile.form.line && !tile.form.solveLine(p))
      return false;
    tile.addFunction(code);
    KernelConstant constant;
    constant.type = QuantizedType::int8;
    constant.bytes = tile.pack(
        p.requantization, [&](int64_t o) { return p.bias[size_t(o)]; },
        [&](int64_t o, int64_t k) { return p.weight(o, 0, 0, k); });
    code.constants.push_back(constant);
    int64_t whole = rows.pixels / tile.pixels;
    int64_t overlapped = rows.pixels - tile.pixels;
    std::string indent = rows.flat ? "  " : "    ";
    std::string calls =
        fmt::format("{}{}(in, c0, out, {});\n", indent, tile.name(), whole);
    if (rows.pixels % tile.pixels)
      calls +=
          fmt::format("{}{}(in + {}, c0, out + {}, 1);\n", indent, tile.name(),
                      overlapped * tile.pitch, overlapped * tile.outputPitch);
    code.body = "  const int8_t *in = in0;\n  int8_t *out = out0;\n";
    if (rows.flat)
      code.body += calls;
    else
      code.body += helium::rowLoop(p, rows.inputPitch, rows.outputPitch, calls);
    return helium::addResidual(p, code);
  }
};

} // namespace

const KernelFamily &convPointwiseHelium() {
  static const PointwiseHelium family;
  return family;
}

} // namespace adze::families
