//===- Execute.cpp - Runs bytecode of the loops level -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The loop that executes instructions: threaded by computed goto, without
/// contraction of floating point, so that folding gives the same bits on any
/// host. Arithmetic that LLVM leaves undefined is defined here: conversions
/// saturate and turn NaN into 0, shifts by the width or more give 0 (or the
/// sign), INT_MIN / -1 wraps.
///
//===----------------------------------------------------------------------===//
#include "codegen/interp/Bytecode.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace adze::interp;

namespace {

inline int64_t wrap(uint64_t value, int64_t shift) {
  return int64_t(value << shift) >> shift;
}

inline uint64_t zeroExtend(int64_t value, int64_t shift) {
  return uint64_t(value) << shift >> shift;
}

template <typename T> T maximum(T x, T y) {
  if (x != x || y != y)
    return x != x ? x : y;
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}

template <typename T> T minimum(T x, T y) {
  if (x != x || y != y)
    return x != x ? x : y;
  if (x == y)
    return std::signbit(x) ? x : y;
  return x < y ? x : y;
}

template <typename T> T maxNum(T x, T y) {
  return x != x ? y : y != y ? x : maximum(x, y);
}

template <typename T> T minNum(T x, T y) {
  return x != x ? y : y != y ? x : minimum(x, y);
}

template <typename T> int64_t compareFloats(T x, T y, unsigned mask) {
  unsigned relation = unsigned(x == y) | unsigned(x > y) << 1 |
                      unsigned(x < y) << 2 | unsigned(x != x || y != y) << 3;
  return -int64_t((relation & mask) != 0);
}

template <typename T> bool isClass(T value, FloatClass which) {
  switch (which) {
  case FloatClass::Finite:
    return std::isfinite(value);
  case FloatClass::Infinite:
    return std::isinf(value);
  case FloatClass::NaN:
    return std::isnan(value);
  case FloatClass::Normal:
    return std::isnormal(value);
  }
  return false;
}

template <typename T> int64_t toSigned(T value, int64_t shift) {
  if (value != value)
    return 0;
  int64_t most = std::numeric_limits<int64_t>::max() >> shift;
  // The bound is a power of two: exact in T, and the first value too large.
  T bound = std::ldexp(T(1), int(63 - shift));
  if (value >= bound)
    return most;
  if (value <= -bound)
    return -most - 1;
  return int64_t(value);
}

template <typename T> int64_t toUnsigned(T value, int64_t shift) {
  if (!(value > 0))
    return 0;
  if (value >= std::ldexp(T(1), int(64 - shift)))
    return -1; // all ones in any width
  return wrap(uint64_t(value), shift);
}

template <typename T> T power(T base, int64_t exponent) {
  uint64_t count = exponent < 0 ? -uint64_t(exponent) : uint64_t(exponent);
  T result = 1;
  for (T factor = base; count; count >>= 1, factor *= factor)
    if (count & 1)
      result *= factor;
  return exponent < 0 ? 1 / result : result;
}

/// base ** exponent, wrapped; negative exponents as math.ipowi defines them.
bool powerOfInteger(int64_t base, int64_t exponent, int64_t shift,
                    int64_t &result) {
  if (exponent < 0) {
    if (base == 0)
      return false;
    result = base == 1 ? 1 : base == -1 ? ((exponent & 1) ? -1 : 1) : 0;
    return true;
  }
  uint64_t product = 1;
  for (uint64_t factor = uint64_t(base); exponent;
       exponent >>= 1, factor *= factor)
    if (exponent & 1)
      product *= factor;
  result = wrap(product, shift);
  return true;
}

/// The f32 next to zero, with its last bit set if that is inexact: rounding it
/// once more gives what rounding the f64 directly gives.
float roundToOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || value != value)
    return nearest;
  uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof(bits));
  bits -= std::fabs(double(nearest)) > std::fabs(value);
  bits |= 1;
  std::memcpy(&nearest, &bits, sizeof(bits));
  return nearest;
}

