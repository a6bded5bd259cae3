//===- FormKernels.cpp - Groups operations into kernels and outlines them -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Grouping, for each block of the program:
///   1. every root (an operation that makes loops) opens a group; element-wise
///      consumers of its result join it as the epilogue while they are the only
///      user, and a last transpose may follow (it is only another store order);
///   2. an operation that yields single elements joins the group of its users
///      if that is one group which reads each element about once (its
///      prologue); the others open groups of their own;
///   3. reshapes stay in the program: they move no bytes.
/// A group hands out the results of its last operation only, so the groups in
/// the order of their last operations are a valid program.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "adze/Names.h"
#include "passes/fuse/KernelName.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

/// Free to repeat wherever it is used: makes a value out of nothing.
bool isDuplicable(Operation *op) {
  if (isa<tensor::EmptyOp, linalg::FillOp>(op))
    return true;
  DenseElementsAttr dense;
  if (auto constant = dyn_cast<adze::ConstantOp>(op))
    dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!dense)
      return true; // a scalar
  }
  return dense && dense.isSplat();
}

/// Part of the program itself, not of a kernel.
bool isStructural(Operation *op) {
  return isa<adze::ConstantOp, nn::ReshapeOp, kernel::IfOp, kernel::WhileOp,
             kernel::ViewOp, kernel::CallOp>(op) ||
         op->hasTrait<OpTrait::IsTerminator>();
}

/// Computes with quantized tensors alone. Kernel families know these operations
/// by themselves, and a convolution with its requantization and an addition.
bool isQuantized(Operation *op) {
  if (isa<nn::InterpolateOp, nn::LookupOp, nn::QuantizedAddOp,
          nn::QuantizedMulOp, nn::QuantizedNormalizeOp,
          nn::QuantizedRecurrentOp, nn::QuantizedSoftmaxOp, nn::RequantizeOp,
          nn::RequantizePreluOp>(op))
    return true;
  return isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp>(op) &&
         lower::elementTypeOf(op->getOperand(0)).isInteger();
}

/// Whether a user in this group may evaluate `operand` where it reads it: it
/// reads each element about once, or reading costs nothing.
bool readsOnce(OpOperand &use) {
  Operation *user = use.getOwner();
  if (isa<linalg::GenericOp>(user)) {
    auto generic = cast<linalg::GenericOp>(user);
    AffineMap map = generic.getMatchingIndexingMap(&use);
    // Broadcast operands would be computed again for each repetition.
    return map.getNumResults() == map.getNumDims() && map.isPermutation();
  }
  if (use.get().getDefiningOp() && staysPacked(use.get().getDefiningOp()))
    return true;
  if (isQuantized(user))
    return false; // kernel families take these as they are
  return isa<nn::SoftmaxOp, nn::TransposeOp, nn::SliceOp, nn::PadOp,
             nn::ConcatOp, nn::CumulativeOp>(user);
}

/// Only moves elements: cheap to evaluate again.
bool isMovement(Operation *op) {
  return isa<nn::SliceOp, nn::BroadcastOp, nn::TransposeOp>(op);
}

struct Group {
  SmallVector<Operation *> ops; // in order
  Operation *root = nullptr;    // null: plain element-wise loops
  Operation *last() const { return ops.back(); }
};

/// The smaller operand of an addition or product that stands alone.
bool isRepeated(Operation *op, OpOperand &use, Group *home) {
  return isa<nn::BroadcastOp>(op) && !home->root &&
         isa<nn::QuantizedAddOp, nn::QuantizedMulOp>(use.getOwner());
}

class BlockGrouping {
public:
  BlockGrouping(Block &block, bool fuse) : block(block), fuse(fuse) {}

  SmallVector<Group *> run();

private:
  Group *open(Operation *op, Operation *root) {
    groups.push_back(std::make_unique<Group>());
    groups.back()->root = root;
    add(groups.back().get(), op);
    return groups.back().get();
  }
  void add(Group *group, Operation *op) {
    group->ops.push_back(op);
    owner[op] = group;
  }
  void growEpilogue(Group *group);

  Block &block;
  bool fuse;
  std::vector<std::unique_ptr<Group>> groups;
  llvm::DenseMap<Operation *, Group *> owner;
};

} // namespace

/// The only user of `op`'s only used result, if there is exactly one.
static Operation *onlyUser(Operation *op) {
  Operation *user = nullptr;
  for (Operation *candidate : op->getUsers()) {
    if (user && user != candidate)
      return nullptr;
    user = candidate;
  }
  return user;
}

