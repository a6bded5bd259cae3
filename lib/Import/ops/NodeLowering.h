//===- NodeLowering.h - How an ONNX operator becomes tensor operations -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_NODELOWERING_H
#define ADZE_IMPORT_OPS_NODELOWERING_H

#include "dialects/adze/adze.h"
#include "dialects/nn/nn.h"
#include "dialects/onnx/onnx.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace adze::import {

/// A tensor while it is being lowered: signless in the IR, its signedness
/// beside it.
struct TensorValue {
  mlir::Value value;      // null: an omitted optional
  bool isUnsigned = false;
};

/// Computes the values of tensors that depend on constants alone.
class Evaluator {
public:
  virtual ~Evaluator() = default;
  /// The constant behind `value`, evaluating the operations that make it if
  /// they are few; null if it depends on anything else.
  virtual mlir::DenseElementsAttr evaluate(mlir::Value value) = 0;
};

/// One node on its way to tensor operations. A lowering reads operands and
/// attributes here, builds operations, and hands over the results with `set`.
/// All shapes are static; shape inference is what the lowering computes.
class NodeLowering {
public:
  NodeLowering(mlir::OpBuilder &builder, onnx::NodeOp node,
               llvm::ArrayRef<TensorValue> inputs, Evaluator &evaluator)
      : b(builder), loc(node.getLoc()), node(node),
        inputs(inputs.begin(), inputs.end()), evaluator(evaluator),
        results(node.getNumResults()) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  mutable onnx::NodeOp node; // a handle; reading it takes no const

  template <typename Op, typename... Args> auto make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

  // Operands. ---------------------------------------------------------------
  size_t numInputs() const { return inputs.size(); }
  bool has(size_t i) const { return i < inputs.size() && inputs[i].value; }
  mlir::Value in(size_t i) const { return inputs[i].value; }
  bool isUnsigned(size_t i) const { return inputs[i].isUnsigned; }
  mlir::RankedTensorType type(size_t i) const;
  llvm::ArrayRef<int64_t> shape(size_t i) const;
  int64_t rank(size_t i) const { return shape(i).size(); }
  mlir::Type element(size_t i) const { return type(i).getElementType(); }
  /// The value of an operand that must be known at compile time; null (and no
  /// message) if it is not.
  mlir::DenseElementsAttr constant(size_t i);
  /// The same as integers (any integer type), or as doubles.
  std::optional<llvm::SmallVector<int64_t>> ints(size_t i);
  std::optional<llvm::SmallVector<double>> floats(size_t i);
  /// The constant that a value made by this lowering stands for, or null.
  mlir::DenseElementsAttr evaluate(mlir::Value value) {
    return evaluator.evaluate(value);
  }

  // Attributes. -------------------------------------------------------------
  int64_t version() const { return node.getVersion(); }
  mlir::Attribute attr(llvm::StringRef name) const {
    return node.getAttrs().get(name);
  }
  int64_t attrInt(llvm::StringRef name, int64_t otherwise) const;
  double attrFloat(llvm::StringRef name, double otherwise) const;
  std::string attrString(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<llvm::SmallVector<int64_t>> attrInts(llvm::StringRef name) const;
  std::optional<llvm::SmallVector<double>> attrFloats(llvm::StringRef name) const;
  std::optional<llvm::SmallVector<std::string>>
  attrStrings(llvm::StringRef name) const;
  /// An axis attribute or value made non-negative; fails with a message when
  /// it is outside [-rank, rank).
  mlir::FailureOr<int64_t> axis(int64_t value, int64_t rank);

  // Results. ----------------------------------------------------------------
  bool wants(size_t i) const { return i < results.size(); }
  void set(size_t i, mlir::Value value, bool isUnsigned = false) {
    if (i < results.size())
      results[i] = {value, isUnsigned};
  }
  llvm::ArrayRef<TensorValue> getResults() const { return results; }

  /// Lowers a body of a control-flow node at the insertion point, with these
  /// arguments; may be called several times.
  std::function<mlir::LogicalResult(mlir::Block &body,
                                    llvm::ArrayRef<TensorValue> arguments,
                                    llvm::SmallVectorImpl<TensorValue> &results)>
      lowerBody;

  /// Reports why this node cannot be lowered: a sentence without a full stop
  /// that says what was expected and found. Always returns failure.
  mlir::LogicalResult fail(const llvm::Twine &why);
  std::string message; // of the failure

  // Building blocks (Blocks.cpp). --------------------------------------------
  using ScalarFn =
      llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                     mlir::ValueRange)>;
  /// Element-wise operation with ONNX (numpy) broadcasting; the shape is the
  /// broadcast of all operands. Null after a message if they do not broadcast.
  mlir::Value elementwise(llvm::ArrayRef<mlir::Value> operands,
                          mlir::Type resultElement, ScalarFn body);
  /// The same over an index space of a given shape with no operands needed:
  /// the body may use linalg.index.
  mlir::Value generate(llvm::ArrayRef<int64_t> shape, mlir::Type element,
                       llvm::ArrayRef<mlir::Value> operands, ScalarFn body);
  /// Reduction over `axes` (kept with size 1): acc' = body(element, acc),
  /// starting at `init` (a scalar attribute of the accumulator's type).
  mlir::Value reduce(mlir::Value input, llvm::ArrayRef<int64_t> axes,
                     mlir::TypedAttr init, ScalarFn body);
  std::optional<llvm::SmallVector<int64_t>>
  broadcastShape(llvm::ArrayRef<mlir::Value> operands);

  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> perm);
  /// Repeats dimensions of size 1 (and adds leading ones) up to `shape`.
  mlir::Value broadcastTo(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value slice(mlir::Value value, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<int64_t> sizes,
                    llvm::ArrayRef<int64_t> steps = {});
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis);
  /// Constants: a splat; a list of integers as tensor<NxT>.
  mlir::Value splat(llvm::ArrayRef<int64_t> shape, mlir::Type element,
                    double value);
  mlir::Value constant(mlir::DenseElementsAttr value);
  mlir::Value constantInts(llvm::ArrayRef<int64_t> values, mlir::Type element);
  /// Converts elements between arithmetic types as ONNX Cast does.
  mlir::Value cast(mlir::Value value, mlir::Type to, bool fromUnsigned = false,
                   bool toUnsigned = false);

private:
  llvm::SmallVector<TensorValue> inputs;
  Evaluator &evaluator;
  llvm::SmallVector<TensorValue> results;
};

/// The scalar conversion behind `cast`.
mlir::Value castScalar(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value value, mlir::Type to, bool fromUnsigned,
                       bool toUnsigned);

/// The dimensions of a ranked tensor value, and its element type.
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::Type elementOf(mlir::Value value);

/// numpy's name of an `onnx`-level element type; "unknown" if it has none.
std::string typeName(mlir::Type element);

/// A lowering and the versions (since_version) of the operator it covers.
struct OpLowering {
  llvm::StringLiteral domain; // "" is ai.onnx
  llvm::StringLiteral name;
  int64_t first, last; // since_versions, inclusive
  mlir::LogicalResult (*lower)(NodeLowering &);
};

/// The lowerings of one family file.
using Family = llvm::ArrayRef<OpLowering>;

/// All families, listed explicitly in Families.cpp.
llvm::ArrayRef<Family> allFamilies();
/// The lowering of an operator; null if there is none for this version.
const OpLowering *findLowering(llvm::StringRef domain, llvm::StringRef name,
                               int64_t version);

} // namespace adze::import

#endif
