//===- Inlining.cpp - Which values become part of an expression -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Inlining.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace adze;
using namespace adze::c;
using namespace mlir;

/// A sum with more terms gets a name when it has more than one use.
static constexpr unsigned maxSharedTerms = 3;

bool c::isExpression(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumRegions() != 0)
    return false;
  if (isa<memref::LoadOp, vector::LoadOp, vector::BroadcastOp, vector::FMAOp,
          vector::ExtractOp>(op))
    return true;
  return isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
      op->getDialect());
}

bool c::isLinear(Operation *op) {
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isIndex())
    return false;
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return true;
  return isa<arith::MulIOp>(op) &&
         (matchPattern(op->getOperand(0), m_Constant()) ||
          matchPattern(op->getOperand(1), m_Constant()));
}

bool c::repeatsOperands(Operation *op) {
  if (isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
          arith::MinNumFOp, arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp,
          arith::MinUIOp, math::AbsIOp, math::IsNaNOp, math::ClampFOp,
          arith::CeilDivUIOp>(op))
    return true;
  if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    arith::CmpFPredicate p = compare.getPredicate();
    return p == arith::CmpFPredicate::ONE || p == arith::CmpFPredicate::UEQ ||
           p == arith::CmpFPredicate::ORD || p == arith::CmpFPredicate::UNO;
  }
  return false;
}

/// Ten accumulators that take turns would otherwise become ten deep
/// expressions at the end, with every operand alive until then.
static constexpr unsigned maxDelay = 12;

Value c::accumulated(Operation *op) {
  if (isa<math::FmaOp, vector::FMAOp>(op))
    return op->getOperand(2);
  if (!isa<arith::AddFOp, arith::AddIOp, arith::MulFOp, arith::MaximumFOp,
           arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
           arith::MaxSIOp, arith::MinSIOp, arith::SubFOp>(op) ||
      op->getResult(0).getType().isIndex())
    return Value();
  return op->getOperand(0);
}

llvm::SmallVector<Operation *>
c::accumulationChain(Value value, Value last, Block *block) {
  llvm::SmallVector<Operation *> chain;
  while (value != last) {
    if (!value.hasOneUse())
      return {};
    Operation *op = *value.user_begin();
    if (op->getBlock() != block || !isExpression(op) || isLinear(op) ||
        isa<memref::LoadOp, vector::LoadOp, vector::ExtractOp,
            vector::BroadcastOp>(op) ||
        op->getResult(0).getType() != value.getType())
      return {};
    chain.push_back(op);
    value = op->getResult(0);
  }
  return last.hasOneUse() ? chain : llvm::SmallVector<Operation *>();
}

InliningPlan::InliningPlan(func::FuncOp function) {
  function.walk([&](Block *block) {
    unsigned number = 0;
    for (Operation &op : *block)
      if (!op.hasTrait<OpTrait::ConstantLike>())
        position[&op] = number++;
  });
  visit(function.getBody());
}

/// Users come after their operands, so a backward walk knows the fate of the
/// user when it decides about an operand.
void InliningPlan::visit(Region &region) {
  for (Block &block : llvm::reverse(region))
    for (Operation &op : llvm::reverse(block)) {
      for (Region &inner : llvm::reverse(op.getRegions()))
        visit(inner);
      if (isExpression(&op) && !op.hasTrait<OpTrait::ConstantLike>() &&
          decide(&op))
        inlined.insert(&op);
    }
}

/// The operation that ends up as the statement in which `op` is printed.
Operation *InliningPlan::statementOf(Operation *op) const {
  while (isInlined(op))
    op = *op->user_begin();
  return op;
}

/// Is the text of `op` printed at several places?
bool InliningPlan::isDuplicated(Operation *op) const {
  while (isInlined(op)) {
    if (!op->hasOneUse())
      return true;
    op = *op->user_begin();
  }
  return false;
}

bool InliningPlan::writesBetween(Operation *from, Operation *to) const {
  for (Operation *op = from->getNextNode(); op && op != to;
       op = op->getNextNode()) {
    if (isMemoryEffectFree(op) || isa<memref::LoadOp, vector::LoadOp>(op))
      continue;
    if (auto effects = dyn_cast<MemoryEffectOpInterface>(op))
      if (!effects.hasEffect<MemoryEffects::Write>() &&
          op->getNumRegions() == 0)
        continue;
    return true;
  }
  return false;
}

