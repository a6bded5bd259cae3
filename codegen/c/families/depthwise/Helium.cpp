//===- Helium.cpp - Depthwise convolution on Helium -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Depthwise convolution of any kernel, stride and dilation by windows of one
/// channel (ChannelWindows.h). Schedule: `square`, 2x2 outputs a window, and
/// `bands`, how many rows of windows are interleaved at once (scratch against
/// the set-up of each channel); `line`: requantization along a searched line
/// (RequantizationForm.h).
///
//===----------------------------------------------------------------------===//
#include "codegen/c/families/Families.h"
#include "codegen/c/families/helium/ChannelWindows.h"
#include "codegen/c/families/helium/ConvolutionEpilogue.h"

namespace adze::families {

namespace {

using helium::ChannelWindows;

/// Scratch that a schedule may ask for.
constexpr int64_t scratchLimits[] = {6144, 2048};

ChannelWindows windowsOf(const ConvolutionProblem &p,
                         const Schedule &schedule) {
  return {p, schedule.get("square", 0) != 0, schedule.get("bands", 1),
          schedule.get("line", 0) != 0};
}

class DepthwiseHelium final : public KernelFamily {
public:
  std::string_view name() const override { return "depthwise.helium"; }
  std::string_view summary() const override {
    return "depthwise convolution on Helium, a gathered window of one channel "
           "at a time";
  }

  bool matches(const Problem &problem, const Machine &machine) const override {
    auto *p = std::get_if<ConvolutionProblem>(&problem);
    return machine.hasHelium && p && helium::isConvolution(*p) &&
           p->isDepthwise() && p->groupOutputs() == 1 &&
           !schedules(problem, machine).empty();
  }

  std::vector<Schedule> schedules(const Problem &problem,
                                  const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    std::vector<Schedule> all;
    for (bool square : {true, false}) {
      if (!ChannelWindows(p, square, 1, false).fits())
        continue;
      int64_t last = 0;
      for (int64_t limit : scratchLimits) {
        int64_t bands = ChannelWindows::bandsWithin(p, square, limit);
        for (bool line : {true, false})
          if (bands != last && (!line || helium::RequantizationForm::mayBeLine(
                                             p.requantization)))
            all.push_back(
                {std::string(name()),
                 {{"square", square}, {"bands", bands}, {"line", line}}});
        last = bands;
      }
    }
    return all;
  }

  KernelFeatures features(const Problem &problem, const Schedule &schedule,
                          const Machine &) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    ChannelWindows windows = windowsOf(p, schedule);
    KernelFeatures f;
    f.instructions = windows.instructions();
    f.constantBytes = windows.constantBytes();
    f.codeBytes = windows.codeBytes();
    f.scratchBytes = windows.scratchBytes();
    f.stackBytes = 260;
    helium::addResidualFeatures(p, f);
    return f;
  }

  bool generate(const Problem &problem, const Schedule &schedule,
                const Machine &, KernelCode &code) const override {
    auto &p = std::get<ConvolutionProblem>(problem);
    return windowsOf(p, schedule).generate(code) &&
           helium::addResidual(p, code);
  }
};

} // namespace

const KernelFamily &depthwiseHelium() {
  static const DepthwiseHelium family;
  return family;
}

} // namespace adze::families
