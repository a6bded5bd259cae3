//===- ChannelWindows.cpp - Depthwise convolution on Helium -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/ChannelWindows.h"

#include "codegen/c/families/FixedPointText.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace adze::families::helium {

namespace {
constexpr int64_t headerBytes = 64;
} // namespace

ChannelWindows::ChannelWindows(const ConvolutionProblem &p, bool square,
                               int64_t bands, bool line)
    : p(p), square(square), bands(bands),
      form(line ? RequantizationForm::unsolvedLine(p.requantization)
                : RequantizationForm(p.requantization)) {}

int64_t ChannelWindows::pixelsPerVector() const {
  int64_t c = channels();
  return c < 16 && 16 % c == 0 && copied() % (16 / c) == 0 ? 16 / c : 1;
}

int64_t ChannelWindows::columns() const {
  return (p.outputWidth - 1) * p.strideWidth +
         (4 * columnBlocks() - 1) * p.dilationWidth + (square ? 0 : 1);
}

int64_t ChannelWindows::copied() const {
  return std::min(p.inputWidth, columns() - p.padLeft);
}

int64_t ChannelWindows::scratchBytes() const {
  // A vector of several pixels may end behind the last column.
  return (bands * bandBytes() + 64 + 15) / 16 * 16;
}

int64_t ChannelWindows::bandsWithin(const ConvolutionProblem &p, bool square,
                                    int64_t bytes) {
  ChannelWindows one(p, square, 1, false);
  return std::clamp<int64_t>((bytes - 80) / one.bandBytes(), 1,
                             std::max<int64_t>(one.wholeBands(), 1));
}

bool ChannelWindows::fits() const {
  int64_t row = p.outputWidth * channels();
  if (square &&
      (p.strideHeight != 1 || p.strideWidth != 1 || p.dilationHeight != 1 ||
       p.dilationWidth != 1 || p.kernelHeight > 3 || p.kernelWidth > 3 ||
       p.outputHeight < 2 || p.outputWidth < 2 || row + 3 * channels() > 65535))
    return false;
  return p.padLeft < columns() && 8 * channels() < 65536 &&
         streamBytes() < 500 && p.strideWidth * columnBytes() <= 504 &&
         (columnBlocks() - 1) * 4 * p.dilationWidth * columnBytes() <= 504;
}

// Blocks of one filter are kept as 16 bytes, [column][row]; a single one of
// three columns or fewer as 12, because the bias may follow in its last word.
int64_t ChannelWindows::filterBytes() const {
  return single() ? (p.kernelWidth <= 3 ? 12 : 16)
                  : 16 * rowBlocks() * columnBlocks();
}

int64_t ChannelWindows::constantBytes() const {
  return headerBytes + channels() * streamBytes();
}

int ChannelWindows::rowMask(int64_t y, int64_t b) const {
  int mask = 0;
  int64_t rows = square ? p.kernelHeight + 1 : p.kernelHeight;
  for (int64_t r = 0; r < 4 && 4 * b + r < rows; ++r) {
    int64_t row =
        y * p.strideHeight - p.padTop + (4 * b + r) * p.dilationHeight;
    if (row >= 0 && row < p.inputHeight)
      mask |= 1 << r;
  }
  return mask;
}

std::set<int> ChannelWindows::rowMasks() const {
  std::set<int> masks;
  for (int64_t b = 0; b < rowBlocks(); ++b) {
    for (int64_t band = 0; band < wholeBands(); ++band)
      masks.insert(rowMask(band * outputRowsPerBand(), b));
    if (overlappedBand())
      masks.insert(rowMask(p.outputHeight - 2, b));
  }
  return masks;
}

//===----------------------------------------------------------------------===//
// Interleaving
//===----------------------------------------------------------------------===//

std::string ChannelWindows::interleaveName(bool masked) const {
  std::string masks;
  for (int mask : rowMasks())
    masks += fmt::format("{:x}", mask);
  return fmt::format("adze_mve_interleave_c{}_w{}_n{}_d{}_m{}{}", channels(),
                     p.inputWidth, copied(), p.dilationHeight, masks,
                     masked ? "_tail" : "");
}

