//===- FusedOperators.h - onnxruntime's operators by ONNX's -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Operators that onnxruntime's graph optimiser and exporters write (domain
/// com.microsoft, and a few that it puts into ai.onnx), each as a function body
/// of ONNX operators made for the types of one node. Their semantics are those
/// of onnxruntime's docs/ContribOperators.md.
///
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_CONTRIB_FUSEDOPERATORS_H
#define ADZE_IMPORT_CONTRIB_FUSEDOPERATORS_H

#include "dialects/onnx/onnx.h"

#include "onnx/onnx_pb.h"

#include <optional>
#include <string>
#include <vector>

namespace adze::reader {

/// Writes the body of one node. Values are named: the inputs and outputs as the
/// table of operators names them.
class FusedBody {
public:
  /// `inputs` are the types of the node's inputs (none for an omitted one).
  FusedBody(onnx::NodeOp node, llvm::ArrayRef<mlir::Type> inputs,
            ::onnx::FunctionProto &function)
      : node(node), inputs(inputs), function(function) {}

  // The node. ---------------------------------------------------------------
  bool has(size_t i) const;
  /// Whether output `i` is used.
  bool wants(size_t i) const;
  llvm::ArrayRef<int64_t> shape(size_t i) const;
  int64_t rank(size_t i) const { return shape(i).size(); }
  /// Dimension `k` of input `i`, counted from the end if negative; refuses if
  /// the input has no such dimension.
  int64_t dim(size_t i, int64_t k) const;
  mlir::Type element(size_t i) const;
  /// TensorProto.DataType of input `i`.
  int64_t dataType(size_t i) const;
  /// The elements of an integer input that is a constant.
  std::optional<std::vector<int64_t>> constantInts(size_t i) const;
  int64_t attrInt(llvm::StringRef name, int64_t otherwise) const;
  double attrFloat(llvm::StringRef name, double otherwise) const;
  std::string attrString(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::vector<int64_t> attrInts(llvm::StringRef name) const;
  /// Fails unless the inputs [0, count) are there.
  void expectInputs(size_t count) const;
  [[noreturn]] void refuse(const std::string &why) const;

  // The body. ---------------------------------------------------------------
  /// Nodes in ONNX's text form: "y = Add(a, b)".
  void add(const std::string &nodes);
  /// A constant of one dimension of int64.
  void ints(const std::string &name, const std::vector<int64_t> &values);
  /// A constant scalar of type int64.
  void integer(const std::string &name, int64_t value);
  /// A constant scalar of the element type of the value `like`.
  void real(const std::string &name, double value, const std::string &like);
  /// `to` = `from` under this shape.
  void reshape(const std::string &to, const std::string &from,
               const std::vector<int64_t> &shape);
  /// `to` = `from` with the dimension `axis` cut to [start, end).
  void slice(const std::string &to, const std::string &from, int64_t axis,
             int64_t start, int64_t end);
  /// A name that no other value has.
  std::string fresh(const std::string &stem) {
    return stem + "__" + std::to_string(next++);
  }

private:
  mutable onnx::NodeOp node; // a handle; reading it takes no const
  llvm::ArrayRef<mlir::Type> inputs;
  ::onnx::FunctionProto &function;
  unsigned next = 0;
};

struct FusedOperator {
  llvm::StringLiteral domain, name;
  std::vector<std::string> inputs, outputs;
  void (*build)(FusedBody &body);
};

/// The operator of that name, or null.
const FusedOperator *findFusedOperator(llvm::StringRef domain,
                                       llvm::StringRef name);

/// TensorProto.DataType of an element type of the onnx dialect.
::onnx::TensorProto::DataType dataTypeOf(mlir::Type element);

// Bodies by subject; the table is FusedOperators.cpp.
namespace fused {
void biasGelu(FusedBody &b); // Activations.cpp
void fastGelu(FusedBody &b);
void gelu(FusedBody &b);
void quickGelu(FusedBody &b);

void dynamicQuantizeMatMul(FusedBody &b); // Products.cpp
void fusedConv(FusedBody &b);
void fusedGemm(FusedBody &b);
void fusedMatMul(FusedBody &b);
void matMulIntegerToFloat(FusedBody &b);
void matMulNBits(FusedBody &b);

void attention(FusedBody &b); // Attention.cpp
void groupQueryAttention(FusedBody &b);
void multiHeadAttention(FusedBody &b);
void qAttention(FusedBody &b);
void rotaryEmbedding(FusedBody &b);

void embedLayerNormalization(FusedBody &b); // Normalizations.cpp
void simplifiedLayerNormalization(FusedBody &b);
void skipLayerNormalization(FusedBody &b);
void skipSimplifiedLayerNormalization(FusedBody &b);

void cropAndResize(FusedBody &b); // Images.cpp
void nhwcMaxPool(FusedBody &b);

void dequantizeLinear(FusedBody &b); // Renamed.cpp
void quantizeLinear(FusedBody &b);
void trilu(FusedBody &b);
} // namespace fused

} // namespace adze::reader

#endif