/// May the evaluation of `op` move to where `user` is evaluated, given that
/// `user` is in another block? It may enter conditionals, and loops if it is
/// index arithmetic that compilers hoist again.
bool InliningPlan::mayMoveTo(Operation *op, Operation *user) const {
  bool cheap = op->getResult(0).getType().isIndex() &&
               isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op);
  for (Operation *parent = user->getParentOp(); parent;
       parent = parent->getParentOp()) {
    if (!isa<scf::IfOp>(parent) && !cheap)
      return false;
    if (parent->getBlock() == op->getBlock())
      return true;
  }
  return false;
}

/// Index sums are read best inside the subscript; several subscripts may
/// share a short one.
bool InliningPlan::decideIndexSum(Operation *op) {
  auto isSubscript = [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<memref::LoadOp, vector::LoadOp>(user))
      return use.getOperandNumber() >= 1;
    if (isa<memref::StoreOp, vector::StoreOp>(user))
      return use.getOperandNumber() >= 2;
    return false;
  };
  unsigned terms = 0;
  llvm::SmallVector<Operation *> pending{op};
  while (!pending.empty()) {
    Operation *sum = pending.pop_back_val();
    for (Value operand : sum->getOperands()) {
      Operation *definition = operand.getDefiningOp();
      if (matchPattern(operand, m_Constant()))
        continue;
      if (definition && isLinear(definition) && terms < 8)
        pending.push_back(definition);
      else
        ++terms;
    }
  }
  if (terms > maxSharedTerms)
    return false;
  return llvm::all_of(op->getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    bool subscript =
        isSubscript(use) || (isLinear(user) && isInlined(user));
    return subscript && (user->getBlock() == op->getBlock() ||
                         mayMoveTo(op, user));
  });
}

bool InliningPlan::decide(Operation *op) {
  if (op->use_empty())
    return false;
  if (!op->hasOneUse())
    return isLinear(op) && decideIndexSum(op);

  OpOperand &use = *op->use_begin();
  Operation *user = use.getOwner();
  if (repeatsOperands(user) || (isDuplicated(user) && !isLinear(op)))
    return false;
  bool isVector = isa<VectorType>(op->getResult(0).getType());
  // Lanes of a vector are only printed lane by lane; a scalar that a vector
  // operation broadcasts is computed once, before the lane loop.
  if (isa<vector::BroadcastOp, vector::FromElementsOp, vector::InsertOp>(user))
    return false;
  if (isVector && (!(isExpression(user) || isa<vector::StoreOp, scf::YieldOp,
                                               scf::ForOp, vector::ReductionOp>(
                           user)) ||
                   isa<vector::ExtractOp>(user)))
    return false;
  if (isVector && isa<scf::YieldOp>(user) &&
      !isa<scf::ForOp>(user->getParentOp()))
    return false;
  if (auto loop = dyn_cast<scf::ForOp>(user)) {
    // The upper bound and the step are evaluated in every round.
    bool everyRound = use.getOperandNumber() == 1 || use.getOperandNumber() == 2;
    if (everyRound && !(isLinear(op)))
      return false;
  }
  if (!isa<memref::LoadOp, memref::StoreOp, vector::LoadOp, vector::StoreOp,
           vector::ReductionOp, scf::ForOp, scf::IfOp, scf::WhileOp,
           scf::YieldOp, scf::ConditionOp, func::CallOp, func::ReturnOp>(
          user) &&
      !isExpression(user))
    return false;
  if (user->getBlock() != op->getBlock() && !mayMoveTo(op, user))
    return false;
  Operation *statement = statementOf(user);
  if (statement->getBlock() == op->getBlock() && !isLinear(op) &&
      position[statement] > position[op] + maxDelay)
    return false;
  if (!isa<memref::LoadOp, vector::LoadOp>(op))
    return true;
  if (statement->getBlock() != op->getBlock())
    return false;
  // Vector stores write lane by lane: what they store is loaded before.
  if (isa<vector::StoreOp>(statement))
    return false;
  if (auto loop = dyn_cast<scf::ForOp>(statement)) {
    Operation *last = op;
    while (isInlined(*last->user_begin()) && *last->user_begin() != loop)
      last = *last->user_begin();
    unsigned number = last->use_begin()->getOperandNumber();
    if (number == 1 || number == 2)
      return false;
  }
  return !writesBetween(op, statement);
}
