//===- memory_program_test.cpp - Planned programs keep their values -------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Runs random programs of kernels, branches and loops over the arena that
/// plan-memory laid out. Every value that is made gets a number of its own, and
/// fills its bytes with it; whoever reads a value must find its number in all
/// of its bytes. The rules that the interpreter follows are those documented
/// with the pass.
///
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace mlir;
using namespace adze;

namespace {

//===----------------------------------------------------------------------===//
// Random programs
//===----------------------------------------------------------------------===//

class RandomProgram {
public:
  RandomProgram(MLIRContext *context, unsigned seed)
      : random(seed), builder(context), loc(builder.getUnknownLoc()) {}

  OwningOpRef<ModuleOp> make() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    top = module->getBody();
    condition = RankedTensorType::get({}, builder.getI1Type());
    SmallVector<Type> inputs{condition, type(0), type(1), type(2)};
    auto program =
        func::FuncOp::create(loc, "main", builder.getFunctionType(inputs, {}));
    top->push_back(program);
    Block *body = program.addEntryBlock();
    anyCondition = body->getArgument(0);
    SmallVector<Value> pool(body->args_begin() + 1, body->args_end());
    builder.setInsertionPointToEnd(body);
    fill(pool, 4 + random() % 8, /*depth=*/0);
    SmallVector<Value> results;
    for (unsigned count = 1 + random() % 3; count > 0; --count)
      results.push_back(pick(pool));
    func::ReturnOp::create(builder, loc, results);
    program.setType(
        builder.getFunctionType(inputs, ValueRange(results).getTypes()));
    return module;
  }

private:
  Type type(unsigned which) {
    return RankedTensorType::get({static_cast<int64_t>(16) << which},
                                 builder.getI8Type());
  }
  Value pick(ArrayRef<Value> pool) {
    // Mostly what was made last, so that values die.
    size_t reach = std::min<size_t>(pool.size(), random() % 2 ? 3 : 100);
    return pool[pool.size() - 1 - random() % reach];
  }
  Value pick(ArrayRef<Value> pool, Type wanted) {
    SmallVector<Value> fitting;
    for (Value value : pool)
      if (value.getType() == wanted)
        fitting.push_back(value);
    return fitting.empty() ? call(pool, {wanted}) : pick(fitting);
  }

  /// A call of a kernel of its own with random rules and scratch.
  Value call(ArrayRef<Value> pool, SmallVector<Type> results) {
    SmallVector<Value> inputs;
    for (unsigned count = 1 + random() % 3; count > 0; --count)
      inputs.push_back(pick(pool));
    std::string name = "k" + std::to_string(kernels++);
    auto kernel = [&] {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(top);
      return kernel::FuncOp::create(
          builder, loc, name,
          builder.getFunctionType(ValueRange(inputs).getTypes(), results));
    }();
    SmallVector<Attribute> rules;
    for (unsigned i = 0; i < inputs.size(); ++i)
      if (random() % 3)
        rules.push_back(builder.getDenseI64ArrayAttr(
            {static_cast<int64_t>(i), static_cast<int64_t>(random() % 3) * 9}));
    kernel.setOverlapAttr(builder.getArrayAttr(rules));
    if (random() % 3 == 0)
      kernel->setAttr("scratch", builder.getDenseI64ArrayAttr(
                                     {static_cast<int64_t>(random() % 40)}));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(&kernel.getBody().front());
      SmallVector<Value> values;
      for (Type result : results) {
        auto tensor = cast<RankedTensorType>(result);
        values.push_back(tensor::EmptyOp::create(
            builder, loc, tensor.getShape(), tensor.getElementType()));
      }
      kernel::ReturnOp::create(builder, loc, values);
    }
    auto made =
        kernel::CallOp::create(builder, loc, results, name, inputs,
                               DenseI64ArrayAttr(), DenseI64ArrayAttr());
    last.assign(made->result_begin(), made->result_end());
    return made.getResult(0);
  }

  SmallVector<Value> pickAll(ArrayRef<Value> pool, TypeRange types) {
    SmallVector<Value> values;
    for (Type wanted : types)
      values.push_back(pick(pool, wanted));
    return values;
  }

  void fill(SmallVector<Value> &pool, unsigned operations, int depth) {
    for (; operations > 0; --operations) {
      unsigned kind = random() % 8;
      SmallVector<Type> types;
      for (unsigned count = 1 + random() % 3; count > 0; --count)
        types.push_back(type(random() % 3));
      if (kind == 0 && depth < 2) {
        auto branch = kernel::IfOp::create(builder, loc, types, anyCondition,
                                           DenseI64ArrayAttr());
        for (Region *region :
             {&branch.getThenRegion(), &branch.getElseRegion()}) {
          OpBuilder::InsertionGuard guard(builder);
          builder.setInsertionPointToEnd(&region->emplaceBlock());
          SmallVector<Value> inner = pool;
          fill(inner, 1 + random() % 4, depth + 1);
          SmallVector<Value> values = pickAll(inner, types);
          kernel::YieldOp::create(builder, loc, values);
        }
        pool.append(branch->result_begin(), branch->result_end());
      } else if (kind == 1 && depth < 2) {
        SmallVector<Value> inits = pickAll(pool, types);
        auto loop =
            kernel::WhileOp::create(builder, loc, types, anyCondition, inits,
                                    DenseI64ArrayAttr(), DenseI64ArrayAttr());
        Block &body = loop.getBody().emplaceBlock();
        for (Type carried : types)
          body.addArgument(carried, loc);
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToEnd(&body);
        SmallVector<Value> inner = pool;
        inner.append(body.args_begin(), body.args_end());
        fill(inner, 1 + random() % 4, depth + 1);
        SmallVector<Value> values = pickAll(inner, types);
        call(inner, {condition});
        values.insert(values.begin(), last.front());
        kernel::YieldOp::create(builder, loc, values);
        pool.append(loop->result_begin(), loop->result_end());
      } else if (kind == 2) {
        Value from = pick(pool);
        auto tensor = cast<RankedTensorType>(from.getType());
        auto shaped = RankedTensorType::get({tensor.getNumElements() / 4, 4},
                                            tensor.getElementType());
        Value view = kernel::ViewOp::create(builder, loc, shaped, from);
        pool.push_back(
            kernel::ViewOp::create(builder, loc, flat(shaped), view));
      } else {
        call(pool, types);
        pool.append(last.begin(), last.end());
      }
    }
  }
  RankedTensorType flat(RankedTensorType tensor) {
    return RankedTensorType::get({tensor.getNumElements()},
                                 tensor.getElementType());
  }

  std::mt19937 random;
  OpBuilder builder;
  Location loc;
  Block *top = nullptr;
  Type condition;
  Value anyCondition; ///< the interpreter decides by its own random numbers
  unsigned kernels = 0;
  SmallVector<Value> last;
};

