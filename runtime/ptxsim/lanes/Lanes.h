//===- Lanes.h - Loops over the 32 lanes of an instruction -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The files of this folder are compiled once for each level of vector
// instructions, in the namespace ADZE_PTXSIM_LANES. A handler computes all 32
// lanes into an array, which the compiler vectorises, and blends where only
// some are active: the functions must therefore be total.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_LANES_LANES_H
#define ADZE_RUNTIME_PTXSIM_LANES_LANES_H

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/State.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace adze::ptxsim::ADZE_PTXSIM_LANES {

bool decodeInteger(Decoder &decoder);
bool decodeBits(Decoder &decoder);
bool decodeFloat(Decoder &decoder);
bool decodeHalf(Decoder &decoder);
bool decodeCompare(Decoder &decoder);
bool decodeConvert(Decoder &decoder);
bool decodeMove(Decoder &decoder);

namespace {

inline constexpr uint32_t allLanes = ~uint32_t(0);
#define ADZE_LANE_INLINE [[gnu::always_inline]] inline

/// Writes computed lanes: all, or those in `mask`.
template <typename T>
ADZE_LANE_INLINE void store(T *destination, const T *values, uint32_t mask) {
  if (mask == allLanes) {
    std::memcpy(destination, values, sizeof(T) * lanesPerWarp);
    return;
  }
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    destination[l] = (mask >> l & 1) ? values[l] : destination[l];
}

template <typename R, typename A, auto F>
Step unary(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const A *a = warp.lanes<A>(instruction.a);
  alignas(64) R r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = F(a[l]);
  store(warp.lanes<R>(instruction.d), r, mask);
  return Step::Next;
}

template <typename R, typename A, typename B, auto F>
Step binary(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const A *a = warp.lanes<A>(instruction.a);
  const B *b = warp.lanes<B>(instruction.b);
  alignas(64) R r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = F(a[l], b[l]);
  store(warp.lanes<R>(instruction.d), r, mask);
  return Step::Next;
}

template <typename R, typename A, typename B, typename C, auto F>
Step ternary(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const A *a = warp.lanes<A>(instruction.a);
  const B *b = warp.lanes<B>(instruction.b);
  const C *c = warp.lanes<C>(instruction.c);
  alignas(64) R r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = F(a[l], b[l], c[l]);
  store(warp.lanes<R>(instruction.d), r, mask);
  return Step::Next;
}

template <typename R, typename A, typename B, typename C, typename D, auto F>
Step quaternary(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const A *a = warp.lanes<A>(instruction.a);
  const B *b = warp.lanes<B>(instruction.b);
  const C *c = warp.lanes<C>(instruction.c);
  const D *e = warp.lanes<D>(instruction.e);
  alignas(64) R r[lanesPerWarp];
  for (unsigned l = 0; l < lanesPerWarp; ++l)
    r[l] = F(a[l], b[l], c[l], e[l]);
  store(warp.lanes<R>(instruction.d), r, mask);
  return Step::Next;
}

/// Operands d, a, b, ... of one type each.
inline void takeOperands(Decoder &decoder, Type result,
                         std::initializer_list<Type> sources) {
  decoder.expectOperands(sources.size() + 1, sources.size() + 1);
  Instruction &out = decoder.out();
  out.d = decoder.destination(0, result);
  if (out.d == noSlot)
    out.d = decoder.newRegister(byteSize(result));
  Slot *slots[] = {&out.a, &out.b, &out.c, &out.e};
  size_t i = 0;
  for (Type type : sources) {
    *slots[i] = decoder.source(i + 1, type);
    ++i;
  }
}

/// The last part that names a type, without taking it.
inline Type lastType(const Decoder &decoder) {
  for (size_t i = decoder.parts.size(); i-- > 1;)
    if (Type type = typeNamed(decoder.parts[i]); type != Type::None)
      return type;
  return Type::None;
}

} // namespace
} // namespace adze::ptxsim::ADZE_PTXSIM_LANES

#endif // ADZE_RUNTIME_PTXSIM_LANES_LANES_H
