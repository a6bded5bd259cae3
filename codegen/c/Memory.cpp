//===- Memory.cpp - Buffers, loads and stores as C -------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A memref is a pointer to its first element and constant strides, so that
/// every subscript is one linear form of the indices.
///
//===----------------------------------------------------------------------===//

#include "codegen/c/FunctionEmitter.h"
#include "codegen/c/PublicApi.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace adze::c;
using namespace mlir;

/// The constant strides of a memref; none if a stride is not known.
static std::optional<llvm::SmallVector<int64_t>> stridesOf(MemRefType type) {
  llvm::SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(strides, offset)) ||
      llvm::is_contained(strides, ShapedType::kDynamic))
    return std::nullopt;
  return strides;
}

std::optional<Buffer> FunctionEmitter::buffer(Operation *op, Value memref) {
  auto it = buffers.find(memref);
  if (it != buffers.end())
    return it->second;
  op->emitError("works on a buffer that C99 cannot name: buffers are "
                "arguments, views, globals and stack arrays");
  return std::nullopt;
}

Expression FunctionEmitter::pointerTo(const Buffer &memory) {
  if (memory.offset.isConstant() && memory.offset.getConstant() == 0)
    return memory.pointer;
  return binary(memory.pointer, "+", memory.offset.expression());
}

std::optional<Expression> FunctionEmitter::element(Operation *op, Value memref,
                                                   ValueRange indices,
                                                   bool lanes) {
  std::optional<Buffer> memory = buffer(op, memref);
  if (!memory)
    return std::nullopt;
  auto type = cast<MemRefType>(memref.getType());
  auto strides = stridesOf(type);
  if (!strides || memoryType(type.getElementType()).empty()) {
    op->emitError() << "C99 has no form for " << type
                    << ": strides and element type must be known";
    return std::nullopt;
  }
  if (lanes && !strides->empty() && strides->back() != 1) {
    op->emitError("vectors are loaded and stored along a contiguous dimension");
    return std::nullopt;
  }
  LinearForm at = memory->offset;
  for (auto [index, stride] : llvm::zip(indices, *strides))
    at.add(linear(index), stride);
  if (lanes)
    at.add(LinearForm(Expression("l")));
  Expression result = subscript(memory->pointer, at.expression());
  bool isLoad = isa<memref::LoadOp, vector::LoadOp>(op);
  if (type.getElementType().isInteger(1) && isLoad)
    return binary(result, "!=", Expression("0"));
  return result;
}

/// The last words of a long name.
static std::string shortened(llvm::StringRef name) {
  static constexpr size_t maxName = 28;
  while (name.size() > maxName || llvm::isDigit(name.front())) {
    size_t cut = name.find('_');
    if (cut == llvm::StringRef::npos || cut + 1 == name.size())
      return identifier(name.take_back(maxName));
    name = name.drop_front(cut + 1);
  }
  return identifier(name);
}

/// Names a view of the arena after the first kernel that writes it.
std::string FunctionEmitter::viewName(memref::ViewOp op) {
  llvm::SmallVector<Value> pending{op.getResult()};
  std::string reader;
  for (size_t i = 0; i < pending.size(); ++i)
    for (OpOperand &use : pending[i].getUses()) {
      Operation *user = use.getOwner();
      if (auto callOp = dyn_cast<func::CallOp>(user)) {
        auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
            callOp, callOp.getCalleeAttr());
        auto it = context.functions.find(callee);
        if (it == context.functions.end())
          continue;
        unsigned number = use.getOperandNumber();
        llvm::StringRef name = it->second.name;
        name.consume_front(context.model + "_");
        llvm::StringRef parameter = it->second.parameters[number];
        std::string full =
            shortened(name) + "_" + parameter.rtrim("0123456789").str();
        // Uses come last to first: the last assignment is the first call.
        if (it->second.writes[number])
          reader = full;
        else if (reader.empty())
          reader = full;
      } else if (user->getNumResults() == 1 &&
                 isa<MemRefType>(user->getResult(0).getType())) {
        pending.push_back(user->getResult(0));
      }
    }
  return reader.empty() ? "buffer" : reader;
}

LogicalResult FunctionEmitter::emitView(memref::ViewOp op) {
  std::optional<Buffer> source = buffer(op, op.getSource());
  if (!source)
    return failure();
  MemRefType type = op.getType();
  std::string element = memoryType(type.getElementType());
  if (element.empty())
    return op.emitError() << "C99 has no type for elements of " << type;
  if (op.getResult().use_empty())
    return success();
  source->offset.add(linear(op.getByteShift()));
  if (std::optional<CArena> arena = arenaOfView(op)) {
    source->pointer = Expression(arenaPointer(*arena));
    source->offset.add(LinearForm(-arena->begin));
  }
  std::string qualifier = source->isConst ? "const " : "";
  Expression bytes = pointerTo(*source);
  // By way of void: bytes of the arena are aligned for every type.
  Expression typed = cast(qualifier + element + " *",
                          cast(qualifier + "void *", bytes));
  std::string name = scopes.declare(viewName(op));
  line(qualifier + element + " *const " + name + " = " + typed.text + ";");
  Buffer view;
  view.pointer = Expression(name);
  view.isConst = source->isConst;
  buffers[op.getResult()] = view;
  return success();
}

