//===- Constants.h - Tensors as attributes ----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_CONSTANTS_H
#define ADZE_IMPORT_CONSTANTS_H

#include "Model.h"
#include "TensorData.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"

namespace adze::reader {

/// The element type of an ONNX data type in the onnx dialect: unsigned
/// integers are uiN, signed ones iN, bool is i1; null if there is none.
mlir::Type elementType(mlir::MLIRContext *context, int dataType);

/// The type of a value; !onnx.unknown for what cannot be said.
mlir::Type valueType(mlir::MLIRContext *context, const ::onnx::TypeProto *type);

/// A tensor as dense elements (up to 1 KiB, and strings) or as an entry of the
/// weight store called `name`.
mlir::TypedAttr tensorAttribute(mlir::MLIRContext *context, const Model &model,
                                const ::onnx::TensorProto &tensor,
                                const std::string &name);
mlir::TypedAttr sparseAttribute(mlir::MLIRContext *context, const Model &model,
                                const ::onnx::SparseTensorProto &tensor,
                                const std::string &name);
/// The same from bytes in the form of TensorBytes.
mlir::TypedAttr bytesAttribute(mlir::RankedTensorType type, TensorBytes bytes,
                               const std::string &name);

} // namespace adze::reader

#endif
