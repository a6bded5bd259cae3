//===- ControlFlow.cpp - If, Loop and Scan -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A condition that is known at compile time leaves one branch; a loop whose
/// rounds are few and known is written out. Everything else becomes kernel.if
/// and kernel.while, whose shapes must not depend on the path taken.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

#include "dialects/kernel/kernel.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

namespace {
using Tensors = SmallVector<TensorValue>;

/// One round of a loop: from the number of the round and the carried values
/// to the next carried values, the values to collect, and whether to go on
/// (null: until the rounds are over).
using Round = llvm::function_ref<LogicalResult(
    TensorValue number, ArrayRef<TensorValue> carried, Tensors &next,
    Tensors &collected, Value &goOn)>;
} // namespace

/// Loops are written out up to this many nodes.
static constexpr int64_t maxWrittenOut = 2048;

static Block *bodyNamed(NodeLowering &n, StringRef name) {
  auto names = n.node.getRegionNames();
  if (names)
    for (auto [i, attr] : llvm::enumerate(*names))
      if (cast<StringAttr>(attr).getValue() == name)
        return &n.node->getRegion(i).front();
  (void)n.fail("its body '" + name + "' is missing");
  return nullptr;
}

/// The truth of a one-element value, if it is known.
static std::optional<bool> knownTruth(NodeLowering &n, Value value) {
  DenseElementsAttr known = n.evaluate(value);
  if (!known || !known.getElementType().isInteger(1) ||
      known.getNumElements() != 1)
    return std::nullopt;
  return *known.getValues<bool>().begin();
}

static bool isTruth(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getElementType().isInteger(1) && type.getNumElements() == 1;
}

static Value yielded(const TensorValue &result) { return result.value; }

static LogicalResult checkTensors(NodeLowering &n,
                                  ArrayRef<TensorValue> values) {
  for (auto [i, value] : llvm::enumerate(values))
    if (!value.value)
      return n.fail("result " + Twine(i) +
                    " of its body is no tensor of numbers");
  return success();
}

namespace {
/// Holds regions while their bodies are lowered: what evaluates constants
/// looks at the regions around a value, so they must be part of the program.
/// Whatever is left in the end goes away.
class Scaffold {
public:
  Scaffold(NodeLowering &n, unsigned count) {
    OperationState state(n.loc, kernel::IfOp::getOperationName());
    for (unsigned i = 0; i < count; ++i)
      state.addRegion();
    op = n.b.create(state);
  }
  ~Scaffold() {
    op->dropAllReferences();
    op->erase();
  }
  Region &region(unsigned i) { return op->getRegion(i); }
  Block *block(unsigned i) { return &region(i).emplaceBlock(); }

private:
  Operation *op;
};
} // namespace

static LogicalResult ifNode(NodeLowering &n) {
  Block *branches[] = {bodyNamed(n, "then_branch"),
                       bodyNamed(n, "else_branch")};
  if (!branches[0] || !branches[1])
    return failure();
  if (!isTruth(n.in(0)))
    return n.fail("the condition needs one element of bool");
  if (auto known = knownTruth(n, n.in(0))) {
    Tensors results;
    if (failed(n.lowerBody(*branches[*known ? 0 : 1], {}, results)) ||
        failed(checkTensors(n, results)))
      return failure();
    for (auto [i, result] : llvm::enumerate(results))
      n.set(i, result.value, result.isUnsigned);
    return success();
  }
  Scaffold scaffold(n, 2);
  Tensors results[2];
  for (int k = 0; k < 2; ++k) {
    OpBuilder::InsertionGuard guard(n.b);
    Block *block = scaffold.block(k);
    n.b.setInsertionPointToEnd(block);
    if (failed(n.lowerBody(*branches[k], {}, results[k])) ||
        failed(checkTensors(n, results[k])))
      return failure();
    n.b.setInsertionPointToEnd(block);
    n.make<kernel::YieldOp>(
        llvm::to_vector(llvm::map_range(results[k], yielded)));
  }
  if (results[0].size() != results[1].size())
    return n.fail("its branches have " + Twine(results[0].size()) + " and " +
                  Twine(results[1].size()) + " results");
  OperationState state(n.loc, kernel::IfOp::getOperationName());
  state.addOperands(n.in(0));
  for (auto [i, pair] : llvm::enumerate(llvm::zip(results[0], results[1]))) {
    auto &[a, b] = pair;
    if (a.value.getType() != b.value.getType() || a.isUnsigned != b.isUnsigned)
      return n.fail("its branches give result " + Twine(i) +
                    " different shapes or types, which only works with a "
                    "condition that is known at compile time; fix the inputs "
                    "that decide it");
    state.addTypes(a.value.getType());
  }
  for (int k = 0; k < 2; ++k)
    state.addRegion()->takeBody(scaffold.region(k));
  Operation *made = n.b.create(state);
  for (auto [i, result] : llvm::enumerate(results[0]))
    n.set(i, made->getResult(i), result.isUnsigned);
  return success();
}

