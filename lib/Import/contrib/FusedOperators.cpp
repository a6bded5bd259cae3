//===- FusedOperators.cpp - onnxruntime's operators by ONNX's -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

#include "dialects/adze/adze.h"

#include "onnx/defs/function.h"
#include "onnx/defs/tensor_proto_util.h"

#include <cmath>
#include <stdexcept>

using namespace adze;
using namespace adze::reader;

/// One row an operator; the names of inputs and outputs are those of
/// ContribOperators.md where a body reads well with them.
static const std::vector<FusedOperator> &table() {
  static const std::vector<FusedOperator> rows = {
      {"",
       "SimplifiedLayerNormalization",
       {"x", "scale"},
       {"y", "inverse_deviation"},
       fused::simplifiedLayerNormalization},
      {"com.microsoft",
       "Attention",
       {"x", "weights", "bias", "mask", "past", "attention_bias"},
       {"y", "present"},
       fused::attention},
      {"com.microsoft", "BiasGelu", {"x", "bias"}, {"y"}, fused::biasGelu},
      {"com.microsoft",
       "CropAndResize",
       {"x", "rois", "batch_indices", "crop_size"},
       {"y"},
       fused::cropAndResize},
      {"com.microsoft",
       "DequantizeLinear",
       {"x", "scale", "zero_point"},
       {"y"},
       fused::dequantizeLinear},
      {"com.microsoft",
       "DynamicQuantizeMatMul",
       {"a", "b", "b_scale", "b_zero_point", "bias"},
       {"y"},
       fused::dynamicQuantizeMatMul},
      {"com.microsoft",
       "EmbedLayerNormalization",
       {"input_ids", "segment_ids", "words", "positions", "segments", "gamma",
        "beta", "mask", "position_ids"},
       {"y", "mask_index", "sum"},
       fused::embedLayerNormalization},
      {"com.microsoft", "FastGelu", {"x", "bias"}, {"y"}, fused::fastGelu},
      {"com.microsoft",
       "FusedConv",
       {"x", "w", "bias", "z"},
       {"y"},
       fused::fusedConv},
      {"com.microsoft", "FusedGemm", {"a", "b", "c"}, {"y"}, fused::fusedGemm},
      {"com.microsoft", "FusedMatMul", {"a", "b"}, {"y"}, fused::fusedMatMul},
      {"com.microsoft", "Gelu", {"x"}, {"y"}, fused::gelu},
      {"com.microsoft",
       "GroupQueryAttention",
       {"query", "key", "value", "past_key", "past_value", "lengths", "total",
        "cos_cache", "sin_cache", "position_ids", "attention_bias",
        "head_sink"},
       {"y", "present_key", "present_value"},
       fused::groupQueryAttention},
      {"com.microsoft",
       "MatMulIntegerToFloat",
       {"a", "b", "a_scale", "b_scale", "a_zero_point", "b_zero_point", "bias"},
       {"y"},
       fused::matMulIntegerToFloat},
      {"com.microsoft",
       "MatMulNBits",
       {"a", "b", "scales", "zero_points", "g_idx", "bias"},
       {"y"},
       fused::matMulNBits},
      {"com.microsoft",
       "MultiHeadAttention",
       {"query", "key", "value", "bias", "padding_mask", "attention_bias",
        "past_key", "past_value"},
       {"y", "present_key", "present_value"},
       fused::multiHeadAttention},
      {"com.microsoft", "NhwcMaxPool", {"x"}, {"y"}, fused::nhwcMaxPool},
      {"com.microsoft",
       "QAttention",
       {"x", "weights", "bias", "x_scale", "weight_scale", "mask",
        "x_zero_point", "weight_zero_point", "past"},
       {"y", "present"},
       fused::qAttention},
      {"com.microsoft",
       "QuantizeLinear",
       {"x", "scale", "zero_point"},
       {"y"},
       fused::quantizeLinear},
      {"com.microsoft", "QuickGelu", {"x"}, {"y"}, fused::quickGelu},
      {"com.microsoft",
       "RotaryEmbedding",
       {"x", "position_ids", "cos_cache", "sin_cache"},
       {"y"},
       fused::rotaryEmbedding},
      {"com.microsoft",
       "SkipLayerNormalization",
       {"x", "skip", "gamma", "beta", "bias"},
       {"y", "mean", "inverse_deviation", "sum"},
       fused::skipLayerNormalization},
      {"com.microsoft",
       "SkipSimplifiedLayerNormalization",
       {"x", "skip", "gamma", "bias"},
       {"y", "mean", "inverse_deviation", "sum"},
       fused::skipSimplifiedLayerNormalization},
      {"com.microsoft", "Trilu", {"x", "k"}, {"y"}, fused::trilu},
  };
  return rows;
}

