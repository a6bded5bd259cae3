//===- Integers.cpp - Memory of bytes, values of C's widths -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Emitters know memory of 8, 16, 32 and 64 bits, and values of these widths
/// and of one bit. An integer of another width becomes the next of them, sign
/// extended: signed operations and all comparisons then give what they gave,
/// sums and the like are wrapped again, and unsigned operations take their
/// operands with the upper bits cleared.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/lower/ConvertTypes.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_LEGALIZEINTEGERS
#include "passes/Passes.h.inc"
} // namespace adze

/// The width of an integer that needs another one, else 0.
static unsigned oddWidth(Type type) {
  auto integer = dyn_cast<IntegerType>(getElementTypeOrSelf(type));
  if (!integer)
    return 0;
  unsigned width = integer.getWidth();
  return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, width) ? 0 : width;
}

static unsigned wideWidth(unsigned width) {
  return std::max<unsigned>(8, llvm::PowerOf2Ceil(width));
}

/// Elements that share a byte in memory.
static bool isPacked(Type element) {
  return element.isInteger(2) || element.isInteger(4);
}

static Type convertType(Type type) {
  MLIRContext *context = type.getContext();
  Type i8 = IntegerType::get(context, 8);
  if (auto memref = dyn_cast<MemRefType>(type)) {
    Type element = memref.getElementType();
    if (element.isInteger(1))
      return MemRefType::Builder(memref).setElementType(i8);
    if (!isPacked(element) || !memref.hasStaticShape())
      return type;
    int64_t bits = memref.getNumElements() * element.getIntOrFloatBitWidth();
    return MemRefType::get({(bits + 7) / 8}, i8, AffineMap(),
                           memref.getMemorySpace());
  }
  unsigned width = oddWidth(type);
  if (!width || isa<RankedTensorType>(type))
    return type;
  Type wide = IntegerType::get(context, wideWidth(width));
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(wide);
  return wide;
}

namespace {

class Legalizer {
public:
  explicit Legalizer(ModuleOp module)
      : module(module), builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult checkMemory(Operation *op);
  void legalizeAccess(Operation *op);
  void legalizeCast(Operation *op);
  void legalizeGlobal(memref::GlobalOp global);
  void legalizeValues(Operation *op, ArrayRef<unsigned> operandWidths,
                      ArrayRef<unsigned> resultWidths);
  void keepShapes(func::FuncOp entry);

  /// An integer constant of the type, splat for vectors.
  Value constant(Location loc, Type type, int64_t value);
  Value index(Location loc, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  /// The low `width` bits, sign extended or zero extended.
  Value wrap(Value value, unsigned width);
  Value clearAbove(Value value, unsigned width);
  Value unpack(Location loc, Value bytes, Value position, unsigned width);
  void pack(Location loc, Value bytes, Value position, Value value,
            unsigned width);
  Value linearPosition(Location loc, MemRefType type, ValueRange indices);

  ModuleOp module;
  OpBuilder builder;
};

} // namespace

Value Legalizer::constant(Location loc, Type type, int64_t value) {
  TypedAttr attr = IntegerAttr::get(
      getElementTypeOrSelf(type),
      APInt(getElementTypeOrSelf(type).getIntOrFloatBitWidth(), value, true));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(builder, loc, attr);
}

Value Legalizer::wrap(Value value, unsigned width) {
  Type type = value.getType();
  Location loc = value.getLoc();
  Value shift = constant(
      loc, type, getElementTypeOrSelf(type).getIntOrFloatBitWidth() - width);
  Value up = arith::ShLIOp::create(builder, loc, value, shift);
  return arith::ShRSIOp::create(builder, loc, up, shift);
}

Value Legalizer::clearAbove(Value value, unsigned width) {
  int64_t mask = int64_t((uint64_t(1) << width) - 1);
  return arith::AndIOp::create(builder, value.getLoc(), value,
                               constant(value.getLoc(), value.getType(), mask));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

LogicalResult Legalizer::checkMemory(Operation *op) {
  auto supported = [](Type type) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref)
      return true;
    unsigned width = oddWidth(memref);
    return !width ||
           (isPacked(memref.getElementType()) && memref.hasStaticShape() &&
            memref.getLayout().isIdentity());
  };
  bool fine = llvm::all_of(op->getResultTypes(), supported);
  if (auto function = dyn_cast<func::FuncOp>(op))
    fine &= llvm::all_of(function.getArgumentTypes(), supported);
  if (auto global = dyn_cast<memref::GlobalOp>(op))
    fine &= supported(global.getType());
  if (!fine)
    return op->emitError("memory holds integers of 1, 2, 4, 8, 16, 32 and 64 "
                         "bits, those below 8 in static shapes");
  return success();
}

