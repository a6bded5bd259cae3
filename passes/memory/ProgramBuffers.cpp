//===- ProgramBuffers.cpp - The buffers of a kernel program ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 1. Number the operations; find for every root value (see rootOf) its steps
///    and whether it lives in the arena.
/// 2. Put values into one buffer where that saves a copy: what a branch yields
///    into the result of kernel.if, the initial and the next value of a loop
///    into the carried one.
/// 3. Collect the overlap rules of the calls and the scratch buffers.
///
//===----------------------------------------------------------------------===//

#include "passes/memory/ProgramBuffers.h"

#include "dialects/adze/adze.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

/// Far beyond any arena, and small enough for sums of sizes in 64 bits.
static constexpr int64_t kLargestBuffer = int64_t(1) << 48;

std::optional<int64_t> adze::memory::byteSize(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return std::nullopt;
  Type element = tensor.getElementType();
  int64_t bits = element.isInteger(1)      ? 8
                 : element.isIntOrFloat()  ? element.getIntOrFloatBitWidth()
                 : isa<IndexType>(element) ? 64
                                           : 0;
  if (bits == 0)
    return std::nullopt;
  int64_t elements = 1;
  for (int64_t extent : tensor.getShape())
    if (llvm::MulOverflow(elements, extent, elements))
      return std::nullopt;
  int64_t total;
  if (llvm::MulOverflow(elements, bits, total) || total / 8 > kLargestBuffer)
    return std::nullopt;
  return (total + 7) / 8;
}

Value adze::memory::rootOf(Value value) {
  while (true) {
    auto view = value.getDefiningOp<kernel::ViewOp>();
    if (view && view.isWhole()) {
      value = view.getInput();
      continue;
    }
    auto argument = dyn_cast<BlockArgument>(value);
    auto loop =
        argument ? dyn_cast<kernel::WhileOp>(argument.getOwner()->getParentOp())
                 : kernel::WhileOp();
    if (!loop)
      return value;
    return loop.getResult(argument.getArgNumber());
  }
}

kernel::JoinOp adze::memory::joinOf(Value value) {
  for (Operation *user : value.getUsers())
    if (auto join = dyn_cast<kernel::JoinOp>(user))
      return join;
  return {};
}

Place adze::memory::placeOf(Value value) {
  Place place{rootOf(value), 0};
  while (auto view = place.root.getDefiningOp<kernel::ViewOp>()) {
    int64_t bits = view.getType().getElementTypeBitWidth();
    place.offset += static_cast<int64_t>(view.getOffset()) * bits / 8;
    place.root = rootOf(view.getInput());
  }
  while (kernel::JoinOp join = joinOf(place.root)) {
    for (Value part : join.getParts()) {
      if (part == place.root)
        break;
      place.offset += byteSize(part.getType()).value_or(0);
    }
    place.root = join.getWhole();
  }
  return place;
}

FailureOr<SmallVector<InputOverlap>>
adze::memory::readOverlap(kernel::FuncOp kernel) {
  SmallVector<InputOverlap> rules;
  ArrayAttr list = kernel.getOverlapAttr();
  if (!list)
    return rules;
  for (Attribute entry : list) {
    SmallVector<int64_t, 2> numbers;
    if (auto dense = dyn_cast<DenseI64ArrayAttr>(entry))
      llvm::append_range(numbers, dense.asArrayRef());
    else if (auto array = dyn_cast<ArrayAttr>(entry))
      for (Attribute element : array)
        if (auto number = dyn_cast<IntegerAttr>(element))
          numbers.push_back(number.getInt());
    if (numbers.size() != 2 || numbers[0] < 0 || numbers[1] < 0 ||
        numbers[1] > kLargestBuffer ||
        numbers[0] >= static_cast<int64_t>(kernel.getArgumentTypes().size()) ||
        kernel.getResultTypes().empty()) {
      kernel.emitOpError("has an overlap rule that is no pair [input, bytes] "
                         "of an input that exists and bytes from 0 on: ")
          << entry;
      return failure();
    }
    rules.push_back({static_cast<unsigned>(numbers[0]), numbers[1]});
  }
  return rules;
}

ArrayRef<int64_t> adze::memory::readScratch(kernel::FuncOp kernel) {
  auto scratch = kernel->getAttrOfType<DenseI64ArrayAttr>("scratch");
  return scratch ? scratch.asArrayRef() : ArrayRef<int64_t>();
}

