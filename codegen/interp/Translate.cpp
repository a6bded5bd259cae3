//===- Translate.cpp - Functions and control flow to bytecode -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Slots, functions, loops, conditions. Each function is translated once, in
/// the order in which calls reach it.
///
//===----------------------------------------------------------------------===//
#include "codegen/interp/Translator.h"

using namespace mlir;
using namespace adze;
using namespace adze::interp;

uint32_t adze::interp::laneCount(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return uint32_t(vector.getNumElements());
  return 1;
}

int64_t adze::interp::wrapShift(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIndex() ? 0 : 64 - int64_t(element.getIntOrFloatBitWidth());
}

std::string adze::interp::describe(Operation *op) {
  std::string text = "'" + op->getName().getStringRef().str() + "'";
  if (auto function = op->getParentOfType<func::FuncOp>())
    text += " of function @" + function.getName().str();
  if (!isa<UnknownLoc>(op->getLoc())) {
    text += " at ";
    llvm::raw_string_ostream stream(text);
    op->getLoc().print(stream);
  }
  return text;
}

/// Vectors beyond this have no business in code of one instruction a lane.
static constexpr int64_t maxLanes = 4096;

static bool isValueType(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return !vector.isScalable() && vector.getNumElements() <= maxLanes &&
           isValueType(vector.getElementType());
  if (auto memref = dyn_cast<MemRefType>(type))
    return byteSize(memref).has_value();
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  return type.isIndex() || type.isF32() || type.isF64() || smallFloat(type);
}

LogicalResult Translator::fail(Operation *op, const Twine &reason) {
  if (message.empty())
    message = "the interpreter cannot run " + describe(op) + ": " +
              reason.str() + ".";
  return failure();
}

Instruction &Translator::emit(Operation *op, Opcode opcode, uint32_t a,
                              uint32_t b, uint32_t c, int64_t imm) {
  Instruction &added = program.code.instructions.emplace_back();
  program.sources.push_back(op);
  added.opcode = opcode;
  added.a = a;
  added.b = b;
  added.c = c;
  added.imm = imm;
  return added;
}

uint32_t Translator::newSlots(uint32_t count) {
  uint32_t first = program.code.slots.size();
  program.code.slots.resize(first + count, Slot{0});
  return first;
}

uint32_t Translator::slotOf(Value value) {
  auto [it, added] = slots.try_emplace(value, 0);
  if (added)
    it->second = newSlots(laneCount(value.getType()));
  return it->second;
}

uint32_t Translator::constantSlot(Slot value) {
  // The two keys that DenseMap reserves get a slot each time.
  if (value.u >= ~uint64_t(1)) {
    uint32_t slot = newSlots(1);
    program.code.slots[slot] = value;
    return slot;
  }
  auto [it, added] = constants.try_emplace(value.u, 0);
  if (added) {
    it->second = newSlots(1);
    program.code.slots[it->second] = value;
  }
  return it->second;
}

void Translator::parallelMove(Operation *op, ArrayRef<uint32_t> from,
                              ArrayRef<uint32_t> to, ArrayRef<uint32_t> lanes) {
  auto move = [&](uint32_t target, uint32_t source, uint32_t count) {
    if (target == source || !count)
      return;
    if (count == 1) {
      emit(op, Opcode::Move, target, source);
      return;
    }
    Instruction &added = emit(op, Opcode::MoveLanes, target, source);
    added.rank = uint8_t(count);
    added.kind = uint8_t(count >> 8);
  };
  // Through fresh slots where a source is overwritten by another's move.
  bool conflict = false;
  for (auto [i, source] : llvm::enumerate(from))
    for (auto [j, target] : llvm::enumerate(to))
      conflict |= i != j && source != to[i] && source == target;
  if (!conflict) {
    for (auto [target, source, count] : llvm::zip_equal(to, from, lanes))
      move(target, source, count);
    return;
  }
  SmallVector<uint32_t> fresh;
  for (auto [source, count] : llvm::zip_equal(from, lanes)) {
    fresh.push_back(newSlots(count));
    move(fresh.back(), source, count);
  }
  for (auto [target, source, count] : llvm::zip_equal(to, fresh, lanes))
    move(target, source, count);
}