// r0 = to, r1 = image, r2 = offset of the first row, r3 = mask of rows and the
// value of the others.
AsmText ChannelWindows::interleaveText(bool masked) const {
  AsmText text;
  int64_t per = pixelsPerVector();
  int64_t step = per > 1 ? 16 : channels();
  int64_t pitch = p.inputWidth * channels() * p.dilationHeight;
  text.op("push {{r4-r7, lr}}");
  text.op("adds r4, r1, r2");
  text.op("movw r12, #{}", pitch & 0xffff);
  if (pitch >> 16)
    text.op("movt r12, #{}", pitch >> 16);
  text.op("add r5, r4, r12");
  text.op("add r6, r5, r12");
  text.op("add r7, r6, r12");
  text.op("lsrs r12, r3, #8");
  for (int q = 0; q < 4; ++q)
    text.op("vdup.8 q{}, r12", q);
  if (masked) {
    text.op("movs r2, #{}", channels() % 16);
    text.op("vctp.8 r2");
  }
  text.op("mov lr, #{}", copied() / per);
  text.op("and r3, r3, #15");
  std::set<int> masks = rowMasks();
  size_t left = masks.size();
  int next = 0;
  for (int mask : masks) {
    if (--left > 0) {
      text.op("cmp r3, #{}", mask);
      text.op("bne.w {}f", next = 50 + int(left));
    }
    text.op("dls lr, lr");
    int label = text.label();
    text.countTile(true);
    // The row that is whole counts; the others are at the borders.
    text.beginLoop(left == 0 ? double(copied() / per) : 0);
    int rows = (mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1) + (mask >> 3);
    if (masked && rows)
      text.op("vps{}", std::string("tttt").substr(0, size_t(rows)));
    for (int r = 0; r < 4; ++r)
      if (mask >> r & 1) {
        if (step <= 127)
          text.op("vldrb{}.u8 q{}, [r{}], #{}", masked ? "t" : "", r, 4 + r,
                  step);
        else
          text.op("vldrb{}.u8 q{}, [r{}]", masked ? "t" : "", r, 4 + r);
      }
    for (int r = 0; r < 4; ++r)
      if (step > 127 && (mask >> r & 1))
        text.op("addw r{0}, r{0}, #{1}", 4 + r, step);
    for (int r = 0; r < 4; ++r)
      text.op("vst4{}.8 {{q0, q1, q2, q3}}, [r0]{}", r, r == 3 ? "!" : "");
    text.op("le lr, {}b", label);
    text.endLoop();
    text.countTile(false);
    text.op("pop {{r4-r7, pc}}");
    if (left > 0)
      text.mark(next);
  }
  return text;
}

std::string ChannelWindows::interleavePlain(bool masked) const {
  return fmt::format(
      R"(  int32_t x, c, r;
  for (x = 0; x < {columns}; ++x) {{
    for (c = 0; c < {channels}; ++c) {{
      for (r = 0; r < 4; ++r) {{
        to[(x * {group} + c) * 4 + r] = (int8_t)(((uint32_t)mask >> r) & 1u ? in[first + r * {pitch} + x * {all} + c] : mask >> 8);
      }}
    }}
  }}
)",
      fmt::arg("columns", copied()),
      fmt::arg("channels", masked ? channels() % 16 : groupChannels()),
      fmt::arg("group", groupChannels()),
      fmt::arg("pitch", p.inputWidth * channels() * p.dilationHeight),
      fmt::arg("all", channels()));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

std::string ChannelWindows::computeName() const {
  return fmt::format("adze_mve_depthwise_{}x{}_s{}_d{}_c{}_o{}{}{}",
                     p.kernelHeight, p.kernelWidth, p.strideWidth,
                     p.dilationWidth, channels(), p.outputWidth,
                     square ? "_square" : "", form.suffix());
}

