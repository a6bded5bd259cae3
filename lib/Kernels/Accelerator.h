//===- Accelerator.h - A user's function in place of a kernel ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_KERNELS_ACCELERATOR_H
#define ADZE_LIB_KERNELS_ACCELERATOR_H

#include "adze/Compiler.h"
#include "adze/KernelFamily.h"

#include <memory>

namespace adze {

/// A rule "PATTERN=FUNCTION": convolutions and fully connected layers whose
/// description (`describe`) matches the pattern are computed by a C function
/// of the user, for an accelerator on the chip. In a pattern `*` stands for
/// anything and `?` for one character.
struct AcceleratorRule {
  std::string pattern, function;
  bool matches(const std::string &description) const;
};

/// Reads a rule; a message if it is none or the function is no C identifier.
Status parseAcceleratorRule(const std::string &text, AcceleratorRule &rule);

/// The family of a rule: its one schedule calls
///   void FUNCTION(const struct adze_layer *layer, const int8_t *input,
///                 int8_t *output);
/// with the layer's sizes, weights, biases and factors as the model has them.
std::unique_ptr<KernelFamily> makeAcceleratorFamily(AcceleratorRule rule);

} // namespace adze

#endif
