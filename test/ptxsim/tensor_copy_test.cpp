//===- tensor_copy_test.cpp - Tensor copies, multicast, cluster barriers ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

#include <cstring>

using namespace adze::test;

namespace {
/// A tensor map of f32 as a kernel parameter.
struct Map {
  alignas(64) char bytes[128];
  Map(uint64_t address, std::vector<uint64_t> dims, std::vector<uint32_t> box,
      int swizzle, int fill = 0) {
    uint64_t strides[4] = {};
    uint64_t stride = 4;
    uint32_t steps[5] = {1, 1, 1, 1, 1};
    for (size_t d = 0; d + 1 < dims.size(); ++d)
      strides[d] = stride *= dims[d];
    EXPECT_EQ(cuTensorMapEncodeTiled(bytes, 7, uint32_t(dims.size()),
                                     reinterpret_cast<void *>(address),
                                     dims.data(), strides, box.data(), steps, 0,
                                     swizzle, 0, fill),
              0);
  }
};
} // namespace

static const char *const head = R"(.version 8.0
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 dyn[];
.visible .entry k(.param .align 64 .b8 from[128], .param .align 64 .b8 to[128], .param .u64 raw)
CLUSTER
.reqntid 32, 1, 1
{
.reg .pred %p<8>;
.reg .b16 %rs<4>;
.reg .b32 %r<64>;
.reg .b64 %rd<32>;
  mov.b64 %rd1, from;
  mov.b64 %rd2, to;
  cvta.param.u64 %rd1, %rd1;
  cvta.param.u64 %rd2, %rd2;
  ld.param.u64 %rd3, [raw];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  add.u32 %r3, %r2, 4096;
  setp.ne.u32 %p1, %r1, 0;
)";

/// Loads a box at (COORDINATES), writes shared memory as it lies to `raw`, and
/// stores the box through the second map.
static std::string loadAndStore(const std::string &dims,
                                const std::string &coordinates,
                                const std::string &bytes,
                                const std::string &reduce) {
  std::string text = std::string(head) + R"(
  @%p1 bra READY;
  mbarrier.init.shared::cta.b64 [%r3], 1;
  fence.mbarrier_init.release.cluster;
  mbarrier.arrive.expect_tx.shared::cta.b64 %rd9, [%r3], BYTES;
  cp.async.bulk.tensor.DIMS.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r2], [%rd1, {COORDINATES}], [%r3];
READY:
  bar.warp.sync -1;
WAIT:
  mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;
  @!%p2 bra WAIT;
  mov.u32 %r4, %r1;
LOOP:
  shl.b32 %r5, %r4, 2;
  add.u32 %r6, %r2, %r5;
  ld.shared.b32 %r7, [%r6];
  cvt.u64.u32 %rd5, %r5;
  add.u64 %rd6, %rd3, %rd5;
  st.global.b32 [%rd6], %r7;
  add.u32 %r4, %r4, 32;
  setp.lt.u32 %p3, %r5, BYTES-128;
  @%p3 bra LOOP;
  @%p1 bra DONE;
  cp.STORE [%rd2, {COORDINATES}], [%r2];
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group 0;
DONE:
  ret;
}
)";
  text = with(text, "CLUSTER\n", "");
  std::string store =
      reduce.empty()
          ? "async.bulk.tensor." + dims + ".global.shared::cta.tile.bulk_group"
          : "reduce.async.bulk.tensor." + dims + ".global.shared::cta." +
                reduce + ".tile.bulk_group";
  text = with(text, "STORE", store);
  text = with(text, "DIMS", dims);
  for (int i = 0; i < 2; ++i)
    text = with(text, "COORDINATES", coordinates);
  text = with(text, "BYTES-128", std::to_string(std::stoi(bytes) - 128));
  return with(text, "BYTES", bytes);
}

static std::vector<float> counted(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = float(i + 1);
  return values;
}

