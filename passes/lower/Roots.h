//===- Roots.h - Operations that make the loops of a kernel -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_ROOTS_H
#define ADZE_PASSES_LOWER_ROOTS_H

#include "dialects/kernel/kernel.h"
#include "passes/lower/ElementEmitter.h"

namespace adze::lower {

/// What a root writes its results to. `store` puts one element (or `lanes`
/// contiguous ones) of a result through the epilogue of the kernel into the
/// output. Every element of every used result must be stored exactly once,
/// unless `buffer` is asked for.
class RootContext {
public:
  RootContext(ElementEmitter &emitter, kernel::ScheduleAttr schedule)
      : e(emitter), schedule(schedule) {}
  virtual ~RootContext() = default;

  ElementEmitter &e;
  kernel::ScheduleAttr schedule; // may be null: no decisions were made

  /// The schedule's integer parameter, or a default.
  int64_t param(llvm::StringRef name, int64_t otherwise) const {
    return schedule ? schedule.getInt(name, otherwise) : otherwise;
  }

  virtual void store(unsigned result, llvm::ArrayRef<mlir::Value> indices,
                     mlir::Value value, int64_t lanes = 1) = 0;
  /// A buffer of the result's shape that the root may read and write freely
  /// (scatter, sort, recurrence). The epilogue runs over it afterwards.
  virtual mlir::Value buffer(unsigned result) = 0;
  /// A working buffer, planned into the arena.
  virtual mlir::Value scratch(llvm::ArrayRef<int64_t> shape,
                              mlir::Type element) = 0;
};

using RootFn = void (*)(mlir::Operation *op, RootContext &context);

struct RootRule {
  llvm::StringLiteral op; // operation name
  RootFn lower;
};

/// The rule of a root operation; null for anything with an element rule.
RootFn findRootRule(mlir::Operation *op);

namespace roots {
#define ADZE_ROOT(name) void name(mlir::Operation *op, RootContext &context)
ADZE_ROOT(reduce);             // Reduce.cpp
ADZE_ROOT(conv);               // Convolution.cpp
ADZE_ROOT(convTranspose);      // ConvTranspose.cpp
ADZE_ROOT(depthwise);          // Depthwise.cpp
ADZE_ROOT(matmul);             // Matmul.cpp
ADZE_ROOT(pool);               // Pool.cpp
ADZE_ROOT(quantizedNormalize); // QuantizedNormalize.cpp
ADZE_ROOT(quantizedRecurrent); // QuantizedRecurrent.cpp
ADZE_ROOT(quantizedSoftmax);   // QuantizedSoftmax.cpp
ADZE_ROOT(recurrent);          // Recurrent.cpp
ADZE_ROOT(softmax);            // Softmax.cpp
ADZE_ROOT(normalize);          // Normalize.cpp
ADZE_ROOT(argReduce);          // Select.cpp
ADZE_ROOT(cumulative);         // Select.cpp
ADZE_ROOT(topk);               // Select.cpp
ADZE_ROOT(scatterElements);    // Scatter.cpp
ADZE_ROOT(scatterNd);          // Scatter.cpp
ADZE_ROOT(gridSample);         // Sampling.cpp
ADZE_ROOT(maxRoiPool);         // Sampling.cpp
ADZE_ROOT(roiAlign);           // Sampling.cpp
#undef ADZE_ROOT
} // namespace roots

} // namespace adze::lower

#endif