/// Adds the index terms to `offset`; false where an index is out of bounds.
template <int rank>
[[gnu::always_inline]] inline bool
addTerms(const IndexTerm *terms, const Slot *slots, int64_t &offset) {
  bool inside = true;
#pragma clang loop unroll(full)
  for (int d = 0; d < rank; ++d) {
    int64_t index = slots[terms[d].slot].i;
    inside &= uint64_t(index) < uint64_t(terms[d].bound);
    offset += int64_t(uint64_t(index) * uint64_t(terms[d].stride));
  }
  return inside;
}

inline bool addTerms(const IndexTerm *terms, int rank, const Slot *slots,
                     int64_t &offset) {
  bool inside = true;
  for (int d = 0; d < rank; ++d) {
    int64_t index = slots[terms[d].slot].i;
    inside &= uint64_t(index) < uint64_t(terms[d].bound);
    offset += int64_t(uint64_t(index) * uint64_t(terms[d].stride));
  }
  return inside;
}

template <typename T> inline T read(const char *address) {
  T value;
  std::memcpy(&value, address, sizeof(T));
  return value;
}

template <typename T> inline void write(char *address, T value) {
  std::memcpy(address, &value, sizeof(T));
}

Fault outOfBounds(const Code &code, const Slot *slots, uint32_t pc) {
  const Instruction &at = code.instructions[pc];
  unsigned rank =
      at.opcode == Opcode::LoadLanes || at.opcode == Opcode::StoreLanes
          ? at.imm >> 48
          : at.rank;
  for (unsigned d = 0; d < rank; ++d) {
    const IndexTerm &term = code.terms[at.c + d];
    int64_t index = slots[term.slot].i;
    if (uint64_t(index) >= uint64_t(term.bound))
      return {FaultKind::OutOfBounds, pc, index, term.bound};
  }
  return {FaultKind::OutOfBounds, pc, 0, 0};
}

} // namespace