/// Whether a value is a constant, under another shape or repeated.
static bool isConstantTensor(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<adze::ConstantOp>(op))
      return true;
    if (!isa<nn::ReshapeOp, nn::BroadcastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// Whether a quantized operation joins the kernel that ends in `tail`:
/// accumulators are requantized, and the result added to another tensor or
/// handed to a function.
static bool takesQuantized(Operation *tail, Operation *user) {
  Value value = tail->getResult(0);
  if (isa<nn::RequantizeOp, nn::RequantizePreluOp>(user))
    return isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp, linalg::GenericOp>(tail) &&
           user->getOperand(0) == value;
  if (auto interpolate = dyn_cast<nn::InterpolateOp>(user))
    return isa<nn::RequantizeOp>(tail) && interpolate.getInput() == value;
  auto add = dyn_cast<nn::QuantizedAddOp>(user);
  if (!add || !isa<nn::RequantizeOp>(tail) || add.getA() == add.getB())
    return false;
  // Kernel families take a tensor of the program as the other operand.
  if (isConstantTensor(add.getA()) || isConstantTensor(add.getB()))
    return false;
  if (add.getA() == value)
    return true;
  return !add.getSubtract();
}

/// Accumulators that go on in other ways take their epilogue along.
static bool joinsAccumulators(Operation *tail, Operation *user) {
  return isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp>(tail) &&
         isa<linalg::GenericOp>(user) &&
         lower::elementTypeOf(tail->getResult(0)).isInteger(32);
}

/// The convolution's result is the first operand of the addition behind it.
static void putFirst(nn::QuantizedAddOp add, Operation *producer) {
  if (add.getA().getDefiningOp() == producer)
    return;
  Value a = add.getA();
  add.getAMutable().assign(add.getB());
  add.getBMutable().assign(a);
  int64_t zeroPoint = add.getZeroPointA(), multiplier = add.getMultiplierA(),
          shift = add.getShiftA();
  add.setZeroPointA(add.getZeroPointB());
  add.setMultiplierA(add.getMultiplierB());
  add.setShiftA(add.getShiftB());
  add.setZeroPointB(zeroPoint);
  add.setMultiplierB(multiplier);
  add.setShiftB(shift);
}

void BlockGrouping::growEpilogue(Group *group) {
  Operation *tail = group->last();
  while (tail->getNumResults() == 1) {
    Operation *user = onlyUser(tail);
    if (!user || user->getBlock() != &block || owner.count(user))
      return;
    if (isQuantized(user)) {
      if (!takesQuantized(tail, user))
        return;
      if (auto addition = dyn_cast<nn::QuantizedAddOp>(user))
        putFirst(addition, tail);
      add(group, user);
      tail = user;
      continue;
    }
    if (isQuantized(tail) && !joinsAccumulators(tail, user))
      return;
    if (isa<nn::TransposeOp>(user)) {
      add(group, user);
      return;
    }
    if (!lower::isElementwise(user) || user->getNumResults() != 1 ||
        lower::shapeOf(user->getResult(0)) !=
            lower::shapeOf(tail->getResult(0)))
      return;
    auto generic = cast<linalg::GenericOp>(user);
    for (OpOperand &operand : user->getOpOperands())
      if (operand.get().getDefiningOp() == tail &&
          !generic.getMatchingIndexingMap(&operand).isIdentity())
        return;
    add(group, user);
    tail = user;
  }
}

SmallVector<Group *> BlockGrouping::run() {
  SmallVector<Operation *> order;
  for (Operation &op : block)
    if (!isStructural(&op) && !isDuplicable(&op))
      order.push_back(&op);
  // Later roots first: of two convolutions that meet in an addition, the
  // second one takes it, when the first has long been computed.
  for (Operation *op : llvm::reverse(order))
    if (!lower::findElementRule(op) && !owner.count(op)) {
      Group *group = open(op, op);
      if (fuse)
        growEpilogue(group);
    }
  for (Operation *op : llvm::reverse(order)) {
    if (owner.count(op))
      continue;
    Group *home = nullptr;
    bool joins = fuse && !op->use_empty() && op->getNumResults() == 1 &&
                 !isQuantized(op);
    for (OpOperand &use : op->getUses()) {
      auto it = owner.find(use.getOwner());
      if (it == owner.end() || (home && home != it->second) ||
          !(readsOnce(use) || isRepeated(op, use, it->second) ||
            (isMovement(op) && lower::isElementwise(use.getOwner())))) {
        joins = false;
        break;
      }
      home = it->second;
    }
    // Concatenation as loops over its result reads each input once, but a
    // long prologue under its branches is no gain: keep those apart.
    if (joins && isa<nn::ConcatOp>(op))
      joins = false;
    if (joins)
      add(home, op);
    else
      open(op, nullptr);
  }
  SmallVector<Group *> result;
  for (auto &group : groups) {
    llvm::sort(group->ops, [](Operation *a, Operation *b) {
      return a->isBeforeInBlock(b);
    });
    result.push_back(group.get());
  }
  llvm::sort(result, [](Group *a, Group *b) {
    return a->last()->isBeforeInBlock(b->last());
  });
  return result;
}

namespace {

class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module), symbols(module) {}

  void outline(Group &group);

private:
  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<kernel::FuncOp> known; // by the text of the body
};

} // namespace