// r0 = interleaved rows, r1 = header of the constants, r2 = out, r3 = [stream
// of the channels, channels, bands].
AsmText ChannelWindows::computeText() const {
  AsmText text;
  const int64_t width = p.outputWidth;
  const int64_t column = columnBytes();
  std::vector<std::string> words = {"r5", "r7", "r8", "r10", "r11"};
  words.resize(size_t(form.words()));
  // Registers that the words leave: for the loop over large filters' columns,
  // the loop over bands, and the way from the end of a band to the next.
  const std::string bandRegister = words.size() < 4 ? "r10" : "";
  const std::string haloRegister = words.size() < 3 ? "r8" : "";
  auto halo = [&](const std::string &name) {
    // The last window of a row begins here, and the first one of the next row
    // is addressed one step early.
    int64_t last = square ? width - 2 : (width - 1) * p.strideWidth;
    int64_t bytes =
        bandBytes() - (last + (square ? 2 : p.strideWidth)) * columnBytes();
    text.op("movw {}, #{}", name, bytes & 0xffff);
    if (bytes < 0 || bytes >> 16)
      text.op("movt {}, #{}", name, bytes >> 16 & 0xffff);
  };
  // Stack: [0] offsets of the gather, [16] low, [32] high, [48] out, [52]
  // channels, [56] bands, [64] offsets of the stores (where q7 is the scale of
  // a line).
  text.op("push {{r4-r12, lr}}");
  text.op("vpush {{d8-d15}}");
  text.op("sub sp, #80");
  text.op("vldrw.u32 q7, [r1]");
  text.op("vldrw.u32 q0, [r1, #16]");
  text.op("vstrw.32 q0, [sp]");
  text.op("ldr r9, [r1, #32]"); // the zero point, or the scale of a line
  if (form.line) {
    text.op("vstrw.32 q7, [sp, #64]");
    text.op("vdup.32 q7, r9");
  }
  if (form.clamp)
    for (int i = 0; i < 2; ++i) {
      text.op("ldr r4, [r1, #{}]", 36 + 4 * i);
      text.op("vdup.16 q0, r4");
      text.op("vstrw.32 q0, [sp, #{}]", 16 + 16 * i);
    }
  text.op("ldm r3, {{r3, r4, r5}}");
  text.op("str r2, [sp, #48]");
  text.op("strd r4, r5, [sp, #52]");
  text.op("mov r12, r0");
  if (bands > 1 && !haloRegister.empty())
    halo(haloRegister);

  text.countTile(true);
  int channelLabel = text.label();
  // The filter, in the square form also shifted by a column (q1), by a row
  // (q2), by both (q3).
  if (single()) {
    text.op("vldrw.u32 q0, [r3], #{}", filterBytes());
    if (square) {
      text.op("movs r0, #0");
      text.op("vmov q1, q0");
      text.op("vmov.32 q0[3], r0");
      text.op("vshlc q1, r0, #32");
      text.op("vshl.i32 q2, q0, #8");
      text.op("vshl.i32 q3, q1, #8");
    } else if (filterBytes() == 12) {
      text.op("movs r0, #0");
      text.op("vmov.32 q0[3], r0");
    }
    text.op("ldm r3!, {{{}}}", fmt::join(words, ", "));
  } else {
    text.op("add r0, r3, #{}", filterBytes());
    text.op("ldm r0, {{{}}}", fmt::join(words, ", "));
  }
  text.op("vldrw.u32 q4, [sp]");
  text.op("vadd.i32 q4, q4, r12");
  text.op("adds.w r12, r12, #4");
  text.op("ldr r1, [sp, #48]");
  text.op("adds r2, r1, #1");
  text.op("str r2, [sp, #48]");
  if (bands > 1 && bandRegister.empty()) {
    text.op("ldr r2, [sp, #56]");
    text.op("str r2, [sp, #60]");
  } else if (bands > 1) {
    text.op("ldr {}, [sp, #56]", bandRegister);
  }

  // The window that the gather addressed last, in columns of the input; it
  // begins one step early because the gather increments first.
  const int64_t ahead = square ? 2 : p.strideWidth;
  int64_t at = -ahead, outAt = 0;
  auto gather = [&](const char *q, int64_t window) {
    text.op("vldrw.u32 {}, [q4, #{}]!", q, (window - at) * column);
    at = window;
  };
  auto storeTo = [&](int64_t x) {
    addImmediate(text, "r1", (x - outAt) * channels());
    outAt = x;
  };
  auto lanes = [&](const char *q) {
    text.op("vmov {0}[2], {0}[0], r0, r4", q);
    text.op("vmov {0}[3], {0}[1], r2, r6", q);
    form.emitScalar(text, q, words, "q7");
  };
  const char *const sums[] = {"r0", "r2", "r4", "r6"};
  // Four outputs from column x on, or `count` of them.
  auto four = [&](const char *q, int64_t x, int64_t count) {
    if (square) {
      gather(q, x);
      // Lanes: (y, x), (y + 1, x), (y, x + 1), (y + 1, x + 1).
      for (int i : {0, 1, 2, 3})
        text.op("vmladav.s8 {}, {}, q{}", sums[i % 2 * 2 + i / 2], q, i);
      lanes(q);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      gather(q, (x + i) * p.strideWidth);
      if (single()) {
        text.op("vmladav.s8 {}, {}, q0", sums[i], q);
        continue;
      }
      for (int64_t b = 0; b < rowBlocks(); ++b)
        for (int64_t c = 0; c < columnBlocks(); ++c) {
          int64_t offset = c * 4 * p.dilationWidth * column;
          if (b > 0 && c == 0) {
            text.op("movw lr, #{}", b * planeBytes() & 0xffff);
            text.op("vadd.i32 q3, q4, lr");
          }
          if (b + c > 0)
            text.op("vldrw.u32 {}, [q{}, #{}]", q, b ? 3 : 4, offset);
          text.op("vldrw.u32 q0, [r3, #{}]", 16 * (b * columnBlocks() + c));
          text.op("{} {}, {}, q0", b + c ? "vmladava.s8" : "vmladav.s8",
                  sums[i], q);
        }
    }
    lanes(q);
  };
  auto pack = [&]() {
    if (!form.line)
      text.op("vqadd.s16 q5, q5, r9");
    if (form.clamp) {
      text.op("vldrw.u32 q6, [sp, #16]");
      text.op("vmax.s16 q5, q5, q6");
      text.op("vldrw.u32 q6, [sp, #32]");
      text.op("vmin.s16 q5, q5, q6");
    } else {
      text.op("vqmovnb.s16 q5, q5");
    }
    if (form.line)
      text.op("vldrw.u32 q6, [sp, #64]");
  };
  const char *offsets = form.line ? "q6" : "q7";
  const int64_t across = square ? 2 : 4; // columns of one vector of outputs
  auto pair = [&](int64_t x) {
    four("q5", x, 4);
    four("q6", x + across, 4);
    form.emitNarrow(text, "q5", "q5", "q6");
    pack();
    storeTo(x);
    text.op("vstrb.16 q5, [r1, {}]", offsets);
  };
  auto half = [&](int64_t x, int64_t count) {
    four("q5", x, count);
    // Only the even halves count.
    form.emitNarrowEven(text, "q5");
    pack();
    storeTo(x);
    text.op("vmovlb.u16 q6, {}", offsets);
    if (count < 4) {
      text.op("movs r0, #{}", count);
      text.op("vctp.32 r0");
      text.op("vpst");
      text.op("vstrbt.32 q5, [r1, q6]");
    } else {
      text.op("vstrb.32 q5, [r1, q6]");
    }
  };

  int bandLabel = text.label();
  text.beginLoop(double(bands));
  const int64_t pairs = width / (2 * across);
  // Blocks of large filters use lr.
  const std::string counter = single() ? "lr" : words.size() < 5 ? "r11" : "";
  if (pairs > 2 && !counter.empty()) {
    text.op("mov {}, #{}", counter, pairs);
    if (single())
      text.op("dls lr, lr");
    int label = text.label();
    text.beginLoop(double(pairs));
    int64_t before = at;
    pair(0);
    addImmediate(text, "r1", 2 * across * channels());
    if (single()) {
      text.op("le lr, {}b", label);
    } else {
      text.op("subs r11, r11, #1");
      text.op("bne.w {}b", label);
    }
    text.endLoop();
    at = before + 2 * across * p.strideWidth * pairs;
    outAt = 2 * across * pairs;
  } else {
    for (int64_t i = 0; i < pairs; ++i)
      pair(2 * across * i);
  }
  int64_t rest = width - 2 * across * pairs;
  if (square) { // the last windows overlap those before
    if (rest == 3 && width >= 4) {
      pair(width - 4);
    } else if (rest == 3) {
      half(0, 4);
      half(1, 4);
    } else if (rest > 0) {
      half(width - 2, 4);
    }
  } else {
    for (int64_t x = width - rest; x < width; x += 4)
      half(x, std::min<int64_t>(4, width - x));
  }
  // On to the next band.
  if (bands > 1) {
    if (haloRegister.empty()) {
      halo("r0");
      text.op("vadd.i32 q4, q4, r0");
    } else {
      text.op("vadd.i32 q4, q4, {}", haloRegister);
    }
    addImmediate(text, "r1",
                 outputRowsPerBand() * width * channels() - outAt * channels());
    if (bandRegister.empty()) {
      text.op("ldr r2, [sp, #60]");
      text.op("subs r2, r2, #1");
      text.op("str r2, [sp, #60]");
    } else {
      text.op("subs {0}, {0}, #1", bandRegister);
    }
    text.op("bne.w {}b", bandLabel);
  }
  text.endLoop();
  if (!single())
    text.op("add r3, r3, #{}", streamBytes());
  text.op("ldr r2, [sp, #52]");
  text.op("subs r2, r2, #1");
  text.op("str r2, [sp, #52]");
  text.op("bne.w {}b", channelLabel);

  text.countTile(false);
  text.op("add sp, #80");
  text.op("vpop {{d8-d15}}");
  text.op("pop {{r4-r12, pc}}");
  return text;
}

