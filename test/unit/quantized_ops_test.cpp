//===- quantized_ops_test.cpp - Loops of quantized operations ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The loops of the nn level's quantized operations, run by the interpreter,
/// against the reference functions that kernel families are compared with.
///
//===----------------------------------------------------------------------===//
#include "adze/KernelFamily.h"
#include "adze/QuantizedSoftmax.h"
#include "passes/Passes.h"
#include "passes/graph/ConstantEvaluation.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <random>

using namespace adze;

namespace {

/// What `body` returns, with constants named by MLIR text in it.
std::vector<char> evaluate(const std::string &body) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context
      .loadDialect<AdzeDialect, kernel::KernelDialect, nn::NnDialect,
                   mlir::arith::ArithDialect, mlir::func::FuncDialect,
                   mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                   mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                   mlir::tensor::TensorDialect, mlir::vector::VectorDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(body, &context);
  if (!module)
    return {};
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  mlir::DenseElementsAttr value = evaluateConstant(
      main.getBody().front().getTerminator()->getOperand(0), 1 << 20);
  return value ? bytesOf(value) : std::vector<char>();
}

std::string listOf(const std::vector<int64_t> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + "]";
}

std::vector<int64_t> signedBytes(const std::vector<char> &bytes) {
  std::vector<int64_t> values;
  for (char byte : bytes)
    values.push_back(int8_t(byte));
  return values;
}

std::string constantOf(const std::string &name,
                       const std::vector<int64_t> &values,
                       const std::string &type) {
  return "  %" + name + " = adze.constant dense<" + listOf(values) +
         "> : tensor<" + std::to_string(values.size()) + "x" + type + ">\n";
}

std::string mainOf(const std::string &body, const std::string &type) {
  return "func.func @main() -> " + type + " {\n" + body +
         "  return %y : " + type + "\n}\n";
}

} // namespace

TEST(QuantizedOps, RequantizeAsTheReference) {
  std::mt19937_64 random(1);
  for (Rounding rounding : {Rounding::twice, Rounding::once}) {
    std::vector<int64_t> sums, multipliers, shifts, expected;
    Requantization r;
    r.rounding = rounding;
    r.zeroPoint = -7;
    r.low = -100;
    r.high = 120;
    for (int i = 0; i < 400; ++i) {
      int64_t sum = int64_t(int32_t(random())) >> (i % 3 ? 8 + i % 12 : 1);
      if (i % 5 == 0)
        sum = (int64_t(i) - 200) << 9; // ties of the factor 2^-10
      FixedPoint factor =
          i % 5 == 0 ? fixedPoint(1.0 / 1024)
                     : fixedPoint(std::ldexp(1 + double(random() % 1000) / 1000,
                                             -1 - i % 24));
      sums.push_back(sum);
      multipliers.push_back(factor.multiplier);
      shifts.push_back(factor.shift);
      r.factors = {factor};
      expected.push_back(r.apply(int32_t(sum), 0));
    }
    std::string body = constantOf("x", sums, "i32") +
                       constantOf("m", multipliers, "i32") +
                       constantOf("s", shifts, "i32") +
                       "  %y = nn.requantize %x, %m, %s {axis = 0 : i64, "
                       "zero_point = -7 : i64, low = -100 : i64, high = 120 : "
                       "i64, rounding = #nn<rounding " +
                       (rounding == Rounding::twice ? "twice" : "once") +
                       ">} : (tensor<400xi32>, tensor<400xi32>, "
                       "tensor<400xi32>) -> tensor<400xi8>\n";
    EXPECT_EQ(signedBytes(evaluate(mainOf(body, "tensor<400xi8>"))), expected);
  }
}

