//===- Counters.cpp - What a kernel cost ----------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/Counters.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>

namespace adze::ptxsim {

unsigned wavefronts(const uint64_t *addresses, unsigned lanes, uint32_t bytes) {
  unsigned perGroup = std::max(1u, std::min(32u, 128 / std::max(bytes, 4u)));
  unsigned total = 0;
  for (unsigned first = 0; first < lanes; first += perGroup) {
    // The different words that each bank is asked for.
    std::array<std::array<uint64_t, 32>, 32> words;
    std::array<unsigned, 32> counts{};
    unsigned most = 1;
    for (unsigned i = first; i < std::min(lanes, first + perGroup); ++i)
      for (uint64_t word = addresses[i] / 4;
           word <= (addresses[i] + bytes - 1) / 4; ++word) {
        unsigned bank = word % 32;
        auto begin = words[bank].begin(), end = begin + counts[bank];
        if (std::find(begin, end, word) == end && counts[bank] < 32) {
          words[bank][counts[bank]++] = word;
          most = std::max(most, counts[bank]);
        }
      }
    total += most;
  }
  return total;
}

void KernelCounts::add(const Warp &warp, const Access &access) {
  bool write = access.kind != Access::Read;
  if (batch.warp != &warp || batch.execution != warp.executed ||
      batch.space != access.space || batch.write != write ||
      batch.bytes != access.bytes || batch.lanes == lanesPerWarp) {
    flush();
    batch.warp = &warp;
    batch.execution = warp.executed;
    batch.space = access.space;
    batch.write = write;
    batch.bytes = access.bytes;
  }
  batch.addresses[batch.lanes++] = access.place.offset;
}

void KernelCounts::flush() {
  if (batch.lanes == 0)
    return;
  uint64_t bytes = uint64_t(batch.lanes) * batch.bytes;
  if (batch.space == Space::Shared) {
    (batch.write ? sharedWriteBytes : sharedReadBytes) += bytes;
    sharedWavefronts +=
        wavefronts(batch.addresses.data(), batch.lanes, batch.bytes);
    sharedIdeal += (bytes + 127) / 128;
  } else {
    std::vector<uint64_t> sectors;
    for (unsigned i = 0; i < batch.lanes; ++i)
      for (uint64_t sector = batch.addresses[i] / 32;
           sector <= (batch.addresses[i] + batch.bytes - 1) / 32; ++sector)
        sectors.push_back(sector);
    std::sort(sectors.begin(), sectors.end());
    uint64_t count =
        uint64_t(std::unique(sectors.begin(), sectors.end()) - sectors.begin());
    (batch.write ? globalWriteBytes : globalReadBytes) += bytes;
    (batch.write ? globalWriteSectors : globalReadSectors) += count;
  }
  batch.lanes = 0;
}

void KernelCounts::add(const KernelCounts &other) {
  for (uint64_t KernelCounts::*count :
       {&KernelCounts::sharedReadBytes, &KernelCounts::sharedWriteBytes,
        &KernelCounts::sharedWavefronts, &KernelCounts::sharedIdeal,
        &KernelCounts::globalReadBytes, &KernelCounts::globalWriteBytes,
        &KernelCounts::globalReadSectors, &KernelCounts::globalWriteSectors,
        &KernelCounts::asyncCopyBytes, &KernelCounts::bulkLoadBytes,
        &KernelCounts::bulkStoreBytes, &KernelCounts::bulkCopies,
        &KernelCounts::mmaInstructions, &KernelCounts::wgmmaQuarters,
        &KernelCounts::macs8, &KernelCounts::macs16, &KernelCounts::macs32,
        &KernelCounts::wgmmaSharedBytes})
    this->*count += other.*count;
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

namespace {
/// Rates of one chip: what the estimate divides by. Data sheets of A100,
/// A40, L40 and H100 SXM.
struct Chip {
  unsigned number, multiprocessors;
  uint32_t sharedPerSM, threadsPerSM, blocksPerSM;
  double macs16PerClock;                     ///< dense, a multiprocessor
  double l2BytesPerClock, dramBytesPerClock; ///< the chip
  double gigahertz;
};
constexpr Chip chips[] = {
    {80, 108, 164 << 10, 2048, 32, 1024, 5120, 1445, 1.41},
    {86, 84, 100 << 10, 1536, 16, 512, 2560, 400, 1.74},
    {89, 142, 100 << 10, 1536, 24, 512, 4096, 350, 2.49},
    {90, 132, 228 << 10, 2048, 32, 2048, 5500, 1909, 1.755},
};
/// Shared memory that the system takes of every block.
constexpr uint32_t reservedShared = 1024;
constexpr double sharedBytesPerClock = 128;
/// Warp instructions that a multiprocessor issues in a cycle.
constexpr double issuesPerClock = 4;

struct KernelRecord {
  KernelCounts counts;
  uint64_t launches = 0, blocks = 0, warpInstructions = 0;
  std::map<std::string, uint64_t> classes; ///< warp instructions
  Dim3 grid, block, cluster;
  uint32_t sharedBytes = 0;
  unsigned chip = 90;
};
} // namespace

static const char *reportPath() {
  static const char *path = std::getenv("ADZE_PTXSIM_REPORT");
  return path && *path ? path : nullptr;
}

bool reportWanted() { return reportPath() != nullptr; }

static const Chip &chipOf(unsigned number) {
  for (const Chip &chip : chips)
    if (chip.number == number)
      return chip;
  return chips[3];
}

/// Cycles of one launch if each resource were the only limit.
static nlohmann::ordered_json estimate(const KernelRecord &record) {
  const Chip &chip = chipOf(record.chip);
  const KernelCounts &c = record.counts;
  double launches = double(std::max<uint64_t>(1, record.launches));
  double blocks = double(record.blocks) / launches;
  uint32_t threads = uint32_t(record.block.count());
  uint32_t resident =
      std::min({chip.blocksPerSM, chip.threadsPerSM / std::max(1u, threads),
                chip.sharedPerSM / (record.sharedBytes + reservedShared)});
  resident = std::max(1u, resident);
  double busy = std::min(double(chip.multiprocessors), blocks);
  double waves = std::ceil(blocks / (double(chip.multiprocessors) * resident));
  // The last wave leaves multiprocessors idle: count whole blocks on one.
  double perSM = std::ceil(blocks / busy) / blocks / launches;
  double macs = double(c.macs16) + double(c.macs8) / 2 + 2 * double(c.macs32);
  double global = 32.0 * double(c.globalReadSectors + c.globalWriteSectors) +
                  double(c.bulkLoadBytes + c.bulkStoreBytes);
  nlohmann::ordered_json cycles;
  cycles["tensor_cores"] = macs / chip.macs16PerClock * perSM;
  cycles["shared_memory"] = (double(c.sharedWavefronts) +
                             double(c.wgmmaSharedBytes + c.bulkLoadBytes +
                                    c.bulkStoreBytes + c.asyncCopyBytes) /
                                 sharedBytesPerClock) *
                            perSM;
  cycles["issue"] = double(record.warpInstructions) / issuesPerClock * perSM;
  cycles["l2"] = global / launches / chip.l2BytesPerClock;
  cycles["dram_if_uncached"] = global / launches / chip.dramBytesPerClock;
  std::string bound = "tensor_cores";
  for (const char *name : {"shared_memory", "issue", "l2"})
    if (cycles[name] > cycles[bound])
      bound = name;
  nlohmann::ordered_json out;
  out["blocks_per_multiprocessor"] = resident;
  out["occupancy"] = double(resident) * threads / chip.threadsPerSM;
  out["waves"] = waves;
  out["cycles"] = cycles;
  out["bound"] = bound;
  out["microseconds"] = double(cycles[bound]) / chip.gigahertz / 1000;
  return out;
}

static nlohmann::ordered_json toJson(const std::string &name,
                                     const KernelRecord &record) {
  const KernelCounts &c = record.counts;
  nlohmann::ordered_json out;
  out["kernel"] = name;
  out["launches"] = record.launches;
  out["grid"] = {record.grid.x, record.grid.y, record.grid.z};
  out["block"] = {record.block.x, record.block.y, record.block.z};
  out["cluster"] = {record.cluster.x, record.cluster.y, record.cluster.z};
  out["shared_bytes"] = record.sharedBytes;
  out["warp_instructions"] = record.warpInstructions;
  out["instructions"] = record.classes;
  out["tensor"] = {{"mma", c.mmaInstructions},
                   {"wgmma", c.wgmmaQuarters / 4},
                   {"macs_8bit", c.macs8},
                   {"macs_16bit", c.macs16},
                   {"macs_tf32", c.macs32}};
  out["global"] = {{"read_bytes", c.globalReadBytes},
                   {"read_sectors", c.globalReadSectors},
                   {"write_bytes", c.globalWriteBytes},
                   {"write_sectors", c.globalWriteSectors},
                   {"cp_async_bytes", c.asyncCopyBytes},
                   {"tma_copies", c.bulkCopies},
                   {"tma_load_bytes", c.bulkLoadBytes},
                   {"tma_store_bytes", c.bulkStoreBytes}};
  out["shared"] = {{"read_bytes", c.sharedReadBytes},
                   {"write_bytes", c.sharedWriteBytes},
                   {"wgmma_bytes", c.wgmmaSharedBytes},
                   {"wavefronts", c.sharedWavefronts},
                   {"ideal_wavefronts", c.sharedIdeal}};
  out["estimate"] = estimate(record);
  return out;
}

void reportLaunch(const Launch &launch, const KernelCounts &counts) {
  static std::mutex mutex;
  static std::map<std::string, KernelRecord> records;
  std::lock_guard<std::mutex> lock(mutex);
  const Program &program = *launch.program;
  KernelRecord &record = records[program.name];
  record.counts.add(counts);
  ++record.launches;
  record.blocks += launch.grid.count();
  record.grid = launch.grid;
  record.block = launch.block;
  record.cluster = launch.cluster;
  record.sharedBytes = program.staticShared + launch.dynamicShared;
  record.chip = launch.chip;
  for (size_t i = 0; i < launch.warpExecutions.size(); ++i) {
    record.warpInstructions += launch.warpExecutions[i];
    if (launch.warpExecutions[i])
      record.classes[program.texts[i].mnemonic] += launch.warpExecutions[i];
  }
  nlohmann::ordered_json out;
  out["kernels"] = nlohmann::ordered_json::array();
  for (const auto &[name, entry] : records)
    out["kernels"].push_back(toJson(name, entry));
  std::ofstream(reportPath()) << out.dump(1) << "\n";
}

} // namespace adze::ptxsim
