//===- Schedules.cpp - How a matrix product may be computed ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Schedules.h"

#include "codegen/ptx/gemm/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;

static std::string joined(ArrayRef<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? "" : "x") + std::to_string(number);
  return text;
}

std::string Schedule::text() const {
  return family + ",tile=" + joined(tile) + ",split=" + joined(split) +
         ",stages=" + std::to_string(stages) +
         ",split_k=" + std::to_string(splitK) + ",cluster=" + joined(cluster) +
         ",roles=" + roles + ",order=" + std::to_string(order);
}

kernel::ScheduleAttr Schedule::attribute(MLIRContext *context) const {
  Builder b(context);
  SmallVector<NamedAttribute> params;
  auto add = [&](StringRef name, Attribute value) {
    params.push_back(b.getNamedAttr(name, value));
  };
  add("tile", b.getI64ArrayAttr(tile));
  add("split", b.getI64ArrayAttr(split));
  add("stages", b.getI64IntegerAttr(stages));
  add("split_k", b.getI64IntegerAttr(splitK));
  add("cluster", b.getI64ArrayAttr(cluster));
  add("roles", b.getStringAttr(roles));
  add("order", b.getI64IntegerAttr(order));
  add("threads", b.getI64IntegerAttr(threads));
  add("shared_bytes", b.getI64IntegerAttr(sharedBytes));
  add("registers", b.getI64IntegerAttr(registers));
  add("scratch_bytes", b.getI64IntegerAttr(scratchBytes));
  add("predicted_ns", b.getI64IntegerAttr(int64_t(microseconds * 1000)));
  return kernel::ScheduleAttr::get(context, family,
                                   b.getDictionaryAttr(params));
}

Schedule Schedule::of(kernel::ScheduleAttr attribute) {
  Schedule s;
  s.family = attribute.getFamily().str();
  auto read = [&](StringRef name, auto &into) {
    SmallVector<int64_t> numbers = attribute.getInts(name);
    std::copy_n(numbers.begin(), std::min(numbers.size(), into.size()),
                into.begin());
  };
  read("tile", s.tile);
  read("split", s.split);
  read("cluster", s.cluster);
  s.stages = attribute.getInt("stages", 1);
  s.splitK = attribute.getInt("split_k", 1);
  if (auto roles = attribute.getParams().getAs<StringAttr>("roles"))
    s.roles = roles.str();
  s.order = attribute.getInt("order", 8);
  s.threads = attribute.getInt("threads", 0);
  s.sharedBytes = attribute.getInt("shared_bytes", 0);
  s.registers = attribute.getInt("registers", 0);
  s.scratchBytes = attribute.getInt("scratch_bytes", 0);
  s.microseconds = attribute.getInt("predicted_ns", 0) / 1000.0;
  return s;
}

//===----------------------------------------------------------------------===//
// The families' schedules
//===----------------------------------------------------------------------===//

/// A full tile in each direction that the problem does not fill would be work
/// for nothing; the smallest tile is always allowed.
static bool isTooLarge(int64_t tile, int64_t size, int64_t smallest) {
  return tile > smallest && tile >= 2 * size;
}

/// Partial sums lie in global memory, one f32 tensor of the product a part.
static void splitSum(const GemmProblem &problem, Schedule &s, int64_t parts) {
  s.splitK = parts;
  s.scratchBytes =
      parts == 1 ? 0 : parts * problem.batchCount() * problem.m * problem.n * 4;
}

