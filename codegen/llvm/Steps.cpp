//===- Steps.cpp - From the loops level to the LLVM dialect -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/Patterns.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToFuncs/MathToFuncs.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/IR/Threading.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace adze;

void codegen::hoistLocalArrays(ModuleOp module) {
  for (auto function : module.getOps<FunctionOpInterface>()) {
    SmallVector<memref::AllocaOp> arrays;
    function.walk([&](memref::AllocaOp op) { arrays.push_back(op); });
    for (memref::AllocaOp op : arrays) {
      Block &entry = function.getFunctionBody().front();
      if (op.getType().hasStaticShape())
        op->moveBefore(&entry, entry.begin());
    }
  }
}

LogicalResult codegen::expandIntegerPowers(ModuleOp module) {
  bool hasPowers =
      module.walk([](math::IPowIOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  if (!hasPowers)
    return success();
  PassManager passes(module.getContext());
  passes.addPass(createConvertMathToFuncs());
  return passes.run(module);
}

LogicalResult codegen::simplifyVectors(ModuleOp module) {
  bool hasVectors =
      module
          .walk([](Operation *op) {
            return isa_and_nonnull<vector::VectorDialect>(op->getDialect())
                       ? WalkResult::interrupt()
                       : WalkResult::advance();
          })
          .wasInterrupted();
  if (!hasVectors)
    return success();
  RewritePatternSet patterns(module.getContext());
  vector::populateVectorBitCastLoweringPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorInterleaveLoweringPatterns(patterns);
  vector::populateVectorTransferLoweringPatterns(patterns,
                                                 /*maxTransferRank=*/1);
  vector::populateVectorMaskMaterializationPatterns(
      patterns, /*force32BitVectorIndices=*/false);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorRankReducingFMAPattern(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

LogicalResult codegen::lowerControlFlow(ModuleOp module) {
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  ConversionTarget target(*context);
  target.addIllegalOp<scf::ForOp, scf::IfOp, scf::IndexSwitchOp, scf::WhileOp,
                      scf::ExecuteRegionOp, scf::ParallelOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return failableParallelForEach(
      context, llvm::to_vector(module.getOps<FunctionOpInterface>()),
      [&](FunctionOpInterface function) {
        return applyPartialConversion(function, target, frozen);
      });
}

void codegen::populateLoopsPatterns(const LLVMTypeConverter &converter,
                                    RewritePatternSet &patterns) {
  populateMemoryPatterns(converter, patterns);
  populateFunctionPatterns(converter, patterns);
  // Sums across lanes as a tree: the order of a vectorised sum is the
  // schedule's choice in any case.
  populateVectorToLLVMConversionPatterns(converter, patterns,
                                         /*reassociateFPReductions=*/true);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
}
