//===- Lowering.cpp - From tile kernels to the LLVM dialect -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/ptx/Lowering.h"

#include "codegen/llvm/Patterns.h"
#include "codegen/ptx/tile/TilePatterns.h"
#include "dialects/tile/tile.h"

#include "mlir/Conversion/GPUCommon/GPUCommonPass.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace adze;
using namespace adze::codegen;

namespace {

/// What host code may rely on: the arena's buffers begin at multiples of 256
/// bytes, but pieces of inputs and joined outputs only at those of elements.
unsigned pointerAlignment(MemRefType type) {
  Type element = type.getElementType();
  unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
  return std::max(1u, bits / 8);
}

/// The functions and constants behind the symbols that a kernel uses.
void collect(Operation *op, SymbolTable &symbols,
             llvm::SetVector<Operation *> &used) {
  auto add = [&](StringRef name) {
    Operation *symbol = symbols.lookup(name);
    if (symbol && used.insert(symbol) && !isa<memref::GlobalOp>(symbol))
      collect(symbol, symbols, used);
  };
  op->walk([&](Operation *inner) {
    if (auto call = dyn_cast<func::CallOp>(inner))
      add(call.getCallee());
    else if (auto get = dyn_cast<memref::GetGlobalOp>(inner))
      add(get.getName());
  });
}

void convertTypes(LLVMTypeConverter &converter) {
  converter.addConversion([](MemRefType type) -> std::optional<Type> {
    if (!type.hasStaticShape())
      return Type();
    unsigned space = ptx::globalSpace;
    if (auto number = dyn_cast_or_null<IntegerAttr>(type.getMemorySpace()))
      space = number.getInt() == ptx::localSpace ? 0 : number.getInt();
    else if (auto gpuSpace =
                 dyn_cast_or_null<gpu::AddressSpaceAttr>(type.getMemorySpace()))
      space = gpuSpace.getValue() == gpu::AddressSpace::Workgroup ? 3
              : gpuSpace.getValue() == gpu::AddressSpace::Private ? 0
                                                                  : space;
    return LLVM::LLVMPointerType::get(type.getContext(), space);
  });
}

/// The kernel writes to the buffer behind an argument; anything that is not
/// plainly a read counts.
bool isWritten(Value buffer) {
  for (OpOperand &use : buffer.getUses()) {
    Operation *user = use.getOwner();
    if (isa<memref::LoadOp, vector::LoadOp, vector::MaskedLoadOp,
            vector::TransferReadOp, memref::PrefetchOp>(user))
      continue;
    if (isa<ViewLikeOpInterface>(user) && user->getNumResults() == 1) {
      if (isWritten(user->getResult(0)))
        return true;
      continue;
    }
    return true;
  }
  return false;
}

struct KernelPattern final : ConvertOpToLLVMPattern<tile::KernelOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::KernelOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    auto generic = LLVM::LLVMPointerType::get(context);
    TypeConverter::SignatureConversion signature(op.getNumArguments());
    SmallVector<Type> inputs;
    for (auto [index, type] : llvm::enumerate(op.getArgumentTypes())) {
      Type converted = op.getTensorMap(index)
                           ? Type(generic)
                           : typeConverter->convertType(type);
      if (!converted)
        return op.emitError() << "a GPU's kernel cannot take a " << type;
      inputs.push_back(converted);
      signature.addInputs(index, converted);
    }
    auto function = LLVM::LLVMFuncOp::create(
        rewriter, loc, op.getSymName(),
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), inputs));
    function.setNoUnwind(true);
    setAttributes(op, function, rewriter);
    rewriter.inlineRegionBefore(op.getBody(), function.getBody(),
                                function.end());
    if (failed(rewriter.convertRegionTypes(&function.getBody(), *typeConverter,
                                           &signature)))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }

