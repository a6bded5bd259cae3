//===- SharedMemory.cpp - Barriers, fences, roles as PTX --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Lowering.h"
#include "codegen/ptx/tile/Snippet.h"
#include "codegen/ptx/tile/TilePatterns.h"
#include "dialects/tile/tile.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

namespace {

struct SharedMemoryPattern final
    : ConvertOpToLLVMPattern<tile::SharedMemoryOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::SharedMemoryOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto pointer = LLVM::LLVMPointerType::get(op.getContext(), 3);
    Value start = LLVM::AddressOfOp::create(rewriter, op.getLoc(), pointer,
                                            dynamicShared);
    rewriter.replaceOpWithNewOp<LLVM::GEPOp>(
        op, pointer, rewriter.getI8Type(), start,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(op.getOffset())},
        LLVM::GEPNoWrapFlags::inbounds);
    return success();
  }
};

/// The address of the barrier that an operation works on.
template <typename Op>
Value barrierAddress(Op op, typename Op::Adaptor adaptor, OpBuilder &builder) {
  return sharedAddress(builder, op.getLoc(),
                       cast<MemRefType>(op.getBarriers().getType()),
                       adaptor.getBarriers(), op.getStage(), adaptor.getStage())
      .value(builder, op.getLoc());
}

struct BarrierInitPattern final : ConvertOpToLLVMPattern<tile::BarrierInitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::BarrierInitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string barrier = s.operand(barrierAddress(op, adaptor, rewriter));
    s.emit("mbarrier.init.shared::cta.b64 [" + barrier + "], " +
           std::to_string(op.getCount()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct BarrierExpectTxPattern final
    : ConvertOpToLLVMPattern<tile::BarrierExpectTxOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::BarrierExpectTxOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string barrier = s.operand(barrierAddress(op, adaptor, rewriter));
    s.emit("mbarrier.arrive.expect_tx.shared::cta.b64 _, [" + barrier + "], " +
           std::to_string(op.getBytes()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct BarrierArrivePattern final
    : ConvertOpToLLVMPattern<tile::BarrierArriveOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::BarrierArriveOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string barrier = s.operand(barrierAddress(op, adaptor, rewriter));
    if (Value rank = adaptor.getRank())
      s.emit("{\n.reg .b32 remote;\nmapa.shared::cluster.u32 remote, " +
             barrier + ", " + s.operand(rank) +
             ";\nmbarrier.arrive.release.cluster.shared::cluster.b64 _, "
             "[remote];\n}");
    else
      s.emit("mbarrier.arrive.shared::cta.b64 _, [" + barrier + "];");
    rewriter.eraseOp(op);
    return success();
  }
};

struct BarrierWaitPattern final : ConvertOpToLLVMPattern<tile::BarrierWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::BarrierWaitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string barrier = s.operand(barrierAddress(op, adaptor, rewriter));
    std::string parity = s.operand(adaptor.getParity());
    // try_wait suspends the thread for a while; no back-off of our own.
    s.emit("{\n.reg .pred done;\nWAIT${:uid}:\n"
           "mbarrier.try_wait.parity.shared::cta.b64 done, [" +
           barrier + "], " + parity + ";\n@!done bra WAIT${:uid};\n}");
    rewriter.eraseOp(op);
    return success();
  }
};

struct FencePattern final : ConvertOpToLLVMPattern<tile::FenceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::FenceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter).emit(text(op.getKind()));
    rewriter.eraseOp(op);
    return success();
  }

private:
  static StringRef text(tile::FenceKind kind) {
    switch (kind) {
    case tile::FenceKind::MbarrierInit:
      return "fence.mbarrier_init.release.cluster;";
    case tile::FenceKind::AsyncShared:
      return "fence.proxy.async.shared::cta;";
    case tile::FenceKind::Global:
      return "fence.acq_rel.gpu;";
    }
    llvm_unreachable("all kinds are above");
  }
};

struct SetRegistersPattern final
    : ConvertOpToLLVMPattern<tile::SetRegistersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::SetRegistersOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter)
        .emit((op.getDecrease() ? "setmaxnreg.dec.sync.aligned.u32 "
                                : "setmaxnreg.inc.sync.aligned.u32 ") +
              std::to_string(op.getCount()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct WarpIndexPattern final : ConvertOpToLLVMPattern<tile::WarpIndexOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WarpIndexOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string index = s.result(rewriter.getI32Type());
    // The shuffle tells ptxas that the value is uniform.
    rewriter.replaceOp(op,
                       s.emit("{\n.reg .b32 thread;\nmov.u32 thread, %tid.x;\n"
                              "shr.u32 thread, thread, 5;\nshfl.sync.idx.b32 " +
                                  index + ", thread, 0, 31, 0xffffffff;\n}",
                              Snippet::Effect::Registers));
    return success();
  }
};

struct ElectPattern final : ConvertOpToLLVMPattern<tile::ElectOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ElectOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string elected = s.result(rewriter.getI32Type());
    Value number = s.emit("{\n.reg .pred leader;\n"
                          "elect.sync _|leader, 0xffffffff;\nselp.b32 " +
                              elected + ", 1, 0, leader;\n}",
                          Snippet::Effect::Registers);
    rewriter.replaceOpWithNewOp<LLVM::ICmpOp>(
        op, LLVM::ICmpPredicate::ne, number,
        constantI32(rewriter, op.getLoc(), 0));
    return success();
  }
};

struct NamedBarrierPattern final
    : ConvertOpToLLVMPattern<tile::NamedBarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::NamedBarrierOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string id = s.operand(adaptor.getId());
    s.emit((op.getArrive() ? "bar.arrive " : "bar.sync ") + id + ", " +
           std::to_string(op.getThreads()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct ClusterSyncPattern final : ConvertOpToLLVMPattern<tile::ClusterSyncOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ClusterSyncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter)
        .emit("barrier.cluster.arrive.release;\n"
              "barrier.cluster.wait.acquire;");
    rewriter.eraseOp(op);
    return success();
  }
};

struct ClusterRankPattern final : ConvertOpToLLVMPattern<tile::ClusterRankOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ClusterRankOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string rank = s.result(rewriter.getI32Type());
    rewriter.replaceOp(op, s.emit("mov.u32 " + rank + ", %cluster_ctarank;",
                                  Snippet::Effect::Registers));
    return success();
  }
};

} // namespace

void ptx::populateSharedMemoryPatterns(LLVMTypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<SharedMemoryPattern, BarrierInitPattern, BarrierExpectTxPattern,
               BarrierArrivePattern, BarrierWaitPattern, FencePattern,
               SetRegistersPattern, WarpIndexPattern, ElectPattern,
               NamedBarrierPattern, ClusterSyncPattern, ClusterRankPattern>(
      converter);
}