Value Legalizer::linearPosition(Location loc, MemRefType type,
                                ValueRange indices) {
  Value position;
  for (auto [dim, at] : llvm::zip_equal(type.getShape(), indices)) {
    if (position)
      position = arith::AddIOp::create(
          builder, loc,
          arith::MulIOp::create(builder, loc, position, index(loc, dim)), at);
    else
      position = at;
  }
  return position ? position : index(loc, 0);
}

/// The element at `position`, in an integer of 8 bits, sign extended.
Value Legalizer::unpack(Location loc, Value bytes, Value position,
                        unsigned width) {
  unsigned perByte = 8 / width;
  Value count = index(loc, perByte);
  Value byteAt = arith::DivUIOp::create(builder, loc, position, count);
  Value lane = arith::RemUIOp::create(builder, loc, position, count);
  Value byte =
      memref::LoadOp::create(builder, loc, builder.getI8Type(), bytes, byteAt);
  Value bit = arith::MulIOp::create(builder, loc, lane, index(loc, width));
  Value shift =
      arith::IndexCastOp::create(builder, loc, builder.getI8Type(), bit);
  return wrap(arith::ShRUIOp::create(builder, loc, byte, shift), width);
}

void Legalizer::pack(Location loc, Value bytes, Value position, Value value,
                     unsigned width) {
  Type i8 = builder.getI8Type();
  Value count = index(loc, 8 / width);
  Value byteAt = arith::DivUIOp::create(builder, loc, position, count);
  Value lane = arith::RemUIOp::create(builder, loc, position, count);
  Value bit = arith::MulIOp::create(builder, loc, lane, index(loc, width));
  Value shift = arith::IndexCastOp::create(builder, loc, i8, bit);
  Value byte = memref::LoadOp::create(builder, loc, i8, bytes, byteAt);
  Value field = arith::ShLIOp::create(
      builder, loc, constant(loc, i8, (1 << width) - 1), shift);
  Value others = arith::AndIOp::create(
      builder, loc, byte,
      arith::XOrIOp::create(builder, loc, field, constant(loc, i8, -1)));
  Value moved =
      arith::ShLIOp::create(builder, loc, clearAbove(value, width), shift);
  memref::StoreOp::create(builder, loc,
                          arith::OrIOp::create(builder, loc, others, moved),
                          bytes, byteAt);
}

/// Loads and stores of scalars and vectors whose elements change.
void Legalizer::legalizeAccess(Operation *op) {
  builder.setInsertionPoint(op);
  Location loc = op->getLoc();
  bool isLoad = isa<memref::LoadOp, vector::LoadOp>(op);
  Value memref = op->getOperand(isLoad ? 0 : 1);
  ValueRange indices = op->getOperands().drop_front(isLoad ? 1 : 2);
  auto type = cast<MemRefType>(memref.getType());
  Type element = type.getElementType();
  Type valueType =
      isLoad ? op->getResult(0).getType() : op->getOperand(0).getType();
  auto vector = dyn_cast<VectorType>(valueType);
  Type i8 = builder.getI8Type();

  if (element.isInteger(1)) {
    Type bytes = vector ? Type(vector.clone(i8)) : i8;
    if (!isLoad) {
      op->setOperand(
          0, arith::ExtUIOp::create(builder, loc, bytes, op->getOperand(0)));
      return;
    }
    SmallVector<OpOperand *> uses(
        llvm::make_pointer_range(op->getResult(0).getUses()));
    op->getResult(0).setType(bytes);
    builder.setInsertionPointAfter(op);
    Value isTrue =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne,
                              op->getResult(0), constant(loc, bytes, 0));
    for (OpOperand *use : uses)
      use->set(isTrue);
    return;
  }

  unsigned width = element.getIntOrFloatBitWidth();
  Value first = linearPosition(loc, type, indices);
  SmallVector<Value> lanes;
  for (int64_t lane = 0, count = vector ? vector.getNumElements() : 1;
       lane < count; ++lane) {
    Value position =
        lane ? arith::AddIOp::create(builder, loc, first, index(loc, lane))
             : first;
    if (isLoad) {
      lanes.push_back(unpack(loc, memref, position, width));
      continue;
    }
    Value value = op->getOperand(0);
    if (vector) {
      value = vector::ExtractOp::create(builder, loc, value, lane);
    }
    value.setType(i8);
    pack(loc, memref, position, value, width);
  }
  if (isLoad) {
    Value loaded = vector ? vector::FromElementsOp::create(
                                builder, loc, vector.clone(i8), lanes)
                                .getResult()
                          : lanes[0];
    op->getResult(0).replaceAllUsesWith(loaded);
  }
  op->erase();
}

