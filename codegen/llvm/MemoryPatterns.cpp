//===- MemoryPatterns.cpp - Memory onto bare pointers -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/Patterns.h"

#include "dialects/adze/adze.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace adze::codegen;

namespace {

/// Index arithmetic of an access within bounds cannot wrap.
constexpr auto noWrap =
    LLVM::IntegerOverflowFlags::nsw | LLVM::IntegerOverflowFlags::nuw;

/// Local arrays are aligned for the widest vectors.
constexpr unsigned localAlignment = 64;

/// The strides of a type in elements; failure if one is not static. The offset
/// is part of the pointer and therefore of no interest.
FailureOr<SmallVector<int64_t>> staticStrides(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) ||
      llvm::is_contained(strides, ShapedType::kDynamic))
    return failure();
  return strides;
}

/// Row-major without gaps.
bool isContiguous(MemRefType type) {
  FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
  if (failed(strides))
    return false;
  int64_t expected = 1;
  for (auto [size, stride] :
       llvm::reverse(llvm::zip_equal(type.getShape(), *strides))) {
    if (size != 1 && stride != expected)
      return false;
    expected *= size;
  }
  return true;
}

/// The type in memory: a boolean occupies a byte. LLVM never vectorises loads
/// of i1, and a byte other than 0 and 1 would be undefined behaviour.
Type storageType(const LLVMTypeConverter &converter, Type type) {
  if (getElementTypeOrSelf(type).isInteger(1)) {
    Type byte = IntegerType::get(type.getContext(), 8);
    if (auto vectorType = dyn_cast<VectorType>(type))
      return VectorType::get(vectorType.getShape(), byte);
    return byte;
  }
  return converter.convertType(type);
}

/// Bytes of one element in memory.
unsigned elementBytes(const LLVMTypeConverter &converter, Type type) {
  Type storage = storageType(converter, getElementTypeOrSelf(type));
  return llvm::divideCeil(storage.getIntOrFloatBitWidth(), 8);
}

/// base + the sum of index * stride, constants folded into one term.
Value elementPointer(ConversionPatternRewriter &rewriter, Location loc,
                     const LLVMTypeConverter &converter, Type elementType,
                     Value base, ArrayRef<int64_t> strides,
                     ArrayRef<OpFoldResult> indices) {
  Type indexType = converter.getIndexType();
  auto constant = [&](int64_t value) {
    return LLVM::ConstantOp::create(rewriter, loc, indexType,
                                    rewriter.getIndexAttr(value));
  };
  int64_t fixed = 0;
  Value sum;
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    if (std::optional<int64_t> known = getConstantIntValue(index)) {
      fixed += *known * stride;
      continue;
    }
    Value term = cast<Value>(index);
    if (stride != 1)
      term = LLVM::MulOp::create(rewriter, loc, term, constant(stride), noWrap);
    sum = sum ? LLVM::AddOp::create(rewriter, loc, sum, term, noWrap) : term;
  }
  Type storage = storageType(converter, elementType);
  Type pointerType = base.getType();
  Value pointer = base;
  if (sum)
    pointer =
        LLVM::GEPOp::create(rewriter, loc, pointerType, storage, pointer,
                            ValueRange{sum}, LLVM::GEPNoWrapFlags::inbounds);
  // A constant part of its own ends in the displacement of the instruction.
  if (fixed)
    pointer = LLVM::GEPOp::create(rewriter, loc, pointerType, storage, pointer,
                                  ValueRange{constant(fixed)},
                                  LLVM::GEPNoWrapFlags::inbounds);
  return pointer;
}

/// Each index as a constant, if the original operand is one, or as the value
/// that replaces it.
SmallVector<OpFoldResult> foldIndices(ValueRange original,
                                      ValueRange converted) {
  SmallVector<OpFoldResult> indices;
  for (auto [before, after] : llvm::zip_equal(original, converted)) {
    IntegerAttr known;
    if (matchPattern(before, m_Constant(&known)))
      indices.push_back(known);
    else
      indices.push_back(after);
  }
  return indices;
}

/// From the bytes in memory to the value of a boolean, and back.
Value fromStorage(OpBuilder &builder, Location loc, Value stored, Type type) {
  if (stored.getType() == type)
    return stored;
  Value zero = LLVM::ZeroOp::create(builder, loc, stored.getType());
  return LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, stored,
                              zero);
}
Value toStorage(OpBuilder &builder, Location loc, Value value, Type storage) {
  if (value.getType() == storage)
    return value;
  return LLVM::ZExtOp::create(builder, loc, storage, value);
}

/// memref.load, vector.load: one element or consecutive ones. Vectors are
/// aligned as their elements are.
template <typename Op> struct LoadPattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    const LLVMTypeConverter &converter = *this->getTypeConverter();
    MemRefType type = op.getMemRefType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
    if (failed(strides))
      return rewriter.notifyMatchFailure(op, "strides are not static");
    Value pointer =
        elementPointer(rewriter, op.getLoc(), converter, type.getElementType(),
                       adaptor.getOperands().front(), *strides,
                       foldIndices(op.getIndices(), adaptor.getIndices()));
    Type result = op->getResult(0).getType();
    Value loaded = LLVM::LoadOp::create(rewriter, op.getLoc(),
                                        storageType(converter, result), pointer,
                                        elementBytes(converter, type));
    rewriter.replaceOp(op, fromStorage(rewriter, op.getLoc(), loaded,
                                       converter.convertType(result)));
    return success();
  }
};