void Translator::moveValues(Operation *op, ValueRange from, ValueRange to) {
  SmallVector<uint32_t> sources, targets, lanes;
  for (auto [source, target] : llvm::zip_equal(from, to)) {
    sources.push_back(slotOf(source));
    targets.push_back(slotOf(target));
    lanes.push_back(laneCount(source.getType()));
  }
  parallelMove(op, sources, targets, lanes);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FunctionEntry *Translator::declare(func::FuncOp function) {
  std::unique_ptr<FunctionEntry> &entry = functions[function];
  if (!entry) {
    entry = std::make_unique<FunctionEntry>();
    entry->op = function;
    for (BlockArgument argument : function.getArguments())
      entry->arguments.push_back(slotOf(argument));
    for (Type type : function.getResultTypes())
      entry->results.push_back(newSlots(laneCount(type)));
    worklist.push_back(entry.get());
  }
  return entry.get();
}

LogicalResult Translator::checkCalls(func::FuncOp function,
                                     DenseMap<Operation *, int> &state) {
  enum { visiting = 1, done = 2 };
  state[function] = visiting;
  WalkResult result = function.walk([&](func::CallOp call) {
    auto callee = dyn_cast_or_null<func::FuncOp>(
        symbols.lookup(call.getCalleeAttr().getAttr()));
    if (!callee)
      return (void)fail(call, "there is no function @" + call.getCallee()),
             WalkResult::interrupt();
    int known = state.lookup(callee);
    if (known == visiting)
      return (void)fail(call, "functions of the loops level do not recurse"),
             WalkResult::interrupt();
    if (known != done && !callee.isExternal() &&
        failed(checkCalls(callee, state)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  state[function] = done;
  return failure(result.wasInterrupted());
}

Status Translator::translate(StringRef function) {
  for (Operation &op : *module.getBody())
    if (auto name =
            op.getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName()))
      symbols[name] = &op;
  auto entry = dyn_cast_or_null<func::FuncOp>(
      symbols.lookup(StringAttr::get(module.getContext(), function)));
  if (!entry || entry.isExternal())
    return Status::failure("the interpreter finds no function @" +
                           function.str() + " with a body in this module.");
  DenseMap<Operation *, int> state;
  if (failed(checkCalls(entry, state)))
    return Status::failure(message);

  FunctionEntry *first = declare(entry);
  emit(entry, Opcode::Call);
  calls.push_back({0, first});
  emit(entry, Opcode::Halt);
  for (size_t i = 0; i < worklist.size(); ++i)
    if (failed(translateFunction(*worklist[i])))
      return Status::failure(message);
  for (auto [at, callee] : calls)
    patch(at, callee->pc);
  program.entry = *first;
  program.entry.pc = 0;
  return Status::success();
}

LogicalResult Translator::translateFunction(FunctionEntry &entry) {
  current = &entry;
  entry.pc = pc();
  if (!llvm::hasSingleElement(entry.op.getBody()))
    return fail(entry.op, "a function of the loops level is one block");
  for (Type type : entry.op.getArgumentTypes())
    if (!isValueType(type)) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return fail(entry.op, "an argument has the unsupported type " + text);
    }
  return translateBlock(entry.op.getBody().front());
}

LogicalResult Translator::translateCall(func::CallOp op) {
  auto callee =
      cast<func::FuncOp>(symbols.lookup(op.getCalleeAttr().getAttr()));
  if (callee.isExternal()) {
    if (translateRuntimeCall(op, callee))
      return success(message.empty());
    return fail(op, "@" + callee.getName() +
                        " has no body and is no function of the runtime");
  }
  if (callee.getFunctionType() != op.getCalleeType())
    return fail(op, "the call does not fit the type of @" + callee.getName());
  FunctionEntry *entry = declare(callee);
  SmallVector<uint32_t> from, lanes;
  for (Value operand : op.getOperands()) {
    from.push_back(slotOf(operand));
    lanes.push_back(laneCount(operand.getType()));
  }
  parallelMove(op, from, entry->arguments, lanes);
  calls.push_back({pc(), entry});
  emit(op, Opcode::Call);
  SmallVector<uint32_t> to;
  lanes.clear();
  for (Value result : op.getResults()) {
    to.push_back(slotOf(result));
    lanes.push_back(laneCount(result.getType()));
  }
  parallelMove(op, entry->results, to, lanes);
  return success();
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

LogicalResult Translator::translateBlock(Block &block) {
  for (Operation &op : block)
    if (failed(translateOp(&op)))
      return failure();
  return success();
}

LogicalResult Translator::translateOp(Operation *op) {
  for (Type type : op->getResultTypes())
    if (!isValueType(type)) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return fail(op, "a result has the unsupported type " + text);
    }
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return translateFor(loop);
  if (auto condition = dyn_cast<scf::IfOp>(op))
    return translateIf(condition);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return translateWhile(loop);
  if (auto choice = dyn_cast<scf::IndexSwitchOp>(op))
    return translateSwitch(choice);
  if (auto call = dyn_cast<func::CallOp>(op))
    return translateCall(call);
  if (isa<scf::YieldOp, scf::ConditionOp>(op))
    return success(); // by the operation around it
  if (auto back = dyn_cast<func::ReturnOp>(op)) {
    SmallVector<uint32_t> from, lanes;
    for (Value operand : back.getOperands()) {
      from.push_back(slotOf(operand));
      lanes.push_back(laneCount(operand.getType()));
    }
    parallelMove(op, from, current->results, lanes);
    emit(op, Opcode::Return);
    return success();
  }
  if (translateConstant(op) || translateInteger(op) || translateFloat(op) ||
      translateMemory(op) || translateConversion(op) || translateMath(op) ||
      translateVector(op))
    return success(message.empty());
  return fail(op, "it is not an operation of the loops level");
}

/// A value that is computed in the body only to be carried into the next
/// iteration takes the slot of the carried value, if nobody reads the old one
/// afterwards: `acc = acc + x` then needs no move.
void Translator::shareSlots(scf::ForOp op) {
  Block *body = op.getBody();
  for (auto [carried, next] :
       llvm::zip_equal(op.getRegionIterArgs(), op.getYieldedValues())) {
    Operation *maker = next.getDefiningOp();
    if (!maker || maker->getBlock() != body || maker->getNumRegions() ||
        maker->getNumResults() != 1 || !next.hasOneUse() ||
        isa<VectorType, MemRefType>(next.getType()) ||
        maker->hasTrait<OpTrait::ConstantLike>() || slots.contains(next))
      continue;
    bool readLater = llvm::any_of(carried.getUsers(), [&](Operation *user) {
      Operation *ancestor = body->findAncestorOpInBlock(*user);
      return ancestor != maker && !ancestor->isBeforeInBlock(maker);
    });
    if (!readLater)
      slots[next] = slotOf(carried);
  }
}

LogicalResult Translator::translateFor(scf::ForOp op) {
  moveValues(op, op.getInitArgs(), op.getRegionIterArgs());
  // What the loop carries is its result.
  for (auto [result, carried] :
       llvm::zip_equal(op.getResults(), op.getRegionIterArgs()))
    slots[result] = slotOf(carried);
  uint32_t index = slotOf(op.getInductionVar());
  uint32_t bound = slotOf(op.getUpperBound()), step = slotOf(op.getStep());
  bool isUnsigned = op.getUnsignedCmp();
  emit(op, Opcode::Move, index, slotOf(op.getLowerBound()));
  uint32_t enter = pc();
  emit(op, isUnsigned ? Opcode::ForEnterUnsigned : Opcode::ForEnter, index,
       bound, step);
  shareSlots(op);
  uint32_t body = pc();
  if (failed(translateBlock(*op.getBody())))
    return failure();
  moveValues(op, op.getYieldedValues(), op.getRegionIterArgs());
  emit(op, isUnsigned ? Opcode::ForNextUnsigned : Opcode::ForNext, index, bound,
       step, body);
  patch(enter, pc());
  return success();
}

LogicalResult Translator::translateIf(scf::IfOp op) {
  uint32_t branch = pc();
  emit(op, Opcode::JumpIfZero, 0, slotOf(op.getCondition()));
  if (failed(translateBlock(*op.thenBlock())))
    return failure();
  moveValues(op, op.thenYield().getOperands(), op.getResults());
  if (!op.elseBlock()) {
    patch(branch, pc());
    return success();
  }
  uint32_t end = pc();
  emit(op, Opcode::Jump);
  patch(branch, pc());
  if (failed(translateBlock(*op.elseBlock())))
    return failure();
  moveValues(op, op.elseYield().getOperands(), op.getResults());
  patch(end, pc());
  return success();
}

LogicalResult Translator::translateWhile(scf::WhileOp op) {
  moveValues(op, op.getInits(), op.getBeforeArguments());
  uint32_t top = pc();
  if (failed(translateBlock(*op.getBeforeBody())))
    return failure();
  scf::ConditionOp condition = op.getConditionOp();
  moveValues(op, condition.getArgs(), op.getResults());
  uint32_t branch = pc();
  emit(op, Opcode::JumpIfZero, 0, slotOf(condition.getCondition()));
  moveValues(op, op.getResults(), op.getAfterArguments());
  if (failed(translateBlock(*op.getAfterBody())))
    return failure();
  moveValues(op, op.getYieldOp().getOperands(), op.getBeforeArguments());
  emit(op, Opcode::Jump, 0, 0, 0, top);
  patch(branch, pc());
  return success();
}

LogicalResult Translator::translateSwitch(scf::IndexSwitchOp op) {
  uint32_t argument = slotOf(op.getArg());
  SmallVector<uint32_t> ends;
  auto translateCase = [&](Block &block) {
    if (failed(translateBlock(block)))
      return failure();
    moveValues(op, block.getTerminator()->getOperands(), op.getResults());
    return success();
  };
  for (auto [value, region] :
       llvm::zip_equal(op.getCases(), op.getCaseRegions())) {
    uint32_t next = pc();
    emit(op, Opcode::JumpIfNotEqual, 0, argument, constantSlot(value));
    if (failed(translateCase(region.front())))
      return failure();
    ends.push_back(pc());
    emit(op, Opcode::Jump);
    patch(next, pc());
  }
  if (failed(translateCase(op.getDefaultBlock())))
    return failure();
  for (uint32_t end : ends)
    patch(end, pc());
  return success();
}
