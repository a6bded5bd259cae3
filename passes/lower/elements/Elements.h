//===- Elements.h - The element rules -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_LOWER_ELEMENTS_H
#define ADZE_PASSES_LOWER_ELEMENTS_H

#include "passes/lower/ElementEmitter.h"

/// One function per operation that yields single elements (see ElementFn).
namespace adze::lower::elements {

#define ADZE_ELEMENT(name)                                                     \
  mlir::Value name(mlir::Operation *op, unsigned result,                       \
                   llvm::ArrayRef<mlir::Value> at, int64_t lanes,              \
                   ElementEmitter &e)

// Movement.cpp
ADZE_ELEMENT(reshape);
ADZE_ELEMENT(transpose);
ADZE_ELEMENT(slice);
ADZE_ELEMENT(unpack);
ADZE_ELEMENT(broadcast);
ADZE_ELEMENT(pad);
ADZE_ELEMENT(concat);
ADZE_ELEMENT(gather);
ADZE_ELEMENT(gatherElements);
ADZE_ELEMENT(gatherNd);
// Quantized.cpp
ADZE_ELEMENT(interpolate);
ADZE_ELEMENT(lookup);
ADZE_ELEMENT(quantizedAdd);
ADZE_ELEMENT(quantizedMul);
ADZE_ELEMENT(rebase);
ADZE_ELEMENT(requantize);
ADZE_ELEMENT(requantizePrelu);
// Resize.cpp
ADZE_ELEMENT(resize);
// Structured.cpp
ADZE_ELEMENT(constant);
ADZE_ELEMENT(empty);
ADZE_ELEMENT(fill);
ADZE_ELEMENT(generic);

#undef ADZE_ELEMENT

mlir::Value safeIndex(mlir::Value raw, int64_t size, ElementEmitter &e);

} // namespace adze::lower::elements

#endif
