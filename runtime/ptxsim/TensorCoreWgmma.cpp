//===- TensorCoreWgmma.cpp - wgmma (sm_90a) -------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.15. Each warp of the warpgroup computes its own 16 rows when it
// comes to the instruction; the four need not meet for that. What is
// asynchronous about it is kept as bookkeeping: until the warp's wgmma.
// wait_group the chunks of shared memory are being read and the registers are
// owned by the instruction.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/TensorCore.h"

#include <charconv>

namespace adze::ptxsim {

namespace {
struct WgmmaOperands {
  unsigned n = 0, k = 0;
  Type a = Type::None, b = Type::None, d = Type::None;
  bool aFromRegisters = false, saturate = false;
  bool mnMajorA = false, mnMajorB = false, negateA = false, negateB = false;
  std::vector<Slot> dSlots, aSlots;
  Slot aDescriptor = noSlot, bDescriptor = noSlot;
  Decoder::PredicateSource scaleD;
  bool truncates = false;
};
/// Bytes of k that one instruction takes, of every type.
constexpr unsigned bytesOfK = 32;
} // namespace

//===----------------------------------------------------------------------===//
// Operands from shared memory
//===----------------------------------------------------------------------===//

namespace {
/// One operand of one instruction: rows (m or n) [first, first + count).
struct SharedOperand {
  const char *name; ///< "operand A"
  MatrixDescriptor descriptor;
  unsigned first, count, bytes;
  bool mnMajor;
  Type type;
};
} // namespace

static uint64_t uniform(const Warp &warp, const Instruction &instruction,
                        Slot slot, const char *name) {
  const uint64_t *values = warp.lanes<uint64_t>(slot);
  for (unsigned lane = 1; lane < lanesPerWarp; ++lane)
    if (values[lane] != values[0])
      fail(warp, instruction, int(lane), HazardKind::IllegalInstruction,
           std::string("the descriptor of ") + name +
               " is not the same in all threads of the warpgroup");
  return values[0];
}

/// What hardware does not say: a tile that does not begin where its swizzle
/// pattern does, or whose groups of 8 rows overlap, gives wrong numbers.
static void checkDescriptor(const Warp &warp, const Instruction &instruction,
                            const SharedOperand &operand) {
  const MatrixDescriptor &d = operand.descriptor;
  std::string of = std::string("the descriptor of ") + operand.name;
  if (d.swizzle == Swizzle::none)
    return;
  unsigned span = swizzleSpan(d.swizzle), period = swizzlePeriod(d.swizzle);
  if ((d.start - 128 * d.base) % period >= span)
    fail(warp, instruction, -1, HazardKind::Misaligned,
         of + " starts at shared byte " + std::to_string(d.start) +
             " (base offset " + std::to_string(d.base) +
             "), which is not in the first row of the " + std::to_string(span) +
             "-byte swizzle pattern, which repeats every " +
             std::to_string(period) + " bytes; align the tile to that");
  unsigned rows = operand.name[8] == 'A' ? 64 : operand.count;
  uint32_t extent =
      operand.mnMajor ? std::min(span, rows * operand.bytes) : bytesOfK;
  if (d.start % span + extent > span)
    fail(warp, instruction, -1, HazardKind::Misaligned,
         of + " starts " + std::to_string(d.start % span) + " bytes into the " +
             std::to_string(span) +
             "-byte row of the swizzle pattern, so that "
             "the " +
             std::to_string(extent) +
             " bytes of the instruction run over its end into the next row");
  unsigned perRow = operand.mnMajor ? span / operand.bytes : 8;
  uint32_t step = operand.mnMajor ? d.leading : d.stride;
  if (rows > perRow && step < period)
    fail(warp, instruction, -1, HazardKind::IllegalInstruction,
         of + " has a " + (operand.mnMajor ? "leading" : "stride") +
             " byte offset of " + std::to_string(step) + ", less than the " +
             std::to_string(period) +
             " bytes of an atom of its swizzle mode: atoms overlap");
}

static std::string modeName(Swizzle swizzle) {
  if (swizzle == Swizzle::none)
    return "none";
  return std::to_string(swizzleSpan(swizzle)) + " bytes";
}

/// Reads an operand as floats or integers: element (row, k) to
/// out[row * rowStride + k * kStride], row counted from operand.first.
template <typename T>
static void readOperand(Warp &warp, const Instruction &instruction,
                        const SharedOperand &operand, T *out,
                        unsigned rowStride, unsigned kStride,
                        std::vector<uint16_t> &chunks) {
  Block &block = *warp.block;
  unsigned perChunk = 16 / operand.bytes;
  unsigned depth = bytesOfK / operand.bytes;
  unsigned rowStep = operand.mnMajor ? perChunk : 1;
  unsigned kStep = operand.mnMajor ? 1 : perChunk;
  const Shadow *shadow =
      asyncOf(block).checked ? &asyncOf(block).shadow : nullptr;
  const Shadow::Word *firstWord = nullptr;
  T values[16];
  for (unsigned row = 0; row < operand.count; row += rowStep)
    for (unsigned k = 0; k < depth; k += kStep) {
      uint32_t at = operand.descriptor.chunkAddress(
          operand.first + row, k, operand.bytes, operand.mnMajor);
      if (at + 16 > block.sharedBytes)
        fail(warp, instruction, -1, HazardKind::IllegalAddress,
             std::string("the descriptor of ") + operand.name +
                 " leads to shared byte " + std::to_string(at) + " for row " +
                 std::to_string(operand.first + row) + ", k " +
                 std::to_string(k) + ", but the block has " +
                 std::to_string(block.sharedBytes) + " bytes");
      Place place{Space::Shared, block.shared + at, &block, at};
      checkWritten(warp, instruction, -1, place, 16);
      checkAsyncRead(warp, instruction, -1, block, at, 16, operand.name);
      chunks.push_back(uint16_t(at / 16));
      if (shadow) {
        const Shadow::Word &word = shadow->words[at / 4];
        Swizzle written = Swizzle(word.flags >> Shadow::swizzleShift);
        if ((word.flags & Shadow::tensor) &&
            written != operand.descriptor.swizzle)
          fail(warp, instruction, -1, HazardKind::IllegalInstruction,
               std::string("the descriptor of ") + operand.name +
                   " has swizzle mode " + modeName(operand.descriptor.swizzle) +
                   ", but its bytes at shared byte " + std::to_string(at) +
                   " were copied with " + modeName(written) + " by " +
                   describe(programOf(warp), word.writeSite));
        if (!firstWord)
          firstWord = &word;
        else if ((word.flags & firstWord->flags & Shadow::asyncProxy) &&
                 (word.writer != firstWord->writer ||
                  word.writeTime != firstWord->writeTime))
          fail(warp, instruction, -1, HazardKind::Race,
               std::string(operand.name) +
                   " mixes bytes of different pipeline stages: shared byte " +
                   std::to_string(at) + " was copied by " +
                   describe(programOf(warp), word.writeSite) +
                   " in another phase or for another mbarrier than the "
                   "tile's first byte; the descriptor's address or offsets "
                   "are wrong, or a stage is missing");
      }
      decodeMatrix(operand.type, place.host, perChunk, values);
      for (unsigned i = 0; i < perChunk; ++i)
        if (operand.mnMajor)
          out[(row + i) * rowStride + k * kStride] = values[i];
        else
          out[row * rowStride + (k + i) * kStride] = values[i];
    }
}

//===----------------------------------------------------------------------===//
// wgmma.mma_async
//===----------------------------------------------------------------------===//

static void checkFence(const Warp &warp, const Instruction &instruction,
                       const std::vector<Slot> &slots, const char *what) {
  const RegisterWatch &watch = asyncOf(warp).registers;
  for (Slot slot : slots) {
    if (slot & constantSlot)
      continue;
    size_t cell = RegisterWatch::cell(slot);
    if (watch.fences == 0 || watch.written[cell] == watch.fences + 1) {
      std::string writer;
      if (watch.written[cell])
        writer =
            " (" + describe(programOf(warp), watch.writtenSite[cell]) + ")";
      fail(warp, instruction, -1, HazardKind::AsyncProxy,
           std::string("its ") + what + " have been written" + writer +
               " with no wgmma.fence.sync.aligned since; put one before the "
               "first wgmma.mma_async that uses them");
    }
  }
}

/// The four warps have to execute the same instructions with the same
/// descriptors.
static std::shared_ptr<WgmmaIssue> joinWarpgroup(Warp &warp,
                                                 const Instruction &instruction,
                                                 uint64_t a, uint64_t b) {
  unsigned group = warp.index / 4;
  if (group * 4 + 4 > warp.block->warps.size())
    fail(warp, instruction, -1, HazardKind::Divergence,
         "wgmma needs a warpgroup of four warps; the block has " +
             std::to_string(warp.block->warps.size()) + " warps");
  auto &issues = asyncOf(*warp.block).wgmmaIssues;
  uint32_t sequence = ++asyncOf(warp).wgmmaCount;
  std::shared_ptr<WgmmaIssue> &entry = issues[{group, sequence}];
  if (!entry)
    entry = std::make_shared<WgmmaIssue>(
        WgmmaIssue{a, b, instruction.index, warp.index, sequence, 0, {}});
  std::shared_ptr<WgmmaIssue> issue = entry;
  if (issue->site != instruction.index || issue->a != a || issue->b != b)
    fail(warp, instruction, -1, HazardKind::Divergence,
         "the warps of a warpgroup execute different wgmma: warp " +
             std::to_string(issue->warp) + " executed " +
             describe(programOf(warp), issue->site) +
             (issue->site == instruction.index ? " with other descriptors"
                                               : " in its place"));
  if (++issue->warps == 4)
    issues.erase({group, sequence});
  return issue;
}

template <typename T>
static void compute(Warp &warp, const Instruction &instruction,
                    const WgmmaOperands &o, WgmmaIssue &issue,
                    std::vector<T> &a, std::vector<T> &b, uint64_t aBits,
                    uint64_t bBits) {
  unsigned rows = 16 * (warp.index % 4);
  unsigned bytes = matrixBits(o.a) / 8;
  std::vector<uint16_t> chunks;
  a.resize(16 * o.k);
  b.resize(o.k * o.n);
  if (o.aFromRegisters) {
    unsigned e = 4 / bytes;
    T values[lanesPerWarp * 4];
    for (unsigned reg = 0; reg < o.aSlots.size(); ++reg) {
      decodeMatrix(o.a, warp.lanes<char>(o.aSlots[reg]), lanesPerWarp * e,
                   values);
      for (unsigned lane = 0; lane < lanesPerWarp; ++lane)
        for (unsigned i = 0; i < e; ++i) {
          Element at = fragmentA(lane, reg, i, 8 * bytes);
          a[at.row * o.k + at.column] = values[lane * e + i];
        }
    }
  } else {
    SharedOperand operand{"operand A", MatrixDescriptor::decode(aBits),
                          rows,        16,
                          bytes,       o.mnMajorA,
                          o.a};
    checkDescriptor(warp, instruction, operand);
    readOperand(warp, instruction, operand, a.data(), o.k, 1, chunks);
  }
  SharedOperand operand{
      "operand B", MatrixDescriptor::decode(bBits), 0, o.n, bytes, o.mnMajorB,
      o.b};
  checkDescriptor(warp, instruction, operand);
  readOperand(warp, instruction, operand, b.data(), 1, o.n, chunks);
  for (uint16_t chunk : chunks)
    groupReadBegins(warp, instruction, chunk, issue.sequence);
  // All four read B; it is kept once.
  size_t kept = issue.warps == 1 ? chunks.size() : o.aFromRegisters ? 0 : 32;
  issue.chunks.insert(issue.chunks.end(), chunks.begin(),
                      chunks.begin() + long(kept));
  if (o.negateA != o.negateB)
    for (T &value : a)
      value = -value;
}

/// Copies the warp's accumulators to (`out`) or from 16 rows of n values.
template <typename T>
static void accumulators(const Warp &warp, const WgmmaOperands &o, T *d,
                         bool write) {
  for (unsigned value = 0; value < o.n / 2; ++value) {
    if (o.d == Type::F16) {
      uint16_t *halves = warp.lanes<uint16_t>(o.dSlots[value / 2]);
      for (unsigned lane = 0; lane < lanesPerWarp; ++lane) {
        Element at = fragmentD(lane, value);
        uint16_t &half = halves[2 * lane + (value & 1)];
        T &place = d[at.row * o.n + at.column];
        if (write)
          half = floatToHalf(float(place));
        else
          place = T(halfToFloat(half));
      }
      continue;
    }
    T *lanes = warp.lanes<T>(o.dSlots[value]);
    for (unsigned lane = 0; lane < lanesPerWarp; ++lane) {
      Element at = fragmentD(lane, value);
      T &place = d[at.row * o.n + at.column];
      if (write)
        lanes[lane] = place;
      else
        place = lanes[lane];
    }
  }
}

static Step multiply(Warp &warp, const Instruction &instruction,
                     uint32_t mask) {
  const auto &o = *static_cast<const WgmmaOperands *>(instruction.detail);
  if (absent(warp, mask, ~0u)) {
    warp.waiting = "the other lanes of the warp at wgmma.mma_async to join";
    return Step::Blocked;
  }
  requireAllLanes(warp, instruction, mask);
  uint32_t scale = ~0u;
  if (o.scaleD.slot != noSlot)
    scale = warp.predicate(o.scaleD.slot) ^ (o.scaleD.negated ? ~0u : 0u);
  if ((scale & mask) != 0 && (scale & mask) != mask)
    fail(warp, instruction, -1, HazardKind::IllegalInstruction,
         "scale-d is not the same in all threads of the warp");
  uint64_t aBits = 0;
  if (!o.aFromRegisters)
    aBits = uniform(warp, instruction, o.aDescriptor, "A");
  uint64_t bBits = uniform(warp, instruction, o.bDescriptor, "B");
  std::shared_ptr<WgmmaIssue> issue =
      joinWarpgroup(warp, instruction, aBits, bBits);
  checkFence(warp, instruction, o.dSlots, "accumulator registers");
  checkFence(warp, instruction, o.aSlots, "A registers");

  WarpAsync &async = asyncOf(warp);
  if (o.d == Type::S32) {
    thread_local std::vector<int> a, b, d;
    d.assign(16 * o.n, 0);
    if (scale & mask)
      accumulators(warp, o, d.data(), false);
    compute(warp, instruction, o, *issue, a, b, aBits, bBits);
    multiplyAccumulate(d.data(), a.data(), b.data(), 16, o.n, o.k, o.saturate);
    accumulators(warp, o, d.data(), true);
  } else {
    thread_local std::vector<float> a, b, d;
    d.assign(16 * o.n, 0);
    if (scale & mask)
      accumulators(warp, o, d.data(), false);
    compute(warp, instruction, o, *issue, a, b, aBits, bBits);
    Truncation truncation;
    if (o.truncates)
      truncation = truncationOf(launchOf(warp).chip, o.a);
    multiplyAccumulate(d.data(), a.data(), b.data(), 16, o.n, o.k, truncation);
    accumulators(warp, o, d.data(), true);
  }
  KernelCounts &counts = asyncOf(*warp.block->cluster).counts;
  ++counts.wgmmaQuarters;
  uint64_t macs = 16 * uint64_t(o.n) * o.k;
  unsigned bits = matrixBits(o.a);
  (bits == 8    ? counts.macs8
   : bits == 16 ? counts.macs16
                : counts.macs32) += macs;
  // B is read once for the warpgroup.
  counts.wgmmaSharedBytes +=
      (o.aFromRegisters ? 0 : 16 * bytesOfK) + o.n * bytesOfK / 4;
  auto own = [&](std::vector<uint8_t> &owners, Slot slot) {
    ++owners[RegisterWatch::cell(slot)];
    async.registers.usedSite[RegisterWatch::cell(slot)] = instruction.index;
  };
  for (Slot slot : o.dSlots)
    own(async.registers.accumulators, slot);
  for (Slot slot : o.aSlots)
    if (!(slot & constantSlot))
      own(async.registers.sources, slot);
  ++async.registers.underWay;
  async.wgmmaOpen.push_back({std::move(issue), o.dSlots, o.aSlots});
  return Step::Next;
}

static Step fence(Warp &warp, const Instruction &, uint32_t) {
  ++asyncOf(warp).registers.fences;
  return Step::Next;
}

static Step commit(Warp &warp, const Instruction &, uint32_t) {
  WarpAsync &async = asyncOf(warp);
  async.wgmmaGroups.push_back(std::move(async.wgmmaOpen));
  async.wgmmaOpen.clear();
  return Step::Next;
}

static Step waitGroup(Warp &warp, const Instruction &instruction, uint32_t) {
  WarpAsync &async = asyncOf(warp);
  for (size_t i = 0; i + instruction.target < async.wgmmaGroups.size(); ++i)
    for (const WgmmaUnderWay &underWay : async.wgmmaGroups[i])
      if (underWay.issue->warps < 4) {
        warp.waiting = "the other warps of the warpgroup at wgmma.mma_async";
        return Step::Blocked;
      }
  while (async.wgmmaGroups.size() > instruction.target) {
    for (const WgmmaUnderWay &done : async.wgmmaGroups.front()) {
      for (uint16_t chunk : done.issue->chunks)
        groupReadEnds(warp, chunk, done.issue->sequence);
      for (Slot slot : done.accumulators)
        --async.registers.accumulators[RegisterWatch::cell(slot)];
      for (Slot slot : done.sources)
        if (!(slot & constantSlot))
          --async.registers.sources[RegisterWatch::cell(slot)];
      --async.registers.underWay;
    }
    async.wgmmaGroups.pop_front();
  }
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// setmaxnreg
//===----------------------------------------------------------------------===//

static Step setMaximum(Warp &warp, const Instruction &instruction,
                       uint32_t mask) {
  if (absent(warp, mask, ~0u)) {
    warp.waiting = "the other lanes of the warp at setmaxnreg to join";
    return Step::Blocked;
  }
  uint32_t wanted = instruction.target;
  bool more = instruction.flags[0];
  WarpAsync &async = asyncOf(warp);
  BlockAsync &block = asyncOf(*warp.block);
  uint32_t now = async.registerCount;
  // How many ptxas gave the kernel is not in the text: `now` may be too high.
  if (!more && wanted > now)
    fail(warp, instruction, -1, HazardKind::IllegalInstruction,
         "setmaxnreg.dec to " + std::to_string(wanted) +
             " registers, but a warp of the block has " + std::to_string(now) +
             " at most (65536 over the block's threads)");
  if (wanted > now) {
    uint32_t need = (wanted - now) * lanesPerWarp;
    if (need > block.registerPool) {
      warp.waiting = "registers for setmaxnreg.inc: " + std::to_string(need) +
                     " wanted, " + std::to_string(block.registerPool) + " free";
      return Step::Blocked;
    }
    block.registerPool -= need;
  } else {
    block.registerPool += (now - wanted) * lanesPerWarp;
    ++warp.block->cluster->progress;
  }
  async.registerCount = wanted;
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

static unsigned numberAfter(std::string_view text, char letter) {
  size_t at = text.find(letter);
  unsigned number = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + 1, text.data() + text.size(), number);
  return number;
}

static bool immediateIsMinusOne(Decoder &decoder, size_t index) {
  int64_t value = decoder.integer(index);
  if (value != 1 && value != -1)
    decoder.error("imm-scale-a and imm-scale-b have to be 1 or -1");
  return value == -1;
}

static void decodeMultiply(Decoder &decoder) {
  WgmmaOperands &o = decoder.detail<WgmmaOperands>();
  if (decoder.has("sp"))
    decoder.error("sparse wgmma is not supported");
  o.saturate = decoder.take("satfinite");
  std::string shape = decoder.takeAny();
  o.n = numberAfter(shape, 'n');
  o.k = numberAfter(shape, 'k');
  o.d = decoder.takeType();
  o.a = decoder.takeType();
  o.b = decoder.takeType();
  unsigned bits = matrixBits(o.a);
  bool integer = o.a == Type::S8 || o.a == Type::U8;
  if (shape.substr(0, 4) != "m64n" || o.n == 0 || o.n % 8 || o.n > 256 ||
      bits == 0 || bits != matrixBits(o.b) || o.k * bits != 8 * bytesOfK ||
      integer != (o.d == Type::S32) ||
      (!integer && o.d != Type::F32 && o.d != Type::F16))
    decoder.error("wgmma.mma_async has no such combination of shape and "
                  "types: " +
                  shape);
  if (integer && o.n % 16 && o.n != 8 && o.n != 24)
    decoder.error("wgmma of 8-bit integers has n of 8, 24 or multiples of 16");
  decoder.expectOperands(4, 8);
  const Operand &d = decoder.operand(0);
  size_t registers = o.d == Type::F16 ? o.n / 4 : o.n / 2;
  if (d.elements.size() != registers)
    decoder.error("wgmma.mma_async has " + std::to_string(d.elements.size()) +
                  " accumulator registers instead of " +
                  std::to_string(registers));
  for (const Operand &element : d.elements)
    o.dSlots.push_back(
        decoder.destination(element, o.d == Type::F32 ? Type::F32 : Type::B32));
  const Operand &a = decoder.operand(1);
  o.aFromRegisters = a.kind == Operand::Vector;
  if (o.aFromRegisters) {
    if (a.elements.size() != 4)
      decoder.error("operand A of wgmma.mma_async has " +
                    std::to_string(a.elements.size()) +
                    " registers instead of 4");
    for (const Operand &element : a.elements)
      o.aSlots.push_back(decoder.source(element, Type::B32));
  } else {
    o.aDescriptor = decoder.source(1, Type::B64);
  }
  o.bDescriptor = decoder.source(2, Type::B64);
  o.scaleD = decoder.predicate(decoder.operand(3));
  size_t next = 4, count = decoder.operandCount();
  if (!integer) {
    if (count < 6)
      decoder.error("wgmma.mma_async needs imm-scale-a and imm-scale-b");
    o.negateA = immediateIsMinusOne(decoder, next++);
    o.negateB = immediateIsMinusOne(decoder, next++);
  }
  if (bits == 16) {
    if (!o.aFromRegisters && count > next)
      o.mnMajorA = decoder.integer(next++) != 0;
    if (count > next)
      o.mnMajorB = decoder.integer(next++) != 0;
  }
  if (next != count)
    decoder.error("wgmma.mma_async has too many operands");
  o.truncates = truncationOf(90, o.a).on;
  decoder.out().handler = multiply;
}

bool decodeWgmma(Decoder &decoder) {
  Instruction &out = decoder.out();
  if (decoder.mnemonic() == "setmaxnreg") {
    out.flags[0] = decoder.take("inc");
    if (!out.flags[0] && !decoder.take("dec"))
      decoder.error("setmaxnreg needs .inc or .dec");
    decoder.take("sync");
    decoder.take("aligned");
    decoder.take("u32");
    decoder.expectOperands(1, 1);
    int64_t wanted = decoder.integer(0);
    if (wanted < 24 || wanted > 256 || wanted % 8)
      decoder.error("setmaxnreg takes a multiple of 8 in 24..256, not " +
                    std::to_string(wanted));
    out.target = uint32_t(wanted);
    out.handler = setMaximum;
    return true;
  }
  if (decoder.mnemonic() != "wgmma")
    return false;
  decoder.take("sync");
  decoder.take("aligned");
  if (decoder.take("mma_async")) {
    decodeMultiply(decoder);
  } else if (decoder.take("fence")) {
    decoder.expectOperands(0, 0);
    out.handler = fence;
  } else if (decoder.take("commit_group")) {
    decoder.expectOperands(0, 0);
    out.handler = commit;
  } else if (decoder.take("wait_group")) {
    decoder.expectOperands(1, 1);
    out.target = uint32_t(decoder.integer(0));
    out.handler = waitGroup;
  } else {
    decoder.error("wgmma needs .mma_async, .fence, .commit_group or "
                  ".wait_group");
  }
  return true;
}

} // namespace adze::ptxsim