private:
  void setAttributes(tile::KernelOp op, LLVM::LLVMFuncOp function,
                     ConversionPatternRewriter &rewriter) const {
    using Dialect = NVVM::NVVMDialect;
    Attribute unit = rewriter.getUnitAttr();
    function->setAttr(Dialect::getKernelFuncAttrName(), unit);
    function->setAttr(Dialect::getReqntidAttrName(),
                      rewriter.getDenseI32ArrayAttr({int32_t(op.getBlock())}));
    if (auto blocks = op->getAttrOfType<IntegerAttr>("tile.min_blocks"))
      function->setAttr(Dialect::getMinctasmAttrName(),
                        rewriter.getI32IntegerAttr(blocks.getInt()));
    if (auto cluster = op.getCluster())
      function->setAttr(Dialect::getClusterDimAttrName(),
                        rewriter.getDenseI32ArrayAttr(
                            {int32_t((*cluster)[0]), int32_t((*cluster)[1]),
                             int32_t((*cluster)[2])}));
    bool restrict = op->hasAttr("adze.restrict");
    for (auto [index, type] : llvm::enumerate(op.getArgumentTypes())) {
      auto set = [&, i = index](StringRef name, Attribute value) {
        function.setArgAttr(i, name, value);
      };
      if (op.getTensorMap(index)) {
        set(LLVM::LLVMDialect::getByValAttrName(),
            TypeAttr::get(LLVM::LLVMArrayType::get(rewriter.getI8Type(), 128)));
        set(Dialect::getGridConstantAttrName(), unit);
        set(LLVM::LLVMDialect::getAlignAttrName(),
            rewriter.getI64IntegerAttr(64));
        continue;
      }
      auto memref = dyn_cast<MemRefType>(type);
      if (!memref)
        continue;
      int64_t alignment = pointerAlignment(memref);
      if (auto known = op.getArgAttrOfType<IntegerAttr>(index, "tile.align"))
        alignment = std::max(alignment, known.getInt());
      set(LLVM::LLVMDialect::getAlignAttrName(),
          rewriter.getI64IntegerAttr(alignment));
      // With noalias, a load of what nobody writes is one of read-only data
      // (ld.global.nc).
      if (restrict)
        set(LLVM::LLVMDialect::getNoAliasAttrName(), unit);
      if (!isWritten(op.getArgument(index)))
        set(LLVM::LLVMDialect::getReadonlyAttrName(), unit);
    }
  }
};

struct ReturnPattern final : ConvertOpToLLVMPattern<tile::ReturnOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::ReturnOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::ReturnOp>(op, ValueRange());
    return success();
  }
};

/// Static shared memory: an array of the block without a value.
struct SharedGlobalPattern final : ConvertOpToLLVMPattern<memref::GlobalOp> {
  SharedGlobalPattern(const LLVMTypeConverter &converter)
      : ConvertOpToLLVMPattern(converter, /*benefit=*/20) {}
  LogicalResult
  matchAndRewrite(memref::GlobalOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getType();
    auto pointer =
        cast<LLVM::LLVMPointerType>(typeConverter->convertType(type));
    if (pointer.getAddressSpace() != 3)
      return failure();
    Type element = type.getElementType().isInteger(1)
                       ? rewriter.getI8Type()
                       : typeConverter->convertType(type.getElementType());
    auto array = LLVM::LLVMArrayType::get(element, type.getNumElements());
    auto global = LLVM::GlobalOp::create(
        rewriter, op.getLoc(), array, /*isConstant=*/false,
        LLVM::Linkage::Internal, op.getSymName(), Attribute(),
        op.getAlignment().value_or(16), /*addrSpace=*/3);
    Block *block = rewriter.createBlock(&global.getInitializerRegion());
    rewriter.setInsertionPointToStart(block);
    Value undefined = LLVM::UndefOp::create(rewriter, op.getLoc(), array);
    LLVM::ReturnOp::create(rewriter, op.getLoc(), undefined);
    rewriter.eraseOp(op);
    return success();
  }
};

