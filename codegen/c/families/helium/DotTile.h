//===- DotTile.h - Pixels times channels on Helium --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The product at the heart of all convolutions: the windows of a few pixels,
/// each contiguous in memory, times all filters.
///
/// VMLADAVA multiplies and sums 16 bytes into an even general register, of
/// which eight are usable: four pixels times two channels take six vector loads
/// for eight multiplies. The sums of four pixels of one channel then become the
/// lanes of one vector, so that bias, multiplier and shift are scalars that one
/// LDM brings, and the results of two channels leave in one scatter store.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_HELIUM_DOTTILE_H
#define ADZE_CODEGEN_C_FAMILIES_HELIUM_DOTTILE_H

#include "codegen/c/families/helium/RequantizationForm.h"

#include <functional>

namespace adze::families::helium {

struct DotTile {
  int64_t pixels = 4;      // of a tile: 4 or 3
  int64_t depth = 0;       // bytes of a window
  int64_t pitch = 0;       // bytes between the windows of neighbours
  int64_t outputs = 0;     // channels computed
  int64_t outputPitch = 0; // bytes between the outputs of neighbours
  bool words = false;      // windows are aligned to 4 bytes, depth too
  bool exact = false;      // nothing may be read behind the last window
  /// Columns of `pitch` bytes in a window, so that neighbours share all but one
  /// of them; 0: windows are treated as if they did not overlap.
  int64_t taps = 0;
  /// The channels to compute where the others are constant: an even number, a
  /// channel may be there twice. Empty: all.
  std::vector<int64_t> live;
  RequantizationForm form;

  /// Whether addresses and registers suffice.
  bool fits() const;
  std::string name() const;
  /// Adds `name()(const int8_t *a, const int8_t *w, int8_t *out, int32_t
  /// tiles)`, which computes that many tiles of neighbouring pixels.
  void addFunction(KernelCode &code) const;
  /// What `w` points to; weight(o, k) is that of window byte k.
  std::vector<char>
  pack(const Requantization &requantization,
       const std::function<int64_t(int64_t)> &bias,
       const std::function<int8_t(int64_t, int64_t)> &weight) const;

  double perCall() const { return assembly().perCall(); }
  double perTile() const { return assembly().perTileCall(); }
  int64_t codeBytes() const { return assembly().codeBytes(); }
  int64_t constantBytes() const;

private:
  struct Plan;
  class Emitter;
  /// A window is one vector, loaded once for all channels.
  bool resident() const { return chunks() == 1 && !form.clamp; }
  Plan plan() const;
  AsmText assembly() const;
  std::string plain() const;
  int64_t chunks() const { return (depth + 15) / 16; }
  int64_t headerBytes() const { return 32; }
};

} // namespace adze::families::helium

#endif
