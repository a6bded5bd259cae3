//===- TensorCoreMma.cpp - mma.sync (sm_80 to sm_90) ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.14.5: the dense m16n8kK shapes, .row.col.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/TensorCore.h"

namespace adze::ptxsim {

namespace {
struct MmaOperands {
  unsigned k = 0;
  Type a = Type::None, b = Type::None, d = Type::None, c = Type::None;
  bool saturate = false;
  std::vector<Slot> dSlots, aSlots, bSlots, cSlots;
  Truncation truncation;
};

/// Shapes that the ISA has (mma.sync, Table 34) with 8 columns.
struct MmaShape {
  const char *name;
  unsigned k;
  unsigned bits; ///< of the operands
};
constexpr MmaShape shapes[] = {
    {"m16n8k4", 4, 32},   {"m16n8k8", 8, 32},  {"m16n8k8", 8, 16},
    {"m16n8k16", 16, 16}, {"m16n8k16", 16, 8}, {"m16n8k32", 32, 8},
};
constexpr unsigned largestK = 32;
} // namespace

template <typename T>
static void gather(const Warp &warp, const MmaOperands &o, T *a, T *b) {
  unsigned aBits = matrixBits(o.a), e = 32 / aBits;
  T values[lanesPerWarp * 4];
  for (unsigned reg = 0; reg < o.aSlots.size(); ++reg) {
    decodeMatrix(o.a, warp.lanes<char>(o.aSlots[reg]), lanesPerWarp * e,
                 values);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned i = 0; i < e; ++i) {
        Element at = fragmentA(lane, reg, i, aBits);
        a[at.row * o.k + at.column] = values[lane * e + i];
      }
  }
  for (unsigned reg = 0; reg < o.bSlots.size(); ++reg) {
    decodeMatrix(o.b, warp.lanes<char>(o.bSlots[reg]), lanesPerWarp * e,
                 values);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned i = 0; i < e; ++i) {
        Element at = fragmentB(lane, reg, i, aBits);
        b[at.row * 8 + at.column] = values[lane * e + i];
      }
  }
}

/// Reads (C) or writes (D) the accumulators of 16 x 8.
static void readC(const Warp &warp, const MmaOperands &o, float *c) {
  for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
    for (unsigned value = 0; value < 4; ++value) {
      Element at = fragmentD(lane, value);
      float &to = c[at.row * 8 + at.column];
      if (o.c == Type::F16)
        to = halfToFloat(
            uint16_t(warp.lanes<uint32_t>(o.cSlots[value / 2])[lane] >>
                     16 * (value & 1)));
      else
        to = warp.lanes<float>(o.cSlots[value])[lane];
    }
}

static void writeD(const Warp &warp, const MmaOperands &o, const float *d) {
  for (unsigned lane = 0; lane < lanesPerWarp; ++lane) {
    for (unsigned value = 0; value < 4; ++value) {
      Element at = fragmentD(lane, value);
      float from = d[at.row * 8 + at.column];
      if (o.d == Type::F16) {
        uint32_t &to = warp.lanes<uint32_t>(o.dSlots[value / 2])[lane];
        unsigned shift = 16 * (value & 1);
        to = (to & ~(0xffffu << shift)) | uint32_t(floatToHalf(from)) << shift;
      } else {
        warp.lanes<float>(o.dSlots[value])[lane] = from;
      }
    }
  }
}

