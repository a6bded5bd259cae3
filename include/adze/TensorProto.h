//===- TensorProto.h - Tensors and signatures in ONNX's files ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What ONNX's backend tests (`test_data_set_N/input_0.pb`) are made of. The
/// names of the fields are those of onnx.proto.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_TENSORPROTO_H
#define ADZE_TENSORPROTO_H

#include "adze/Compiler.h"
#include "adze/Tensor.h"

#include <string>
#include <utility>
#include <vector>

namespace adze {

/// Reads a file that holds one TensorProto. `tensor.spec.name` is the name in
/// the file. A SequenceProto, an OptionalProto and a tensor of strings are
/// failures that say so.
Status readTensorProto(const std::string &path, Tensor &tensor);

/// An input or output as a model file declares it.
struct ModelValue {
  /// "tensor", "sequence", "optional", "map", "sparse tensor"; empty: the file
  /// does not say.
  std::string kind;
  /// Of a tensor. Free dimensions are -1; `hasShape` is false where even the
  /// rank is unknown.
  TensorSpec spec;
  bool hasShape = false;
  bool isStatic() const;
};

/// The signature of a model, without reading more of it than that.
struct ModelSignature {
  std::vector<ModelValue> inputs, outputs; // inputs with no initialiser
  std::vector<std::string> operators;      // of the main graph's nodes, sorted
  std::vector<std::pair<std::string, int64_t>> opsets; // (domain, version)
};
Status readSignature(const std::string &path, ModelSignature &signature);

} // namespace adze

#endif
