//===- ChannelLanes.cpp - Convolutions with channels in lanes ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/rvv/ChannelLanes.h"

#include "codegen/c/families/FixedPointText.h"
#include "codegen/c/families/rvv/ChannelTile.h"
#include "codegen/c/families/rvv/Requantize.h"
#include "codegen/c/families/rvv/RowRing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace adze::families::rvv {

const char *const vectorGuard =
    "defined(__riscv_vector) && defined(__riscv_v_intrinsic) && "
    "__riscv_xlen == 64";

std::string vectorBegin() {
  return fmt::format(
      "#if {}\n#pragma GCC diagnostic push\n"
      "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n",
      vectorGuard);
}

std::string vectorEnd() { return "#pragma GCC diagnostic pop\n#else\n"; }

/// Kernels whose taps all are one row: their rows of weights, the offsets of
/// the loads, and the scratch that the image may take.
constexpr int64_t mostWholeRows = 48, mostReach = 1990, mostImageBytes = 1024;
/// Wider kernels take their columns one by one.
constexpr int64_t mostTaps = 8;

bool isVectorConvolution(const ConvolutionProblem &problem,
                         const Machine &machine) {
  return machine.hasRvv && problem.type == QuantizedType::int8 &&
         problem.outputElements() > 0 && problem.inputElements() > 0 &&
         problem.inputElements() < (int64_t(1) << 30) &&
         problem.outputElements() < (int64_t(1) << 30);
}

namespace {

class Generator {
public:
  Generator(const ConvolutionProblem &problem, int weightBytes)
      : p(problem), ring(problem) {
    tile.channels = p.groupInputs();
    tile.kernelRows = p.kernelHeight;
    tile.taps = p.kernelWidth;
    if (tile.taps > mostTaps) {
      split = tile.taps;
      tile.kernelRows *= split;
      tile.taps = 1;
    }
    tile.tapStride = p.dilationWidth * p.inputChannels;
    // Small kernels over small images are one row of taps: all of them within
    // the reach of a load's offset.
    int64_t reach = (ring.rows - 1) * ring.pitch +
                    8 * p.strideWidth * p.inputChannels +
                    tile.taps * tile.tapStride;
    if (p.kernelHeight > 1 && split == 1 &&
        p.kernelHeight * tile.channels * tile.taps <= mostWholeRows &&
        reach < mostReach && (ring.inPlace || imageBytes() <= mostImageBytes)) {
      whole = true;
      ring.keepImage();
      tile.tapColumns = tile.taps;
      tile.rowStride = p.dilationHeight * ring.pitch;
      tile.taps *= p.kernelHeight;
      tile.kernelRows = 1;
    }
    tile.pixelStride = p.strideWidth * p.inputChannels;
    tile.choose(p.groupOutputs(), weightBytes);
    flat = p.kernelHeight == 1 && p.kernelWidth == 1 && p.strideHeight == 1 &&
           p.strideWidth == 1 && ring.inPlace;
    width = flat ? p.batch * p.outputHeight * p.outputWidth : p.outputWidth;
    if (width < tile.pixels)
      tile.pixels = int(width);
    if (width == 1 && p.groupOutputs() > 32)
      tile.blocks = 2;
  }

  bool generate(bool pack, KernelCode &code, KernelFeatures &features);

private:
  KernelConstant weights() const;
  CountedText tileText(const ChannelTile &part,
                       const std::string &indent) const;
  void rowOfTiles(const std::string &indent);
  void channelBlocks(const std::string &indent);
  void vectorBody(KernelCode &code);
  void plainBody(KernelCode &code);
  void line(const std::string &indent, const std::string &text,
            int64_t cost = 0) {
    body += indent + text + "\n";
    instructions += cost * weight;
  }
  void append(const CountedText &text) {
    body += text.text;
    instructions += text.instructions * weight;
    loads += text.loads * weight;
  }
  int64_t imageBytes() const {
    return ((p.outputHeight - 1) * p.strideHeight + ring.rows) * ring.pitch;
  }
  bool singleRow() const { return tile.kernelRows == 1; }

  const ConvolutionProblem &p;
  ChannelTile tile;
  RowRing ring;
  Requantizer requantizer;
  int64_t split = 1;  // columns of the kernel that count as rows
  bool whole = false; // all taps are one row
  bool flat = false;  // one row of pixels
  int64_t width = 1;  // pixels of a row
  std::string body;
  int64_t weight = 1; // how often the text being written runs
  int64_t instructions = 0, loads = 0;
};

} // namespace

KernelConstant Generator::weights() const {
  KernelConstant constant;
  constant.type =
      tile.weightBytes == 2 ? QuantizedType::int16 : QuantizedType::int8;
  int64_t each = tile.weightElements();
  constant.bytes.assign(size_t(each * p.groups * tile.weightBytes), 0);
  for (int64_t o = 0; o < p.outputChannels; ++o)
    for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < p.kernelWidth; ++kx)
        for (int64_t i = 0; i < p.groupInputs(); ++i) {
          int64_t row = split > 1 ? ky * split + kx : whole ? 0 : ky;
          int64_t tap = split > 1 ? 0 : whole ? ky * p.kernelWidth + kx : kx;
          int64_t at = o / p.groupOutputs() * each +
                       tile.weightIndex(row, i, tap, o % p.groupOutputs());
          int16_t value = p.weight(o, ky, kx, i);
          std::memcpy(constant.bytes.data() + at * tile.weightBytes, &value,
                      size_t(tile.weightBytes));
        }
  return constant;
}

/// Sums and outputs of one tile, for `vl` channels from `o` on.
CountedText Generator::tileText(const ChannelTile &part,
                                const std::string &indent) const {
  Assembly assembly;
  bool blocks = part.blocks > 1;
  int sums = blocks ? part.blocks : part.pixels;
  requantizer.begin(part.sumRegisters, sums, blocks, assembly);
  accumulate(part, assembly);
  requantizer.store(part.sumRegisters, sums, blocks, p.outputChannels,
                    assembly);
  return assembly.finish(indent);
}

/// The tiles of one row of pixels.
void Generator::rowOfTiles(const std::string &indent) {
  int64_t full = width / tile.pixels, rest = width % tile.pixels;
  int64_t before = weight;
  std::string position = singleRow() ? "at" : "offset";
  int64_t step = tile.pixels * tile.pixelStride;
  if (full > 1) {
    // Unrolled, the text of a tile would be repeated many times.
    line("", "#pragma clang loop unroll(disable)");
    line(indent, fmt::format("for (int32_t x = 0; x < {}; ++x) {{", full));
    weight = before * full;
    append(tileText(tile, indent + "  "));
    line(indent + "  ", fmt::format("{} += {};", position, step), 4);
    line(indent, "}");
    weight = before;
  } else if (full == 1) {
    line(indent, "{");
    append(tileText(tile, indent + "  "));
    if (rest)
      line(indent + "  ", fmt::format("{} += {};", position, step), 1);
    line(indent, "}");
  }
  if (rest) {
    ChannelTile part = tile;
    part.pixels = int(rest);
    line(indent, "{");
    append(tileText(part, indent + "  "));
    line(indent, "}");
  }
}

/// The channels of one group, block by block.
void Generator::channelBlocks(const std::string &indent) {
  int64_t outputs = p.groupOutputs();
  int64_t lanes = 4 * tile.sumRegisters; // VLEN 128
  int64_t before = weight;
  std::string element = tile.weightBytes == 2 ? "int16_t" : "int8_t";
  std::string first = p.groups > 1 ? fmt::format("g * {}", outputs) : "0";
  std::string end = p.groups > 1 ? fmt::format("(g + 1) * {}", outputs)
                                 : std::to_string(outputs);
  line(indent, fmt::format("size_t o = {};", first));
  auto pointers = [&](const std::string &in) {
    line(in,
         fmt::format("const {} *weights = c0 + {}o * {};", element,
                     p.groups > 1 ? fmt::format("g * {} + (o - g * {}) * {};",
                                                tile.weightElements(), outputs,
                                                tile.segment)
                                  : std::string(),
                     tile.segment),
         4);
    std::string group =
        p.groups > 1 ? fmt::format(" + g * {}", tile.channels) : "";
    if (singleRow())
      line(in, fmt::format("const int8_t *at = {}{};", flat ? "in0" : "rows[0]",
                           group));
    else
      line(in, fmt::format("ptrdiff_t offset = {};",
                           p.groups > 1 ? fmt::format("g * {}", tile.channels)
                                        : "0"));
    line(in,
         flat ? "int8_t *to = out0 + o;"
              : fmt::format(
                    "int8_t *to = out0 + ({}y) * {} + o;",
                    p.batch > 1 ? fmt::format("n * {} + ", p.outputHeight) : "",
                    p.outputWidth * p.outputChannels),
         3);
    if (p.residual)
      line(in, "const int8_t *second = in1 + (to - out0);", 2);
  };
  std::string in = indent + "  ";
  if (tile.blocks > 1) {
    line(indent, fmt::format("size_t vl = __riscv_vsetvlmax_e32m{}();",
                             tile.sumRegisters));
    line(indent, fmt::format("while (o + {} * vl <= {}) {{", tile.blocks, end));
    weight = before * (outputs / (lanes * tile.blocks));
    pointers(in);
    rowOfTiles(in);
    line(in, fmt::format("o += {} * vl;", tile.blocks), 3);
    line(indent, "}");
    tile.blocks = 1;
    weight = before * ((outputs % (2 * lanes) + lanes - 1) / lanes);
  } else {
    line(indent, "size_t vl;");
    weight = before * ((outputs + lanes - 1) / lanes);
  }
  line("", "#pragma clang loop unroll(disable)");
  line(indent, fmt::format("while (o < {}) {{", end));
  line(in,
       fmt::format("vl = __riscv_vsetvl_e32m{}({} - o);", tile.sumRegisters,
                   end),
       2);
  pointers(in);
  rowOfTiles(in);
  line(in, "o += vl;", 2);
  line(indent, "}");
  weight = before;
}

void Generator::vectorBody(KernelCode &code) {
  std::string indent = "  ";
  if (!ring.inPlace)
    line(indent, "int8_t *ring = (int8_t *)scratch0;");
  if (!flat) {
    line(indent,
         fmt::format("const int8_t *rows[{}];", p.kernelHeight * split));
    line(indent, "const int8_t *image = in0;", 12); // saves and restores
    if (p.batch > 1) {
      line(indent, fmt::format("for (int32_t n = 0; n < {}; ++n) {{", p.batch));
      indent += "  ";
      weight *= p.batch;
    }
    append(ring.prepare(indent, code));
    line("", "#pragma clang loop unroll(disable)");
    line(indent,
         fmt::format("for (int32_t y = 0; y < {}; ++y) {{", p.outputHeight));
    indent += "  ";
    weight *= p.outputHeight;
    append(ring.advance(split, indent));
  } else {
    instructions += 20;
  }
  if (p.groups > 1) {
    line(indent, fmt::format("for (size_t g = 0; g < {}; ++g) {{", p.groups));
    weight *= p.groups;
    channelBlocks(indent + "  ");
    line(indent, "}");
  } else {
    line(indent, "{");
    channelBlocks(indent + "  ");
    line(indent, "}");
  }
  if (!flat) {
    line("  " + std::string(p.batch > 1 ? "  " : ""), "}");
    if (p.batch > 1) {
      line("    ", fmt::format("image += {};",
                               p.inputHeight * p.inputWidth * p.inputChannels));
      line("  ", "}");
    }
  }
}

/// Plain C of the same function from the same constants.
void Generator::plainBody(KernelCode &code) {
  if (!ring.inPlace)
    body += "  (void)scratch0;\n";
  std::string group =
      p.groups > 1 ? fmt::format("o / {} * ", p.groupOutputs()) : "";
  body += fmt::format(
      R"(  for (int32_t n = 0; n < {0}; ++n) {{
    for (int32_t y = 0; y < {1}; ++y) {{
      for (int32_t x = 0; x < {2}; ++x) {{
        for (int32_t o = 0; o < {3}; ++o) {{
          uint32_t sum = (uint32_t)c1[o];
          int32_t value;
          for (int32_t ky = 0; ky < {4}; ++ky) {{
            for (int32_t kx = 0; kx < {5}; ++kx) {{
              const int32_t iy = y * {6} + ky * {7} - {8};
              const int32_t ix = x * {9} + kx * {10} - {11};
              const int inside = iy >= 0 && iy < {12} && ix >= 0 && ix < {13};
              for (int32_t i = 0; i < {14}; ++i) {{
                const int32_t activation = inside ? in0[((n * {12} + iy) * {13} + ix) * {15}{16} + i] : {17};
)",
      p.batch, p.outputHeight, p.outputWidth, p.outputChannels, p.kernelHeight,
      p.kernelWidth, p.strideHeight, p.dilationHeight, p.padTop, p.strideWidth,
      p.dilationWidth, p.padLeft, p.inputHeight, p.inputWidth, tile.channels,
      p.inputChannels,
      p.groups > 1 ? fmt::format(" + {}{}", group, tile.channels) : "",
      p.inputZeroPoint);
  std::string element =
      fmt::format("((n * {} + y) * {} + x) * {} + o", p.outputHeight,
                  p.outputWidth, p.outputChannels);
  std::string row =
      split > 1 ? "i"
      : whole ? fmt::format("(i * {} + ky * {} + kx)", tile.taps, p.kernelWidth)
              : fmt::format("(i * {} + kx)", tile.taps);
  body += fmt::format(
      R"(                const int32_t row = {0};
                sum += (uint32_t)(activation * c0[{1}((({2}) * {3} + row / {4}) * {5} + {6}) * {4} + row % {4}]);
              }}
            }}
          }}
          value = (int32_t)sum;
{7}          out0[{8}] = (int8_t)value;
        }}
      }}
    }}
  }}
)",
      row,
      p.groups > 1 ? fmt::format("{}{} + ", group, tile.weightElements()) : "",
      split > 1 ? fmt::format("ky * {} + kx", split)
      : whole   ? "0"
                : "ky",
      tile.segments(), tile.segment, tile.outputs,
      p.groups > 1 ? fmt::format("o % {}", tile.outputs) : "o",
      requantizer.scalar("o", element, "          ", code), element);
}

bool Generator::generate(bool pack, KernelCode &code,
                         KernelFeatures &features) {
  if (!requantizer.build(p))
    return false;
  tile.pixels = std::min(tile.pixels, requantizer.mostSums(tile.sumRegisters));
  ChannelTile whole = tile;
  body = vectorBegin();
  vectorBody(code);
  tile = whole;
  body += vectorEnd();
  plainBody(code);
  body += "#endif\n";
  code.body = body;
  code.headers.insert("riscv_vector.h");
  if (pack) {
    code.constants.push_back(weights());
    code.constants.push_back(wordConstant(requantizer.words()));
    code.constants.push_back(shiftConstant(requantizer.shifts()));
  }
  if (!ring.inPlace)
    code.scratchBytes.push_back((ring.scratchBytes() + 15) / 16 * 16);
  features.instructions = double(instructions);
  features.loads = double(loads);
  features.constantBytes =
      tile.weightElements() * p.groups * tile.weightBytes + requantizer.bytes();
  features.codeBytes = estimateCodeBytes(body);
  features.scratchBytes = ring.scratchBytes();
  features.stackBytes = 200 + 8 * p.kernelHeight * split;
  return true;
}

bool generateChannelLanes(const ConvolutionProblem &problem, int weightBytes,
                          bool pack, KernelCode &code,
                          KernelFeatures &features) {
  return Generator(problem, weightBytes).generate(pack, code, features);
}

bool ChannelLanesFamily::matches(const Problem &problem,
                                 const Machine &machine) const {
  auto *p = std::get_if<ConvolutionProblem>(&problem);
  return p && isVectorConvolution(*p, machine) && accepts(*p);
}

std::vector<Schedule> ChannelLanesFamily::schedules(const Problem &,
                                                    const Machine &) const {
  return {{std::string(name()), {{"weights", 16}}},
          {std::string(name()), {{"weights", 8}}}};
}

KernelFeatures ChannelLanesFamily::features(const Problem &problem,
                                            const Schedule &schedule,
                                            const Machine &) const {
  KernelCode code;
  KernelFeatures features;
  generateChannelLanes(std::get<ConvolutionProblem>(problem),
                       int(schedule.get("weights", 16) / 8), false, code,
                       features);
  return features;
}

bool ChannelLanesFamily::generate(const Problem &problem,
                                  const Schedule &schedule, const Machine &,
                                  KernelCode &code) const {
  KernelFeatures features;
  return generateChannelLanes(std::get<ConvolutionProblem>(problem),
                              int(schedule.get("weights", 16) / 8), true, code,
                              features);
}

} // namespace adze::families::rvv
