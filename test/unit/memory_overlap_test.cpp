//===- memory_overlap_test.cpp - Distances against a run of the loops -----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Runs random loop nests, notes every load and store in its order, and
/// compares the distance that the output needs with the one that was derived
/// from the text of the loops.
///
//===----------------------------------------------------------------------===//

#include "passes/memory/AccessOrder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace adze::memory;

namespace {

constexpr int64_t kElements = 24;

/// Nests of loops that load from argument 0 and store to argument 1.
class RandomLoops {
public:
  RandomLoops(MLIRContext *context, unsigned seed, bool plain)
      : random(seed), builder(context), loc(builder.getUnknownLoc()),
        plain(plain) {}

  OwningOpRef<ModuleOp> make() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    auto type = MemRefType::get({kElements}, builder.getF32Type());
    auto function = func::FuncOp::create(
        loc, "kernel", builder.getFunctionType({type, type}, {}));
    module->push_back(function);
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    input = body->getArgument(0);
    output = body->getArgument(1);
    fill(1 + random() % 3, /*depth=*/0);
    func::ReturnOp::create(builder, loc);
    return module;
  }

private:
  Value constant(int64_t number) {
    return arith::ConstantIndexOp::create(builder, loc, number);
  }
  /// A combination of the loops around. Plain ones are linear.
  Value index() {
    Value sum = constant(static_cast<int64_t>(random() % 4));
    for (Value loop : loops) {
      Value term = arith::MulIOp::create(
          builder, loc, loop, constant(static_cast<int64_t>(random() % 4)));
      switch (plain ? 0 : random() % 6) {
      case 1:
        term = arith::DivUIOp::create(builder, loc, term, constant(2));
        break;
      case 2:
        term = arith::RemUIOp::create(builder, loc, term, constant(3));
        break;
      case 3:
        term = arith::MaxSIOp::create(builder, loc, term, constant(1));
        break;
      case 4:
        term = arith::MinSIOp::create(builder, loc, constant(3), term);
        break;
      case 5:
        term = arith::MaxSIOp::create(
            builder, loc,
            arith::SubIOp::create(builder, loc, term, constant(1)),
            constant(0));
        break;
      default:
        break;
      }
      sum = arith::AddIOp::create(builder, loc, sum, term);
    }
    return sum;
  }
  void fill(unsigned statements, unsigned depth) {
    for (; statements > 0; --statements) {
      if (depth < 3 && random() % 2) {
        bool moves = !plain && !loops.empty() && random() % 2;
        Value from =
            moves ? loops.back() : constant(static_cast<int64_t>(random() % 2));
        Value to = moves && random() % 2
                       ? arith::AddIOp::create(builder, loc, from, constant(2))
                             .getResult()
                       : constant(static_cast<int64_t>(2 + random() % 2));
        auto loop = scf::ForOp::create(
            builder, loc, from, to,
            constant(static_cast<int64_t>(1 + random() % 2)));
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPoint(loop.getBody()->getTerminator());
        loops.push_back(loop.getInductionVar());
        fill(1 + random() % 3, depth + 1);
        loops.pop_back();
      } else if (random() % 2) {
        memref::LoadOp::create(builder, loc, input, index());
      } else {
        Value number = arith::ConstantOp::create(builder, loc,
                                                 builder.getF32FloatAttr(0.0f));
        memref::StoreOp::create(builder, loc, number, output, index());
      }
    }
  }

  std::mt19937 random;
  OpBuilder builder;
  Location loc;
  bool plain;
  Value input, output;
  SmallVector<Value> loops;
};

/// Runs the loops and finds the distance that they need.
class Run {
public:
  explicit Run(Block &block) { run(block); }

  int64_t distance = INT64_MIN; ///< bytes
  bool inBounds = true;

private:
  int64_t value(Value index) {
    if (auto it = numbers.find(index); it != numbers.end())
      return it->second;
    Operation *op = index.getDefiningOp();
    if (auto constant = dyn_cast<arith::ConstantIndexOp>(op))
      return constant.value();
    int64_t a = value(op->getOperand(0)), b = value(op->getOperand(1));
    if (isa<arith::AddIOp>(op))
      return a + b;
    if (isa<arith::SubIOp>(op))
      return a - b;
    if (isa<arith::MulIOp>(op))
      return a * b;
    if (isa<arith::DivUIOp>(op))
      return a / b;
    if (isa<arith::RemUIOp>(op))
      return a % b;
    return isa<arith::MaxSIOp>(op) ? std::max(a, b) : std::min(a, b);
  }
  void run(Block &block) {
    for (Operation &op : block) {
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        int64_t to = value(loop.getUpperBound()), step = value(loop.getStep());
        for (int64_t i = value(loop.getLowerBound()); i < to; i += step) {
          numbers[loop.getInductionVar()] = i;
          run(*loop.getBody());
        }
      } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
        int64_t at = value(load.getIndices()[0]);
        inBounds &= at >= 0 && at < kElements;
        if (highestWrite >= 0)
          distance = std::max(distance, highestWrite - at * 4);
      } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
        int64_t at = value(store.getIndices()[0]);
        inBounds &= at >= 0 && at < kElements;
        highestWrite = std::max(highestWrite, at * 4 + 4);
      }
    }
  }

  llvm::DenseMap<Value, int64_t> numbers;
  int64_t highestWrite = -1;
};

void compare(bool plain) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, func::FuncDialect,
                      memref::MemRefDialect, scf::SCFDialect>();
  int compared = 0, equal = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    OwningOpRef<ModuleOp> module = RandomLoops(&context, seed, plain).make();
    auto function = *module->getOps<func::FuncOp>().begin();
    Run run(function.getBody().front());
    if (!run.inBounds)
      continue;
    std::optional<int64_t> derived = AccessOrder(function).distance(1, 0);
    ASSERT_TRUE(derived.has_value());
    ++compared;
    equal += *derived == run.distance;
    bool isRight = plain ? *derived == run.distance : *derived >= run.distance;
    if (!isRight) {
      module->dump();
      FAIL() << "seed " << seed << ": derived " << *derived << ", needed "
             << run.distance;
    }
  }
  EXPECT_GT(compared, 1000);
  EXPECT_GT(equal * 2, compared);
}

TEST(AccessOrder, DistancesOfLinearLoopsAreExact) { compare(/*plain=*/true); }

TEST(AccessOrder, DistancesOfOtherLoopsAreNeverTooSmall) {
  compare(/*plain=*/false);
}

} // namespace