static Step mma(Warp &warp, const Instruction &instruction, uint32_t mask) {
  if (absent(warp, mask, ~0u)) {
    warp.waiting = "the other lanes of the warp at mma.sync to join";
    return Step::Blocked;
  }
  requireAllLanes(warp, instruction, mask);
  const auto &o = *static_cast<const MmaOperands *>(instruction.detail);
  KernelCounts &counts = asyncOf(*warp.block->cluster).counts;
  ++counts.mmaInstructions;
  uint64_t macs = 16 * 8 * uint64_t(o.k);
  unsigned bits = matrixBits(o.a);
  (bits == 8    ? counts.macs8
   : bits == 16 ? counts.macs16
                : counts.macs32) += macs;
  if (o.d == Type::S32) {
    int a[16 * largestK], b[largestK * 8], c[16 * 8];
    gather(warp, o, a, b);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned value = 0; value < 4; ++value) {
        Element at = fragmentD(lane, value);
        c[at.row * 8 + at.column] = warp.lanes<int>(o.cSlots[value])[lane];
      }
    multiplyAccumulate(c, a, b, 16, 8, o.k, o.saturate);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned value = 0; value < 4; ++value) {
        Element at = fragmentD(lane, value);
        warp.lanes<int>(o.dSlots[value])[lane] = c[at.row * 8 + at.column];
      }
    return Step::Next;
  }
  float a[16 * largestK], b[largestK * 8], c[16 * 8];
  gather(warp, o, a, b);
  readC(warp, o, c);
  Truncation truncation = o.truncation;
  if (truncation.on)
    truncation = truncationOf(launchOf(warp).chip, o.a);
  multiplyAccumulate(c, a, b, 16, 8, o.k, truncation);
  writeD(warp, o, c);
  return Step::Next;
}

static void slots(Decoder &decoder, size_t index, size_t count, bool writes,
                  Type type, std::vector<Slot> &out) {
  const Operand &list = decoder.operand(index);
  size_t given = list.kind == Operand::Vector ? list.elements.size() : 1;
  if (given != count)
    decoder.error("operand " + std::to_string(index) + " of mma has " +
                  std::to_string(given) + " registers instead of " +
                  std::to_string(count));
  for (size_t i = 0; i < count; ++i) {
    const Operand &element =
        list.kind == Operand::Vector ? list.elements[i] : list;
    out.push_back(writes ? decoder.destination(element, type)
                         : decoder.source(element, type));
  }
}

bool decodeMma(Decoder &decoder) {
  if (decoder.mnemonic() != "mma")
    return false;
  if (decoder.has("sp") || decoder.has("sp::ordered_metadata"))
    decoder.error("sparse mma is not supported");
  MmaOperands &o = decoder.detail<MmaOperands>();
  decoder.take("sync");
  decoder.take("aligned");
  decoder.take("kind::f8f6f4");
  decoder.take("row");
  if (!decoder.take("col"))
    decoder.error("mma needs .row.col");
  o.saturate = decoder.take("satfinite");
  const char *shapeName = nullptr;
  for (const MmaShape &shape : shapes)
    if (decoder.take(shape.name)) {
      shapeName = shape.name;
      break;
    }
  if (!shapeName)
    decoder.error("mma shape is not supported (m16n8k4 to m16n8k32 are)");
  o.d = decoder.takeType();
  o.a = decoder.takeType();
  o.b = decoder.takeType();
  o.c = decoder.takeType();
  for (const MmaShape &shape : shapes)
    if (std::string_view(shape.name) == shapeName &&
        shape.bits == matrixBits(o.a))
      o.k = shape.k;
  bool integer = o.a == Type::S8 || o.a == Type::U8;
  bool typesFit = integer ? o.d == Type::S32 && o.c == Type::S32
                          : (o.d == Type::F32 || o.d == Type::F16) &&
                                (o.c == Type::F32 || o.c == Type::F16);
  if (o.k == 0 || matrixBits(o.a) != matrixBits(o.b) || !typesFit)
    decoder.error("mma has no such combination of shape and types");
  decoder.expectOperands(4, 4);
  unsigned bits = matrixBits(o.a);
  Type cType = integer ? Type::B32 : o.c == Type::F16 ? Type::B32 : Type::F32;
  slots(decoder, 0, o.d == Type::F16 ? 2 : 4, true,
        o.d == Type::F16 || integer ? Type::B32 : Type::F32, o.dSlots);
  slots(decoder, 1, 16 * o.k * bits / 1024, false, Type::B32, o.aSlots);
  slots(decoder, 2, 8 * o.k * bits / 1024, false, Type::B32, o.bSlots);
  slots(decoder, 3, o.c == Type::F16 ? 2 : 4, false, cType, o.cSlots);
  o.truncation = truncationOf(80, o.a);
  decoder.out().handler = mma;
  return true;
}

} // namespace adze::ptxsim
