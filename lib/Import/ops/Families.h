//===- Families.h - The list of operator families -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_FAMILIES_H
#define ADZE_IMPORT_OPS_FAMILIES_H

#include "lib/Import/ops/NodeLowering.h"

namespace adze::import {

Family activationFamily();    // Activation.cpp
Family arithmeticFamily();    // Arithmetic.cpp
Family castFamily();          // Cast.cpp
Family constantFamily();      // Constant.cpp
Family controlFlowFamily();   // ControlFlow.cpp
Family convolutionFamily();   // Convolution.cpp
Family deformFamily();        // DeformConv.cpp
Family einsumFamily();        // Einsum.cpp
Family filterFamily();        // Filter.cpp
Family functionsFamily();     // Functions.cpp
Family gatherFamily();        // Gather.cpp
Family linearFamily();        // Linear.cpp
Family logicFamily();         // Logic.cpp
Family matrixFamily();        // Matrix.cpp
Family movementFamily();      // Movement.cpp
Family normalizationFamily(); // Normalization.cpp
Family poolingFamily();       // Pooling.cpp
Family qlinearFamily();       // QLinear.cpp
Family qoperatorsFamily();    // QOperators.cpp
Family quantizeFamily();      // Quantize.cpp
Family rearrangementFamily(); // Rearrangement.cpp
Family recurrentFamily();     // Recurrent.cpp
Family reductionFamily();     // Reduction.cpp
Family resizeFamily();        // Resize.cpp
Family samplingFamily();      // Sampling.cpp
Family scatterFamily();       // Scatter.cpp
Family selectionFamily();     // Selection.cpp
Family shapeFamily();         // Shape.cpp
Family signalFamily();        // Signal.cpp
Family slicingFamily();       // Slicing.cpp

} // namespace adze::import

#endif
