//===- KernelProblem.cpp - A kernel of integers as plain data ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/schedule/KernelProblem.h"

#include "dialects/nn/nn.h"
#include "passes/graph/ConstantEvaluation.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using adze::lower::shapeOf;

namespace {

class ProblemReader {
public:
  ProblemReader(kernel::FuncOp kernel, kernel::CallOp call)
      : kernel(kernel), call(call) {}

  std::optional<KernelProblem> read();

private:
  /// The constant behind a value of the body: in the body itself, or what the
  /// call hands in.
  TypedAttr constant(Value value);
  std::optional<std::vector<int64_t>> integers(Value value);
  /// The argument of the kernel that `value` is, if it is one and no constant.
  std::optional<unsigned> input(Value value);

  bool readConvolution(nn::ConvOp conv, ConvolutionProblem &p);
  bool readMatmul(nn::MatmulOp matmul, ConvolutionProblem &p);
  bool readRequantize(nn::RequantizeOp op, int64_t channels, Requantization &r);
  bool readBias(Value bias, int64_t channels, ConvolutionProblem &p);
  bool readPool(nn::PoolOp pool, PoolProblem &p);
  static Addition additionOf(nn::QuantizedAddOp op);
  static Rounding roundingOf(nn::Rounding rounding) {
    return rounding == nn::Rounding::once ? Rounding::once : Rounding::twice;
  }
  std::optional<QuantizedType> typeOf(Value value) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    if (element.isInteger(8))
      return QuantizedType::int8;
    if (element.isInteger(16))
      return QuantizedType::int16;
    return std::nullopt;
  }

  kernel::FuncOp kernel;
  kernel::CallOp call;
  KernelProblem result;
};

} // namespace

TypedAttr ProblemReader::constant(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    value = call.getInputs()[argument.getArgNumber()];
  if (auto op = value.getDefiningOp<adze::ConstantOp>())
    return op.getValue();
  if (auto op = value.getDefiningOp<arith::ConstantOp>())
    return op.getValue();
  return nullptr;
}

std::optional<std::vector<int64_t>> ProblemReader::integers(Value value) {
  TypedAttr attribute = constant(value);
  if (!attribute)
    return std::nullopt;
  auto type = cast<RankedTensorType>(attribute.getType());
  unsigned bits =
      type.getElementType().isInteger() ? type.getElementTypeBitWidth() : 0;
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
    return std::nullopt;
  std::vector<char> held;
  ArrayRef<char> bytes;
  if (auto weight = dyn_cast<WeightAttr>(attribute)) {
    bytes = WeightStore::get(kernel.getContext()).bytes(weight.getName());
  } else if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    held = adze::bytesOf(dense);
    bytes = held;
  } else {
    return std::nullopt;
  }
  std::vector<int64_t> values;
  unsigned unit = bits / 8;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    uint64_t raw = 0;
    std::memcpy(&raw, bytes.data() + i * unit, unit);
    values.push_back(llvm::SignExtend64(raw, bits));
  }
  return values;
}

std::optional<unsigned> ProblemReader::input(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || constant(value))
    return std::nullopt;
  return argument.getArgNumber();
}

bool ProblemReader::readRequantize(nn::RequantizeOp op, int64_t channels,
                                   Requantization &r) {
  auto multipliers = integers(op.getMultiplier());
  auto shifts = integers(op.getShift());
  int64_t rank = shapeOf(op.getInput()).size();
  if (!multipliers || !shifts || multipliers->size() != shifts->size() ||
      (multipliers->size() != 1 && int64_t(multipliers->size()) != channels) ||
      (multipliers->size() != 1 && int64_t(op.getAxis()) != rank - 1))
    return false;
  for (auto [multiplier, shift] : llvm::zip(*multipliers, *shifts))
    r.factors.push_back({int32_t(multiplier), int32_t(shift)});
  r.zeroPoint = int32_t(op.getZeroPoint());
  r.low = int32_t(op.getLow());
  r.high = int32_t(op.getHigh());
  r.rounding = roundingOf(op.getRounding());
  return true;
}

