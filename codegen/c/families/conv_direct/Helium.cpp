//===- Helium.cpp - Convolution on Helium -----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Convolution with a kernel of any size. The input rows of one output row are
/// interleaved in scratch (Columns.h), and DotTile computes its pixels from
/// there. Where rows are short compared with the tile, or taps are dilated, the
/// windows are copied once more, so that tiles reach over the ends of rows
/// (schedule parameter `patches`). Without stride neighbouring windows share
/// columns, which then are loaded once (`shared`). `line`: requantization along
/// a searched line (RequantizationForm.h).
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/helium/Columns.h"
#include "codegen/c/families/helium/ConvolutionEpilogue.h"
#include "codegen/c/families/helium/DotTile.h"

#include <cmath>

namespace adze::families {

namespace {

using helium::Columns;
using helium::DotTile;

DotTile tileOf(const ConvolutionProblem &p, const Schedule &schedule) {
  Columns columns(p);
  DotTile tile;
  tile.pixels = schedule.get("pixels", 4);
  tile.depth = columns.windowBytes();
  tile.pitch = schedule.get("patches", 0)
                   ? (tile.depth + 15) / 16 * 16
                   : p.strideWidth * columns.columnBytes();
  tile.outputs = tile.outputPitch = p.outputChannels;
  tile.taps = schedule.get("shared", 0) ? p.kernelWidth : 0;
  tile.words = tile.pitch % 4 == 0;
  tile.form = schedule.get("line", 0)
                  ? helium::RequantizationForm::unsolvedLine(p.requantization)
                  : helium::RequantizationForm(p.requantization);
  return tile;
}

int64_t allPixels(const ConvolutionProblem &p) {
  return p.batch * p.outputHeight * p.outputWidth;
}

class DirectHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "conv.direct.helium"; }
  std::string_view summary() const override {
    return "convolution on Helium over interleaved rows, tiles of pixels times "
           "two channels";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return machine.hasHelium && p && helium::isConvolution(*p) &&
           p->groups == 1 && p->padLeft < Columns(*p).count() &&
           !schedules(problem, machine).empty();
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> all;
    const bool adjacent = p.dilationWidth == 1 || p.kernelWidth == 1;
    const bool sharing = adjacent && p.strideWidth == 1 && p.kernelWidth > 1;
    for (bool line : {true, false})
      for (bool shared : {true, false})
        for (bool patches : {false, true})
          for (int64_t pixels : {4, 3}) {
            if ((line &&
                 !helium::RequantizationForm::mayBeLine(p.requantization)) ||
                (shared && (patches || !sharing)) || (!patches && !adjacent) ||
                (patches ? allPixels(p) : p.outputWidth) < pixels)
              continue;
            Schedule schedule = {std::string(name()),
                                 {{"pixels", pixels},
                                  {"patches", patches},
                                  {"shared", shared},
                                  {"line", line}}};
            if (tileOf(p, schedule).fits())
              all.push_back(schedule);
          }
    return all;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Columns columns(p);
    KernelFeatures f;
    f.instructions = columns.instructions();
    f.scratchBytes = columns.scratchBytes();
    if (schedule.get("patches", 0)) {
      double pixels = double(allPixels(p));
      double tiles = std::ceil(pixels / double(tile.pixels));
      double segments = p.dilationWidth == 1 ? 1 : double(p.kernelWidth);
      double bytes = double(tile.depth) / segments;
      f.instructions +=
          pixels * (segments * (std::ceil(bytes / 16) * 3 + 6) + 4) +
          tiles * (tile.perCall() + tile.perTile() + 8);
      f.scratchBytes += (2 * tile.pixels - 1) * tile.pitch;
    } else {
      int64_t whole = p.outputWidth / tile.pixels,
              rest = p.outputWidth % tile.pixels != 0;
      f.instructions += double(p.batch * p.outputHeight) *
                        (double(1 + rest) * (tile.perCall() + 7) +
                         double(whole + rest) * tile.perTile());
    }
    f.constantBytes = tile.constantBytes();
    f.codeBytes = tile.codeBytes() + 400;
    f.stackBytes = 170;
    helium::addResidualFeatures(p, f);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    DotTile tile = tileOf(p, schedule);
    Columns columns(p);
    if (tile.form.line && !tile.form.solveLine(p))
      return false;
    tile.addFunction(code);
    KernelConstant constant;
    constant.type = QuantizedType::int8;
    constant.bytes = tile.pack(
        p.requantization, [&](int64_t o) { return p.bias[size_t(o)]; },
        [&](int64_t o, int64_t k) { return columns.weight(o, k); });
    code.constants.push_back(constant);
    code.body = schedule.get("patches", 0) ? patchBody(p, tile, columns, code)
                                           : rowBody(p, tile, columns, code);
    return helium::addResidual(p, code);
  }

private:
  /// Tiles of one output row; the last one overlaps where they do not divide.
  static std::string rowBody(const ConvolutionProblem &p, const DotTile &tile,
                             const Columns &columns, KernelCode &code) {
    std::string calls = fmt::format("    {}(columns, c0, out, {});\n",
                                    tile.name(), p.outputWidth / tile.pixels);
    int64_t overlapped = p.outputWidth - tile.pixels;
    if (p.outputWidth % tile.pixels)
      calls +=
          fmt::format("    {}(columns + {}, c0, out + {}, 1);\n", tile.name(),
                      overlapped * tile.pitch, overlapped * tile.outputPitch);
    calls += fmt::format("    out += {};\n", p.outputWidth * p.outputChannels);
    return columns.loops("", calls, code);
  }

  /// Windows gathered until a tile is full. Behind the last one lie the windows
  /// of the tile before, from which it is completed.
  static std::string patchBody(const ConvolutionProblem &p, const DotTile &tile,
                               const Columns &columns, KernelCode &code) {
    std::string copy = helium::copyFunction(code);
    bool dense = p.dilationWidth == 1 || p.kernelWidth == 1;
    std::string window;
    for (int64_t kx = 0; kx < (dense ? 1 : p.kernelWidth); ++kx)
      window += fmt::format(
          "      {}(patches + slot * {} + {}, columns + x * {} + {}, {});\n",
          copy, tile.pitch, kx * columns.columnBytes(),
          p.strideWidth * columns.columnBytes(),
          kx * p.dilationWidth * columns.columnBytes(),
          dense ? tile.depth : columns.columnBytes());
    std::string calls = fmt::format(
        "    for (x = 0; x < {}; ++x) {{\n{}"
        "      if (++slot == {}) {{\n        {}(patches, c0, out, 1);\n"
        "        out += {};\n        slot = 0;\n      }}\n    }}\n",
        p.outputWidth, window, tile.pixels, tile.name(),
        tile.pixels * tile.outputPitch);
    std::string text = columns.loops("  int8_t *patches = (int8_t *)scratch1;\n"
                                     "  int32_t x, slot = 0;\n",
                                     calls, code);
    if (int64_t rest = allPixels(p) % tile.pixels)
      text += fmt::format("  {0}(patches + {1}, patches, {2});\n"
                          "  {3}(patches + {2}, c0, out - {4}, 1);\n",
                          copy, tile.pixels * tile.pitch, rest * tile.pitch,
                          tile.name(), (tile.pixels - rest) * tile.outputPitch);
    code.scratchBytes.push_back((2 * tile.pixels - 1) * tile.pitch);
    return text;
  }
};

} // namespace

const KernelFamily &convDirectHelium() {
  static const DirectHelium family;
  return family;
}

} // namespace adze::families
