//===- FoldConstants.cpp - Computes what depends on constants alone -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "dialects/nn/nn.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/Passes.h.inc"
} // namespace adze

bool adze::staysPacked(Operation *op) {
  // With more rows the same weights would be computed over and over.
  constexpr int64_t mostRows = 64;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || !lower::isElementwise(op) || op->getNumResults() != 1 ||
      op->use_empty() ||
      !isa<FloatType>(lower::elementTypeOf(op->getResult(0))))
    return false;
  bool hasNarrow = llvm::any_of(generic.getDpsInputs(), [](Value input) {
    auto type = dyn_cast<IntegerType>(lower::elementTypeOf(input));
    return type && type.getWidth() < 8 && type.getWidth() > 1 &&
           input.getDefiningOp<adze::ConstantOp>();
  });
  return hasNarrow && llvm::all_of(op->getUses(), [&](OpOperand &use) {
           auto matmul = dyn_cast<nn::MatmulOp>(use.getOwner());
           if (!matmul || use.getOperandNumber() != 1)
             return false;
           auto type = cast<RankedTensorType>(matmul.getType());
           return type.getNumElements() <= mostRows * type.getShape().back();
         });
}

namespace {
struct FoldConstantsPass final
    : adze::impl::FoldConstantsBase<FoldConstantsPass> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    llvm::SmallDenseSet<Operation *> constants;
    SmallVector<Value> roots;
    auto isConstant = [&](Value value) {
      return value.getDefiningOp() && constants.contains(value.getDefiningOp());
    };
    // An operation on constants is constant; those with a user that is not
    // are computed.
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op == main || op->hasTrait<OpTrait::IsTerminator>())
        return WalkResult::advance();
      if (isa<kernel::IfOp, kernel::WhileOp>(op))
        return WalkResult::advance();
      if (llvm::all_of(valuesReadBy(op), isConstant) && !staysPacked(op))
        constants.insert(op);
      return WalkResult::skip();
    });
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!constants.contains(op))
        return WalkResult::advance();
      bool makesFromNothing = isa<adze::ConstantOp, arith::ConstantOp,
                                  tensor::EmptyOp, linalg::FillOp>(op);
      if (!makesFromNothing)
        for (Value result : op->getResults())
          if (llvm::any_of(result.getUsers(), [&](Operation *user) {
                return !constants.contains(user);
              }))
            roots.push_back(result);
      return WalkResult::skip();
    });
    for (Value root : roots)
      foldToConstant(root);
    main.walk([&](Block *block) {
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (isOpTriviallyDead(&op))
          op.erase();
    });
  }
};
} // namespace