bool ProblemReader::readBias(Value bias, int64_t channels,
                             ConvolutionProblem &p) {
  p.bias.assign(channels, 0);
  if (!bias)
    return true;
  auto values = integers(bias);
  if (!values || (values->size() != 1 && int64_t(values->size()) != channels))
    return false;
  for (int64_t o = 0; o < channels; ++o)
    p.bias[o] = (*values)[values->size() == 1 ? 0 : o];
  return true;
}

bool ProblemReader::readConvolution(nn::ConvOp conv, ConvolutionProblem &p) {
  ArrayRef<int64_t> in = shapeOf(conv.getInput()),
                    out = shapeOf(conv.getOutput()),
                    filter = shapeOf(conv.getFilter());
  if (conv.getLayout() != nn::Layout::channels_last || in.size() < 3 ||
      in.size() > 4)
    return false;
  auto type = typeOf(conv.getInput());
  auto weights = integers(conv.getFilter());
  if (!type || !weights ||
      !cast<RankedTensorType>(conv.getFilter().getType())
           .getElementType()
           .isInteger(8))
    return false;
  p.type = *type;
  bool flat = in.size() == 3; // one spatial dimension is a row
  size_t last = flat ? 0 : 1;
  p.batch = in[0];
  p.inputHeight = flat ? 1 : in[1];
  p.inputWidth = in[1 + last];
  p.inputChannels = in[2 + last];
  p.outputHeight = flat ? 1 : out[1];
  p.outputWidth = out[1 + last];
  p.outputChannels = out[2 + last];
  p.kernelHeight = flat ? 1 : filter[0];
  p.kernelWidth = filter[last];
  p.strideHeight = flat ? 1 : conv.getStrides()[0];
  p.strideWidth = conv.getStrides()[last];
  p.dilationHeight = flat ? 1 : conv.getDilations()[0];
  p.dilationWidth = conv.getDilations()[last];
  p.padTop = flat ? 0 : conv.getPads()[0];
  p.padLeft = conv.getPads()[last];
  p.groups = conv.getGroup();
  p.inputZeroPoint = int32_t(conv.getPadValue());
  // [KH, KW, I / groups, O] to [O, KH, KW, I / groups].
  int64_t depth = p.kernelHeight * p.kernelWidth * p.groupInputs();
  if (int64_t(weights->size()) != depth * p.outputChannels)
    return false;
  p.weights.resize(weights->size());
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t o = 0; o < p.outputChannels; ++o)
      p.weights[o * depth + k] = int8_t((*weights)[k * p.outputChannels + o]);
  return readBias(conv.getBias(), p.outputChannels, p);
}

bool ProblemReader::readMatmul(nn::MatmulOp matmul, ConvolutionProblem &p) {
  ArrayRef<int64_t> a = shapeOf(matmul.getA()), b = shapeOf(matmul.getB()),
                    out = shapeOf(matmul.getOutput());
  auto type = typeOf(matmul.getA());
  auto weights = integers(matmul.getB());
  if (!type || !weights || matmul.getTransA() || b.size() < 2 ||
      !cast<RankedTensorType>(matmul.getB().getType())
           .getElementType()
           .isInteger(8))
    return false;
  int64_t rows = 1, n = out.back(), k = a.back();
  for (int64_t size : out.drop_back())
    rows *= size;
  if (int64_t(weights->size()) != n * k) // a matrix for each batch
    return false;
  p.type = *type;
  p.inputWidth = p.outputWidth = rows;
  p.inputChannels = k;
  p.outputChannels = n;
  p.weights.resize(weights->size());
  for (int64_t i = 0; i < k; ++i)
    for (int64_t o = 0; o < n; ++o)
      p.weights[o * k + i] =
          int8_t((*weights)[matmul.getTransB() ? o * k + i : i * n + o]);
  return readBias(matmul.getBias(), n, p);
}