Fault adze::interp::execute(const Code &code, Slot *r, uint32_t start,
                            int64_t steps) {
  static const void *const labels[] = {
#define ADZE_INTERP_LABEL(name) &&L_##name,
      ADZE_INTERP_OPCODES(ADZE_INTERP_LABEL)
#undef ADZE_INTERP_LABEL
  };
  const Instruction *const first = code.instructions.data();
  const IndexTerm *const terms = code.terms.data();
  const Instruction *in = first + start;
  // Calls do not recurse (checked by translation), so depth is bounded by the
  // number of functions.
  std::vector<const Instruction *> returns;

#define OP(name) L_##name:
#define DISPATCH() goto *labels[unsigned(in->opcode)]
#define NEXT()                                                                 \
  do {                                                                         \
    ++in;                                                                      \
    DISPATCH();                                                                \
  } while (0)
#define FAULT(kind, value, bound)                                              \
  return Fault{FaultKind::kind, uint32_t(in - first), value, bound}
#define A r[in->a]
#define B r[in->b]
#define C r[in->c]

  DISPATCH();

  OP(Halt) return Fault{};
  OP(Jump) {
    const Instruction *target = first + in->imm;
    if (target <= in && (steps -= in - target + 1) < 0)
      FAULT(StepLimit, 0, 0);
    in = target;
    DISPATCH();
  }
  OP(JumpIfZero) {
    in = B.i == 0 ? first + in->imm : in + 1;
    DISPATCH();
  }
  OP(JumpIfNotEqual) {
    in = B.i != C.i ? first + in->imm : in + 1;
    DISPATCH();
  }
  OP(Call) {
    returns.push_back(in + 1);
    in = first + in->imm;
    DISPATCH();
  }
  OP(Return) {
    in = returns.back();
    returns.pop_back();
    DISPATCH();
  }
  OP(ForEnter) {
    if (C.i <= 0)
      FAULT(LoopStep, C.i, 0);
    in = A.i < B.i ? in + 1 : first + in->imm;
    DISPATCH();
  }
  OP(ForEnterUnsigned) {
    if (C.i == 0)
      FAULT(LoopStep, C.i, 0);
    in = A.u < B.u ? in + 1 : first + in->imm;
    DISPATCH();
  }
  OP(ForNext) {
    int64_t next;
    if (!__builtin_add_overflow(A.i, C.i, &next) && next < B.i) {
      A.i = next;
      const Instruction *target = first + in->imm;
      if ((steps -= in - target + 1) < 0)
        FAULT(StepLimit, 0, 0);
      in = target;
      DISPATCH();
    }
    NEXT();
  }
  OP(ForNextUnsigned) {
    uint64_t next;
    if (!__builtin_add_overflow(A.u, C.u, &next) && next < B.u) {
      A.u = next;
      const Instruction *target = first + in->imm;
      if ((steps -= in - target + 1) < 0)
        FAULT(StepLimit, 0, 0);
      in = target;
      DISPATCH();
    }
    NEXT();
  }
  OP(Move) {
    A = B;
    NEXT();
  }
  OP(MoveLanes) {
    std::memmove(&A, &B, in->lanes() * sizeof(Slot));
    NEXT();
  }
  OP(Splat) {
    Slot value = B;
    for (uint32_t l = 0, lanes = in->lanes(); l < lanes; ++l)
      r[in->a + l] = value;
    NEXT();
  }

#define INTEGER(name, expression)                                              \
  OP(name) {                                                                   \
    int64_t sh = in->imm, x = B.i, y = C.i;                                    \
    (void)sh;                                                                  \
    A.i = (expression);                                                        \
    NEXT();                                                                    \
  }
  INTEGER(Add, wrap(uint64_t(x) + uint64_t(y), sh))
  INTEGER(Sub, wrap(uint64_t(x) - uint64_t(y), sh))
  INTEGER(Mul, wrap(uint64_t(x) * uint64_t(y), sh))
  INTEGER(And, x & y)
  INTEGER(Or, x | y)
  INTEGER(Xor, x ^ y)
  INTEGER(Shl, zeroExtend(y, sh) >= uint64_t(64 - sh)
                   ? 0
                   : wrap(uint64_t(x) << (y & 63), sh))
  INTEGER(ShrU, zeroExtend(y, sh) >= uint64_t(64 - sh)
                    ? 0
                    : wrap(zeroExtend(x, sh) >> (y & 63), sh))
  INTEGER(ShrS,
          zeroExtend(y, sh) >= uint64_t(64 - sh) ? x >> 63 : x >> (y & 63))
  INTEGER(MaxS, x > y ? x : y)
  INTEGER(MinS, x < y ? x : y)
  INTEGER(MaxU, uint64_t(x) > uint64_t(y) ? x : y)
  INTEGER(MinU, uint64_t(x) < uint64_t(y) ? x : y)
  INTEGER(AddCarry,
          -int64_t(sh ? (zeroExtend(x, sh) + zeroExtend(y, sh)) >> (64 - sh)
                      : uint64_t(uint64_t(x) + uint64_t(y) < uint64_t(x))))
  INTEGER(MulHighS, wrap(uint64_t(((__int128)x * y) >> (64 - sh)), sh))
  INTEGER(MulHighU, wrap(uint64_t(((unsigned __int128)zeroExtend(x, sh) *
                                   zeroExtend(y, sh)) >>
                                  (64 - sh)),
                         sh))
  INTEGER(CmpEq, -int64_t(x == y))
  INTEGER(CmpNe, -int64_t(x != y))
  INTEGER(CmpSlt, -int64_t(x < y))
  INTEGER(CmpSle, -int64_t(x <= y))
  INTEGER(CmpUlt, -int64_t(uint64_t(x) < uint64_t(y)))
  INTEGER(CmpUle, -int64_t(uint64_t(x) <= uint64_t(y)))
#undef INTEGER

#define DIVISION(name, expression)                                             \
  OP(name) {                                                                   \
    int64_t sh = in->imm, x = B.i, y = C.i;                                    \
    uint64_t ux = zeroExtend(x, sh), uy = zeroExtend(y, sh);                   \
    (void)ux;                                                                  \
    (void)uy;                                                                  \
    if (y == 0)                                                                \
      FAULT(DivisionByZero, x, 0);                                             \
    A.i = wrap(uint64_t(expression), sh);                                      \
    NEXT();                                                                    \
  }
  DIVISION(DivS, y == -1 ? -uint64_t(x) : uint64_t(x / y))
  DIVISION(DivU, ux / uy)
  DIVISION(RemS, y == -1 ? 0 : x % y)
  DIVISION(RemU, ux % uy)
  DIVISION(CeilDivU, ux / uy + (ux % uy != 0))
  DIVISION(CeilDivS, y == -1 ? -uint64_t(x)
                             : uint64_t(x / y + (x % y && (x < 0) == (y < 0))))
  DIVISION(FloorDivS, y == -1 ? -uint64_t(x)
                              : uint64_t(x / y - (x % y && (x < 0) != (y < 0))))
#undef DIVISION

  OP(SignExtend) {
    A.i = wrap(B.u, in->imm);
    NEXT();
  }
  OP(ZeroExtend) {
    A.u = zeroExtend(B.i, in->imm);
    NEXT();
  }
  OP(AbsI) {
    A.i = wrap(B.i < 0 ? -B.u : B.u, in->imm);
    NEXT();
  }
  OP(CountLeadingZeros) {
    uint64_t value = zeroExtend(B.i, in->imm);
    A.i =
        wrap(uint64_t(value ? __builtin_clzll(value) - in->imm : 64 - in->imm),
             in->imm);
    NEXT();
  }
  OP(CountTrailingZeros) {
    uint64_t value = zeroExtend(B.i, in->imm);
    A.i =
        wrap(uint64_t(value ? __builtin_ctzll(value) : 64 - in->imm), in->imm);
    NEXT();
  }
  OP(CountOnes) {
    A.i =
        wrap(uint64_t(__builtin_popcountll(zeroExtend(B.i, in->imm))), in->imm);
    NEXT();
  }
  OP(PowI) {
    if (!powerOfInteger(B.i, C.i, in->imm, A.i))
      FAULT(DivisionByZero, B.i, 0);
    NEXT();
  }
  OP(Select) {
    A = B.i ? C : r[in->imm];
    NEXT();
  }

#define FLOAT(name, expression)                                                \
  OP(name##F32) {                                                              \
    typedef float T;                                                           \
    T x = B.f, y = C.f;                                                        \
    (void)y;                                                                   \
    A.f = T(expression);                                                       \
    NEXT();                                                                    \
  }                                                                            \
  OP(name##F64) {                                                              \
    typedef double T;                                                          \
    T x = B.d, y = C.d;                                                        \
    (void)y;                                                                   \
    A.d = T(expression);                                                       \
    NEXT();                                                                    \
  }
  FLOAT(Add, x + y)
  FLOAT(Sub, x - y)
  FLOAT(Mul, x * y)
  FLOAT(Div, x / y)
  FLOAT(Rem, std::fmod(x, y))
  FLOAT(Neg, -x)
  FLOAT(Maximum, maximum(x, y))
  FLOAT(Minimum, minimum(x, y))
  FLOAT(MaxNum, maxNum(x, y))
  FLOAT(MinNum, minNum(x, y))
  FLOAT(Abs, std::fabs(x))
  FLOAT(Ceil, std::ceil(x))
  FLOAT(Floor, std::floor(x))
  FLOAT(Trunc, std::trunc(x))
  FLOAT(Round, std::round(x))
  FLOAT(RoundEven, __builtin_elementwise_roundeven(x))
  FLOAT(Sqrt, std::sqrt(x))
  FLOAT(CopySign, std::copysign(x, y))
  FLOAT(PowI, power(x, C.i))
#undef FLOAT
  OP(FmaF32) {
    A.f = std::fma(B.f, C.f, r[in->imm].f);
    NEXT();
  }
  OP(FmaF64) {
    A.d = std::fma(B.d, C.d, r[in->imm].d);
    NEXT();
  }
  OP(CmpF32) {
    A.i = compareFloats(B.f, C.f, in->kind);
    NEXT();
  }
  OP(CmpF64) {
    A.i = compareFloats(B.d, C.d, in->kind);
    NEXT();
  }
  OP(IsClassF32) {
    A.i = -int64_t(isClass(B.f, FloatClass(in->kind)));
    NEXT();
  }
  OP(IsClassF64) {
    A.i = -int64_t(isClass(B.d, FloatClass(in->kind)));
    NEXT();
  }
  OP(Call1F32) {
    A.f = in->call1F32(B.f);
    NEXT();
  }
  OP(Call1F64) {
    A.d = in->call1F64(B.d);
    NEXT();
  }
  OP(Call2F32) {
    A.f = in->call2F32(B.f, C.f);
    NEXT();
  }
  OP(Call2F64) {
    A.d = in->call2F64(B.d, C.d);
    NEXT();
  }

  OP(CallF32ToU8) {
    A.i = int8_t(in->callF32ToU8(B.f));
    NEXT();
  }
  OP(CallF32ToU16) {
    A.i = int16_t(in->callF32ToU16(B.f));
    NEXT();
  }
  OP(CallU8ToF32) {
    A.f = in->callU8ToF32(uint8_t(B.u));
    NEXT();
  }
  OP(CallU16ToF32) {
    A.f = in->callU16ToF32(uint16_t(B.u));
    NEXT();
  }

#define CONVERT(name, field, expression)                                       \
  OP(name) {                                                                   \
    A.field = (expression);                                                    \
    NEXT();                                                                    \
  }
  CONVERT(SToF32, f, float(B.i))
  CONVERT(SToF64, d, double(B.i))
  CONVERT(UToF32, f, float(zeroExtend(B.i, in->imm)))
  CONVERT(UToF64, d, double(zeroExtend(B.i, in->imm)))
  CONVERT(F32ToS, i, toSigned(B.f, in->imm))
  CONVERT(F64ToS, i, toSigned(B.d, in->imm))
  CONVERT(F32ToU, i, toUnsigned(B.f, in->imm))
  CONVERT(F64ToU, i, toUnsigned(B.d, in->imm))
  CONVERT(F32ToF64, d, double(B.f))
  CONVERT(F64ToF32, f, float(B.d))
  CONVERT(F64ToF32Odd, f, roundToOdd(B.d))
  CONVERT(RoundSmall, f,
          decodeSmallFloat(SmallFloat(in->kind),
                           encodeSmallFloat(SmallFloat(in->kind), B.f)))
  CONVERT(DecodeSmall, f, decodeSmallFloat(SmallFloat(in->kind), uint16_t(B.u)))
  CONVERT(EncodeSmall, i,
          wrap(encodeSmallFloat(SmallFloat(in->kind), B.f), in->imm))
#undef CONVERT

#define ACCESS(check)                                                          \
  int64_t offset = in->imm;                                                    \
  if (__builtin_expect(!(check), 0))                                           \
  return outOfBounds(code, r, uint32_t(in - first))
#define LOAD_RANK(bits, suffix, check)                                         \
  OP(Load##bits##_##suffix) {                                                  \
    ACCESS(check);                                                             \
    A.i = read<int##bits##_t>(B.p + offset);                                   \
    NEXT();                                                                    \
  }                                                                            \
  OP(Store##bits##_##suffix) {                                                 \
    ACCESS(check);                                                             \
    write<int##bits##_t>(A.p + offset, int##bits##_t(B.i));                    \
    NEXT();                                                                    \
  }
#define LOAD_STORE(bits)                                                       \
  LOAD_RANK(bits, 0, true)                                                     \
  LOAD_RANK(bits, 1, addTerms<1>(terms + in->c, r, offset))                    \
  LOAD_RANK(bits, 2, addTerms<2>(terms + in->c, r, offset))                    \
  LOAD_RANK(bits, 3, addTerms<3>(terms + in->c, r, offset))                    \
  LOAD_RANK(bits, 4, addTerms<4>(terms + in->c, r, offset))                    \
  LOAD_RANK(bits, N, addTerms(terms + in->c, in->rank, r, offset))
  LOAD_STORE(8)
  LOAD_STORE(16)
  LOAD_STORE(32)
  LOAD_STORE(64)
#undef LOAD_STORE
#undef LOAD_RANK

#define ANY_RANK ACCESS(addTerms(terms + in->c, in->rank, r, offset))
  OP(LoadBool) {
    ANY_RANK;
    A.i = -int64_t(B.p[offset] != 0);
    NEXT();
  }
  OP(StoreBool) {
    ANY_RANK;
    A.p[offset] = char(B.i & 1);
    NEXT();
  }
  OP(LoadPacked) {
    ANY_RANK;
    unsigned bits = in->kind;
    uint64_t bit = uint64_t(offset) * bits;
    A.i = wrap(uint64_t(uint8_t(B.p[bit / 8])) >> (bit % 8), 64 - bits);
    NEXT();
  }
  OP(StorePacked) {
    ANY_RANK;
    unsigned bits = in->kind, mask = (1u << bits) - 1;
    uint64_t bit = uint64_t(offset) * bits;
    char *byte = A.p + bit / 8;
    *byte = char((uint8_t(*byte) & ~(mask << bit % 8)) | (unsigned(B.u) & mask)
                                                             << bit % 8);
    NEXT();
  }
  OP(LoadSmall8) {
    ANY_RANK;
    A.f = decodeSmallFloat(SmallFloat(in->kind), uint8_t(B.p[offset]));
    NEXT();
  }
  OP(LoadSmall16) {
    ANY_RANK;
    A.f = decodeSmallFloat(SmallFloat(in->kind), read<uint16_t>(B.p + offset));
    NEXT();
  }
  OP(StoreSmall8) {
    ANY_RANK;
    A.p[offset] = char(encodeSmallFloat(SmallFloat(in->kind), B.f));
    NEXT();
  }
  OP(StoreSmall16) {
    ANY_RANK;
    write<uint16_t>(A.p + offset, encodeSmallFloat(SmallFloat(in->kind), B.f));
    NEXT();
  }
  OP(Address) {
    ANY_RANK;
    A.p = B.p + offset;
    NEXT();
  }
#undef ANY_RANK
#undef ACCESS
  // Lanes: imm holds the constant offset (48 bits) and above it the rank.
#define LANES                                                                  \
  int64_t offset = wrap(uint64_t(in->imm), 16);                                \
  if (!addTerms(terms + in->c, int(in->imm >> 48), r, offset))                 \
  return outOfBounds(code, r, uint32_t(in - first))
  OP(LoadLanes) {
    LANES;
    const char *from = B.p + offset;
    Slot *to = &A;
    unsigned lanes = in->rank;
    switch (in->kind) {
    case 1:
      for (unsigned l = 0; l < lanes; ++l)
        to[l].i = read<int8_t>(from + l);
      break;
    case 2:
      for (unsigned l = 0; l < lanes; ++l)
        to[l].i = read<int16_t>(from + 2 * l);
      break;
    case 4:
      for (unsigned l = 0; l < lanes; ++l)
        to[l].i = read<int32_t>(from + 4 * l);
      break;
    default:
      std::memcpy(to, from, lanes * 8);
    }
    NEXT();
  }
  OP(StoreLanes) {
    LANES;
    char *to = A.p + offset;
    const Slot *from = &B;
    unsigned lanes = in->rank;
    switch (in->kind) {
    case 1:
      for (unsigned l = 0; l < lanes; ++l)
        to[l] = char(from[l].i);
      break;
    case 2:
      for (unsigned l = 0; l < lanes; ++l)
        write<int16_t>(to + 2 * l, int16_t(from[l].i));
      break;
    case 4:
      for (unsigned l = 0; l < lanes; ++l)
        write<int32_t>(to + 4 * l, int32_t(from[l].i));
      break;
    default:
      std::memcpy(to, from, lanes * 8);
    }
    NEXT();
  }
#undef LANES
  OP(Copy) {
    if ((steps -= in->imm / 8) < 0)
      FAULT(StepLimit, 0, 0);
    std::memmove(A.p, B.p, size_t(in->imm));
    NEXT();
  }
  OP(View) {
    if (uint64_t(C.i) > uint64_t(in->imm))
      FAULT(ViewOutOfBounds, C.i, in->imm);
    A.p = B.p + C.i;
    NEXT();
  }
  OP(ExtractLane) {
    if (C.u >= in->lanes())
      FAULT(LaneOutOfBounds, C.i, in->lanes());
    A = r[in->b + C.u];
    NEXT();
  }
  OP(InsertLane) {
    if (C.u >= in->lanes())
      FAULT(LaneOutOfBounds, C.i, in->lanes());
    r[in->a + C.u] = B;
    NEXT();
  }
}
