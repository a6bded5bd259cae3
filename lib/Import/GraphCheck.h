//===- GraphCheck.h - Is this a graph? --------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_GRAPHCHECK_H
#define ADZE_IMPORT_GRAPHCHECK_H

#include "Model.h"

namespace adze::reader {

/// Brings the graphs into the form that the rest expects and refuses what has
/// none: initialisers are no inputs any more, every value has one definition,
/// nodes stand after what they read (a file whose nodes are merely out of order
/// is sorted), graphs have names.
void normaliseGraphs(Model &model);

/// Runs ONNX's checker: operators have the inputs, outputs and attributes that
/// their schema demands. Operators that ONNX does not know pass; the conversion
/// to `nn` reports all of them at once.
void checkAgainstSchemas(Model &model);

/// Inlines the model's own functions. Refuses calls that cannot be inlined, and
/// functions that would expand beyond measure.
void inlineLocalFunctions(Model &model);

} // namespace adze::reader

#endif
