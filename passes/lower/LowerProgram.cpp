//===- LowerProgram.cpp - The planned program becomes functions over buffers -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Kernels become private functions over buffers; the program becomes the
/// entry function, whose buffers are its arguments, views of the arena at the
/// planned offsets, and globals for the constants (see docs/architecture.md,
/// "loops").
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "adze/Names.h"
#include "passes/lower/KernelLowering.h"

using namespace mlir;
using namespace adze;
using namespace adze::lower;

namespace adze {
#define GEN_PASS_DEF_LOWERPROGRAM
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

class ProgramLowering {
public:
  ProgramLowering(ModuleOp module, func::FuncOp program)
      : module(module), program(program), builder(module.getContext()) {}

  void run();

private:
  void lowerBlock(Block &block);
  void lowerOp(Operation *op);
  MemRefType bufferType(Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  }
  Value arenaView(MemRefType type, int64_t offset);
  /// The buffer of a result: the output it goes to, or its place in the arena.
  Value place(Value result, ArrayRef<int64_t> offsets, unsigned index);
  Value global(ConstantOp constant);
  Value loadCondition(Value buffer, Location loc);
  Value viewAs(Value buffer, MemRefType type, Location loc);
  Value pieceOf(Value buffer, MemRefType type, int64_t elements, Location loc);
  void assign(Value value, Value output);
  void copyTo(Value from, Value to, Location loc) {
    if (!samePlace(from, to))
      memref::CopyOp::create(builder, loc, from, to);
  }
  /// Whether two buffers are the same bytes: planned at the same offset, or
  /// casts of one buffer.
  static bool samePlace(Value a, Value b) {
    auto base = [](Value v) {
      while (auto cast = v.getDefiningOp<memref::ReinterpretCastOp>())
        v = cast.getSource();
      return v;
    };
    a = base(a);
    b = base(b);
    if (a == b)
      return true;
    auto x = a.getDefiningOp<memref::ViewOp>(),
         y = b.getDefiningOp<memref::ViewOp>();
    if (!x || !y)
      return false;
    auto cx = x.getByteShift().getDefiningOp<arith::ConstantIndexOp>();
    auto cy = y.getByteShift().getDefiningOp<arith::ConstantIndexOp>();
    return cx && cy && cx.value() == cy.value() &&
           base(x.getSource()) == base(y.getSource());
  }

  ModuleOp module;
  func::FuncOp program;
  OpBuilder builder;
  llvm::StringMap<func::FuncOp> kernels;
  llvm::DenseMap<Attribute, memref::GlobalOp> globals;
  llvm::DenseMap<Value, Value> buffers;
  llvm::DenseMap<Value, Value> assigned; // results that live in outputs
  Value arena;
};

} // namespace

Value ProgramLowering::arenaView(MemRefType type, int64_t offset) {
  Value at = arith::ConstantIndexOp::create(builder, program.getLoc(), offset);
  return memref::ViewOp::create(builder, program.getLoc(), type, arena, at,
                                ValueRange{});
}

Value ProgramLowering::place(Value result, ArrayRef<int64_t> offsets,
                             unsigned index) {
  if (Value output = assigned.lookup(result))
    return output;
  assert(index < offsets.size() && offsets[index] >= 0 &&
         "plan-memory runs before lower-program");
  return arenaView(bufferType(result.getType()), offsets[index]);
}

Value ProgramLowering::global(ConstantOp constant) {
  memref::GlobalOp &made = globals[constant.getValue()];
  MemRefType type = bufferType(constant.getType());
  if (!made) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    std::string name = "constant";
    if (auto weight = dyn_cast<WeightAttr>(constant.getValue()))
      name = cIdentifier(weight.getName());
    std::string unique = name;
    for (unsigned i = 1; SymbolTable::lookupSymbolIn(module, unique); ++i)
      unique = name + "_" + std::to_string(i);
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    made = memref::GlobalOp::create(
        top, constant.getLoc(), unique, top.getStringAttr("private"), type,
        dense ? Attribute(dense) : Attribute(top.getUnitAttr()),
        /*constant=*/true, /*alignment=*/IntegerAttr());
    if (!dense)
      made->setAttr("adze.weight", constant.getValue());
  }
  return memref::GetGlobalOp::create(builder, constant.getLoc(), type,
                                     made.getSymName());
}

