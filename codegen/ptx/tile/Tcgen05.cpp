//===- Tcgen05.cpp - Products into tensor memory as PTX ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// sm_100a (PTX ISA 9.7.16), one block alone (cta_group::1).
///
//===----------------------------------------------------------------------===//
#include "codegen/ptx/tile/Snippet.h"
#include "codegen/ptx/tile/TilePatterns.h"
#include "dialects/tile/tile.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

/// The shared memory descriptor without its address (PTX ISA 9.7.16.4.1): as
/// wgmma's, but bits 46 to 48 are 1 and the swizzle has three bits.
static uint64_t descriptorBits(tile::MatrixAttr matrix) {
  uint64_t swizzle = matrix.getSwizzle() == 0     ? 0
                     : matrix.getSwizzle() == 128 ? 2
                     : matrix.getSwizzle() == 64  ? 4
                                                  : 6;
  return uint64_t(matrix.getLeading() / 16) << 16 |
         uint64_t(matrix.getStride() / 16) << 32 | uint64_t(1) << 46 |
         swizzle << 61;
}

/// The constant part of the address is added at the end, as for wgmma.
static Value descriptor(OpBuilder &builder, Location loc, MemRefType type,
                        Value pointer, ValueRange original, ValueRange indices,
                        tile::MatrixAttr matrix) {
  SharedAddress address =
      sharedAddress(builder, loc, type, pointer, original, indices);
  Type i64 = builder.getI64Type();
  auto wide = [&](uint64_t value) {
    return LLVM::ConstantOp::create(
        builder, loc, i64, builder.getIntegerAttr(i64, APInt(64, value)));
  };
  Value units = LLVM::LShrOp::create(builder, loc, address.base,
                                     constantI32(builder, loc, 4));
  Value field = LLVM::AndOp::create(builder, loc, units,
                                    constantI32(builder, loc, 0x3fff));
  Value bits = LLVM::OrOp::create(
      builder, loc, LLVM::ZExtOp::create(builder, loc, i64, field),
      wide(descriptorBits(matrix)));
  return LLVM::AddOp::create(builder, loc, bits, wide(address.offset / 16));
}

static Value elementAt(OpBuilder &builder, Location loc, Value vector,
                       int64_t i) {
  return LLVM::ExtractElementOp::create(builder, loc, vector,
                                        constantI32(builder, loc, i));
}

/// A vector of the registers that a snippet wrote: one value or a struct.
static Value gather(OpBuilder &builder, Location loc, VectorType type,
                    Value registers) {
  Value vector = LLVM::PoisonOp::create(builder, loc, type);
  int64_t count = type.getNumElements();
  for (int64_t i = 0; i < count; ++i) {
    Value element =
        count == 1 ? registers
                   : LLVM::ExtractValueOp::create(builder, loc, registers, i);
    vector = LLVM::InsertElementOp::create(builder, loc, vector, element,
                                           constantI32(builder, loc, i));
  }
  return vector;
}

/// ".sync.aligned.32x32b.x32.b32 ".
static std::string form(VectorType type) {
  return ".sync.aligned.32x32b.x" + std::to_string(type.getNumElements()) +
         ".b32 ";
}