std::string ChannelWindows::computePlain() const {
  return fmt::format(
      R"(  int32_t c, b, y, x, ky, kx;
  for (c = 0; c < group->channels; ++c) {{
    const int8_t *f = group->stream + c * {stream};
    for (b = 0; b < group->bands; ++b) {{
      for (y = 0; y < {rows}; ++y) {{
        for (x = 0; x < {width}; ++x) {{
          int32_t sum = 0;
          for (ky = 0; ky < {kernelHeight}; ++ky) {{
            for (kx = 0; kx < {kernelWidth}; ++kx) {{
              int32_t column = x * {stride} + kx * {dilation};
              int32_t row = y + ky;
              sum += a[b * {band} + row / 4 * {plane} + column * {column} + c * 4 + row % 4]
                     * f[((ky / 4 * {columnBlocks} + kx / 4) * 4 + kx % 4) * 4 + ky % 4];
            }}
          }}
          out[((b * {rows} + y) * {width} + x) * {channels} + c] = {requantize}(sum, f + {filter}, header + 32);
        }}
      }}
    }}
  }}
)",
      fmt::arg("stream", streamBytes()), fmt::arg("rows", outputRowsPerBand()),
      fmt::arg("width", p.outputWidth),
      fmt::arg("kernelHeight", p.kernelHeight),
      fmt::arg("kernelWidth", p.kernelWidth), fmt::arg("stride", p.strideWidth),
      fmt::arg("dilation", p.dilationWidth), fmt::arg("band", bandBytes()),
      fmt::arg("plane", planeBytes()), fmt::arg("column", columnBytes()),
      fmt::arg("columnBlocks", columnBlocks()),
      fmt::arg("channels", channels()),
      fmt::arg("requantize", form.plainName()),
      fmt::arg("filter", filterBytes()));
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

