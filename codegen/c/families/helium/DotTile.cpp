//===- DotTile.cpp - Pixels times channels on Helium ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/c/families/helium/DotTile.h"

#include "codegen/c/families/FixedPointText.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace adze::families::helium {

namespace {

/// Windows longer than that are summed in a loop.
constexpr int64_t unrolledChunks = 36, loopChunks = 8;

const char *const evenRegisters[] = {"r0", "r2",  "r4",  "r6",
                                     "r8", "r10", "r12", "lr"};

int registerNumber(const std::string &name) {
  return name == "lr" ? 14 : std::stoi(name.substr(1));
}

} // namespace

/// Who points where. A pointer serves pixels [first, last); the window of pixel
/// p lies at `pitch * (p - origin)` behind it, less `bias`.
struct DotTile::Plan {
  struct Pointer {
    std::string name;
    int64_t first, last, origin, bias;
  };
  bool valid = false, post = false;
  int64_t peeled = 0, loops = 0;
  std::vector<Pointer> pointers;
  std::string counter;                   // of the loop over chunks
  std::string zeroPoint, weights, tiles; // empty: on the stack
  int64_t stack = 0;                     // bytes
  bool lowOverhead = false;              // channels are counted by LE
  std::vector<std::string> parameters;   // registers free for LDM
};

DotTile::Plan DotTile::plan() const {
  Plan plan;
  int64_t reach = words ? 508 : 127;
  // What is addressed: windows, or the columns that they share.
  int64_t items = taps ? pixels + taps - 1 : pixels;
  int64_t n = taps ? pitch / 16 : chunks();
  plan.peeled = n;
  if (n > unrolledChunks && !taps) {
    plan.loops = (n - 1) / loopChunks;
    plan.peeled = n - plan.loops * loopChunks;
  }
  std::vector<std::string> pool = {"r5", "r7"};
  int64_t sums = 2 * pixels;
  // LE reaches 4 KB backwards.
  plan.lowOverhead = sums < 8 && n * (taps ? 4 : 1) <= unrolledChunks;
  if (plan.lowOverhead)
    pool.push_back("r11");
  if (sums < 7)
    pool.push_back("r12");

  // The fewest pointers; offsets known beforehand need no update at all.
  for (int64_t count = 1; count <= 3 && !plan.valid; ++count)
    for (bool post : {false, true}) {
      if (post ? taps || resident() : plan.loops > 0)
        continue;
      std::vector<Plan::Pointer> pointers;
      bool reached = true;
      for (int64_t i = 0; i < count; ++i) {
        Plan::Pointer p;
        p.first = items * i / count;
        p.last = items * (i + 1) / count;
        p.bias = 0;
        int64_t span = (p.last - p.first - 1) * pitch;
        if (post) {
          p.origin = (p.first + p.last - 1) / 2;
          reached &= (p.last - 1 - p.origin) * pitch <= reach;
        } else {
          p.origin = p.first;
          span += 16 * (n - 1);
          if (span > reach)
            p.bias = reach / 4 * 4;
          reached &= span - p.bias <= reach;
        }
        pointers.push_back(p);
      }
      if (!reached)
        continue;
      plan.valid = true;
      plan.post = post;
      plan.pointers = pointers;
      break;
    }
  auto take = [&]() {
    std::string name = pool.empty() ? "" : pool.front();
    if (!pool.empty())
      pool.erase(pool.begin());
    return name;
  };
  for (size_t i = 0; i < plan.pointers.size(); ++i) {
    plan.pointers[i].name = i == 0 ? "r1" : take();
    plan.valid &= !plan.pointers[i].name.empty();
  }
  if (plan.loops) {
    plan.counter = take();
    plan.valid &= !plan.counter.empty();
  }
  if (taps && !form.line)
    plan.zeroPoint = take();
  plan.weights = take();
  plan.tiles = take();
  if (taps)
    plan.stack = form.clamp ? 80 : form.line ? 48 : 32;
  else if (plan.weights.empty() || plan.tiles.empty())
    plan.stack = 8;
  plan.parameters = pool;
  for (int64_t i = 0; i < sums; ++i)
    plan.parameters.push_back(evenRegisters[i]);
  std::sort(plan.parameters.begin(), plan.parameters.end(),
            [](const std::string &a, const std::string &b) {
              return registerNumber(a) < registerNumber(b);
            });
  return plan;
}