Addition ProblemReader::additionOf(nn::QuantizedAddOp op) {
  Addition a;
  a.zeroPointA = int32_t(op.getZeroPointA());
  a.zeroPointB = int32_t(op.getZeroPointB());
  a.factorA = {int32_t(op.getMultiplierA()), int32_t(op.getShiftA())};
  a.factorB = {int32_t(op.getMultiplierB()), int32_t(op.getShiftB())};
  a.factor = {int32_t(op.getMultiplier()), int32_t(op.getShift())};
  a.leftShift = int32_t(op.getLeftShift());
  a.zeroPoint = int32_t(op.getZeroPoint());
  a.low = int32_t(op.getLow());
  a.high = int32_t(op.getHigh());
  a.subtract = op.getSubtract();
  a.rounding = roundingOf(op.getRounding());
  return a;
}

bool ProblemReader::readPool(nn::PoolOp pool, PoolProblem &p) {
  ArrayRef<int64_t> in = shapeOf(pool.getInput());
  auto type = typeOf(pool.getInput());
  if (pool.getNumResults() != 1 || !type || in.size() < 3 || in.size() > 4 ||
      pool.getLayout() != nn::Layout::channels_last || pool.getIsUnsigned() ||
      pool.getInput().getType().getElementType() !=
          cast<RankedTensorType>(pool.getOutputs()[0].getType())
              .getElementType())
    return false;
  bool average = pool.getKind() == nn::PoolKind::average;
  if (!average && pool.getKind() != nn::PoolKind::max)
    return false;
  auto isOne = [](int64_t value) { return value == 1; };
  auto isZero = [](int64_t value) { return value == 0; };
  if (!llvm::all_of(pool.getDilations(), isOne) ||
      (average && pool.getCountIncludePad() &&
       !llvm::all_of(pool.getPads(), isZero)))
    return false;
  ArrayRef<int64_t> out = shapeOf(pool.getOutputs()[0]);
  bool flat = in.size() == 3;
  size_t last = flat ? 0 : 1;
  p.kind = average ? PoolProblem::Kind::average : PoolProblem::Kind::maximum;
  p.type = *type;
  p.batch = in[0];
  p.inputHeight = flat ? 1 : in[1];
  p.inputWidth = in[1 + last];
  p.channels = in[2 + last];
  p.outputHeight = flat ? 1 : out[1];
  p.outputWidth = out[1 + last];
  p.windowHeight = flat ? 1 : pool.getWindow()[0];
  p.windowWidth = pool.getWindow()[last];
  p.strideHeight = flat ? 1 : pool.getStrides()[0];
  p.strideWidth = pool.getStrides()[last];
  p.padTop = flat ? 0 : pool.getPads()[0];
  p.padLeft = pool.getPads()[last];
  if (p.type == QuantizedType::int16) {
    p.low = -32768;
    p.high = 32767;
  }
  return true;
}

