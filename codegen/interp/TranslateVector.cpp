//===- TranslateVector.cpp - vector to bytecode -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A vector is its lanes in consecutive slots, row major; operations on it are
/// unrolled. Reductions run from the first lane to the last, after the
/// accumulator.
///
//===----------------------------------------------------------------------===//
#include "codegen/interp/Translator.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace adze;
using namespace adze::interp;

/// The opcode of a reduction (f32 form for floats) or nothing.
static std::optional<Opcode> combiner(vector::CombiningKind kind) {
  switch (kind) {
  case vector::CombiningKind::ADD:
    return Opcode::Add;
  case vector::CombiningKind::MUL:
    return Opcode::Mul;
  case vector::CombiningKind::MINUI:
    return Opcode::MinU;
  case vector::CombiningKind::MINSI:
    return Opcode::MinS;
  case vector::CombiningKind::MAXUI:
    return Opcode::MaxU;
  case vector::CombiningKind::MAXSI:
    return Opcode::MaxS;
  case vector::CombiningKind::AND:
    return Opcode::And;
  case vector::CombiningKind::OR:
    return Opcode::Or;
  case vector::CombiningKind::XOR:
    return Opcode::Xor;
  case vector::CombiningKind::MINNUMF:
    return Opcode::MinNumF32;
  case vector::CombiningKind::MAXNUMF:
    return Opcode::MaxNumF32;
  case vector::CombiningKind::MINIMUMF:
    return Opcode::MinimumF32;
  case vector::CombiningKind::MAXIMUMF:
    return Opcode::MaximumF32;
  }
  return std::nullopt;
}

