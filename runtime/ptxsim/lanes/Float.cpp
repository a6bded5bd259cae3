//===- Float.cpp - f32 and f64 arithmetic -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.3. The approximate functions are computed as well as the host's
// mathematics library does: results lie within the bounds the ISA gives.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"
#include "runtime/ptxsim/lanes/SmallFloats.h"

#include <cfenv>

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

/// What follows a computation; a bit set in Instruction::flags[1].
enum Adjustment : unsigned { FlushToZero = 1, Saturate = 2, Relu = 4 };

ADZE_LANE_INLINE float flush(float a) {
  return std::fabs(a) < 0x1p-126f ? std::copysign(0.0f, a) : a;
}
ADZE_LANE_INLINE double flush(double a) { return a; }
template <typename T> ADZE_LANE_INLINE T saturate(T a) {
  // NaN becomes 0.
  return a > T(0) ? (a < T(1) ? a : T(1)) : T(0);
}
template <unsigned Adjust, typename T> ADZE_LANE_INLINE T before(T a) {
  return Adjust & FlushToZero ? flush(a) : a;
}
template <unsigned Adjust, typename T> ADZE_LANE_INLINE T after(T a) {
  if (Adjust & FlushToZero)
    a = flush(a);
  if (Adjust & Saturate)
    a = saturate(a);
  return a;
}

template <typename T> ADZE_LANE_INLINE T add(T a, T b) { return a + b; }
template <typename T> ADZE_LANE_INLINE T sub(T a, T b) { return a - b; }
template <typename T> ADZE_LANE_INLINE T mul(T a, T b) { return a * b; }
template <typename T> ADZE_LANE_INLINE T divide(T a, T b) { return a / b; }
template <typename T> ADZE_LANE_INLINE T fma(T a, T b, T c) {
  if constexpr (sizeof(T) == 4)
    return __builtin_fmaf(a, b, c);
  else
    return __builtin_fma(a, b, c);
}
template <typename T> ADZE_LANE_INLINE T quietNaN() {
  if constexpr (sizeof(T) == 4)
    return std::bit_cast<float>(0x7fffffffu);
  else
    return std::bit_cast<double>(uint64_t(0x7ff8000000000000));
}
/// -0 is below +0; a NaN gives the other operand, or, with NaN, a NaN.
template <bool PropagateNaN, typename T> ADZE_LANE_INLINE T minimum(T a, T b) {
  T r = a < b ? a : b < a ? b : std::signbit(a) ? a : b;
  if (PropagateNaN)
    return a != a || b != b ? quietNaN<T>() : r;
  r = a != a ? b : b != b ? a : r;
  return r != r ? quietNaN<T>() : r;
}
template <bool PropagateNaN, typename T> ADZE_LANE_INLINE T maximum(T a, T b) {
  T r = a > b ? a : b > a ? b : std::signbit(a) ? b : a;
  if (PropagateNaN)
    return a != a || b != b ? quietNaN<T>() : r;
  r = a != a ? b : b != b ? a : r;
  return r != r ? quietNaN<T>() : r;
}
ADZE_LANE_INLINE float xorSign(float r, float a, float b) {
  uint32_t sign =
      (std::bit_cast<uint32_t>(a) ^ std::bit_cast<uint32_t>(b)) & 0x80000000;
  return std::bit_cast<float>((std::bit_cast<uint32_t>(r) & 0x7fffffff) | sign);
}
template <bool PropagateNaN> ADZE_LANE_INLINE float minXor(float a, float b) {
  return xorSign(minimum<PropagateNaN>(std::fabs(a), std::fabs(b)), a, b);
}
template <bool PropagateNaN> ADZE_LANE_INLINE float maxXor(float a, float b) {
  return xorSign(maximum<PropagateNaN>(std::fabs(a), std::fabs(b)), a, b);
}
template <typename T> ADZE_LANE_INLINE T absolute(T a) { return std::fabs(a); }
template <typename T> ADZE_LANE_INLINE T negate(T a) { return -a; }
template <typename T> ADZE_LANE_INLINE T reciprocal(T a) { return T(1) / a; }
template <typename T> ADZE_LANE_INLINE T root(T a) { return std::sqrt(a); }
template <typename T> ADZE_LANE_INLINE T reciprocalRoot(T a) {
  return T(1.0 / std::sqrt(double(a)));
}
ADZE_LANE_INLINE float exp2Of(float a) { return std::exp2(a); }
ADZE_LANE_INLINE float log2Of(float a) { return std::log2(a); }
ADZE_LANE_INLINE float sinOf(float a) { return std::sin(a); }
ADZE_LANE_INLINE float cosOf(float a) { return std::cos(a); }
ADZE_LANE_INLINE float tanhOf(float a) { return std::tanh(a); }
/// copysign d, a, b: the sign of a on b.
template <typename T> ADZE_LANE_INLINE T copySign(T a, T b) {
  return std::copysign(b, a);
}

