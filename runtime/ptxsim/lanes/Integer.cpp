//===- Integer.cpp - Integer arithmetic -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.1 and 9.7.2. Division by zero gives all ones, the remainder the
// dividend, as the hardware's routines do; the ISA leaves both open.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"

#include <limits>

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

template <typename T> using Unsigned = std::make_unsigned_t<T>;
template <typename T> struct Wider;
template <> struct Wider<int16_t> {
  using type = int32_t;
};
template <> struct Wider<uint16_t> {
  using type = uint32_t;
};
template <> struct Wider<int32_t> {
  using type = int64_t;
};
template <> struct Wider<uint32_t> {
  using type = uint64_t;
};
template <> struct Wider<int64_t> {
  using type = __int128;
};
template <> struct Wider<uint64_t> {
  using type = unsigned __int128;
};
template <typename T> using Wide = typename Wider<T>::type;

/// Arithmetic that wraps: in an unsigned type of at least 32 bits.
template <typename T>
using Ring = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <typename T> ADZE_LANE_INLINE T add(T a, T b) {
  return T(Ring<T>(a) + Ring<T>(b));
}
template <typename T> ADZE_LANE_INLINE T sub(T a, T b) {
  return T(Ring<T>(a) - Ring<T>(b));
}
template <typename T> ADZE_LANE_INLINE T mul(T a, T b) {
  return T(Ring<T>(a) * Ring<T>(b));
}
template <typename T> ADZE_LANE_INLINE T mulHi(T a, T b) {
  return T((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T)));
}
template <typename T> ADZE_LANE_INLINE Wide<T> mulWide(T a, T b) {
  return Wide<T>(a) * Wide<T>(b);
}
template <typename T> ADZE_LANE_INLINE T mad(T a, T b, T c) {
  return add(mul(a, b), c);
}
template <typename T> ADZE_LANE_INLINE T madHi(T a, T b, T c) {
  return add(mulHi(a, b), c);
}
template <typename T> ADZE_LANE_INLINE Wide<T> madWide(T a, T b, Wide<T> c) {
  return Wide<T>(Unsigned<Wide<T>>(mulWide(a, b)) + Unsigned<Wide<T>>(c));
}
template <typename T> ADZE_LANE_INLINE T saturate(int64_t value) {
  return T(value < std::numeric_limits<T>::min() ? std::numeric_limits<T>::min()
           : value > std::numeric_limits<T>::max()
               ? std::numeric_limits<T>::max()
               : value);
}
ADZE_LANE_INLINE int32_t addSat(int32_t a, int32_t b) {
  return saturate<int32_t>(int64_t(a) + b);
}
ADZE_LANE_INLINE int32_t subSat(int32_t a, int32_t b) {
  return saturate<int32_t>(int64_t(a) - b);
}
template <typename T> ADZE_LANE_INLINE T divide(T a, T b) {
  if (b == 0)
    return T(~T(0));
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return sub(T(0), a);
  return T(a / b);
}
template <typename T> ADZE_LANE_INLINE T remainder(T a, T b) {
  if (b == 0)
    return a;
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return 0;
  return T(a % b);
}
template <typename T> ADZE_LANE_INLINE T minimum(T a, T b) {
  return a < b ? a : b;
}
template <typename T> ADZE_LANE_INLINE T maximum(T a, T b) {
  return a > b ? a : b;
}
template <typename T> ADZE_LANE_INLINE T absolute(T a) {
  return a < 0 ? sub(T(0), a) : a;
}
template <typename T> ADZE_LANE_INLINE T negate(T a) { return sub(T(0), a); }
template <typename T> ADZE_LANE_INLINE T sad(T a, T b, T c) {
  return add(c, a < b ? sub(b, a) : sub(a, b));
}
/// Two 16-bit halves.
template <typename T, T (*F)(T, T)>
ADZE_LANE_INLINE uint32_t halves(uint32_t a, uint32_t b) {
  return uint32_t(uint16_t(F(T(a), T(b)))) |
         uint32_t(uint16_t(F(T(a >> 16), T(b >> 16)))) << 16;
}
ADZE_LANE_INLINE int32_t relu(int32_t a) { return a < 0 ? 0 : a; }
ADZE_LANE_INLINE int32_t minRelu(int32_t a, int32_t b) {
  return relu(minimum(a, b));
}
ADZE_LANE_INLINE int32_t maxRelu(int32_t a, int32_t b) {
  return relu(maximum(a, b));
}
template <typename T> ADZE_LANE_INLINE T mul24(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    return mul(T(T(uint32_t(a) << 8) >> 8), T(T(uint32_t(b) << 8) >> 8));
  else
    return mul(T(a & 0xffffff), T(b & 0xffffff));
}
template <typename T> ADZE_LANE_INLINE T mad24(T a, T b, T c) {
  return add(mul24(a, b), c);
}
/// Four products of bytes, added (dp4a).
template <typename A, typename B>
ADZE_LANE_INLINE uint32_t dp4a(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned i = 0; i < 32; i += 8)
    c += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
  return c;
}
template <typename A, typename B, unsigned High>
ADZE_LANE_INLINE uint32_t dp2a(uint32_t a, uint32_t b, uint32_t c) {
  using A16 = std::conditional_t<std::is_signed_v<A>, int16_t, uint16_t>;
  for (unsigned i = 0; i < 2; ++i)
    c += uint32_t(int32_t(A16(a >> (16 * i))) *
                  int32_t(B(b >> (8 * i + 16 * High))));
  return c;
}

