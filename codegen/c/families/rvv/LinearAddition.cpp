//===- LinearAddition.cpp - Additions as a straight line --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/LinearAddition.h"

#include "codegen/c/families/rvv/ChannelTile.h"

#include <fmt/format.h>

namespace adze::families::rvv {

std::optional<LinearAddition> linearAddition(const Addition &addition) {
  std::optional<LinearForm> form = findLinearForm(addition);
  if (!form)
    return std::nullopt;
  return LinearAddition{*form, addition.low, addition.high};
}

void narrow(const LinearAddition &addition, int registers, int count,
            Assembly &assembly) {
  auto each = [&](const std::string &text) {
    for (int i = 0; i < count; ++i)
      assembly.line(fmt::format(fmt::runtime(text), sumRegister(registers, i)));
  };
  auto constant = [&](int32_t value) {
    assembly.clobber("t3");
    assembly.line(fmt::format("li t3, {}", value));
  };
  assembly.line(
      fmt::format("vsetvli zero, zero, e16, m{}, ta, ma", registers / 2));
  assembly.line("csrwi vxrm, 2");
  each(fmt::format("vnclip.wi {{0}}, {{0}}, {}", addition.form.shift));
  if (addition.low > -128) {
    constant(addition.low);
    each("vmax.vx {0}, {0}, t3");
  }
  if (addition.high < 127) {
    constant(addition.high);
    each("vmin.vx {0}, {0}, t3");
  }
  assembly.line(
      fmt::format("vsetvli zero, zero, e8, {}, ta, ma",
                  registers == 2 ? "mf2" : fmt::format("m{}", registers / 4)));
  each("vnclip.wi {0}, {0}, 0");
}

} // namespace adze::families::rvv
