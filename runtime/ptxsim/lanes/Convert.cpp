//===- Convert.cpp - cvt -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.9.21. A conversion reads its source as numbers of one host type
// (integers as 64 bits, floats as double or float), adjusts them and writes
// the result's type; the commonest pairs have loops of their own.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"
#include "runtime/ptxsim/lanes/SmallFloats.h"

#include <limits>

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

struct Conversion {
  Type to, from;
  unsigned toBytes, fromBytes; ///< of the registers
  Rounding rounding = Rounding::Nearest;
  bool integral = false; ///< rni, rzi, rmi, rpi
  bool saturate = false, satfinite = false, relu = false, flush = false;
};

/// Bits of lane `l` of a register of `bytes`.
ADZE_LANE_INLINE uint64_t readBits(const char *base, unsigned bytes,
                                   unsigned l) {
  switch (bytes) {
  case 2:
    return reinterpret_cast<const uint16_t *>(base)[l];
  case 4:
    return reinterpret_cast<const uint32_t *>(base)[l];
  default:
    return reinterpret_cast<const uint64_t *>(base)[l];
  }
}
ADZE_LANE_INLINE void writeBits(char *base, unsigned bytes, unsigned l,
                                uint64_t value) {
  switch (bytes) {
  case 2:
    reinterpret_cast<uint16_t *>(base)[l] = uint16_t(value);
    break;
  case 4:
    reinterpret_cast<uint32_t *>(base)[l] = uint32_t(value);
    break;
  default:
    reinterpret_cast<uint64_t *>(base)[l] = value;
  }
}

/// The value of an integer type in `bits`, extended to 64 bits.
ADZE_LANE_INLINE uint64_t extend(Type type, uint64_t bits) {
  switch (type) {
  case Type::S8:
    return uint64_t(int64_t(int8_t(bits)));
  case Type::S16:
    return uint64_t(int64_t(int16_t(bits)));
  case Type::S32:
    return uint64_t(int64_t(int32_t(bits)));
  case Type::U8:
  case Type::B8:
    return uint8_t(bits);
  case Type::U16:
  case Type::B16:
    return uint16_t(bits);
  case Type::U32:
  case Type::B32:
    return uint32_t(bits);
  default:
    return bits;
  }
}
/// Smallest and largest value of an integer type.
void limits(Type type, __int128 &low, __int128 &high) {
  unsigned bits = 8 * byteSize(type);
  low = isSigned(type) ? -(__int128(1) << (bits - 1)) : 0;
  high = isSigned(type) ? (__int128(1) << (bits - 1)) - 1
                        : (__int128(1) << bits) - 1;
}

double readFloat(Type type, uint64_t bits) {
  switch (type) {
  case Type::F16:
    return halfToFloat(uint16_t(bits));
  case Type::BF16:
    return bfloatToFloat(uint16_t(bits));
  case Type::F64:
    return std::bit_cast<double>(bits);
  default:
    return std::bit_cast<float>(uint32_t(bits));
  }
}

double roundIntegral(double value, Rounding mode) {
  switch (mode) {
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  case Rounding::Up:
    return std::ceil(value);
  default:
    return std::nearbyint(value);
  }
}

uint64_t writeFloat(const Conversion &c, double value) {
  if (c.integral)
    value = roundIntegral(value, c.rounding);
  if (c.flush && std::fabs(value) < 0x1p-126)
    value = std::copysign(0.0, value);
  if (c.saturate)
    value = value > 0 ? (value < 1 ? value : 1) : 0;
  if (c.relu && (value < 0 || value == 0))
    value = 0;
  switch (c.to) {
  case Type::F64:
    return std::bit_cast<uint64_t>(value);
  case Type::F32:
    if (c.rounding == Rounding::Nearest || c.integral) {
      float f = float(value);
      return f != f ? 0x7fffffff : std::bit_cast<uint32_t>(f);
    }
    return roundToFormat(value, 8, 23, c.rounding);
  case Type::F16: {
    uint32_t bits = roundToFormat(value, 5, 10, c.rounding);
    if (c.satfinite && (bits & 0x7fff) == 0x7c00)
      bits = (bits & 0x8000) | 0x7bff;
    return bits;
  }
  case Type::TF32: {
    uint32_t bits = roundToFormat(value, 8, 10, c.rounding) << 13;
    if (c.satfinite && (bits & 0x7fffffff) == 0x7f800000)
      bits = (bits & 0x80000000) | 0x7f7fe000;
    return bits;
  }
  default: {
    uint32_t bits = roundToFormat(value, 8, 7, c.rounding);
    if (c.satfinite && (bits & 0x7fff) == 0x7f80)
      bits = (bits & 0x8000) | 0x7f7f;
    return bits;
  }
  }
}

Step convertGeneral(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const Conversion &c = *static_cast<const Conversion *>(instruction.detail);
  const char *a = warp.lanes<char>(instruction.a);
  char *d = warp.lanes<char>(instruction.d);
  bool fromFloat = isFloat(c.from), toFloat = isFloat(c.to);
  __int128 low = 0, high = 0;
  if (!toFloat)
    limits(c.to, low, high);
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t bits = readBits(a, c.fromBytes, l);
    uint64_t result;
    if (fromFloat) {
      double value = readFloat(c.from, bits);
      if (c.flush && std::fabs(value) < 0x1p-126)
        value = 0;
      if (toFloat) {
        result = writeFloat(c, value);
      } else if (value != value) {
        result = byteSize(c.to) == 8 ? uint64_t(1) << 63 : 0;
      } else {
        value = roundIntegral(value, c.rounding);
        __int128 whole = value >= 0x1p65    ? __int128(1) << 65
                         : value <= -0x1p65 ? -(__int128(1) << 65)
                                            : __int128(value);
        whole = whole < low ? low : whole > high ? high : whole;
        result = uint64_t(whole);
      }
    } else {
      uint64_t value = extend(c.from, bits);
      if (!toFloat) {
        if (c.saturate) {
          __int128 whole =
              isSigned(c.from) ? __int128(int64_t(value)) : __int128(value);
          value = uint64_t(whole < low ? low : whole > high ? high : whole);
        }
        result = extend(c.to, value);
      } else if (c.rounding == Rounding::Nearest && c.to != Type::F16 &&
                 c.to != Type::BF16) {
        // One rounding, straight to the result.
        if (c.to == Type::F64)
          result = std::bit_cast<uint64_t>(
              isSigned(c.from) ? double(int64_t(value)) : double(value));
        else
          result = std::bit_cast<uint32_t>(
              isSigned(c.from) ? float(int64_t(value)) : float(value));
        if (c.saturate)
          result = writeFloat(c, readFloat(c.to, result));
      } else {
        // Exact in long double on x86; elsewhere at least as double.
        long double exact =
            isSigned(c.from) ? (long double)int64_t(value) : (long double)value;
        double near = double(exact);
        long double rest = exact - (long double)near;
        if (c.to == Type::F64) {
          bool up = c.rounding == Rounding::Up ||
                    (c.rounding == Rounding::Zero && near < 0);
          if (rest != 0 && (rest > 0) == up && c.rounding != Rounding::Nearest)
            near = std::nextafter(near, up ? HUGE_VAL : -HUGE_VAL);
          result = std::bit_cast<uint64_t>(near);
        } else {
          // To odd, so that the second rounding is the only one.
          uint64_t odd = std::bit_cast<uint64_t>(near);
          if (rest != 0 && !(odd & 1))
            odd += (rest > 0) == (near > 0) ? 1 : -1;
          result = writeFloat(c, std::bit_cast<double>(odd));
        }
      }
    }
    writeBits(d, c.toBytes, l, result);
  }
  return Step::Next;
}

template <typename R, typename A> ADZE_LANE_INLINE R cast(A a) { return R(a); }
ADZE_LANE_INLINE int32_t toS32(float a) {
  float t = std::trunc(a);
  return !(t < 0x1p31f) ? (a != a ? 0 : 0x7fffffff)
         : t < -0x1p31f ? std::numeric_limits<int32_t>::min()
                        : int32_t(t);
}
ADZE_LANE_INLINE uint16_t toHalf(float a) { return floatToHalf(a); }
ADZE_LANE_INLINE float fromHalf(uint16_t a) { return halfToFloat(a); }
ADZE_LANE_INLINE uint16_t toBfloat(float a) { return floatToBfloat(a); }
ADZE_LANE_INLINE float fromBfloat(uint16_t a) { return bfloatToFloat(a); }
/// cvt.*x2.f32 d, a, b: a in the upper half.
ADZE_LANE_INLINE uint32_t toHalfPair(float a, float b) {
  return uint32_t(floatToHalf(a)) << 16 | floatToHalf(b);
}
ADZE_LANE_INLINE uint32_t toBfloatPair(float a, float b) {
  return uint32_t(floatToBfloat(a)) << 16 | floatToBfloat(b);
}

/// Loops for plain conversions between registers of the types' own sizes.
Handler quickHandler(const Conversion &c) {
  if (c.saturate || c.satfinite || c.relu || c.flush)
    return nullptr;
  auto is = [&](Type to, Type from) {
    return c.to == to && c.from == from && c.toBytes == byteSize(to) &&
           c.fromBytes == byteSize(from);
  };
  if (is(Type::U64, Type::U32))
    return unary<uint64_t, uint32_t, cast<uint64_t, uint32_t>>;
  if (is(Type::S64, Type::S32))
    return unary<int64_t, int32_t, cast<int64_t, int32_t>>;
  if (is(Type::U32, Type::U64) || is(Type::S32, Type::S64))
    return unary<uint32_t, uint64_t, cast<uint32_t, uint64_t>>;
  if (is(Type::U32, Type::U16))
    return unary<uint32_t, uint16_t, cast<uint32_t, uint16_t>>;
  if (is(Type::S32, Type::S16))
    return unary<int32_t, int16_t, cast<int32_t, int16_t>>;
  if (is(Type::U16, Type::U32) || is(Type::S16, Type::S32))
    return unary<uint16_t, uint32_t, cast<uint16_t, uint32_t>>;
  if (is(Type::F32, Type::F16))
    return c.integral ? nullptr : unary<float, uint16_t, fromHalf>;
  if (is(Type::F32, Type::BF16))
    return c.integral ? nullptr : unary<float, uint16_t, fromBfloat>;
  if (is(Type::S32, Type::F32) && c.rounding == Rounding::Zero)
    return unary<int32_t, float, toS32>;
  if (c.rounding != Rounding::Nearest || c.integral)
    return nullptr;
  if (is(Type::F32, Type::S32))
    return unary<float, int32_t, cast<float, int32_t>>;
  if (is(Type::F32, Type::U32))
    return unary<float, uint32_t, cast<float, uint32_t>>;
  if (is(Type::F16, Type::F32))
    return unary<uint16_t, float, toHalf>;
  if (is(Type::BF16, Type::F32))
    return unary<uint16_t, float, toBfloat>;
  if (is(Type::F64, Type::F32))
    return unary<double, float, cast<double, float>>;
  return nullptr;
}

/// cvt.type-x2.f32 d, a, b with modifiers, and eight-bit pairs.
Step convertPair(Warp &warp, const Instruction &instruction, uint32_t mask) {
  Conversion c = *static_cast<const Conversion *>(instruction.detail);
  bool eight = c.to == Type::E4M3x2 || c.to == Type::E5M2x2;
  const char *a = warp.lanes<char>(instruction.a);
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    if (!(mask >> l & 1))
      continue;
    float upper, lower;
    if (c.from == Type::F32) {
      upper = warp.lanes<float>(instruction.a)[l];
      lower = warp.lanes<float>(instruction.b)[l];
    } else if (c.from == Type::F16x2 || c.from == Type::BF16x2) {
      uint32_t bits = uint32_t(readBits(a, 4, l));
      bool half = c.from == Type::F16x2;
      upper = half ? halfToFloat(uint16_t(bits >> 16))
                   : bfloatToFloat(uint16_t(bits >> 16));
      lower =
          half ? halfToFloat(uint16_t(bits)) : bfloatToFloat(uint16_t(bits));
    } else {
      uint16_t bits = uint16_t(readBits(a, 2, l));
      bool e4m3 = c.from == Type::E4M3x2;
      upper = e4m3 ? e4m3ToFloat(uint8_t(bits >> 8))
                   : e5m2ToFloat(uint8_t(bits >> 8));
      lower = e4m3 ? e4m3ToFloat(uint8_t(bits)) : e5m2ToFloat(uint8_t(bits));
    }
    if (eight) {
      if (c.relu) {
        upper = upper < 0 ? 0 : upper;
        lower = lower < 0 ? 0 : lower;
      }
      bool e4m3 = c.to == Type::E4M3x2;
      unsigned high = e4m3 ? floatToE4M3(upper) : floatToE5M2(upper);
      unsigned low = e4m3 ? floatToE4M3(lower) : floatToE5M2(lower);
      warp.lanes<uint16_t>(instruction.d)[l] = uint16_t(high << 8 | low);
      continue;
    }
    Conversion one = c;
    one.to = c.to == Type::F16x2 ? Type::F16 : Type::BF16;
    warp.lanes<uint32_t>(instruction.d)[l] = uint32_t(writeFloat(one, upper))
                                                 << 16 |
                                             uint32_t(writeFloat(one, lower));
  }
  return Step::Next;
}

/// cvt.pack.sat: a and b become narrow integers above what c holds.
Step convertPack(Warp &warp, const Instruction &instruction, uint32_t mask) {
  Type type = Type(instruction.flags[0]);
  __int128 low, high;
  limits(type, low, high);
  unsigned bits = 8 * byteSize(type);
  uint32_t ones = (uint32_t(1) << bits) - 1;
  const int32_t *a = warp.lanes<int32_t>(instruction.a);
  const int32_t *b = warp.lanes<int32_t>(instruction.b);
  auto narrow = [&](int32_t v) {
    return uint32_t(v < low ? low : v > high ? high : __int128(v)) & ones;
  };
  for (unsigned l = 0; l < lanesPerWarp; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint32_t r = narrow(a[l]) << bits | narrow(b[l]);
    if (instruction.c != noSlot)
      r |= warp.lanes<uint32_t>(instruction.c)[l] << (2 * bits);
    warp.lanes<uint32_t>(instruction.d)[l] = r;
  }
  return Step::Next;
}

bool decodePack(Decoder &d) {
  d.take("sat");
  Type to = d.takeType();
  Type from = d.takeType();
  if (from != Type::S32 || byteSize(to) > 2)
    return false;
  Instruction &out = d.out();
  if (byteSize(to) == 1) {
    if (d.takeType() != Type::B32)
      return false;
    takeOperands(d, Type::B32, {Type::S32, Type::S32, Type::B32});
  } else {
    takeOperands(d, Type::B32, {Type::S32, Type::S32});
  }
  out.flags[0] = uint8_t(to);
  out.handler = convertPack;
  return true;
}

bool isPair(Type type) {
  return type == Type::F16x2 || type == Type::BF16x2 || type == Type::E4M3x2 ||
         type == Type::E5M2x2;
}

} // namespace

bool decodeConvert(Decoder &d) {
  if (d.mnemonic() != "cvt")
    return false;
  if (d.take("pack"))
    return decodePack(d);
  Conversion &c = d.detail<Conversion>();
  int integral = d.takeOneOf({"rni", "rzi", "rmi", "rpi"});
  int mode =
      integral >= 0 ? integral : d.takeOneOf({"rn", "rz", "rm", "rp", "rna"});
  c.integral = integral >= 0;
  c.rounding = Rounding(mode < 0 ? 0 : mode);
  c.relu = d.take("relu");
  c.satfinite = d.take("satfinite");
  c.saturate = d.take("sat");
  c.flush = d.take("ftz");
  c.to = d.takeType();
  c.from = d.takeType();
  if (c.to == Type::None || c.from == Type::None)
    d.error("two types are needed");
  Instruction &out = d.out();
  if (isPair(c.to)) {
    bool plain = c.rounding == Rounding::Nearest && !c.relu && !c.satfinite;
    if (c.from == Type::F32) {
      takeOperands(d, c.to, {Type::F32, Type::F32});
      out.handler = convertPair;
      if (plain && c.to == Type::F16x2)
        out.handler = binary<uint32_t, float, float, toHalfPair>;
      if (plain && c.to == Type::BF16x2)
        out.handler = binary<uint32_t, float, float, toBfloatPair>;
      return true;
    }
    if (!isPair(c.from))
      return false;
    takeOperands(d, c.to, {c.from});
    out.handler = convertPair;
    return true;
  }
  d.expectOperands(2, 2);
  const Operand &to = d.operand(0);
  c.fromBytes = byteSize(c.from);
  out.a = d.looseSource(d.operand(1), c.fromBytes);
  if (to.kind != Operand::Register)
    d.error("the result has to be a register");
  c.toBytes = to.bytes;
  out.d = d.destination(to, to.bytes == 2   ? Type::B16
                            : to.bytes == 4 ? Type::B32
                                            : Type::B64);
  bool wideEnough = c.toBytes >= byteSize(c.to) &&
                    c.fromBytes >= byteSize(c.from) &&
                    (!isFloat(c.to) || c.toBytes == byteSize(c.to)) &&
                    (!isFloat(c.from) || c.fromBytes == byteSize(c.from));
  if (!wideEnough)
    d.error("a register does not fit its type");
  out.handler = quickHandler(c);
  if (!out.handler)
    out.handler = convertGeneral;
  return true;
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