/// Runs a computation in a directed rounding mode. Operands come from memory
/// and results go there, so that nothing moves across the mode's change.
int roundingMode(unsigned flag) {
  return flag == unsigned(Rounding::Zero)   ? FE_TOWARDZERO
         : flag == unsigned(Rounding::Down) ? FE_DOWNWARD
                                            : FE_UPWARD;
}
template <Handler Inner>
Step rounded(Warp &warp, const Instruction &instruction, uint32_t mask) {
  std::fesetround(roundingMode(instruction.flags[0]));
  asm volatile("" ::: "memory");
  Step step = Inner(warp, instruction, mask);
  asm volatile("" ::: "memory");
  std::fesetround(FE_TONEAREST);
  return step;
}

template <typename T, T (*F)(T), unsigned Adjust> struct One {
  ADZE_LANE_INLINE static T run(T a) {
    return after<Adjust>(F(before<Adjust>(a)));
  }
};
template <typename T, T (*F)(T, T), unsigned Adjust> struct Two {
  ADZE_LANE_INLINE static T run(T a, T b) {
    return after<Adjust>(F(before<Adjust>(a), before<Adjust>(b)));
  }
};
template <typename T, T (*F)(T, T, T), unsigned Adjust> struct Three {
  ADZE_LANE_INLINE static T run(T a, T b, T c) {
    return after<Adjust>(
        F(before<Adjust>(a), before<Adjust>(b), before<Adjust>(c)));
  }
};

template <typename T, T (*F)(T), unsigned A> Handler oneIn(bool directed) {
  return directed ? rounded<unary<T, T, One<T, F, A>::run>>
                  : unary<T, T, One<T, F, A>::run>;
}
template <typename T, T (*F)(T, T), unsigned A> Handler twoIn(bool directed) {
  return directed ? rounded<binary<T, T, T, Two<T, F, A>::run>>
                  : binary<T, T, T, Two<T, F, A>::run>;
}
template <typename T, T (*F)(T, T, T), unsigned A>
Handler threeIn(bool directed) {
  return directed ? rounded<ternary<T, T, T, T, Three<T, F, A>::run>>
                  : ternary<T, T, T, T, Three<T, F, A>::run>;
}
template <typename T, T (*F)(T)> Handler one(unsigned adjust, bool directed) {
  return adjust == 0   ? oneIn<T, F, 0>(directed)
         : adjust == 1 ? oneIn<T, F, 1>(directed)
         : adjust == 2 ? oneIn<T, F, 2>(directed)
                       : oneIn<T, F, 3>(directed);
}
template <typename T, T (*F)(T, T)>
Handler two(unsigned adjust, bool directed) {
  return adjust == 0   ? twoIn<T, F, 0>(directed)
         : adjust == 1 ? twoIn<T, F, 1>(directed)
         : adjust == 2 ? twoIn<T, F, 2>(directed)
                       : twoIn<T, F, 3>(directed);
}
template <typename T, T (*F)(T, T, T)>
Handler three(unsigned adjust, bool directed) {
  return adjust == 0   ? threeIn<T, F, 0>(directed)
         : adjust == 1 ? threeIn<T, F, 1>(directed)
         : adjust == 2 ? threeIn<T, F, 2>(directed)
                       : threeIn<T, F, 3>(directed);
}