bool DotTile::fits() const {
  return (pixels == 3 || pixels == 4) && depth > 0 && outputs > 0 &&
         pixels * outputPitch < 65536 &&
         (live.empty() ||
          (taps == 0 && outputs == int64_t(live.size()) && outputs % 2 == 0)) &&
         (!words || (pitch % 4 == 0 && (!exact || depth % 4 == 0))) &&
         // The masked last chunk must not lie in the loop.
         (!exact || depth % 16 == 0 || chunks() <= unrolledChunks) &&
         (!taps || (words && !exact && pitch % 16 == 0 && outputs % 2 == 0 &&
                    depth == taps * pitch && pixels + taps <= 7 &&
                    chunks() <= 2 * unrolledChunks)) &&
         plan().valid;
}

std::string DotTile::name() const {
  return fmt::format("adze_mve_dot_{}x2_k{}_s{}_o{}{}{}{}{}{}", pixels, depth,
                     pitch, live.empty() ? outputs : outputPitch,
                     !live.empty() || outputPitch == outputs
                         ? ""
                         : fmt::format("_p{}", outputPitch),
                     words ? "_w" : "", exact ? "_e" : "",
                     taps ? "_shared" : "",
                     live.empty() ? form.suffix() : "_live" + form.suffix());
}

/// Writes the function of a tile.
class DotTile::Emitter {
public:
  explicit Emitter(const DotTile &tile)
      : tile(tile), plan(tile.plan()), load(tile.words ? "vldrw" : "vldrb"),
        lanes(tile.resident() ? 4 : 0) {}

  AsmText run();

private:
  std::string sum(int64_t c, int64_t x) const {
    return evenRegisters[c * tile.pixels + x];
  }
  std::string address(int64_t item, int64_t offset) const;
  void loadItem(const std::string &q, int64_t item, int64_t offset,
                const std::string &address, bool last);
  void multiply(bool first, const std::string &sum, int64_t a, int64_t w) {
    text.op("vmladav{}.s8 {}, q{}, q{}", first ? "" : "a", sum, a, w);
  }
  void chunk(int64_t at, int64_t channels, bool first);
  void residentChunk(int64_t channels);
  void sharedColumns(int64_t at, int64_t channels);
  void requantize(int64_t channels);
  void block(int64_t channels);
  void prologue();

  const DotTile &tile;
  const Plan plan;
  const std::string load;
  const int64_t lanes; // the first vector register of results
  AsmText text;
};

std::string DotTile::Emitter::address(int64_t item, int64_t offset) const {
  for (const Plan::Pointer &p : plan.pointers)
    if (item >= p.first && item < p.last)
      return fmt::format("[{}, #{}]", p.name,
                         (item - p.origin) * tile.pitch - p.bias + offset);
  return "";
}

/// What is read behind a window belongs to the next one, except at the end.
void DotTile::Emitter::loadItem(const std::string &q, int64_t item,
                                int64_t offset, const std::string &address,
                                bool last) {
  bool masked = tile.exact && last &&
                item * tile.pitch + offset + 16 >
                    (tile.pixels - 1) * tile.pitch + tile.depth;
  const char *type = tile.words ? "u32" : "u8";
  if (masked)
    text.op("vpst");
  text.op("{}{}.{} {}, {}", load, masked ? "t" : "", type, q, address);
}