/// memref.store, vector.store.
template <typename Op> struct StorePattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    const LLVMTypeConverter &converter = *this->getTypeConverter();
    MemRefType type = op.getMemRefType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
    if (failed(strides))
      return rewriter.notifyMatchFailure(op, "strides are not static");
    Value pointer =
        elementPointer(rewriter, op.getLoc(), converter, type.getElementType(),
                       adaptor.getOperands()[1], *strides,
                       foldIndices(op.getIndices(), adaptor.getIndices()));
    Value stored =
        toStorage(rewriter, op.getLoc(), adaptor.getOperands().front(),
                  storageType(converter, op->getOperand(0).getType()));
    rewriter.replaceOpWithNewOp<LLVM::StoreOp>(op, stored, pointer,
                                               elementBytes(converter, type));
    return success();
  }
};

struct MaskedLoadPattern final : ConvertOpToLLVMPattern<vector::MaskedLoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(vector::MaskedLoadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getMemRefType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
    if (failed(strides) || type.getElementType().isInteger(1))
      return rewriter.notifyMatchFailure(op, "no such masked load");
    Value pointer =
        elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                       type.getElementType(), adaptor.getBase(), *strides,
                       foldIndices(op.getIndices(), adaptor.getIndices()));
    rewriter.replaceOpWithNewOp<LLVM::MaskedLoadOp>(
        op, typeConverter->convertType(op.getType()), pointer,
        adaptor.getMask(), adaptor.getPassThru(),
        elementBytes(*getTypeConverter(), type));
    return success();
  }
};

struct MaskedStorePattern final
    : ConvertOpToLLVMPattern<vector::MaskedStoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(vector::MaskedStoreOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getMemRefType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
    if (failed(strides) || type.getElementType().isInteger(1))
      return rewriter.notifyMatchFailure(op, "no such masked store");
    Value pointer =
        elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                       type.getElementType(), adaptor.getBase(), *strides,
                       foldIndices(op.getIndices(), adaptor.getIndices()));
    rewriter.replaceOpWithNewOp<LLVM::MaskedStoreOp>(
        op, adaptor.getValueToStore(), pointer, adaptor.getMask(),
        elementBytes(*getTypeConverter(), type));
    return success();
  }
};

/// A weight becomes an external symbol that carries its `#adze.weight`; any
/// other global an internal constant.
struct GlobalPattern final : ConvertOpToLLVMPattern<memref::GlobalOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::GlobalOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getType();
    Type storage = storageType(*getTypeConverter(), type.getElementType());
    auto array = LLVM::LLVMArrayType::get(storage, type.getNumElements());
    unsigned alignment = elementBytes(*getTypeConverter(), type);
    if (Attribute weight = op->getAttr(weightAttr)) {
      auto global = LLVM::GlobalOp::create(
          rewriter, op.getLoc(), array, /*isConstant=*/true,
          LLVM::Linkage::External, op.getSymName(), Attribute(), alignment);
      global->setAttr(weightAttr, weight);
      rewriter.eraseOp(op);
      return success();
    }
    auto value = dyn_cast_or_null<DenseElementsAttr>(op.getInitialValueAttr());
    if (!value)
      return rewriter.notifyMatchFailure(op, "neither a weight nor a constant");
    if (type.getElementType().isInteger(1))
      value = value.mapValues(storage,
                              [](const APInt &bit) { return bit.zext(8); });
    else if (type.getElementType().isIndex())
      value = value.mapValues(
          storage, [](const APInt &index) { return index.sextOrTrunc(64); });
    value =
        value.reshape(RankedTensorType::get({type.getNumElements()}, storage));
    LLVM::GlobalOp::create(rewriter, op.getLoc(), array, /*isConstant=*/true,
                           LLVM::Linkage::Internal, op.getSymName(), value,
                           localAlignment);
    rewriter.eraseOp(op);
    return success();
  }
};

struct GetGlobalPattern final : ConvertOpToLLVMPattern<memref::GetGlobalOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::GetGlobalOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::AddressOfOp>(
        op, typeConverter->convertType(op.getType()), op.getName());
    return success();
  }
};

/// Local arrays; `lowerToLLVM` has moved them to the entry block.
struct AllocaPattern final : ConvertOpToLLVMPattern<memref::AllocaOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::AllocaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getType();
    if (!type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no static shape");
    Value count =
        LLVM::ConstantOp::create(rewriter, op.getLoc(), getIndexType(),
                                 rewriter.getIndexAttr(type.getNumElements()));
    rewriter.replaceOpWithNewOp<LLVM::AllocaOp>(
        op, typeConverter->convertType(type),
        storageType(*getTypeConverter(), type.getElementType()), count,
        std::max<unsigned>(localAlignment, op.getAlignment().value_or(0)));
    return success();
  }
};

