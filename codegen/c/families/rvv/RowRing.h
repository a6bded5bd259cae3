//===- RowRing.h - Rows of an image with their borders ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_RVV_ROWRING_H
#define ADZE_CODEGEN_C_FAMILIES_RVV_ROWRING_H

#include "adze/KernelFamily.h"
#include "codegen/c/families/rvv/Assembly.h"

namespace adze::families::rvv {

/// adze_rvv_copy and adze_rvv_fill, both over bytes.
void addRowFunctions(KernelCode &code);
/// Instructions of a call of such a function: loop turns of `lanes` elements
/// that take `each` instructions.
int64_t loopCost(int64_t elements, int64_t lanes, int64_t each);

/// The rows of the padded image that one row of outputs reads, in scratch:
/// every row of the input is copied once, borders are written once. Without
/// padding the rows are read in place.
struct RowRing {
  explicit RowRing(const ConvolutionProblem &problem);

  bool inPlace = false;
  int64_t rows = 1;     // that a row of outputs reads
  int64_t capacity = 1; // rows of the ring
  int64_t pointers = 1; // rows of the kernel that get one
  int64_t pitch = 0;    // bytes from row to row
  /// Keeps the whole padded image, so that a pointer to the first row of the
  /// kernel serves them all.
  void keepImage();
  int64_t scratchBytes() const { return inPlace ? 0 : capacity * pitch; }

  /// Statements before the rows of an image, and at the begin of output row
  /// `y`: afterwards `rows[ky * taps + kx]`, of type const int8_t *, are the
  /// rows of the kernel at output column 0; `taps` is 1 where the tile itself
  /// steps over the columns of the kernel.
  CountedText prepare(const std::string &indent, KernelCode &code) const;
  CountedText advance(int64_t taps, const std::string &indent) const;

private:
  const ConvolutionProblem &problem;
};

} // namespace adze::families::rvv

#endif