Value ProgramLowering::loadCondition(Value buffer, Location loc) {
  SmallVector<Value> zeros(cast<MemRefType>(buffer.getType()).getRank(),
                           arith::ConstantIndexOp::create(builder, loc, 0));
  return memref::LoadOp::create(builder, loc, buffer, zeros);
}

/// The same bytes with another shape. An empty buffer has strides of 0, which
/// a cast does not accept: any place in the arena serves.
Value ProgramLowering::viewAs(Value buffer, MemRefType type, Location loc) {
  if (type.getNumElements() == 0)
    return memref::ViewOp::create(
        builder, loc, type, arena,
        arith::ConstantIndexOp::create(builder, loc, 0),
        ValueRange{});
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (unsigned axis = strides.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * type.getDimSize(axis);
  return memref::ReinterpretCastOp::create(builder, loc, type, buffer,
                                           /*offset=*/0, type.getShape(),
                                           strides);
}

/// The elements of a buffer from number `elements` on, which plan-memory allows
/// for buffers in the arena and for bytes.
Value ProgramLowering::pieceOf(Value buffer, MemRefType type, int64_t elements,
                               Location loc) {
  if (type.getNumElements() == 0)
    return viewAs(buffer, type, loc);
  while (auto cast = buffer.getDefiningOp<memref::ReinterpretCastOp>())
    buffer = cast.getSource();
  int64_t offset = elements * type.getElementTypeBitWidth() / 8;
  if (auto view = buffer.getDefiningOp<memref::ViewOp>()) {
    auto shift = view.getByteShift().getDefiningOp<arith::ConstantIndexOp>();
    buffer = view.getSource();
    offset += shift.value();
  } else {
    auto whole = cast<MemRefType>(buffer.getType());
    assert(whole.getElementType().isInteger(8) &&
           "plan-memory refuses pieces of anything but bytes here");
    buffer = viewAs(
        buffer, MemRefType::get({whole.getNumElements()}, builder.getI8Type()),
        loc);
  }
  Value at = arith::ConstantIndexOp::create(builder, loc, offset);
  return memref::ViewOp::create(builder, loc, type, buffer, at, ValueRange{});
}

/// `value` is made in an output; so are the parts of a join.
void ProgramLowering::assign(Value value, Value output) {
  assigned[value] = output;
  auto join = value.getDefiningOp<kernel::JoinOp>();
  if (!join)
    return;
  int64_t elements = 0;
  for (Value part : join.getParts()) {
    MemRefType type = bufferType(part.getType());
    assign(part, pieceOf(output, type, elements, join.getLoc()));
    elements += type.getNumElements();
  }
}

void ProgramLowering::lowerOp(Operation *op) {
  Location loc = op->getLoc();
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    buffers[constant] = global(constant);
    return;
  }
  if (auto view = dyn_cast<kernel::ViewOp>(op)) {
    Value from = buffers.lookup(view.getInput());
    MemRefType type = bufferType(view.getType());
    buffers[view] =
        view.isWhole()
            ? viewAs(from, type, loc)
            : pieceOf(from, type, static_cast<int64_t>(view.getOffset()), loc);
    return;
  }
  if (auto join = dyn_cast<kernel::JoinOp>(op)) {
    ArrayRef<int64_t> offsets = join.getOffsets().value_or(ArrayRef<int64_t>{});
    buffers[join] = place(join.getWhole(), offsets, 0);
    return;
  }
  if (auto call = dyn_cast<kernel::CallOp>(op)) {
    func::FuncOp kernel = kernels[call.getCallee()];
    SmallVector<Value> arguments;
    for (Value input : call.getInputs())
      arguments.push_back(buffers.lookup(input));
    ArrayRef<int64_t> offsets = call.getOffsets().value_or(ArrayRef<int64_t>{});
    for (auto [i, result] : llvm::enumerate(call.getOutputs())) {
      Value buffer = place(result, offsets, i);
      buffers[result] = buffer;
      arguments.push_back(buffer);
    }
    ArrayRef<int64_t> scratch =
        call.getScratchOffsets().value_or(ArrayRef<int64_t>{});
    for (int64_t offset : scratch)
      arguments.push_back(arenaView(
          cast<MemRefType>(kernel.getArgumentTypes()[arguments.size()]),
          offset));
    func::CallOp::create(builder, loc, kernel, arguments);
    return;
  }
  if (auto branch = dyn_cast<kernel::IfOp>(op)) {
    ArrayRef<int64_t> offsets =
        branch.getOffsets().value_or(ArrayRef<int64_t>{});
    for (auto [i, result] : llvm::enumerate(branch.getOutputs()))
      buffers[result] = place(result, offsets, i);
    Value condition = loadCondition(buffers.lookup(branch.getCondition()), loc);
    auto made = scf::IfOp::create(builder, loc, condition, true);
    for (auto [from, to] :
         {std::pair<Region *, Region *>{&branch.getThenRegion(),
                                        &made.getThenRegion()},
          {&branch.getElseRegion(), &made.getElseRegion()}}) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(to->front().getTerminator());
      auto yield = cast<kernel::YieldOp>(from->front().getTerminator());
      lowerBlock(from->front());
      for (auto [value, result] :
           llvm::zip(yield.getValues(), branch.getOutputs()))
        copyTo(buffers.lookup(value), buffers.lookup(result), loc);
    }
    return;
  }
  if (auto loop = dyn_cast<kernel::WhileOp>(op)) {
    ArrayRef<int64_t> offsets = loop.getOffsets().value_or(ArrayRef<int64_t>{});
    Block &body = loop.getBody().front();
    for (auto [i, result] : llvm::enumerate(loop.getOutputs())) {
      Value buffer = place(result, offsets, i);
      copyTo(buffers.lookup(loop.getInits()[i]), buffer, loc);
      buffers[result] = buffer;
      buffers[body.getArgument(i)] = buffer;
    }
    Value first = loadCondition(buffers.lookup(loop.getCondition()), loc);
    auto made = scf::WhileOp::create(
        builder, loc, TypeRange{builder.getI1Type()}, ValueRange{first},
        [&](OpBuilder &b, Location l, ValueRange a) {
          scf::ConditionOp::create(b, l, a[0], a);
        },
        [&](OpBuilder &b, Location l, ValueRange a) {
          OpBuilder::InsertionGuard guard(builder);
          builder.setInsertionPoint(b.getInsertionBlock(),
                                    b.getInsertionPoint());
          lowerBlock(body);
          auto yield = cast<kernel::YieldOp>(body.getTerminator());
          Value next = loadCondition(buffers.lookup(yield.getValues()[0]), l);
          // Values that trade places go through scratch first.
          ArrayRef<int64_t> scratch =
              loop.getScratchOffsets().value_or(ArrayRef<int64_t>{});
          SmallVector<Value> sources;
          for (auto [i, value] :
               llvm::enumerate(yield.getValues().drop_front())) {
            Value source = buffers.lookup(value);
            if (i < scratch.size() && scratch[i] >= 0) {
              Value held =
                  arenaView(cast<MemRefType>(source.getType()), scratch[i]);
              copyTo(source, held, l);
              source = held;
            }
            sources.push_back(source);
          }
          for (auto [source, result] : llvm::zip(sources, loop.getOutputs()))
            copyTo(source, buffers.lookup(result), l);
          scf::YieldOp::create(builder, l, next);
        });
    (void)made;
    return;
  }
  llvm_unreachable("form-kernels leaves nothing else in the program");
}