struct CopyPattern final : ConvertOpToLLVMPattern<memref::CopyOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::CopyOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getSource().getType());
    auto target = dyn_cast<MemRefType>(op.getTarget().getType());
    if (!type || !target || !isContiguous(type) || !isContiguous(target))
      return rewriter.notifyMatchFailure(op, "not contiguous");
    Value bytes = LLVM::ConstantOp::create(
        rewriter, op.getLoc(), getIndexType(),
        rewriter.getIndexAttr(type.getNumElements() *
                              elementBytes(*getTypeConverter(), type)));
    // Source and target may be one buffer in the plan: memmove allows that.
    rewriter.replaceOpWithNewOp<LLVM::MemmoveOp>(op, adaptor.getTarget(),
                                                 adaptor.getSource(), bytes,
                                                 /*isVolatile=*/false);
    return success();
  }
};

struct ViewPattern final : ConvertOpToLLVMPattern<memref::ViewOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::ViewOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op,
        elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                       rewriter.getI8Type(), adaptor.getSource(), {1},
                       foldIndices(op.getByteShift(), adaptor.getByteShift())));
    return success();
  }
};

/// Another shape of the same bytes is the same pointer.
template <typename Op>
struct SamePointerPattern final : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getOperands().front());
    return success();
  }
};

/// The mixed offsets of an op, with dynamic ones replaced.
SmallVector<OpFoldResult> foldOffsets(ArrayRef<int64_t> fixed,
                                      ValueRange dynamic, Builder &builder) {
  SmallVector<OpFoldResult> offsets;
  for (int64_t offset : fixed) {
    if (ShapedType::isDynamic(offset)) {
      offsets.push_back(dynamic.front());
      dynamic = dynamic.drop_front();
    } else {
      offsets.push_back(builder.getIndexAttr(offset));
    }
  }
  return offsets;
}

/// The offset of a reinterpret_cast counts from the base of its source.
struct ReinterpretCastPattern final
    : ConvertOpToLLVMPattern<memref::ReinterpretCastOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::ReinterpretCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto source = dyn_cast<MemRefType>(op.getSource().getType());
    if (!source || !source.getLayout().isIdentity())
      return rewriter.notifyMatchFailure(op, "source is not a whole buffer");
    rewriter.replaceOp(
        op, elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                           source.getElementType(), adaptor.getSource(), {1},
                           foldOffsets(op.getStaticOffsets(),
                                       adaptor.getOffsets(), rewriter)));
    return success();
  }
};

struct SubViewPattern final : ConvertOpToLLVMPattern<memref::SubViewOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::SubViewOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType source = op.getSourceType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(source);
    if (failed(strides))
      return rewriter.notifyMatchFailure(op, "strides are not static");
    rewriter.replaceOp(
        op,
        elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                       source.getElementType(), adaptor.getSource(), *strides,
                       foldOffsets(op.getStaticOffsets(), adaptor.getOffsets(),
                                   rewriter)));
    return success();
  }
};

struct PrefetchPattern final : ConvertOpToLLVMPattern<memref::PrefetchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(memref::PrefetchOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getMemRefType();
    FailureOr<SmallVector<int64_t>> strides = staticStrides(type);
    if (failed(strides))
      return rewriter.notifyMatchFailure(op, "strides are not static");
    Value pointer =
        elementPointer(rewriter, op.getLoc(), *getTypeConverter(),
                       type.getElementType(), adaptor.getMemref(), *strides,
                       foldIndices(op.getIndices(), adaptor.getIndices()));
    rewriter.replaceOpWithNewOp<LLVM::Prefetch>(
        op, pointer, uint32_t(op.getIsWrite()), op.getLocalityHint(),
        uint32_t(op.getIsDataCache()));
    return success();
  }
};

} // namespace

void adze::codegen::useBarePointers(LLVMTypeConverter &converter) {
  converter.addConversion([](MemRefType type) -> std::optional<Type> {
    if (!type.hasStaticShape() || type.getMemorySpace())
      return Type();
    return LLVM::LLVMPointerType::get(type.getContext());
  });
}

void adze::codegen::populateMemoryPatterns(const LLVMTypeConverter &converter,
                                           RewritePatternSet &patterns) {
  // Above the benefit of upstream's vector patterns, which expect descriptors.
  PatternBenefit benefit = 10;
  patterns.add<LoadPattern<memref::LoadOp>, LoadPattern<vector::LoadOp>,
               StorePattern<memref::StoreOp>, StorePattern<vector::StoreOp>,
               MaskedLoadPattern, MaskedStorePattern, GlobalPattern,
               GetGlobalPattern, AllocaPattern, CopyPattern, ViewPattern,
               SamePointerPattern<memref::CollapseShapeOp>,
               SamePointerPattern<memref::ExpandShapeOp>,
               SamePointerPattern<memref::CastOp>,
               SamePointerPattern<memref::AssumeAlignmentOp>,
               ReinterpretCastPattern, SubViewPattern, PrefetchPattern>(
      converter, benefit);
}
