//===- PackWeights.cpp - Constant matrices become panels of columns -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A register tile reads `columns` neighbouring weights of each row of the
/// reduction. Kept as panels [N / columns, K, columns] these lie in one stream;
/// read from a matrix [K, N] each row is another cache line and, with a large
/// power of two for N, always the same cache set.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "passes/graph/WeightMovement.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using adze::lower::shapeOf;

namespace adze {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/Passes.h.inc"
} // namespace adze

namespace {
struct PackWeightsPass final : adze::impl::PackWeightsBase<PackWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::StringMap<SmallVector<kernel::CallOp>> calls;
    module.walk([&](kernel::CallOp call) {
      calls[call.getCallee()].push_back(call);
    });
    for (auto kernel : module.getOps<kernel::FuncOp>())
      if (auto schedule = kernel.getScheduleAttr())
        if (int64_t columns = schedule.getInt("columns", 0); columns > 1)
          pack(kernel, columns, calls[kernel.getSymName()]);
  }

private:
  /// The operand of the root that can be kept in panels: an argument of the
  /// kernel that is a constant in every call.
  void pack(kernel::FuncOp kernel, int64_t columns,
            ArrayRef<kernel::CallOp> calls) {
    OpOperand *operand = nullptr;
    kernel.walk([&](Operation *op) {
      if (auto conv = dyn_cast<nn::ConvOp>(op)) {
        if (conv.getLayout() == nn::Layout::channels_last &&
            conv.getGroup() == 1)
          operand = &conv.getFilterMutable();
      } else if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
        if (!matmul.getTransB() && shapeOf(matmul.getB()).size() == 2)
          operand = &matmul.getBMutable();
      }
    });
    if (!operand)
      return;
    auto argument = dyn_cast<BlockArgument>(operand->get());
    if (!argument || !argument.hasOneUse())
      return;
    unsigned index = argument.getArgNumber();
    for (kernel::CallOp call : calls)
      if (!call.getInputs()[index].getDefiningOp<ConstantOp>())
        return;
    auto type = cast<RankedTensorType>(argument.getType());
    int64_t n = type.getShape().back();
    if (n <= columns || type.getElementTypeBitWidth() % 8 != 0)
      return; // one panel is the matrix itself
    int64_t k = type.getNumElements() / n;
    auto panels = RankedTensorType::get(
        {llvm::divideCeilSigned(n, columns), k, columns},
        type.getElementType());

    OpBuilder builder(operand->getOwner());
    Location loc = kernel.getLoc();
    argument.setType(panels);
    Value matrix = nn::UnpackOp::create(
        builder, loc, RankedTensorType::get({k, n}, type.getElementType()),
        argument);
    if (type.getRank() != 2)
      matrix = nn::ReshapeOp::create(builder, loc, type, matrix);
    operand->set(matrix);
    SmallVector<Type> types(kernel.getArgumentTypes());
    types[index] = panels;
    kernel.setFunctionType(
        builder.getFunctionType(types, kernel.getResultTypes()));
    for (kernel::CallOp call : calls) {
      auto constant = call.getInputs()[index].getDefiningOp<ConstantOp>();
      TypedAttr &packed = made[{constant.getValue(), columns}];
      if (!packed)
        packed = packColumns(constant.getValue(), panels);
      OpBuilder before(call);
      Value value = ConstantOp::create(before, constant.getLoc(), packed);
      call.getInputsMutable()[index].set(value);
      if (constant->use_empty())
        constant.erase();
    }
  }

  llvm::DenseMap<std::pair<Attribute, int64_t>, TypedAttr> made;
};
} // namespace
