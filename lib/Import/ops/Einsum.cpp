//===- Einsum.cpp - Sums of products by index labels -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Two operands whose labels are batch, row, column and inner ones become a
/// matrix product between transpositions; anything else is one nest of loops.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Elementwise.h"
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {

/// Labels are characters; the dimensions of an ellipsis count down from -1 at
/// the right.
using Labels = SmallVector<int>;

struct Equation {
  SmallVector<Labels> inputs;
  Labels output;
  llvm::DenseMap<int, int64_t> sizes;
};

} // namespace

static LogicalResult parseLabels(NodeLowering &n, StringRef text,
                                 int64_t ellipsis, Labels &labels) {
  bool seen = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("...")) {
      if (seen)
        return n.fail("the equation has two ellipses in one term");
      seen = true;
      for (int64_t k = ellipsis; k > 0; --k)
        labels.push_back(-int(k));
      i += 2;
      continue;
    }
    if (!llvm::isAlpha(text[i]))
      return n.fail("the equation has the character '" + Twine(text[i]) +
                    "', expected letters and '...'");
    labels.push_back(text[i]);
  }
  return success();
}

static LogicalResult parseEquation(NodeLowering &n, Equation &equation) {
  std::string text = n.attrString("equation", "");
  llvm::erase(text, ' ');
  auto [left, right] = StringRef(text).split("->");
  bool isExplicit = StringRef(text).contains("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != n.numInputs())
    return n.fail("the equation has " + Twine(terms.size()) + " terms for " +
                  Twine(n.numInputs()) + " inputs");
  int64_t widest = 0;
  for (auto [i, term] : llvm::enumerate(terms)) {
    int64_t named = llvm::count_if(term, [](char c) { return c != '.'; });
    int64_t free = n.rank(i) - named;
    if (free < 0 || (free > 0 && !term.contains("...")))
      return n.fail("term " + Twine(i) + " of the equation has " +
                    Twine(named) + " labels, the input " + Twine(n.rank(i)) +
                    " dimensions");
    Labels labels;
    if (failed(parseLabels(n, term, free, labels)))
      return failure();
    for (auto [label, size] : llvm::zip(labels, n.shape(i))) {
      int64_t &known = equation.sizes.try_emplace(label, 1).first->second;
      if (known == 1)
        known = size;
      else if (size != 1 && size != known)
        return n.fail("a label of the equation stands for " + Twine(known) +
                      " and " + Twine(size) + " elements");
    }
    widest = std::max(widest, free);
    equation.inputs.push_back(labels);
  }
  if (isExplicit) {
    if (failed(parseLabels(n, right, widest, equation.output)))
      return failure();
    for (auto [i, label] : llvm::enumerate(equation.output))
      if (!equation.sizes.count(label) ||
          llvm::is_contained(ArrayRef(equation.output).take_front(i), label))
        return n.fail("the right side of the equation has a label twice or "
                      "one that the left side lacks");
    return success();
  }
  // Implicit: the ellipsis, then the labels that occur once, in order.
  for (int64_t k = widest; k > 0; --k)
    equation.output.push_back(-int(k));
  llvm::DenseMap<int, int> count;
  for (const Labels &labels : equation.inputs)
    for (int label : labels)
      ++count[label];
  Labels once;
  for (auto [label, times] : count)
    if (label > 0 && times == 1)
      once.push_back(label);
  llvm::sort(once);
  llvm::append_range(equation.output, once);
  return success();
}

static Type accumulatorOf(NodeLowering &n) {
  Type type = n.element(0);
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32)
    return n.b.getF32Type();
  return type;
}

static TypedAttr zeroOf(NodeLowering &n, Type type) {
  if (isa<FloatType>(type))
    return n.b.getFloatAttr(type, 0);
  return n.b.getIntegerAttr(type, 0);
}

static SmallVector<int64_t> sizesOf(const Equation &equation,
                                    ArrayRef<int> labels) {
  SmallVector<int64_t> sizes;
  for (int label : labels)
    sizes.push_back(equation.sizes.lookup(label));
  return sizes;
}