/// `tensor` with `slice` put at index `at` of `axis`.
static Value insertAt(NodeLowering &n, Value tensor, Value slice, Value at,
                      int64_t axis) {
  SmallVector<int64_t> shape(shapeOf(slice));
  shape.insert(shape.begin() + axis, 1);
  Value number = n.reshape(at, SmallVector<int64_t>(shape.size(), 1));
  return n.generate(
      shapeOf(tensor), elementOf(tensor),
      {tensor, n.reshape(slice, shape), number},
      [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
        Value here = arith::IndexCastOp::create(
            b, loc, x[2].getType(), linalg::IndexOp::create(b, loc, axis));
        Value hit =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, here, x[2]);
        return arith::SelectOp::create(b, loc, hit, x[1], x[0]);
      });
}

static Value scalarInt(NodeLowering &n, int64_t value) {
  return n.reshape(n.constantInts({value}, n.b.getI64Type()), {});
}

/// Where a collected value goes in the stacked result.
struct Stacking {
  int64_t axis = 0;
  bool reverse = false;
};

/// Writes the rounds out one after the other. `rounds` may be absent if the
/// condition is known to end them.
static LogicalResult writeOut(NodeLowering &n, std::optional<int64_t> rounds,
                              Tensors carried, ArrayRef<Stacking> stackings,
                              Round round, Tensors &results) {
  SmallVector<Tensors> collected;
  int64_t done = 0;
  for (bool going = true; going && (!rounds || done < *rounds); ++done) {
    if (done == maxWrittenOut)
      return n.fail("it runs more than " + Twine(maxWrittenOut) + " rounds");
    Tensors next, parts;
    Value goOn;
    if (failed(round({scalarInt(n, done), false}, carried, next, parts, goOn)))
      return failure();
    carried = next;
    collected.push_back(parts);
    if (!goOn)
      continue;
    auto known = knownTruth(n, goOn);
    if (!known)
      return n.fail("the number of its rounds is only known at run time, and "
                    "so is the size of its results");
    going = *known;
  }
  results = carried;
  Tensors shapes; // of what would be collected
  if (collected.empty() && !stackings.empty()) {
    Tensors next;
    Value goOn;
    if (failed(round({scalarInt(n, 0), false}, carried, next, shapes, goOn)))
      return failure();
  }
  for (auto [k, stacking] : llvm::enumerate(stackings)) {
    if (collected.empty()) {
      SmallVector<int64_t> shape(shapeOf(shapes[k].value));
      shape.insert(shape.begin() + stacking.axis, 0);
      results.push_back({n.splat(shape, elementOf(shapes[k].value), 0),
                         shapes[k].isUnsigned});
      continue;
    }
    SmallVector<Value> parts;
    for (Tensors &values : collected) {
      SmallVector<int64_t> shape(shapeOf(values[k].value));
      if (stacking.axis > int64_t(shape.size()))
        return n.fail("an output axis is outside the rank of the output");
      if (values[k].value.getType() != collected[0][k].value.getType())
        return n.fail("a collected value changes its shape between rounds");
      shape.insert(shape.begin() + stacking.axis, 1);
      parts.push_back(n.reshape(values[k].value, shape));
    }
    if (stacking.reverse)
      std::reverse(parts.begin(), parts.end());
    results.push_back(
        {n.concat(parts, stacking.axis), collected[0][k].isUnsigned});
  }
  return success();
}