std::vector<char> ChannelWindows::pack() const {
  std::vector<char> bytes;
  auto half = [&](int64_t offset) {
    bytes.push_back(char(offset & 255));
    bytes.push_back(char(offset >> 8));
  };
  int64_t c = channels();
  for (int64_t lane = 0; lane < 8; ++lane) {
    int64_t i = lane / 2, second = lane % 2;
    half(square ? (i % 2) * p.outputWidth * c + (i / 2 + 2 * second) * c
                : (i + 4 * second) * c);
  }
  // The gather increments its addresses first.
  int64_t early = (square ? 2 : p.strideWidth) * columnBytes();
  std::vector<int32_t> words;
  for (int64_t i = 0; i < 4; ++i)
    words.push_back(int32_t(i * p.dilationWidth * columnBytes() - early));
  const Requantization &r = p.requantization;
  for (int32_t word : form.header(r))
    words.push_back(word);
  words.resize(12);
  appendWords(bytes, words);
  for (int64_t o = 0; o < c; ++o) {
    std::vector<char> filter(size_t(16 * rowBlocks() * columnBlocks()));
    for (int64_t ky = 0; ky < p.kernelHeight; ++ky)
      for (int64_t kx = 0; kx < p.kernelWidth; ++kx)
        filter[size_t(((ky / 4 * columnBlocks() + kx / 4) * 4 + kx % 4) * 4 +
                      ky % 4)] = char(p.weight(o, ky, kx, 0));
    filter.resize(size_t(filterBytes()));
    bytes.insert(bytes.end(), filter.begin(), filter.end());
    appendWords(bytes, form.channel(r, p.bias[size_t(o)], o));
  }
  return bytes;
}

