//===- DeviceOps.cpp - Verifiers of device operations ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/tile/tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace adze::tile;

/// One index for each dimension of shared memory of static shape.
static LogicalResult verifyPlace(Operation *op, Value memory,
                                 ValueRange indices) {
  auto type = cast<MemRefType>(memory.getType());
  auto space = dyn_cast_or_null<IntegerAttr>(type.getMemorySpace());
  if (!space || space.getInt() != 3 || !type.hasStaticShape() ||
      !type.getLayout().isIdentity())
    return op->emitOpError(
               "works on shared memory: memrefs of static shape and "
               "identity layout in space 3, found ")
           << type;
  if (static_cast<size_t>(type.getRank()) != indices.size())
    return op->emitOpError("needs one index for each dimension of ") << type;
  return success();
}

/// A tensor map is an argument of the kernel that carries one.
static LogicalResult verifyMap(Operation *op, Value map,
                               ValueRange coordinates) {
  auto argument = dyn_cast<BlockArgument>(map);
  auto kernel = argument
                    ? dyn_cast<KernelOp>(argument.getOwner()->getParentOp())
                    : KernelOp();
  if (!kernel)
    return op->emitOpError(
        "takes its tensor map from an argument of the kernel");
  TensorMapAttr attr = kernel.getTensorMap(argument.getArgNumber());
  if (!attr)
    return op->emitOpError("takes argument ")
           << argument.getArgNumber() << ", which has no tile.tensor_map";
  if (attr.getShape().size() != coordinates.size())
    return op->emitOpError("needs ")
           << attr.getShape().size() << " coordinates, found "
           << coordinates.size();
  return success();
}

LogicalResult SharedMemoryOp::verify() {
  auto type = cast<MemRefType>(getMemory().getType());
  auto space = dyn_cast_or_null<IntegerAttr>(type.getMemorySpace());
  if (!space || space.getInt() != 3 || !type.hasStaticShape() ||
      !type.getElementType().isIntOrFloat())
    return emitOpError(
               "makes memrefs of static shape in memory space 3, found ")
           << type;
  auto kernel = (*this)->getParentOfType<KernelOp>();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8) *
                  type.getNumElements();
  auto offset = static_cast<int64_t>(getOffset());
  if (offset < 0 || (kernel && offset + bytes > static_cast<int64_t>(
                                                    kernel.getSharedBytes())))
    return emitOpError("reaches beyond the shared memory of the kernel: ")
           << bytes << " bytes from " << offset;
  return success();
}

LogicalResult TmaLoadOp::verify() {
  if (failed(verifyMap(*this, getMap(), getCoordinates())))
    return failure();
  return verifyPlace(*this, getMemory(), getIndices());
}

LogicalResult TmaStoreOp::verify() {
  if (failed(verifyMap(*this, getMap(), getCoordinates())))
    return failure();
  return verifyPlace(*this, getMemory(), getIndices());
}

LogicalResult CpAsyncOp::verify() {
  if (getBytes() != 4 && getBytes() != 8 && getBytes() != 16)
    return emitOpError("copies 4, 8 or 16 bytes, found ") << getBytes();
  auto type = cast<MemRefType>(getSource().getType());
  if (static_cast<size_t>(type.getRank()) != getSourceIndices().size())
    return emitOpError("needs one index for each dimension of ") << type;
  return verifyPlace(*this, getMemory(), getIndices());
}

LogicalResult SetRegistersOp::verify() {
  if (getCount() < 24 || getCount() > 256 || getCount() % 8 != 0)
    return emitOpError("takes a multiple of 8 from 24 to 256, found ")
           << getCount();
  return success();
}

static LogicalResult verifyMatrices(Operation *op, size_t count) {
  if (count != 1 && count != 2 && count != 4)
    return op->emitOpError("moves 1, 2 or 4 matrices, found ") << count;
  return success();
}

LogicalResult LdmatrixOp::verify() {
  if (failed(verifyMatrices(*this, getMatrices().size())))
    return failure();
  return verifyPlace(*this, getMemory(), getIndices());
}

LogicalResult StmatrixOp::verify() {
  if (failed(verifyMatrices(*this, getMatrices().size())))
    return failure();
  return verifyPlace(*this, getMemory(), getIndices());
}

