//===- OrderProgram.cpp - The order of kernels with the least memory ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Reorders the operations of every block of the program so that the most
/// bytes live at once become fewer (orderSteps in MemoryPlan.h); a block whose
/// order cannot be improved stays as it is. Everything in a program is free of
/// side effects, so data flow alone limits the order.
///
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/memory/ProgramBuffers.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

namespace adze {
#define GEN_PASS_DEF_ORDERPROGRAM
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

class BlockOrder {
public:
  BlockOrder(const ProgramBuffers &buffers, SymbolTableCollection &symbols)
      : buffers(buffers), symbols(symbols) {}

  /// Orders the blocks inside `block` and then the block. Returns the most
  /// bytes that are live in it at once.
  int64_t order(Block &block);

private:
  void addStep(Operation *op, StepGraph &graph);
  int64_t orderInside(Operation *op);
  void rearrange(Block &block, ArrayRef<Operation *> steps,
                 ArrayRef<int> order);

  const ProgramBuffers &buffers;
  SymbolTableCollection &symbols;
  DenseMap<Value, int> values; ///< of all graphs: roots made by their steps
};

} // namespace

/// The bytes live within one run of the blocks of `op`.
int64_t BlockOrder::orderInside(Operation *op) {
  int64_t most = 0;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      most = std::max(most, order(block));
  return most;
}

void BlockOrder::addStep(Operation *op, StepGraph &graph) {
  StepGraph::Step step;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (auto it = values.find(rootOf(operand)); it != values.end())
        if (it->first.getParentBlock() == op->getBlock() &&
            it->first.getDefiningOp() != op)
          step.uses.push_back(it->second);
  });
  step.scratch = orderInside(op);
  if (auto it = buffers.scratch.find(op); it != buffers.scratch.end())
    for (int scratch : it->second)
      step.scratch += buffers.entries[scratch].size;
  int number = static_cast<int>(graph.steps.size());
  for (Value result : op->getResults()) {
    int buffer = buffers.find(result);
    values[result] = static_cast<int>(graph.values.size());
    graph.values.push_back(
        {buffer < 0 ? 0 : buffers.entries[buffer].size, number, false});
  }
  auto call = dyn_cast<kernel::CallOp>(op);
  if (call && call.getNumResults() > 0 &&
      buffers.find(call.getResult(0)) >= 0) {
    auto callee = symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
        call, call.getCalleeAttr());
    FailureOr<SmallVector<InputOverlap>> rules = readOverlap(callee);
    int64_t size = buffers.entries[buffers.find(call.getResult(0))].size;
    for (const InputOverlap &rule :
         succeeded(rules) ? *rules : SmallVector<InputOverlap>()) {
      auto it = values.find(rootOf(call.getInputs()[rule.input]));
      if (it == values.end() || !llvm::is_contained(step.uses, it->second))
        continue;
      int64_t saved = std::min(graph.values[it->second].size,
                               std::max<int64_t>(size - rule.distance, 0));
      step.savings.push_back({it->second, saved});
    }
  }
  graph.steps.push_back(std::move(step));
}

/// Constants first, then the steps; a view stands behind what it is a view of.
void BlockOrder::rearrange(Block &block, ArrayRef<Operation *> steps,
                           ArrayRef<int> order) {
  DenseMap<Operation *, SmallVector<Operation *>> views; // null: of the outside
  SmallVector<Operation *> constants;
  for (Operation &op : block.without_terminator()) {
    if (isa<ConstantOp>(op))
      constants.push_back(&op);
    if (!isa<kernel::ViewOp>(op))
      continue;
    Operation *maker = rootOf(op.getResult(0)).getDefiningOp();
    bool isInside =
        maker && maker->getBlock() == &block && !isa<ConstantOp>(maker);
    views[isInside ? maker : nullptr].push_back(&op);
  }
  Operation *terminator = block.getTerminator();
  auto append = [&](ArrayRef<Operation *> list) {
    for (Operation *op : list)
      op->moveBefore(terminator);
  };
  append(constants);
  append(views.lookup(nullptr));
  for (int step : order) {
    append(steps[step]);
    append(views.lookup(steps[step]));
  }
}

int64_t BlockOrder::order(Block &block) {
  StepGraph graph;
  SmallVector<Operation *> steps;
  for (Operation &op : block.without_terminator()) {
    if (!isa<kernel::CallOp, kernel::IfOp, kernel::WhileOp>(op))
      continue;
    steps.push_back(&op);
    addStep(&op, graph);
  }
  for (Value operand : block.getTerminator()->getOperands())
    if (auto it = values.find(rootOf(operand));
        it != values.end() && it->first.getParentBlock() == &block)
      graph.values[it->second].kept = true;
  StepOrder found = orderSteps(graph);
  if (!llvm::equal(found.steps, llvm::seq<int>(0, steps.size())))
    rearrange(block, steps, found.steps);
  return found.peak;
}

namespace {
struct OrderProgramPass final : adze::impl::OrderProgramBase<OrderProgramPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto program = module.lookupSymbol<func::FuncOp>("main");
    if (!program || program.isExternal()) {
      module.emitError("order-program needs a program: func.func @main");
      return signalPassFailure();
    }
    FailureOr<ProgramBuffers> buffers = ProgramBuffers::compute(program);
    if (failed(buffers))
      return signalPassFailure();
    SymbolTableCollection symbols;
    BlockOrder(*buffers, symbols).order(program.getBody().front());
  }
};
} // namespace
