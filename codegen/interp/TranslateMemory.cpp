//===- TranslateMemory.cpp - memref to bytecode -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Shapes are static: every index is checked against its dimension at run time
/// (or here, where it is constant), and every buffer against the size of what
/// it is viewed as, so that no access leaves its buffer.
///
//===----------------------------------------------------------------------===//
#include "codegen/interp/Translator.h"

#include "adze/WeightStore.h"
#include "dialects/adze/adze.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze;
using namespace adze::interp;

unsigned adze::interp::storageBits(Type element) {
  if (element.isIndex())
    return 64;
  if (element.isInteger(1))
    return 8;
  if (auto integer = dyn_cast<IntegerType>(element))
    return llvm::is_contained({2, 4, 8, 16, 32, 64}, int(integer.getWidth()))
               ? integer.getWidth()
               : 0;
  if (element.isF32() || element.isF64() || smallFloat(element))
    return element.getIntOrFloatBitWidth();
  return 0;
}

/// Strides in elements; nothing unless they and the shape are static.
static std::optional<SmallVector<int64_t>> stridesOf(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset; // is part of the address that stands for the buffer
  if (type.hasStaticShape() && llvm::is_contained(type.getShape(), 0))
    return SmallVector<int64_t>(type.getRank(), 0); // nothing to reach
  if (!type.hasStaticShape() ||
      failed(type.getStridesAndOffset(strides, offset)) ||
      llvm::any_of(strides, [](int64_t stride) {
        return ShapedType::isDynamic(stride) || stride < 0;
      }))
    return std::nullopt;
  return strides;
}

std::optional<uint64_t> adze::interp::byteSize(MemRefType type) {
  uint64_t bits = storageBits(type.getElementType());
  std::optional<SmallVector<int64_t>> strides = stridesOf(type);
  if (!bits || !strides || (bits < 8 && !type.getLayout().isIdentity()))
    return std::nullopt;
  constexpr uint64_t limit = uint64_t(1) << 46;
  uint64_t last = 0; // the element with the highest address
  for (auto [dim, stride] : llvm::zip_equal(type.getShape(), *strides)) {
    if (dim == 0)
      return 0;
    uint64_t reach;
    if (__builtin_mul_overflow(uint64_t(dim - 1), uint64_t(stride), &reach) ||
        (last += reach) > limit || reach > limit)
      return std::nullopt;
  }
  return ((last + 1) * bits + 7) / 8;
}

/// Elements of fewer than 8 bits share bytes.
static bool isPacked(Type element) { return storageBits(element) < 8; }

std::optional<uint64_t> Translator::sizeOrFail(Operation *op, Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  std::optional<uint64_t> size = type ? byteSize(type) : std::nullopt;
  if (!size)
    (void)fail(op, "a buffer needs a static shape, static strides and an "
                   "element type that has a storage");
  return size;
}

Translator::Address Translator::address(Operation *op, MemRefType type,
                                        ValueRange indices, int64_t lanes) {
  Address result;
  std::vector<IndexTerm> &terms = program.code.terms;
  result.firstTerm = terms.size();
  Type element = type.getElementType();
  int64_t unit = isPacked(element) ? 1 : storageBits(element) / 8;
  SmallVector<int64_t> strides = *stridesOf(type);
  int64_t rank = type.getRank();
  for (int64_t d = 0; d < rank; ++d) {
    int64_t dim = type.getDimSize(d), stride = strides[d] * unit;
    int64_t bound = d == rank - 1 ? dim - lanes + 1 : dim;
    APInt constant;
    if (matchPattern(indices[d], m_ConstantInt(&constant)) &&
        constant.getSExtValue() >= 0 && constant.getSExtValue() < bound)
      result.constant += constant.getSExtValue() * stride;
    else
      // A bound below 1 fails whatever the index is.
      terms.push_back(
          {slotOf(indices[d]), std::max<int64_t>(bound, 0), stride});
  }
  result.rank = terms.size() - result.firstTerm;
  return result;
}

/// The form of a load or store for a number of terms: 0 to 4, then any.
static Opcode forRank(Opcode first, unsigned rank) {
  return Opcode(unsigned(first) + std::min(rank, 5u));
}