static StringRef findName(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (StringRef name = findName(part); !name.empty())
        return name;
  return {};
}

std::string adze::memory::describeValue(Value value) {
  Operation *op = value.getDefiningOp();
  // Converters from TFLite join the names of all that they fused.
  std::string name = findName(value.getLoc()).split(';').first.str();
  if (name.empty() && op) {
    if (auto call = dyn_cast<kernel::CallOp>(op))
      name = ("@" + call.getCallee()).str();
    else
      name = op->getName().getStringRef().str();
  }
  if (op && op->getNumResults() > 1)
    name += "#" + std::to_string(cast<OpResult>(value).getResultNumber());
  return name;
}

/// The state while the buffers are being found. A node is a root value in the
/// arena; nodes that share a buffer form one class (union-find), whose
/// representative holds the hull of their lifetimes.
struct ProgramBuffers::Builder {
  explicit Builder(func::FuncOp program) : program(program) {}

  FailureOr<ProgramBuffers> run();

private:
  struct Steps {
    int64_t begin, end;
  };
  struct Node {
    Value root;
    int64_t size;
    int64_t first, last;
    int parent; ///< itself: representative
  };

  LogicalResult number(Block &block);
  LogicalResult checkParts(kernel::JoinOp join);
  LogicalResult checkPieces();
  LogicalResult addNodes(Operation *op);
  bool mayBeOutput(Value root);
  void findOutputs();
  void extendLifetimes();
  void shareBuffers(kernel::IfOp branch);
  void shareBuffers(kernel::WhileOp loop);
  LogicalResult collect(ProgramBuffers &result);
  LogicalResult addRules(kernel::CallOp call, ProgramBuffers &result);

  int nodeOf(Value value) const {
    auto it = nodeOfRoot.find(placeOf(value).root);
    return it == nodeOfRoot.end() ? -1 : representative(it->second);
  }
  int representative(int node) const {
    while (nodes[node].parent != node)
      node = nodes[node].parent;
    return node;
  }
  void join(int node, int into) {
    nodes[into].first = std::min(nodes[into].first, nodes[node].first);
    nodes[into].last = std::max(nodes[into].last, nodes[node].last);
    nodes[node].parent = into;
  }
  /// Whether `value` has a buffer to itself, which can be shared.
  static bool isAlone(Value value) {
    return placeOf(value).root == rootOf(value);
  }
  /// How often `values` hold the buffer of `value`.
  int64_t countOf(Value value, ValueRange values) const {
    Value root = rootOf(value);
    return llvm::count_if(values, [&](Value v) { return rootOf(v) == root; });
  }
  kernel::FuncOp calleeOf(kernel::CallOp call) {
    return symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
        call, call.getCalleeAttr());
  }
  int64_t stepOfUse(Value root, Operation *user) const;
  bool isFreeForNext(kernel::WhileOp loop, Value carried, Value next);

  func::FuncOp program;
  SymbolTableCollection symbols;
  DenseMap<Operation *, Steps> stepsOf;
  std::vector<Operation *> operations;    ///< by step
  llvm::SmallSetVector<Value, 8> outputs; ///< roots that live in an output
  std::vector<Node> nodes;
  DenseMap<Value, int> nodeOfRoot;
};

/// A part that lies in two places, or that is a buffer of something else, can't
/// be made in its place.
LogicalResult ProgramBuffers::Builder::checkParts(kernel::JoinOp join) {
  for (Value part : join.getParts()) {
    Operation *maker = part.getDefiningOp();
    if (!maker || maker->getBlock() != join->getBlock() ||
        !isa<kernel::CallOp, kernel::JoinOp>(maker))
      return join.emitOpError("takes results of kernel.call or kernel.join in "
                              "its own block, and nothing else");
    if (llvm::count_if(part.getUses(), [](OpOperand &use) {
          return isa<kernel::JoinOp>(use.getOwner());
        }) != 1)
      return join.emitOpError("shares a part with another kernel.join");
  }
  return success();
}