/// Interleaves the bands of `count` from output row `y` on, then computes them.
std::string ChannelWindows::bandText(const std::string &indent,
                                     const std::string &y,
                                     const std::string &count,
                                     bool masked) const {
  int64_t c = channels();
  std::string text =
      fmt::format("{}for (b = 0; b < {}; ++b) {{\n", indent, count);
  int64_t rows = square ? p.kernelHeight + 1 : p.kernelHeight;
  for (int64_t b = 0; b < rowBlocks(); ++b) {
    text += fmt::format("{}  row = ({} + b * {}) * {} + {};\n{}  mask = 0;\n",
                        indent, y, outputRowsPerBand(), p.strideHeight,
                        4 * b * p.dilationHeight - p.padTop, indent);
    for (int64_t r = 0; r < std::min<int64_t>(4, rows - 4 * b); ++r)
      text +=
          fmt::format("{0}  mask |= row + {1} >= 0 && row + {1} < {2} ? {3} "
                      ": 0;\n",
                      indent, r * p.dilationHeight, p.inputHeight, 1 << r);
    text += fmt::format("{}  {}(rows + b * {} + {}, in + c, row * {}, mask + "
                        "({}));\n",
                        indent, interleaveName(masked), bandBytes(),
                        b * planeBytes() + p.padLeft * columnBytes(),
                        p.inputWidth * c, p.inputZeroPoint * 256);
  }
  text += fmt::format("{0}}}\n{0}group.bands = {1};\n"
                      "{0}{2}(rows, c0, out + {3} * {4} + c, &group);\n",
                      indent, count, computeName(), y, p.outputWidth * c);
  return text;
}

