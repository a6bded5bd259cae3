//===- State.cpp - Addresses resolved, hazards reported -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/State.h"

#include <fmt/format.h>

namespace adze::ptxsim {

const char *hazardName(HazardKind kind) {
  switch (kind) {
  case HazardKind::IllegalAddress:
    return "illegal address";
  case HazardKind::Misaligned:
    return "misaligned address";
  case HazardKind::Uninitialized:
    return "uninitialized read";
  case HazardKind::Race:
    return "race";
  case HazardKind::AsyncProxy:
    return "missing proxy fence";
  case HazardKind::Barrier:
    return "barrier misuse";
  case HazardKind::IllegalInstruction:
    return "illegal instruction";
  case HazardKind::Divergence:
    return "divergence";
  case HazardKind::Deadlock:
    return "deadlock";
  case HazardKind::Trap:
    return "trap";
  case HazardKind::Limit:
    return "limit";
  }
  return "hazard";
}

std::string describe(const Program &program, uint32_t instruction) {
  if (instruction >= program.code.size())
    return "the end of the kernel";
  const InstructionText &text = program.texts[instruction];
  std::string result = fmt::format("PTX line {} `{}`",
                                   program.code[instruction].line, text.text);
  if (!text.tile.empty())
    return result + fmt::format(" ({})", text.tile);
  // Ordinary instructions between those of tile operations: the operation
  // before them in the text tells where in the kernel they are.
  for (uint32_t i = instruction; i-- > 0;)
    if (!program.texts[i].tile.empty())
      return result + fmt::format(" (after {})", program.texts[i].tile);
  return result;
}

std::string describeThread(const Warp &warp, int lane) {
  const Block &block = *warp.block;
  const Launch &launch = *block.cluster->launch;
  std::string where = fmt::format("block ({},{},{})", block.index.x,
                                  block.index.y, block.index.z);
  if (lane < 0)
    return fmt::format("warp {}, {}", warp.index, where);
  uint64_t thread = uint64_t(warp.index) * lanesPerWarp + unsigned(lane);
  return fmt::format(
      "thread ({},{},{}), warp {} lane {}, {}", thread % launch.block.x,
      thread / launch.block.x % launch.block.y,
      thread / launch.block.x / launch.block.y, warp.index, lane, where);
}

void fail(const Warp &warp, const Instruction &instruction, int lane,
          HazardKind kind, const std::string &text) {
  const Program &program = programOf(warp);
  throw Hazard(kind, fmt::format("ptxsim: {} in kernel '{}', {}, {}: {}",
                                 hazardName(kind), program.name,
                                 describe(program, instruction.index),
                                 describeThread(warp, lane), text));
}

uint64_t Warp::address(const AddressView &view, unsigned lane) const {
  if (view.bytes == 8)
    return lanes<uint64_t>(view.slot)[lane] + uint64_t(view.displacement);
  return uint32_t(lanes<uint32_t>(view.slot)[lane] +
                  uint32_t(view.displacement));
}

namespace {

[[noreturn, gnu::noinline]] void failAlignment(const Warp &warp,
                                               const Instruction &instruction,
                                               int lane, uint64_t address,
                                               uint64_t align) {
  fail(warp, instruction, lane, HazardKind::Misaligned,
       fmt::format("address {:#x} is not a multiple of {}", address, align));
}

Place resolveShared(const Warp &warp, const Instruction &instruction, int lane,
                    uint64_t address, uint64_t bytes) {
  Block *block = warp.block;
  uint64_t rank = address >> sharedRankShift;
  uint64_t offset = address & ((uint64_t(1) << sharedRankShift) - 1);
  if (rank) {
    auto &blocks = block->cluster->blocks;
    if (rank > blocks.size())
      fail(warp, instruction, lane, HazardKind::IllegalAddress,
           fmt::format("shared address {:#x} names block {} of a cluster of "
                       "{}",
                       address, rank - 1, blocks.size()));
    block = &blocks[rank - 1];
    if (block->liveThreads == 0)
      fail(warp, instruction, lane, HazardKind::IllegalAddress,
           fmt::format("shared address {:#x} belongs to block {} of the "
                       "cluster, whose threads have all exited",
                       address, rank - 1));
  }
  if (offset + bytes > block->sharedBytes || offset < 1024)
    fail(warp, instruction, lane, HazardKind::IllegalAddress,
         fmt::format("{} bytes at shared address {:#x} do not lie in the "
                     "block's shared memory, {:#x} to {:#x}",
                     bytes, address, 1024, block->sharedBytes));
  return {Space::Shared, block->shared + offset, block, offset};
}

} // namespace

Place resolve(const Warp &warp, const Instruction &instruction, int lane,
              Space space, uint64_t address, uint64_t bytes, uint64_t align) {
  if (align > 1 && address % align)
    failAlignment(warp, instruction, lane, address, align);
  if (space == Space::Generic) {
    if (address - sharedWindow < windowBytes)
      return resolveShared(warp, instruction, lane, address - sharedWindow,
                           bytes);
    if (address - localWindow < windowBytes) {
      space = Space::Local;
      address -= localWindow;
    } else if (address - paramWindow < windowBytes) {
      space = Space::Param;
      address -= paramWindow;
    } else {
      space = Space::Global;
    }
  }
  const Launch &launch = launchOf(warp);
  switch (space) {
  case Space::Shared:
    return resolveShared(warp, instruction, lane, address, bytes);
  case Space::Local: {
    uint32_t size = launch.program->localBytes;
    if (address + bytes > size || address + bytes < bytes || address < 16)
      fail(warp, instruction, lane, HazardKind::IllegalAddress,
           fmt::format("{} bytes at local address {:#x} lie outside the "
                       "thread's {} bytes of local memory",
                       bytes, address, size));
    return {Space::Local,
            warp.local + uint64_t(unsigned(lane)) * size + address, warp.block,
            address};
  }
  case Space::Param:
    if (address + bytes > launch.program->parameterBytes ||
        address + bytes < bytes)
      fail(warp, instruction, lane, HazardKind::IllegalAddress,
           fmt::format("{} bytes at parameter address {:#x} lie outside the "
                       "kernel's {} bytes of parameters",
                       bytes, address, launch.program->parameterBytes));
    return {Space::Param, const_cast<char *>(launch.parameterData) + address,
            warp.block, address};
  default:
    break;
  }
  const Memory &memory = *launch.memory;
  const Allocation *allocation = memory.find(address);
  if (!allocation || !allocation->live ||
      address + bytes > allocation->base + allocation->bytes)
    fail(warp, instruction, lane, HazardKind::IllegalAddress,
         fmt::format("{} bytes at global address {:#x}: {}", bytes, address,
                     memory.describe(address, bytes)));
  return {Space::Global, memory.host(address), nullptr, address};
}

void markWritten(const Launch &launch, const Place &place, uint64_t bytes) {
  if (place.space == Space::Shared) {
    if (place.block->sharedWritten)
      std::memset(place.block->sharedWritten + place.offset, 1, bytes);
  } else if (place.space == Space::Global && launch.checks.uninitialized) {
    std::memset(launch.memory->marks(place.offset), 1, bytes);
  }
}

void checkWritten(const Warp &warp, const Instruction &instruction, int lane,
                  const Place &place, uint64_t bytes) {
  const Launch &launch = launchOf(warp);
  const uint8_t *marks = nullptr;
  if (place.space == Space::Shared) {
    marks = place.block->sharedWritten;
    if (marks)
      marks += place.offset;
  } else if (place.space == Space::Global && launch.checks.uninitialized) {
    const Allocation *allocation = launch.memory->find(place.offset);
    if (allocation && !allocation->written)
      marks = launch.memory->marks(place.offset);
  }
  if (!marks)
    return;
  const void *zero = std::memchr(marks, 0, bytes);
  if (!zero)
    return;
  uint64_t at = uint64_t(static_cast<const uint8_t *>(zero) - marks);
  if (place.space == Space::Shared)
    fail(warp, instruction, lane, HazardKind::Uninitialized,
         fmt::format("byte {} of the {} at shared address {:#x} has never "
                     "been written",
                     at, bytes, place.offset));
  fail(warp, instruction, lane, HazardKind::Uninitialized,
       fmt::format("byte {} of the {} at global address {:#x} has never been "
                   "written: {}",
                   at, bytes, place.offset,
                   launch.memory->describe(place.offset, bytes)));
}

} // namespace adze::ptxsim
