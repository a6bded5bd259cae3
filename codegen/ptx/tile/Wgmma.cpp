//===- Wgmma.cpp - Products of a warp group as PTX (sm_90a) -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/tile/Snippet.h"
#include "codegen/ptx/tile/TilePatterns.h"
#include "dialects/tile/tile.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

/// The registers of an accumulator go in and out of a snippet in their places.
namespace {
class Accumulators {
public:
  Accumulators(Snippet &snippet, OpBuilder &builder, Location loc)
      : snippet(snippet), builder(builder), loc(loc) {}

  /// Results of `accumulator`; returns their names.
  SmallVector<std::string> addResults(tile::AccumulatorType type) {
    SmallVector<std::string> names;
    for (int64_t i = 0; i < type.getLength(); ++i)
      names.push_back(snippet.result(type.getElementType()));
    return names;
  }

  /// Ties the elements of `value` to the results in their order.
  void tie(Value value, int64_t length) {
    for (int64_t i = 0; i < length; ++i)
      snippet.tied(LLVM::ExtractValueOp::create(builder, loc, value, i),
                   next++);
  }

private:
  Snippet &snippet;
  OpBuilder &builder;
  Location loc;
  unsigned next = 0;
};
} // namespace

/// The 64-bit matrix descriptor (PTX ISA 9.7.15.5.1.2). The constant part of
/// the address is added at the end: it cannot carry out of the field, and all
/// steps over K then share what comes before.
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
      wide(matrix.getBits()));
  if (address.offset == 0)
    return bits;
  return LLVM::AddOp::create(builder, loc, bits, wide(address.offset / 16));
}

/// The instruction with its operands up to the signs of A and B. Whether it
/// adds to d or writes it is a predicate; here it always adds.
static std::string product(tile::AccumulatorType accumulator, Type element,
                           const std::string &d, const std::string &a,
                           const std::string &b) {
  int64_t k = 256 / element.getIntOrFloatBitWidth();
  std::string type = element.isBF16() ? "bf16" : "f16";
  return "{\n.reg .pred add;\nsetp.ne.b32 add, 1, 0;\n"
         "wgmma.mma_async.sync.aligned.m64n" +
         std::to_string(accumulator.getColumns()) + "k" + std::to_string(k) +
         ".f32." + type + "." + type + " " + d + ", " + a + ", " + b +
         ", add, 1, 1";
}

namespace {

struct ZeroAccumulatorPattern final
    : ConvertOpToLLVMPattern<tile::ZeroAccumulatorOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ZeroAccumulatorOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::ZeroOp>(
        op, typeConverter->convertType(op.getType()));
    return success();
  }
};

struct ExtractPattern final : ConvertOpToLLVMPattern<tile::ExtractOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ExtractOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::ExtractValueOp>(
        op, adaptor.getAccumulator(), static_cast<int64_t>(op.getIndex()));
    return success();
  }
};

struct WgmmaPattern final : ConvertOpToLLVMPattern<tile::WgmmaOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WgmmaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = op.getAccumulator().getType();
    auto aType = cast<MemRefType>(op.getA().getType());
    Snippet s(op, rewriter);
    Accumulators accumulators(s, rewriter, loc);
    std::string d = registerList(accumulators.addResults(type));
    std::string a = s.operand(
        descriptor(rewriter, loc, aType, adaptor.getA(), op.getAIndices(),
                   adaptor.getAIndices(), op.getAMatrix()));
    std::string b = s.operand(descriptor(
        rewriter, loc, cast<MemRefType>(op.getB().getType()), adaptor.getB(),
        op.getBIndices(), adaptor.getBIndices(), op.getBMatrix()));
    accumulators.tie(adaptor.getAccumulator(), type.getLength());
    rewriter.replaceOp(
        op, s.emit(product(type, aType.getElementType(), d, a, b) +
                   (op.getAMatrix().isTransposed() ? ", 1" : ", 0") +
                   (op.getBMatrix().isTransposed() ? ", 1;\n}" : ", 0;\n}")));
    return success();
  }
};

struct WgmmaRegistersPattern final
    : ConvertOpToLLVMPattern<tile::WgmmaRegistersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WgmmaRegistersOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = op.getAccumulator().getType();
    auto bType = cast<MemRefType>(op.getB().getType());
    Snippet s(op, rewriter);
    Accumulators accumulators(s, rewriter, loc);
    std::string d = registerList(accumulators.addResults(type));
    SmallVector<std::string> a;
    for (Value value : adaptor.getA())
      a.push_back(s.operand(value));
    std::string b = s.operand(
        descriptor(rewriter, loc, bType, adaptor.getB(), op.getBIndices(),
                   adaptor.getBIndices(), op.getBMatrix()));
    accumulators.tie(adaptor.getAccumulator(), type.getLength());
    rewriter.replaceOp(
        op,
        s.emit(product(type, bType.getElementType(), d, registerList(a), b) +
               (op.getBMatrix().isTransposed() ? ", 1;\n}" : ", 0;\n}")));
    return success();
  }
};

struct WgmmaCommitPattern final : ConvertOpToLLVMPattern<tile::WgmmaCommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WgmmaCommitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Snippet(op, rewriter).emit("wgmma.commit_group.sync.aligned;");
    rewriter.eraseOp(op);
    return success();
  }
};

/// wgmma_fence and wgmma_wait: one instruction, through which the registers of
/// accumulators pass in their places.
template <typename Op>
struct PassThroughPattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Snippet s(op, rewriter);
    Accumulators accumulators(s, rewriter, loc);
    auto typeOf = [](Value value) {
      return cast<tile::AccumulatorType>(value.getType());
    };
    for (Value value : op.getAccumulators())
      accumulators.addResults(typeOf(value));
    for (auto [value, converted] :
         llvm::zip(op.getAccumulators(), adaptor.getAccumulators()))
      accumulators.tie(converted, typeOf(value).getLength());
    Value all = s.emit(text(op));
    if (op.getAccumulators().size() == 1) {
      rewriter.replaceOp(op, all);
      return success();
    }
    SmallVector<Value> results;
    int64_t next = 0;
    for (Value value : op.getAccumulators()) {
      Value part = LLVM::PoisonOp::create(
          rewriter, loc, this->typeConverter->convertType(value.getType()));
      for (int64_t i = 0; i < typeOf(value).getLength(); ++i)
        part = LLVM::InsertValueOp::create(
            rewriter, loc, part,
            LLVM::ExtractValueOp::create(rewriter, loc, all, next++), i);
      results.push_back(part);
    }
    rewriter.replaceOp(op, results);
    return success();
  }

private:
  static std::string text(tile::WgmmaFenceOp) {
    return "wgmma.fence.sync.aligned;";
  }
  static std::string text(tile::WgmmaWaitOp op) {
    return "wgmma.wait_group.sync.aligned " + std::to_string(op.getPending()) +
           ";";
  }
};

} // namespace

void ptx::populateWgmmaPatterns(LLVMTypeConverter &converter,
                                RewritePatternSet &patterns) {
  converter.addConversion([](tile::AccumulatorType type) -> Type {
    SmallVector<Type> elements(type.getLength(), type.getElementType());
    return LLVM::LLVMStructType::getLiteral(type.getContext(), elements);
  });
  patterns.add<ZeroAccumulatorPattern, ExtractPattern, WgmmaPattern,
               WgmmaRegistersPattern, WgmmaCommitPattern,
               PassThroughPattern<tile::WgmmaFenceOp>,
               PassThroughPattern<tile::WgmmaWaitOp>>(converter);
}