bool Translator::translateVector(Operation *op) {
  auto moveLanes = [&](uint32_t to, uint32_t from, uint32_t count) {
    parallelMove(op, {from}, {to}, {count});
  };
  auto splat = [&](Value to, Value from) {
    uint32_t count = laneCount(to.getType());
    Instruction &added = emit(op, Opcode::Splat, slotOf(to), slotOf(from));
    added.rank = uint8_t(count);
    added.kind = uint8_t(count >> 8);
  };
  auto extended = [&](Instruction &instruction, uint32_t lanes) {
    instruction.rank = uint8_t(lanes);
    instruction.kind = uint8_t(lanes >> 8);
  };

  if (auto read = dyn_cast<vector::LoadOp>(op)) {
    VectorType type = read.getVectorType();
    if (type.getRank() > 1)
      return (void)fail(op, "vectors in memory are of rank 1"), true;
    loadLanes(op, slotOf(read), read.getBase(), read.getIndices(),
              type.getNumElements());
    return true;
  }
  if (auto write = dyn_cast<vector::StoreOp>(op)) {
    VectorType type = write.getVectorType();
    if (type.getRank() > 1)
      return (void)fail(op, "vectors in memory are of rank 1"), true;
    storeLanes(op, slotOf(write.getValueToStore()), write.getBase(),
               write.getIndices(), type.getNumElements());
    return true;
  }
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    // Leading dimensions are repeated; stretching of unit dimensions is not
    // part of the level.
    uint32_t from = laneCount(broadcast.getSource().getType());
    uint32_t to = laneCount(broadcast.getType());
    if (from == 1) {
      splat(broadcast, broadcast.getSource());
      return true;
    }
    auto source = cast<VectorType>(broadcast.getSource().getType());
    if (broadcast.getResultVectorType().getShape().take_back(
            source.getRank()) != source.getShape())
      return (void)fail(op, "stretching a dimension is not supported"), true;
    for (uint32_t l = 0; l < to; l += from)
      moveLanes(slotOf(broadcast) + l, slotOf(broadcast.getSource()), from);
    return true;
  }
  if (auto fma = dyn_cast<vector::FMAOp>(op)) {
    bool isDouble = getElementTypeOrSelf(fma.getType()).isF64();
    emitLanes(op, isDouble ? Opcode::FmaF64 : Opcode::FmaF32);
    roundResult(op);
    return true;
  }
  if (isa<vector::FromElementsOp>(op)) {
    uint32_t to = slotOf(op->getResult(0));
    for (auto [l, element] : llvm::enumerate(op->getOperands()))
      emit(op, Opcode::Move, to + l, slotOf(element));
    return true;
  }
  if (isa<vector::ToElementsOp>(op)) {
    uint32_t from = slotOf(op->getOperand(0));
    for (auto [l, element] : llvm::enumerate(op->getResults()))
      emit(op, Opcode::Move, slotOf(element), from + l);
    return true;
  }
  if (isa<vector::ShapeCastOp>(op)) {
    moveLanes(slotOf(op->getResult(0)), slotOf(op->getOperand(0)),
              laneCount(op->getResult(0).getType()));
    return true;
  }
  // Positions: all static, or one dynamic position of a vector of rank 1.
  auto position = [&](ArrayRef<int64_t> indices,
                      VectorType type) -> std::optional<uint32_t> {
    uint64_t lane = 0;
    for (auto [d, index] : llvm::enumerate(indices)) {
      if (index < 0 || index >= type.getDimSize(d))
        return std::nullopt;
      lane = lane * type.getDimSize(d) + index;
    }
    for (int64_t dim : type.getShape().drop_front(indices.size()))
      lane *= dim;
    return uint32_t(lane);
  };
  if (auto extract = dyn_cast<vector::ExtractOp>(op)) {
    VectorType type = extract.getSourceVectorType();
    if (extract.hasDynamicPosition()) {
      if (type.getRank() != 1)
        return (void)fail(op, "dynamic positions are for rank 1"), true;
      extended(emit(op, Opcode::ExtractLane, slotOf(extract),
                    slotOf(extract.getSource()),
                    slotOf(extract.getDynamicPosition()[0])),
               laneCount(type));
      return true;
    }
    std::optional<uint32_t> lane = position(extract.getStaticPosition(), type);
    if (!lane)
      return (void)fail(op, "the position is outside the vector"), true;
    moveLanes(slotOf(extract), slotOf(extract.getSource()) + *lane,
              laneCount(extract.getType()));
    return true;
  }
  if (auto insert = dyn_cast<vector::InsertOp>(op)) {
    VectorType type = insert.getDestVectorType();
    uint32_t to = slotOf(insert);
    moveLanes(to, slotOf(insert.getDest()), laneCount(type));
    if (insert.hasDynamicPosition()) {
      if (type.getRank() != 1)
        return (void)fail(op, "dynamic positions are for rank 1"), true;
      extended(emit(op, Opcode::InsertLane, to,
                    slotOf(insert.getValueToStore()),
                    slotOf(insert.getDynamicPosition()[0])),
               laneCount(type));
      return true;
    }
    std::optional<uint32_t> lane = position(insert.getStaticPosition(), type);
    if (!lane)
      return (void)fail(op, "the position is outside the vector"), true;
    moveLanes(to + *lane, slotOf(insert.getValueToStore()),
              laneCount(insert.getValueToStore().getType()));
    return true;
  }
  if (auto shuffle = dyn_cast<vector::ShuffleOp>(op)) {
    if (shuffle.getV1VectorType().getRank() != 1)
      return (void)fail(op, "shuffles are for rank 1"), true;
    int64_t firstLanes = shuffle.getV1VectorType().getNumElements();
    uint32_t to = slotOf(shuffle);
    for (auto [l, lane] : llvm::enumerate(shuffle.getMask())) {
      if (lane < 0)
        continue; // poison: whatever is there
      emit(op, Opcode::Move, to + l,
           lane < firstLanes ? slotOf(shuffle.getV1()) + lane
                             : slotOf(shuffle.getV2()) + (lane - firstLanes));
    }
    return true;
  }
  if (isa<vector::StepOp>(op)) {
    uint32_t to = slotOf(op->getResult(0));
    for (uint32_t l = 0, e = laneCount(op->getResult(0).getType()); l < e; ++l)
      emit(op, Opcode::Move, to + l, constantSlot(l));
    return true;
  }
  auto reduction = dyn_cast<vector::ReductionOp>(op);
  if (!reduction)
    return false;
  std::optional<Opcode> opcode = combiner(reduction.getKind());
  Type element = reduction.getType();
  bool isFloat = isa<FloatType>(element);
  if (opcode && isFloat && *opcode == Opcode::Add)
    opcode = Opcode::AddF32;
  if (opcode && isFloat && *opcode == Opcode::Mul)
    opcode = Opcode::MulF32;
  if (!opcode || isFloat != (*opcode >= Opcode::AddF32))
    return (void)fail(op, "the reduction does not fit its element type"), true;
  if (element.isF64())
    opcode = Opcode(unsigned(*opcode) + 1);
  uint32_t to = slotOf(reduction), from = slotOf(reduction.getVector());
  uint32_t lanes = laneCount(reduction.getVector().getType()), first = 0;
  uint32_t start = reduction.getAcc() ? slotOf(reduction.getAcc()) : from;
  if (!reduction.getAcc())
    first = 1;
  if (start != to)
    emit(op, Opcode::Move, to, start);
  int64_t shift = isFloat ? 0 : wrapShift(element);
  for (uint32_t l = first; l < lanes; ++l) {
    emit(op, *opcode, to, to, from + l, shift);
    roundResult(op);
  }
  return true;
}
