//===- Compare.cpp - set, setp, selp and slct -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.6 and, for half precision, 9.7.7.
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/lanes/Lanes.h"
#include "runtime/ptxsim/lanes/SmallFloats.h"

namespace adze::ptxsim::ADZE_PTXSIM_LANES {
namespace {

struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};
template <typename T> ADZE_LANE_INLINE auto value(T a) { return a; }
ADZE_LANE_INLINE float value(F16 a) { return halfToFloat(a.bits); }
ADZE_LANE_INLINE float value(Bf16 a) { return bfloatToFloat(a.bits); }

enum class Compare : uint8_t {
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Equ,
  Neu,
  Ltu,
  Leu,
  Gtu,
  Geu,
  Num,
  Nan,
  Unknown
};

template <Compare C, typename T> ADZE_LANE_INLINE bool holds(T x, T y) {
  auto a = value(x);
  auto b = value(y);
  switch (C) {
  case Compare::Eq:
    return a == b;
  case Compare::Ne: // ordered
    return a < b || a > b;
  case Compare::Lt:
    return a < b;
  case Compare::Le:
    return a <= b;
  case Compare::Gt:
    return a > b;
  case Compare::Ge:
    return a >= b;
  case Compare::Equ:
    return !(a < b || a > b);
  case Compare::Neu:
    return a != b;
  case Compare::Ltu:
    return !(a >= b);
  case Compare::Leu:
    return !(a > b);
  case Compare::Gtu:
    return !(a <= b);
  case Compare::Geu:
    return !(a < b);
  case Compare::Num:
    return a == a && b == b;
  default:
    return a != a || b != b;
  }
}
template <Compare C, typename T>
ADZE_LANE_INLINE uint32_t compareLanes(const T *a, const T *b) {
  uint32_t bits = 0;
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    bits |= uint32_t(holds<C>(a[l], b[l])) << l;
  return bits;
}

/// The bits that setp writes: comparison, combined with predicate c.
/// flags[1]: 1 and, 2 or, 3 xor; flags[2]: c negated.
ADZE_LANE_INLINE uint32_t combine(const Warp &warp,
                                  const Instruction &instruction,
                                  uint32_t bits) {
  if (instruction.flags[1] == 0)
    return bits;
  uint32_t c = warp.predicate(instruction.c);
  if (instruction.flags[2])
    c = ~c;
  return instruction.flags[1] == 1   ? bits & c
         : instruction.flags[1] == 2 ? bits | c
                                     : bits ^ c;
}
ADZE_LANE_INLINE void storePredicate(Warp &warp, Slot slot, uint32_t bits,
                                     uint32_t mask) {
  if (slot == noSlot)
    return;
  uint32_t &p = warp.predicate(slot);
  p = (p & ~mask) | (bits & mask);
}

template <Compare C, typename T>
Step setp(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t bits = compareLanes<C>(warp.lanes<T>(instruction.a),
                                  warp.lanes<T>(instruction.b));
  if (instruction.flags[1] | (instruction.e != noSlot)) {
    // The second predicate combines the comparison's opposite.
    uint32_t opposite = combine(warp, instruction, ~bits);
    bits = combine(warp, instruction, bits);
    storePredicate(warp, instruction.d, bits, mask);
    storePredicate(warp, instruction.e, opposite, mask);
    return Step::Next;
  }
  storePredicate(warp, instruction.d, bits, mask);
  return Step::Next;
}

/// set: flags[0] is 0 for an integer of all ones, 1 for f32 1.0, 2 for 16 bits.
template <Compare C, typename T>
Step set(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t bits = compareLanes<C>(warp.lanes<T>(instruction.a),
                                  warp.lanes<T>(instruction.b));
  bits = combine(warp, instruction, bits);
  alignas(64) uint32_t r[lanesPerWarp];
  uint32_t one = instruction.flags[0] == 1 ? 0x3f800000 : ~uint32_t(0);
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = bits >> l & 1 ? one : 0;
  store(warp.lanes<uint32_t>(instruction.d), r, mask);
  return Step::Next;
}

/// Pairs of halves: setp's two results, or set's two fields.
template <Compare C, typename T>
ADZE_LANE_INLINE void comparePairs(const Warp &warp,
                                   const Instruction &instruction,
                                   uint32_t (&bits)[2]) {
  const T *a = warp.lanes<T>(instruction.a);
  const T *b = warp.lanes<T>(instruction.b);
  bits[0] = bits[1] = 0;
  for (unsigned l = 0; l < 2 * lanesPerWarp; ++l)
    bits[l & 1] |= uint32_t(holds<C>(a[l], b[l])) << (l / 2);
}
template <Compare C, typename T>
Step setpPairs(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t bits[2];
  comparePairs<C, T>(warp, instruction, bits);
  storePredicate(warp, instruction.d, combine(warp, instruction, bits[0]),
                 mask);
  storePredicate(warp, instruction.e, combine(warp, instruction, bits[1]),
                 mask);
  return Step::Next;
}
/// flags[0]: 3 f16x2 ones, 4 bf16x2 ones, else all ones.
template <Compare C, typename T>
Step setPairs(Warp &warp, const Instruction &instruction, uint32_t mask) {
  uint32_t bits[2];
  comparePairs<C, T>(warp, instruction, bits);
  uint32_t one = instruction.flags[0] == 3   ? 0x3c00
                 : instruction.flags[0] == 4 ? 0x3f80
                                             : 0xffff;
  alignas(64) uint32_t r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = (bits[0] >> l & 1 ? one : 0) | (bits[1] >> l & 1 ? one << 16 : 0);
  store(warp.lanes<uint32_t>(instruction.d), r, mask);
  return Step::Next;
}

enum class Form { Setp, Set, SetpPairs, SetPairs };

template <typename T, Form F, Compare C> constexpr Handler handlerOf() {
  if constexpr (F == Form::Setp)
    return setp<C, T>;
  else if constexpr (F == Form::Set)
    return set<C, T>;
  else if constexpr (F == Form::SetpPairs)
    return setpPairs<C, T>;
  else
    return setPairs<C, T>;
}
template <typename T, Form F> Handler select(Compare compare) {
  constexpr bool isInteger = std::is_integral_v<T>;
  switch (compare) {
  case Compare::Eq:
    return handlerOf<T, F, Compare::Eq>();
  case Compare::Ne:
    return handlerOf<T, F, isInteger ? Compare::Neu : Compare::Ne>();
  case Compare::Lt:
    return handlerOf<T, F, Compare::Lt>();
  case Compare::Le:
    return handlerOf<T, F, Compare::Le>();
  case Compare::Gt:
    return handlerOf<T, F, Compare::Gt>();
  case Compare::Ge:
    return handlerOf<T, F, Compare::Ge>();
  default:
    break;
  }
  if constexpr (!isInteger) {
    switch (compare) {
    case Compare::Equ:
      return handlerOf<T, F, Compare::Equ>();
    case Compare::Neu:
      return handlerOf<T, F, Compare::Neu>();
    case Compare::Ltu:
      return handlerOf<T, F, Compare::Ltu>();
    case Compare::Leu:
      return handlerOf<T, F, Compare::Leu>();
    case Compare::Gtu:
      return handlerOf<T, F, Compare::Gtu>();
    case Compare::Geu:
      return handlerOf<T, F, Compare::Geu>();
    case Compare::Num:
      return handlerOf<T, F, Compare::Num>();
    case Compare::Nan:
      return handlerOf<T, F, Compare::Nan>();
    default:
      break;
    }
  }
  return nullptr;
}

template <Form F> Handler selectTyped(Type type, Compare compare) {
  switch (type) {
  case Type::S16:
    return select<int16_t, F>(compare);
  case Type::U16:
  case Type::B16:
    return select<uint16_t, F>(compare);
  case Type::S32:
    return select<int32_t, F>(compare);
  case Type::U32:
  case Type::B32:
    return select<uint32_t, F>(compare);
  case Type::S64:
    return select<int64_t, F>(compare);
  case Type::U64:
  case Type::B64:
    return select<uint64_t, F>(compare);
  case Type::F32:
    return select<float, F>(compare);
  case Type::F64:
    return select<double, F>(compare);
  case Type::F16:
    return select<F16, F>(compare);
  case Type::BF16:
    return select<Bf16, F>(compare);
  default:
    return nullptr;
  }
}
template <Form F> Handler selectPairs(Type type, Compare compare) {
  return type == Type::F16x2 ? select<F16, F>(compare)
                             : select<Bf16, F>(compare);
}

/// The comparison among the modifiers. lo, ls, hi, hs are the unsigned names.
Compare takeComparison(Decoder &d) {
  static constexpr struct {
    const char *name;
    Compare compare;
  } rows[] = {
      {"eq", Compare::Eq},   {"ne", Compare::Ne},   {"lt", Compare::Lt},
      {"le", Compare::Le},   {"gt", Compare::Gt},   {"ge", Compare::Ge},
      {"lo", Compare::Lt},   {"ls", Compare::Le},   {"hi", Compare::Gt},
      {"hs", Compare::Ge},   {"equ", Compare::Equ}, {"neu", Compare::Neu},
      {"ltu", Compare::Ltu}, {"leu", Compare::Leu}, {"gtu", Compare::Gtu},
      {"geu", Compare::Geu}, {"num", Compare::Num}, {"nan", Compare::Nan}};
  for (const auto &row : rows)
    if (d.take(row.name))
      return row.compare;
  d.error("a comparison is needed");
}

bool decodeSet(Decoder &d) {
  bool predicate = d.mnemonic() == "setp";
  Compare compare = takeComparison(d);
  d.take("ftz"); // subnormals compare as they are: ISA only rounds them away
  Instruction &out = d.out();
  int combination = d.takeOneOf({"and", "or", "xor"});
  out.flags[1] = uint8_t(combination + 1);
  Type result = predicate ? Type::Pred : d.takeType();
  Type type = d.takeType();
  d.expectOperands(3, 4);
  bool pairs = type == Type::F16x2 || type == Type::BF16x2;
  if (predicate) {
    const Operand &p = d.operand(0);
    auto target = [&](const Operand &operand) {
      if (operand.kind == Operand::Sink)
        return noSlot;
      if (operand.kind != Operand::Predicate || operand.negated)
        d.error("the result has to be a predicate");
      return operand.slot;
    };
    if (p.kind == Operand::Vector) {
      if (p.elements.size() != 2)
        d.error("expected p|q");
      out.d = target(p.elements[0]);
      out.e = target(p.elements[1]);
    } else {
      out.d = target(p);
    }
  } else {
    out.d = d.destination(0, result);
    if (byteSize(result) != 4)
      d.error("only results of 32 bits are supported");
    out.flags[0] = result == Type::F32      ? 1
                   : result == Type::F16x2  ? 3
                   : result == Type::BF16x2 ? 4
                                            : 0;
  }
  out.a = d.source(1, type);
  out.b = d.source(2, type);
  if (combination >= 0) {
    auto c = d.predicate(d.operand(3));
    out.c = c.slot;
    out.flags[2] = c.negated;
  } else if (d.operandCount() > 3) {
    d.error("a fourth operand needs .and, .or or .xor");
  }
  if (pairs)
    out.handler = predicate ? selectPairs<Form::SetpPairs>(type, compare)
                            : selectPairs<Form::SetPairs>(type, compare);
  else
    out.handler = predicate ? selectTyped<Form::Setp>(type, compare)
                            : selectTyped<Form::Set>(type, compare);
  if (!out.handler)
    d.error("this comparison is not defined for the type");
  return true;
}

template <typename T>
Step selectLanes(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const T *a = warp.lanes<T>(instruction.a);
  const T *b = warp.lanes<T>(instruction.b);
  uint32_t p = warp.predicate(instruction.c);
  if (instruction.flags[0])
    p = ~p;
  alignas(64) T r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = (p >> l & 1) ? a[l] : b[l];
  store(warp.lanes<T>(instruction.d), r, mask);
  return Step::Next;
}
template <typename T, typename C> ADZE_LANE_INLINE T slct(T a, T b, C c) {
  return c >= C(0) ? a : b;
}

bool decodeSelect(Decoder &d) {
  Type type = d.takeType();
  unsigned bytes = byteSize(type);
  if (d.mnemonic() == "slct") {
    d.take("ftz");
    Type condition = d.takeType();
    takeOperands(d, type, {type, type, condition});
    Handler &h = d.out().handler;
    bool isFloat = condition == Type::F32;
    if (bytes == 2)
      h = isFloat ? ternary<uint16_t, uint16_t, uint16_t, float,
                            slct<uint16_t, float>>
                  : ternary<uint16_t, uint16_t, uint16_t, int32_t,
                            slct<uint16_t, int32_t>>;
    else if (bytes == 4)
      h = isFloat ? ternary<uint32_t, uint32_t, uint32_t, float,
                            slct<uint32_t, float>>
                  : ternary<uint32_t, uint32_t, uint32_t, int32_t,
                            slct<uint32_t, int32_t>>;
    else if (bytes == 8)
      h = isFloat ? ternary<uint64_t, uint64_t, uint64_t, float,
                            slct<uint64_t, float>>
                  : ternary<uint64_t, uint64_t, uint64_t, int32_t,
                            slct<uint64_t, int32_t>>;
    return h != nullptr;
  }
  d.expectOperands(4, 4);
  Instruction &out = d.out();
  out.d = d.destination(0, type);
  out.a = d.source(1, type);
  out.b = d.source(2, type);
  auto c = d.predicate(d.operand(3));
  out.c = c.slot;
  out.flags[0] = c.negated;
  if (out.d == noSlot)
    out.d = d.newRegister(bytes);
  out.handler = bytes == 2   ? selectLanes<uint16_t>
                : bytes == 4 ? selectLanes<uint32_t>
                : bytes == 8 ? selectLanes<uint64_t>
                             : Handler(nullptr);
  return out.handler != nullptr;
}

} // namespace

bool decodeCompare(Decoder &d) {
  const std::string &name = d.mnemonic();
  if (name == "set" || name == "setp")
    return decodeSet(d);
  if (name == "selp" || name == "slct")
    return decodeSelect(d);
  return false;
}

} // namespace adze::ptxsim::ADZE_PTXSIM_LANES