//===----------------------------------------------------------------------===//
// The interpreter
//===----------------------------------------------------------------------===//

class Interpreter {
public:
  Interpreter(ModuleOp module, unsigned seed) : module(module), random(seed) {}

  void run() {
    auto program = module.lookupSymbol<func::FuncOp>("main");
    for (Value argument : program.getArguments())
      slots[argument] = {-1, size(argument), fresh()};
    runBlock(program.getBody().front());
    for (Value value : program.getBody().front().getTerminator()->getOperands())
      read(value, "return");
  }

  std::string problem; ///< the first that was found

private:
  struct Slot {
    int64_t offset; ///< -1: not in the arena
    int64_t bytes;
    int tag;
  };

  int64_t size(Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  }
  int fresh() { return ++tags; }
  void report(const Twine &text) {
    if (problem.empty())
      problem = text.str();
  }
  int at(int64_t position) {
    auto it = arena.find(position);
    return it == arena.end() ? 0 : it->second;
  }
  void read(Value value, const Twine &where) {
    Slot slot = slots.at(value);
    if (slot.offset < 0)
      return;
    for (int64_t i = 0; i < slot.bytes; ++i)
      if (at(slot.offset + i) != slot.tag)
        return report(where + ": a value was overwritten before its last use");
  }
  void write(int64_t offset, int64_t bytes, int tag) {
    if (offset + bytes > limit())
      return report("a buffer lies beyond the arena");
    for (int64_t i = 0; i < bytes; ++i)
      arena[offset + i] = tag;
  }
  int64_t limit() {
    return module->getAttrOfType<IntegerAttr>("adze.arena_size").getInt();
  }
  static bool meets(int64_t a, int64_t aBytes, int64_t b, int64_t bBytes) {
    return a < b + bBytes && b < a + aBytes;
  }
  int64_t offsetOf(OpResult result) {
    auto offsets =
        result.getOwner()->getAttrOfType<DenseI64ArrayAttr>("offsets");
    return offsets[result.getResultNumber()];
  }

  void runCall(kernel::CallOp call) {
    auto callee = module.lookupSymbol<kernel::FuncOp>(call.getCallee());
    for (Value input : call.getInputs())
      read(input, "call @" + call.getCallee());
    struct Written {
      int64_t offset, bytes;
      bool isFirstOutput;
    };
    SmallVector<Written> writes;
    for (OpResult result : call->getResults()) {
      slots[result] = {offsetOf(result), size(result), fresh()};
      if (offsetOf(result) >= 0)
        writes.push_back(
            {offsetOf(result), size(result), result.getResultNumber() == 0});
    }
    size_t outputs = writes.size();
    if (auto scratch = callee->getAttrOfType<DenseI64ArrayAttr>("scratch"))
      for (auto [offset, bytes] :
           llvm::zip_equal(*call.getScratchOffsets(), scratch.asArrayRef()))
        writes.push_back({offset, bytes, false});
    for (size_t i = 0; i < writes.size(); ++i) {
      for (size_t k = 0; k < i; ++k)
        if (meets(writes[i].offset, writes[i].bytes, writes[k].offset,
                  writes[k].bytes))
          report("outputs or scratch of one call overlap");
      for (auto [number, input] : llvm::enumerate(call.getInputs())) {
        Slot slot = slots[input];
        if (slot.offset < 0 ||
            !meets(writes[i].offset, writes[i].bytes, slot.offset, slot.bytes))
          continue;
        bool allowed = false;
        for (Attribute entry : callee.getOverlapAttr()) {
          auto rule = cast<DenseI64ArrayAttr>(entry);
          if (rule[0] != static_cast<int64_t>(number))
            continue;
          int64_t below = slot.offset - writes[i].offset;
          allowed |= rule[1] == 0 ? below == 0 : below >= rule[1];
        }
        if (!allowed || !writes[i].isFirstOutput)
          report("call @" + call.getCallee() + " overwrites an input");
      }
    }
    for (size_t i = outputs; i < writes.size(); ++i)
      write(writes[i].offset, writes[i].bytes, fresh());
    for (OpResult result : call->getResults())
      if (slots[result].offset >= 0)
        write(slots[result].offset, slots[result].bytes, slots[result].tag);
  }

