//===- DeriveOverlap.cpp - Which inputs a kernel may write over -----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Reads off the loops of each kernel how far its first output must lie below
/// an input so that both may share memory, and writes `overlap` on it. This
/// holds for whatever schedule made the loops, so none has to declare it.
///
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/lower/KernelLowering.h"
#include "passes/memory/AccessOrder.h"
#include "passes/memory/ProgramBuffers.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

namespace adze {
#define GEN_PASS_DEF_DERIVEOVERLAP
#include "passes/Passes.h.inc"
} // namespace adze

/// An overlap that saves less than half of the smaller one is not worth it: the
/// compilers behind us must then expect every store to change inputs.
static constexpr int64_t kLeastShare = 2;

/// C compilers take it that numbers of different types are in different places,
/// bytes excepted (C99 6.5 paragraph 7).
static bool mayShareInC(Type a, Type b) {
  auto isByte = [](Type type) { return type.isInteger(8); };
  Type x = cast<MemRefType>(a).getElementType(),
       y = cast<MemRefType>(b).getElementType();
  return x == y || isByte(x) || isByte(y);
}

static void deriveOverlap(kernel::FuncOp kernel, func::FuncOp loops) {
  unsigned inputs = kernel.getArgumentTypes().size();
  if (kernel.getResultTypes().empty() || loops.getNumArguments() <= inputs ||
      !isa<MemRefType>(loops.getArgumentTypes()[inputs]))
    return;
  AccessOrder order(loops);
  std::optional<int64_t> size = byteSize(kernel.getResultTypes()[0]);
  Builder builder(kernel.getContext());
  SmallVector<Attribute> rules;
  auto addRule = [&](unsigned input, int64_t distance) {
    rules.push_back(builder.getDenseI64ArrayAttr({input, distance}));
  };
  for (unsigned input = 0; input < inputs; ++input) {
    Type type = loops.getArgumentTypes()[input];
    if (!isa<MemRefType>(type) ||
        !mayShareInC(type, loops.getArgumentTypes()[inputs]))
      continue;
    std::optional<int64_t> distance = order.distance(inputs, input);
    std::optional<int64_t> inputSize =
        byteSize(kernel.getArgumentTypes()[input]);
    if (!distance || !size || !inputSize)
      continue;
    int64_t most = std::min(*size, *inputSize);
    if (std::min(*inputSize, *size - std::max<int64_t>(*distance, 0)) <
        most / kLeastShare)
      continue;
    if (*distance <= 0)
      addRule(input, 0);
    addRule(input, std::max<int64_t>(*distance, 1));
  }
  if (!rules.empty())
    kernel.setOverlapAttr(builder.getArrayAttr(rules));
}

namespace {
struct DeriveOverlapPass final
    : adze::impl::DeriveOverlapBase<DeriveOverlapPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto kernel : getOperation().getOps<kernel::FuncOp>())
      if (auto loops = symbols.lookup<func::FuncOp>(
              lower::loopsName(kernel.getSymName())))
        if (!loops.isDeclaration()) // text brings a rule of its own
          deriveOverlap(kernel, loops);
  }
};
} // namespace