/// kernel.while. `limit` (i64, one element) and `first` (bool) may be null;
/// `rounds` is needed to collect values.
static LogicalResult keepLooping(NodeLowering &n, Value limit, Value first,
                                 std::optional<int64_t> rounds,
                                 const Tensors &inits,
                                 ArrayRef<Stacking> stackings, Round round,
                                 Tensors &results) {
  Type i1 = n.b.getI1Type(), i64 = n.b.getI64Type();
  if (limit)
    limit = n.reshape(limit, {});
  auto goesOn = [&](Value number, Value condition) {
    Value go = condition ? n.reshape(condition, {}) : Value();
    if (limit) {
      Value below =
          n.elementwise({number, limit}, i1,
                        [](OpBuilder &b, Location loc, ValueRange x) -> Value {
                          return arith::CmpIOp::create(
                              b, loc, arith::CmpIPredicate::slt, x[0], x[1]);
                        });
      go = go ? n.elementwise(
                    {go, below}, i1,
                    [](OpBuilder &b, Location loc, ValueRange x) -> Value {
                      return arith::AndIOp::create(b, loc, x[0], x[1]);
                    })
              : below;
    }
    return go;
  };
  SmallVector<Value> starts{scalarInt(n, 0)};
  for (const TensorValue &init : inits)
    starts.push_back(init.value);

  Scaffold scaffold(n, 1);
  Block *block = scaffold.block(0);
  Value number = block->addArgument(RankedTensorType::get({}, i64), n.loc);
  Tensors carried;
  for (const TensorValue &init : inits)
    carried.push_back(
        {block->addArgument(init.value.getType(), n.loc), init.isUnsigned});
  Tensors next, parts;
  SmallVector<Value> emptyStacks;
  {
    OpBuilder::InsertionGuard guard(n.b);
    n.b.setInsertionPointToEnd(block);
    Value goOn;
    if (failed(round({number, false}, carried, next, parts, goOn)))
      return failure();
    n.b.setInsertionPointToEnd(block);
    for (auto [i, pair] : llvm::enumerate(llvm::zip(next, inits)))
      if (std::get<0>(pair).value.getType() !=
          std::get<1>(pair).value.getType())
        return n.fail("carried value " + Twine(i) +
                      " changes its shape or type between rounds");
    if (!stackings.empty()) {
      auto known = goOn ? knownTruth(n, goOn) : std::optional<bool>(true);
      if (!rounds || known != true)
        return n.fail("the number of its rounds is only known at run time, "
                      "and so is the size of its results");
    }
    SmallVector<Value> stacks;
    for (auto [k, stacking] : llvm::enumerate(stackings)) {
      SmallVector<int64_t> shape(shapeOf(parts[k].value));
      if (stacking.axis > int64_t(shape.size()))
        return n.fail("an output axis is outside the rank of the output");
      shape.insert(shape.begin() + stacking.axis, *rounds);
      auto type = RankedTensorType::get(shape, elementOf(parts[k].value));
      Value stack = block->addArgument(type, n.loc);
      Value at = number;
      if (stacking.reverse)
        at = n.elementwise(
            {number}, i64,
            [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
              Value last =
                  arith::ConstantIntOp::create(b, loc, *rounds - 1, 64);
              return arith::SubIOp::create(b, loc, last, x[0]);
            });
      stacks.push_back(insertAt(n, stack, parts[k].value, at, stacking.axis));
    }
    Value after = n.elementwise(
        {number}, i64, [](OpBuilder &b, Location loc, ValueRange x) -> Value {
          Value one = arith::ConstantIntOp::create(b, loc, 1, 64);
          return arith::AddIOp::create(b, loc, x[0], one);
        });
    SmallVector<Value> yields{goesOn(after, goOn), after};
    for (TensorValue &value : next)
      yields.push_back(value.value);
    llvm::append_range(yields, stacks);
    n.make<kernel::YieldOp>(yields);
  }
  for (BlockArgument argument :
       block->getArguments().drop_front(1 + inits.size())) {
    auto type = cast<RankedTensorType>(argument.getType());
    starts.push_back(n.splat(type.getShape(), type.getElementType(), 0));
  }
  Value start = goesOn(starts[0], first);
  OperationState state(n.loc, kernel::WhileOp::getOperationName());
  state.addOperands(start);
  state.addOperands(starts);
  for (Value value : starts)
    state.addTypes(value.getType());
  state.addRegion()->takeBody(scaffold.region(0));
  Operation *made = n.b.create(state);
  for (size_t i = 0; i < inits.size() + stackings.size(); ++i)
    results.push_back({made->getResult(1 + i),
                       i < inits.size() ? inits[i].isUnsigned
                                        : parts[i - inits.size()].isUnsigned});
  return success();
}

