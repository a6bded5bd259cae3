//===- tile.td - Device code of tensor cores -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_TILE_TILE_TD
#define ADZE_DIALECTS_TILE_TILE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/CallInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::adze::tile";
  let summary = "kernels of NVIDIA GPUs: blocks, stages, roles, tensor cores";
  let description = [{
    A `tile.kernel` is the code of one thread of a grid; a `tile.launch` in the
    host program starts the grid. Inside, memrefs of the default memory space
    are global memory, those of space 3 are shared memory of the block and
    those of space 5 are arrays of one thread; all have static shapes and the
    identity layout. scf, arith, math, vector, memref and the indices and
    barriers of the gpu dialect say what is common to all GPUs; the operations
    here are what tensor cores and their copy engines add. Each of them becomes
    one short piece of PTX (codegen/ptx/tile), named by a PTX comment.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

def Tile_TensorMapAttr : AttrDef<Tile_Dialect, "TensorMap"> {
  let mnemonic = "tensor_map";
  let summary = "how the copy engine (TMA) sees a buffer of global memory";
  let description = [{
    The arguments of the driver's `cuTensorMapEncodeTiled` in its order and
    units: everything innermost dimension first. `shape` counts elements,
    `strides` are bytes from one element to the next of dimensions 1, 2, ...
    (one fewer than dimensions; multiples of 16), `box` counts the elements that
    one copy moves, `swizzle` is 0, 32, 64 or 128 bytes (the inner dimension of
    the box fits into them), `l2` the promotion of L2 sectors: 0, 64, 128 or
    256 bytes. Elements out of bounds read as zero and are not written. The
    address of the tensor is the memref that `tile.launch` passes.

    Example: `#tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [64, 128], swizzle = 128, l2 = 256>`
  }];
  let parameters = (ins TypeParameter<"mlir::Type", "type of the elements">:$elementType,
                        ArrayRefParameter<"int64_t", "elements a dimension">:$shape,
                        OptionalArrayRefParameter<"int64_t", "bytes">:$strides,
                        ArrayRefParameter<"int64_t", "elements a copy">:$box,
                        "int64_t":$swizzle, "int64_t":$l2);
  let assemblyFormat = [{
    `<` $elementType `,` `shape` `=` `[` $shape `]` `,` `strides` `=` `[` (`]`) : ($strides^ `]`)? `,`
    `box` `=` `[` $box `]` `,` `swizzle` `=` $swizzle `,` `l2` `=` $l2 `>`
  }];
  let extraClassDeclaration = [{
    /// Bytes that one copy moves, those out of bounds included.
    int64_t getBoxBytes() const;
  }];
  let genVerifyDecl = 1;
}

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

def Tile_KernelOp : Tile_Op<"kernel", [IsolatedFromAbove, AutomaticAllocationScope,
                                       FunctionOpInterface, OpAsmOpInterface]> {
  let summary = "the code of one thread of a grid";
  let description = [{
    Arguments are memrefs of static shape in global memory. One that has the
    attribute `tile.tensor_map` is an object of 128 bytes in the parameters of
    the kernel instead (`CUtensorMap`, PTX ISA section 5.5.8), made by the host
    from the memref that `tile.launch` passes; the body uses it in `tile.tma_*`
    operations alone. `grid` counts blocks in x, y and z, `block` threads,
    `cluster` blocks of a cluster in x, y and z, `shared_bytes` the dynamic
    shared memory of a block, `min_ptx` the least PTX ISA (80: 8.0) that the
    body needs.

    Example:
    ```mlir
    tile.kernel @scale(%x: memref<256xf32>, %y: memref<256xf32>)
        attributes {grid = array<i64: 2, 1, 1>, block = 128 : i64,
                    shared_bytes = 0 : i64} {
      ...
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       DenseI64ArrayAttr:$grid,
                       I64Attr:$block,
                       OptionalAttr<DenseI64ArrayAttr>:$cluster,
                       DefaultValuedAttr<I64Attr, "0">:$shared_bytes,
                       OptionalAttr<StrAttr>:$doc,
                       OptionalAttr<AnyAttr>:$schedule,
                       OptionalAttr<I64Attr>:$min_ptx,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region AnyRegion:$body);
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "llvm::StringRef":$name, "mlir::TypeRange":$inputs,
      "llvm::ArrayRef<int64_t>":$grid, "int64_t":$block,
      CArg<"int64_t", "0">:$sharedBytes), [{}]>];
  let extraClassDeclaration = [{
    llvm::ArrayRef<mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    llvm::ArrayRef<mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    mlir::Region *getCallableRegion() { return &getBody(); }
    /// The tensor map that argument `index` is on the device; null where it is
    /// a plain pointer.
    TensorMapAttr getTensorMap(unsigned index) {
      return getArgAttrOfType<TensorMapAttr>(index, getTensorMapAttrName());
    }
    static llvm::StringRef getTensorMapAttrName() { return "tile.tensor_map"; }
    mlir::LogicalResult verifyType();
    mlir::LogicalResult verifyBody();
  }];
  let hasCustomAssemblyFormat = 1;
}

def Tile_ReturnOp : Tile_Op<"return", [Pure, Terminator, ReturnLike,
                                       HasParent<"KernelOp">]> {
  let summary = "ends the thread";
  let assemblyFormat = "attr-dict";
}

def Tile_LaunchOp : Tile_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "starts a grid from the host program";
  let description = [{
    The grid, the block and the shared memory are attributes of the kernel. Launches
    of one stream run one after the other; without `stream` that is stream 0.

    Example: `tile.launch @scale(%x, %y) : memref<256xf32>, memref<256xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee,
                       Arg<Variadic<AnyMemRef>, "buffers", [MemRead, MemWrite]>:$operands_,
                       OptionalAttr<I64Attr>:$stream);
  let assemblyFormat = [{
    $callee `(` $operands_ `)` attr-dict (`:` type($operands_)^)?
  }];
}

include "dialects/tile/SharedMemory.td"
include "dialects/tile/TensorCores.td"
include "dialects/tile/TensorMemory.td"

#endif