LogicalResult
FunctionEmitter::emitReinterpretCast(memref::ReinterpretCastOp op) {
  std::optional<Buffer> source = buffer(op, op.getSource());
  if (!source)
    return failure();
  Buffer result = *source;
  OpFoldResult offset = op.getMixedOffsets()[0];
  if (auto constant = getConstantIntValue(offset))
    result.offset = LinearForm(*constant);
  else
    result.offset = linear(cast<Value>(offset));
  buffers[op.getResult()] = result;
  return success();
}

LogicalResult FunctionEmitter::emitSubView(memref::SubViewOp op) {
  std::optional<Buffer> source = buffer(op, op.getSource());
  auto strides = stridesOf(cast<MemRefType>(op.getSource().getType()));
  if (!source || !strides)
    return failure();
  Buffer result = *source;
  for (auto [offset, stride] : llvm::zip(op.getMixedOffsets(), *strides)) {
    if (auto constant = getConstantIntValue(offset))
      result.offset.add(LinearForm(*constant), stride);
    else
      result.offset.add(linear(cast<Value>(offset)), stride);
  }
  buffers[op.getResult()] = result;
  return success();
}

LogicalResult FunctionEmitter::emitAlloca(memref::AllocaOp op) {
  MemRefType type = op.getType();
  std::string element = memoryType(type.getElementType());
  if (!type.hasStaticShape() || element.empty())
    return op.emitError() << "C99 without VLA has no array for " << type;
  auto wanted = op->getAttrOfType<StringAttr>("adze.name");
  std::string name =
      scopes.declare(wanted ? identifier(wanted.getValue()) : "tile");
  int64_t count = std::max<int64_t>(type.getNumElements(), 1);
  line(element + " " + name + "[" + std::to_string(count) + "];");
  Buffer memory;
  memory.pointer = Expression(name);
  buffers[op.getResult()] = memory;
  return success();
}

LogicalResult FunctionEmitter::emitCopy(memref::CopyOp op) {
  std::optional<Buffer> from = buffer(op, op.getSource());
  std::optional<Buffer> to = buffer(op, op.getTarget());
  if (!from || !to)
    return failure();
  for (Value side : {op.getSource(), op.getTarget()}) {
    auto type = cast<MemRefType>(side.getType());
    auto strides = stridesOf(type);
    int64_t dense = 1;
    bool contiguous = strides && type.hasStaticShape();
    for (int64_t i = type.getRank() - 1; contiguous && i >= 0; --i) {
      contiguous = type.getDimSize(i) == 1 || (*strides)[i] == dense;
      dense *= type.getDimSize(i);
    }
    if (!contiguous)
      return op.emitError("copies of buffers with gaps have no C99 form");
  }
  auto type = cast<MemRefType>(op.getSource().getType());
  std::string target = pointerTo(*to).text, source = pointerTo(*from).text;
  if (target == source || type.getNumElements() == 0)
    return success();
  bool apart = op.getSource().getDefiningOp<memref::GetGlobalOp>() ||
               op.getSource().getDefiningOp<memref::AllocaOp>() ||
               op.getTarget().getDefiningOp<memref::AllocaOp>();
  context.usesString = true;
  line((apart ? "memcpy(" : "memmove(") + target + ", " + source + ", " +
       std::to_string(type.getNumElements()) + " * sizeof(" +
       memoryType(type.getElementType()) + "));");
  return success();
}

LogicalResult FunctionEmitter::emitMemory(Operation *op) {
  using R = LogicalResult;
  return TypeSwitch<Operation *, R>(op)
      .Case([&](memref::StoreOp store) -> R {
        auto target = element(store, store.getMemRef(), store.getIndices(),
                              /*lanes=*/false);
        if (!target)
          return failure();
        line(assignment(target->text, use(store.getValue())));
        return success();
      })
      .Case([&](memref::ViewOp view) { return emitView(view); })
      .Case([&](memref::ReinterpretCastOp c) { return emitReinterpretCast(c); })
      .Case([&](memref::SubViewOp view) { return emitSubView(view); })
      .Case([&](memref::AllocaOp alloca) { return emitAlloca(alloca); })
      .Case([&](memref::CopyOp copy) { return emitCopy(copy); })
      .Case<memref::CollapseShapeOp, memref::ExpandShapeOp, memref::CastOp>(
          [&](Operation *cast) -> R {
            std::optional<Buffer> source = buffer(cast, cast->getOperand(0));
            if (!source)
              return failure();
            buffers[cast->getResult(0)] = *source;
            return success();
          })
      .Case([&](memref::GetGlobalOp get) -> R {
        auto it = context.globals.find(get.getName());
        if (it == context.globals.end())
          return get.emitError("reads a global that the module does not have");
        Buffer memory;
        memory.pointer = it->second;
        memory.isConst = true;
        buffers[get.getResult()] = memory;
        return success();
      })
      .Case([&](memref::DimOp dim) -> R {
        auto type = dyn_cast<MemRefType>(dim.getSource().getType());
        std::optional<int64_t> index = dim.getConstantIndex();
        if (!type || !index || type.isDynamicDim(*index))
          return dim.emitError("C99 needs dimensions that are known");
        expressions[dim.getResult()] =
            Expression(std::to_string(type.getDimSize(*index)));
        return success();
      })
      .Default([](Operation *other) -> R {
        return other->emitError()
               << "'" << other->getName() << "' has no C99 form";
      });
}