static void addSimt(const GemmProblem &problem, std::vector<Schedule> &all) {
  struct Shape {
    int64_t m, n, k, threadM, threadN;
  };
  static const Shape shapes[] = {{128, 128, 8, 8, 8}, {128, 64, 8, 8, 8},
                                 {64, 128, 8, 8, 8},  {64, 64, 8, 8, 4},
                                 {64, 64, 8, 4, 4},   {32, 64, 8, 4, 4},
                                 {32, 32, 8, 4, 4}};
  for (const Shape &shape : shapes) {
    if (isTooLarge(shape.m, problem.m, 32) ||
        isTooLarge(shape.n, problem.n, 32))
      continue;
    Schedule s;
    s.family = "gemm.simt";
    s.tile = {shape.m, shape.n, shape.k};
    s.split = {shape.threadM, shape.threadN};
    s.stages = 2;
    s.threads = (shape.m / shape.threadM) * (shape.n / shape.threadN);
    // Rows of K, padded so that neighbours in M do not share banks.
    s.sharedBytes = s.stages * shape.k * (shape.m + shape.n + 8) * 4;
    int64_t accumulators = shape.threadM * shape.threadN;
    int64_t staged = (shape.m + shape.n) * shape.k / s.threads;
    // Edges and epilogues need addresses and conditions of their own.
    bool hasEdges = problem.m % shape.m != 0 || problem.n % shape.n != 0 ||
                    problem.k % shape.k != 0 || problem.batchCount() > 1;
    int64_t others = hasEdges ? 144 : problem.epilogueOps > 0 ? 64 : 24;
    s.registers = std::clamp<int64_t>(
        accumulators + staged + 2 * (shape.threadM + shape.threadN) + others,
        96, 255);
    all.push_back(s);
  }
}

static void addFlat(const GemmProblem &problem, std::vector<Schedule> &all) {
  if (problem.m > 16)
    return;
  int64_t bytes = problem.b.elementBytes();
  int64_t widest = std::min<int64_t>(problem.b.alignment, 16) / bytes;
  widest = std::max<int64_t>(widest, 1);
  for (int64_t lanes : {1, 4, 8, 16, 32}) {
    // B with K contiguous: a warp adds up along K, `columns` columns a thread;
    // else neighbouring lanes take neighbouring columns.
    if (problem.b.isKContiguous != (lanes == 1))
      continue;
    for (int64_t columns : {1, 2, 4, 8}) {
      if (!problem.b.isKContiguous && columns > widest)
        continue;
      if (problem.b.isKContiguous && columns > 4)
        continue;
      if (problem.m * columns > 64)
        continue;
      for (int64_t threads : {128, 256}) {
        int64_t warps = threads / 32;
        Schedule s;
        s.family = "gemm.flat";
        s.split = {lanes, columns};
        s.threads = threads;
        s.order = 1;
        int64_t width = problem.b.isKContiguous ? widest : 1;
        int64_t n = problem.b.isKContiguous ? columns : lanes * columns;
        s.tile = {problem.m, n, (threads / lanes) * width};
        s.sharedBytes = warps * problem.m * n * 4;
        if (s.sharedBytes > 48 * 1024)
          continue;
        s.registers =
            std::min<int64_t>(255, problem.m * columns + 2 * problem.m +
                                       4 * columns * width + 80);
        all.push_back(s);
      }
    }
  }
}