/// Another shape of packed elements is the same row of bytes.
void Legalizer::legalizeCast(Operation *op) {
  Value from = op->getOperand(0);
  Type fromType = convertType(from.getType());
  Type toType = convertType(op->getResult(0).getType());
  builder.setInsertionPoint(op);
  Value bytes = from;
  if (fromType != toType) {
    auto shape = cast<MemRefType>(toType).getShape();
    bytes = memref::ReinterpretCastOp::create(
        builder, op->getLoc(), cast<MemRefType>(toType), from, /*offset=*/0,
        shape, ArrayRef<int64_t>{1});
  }
  op->getResult(0).replaceAllUsesWith(bytes);
  op->erase();
}

void Legalizer::legalizeGlobal(memref::GlobalOp global) {
  auto elements =
      dyn_cast_or_null<DenseElementsAttr>(global.getInitialValueAttr());
  MemRefType type = global.getType();
  auto bytes = cast<MemRefType>(convertType(type));
  if (!elements || bytes == type)
    return;
  unsigned width = type.getElementType().getIntOrFloatBitWidth();
  SmallVector<uint8_t> values;
  if (width == 1) {
    for (bool value : elements.getValues<bool>())
      values.push_back(value);
  } else {
    values.resize(bytes.getNumElements());
    for (auto [i, value] : llvm::enumerate(elements.getValues<APInt>()))
      values[i * width / 8] |= value.getZExtValue() << (i * width % 8);
  }
  global.setInitialValueAttr(DenseElementsAttr::get(
      RankedTensorType::get(bytes.getShape(), builder.getI8Type()),
      ArrayRef<uint8_t>(values)));
}

void Legalizer::keepShapes(func::FuncOp entry) {
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    if (auto type = dyn_cast<MemRefType>(entry.getArgumentTypes()[i]))
      if (isPacked(type.getElementType()))
        entry.setArgAttr(i, "adze.shape",
                         builder.getDenseI64ArrayAttr(type.getShape()));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Operations that read the bits of their operands as unsigned numbers, except
/// comparisons, minimum and maximum: sign extension keeps the unsigned order.
static bool readsUnsigned(Operation *op) {
  return isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp, arith::ShRUIOp,
             arith::UIToFPOp, arith::ExtUIOp, arith::IndexCastUIOp>(op);
}

/// Operations whose result may not be sign extended from the odd width even if
/// the operands are.
static bool needsWrap(Operation *op) {
  return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp,
             arith::DivSIOp, arith::CeilDivSIOp, arith::FloorDivSIOp,
             arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp, arith::ShRUIOp,
             arith::ExtUIOp, arith::TruncIOp, arith::FPToSIOp, arith::FPToUIOp,
             arith::IndexCastOp, arith::IndexCastUIOp, math::AbsIOp>(op);
}

void Legalizer::legalizeValues(Operation *op, ArrayRef<unsigned> operandWidths,
                               ArrayRef<unsigned> resultWidths) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Type type = convertType(constant.getType());
    unsigned wide = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    if (auto value = dyn_cast<IntegerAttr>(constant.getValue()))
      constant.setValueAttr(
          IntegerAttr::get(type, value.getValue().sext(wide)));
    else if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue()))
      constant.setValueAttr(elements.mapValues(
          getElementTypeOrSelf(type),
          [&](const APInt &value) { return value.sext(wide); }));
    constant.getResult().setType(type);
    return;
  }
  for (Value operand : op->getOperands())
    operand.setType(convertType(operand.getType()));
  builder.setInsertionPoint(op);
  if (readsUnsigned(op))
    for (auto [operand, width] :
         llvm::zip_equal(op->getOpOperands(), operandWidths))
      if (width)
        operand.set(clearAbove(operand.get(), width));
  Value result = op->getResult(0);
  SmallVector<OpOperand *> uses(llvm::make_pointer_range(result.getUses()));
  result.setType(convertType(result.getType()));
  Value final = result;
  // A cast may now go between equal widths, or the other way.
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op)) {
    Value value = op->getOperand(0);
    unsigned from =
        getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
    unsigned to =
        getElementTypeOrSelf(result.getType()).getIntOrFloatBitWidth();
    if (from == to)
      final = value;
  }
  builder.setInsertionPointAfter(op);
  if (!resultWidths.empty() && resultWidths[0] && needsWrap(op))
    final = wrap(final, resultWidths[0]);
  if (final == result)
    return;
  for (OpOperand *use : uses)
    use->set(final);
  if (result.use_empty())
    op->erase();
}

