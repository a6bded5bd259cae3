//===- Half.cpp - f16 and bf16 arithmetic, single and packed -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.4. Sums and products of two such numbers are exact enough in
// float that rounding twice is rounding once (24 >= 2 * 11 + 2 bits).
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"
#include "runtime/ptxsim/lanes/SmallFloats.h"

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

struct F16 {
  ADZE_LANE_INLINE static float widen(uint16_t a) { return halfToFloat(a); }
  ADZE_LANE_INLINE static uint16_t narrow(float a) { return floatToHalf(a); }
  ADZE_LANE_INLINE static uint16_t narrowDouble(double a) {
    return doubleToHalf(a);
  }
  static constexpr uint16_t smallestNormal = 0x0400;
};
struct Bf16 {
  ADZE_LANE_INLINE static float widen(uint16_t a) { return bfloatToFloat(a); }
  ADZE_LANE_INLINE static uint16_t narrow(float a) { return floatToBfloat(a); }
  ADZE_LANE_INLINE static uint16_t narrowDouble(double a) {
    return doubleToBfloat(a);
  }
  static constexpr uint16_t smallestNormal = 0x0080;
};

enum Adjustment : unsigned { FlushToZero = 1, Saturate = 2, Relu = 4 };
enum class Operation : uint8_t {
  Add,
  Sub,
  Mul,
  Fma,
  Min,
  MinNaN,
  Max,
  MaxNaN,
  Abs,
  Neg,
  Ex2,
  Tanh
};

template <typename F, unsigned Adjust>
ADZE_LANE_INLINE uint16_t before(uint16_t a) {
  if (Adjust & FlushToZero)
    return (a & 0x7fff) < F::smallestNormal ? uint16_t(a & 0x8000) : a;
  return a;
}
template <typename F, unsigned Adjust>
ADZE_LANE_INLINE uint16_t after(uint16_t r) {
  r = before<F, Adjust>(r);
  if (Adjust & (Saturate | Relu)) {
    float f = F::widen(r);
    if (Adjust & Saturate)
      r = f > 0 ? (f < 1 ? r : F::narrow(1)) : uint16_t(0);
    else // relu keeps NaN
      r = f < 0 || (r & 0x7fff) == 0 ? uint16_t(0) : r;
  }
  return r;
}

template <typename F, Operation Op>
ADZE_LANE_INLINE uint16_t compute(uint16_t a, uint16_t b, uint16_t c) {
  if constexpr (Op == Operation::Abs)
    return a & 0x7fff;
  if constexpr (Op == Operation::Neg)
    return a ^ 0x8000;
  float x = F::widen(a), y = F::widen(b);
  if constexpr (Op == Operation::Add)
    return F::narrow(x + y);
  if constexpr (Op == Operation::Sub)
    return F::narrow(x - y);
  if constexpr (Op == Operation::Mul)
    return F::narrow(x * y);
  if constexpr (Op == Operation::Fma)
    return F::narrowDouble(fmaToOdd(x, y, F::widen(c)));
  if constexpr (Op == Operation::Ex2)
    return F::narrow(std::exp2(x));
  if constexpr (Op == Operation::Tanh)
    return F::narrow(std::tanh(x));
  bool least = Op == Operation::Min || Op == Operation::MinNaN;
  bool propagate = Op == Operation::MinNaN || Op == Operation::MaxNaN;
  if (x != x || y != y) {
    if (propagate || (x != x && y != y))
      return 0x7fff;
    return x != x ? b : a;
  }
  if (x == y) // zeros of two signs
    return least ? a | b : a & b;
  return (x < y) == least ? a : b;
}

template <typename F, Operation Op, unsigned Adjust>
ADZE_LANE_INLINE uint16_t whole(uint16_t a, uint16_t b, uint16_t c) {
  return after<F, Adjust>(compute<F, Op>(
      before<F, Adjust>(a), before<F, Adjust>(b), before<F, Adjust>(c)));
}
/// Packed operands are twice as many lanes. Instructions of one or two
/// sources read the first in place of those that are missing.
template <typename F, Operation Op, unsigned Adjust, unsigned Width>
Step execute(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const uint16_t *a = warp.lanes<uint16_t>(instruction.a);
  const uint16_t *b = warp.lanes<uint16_t>(instruction.b);
  const uint16_t *c = warp.lanes<uint16_t>(instruction.c);
  alignas(64) uint16_t r[lanesPerWarp * Width];
  for (unsigned l = 0; l < lanesPerWarp * Width; ++l)
    r[l] = whole<F, Op, Adjust>(a[l], b[l], c[l]);
  if constexpr (Width == 1) {
    store(warp.lanes<uint16_t>(instruction.d), r, mask);
  } else {
    alignas(64) uint32_t pairs[lanesPerWarp];
    std::memcpy(pairs, r, sizeof(pairs));
    store(warp.lanes<uint32_t>(instruction.d), pairs, mask);
  }
  return Step::Next;
}

