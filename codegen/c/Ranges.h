//===- Ranges.h - Bounds of integer values ---------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Signed bounds of integer values, enough to print `a * b` where the product
/// cannot overflow instead of a detour through unsigned types.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_RANGES_H
#define ADZE_CODEGEN_C_RANGES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace adze::c {

/// Inclusive. Wide enough that sums and products of 64-bit bounds fit.
struct Bounds {
  __int128 low, high;
  bool within(const Bounds &other) const {
    return low >= other.low && high <= other.high;
  }
  bool isNonNegative() const { return low >= 0; }
};

/// All values of a signed integer type of `bits` bits.
Bounds rangeOfWidth(unsigned bits);

class RangeAnalysis {
public:
  /// Bounds of an integer or index value as a signed number. An `index` is
  /// taken for 64 bits wide.
  Bounds of(mlir::Value value) { return compute(value, 0); }
  /// The mathematical result of an addi, subi or muli, before wrapping.
  Bounds unwrapped(mlir::Operation *op, unsigned depth = 0);
  /// The result of a comparison that bounds decide. Compilers warn about such
  /// comparisons, and bounds checks that always hold only cost time.
  std::optional<bool> decide(mlir::arith::CmpIOp op);

private:
  Bounds compute(mlir::Value value, unsigned depth);
  Bounds uncached(mlir::Value value, unsigned depth);
  llvm::DenseMap<mlir::Value, Bounds> known;
};

} // namespace adze::c

#endif
