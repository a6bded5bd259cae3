//===- KernelWriter.cpp - Thread code from loops ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/ptx/generic/KernelWriter.h"

#include "codegen/ptx/Lowering.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

int64_t ptx::bytesOf(Type memref) {
  auto type = cast<MemRefType>(memref);
  Type element = type.getElementType();
  int64_t bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
  return type.getNumElements() * std::max<int64_t>(1, bits / 8);
}

std::optional<int64_t> ptx::tripsOf(scf::ForOp loop) {
  std::optional<APInt> trips = loop.getStaticTripCount();
  if (!trips)
    return std::nullopt;
  return trips->getSExtValue();
}

static MemRefType inSpace(MemRefType type, Attribute space) {
  return MemRefType::get(type.getShape(), type.getElementType(),
                         type.getLayout(), space);
}

KernelWriter::KernelWriter(func::FuncOp function, StringRef name,
                           int64_t blocks, int64_t threads, OpBuilder &module)
    : b(module), function(function), module(module), blocks(blocks),
      threads(threads) {
  SmallVector<int64_t> grid{blocks, 1, 1};
  kernel = tile::KernelOp::create(module, function.getLoc(), name,
                                  function.getArgumentTypes(), grid, threads);
  for (StringRef attribute : {"adze.restrict"})
    if (Attribute value = function->getAttr(attribute))
      kernel->setAttr(attribute, value);
  if (auto doc = function->getAttrOfType<StringAttr>("adze.doc"))
    kernel.setDocAttr(doc);
  if (kernel.getBody().empty()) {
    Block *body = module.createBlock(&kernel.getBody());
    for (Type type : function.getArgumentTypes())
      body->addArgument(type, function.getLoc());
    module.setInsertionPointAfter(kernel);
  }
  Block *body = &kernel.getBody().front();
  for (auto [from, to] :
       llvm::zip_equal(function.getArguments(), body->getArguments()))
    map.map(from, to);
  if (!body->empty() && body->back().hasTrait<OpTrait::IsTerminator>())
    body->back().erase();
  b = OpBuilder::atBlockEnd(body);
  entryEnd = tile::ReturnOp::create(b, loc());
  b.setInsertionPoint(entryEnd);
  // Values of outside go before this constant, the code behind it.
  entryEnd = arith::ConstantIndexOp::create(b, loc(), 0);
}

Value KernelWriter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc(), value);
}

Value KernelWriter::threadId() {
  if (threads == 1)
    return index(0);
  return gpu::ThreadIdOp::create(b, loc(), b.getIndexType(), gpu::Dimension::x,
                                 b.getIndexAttr(threads));
}

Value KernelWriter::blockId() {
  if (blocks == 1)
    return index(0);
  return gpu::BlockIdOp::create(b, loc(), b.getIndexType(), gpu::Dimension::x,
                                b.getIndexAttr(blocks));
}

void KernelWriter::mapIterations(Value number, ArrayRef<scf::ForOp> loops) {
  Value rest = number;
  for (auto [position, entry] : llvm::enumerate(llvm::reverse(loops))) {
    scf::ForOp loop = entry;
    int64_t trips = *tripsOf(loop);
    Value at = rest;
    if (trips == 1) {
      at = index(0);
    } else if (position + 1 < loops.size()) {
      at = arith::RemUIOp::create(b, loc(), rest, index(trips));
      rest = arith::DivUIOp::create(b, loc(), rest, index(trips));
    }
    IntegerAttr step, from;
    matchPattern(loop.getStep(), m_Constant(&step));
    matchPattern(loop.getLowerBound(), m_Constant(&from));
    if (step.getInt() != 1)
      at = arith::MulIOp::create(b, loc(), at, index(step.getInt()));
    if (from.getInt() != 0)
      at = arith::AddIOp::create(b, loc(), at, index(from.getInt()));
    map.map(loop.getInductionVar(), at);
  }
}

Value KernelWriter::mapped(Value value) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  assert(op && "a block argument outside of the kernel");
  if (auto get = dyn_cast<memref::GetGlobalOp>(op)) {
    auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
        get, get.getNameAttr());
    if (global && global->hasAttr("adze.weight")) {
      // Weights come from the host, as arguments.
      Value &argument = weights[get.getName()];
      if (!argument) {
        argument = kernel.getBody().front().addArgument(get.getType(), loc());
        weightOrder.push_back(get.getName().str());
      }
      map.map(value, argument);
      return argument;
    }
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  clone(op);
  return map.lookup(value);
}

Operation *KernelWriter::clone(Operation *op) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isAncestor(operand.getParentBlock()->getParentOp()) &&
          operand.getDefiningOp() != op)
        mapped(operand);
  });
  Operation *copy = b.clone(*op, map);
  copy->walk<WalkOrder::PreOrder>([&](Operation *inner) {
    if (auto array = dyn_cast<memref::AllocaOp>(inner)) {
      array.getResult().setType(
          inSpace(array.getType(), b.getI64IntegerAttr(localSpace)));
      return;
    }
    auto view = dyn_cast<ViewLikeOpInterface>(inner);
    if (!view || inner->getNumResults() != 1)
      return;
    auto from = dyn_cast<MemRefType>(view.getViewSource().getType());
    auto to = dyn_cast<MemRefType>(inner->getResult(0).getType());
    if (from && to && from.getMemorySpace() != to.getMemorySpace())
      inner->getResult(0).setType(inSpace(to, from.getMemorySpace()));
  });
  return copy;
}

void KernelWriter::cloneBody(Block *block) {
  for (Operation &op : block->without_terminator())
    clone(&op);
}

void KernelWriter::makeLocal(Value buffer) {
  auto type = inSpace(cast<MemRefType>(buffer.getType()),
                      b.getI64IntegerAttr(localSpace));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  map.map(buffer, memref::AllocaOp::create(b, loc(), type).getResult());
}

Value KernelWriter::sharedArray(MemRefType type) {
  type = inSpace(type, b.getI64IntegerAttr(3));
  std::string name = (kernel.getSymName() + "_shared" + Twine(arrays++)).str();
  OpBuilder::InsertionGuard outside(module);
  module.setInsertionPoint(kernel);
  memref::GlobalOp::create(module, loc(), name, module.getStringAttr("private"),
                           type, /*initial_value=*/Attribute(),
                           /*constant=*/false,
                           /*alignment=*/module.getI64IntegerAttr(16));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  return memref::GetGlobalOp::create(b, loc(), type, name);
}

void KernelWriter::makeShared(Value buffer) {
  map.map(buffer, sharedArray(cast<MemRefType>(buffer.getType())));
}

KernelWriter::Finished KernelWriter::finish() {
  Finished result;
  Block *body = &kernel.getBody().front();
  for (Value argument : function.getArguments()) {
    result.arguments.push_back(argument);
    result.globals.push_back("");
  }
  for (const std::string &name : weightOrder) {
    result.arguments.push_back(nullptr);
    result.globals.push_back(name);
  }
  llvm::BitVector unused(body->getNumArguments());
  for (int index = body->getNumArguments() - 1; index >= 0; --index) {
    if (!body->getArgument(index).use_empty())
      continue;
    body->eraseArgument(index);
    result.arguments.erase(result.arguments.begin() + index);
    result.globals.erase(result.globals.begin() + index);
  }
  kernel.setFunctionType(
      FunctionType::get(kernel.getContext(), body->getArgumentTypes(), {}));
  result.kernel = kernel;
  return result;
}
