//===- KernelName.cpp - What kernels are called -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/KernelName.h"

#include "adze/Names.h"
#include "dialects/nn/nn.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;

std::string adze::nodeName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location inner : fused.getLocations())
      if (std::string name = nodeName(inner); !name.empty())
        return name;
  return "";
}

/// A word for what an operation does.
static std::string opWord(Operation *op) {
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    std::string last = "map";
    for (Operation &inner : generic.getBody()->without_terminator())
      if (!isa<arith::ConstantOp>(inner))
        last = inner.getName().stripDialect().str();
    for (StringRef suffix : {"f", "si", "ui", "i"})
      if (StringRef(last).ends_with(suffix) && last.size() > suffix.size() + 2) {
        last.resize(last.size() - suffix.size());
        break;
      }
    return (generic.getNumReductionLoops() ? "reduce " : "") + last;
  }
  return op->getName().stripDialect().str();
}

std::string adze::kernelName(Operation *op) {
  // Converters from TFLite join the names of all that they fused.
  std::string name = StringRef(nodeName(op->getLoc())).split(';').first.str();
  return cIdentifier(name.empty() ? opWord(op) : name);
}

static std::string shapeText(Value value) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(lower::shapeOf(value)))
    text += (i ? "," : "") + std::to_string(size);
  return text + "]";
}

static std::string joined(ArrayRef<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string adze::kernelDoc(ArrayRef<Operation *> ops, Operation *head) {
  std::string text = opWord(head);
  if (auto conv = dyn_cast<nn::ConvOp>(head)) {
    ArrayRef<int64_t> filter = lower::shapeOf(conv.getFilter());
    bool last = conv.getLayout() == nn::Layout::channels_last;
    text += " " + joined(last ? filter.drop_back(2) : filter.drop_front(2));
    if (llvm::any_of(conv.getStrides(), [](int64_t s) { return s != 1; }))
      text += "/" + joined(conv.getStrides());
    if (conv.getGroup() > 1)
      text += " groups " + std::to_string(conv.getGroup());
  } else if (auto pool = dyn_cast<nn::PoolOp>(head)) {
    text = stringifyPoolKind(pool.getKind()).str() + " pool " +
           joined(pool.getWindow());
  }
  if (head->getNumOperands())
    text += " " + shapeText(head->getOperand(0));
  text += " -> " + shapeText(head->getResult(0));
  for (Operation *op : ops)
    if (op != head)
      text += (op->isBeforeInBlock(head) ? " after " : " + ") + opWord(op);
  return text;
}
