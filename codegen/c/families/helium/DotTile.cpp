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
  std::string counter;                 // of the loop over chunks
  std::string weights, tiles;          // empty: on the stack
  bool lowOverhead = false;            // channels are counted by LE
  std::vector<std::string> parameters; // registers free for LDM
};

DotTile::Plan DotTile::plan() const {
  Plan plan;
  int64_t n = chunks(), reach = words ? 508 : 127;
  plan.peeled = n;
  if (n > unrolledChunks) {
    plan.loops = (n - 1) / loopChunks;
    plan.peeled = n - plan.loops * loopChunks;
  }
  std::vector<std::string> pool = {"r5", "r7"};
  int64_t sums = 2 * pixels;
  // LE reaches 4 KB backwards.
  plan.lowOverhead = sums < 8 && n <= unrolledChunks;
  if (plan.lowOverhead)
    pool.push_back("r11");
  if (sums < 7)
    pool.push_back("r12");

  // The fewest pointers; offsets known beforehand need no update at all.
  for (int64_t count = 1; count <= 3 && !plan.valid; ++count)
    for (bool post : {false, true}) {
      if (!post && plan.loops)
        continue;
      std::vector<Plan::Pointer> pointers;
      bool reached = true;
      for (int64_t i = 0; i < count; ++i) {
        Plan::Pointer p;
        p.first = pixels * i / count;
        p.last = pixels * (i + 1) / count;
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
  plan.weights = take();
  plan.tiles = take();
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
         (pixels - 1) * outputPitch + 1 < 65536 &&
         (!words || (pitch % 4 == 0 && (!exact || depth % 4 == 0))) &&
         // The masked last chunk must not lie in the loop.
         (!exact || depth % 16 == 0 || chunks() <= unrolledChunks) &&
         plan().valid;
}

std::string DotTile::name() const {
  return fmt::format(
      "adze_mve_dot_{}x2_k{}_s{}_o{}{}{}{}{}", pixels, depth, pitch, outputs,
      outputPitch == outputs ? "" : fmt::format("_p{}", outputPitch),
      words ? "_w" : "", exact ? "_e" : "", form.suffix());
}

AsmText DotTile::assembly() const {
  Plan p = plan();
  AsmText text;
  const int64_t n = chunks();
  const std::string load = words ? "vldrw.u32" : "vldrb.u8";
  const std::string loadMasked = words ? "vldrwt.u32" : "vldrbt.u8";
  auto sum = [&](int64_t c, int64_t x) {
    return std::string(evenRegisters[c * pixels + x]);
  };

  // Loads and products of one chunk, alternating: w0 a0 | w1 | a1 | ...
  auto chunk = [&](int64_t at, int64_t channels, bool first, bool last) {
    struct Step {
      std::string load;
      bool masked;
    };
    std::vector<std::string> products;
    std::vector<Step> loads;
    auto loadPixel = [&](int64_t x) {
      const Plan::Pointer *q = nullptr;
      for (const Plan::Pointer &pointer : p.pointers)
        if (x >= pointer.first && x < pointer.last)
          q = &pointer;
      int64_t offset = (x - q->origin) * pitch - q->bias;
      bool masked =
          exact && last && x * pitch + 16 * n > (pixels - 1) * pitch + depth;
      std::string address;
      if (!p.post)
        address = fmt::format("[{}, #{}]", q->name, offset + 16 * at);
      else
        address = fmt::format("[{}, #{}]", q->name, offset);
      return Step{
          fmt::format("{} q{}, {}", masked ? loadMasked : load, x % 2, address),
          masked};
    };
    // With post-increment the pixel at the origin comes last for its pointer.
    std::vector<int64_t> order;
    for (const Plan::Pointer &pointer : p.pointers) {
      for (int64_t x = pointer.first; x < pointer.last; ++x)
        if (!p.post || x != pointer.origin)
          order.push_back(x);
      if (p.post)
        order.push_back(pointer.origin);
    }
    for (size_t i = 0; i < order.size(); ++i) {
      Step step = loadPixel(order[i]);
      // Registers alternate by position, not by pixel.
      size_t q = step.load.find(" q");
      step.load[q + 2] = char('0' + i % 2);
      if (p.post)
        for (const Plan::Pointer &pointer : p.pointers)
          if (pointer.origin == order[i])
            step.load = fmt::format("{} q{}, [{}], #16",
                                    step.masked ? loadMasked : load, i % 2,
                                    pointer.name);
      loads.push_back(step);
      for (int64_t c = 0; c < channels; ++c)
        products.push_back(first ? fmt::format("vmladav.s8 {}, q{}, q{}",
                                               sum(c, order[i]), i % 2, 2 + c)
                                 : fmt::format("vmladava.s8 {}, q{}, q{}",
                                               sum(c, order[i]), i % 2, 2 + c));
    }
    auto emitLoad = [&](const Step &step) {
      if (step.masked)
        text.op("vpst");
      text.op("{}", step.load);
    };
    size_t done = 0;
    text.op("vldrw.u32 q2, [r3], #16");
    emitLoad(loads[0]);
    if (channels == 2) {
      text.op("{}", products[done++]);
      text.op("vldrw.u32 q3, [r3], #16");
    }
    for (size_t i = 1; i < loads.size(); ++i) {
      text.op("{}", products[done++]);
      emitLoad(loads[i]);
      // The register that the next load overwrites must be used up.
      while (done < i * size_t(channels))
        text.op("{}", products[done++]);
    }
    while (done < products.size())
      text.op("{}", products[done++]);
  };

  auto block = [&](int64_t channels) {
    for (int64_t i = 0; i < p.peeled; ++i)
      chunk(i, channels, i == 0, i + 1 == n);
    if (p.loops) {
      text.op("movs {}, #{}", p.counter, p.loops);
      int label = text.label();
      text.beginLoop(double(p.loops));
      for (int64_t i = 0; i < loopChunks; ++i)
        chunk(p.peeled + i, channels, false, false);
      text.op("subs {0}, {0}, #1", p.counter);
      text.op("bne.w {}b", label);
      text.endLoop();
    }
    for (int64_t c = 0; c < channels; ++c) {
      auto lane = [&](int64_t x) { return sum(c, std::min(x, pixels - 1)); };
      text.op("vmov q{0}[2], q{0}[0], {1}, {2}", c, lane(0), lane(2));
      text.op("vmov q{0}[3], q{0}[1], {1}, {2}", c, lane(1), lane(3));
    }
    auto each = size_t(form.words());
    std::vector<std::string> all(p.parameters);
    if (all.size() >= each * size_t(channels)) {
      all.resize(each * size_t(channels));
      text.op("ldm r3!, {{{}}}", fmt::join(all, ", "));
      for (int64_t c = 0; c < channels; ++c)
        form.emitScalar(text, fmt::format("q{}", c),
                        {all.begin() + c * int64_t(each),
                         all.begin() + (c + 1) * int64_t(each)});
    } else {
      all.resize(each);
      for (int64_t c = 0; c < channels; ++c) {
        text.op("ldm r3!, {{{}}}", fmt::join(all, ", "));
        form.emitScalar(text, fmt::format("q{}", c), all);
      }
    }
    if (p.post)
      for (const Plan::Pointer &pointer : p.pointers)
        addImmediate(text, pointer.name, -16 * n);
    text.op("vqmovnb.s32 q2, q0");
    text.op("vqmovnt.s32 q2, q{}", channels - 1);
    form.emitPack(text, "q2");
    text.op("vstrb.16 q2, [r9, q7]");
  };

  text.op("push {{r4-r12, lr}}");
  text.op("vpush {{d8-d15}}");
  if (p.weights.empty() || p.tiles.empty())
    text.op("sub sp, #8");
  text.op("mov r9, r2");
  std::string tiles = p.tiles.empty() ? "r4" : p.tiles;
  text.op("mov {}, r3", tiles);
  if (p.tiles.empty())
    text.op("str {}, [sp, #4]", tiles);
  if (p.weights.empty()) {
    text.op("addw r3, r1, #{}", headerBytes());
    text.op("str r3, [sp]");
  } else {
    text.op("addw {}, r1, #{}", p.weights, headerBytes());
  }
  text.op("vldrw.u32 q7, [r1]");
  form.emitConstants(text, "r1", 16, "r4");
  if (exact && depth % 16) {
    text.op("movs r4, #{}", depth % 16);
    text.op("vctp.8 r4");
  }
  for (size_t i = p.pointers.size(); i-- > 0;) {
    const Plan::Pointer &pointer = p.pointers[i];
    text.op("mov {}, r0", pointer.name);
    addImmediate(text, pointer.name, pointer.origin * pitch + pointer.bias);
  }

  text.countTile(true);
  int tileLabel = text.label();
  if (p.weights.empty())
    text.op("ldr r3, [sp]");
  else
    text.op("mov r3, {}", p.weights);
  int64_t pairs = outputs / 2;
  if (pairs > 0) {
    int label = 0;
    if (pairs > 1) {
      if (p.lowOverhead) {
        text.op("mov lr, #{}", pairs);
        text.op("dls lr, lr");
      } else {
        text.op("mov r11, #{}", pairs);
      }
      label = text.label();
    }
    text.beginLoop(double(pairs));
    block(2);
    text.op("adds.w r9, r9, #2");
    if (pairs > 1) {
      if (p.lowOverhead) {
        text.op("le lr, {}b", label);
      } else {
        text.op("subs r11, r11, #1");
        text.op("bne.w {}b", label);
      }
    }
    text.endLoop();
  }
  if (outputs % 2) {
    text.op("vldrw.u32 q7, [r3], #16"); // one channel in both halves
    block(1);
    text.op("adds.w r9, r9, #1");
    if (p.weights.empty()) {
      text.op("ldr r3, [sp]");
      text.op("vldrw.u32 q7, [r3, #-{}]", headerBytes());
    } else {
      text.op("vldrw.u32 q7, [{}, #-{}]", p.weights, headerBytes());
    }
  }
  addImmediate(text, "r9", pixels * outputPitch - outputs);
  for (const Plan::Pointer &pointer : p.pointers)
    addImmediate(text, pointer.name, pixels * pitch);
  if (p.tiles.empty()) {
    text.op("ldr r4, [sp, #4]");
    text.op("subs r4, r4, #1");
    text.op("str r4, [sp, #4]");
  } else {
    text.op("subs {0}, {0}, #1", p.tiles);
  }
  text.op("bne.w {}b", tileLabel);

  text.countTile(false);
  if (p.weights.empty() || p.tiles.empty())
    text.op("add sp, #8");
  text.op("vpop {{d8-d15}}");
  text.op("pop {{r4-r12, pc}}");
  return text;
}

std::string DotTile::plain() const {
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
            sum += a[p * {pitch} + k] * v[(k / 16 * channels + c) * 16 + k % 16];
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
                                "{} filters.",
                                depth, pixels, outputs),
                    name(),
                    {"const int8_t *a", "const int8_t *w", "int8_t *out",
                     "int32_t tiles"},
                    assembly(), plain()));
}

