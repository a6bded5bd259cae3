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

  /// Of the block that was ordered last: the bytes that no plan goes below in
  /// any order, and whether the data flow allows one order only.
  int64_t bound = 0;
  bool isUnique = false;

private:
  void addStep(Operation *op, StepGraph &graph);
  /// Calls `visit` with every value of the graphs whose bytes `value` holds.
  void visitValues(Value value, function_ref<void(Value, int)> visit) const;
  /// The whole in the graph that a value is a part of, or -1.
  int wholeOf(Value value, StepGraph &graph);
  int64_t orderInside(Operation *op);
  void rearrange(Block &block, ArrayRef<Operation *> steps,
                 ArrayRef<int> order);

  const ProgramBuffers &buffers;
  SymbolTableCollection &symbols;
  DenseMap<Value, int> values; ///< of all graphs: roots made by their steps
  DenseMap<Value, int> wholes; ///< of all graphs, by join
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

/// A join is all of its parts.
void BlockOrder::visitValues(Value value,
                             function_ref<void(Value, int)> visit) const {
  Value root = rootOf(value);
  if (auto view = root.getDefiningOp<kernel::ViewOp>())
    return visitValues(view.getInput(), visit);
  if (auto join = root.getDefiningOp<kernel::JoinOp>()) {
    for (Value part : join.getParts())
      visitValues(part, visit);
    return;
  }
  if (auto it = values.find(root); it != values.end())
    visit(root, it->second);
}

int BlockOrder::wholeOf(Value value, StepGraph &graph) {
  Value root = placeOf(value).root;
  if (root == value || !root.getDefiningOp<kernel::JoinOp>() ||
      buffers.find(root) < 0)
    return -1;
  auto [it, isNew] =
      wholes.try_emplace(root, static_cast<int>(graph.wholes.size()));
  if (isNew)
    graph.wholes.push_back(byteSize(root.getType()).value_or(0));
  return it->second;
}

void BlockOrder::addStep(Operation *op, StepGraph &graph) {
  StepGraph::Step step;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      visitValues(operand, [&](Value root, int number) {
        if (root.getParentBlock() == op->getBlock() &&
            root.getDefiningOp() != op)
          step.uses.push_back(number);
      });
  });
  step.scratch = orderInside(op);
  if (auto it = buffers.scratch.find(op); it != buffers.scratch.end())
    for (int scratch : it->second)
      step.scratch += buffers.entries[scratch].size;
  int number = static_cast<int>(graph.steps.size());
  for (Value result : op->getResults()) {
    int64_t size =
        buffers.find(result) < 0 ? 0 : byteSize(result.getType()).value_or(0);
    values[result] = static_cast<int>(graph.values.size());
    graph.values.push_back({size, number, false, wholeOf(result, graph)});
  }
  auto call = dyn_cast<kernel::CallOp>(op);
  if (call && call.getNumResults() > 0 &&
      buffers.find(call.getResult(0)) >= 0) {
    auto callee = symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
        call, call.getCalleeAttr());
    FailureOr<SmallVector<InputOverlap>> rules = readOverlap(callee);
    int64_t size = byteSize(call.getResult(0).getType()).value_or(0);
    int64_t outputAt = placeOf(call.getResult(0)).offset;
    for (const InputOverlap &rule :
         succeeded(rules) ? *rules : SmallVector<InputOverlap>()) {
      Value input = call.getInputs()[rule.input];
      int64_t distance = rule.distance + outputAt - placeOf(input).offset;
      int64_t most =
          std::max<int64_t>(size - std::max<int64_t>(distance, 0), 0);
      visitValues(input, [&](Value, int number) {
        if (!llvm::is_contained(step.uses, number))
          return;
        const StepGraph::Value &value = graph.values[number];
        int64_t held =
            value.whole >= 0 ? graph.wholes[value.whole] : value.size;
        step.savings.push_back({number, std::min(held, most)});
      });
    }
  }
  graph.steps.push_back(std::move(step));
}

/// Constants first, then the steps; a view or join stands behind the last of
/// what it is made of.
void BlockOrder::rearrange(Block &block, ArrayRef<Operation *> steps,
                           ArrayRef<int> order) {
  SmallVector<Operation *> constants, waiting;
  for (Operation &op : block.without_terminator())
    if (isa<ConstantOp>(op))
      constants.push_back(&op);
    else if (isa<kernel::ViewOp, kernel::JoinOp>(op))
      waiting.push_back(&op);
  llvm::SmallPtrSet<Operation *, 16> missing(llvm::from_range, steps);
  missing.insert_range(waiting);
  Operation *terminator = block.getTerminator();
  auto append = [&](Operation *op) {
    op->moveBefore(terminator);
    missing.erase(op);
  };
  // In the old order, so one pass is enough.
  auto appendViews = [&] {
    llvm::erase_if(waiting, [&](Operation *view) {
      if (llvm::any_of(view->getOperands(), [&](Value operand) {
            return missing.contains(operand.getDefiningOp());
          }))
        return false;
      view->moveBefore(terminator);
      missing.erase(view);
      return true;
    });
  };
  for (Operation *constant : constants)
    append(constant);
  appendViews();
  for (int step : order) {
    append(steps[step]);
    appendViews();
  }
}

static bool hasOneOrder(const StepGraph &graph) {
  for (size_t s = 1; s < graph.steps.size(); ++s)
    if (llvm::none_of(graph.steps[s].uses, [&](int value) {
          return graph.values[value].producer == static_cast<int>(s) - 1;
        }))
      return false;
  return true;
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
    visitValues(operand, [&](Value root, int number) {
      if (root.getParentBlock() == &block)
        graph.values[number].kept = true;
    });
  isUnique =
      hasOneOrder(graph) && llvm::all_of(steps, llvm::IsaPred<kernel::CallOp>);
  bound = orderBound(graph);
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
    BlockOrder order(*buffers, symbols);
    order.order(program.getBody().front());
    Builder builder(module.getContext());
    module->setAttr("adze.order",
                    builder.getDictionaryAttr(
                        {builder.getNamedAttr(
                             "bound", builder.getI64IntegerAttr(order.bound)),
                         builder.getNamedAttr(
                             "unique", builder.getBoolAttr(order.isUnique))}));
  }
};
} // namespace