bool ChannelWindows::generate(KernelCode &code) {
  if (form.line && !form.solveLine(p))
    return false;
  code.headers.insert("arm_mve.h");
  form.addPlainFunction(code);
  int64_t c = channels();
  bool whole = c >= 16 || pixelsPerVector() > 1;
  bool masked = pixelsPerVector() == 1 && c % 16 != 0;
  for (bool tail : {false, true})
    if (tail ? masked : whole)
      addFunction(code, interleaveName(tail),
                  nakedFunction("Four rows as [x][channel][row].",
                                interleaveName(tail),
                                {"int8_t *to", "const int8_t *in",
                                 "int32_t first", "int32_t mask"},
                                interleaveText(tail), interleavePlain(tail)));
  addFunction(code, "adze_mve_group",
              "/* Channels of interleaved rows. */\n"
              "struct adze_mve_group {\n  const int8_t *stream;\n"
              "  int32_t channels, bands;\n};\n");
  addFunction(
      code, computeName(),
      nakedFunction("Windows of single channels times their filters.",
                    computeName(),
                    {"const int8_t *a", "const int8_t *header", "int8_t *out",
                     "const struct adze_mve_group *group"},
                    computeText(), computePlain()));
  KernelConstant constant;
  constant.type = QuantizedType::int8;
  constant.bytes = pack();
  code.constants.push_back(constant);
  code.scratchBytes.push_back(scratchBytes());

  std::string text = "  struct adze_mve_group group;\n"
                     "  const int8_t *in = in0;\n  int8_t *out = out0;\n"
                     "  int8_t *rows = (int8_t *)scratch0;\n"
                     "  int32_t c, y, b, row, mask;\n";
  std::string indent = "  ";
  // Borders at the sides keep their values.
  int64_t right = columns() - p.padLeft - copied();
  text += fmt::format("  for (b = 0; b < {}; ++b) {{\n", bands * rowBlocks());
  for (auto [first, count] : {std::pair(int64_t(0), p.padLeft),
                              std::pair(p.padLeft + copied(), right)})
    if (count > 0)
      text += fmt::format("    memset(rows + b * {} + {}, {}, {});\n",
                          planeBytes(), first * columnBytes(),
                          int(uint8_t(int8_t(p.inputZeroPoint))),
                          count * columnBytes());
  text += "  }\n";
  if (p.batch > 1) {
    text +=
        fmt::format("  int32_t n;\n  for (n = 0; n < {}; ++n) {{\n", p.batch);
    indent = "    ";
  }
  auto group = [&](const std::string &inner, bool tail, int64_t count) {
    std::string body = fmt::format("{0}group.stream = c0 + {1} + c * {2};\n"
                                   "{0}group.channels = {3};\n",
                                   inner, headerBytes, streamBytes(), count);
    int64_t loops = wholeBands() / bands, rest = wholeBands() % bands;
    int64_t per = outputRowsPerBand();
    if (loops == 1 && rest == 0)
      body += fmt::format("{}y = 0;\n", inner) +
              bandText(inner, "y", fmt::format("{}", bands), tail);
    else
      body += fmt::format("{0}for (y = 0; y < {1}; y += {2}) {{\n", inner,
                          loops * bands * per, bands * per) +
              bandText(inner + "  ", "y", fmt::format("{}", bands), tail) +
              inner + "}\n";
    if (rest)
      body += fmt::format("{}y = {};\n", inner, loops * bands * per) +
              bandText(inner, "y", fmt::format("{}", rest), tail);
    if (overlappedBand())
      body += fmt::format("{}y = {};\n", inner, p.outputHeight - 2) +
              bandText(inner, "y", "1", tail);
    return body;
  };
  if (masked || pixelsPerVector() > 1) {
    if (c >= 16)
      text += fmt::format("{}for (c = 0; c < {}; c += 16) {{\n", indent,
                          c / 16 * 16) +
              group(indent + "  ", false, 16) + indent + "}\n";
    text += fmt::format("{}c = {};\n", indent, masked ? c / 16 * 16 : 0) +
            group(indent, masked, masked ? c % 16 : c);
  } else {
    text += fmt::format("{}for (c = 0; c < {}; c += 16) {{\n", indent, c) +
            group(indent + "  ", false, 16) + indent + "}\n";
  }
  if (p.batch > 1)
    text += fmt::format("    in += {};\n    out += {};\n  }}\n",
                        p.inputHeight * p.inputWidth * c,
                        p.outputHeight * p.outputWidth * c);
  code.body = text;
  return true;
}

double ChannelWindows::instructions() const {
  AsmText compute = computeText();
  int64_t c = channels();
  bool masked = pixelsPerVector() == 1 && c % 16 != 0;
  double groups = double((c + 15) / 16);
  AsmText interleave = interleaveText(masked && c < 16);
  double bandsAll = double(wholeBands() + overlappedBand());
  double calls = std::ceil(double(wholeBands()) / double(bands)) +
                 double(overlappedBand());
  // computeText counts `bands` bands a channel; the overhead of a channel is
  // what is left without them.
  ChannelWindows one(p, square, 1, form.line);
  double single1 = one.computeText().perTileCall();
  double perBand = bands > 1
                       ? (compute.perTileCall() - single1) / double(bands - 1)
                       : single1;
  double perChannel =
      bands > 1 ? compute.perTileCall() - perBand * double(bands) : 0;
  double all = groups * (bandsAll * double(rowBlocks()) *
                             (interleave.perTileCall() + 48) +
                         calls * (compute.perCall() + 20) + 20) +
               double(c) * (calls * perChannel + bandsAll * perBand);
  return double(p.batch) * all + 60 + double(bands * rowBlocks()) * 60;
}

int64_t ChannelWindows::codeBytes() const {
  return computeText().codeBytes() + interleaveText(false).codeBytes() + 300;
}

} // namespace adze::families::helium