TEST(QuantizedOps, AddAndMultiplyAsTheReference) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 8; ++round) {
    Addition p;
    p.zeroPointA = int32_t(random() % 256) - 128;
    p.zeroPointB = int32_t(random() % 256) - 128;
    p.zeroPoint = int32_t(random() % 256) - 128;
    p.factorA = fixedPoint(0.5);
    p.factorB = fixedPoint(0.1 + double(random() % 400) / 1000);
    p.factor =
        fixedPoint(std::ldexp(0.5 + double(random() % 1000) / 2000, -18));
    p.subtract = round % 2;
    p.rounding = round % 4 < 2 ? Rounding::twice : Rounding::once;
    Requantization r;
    r.factors = {fixedPoint(0.001 + double(random() % 1000) / 100000)};
    r.zeroPoint = p.zeroPoint;
    r.rounding = p.rounding;
    std::vector<int64_t> a, b, sums, products;
    for (int i = 0; i < 512; ++i) {
      a.push_back(int8_t(random()));
      b.push_back(int8_t(random()));
      sums.push_back(p.apply(int32_t(a[i]), int32_t(b[i])));
      products.push_back(
          r.apply(int32_t((a[i] - p.zeroPointA) * (b[i] - p.zeroPointB)), 0));
    }
    auto text = [](int64_t value) { return std::to_string(value) + " : i64"; };
    std::string rounding = p.rounding == Rounding::twice ? "twice" : "once";
    std::string ends =
        ", zero_point_a = " + text(p.zeroPointA) +
        ", zero_point_b = " + text(p.zeroPointB) +
        ", zero_point = " + text(p.zeroPoint) +
        ", low = -128 : i64, high = 127 : i64, rounding = #nn<rounding " +
        rounding + ">" + (p.subtract ? ", subtract" : "") +
        "} : (tensor<512xi8>, tensor<512xi8>) -> tensor<512xi8>\n";
    std::string constants = constantOf("a", a, "i8") + constantOf("b", b, "i8");
    std::string add = constants +
                      "  %y = nn.quantized_add %a, %b {left_shift = 20 : i64, "
                      "multiplier_a = " +
                      text(p.factorA.multiplier) +
                      ", shift_a = " + text(p.factorA.shift) +
                      ", multiplier_b = " + text(p.factorB.multiplier) +
                      ", shift_b = " + text(p.factorB.shift) +
                      ", multiplier = " + text(p.factor.multiplier) +
                      ", shift = " + text(p.factor.shift) + ends;
    EXPECT_EQ(signedBytes(evaluate(mainOf(add, "tensor<512xi8>"))), sums);
    if (p.subtract)
      continue;
    std::string mul = constants +
                      "  %y = nn.quantized_mul %a, %b {multiplier = " +
                      text(r.factors[0].multiplier) +
                      ", shift = " + text(r.factors[0].shift) + ends;
    EXPECT_EQ(signedBytes(evaluate(mainOf(mul, "tensor<512xi8>"))), products);
  }
}

TEST(QuantizedOps, SoftmaxAsTheReference) {
  std::mt19937_64 random(3);
  for (double scale : {0.01, 0.07, 0.3, 1.5}) {
    SoftmaxProblem p;
    p.rows = 4;
    p.length = 17;
    SoftmaxInput input = softmaxInput(scale);
    p.factor = input.factor;
    p.smallestDifference = input.smallestDifference;
    std::vector<char> x;
    for (int i = 0; i < 4 * 17; ++i)
      x.push_back(char(random()));
    auto table = softmaxExponentials(p.factor, p.smallestDifference);
    std::string body =
        constantOf("flat", signedBytes(x), "i8") +
        constantOf("t", {table.begin(), table.end()}, "i32") +
        "  %x = nn.reshape %flat : (tensor<68xi8>) -> tensor<4x17xi8>\n"
        "  %y = nn.quantized_softmax %x, %t {axis = 1 : i64, multiplier = " +
        std::to_string(p.factor.multiplier) +
        " : i64, shift = " + std::to_string(p.factor.shift) +
        " : i64, smallest_difference = " +
        std::to_string(p.smallestDifference) +
        " : i64} : (tensor<4x17xi8>, tensor<256xi32>) -> tensor<4x17xi8>\n";
    EXPECT_EQ(evaluate(mainOf(body, "tensor<4x17xi8>")),
              computeReference(p, {x}));
  }
}