template <typename T> bool decodeTyped(Decoder &d, Type type) {
  const std::string &name = d.mnemonic();
  constexpr bool isSingle = sizeof(T) == 4;
  d.take(typeName(type));
  unsigned adjust = 0;
  if (d.take("ftz"))
    adjust |= FlushToZero;
  if (d.take("sat"))
    adjust |= Saturate;
  int mode = d.takeOneOf({"rn", "rz", "rm", "rp"});
  bool directed = mode > 0;
  d.out().flags[0] = uint8_t(mode > 0 ? mode : 0);
  bool approximate = d.take("approx") || d.take("full");
  Handler &h = d.out().handler;
  size_t sources = 2;
  if (name == "add") {
    h = two<T, add<T>>(adjust, directed);
  } else if (name == "sub") {
    h = two<T, sub<T>>(adjust, directed);
  } else if (name == "mul") {
    h = two<T, mul<T>>(adjust, directed);
  } else if (name == "fma" || name == "mad") {
    h = three<T, fma<T>>(adjust, directed);
    sources = 3;
  } else if (name == "div") {
    h = two<T, divide<T>>(adjust, directed);
  } else if (name == "min" || name == "max") {
    bool propagate = d.take("NaN");
    if (isSingle && d.take("xorsign")) {
      d.take("abs");
      h = name == "min"
              ? (propagate ? two<float, minXor<true>>(adjust, false)
                           : two<float, minXor<false>>(adjust, false))
              : (propagate ? two<float, maxXor<true>>(adjust, false)
                           : two<float, maxXor<false>>(adjust, false));
    } else {
      h = name == "min"
              ? (propagate ? two<T, minimum<true, T>>(adjust, false)
                           : two<T, minimum<false, T>>(adjust, false))
              : (propagate ? two<T, maximum<true, T>>(adjust, false)
                           : two<T, maximum<false, T>>(adjust, false));
    }
  } else if (name == "copysign") {
    h = two<T, copySign<T>>(0, false);
  } else {
    sources = 1;
    if (name == "abs")
      h = one<T, absolute<T>>(adjust, false);
    else if (name == "neg")
      h = one<T, negate<T>>(adjust, false);
    else if (name == "rcp")
      h = one<T, reciprocal<T>>(adjust, directed);
    else if (name == "sqrt")
      h = one<T, root<T>>(adjust, directed);
    else if (name == "rsqrt")
      h = one<T, reciprocalRoot<T>>(adjust, false);
    else if (isSingle && name == "ex2")
      h = one<float, exp2Of>(adjust, false);
    else if (isSingle && name == "lg2")
      h = one<float, log2Of>(adjust, false);
    else if (isSingle && name == "sin")
      h = one<float, sinOf>(adjust, false);
    else if (isSingle && name == "cos")
      h = one<float, cosOf>(adjust, false);
    else if (isSingle && name == "tanh")
      h = one<float, tanhOf>(adjust, false);
    else
      return false;
  }
  if ((name == "fma" || name == "div" || name == "rcp" || name == "sqrt") &&
      mode < 0 && !approximate)
    d.error("a rounding mode is needed");
  if (sources == 1)
    takeOperands(d, type, {type});
  else if (sources == 2)
    takeOperands(d, type, {type, type});
  else
    takeOperands(d, type, {type, type, type});
  return true;
}