/// 16 bytes of each window, products and loads in turn.
void DotTile::Emitter::chunk(int64_t at, int64_t channels, bool first) {
  const int64_t pixels = tile.pixels;
  const bool last = at + 1 == tile.chunks();
  // With post-increment the pixel at the origin comes last for its pointer.
  std::vector<std::pair<int64_t, std::string>> order;
  for (const Plan::Pointer &p : plan.pointers) {
    for (int64_t x = p.first; x < p.last; ++x)
      if (!plan.post || x != p.origin)
        order.emplace_back(x, address(x, plan.post ? 0 : 16 * at));
    if (plan.post)
      order.emplace_back(p.origin, fmt::format("[{}], #16", p.name));
  }
  text.op("vldrw.u32 q2, [r3], #16");
  for (int64_t i = 0; i <= pixels; ++i) {
    if (i < pixels)
      loadItem(fmt::format("q{}", i % 2), order[size_t(i)].first, 16 * at,
               order[size_t(i)].second, last);
    if (i == 0 && channels == 2) {
      multiply(first, sum(0, order[0].first), 0, 2);
      text.op("vldrw.u32 q3, [r3], #16");
    }
    if (i > 0)
      for (int64_t c = i == 1 && channels == 2; c < channels; ++c)
        multiply(first, sum(c, order[size_t(i - 1)].first), (i - 1) % 2, 2 + c);
  }
}

/// Windows that stay in q0 to q3.
void DotTile::Emitter::residentChunk(int64_t channels) {
  for (int64_t c = 0; c < channels; ++c)
    text.op("vldrw.u32 q{}, [r3], #16", 4 + c);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t x = 0; x < tile.pixels; ++x)
      multiply(true, sum(c, x), x, 4 + c);
}

/// 16 bytes of all columns that the windows share: each is loaded once (q0 to
/// q5) and meets the filters' columns (q6, q7 in turn) at up to three pixels.
void DotTile::Emitter::sharedColumns(int64_t at, int64_t channels) {
  const int64_t pixels = tile.pixels;
  struct Load {
    bool weight;
    int64_t index;
  };
  std::vector<Load> loads = {{true, 0}};
  int64_t weights = tile.taps * channels, columns = pixels + tile.taps - 1;
  // Columns as they are needed, filters two ahead.
  for (int64_t w = 0, column = 0; w < weights; ++w) {
    for (; column < std::min(columns, pixels + w / channels); ++column)
      loads.push_back({false, column});
    if (w + 1 < weights)
      loads.push_back({true, w + 1});
  }
  size_t next = 0;
  auto emitLoad = [&]() {
    auto [weight, index] = loads[next++];
    if (weight)
      text.op("vldrw.u32 q{}, [r3], #16", 6 + index % 2);
    else
      loadItem(fmt::format("q{}", index), index, 16 * at,
               address(index, 16 * at), false);
  };
  // Loads so far: of filters, of columns.
  int64_t loaded[2] = {0, 0};
  auto emitNext = [&]() {
    ++loaded[loads[next].weight ? 0 : 1];
    emitLoad();
  };
  for (int64_t w = 0; w < weights; ++w)
    for (int64_t x = 0; x < pixels; ++x) {
      int64_t tap = w / channels, column = x + tap;
      while (loaded[0] <= w || loaded[1] <= column)
        emitNext();
      multiply(at == 0 && tap == 0, sum(w % channels, x), column, 6 + w % 2);
      // One load ahead where its register is free.
      if (next < loads.size() &&
          !(loads[next].weight && loads[next].index > w + 1))
        emitNext();
    }
}