void Translator::load(Operation *op, uint32_t slot, Value memref,
                      ValueRange indices) {
  if (!sizeOrFail(op, memref))
    return;
  auto type = cast<MemRefType>(memref.getType());
  Type element = type.getElementType();
  Address at = address(op, type, indices, 1);
  Opcode opcode;
  uint8_t kind = 0;
  unsigned bits = storageBits(element);
  if (std::optional<SmallFloat> format = smallFloat(element)) {
    if (isPacked(element)) {
      emit(op, Opcode::LoadPacked, slot, slotOf(memref), at.firstTerm,
           at.constant);
      program.code.instructions.back().rank = at.rank;
      program.code.instructions.back().kind = bits;
      emit(op, Opcode::DecodeSmall, slot, slot).kind = uint8_t(*format);
      return;
    }
    opcode = bits == 8 ? Opcode::LoadSmall8 : Opcode::LoadSmall16;
    kind = uint8_t(*format);
  } else if (element.isInteger(1)) {
    opcode = Opcode::LoadBool;
  } else if (isPacked(element)) {
    opcode = Opcode::LoadPacked;
    kind = uint8_t(bits);
  } else {
    opcode = forRank(bits == 8    ? Opcode::Load8_0
                     : bits == 16 ? Opcode::Load16_0
                     : bits == 32 ? Opcode::Load32_0
                                  : Opcode::Load64_0,
                     at.rank);
  }
  Instruction &added =
      emit(op, opcode, slot, slotOf(memref), at.firstTerm, at.constant);
  added.rank = uint8_t(at.rank);
  added.kind = kind;
}

void Translator::store(Operation *op, uint32_t slot, Value memref,
                       ValueRange indices) {
  if (!sizeOrFail(op, memref))
    return;
  auto type = cast<MemRefType>(memref.getType());
  Type element = type.getElementType();
  Address at = address(op, type, indices, 1);
  Opcode opcode;
  uint8_t kind = 0;
  unsigned bits = storageBits(element);
  if (std::optional<SmallFloat> format = smallFloat(element)) {
    opcode = bits == 8 ? Opcode::StoreSmall8 : Opcode::StoreSmall16;
    kind = uint8_t(*format);
    if (isPacked(element)) {
      uint32_t encoded = newSlots(1);
      emit(op, Opcode::EncodeSmall, encoded, slot).kind = kind;
      slot = encoded;
      opcode = Opcode::StorePacked;
      kind = uint8_t(bits);
    }
  } else if (element.isInteger(1)) {
    opcode = Opcode::StoreBool;
  } else if (isPacked(element)) {
    opcode = Opcode::StorePacked;
    kind = uint8_t(bits);
  } else {
    opcode = forRank(bits == 8    ? Opcode::Store8_0
                     : bits == 16 ? Opcode::Store16_0
                     : bits == 32 ? Opcode::Store32_0
                                  : Opcode::Store64_0,
                     at.rank);
  }
  Instruction &added =
      emit(op, opcode, slotOf(memref), slot, at.firstTerm, at.constant);
  added.rank = uint8_t(at.rank);
  added.kind = kind;
}