template <typename T> Type typeOf();
template <> Type typeOf<int16_t>() { return Type::S16; }
template <> Type typeOf<uint16_t>() { return Type::U16; }
template <> Type typeOf<int32_t>() { return Type::S32; }
template <> Type typeOf<uint32_t>() { return Type::U32; }
template <> Type typeOf<int64_t>() { return Type::S64; }
template <> Type typeOf<uint64_t>() { return Type::U64; }

/// The wide forms exist for 16 and 32 bits.
template <typename T> bool decodeWide(Decoder &d, bool mad) {
  using W = Wide<T>;
  Type narrow = typeOf<T>(), wide = typeOf<W>();
  if (mad) {
    takeOperands(d, wide, {narrow, narrow, wide});
    d.out().handler = ternary<W, T, T, W, madWide<T>>;
  } else {
    takeOperands(d, wide, {narrow, narrow});
    d.out().handler = binary<W, T, T, mulWide<T>>;
  }
  return true;
}

template <typename T> bool decodeTyped(Decoder &d) {
  const std::string &name = d.mnemonic();
  Type type = d.takeType();
  Handler two = nullptr, one = nullptr, three = nullptr;
  if (name == "add" || name == "sub") {
    two = name == "add" ? binary<T, T, T, add<T>> : binary<T, T, T, sub<T>>;
    if (d.take("sat")) {
      if (type != Type::S32)
        d.error(".sat needs .s32");
      two = name == "add" ? binary<int32_t, int32_t, int32_t, addSat>
                          : binary<int32_t, int32_t, int32_t, subSat>;
    }
  } else if (name == "mul" || name == "mad") {
    bool isMad = name == "mad";
    if (d.take("wide")) {
      if constexpr (sizeof(T) < 8)
        return decodeWide<T>(d, isMad);
      d.error(".wide needs a type of 16 or 32 bits");
    }
    if (d.take("hi")) {
      two = binary<T, T, T, mulHi<T>>;
      three = ternary<T, T, T, T, madHi<T>>;
    } else if (d.take("lo")) {
      two = binary<T, T, T, mul<T>>;
      three = ternary<T, T, T, T, mad<T>>;
    } else {
      d.error("one of .lo, .hi and .wide is needed");
    }
    (isMad ? two : three) = nullptr;
  } else if (name == "div") {
    two = binary<T, T, T, divide<T>>;
  } else if (name == "rem") {
    two = binary<T, T, T, remainder<T>>;
  } else if (name == "min" || name == "max") {
    two = name == "min" ? binary<T, T, T, minimum<T>>
                        : binary<T, T, T, maximum<T>>;
    if (d.take("relu")) {
      if (type != Type::S32)
        d.error(".relu needs .s32");
      two = name == "min" ? binary<int32_t, int32_t, int32_t, minRelu>
                          : binary<int32_t, int32_t, int32_t, maxRelu>;
    }
  } else if (name == "abs" && std::is_signed_v<T>) {
    one = unary<T, T, absolute<T>>;
  } else if (name == "neg" && std::is_signed_v<T>) {
    one = unary<T, T, negate<T>>;
  } else if (name == "sad") {
    three = ternary<T, T, T, T, sad<T>>;
  } else if (name == "mul24" || name == "mad24") {
    if constexpr (sizeof(T) == 4) {
      if (!d.take("lo"))
        return false;
      (name == "mul24" ? two : three) = name == "mul24"
                                            ? binary<T, T, T, mul24<T>>
                                            : ternary<T, T, T, T, mad24<T>>;
    } else {
      return false;
    }
  } else {
    return false;
  }
  if (one)
    takeOperands(d, type, {type});
  else if (two)
    takeOperands(d, type, {type, type});
  else
    takeOperands(d, type, {type, type, type});
  d.out().handler = one ? one : two ? two : three;
  return true;
}

