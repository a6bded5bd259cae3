//===- Compare.h - How near a result is to its reference --*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_COMPARE_H
#define ADZE_COMPARE_H

#include "adze/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>

namespace adze {

/// What counts as equal. Every bound that is given must hold; with none given
/// the tensors must be equal element by element. In all forms a NaN equals a
/// NaN, an infinity the same infinity, and nothing else equals either.
struct Tolerance {
  /// Bound on the relative L2 error |got - want| / |want|.
  std::optional<double> relativeL2;
  /// Bound on the largest absolute difference: quantisation steps for
  /// integers.
  std::optional<double> absolute;
  /// With this, each element is judged by itself, as ONNX's node tests and
  /// numpy.allclose do: |got - want| <= absolute + relative * |want|. (An
  /// `absolute` not given is 0.)
  std::optional<double> relative;

  /// "relative L2 <= 1e-04", "equal", ... for the table.
  std::string text() const;
};

/// The defaults by type (docs/architecture.md, section 9): relative L2 of 1e-4
/// for float32, 1e-6 for float64, 5e-3 for float16, 2e-2 for bfloat16, 5e-2
/// for narrower floats; one step for int8 and uint8; all others exact.
Tolerance defaultTolerance(ElementType type);

/// What a comparison found.
struct Comparison {
  bool passed = false;
  /// Why it did not: a clause without a full stop; empty if it did.
  std::string reason;

  int64_t elements = 0;
  int64_t different = 0;  // elements that are not equal
  double maxAbsolute = 0; // over the elements that are finite in both
  double relativeL2 = 0;  // |got - want| itself where |want| is 0
  double cosine = 1;      // 1 where both are 0, 0 where one is
  /// Largest distance in units of the type's last place; for integers the
  /// largest difference. -1 where it has no meaning (bool, complex).
  int64_t maxUlp = 0;
  int64_t nonFinite = 0; // elements NaN or infinite in one but not the other
  /// The element with the largest absolute difference, or the first non-finite
  /// mismatch; -1 if all are equal.
  int64_t worst = -1;
  double worstGot = 0, worstWant = 0;
};

/// Compares a result with its reference. Different types or shapes fail with a
/// reason and no figures.
Comparison compareTensors(const Tensor &got, const Tensor &want,
                          const Tolerance &tolerance);

} // namespace adze

#endif