namespace {

struct AllocPattern final : ConvertOpToLLVMPattern<tile::Tcgen05AllocOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05AllocOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string place = s.operand(
        sharedAddress(rewriter, op.getLoc(),
                      cast<MemRefType>(op.getPlace().getType()),
                      adaptor.getPlace(), op.getIndex(), adaptor.getIndex())
            .value(rewriter, op.getLoc()));
    s.emit("tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [" + place +
           "], " + std::to_string(op.getColumns()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct DeallocPattern final : ConvertOpToLLVMPattern<tile::Tcgen05DeallocOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05DeallocOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string address = s.operand(adaptor.getAddress());
    s.emit("tcgen05.dealloc.cta_group::1.sync.aligned.b32 " + address + ", " +
           std::to_string(op.getColumns()) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

struct MmaPattern final : ConvertOpToLLVMPattern<tile::Tcgen05MmaOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05MmaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Snippet s(op, rewriter);
    std::string sums = s.operand(adaptor.getSums());
    std::string a = s.operand(descriptor(
        rewriter, loc, cast<MemRefType>(op.getA().getType()), adaptor.getA(),
        op.getAIndices(), adaptor.getAIndices(), op.getAMatrix()));
    std::string b = s.operand(descriptor(
        rewriter, loc, cast<MemRefType>(op.getB().getType()), adaptor.getB(),
        op.getBIndices(), adaptor.getBIndices(), op.getBMatrix()));
    std::string shape =
        s.operand(constantI32(rewriter, loc, int64_t(op.getDescriptor())));
    std::string add = s.operand(LLVM::ZExtOp::create(
        rewriter, loc, rewriter.getI32Type(), adaptor.getAdd()));
    s.emit("{\n.reg .pred add;\nsetp.ne.b32 add, " + add +
           ", 0;\ntcgen05.mma.cta_group::1.kind::f16 [" + sums + "], " + a +
           ", " + b + ", " + shape + ", add;\n}");
    rewriter.eraseOp(op);
    return success();
  }
};

struct CommitPattern final : ConvertOpToLLVMPattern<tile::Tcgen05CommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05CommitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet s(op, rewriter);
    std::string barrier = s.operand(
        sharedAddress(rewriter, op.getLoc(),
                      cast<MemRefType>(op.getBarriers().getType()),
                      adaptor.getBarriers(), op.getStage(), adaptor.getStage())
            .value(rewriter, op.getLoc()));
    s.emit("tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster"
           ".b64 [" +
           barrier + "];");
    rewriter.eraseOp(op);
    return success();
  }
};

struct LoadPattern final : ConvertOpToLLVMPattern<tile::Tcgen05LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05LoadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getValues().getType());
    Snippet s(op, rewriter);
    SmallVector<std::string> registers;
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      registers.push_back(s.result(rewriter.getF32Type()));
    std::string address = s.operand(adaptor.getAddress());
    Value loaded = s.emit("tcgen05.ld" + form(type) + registerList(registers) +
                          ", [" + address + "];");
    rewriter.replaceOp(op, gather(rewriter, op.getLoc(), type, loaded));
    return success();
  }
};

struct WaitLoadPattern final : ConvertOpToLLVMPattern<tile::Tcgen05WaitLoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05WaitLoadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<VectorType>(op.getValues().getType());
    Snippet s(op, rewriter);
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      s.result(rewriter.getF32Type());
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      s.tied(elementAt(rewriter, loc, adaptor.getValues(), i), i);
    Value loaded = s.emit("tcgen05.wait::ld.sync.aligned;");
    rewriter.replaceOp(op, gather(rewriter, loc, type, loaded));
    return success();
  }
};

struct StorePattern final : ConvertOpToLLVMPattern<tile::Tcgen05StoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::Tcgen05StoreOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getValues().getType());
    Snippet s(op, rewriter);
    std::string address = s.operand(adaptor.getAddress());
    SmallVector<std::string> registers;
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      registers.push_back(
          s.operand(elementAt(rewriter, op.getLoc(), adaptor.getValues(), i)));
    s.emit("tcgen05.st" + form(type) + "[" + address + "], " +
           registerList(registers) + ";");
    rewriter.eraseOp(op);
    return success();
  }
};

/// Operations that are one instruction without operands.
template <typename Op> struct PlainPattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter).emit(text(op));
    rewriter.eraseOp(op);
    return success();
  }

private:
  static StringRef text(tile::Tcgen05RelinquishOp) {
    return "tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;";
  }
  static StringRef text(tile::Tcgen05WaitStoreOp) {
    return "tcgen05.wait::st.sync.aligned;";
  }
  static StringRef text(tile::Tcgen05FenceOp op) {
    return op.getOrder() == tile::Tcgen05Order::Before
               ? "tcgen05.fence::before_thread_sync;"
               : "tcgen05.fence::after_thread_sync;";
  }
};

} // namespace

void ptx::populateTcgen05Patterns(LLVMTypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<AllocPattern, DeallocPattern, MmaPattern, CommitPattern,
               LoadPattern, WaitLoadPattern, StorePattern,
               PlainPattern<tile::Tcgen05RelinquishOp>,
               PlainPattern<tile::Tcgen05WaitStoreOp>,
               PlainPattern<tile::Tcgen05FenceOp>>(converter);
}
