//===- Elementwise.h - Frame of the element-wise operators -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_OPS_ELEMENTWISE_H
#define ADZE_IMPORT_OPS_ELEMENTWISE_H

#include "lib/Import/ops/NodeLowering.h"

namespace adze::import {

/// Builds the arithmetic of one element. Methods without a signedness take
/// floats and integers alike; numbers given as double or int64_t become
/// constants of the type of the other operand.
class Scalars {
public:
  Scalars(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  template <typename Op, typename... Args> mlir::Value make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

  mlir::Value constant(mlir::Type type, double value);
  mlir::Value integer(mlir::Type type, int64_t value);
  /// A constant that floats cannot say, such as an infinity or the largest
  /// number of a format.
  mlir::Value constant(mlir::Type type, const llvm::APFloat &value);

  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, double y) {
    return add(x, constant(x.getType(), y));
  }
  mlir::Value sub(mlir::Value x, double y) {
    return sub(x, constant(x.getType(), y));
  }
  mlir::Value mul(mlir::Value x, double y) {
    return mul(x, constant(x.getType(), y));
  }
  mlir::Value div(mlir::Value x, mlir::Value y); // floats
  mlir::Value reciprocal(mlir::Value x);         // 1 / x, floats
  mlir::Value negate(mlir::Value x);
  mlir::Value exp(mlir::Value x) { return make<mlir::math::ExpOp>(x); }
  /// 1 / (1 + exp(-x)): for x to -inf exp overflows and the quotient is 0.
  mlir::Value sigmoid(mlir::Value x);

  /// False if an operand is NaN.
  mlir::Value less(mlir::Value x, mlir::Value y, bool isUnsigned = false);
  mlir::Value less(mlir::Value x, double y) {
    return less(x, constant(x.getType(), y));
  }
  mlir::Value greater(mlir::Value x, double y) {
    return less(constant(x.getType(), y), x);
  }
  mlir::Value equal(mlir::Value x, mlir::Value y);
  mlir::Value equal(mlir::Value x, int64_t y) {
    return equal(x, integer(x.getType(), y));
  }
  mlir::Value isNaN(mlir::Value x);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return make<mlir::arith::SelectOp>(condition, x, y);
  }
  mlir::Value either(mlir::Value x, mlir::Value y) {
    return make<mlir::arith::OrIOp>(x, y);
  }
  mlir::Value both(mlir::Value x, mlir::Value y) {
    return make<mlir::arith::AndIOp>(x, y);
  }

  /// max(x, low) and min(x, high) with a bound that is not NaN: one
  /// instruction on most machines; NaN stays NaN.
  mlir::Value atLeast(mlir::Value x, mlir::Value low, bool isUnsigned = false) {
    return select(less(x, low, isUnsigned), low, x);
  }
  mlir::Value atMost(mlir::Value x, mlir::Value high, bool isUnsigned = false) {
    return select(less(high, x, isUnsigned), high, x);
  }
  mlir::Value atLeast(mlir::Value x, double low) {
    return atLeast(x, constant(x.getType(), low));
  }
  mlir::Value atMost(mlir::Value x, double high) {
    return atMost(x, constant(x.getType(), high));
  }
  mlir::Value clamp(mlir::Value x, double low, double high) {
    return atMost(atLeast(x, low), high);
  }
};

/// An operand of an element-wise operation: a tensor, and its element where it
/// is one number known at compile time.
struct Operand {
  mlir::Value value;
  mlir::TypedAttr known;
};

/// Operand `i` of a node.
Operand operand(NodeLowering &n, size_t i);
/// Operands [0, count) of a node.
llvm::SmallVector<Operand> operands(NodeLowering &n, size_t count);

using ElementFn = llvm::function_ref<mlir::Value(Scalars &, mlir::ValueRange)>;

/// The operands broadcast against each other, element by element. Known
/// numbers become constants of the body, where they fold. Null after a message
/// if the shapes do not broadcast.
mlir::Value mapElements(NodeLowering &n, llvm::ArrayRef<Operand> operands,
                        mlir::Type result, ElementFn body);

/// One float operand, computed in f32 if it is narrower, as onnxruntime does:
/// a formula of several operations would round after each.
mlir::LogicalResult
mapFloats(NodeLowering &n,
          llvm::function_ref<mlir::Value(Scalars &, mlir::Value)> body);

/// What kinds of elements an operator takes.
enum class Elements { floats, numbers, integers, booleans, any };

/// Fails with a message unless the node has operands [0, count), they are of
/// that kind, and of one type.
mlir::LogicalResult expectOperands(NodeLowering &n, size_t count,
                                   Elements kind);

/// "uint8": the element type of an operand in messages.
std::string elementText(NodeLowering &n, size_t i);

} // namespace adze::import

#endif