/// Two floats in 64 bits (sm_100).
template <typename F> ADZE_LANE_INLINE uint64_t pairOf(F f) {
  return uint64_t(std::bit_cast<uint32_t>(f(0))) |
         uint64_t(std::bit_cast<uint32_t>(f(32))) << 32;
}
ADZE_LANE_INLINE float part(uint64_t a, int shift) {
  return std::bit_cast<float>(uint32_t(a >> shift));
}
ADZE_LANE_INLINE uint64_t addPair(uint64_t a, uint64_t b) {
  return pairOf([&](int s) { return part(a, s) + part(b, s); });
}
ADZE_LANE_INLINE uint64_t mulPair(uint64_t a, uint64_t b) {
  return pairOf([&](int s) { return part(a, s) * part(b, s); });
}
ADZE_LANE_INLINE uint64_t fmaPair(uint64_t a, uint64_t b, uint64_t c) {
  return pairOf([&](int s) { return fma(part(a, s), part(b, s), part(c, s)); });
}

bool decodePair(Decoder &d) {
  const std::string &name = d.mnemonic();
  d.take("f32x2");
  d.take("rn");
  using W = uint64_t;
  if (name == "fma") {
    takeOperands(d, Type::F32x2, {Type::F32x2, Type::F32x2, Type::F32x2});
    d.out().handler = ternary<W, W, W, W, fmaPair>;
    return true;
  }
  if (name != "add" && name != "mul")
    return false;
  takeOperands(d, Type::F32x2, {Type::F32x2, Type::F32x2});
  d.out().handler =
      name == "add" ? binary<W, W, W, addPair> : binary<W, W, W, mulPair>;
  return true;
}

/// testp.op.type p, a.
template <typename T>
Step testProperty(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const T *a = warp.lanes<T>(instruction.a);
  uint32_t r = 0;
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    int kind = std::fpclassify(a[l]);
    bool is = false;
    switch (instruction.flags[0]) {
    case 0:
      is = std::isfinite(a[l]);
      break;
    case 1:
      is = kind == FP_INFINITE;
      break;
    case 2:
      is = kind != FP_NAN;
      break;
    case 3:
      is = kind == FP_NAN;
      break;
    case 4:
      is = kind == FP_NORMAL || kind == FP_ZERO;
      break;
    default:
      is = kind == FP_SUBNORMAL;
    }
    r |= uint32_t(is) << l;
  }
  uint32_t &p = warp.predicate(instruction.d);
  p = (p & ~mask) | (r & mask);
  return Step::Next;
}

bool decodeTest(Decoder &d) {
  int property = d.takeOneOf(
      {"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  Type type = d.takeType();
  if (property < 0 || (type != Type::F32 && type != Type::F64))
    return false;
  d.expectOperands(2, 2);
  if (d.operand(0).kind != Operand::Predicate)
    d.error("the result has to be a predicate");
  d.out().d = d.operand(0).slot;
  d.out().a = d.source(1, type);
  d.out().flags[0] = uint8_t(property);
  d.out().handler =
      type == Type::F32 ? testProperty<float> : testProperty<double>;
  return true;
}

} // namespace

bool decodeFloat(Decoder &d) {
  const std::string &name = d.mnemonic();
  if (name == "testp")
    return decodeTest(d);
  static constexpr const char *names[] = {
      "add", "sub", "mul", "fma",  "mad",     "div",   "min",
      "max", "abs", "neg", "rcp",  "sqrt",    "rsqrt", "ex2",
      "lg2", "sin", "cos", "tanh", "copysign"};
  bool known = false;
  for (const char *candidate : names)
    known |= name == candidate;
  if (!known)
    return false;
  Type type = lastType(d);
  switch (type) {
  case Type::F32:
    return decodeTyped<float>(d, type);
  case Type::F64:
    return decodeTyped<double>(d, type);
  case Type::F32x2:
    return decodePair(d);
  default:
    return decodeHalf(d);
  }
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
