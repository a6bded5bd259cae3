//===- kernel.td - A program of fused kernels -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_KERNEL_KERNEL_TD
#define ADZE_DIALECTS_KERNEL_KERNEL_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/CallInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::adze::kernel";
  let dependentDialects = ["::adze::AdzeDialect"];
  let summary = "a program of fused kernels with planned buffers";
  let description = [{
    The program is a `func.func` over tensors that holds constants, calls of
    kernels, views of the same bytes and structured control flow, and nothing
    else. A kernel is outlined as a `kernel.func`: one fused piece of the tensor
    program with the schedule under which it will be lowered. The memory plan
    annotates every operation that makes a buffer with byte offsets into the
    arena (`offsets`, one per result; -1 where the result lives elsewhere: it is
    an output of the program, or aliases its operand). Size values (of data
    whose size is known only at run time) are ordinary results of type `index`.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def Kernel_ScheduleAttr : AttrDef<Kernel_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "every decision under which a kernel is lowered";
  let description = [{
    `family` names the kernel family; `params` are its decisions, integers,
    strings or integer arrays. No schedule decision lives anywhere else.

    Example: `#kernel.schedule<"conv.direct", {tile = [1, 4, 4], vector = 1}>`
  }];
  let parameters = (ins StringRefParameter<"kernel family">:$family,
                        "mlir::DictionaryAttr":$params);
  let assemblyFormat = "`<` $family `,` $params `>`";
  let extraClassDeclaration = [{
    /// The integer parameter `name`, or `otherwise` where it is absent.
    int64_t getInt(llvm::StringRef name, int64_t otherwise) const;
    /// The integer array parameter `name`; empty where it is absent.
    llvm::SmallVector<int64_t> getInts(llvm::StringRef name) const;
  }];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

def Kernel_FuncOp : Kernel_Op<"func", [IsolatedFromAbove, FunctionOpInterface,
                                       OpAsmOpInterface]> {
  let summary = "a fused kernel over tensors";
  let description = [{
    A value-semantics body of nn, linalg, tensor and arith operations; one
    operation, the root, makes the loops, the others are evaluated where they
    are used. `overlap` (made by the memory pass from the schedule) says for an
    input how far below it the first output may lie so that both may share
    memory: a list of [input, bytes]; bytes = 0 means exactly in place.
    `scratch` (made by lower-kernels) holds the bytes of each working buffer.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<Kernel_ScheduleAttr>:$schedule,
                       OptionalAttr<StrAttr>:$doc,
                       OptionalAttr<ArrayAttr>:$overlap,
                       OptionalAttr<DenseI64ArrayAttr>:$scratch,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region AnyRegion:$body);
  let builders = [OpBuilder<(ins "llvm::StringRef":$name, "mlir::FunctionType":$type)>];
  let extraClassDeclaration = [{
    llvm::ArrayRef<mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    llvm::ArrayRef<mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    mlir::Region *getCallableRegion() { return &getBody(); }
  }];
  let hasCustomAssemblyFormat = 1;
}

def Kernel_ReturnOp : Kernel_Op<"return", [Pure, Terminator, ReturnLike,
                                           HasParent<"FuncOp">]> {
  let summary = "the results of a kernel";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Kernel_CallOp : Kernel_Op<"call", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel";
  let description = [{
    `scratch_offsets` are the planned offsets of the scratch buffers that the
    lowered kernel takes after its outputs.

    Example: `%y = kernel.call @conv1(%x, %w) {offsets = array<i64: 0>} : (...) -> ...`
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyType>:$inputs,
                       OptionalAttr<DenseI64ArrayAttr>:$offsets,
                       OptionalAttr<DenseI64ArrayAttr>:$scratch_offsets);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = [{
    $callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)
  }];
}

def Kernel_JoinOp : Kernel_Op<"join", [Pure]> {
  let summary = "the parts one after the other in one buffer";
  let description = [{
    Row-major elements of the parts in their order; no bytes move: each part is
    made in its place. A part is the result of a `kernel.call` or of another
    join in the same block, and part of one join only. `offsets` is as on
    `kernel.call`.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$parts,
                       OptionalAttr<DenseI64ArrayAttr>:$offsets);
  let results = (outs AnyRankedTensor:$whole);
  let assemblyFormat = "$parts attr-dict `:` type($parts) `to` type($whole)";
  let hasVerifier = 1;
}

def Kernel_ViewOp : Kernel_Op<"view", [Pure]> {
  let summary = "the same bytes under another shape";
  let description = [{
    The row-major elements of the input from number `offset` on.
  }];
  let arguments = (ins AnyRankedTensor:$input,
                       DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($output)";
  let extraClassDeclaration = [{
    /// Whether it holds all elements of the input.
    bool isWhole();
  }];
  let hasVerifier = 1;
}

def Kernel_IfOp : Kernel_Op<"if", [RecursiveMemoryEffects]> {
  let summary = "runs one of two programs";
  let arguments = (ins AnyRankedTensor:$condition, OptionalAttr<DenseI64ArrayAttr>:$offsets);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = [{
    $condition `:` type($condition) (`->` `(` type($outputs)^ `)`)? $then_region `else` $else_region attr-dict
  }];
  let hasVerifier = 1;
}

def Kernel_WhileOp : Kernel_Op<"while", [RecursiveMemoryEffects]> {
  let summary = "runs a program while its condition holds";
  let description = [{
    The body takes the carried values; it ends in `kernel.yield` with a
    condition (one i1 element) for the next round first, then the next carried
    values. `condition` decides whether the first round runs. The results are
    the last carried values.
  }];
  let arguments = (ins AnyRankedTensor:$condition, Variadic<AnyType>:$inits,
                       OptionalAttr<DenseI64ArrayAttr>:$offsets,
                       OptionalAttr<DenseI64ArrayAttr>:$scratch_offsets);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $condition (`,` $inits^)? `:` type($condition) (`,` type($inits)^)? (`->` type($outputs)^)? $body attr-dict
  }];
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ReturnLike,
                                         ParentOneOf<["IfOp", "WhileOp"]>]> {
  let summary = "ends a body of kernel.if or kernel.while";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