/// One nest over all labels.
static Value asNest(NodeLowering &n, const Equation &equation) {
  MLIRContext *context = n.b.getContext();
  Labels loops(equation.output);
  for (const Labels &labels : equation.inputs)
    for (int label : labels)
      if (!llvm::is_contained(loops, label))
        loops.push_back(label);
  auto dim = [&](int label) {
    return getAffineDimExpr(llvm::find(loops, label) - loops.begin(), context);
  };
  Type inner = accumulatorOf(n);
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (auto [i, labels] : llvm::enumerate(equation.inputs)) {
    // Dimensions of size 1 that are repeated are left away.
    SmallVector<AffineExpr> exprs;
    SmallVector<int64_t> kept;
    for (auto [label, size] : llvm::zip(labels, n.shape(i))) {
      if (size == 1 && equation.sizes.lookup(label) != 1)
        continue;
      exprs.push_back(dim(label));
      kept.push_back(size);
    }
    operands.push_back(n.reshape(n.in(i), kept));
    maps.push_back(AffineMap::get(loops.size(), 0, exprs, context));
  }
  SmallVector<AffineExpr> results;
  for (int label : equation.output)
    results.push_back(dim(label));
  maps.push_back(AffineMap::get(loops.size(), 0, results, context));
  SmallVector<utils::IteratorType> kinds(loops.size(),
                                         utils::IteratorType::reduction);
  std::fill(kinds.begin(), kinds.begin() + equation.output.size(),
            utils::IteratorType::parallel);
  Value zero = n.make<arith::ConstantOp>(zeroOf(n, inner));
  Value empty =
      n.make<tensor::EmptyOp>(sizesOf(equation, equation.output), inner);
  Value start =
      n.make<linalg::FillOp>(ValueRange{zero}, ValueRange{empty}).getResult(0);
  auto generic = n.make<linalg::GenericOp>(
      TypeRange{start.getType()}, operands, ValueRange{start}, maps, kinds,
      [&](OpBuilder &b, Location loc, ValueRange arguments) {
        Scalars s(b, loc);
        Value product;
        for (Value x : arguments.drop_back()) {
          x = castScalar(b, loc, x, inner, false, false);
          product = product ? s.mul(product, x) : x;
        }
        Value sum =
            isa<FloatType>(inner) && operands.size() == 2
                ? s.make<math::FmaOp>(
                      castScalar(b, loc, arguments[0], inner, false, false),
                      castScalar(b, loc, arguments[1], inner, false, false),
                      arguments.back())
                : s.add(arguments.back(), product);
        linalg::YieldOp::create(b, loc, sum);
      });
  return n.cast(generic.getResult(0), n.element(0));
}

/// Transposes `value` from the order of `from` to that of `to`.
static Value ordered(NodeLowering &n, Value value, ArrayRef<int> from,
                     ArrayRef<int> to) {
  SmallVector<int64_t> perm;
  for (int label : to)
    perm.push_back(llvm::find(from, label) - from.begin());
  return n.transpose(value, perm);
}

/// A matrix product, if the labels are of the kinds that one has; else null.
static Value asProduct(NodeLowering &n, const Equation &equation) {
  if (equation.inputs.size() != 2)
    return nullptr;
  const Labels &a = equation.inputs[0], &b = equation.inputs[1];
  for (size_t i = 0; i < 2; ++i) {
    const Labels &labels = equation.inputs[i];
    for (size_t k = 0; k < labels.size(); ++k)
      if (llvm::is_contained(ArrayRef(labels).take_front(k), labels[k]) ||
          n.shape(i)[k] != equation.sizes.lookup(labels[k]))
        return nullptr;
  }
  Labels batch, rows, columns, inner;
  for (int label : a) {
    bool other = llvm::is_contained(b, label),
         kept = llvm::is_contained(equation.output, label);
    if (!other && !kept)
      return nullptr;
    (other ? (kept ? batch : inner) : rows).push_back(label);
  }
  for (int label : b) {
    if (llvm::is_contained(a, label))
      continue;
    if (!llvm::is_contained(equation.output, label))
      return nullptr;
    columns.push_back(label);
  }
  if (inner.empty() || rows.empty() || columns.empty())
    return nullptr;
  auto joined = [](std::initializer_list<const Labels *> lists) {
    Labels all;
    for (const Labels *list : lists)
      all.append(list->begin(), list->end());
    return all;
  };
  auto count = [&](const Labels &labels) {
    int64_t product = 1;
    for (int64_t size : sizesOf(equation, labels))
      product *= size;
    return product;
  };
  int64_t batches = count(batch), m = count(rows), k = count(inner),
          columnCount = count(columns);
  Value x = ordered(n, n.in(0), a, joined({&batch, &rows, &inner}));
  Value y = ordered(n, n.in(1), b, joined({&batch, &inner, &columns}));
  bool isBatched = !batch.empty();
  auto shaped = [&](Value value, int64_t r, int64_t c) {
    return isBatched ? n.reshape(value, {batches, r, c})
                     : n.reshape(value, {r, c});
  };
  SmallVector<int64_t> shape;
  if (isBatched)
    shape.push_back(batches);
  shape.append({m, columnCount});
  Value product = n.make<nn::MatmulOp>(
      RankedTensorType::get(shape, n.element(0)), shaped(x, m, k),
      shaped(y, k, columnCount), Value(), false, false);
  Labels order = joined({&batch, &rows, &columns});
  return ordered(n, n.reshape(product, sizesOf(equation, order)), order,
                 equation.output);
}

static LogicalResult einsum(NodeLowering &n) {
  Equation equation;
  for (size_t i = 0; i < n.numInputs(); ++i)
    if (!n.has(i) || n.element(i) != n.element(0))
      return n.fail("the inputs need one element type");
  if (failed(parseEquation(n, equation)))
    return failure();
  Value y = asProduct(n, equation);
  if (!y)
    y = asNest(n, equation);
  n.set(0, y, n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Einsum", 12, 99, einsum},
};

Family adze::import::einsumFamily() { return lowerings; }
