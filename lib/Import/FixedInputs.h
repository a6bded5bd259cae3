//===- FixedInputs.h - Inputs that become constants -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_FIXEDINPUTS_H
#define ADZE_IMPORT_FIXEDINPUTS_H

#include "Model.h"

#include "adze/Tensor.h"

namespace adze::reader {

/// Turns inputs of the graph into initialisers with the values that the user
/// has chosen (ReadOptions::constants): a program has static shapes, so what
/// decides on shapes (the axes of a reduction, the shape of a Reshape) has to
/// be known. Refuses names and values that do not fit.
void fixInputs(Model &model, const std::map<std::string, Tensor> &constants);

} // namespace adze::reader

#endif