  /// Copies a value to the place of `target`, which then holds it.
  void copy(Value value, Value target, int64_t offset, const Twine &where) {
    read(value, where);
    Slot slot = slots.at(value);
    slot.offset = offset;
    if (offset >= 0)
      write(offset, slot.bytes, slot.tag);
    slots[target] = slot;
  }

  void runIf(kernel::IfOp branch) {
    Region &taken =
        random() % 2 ? branch.getThenRegion() : branch.getElseRegion();
    runBlock(taken.front());
    for (auto [value, result] :
         llvm::zip_equal(taken.front().getTerminator()->getOperands(),
                         branch->getResults()))
      copy(value, result, offsetOf(result), "kernel.if");
  }

  void runWhile(kernel::WhileOp loop) {
    Block &body = loop.getBody().front();
    Operation *yield = body.getTerminator();
    auto waiting = loop->getAttrOfType<DenseI64ArrayAttr>("scratch_offsets");
    for (auto [init, result] :
         llvm::zip_equal(loop.getInits(), loop->getResults()))
      copy(init, result, offsetOf(result), "begin of kernel.while");
    for (unsigned rounds = random() % 4; rounds > 0; --rounds) {
      for (auto [argument, result] :
           llvm::zip_equal(body.getArguments(), loop->getResults()))
        slots[argument] = slots[result];
      runBlock(body);
      read(yield->getOperand(0), "condition");
      std::map<unsigned, Slot> held;
      for (OpResult result : loop->getResults()) {
        unsigned k = result.getResultNumber();
        if (!waiting || waiting[k] < 0)
          continue;
        Value next = yield->getOperand(k + 1);
        read(next, "round of kernel.while");
        held[k] = {waiting[k], slots.at(next).bytes, slots.at(next).tag};
        write(waiting[k], held[k].bytes, held[k].tag);
      }
      for (OpResult result : loop->getResults())
        if (unsigned k = result.getResultNumber(); !held.count(k))
          copy(yield->getOperand(k + 1), result, offsetOf(result),
               "round of kernel.while");
      for (auto [k, slot] : held) {
        OpResult result = loop->getResult(k);
        slots[result] = slot;
        copy(result, result, offsetOf(result), "waiting value");
      }
    }
  }

  void runBlock(Block &block) {
    for (Operation &op : block.without_terminator()) {
      if (auto call = dyn_cast<kernel::CallOp>(op))
        runCall(call);
      else if (auto branch = dyn_cast<kernel::IfOp>(op))
        runIf(branch);
      else if (auto loop = dyn_cast<kernel::WhileOp>(op))
        runWhile(loop);
      else if (auto view = dyn_cast<kernel::ViewOp>(op))
        slots[view] = slots.at(view.getInput());
    }
  }

  struct ValueLess {
    bool operator()(Value a, Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };

  ModuleOp module;
  std::mt19937 random;
  std::map<int64_t, int> arena;
  std::map<Value, Slot, ValueLess> slots;
  int tags = 0;
};

TEST(MemoryProgram, PlannedProgramsKeepTheirValues) {
  MLIRContext context;
  context.loadDialect<AdzeDialect, kernel::KernelDialect, func::FuncDialect,
                      tensor::TensorDialect>();
  int64_t shared = 0, unshared = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    OwningOpRef<ModuleOp> module = RandomProgram(&context, seed).make();
    ASSERT_TRUE(succeeded(verify(*module))) << "seed " << seed;
    PassManager passes(&context);
    if (seed % 2)
      passes.addPass(createOrderProgram());
    passes.addPass(createPlanMemory());
    ASSERT_TRUE(succeeded(passes.run(*module))) << "seed " << seed;
    auto report = (*module)->getAttrOfType<DictionaryAttr>("adze.memory");
    shared += report.getAs<IntegerAttr>("peak").getInt();
    unshared += report.getAs<IntegerAttr>("unshared").getInt();
    for (unsigned run = 0; run < 4; ++run) {
      Interpreter interpreter(*module, run);
      interpreter.run();
      if (!interpreter.problem.empty()) {
        module->dump();
        FAIL() << "seed " << seed << ": " << interpreter.problem;
      }
    }
  }
  EXPECT_LT(shared * 2, unshared);
}

} // namespace
