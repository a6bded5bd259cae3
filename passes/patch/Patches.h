//===- Patches.h - The first layers in bands of rows ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Patch-wise execution (Lin, Chen, Cai, Gan, Han, "MCUNetV2: Memory-efficient
/// patch-based inference for tiny deep learning", 2021): the activations of the
/// first layers are the largest of a network, and no layer needs all rows of
/// its input for some rows of its result. The layers up to a cut are computed
/// for one band of rows of the cut's tensor after the other, so that only a
/// band of what lies before the cut lives at a time; rows at the borders of
/// bands are computed twice. Bands run along the height because a band of an
/// image in channels-last order is contiguous memory: neither cutting the input
/// nor putting the results together moves a byte.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_PATCH_PATCHES_H
#define ADZE_PASSES_PATCH_PATCHES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace adze::patch {

/// A way to execute the first layers in bands.
struct Candidate {
  int cut = 0;   ///< the number of the cut, from 1 on in program order
  int bands = 0; ///< 2 or more
  /// No plan takes fewer bytes, if every kernel may work in place.
  int64_t leastBytes = 0;
  /// Names that the buffer of the cut may have in a memory plan.
  std::vector<std::string> names;
  int64_t macs = 0;      ///< multiply-accumulates of the program without bands
  int64_t extraMacs = 0; ///< those that bands add
};

/// The candidates of a program at the nn level (channels last), those with the
/// fewest extra multiply-accumulates first.
std::vector<Candidate> findCandidates(mlir::func::FuncOp program);

/// Executes the layers before the cut in bands; fails with a message if there
/// is no such cut, or if it has fewer rows than bands. Describes what it did in
/// the module's attribute `adze.patches`.
mlir::LogicalResult split(mlir::func::FuncOp program, int cut, int bands);

} // namespace adze::patch

#endif
