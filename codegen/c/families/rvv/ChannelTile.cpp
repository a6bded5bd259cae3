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

std::string sumType(int registers) { return fmt::format("i32m{}", registers); }
std::string halfType(int registers) {
  return fmt::format("i16m{}", registers / 2);
}
std::string byteType(int registers) {
  return registers == 2 ? "i8mf2" : fmt::format("i8m{}", registers / 4);
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
  explicit Emitter(const ChannelTile &tile) : tile(tile) {}
  TileText emit(const std::string &indent);

private:
  void line(const std::string &text, bool load = false) {
    body += fmt::format("      \"{}\\n\"\n", text);
    instructions += weight;
    if (load)
      loads += weight;
  }
  void label(int number) { body += fmt::format("      \"{}:\\n\"\n", number); }
  void addConstant(const std::string &to, const std::string &from,
                   int64_t value);
  void placePointers();
  void channelsOf(int64_t count);
  const char *scalar(int64_t channel, int64_t column, int64_t row);
  int64_t lastUse(int64_t channel, int64_t column) const;
  void loadSegment(int block);
  std::string weightRegister(int64_t row);

  const ChannelTile &tile;
  std::string body;
  int64_t instructions = 0, loads = 0;
  int64_t weight = 1; // how often the lines being written run

  std::vector<int64_t> pointers; // elements from the first pixel
  struct Held {
    int64_t channel, column, last;
  };
  std::map<std::string, Held> held;   // scalar register -> its activation
  std::set<std::string> used, pinned; // pinned: of the pixels in work
};

} // namespace

void Emitter::addConstant(const std::string &to, const std::string &from,
                          int64_t value) {
  if (value >= -2048 && value <= 2047)
    return line(fmt::format("addi {}, {}, {}", to, from, value));
  used.insert("t3");
  line(fmt::format("li t3, {}", value));
  line(fmt::format("add {}, {}, t3", to, from));
}

/// Columns further away than a load's 12-bit offset get pointers of their own.
void Emitter::placePointers() {
  std::set<int64_t> columns;
  for (int64_t pixel = 0; pixel < tile.pixels; ++pixel)
    for (int64_t tap = 0; tap < tile.taps; ++tap)
      columns.insert(pixel * tile.pixelStride + tap * tile.tapStride);
  int64_t reach = 2047 / tile.inputBytes - longestBody;
  for (int64_t column : columns)
    if (pointers.empty() || column - pointers.back() > reach)
      pointers.push_back(column);
}

int64_t Emitter::lastUse(int64_t channel, int64_t column) const {
  int64_t last = -1;
  for (int64_t pixel = 0; pixel < tile.pixels; ++pixel)
    for (int64_t tap = 0; tap < tile.taps; ++tap)
      if (pixel * tile.pixelStride + tap * tile.tapStride == column)
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
  used.insert(victim);
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
                channel, pixel * tile.pixelStride + tap * tile.tapStride, row));
          for (int64_t pixel = from; pixel < to; ++pixel)
            line(fmt::format("vwmacc.vx %[a{}], {}, {}",
                             tile.blocks > 1 ? block : pixel,
                             names[size_t(pixel - from)], weights));
        }
      }
    }
  }
}

