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
Family constantFamily();      // Constant.cpp
Family convolutionFamily();   // Convolution.cpp
Family linearFamily();        // Linear.cpp
Family movementFamily();      // Movement.cpp
Family normalizationFamily(); // Normalization.cpp
Family poolingFamily();       // Pooling.cpp
Family reductionFamily();     // Reduction.cpp
Family shapeFamily();         // Shape.cpp

} // namespace adze::import

#endif