void Translator::accessLanes(Operation *op, uint32_t slot, Value memref,
                             ValueRange indices, int64_t lanes, bool isLoad) {
  if (!sizeOrFail(op, memref))
    return;
  auto type = cast<MemRefType>(memref.getType());
  if (type.getRank() == 0)
    return (void)fail(op, "vectors are read from buffers of rank 1 and more");
  if (stridesOf(type)->back() != 1 && lanes > 1)
    return (void)fail(op, "the lanes of a vector are not adjacent in memory");
  Type element = type.getElementType();
  Address at = address(op, type, indices, lanes);
  unsigned bits = storageBits(element);
  std::optional<SmallFloat> format = smallFloat(element);
  bool whole = !format && !element.isInteger(1) && !isPacked(element);
  // One instruction moves up to 255 lanes of whole bytes; other elements go
  // one by one, at constant offsets from the first.
  int64_t step = whole ? 255 : 1;
  for (int64_t first = 0; first < lanes; first += step) {
    int64_t constant =
        at.constant + first * (isPacked(element) ? 1 : int64_t(bits) / 8);
    uint32_t lane = slot + uint32_t(first);
    uint32_t base = slotOf(memref);
    if (whole) {
      int64_t imm = int64_t(uint64_t(at.rank) << 48 | uint64_t(constant));
      Instruction &added =
          isLoad ? emit(op, Opcode::LoadLanes, lane, base, at.firstTerm, imm)
                 : emit(op, Opcode::StoreLanes, base, lane, at.firstTerm, imm);
      added.rank = uint8_t(std::min(step, lanes - first));
      added.kind = uint8_t(bits / 8);
      continue;
    }
    uint32_t stored = lane;
    if (!isLoad && format && isPacked(element)) {
      stored = newSlots(1);
      emit(op, Opcode::EncodeSmall, stored, lane).kind = uint8_t(*format);
    }
    Opcode opcode = element.isInteger(1) ? Opcode::LoadBool
                    : isPacked(element)  ? Opcode::LoadPacked
                    : bits == 8          ? Opcode::LoadSmall8
                                         : Opcode::LoadSmall16;
    if (!isLoad)
      opcode = element.isInteger(1) ? Opcode::StoreBool
               : isPacked(element)  ? Opcode::StorePacked
               : bits == 8          ? Opcode::StoreSmall8
                                    : Opcode::StoreSmall16;
    Instruction &added =
        isLoad ? emit(op, opcode, lane, base, at.firstTerm, constant)
               : emit(op, opcode, base, stored, at.firstTerm, constant);
    added.rank = uint8_t(at.rank);
    added.kind = isPacked(element) ? uint8_t(bits)
                 : format          ? uint8_t(*format)
                                   : 0;
    if (isLoad && format && isPacked(element))
      emit(op, Opcode::DecodeSmall, lane, lane).kind = uint8_t(*format);
  }
}

void Translator::loadLanes(Operation *op, uint32_t slot, Value memref,
                           ValueRange indices, int64_t lanes) {
  accessLanes(op, slot, memref, indices, lanes, /*isLoad=*/true);
}

void Translator::storeLanes(Operation *op, uint32_t slot, Value memref,
                            ValueRange indices, int64_t lanes) {
  accessLanes(op, slot, memref, indices, lanes, /*isLoad=*/false);
}

//===----------------------------------------------------------------------===//
// Globals
//===----------------------------------------------------------------------===//

/// Follows a buffer through views, control flow and calls: may anything write
/// to it? Constants may be mapped read-only.
bool Translator::isWritten(Value memref) {
  llvm::SetVector<Value> reached;
  reached.insert(memref);
  auto addMemRefs = [&](ValueRange values) {
    for (Value value : values)
      if (isa<MemRefType>(value.getType()))
        reached.insert(value);
  };
  for (size_t i = 0; i < reached.size(); ++i)
    for (OpOperand &use : reached[i].getUses()) {
      Operation *user = use.getOwner();
      if (isa<memref::LoadOp, vector::LoadOp, memref::DimOp, memref::DeallocOp>(
              user))
        continue;
      if (isa<memref::StoreOp, vector::StoreOp>(user))
        return true;
      if (auto copy = dyn_cast<memref::CopyOp>(user)) {
        if (copy.getTarget() == reached[i])
          return true;
        continue;
      }
      if (auto call = dyn_cast<func::CallOp>(user)) {
        auto callee = dyn_cast_or_null<func::FuncOp>(
            symbols.lookup(call.getCalleeAttr().getAttr()));
        if (callee && !callee.isExternal() &&
            use.getOperandNumber() < callee.getNumArguments())
          reached.insert(callee.getArgument(use.getOperandNumber()));
      }
      addMemRefs(user->getResults());
      for (Region &region : user->getRegions())
        for (Block &block : region)
          addMemRefs(block.getArguments());
      // What a region yields becomes a result or an argument of its parent.
      if (Operation *parent = user->getParentOp();
          parent && user->hasTrait<OpTrait::IsTerminator>()) {
        addMemRefs(parent->getResults());
        for (Region &region : parent->getRegions())
          for (Block &block : region)
            addMemRefs(block.getArguments());
      }
    }
  return false;
}

