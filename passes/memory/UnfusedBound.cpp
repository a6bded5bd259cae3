//===- UnfusedBound.cpp - Memory that fusion saves ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/UnfusedBound.h"

#include "passes/Passes.h"
#include "passes/lower/ElementEmitter.h"
#include "passes/memory/ProgramBuffers.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

/// Sets of operations that the search for the best order may look at.
static constexpr int64_t kStates = 20'000;

static bool isFree(Operation *op) {
  return isa<ConstantOp, arith::ConstantOp, tensor::EmptyOp, linalg::FillOp,
             nn::ReshapeOp, func::ReturnOp>(op);
}

static bool worksInPlace(Operation *op) {
  return lower::isElementwise(op) ||
         isa<nn::InterpolateOp, nn::LookupOp, nn::QuantizedAddOp,
             nn::QuantizedMulOp, nn::RebaseOp, nn::RequantizeOp,
             nn::RequantizePreluOp>(op);
}

static Value throughReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<nn::ReshapeOp>())
    value = reshape.getInput();
  return value;
}

int64_t adze::memory::unfusedBound(func::FuncOp program) {
  Block &block = program.getBody().front();
  // Results live in memory of the caller.
  llvm::SmallPtrSet<Value, 4> outputs;
  for (Value value : block.getTerminator()->getOperands())
    outputs.insert(throughReshapes(value));
  StepGraph graph;
  DenseMap<Value, int> values;
  for (Operation &op : block) {
    if (isFree(&op))
      continue;
    StepGraph::Step step;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (auto it = values.find(throughReshapes(operand)); it != values.end())
          step.uses.push_back(it->second);
    });
    int64_t made = 0;
    auto number = static_cast<int>(graph.steps.size());
    for (Value result : op.getResults()) {
      int64_t size =
          outputs.contains(result) ? 0 : byteSize(result.getType()).value_or(0);
      made += size;
      values[result] = static_cast<int>(graph.values.size());
      graph.values.push_back({size, number, false});
    }
    if (worksInPlace(&op))
      for (int use : step.uses)
        step.savings.push_back({use, std::min(made, graph.values[use].size)});
    graph.steps.push_back(std::move(step));
  }
  return orderBound(graph, kStates);
}
