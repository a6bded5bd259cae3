//===- hazards_test.cpp - Planted mistakes in small kernels -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

using namespace adze::test;

static std::string kernel(const std::string &parameters,
                          const std::string &body) {
  return ".version 8.0\n.target sm_90a\n.address_size 64\n"
         ".extern .shared .align 1024 .b8 dyn[];\n"
         ".visible .entry k(" +
         parameters +
         ")\n{\n.reg .pred %p<8>;\n.reg .b32 %r<64>;\n.reg .b64 %rd<32>;\n"
         ".reg .f32 %f<16>;\n" +
         body + "\n}\n";
}

//===----------------------------------------------------------------------===//
// Copies into shared memory that complete on an mbarrier
//===----------------------------------------------------------------------===//

/// 128 words from `in` to `out` by way of shared memory.
static std::string bulkLoad() {
  return kernel(".param .u64 in, .param .u64 out", R"(
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  add.u32 %r3, %r2, 1024;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra INITIALIZED;
  mbarrier.init.shared::cta.b64 [%r3], 1;
  fence.mbarrier_init.release.cluster;
INITIALIZED:
  bar.sync 0;
  @%p1 bra ISSUED;
  mbarrier.arrive.expect_tx.shared::cta.b64 %rd3, [%r3], 512;
  // tile.copy gemm.onnx:7
  cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1], 512, [%r3];
ISSUED:
WAIT:
  mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;
  @!%p2 bra WAIT;
  shl.b32 %r4, %r1, 2;
  add.u32 %r5, %r2, %r4;
  // tile.load gemm.onnx:9
  ld.shared.u32 %r6, [%r5];
  cvt.u64.u32 %rd4, %r4;
  add.u64 %rd5, %rd2, %rd4;
  st.global.u32 [%rd5], %r6;
  ret;)");
}

static std::string runLoad(const std::string &text) {
  start();
  std::vector<uint32_t> values(128);
  for (uint32_t i = 0; i < 128; ++i)
    values[i] = i * 3 + 1;
  Buffer<uint32_t> in(values), out(std::vector<uint32_t>(128, 0));
  std::string report = run(text, {1, 128, 2048}, {&in.address, &out.address});
  if (report.empty())
    EXPECT_EQ(out.read(), values);
  return report;
}

TEST(Mbarrier, ACopyThatIsWaitedForArrives) {
  EXPECT_EQ(runLoad(bulkLoad()), "");
}

/// Warps that come to the load before the copy has been issued find bytes that
/// nothing wrote; later ones find the copy under way.
static void expectReadTooEarly(const std::string &report) {
  expectReport(report, {"kernel 'k'", "PTX line", "ld.shared.u32 %r6",
                        "tile.load gemm.onnx:9"});
  EXPECT_TRUE(report.find("never been written") != std::string::npos ||
              report.find("under way") != std::string::npos)
      << report;
}

static const char *const waitLoop =
    "mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;\n"
    "  @!%p2 bra WAIT;";

TEST(Mbarrier, ReadBeforeTheWait) {
  expectReadTooEarly(runLoad(with(bulkLoad(), waitLoop, "")));
}

TEST(Mbarrier, ReadBeforeTheWaitByTheThreadThatCopies) {
  std::string text = with(bulkLoad(), waitLoop, "bar.sync 0;");
  expectReport(runLoad(text),
               {"kernel 'k'", "ld.shared.u32 %r6", "tile.load gemm.onnx:9",
                "asynchronous copy into it is under way", "cp.async.bulk",
                "tile.copy gemm.onnx:7"});
}

TEST(Mbarrier, WrongPhase) {
  std::string text = with(bulkLoad(), "%p2, [%r3], 0", "%p2, [%r3], 1");
  expectReadTooEarly(runLoad(text));
}

TEST(Mbarrier, ExpectTxTooLarge) {
  std::string text = with(bulkLoad(), "[%r3], 512;", "[%r3], 528;");
  expectReport(runLoad(text), {"mbarrier.try_wait", "16 bytes outstanding"});
}

TEST(Mbarrier, ExpectTxTooSmall) {
  std::string text = with(bulkLoad(), "[%r3], 512;", "[%r3], 496;");
  expectReport(runLoad(text), {"expect_tx is too small", "tile.copy"});
}