/// The bytes of a dense constant as the level stores them.
static void writeElements(DenseElementsAttr elements, char *to) {
  Type element = elements.getElementType();
  unsigned bits = storageBits(element);
  auto isInteger = isa<IntegerType, IndexType>(element);
  uint64_t index = 0;
  auto write = [&](const APInt &value) {
    uint64_t raw = value.getZExtValue();
    if (bits < 8)
      to[index * bits / 8] |= char(raw << (index * bits % 8));
    else
      memcpy(to + index * (bits / 8), &raw, bits / 8);
    ++index;
  };
  if (isInteger)
    for (const APInt &value : elements.getValues<APInt>())
      write(value);
  else
    for (const APFloat &value : elements.getValues<APFloat>())
      write(value.bitcastToAPInt());
}

void Translator::getGlobal(memref::GetGlobalOp op) {
  auto global = dyn_cast_or_null<memref::GlobalOp>(
      symbols.lookup(op.getNameAttr().getAttr()));
  if (!global)
    return (void)fail(op, "there is no global @" + op.getName());
  std::optional<uint64_t> size = sizeOrFail(op, op);
  if (!size)
    return;
  if (global.getType() != op.getType())
    return (void)fail(op, "the global has another type");
  auto [it, added] = globalSlots.try_emplace(global, 0);
  if (added) {
    char *bytes = nullptr;
    if (auto weight = global->getAttrOfType<WeightAttr>("adze.weight")) {
      WeightStore &store = WeightStore::get(op.getContext());
      if (!store.contains(weight.getName()))
        return (void)fail(op, "the weight store has no entry \"" +
                                  weight.getName() + "\"");
      ArrayRef<char> entry = store.bytes(weight.getName());
      if (entry.size() < *size)
        return (void)fail(op, "the weight \"" + weight.getName() + "\" has " +
                                  Twine(entry.size()) +
                                  " bytes where the type takes " +
                                  Twine(*size));
      bytes = const_cast<char *>(entry.data());
    } else {
      auto elements =
          dyn_cast_or_null<DenseElementsAttr>(global.getInitialValueAttr());
      if (!elements && global.getInitialValueAttr() &&
          !global.isUninitialized())
        return (void)fail(op, "the global's value is not dense");
      std::unique_ptr<char[]> owned(new (std::nothrow) char[*size + 1]());
      if (!owned)
        return (void)fail(op, "there is no memory for the global");
      if (elements)
        writeElements(elements, owned.get());
      bytes = owned.get();
      program.globals.push_back(std::move(owned));
    }
    Slot slot;
    slot.p = bytes;
    it->second = constantSlot(slot);
  }
  if ((global.getConstant() || global->hasAttr("adze.weight")) &&
      isWritten(op.getResult()))
    return (void)fail(op, "the program writes to the constant @" +
                              global.getName());
  slots[op] = it->second;
}

/// The part of a buffer that starts at some indices: its address.
void Translator::subview(memref::SubViewOp op) {
  if (!sizeOrFail(op, op.getSource()) || !sizeOrFail(op, op))
    return;
  MemRefType source = op.getSourceType();
  if (isPacked(source.getElementType()))
    return (void)fail(op, "packed elements have no address");
  int64_t unit = storageBits(source.getElementType()) / 8;
  uint32_t firstTerm = program.code.terms.size();
  int64_t constant = 0;
  SmallVector<int64_t> strides = *stridesOf(source);
  for (int64_t d = 0; d < source.getRank(); ++d) {
    int64_t size = op.getStaticSizes()[d], step = op.getStaticStrides()[d];
    if (ShapedType::isDynamic(size) || ShapedType::isDynamic(step) || step < 0)
      return (void)fail(op, "sizes and strides have to be static");
    int64_t bound =
        source.getDimSize(d) - std::max<int64_t>(size - 1, 0) * step;
    int64_t stride = strides[d] * unit;
    OpFoldResult offset = op.getMixedOffsets()[d];
    std::optional<int64_t> known = getConstantIntValue(offset);
    if (size == 0)
      continue; // nothing will be accessed
    if (known && *known >= 0 && *known < bound) {
      constant += *known * stride;
      continue;
    }
    uint32_t slot = known ? constantSlot(*known) : slotOf(cast<Value>(offset));
    program.code.terms.push_back({slot, std::max<int64_t>(bound, 0), stride});
  }
  Instruction &added = emit(op, Opcode::Address, slotOf(op),
                            slotOf(op.getSource()), firstTerm, constant);
  added.rank = uint8_t(program.code.terms.size() - firstTerm);
}

