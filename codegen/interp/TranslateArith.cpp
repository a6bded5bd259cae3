//===- TranslateArith.cpp - arith to bytecode -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/interp/Translator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze;
using namespace adze::interp;

std::optional<SmallFloat> adze::interp::smallFloat(Type element) {
  return TypeSwitch<Type, std::optional<SmallFloat>>(element)
      .Case([](Float16Type) { return SmallFloat::F16; })
      .Case([](BFloat16Type) { return SmallFloat::BF16; })
      .Case([](Float8E4M3FNType) { return SmallFloat::F8E4M3FN; })
      .Case([](Float8E4M3FNUZType) { return SmallFloat::F8E4M3FNUZ; })
      .Case([](Float8E5M2Type) { return SmallFloat::F8E5M2; })
      .Case([](Float8E5M2FNUZType) { return SmallFloat::F8E5M2FNUZ; })
      .Case([](Float8E8M0FNUType) { return SmallFloat::F8E8M0FNU; })
      .Case([](Float4E2M1FNType) { return SmallFloat::F4E2M1FN; })
      .Default(std::nullopt);
}

void Translator::emitLanes(Operation *op, Opcode opcode, int64_t imm,
                           uint8_t kind) {
  uint32_t operands[3] = {};
  for (auto [i, operand] : llvm::enumerate(op->getOperands().take_front(3)))
    operands[i] = slotOf(operand);
  uint32_t result = slotOf(op->getResult(0));
  uint32_t lanes = laneCount(op->getResult(0).getType());
  for (uint32_t l = 0; l < lanes; ++l) {
    int64_t third = op->getNumOperands() > 2 ? operands[2] + l : imm;
    emit(op, opcode, result + l, operands[0] + l, operands[1] + l, third).kind =
        kind;
  }
}

void Translator::roundResult(Operation *op) {
  Type type = op->getResult(0).getType();
  std::optional<SmallFloat> format = smallFloat(getElementTypeOrSelf(type));
  if (!format)
    return;
  uint32_t result = slotOf(op->getResult(0));
  for (uint32_t l = 0, lanes = laneCount(type); l < lanes; ++l)
    emit(op, Opcode::RoundSmall, result + l, result + l).kind =
        uint8_t(*format);
}

bool Translator::translateConstant(Operation *op) {
  if (isa<ub::PoisonOp>(op)) {
    slotOf(op->getResult(0)); // zeros
    return true;
  }
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (!constant)
    return false;
  auto asSlot = [](Attribute value) -> std::optional<Slot> {
    Slot slot{0};
    if (auto integer = dyn_cast<IntegerAttr>(value)) {
      slot.i = integer.getValue().getSExtValue();
      return slot;
    }
    auto real = dyn_cast<FloatAttr>(value);
    if (!real)
      return std::nullopt;
    if (real.getType().isF64()) {
      slot.d = real.getValue().convertToDouble();
      return slot;
    }
    slot.f = real.getValue().convertToFloat();
    return slot;
  };
  if (std::optional<Slot> value = asSlot(constant.getValue())) {
    slots[constant] = constantSlot(*value);
    return true;
  }
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !isa<VectorType>(constant.getType()))
    return (void)fail(op, "a constant of this level is a number or a vector"),
           true;
  uint32_t slot = slotOf(constant);
  for (Attribute value : elements.getValues<Attribute>())
    program.code.slots[slot++] = *asSlot(value);
  return true;
}

