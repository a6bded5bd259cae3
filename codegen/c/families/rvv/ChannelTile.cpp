//===- ChannelTile.cpp - Sums of a tile, channels in lanes ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/ChannelTile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace adze::families::rvv {

/// Rows of weights that a loop body spells out at most; longer bodies save
/// nothing against the two instructions of the loop.
constexpr int64_t longestBody = 48;
/// Scalars that hold activations. The others are left to the code around.
static constexpr std::array<const char *, 12> scalars = {
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t3", "t4", "t5", "t6"};

std::string sumRegister(int registers, int index) {
  return fmt::format("v{}", 8 + registers * index);
}

void ChannelTile::choose(int64_t outputChannels, int bytesOfWeights) {
  outputs = outputChannels;
  weightBytes = bytesOfWeights;
  sumRegisters = outputChannels > 16 ? 8 : outputChannels > 8 ? 4 : 2;
  // Registers 0 to 7 hold weights, the other 24 sums.
  pixels = std::min(24 / sumRegisters, 8);
  int most = weightBytes == 2 ? 16 / sumRegisters : 8 / sumRegisters;
  most = std::min(std::max(most, 2), 4);
  segment = most;
  // Rather a smaller segment than rows of zeros.
  for (int fewer = most; fewer > 1; --fewer)
    if (weightRows() % fewer == 0) {
      segment = fewer;
      break;
    }
}

namespace {

class Emitter {
public:
  Emitter(const ChannelTile &tile, Assembly &assembly)
      : tile(tile), assembly(assembly) {}
  void emit();

private:
  void line(const std::string &text, bool load = false) {
    assembly.line(text, load);
  }
  void addConstant(const std::string &to, const std::string &from,
                   int64_t value);
  void placePointers();
  void channelsOf(int64_t count);
  const char *scalar(int64_t channel, int64_t column, int64_t row);
  int64_t lastUse(int64_t channel, int64_t column) const;
  void loadSegment(int block);
  std::string weightRegister(int64_t row);

  const ChannelTile &tile;
  Assembly &assembly;

  std::vector<int64_t> pointers; // elements from the first pixel
  struct Held {
    int64_t channel, column, last;
  };
  std::map<std::string, Held> held; // scalar register -> its activation
  std::set<std::string> pinned;     // registers of the pixels in work
};

} // namespace

void Emitter::addConstant(const std::string &to, const std::string &from,
                          int64_t value) {
  if (value >= -2048 && value <= 2047)
    return line(fmt::format("addi {}, {}, {}", to, from, value));
  assembly.clobber("t3");
  line(fmt::format("li t3, {}", value));
  line(fmt::format("add {}, {}, t3", to, from));
}

/// Columns further away than a load's 12-bit offset get pointers of their own.
void Emitter::placePointers() {
  std::set<int64_t> columns;
  for (int64_t pixel = 0; pixel < tile.pixels; ++pixel)
    for (int64_t tap = 0; tap < tile.taps; ++tap)
      columns.insert(pixel * tile.pixelStride + tile.tapOffset(tap));
  int64_t reach = 2047 / tile.inputBytes - longestBody;
  for (int64_t column : columns)
    if (pointers.empty() || column - pointers.back() > reach)
      pointers.push_back(column);
}

int64_t Emitter::lastUse(int64_t channel, int64_t column) const {
  int64_t last = -1;
  for (int64_t pixel = 0; pixel < tile.pixels; ++pixel)
    for (int64_t tap = 0; tap < tile.taps; ++tap)
      if (pixel * tile.pixelStride + tile.tapOffset(tap) == column)
        last = std::max(last, channel * tile.taps + tap);
  if (tile.blocks > 1) // every block of channels goes through the segment
    last = last / tile.segment * tile.segment + tile.segment - 1;
  return last;
}

/// The register that holds an activation, loaded unless it is there already.
const char *Emitter::scalar(int64_t channel, int64_t column, int64_t row) {
  const char *victim = nullptr;
  int64_t furthest = -1;
  for (const char *name : scalars) {
    auto it = held.find(name);
    if (it != held.end() && it->second.channel == channel &&
        it->second.column == column && it->second.last >= row) {
      pinned.insert(name);
      return name;
    }
    if (pinned.count(name))
      continue;
    if (it == held.end() || it->second.last < row) {
      if (furthest < INT64_MAX)
        victim = name, furthest = INT64_MAX;
      continue;
    }
    if (it->second.last > furthest)
      victim = name, furthest = it->second.last;
  }
  held[victim] = {channel, column, lastUse(channel, column)};
  assembly.clobber(victim);
  pinned.insert(victim);
  size_t base = pointers.size() - 1;
  while (pointers[base] > column)
    --base;
  line(fmt::format("{} {}, {}(%[p{}])", tile.inputBytes == 1 ? "lb" : "lh",
                   victim,
                   (column - pointers[base] + channel) * tile.inputBytes, base),
       true);
  return victim;
}

std::string Emitter::weightRegister(int64_t row) {
  int index = int(row % tile.segment);
  int registers = tile.sumRegisters / 2;
  if (tile.weightBytes == 2)
    return fmt::format("v{}", index * registers);
  // Widened into the upper four registers, in turn.
  int slots = 4 / registers;
  return fmt::format("v{}", 4 + index % slots * registers);
}

void Emitter::loadSegment(int block) {
  std::string pointer = fmt::format("%[w{}]", block);
  int64_t step = tile.outputs * tile.segment * tile.weightBytes;
  if (tile.segment == 1)
    line(fmt::format("vle{}.v v0, ({})", 8 * tile.weightBytes, pointer), true);
  else
    line(fmt::format("vlseg{}e{}.v v0, ({})", tile.segment,
                     8 * tile.weightBytes, pointer),
         true);
  if (step <= 2047)
    line(fmt::format("addi {0}, {0}, {1}", pointer, step));
  else
    line(fmt::format("add {0}, {0}, %[step]", pointer));
}

/// The products of `count` channels, beginning where the pointers stand.
void Emitter::channelsOf(int64_t count) {
  held.clear();
  int64_t rows = count * tile.taps;
  int rawRegisters = std::max(1, tile.sumRegisters / 4);
  for (int64_t first = 0; first < rows; first += tile.segment) {
    int64_t end = std::min<int64_t>(first + tile.segment, rows);
    for (int block = 0; block < tile.blocks; ++block) {
      loadSegment(block);
      for (int64_t row = first; row < end; ++row) {
        int64_t channel = row / tile.taps, tap = row % tile.taps;
        std::string weights = weightRegister(row);
        if (tile.weightBytes == 1)
          line(fmt::format("vsext.vf2 {}, v{}", weights,
                           row % tile.segment * rawRegisters));
        // Loads first: the product waits for none that stands just before it.
        std::vector<const char *> names;
        int64_t room = int64_t(scalars.size()) - 1;
        for (int64_t from = 0; from < tile.pixels; from += room) {
          int64_t to = std::min<int64_t>(from + room, tile.pixels);
          names.clear();
          pinned.clear();
          for (int64_t pixel = from; pixel < to; ++pixel)
            names.push_back(scalar(
                channel, pixel * tile.pixelStride + tile.tapOffset(tap), row));
          for (int64_t pixel = from; pixel < to; ++pixel)
            line(fmt::format("vwmacc.vx {}, {}, {}",
                             sumRegister(tile.sumRegisters,
                                         tile.blocks > 1 ? block : int(pixel)),
                             names[size_t(pixel - from)], weights));
        }
      }
    }
  }
}

void Emitter::emit() {
  placePointers();
  bool manyRows = tile.kernelRows > 1;
  std::string source =
      tile.inputBytes == 1 ? "const int8_t *" : "const int16_t *";
  for (int i = 0; i < tile.blocks; ++i)
    assembly.local(fmt::format("w{}", i),
                   tile.weightBytes == 2 ? "const int16_t *" : "const int8_t *",
                   i ? fmt::format("w{} + {} * vl", i - 1, tile.segment)
                     : "weights");
  if (manyRows) {
    assembly.local("p0", source);
    assembly.local("r", source + "const *", "rows");
    assembly.input("re", fmt::format("rows + {}", tile.kernelRows));
    assembly.input("x", "offset");
  } else {
    assembly.local("p0", source, "at");
  }
  for (size_t i = 1; i < pointers.size(); ++i)
    assembly.local(fmt::format("p{}", i), source);
  int64_t step = tile.outputs * tile.segment * tile.weightBytes;
  if (step > 2047)
    assembly.input("step", fmt::format("(ptrdiff_t){}", step));
  for (int i = 0; i < 8; ++i)
    assembly.clobber(fmt::format("v{}", i));

  // Channels of a loop body: whole segments of weights, as many as possible,
  // and rather a divisor of all channels.
  int64_t unroll = tile.channels;
  if (tile.weightRows() > longestBody) {
    int64_t most = 0;
    for (unroll = std::max<int64_t>(1, longestBody / tile.taps); unroll > 0;
         --unroll)
      if (unroll * tile.taps % tile.segment == 0) {
        most = std::max(most, unroll);
        if (tile.channels % unroll == 0)
          break;
      }
    if (2 * unroll <= most)
      unroll = most;
  }
  int64_t trips = tile.channels / unroll, rest = tile.channels % unroll;

  line(fmt::format("vsetvli zero, %[vl], e16, m{}, ta, ma",
                   tile.sumRegisters / 2));
  int64_t once = assembly.weight;
  assembly.weight = once * tile.kernelRows;
  if (manyRows) {
    assembly.label(1);
    line("ld %[p0], 0(%[r])", true);
    line("addi %[r], %[r], 8");
    line("add %[p0], %[p0], %[x]");
  }
  for (size_t i = 1; i < pointers.size(); ++i)
    addConstant(fmt::format("%[p{}]", i), "%[p0]",
                pointers[i] * tile.inputBytes);
  if (trips > 1) {
    assembly.local("end", source);
    addConstant("%[end]", "%[p0]", trips * unroll * tile.inputBytes);
    assembly.label(2);
  }
  assembly.weight = once * tile.kernelRows * trips;
  channelsOf(unroll);
  if (trips > 1 || rest)
    for (size_t i = 0; i < pointers.size(); ++i)
      line(fmt::format("addi %[p{0}], %[p{0}], {1}", i,
                       unroll * tile.inputBytes));
  if (trips > 1)
    line("bne %[p0], %[end], 2b");
  assembly.weight = once * tile.kernelRows;
  if (rest)
    channelsOf(rest);
  if (manyRows)
    line("bne %[r], %[re], 1b");
  assembly.weight = once;
}

void accumulate(const ChannelTile &tile, Assembly &assembly) {
  Emitter(tile, assembly).emit();
}

} // namespace adze::families::rvv