/// The target's own remainder rounds its quotient; the runtime's is exact.
void callRemainders(ModuleOp device) {
  SmallVector<arith::RemFOp> remainders;
  device.walk([&](arith::RemFOp op) {
    if (op.getType().isF32() || op.getType().isF64())
      remainders.push_back(op);
  });
  for (arith::RemFOp op : remainders) {
    StringRef name = op.getType().isF32() ? "adze_fmodf" : "adze_fmod";
    OpBuilder builder = OpBuilder::atBlockBegin(device.getBody());
    auto function = device.lookupSymbol<func::FuncOp>(name);
    if (!function) {
      function = func::FuncOp::create(
          builder, op.getLoc(), name,
          builder.getFunctionType({op.getType(), op.getType()},
                                  {op.getType()}));
      function.setPrivate();
    }
    builder.setInsertionPoint(op);
    auto call =
        func::CallOp::create(builder, op.getLoc(), function, op.getOperands());
    op.replaceAllUsesWith(call.getResult(0));
    op.erase();
  }
}

void addDynamicShared(ModuleOp device) {
  bool wanted =
      llvm::any_of(device.getOps<tile::KernelOp>(),
                   [](tile::KernelOp op) { return op.getSharedBytes() > 0; });
  if (!wanted)
    return;
  OpBuilder builder = OpBuilder::atBlockBegin(device.getBody());
  LLVM::GlobalOp::create(builder, device.getLoc(),
                         LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                         /*isConstant=*/false, LLVM::Linkage::External,
                         ptx::dynamicShared, Attribute(),
                         /*alignment=*/1024, /*addrSpace=*/3);
}

LogicalResult convert(ModuleOp device) {
  MLIRContext *context = device.getContext();
  LowerToLLVMOptions options(context);
  options.overrideIndexBitwidth(64);
  LLVMTypeConverter converter(context, options);
  convertTypes(converter);
  // A tensor map is passed by value at a generic address; operations on it see
  // the type of any other buffer. The casts there and back vanish.
  converter.addTargetMaterialization([](OpBuilder &builder,
                                        LLVM::LLVMPointerType type,
                                        ValueRange inputs,
                                        Location loc) -> Value {
    if (inputs.size() != 1 ||
        !isa<LLVM::LLVMPointerType>(inputs.front().getType()))
      return {};
    return LLVM::AddrSpaceCastOp::create(builder, loc, type, inputs.front());
  });
  RewritePatternSet patterns(context);
  populateLoopsPatterns(converter, patterns);
  // Below all others: for arith and math these would call NVIDIA's libdevice.
  populateGpuToNVVMConversionPatterns(converter, patterns, /*benefit=*/0);
  ptx::populateTileToLLVMPatterns(converter, patterns);
  patterns.add<KernelPattern, ReturnPattern, SharedGlobalPattern>(converter);
  LLVMConversionTarget target(*context);
  target.addLegalDialect<NVVM::NVVMDialect>();
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(device, target, std::move(patterns));
}

/// Constants lie in global memory as everything else does.
void placeConstants(ModuleOp device) {
  for (auto global : device.getOps<LLVM::GlobalOp>())
    if (global.getAddrSpace() == 0)
      global.setAddrSpace(ptx::globalSpace);
}

void dropAttributes(ModuleOp device) {
  for (Operation &op : *device.getBody())
    for (NamedAttribute attribute : llvm::to_vector(op.getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("adze."))
        op.removeDiscardableAttr(attribute.getName());
}

} // namespace

OwningOpRef<ModuleOp> ptx::deviceModule(ModuleOp module) {
  SymbolTable symbols(module);
  llvm::SetVector<Operation *> used;
  for (auto kernel : module.getOps<tile::KernelOp>())
    collect(kernel, symbols, used);
  OwningOpRef<ModuleOp> device = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(device->getBody());
  for (Operation &op : *module.getBody())
    if (isa<tile::KernelOp>(op) || used.contains(&op))
      builder.clone(op);
  return device;
}

LogicalResult ptx::lowerToLLVM(ModuleOp device) {
  device.getContext()
      ->loadDialect<LLVM::LLVMDialect, NVVM::NVVMDialect,
                    cf::ControlFlowDialect, func::FuncDialect,
                    vector::VectorDialect, arith::ArithDialect>();
  callMathFunctions(device);
  callRemainders(device);
  hoistLocalArrays(device);
  addDynamicShared(device);
  if (failed(expandIntegerPowers(device)) || failed(simplifyVectors(device)) ||
      failed(lowerControlFlow(device)) || failed(convert(device)))
    return failure();
  placeConstants(device);
  dropAttributes(device);
  return success();
}