static void addMmaSync(const GemmProblem &problem, const GpuFacts &gpu,
                       std::vector<Schedule> &all) {
  if (problem.a.elementBytes() != 2 || gpu.computeCapability < 80)
    return;
  struct Shape {
    int64_t m, n, warpsM, warpsN;
  };
  static const Shape shapes[] = {
      {64, 64, 2, 2},   {128, 64, 2, 2},  {64, 128, 2, 2}, {128, 128, 2, 2},
      {128, 128, 2, 4}, {256, 128, 4, 2}, {128, 256, 2, 4}};
  for (const Shape &shape : shapes) {
    if (isTooLarge(shape.m, problem.m, 64) ||
        isTooLarge(shape.n, problem.n, 64))
      continue;
    // Rows of odd length come element by element, each with an address.
    bool isOdd = std::min(problem.a.alignment, problem.b.alignment) < 4;
    for (int64_t k : {32, 64}) {
      if (isOdd && k > 32)
        continue;
      for (int64_t stages : {2, 3, 4, 5}) {
        Schedule s;
        s.family = "gemm.mma_sync";
        s.tile = {shape.m, shape.n, k};
        s.split = {shape.warpsM, shape.warpsN};
        s.stages = stages;
        s.threads = 32 * shape.warpsM * shape.warpsN;
        s.sharedBytes = stages * k * (shape.m + shape.n) * 2;
        if (s.sharedBytes > gpu.sharedPerBlock)
          continue;
        int64_t warpM = shape.m / shape.warpsM, warpN = shape.n / shape.warpsN;
        // Accumulators, two sets of fragments, addresses.
        int64_t accumulators = warpM * warpN / 32;
        s.registers = std::min<int64_t>(
            255, accumulators + (warpM / 16 * 4 + warpN / 8 * 2) * 2 +
                     (isOdd ? 144 : 64));
        if (s.threads * s.registers > gpu.registersPerSm)
          continue;
        int64_t steps = llvm::divideCeil(problem.k, k);
        for (int64_t parts : {1, 2, 4, 8, 16}) {
          if (parts > 1 && (steps < 4 * parts || steps % parts != 0))
            continue;
          splitSum(problem, s, parts);
          all.push_back(s);
        }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// The estimate
//===----------------------------------------------------------------------===//

int64_t adze::gemm::residentBlocks(const Schedule &s, const GpuFacts &gpu) {
  int64_t resident =
      std::min<int64_t>(gpu.blocksPerSm, gpu.threadsPerSm / s.threads);
  resident =
      std::min<int64_t>(resident, gpu.sharedPerSm / (s.sharedBytes + 1024));
  resident = std::min<int64_t>(resident,
                               gpu.registersPerSm / (s.registers * s.threads));
  return std::max<int64_t>(resident, 1);
}

void adze::gemm::estimate(const GemmProblem &problem, const GpuFacts &gpu,
                          Schedule &s) {
  int64_t resident = residentBlocks(s, gpu);
  double blocks = double(s.blocks(problem));
  double steps = std::ceil(double(problem.k) / double(s.tile[2] * s.splitK));
  double waves = std::ceil(blocks / double(gpu.sms)); // blocks of one SM
  double clock = gpu.clockGHz * 1e3;                  // clocks a microsecond

  bool isAsync = s.family == "gemm.wgmma" || s.family == "gemm.tcgen05";
  bool isTensor = isAsync || s.family == "gemm.mma_sync";
  double tileM = double(s.tile[0]), tileN = double(s.tile[1]);
  double macs = tileM * tileN * double(s.tile[2]) * steps;
  double rate = isAsync    ? gpu.asyncMmaPerClock
                : isTensor ? gpu.mmaPerClock
                           : gpu.ffmaPerClock;
  // Few warps cannot hide the latency of what they wait for.
  double warps =
      double(std::min<int64_t>(resident, int64_t(waves)) * s.threads) / 32;
  double busy = isAsync ? 0.9 : std::min(1.0, 0.35 + 0.65 * warps / 8);
  double compute = waves * macs / (rate * busy);

  // Bytes of shared memory that the inner loop reads: every warp (wgmma: warp
  // group; simt: thread, of which a warp's share is broadcast) its part.
  double bytes = double(problem.a.elementBytes());
  double perStep;
  if (s.family == "gemm.flat")
    perStep = 0;
  else if (s.family == "gemm.simt")
    perStep = double(s.threads) / 32 *
              (8 * double(s.split[0]) + 4 * double(s.split[1])) * 4 *
              double(s.tile[2]) / 2;
  else
    perStep = (tileM * double(s.split[1]) + tileN * double(s.split[0])) *
              double(s.tile[2]) * bytes / (isAsync ? 2.0 : 1.0);
  double shared = waves * steps * perStep / gpu.sharedBytesPerClock;

  // Each block reads its rows of A and columns of B through L2; DRAM gives
  // each byte once where L2 holds a band of tiles.
  double loaded = blocks * steps * double(s.tile[2]) * bytes *
                  ((s.family == "gemm.flat" ? double(problem.m) : tileM) /
                       double(s.cluster[1]) +
                   tileN / double(s.cluster[0]));
  double fixUp = double(s.scratchBytes); // bytes written, and read again
  double unique = double(problem.a.elements() + problem.b.elements()) * bytes +
                  double(problem.epilogueReadBytes + problem.outputBytes);
  double l2 = loaded / (gpu.l2GBs * 1e3);
  double dram = unique / (gpu.dramGBs * 1e3);
  // Few bytes in flight do not saturate memory.
  double inFlight =
      std::min(blocks, double(gpu.sms * resident)) *
      double(s.family == "gemm.flat"
                 ? s.threads * 32
                 : s.stages * s.tile[2] * (s.tile[0] + s.tile[1]) *
                       problem.a.elementBytes());
  double latency = 0.7;                  // microseconds from DRAM to an SM
  double reachable = inFlight / latency; // bytes a microsecond
  dram = std::max(dram, std::min(loaded, unique) / reachable);

  // A tile of K is there when it is needed only if what is computed meanwhile
  // takes as long as its way.
  double together = std::min(double(resident), waves);
  double exposed = 0;
  if (s.stages > 1)
    exposed = waves / together * steps * latency / double(s.stages - 1);

  double fill = latency * (s.splitK > 1 ? 2 : 1) + double(s.stages) * 0.05 +
                (s.splitK > 1 ? 2.5 : 0) + 2 * fixUp / (gpu.dramGBs * 1e3);
  double epilogue = waves * tileM * tileN * double(2 + problem.epilogueOps) /
                    (gpu.ffmaPerClock * clock);
  // Of two that are equal otherwise, the one with more stages ahead.
  s.microseconds =
      std::max({compute / clock, shared / clock, l2, dram, exposed}) +
      exposed / 10 + fill + epilogue;
}

std::vector<Schedule> adze::gemm::legalSchedules(const GemmProblem &problem,
                                                 const GpuFacts &gpu) {
  std::vector<Schedule> all;
  addTcgen05Schedules(problem, gpu, all);
  addWgmmaSchedules(problem, gpu, all);
  addMmaSync(problem, gpu, all);
  addFlat(problem, all);
  addSimt(problem, all);
  llvm::erase_if(all, [&](const Schedule &s) {
    return s.sharedBytes > int64_t(gpu.sharedPerBlock) ||
           s.threads * s.registers > int64_t(gpu.registersPerSm) ||
           s.blocks(problem) > (int64_t(1) << 31) - 1;
  });
  for (Schedule &s : all) {
    // What a thread may use while as many blocks fit into an SM (.minnctapersm,
    // allocated in units of 8).
    // What else limits blocks is not known here: registers of wgmma's warp
    // groups, which trade them, and tensor memory.
    if (s.family != "gemm.wgmma" && s.family != "gemm.tcgen05")
      s.registers = std::min<int64_t>(
          255,
          gpu.registersPerSm / (s.threads * residentBlocks(s, gpu)) / 8 * 8);
    estimate(problem, gpu, s);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Schedule &a, const Schedule &b) {
                     return a.microseconds < b.microseconds;
                   });
  return all;
}

const Schedule *adze::gemm::findSchedule(ArrayRef<Schedule> schedules,
                                         StringRef wanted,
                                         std::string &message) {
  SmallVector<StringRef> parts;
  wanted.split(parts, ',');
  static const StringRef names[] = {"tile",    "split", "stages", "split_k",
                                    "cluster", "roles", "order"};
  for (StringRef part : ArrayRef<StringRef>(parts).drop_front())
    if (!llvm::is_contained(names, part.split('=').first)) {
      message = ("a schedule has no parameter '" + part.split('=').first +
                 "'; there are " + llvm::join(ArrayRef<StringRef>(names), ", "))
                    .str();
      return nullptr;
    }
  for (const Schedule &schedule : schedules) {
    std::string text = schedule.text();
    SmallVector<StringRef> has;
    StringRef(text).split(has, ',');
    if (has.front() == parts.front() &&
        llvm::all_of(ArrayRef<StringRef>(parts).drop_front(),
                     [&](StringRef p) { return llvm::is_contained(has, p); }))
      return &schedule;
  }
  return nullptr;
}