bool Translator::translateInteger(Operation *op) {
  std::optional<Opcode> opcode =
      TypeSwitch<Operation *, std::optional<Opcode>>(op)
          .Case([](arith::AddIOp) { return Opcode::Add; })
          .Case([](arith::SubIOp) { return Opcode::Sub; })
          .Case([](arith::MulIOp) { return Opcode::Mul; })
          .Case([](arith::AndIOp) { return Opcode::And; })
          .Case([](arith::OrIOp) { return Opcode::Or; })
          .Case([](arith::XOrIOp) { return Opcode::Xor; })
          .Case([](arith::ShLIOp) { return Opcode::Shl; })
          .Case([](arith::ShRUIOp) { return Opcode::ShrU; })
          .Case([](arith::ShRSIOp) { return Opcode::ShrS; })
          .Case([](arith::DivSIOp) { return Opcode::DivS; })
          .Case([](arith::DivUIOp) { return Opcode::DivU; })
          .Case([](arith::RemSIOp) { return Opcode::RemS; })
          .Case([](arith::RemUIOp) { return Opcode::RemU; })
          .Case([](arith::CeilDivSIOp) { return Opcode::CeilDivS; })
          .Case([](arith::CeilDivUIOp) { return Opcode::CeilDivU; })
          .Case([](arith::FloorDivSIOp) { return Opcode::FloorDivS; })
          .Case([](arith::MaxSIOp) { return Opcode::MaxS; })
          .Case([](arith::MaxUIOp) { return Opcode::MaxU; })
          .Case([](arith::MinSIOp) { return Opcode::MinS; })
          .Case([](arith::MinUIOp) { return Opcode::MinU; })
          .Default(std::nullopt);
  if (opcode) {
    emitLanes(op, *opcode, wrapShift(op->getResult(0).getType()));
    return true;
  }

  // Two results: the low part, and the carry or the high part.
  auto extended = [&](Opcode low, Opcode high) {
    int64_t shift = wrapShift(op->getOperand(0).getType());
    uint32_t x = slotOf(op->getOperand(0)), y = slotOf(op->getOperand(1));
    uint32_t first = slotOf(op->getResult(0));
    uint32_t second = slotOf(op->getResult(1));
    for (uint32_t l = 0, e = laneCount(op->getOperand(0).getType()); l < e;
         ++l) {
      emit(op, low, first + l, x + l, y + l, shift);
      emit(op, high, second + l, x + l, y + l, shift);
    }
    return true;
  };
  if (isa<arith::AddUIExtendedOp>(op))
    return extended(Opcode::Add, Opcode::AddCarry);
  if (isa<arith::MulSIExtendedOp>(op))
    return extended(Opcode::Mul, Opcode::MulHighS);
  if (isa<arith::MulUIExtendedOp>(op))
    return extended(Opcode::Mul, Opcode::MulHighU);

  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    using Predicate = arith::CmpIPredicate;
    Opcode opcode = Opcode::CmpEq;
    bool swap = false;
    switch (compare.getPredicate()) {
    case Predicate::eq:
      break;
    case Predicate::ne:
      opcode = Opcode::CmpNe;
      break;
    case Predicate::sgt:
      swap = true;
      [[fallthrough]];
    case Predicate::slt:
      opcode = Opcode::CmpSlt;
      break;
    case Predicate::sge:
      swap = true;
      [[fallthrough]];
    case Predicate::sle:
      opcode = Opcode::CmpSle;
      break;
    case Predicate::ugt:
      swap = true;
      [[fallthrough]];
    case Predicate::ult:
      opcode = Opcode::CmpUlt;
      break;
    case Predicate::uge:
      swap = true;
      [[fallthrough]];
    case Predicate::ule:
      opcode = Opcode::CmpUle;
      break;
    }
    uint32_t x = slotOf(compare.getLhs()), y = slotOf(compare.getRhs());
    if (swap)
      std::swap(x, y);
    uint32_t result = slotOf(compare);
    for (uint32_t l = 0, e = laneCount(compare.getType()); l < e; ++l)
      emit(op, opcode, result + l, x + l, y + l);
    return true;
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    // One condition may choose between vectors.
    uint32_t condition = slotOf(select.getCondition());
    uint32_t step = isa<VectorType>(select.getCondition().getType()) ? 1 : 0;
    uint32_t yes = slotOf(select.getTrueValue());
    uint32_t no = slotOf(select.getFalseValue());
    uint32_t result = slotOf(select);
    for (uint32_t l = 0, e = laneCount(select.getType()); l < e; ++l)
      emit(op, Opcode::Select, result + l, condition + step * l, yes + l,
           no + l);
    return true;
  }
  return false;
}