int64_t DotTile::constantBytes() const {
  return headerBytes() + outputs * (16 * chunks() + 4 * form.words()) +
         outputs % 2 * 16;
}

std::vector<char>
DotTile::pack(const Requantization &r,
              const std::function<int64_t(int64_t)> &bias,
              const std::function<int8_t(int64_t, int64_t)> &weight) const {
  std::vector<char> bytes;
  // Where the lanes of two channels (or twice one) of the pixels go.
  auto offsets = [&](int64_t step) {
    for (int64_t lane = 0; lane < 8; ++lane) {
      int64_t x = std::min(lane / 2, pixels - 1);
      auto offset = uint16_t(x * outputPitch + lane % 2 * step);
      bytes.push_back(char(offset & 255));
      bytes.push_back(char(offset >> 8));
    }
  };
  offsets(1);
  appendWords(bytes, {r.zeroPoint, r.low, r.high, 0});
  for (int64_t o = 0; o < outputs; o += 2) {
    int64_t channels = std::min<int64_t>(2, outputs - o);
    if (channels == 1)
      offsets(0);
    for (int64_t at = 0; at < 16 * chunks(); at += 16)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = at; k < at + 16; ++k)
          bytes.push_back(k < depth ? char(weight(o + c, k)) : char(0));
    for (int64_t c = 0; c < channels; ++c)
      appendWords(bytes, form.channel(r, bias(o + c), o + c));
  }
  return bytes;
}

} // namespace adze::families::helium