std::optional<KernelProblem> ProblemReader::read() {
  if (kernel.isExternal() || call.getNumResults() != 1)
    return std::nullopt;
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!isa<adze::ConstantOp, arith::ConstantOp>(op))
      ops.push_back(&op);
  if (ops.empty())
    return std::nullopt;
  Value returned = kernel.getBody().front().getTerminator()->getOperand(0);
  if (returned != ops.back()->getResult(0))
    return std::nullopt;
  auto addInput = [&](Value value) {
    auto index = input(value);
    if (index)
      result.inputs.push_back(*index);
    return index.has_value();
  };

  if (isa<nn::ConvOp, nn::MatmulOp>(ops[0])) {
    ConvolutionProblem p;
    auto conv = dyn_cast<nn::ConvOp>(ops[0]);
    bool known = conv ? readConvolution(conv, p)
                      : readMatmul(cast<nn::MatmulOp>(ops[0]), p);
    if (!known || ops.size() < 2 || ops.size() > 3 ||
        !addInput(ops[0]->getOperand(0)))
      return std::nullopt;
    auto requantize = dyn_cast<nn::RequantizeOp>(ops[1]);
    if (!requantize || requantize.getInput() != ops[0]->getResult(0) ||
        !readRequantize(requantize, p.outputChannels, p.requantization) ||
        typeOf(requantize.getOutput()) != p.type)
      return std::nullopt;
    if (ops.size() == 3) {
      auto add = dyn_cast<nn::QuantizedAddOp>(ops[2]);
      if (!add)
        return std::nullopt;
      Addition addition = additionOf(add);
      Value other = add.getB();
      if (add.getB() == requantize.getOutput()) {
        // The sum is symmetric; a difference is not.
        if (addition.subtract)
          return std::nullopt;
        std::swap(addition.zeroPointA, addition.zeroPointB);
        std::swap(addition.factorA, addition.factorB);
        other = add.getA();
      }
      if (!addInput(other))
        return std::nullopt;
      p.residual = addition;
    }
    result.problem = std::move(p);
    return result;
  }
  if (ops.size() != 1)
    return std::nullopt;
  int64_t elements =
      cast<RankedTensorType>(returned.getType()).getNumElements();
  if (auto add = dyn_cast<nn::QuantizedAddOp>(ops[0])) {
    auto type = typeOf(add.getA());
    if (!type || !addInput(add.getA()) || !addInput(add.getB()))
      return std::nullopt;
    AdditionProblem p;
    p.type = *type;
    p.elements = elements;
    p.addition = additionOf(add);
    result.problem = p;
    return result;
  }
  if (auto mul = dyn_cast<nn::QuantizedMulOp>(ops[0])) {
    auto type = typeOf(mul.getA());
    if (!type || !addInput(mul.getA()) || !addInput(mul.getB()))
      return std::nullopt;
    MultiplicationProblem p;
    p.type = *type;
    p.elements = elements;
    p.zeroPointA = int32_t(mul.getZeroPointA());
    p.zeroPointB = int32_t(mul.getZeroPointB());
    p.requantization.factors = {
        {int32_t(mul.getMultiplier()), int32_t(mul.getShift())}};
    p.requantization.zeroPoint = int32_t(mul.getZeroPoint());
    p.requantization.low = int32_t(mul.getLow());
    p.requantization.high = int32_t(mul.getHigh());
    p.requantization.rounding = roundingOf(mul.getRounding());
    result.problem = p;
    return result;
  }
  if (auto pool = dyn_cast<nn::PoolOp>(ops[0])) {
    PoolProblem p;
    if (!readPool(pool, p) || !addInput(pool.getInput()))
      return std::nullopt;
    result.problem = p;
    return result;
  }
  if (auto lookup = dyn_cast<nn::LookupOp>(ops[0])) {
    auto table = integers(lookup.getTable());
    if (!table || table->size() != 256 ||
        typeOf(returned) != QuantizedType::int8 || !addInput(lookup.getInput()))
      return std::nullopt;
    LookupProblem p;
    p.elements = elements;
    p.table.assign(table->begin(), table->end());
    result.problem = std::move(p);
    return result;
  }
  if (auto softmax = dyn_cast<nn::QuantizedSoftmaxOp>(ops[0])) {
    ArrayRef<int64_t> shape = shapeOf(softmax.getInput());
    if (int64_t(softmax.getAxis()) != int64_t(shape.size()) - 1 ||
        typeOf(returned) != QuantizedType::int8 ||
        !addInput(softmax.getInput()))
      return std::nullopt;
    SoftmaxProblem p;
    p.length = shape.back();
    p.rows = p.length ? elements / p.length : 0;
    p.factor = {int32_t(softmax.getMultiplier()), int32_t(softmax.getShift())};
    p.smallestDifference = int32_t(softmax.getSmallestDifference());
    result.problem = p;
    return result;
  }
  return std::nullopt;
}

std::optional<KernelProblem> adze::readKernelProblem(kernel::FuncOp kernel,
                                                     kernel::CallOp call) {
  return ProblemReader(kernel, call).read();
}

std::pair<ConvolutionProblem, AdditionProblem>
adze::splitResidual(const ConvolutionProblem &problem) {
  AdditionProblem addition;
  addition.type = problem.type;
  addition.elements = problem.outputElements();
  addition.addition = *problem.residual;
  ConvolutionProblem convolution = problem;
  convolution.residual.reset();
  return {std::move(convolution), addition};
}