void Outliner::outline(Group &group) {
  Operation *last = group.last();
  Operation *head = group.root ? group.root : last;
  llvm::SmallPtrSet<Operation *, 8> inside(group.ops.begin(), group.ops.end());

  // What the body repeats, and what it takes as arguments.
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Operation *> repeated;
  std::function<void(Value)> visit = [&](Value operand) {
    Operation *def = operand.getDefiningOp();
    if (def && inside.contains(def))
      return;
    if (def && isDuplicable(def)) {
      for (Value inner : def->getOperands())
        visit(inner);
      repeated.insert(def);
      return;
    }
    inputs.insert(operand);
  };
  for (Operation *op : group.ops)
    for (Value operand : valuesReadBy(op))
      visit(operand);

  OpBuilder builder(module.getContext());
  builder.setInsertionPointToStart(module.getBody());
  SmallVector<Type> argumentTypes, resultTypes;
  for (Value input : inputs)
    argumentTypes.push_back(input.getType());
  SmallVector<Value> returned;
  for (Value result : last->getResults())
    if (!result.use_empty()) {
      returned.push_back(result);
      resultTypes.push_back(result.getType());
    }
  if (returned.empty())
    return;
  auto function = kernel::FuncOp::create(
      builder, head->getLoc(), "kernel",
      builder.getFunctionType(argumentTypes, resultTypes));
  Block &body = function.getBody().front();
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  IRMapping map;
  for (auto [input, argument] : llvm::zip(inputs, body.getArguments()))
    map.map(input, argument);
  for (Operation *op : repeated)
    inner.clone(*op, map);
  for (Operation *op : group.ops)
    inner.clone(*op, map);
  SmallVector<Value> results;
  for (Value value : returned)
    results.push_back(map.lookup(value));
  kernel::ReturnOp::create(inner, head->getLoc(), results);

  std::string text;
  llvm::raw_string_ostream stream(text);
  function->print(stream, OpPrintingFlags().useLocalScope());
  kernel::FuncOp &shared = known[text];
  if (shared) {
    function.erase();
  } else {
    shared = function;
    function.setSymName(kernelName(head));
    function.setDocAttr(builder.getStringAttr(kernelDoc(group.ops, head)));
    symbols.insert(function);
  }
  builder.setInsertionPoint(last);
  auto call = kernel::CallOp::create(
      builder, head->getLoc(), resultTypes,
      FlatSymbolRefAttr::get(shared.getSymNameAttr()), inputs.getArrayRef(),
      DenseI64ArrayAttr(), DenseI64ArrayAttr());
  for (auto [value, result] : llvm::zip(returned, call.getOutputs()))
    value.replaceAllUsesWith(result);
}

namespace {
struct FormKernelsPass final : adze::impl::FormKernelsBase<FormKernelsPass> {
  using FormKernelsBase::FormKernelsBase;

  void runOnOperation() override {
    auto program = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!program) {
      getOperation().emitError("there is no program @main");
      return signalPassFailure();
    }
    Outliner outliner(getOperation());
    SmallVector<Block *> blocks;
    program->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<func::FuncOp, kernel::IfOp, kernel::WhileOp>(op))
        for (Region &region : op->getRegions())
          for (Block &block : region)
            blocks.push_back(&block);
      else if (op->getNumRegions())
        return WalkResult::skip();
      return WalkResult::advance();
    });
    for (Block *block : blocks) {
      BlockGrouping grouping(*block, fuse);
      SmallVector<Group *> groups = grouping.run();
      for (Group *group : groups)
        outliner.outline(*group);
      for (Operation &op : llvm::make_early_inc_range(*block))
        if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
          OpBuilder builder(reshape);
          auto view = kernel::ViewOp::create(builder, reshape.getLoc(),
                                             reshape.getType(),
                                             reshape.getInput());
          reshape.getOutput().replaceAllUsesWith(view);
          reshape.erase();
        }
    }
    // Inner blocks first: what only they read dies with them.
    for (Block *block : llvm::reverse(blocks)) {
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (!op.hasTrait<OpTrait::IsTerminator>() && op.use_empty() &&
            !isa<kernel::IfOp, kernel::WhileOp>(op))
          op.erase();
      // Scalars and splats that stay in the program become constants of it.
      for (Operation &op : llvm::make_early_inc_range(*block))
        if (isDuplicable(&op) && !isa<adze::ConstantOp>(op))
          materialise(&op);
    }
  }

private:
  /// A tensor made out of nothing that the program itself needs (it is
  /// returned, or decides a branch).
  void materialise(Operation *op) {
    OpBuilder builder(op);
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type)
      return;
    DenseElementsAttr value;
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      value = cast<DenseElementsAttr>(constant.getValue());
    else if (auto fill = dyn_cast<linalg::FillOp>(op)) {
      Attribute scalar;
      if (matchPattern(fill.getInputs()[0], m_Constant(&scalar)))
        value = DenseElementsAttr::get(type, scalar);
    }
    if (!value)
      value = DenseElementsAttr::get(
          type, builder.getZeroAttr(type.getElementType()));
    auto constant = adze::ConstantOp::create(builder, op->getLoc(), value);
    op->getResult(0).replaceAllUsesWith(constant.getResult());
    op->erase();
  }
};
} // namespace