bool Translator::translateFloat(Operation *op) {
  // Names the f32 form; the f64 form is the next opcode.
  std::optional<Opcode> opcode =
      TypeSwitch<Operation *, std::optional<Opcode>>(op)
          .Case([](arith::AddFOp) { return Opcode::AddF32; })
          .Case([](arith::SubFOp) { return Opcode::SubF32; })
          .Case([](arith::MulFOp) { return Opcode::MulF32; })
          .Case([](arith::DivFOp) { return Opcode::DivF32; })
          .Case([](arith::RemFOp) { return Opcode::RemF32; })
          .Case([](arith::NegFOp) { return Opcode::NegF32; })
          .Case([](arith::MaximumFOp) { return Opcode::MaximumF32; })
          .Case([](arith::MinimumFOp) { return Opcode::MinimumF32; })
          .Case([](arith::MaxNumFOp) { return Opcode::MaxNumF32; })
          .Case([](arith::MinNumFOp) { return Opcode::MinNumF32; })
          .Default(std::nullopt);
  if (opcode) {
    bool isDouble = getElementTypeOrSelf(op->getResult(0)).isF64();
    emitLanes(op, Opcode(unsigned(*opcode) + isDouble));
    roundResult(op);
    return true;
  }
  auto compare = dyn_cast<arith::CmpFOp>(op);
  if (!compare)
    return false;
  // Bits: equal, greater, less, unordered.
  constexpr uint8_t relations[16] = {
      /*false*/ 0, /*oeq*/ 1,  /*ogt*/ 2,  /*oge*/ 3,
      /*olt*/ 4,   /*ole*/ 5,  /*one*/ 6,  /*ord*/ 7,
      /*ueq*/ 9,   /*ugt*/ 10, /*uge*/ 11, /*ult*/ 12,
      /*ule*/ 13,  /*une*/ 14, /*uno*/ 8,  /*true*/ 15};
  static_assert(unsigned(arith::CmpFPredicate::UEQ) == 8 &&
                unsigned(arith::CmpFPredicate::UNO) == 14);
  bool isDouble = getElementTypeOrSelf(compare.getLhs()).isF64();
  emitLanes(op, isDouble ? Opcode::CmpF64 : Opcode::CmpF32, 0,
            relations[unsigned(compare.getPredicate())]);
  return true;
}

bool Translator::translateConversion(Operation *op) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1 ||
      !isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
    return false;
  Type from = getElementTypeOrSelf(op->getOperand(0).getType());
  Type to = getElementTypeOrSelf(op->getResult(0).getType());
  bool fromDouble = from.isF64(), toDouble = to.isF64();
  auto either = [](Opcode f32, bool isDouble) {
    return Opcode(unsigned(f32) + isDouble);
  };
  if (isa<arith::ExtSIOp, arith::IndexCastOp, arith::TruncIOp>(op)) {
    if (wrapShift(to) <= wrapShift(from))
      emitLanes(op, Opcode::Move); // already sign extended
    else
      emitLanes(op, Opcode::SignExtend, wrapShift(to));
    return true;
  }
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op)) {
    if (wrapShift(to) < wrapShift(from))
      emitLanes(op, Opcode::ZeroExtend, wrapShift(from));
    else
      emitLanes(op, Opcode::SignExtend, wrapShift(to));
    return true;
  }
  if (isa<arith::SIToFPOp>(op)) {
    emitLanes(op, either(Opcode::SToF32, toDouble), wrapShift(from));
    roundResult(op);
    return true;
  }
  if (isa<arith::UIToFPOp>(op)) {
    emitLanes(op, either(Opcode::UToF32, toDouble), wrapShift(from));
    roundResult(op);
    return true;
  }
  if (isa<arith::FPToSIOp>(op)) {
    emitLanes(op, either(Opcode::F32ToS, fromDouble), wrapShift(to));
    return true;
  }
  if (isa<arith::FPToUIOp>(op)) {
    emitLanes(op, either(Opcode::F32ToU, fromDouble), wrapShift(to));
    return true;
  }
  if (isa<arith::ExtFOp>(op)) {
    emitLanes(op, toDouble && !fromDouble ? Opcode::F32ToF64 : Opcode::Move);
    return true;
  }
  if (isa<arith::TruncFOp>(op)) {
    emitLanes(op, !fromDouble || toDouble ? Opcode::Move
                  : smallFloat(to)        ? Opcode::F64ToF32Odd
                                          : Opcode::F64ToF32);
    roundResult(op);
    return true;
  }
  if (!isa<arith::BitcastOp>(op))
    return false;
  std::optional<SmallFloat> fromSmall = smallFloat(from);
  std::optional<SmallFloat> toSmall = smallFloat(to);
  if (fromSmall && isa<IntegerType>(to))
    emitLanes(op, Opcode::EncodeSmall, wrapShift(to), uint8_t(*fromSmall));
  else if (toSmall && isa<IntegerType>(from))
    emitLanes(op, Opcode::DecodeSmall, 0, uint8_t(*toSmall));
  else if (fromSmall != toSmall)
    return (void)fail(op, "bitcasts between small floats are not supported"),
           true;
  else if (from.isF32() && isa<IntegerType>(to))
    emitLanes(op, Opcode::SignExtend, 32);
  else
    emitLanes(op, Opcode::Move);
  return true;
}