static LogicalResult deliver(NodeLowering &n, ArrayRef<TensorValue> results) {
  for (auto [i, result] : llvm::enumerate(results))
    n.set(i, result.value, result.isUnsigned);
  return success();
}

static LogicalResult loopNode(NodeLowering &n) {
  Block *body = bodyNamed(n, "body");
  if (!body)
    return failure();
  Tensors inits;
  for (size_t i = 2; i < n.numInputs(); ++i) {
    if (!n.has(i))
      return n.fail("initial value " + Twine(i - 2) + " is missing");
    inits.push_back({n.in(i), n.isUnsigned(i)});
  }
  size_t results = body->getTerminator()->getNumOperands();
  if (body->getNumArguments() != inits.size() + 2 || results < inits.size() + 1)
    return n.fail("its body has " + Twine(body->getNumArguments()) +
                  " inputs and " + Twine(results) + " outputs for " +
                  Twine(inits.size()) + " carried values");
  bool hasLimit = n.has(0), hasCondition = n.has(1);
  if (!hasLimit && !hasCondition)
    return n.fail("it has neither a trip count nor a condition and would "
                  "never end");
  if (hasCondition && !isTruth(n.in(1)))
    return n.fail("the condition needs one element of bool");
  std::optional<int64_t> rounds;
  if (hasLimit)
    if (auto limit = n.ints(0); limit && limit->size() == 1)
      rounds = std::max<int64_t>(0, limit->front());
  std::optional<bool> starts =
      hasCondition ? knownTruth(n, n.in(1)) : std::optional<bool>(true);
  SmallVector<Stacking> stackings(results - 1 - inits.size());
  auto round = [&](TensorValue number, ArrayRef<TensorValue> carried,
                   Tensors &next, Tensors &collected,
                   Value &goOn) -> LogicalResult {
    Value truth = n.splat({}, n.b.getI1Type(), 1);
    Tensors arguments{number, {truth, false}};
    llvm::append_range(arguments, carried);
    Tensors all;
    if (failed(n.lowerBody(*body, arguments, all)) ||
        failed(checkTensors(n, all)))
      return failure();
    if (hasCondition && !isTruth(all[0].value))
      return n.fail("the condition that its body yields needs one element of "
                    "bool");
    goOn = hasCondition ? all[0].value : Value();
    ArrayRef<TensorValue> rest = ArrayRef(all).drop_front();
    next.assign(rest.begin(), rest.begin() + inits.size());
    collected.assign(rest.begin() + inits.size(), rest.end());
    return success();
  };
  Tensors values;
  int64_t nodes = std::max<int64_t>(1, body->getOperations().size());
  bool fits = rounds && *rounds * nodes <= maxWrittenOut;
  if (starts == false)
    rounds = 0;
  if (rounds == 0 || (starts && (fits || (!rounds && !hasLimit)))) {
    // A probe tells whether the condition can be known at all.
    auto probe = [&]() {
      if (!hasCondition || rounds == 0)
        return true;
      OpBuilder::InsertionGuard guard(n.b);
      Tensors next, collected;
      Value goOn;
      return succeeded(round({scalarInt(n, 0), false}, inits, next, collected,
                             goOn)) &&
             knownTruth(n, goOn).has_value();
    };
    bool known = probe();
    if (!n.message.empty())
      return failure();
    if (known || !stackings.empty()) {
      if (failed(writeOut(n, rounds, inits, stackings, round, values)))
        return failure();
      return deliver(n, values);
    }
  }
  Value limit = hasLimit ? n.in(0) : Value();
  Value first = hasCondition ? n.in(1) : Value();
  if (failed(keepLooping(n, limit, first, rounds, inits, stackings, round,
                         values)))
    return failure();
  return deliver(n, values);
}