TileText Emitter::emit(const std::string &indent) {
  placePointers();
  bool manyRows = tile.kernelRows > 1;
  // Channels of a loop body: whole segments of weights, as many as possible.
  int64_t unroll = tile.channels;
  if (tile.weightRows() > longestBody) {
    unroll = std::max<int64_t>(1, longestBody / tile.taps);
    int64_t best = 0;
    for (int64_t count = unroll; count > 0; --count)
      if (count * tile.taps % tile.segment == 0) {
        if (!best)
          best = count;
        if (tile.channels % count == 0 && 2 * count > best) {
          best = count;
          break;
        }
      }
    unroll = best ? best : tile.segment;
  }
  int64_t trips = tile.channels / unroll, rest = tile.channels % unroll;

  line(fmt::format("vsetvli zero, %[vl], e16, m{}, ta, ma",
                   tile.sumRegisters / 2));
  weight = tile.kernelRows;
  if (manyRows) {
    label(1);
    line("ld %[p0], 0(%[r])", true);
    line("addi %[r], %[r], 8");
    line("add %[p0], %[p0], %[x]");
  }
  for (size_t i = 1; i < pointers.size(); ++i)
    addConstant(fmt::format("%[p{}]", i), "%[p0]",
                pointers[i] * tile.inputBytes);
  if (trips > 1) {
    addConstant("%[e]", "%[p0]", trips * unroll * tile.inputBytes);
    label(2);
  }
  weight = tile.kernelRows * trips;
  channelsOf(unroll);
  if (trips > 1 || rest) {
    weight = tile.kernelRows * trips;
    for (size_t i = 0; i < pointers.size(); ++i)
      line(fmt::format("addi %[p{0}], %[p{0}], {1}", i,
                       unroll * tile.inputBytes));
  }
  if (trips > 1)
    line("bne %[p0], %[e], 2b");
  weight = tile.kernelRows;
  if (rest)
    channelsOf(rest);
  if (manyRows)
    line("bne %[r], %[re], 1b");

  std::string in = indent + "  ";
  std::string text = indent + "{\n";
  std::vector<std::string> outputs, inputs = {"[vl] \"r\"(vl)"};
  int sums = tile.blocks > 1 ? tile.blocks : tile.pixels;
  for (int i = 0; i < sums; ++i)
    outputs.push_back(fmt::format("[a{0}] \"+vr\"(a{0})", i));
  std::string element = tile.weightBytes == 2 ? "int16_t" : "int8_t";
  for (int i = 0; i < tile.blocks; ++i) {
    text += i == 0 ? fmt::format("{}const {} *w0 = weights;\n", in, element)
                   : fmt::format("{}const {} *w{} = w{} + {} * vl;\n", in,
                                 element, i, i - 1, tile.segment);
    outputs.push_back(fmt::format("[w{0}] \"+&r\"(w{0})", i));
    ++instructions;
  }
  std::string source = tile.inputBytes == 1 ? "int8_t" : "int16_t";
  if (manyRows) {
    text += fmt::format("{0}const {1} *p0;\n{0}const {1} *const *r = rows;\n",
                        in, source);
    outputs.emplace_back("[p0] \"=&r\"(p0)");
    outputs.emplace_back("[r] \"+&r\"(r)");
    inputs.push_back(fmt::format("[re] \"r\"(rows + {})", tile.kernelRows));
    inputs.emplace_back("[x] \"r\"(offset)");
    instructions += 2;
  } else {
    text += fmt::format("{}const {} *p0 = at;\n", in, source);
    outputs.emplace_back("[p0] \"+&r\"(p0)");
    ++instructions;
  }
  for (size_t i = 1; i < pointers.size(); ++i) {
    text += fmt::format("{}const {} *p{};\n", in, source, i);
    outputs.push_back(fmt::format("[p{0}] \"=&r\"(p{0})", i));
  }
  if (trips > 1) {
    text += fmt::format("{}const {} *end;\n", in, source);
    outputs.emplace_back("[e] \"=&r\"(end)");
  }
  int64_t step = tile.outputs * tile.segment * tile.weightBytes;
  if (step > 2047)
    inputs.push_back(fmt::format("[step] \"r\"((ptrdiff_t){})", step));
  std::string clobbers = "\"memory\"";
  for (int i = 0; i < 8; ++i)
    clobbers += fmt::format(", \"v{}\"", i);
  for (const std::string &name : used)
    clobbers += fmt::format(", \"{}\"", name);
  auto joined = [&](const std::vector<std::string> &parts) {
    std::string all;
    for (const std::string &part : parts)
      all += (all.empty() ? "" : ", ") + part;
    return all;
  };
  text += fmt::format("{0}__asm__ volatile(\n{1}{0}    : {2}\n{0}    : {3}\n"
                      "{0}    : {4});\n",
                      in, body, joined(outputs), joined(inputs), clobbers);
  return {text + indent + "}\n", instructions, loads};
}

TileText accumulate(const ChannelTile &tile, const std::string &indent) {
  return Emitter(tile).emit(indent);
}

} // namespace adze::families::rvv
