//===- TensorCoreMatrix.cpp - ldmatrix, stmatrix, movmatrix ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.14.5.15 to .17: 8x8 matrices of 16-bit elements; row r of matrix
// m lies at the address that lane 8 * m + r gives.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/TensorCore.h"

namespace adze::ptxsim {

namespace {
struct MatrixOperands {
  unsigned count = 1;
  bool transposed = false, stores = false;
  AddressView address;
  Space space = Space::Generic;
  std::vector<Slot> registers;
};
} // namespace

void requireAllLanes(const Warp &warp, const Instruction &instruction,
                     uint32_t mask) {
  if (mask != ~uint32_t(0))
    fail(warp, instruction, -1, HazardKind::Divergence,
         "lanes of the warp have exited or do not exist; the instruction "
         "takes all 32");
}

static Step moveMatrices(Warp &warp, const Instruction &instruction,
                         uint32_t mask) {
  const auto &o = *static_cast<const MatrixOperands *>(instruction.detail);
  if (absent(warp, mask, ~0u)) {
    warp.waiting =
        "the other lanes of the warp at ldmatrix or stmatrix to join";
    return Step::Blocked;
  }
  requireAllLanes(warp, instruction, mask);
  uint16_t rows[lanesPerWarp][8];
  std::array<Place, lanesPerWarp> places;
  bool watched = launchOf(warp).checks.races;
  for (unsigned lane = 0; lane < 8 * o.count; ++lane) {
    Place &place = places[lane];
    place = resolve(warp, instruction, int(lane), o.space,
                    warp.address(o.address, lane), 16, 16);
    if (place.space != Space::Shared)
      fail(warp, instruction, int(lane), HazardKind::IllegalAddress,
           "the row's address is not in shared memory");
    if (!o.stores)
      checkWritten(warp, instruction, int(lane), place, 16);
    if (watched)
      hooks::access(warp, instruction,
                    {o.stores ? Access::Write : Access::Read, Space::Shared,
                     lane, place, 16});
    if (!o.stores)
      std::memcpy(rows[lane], place.host, 16);
  }
  for (unsigned matrix = 0; matrix < o.count; ++matrix) {
    uint16_t *halves = warp.lanes<uint16_t>(o.registers[matrix]);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
      for (unsigned half = 0; half < 2; ++half) {
        Element at = fragmentMatrix(lane, half, o.transposed);
        uint16_t &element = rows[8 * matrix + at.row][at.column];
        if (o.stores)
          element = halves[2 * lane + half];
        else
          halves[2 * lane + half] = element;
      }
  }
  if (o.stores)
    for (unsigned lane = 0; lane < 8 * o.count; ++lane) {
      std::memcpy(places[lane].host, rows[lane], 16);
      markWritten(launchOf(warp), places[lane], 16);
    }
  return Step::Next;
}

static Step transpose(Warp &warp, const Instruction &instruction,
                      uint32_t mask) {
  if (absent(warp, mask, ~0u)) {
    warp.waiting = "the other lanes of the warp at movmatrix to join";
    return Step::Blocked;
  }
  uint16_t matrix[8][8];
  const uint16_t *from = warp.lanes<uint16_t>(instruction.a);
  uint16_t *to = warp.lanes<uint16_t>(instruction.d);
  for (unsigned i = 0; i < 2 * lanesPerWarp; ++i) {
    Element at = fragmentMatrix(i / 2, i % 2, false);
    matrix[at.row][at.column] = from[i];
  }
  for (unsigned i = 0; i < 2 * lanesPerWarp; ++i) {
    Element at = fragmentMatrix(i / 2, i % 2, true);
    to[i] = matrix[at.row][at.column];
  }
  return Step::Next;
}

bool decodeMatrixMoves(Decoder &decoder) {
  const std::string &mnemonic = decoder.mnemonic();
  bool stores = mnemonic == "stmatrix";
  if (!stores && mnemonic != "ldmatrix" && mnemonic != "movmatrix")
    return false;
  decoder.take("sync");
  decoder.take("aligned");
  if (!decoder.take("m8n8") || !decoder.take("b16"))
    decoder.error(mnemonic + " is supported as .m8n8 with .b16");
  if (mnemonic == "movmatrix") {
    decoder.take("trans");
    decoder.expectOperands(2, 2);
    decoder.out().d = decoder.destination(0, Type::B32);
    decoder.out().a = decoder.source(1, Type::B32);
    decoder.out().handler = transpose;
    return true;
  }
  MatrixOperands &o = decoder.detail<MatrixOperands>();
  int count = decoder.takeOneOf({"x1", "x2", "x4"});
  if (count < 0)
    decoder.error(mnemonic + " needs .x1, .x2 or .x4");
  o.count = 1u << count;
  o.stores = stores;
  o.transposed = decoder.take("trans");
  if (decoder.takeOneOf({"shared::cta", "shared"}) >= 0)
    o.space = Space::Shared;
  decoder.expectOperands(2, 2);
  o.address = addressOf(decoder, decoder.operand(stores ? 0 : 1));
  const Operand &list = decoder.operand(stores ? 1 : 0);
  size_t given = list.kind == Operand::Vector ? list.elements.size() : 1;
  if (given != o.count)
    decoder.error(mnemonic + " has " + std::to_string(given) +
                  " registers instead of " + std::to_string(o.count));
  for (size_t i = 0; i < given; ++i) {
    const Operand &element =
        list.kind == Operand::Vector ? list.elements[i] : list;
    o.registers.push_back(stores ? decoder.source(element, Type::B32)
                                 : decoder.destination(element, Type::B32));
  }
  decoder.out().handler = moveMatrices;
  return true;
}

bool decodeTensorCore(Decoder &decoder) {
  return decodeMma(decoder) || decodeMatrixMoves(decoder) ||
         decodeWgmma(decoder);
}

} // namespace adze::ptxsim