/// Index `at` (an i64 tensor of one element) of `axis`, without that axis.
static Value takeAt(NodeLowering &n, Value value, Value at, int64_t axis) {
  SmallVector<int64_t> shape(shapeOf(value));
  shape.erase(shape.begin() + axis);
  return n.make<nn::GatherOp>(RankedTensorType::get(shape, elementOf(value)),
                              value, n.reshape(at, {}), axis);
}

struct ScanInput {
  TensorValue value;
  int64_t axis;
  bool reverse;
};

static LogicalResult scanOver(NodeLowering &n, Block &body,
                              const Tensors &states, ArrayRef<ScanInput> inputs,
                              ArrayRef<Stacking> stackings, Tensors &results) {
  int64_t length = -1;
  for (const ScanInput &input : inputs) {
    int64_t size = shapeOf(input.value.value)[input.axis];
    if (length >= 0 && size != length)
      return n.fail("its scan inputs have " + Twine(length) + " and " +
                    Twine(size) + " elements");
    length = size;
  }
  bool writesOut =
      length * int64_t(body.getOperations().size()) <= maxWrittenOut;
  auto round = [&](TensorValue number, ArrayRef<TensorValue> carried,
                   Tensors &next, Tensors &collected,
                   Value &goOn) -> LogicalResult {
    Tensors arguments(carried);
    for (const ScanInput &input : inputs) {
      Value at = number.value;
      if (input.reverse)
        at = n.elementwise(
            {at}, n.b.getI64Type(),
            [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
              Value last = arith::ConstantIntOp::create(b, loc, length - 1, 64);
              return arith::SubIOp::create(b, loc, last, x[0]);
            });
      arguments.push_back({takeAt(n, input.value.value, at, input.axis),
                           input.value.isUnsigned});
    }
    Tensors all;
    if (failed(n.lowerBody(body, arguments, all)) ||
        failed(checkTensors(n, all)))
      return failure();
    next.assign(all.begin(), all.begin() + states.size());
    collected.assign(all.begin() + states.size(), all.end());
    return success();
  };
  if (writesOut)
    return writeOut(n, length, states, stackings, round, results);
  return keepLooping(n, scalarInt(n, length), nullptr, length, states,
                     stackings, round, results);
}