/// A box of 8 rows of 32 columns at (x, y) of a 40 x 20 matrix.
static void checkMatrix(int swizzle, int x, int y, const std::string &reduce) {
  SCOPED_TRACE("swizzle " + std::to_string(swizzle) + " at " +
               std::to_string(x) + ", " + std::to_string(y));
  start();
  const int columns = 40, rows = 20;
  const int boxColumns = swizzle == 1 ? 8 : swizzle == 2 ? 16 : 32, boxRows = 8;
  std::vector<float> values = counted(columns * rows);
  Buffer<float> in(values), out(std::vector<float>(columns * rows, 0.5f)),
      raw(std::vector<float>(boxColumns * boxRows, 0));
  Map from(in.address, {columns, rows}, {uint32_t(boxColumns), boxRows},
           swizzle);
  Map to(out.address, {columns, rows}, {uint32_t(boxColumns), boxRows},
         swizzle);
  std::string bytes = std::to_string(boxColumns * boxRows * 4);
  ASSERT_EQ(run(loadAndStore("2d", std::to_string(x) + ", " + std::to_string(y),
                             bytes, reduce),
                {1, 32, 8192}, {from.bytes, to.bytes, &raw.address}),
            "");
  std::vector<float> stored = out.read(), shared = raw.read();
  auto inBox = [&](int row, int column) {
    return row >= y && row < y + boxRows && column >= x &&
           column < x + boxColumns;
  };
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      int at = row * columns + column;
      float before = 0.5f, value = values[size_t(at)];
      EXPECT_EQ(stored[size_t(at)], !inBox(row, column) ? before
                                    : reduce.empty()    ? value
                                                        : before + value);
    }
  for (int row = 0; row < boxRows; ++row)
    for (int column = 0; column < boxColumns; ++column) {
      int offset = (row * boxColumns + column) * 4;
      int mask = swizzle == 0 ? 0 : (2 << (swizzle - 1)) - 1;
      offset ^= (offset >> 7 & mask) << 4;
      int r = y + row, c = x + column;
      bool inside = r >= 0 && r < rows && c >= 0 && c < columns;
      EXPECT_EQ(shared[size_t(offset / 4)],
                inside ? values[size_t(r * columns + c)] : 0.0f);
    }
}

TEST(TensorCopy, SwizzlesAndEdges) {
  for (int swizzle : {0, 1, 2, 3})
    for (auto [x, y] : {std::pair{0, 0}, std::pair{4, 9}, std::pair{-4, -3},
                        std::pair{24, 15}})
      checkMatrix(swizzle, x, y, "");
}

TEST(TensorCopy, ReducesByAddition) { checkMatrix(3, 8, 16, "add"); }

TEST(TensorCopy, ThreeDimensions) {
  start();
  std::vector<float> values = counted(8 * 6 * 5);
  Buffer<float> in(values), out(std::vector<float>(values.size(), 0)),
      raw(std::vector<float>(8 * 2 * 4, 0));
  Map from(in.address, {8, 6, 5}, {8, 2, 4}, 0);
  Map to(out.address, {8, 6, 5}, {8, 2, 4}, 0);
  ASSERT_EQ(run(loadAndStore("3d", "0, 3, 2", "256", ""), {1, 32, 8192},
                {from.bytes, to.bytes, &raw.address}),
            "");
  std::vector<float> stored = out.read();
  for (int z = 0; z < 5; ++z)
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 8; ++x) {
        size_t at = size_t((z * 6 + y) * 8 + x);
        EXPECT_EQ(stored[at], z >= 2 && y >= 3 && y < 5 ? values[at] : 0.0f);
      }
}

TEST(TensorCopy, AMapOfAnotherRank) {
  start();
  Buffer<float> in(counted(64)), raw(std::vector<float>(64, 0));
  Map map(in.address, {64}, {64}, 0);
  expectReport(run(loadAndStore("2d", "0, 0", "256", ""), {1, 32, 8192},
                   {map.bytes, map.bytes, &raw.address}),
               {"the tensor map has 1 dimensions, the instruction 2"});
}

