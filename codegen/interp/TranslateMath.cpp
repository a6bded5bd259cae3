//===- TranslateMath.cpp - math and the runtime's functions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/interp/RuntimeFunctions.h"
#include "codegen/interp/Translator.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace adze;
using namespace adze::interp;

/// The C name (of the double form) of the operations that runtime/core holds.
static StringRef runtimeName(Operation *op) {
  return StringSwitch<StringRef>(op->getName().stripDialect())
      .Cases({"exp", "exp2", "expm1", "log", "log2", "log10", "log1p"},
             op->getName().stripDialect())
      .Cases({"sin", "cos", "tan", "asin", "acos", "atan", "atan2"},
             op->getName().stripDialect())
      .Cases({"sinh", "cosh", "tanh", "asinh", "acosh", "atanh"},
             op->getName().stripDialect())
      .Cases({"erf", "erfc", "cbrt", "rsqrt"}, op->getName().stripDialect())
      .Case("powf", "pow")
      .Default({});
}

bool Translator::translateMath(Operation *op) {
  if (!isa_and_nonnull<math::MathDialect>(op->getDialect()))
    return false;
  Type element = getElementTypeOrSelf(op->getOperand(0).getType());
  bool isDouble = element.isF64();

  // Names the f32 form; the f64 form is the next opcode.
  std::optional<Opcode> opcode =
      TypeSwitch<Operation *, std::optional<Opcode>>(op)
          .Case([](math::AbsFOp) { return Opcode::AbsF32; })
          .Case([](math::CeilOp) { return Opcode::CeilF32; })
          .Case([](math::FloorOp) { return Opcode::FloorF32; })
          .Case([](math::TruncOp) { return Opcode::TruncF32; })
          .Case([](math::RoundOp) { return Opcode::RoundF32; })
          .Case([](math::RoundEvenOp) { return Opcode::RoundEvenF32; })
          .Case([](math::SqrtOp) { return Opcode::SqrtF32; })
          .Case([](math::CopySignOp) { return Opcode::CopySignF32; })
          .Case([](math::FmaOp) { return Opcode::FmaF32; })
          .Case([](math::FPowIOp) { return Opcode::PowIF32; })
          .Default(std::nullopt);
  if (opcode) {
    emitLanes(op, Opcode(unsigned(*opcode) + isDouble));
    roundResult(op);
    return true;
  }
  std::optional<FloatClass> which =
      TypeSwitch<Operation *, std::optional<FloatClass>>(op)
          .Case([](math::IsFiniteOp) { return FloatClass::Finite; })
          .Case([](math::IsInfOp) { return FloatClass::Infinite; })
          .Case([](math::IsNaNOp) { return FloatClass::NaN; })
          .Case([](math::IsNormalOp) { return FloatClass::Normal; })
          .Default(std::nullopt);
  if (which) {
    emitLanes(op, isDouble ? Opcode::IsClassF64 : Opcode::IsClassF32, 0,
              uint8_t(*which));
    return true;
  }
  std::optional<Opcode> integer =
      TypeSwitch<Operation *, std::optional<Opcode>>(op)
          .Case([](math::AbsIOp) { return Opcode::AbsI; })
          .Case([](math::CountLeadingZerosOp) {
            return Opcode::CountLeadingZeros;
          })
          .Case([](math::CountTrailingZerosOp) {
            return Opcode::CountTrailingZeros;
          })
          .Case([](math::CtPopOp) { return Opcode::CountOnes; })
          .Case([](math::IPowIOp) { return Opcode::PowI; })
          .Default(std::nullopt);
  if (integer) {
    emitLanes(op, *integer, wrapShift(element));
    return true;
  }
  uint32_t lanes = laneCount(op->getResult(0).getType());
  auto call = [&](StringRef name, Value result) {
    std::string symbol = "adze_" + name.str() + (isDouble ? "" : "f");
    const RuntimeFunction *function = runtimeFunction(symbol);
    if (!function)
      return (void)fail(op, "the runtime has no function " + symbol);
    uint32_t x = slotOf(op->getOperand(0)), to = slotOf(result);
    uint32_t y = op->getNumOperands() > 1 ? slotOf(op->getOperand(1)) : x;
    for (uint32_t l = 0; l < lanes; ++l)
      emit(op, function->opcode, to + l, x + l, y + l).call1F32 =
          function->call1F32;
    if (std::optional<SmallFloat> format = smallFloat(element))
      for (uint32_t l = 0; l < lanes; ++l)
        emit(op, Opcode::RoundSmall, to + l, to + l).kind = uint8_t(*format);
  };
  if (auto clamp = dyn_cast<math::ClampFOp>(op)) {
    uint32_t value = slotOf(clamp.getValue()), to = slotOf(clamp);
    uint32_t low = slotOf(clamp.getMin()), high = slotOf(clamp.getMax());
    uint32_t raised = newSlots(1);
    for (uint32_t l = 0; l < lanes; ++l) {
      emit(op, isDouble ? Opcode::MaximumF64 : Opcode::MaximumF32, raised,
           value + l, low + l);
      emit(op, isDouble ? Opcode::MinimumF64 : Opcode::MinimumF32, to + l,
           raised, high + l);
    }
    return true;
  }
  if (auto both = dyn_cast<math::SincosOp>(op)) {
    call("sin", both.getSin());
    call("cos", both.getCos());
    return true;
  }
  StringRef name = runtimeName(op);
  if (name.empty())
    return false;
  call(name, op->getResult(0));
  return true;
}

bool Translator::translateRuntimeCall(func::CallOp op, func::FuncOp callee) {
  const RuntimeFunction *function = runtimeFunction(callee.getName());
  if (!function || op.getNumResults() != 1)
    return false;
  MLIRContext *context = op.getContext();
  Type f32 = Float32Type::get(context), f64 = Float64Type::get(context);
  Type i8 = IntegerType::get(context, 8), i16 = IntegerType::get(context, 16);
  auto takes = [&](ArrayRef<Type> types, Type result) {
    return op.getOperandTypes() == TypeRange(types) &&
           op.getResult(0).getType() == result;
  };
  bool fits = false;
  switch (function->opcode) {
  case Opcode::Call1F32:
    fits = takes({f32}, f32);
    break;
  case Opcode::Call1F64:
    fits = takes({f64}, f64);
    break;
  case Opcode::Call2F32:
    fits = takes({f32, f32}, f32);
    break;
  case Opcode::Call2F64:
    fits = takes({f64, f64}, f64);
    break;
  case Opcode::CallF32ToU8:
    fits = takes({f32}, i8);
    break;
  case Opcode::CallF32ToU16:
    fits = takes({f32}, i16);
    break;
  case Opcode::CallU8ToF32:
    fits = takes({i8}, f32);
    break;
  case Opcode::CallU16ToF32:
    fits = takes({i16}, f32);
    break;
  default:
    break;
  }
  if (!fits)
    return (void)fail(op, "the call does not fit the runtime's " +
                              callee.getName()),
           true;
  uint32_t x = slotOf(op.getOperand(0));
  uint32_t y = op.getNumOperands() > 1 ? slotOf(op.getOperand(1)) : x;
  emit(op, function->opcode, slotOf(op.getResult(0)), x, y).call1F32 =
      function->call1F32;
  return true;
}