static LogicalResult scanNode(NodeLowering &n) {
  Block *body = bodyNamed(n, "body");
  if (!body)
    return failure();
  bool batched = n.version() < 9;
  size_t offset = batched ? 1 : 0;
  if (batched && n.has(0))
    return n.fail("sequence_lens is not supported");
  int64_t scans = n.attrInt("num_scan_inputs", 0);
  int64_t states = int64_t(n.numInputs()) - int64_t(offset) - scans;
  int64_t outputs = int64_t(body->getTerminator()->getNumOperands()) - states;
  if (scans < 1 || states < 0 || outputs < 0 ||
      int64_t(body->getNumArguments()) != states + scans)
    return n.fail("num_scan_inputs is " + Twine(scans) +
                  ", which does not fit the inputs and its body");
  auto listed = [&](StringRef name,
                    int64_t count) -> FailureOr<SmallVector<int64_t>> {
    auto values = n.attrInts(name).value_or(SmallVector<int64_t>(count, 0));
    if (int64_t(values.size()) != count) {
      (void)n.fail(name + " needs " + Twine(count) + " values");
      return failure();
    }
    return values;
  };
  auto inAxes = listed("scan_input_axes", scans);
  auto inDirections =
      listed(batched ? "directions" : "scan_input_directions", scans);
  auto outAxes = listed("scan_output_axes", outputs);
  auto outDirections = listed("scan_output_directions", outputs);
  if (failed(inAxes) || failed(inDirections) || failed(outAxes) ||
      failed(outDirections))
    return failure();
  Tensors inits;
  SmallVector<ScanInput> inputs;
  for (int64_t i = 0; i < states; ++i)
    inits.push_back({n.in(offset + i), n.isUnsigned(offset + i)});
  for (int64_t i = 0; i < scans; ++i) {
    size_t at = offset + states + i;
    auto axis = n.axis((*inAxes)[i], n.rank(at) - int64_t(offset));
    if (failed(axis))
      return failure();
    inputs.push_back(
        {{n.in(at), n.isUnsigned(at)}, *axis, (*inDirections)[i] != 0});
  }
  SmallVector<Stacking> stackings;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t axis = (*outAxes)[i];
    if (axis < 0) {
      Value example = body->getTerminator()->getOperand(states + i);
      auto type = dyn_cast<RankedTensorType>(example.getType());
      if (!type)
        return n.fail("a negative scan_output_axis needs an output of known "
                      "rank");
      axis += type.getRank() + 1;
    }
    stackings.push_back({axis, (*outDirections)[i] != 0});
  }
  Tensors results;
  if (!batched) {
    if (failed(scanOver(n, *body, inits, inputs, stackings, results)))
      return failure();
    return deliver(n, results);
  }
  // Version 8: every value has a batch dimension in front.
  int64_t batch = shapeOf(inputs[0].value.value)[0];
  if (batch < 1)
    return n.fail("the batch is empty");
  SmallVector<SmallVector<Value>> parts(states + outputs);
  for (int64_t k = 0; k < batch; ++k) {
    Tensors states;
    SmallVector<ScanInput> slices;
    for (TensorValue &init : inits)
      states.push_back(
          {takeAt(n, init.value, scalarInt(n, k), 0), init.isUnsigned});
    for (ScanInput input : inputs) {
      input.value.value = takeAt(n, input.value.value, scalarInt(n, k), 0);
      slices.push_back(input);
    }
    results.clear();
    if (failed(scanOver(n, *body, states, slices, stackings, results)))
      return failure();
    for (auto [i, result] : llvm::enumerate(results)) {
      SmallVector<int64_t> shape(shapeOf(result.value));
      shape.insert(shape.begin(), 1);
      parts[i].push_back(n.reshape(result.value, shape));
    }
  }
  for (auto [i, values] : llvm::enumerate(parts))
    n.set(i, n.concat(values, 0), results[i].isUnsigned);
  return success();
}

static const OpLowering lowerings[] = {
    {"", "If", 1, 99, ifNode},
    {"", "Loop", 1, 99, loopNode},
    {"", "Scan", 8, 99, scanNode},
};

Family adze::import::controlFlowFamily() { return lowerings; }
