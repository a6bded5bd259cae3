//===- Region.cpp - Layers whose rows can be computed apart ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/patch/Region.h"

#include "passes/Passes.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using namespace adze::patch;

/// Beyond so many operations the activations are small in every network.
static constexpr size_t kMostOps = 160;

bool adze::patch::isImage(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getRank() == 4 &&
         tensor.getDimSize(0) == 1 && tensor.getDimSize(1) > 0 &&
         tensor.getElementType().isIntOrFloat();
}

int64_t adze::patch::rowsOf(Value image) {
  return cast<RankedTensorType>(image.getType()).getDimSize(1);
}

bool adze::patch::isConstant(Value value) {
  return value.getDefiningOp() &&
         isa<ConstantOp, arith::ConstantOp, tensor::EmptyOp, linalg::FillOp>(
             value.getDefiningOp());
}

/// Element-wise; operands that are no image of the result's rows don't depend
/// on the row. Constants stay whole, so they must not.
static bool isRowwise(linalg::GenericOp op) {
  if (!lower::isElementwise(op) || op->getNumResults() != 1)
    return false;
  bool readsRow = false;
  op.walk([&](linalg::IndexOp index) { readsRow |= index.getDim() == 1; });
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (isConstant(operand->get()) ? map.isFunctionOfDim(1) : !map.isIdentity())
      return false;
  }
  return !readsRow;
}

std::optional<RowRule> adze::patch::rowRule(Operation *op) {
  if (op->getNumResults() != 1 || !isImage(op->getResult(0).getType()))
    return std::nullopt;
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    if (conv.getLayout() != nn::Layout::channels_last ||
        !isImage(conv.getInput().getType()) || !isConstant(conv.getFilter()) ||
        (conv.getBias() && !isConstant(conv.getBias())))
      return std::nullopt;
    int64_t taps =
        cast<RankedTensorType>(conv.getFilter().getType()).getDimSize(0);
    return RowRule{(taps - 1) * conv.getDilations()[0] + 1,
                   conv.getStrides()[0], conv.getPads()[0]};
  }
  if (auto pool = dyn_cast<nn::PoolOp>(op)) {
    if (pool.getLayout() != nn::Layout::channels_last ||
        !isImage(pool.getInput().getType()))
      return std::nullopt;
    return RowRule{(pool.getWindow()[0] - 1) * pool.getDilations()[0] + 1,
                   pool.getStrides()[0], pool.getPads()[0]};
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return isRowwise(generic) ? std::optional(RowRule()) : std::nullopt;
  if (auto requantize = dyn_cast<nn::RequantizeOp>(op)) {
    bool isUniform =
        cast<RankedTensorType>(requantize.getMultiplier().getType())
            .getNumElements() == 1;
    return isUniform || requantize.getAxis() != 1 ? std::optional(RowRule())
                                                  : std::nullopt;
  }
  if (isa<nn::QuantizedAddOp, nn::QuantizedMulOp>(op))
    return llvm::none_of(op->getOperands(), isConstant)
               ? std::optional(RowRule())
               : std::nullopt;
  return isa<nn::InterpolateOp, nn::LookupOp, nn::RebaseOp>(op)
             ? std::optional(RowRule())
             : std::nullopt;
}

int64_t adze::patch::macsOf(Operation *op, int64_t rows) {
  auto conv = dyn_cast<nn::ConvOp>(op);
  if (!conv)
    return 0;
  auto filter = cast<RankedTensorType>(conv.getFilter().getType());
  auto output = cast<RankedTensorType>(conv.getOutput().getType());
  bool isLast = conv.getLayout() == nn::Layout::channels_last;
  int64_t channels = std::max<int64_t>(1, isLast ? filter.getShape().back()
                                                 : filter.getShape().front());
  int64_t whole =
      output.getNumElements() * (filter.getNumElements() / channels);
  return isImage(output) && isLast ? whole / output.getDimSize(1) * rows
                                   : whole;
}

llvm::MapVector<Value, Rows> ImageRegion::rowsFor(Rows rows) const {
  llvm::MapVector<Value, Rows> needed;
  needed[cut] = rows;
  for (Operation *op : llvm::reverse(ops)) {
    auto it = needed.find(op->getResult(0));
    if (it == needed.end())
      continue;
    Rows wanted = it->second;
    RowRule rule = *rowRule(op);
    int64_t begin = wanted.begin * rule.stride - rule.padBegin;
    int64_t end = (wanted.end - 1) * rule.stride - rule.padBegin + rule.window;
    for (Value operand : op->getOperands()) {
      if (isConstant(operand) || !isImage(operand.getType()))
        continue;
      Rows part{std::max<int64_t>(begin, 0), std::min(end, rowsOf(operand))};
      // A window that lies in the border alone: no row is no tensor.
      part.begin = std::min(part.begin, rowsOf(operand) - 1);
      part.end = std::max(part.end, part.begin + 1);
      auto [known, isNew] = needed.insert({operand, part});
      if (!isNew)
        known->second = {std::min(known->second.begin, part.begin),
                         std::max(known->second.end, part.end)};
    }
  }
  return needed;
}

bool adze::patch::isSource(Value value) {
  if (!isImage(value.getType()))
    return false;
  if (auto transpose = value.getDefiningOp<nn::TransposeOp>())
    value = transpose.getInput();
  return isa<BlockArgument>(value);
}

/// The operations behind `cut`, or nothing if they cannot all be computed in
/// rows from inputs of the program.
static std::optional<ImageRegion> regionOf(Value cut) {
  ImageRegion region{cut, {}};
  llvm::SmallPtrSet<Operation *, 32> seen;
  SmallVector<Value> pending{cut};
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    if (isConstant(value))
      continue;
    if (isSource(value))
      continue;
    Operation *op = value.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (!seen.insert(op).second)
      continue;
    if (!rowRule(op) || seen.size() > kMostOps)
      return std::nullopt;
    region.ops.push_back(op);
    llvm::append_range(pending, op->getOperands());
  }
  llvm::sort(region.ops,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : region.ops)
    if (op->getResult(0) != cut)
      for (Operation *user : op->getUsers())
        if (!seen.contains(user))
          return std::nullopt;
  return region;
}

std::vector<ImageRegion> adze::patch::findRegions(func::FuncOp program) {
  std::vector<ImageRegion> regions;
  for (Operation &op : program.getBody().front()) {
    std::optional<RowRule> rule = rowRule(&op);
    if (!rule)
      continue;
    Value result = op.getResult(0);
    if (rowsOf(result) < 2 || result.use_empty())
      continue;
    // It would become the epilogue of the same kernel.
    Operation *user = *result.getUsers().begin();
    bool isJoined = llvm::all_equal(result.getUsers()) && rowRule(user) &&
                    !isa<nn::ConvOp, nn::PoolOp>(user);
    if (isJoined)
      continue;
    if (std::optional<ImageRegion> region = regionOf(result))
      regions.push_back(std::move(*region));
  }
  return regions;
}

Rows adze::patch::bandOf(int64_t rows, int index, int bands) {
  return {rows * index / bands, rows * (index + 1) / bands};
}
