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
#include "llvm/ADT/SetVector.h"

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

/// Constant weights as signed integers around zero.
struct Weights {
  mlir::Value value;               // i8 or i16
  std::vector<double> scales;      // one, or one for each channel
  std::vector<int64_t> sums;       // of each channel
  std::vector<int64_t> magnitudes; // sums of absolute values
};
/// The weights behind a float value whose output channels are indexed by
/// `axis`; nothing, and why.
std::optional<Weights> weightsOf(mlir::Value value, int64_t axis,
                                 std::string &why);
/// x - zero point in a wider type.
mlir::Value centred(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                    int64_t zeroPoint, mlir::Type element);

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
  /// Makes a recurrence on quantized operands one of integers; its results are
  /// dequantized.
  bool formRecurrent(nn::RecurrentOp op);

  /// Why operations were left as they are.
  llvm::DenseMap<mlir::Operation *, std::string> reasons;

private:
  // Functions.cpp
  /// Functions of one int16 tensor.
  bool formWideTable(nn::QuantizeOp op, const Parameters &to,
                     nn::DequantizeOp source,
                     const llvm::SetVector<mlir::Operation *> &between);
  /// A function that is no clamp behind something with an integer form: that
  /// goes to int16, from there the function is interpolated.
  bool formFunction(nn::QuantizeOp op, const Parameters &to);
  /// PRelu with a slope for each channel behind a sum, or on a tensor.
  bool formPrelu(nn::QuantizeOp op, const Parameters &to);
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
  // Normalization.cpp
  bool formNormalize(nn::QuantizeOp op, const Parameters &to, const Tail &tail);
  // Elementwise.cpp
  bool formElementwise(nn::QuantizeOp op, const Parameters &to,
                       const Tail &tail);
  bool formAveragePool(nn::QuantizeOp op, const Parameters &to,
                       const Tail &tail);
  /// Forms `op`, whose input is what the integers x stand for under `from`.
  bool formFrom(nn::QuantizeOp op, const Parameters &to, mlir::Value x,
                const Parameters &from);
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

/// What functions make of numbers: before nn.quantize, and behind it.
struct Samples {
  std::vector<double> reals;
  std::vector<int64_t> codes;
};
/// Evaluates the pointwise operations `between` the value `source` (f32) and
/// `op` at `points`, and leaves nothing behind.
std::optional<Samples>
evaluate(nn::QuantizeOp op, mlir::Value source,
         const llvm::SetVector<mlir::Operation *> &between,
         llvm::ArrayRef<float> points);
/// The value from which alone `value` is computed, element by element and with
/// constant numbers, and the operations between in order. It is the result of
/// something that is no function of one element; null if there are several.
mlir::Value functionSource(mlir::Value value,
                           llvm::SetVector<mlir::Operation *> &between);

/// The number that all elements of a constant have.
mlir::TypedAttr splatOf(mlir::Value value);
/// Functions of one element, a bias and reshapes in front of `value`.
Tail tailOf(mlir::Value value);
/// Whether an element-wise operation only compares and selects.
bool onlyCompares(mlir::linalg::GenericOp op);

} // namespace adze::quantize

#endif
