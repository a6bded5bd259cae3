//===- AsyncCopyBulk.cpp - cp.async.bulk and tensor copies (TMA) ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX ISA 9.7.9.25.4 and .5. A copy is checked when it is issued and done some
// rounds of the scheduler later, by the launch's seed; copies of one thread
// may overtake each other as on the chip.
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncCopy.h"
#include "runtime/ptxsim/AsyncState.h"
#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/TensorCore.h"

#include <bit>

namespace adze::ptxsim {

namespace {
struct BulkOperands {
  BulkCopy::Kind kind = BulkCopy::Load;
  bool tensor = false, multicast = false, sharedSource = false;
  unsigned rank = 0;
  AddressView shared, global, barrier;
  Slot coordinates[5] = {noSlot, noSlot, noSlot, noSlot, noSlot};
  Slot bytes = noSlot, mask = noSlot;
  int reduction = -1;
  Type reductionType = Type::None;
};
enum Reduction : int { Add, Min, Max, Inc, Dec, And, Or, Xor };
} // namespace

static const BulkOperands &operandsOf(const Instruction &instruction) {
  return *static_cast<const BulkOperands *>(instruction.detail);
}

uint64_t delayOf(const Launch &launch, const Cluster &cluster,
                 uint32_t number) {
  // SplitMix64 of the seed, the cluster and the copy.
  uint64_t x =
      launch.seed * 0x9e3779b97f4a7c15 + cluster.number * 0x1000003 + number;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return 1 + (x >> 32) % 6;
}

//===----------------------------------------------------------------------===//
// Issue
//===----------------------------------------------------------------------===//

/// The tensor map of a lane, or a hazard.
static TensorMap tensorMapAt(const Warp &warp, const Instruction &instruction,
                             int lane, uint64_t address) {
  Place place =
      resolve(warp, instruction, lane, Space::Generic, address, 128, 64);
  TensorMap map;
  if (!TensorMap::decode(place.host, map))
    fail(warp, instruction, lane, HazardKind::IllegalAddress,
         "the tensor map operand does not point to a tensor map made by "
         "cuTensorMapEncodeTiled");
  const BulkOperands &o = operandsOf(instruction);
  if (map.rank != o.rank)
    fail(warp, instruction, lane, HazardKind::IllegalInstruction,
         "the tensor map has " + std::to_string(map.rank) +
             " dimensions, the instruction " + std::to_string(o.rank));
  return map;
}

/// Bytes of global memory that elements [begin, end) of a row take up.
static std::pair<uint64_t, uint64_t>
rowRange(const TensorMap &map, int64_t address, unsigned begin, unsigned end) {
  uint64_t step = uint64_t(map.elementBytes) * map.elementStrides[0];
  return {uint64_t(address) + begin * step,
          (end - begin - 1) * step + map.elementBytes};
}

/// Every row of the box lies in memory that the kernel may touch (and, for
/// loads, that something has written).
static void checkBox(const Warp &warp, const Instruction &instruction, int lane,
                     const BulkCopy &copy) {
  copy.map.forEachRow(
      copy.coordinates.data(),
      [&](uint32_t, int64_t address, unsigned begin, unsigned end) {
        if (begin == end)
          return;
        auto [first, bytes] = rowRange(copy.map, address, begin, end);
        Place place =
            resolve(warp, instruction, lane, Space::Global, first, bytes, 1);
        if (copy.kind == BulkCopy::Load || copy.reduction >= 0)
          checkWritten(warp, instruction, lane, place, bytes);
      });
}

/// The bytes of shared memory that a store will read have been written.
static void checkSource(const Warp &warp, const Instruction &instruction,
                        int lane, const BulkCopy &copy) {
  char *shared = copy.source->shared;
  auto check = [&](uint32_t offset, uint32_t bytes) {
    checkWritten(warp, instruction, lane,
                 {Space::Shared, shared + offset, copy.source, offset}, bytes);
  };
  if (!copy.tensor)
    return check(copy.offset, copy.bytes);
  const TensorMap &map = copy.map;
  map.forEachRow(copy.coordinates.data(), [&](uint32_t offset, int64_t,
                                              unsigned begin, unsigned end) {
    for (unsigned i = begin; i < end; ++i) {
      uint32_t at = copy.offset + offset + i * map.elementBytes;
      check(swizzleAddress(at, map.swizzleMode()), map.elementBytes);
    }
  });
}

static Step issue(Warp &warp, const Instruction &instruction, uint32_t mask) {
  const BulkOperands &o = operandsOf(instruction);
  Cluster &cluster = *warp.block->cluster;
  ClusterAsync &async = asyncOf(cluster);
  for (; mask; mask &= mask - 1) {
    int lane = std::countr_zero(mask);
    BulkCopy copy;
    copy.kind = o.kind;
    copy.tensor = o.tensor;
    copy.number = ++async.copies;
    copy.due = async.round + delayOf(*cluster.launch, cluster, copy.number);
    copy.warp = &warp;
    copy.instruction = &instruction;
    copy.lane = lane;
    copy.reduction = o.reduction;
    copy.reductionType = o.reductionType;
    uint64_t global = warp.address(o.global, unsigned(lane));
    uint32_t alignment = 16;
    if (o.tensor) {
      copy.map = tensorMapAt(warp, instruction, lane, global);
      for (unsigned d = 0; d < o.rank; ++d)
        copy.coordinates[d] = warp.lanes<int32_t>(o.coordinates[d])[lane];
      copy.bytes = copy.map.boxBytes();
      alignment = 128;
      checkBox(warp, instruction, lane, copy);
    } else {
      copy.global = global;
      copy.bytes = warp.lanes<uint32_t>(o.bytes)[lane];
      if (copy.bytes % 16)
        fail(warp, instruction, lane, HazardKind::IllegalInstruction,
             "copies " + std::to_string(copy.bytes) +
                 " bytes; the size has to be a multiple of 16");
      if (!o.sharedSource) {
        Place place = resolve(warp, instruction, lane, Space::Global, global,
                              copy.bytes, 16);
        if (o.kind == BulkCopy::Load || o.reduction >= 0)
          checkWritten(warp, instruction, lane, place, copy.bytes);
      }
    }
    Place shared =
        resolve(warp, instruction, lane, Space::Shared,
                warp.address(o.shared, unsigned(lane)), copy.bytes, alignment);
    ++async.counts.bulkCopies;
    if (o.kind == BulkCopy::Store) {
      copy.source = shared.block;
      copy.offset = uint32_t(shared.offset);
      checkSource(warp, instruction, lane, copy);
      asyncReadBegins(warp, instruction, lane, *copy.source, copy.offset,
                      copy.bytes, "the copy from shared memory");
      asyncOf(warp).bulkOpen[unsigned(lane)].push_back(copy.number);
      async.counts.bulkStoreBytes += copy.bytes;
      async.bulk.emplace(copy.number, std::move(copy));
      continue;
    }
    if (o.sharedSource) {
      Place source = resolve(warp, instruction, lane, Space::Shared, global,
                             copy.bytes, 16);
      copy.source = source.block;
      copy.offset = uint32_t(source.offset);
      checkSource(warp, instruction, lane, copy);
      asyncReadBegins(warp, instruction, lane, *copy.source, copy.offset,
                      copy.bytes, "the copy from shared memory");
    }
    MbarrierPlace barrier =
        mbarrierPlace(warp, instruction, lane, o.barrier, Space::Shared);
    uint32_t ranks = 1u << shared.block->rank;
    if (o.multicast)
      ranks = warp.lanes<uint16_t>(o.mask)[lane];
    for (uint32_t rank = 0; ranks >> rank; ++rank) {
      if (!(ranks >> rank & 1))
        continue;
      if (rank >= cluster.blocks.size())
        fail(warp, instruction, lane, HazardKind::IllegalInstruction,
             "the multicast mask names block " + std::to_string(rank) +
                 " of a cluster of " + std::to_string(cluster.blocks.size()));
      BulkCopy::Destination to;
      to.block = &cluster.blocks[rank];
      to.offset = uint32_t(shared.offset);
      to.barrier = barrier;
      if (o.multicast)
        to.barrier.block = to.block;
      to.phase = mbarrierAt(warp, instruction, lane, to.barrier, true).phase;
      asyncWriteBegins(warp, instruction, lane, *to.block, to.offset,
                       copy.bytes, copy.number);
      copy.destinations.push_back(to);
    }
    async.counts.bulkLoadBytes += copy.bytes;
    async.bulk.emplace(copy.number, std::move(copy));
  }
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Completion
//===----------------------------------------------------------------------===//

/// One row of a box as it lies in shared memory, out-of-bounds elements
/// filled.
static void readRow(const Memory &memory, const TensorMap &map, int64_t address,
                    unsigned begin, unsigned end, std::vector<char> &row) {
  row.assign(map.rowBytes(), 0);
  uint32_t fill = map.fill();
  if (fill && (begin > 0 || end < map.boxSize(0)))
    for (size_t i = 0; i < row.size(); i += 4)
      std::memcpy(&row[i], &fill, std::min<size_t>(4, row.size() - i));
  if (begin == end)
    return;
  auto [first, bytes] = rowRange(map, address, begin, end);
  const char *from = memory.host(first);
  unsigned size = map.elementBytes;
  if (map.elementStrides[0] == 1) {
    std::memcpy(&row[begin * size], from, bytes);
    return;
  }
  for (unsigned i = begin; i < end; ++i)
    std::memcpy(&row[i * size],
                from + (i - begin) * size * map.elementStrides[0], size);
}

static void load(Launch &launch, BulkCopy &copy) {
  std::vector<char> data(copy.bytes);
  if (copy.source) {
    std::memcpy(data.data(), copy.source->shared + copy.offset, copy.bytes);
  } else if (!copy.tensor) {
    std::memcpy(data.data(), launch.memory->host(copy.global), copy.bytes);
  } else {
    std::vector<char> row;
    copy.map.forEachRow(
        copy.coordinates.data(),
        [&](uint32_t offset, int64_t address, unsigned begin, unsigned end) {
          readRow(*launch.memory, copy.map, address, begin, end, row);
          std::memcpy(&data[offset], row.data(), row.size());
        });
  }
  Swizzle swizzle = copy.tensor ? copy.map.swizzleMode() : Swizzle::none;
  uint8_t flags = Shadow::asyncProxy;
  if (copy.tensor)
    flags |=
        uint8_t(Shadow::tensor | unsigned(swizzle) << Shadow::swizzleShift);
  for (BulkCopy::Destination &to : copy.destinations) {
    char *shared = to.block->shared;
    if (swizzle == Swizzle::none)
      std::memcpy(shared + to.offset, data.data(), data.size());
    else
      for (uint32_t at = 0; at < copy.bytes; at += 16)
        std::memcpy(shared + swizzleAddress(to.offset + at, swizzle), &data[at],
                    16);
    markWritten(launch,
                {Space::Shared, shared + to.offset, to.block, to.offset},
                copy.bytes);
    Mbarrier *barrier = findMbarrier(*to.barrier.block, to.barrier.offset);
    if (barrier)
      asyncWriteEnds(*to.block, to.offset, copy.bytes, barrier->agent,
                     barrier->time() + 1, copy.instruction->index, flags);
    completeBytes(*copy.warp, *copy.instruction, copy.lane, to.barrier,
                  copy.bytes, to.phase);
  }
  if (copy.source)
    asyncReadEnds(*copy.warp, *copy.source, copy.offset, copy.bytes);
}

template <typename T> static T combine(int reduction, T old, T value) {
  switch (reduction) {
  case Add:
    return T(old + value);
  case Min:
    return std::min(old, value);
  case Max:
    return std::max(old, value);
  default:
    break;
  }
  if constexpr (std::is_unsigned_v<T>)
    switch (reduction) {
    case Inc:
      return old >= value ? T(0) : T(old + 1);
    case Dec:
      return old == 0 || old > value ? value : T(old - 1);
    case And:
      return old & value;
    case Or:
      return old | value;
    case Xor:
      return old ^ value;
    default:
      break;
    }
  return value;
}

template <typename T>
static void reduceElement(int reduction, char *to, const char *from) {
  T old, value;
  std::memcpy(&old, to, sizeof(T));
  std::memcpy(&value, from, sizeof(T));
  old = combine(reduction, old, value);
  std::memcpy(to, &old, sizeof(T));
}

/// f16 and bf16: in f32, rounded to nearest even.
static void reduceHalf(Type type, int reduction, char *to, const char *from) {
  float old, value;
  decodeMatrix(type, to, 1, &old);
  decodeMatrix(type, from, 1, &value);
  old = combine(reduction, old, value);
  uint16_t bits;
  if (type == Type::F16) {
    bits = floatToHalf(old);
  } else {
    uint32_t wide = std::bit_cast<uint32_t>(old);
    bits = uint16_t((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
  }
  std::memcpy(to, &bits, 2);
}

static void reduce(Type type, int reduction, char *to, const char *from) {
  switch (type) {
  case Type::F16:
  case Type::BF16:
    return reduceHalf(type, reduction, to, from);
  case Type::F32:
    return reduceElement<float>(reduction, to, from);
  case Type::F64:
    return reduceElement<double>(reduction, to, from);
  case Type::S32:
    return reduceElement<int32_t>(reduction, to, from);
  case Type::S64:
    return reduceElement<int64_t>(reduction, to, from);
  case Type::U64:
  case Type::B64:
    return reduceElement<uint64_t>(reduction, to, from);
  default:
    return reduceElement<uint32_t>(reduction, to, from);
  }
}

/// CUtensorMapDataType as a type of PTX.
static Type tensorType(const TensorMap &map) {
  constexpr Type types[] = {Type::U8,  Type::U16,  Type::U32, Type::S32,
                            Type::U64, Type::S64,  Type::F16, Type::F32,
                            Type::F64, Type::BF16, Type::F32, Type::F32,
                            Type::F32};
  return types[map.dataType];
}

static void store(Launch &launch, BulkCopy &copy) {
  // Clusters run on several threads; reductions of theirs may meet.
  static std::mutex reductions;
  std::unique_lock<std::mutex> lock(reductions, std::defer_lock);
  if (copy.reduction >= 0)
    lock.lock();
  auto put = [&](uint64_t address, const char *from, unsigned bytes,
                 Type type) {
    char *to = launch.memory->host(address);
    if (copy.reduction >= 0) {
      for (unsigned at = 0; at < bytes; at += byteSize(type))
        reduce(type, copy.reduction, to + at, from + at);
    } else {
      std::memcpy(to, from, bytes);
    }
    markWritten(launch, {Space::Global, to, nullptr, address}, bytes);
  };
  const char *shared = copy.source->shared;
  if (!copy.tensor) {
    put(copy.global, shared + copy.offset, copy.bytes, copy.reductionType);
    return;
  }
  const TensorMap &map = copy.map;
  Type type = tensorType(map);
  map.forEachRow(copy.coordinates.data(), [&](uint32_t offset, int64_t address,
                                              unsigned begin, unsigned end) {
    unsigned size = map.elementBytes;
    for (unsigned i = begin; i < end; ++i) {
      uint32_t at =
          swizzleAddress(copy.offset + offset + i * size, map.swizzleMode());
      put(uint64_t(address) + uint64_t(i) * size * map.elementStrides[0],
          shared + at, size, type);
    }
  });
}

void perform(Cluster &cluster, BulkCopy &copy) {
  ++cluster.progress;
  copy.done = true;
  if (copy.kind == BulkCopy::Load)
    return load(*cluster.launch, copy);
  if (copy.kind == BulkCopy::Store)
    return store(*cluster.launch, copy);
  const MbarrierPlace &place = copy.destinations[0].barrier;
  Mbarrier *barrier = findMbarrier(*place.block, place.offset);
  if (!barrier)
    fail(*copy.warp, *copy.instruction, copy.lane, HazardKind::Barrier,
         "the mbarrier was invalidated before the copies had landed");
  landCopies(*copy.warp, unsigned(copy.lane), copy.number, barrier->agent,
             barrier->time() + 1);
  arrive(*copy.warp, *copy.instruction, copy.lane, place, *barrier, 1);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

static Step commitGroup(Warp &warp, const Instruction &, uint32_t mask) {
  WarpAsync &async = asyncOf(warp);
  for (; mask; mask &= mask - 1) {
    unsigned lane = unsigned(std::countr_zero(mask));
    async.bulkGroups[lane].push_back(std::move(async.bulkOpen[lane]));
    async.bulkOpen[lane].clear();
  }
  return Step::Next;
}

static Step waitGroup(Warp &warp, const Instruction &instruction,
                      uint32_t mask) {
  WarpAsync &async = asyncOf(warp);
  std::map<uint32_t, BulkCopy> &copies = asyncOf(*warp.block->cluster).bulk;
  size_t keep = instruction.target;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto &groups = async.bulkGroups[unsigned(std::countr_zero(rest))];
    for (size_t i = 0; i + keep < groups.size(); ++i)
      for (uint32_t number : groups[i])
        if (!copies.at(number).done) {
          warp.waiting = "copies of cp.async.bulk groups";
          return Step::Blocked;
        }
  }
  for (; mask; mask &= mask - 1) {
    auto &groups = async.bulkGroups[unsigned(std::countr_zero(mask))];
    while (groups.size() > keep) {
      for (uint32_t number : groups.front()) {
        BulkCopy &copy = copies.at(number);
        asyncReadEnds(warp, *copy.source, copy.offset, copy.bytes);
        copies.erase(number);
      }
      groups.pop_front();
    }
  }
  return Step::Next;
}

static Step nothing(Warp &, const Instruction &, uint32_t) {
  return Step::Next;
}

/// Reads the tensor map, so that a wrong pointer shows.
static Step prefetchMap(Warp &warp, const Instruction &instruction,
                        uint32_t mask) {
  int lane = std::countr_zero(mask);
  const BulkOperands &o = operandsOf(instruction);
  uint64_t address = warp.address(o.global, unsigned(lane));
  TensorMap map;
  Place place =
      resolve(warp, instruction, lane, Space::Generic, address, 128, 64);
  if (!TensorMap::decode(place.host, map))
    fail(warp, instruction, lane, HazardKind::IllegalAddress,
         "prefetches a tensor map from a place that holds none");
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// [map, {c0, c1, ...}]: operands `at` and `at + 1`.
static void decodeCoordinates(Decoder &decoder, BulkOperands &o, size_t at) {
  o.global = addressOf(decoder, decoder.operand(at));
  const Operand &list = decoder.operand(at + 1);
  if (list.kind == Operand::Vector) {
    if (list.elements.size() != o.rank)
      decoder.error("the instruction is of " + std::to_string(o.rank) +
                    " dimensions but has " +
                    std::to_string(list.elements.size()) + " coordinates");
    for (unsigned d = 0; d < o.rank; ++d)
      o.coordinates[d] = decoder.source(list.elements[d], Type::S32);
  } else if (o.rank == 1) {
    o.coordinates[0] = decoder.source(list, Type::S32);
  } else {
    decoder.error("coordinates are missing");
  }
}

static void decodeReduction(Decoder &decoder, BulkOperands &o) {
  o.reduction = decoder.takeOneOf(
      {"add", "min", "max", "inc", "dec", "and", "or", "xor"});
  if (o.reduction < 0)
    decoder.error("cp.reduce.async.bulk needs an operation");
  decoder.take("noftz");
  if (!o.tensor)
    o.reductionType = decoder.takeType();
}

static bool decodePrefetch(Decoder &decoder) {
  decoder.take("prefetch");
  while (!decoder.takeAny().empty())
    ;
  decoder.out().handler = nothing;
  return true;
}

bool decodeBulkCopy(Decoder &decoder) {
  Instruction &out = decoder.out();
  if (decoder.mnemonic() == "prefetch" && decoder.has("tensormap")) {
    BulkOperands &o = decoder.detail<BulkOperands>();
    decoder.take("tensormap");
    decoder.takeOneOf({"param", "const"});
    decoder.expectOperands(1, 1);
    o.global = addressOf(decoder, decoder.operand(0));
    out.handler = prefetchMap;
    return true;
  }
  if (decoder.mnemonic() != "cp" || !decoder.has("bulk"))
    return false;
  decoder.take("async");
  decoder.take("bulk");
  if (decoder.has("prefetch"))
    return decodePrefetch(decoder);
  if (decoder.take("commit_group")) {
    decoder.expectOperands(0, 0);
    out.handler = commitGroup;
    return true;
  }
  if (decoder.take("wait_group")) {
    decoder.take("read");
    decoder.expectOperands(1, 1);
    out.target = uint32_t(decoder.integer(0));
    out.handler = waitGroup;
    return true;
  }
  BulkOperands &o = decoder.detail<BulkOperands>();
  bool reduces = decoder.take("reduce");
  o.tensor = decoder.take("tensor");
  if (o.tensor) {
    int dims = decoder.takeOneOf({"1d", "2d", "3d", "4d", "5d"});
    if (dims < 0)
      decoder.error("a tensor copy needs .1d to .5d");
    o.rank = unsigned(dims) + 1;
    decoder.take("tile");
  }
  o.multicast = decoder.take("multicast::cluster");
  bool hint = decoder.take("L2::cache_hint");
  if (decoder.take("bulk_group")) {
    o.kind = BulkCopy::Store;
    decoder.take("global");
    decoder.takeOneOf({"shared::cta"});
    if (reduces)
      decodeReduction(decoder, o);
    if (o.tensor) {
      decoder.expectOperands(3, 4);
      decodeCoordinates(decoder, o, 0);
      o.shared = addressOf(decoder, decoder.operand(2));
    } else {
      decoder.expectOperands(3, 4);
      o.global = addressOf(decoder, decoder.operand(0));
      o.shared = addressOf(decoder, decoder.operand(1));
      o.bytes = decoder.source(2, Type::U32);
    }
  } else {
    if (!decoder.take("mbarrier::complete_tx::bytes") || reduces)
      decoder.error("a bulk copy completes by .bulk_group or "
                    ".mbarrier::complete_tx::bytes");
    bool toCluster = decoder.take("shared::cluster");
    bool cta = decoder.take("shared::cta");
    o.sharedSource = toCluster && cta;
    decoder.take("global");
    o.shared = addressOf(decoder, decoder.operand(0));
    size_t next = 3;
    if (o.tensor) {
      decodeCoordinates(decoder, o, 1);
    } else {
      o.global = addressOf(decoder, decoder.operand(1));
      o.bytes = decoder.source(2, Type::U32);
    }
    decoder.expectOperands(next + 1, next + 1 + o.multicast + hint);
    o.barrier = addressOf(decoder, decoder.operand(next));
    if (o.multicast)
      o.mask = decoder.source(next + 1, Type::U16);
  }
  out.handler = issue;
  return true;
}

} // namespace adze::ptxsim