LogicalResult MmaOp::verify() {
  unsigned bits = getElement().isTF32()                           ? 32
                  : getElement().isBF16() || getElement().isF16() ? 16
                                                                  : 0;
  if (!bits)
    return emitOpError("multiplies bf16, f16 or tf32, found ") << getElement();
  // A 16 x K and B K x 8 over 32 lanes, in registers of 32 bits.
  uint64_t aRegisters = 16 * getK() * bits / 1024;
  if ((aRegisters != 2 && aRegisters != 4) || getA().size() != aRegisters ||
      getB().size() != aRegisters / 2 || getC().size() != 4)
    return emitOpError("of ") << getElement() << " and k = " << getK()
                              << " has other numbers of registers";
  return success();
}

LogicalResult
AccumulatorType::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t columns, Type elementType) {
  if (columns < 8 || columns > 256 || columns % 8 != 0)
    return emitError() << "an accumulator has 8, 16, ..., 256 columns, found "
                       << columns;
  if (!elementType.isF32() && !elementType.isInteger(32))
    return emitError() << "an accumulator holds f32 or i32";
  return success();
}

Type AccumulatorType::parse(AsmParser &parser) {
  SmallVector<int64_t, 1> shape;
  Type element;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseGreater())
    return {};
  if (shape.size() != 1) {
    parser.emitError(where, "expected the number of columns and a type");
    return {};
  }
  return parser.getChecked<AccumulatorType>(where, parser.getContext(),
                                            shape.front(), element);
}

void AccumulatorType::print(AsmPrinter &printer) const {
  printer << '<' << getColumns() << 'x' << getElementType() << '>';
}

LogicalResult MatrixAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef major, int64_t swizzle,
                                 int64_t leading, int64_t stride) {
  if (major != "k" && major != "mn")
    return emitError() << "a matrix is \"k\" or \"mn\" major, found \"" << major
                       << "\"";
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return emitError() << "a swizzle spans 0, 32, 64 or 128 bytes, found "
                       << swizzle;
  for (int64_t offset : {leading, stride})
    if (offset < 0 || offset % 16 != 0 || offset >= (1 << 18))
      return emitError()
             << "offsets of a matrix are multiples of 16 below 2^18 "
                "bytes, found "
             << offset;
  return success();
}

uint64_t MatrixAttr::getBits() const {
  uint64_t code = getSwizzle() == 0     ? 0
                  : getSwizzle() == 128 ? 1
                  : getSwizzle() == 64  ? 2
                                        : 3;
  return uint64_t(getLeading() / 16) << 16 | uint64_t(getStride() / 16) << 32 |
         code << 62;
}

LogicalResult ExtractOp::verify() {
  auto type = getAccumulator().getType();
  if (static_cast<int64_t>(getIndex()) >= type.getLength() ||
      static_cast<int64_t>(getIndex()) < 0)
    return emitOpError("reaches beyond the ")
           << type.getLength() << " elements of a thread";
  if (getElement().getType() != type.getElementType())
    return emitOpError("makes another type than the accumulator's elements");
  return success();
}

static LogicalResult verifyOperand(Operation *op, Type type, Type accumulator) {
  auto element = cast<MemRefType>(type).getElementType();
  bool isFloat = element.isBF16() || element.isF16();
  if (!isFloat || !accumulator.isF32())
    return op->emitOpError("multiplies bf16 or f16 to f32, found ") << element;
  return success();
}

LogicalResult WgmmaOp::verify() {
  if (failed(verifyPlace(*this, getA(), getAIndices())) ||
      failed(verifyPlace(*this, getB(), getBIndices())))
    return failure();
  if (cast<MemRefType>(getA().getType()).getElementType() !=
      cast<MemRefType>(getB().getType()).getElementType())
    return emitOpError("multiplies matrices of one type");
  return verifyOperand(*this, getA().getType(),
                       getAccumulator().getType().getElementType());
}

LogicalResult WgmmaRegistersOp::verify() {
  if (getA().size() != 4)
    return emitOpError("takes A in 4 registers, found ") << getA().size();
  if (failed(verifyPlace(*this, getB(), getBIndices())))
    return failure();
  return verifyOperand(*this, getB().getType(),
                       getAccumulator().getType().getElementType());
}

LogicalResult WgmmaWaitOp::verify() {
  if (getAccumulators().getTypes() != getResults().getTypes())
    return emitOpError("passes its accumulators through");
  return success();
}

LogicalResult WgmmaFenceOp::verify() {
  if (getAccumulators().getTypes() != getResults().getTypes())
    return emitOpError("passes its accumulators through");
  return success();
}
