//===- PackedTile.cpp - Two pixels in one 32-bit multiply -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/scalar/PackedTile.h"
#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/scalar/NarrowWeights.h"
#include "codegen/c/families/scalar/Text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace adze::families {

static int64_t taps(const ConvolutionProblem &problem) {
  return problem.kernelHeight * problem.kernelWidth * problem.groupInputs();
}

int64_t packedTaps(const ConvolutionProblem &problem) {
  return (taps(problem) + 1) / 2 * 2;
}

std::vector<int64_t> channelBlocks(const ConvolutionProblem &problem,
                                   int channels) {
  std::vector<int64_t> blocks;
  int64_t outputs = problem.groupOutputs();
  for (int64_t o = 0; o < outputs; o += channels)
    blocks.push_back(std::min(o, outputs - channels));
  return blocks;
}

namespace {

/// The least and greatest value that a field of the word can take in a group.
struct Field {
  int64_t low = 0, high = 0;
  void add(int64_t w) {
    low += w * (w > 0 ? -128 : 127);
    high += w * (w > 0 ? 127 : -128);
  }
  bool fits() const { return low >= -32768 && high <= 32767; }
};

constexpr size_t maximumChannels = 3;

/// The weights of one block in the order of the stream.
struct Block {
  Block(const ConvolutionProblem &problem, int64_t first, int channels,
        const LineForm *form)
      : channels(channels) {
    int64_t count = taps(problem);
    weights.assign(size_t(packedTaps(problem) * channels), 0);
    for (int64_t t = 0; t < count; ++t)
      for (int c = 0; c < channels; ++c)
        if (!form || !form->channels[size_t(first + c)].constant)
          weights[size_t(t * channels + c)] =
              problem.weights[size_t((first + c) * count + t)];
  }

  /// Whether a group ends after each pair of taps; greedy, and at least every
  /// 32 pairs, where a word of bits ends. Empty if a pair alone is too much.
  std::vector<bool> ends() const {
    std::vector<bool> result;
    std::array<Field, maximumChannels> fields{};
    size_t taps = 2 * size_t(channels), pairs = weights.size() / taps;
    result.reserve(pairs);
    for (size_t p = 0; p < pairs; ++p) {
      std::array<Field, maximumChannels> alone{}, joined = fields;
      for (size_t i = 0; i < taps; ++i) {
        int8_t w = weights[p * taps + i];
        alone[i % size_t(channels)].add(w);
        joined[i % size_t(channels)].add(w);
      }
      auto fits = [](const Field &f) { return f.fits(); };
      if (!std::all_of(alone.begin(), alone.end(), fits))
        return {};
      bool join = std::all_of(joined.begin(), joined.end(), fits);
      if (p > 0 && !join)
        result[p - 1] = true;
      bool last = p % 32 == 31 || p + 1 == pairs;
      result.push_back(last);
      fields = join ? joined : alone;
      if (last)
        fields = {};
    }
    return result;
  }

  int channels;
  std::vector<int8_t> weights;
};

} // namespace

bool packWeights(const ConvolutionProblem &problem, int channels,
                 const LineForm &form, bool grouped, PackedWeights &packed) {
  for (int64_t group = 0; group < problem.groups; ++group)
    for (int64_t inGroup : channelBlocks(problem, channels)) {
      int64_t first = group * problem.groupOutputs() + inGroup;
      Block block(problem, first, channels, &form);
      std::vector<bool> ends;
      if (grouped && (ends = block.ends()).empty())
        return false;
      appendPacked(block.weights, storedBits(problem), packed.weights);
      for (size_t p = 0; p < ends.size(); ++p) {
        if (p % 32 == 0)
          packed.groupEnds.push_back(0);
        if (ends[p])
          packed.groupEnds.back() = int32_t(uint32_t(packed.groupEnds.back()) |
                                            (uint32_t(1) << (31 - p % 32)));
        packed.flushes += ends[p];
      }
      for (int64_t o = first; o < first + channels; ++o) {
        const LineForm::Channel &line = form.channels[size_t(o)];
        packed.lines.push_back(line.bias);
        packed.lines.push_back(line.multiplier);
        if (form.twoSided)
          packed.lines.push_back(line.negative);
      }
    }
  return true;
}

int64_t countFlushes(const ConvolutionProblem &problem, int channels) {
  int64_t count = 0;
  for (int64_t group = 0; group < problem.groups; ++group)
    for (int64_t inGroup : channelBlocks(problem, channels))
      for (bool end : Block(problem, group * problem.groupOutputs() + inGroup,
                            channels, nullptr)
                          .ends())
        count += end;
  return count;
}

namespace {

/// The text of the inner steps of a tile.
class TileText {
public:
  TileText(TileSize tile, int bits) : tile(tile), bits(bits) {}

  /// "uint32_t s00, s01;"
  std::string declare(const std::string &prefix,
                      const std::string &init) const {
    std::string text = "    uint32_t ";
    for (int i = 0; i < words(); ++i)
      text += fmt::format("{}{}{}{}", i ? ", " : "", prefix, name(i), init);
    return text + ";\n";
  }

  /// Two taps. The empty asm statements fix the order: compilers that hoist
  /// the loads run out of registers.
  std::string pair(bool first, const std::string &indent) const {
    std::string text;
    for (int t = 0; t < 2; ++t) {
      text += indent + "{\n";
      for (int c = 0; c < tile.channels; ++c)
        text += fmt::format("{}  uint32_t w{} = (uint32_t){};\n", indent, c,
                            weightText("w", t * tile.channels + c, bits));
      text += indent + "  uint32_t x;\n";
      for (int c = 0; c < tile.channels; ++c)
        text += fmt::format("{}  ADZE_KEEP(w{});\n", indent, c);
      for (int p = 0; p < tile.pairs; ++p) {
        text += fmt::format("{}  x = x0[{}];\n{}  ADZE_KEEP(x);\n", indent,
                            t * tile.pairs + p, indent);
        for (int c = 0; c < tile.channels; ++c) {
          std::string s = fmt::format("s{}{}", p, c);
          text +=
              fmt::format("{}  {} {} x * w{};\n{}  ADZE_KEEP({});\n", indent, s,
                          first && t == 0 ? "=" : "+=", c, indent, s);
        }
      }
      text += indent + "}\n";
    }
    text += fmt::format("{}x0 += {};\n{}w += {};\n", indent, 2 * tile.pairs,
                        indent, 2 * tile.channels * bits / 8);
    return text;
  }

  std::string flush(const std::string &indent) const {
    std::string text;
    for (int i = 0; i < words(); ++i)
      text +=
          fmt::format("{0}t{1} += s{1};\n"
                      "{0}h{1} += (uint32_t)((int32_t)(s{1} + half) >> 16);\n"
                      "{0}ADZE_KEEP(t{1});\n{0}ADZE_KEEP(h{1});\n",
                      indent, name(i));
    return text;
  }

  std::string finish(bool twoSided, const std::string &line) const {
    std::string text;
    int stride = twoSided ? 3 : 2;
    for (int p = 0; p < tile.pairs; ++p)
      for (int high = 0; high < 2; ++high) {
        for (int c = 0; c < tile.channels; ++c) {
          std::string word = fmt::format("{}{}", p, c);
          std::string sum =
              high ? "h" + word : fmt::format("t{0} - (h{0} << 16)", word);
          std::string third =
              twoSided ? fmt::format(", q[{}], offset", stride * c + 2) : "";
          text += fmt::format("    y[{}] = (int8_t){}({}, q[{}], q[{}]{});\n",
                              c, line, sum, stride * c, stride * c + 1, third);
        }
        if (p + 1 < tile.pairs || !high)
          text += "    y += pitch;\n";
      }
    return text;
  }

private:
  int words() const { return tile.pairs * tile.channels; }
  std::string name(int i) const {
    return fmt::format("{}{}", i / tile.channels, i % tile.channels);
  }
  TileSize tile;
  int bits;
};

} // namespace

std::string addPackedTile(KernelCode &code, TileSize tile, int bits,
                          const LineForm &form, const Requantization &q) {
  addKeepMacro(code);
  std::string line = addLineFunction(code, form, q);
  std::string name = fmt::format("adze_packed{}_{}x{}_{}",
                                 bits == 8 ? "" : fmt::format("{}", bits),
                                 2 * tile.pairs, tile.channels, line.substr(5));
  TileText text(tile, bits);
  int lineWords = form.twoSided ? 3 : 2;
  std::string advance =
      fmt::format("    q += {};\n", lineWords * tile.channels);
  std::string body = fmt::format(
      R"(/* {0} pixels times all output channels, {1} at a time. A word of `columns` is
   the input of two pixels, one in each half, so that one multiply serves both;
   bits of `ends` say after which taps the halves have to be taken apart. */
ADZE_SHARED static void {2}(const uint32_t *columns, const int8_t *w, const int32_t *ends, const int32_t *q, int8_t *out, int32_t pitch, int32_t channels, int32_t words{3})
{{
  uint32_t half = 32768u;
  int32_t c = 0;
  ADZE_KEEP(half);
  do {{
    const uint32_t *x0 = columns;
    const int32_t *last = ends + words;
)",
      2 * tile.pairs, tile.channels, name,
      form.twoSided ? ", int32_t offset" : "");
  body += text.declare("t", " = 0") + text.declare("h", " = 0");
  body += "    do {\n      uint32_t more = (uint32_t)*ends++;\n      do {\n";
  std::string sums = text.declare("s", "");
  body += "    " + sums;
  body += text.pair(true, "        ");
  body += "        while ((int32_t)more >= 0) {\n          more <<= 1;\n" +
          text.pair(false, "          ") + "        }\n";
  body += text.flush("        ");
  body += "        more <<= 1;\n      } while (more != 0u);\n"
          "    } while (ends != last);\n";
  body += fmt::format("    int8_t *y = out + (c + {0} > channels ? channels - "
                      "{0} : c);\n",
                      tile.channels);
  body += text.finish(form.twoSided, line);
  body += advance;
  body += fmt::format("    c += {};\n  }} while (c < channels);\n}}\n",
                      tile.channels);
  addSharedFunction(code, name, body);
  return name;
}

double packedTileInstructions(const ConvolutionProblem &problem, TileSize tile,
                              int64_t flushes, bool twoSided,
                              const Machine &machine) {
  double words = tile.pairs * tile.channels;
  double blocks = double(channelBlocks(problem, tile.channels).size());
  double pairs = double(packedTaps(problem) / 2) * blocks;
  bool fused = hasMultiplyAdd(machine);
  // A pair of taps: loads, a multiply and an add a word, two pointers, the bit.
  double sum =
      pairs * (2 * (tile.channels + tile.pairs + (fused ? 1 : 2) * words) + 4);
  // A flush saves the first add of each word.
  sum += double(flushes) / double(problem.groups) * (3 * words + 2);
  double output = twoSided ? 13 : 9;
  sum += blocks * (2 * words * output + 6 * words + 20);
  // What does not fit is reloaded: first the totals, once a flush, then more.
  double missing = 3 * words + tile.channels + 6 - usableRegisters(machine);
  if (missing > 0)
    sum += double(flushes) / double(problem.groups) * 3 *
               std::min(missing, 2 * words) +
           pairs * 4 * std::max(0.0, missing - 2 * words);
  return sum;
}

} // namespace adze::families