LogicalResult Legalizer::run() {
  SmallVector<Operation *> accesses, casts;
  struct Widths {
    Operation *op;
    SmallVector<unsigned, 2> operands, results;
  };
  SmallVector<Widths> values;
  WalkResult walked = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (lower::isDeviceCode(op))
      return WalkResult::skip();
    if (failed(checkMemory(op)))
      return WalkResult::interrupt();
    if (auto global = dyn_cast<memref::GlobalOp>(op))
      legalizeGlobal(global);
    if (auto function = dyn_cast<func::FuncOp>(op);
        function && function->hasAttr("adze.entry"))
      keepShapes(function);
    auto changes = [](Value memref) {
      auto type = dyn_cast<MemRefType>(memref.getType());
      return type && convertType(type) != type;
    };
    if (isa<memref::LoadOp, vector::LoadOp>(op)) {
      if (changes(op->getOperand(0)))
        accesses.push_back(op);
    } else if (isa<memref::StoreOp, vector::StoreOp>(op)) {
      if (changes(op->getOperand(1)))
        accesses.push_back(op);
    } else if (isa<memref::ReinterpretCastOp, memref::CollapseShapeOp,
                   memref::ExpandShapeOp, memref::CastOp>(op)) {
      if (isPacked(
              cast<MemRefType>(op->getOperand(0).getType()).getElementType()))
        casts.push_back(op);
    } else if (isa<arith::ArithDialect, math::MathDialect>(op->getDialect())) {
      Widths widths{op, {}, {}};
      llvm::append_range(widths.operands,
                         llvm::map_range(op->getOperandTypes(), oddWidth));
      llvm::append_range(widths.results,
                         llvm::map_range(op->getResultTypes(), oddWidth));
      auto isOdd = [](unsigned width) { return width != 0; };
      if (llvm::any_of(widths.operands, isOdd) ||
          llvm::any_of(widths.results, isOdd)) {
        if (op->getNumResults() != 1 || isa<arith::BitcastOp>(op) ||
            (isa<math::MathDialect>(op->getDialect()) &&
             !isa<math::AbsIOp>(op))) {
          op->emitError("is not supported on integers of this width");
          return WalkResult::interrupt();
        }
        values.push_back(std::move(widths));
      }
    }
    if (auto reduction = dyn_cast<vector::ReductionOp>(op);
        reduction && oddWidth(reduction.getType())) {
      op->emitError("is not supported on integers of this width");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (const Widths &widths : values)
    legalizeValues(widths.op, widths.operands, widths.results);
  for (Operation *op : accesses)
    legalizeAccess(op);
  for (Operation *op : casts)
    legalizeCast(op);
  lower::convertTypes(module, convertType);
  return success();
}

namespace {
struct LegalizeIntegersPass final
    : adze::impl::LegalizeIntegersBase<LegalizeIntegersPass> {
  void runOnOperation() override {
    if (failed(Legalizer(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace
