//===- Bits.cpp - Logic, shifts and fields of bits -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.1 (bit field instructions) and 9.7.8 (logic and shifts).
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

template <typename T> ADZE_LANE_INLINE T andBits(T a, T b) { return a & b; }
template <typename T> ADZE_LANE_INLINE T orBits(T a, T b) { return a | b; }
template <typename T> ADZE_LANE_INLINE T xorBits(T a, T b) { return a ^ b; }
template <typename T> ADZE_LANE_INLINE T notBits(T a) { return T(~a); }
template <typename T> ADZE_LANE_INLINE T cnot(T a) { return a == 0; }

/// Shifts clamp at the width.
template <typename T> ADZE_LANE_INLINE T shl(T a, uint32_t b) {
  constexpr unsigned width = 8 * sizeof(T);
  return b >= width ? T(0) : T(a << (b & (width - 1)));
}
template <typename T> ADZE_LANE_INLINE T shr(T a, uint32_t b) {
  constexpr unsigned width = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>)
    return T(a >> (b >= width ? width - 1 : b));
  else
    return b >= width ? T(0) : T(a >> (b & (width - 1)));
}
/// Funnel shifts of (b:a): the low word is the first operand.
ADZE_LANE_INLINE uint32_t shfLeftWrap(uint32_t a, uint32_t b, uint32_t c) {
  return uint32_t(((uint64_t(b) << 32 | a) << (c & 31)) >> 32);
}
ADZE_LANE_INLINE uint32_t shfLeftClamp(uint32_t a, uint32_t b, uint32_t c) {
  c = c > 32 ? 32 : c;
  return uint32_t(((uint64_t(b) << 32 | a) << c) >> 32);
}
ADZE_LANE_INLINE uint32_t shfRightWrap(uint32_t a, uint32_t b, uint32_t c) {
  return uint32_t((uint64_t(b) << 32 | a) >> (c & 31));
}
ADZE_LANE_INLINE uint32_t shfRightClamp(uint32_t a, uint32_t b, uint32_t c) {
  c = c > 32 ? 32 : c;
  return uint32_t((uint64_t(b) << 32 | a) >> c);
}
template <typename T> ADZE_LANE_INLINE T bfe(T a, uint32_t b, uint32_t c) {
  constexpr unsigned msb = 8 * sizeof(T) - 1;
  using U = std::make_unsigned_t<T>;
  unsigned pos = b & 0xff, len = c & 0xff;
  if (len == 0)
    return 0;
  U sign = 0;
  if constexpr (std::is_signed_v<T>)
    sign = U(a) >> (pos + len - 1 > msb ? msb : pos + len - 1) & 1;
  U field = pos > msb ? U(0) : U(a) >> pos;
  unsigned have = pos > msb ? 0 : msb + 1 - pos; // bits taken from a
  unsigned bits = len < have ? len : have;
  U keep = bits > msb ? U(~U(0)) : U((U(1) << bits) - 1);
  return T((field & keep) | (sign ? U(~keep) : U(0)));
}
template <typename T> ADZE_LANE_INLINE T bfi(T a, T b, uint32_t c, uint32_t d) {
  constexpr unsigned width = 8 * sizeof(T);
  unsigned pos = c & 0xff, len = d & 0xff;
  if (pos >= width || len == 0)
    return b;
  T field = len >= width ? T(~T(0)) : T((T(1) << len) - 1);
  T keep = T(field << pos);
  return T((b & ~keep) | ((a << pos) & keep));
}
template <typename T> ADZE_LANE_INLINE uint32_t popc(T a) {
  return uint32_t(sizeof(T) == 8 ? __builtin_popcountll(uint64_t(a))
                                 : __builtin_popcount(uint32_t(a)));
}
template <typename T> ADZE_LANE_INLINE uint32_t clz(T a) {
  if (!a)
    return 8 * sizeof(T);
  return uint32_t(sizeof(T) == 8 ? __builtin_clzll(uint64_t(a))
                                 : __builtin_clz(uint32_t(a)));
}
ADZE_LANE_INLINE uint32_t brev32(uint32_t a) {
  a = (a >> 1 & 0x55555555) | (a & 0x55555555) << 1;
  a = (a >> 2 & 0x33333333) | (a & 0x33333333) << 2;
  a = (a >> 4 & 0x0f0f0f0f) | (a & 0x0f0f0f0f) << 4;
  return __builtin_bswap32(a);
}
ADZE_LANE_INLINE uint64_t brev64(uint64_t a) {
  return uint64_t(brev32(uint32_t(a))) << 32 | brev32(uint32_t(a >> 32));
}
template <typename T, bool ShiftAmount> ADZE_LANE_INLINE uint32_t bfind(T a) {
  using U = std::make_unsigned_t<T>;
  U bits = U(std::is_signed_v<T> && a < 0 ? ~a : a);
  if (!bits)
    return ~uint32_t(0);
  unsigned zeros = clz<U>(bits);
  return ShiftAmount ? zeros : 8 * sizeof(T) - 1 - zeros;
}
template <bool Wrap> ADZE_LANE_INLINE uint32_t bmsk(uint32_t a, uint32_t b) {
  if (Wrap) {
    a &= 31;
    b &= 31;
  }
  if (a > 31 || b == 0)
    return 0;
  uint64_t ones = b > 31 ? ~uint64_t(0) : (uint64_t(1) << b) - 1;
  return uint32_t(ones << a);
}
template <typename T, bool Wrap> ADZE_LANE_INLINE T szext(T a, uint32_t b) {
  if (Wrap)
    b &= 31;
  if (b == 0)
    return 0;
  if (b > 31)
    return a;
  return T(T(uint32_t(a) << (32 - b)) >> (32 - b));
}
/// Any function of three bits, by its table (lop3).
ADZE_LANE_INLINE uint32_t lop3(uint32_t a, uint32_t b, uint32_t c,
                               uint32_t table) {
  uint32_t r = 0;
  r |= (table & 1 ? ~uint32_t(0) : 0) & ~a & ~b & ~c;
  r |= (table & 2 ? ~uint32_t(0) : 0) & ~a & ~b & c;
  r |= (table & 4 ? ~uint32_t(0) : 0) & ~a & b & ~c;
  r |= (table & 8 ? ~uint32_t(0) : 0) & ~a & b & c;
  r |= (table & 16 ? ~uint32_t(0) : 0) & a & ~b & ~c;
  r |= (table & 32 ? ~uint32_t(0) : 0) & a & ~b & c;
  r |= (table & 64 ? ~uint32_t(0) : 0) & a & b & ~c;
  r |= (table & 128 ? ~uint32_t(0) : 0) & a & b & c;
  return r;
}
ADZE_LANE_INLINE uint32_t permuteByte(uint64_t bytes, uint32_t selector) {
  uint32_t byte = uint32_t(bytes >> (8 * (selector & 7))) & 0xff;
  return selector & 8 ? (byte & 0x80 ? 0xff : 0) : byte;
}
ADZE_LANE_INLINE uint32_t prmt(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t r = 0;
  for (unsigned i = 0; i < 4; ++i)
    r |= permuteByte(bytes, c >> (4 * i) & 15) << (8 * i);
  return r;
}
/// The named modes of prmt: byte i's selector for each value of c.
template <unsigned Mode>
ADZE_LANE_INLINE uint32_t prmtMode(uint32_t a, uint32_t b, uint32_t c) {
  c &= 3;
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t r = 0;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned s = 0;
    switch (Mode) {
    case 0: // f4e
      s = c + i;
      break;
    case 1: // b4e
      s = (8 + c - i) & 7;
      break;
    case 2: // rc8
      s = c;
      break;
    case 3: // ecl
      s = i < c ? c : i;
      break;
    case 4: // ecr
      s = i < c ? i : c;
      break;
    default: // rc16
      s = (c & 1) * 2 + (i & 1);
    }
    r |= (uint32_t(bytes >> (8 * s)) & 0xff) << (8 * i);
  }
  return r;
}

template <typename T> Handler logicHandler(const std::string &name) {
  if (name == "and")
    return binary<T, T, T, andBits<T>>;
  if (name == "or")
    return binary<T, T, T, orBits<T>>;
  if (name == "xor")
    return binary<T, T, T, xorBits<T>>;
  if (name == "not")
    return unary<T, T, notBits<T>>;
  return unary<T, T, cnot<T>>;
}

/// Logic on predicates: whole masks. flags: operation, negations of a and b.
Step predicateLogic(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t a = warp.predicate(instruction.a);
  if (instruction.flags[1] & 1)
    a = ~a;
  uint32_t r = ~a;
  if (instruction.flags[0] < 3) {
    uint32_t b = warp.predicate(instruction.b);
    if (instruction.flags[1] & 2)
      b = ~b;
    r = instruction.flags[0] == 0   ? a & b
        : instruction.flags[0] == 1 ? a | b
                                    : a ^ b;
  }
  uint32_t &d = warp.predicate(instruction.d);
  d = (d & ~mask) | (r & mask);
  return Step::Next;
}

bool decodeLogic(Decoder &d, unsigned operation) {
  Type type = d.takeType();
  bool single = operation >= 3;
  if (type == Type::Pred) {
    if (operation == 4)
      return false;
    d.expectOperands(single ? 2 : 3, single ? 2 : 3);
    Instruction &out = d.out();
    if (d.operand(0).kind != Operand::Predicate)
      d.error("the result has to be a predicate");
    out.d = d.operand(0).slot;
    auto a = d.predicate(d.operand(1));
    out.a = a.slot;
    out.flags[0] = uint8_t(operation);
    out.flags[1] = a.negated;
    if (!single) {
      auto b = d.predicate(d.operand(2));
      out.b = b.slot;
      out.flags[1] |= uint8_t(b.negated << 1);
    }
    out.handler = predicateLogic;
    return true;
  }
  if (single)
    takeOperands(d, type, {type});
  else
    takeOperands(d, type, {type, type});
  switch (type) {
  case Type::B16:
    d.out().handler = logicHandler<uint16_t>(d.mnemonic());
    return true;
  case Type::B32:
    d.out().handler = logicHandler<uint32_t>(d.mnemonic());
    return true;
  case Type::B64:
    d.out().handler = logicHandler<uint64_t>(d.mnemonic());
    return true;
  default:
    return false;
  }
}

bool decodeShift(Decoder &d) {
  Type type = d.takeType();
  takeOperands(d, type, {type, Type::U32});
  bool left = d.mnemonic() == "shl";
  switch (type) {
  case Type::B16:
  case Type::U16:
    d.out().handler = left
                          ? binary<uint16_t, uint16_t, uint32_t, shl<uint16_t>>
                          : binary<uint16_t, uint16_t, uint32_t, shr<uint16_t>>;
    return true;
  case Type::S16:
    d.out().handler = binary<int16_t, int16_t, uint32_t, shr<int16_t>>;
    return !left;
  case Type::B32:
  case Type::U32:
    d.out().handler = left
                          ? binary<uint32_t, uint32_t, uint32_t, shl<uint32_t>>
                          : binary<uint32_t, uint32_t, uint32_t, shr<uint32_t>>;
    return true;
  case Type::S32:
    d.out().handler = binary<int32_t, int32_t, uint32_t, shr<int32_t>>;
    return !left;
  case Type::B64:
  case Type::U64:
    d.out().handler = left
                          ? binary<uint64_t, uint64_t, uint32_t, shl<uint64_t>>
                          : binary<uint64_t, uint64_t, uint32_t, shr<uint64_t>>;
    return true;
  case Type::S64:
    d.out().handler = binary<int64_t, int64_t, uint32_t, shr<int64_t>>;
    return !left;
  default:
    return false;
  }
}

bool decodeField(Decoder &d) {
  const std::string &name = d.mnemonic();
  if (name == "bfe") {
    Type type = d.takeType();
    takeOperands(d, type, {type, Type::U32, Type::U32});
    Handler &h = d.out().handler;
    if (type == Type::U32)
      h = ternary<uint32_t, uint32_t, uint32_t, uint32_t, bfe<uint32_t>>;
    else if (type == Type::S32)
      h = ternary<int32_t, int32_t, uint32_t, uint32_t, bfe<int32_t>>;
    else if (type == Type::U64)
      h = ternary<uint64_t, uint64_t, uint32_t, uint32_t, bfe<uint64_t>>;
    else if (type == Type::S64)
      h = ternary<int64_t, int64_t, uint32_t, uint32_t, bfe<int64_t>>;
    return h != nullptr;
  }
  if (name == "bfi") {
    Type type = d.takeType();
    takeOperands(d, type, {type, type, Type::U32, Type::U32});
    Handler &h = d.out().handler;
    if (type == Type::B32)
      h = quaternary<uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,
                     bfi<uint32_t>>;
    else if (type == Type::B64)
      h = quaternary<uint64_t, uint64_t, uint64_t, uint32_t, uint32_t,
                     bfi<uint64_t>>;
    return h != nullptr;
  }
  if (name == "bfind") {
    bool amount = d.take("shiftamt");
    Type type = d.takeType();
    takeOperands(d, Type::U32, {type});
    using W = uint32_t;
    Handler &h = d.out().handler;
    if (type == Type::U32)
      h = amount ? unary<W, uint32_t, bfind<uint32_t, true>>
                 : unary<W, uint32_t, bfind<uint32_t, false>>;
    else if (type == Type::S32)
      h = amount ? unary<W, int32_t, bfind<int32_t, true>>
                 : unary<W, int32_t, bfind<int32_t, false>>;
    else if (type == Type::U64)
      h = amount ? unary<W, uint64_t, bfind<uint64_t, true>>
                 : unary<W, uint64_t, bfind<uint64_t, false>>;
    else if (type == Type::S64)
      h = amount ? unary<W, int64_t, bfind<int64_t, true>>
                 : unary<W, int64_t, bfind<int64_t, false>>;
    return h != nullptr;
  }
  if (name == "bmsk") {
    bool wrap = d.take("wrap");
    if (!wrap)
      d.take("clamp");
    d.takeType();
    takeOperands(d, Type::B32, {Type::B32, Type::B32});
    d.out().handler = wrap ? binary<uint32_t, uint32_t, uint32_t, bmsk<true>>
                           : binary<uint32_t, uint32_t, uint32_t, bmsk<false>>;
    return true;
  }
  // szext
  bool wrap = d.take("wrap");
  if (!wrap)
    d.take("clamp");
  Type type = d.takeType();
  takeOperands(d, type, {type, Type::U32});
  using W = uint32_t;
  d.out().handler =
      type == Type::S32
          ? (wrap ? binary<int32_t, int32_t, W, szext<int32_t, true>>
                  : binary<int32_t, int32_t, W, szext<int32_t, false>>)
          : (wrap ? binary<W, W, W, szext<W, true>>
                  : binary<W, W, W, szext<W, false>>);
  return type == Type::S32 || type == Type::U32;
}