bool Translator::translateMemory(Operation *op) {
  if (auto read = dyn_cast<memref::LoadOp>(op)) {
    load(op, slotOf(read), read.getMemRef(), read.getIndices());
    return true;
  }
  if (auto write = dyn_cast<memref::StoreOp>(op)) {
    store(op, slotOf(write.getValue()), write.getMemRef(), write.getIndices());
    return true;
  }
  if (auto get = dyn_cast<memref::GetGlobalOp>(op)) {
    getGlobal(get);
    return true;
  }
  if (isa<memref::AllocaOp, memref::AllocOp>(op)) {
    std::optional<uint64_t> size = sizeOrFail(op, op->getResult(0));
    if (!size)
      return true;
    if (!cast<MemRefType>(op->getResult(0).getType()).getLayout().isIdentity())
      return (void)fail(op, "memory is allocated contiguous"), true;
    constexpr uint64_t alignment = 64;
    uint64_t &total = program.code.memorySize;
    program.code.allocations.push_back({slotOf(op->getResult(0)), total});
    total += llvm::alignTo(*size, alignment);
    return true;
  }
  if (isa<memref::DeallocOp>(op))
    return true;
  if (auto copy = dyn_cast<memref::CopyOp>(op)) {
    std::optional<uint64_t> size = sizeOrFail(op, copy.getSource());
    if (!size || !sizeOrFail(op, copy.getTarget()))
      return true;
    auto from = cast<MemRefType>(copy.getSource().getType());
    auto to = cast<MemRefType>(copy.getTarget().getType());
    if (from.getShape() != to.getShape() ||
        from.getElementType() != to.getElementType())
      return (void)fail(op, "source and target differ in type"), true;
    if (!from.getLayout().isIdentity() || !to.getLayout().isIdentity())
      return (void)fail(op, "only contiguous buffers are copied"), true;
    if (*size)
      emit(op, Opcode::Copy, slotOf(copy.getTarget()), slotOf(copy.getSource()),
           0, int64_t(*size));
    return true;
  }
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto type = dyn_cast<MemRefType>(dim.getSource().getType());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!type || !index || *index < 0 || *index >= type.getRank() ||
        type.isDynamicDim(*index))
      return (void)fail(op, "the dimension is not static"), true;
    slots[dim] = constantSlot(type.getDimSize(*index));
    return true;
  }
  if (auto part = dyn_cast<memref::SubViewOp>(op)) {
    subview(part);
    return true;
  }
  bool isView = isa<memref::ViewOp>(op);
  if (!isView && !isa<memref::ReinterpretCastOp, memref::CollapseShapeOp,
                      memref::ExpandShapeOp, memref::CastOp,
                      memref::AssumeAlignmentOp, memref::MemorySpaceCastOp>(op))
    return false;

  // Another static type of the same bytes.
  std::optional<uint64_t> size = sizeOrFail(op, op->getOperand(0));
  std::optional<uint64_t> viewed = sizeOrFail(op, op->getResult(0));
  if (!size || !viewed)
    return true;
  if (*viewed > *size)
    return (void)fail(op, "the view takes " + Twine(*viewed) +
                              " bytes of a buffer of " + Twine(*size)),
           true;
  if (auto cast = dyn_cast<memref::ReinterpretCastOp>(op)) {
    // Its offset counts from the start of the whole buffer.
    ArrayRef<int64_t> offsets = cast.getStaticOffsets();
    auto from = dyn_cast<MemRefType>(cast.getSource().getType());
    if (offsets.size() != 1 || offsets[0] != 0 ||
        !from.getLayout().isIdentity())
      return (void)fail(op, "a cast that moves the start is not supported"),
             true;
  }
  if (isView)
    emit(op, Opcode::View, slotOf(op->getResult(0)), slotOf(op->getOperand(0)),
         slotOf(cast<memref::ViewOp>(op).getByteShift()),
         int64_t(*size - *viewed));
  else
    emit(op, Opcode::Move, slotOf(op->getResult(0)), slotOf(op->getOperand(0)));
  return true;
}
