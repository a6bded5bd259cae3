//===- Entry.cpp - The entry point of a loops module ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/host/Entry.h"

using namespace mlir;
using namespace adze;

namespace {

/// Bytes of a memref in memory: booleans take one each.
int64_t memoryBytes(MemRefType type) {
  unsigned bits = type.getElementTypeBitWidth();
  return type.getNumElements() * int64_t(bits == 1 ? 1 : (bits + 7) / 8);
}

/// An argument that is a tensor. Its shape is that of the memref unless
/// `adze.shape` says otherwise (packed sub-byte elements).
FailureOr<TensorSpec> readTensor(func::FuncOp entry, unsigned index,
                                 MemRefType type) {
  TensorSpec spec;
  auto name = entry.getArgAttrOfType<StringAttr>(index, "adze.name");
  auto element = entry.getArgAttrOfType<StringAttr>(index, "adze.type");
  if (!name || !element)
    return entry.emitError() << "argument " << index
                             << " of the entry has no adze.name or adze.type";
  spec.name = name.str();
  spec.type = elementTypeNamed(element.str());
  if (spec.type == ElementType::Undefined)
    return entry.emitError() << "argument '" << name.getValue()
                             << "' of the entry has the unknown type '"
                             << element.getValue() << "'";
  spec.shape.assign(type.getShape().begin(), type.getShape().end());
  if (auto shape =
          entry.getArgAttrOfType<DenseI64ArrayAttr>(index, "adze.shape"))
    spec.shape.assign(shape.asArrayRef().begin(), shape.asArrayRef().end());
  if (spec.byteSize() != memoryBytes(type))
    return entry.emitError()
           << "argument '" << name.getValue() << "' of the entry is " << type
           << ", " << memoryBytes(type) << " bytes, but " << element.getValue()
           << " of that shape takes " << spec.byteSize();
  return spec;
}

} // namespace

func::FuncOp host::findEntry(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("adze.entry"))
      return function;
  return {};
}

FailureOr<host::Entry> host::readEntry(ModuleOp module) {
  func::FuncOp function = findEntry(module);
  if (!function)
    return module.emitError(
        "a loops module needs one function marked adze.entry");
  Entry entry;
  entry.symbol = function.getSymName().str();
  if (auto model = module->getAttrOfType<StringAttr>("adze.model"))
    entry.model = model.str();
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    auto kind = function.getArgAttrOfType<StringAttr>(index, "adze.kind");
    if (!memref || !memref.hasStaticShape() || !kind || entry.hasArena)
      return function.emitError()
             << "argument " << index
             << " of the entry has to be a static memref with an adze.kind, "
                "the arena last";
    if (kind.getValue() == "arena") {
      entry.hasArena = true;
      entry.arenaBytes = memoryBytes(memref);
      continue;
    }
    bool isInput = kind.getValue() == "input";
    if (isInput ? !entry.outputs.empty() : kind.getValue() != "output")
      return function.emitError()
             << "argument " << index
             << " of the entry is out of order: inputs, outputs, arena";
    FailureOr<TensorSpec> spec = readTensor(function, index, memref);
    if (failed(spec))
      return failure();
    (isInput ? entry.inputs : entry.outputs).push_back(std::move(*spec));
  }
  return entry;
}
