//===- SimplifyLoops.cpp - Cleans up code of the loops level -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The code is printed as C, interpreted, and compiled: all three want short
/// loop bodies. Upstream's simplifications do most of it; what they lack is
/// that a load leaves a loop that writes nothing it may read.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_SIMPLIFYLOOPS
#include "passes/Passes.h.inc"
} // namespace adze

/// What a buffer is a view of.
static Value rootOf(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

/// Two arguments may be the same memory (kernels work in place), but nothing
/// else shares memory with an alloca, and nothing writes to a constant.
static bool mayAlias(Value read, Value written) {
  Value from = rootOf(read), to = rootOf(written);
  if (from == to)
    return true;
  return !from.getDefiningOp<memref::AllocaOp>() &&
         !to.getDefiningOp<memref::AllocaOp>() &&
         !from.getDefiningOp<memref::GetGlobalOp>();
}

/// A function of runtime/core computes from its arguments alone.
static bool isRuntimeCall(Operation *op) {
  auto call = dyn_cast<func::CallOp>(op);
  if (!call)
    return false;
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, call.getCalleeAttr());
  return callee && callee->hasAttr("adze.runtime");
}

/// "f16" of adze_PREFIX and SUFFIX around it; empty if the name is another.
static StringRef formatIn(func::CallOp call, StringRef prefix,
                          StringRef suffix) {
  StringRef name = call.getCallee();
  return name.consume_front(prefix) && name.consume_back(suffix) ? name
                                                                 : StringRef();
}

/// A code that becomes a number and that code again is the code. Calls of the
/// runtime that nobody needs disappear; upstream takes them for side effects.
static void simplifyRuntimeCalls(func::FuncOp function) {
  SmallVector<func::CallOp> calls;
  function.walk([&](func::CallOp call) {
    if (isRuntimeCall(call))
      calls.push_back(call);
  });
  for (func::CallOp call : calls) {
    StringRef to = formatIn(call, "adze_f32_to_", "");
    if (to.empty())
      continue;
    auto from = call.getOperand(0).getDefiningOp<func::CallOp>();
    if (from && formatIn(from, "adze_", "_to_f32") == to)
      call.getResult(0).replaceAllUsesWith(from.getOperand(0));
  }
  for (func::CallOp call : llvm::reverse(calls))
    if (call.use_empty())
      call.erase();
}

/// The buffers that a loop writes; nothing if they cannot be told.
static std::optional<SmallVector<Value>> writtenBuffers(scf::ForOp loop) {
  SmallVector<Value> written;
  WalkResult result = loop.getBody()->walk([&](Operation *op) {
    if (isa<memref::StoreOp, vector::StoreOp>(op))
      written.push_back(op->getOperand(1));
    else if (auto copy = dyn_cast<memref::CopyOp>(op))
      written.push_back(copy.getTarget());
    else if (!isa<memref::LoadOp, vector::LoadOp>(op) &&
             !op->hasTrait<OpTrait::HasRecursiveMemoryEffects>() &&
             !isRuntimeCall(op) && !isMemoryEffectFree(op))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return std::nullopt;
  return written;
}

/// Moves loads and calls of the runtime that do not change within a loop
/// before it, if the loop runs at least once.
static void hoistLoads(scf::ForOp loop) {
  std::optional<APInt> trips = loop.getStaticTripCount();
  if (!trips || trips->isZero())
    return;
  std::optional<SmallVector<Value>> written = writtenBuffers(loop);
  moveLoopInvariantCode(
      {&loop.getRegion()},
      [&](Value value, Region *) { return loop.isDefinedOutsideOfLoop(value); },
      [&](Operation *op, Region *) {
        if (isa<memref::LoadOp, vector::LoadOp>(op))
          return written && llvm::none_of(*written, [&](Value buffer) {
                   return mayAlias(op->getOperand(0), buffer);
                 });
        return isRuntimeCall(op) ||
               (isMemoryEffectFree(op) && isSpeculatable(op));
      },
      [&](Operation *op, Region *) { loop.moveOutOfLoop(op); });
}

namespace {

/// The part that works on one function, between upstream's passes.
struct HoistPass final : PassWrapper<HoistPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HoistPass)
  StringRef getName() const override { return "HoistLoads"; }
  void runOnOperation() override {
    simplifyRuntimeCalls(getOperation());
    // Inner loops first: what leaves them may leave the loop around them too.
    getOperation()->walk([](LoopLikeOpInterface loop) {
      if (auto counted = dyn_cast<scf::ForOp>(loop.getOperation()))
        hoistLoads(counted);
      moveLoopInvariantCode(loop);
    });
    IRRewriter rewriter(&getContext());
    memref::eraseDeadAllocAndStores(rewriter, getOperation());
  }
};

struct SimplifyLoopsPass final
    : adze::impl::SimplifyLoopsBase<SimplifyLoopsPass> {
  void runOnOperation() override {
    OpPassManager manager(ModuleOp::getOperationName());
    OpPassManager &functions = manager.nest<func::FuncOp>();
    functions.addPass(createCanonicalizerPass());
    functions.addPass(createCSEPass());
    functions.addPass(arith::createIntRangeOptimizationsPass());
    functions.addPass(std::make_unique<HoistPass>());
    functions.addPass(createCanonicalizerPass());
    functions.addPass(createCSEPass());
    if (failed(runPipeline(manager, getOperation())))
      signalPassFailure();
  }
};

} // namespace