const FusedOperator *reader::findFusedOperator(llvm::StringRef domain,
                                               llvm::StringRef name) {
  for (const FusedOperator &row : table())
    if (row.domain == domain && row.name == name)
      return &row;
  return nullptr;
}

bool FusedBody::has(size_t i) const {
  return i < inputs.size() && mlir::isa<mlir::RankedTensorType>(inputs[i]);
}

bool FusedBody::wants(size_t i) const {
  return i < node.getNumResults() &&
         !mlir::isa<mlir::NoneType>(node->getResult(i).getType());
}

void FusedBody::refuse(const std::string &why) const {
  throw std::runtime_error(why);
}

void FusedBody::expectInputs(size_t count) const {
  for (size_t i = 0; i < count; ++i)
    if (!has(i))
      refuse("its input " + std::to_string(i) + " is missing");
}

llvm::ArrayRef<int64_t> FusedBody::shape(size_t i) const {
  if (!has(i))
    refuse("its input " + std::to_string(i) + " is missing");
  return mlir::cast<mlir::RankedTensorType>(inputs[i]).getShape();
}

int64_t FusedBody::dim(size_t i, int64_t k) const {
  llvm::ArrayRef<int64_t> sizes = shape(i);
  int64_t at = k < 0 ? k + int64_t(sizes.size()) : k;
  if (at < 0 || at >= int64_t(sizes.size()))
    refuse("its input " + std::to_string(i) + " has rank " +
           std::to_string(sizes.size()) + ", which is too small");
  return sizes[at];
}

mlir::Type FusedBody::element(size_t i) const {
  (void)shape(i);
  return mlir::cast<mlir::RankedTensorType>(inputs[i]).getElementType();
}

int64_t FusedBody::dataType(size_t i) const { return dataTypeOf(element(i)); }

std::optional<std::vector<int64_t>> FusedBody::constantInts(size_t i) const {
  if (i >= node->getNumOperands())
    return std::nullopt;
  auto constant = node->getOperand(i).getDefiningOp<ConstantOp>();
  auto dense =
      constant ? mlir::dyn_cast<mlir::DenseIntElementsAttr>(constant.getValue())
               : mlir::DenseIntElementsAttr();
  if (!dense)
    return std::nullopt;
  std::vector<int64_t> values;
  for (const llvm::APInt &value : dense.getValues<llvm::APInt>())
    values.push_back(value.getSExtValue());
  return values;
}

int64_t FusedBody::attrInt(llvm::StringRef name, int64_t otherwise) const {
  auto attr = node.getAttrs().getAs<mlir::IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

double FusedBody::attrFloat(llvm::StringRef name, double otherwise) const {
  auto attr = node.getAttrs().getAs<mlir::FloatAttr>(name);
  return attr ? attr.getValueAsDouble() : otherwise;
}

std::string FusedBody::attrString(llvm::StringRef name,
                                  llvm::StringRef otherwise) const {
  auto attr = node.getAttrs().getAs<mlir::StringAttr>(name);
  return attr ? attr.str() : otherwise.str();
}

std::vector<int64_t> FusedBody::attrInts(llvm::StringRef name) const {
  auto attr = node.getAttrs().getAs<mlir::DenseI64ArrayAttr>(name);
  return attr ? std::vector<int64_t>(attr.asArrayRef())
              : std::vector<int64_t>();
}

void FusedBody::add(const std::string &nodes) {
  ::onnx::FunctionBuilder(function).Add(nodes.c_str());
}

void FusedBody::ints(const std::string &name,
                     const std::vector<int64_t> &values) {
  ::onnx::FunctionBuilder(function).Const(name, values);
}

void FusedBody::integer(const std::string &name, int64_t value) {
  ::onnx::FunctionBuilder(function).Const(name, ::onnx::ToTensor(value));
}

void FusedBody::real(const std::string &name, double value,
                     const std::string &like) {
  std::string wide = fresh(name);
  ::onnx::FunctionBuilder(function).Const(wide, ::onnx::ToTensor(float(value)));
  add(name + " = CastLike(" + wide + ", " + like + ")");
}

void FusedBody::reshape(const std::string &to, const std::string &from,
                        const std::vector<int64_t> &shape) {
  std::string sizes = fresh("shape");
  ints(sizes, shape);
  // A dimension of 0 is one of no elements here.
  add(to + " = Reshape <allowzero = 1> (" + from + ", " + sizes + ")");
}

void FusedBody::slice(const std::string &to, const std::string &from,
                      int64_t axis, int64_t start, int64_t end) {
  std::string starts = fresh("start"), ends = fresh("end"),
              axes = fresh("axis");
  ints(starts, {start});
  ints(ends, {end});
  ints(axes, {axis});
  add(to + " = Slice(" + from + ", " + starts + ", " + ends + ", " + axes +
      ")");
}