template <typename T> Handler packedHandler(const std::string &name) {
  if (name == "add")
    return binary<uint32_t, uint32_t, uint32_t, halves<T, add<T>>>;
  if (name == "sub")
    return binary<uint32_t, uint32_t, uint32_t, halves<T, sub<T>>>;
  if (name == "min")
    return binary<uint32_t, uint32_t, uint32_t, halves<T, minimum<T>>>;
  if (name == "max")
    return binary<uint32_t, uint32_t, uint32_t, halves<T, maximum<T>>>;
  return nullptr;
}

bool decodeDotProduct(Decoder &d) {
  bool four = d.mnemonic() == "dp4a";
  bool high = !four && d.take("hi");
  if (!four && !high && !d.take("lo"))
    d.error("one of .lo and .hi is needed");
  Type a = d.takeType(), b = d.takeType();
  bool known =
      (a == Type::U32 || a == Type::S32) && (b == Type::U32 || b == Type::S32);
  if (!known)
    d.error("the types have to be .u32 or .s32");
  takeOperands(d, Type::B32, {Type::B32, Type::B32, Type::B32});
  using W = uint32_t;
  static constexpr Handler handlers[3][2][2] = {
      {{ternary<W, W, W, W, dp4a<uint8_t, uint8_t>>,
        ternary<W, W, W, W, dp4a<uint8_t, int8_t>>},
       {ternary<W, W, W, W, dp4a<int8_t, uint8_t>>,
        ternary<W, W, W, W, dp4a<int8_t, int8_t>>}},
      {{ternary<W, W, W, W, dp2a<uint8_t, uint8_t, 0>>,
        ternary<W, W, W, W, dp2a<uint8_t, int8_t, 0>>},
       {ternary<W, W, W, W, dp2a<int8_t, uint8_t, 0>>,
        ternary<W, W, W, W, dp2a<int8_t, int8_t, 0>>}},
      {{ternary<W, W, W, W, dp2a<uint8_t, uint8_t, 1>>,
        ternary<W, W, W, W, dp2a<uint8_t, int8_t, 1>>},
       {ternary<W, W, W, W, dp2a<int8_t, uint8_t, 1>>,
        ternary<W, W, W, W, dp2a<int8_t, int8_t, 1>>}}};
  d.out().handler = handlers[four   ? 0
                             : high ? 2
                                    : 1][a == Type::S32][b == Type::S32];
  return true;
}

} // namespace

bool decodeInteger(Decoder &d) {
  const std::string &name = d.mnemonic();
  if (name == "dp4a" || name == "dp2a")
    return decodeDotProduct(d);
  static constexpr const char *names[] = {"add", "sub",   "mul",  "mad", "div",
                                          "rem", "min",   "max",  "abs", "neg",
                                          "sad", "mul24", "mad24"};
  bool known = false;
  for (const char *candidate : names)
    known |= name == candidate;
  if (!known)
    return decodeBits(d);
  if (d.has("cc"))
    d.error("carry flags are not supported");
  switch (lastType(d)) {
  case Type::S16:
    return decodeTyped<int16_t>(d);
  case Type::U16:
    return decodeTyped<uint16_t>(d);
  case Type::S32:
    return decodeTyped<int32_t>(d);
  case Type::U32:
    return decodeTyped<uint32_t>(d);
  case Type::S64:
    return decodeTyped<int64_t>(d);
  case Type::U64:
    return decodeTyped<uint64_t>(d);
  case Type::S16x2:
  case Type::U16x2: {
    Type type = d.takeType();
    d.out().handler = type == Type::S16x2 ? packedHandler<int16_t>(name)
                                          : packedHandler<uint16_t>(name);
    if (!d.out().handler)
      return false;
    takeOperands(d, type, {type, type});
    return true;
  }
  default:
    return false;
  }
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