/// Only bytes can be pointed at where the memory is not ours, because there
/// is no way but through the type of the whole tensor.
LogicalResult ProgramBuffers::Builder::checkPieces() {
  WalkResult result = program.walk([&](kernel::ViewOp view) {
    if (view.isWhole() || view.getType().getElementType().isInteger(8) ||
        nodeOf(view) >= 0)
      return WalkResult::advance();
    view.emitOpError("takes a piece of an input or a constant, whose elements "
                     "are no bytes");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult ProgramBuffers::Builder::number(Block &block) {
  for (Operation &op : block) {
    if (auto join = dyn_cast<kernel::JoinOp>(op))
      if (failed(checkParts(join)))
        return failure();
    if (isa<ConstantOp, kernel::ViewOp, kernel::JoinOp>(op))
      continue; // nothing happens there
    if (!isa<kernel::CallOp, kernel::IfOp, kernel::WhileOp, kernel::YieldOp,
             func::ReturnOp>(op))
      return op.emitOpError("has no place in a program of kernels, whose "
                            "buffers are to be planned");
    auto step = static_cast<int64_t>(operations.size());
    operations.push_back(&op);
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(number(inner)))
          return failure();
    if (op.getNumRegions() > 0)
      operations.push_back(&op);
    stepsOf[&op] = {step, static_cast<int64_t>(operations.size()) - 1};
  }
  return success();
}

/// Values that are returned once live in the caller's output. The others that
/// are returned (twice, or in an output already) are copied at the end.
void ProgramBuffers::Builder::findOutputs() {
  auto ret = cast<func::ReturnOp>(program.getBody().front().getTerminator());
  for (Value value : ret.getOperands())
    if (countOf(value, ret.getOperands()) == 1 && mayBeOutput(rootOf(value)))
      outputs.insert(rootOf(value));
}

/// Whether a value may live in an output although pieces of it are used, or it
/// is a part or made of parts.
bool ProgramBuffers::Builder::mayBeOutput(Value root) {
  if (joinOf(root))
    return false;
  bool isBytes = getElementTypeOrSelf(root.getType()).isInteger(8);
  auto ret = program.getBody().front().getTerminator();
  SmallVector<Value> values{root};
  while (!values.empty()) {
    Value value = values.pop_back_val();
    if (auto join = value.getDefiningOp<kernel::JoinOp>()) {
      for (Value part : join.getParts())
        if (!isBytes || countOf(part, ret->getOperands()) > 0)
          return false;
      llvm::append_range(values, join.getParts());
    }
    for (Operation *user : value.getUsers())
      if (auto view = dyn_cast<kernel::ViewOp>(user)) {
        if (!view.isWhole() && !isBytes)
          return false;
        if (view.isWhole())
          values.push_back(view);
      }
  }
  return true;
}

LogicalResult ProgramBuffers::Builder::addNodes(Operation *op) {
  if (!isa<kernel::CallOp, kernel::IfOp, kernel::WhileOp>(op))
    return success();
  for (OpResult result : op->getResults()) {
    Value root = placeOf(result).root;
    if (isa<IndexType>(result.getType()) || outputs.contains(root))
      continue;
    if (auto it = nodeOfRoot.find(root); it != nodeOfRoot.end()) {
      nodes[it->second].last =
          std::max(nodes[it->second].last, stepsOf[op].end);
      continue; // another part of the same whole
    }
    std::optional<int64_t> size = byteSize(root.getType());
    if (!size)
      return op->emitOpError("makes a value of type ")
             << result.getType()
             << ", for which no memory can be planned: it needs a static "
                "shape and less than 2^48 bytes";
    // A loop writes the initial values when it begins, kernel.if its results
    // when the first branch ends.
    Steps steps = stepsOf[op];
    int64_t first = steps.begin;
    if (auto branch = dyn_cast<kernel::IfOp>(op))
      first = stepsOf[branch.getThenRegion().front().getTerminator()].begin;
    int index = static_cast<int>(nodes.size());
    nodes.push_back({root, *size, first, steps.end, index});
    nodeOfRoot[root] = index;
  }
  return success();
}

/// The step up to which a use of `root` needs it: that of the user, or the end
/// of the outermost loop around the user that `root` lies outside of, because
/// the next round reads it again.
int64_t ProgramBuffers::Builder::stepOfUse(Value root, Operation *user) const {
  int64_t step = stepsOf.lookup(user).begin;
  Region *home = root.getParentRegion();
  for (Operation *op = user; op->getParentRegion() != home;) {
    op = op->getParentOp();
    if (isa<kernel::WhileOp>(op))
      step = stepsOf.lookup(op).end;
  }
  return step;
}

void ProgramBuffers::Builder::extendLifetimes() {
  for (Operation *op : operations)
    for (Value operand : op->getOperands()) {
      int node = nodeOf(operand);
      if (node >= 0)
        nodes[node].last =
            std::max(nodes[node].last, stepOfUse(nodes[node].root, op));
    }
}

/// A value that a branch makes and yields once is written into the result.
void ProgramBuffers::Builder::shareBuffers(kernel::IfOp branch) {
  for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
    Operation *yield = region->front().getTerminator();
    for (auto [value, result] :
         llvm::zip(yield->getOperands(), branch.getOutputs())) {
      int from = nodeOf(value), to = nodeOf(result);
      Operation *maker = rootOf(value).getDefiningOp();
      if (from < 0 || to < 0 || from == to || !maker || !isAlone(value) ||
          maker->getBlock() != &region->front() ||
          countOf(value, yield->getOperands()) != 1)
        continue;
      join(from, to);
    }
  }
}

/// Whether the body may write the next value over the carried one: it reads
/// that no more then, or the kernel that makes the value works in place.
bool ProgramBuffers::Builder::isFreeForNext(kernel::WhileOp loop, Value carried,
                                            Value next) {
  int node = nodeOf(next);
  Operation *maker = rootOf(next).getDefiningOp();
  int64_t made = nodes[node].first;
  bool isFree = true;
  auto judge = [&](Operation *user) {
    if (isa<kernel::ViewOp, kernel::JoinOp>(user))
      return;
    int64_t use = stepsOf[user].begin;
    if (use < made)
      return;
    auto call = dyn_cast<kernel::CallOp>(user);
    if (use > made || user != maker || !call ||
        rootOf(next) != call.getResult(0)) {
      isFree = false;
      return;
    }
    FailureOr<SmallVector<InputOverlap>> rules = readOverlap(calleeOf(call));
    for (auto [i, input] : llvm::enumerate(call.getInputs()))
      if (placeOf(input).root == carried)
        isFree &= succeeded(rules) && isAlone(input) &&
                  llvm::any_of(*rules, [&, i = i](const InputOverlap &rule) {
                    return rule.input == i && rule.distance == 0;
                  });
  };
  loop.getBody().walk([&](Operation *op) {
    if (llvm::any_of(op->getOperands(),
                     [&](Value v) { return placeOf(v).root == carried; }))
      judge(op);
  });
  return isFree;
}

/// The initial value is written into the carried buffer if it dies there, and
/// the next value if the carried one is not needed beside it.
void ProgramBuffers::Builder::shareBuffers(kernel::WhileOp loop) {
  Block &body = loop.getBody().front();
  Operation *yield = body.getTerminator();
  int64_t begin = stepsOf[loop].begin;
  for (unsigned k = 0; k < loop.getNumResults(); ++k) {
    Value carried = loop.getResult(k);
    int to = nodeOf(carried);
    if (to < 0)
      continue;
    Value init = loop.getInits()[k], next = yield->getOperand(k + 1);
    int from = nodeOf(init);
    if (from >= 0 && from != to && nodes[from].last == begin && isAlone(init))
      join(from, to);
    from = nodeOf(next);
    Operation *maker = rootOf(next).getDefiningOp();
    if (from >= 0 && from != representative(to) && maker &&
        maker->getBlock() == &body && isAlone(next) &&
        countOf(next, yield->getOperands()) == 1 &&
        isFreeForNext(loop, carried, next))
      join(from, to);
  }
}

/// The rules of a call between the buffer of its first output and those of its
/// inputs. An input buffer that comes in through several operands must be
/// allowed for each of them.
LogicalResult ProgramBuffers::Builder::addRules(kernel::CallOp call,
                                                ProgramBuffers &result) {
  FailureOr<SmallVector<InputOverlap>> rules = readOverlap(calleeOf(call));
  if (failed(rules))
    return failure();
  int output = call.getNumResults() ? result.find(call.getResult(0)) : -1;
  if (output < 0 || rules->empty())
    return success();
  llvm::SmallSetVector<int, 4> inputs;
  for (Value input : call.getInputs())
    if (int buffer = result.find(input); buffer >= 0 && buffer != output)
      inputs.insert(buffer);
  int64_t outputAt = placeOf(call.getResult(0)).offset;
  for (int input : inputs) {
    bool inPlace = true, diagonal = true;
    int64_t distance = INT64_MIN;
    for (auto [i, operand] : llvm::enumerate(call.getInputs())) {
      if (result.find(operand) != input)
        continue;
      bool mayBeInPlace = false;
      int64_t least = INT64_MAX;
      for (const InputOverlap &rule : *rules) {
        if (rule.input != i)
          continue;
        if (rule.distance == 0)
          mayBeInPlace = true;
        else
          least = std::min(least, rule.distance);
      }
      // The rule is about the tensors, the plan about the buffers in which
      // they lie; nothing else in these is live in this step.
      int64_t inputAt = placeOf(operand).offset;
      inPlace &= mayBeInPlace && inputAt == outputAt;
      diagonal &= least != INT64_MAX;
      if (least != INT64_MAX)
        distance = std::max(distance, least + outputAt - inputAt);
    }
    if (inPlace || (diagonal && distance <= 0))
      result.overlaps.push_back({output, input, 0});
    if (diagonal)
      result.overlaps.push_back(
          {output, input, std::max<int64_t>(distance, 1)});
  }
  return success();
}

LogicalResult ProgramBuffers::Builder::collect(ProgramBuffers &result) {
  result.steps = operations;
  DenseMap<int, int> entryOf;
  for (int node = 0, e = static_cast<int>(nodes.size()); node < e; ++node) {
    const Node &shared = nodes[representative(node)];
    auto [it, isNew] = entryOf.try_emplace(
        representative(node), static_cast<int>(result.entries.size()));
    if (isNew)
      result.entries.push_back({nodes[node].root,
                                nodes[node].root.getDefiningOp(), shared.size,
                                shared.first, shared.last});
    result.bufferOf[nodes[node].root] = it->second;
  }
  auto addEntry = [&](Operation *user, int64_t size, int64_t first,
                      int64_t last) {
    result.entries.push_back({Value(), user, size, first, last});
    return static_cast<int>(result.entries.size()) - 1;
  };
  for (Operation *op :
       llvm::SetVector<Operation *>(operations.begin(), operations.end())) {
    if (auto call = dyn_cast<kernel::CallOp>(op)) {
      if (failed(addRules(call, result)))
        return failure();
      int64_t step = stepsOf[op].begin;
      for (int64_t size : readScratch(calleeOf(call))) {
        if (size < 0 || size > kLargestBuffer)
          return calleeOf(call).emitOpError("wants scratch memory of ")
                 << size << " bytes";
        result.scratch[op].push_back(addEntry(op, size, step, step));
      }
    }
    auto loop = dyn_cast<kernel::WhileOp>(op);
    if (!loop)
      continue;
    // A carried value that moves to another place may be overwritten before
    // it is read: it waits in a buffer of its own.
    Operation *yield = loop.getBody().front().getTerminator();
    SmallVector<int> waiting(loop.getNumResults(), -1);
    for (unsigned k = 0; k < loop.getNumResults(); ++k) {
      Value root = rootOf(yield->getOperand(k + 1));
      if (root.getDefiningOp() != op || root == loop.getResult(k))
        continue;
      if (std::optional<int64_t> size = byteSize(root.getType()))
        waiting[k] = addEntry(op, *size, stepsOf[yield].begin, stepsOf[op].end);
    }
    if (llvm::any_of(waiting, [](int buffer) { return buffer >= 0; }))
      result.rotated[op] = waiting;
  }
  return success();
}

FailureOr<ProgramBuffers> ProgramBuffers::Builder::run() {
  if (failed(number(program.getBody().front())))
    return failure();
  findOutputs();
  for (auto [step, op] : llvm::enumerate(operations))
    if (stepsOf[op].begin == static_cast<int64_t>(step) && failed(addNodes(op)))
      return failure();
  extendLifetimes();
  if (failed(checkPieces()))
    return failure();
  // Inner operations first: what they share decides when a value begins.
  program.walk([&](Operation *op) {
    if (auto branch = dyn_cast<kernel::IfOp>(op))
      shareBuffers(branch);
    else if (auto loop = dyn_cast<kernel::WhileOp>(op))
      shareBuffers(loop);
  });
  ProgramBuffers result;
  if (failed(collect(result)))
    return failure();
  return result;
}

FailureOr<ProgramBuffers> ProgramBuffers::compute(func::FuncOp program) {
  return Builder(program).run();
}

int ProgramBuffers::find(Value value) const {
  auto it = bufferOf.find(placeOf(value).root);
  return it == bufferOf.end() ? -1 : it->second;
}