TEST(Mbarrier, ArriveBeforeExpectTx) {
  std::string text = with(
      bulkLoad(), "mbarrier.arrive.expect_tx.shared::cta.b64 %rd3, [%r3], 512;",
      "mbarrier.arrive.shared::cta.b64 %rd3, [%r3];");
  expectReport(runLoad(text), {"under way"});
}

TEST(Mbarrier, NotInitialized) {
  std::string text =
      with(bulkLoad(), "mbarrier.init.shared::cta.b64 [%r3], 1;", "");
  expectReport(runLoad(text), {"no mbarrier at shared byte"});
}

TEST(Mbarrier, InitializedTwice) {
  std::string text = with(bulkLoad(), "mbarrier.init.shared::cta.b64 [%r3], 1;",
                          "mbarrier.init.shared::cta.b64 [%r3], 1;\n"
                          "mbarrier.init.shared::cta.b64 [%r3], 1;");
  expectReport(runLoad(text), {"over the live mbarrier"});
}

TEST(Mbarrier, InitializationNotFenced) {
  std::string text =
      with(bulkLoad(), "fence.mbarrier_init.release.cluster;", "");
  expectReport(runLoad(text), {"not visible to the async proxy"});
}

TEST(Mbarrier, InitializationNotSynchronized) {
  std::string text = with(bulkLoad(), "bar.sync 0;", "");
  std::string report = runLoad(text);
  EXPECT_TRUE(report.find("nothing orders this after its initialization") !=
                  std::string::npos ||
              report.find("no mbarrier") != std::string::npos)
      << report;
}

TEST(Mbarrier, TooManyArrivals) {
  std::string text = with(bulkLoad(), "ISSUED:",
                          "mbarrier.arrive.shared::cta.b64 %rd3, [%r3];\n"
                          "ISSUED:");
  expectReport(runLoad(text), {"more arrive in a phase than mbarrier.init"});
}

TEST(Mbarrier, OrdinaryStoreIntoTheObject) {
  std::string text =
      with(bulkLoad(), "ISSUED:", "st.shared.u32 [%r3], 1;\nISSUED:");
  expectReport(runLoad(text), {"where an mbarrier lies"});
}

TEST(Mbarrier, TheKernelEndsWithACopyUnderWay) {
  std::string text = with(bulkLoad(), "WAIT:", "ret;\nWAIT:");
  expectReport(runLoad(text), {"kernel ends while", "tile.copy"});
}

//===----------------------------------------------------------------------===//
// Copies out of shared memory
//===----------------------------------------------------------------------===//

static std::string bulkStore() {
  return kernel(".param .u64 out", R"(
  ld.param.u64 %rd1, [out];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  shl.b32 %r4, %r1, 2;
  add.u32 %r5, %r2, %r4;
  // tile.store gemm.onnx:3
  st.shared.u32 [%r5], %r1;
  fence.proxy.async.shared::cta;
  bar.sync 0;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra STORED;
  // tile.copy_out gemm.onnx:4
  cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r2], 512;
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group.read 0;
STORED:
  bar.sync 0;
  st.shared.u32 [%r5], 0;
  ret;)");
}

static std::string runStore(const std::string &text) {
  start();
  Buffer<uint32_t> out(std::vector<uint32_t>(128, 7));
  std::string report = run(text, {1, 128, 2048}, {&out.address});
  if (report.empty())
    for (uint32_t i = 0; i < 128; ++i)
      EXPECT_EQ(out.read()[i], i);
  return report;
}

TEST(BulkStore, Arrives) { EXPECT_EQ(runStore(bulkStore()), ""); }

TEST(BulkStore, NoProxyFence) {
  expectReport(
      runStore(with(bulkStore(), "fence.proxy.async.shared::cta;", "")),
      {"no fence.proxy.async since", "tile.copy_out gemm.onnx:4",
       "tile.store gemm.onnx:3"});
}

TEST(BulkStore, NoBarrier) {
  expectReport(runStore(with(bulkStore(), "bar.sync 0;\n  setp", "setp")),
               {"cp.async.bulk.global"});
}

TEST(BulkStore, SourceOverwritten) {
  expectReport(
      runStore(with(bulkStore(), "cp.async.bulk.wait_group.read 0;", "")),
      {"st.shared.u32 [%r5], 0", "still reads it", "wait_group.read"});
}

