//===- adze.td - What every level shares -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_ADZE_ADZE_TD
#define ADZE_DIALECTS_ADZE_ADZE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Adze_Dialect : Dialect {
  let name = "adze";
  let cppNamespace = "::adze";
  let summary = "constants that every level of the compiler shares";
  let description = [{
    Large constants never live inside the IR: they would be hashed, copied and
    printed. `#adze.weight` names an entry of the weight store, which the
    dialect instance owns (`adze::WeightStore::get(context)`); small ones are
    ordinary dense attributes. `adze.constant` brings either into SSA form.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    /// The weight store of this context. Never null.
    const std::shared_ptr<WeightStore> &getWeightStore() const { return store; }
    /// The families that passes may choose from, handed in by whoever set the
    /// context up: passes know no target. Null: there are none.
    const std::vector<const KernelFamily *> *getKernelFamilies() const { return families; }
    void setKernelFamilies(const std::vector<const KernelFamily *> *all) { families = all; }
  private:
    std::shared_ptr<WeightStore> store;
    const std::vector<const KernelFamily *> *families = nullptr;
  public:
  }];
}

def Adze_WeightAttr : AttrDef<Adze_Dialect, "Weight", [TypedAttrInterface]> {
  let mnemonic = "weight";
  let summary = "a constant tensor that lives in the weight store";
  let description = [{
    `name` is unique within the store and identifies the bytes; the type is the
    signless tensor type under which they are read (little endian, row major,
    sub-byte elements packed low nibble first, i1 one byte each).

    Example: `#adze.weight<"conv1.weight"> : tensor<64x3x7x7xf32>`
  }];
  let parameters = (ins StringRefParameter<"name in the store">:$name,
                        AttributeSelfTypeParameter<"">:$type);
  let assemblyFormat = "`<` $name `>`";
}

def Adze_ConstantOp : Op<Adze_Dialect, "constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "a constant tensor";
  let description = [{
    `value` is a dense elements attribute (at most 1 KiB) or an `#adze.weight`.

    Example:
    ```mlir
    %w = adze.constant #adze.weight<"conv1.weight"> : tensor<64x3x7x7xf32>
    %s = adze.constant dense<[1, -1]> : tensor<2xi64>
    ```
  }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs AnyRankedTensor:$result);
  let builders = [OpBuilder<(ins "mlir::TypedAttr":$value), [{
    build($_builder, $_state, value.getType(), value);
  }]>];
  let assemblyFormat = "$value attr-dict";
  let extraClassDeclaration = [{
    static bool isBuildableWith(mlir::Attribute value, mlir::Type type) {
      return llvm::isa<mlir::DenseElementsAttr, WeightAttr>(value);
    }
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif
