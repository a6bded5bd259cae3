//===- Former.h - One quantized region becomes integer operations -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_PASSES_QUANTIZE_FORMER_H
#define ADZE_PASSES_QUANTIZE_FORMER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "passes/quantize/Parameters.h"
#include "llvm/ADT/DenseMap.h"

namespace adze::quantize {

/// What is between a nn.quantize and the operation whose result it quantizes:
/// functions of one element, a bias, changes of shape.
struct Tail {
  mlir::Value base; // the operation's result
  llvm::SmallVector<mlir::linalg::GenericOp> functions; // last first
  mlir::Value bias; // added along its output channels, or null
};

/// Sums of integer products.
struct Accumulators {
  mlir::Value sums;                 // i32 or i64, under the operation's shape
  int64_t axis = 0;                 // of the output channels
  double inputScale = 1;            // sums * inputScale * weightScales[channel]
  std::vector<double> weightScales; // one, or one for each channel
  unsigned bits = 8;                // of the activations
};

/// How results are rounded. TFLite's reference kernels round twice, but once in
/// a fully connected layer.
struct Roundings {
  nn::Rounding usual, product;
};

/// Forms integer operations for one nn.quantize after the other.
class Former {
public:
  explicit Former(Roundings roundings)
      : rounding(roundings.usual), productRounding(roundings.product) {}

  /// Replaces the result of `op` by integer operations. False, and a reason
  /// in `reasons`, if there is no form for what it quantizes.
  bool form(nn::QuantizeOp op);
  /// Makes a convolution or matrix product on quantized operands sum integers
  /// and go on in float.
  bool formSums(mlir::Operation *op);

  /// Why operations were left as they are.
  llvm::DenseMap<mlir::Operation *, std::string> reasons;

private:
  // Tables.cpp
  bool formTable(nn::QuantizeOp op, const Parameters &to);
  /// The bounds of a clamp that `functions` are on what `op` quantizes to.
  std::optional<std::pair<int64_t, int64_t>>
  clampOf(llvm::ArrayRef<mlir::linalg::GenericOp> functions, nn::QuantizeOp op,
          const Parameters &to);
  /// x as a tensor of parameters `to`, by a table of what nn.quantize makes of
  /// the numbers that x stands for.
  mlir::Value rescaled(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                       const Parameters &from, const Parameters &to,
                       int64_t low, int64_t high);
  // Products.cpp
  bool formProduct(nn::QuantizeOp op, const Parameters &to, const Tail &tail);
  std::optional<Accumulators> accumulate(mlir::Operation *op, mlir::Value bias);
  // Elementwise.cpp
  bool formElementwise(nn::QuantizeOp op, const Parameters &to,
                       const Tail &tail);
  bool formAveragePool(nn::QuantizeOp op, const Parameters &to,
                       const Tail &tail);
  bool formSoftmax(nn::QuantizeOp op, const Parameters &to, const Tail &tail);
  bool formConcat(nn::QuantizeOp op, const Parameters &to, const Tail &tail);

  bool refuse(mlir::Operation *op, const llvm::Twine &why) {
    reasons[op] = why.str();
    return false;
  }
  void replace(nn::QuantizeOp op, mlir::Value value);

  nn::Rounding rounding, productRounding;
  llvm::DenseMap<std::pair<mlir::Operation *, mlir::Value>,
                 std::optional<Accumulators>>
      known;
};

/// The number that all elements of a constant have.
mlir::TypedAttr splatOf(mlir::Value value);
/// Functions of one element, a bias and reshapes in front of `value`.
Tail tailOf(mlir::Value value);
/// Whether an element-wise operation only compares and selects.
bool onlyCompares(mlir::linalg::GenericOp op);

} // namespace adze::quantize

#endif
