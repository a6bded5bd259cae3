//===- Recurrent.cpp - RNN, GRU and LSTM -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {

/// What differs between the three operators.
struct CellTraits {
  nn::CellKind kind;
  int64_t gates;
  ArrayRef<StringLiteral> activations; // by default, in lower case
};

} // namespace

static constexpr StringLiteral rnnActivations[] = {"tanh"};
static constexpr StringLiteral gruActivations[] = {"sigmoid", "tanh"};
static constexpr StringLiteral lstmActivations[] = {"sigmoid", "tanh", "tanh"};

/// How many of alpha and beta an activation takes; nothing for a name that
/// ONNX does not know.
static std::optional<int> activationParameters(StringRef name) {
  return llvm::StringSwitch<std::optional<int>>(name)
      .Cases({"relu", "tanh", "sigmoid", "softsign", "softplus"}, 0)
      .Cases({"leakyrelu", "thresholdedrelu", "elu"}, 1)
      .Cases({"affine", "scaledtanh", "hardsigmoid"}, 2)
      .Default(std::nullopt);
}

static LogicalResult recurrent(NodeLowering &n, CellTraits traits) {
  bool isLstm = traits.kind == nn::CellKind::lstm;
  bool batchFirst = n.attrInt("layout", 0) != 0;
  if (n.rank(0) != 3 || n.rank(1) != 3 || n.rank(2) != 3)
    return n.fail("X, W and R need 3 dimensions");
  int64_t directions = n.shape(2)[0], hidden = n.shape(2)[2],
          rows = traits.gates * hidden;
  int64_t steps = n.shape(0)[batchFirst ? 1 : 0],
          batch = n.shape(0)[batchFirst ? 0 : 1], width = n.shape(0)[2];
  std::string direction = n.attrString("direction", "forward");
  bool known = direction == "forward" || direction == "reverse" ||
               direction == "bidirectional";
  if (!known || directions != (direction == "bidirectional" ? 2 : 1))
    return n.fail("direction is '" + direction + "', but R is made for " +
                  Twine(directions) + " directions");
  if (n.shape(2)[1] != rows || n.shape(1)[0] != directions ||
      n.shape(1)[1] != rows || n.shape(1)[2] != width ||
      n.attrInt("hidden_size", hidden) != hidden)
    return n.fail("the shapes of X, W and R, and hidden_size, do not agree");
  auto expect = [&](size_t i, ArrayRef<int64_t> shape, StringRef name) {
    if (!n.has(i) || n.shape(i) == shape)
      return success();
    return n.fail(Twine(name) + " has an unexpected shape");
  };
  SmallVector<int64_t> state{directions, batch, hidden};
  if (batchFirst)
    state = {batch, directions, hidden};
  if (failed(expect(3, {directions, 2 * rows}, "B")) ||
      failed(expect(4, {batch}, "sequence_lens")) ||
      failed(expect(5, state, "initial_h")) ||
      (isLstm && (failed(expect(6, state, "initial_c")) ||
                  failed(expect(7, {directions, 3 * hidden}, "P")))))
    return failure();

  size_t each = traits.activations.size();
  SmallVector<std::string> names;
  if (auto given = n.attrStrings("activations")) {
    for (std::string &name : *given)
      names.push_back(StringRef(name).lower());
  } else {
    for (int64_t d = 0; d < directions; ++d)
      for (StringRef name : traits.activations)
        names.push_back(name.str());
  }
  if (names.size() != each * directions)
    return n.fail("activations needs " + Twine(each * directions) +
                  " names, found " + Twine(names.size()));
  // alpha and beta are consumed by the activations that take them.
  auto alphas =
      n.attrFloats("activation_alpha").value_or(SmallVector<double>());
  auto betas = n.attrFloats("activation_beta").value_or(SmallVector<double>());
  double absent = std::numeric_limits<double>::quiet_NaN();
  SmallVector<double> alphaOf, betaOf;
  size_t nextAlpha = 0, nextBeta = 0;
  for (StringRef name : names) {
    auto count = activationParameters(name);
    if (!count)
      return n.fail("the activation '" + name + "' is not one of ONNX's");
    bool takesAlpha = *count > 0 && nextAlpha < alphas.size();
    bool takesBeta = *count > 1 && nextBeta < betas.size();
    alphaOf.push_back(takesAlpha ? alphas[nextAlpha++] : absent);
    betaOf.push_back(takesBeta ? betas[nextBeta++] : absent);
  }

  Type type = n.element(0);
  Value x = n.in(0);
  if (batchFirst)
    x = n.transpose(x, {1, 0, 2});
  Value lengths = n.has(4) ? n.in(4) : Value();
  if (lengths)
    if (auto given = n.ints(4);
        given && llvm::all_of(*given, [&](int64_t l) { return l == steps; }))
      lengths = nullptr;
  // The part of a direction, with the direction's dimension left away.
  auto part = [&](size_t i, int64_t d, size_t axis = 0) {
    if (!n.has(i))
      return Value();
    SmallVector<int64_t> sizes(n.shape(i)), starts(sizes.size(), 0);
    starts[axis] = d;
    sizes[axis] = 1;
    Value slice = n.slice(n.in(i), starts, sizes);
    sizes.erase(sizes.begin() + axis);
    return n.reshape(slice, sizes);
  };
  auto sequence = RankedTensorType::get({steps, batch, hidden}, type);
  auto final = RankedTensorType::get({batch, hidden}, type);
  SmallVector<Type> types{sequence, final};
  if (isLstm)
    types.push_back(final);
  SmallVector<Value> collected[3];
  size_t stateAxis = batchFirst ? 1 : 0;
  for (int64_t d = 0; d < directions; ++d) {
    SmallVector<StringRef> own(names.begin() + d * each,
                               names.begin() + (d + 1) * each);
    auto cell = n.make<nn::RecurrentOp>(
        types, x, part(1, d), part(2, d), part(3, d), lengths,
        part(5, d, stateAxis), isLstm ? part(6, d, stateAxis) : Value(),
        isLstm ? part(7, d) : Value(), traits.kind,
        direction == "reverse" || d == 1, n.b.getStrArrayAttr(own),
        ArrayRef(alphaOf).slice(d * each, each),
        ArrayRef(betaOf).slice(d * each, each),
        llvm::APFloat(n.attrFloat("clip", 0)),
        n.attrInt("linear_before_reset", 0) != 0,
        n.attrInt("input_forget", 0) != 0);
    // y [steps, directions, batch, hidden], states [directions, batch, hidden],
    // or with layout 1 [batch, steps, directions, hidden] and [batch, ...].
    Value y = cell.getOutputs()[0];
    if (batchFirst)
      y = n.reshape(n.transpose(y, {1, 0, 2}), {batch, steps, 1, hidden});
    else
      y = n.reshape(y, {steps, 1, batch, hidden});
    collected[0].push_back(y);
    SmallVector<int64_t> shape{1, batch, hidden};
    if (batchFirst)
      shape = {batch, 1, hidden};
    for (size_t k = 1; k < types.size(); ++k)
      collected[k].push_back(n.reshape(cell.getOutputs()[k], shape));
  }
  for (size_t k = 0; k < types.size(); ++k)
    n.set(k, n.concat(collected[k],
                      k == 0 ? (batchFirst ? 2 : 1) : int64_t(stateAxis)));
  return success();
}

static LogicalResult rnn(NodeLowering &n) {
  return recurrent(n, {nn::CellKind::rnn, 1, rnnActivations});
}
static LogicalResult gru(NodeLowering &n) {
  return recurrent(n, {nn::CellKind::gru, 3, gruActivations});
}
static LogicalResult lstm(NodeLowering &n) {
  return recurrent(n, {nn::CellKind::lstm, 4, lstmActivations});
}

static const OpLowering lowerings[] = {
    {"", "GRU", 7, 99, gru},
    {"", "LSTM", 7, 99, lstm},
    {"", "RNN", 7, 99, rnn},
};

Family adze::import::recurrentFamily() { return lowerings; }