TEST(TensorCopy, TheTensorEndsBeforeItsMapSays) {
  start();
  Buffer<float> in(counted(64)), raw(std::vector<float>(64, 0));
  Map map(in.address, {32, 4}, {32, 2}, 0);
  expectReport(run(loadAndStore("2d", "0, 2", "256", ""), {1, 32, 8192},
                   {map.bytes, map.bytes, &raw.address}),
               {"illegal address", "cp.async.bulk.tensor.2d.shared"});
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

/// Two blocks load one half of 64 words each into both; every block waits for
/// both halves, and block r writes word i to raw[64 * r + i]. Then each adds
/// an arrival at the other's second barrier before it may end.
static std::string multicast() {
  std::string text = std::string(head) + R"(
  mov.u32 %r20, %cluster_ctarank;
  @%p1 bra READY;
  mbarrier.init.shared::cta.b64 [%r3], 1;
  mbarrier.init.shared::cta.b64 [%r3+8], 1;
  fence.mbarrier_init.release.cluster;
READY:
  bar.warp.sync -1;
  barrier.cluster.arrive.release.aligned;
  barrier.cluster.wait.acquire.aligned;
  @%p1 bra WAIT;
  mbarrier.arrive.expect_tx.shared::cta.b64 %rd9, [%r3], 256;
  shl.b32 %r21, %r20, 5;
  shl.b32 %r22, %r20, 7;
  add.u32 %r23, %r2, %r22;
  mov.b16 %rs1, 3;
  // tile.multicast_load gemm.onnx:2
  cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r23], [%rd1, {%r21}], [%r3], %rs1;
WAIT:
  mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;
  @!%p2 bra WAIT;
  shl.b32 %r4, %r1, 3;
  add.u32 %r6, %r2, %r4;
  ld.shared.b64 %rd5, [%r6];
  shl.b32 %r7, %r20, 8;
  add.u32 %r7, %r7, %r4;
  cvt.u64.u32 %rd6, %r7;
  add.u64 %rd7, %rd3, %rd6;
  st.global.b64 [%rd7], %rd5;
  xor.b32 %r24, %r20, 1;
  mapa.shared::cluster.u32 %r25, %r3, %r24;
  @!%p1 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r25+8];
LAST:
  mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [%r3+8], 0;
  @!%p2 bra LAST;
  ret;
}
)";
  return with(text, "CLUSTER", ".reqnctapercluster 2, 1, 1");
}

static std::string runMulticast(const std::string &text) {
  start();
  std::vector<float> values = counted(64);
  Buffer<float> in(values), raw(std::vector<float>(128, 0));
  Map map(in.address, {64}, {32}, 0);
  std::string report =
      run(text, {2, 32, 8192}, {map.bytes, map.bytes, &raw.address});
  if (report.empty())
    for (size_t i = 0; i < 128; ++i)
      EXPECT_EQ(raw.read()[i], values[i % 64]);
  return report;
}

TEST(Cluster, MulticastReachesBothBlocks) {
  EXPECT_EQ(runMulticast(multicast()), "");
}

TEST(Cluster, NoBarrierBeforeTheOtherBlocksMbarrier) {
  std::string text =
      with(multicast(), "barrier.cluster.wait.acquire.aligned;", "");
  text = with(text, "barrier.cluster.arrive.release.aligned;", "");
  std::string report = runMulticast(text);
  expectReport(report, {"mbarrier", "tile.multicast_load gemm.onnx:2"});
}

TEST(Cluster, MaskOfABlockThatIsNotThere) {
  expectReport(
      runMulticast(with(multicast(), "mov.b16 %rs1, 3", "mov.b16 %rs1, 7")),
      {"names block 2 of a cluster of 2"});
}

TEST(Cluster, ExpectTxOfOneHalfOnly) {
  expectReport(runMulticast(with(multicast(), "[%r3], 256", "[%r3], 128")),
               {"kernel 'k'"});
}