void DotTile::Emitter::requantize(int64_t channels) {
  const RequantizationForm &form = tile.form;
  auto q = [&](int64_t c) { return fmt::format("q{}", lanes + c); };
  for (int64_t c = 0; c < channels; ++c) {
    auto lane = [&](int64_t x) { return sum(c, std::min(x, tile.pixels - 1)); };
    text.op("vmov {0}[2], {0}[0], {1}, {2}", q(c), lane(0), lane(2));
    text.op("vmov {0}[3], {0}[1], {1}, {2}", q(c), lane(1), lane(3));
  }
  if (tile.taps && form.line) // the constants had to make room
    text.op("vldrw.u32 q6, [sp, #32]");
  auto each = size_t(form.words());
  std::vector<std::string> all(plan.parameters);
  bool once = all.size() >= each * size_t(channels);
  all.resize(once ? each * size_t(channels) : each);
  for (int64_t c = 0; c < channels; ++c) {
    if (c == 0 || !once)
      text.op("ldm r3!, {{{}}}", fmt::join(all, ", "));
    auto begin = all.begin() + (once ? c * int64_t(each) : 0);
    form.emitScalar(text, q(c), {begin, begin + int64_t(each)});
  }
  if (plan.post)
    for (const Plan::Pointer &pointer : plan.pointers)
      addImmediate(text, pointer.name, -16 * tile.chunks());
  if (channels == 1)
    text.op("vmov {}, {}", q(1), q(0));
  form.emitNarrow(text, q(0), q(0), q(1));
  std::string zeroPoint = "q6";
  if (tile.taps) {
    text.op("vldrw.u32 q7, [sp, #16]");
    zeroPoint = plan.zeroPoint;
    if (zeroPoint.empty() && !form.line) {
      zeroPoint = "r0";
      text.op("ldr r0, [sp, #8]");
    }
    for (int64_t i = 0; i < (form.clamp ? 2 : 0); ++i)
      text.op("vldrw.u32 q{}, [sp, #{}]", 5 - i, 48 + 16 * i);
  }
  form.emitPack(text, q(0), zeroPoint);
  text.op("vstrb.16 {}, [r9, q7]", q(0));
}

void DotTile::Emitter::block(int64_t channels) {
  if (tile.taps) {
    for (int64_t i = 0; i < tile.pitch / 16; ++i)
      sharedColumns(i, channels);
  } else if (tile.resident()) {
    residentChunk(channels);
  } else {
    for (int64_t i = 0; i < plan.peeled; ++i)
      chunk(i, channels, i == 0);
  }
  if (plan.loops) {
    text.op("movs {}, #{}", plan.counter, plan.loops);
    int label = text.label();
    text.beginLoop(double(plan.loops));
    for (int64_t i = 0; i < loopChunks; ++i)
      chunk(0, channels, false);
    text.op("subs {0}, {0}, #1", plan.counter);
    text.op("bne.w {}b", label);
    text.endLoop();
  }
  requantize(channels);
}

// Stack: [0] weights, [4] tiles, [8] zero point, vectors from 16 on.
void DotTile::Emitter::prologue() {
  const RequantizationForm &form = tile.form;
  text.op("push {{r4-r12, lr}}");
  text.op("vpush {{d8-d15}}");
  if (plan.stack)
    text.op("sub sp, #{}", plan.stack);
  text.op("mov r9, r2");
  if (plan.tiles.empty())
    text.op("str r3, [sp, #4]");
  else
    text.op("mov {}, r3", plan.tiles);
  text.op("vldrw.u32 q7, [r1]");
  form.emitConstants(text, "r1", 16, "r4");
  if (tile.taps) {
    text.op("vstrw.32 q7, [sp, #16]");
    if (form.line) {
      text.op("vstrw.32 q6, [sp, #32]");
    } else if (plan.zeroPoint.empty()) {
      text.op("ldr r4, [r1, #16]");
      text.op("str r4, [sp, #8]");
    } else {
      text.op("ldr {}, [r1, #16]", plan.zeroPoint);
    }
    for (int64_t i = 0; i < (form.clamp ? 2 : 0); ++i)
      text.op("vstrw.32 q{}, [sp, #{}]", 5 - i, 48 + 16 * i);
  }
  addImmediate(text, "r1", tile.headerBytes());
  if (plan.weights.empty())
    text.op("str r1, [sp]");
  else
    text.op("mov {}, r1", plan.weights);
  if (tile.exact && tile.depth % 16) {
    text.op("movs r4, #{}", tile.depth % 16);
    text.op("vctp.8 r4");
  }
  for (const Plan::Pointer &pointer : plan.pointers) {
    text.op("mov {}, r0", pointer.name);
    addImmediate(text, pointer.name,
                 pointer.origin * tile.pitch + pointer.bias);
  }
}