bool decodeCount(Decoder &d) {
  const std::string &name = d.mnemonic();
  Type type = d.takeType();
  bool wide = type == Type::B64;
  if (!wide && type != Type::B32)
    return false;
  takeOperands(d, name == "brev" ? type : Type::U32, {type});
  Handler &h = d.out().handler;
  if (name == "popc")
    h = wide ? unary<uint32_t, uint64_t, popc<uint64_t>>
             : unary<uint32_t, uint32_t, popc<uint32_t>>;
  else if (name == "clz")
    h = wide ? unary<uint32_t, uint64_t, clz<uint64_t>>
             : unary<uint32_t, uint32_t, clz<uint32_t>>;
  else
    h = wide ? unary<uint64_t, uint64_t, brev64>
             : unary<uint32_t, uint32_t, brev32>;
  return true;
}

bool decodeFunnel(Decoder &d) {
  bool left = d.take("l");
  if (!left && !d.take("r"))
    d.error("one of .l and .r is needed");
  bool wrap = d.take("wrap");
  if (!wrap && !d.take("clamp"))
    d.error("one of .wrap and .clamp is needed");
  d.takeType();
  takeOperands(d, Type::B32, {Type::B32, Type::B32, Type::U32});
  using W = uint32_t;
  d.out().handler = left ? (wrap ? ternary<W, W, W, W, shfLeftWrap>
                                 : ternary<W, W, W, W, shfLeftClamp>)
                         : (wrap ? ternary<W, W, W, W, shfRightWrap>
                                 : ternary<W, W, W, W, shfRightClamp>);
  return true;
}

bool decodePermute(Decoder &d) {
  using W = uint32_t;
  d.takeType();
  static constexpr Handler modes[] = {
      ternary<W, W, W, W, prmtMode<0>>, ternary<W, W, W, W, prmtMode<1>>,
      ternary<W, W, W, W, prmtMode<2>>, ternary<W, W, W, W, prmtMode<3>>,
      ternary<W, W, W, W, prmtMode<4>>, ternary<W, W, W, W, prmtMode<5>>};
  int mode = d.takeOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  takeOperands(d, Type::B32, {Type::B32, Type::B32, Type::B32});
  d.out().handler = mode < 0 ? ternary<W, W, W, W, prmt> : modes[mode];
  return true;
}

} // namespace

bool decodeBits(Decoder &d) {
  const std::string &name = d.mnemonic();
  static constexpr const char *logic[] = {"and", "or", "xor", "not", "cnot"};
  for (unsigned i = 0; i < 5; ++i)
    if (name == logic[i])
      return decodeLogic(d, i);
  if (name == "shl" || name == "shr")
    return decodeShift(d);
  if (name == "bfe" || name == "bfi" || name == "bfind" || name == "bmsk" ||
      name == "szext")
    return decodeField(d);
  if (name == "popc" || name == "clz" || name == "brev")
    return decodeCount(d);
  if (name == "shf")
    return decodeFunnel(d);
  if (name == "prmt")
    return decodePermute(d);
  if (name == "lop3") {
    d.takeType();
    takeOperands(d, Type::B32, {Type::B32, Type::B32, Type::B32, Type::B32});
    using W = uint32_t;
    d.out().handler = quaternary<W, W, W, W, W, lop3>;
    return true;
  }
  return false;
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