void ProgramLowering::lowerBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    lowerOp(&op);
}

void ProgramLowering::run() {
  builder.setInsertionPointToEnd(module.getBody());
  SymbolTable symbols(module);
  for (auto kernel :
       llvm::make_early_inc_range(module.getOps<kernel::FuncOp>())) {
    std::string name = kernel.getSymName().str();
    auto function = symbols.lookup<func::FuncOp>(loopsName(name));
    assert(function && "lower-kernels runs before lower-program");
    kernels[name] = function;
    symbols.erase(kernel);
    symbols.remove(function);
    function.setSymName(name);
    symbols.insert(function);
  }

  // The entry: inputs, outputs, arena.
  Location loc = program.getLoc();
  builder.setInsertionPointToEnd(module.getBody());
  int64_t arenaSize = 0;
  if (auto size = module->getAttrOfType<IntegerAttr>("adze.arena_size"))
    arenaSize = size.getInt();
  SmallVector<Type> types;
  for (Type type : program.getArgumentTypes())
    types.push_back(bufferType(type));
  for (Type type : program.getResultTypes())
    types.push_back(bufferType(type));
  types.push_back(MemRefType::get({arenaSize}, builder.getI8Type()));
  auto entry = func::FuncOp::create(builder, loc, "run",
                                    builder.getFunctionType(types, {}));
  entry->setAttr("adze.entry", builder.getUnitAttr());
  Block *body = entry.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(body);

  arena = entry.getArguments().back();
  unsigned position = 0;
  auto annotate = [&](StringRef kind, DictionaryAttr attrs) {
    entry.setArgAttr(position, "adze.kind", builder.getStringAttr(kind));
    if (attrs)
      for (StringRef key : {"adze.name", "adze.type"})
        if (Attribute value = attrs.get(key))
          entry.setArgAttr(position, key, value);
    ++position;
  };
  for (unsigned i = 0; i < program.getNumArguments(); ++i) {
    buffers[program.getArgument(i)] = entry.getArgument(position);
    annotate("input", program.getArgAttrDict(i));
  }
  auto ret = cast<func::ReturnOp>(program.getBody().front().getTerminator());
  SmallVector<std::pair<Value, Value>> copies;
  for (unsigned i = 0; i < program.getNumResults(); ++i) {
    Value output = entry.getArgument(position);
    Value value = ret.getOperand(i);
    // The memory plan leaves a result without an offset if it may live in the
    // output; anything else is copied there at the end.
    Value source = value;
    for (auto view = source.getDefiningOp<kernel::ViewOp>();
         view && view.isWhole(); view = source.getDefiningOp<kernel::ViewOp>())
      source = view.getInput();
    auto offsetOf = [&](Value v) -> int64_t {
      Operation *op = v.getDefiningOp();
      if (!op)
        return 0;
      auto offsets = op->getAttrOfType<DenseI64ArrayAttr>("offsets");
      unsigned number = cast<OpResult>(v).getResultNumber();
      return offsets && number < size_t(offsets.size()) ? offsets[number] : 0;
    };
    bool direct = source.getDefiningOp() &&
                  !isa<ConstantOp>(source.getDefiningOp()) &&
                  offsetOf(source) == -1 && !assigned.count(source);
    if (direct) {
      assign(source,
             source == value
                 ? output
                 : viewAs(output, bufferType(source.getType()), loc));
    } else {
      copies.push_back({value, output});
    }
    annotate("output", program.getResultAttrDict(i));
  }
  annotate("arena", nullptr);

  lowerBlock(program.getBody().front());
  for (auto [value, output] : copies)
    copyTo(buffers.lookup(value), output, loc);
  program.erase();
}

namespace {
struct LowerProgramPass final
    : adze::impl::LowerProgramBase<LowerProgramPass> {
  void runOnOperation() override {
    auto program = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!program) {
      getOperation().emitError("there is no program @main");
      return signalPassFailure();
    }
    ProgramLowering(getOperation(), program).run();
  }
};
} // namespace