TEST(QuantizedOps, ConvolutionWithBorderAsTheReference) {
  std::mt19937_64 random(4);
  ConvolutionProblem p;
  p.inputHeight = 5, p.inputWidth = 6, p.inputChannels = 4;
  p.outputHeight = 3, p.outputWidth = 3, p.outputChannels = 6;
  p.kernelHeight = 3, p.kernelWidth = 3;
  p.strideHeight = 2, p.strideWidth = 2;
  p.padTop = 1, p.padLeft = 1;
  p.groups = 2;
  p.inputZeroPoint = -13;
  std::vector<char> x;
  std::vector<int64_t> filter, bias, multipliers, shifts;
  for (int i = 0; i < 5 * 6 * 4; ++i)
    x.push_back(char(random()));
  for (int i = 0; i < 6 * 9 * 2; ++i)
    p.weights.push_back(int8_t(random()));
  // [O, KH, KW, I] of the problem is [KH, KW, I, O] of the operation.
  for (int tap = 0; tap < 9; ++tap)
    for (int i = 0; i < 2; ++i)
      for (int o = 0; o < 6; ++o)
        filter.push_back(p.weights[size_t((o * 9 + tap) * 2 + i)]);
  for (int o = 0; o < 6; ++o) {
    p.bias.push_back(int64_t(random() % 4000) - 2000);
    p.requantization.factors.push_back(fixedPoint(0.0005 + 0.0003 * o));
    multipliers.push_back(p.requantization.factors.back().multiplier);
    shifts.push_back(p.requantization.factors.back().shift);
  }
  std::string body =
      constantOf("flat", signedBytes(x), "i8") +
      constantOf("taps", filter, "i8") + constantOf("b", p.bias, "i32") +
      constantOf("m", multipliers, "i32") + constantOf("s", shifts, "i32") +
      "  %x = nn.reshape %flat : (tensor<120xi8>) -> tensor<1x5x6x4xi8>\n"
      "  %w = nn.reshape %taps : (tensor<108xi8>) -> tensor<3x3x2x6xi8>\n"
      "  %a = nn.conv %x, %w, %b {strides = array<i64: 2, 2>, dilations = "
      "array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 0>, group = 2 : i64, "
      "layout = #nn<layout channels_last>, pad_value = -13 : i64} : "
      "(tensor<1x5x6x4xi8>, tensor<3x3x2x6xi8>, tensor<6xi32>) -> "
      "tensor<1x3x3x6xi32>\n"
      "  %y = nn.requantize %a, %m, %s {axis = 3 : i64, zero_point = 0 : i64, "
      "low = -128 : i64, high = 127 : i64, rounding = #nn<rounding twice>} : "
      "(tensor<1x3x3x6xi32>, tensor<6xi32>, tensor<6xi32>) -> "
      "tensor<1x3x3x6xi8>\n";
  EXPECT_EQ(evaluate(mainOf(body, "tensor<1x3x3x6xi8>")),
            computeReference(p, {x}));
}

TEST(QuantizedOps, AveragePoolAsTheReference) {
  std::mt19937_64 random(5);
  PoolProblem p;
  p.inputHeight = 5, p.inputWidth = 5, p.channels = 3;
  p.outputHeight = 3, p.outputWidth = 3;
  p.windowHeight = 3, p.windowWidth = 3;
  p.strideHeight = 2, p.strideWidth = 2;
  p.padTop = 1, p.padLeft = 1;
  std::vector<char> x;
  for (int i = 0; i < 75; ++i)
    x.push_back(char(random()));
  std::string body =
      constantOf("flat", signedBytes(x), "i8") +
      "  %x = nn.reshape %flat : (tensor<75xi8>) -> tensor<1x5x5x3xi8>\n"
      "  %y = nn.pool %x {kind = #nn<pool_kind average>, window = array<i64: "
      "3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = "
      "array<i64: 1, 1, 1, 1>, layout = #nn<layout channels_last>} : "
      "(tensor<1x5x5x3xi8>) -> tensor<1x3x3x3xi8>\n";
  EXPECT_EQ(evaluate(mainOf(body, "tensor<1x3x3x3xi8>")),
            computeReference(p, {x}));
}
