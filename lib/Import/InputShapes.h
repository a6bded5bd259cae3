//===- InputShapes.h - Fixing the shapes of inputs --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_INPUTSHAPES_H
#define ADZE_IMPORT_INPUTSHAPES_H

#include "Model.h"

namespace adze::reader {

/// Gives every free dimension of the graph's tensor inputs the value that the
/// user has chosen (ReadOptions::shapes), and with it every dimension of the
/// same name anywhere in the model. Refuses choices that fit nothing, and
/// inputs that stay free: no value is assumed, unless `assumeOnes` is set. Then
/// what stays free becomes 1, and is returned as a list of "input[0] = batch".
std::vector<std::string>
fixInputShapes(Model &model,
               const std::map<std::string, std::vector<int64_t>> &shapes,
               bool assumeOnes);

} // namespace adze::reader

#endif