AsmText DotTile::Emitter::run() {
  prologue();
  text.countTile(true);
  int tileLabel = text.label();
  if (plan.weights.empty())
    text.op("ldr r3, [sp]");
  else
    text.op("mov r3, {}", plan.weights);
  if (tile.resident())
    for (int64_t x = 0; x < tile.pixels; ++x)
      loadItem(fmt::format("q{}", x), x, 0, address(x, 0), true);
  if (int64_t pairs = tile.outputs / 2) {
    int label = 0;
    // Layers with other constant channels share the function.
    const bool counted = !tile.live.empty();
    if (pairs > 1 || counted) {
      const char *counter = plan.lowOverhead ? "lr" : "r11";
      if (counted)
        text.op("ldr {}, [r3, #-4]", counter);
      else
        text.op("mov {}, #{}", counter, pairs);
      if (plan.lowOverhead)
        text.op("dls lr, lr");
      label = text.label();
    }
    text.beginLoop(double(pairs));
    if (counted)
      text.op("vldrw.u32 q7, [r3], #16");
    block(2);
    if (!counted)
      text.op("adds.w r9, r9, #2");
    if ((pairs > 1 || counted) && plan.lowOverhead) {
      text.op("le lr, {}b", label);
    } else if (pairs > 1 || counted) {
      text.op("subs r11, r11, #1");
      text.op("bne.w {}b", label);
    }
    text.endLoop();
  }
  if (tile.outputs % 2) {
    text.op("vldrw.u32 q7, [r3], #16"); // one channel in both halves
    block(1);
    text.op("adds.w r9, r9, #1");
    std::string header = plan.weights;
    if (header.empty()) {
      header = "r3";
      text.op("ldr r3, [sp]");
    }
    text.op("vldrw.u32 q7, [{}, #-{}]", header, tile.headerBytes());
  }
  addImmediate(text, "r9",
               tile.pixels * tile.outputPitch -
                   (tile.live.empty() ? tile.outputs : 0));
  for (const Plan::Pointer &pointer : plan.pointers)
    addImmediate(text, pointer.name, tile.pixels * tile.pitch);
  std::string tiles = plan.tiles.empty() ? "r4" : plan.tiles;
  if (plan.tiles.empty())
    text.op("ldr r4, [sp, #4]");
  text.op("subs {0}, {0}, #1", tiles);
  if (plan.tiles.empty())
    text.op("str r4, [sp, #4]");
  text.op("bne.w {}b", tileLabel);

  text.countTile(false);
  if (plan.stack)
    text.op("add sp, #{}", plan.stack);
  text.op("vpop {{d8-d15}}");
  text.op("pop {{r4-r12, pc}}");
  return text;
}

AsmText DotTile::assembly() const { return Emitter(*this).run(); }

