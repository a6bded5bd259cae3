//===- Constants.cpp - Tensors as attributes --------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Constants.h"

#include "adze/WeightStore.h"
#include "dialects/onnx/onnx.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace adze;
using namespace adze::reader;
using ::onnx::TensorProto;

mlir::Type reader::elementType(mlir::MLIRContext *context, int dataType) {
  auto integer = [&](unsigned bits, bool isUnsigned = false) -> mlir::Type {
    return mlir::IntegerType::get(context, bits,
                                  isUnsigned ? mlir::IntegerType::Unsigned
                                             : mlir::IntegerType::Signless);
  };
  switch (dataType) {
  case TensorProto::FLOAT:
    return mlir::Float32Type::get(context);
  case TensorProto::DOUBLE:
    return mlir::Float64Type::get(context);
  case TensorProto::FLOAT16:
    return mlir::Float16Type::get(context);
  case TensorProto::BFLOAT16:
    return mlir::BFloat16Type::get(context);
  case TensorProto::FLOAT8E4M3FN:
    return mlir::Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return mlir::Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2:
    return mlir::Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return mlir::Float8E5M2FNUZType::get(context);
  case TensorProto::FLOAT8E8M0:
    return mlir::Float8E8M0FNUType::get(context);
  case TensorProto::FLOAT6E2M3:
    return mlir::Float6E2M3FNType::get(context);
  case TensorProto::FLOAT6E3M2:
    return mlir::Float6E3M2FNType::get(context);
  case TensorProto::FLOAT4E2M1:
    return mlir::Float4E2M1FNType::get(context);
  case TensorProto::COMPLEX64:
    return mlir::ComplexType::get(mlir::Float32Type::get(context));
  case TensorProto::COMPLEX128:
    return mlir::ComplexType::get(mlir::Float64Type::get(context));
  case TensorProto::BOOL:
    return integer(1);
  case TensorProto::INT2:
    return integer(2);
  case TensorProto::INT4:
    return integer(4);
  case TensorProto::INT8:
    return integer(8);
  case TensorProto::INT16:
    return integer(16);
  case TensorProto::INT32:
    return integer(32);
  case TensorProto::INT64:
    return integer(64);
  case TensorProto::UINT2:
    return integer(2, true);
  case TensorProto::UINT4:
    return integer(4, true);
  case TensorProto::UINT8:
    return integer(8, true);
  case TensorProto::UINT16:
    return integer(16, true);
  case TensorProto::UINT32:
    return integer(32, true);
  case TensorProto::UINT64:
    return integer(64, true);
  case TensorProto::STRING:
    return adze::onnx::StringType::get(context);
  default:
    return nullptr;
  }
}

mlir::Type reader::valueType(mlir::MLIRContext *context,
                             const ::onnx::TypeProto *type) {
  mlir::Type unknown = adze::onnx::UnknownType::get(context);
  if (!type)
    return unknown;
  switch (type->value_case()) {
  case ::onnx::TypeProto::kTensorType: {
    const ::onnx::TypeProto::Tensor &tensor = type->tensor_type();
    mlir::Type element = elementType(context, tensor.elem_type());
    if (!element)
      return unknown;
    if (!tensor.has_shape() || tensor.shape().dim_size() > maxRank)
      return mlir::UnrankedTensorType::get(element);
    std::vector<int64_t> shape;
    for (const auto &dim : tensor.shape().dim())
      shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0
                          ? dim.dim_value()
                          : mlir::ShapedType::kDynamic);
    return mlir::RankedTensorType::get(shape, element);
  }
  case ::onnx::TypeProto::kSequenceType:
    return adze::onnx::SequenceType::get(
        context, valueType(context, &type->sequence_type().elem_type()));
  case ::onnx::TypeProto::kOptionalType:
    return adze::onnx::OptionalType::get(
        context, valueType(context, &type->optional_type().elem_type()));
  default:
    return unknown;
  }
}

/// Elements of `bits` bits, packed low bits first, as one byte each, which is
/// how dense attributes hold them.
static std::vector<char> unpack(std::string_view packed, unsigned bits,
                                uint64_t elements) {
  std::vector<char> out(elements, 0);
  for (uint64_t i = 0; i < elements; ++i)
    for (unsigned bit = 0; bit < bits; ++bit) {
      uint64_t at = i * bits + bit;
      if ((static_cast<unsigned char>(packed[at / 8]) >> (at % 8)) & 1)
        out[i] |= char(1 << bit);
    }
  return out;
}

mlir::TypedAttr reader::bytesAttribute(mlir::RankedTensorType type,
                                       TensorBytes bytes,
                                       const std::string &name) {
  std::string_view view = bytes.bytes();
  mlir::Type element = type.getElementType();
  if (view.size() > detachThreshold) {
    WeightStore &store = WeightStore::get(type.getContext());
    std::string entry = bytes.mapped
                            ? store.addMapped(name, {view.data(), view.size()},
                                              std::move(bytes.owner))
                            : store.addBytes(name, std::move(bytes.owned));
    return WeightAttr::get(type.getContext(), entry, type);
  }
  if (element.isInteger(1)) {
    llvm::SmallVector<bool> values(view.begin(), view.end());
    return mlir::DenseElementsAttr::get(type, values);
  }
  if (element.isIntOrFloat() && element.getIntOrFloatBitWidth() < 8) {
    std::vector<char> unpacked = unpack(view, element.getIntOrFloatBitWidth(),
                                        uint64_t(type.getNumElements()));
    return mlir::DenseElementsAttr::getFromRawBuffer(type, unpacked);
  }
  return mlir::DenseElementsAttr::getFromRawBuffer(type,
                                                   {view.data(), view.size()});
}

mlir::TypedAttr reader::tensorAttribute(mlir::MLIRContext *context,
                                        const Model &model,
                                        const TensorProto &tensor,
                                        const std::string &name) {
  auto type = mlir::RankedTensorType::get(
      dimsOf(tensor), elementType(context, tensor.data_type()));
  if (tensor.data_type() != TensorProto::STRING)
    return bytesAttribute(type, readTensor(model, tensor), name);
  llvm::SmallVector<llvm::StringRef> values(tensor.string_data().begin(),
                                            tensor.string_data().end());
  return mlir::DenseStringElementsAttr::get(type, values);
}

mlir::TypedAttr reader::sparseAttribute(mlir::MLIRContext *context,
                                        const Model &model,
                                        const ::onnx::SparseTensorProto &tensor,
                                        const std::string &name) {
  TensorBytes bytes = readSparse(model, tensor, "the constant " + quoted(name));
  std::vector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  return bytesAttribute(
      mlir::RankedTensorType::get(
          dims, elementType(context, tensor.values().data_type())),
      std::move(bytes), name);
}
