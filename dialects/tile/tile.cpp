//===- tile.cpp - The tile dialect ----------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dialects/tile/tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze::tile;

#include "dialects/tile/tileDialect.cpp.inc"
#include "dialects/tile/tileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/tileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/tileTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/tile/tileOps.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tile/tileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/tile/tileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/tile/tileOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

int64_t TensorMapAttr::getBoxBytes() const {
  int64_t bytes = getElementType().getIntOrFloatBitWidth() / 8;
  for (int64_t extent : getBox())
    bytes *= extent;
  return bytes;
}

/// The limits of cuTensorMapEncodeTiled (CUDA driver API, "Tensor Map Object
/// Management").
LogicalResult
TensorMapAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      Type elementType, ArrayRef<int64_t> shape,
                      ArrayRef<int64_t> strides, ArrayRef<int64_t> box,
                      int64_t swizzle, int64_t l2) {
  if (!elementType.isIntOrFloat() ||
      elementType.getIntOrFloatBitWidth() % 8 != 0)
    return emitError() << "a tensor map needs elements of whole bytes";
  if (shape.empty() || shape.size() > 5)
    return emitError() << "a tensor map has 1 to 5 dimensions";
  if (strides.size() + 1 != shape.size() || box.size() != shape.size())
    return emitError() << "a tensor map of " << shape.size()
                       << " dimensions has one stride fewer and as many "
                          "extents of its box";
  for (int64_t extent : shape)
    if (extent < 1 || extent > (int64_t(1) << 32))
      return emitError()
             << "a dimension of a tensor map has 1 to 2^32 elements";
  for (int64_t stride : strides)
    if (stride < 16 || stride % 16 != 0 || stride >= (int64_t(1) << 40))
      return emitError() << "strides of a tensor map are multiples of 16 bytes "
                            "below 2^40, found "
                         << stride;
  for (int64_t extent : box)
    if (extent < 1 || extent > 256)
      return emitError() << "a box has 1 to 256 elements a dimension, found "
                         << extent;
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return emitError() << "a swizzle spans 0, 32, 64 or 128 bytes, found "
                       << swizzle;
  int64_t inner = box.front() * elementType.getIntOrFloatBitWidth() / 8;
  if (inner % 16 != 0)
    return emitError() << "the inner dimension of a box has a multiple of 16 "
                          "bytes, found "
                       << inner;
  if (swizzle != 0 && inner > swizzle)
    return emitError() << "the inner dimension of the box has " << inner
                       << " bytes, more than the " << swizzle
                       << " of the swizzle";
  if (l2 != 0 && l2 != 64 && l2 != 128 && l2 != 256)
    return emitError() << "L2 promotion is 0, 64, 128 or 256 bytes, found "
                       << l2;
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels and their launches
//===----------------------------------------------------------------------===//

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     TypeRange inputs, ArrayRef<int64_t> grid, int64_t block,
                     int64_t sharedBytes) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name),
                     TypeAttr::get(builder.getFunctionType(inputs, {})));
  state.addAttribute(getGridAttrName(state.name),
                     builder.getDenseI64ArrayAttr(grid));
  state.addAttribute(getBlockAttrName(state.name),
                     builder.getI64IntegerAttr(block));
  state.addAttribute(getSharedBytesAttrName(state.name),
                     builder.getI64IntegerAttr(sharedBytes));
  Region *body = state.addRegion();
  Block &entry = body->emplaceBlock();
  for (Type input : inputs)
    entry.addArgument(input, state.location);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(inputs, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

/// Three counts of 1 and more.
static bool isExtent(ArrayRef<int64_t> extent) {
  return extent.size() == 3 &&
         llvm::all_of(extent, [](int64_t count) { return count > 0; });
}

LogicalResult KernelOp::verifyType() {
  if (!getResultTypes().empty())
    return emitOpError("has no results");
  for (auto [index, type] : llvm::enumerate(getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || !memref.hasStaticShape() || memref.getMemorySpace() ||
        !memref.getLayout().isIdentity())
      return emitOpError("takes memrefs of static shape and identity layout in "
                         "the default memory space; argument ")
             << index << " is " << type;
    auto map = getArgAttr(index, getTensorMapAttrName());
    if (map && !isa<TensorMapAttr>(map))
      return emitOpError("argument ")
             << index << " needs a #tile.tensor_map, found " << map;
  }
  return success();
}

LogicalResult KernelOp::verifyBody() {
  // Limits of every compute capability (CUDA C++ programming guide, "Technical
  // Specifications per Compute Capability").
  if (!isExtent(getGrid()) || getGrid()[0] >= (int64_t(1) << 31) ||
      getGrid()[1] > 65535 || getGrid()[2] > 65535)
    return emitOpError("a grid has 1 to 2^31-1, 65535 and 65535 blocks");
  if (static_cast<int64_t>(getBlock()) < 1 || getBlock() > 1024)
    return emitOpError("a block has 1 to 1024 threads, found ") << getBlock();
  if (static_cast<int64_t>(getSharedBytes()) < 0)
    return emitOpError("has a negative number of shared bytes");
  if (auto cluster = getCluster()) {
    if (!isExtent(*cluster) ||
        (*cluster)[0] * (*cluster)[1] * (*cluster)[2] > 8)
      return emitOpError("a cluster has 1 to 8 blocks in 3 dimensions");
    for (unsigned dim = 0; dim < 3; ++dim)
      if (getGrid()[dim] % (*cluster)[dim] != 0)
        return emitOpError("the grid is no multiple of the cluster in "
                           "dimension ")
               << dim;
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel =
      symbols.lookupNearestSymbolFrom<KernelOp>(*this, getCalleeAttr());
  if (!kernel)
    return emitOpError("starts '")
           << getCallee() << "', which is no tile.kernel";
  // The host program holds small floats as integers of their width.
  auto isSame = [](Type argument, Type operand) {
    auto a = dyn_cast<MemRefType>(argument), b = dyn_cast<MemRefType>(operand);
    auto width = [](MemRefType type) {
      Type element = type.getElementType();
      return element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0u;
    };
    return argument == operand ||
           (a && b && a.getShape() == b.getShape() &&
            a.getLayout() == b.getLayout() && width(a) && width(a) == width(b));
  };
  if (kernel.getNumArguments() != getNumOperands() ||
      !llvm::all_of_zip(kernel.getArgumentTypes(), getOperandTypes(), isSame))
    return emitOpError("does not match the type of '") << getCallee() << "'";
  return success();
}