std::string DotTile::plain() const {
  if (!live.empty())
    return fmt::format(
        R"(  int32_t t, o, c, p, k, pairs;
  memcpy(&pairs, w + 28, 4);
  for (t = 0; t < tiles; ++t) {{
    const int8_t *v = w + {header};
    for (o = 0; o < pairs; ++o) {{
      const int8_t *offsets = v;
      const int8_t *words;
      v += 16;
      words = v + 2 * {padded};
      for (c = 0; c < 2; ++c) {{
        for (p = 0; p < {pixels}; ++p) {{
          uint16_t at;
          int32_t sum = 0;
          for (k = 0; k < {depth}; ++k) {{
            sum += a[p * {pitch} + k] * v[(k / 16 * 2 + c) * 16 + k % 16];
          }}
          memcpy(&at, offsets + 4 * p + 2 * c, 2);
          out[at] = {requantize}(sum, words + c * {words}, w + 16);
        }}
      }}
      v = words + 2 * {words};
    }}
    a += {pixels} * {pitch};
    out += {pixels} * {outputPitch};
  }}
)",
        fmt::arg("header", headerBytes()), fmt::arg("padded", 16 * chunks()),
        fmt::arg("pixels", pixels), fmt::arg("depth", depth),
        fmt::arg("pitch", pitch), fmt::arg("outputPitch", outputPitch),
        fmt::arg("requantize", form.plainName()),
        fmt::arg("words", 4 * form.words()));
  return fmt::format(
      R"(  int32_t t, o, c, p, k, channels;
  for (t = 0; t < tiles; ++t) {{
    const int8_t *v = w + {header};
    for (o = 0; o < {outputs}; o += 2) {{
      const int8_t *words;
      channels = o + 1 < {outputs} ? 2 : 1;
      v += channels == 1 ? 16 : 0;
      words = v + channels * {padded};
      for (c = 0; c < channels; ++c) {{
        for (p = 0; p < {pixels}; ++p) {{
          int32_t sum = 0;
          for (k = 0; k < {depth}; ++k) {{
            sum += a[p * {pitch} + k] * v[({chunk} * channels + c) * 16 + k % 16];
          }}
          out[p * {outputPitch} + o + c] = {requantize}(sum, words + c * {words}, w + 16);
        }}
      }}
      v = words + channels * {words};
    }}
    a += {pixels} * {pitch};
    out += {pixels} * {outputPitch};
  }}
)",
      fmt::arg("chunk",
               taps ? fmt::format("(k % {0} / 16 * {1} + k / {0})", pitch, taps)
                    : std::string("k / 16")),
      fmt::arg("header", headerBytes()), fmt::arg("outputs", outputs),
      fmt::arg("padded", 16 * chunks()), fmt::arg("pixels", pixels),
      fmt::arg("depth", depth), fmt::arg("pitch", pitch),
      fmt::arg("outputPitch", outputPitch),
      fmt::arg("requantize", form.plainName()),
      fmt::arg("words", 4 * form.words()));
}

void DotTile::addFunction(KernelCode &code) const {
  code.headers.insert("arm_mve.h");
  form.addPlainFunction(code);
  families::addFunction(
      code, name(),
      nakedFunction(fmt::format("Windows of {} bytes, {} pixels a tile, times "
                                "the filters of {} channels{}.",
                                depth, pixels, outputPitch,
                                live.empty() ? "" : " that are not constant"),
                    name(),
                    {"const int8_t *a", "const int8_t *w", "int8_t *out",
                     "int32_t tiles"},
                    assembly(), plain()));
}

int64_t DotTile::constantBytes() const {
  return headerBytes() + outputs * (16 * chunks() + 4 * form.words()) +
         outputs % 2 * 16 + (live.empty() ? 0 : outputs / 2 * 16);
}

std::vector<char>
DotTile::pack(const Requantization &r,
              const std::function<int64_t(int64_t)> &bias,
              const std::function<int8_t(int64_t, int64_t)> &weight) const {
  std::vector<char> bytes;
  // Where the lanes of two channels (or twice one) of the pixels go.
  auto offsets = [&](int64_t even, int64_t odd) {
    for (int64_t lane = 0; lane < 8; ++lane) {
      int64_t x = std::min(lane / 2, pixels - 1);
      auto offset = uint16_t(x * outputPitch + (lane % 2 ? odd : even));
      bytes.push_back(char(offset & 255));
      bytes.push_back(char(offset >> 8));
    }
  };
  auto channel = [&](int64_t o) { return live.empty() ? o : live[size_t(o)]; };
  offsets(0, 1);
  appendWords(bytes, form.header(r));
  appendWords(bytes, {int32_t(outputs / 2)});
  for (int64_t o = 0; o < outputs; o += 2) {
    int64_t channels = std::min<int64_t>(2, outputs - o);
    if (channels == 1)
      offsets(0, 0);
    if (!live.empty())
      offsets(channel(o), channel(o + 1));
    for (int64_t i = 0; i < chunks(); ++i) {
      int64_t at = taps ? i % taps * pitch + i / taps * 16 : 16 * i;
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = at; k < at + 16; ++k)
          bytes.push_back(k < depth ? char(weight(channel(o + c), k))
                                    : char(0));
    }
    for (int64_t c = 0; c < channels; ++c)
      appendWords(bytes, form.channel(r, bias(channel(o + c)), channel(o + c)));
  }
  return bytes;
}

} // namespace adze::families::helium