template <typename F, Operation Op>
Handler handler(unsigned adjust, bool packed) {
  switch (adjust) {
  case 0:
    return packed ? execute<F, Op, 0, 2> : execute<F, Op, 0, 1>;
  case FlushToZero:
    return packed ? execute<F, Op, 1, 2> : execute<F, Op, 1, 1>;
  case Saturate:
    return packed ? execute<F, Op, 2, 2> : execute<F, Op, 2, 1>;
  case Relu:
    return packed ? execute<F, Op, 4, 2> : execute<F, Op, 4, 1>;
  default:
    return nullptr;
  }
}
template <typename F>
Handler handler(Operation op, unsigned adjust, bool packed) {
  switch (op) {
  case Operation::Add:
    return handler<F, Operation::Add>(adjust, packed);
  case Operation::Sub:
    return handler<F, Operation::Sub>(adjust, packed);
  case Operation::Mul:
    return handler<F, Operation::Mul>(adjust, packed);
  case Operation::Fma:
    return handler<F, Operation::Fma>(adjust, packed);
  case Operation::Min:
    return handler<F, Operation::Min>(adjust, packed);
  case Operation::MinNaN:
    return handler<F, Operation::MinNaN>(adjust, packed);
  case Operation::Max:
    return handler<F, Operation::Max>(adjust, packed);
  case Operation::MaxNaN:
    return handler<F, Operation::MaxNaN>(adjust, packed);
  case Operation::Abs:
    return handler<F, Operation::Abs>(adjust, packed);
  case Operation::Neg:
    return handler<F, Operation::Neg>(adjust, packed);
  case Operation::Ex2:
    return handler<F, Operation::Ex2>(adjust, packed);
  case Operation::Tanh:
    return handler<F, Operation::Tanh>(adjust, packed);
  }
  return nullptr;
}

} // namespace

bool decodeHalf(Decoder &d) {
  Type type = lastType(d);
  bool bf16 = type == Type::BF16 || type == Type::BF16x2;
  bool packed = type == Type::F16x2 || type == Type::BF16x2;
  if (!bf16 && !packed && type != Type::F16)
    return false;
  d.take(typeName(type));
  static constexpr struct {
    const char *name;
    Operation operation;
    unsigned sources;
  } operations[] = {{"add", Operation::Add, 2}, {"sub", Operation::Sub, 2},
                    {"mul", Operation::Mul, 2}, {"fma", Operation::Fma, 3},
                    {"min", Operation::Min, 2}, {"max", Operation::Max, 2},
                    {"abs", Operation::Abs, 1}, {"neg", Operation::Neg, 1},
                    {"ex2", Operation::Ex2, 1}, {"tanh", Operation::Tanh, 1}};
  for (const auto &row : operations) {
    if (d.mnemonic() != row.name)
      continue;
    Operation operation = row.operation;
    d.takeOneOf({"rn"});
    d.take("approx");
    unsigned adjust = 0;
    if (d.take("ftz"))
      adjust |= FlushToZero;
    if (d.take("sat"))
      adjust |= Saturate;
    if (d.take("relu"))
      adjust |= Relu;
    if (d.take("NaN"))
      operation =
          operation == Operation::Min ? Operation::MinNaN : Operation::MaxNaN;
    d.out().handler = bf16 ? handler<Bf16>(operation, adjust, packed)
                           : handler<F16>(operation, adjust, packed);
    if (!d.out().handler)
      d.error("these modifiers do not go together");
    if (row.sources == 1)
      takeOperands(d, type, {type});
    else if (row.sources == 2)
      takeOperands(d, type, {type, type});
    else
      takeOperands(d, type, {type, type, type});
    if (row.sources < 2)
      d.out().b = d.out().a;
    if (row.sources < 3)
      d.out().c = d.out().a;
    return true;
  }
  return false;
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