TEST(BulkStore, NotWaitedFor) {
  std::string text =
      with(with(bulkStore(), "cp.async.bulk.wait_group.read 0;", ""),
           "st.shared.u32 [%r5], 0;", "");
  expectReport(runStore(text), {"kernel ends without waiting"});
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

static std::string copyAsync() {
  return kernel(".param .u64 in, .param .u64 out", R"(
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  shl.b32 %r4, %r1, 4;
  add.u32 %r5, %r2, %r4;
  cvt.u64.u32 %rd4, %r4;
  add.u64 %rd5, %rd1, %rd4;
  setp.lt.u32 %p1, %r1, 30;
  selp.b32 %r6, 16, 4, %p1;
  cp.async.cg.shared.global [%r5], [%rd5], 16, %r6;
  cp.async.commit_group;
  cp.async.wait_group 0;
  bar.sync 0;
  xor.b32 %r7, %r4, 512;
  add.u32 %r8, %r2, %r7;
  ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r8];
  cvt.u64.u32 %rd6, %r7;
  add.u64 %rd7, %rd2, %rd6;
  st.global.v4.u32 [%rd7], {%r10, %r11, %r12, %r13};
  ret;)");
}

static std::string runCopyAsync(const std::string &text) {
  start();
  std::vector<uint32_t> values(256);
  for (uint32_t i = 0; i < 256; ++i)
    values[i] = i + 100;
  Buffer<uint32_t> in(values), out(std::vector<uint32_t>(256, 0));
  std::string report = run(text, {1, 64, 2048}, {&in.address, &out.address});
  if (report.empty())
    for (uint32_t i = 0; i < 256; ++i)
      EXPECT_EQ(out.read()[i], i / 4 >= 30 && i % 4 ? 0 : values[i]) << i;
  return report;
}

TEST(CopyAsync, ZeroFillsAndArrives) {
  EXPECT_EQ(runCopyAsync(copyAsync()), "");
}

TEST(CopyAsync, NotWaitedFor) {
  expectReport(runCopyAsync(with(copyAsync(), "cp.async.wait_group 0;", "")),
               {"ld.shared.v4.u32", "under way", "cp.async.cg"});
}

TEST(CopyAsync, WaitedForWithTooManyGroupsLeft) {
  expectReport(runCopyAsync(with(copyAsync(), "cp.async.wait_group 0;",
                                 "cp.async.wait_group 1;")),
               {"under way"});
}

TEST(CopyAsync, WaitedForButNoBarrier) {
  expectReport(runCopyAsync(with(copyAsync(), "bar.sync 0;", "")),
               {"ld.shared.v4.u32"});
}

//===----------------------------------------------------------------------===//
// Ordinary loads and stores
//===----------------------------------------------------------------------===//

static std::string exchange() {
  return kernel(".param .u64 out", R"(
  ld.param.u64 %rd1, [out];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, dyn;
  shl.b32 %r4, %r1, 2;
  add.u32 %r5, %r2, %r4;
  st.shared.u32 [%r5], %r1;
  bar.sync 0;
  xor.b32 %r7, %r4, 128;
  add.u32 %r8, %r2, %r7;
  ld.shared.u32 %r9, [%r8];
  bar.sync 0;
  st.shared.u32 [%r5], %r9;
  ret;)");
}

static std::string runExchange(const std::string &text) {
  start();
  Buffer<uint32_t> out(std::vector<uint32_t>(64, 0));
  return run(text, {1, 64, 1024}, {&out.address});
}

TEST(Races, BarriersOrder) { EXPECT_EQ(runExchange(exchange()), ""); }

TEST(Races, ReadAfterWrite) {
  std::string report =
      runExchange(with(exchange(), "bar.sync 0;\n  xor", "xor"));
  expectReport(report, {"shared"});
}

TEST(Races, WriteAfterRead) {
  expectReport(
      runExchange(with(exchange(), "bar.sync 0;\n  st.shared", "st.shared")),
      {"race", "shared memory at byte", "ld.shared.u32 %r9"});
}

TEST(Races, Uninitialized) {
  expectReport(runExchange(with(exchange(), "st.shared.u32 [%r5], %r1;", "")),
               {"ld.shared.u32 %r9"});
}

TEST(Races, OutOfBounds) {
  expectReport(runExchange(with(exchange(), "xor.b32 %r7, %r4, 128",
                                "add.u32 %r7, %r4, 1024")),
               {"ld.shared.u32 %r9"});
}
