//===- onnx.td - The graph as imported -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_ONNX_ONNX_TD
#define ADZE_DIALECTS_ONNX_ONNX_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Onnx_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::adze::onnx";
  let dependentDialects = ["::adze::AdzeDialect"];
  let summary = "an ONNX graph, as it stands in the file";
  let description = [{
    One generic operation, `onnx.node`, carries every ONNX operator: its kind is
    data (domain, name, since_version), so a new operator needs no new op. The
    graph is a `func.func @main` whose arguments and results carry `onnx.name`.
    Signed ONNX integers are signless `iN`, unsigned ones `uiN`, bool is `i1`,
    strings are `!onnx.string`. A value whose type the file does not tell has
    type `!onnx.unknown`. An omitted optional input is `onnx.none`.
    Locations carry the node names.
  }];
  let useDefaultTypePrinterParser = 1;
}

class Onnx_Type<string name, string mn> : TypeDef<Onnx_Dialect, name> { let mnemonic = mn; }
def Onnx_UnknownType : Onnx_Type<"Unknown", "unknown"> {
  let summary = "the type of a value that the file does not tell";
}
def Onnx_StringType : Onnx_Type<"String", "string"> {
  let summary = "an element of a string tensor";
  let extraClassDeclaration = [{}];
}
def Onnx_SequenceType : Onnx_Type<"Sequence", "sequence"> {
  let summary = "a sequence";
  let parameters = (ins "mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}
def Onnx_OptionalType : Onnx_Type<"Optional", "optional"> {
  let summary = "an optional value";
  let parameters = (ins "mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}

class Onnx_Op<string mnemonic, list<Trait> traits = []>
    : Op<Onnx_Dialect, mnemonic, traits>;

def Onnx_NoneOp : Onnx_Op<"none", [Pure]> {
  let summary = "an omitted optional input";
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict";
}

def Onnx_NodeOp : Onnx_Op<"node", []> {
  let summary = "one ONNX node";
  let description = [{
    `op_type`, `domain` ("" is ai.onnx) and `version` (the schema's
    since_version) name the operator; `attrs` holds its attributes: i64, f32,
    string, dense i64/f32 arrays, string arrays, `adze.constant` values as
    dense elements or `#adze.weight`. If, Loop and Scan have their bodies as
    regions, named in `region_names` in the same order (then_branch, ...).

    Example:
    ```mlir
    %y = onnx.node "Conv"(%x, %w, %none) {domain = "", version = 11 : i64,
        attrs = {strides = array<i64: 2, 2>}}
        : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>, none) -> tensor<1x4x4x4xf32>
    ```
  }];
  let arguments = (ins StrAttr:$op_type, StrAttr:$domain, I64Attr:$version,
                       DictionaryAttr:$attrs, OptionalAttr<StrArrayAttr>:$region_names,
                       Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let assemblyFormat = [{
    $op_type `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) ($bodies^)?
  }];
  let hasVerifier = 1;
}

def Onnx_ReturnOp : Onnx_Op<"return", [Pure, Terminator, ReturnLike]> {
  let summary = "ends the body of a control-flow node";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
