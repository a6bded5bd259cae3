//===- control_test.cpp - Divergence, barriers, shuffles, memory, texts and the
// driver API ===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include <numeric>

using namespace adze::test;

extern "C" {
int cuStreamCreate(void **, unsigned);
int cuStreamBeginCapture_v2(void *, int);
int cuStreamEndCapture(void *, void **);
int cuStreamWaitEvent(void *, void *, unsigned);
int cuStreamSynchronize(void *);
int cuGraphInstantiateWithFlags(void **, void *, unsigned long long);
int cuGraphLaunch(void *, void *);
int cuEventCreate(void **, unsigned);
int cuEventRecord(void *, void *);
int cuMemcpyDtoDAsync_v2(uint64_t, uint64_t, size_t, void *);
int cuMemsetD8Async(uint64_t, unsigned char, size_t, void *);
int cuGetErrorName(int, const char **);
int cuGetProcAddress_v2(const char *, void **, int, uint64_t, int *);
}

namespace {

/// A kernel with one pointer parameter; %rd0 is the pointer, %r0 the thread,
/// %rd1 the address of the thread's word.
std::string kernel(const std::string &body,
                   const std::string &before = std::string()) {
  return R"(.version 8.0
.target sm_90a
.address_size 64
)" + before +
         R"(
.visible .entry k(.param .u64 .ptr .global .align 4 p)
{
  .reg .pred %p<8>;
  .reg .f32 %f<8>;
  .reg .b32 %r<16>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd0, [p];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %rd1, %r0, 4;
  add.s64 %rd1, %rd0, %rd1;
)" + body +
         "\n  ret;\n}\n";
}

std::vector<uint32_t> results(const std::string &text, unsigned threads,
                              unsigned blocks = 1) {
  start();
  Buffer<uint32_t> out{std::vector<uint32_t>(threads)};
  EXPECT_EQ(run(text, {blocks, threads, 0}, {&out.address}), "");
  return out.read();
}
std::string report(const std::string &text, unsigned threads = 32) {
  start();
  Buffer<uint32_t> out{std::vector<uint32_t>(threads)};
  return run(text, {1, threads, 0}, {&out.address});
}

TEST(Divergence, LoopsOfDifferentLengthMeetAgain) {
  auto got = results(kernel(R"(
  mov.u32 %r1, 0;
  mov.u32 %r2, %r0;
LOOP:
  setp.eq.u32 %p0, %r2, 0;
  @%p0 bra DONE;
  add.u32 %r1, %r1, %r2;
  sub.u32 %r2, %r2, 1;
  bra LOOP;
DONE:
  shfl.sync.idx.b32 %r3, %r1, 5, 31, -1;
  add.u32 %r1, %r1, %r3;
  st.global.u32 [%rd1], %r1;)"),
                     64);
  for (uint32_t i = 0; i < 64; ++i) {
    uint32_t five = i < 32 ? 5 : 37;
    EXPECT_EQ(got[i], i * (i + 1) / 2 + five * (five + 1) / 2);
  }
}

TEST(Divergence, ALaneThatSpinsDoesNotStarveTheOneItWaitsFor) {
  auto got = results(kernel(R"(
  mov.u32 %r4, flag;
  setp.ne.u32 %p0, %r0, 0;
  st.volatile.shared.u32 [%r4], 0;
  bar.warp.sync -1;
  @!%p0 bra SETTER;
SPIN:
  ld.volatile.shared.u32 %r1, [%r4];
  setp.eq.u32 %p1, %r1, 0;
  @%p1 bra SPIN;
  bra DONE;
SETTER:
  mov.u32 %r1, 7;
  st.volatile.shared.u32 [%r4], %r1;
DONE:
  st.global.u32 [%rd1], %r1;)",
                            ".shared .align 4 .b8 flag[4];"),
                     32);
  for (uint32_t v : got)
    EXPECT_EQ(v, 7u);
}

TEST(Divergence, AShuffleWithoutOneOfItsLanesIsReported) {
  expectReport(report(kernel(R"(
  setp.eq.u32 %p0, %r0, 3;
  @%p0 bra OTHER;
  // tile.reduce model.onnx:7
  shfl.sync.down.b32 %r1, %r0, 1, 31, -1;
  bra.uni DONE;
OTHER:
  bar.sync 1, 64;
DONE:
  st.global.u32 [%rd1], %r1;)")),
               {"divergence", "lanes 0xfffffff7 at PTX line 19",
                "shfl.sync.down.b32", "to join", "tile.reduce model.onnx:7"});
}

TEST(Barrier, BlocksReduceThroughSharedMemory) {
  auto got = results(kernel(R"(
  mov.u32 %r4, sums;
  shl.b32 %r5, %r0, 2;
  add.u32 %r5, %r4, %r5;
  st.shared.u32 [%r5], %r0;
  bar.sync 0;
  xor.b32 %r6, %r0, 127;
  shl.b32 %r6, %r6, 2;
  add.u32 %r6, %r4, %r6;
  ld.shared.u32 %r7, [%r6];
  bar.red.popc.u32 %r8, 0, %p0;
  setp.lt.u32 %p0, %r0, 5;
  bar.red.popc.u32 %r8, 0, %p0;
  add.u32 %r7, %r7, %r8;
  st.global.u32 [%rd1], %r7;)",
                            ".shared .align 4 .b8 sums[512];"),
                     128);
  for (uint32_t i = 0; i < 128; ++i)
    EXPECT_EQ(got[i], (i ^ 127) + 5);
}

TEST(Barrier, ADeadlockSaysWhoWaitsWhere) {
  expectReport(report(kernel(R"(
  setp.lt.u32 %p0, %r0, 32;
  @%p0 bra FIRST;
  bar.sync 2, 64;
  bra.uni DONE;
FIRST:
  bar.sync 1, 64;
DONE:)"),
                      64),
               {"deadlock", "barrier 1 (32 of 64", "barrier 2 (32 of 64"});
}

TEST(Warp, VotesMatchesReductions) {
  auto got = results(kernel(R"(
  and.b32 %r1, %r0, 1;
  setp.eq.u32 %p0, %r1, 1;
  vote.sync.ballot.b32 %r2, %p0, -1;
  match.any.sync.b32 %r3, %r1, -1;
  redux.sync.add.u32 %r4, %r0, -1;
  elect.sync %r5|%p1, -1;
  shfl.sync.up.b32 %r6|%p2, %r0, 1, 0, -1;
  selp.b32 %r7, 1, 0, %p2;
  xor.b32 %r2, %r2, %r3;
  add.u32 %r4, %r4, %r5;
  add.u32 %r4, %r4, %r6;
  add.u32 %r4, %r4, %r7;
  add.u32 %r2, %r2, %r4;
  st.global.u32 [%rd1], %r2;)"),
                     32);
  for (uint32_t i = 0; i < 32; ++i) {
    uint32_t match = i & 1 ? 0xaaaaaaaa : 0x55555555;
    uint32_t up = i ? i - 1 : 0, valid = i ? 1 : 0;
    EXPECT_EQ(got[i], (0xaaaaaaaau ^ match) + 496 + up + valid) << i;
  }
}

TEST(Atomics, CountInGlobalAndSharedMemory) {
  auto got = results(kernel(R"(
  atom.global.add.u32 %r1, [%rd0], 1;
  red.global.max.s32 [%rd0+4], %r0;
  mov.u32 %r3, 0x3f800000;
  red.global.add.f32 [%rd0+8], 0f3F800000;
  atom.global.cas.b32 %r2, [%rd0+12], 0, 9;)"),
                     64, 3);
  EXPECT_EQ(got[0], 192u);
  EXPECT_EQ(got[1], 63u);
  EXPECT_EQ(got[2], 0x43400000u);
  EXPECT_EQ(got[3], 9u);
}

TEST(Calls, PassParametersAndResults) {
  auto got = results(kernel(R"(
  {
  .param .b32 arg0;
  st.param.b32 [arg0], %r0;
  .param .b32 back;
  call.uni (back), twice, (arg0);
  ld.param.b32 %r1, [back];
  }
  st.global.u32 [%rd1], %r1;)",
                            R"(
.func (.param .b32 result) twice(.param .b32 x)
{
  .reg .b32 %r<4>;
  .reg .pred %p<2>;
  ld.param.b32 %r1, [x];
  add.s32 %r2, %r1, %r1;
  setp.gt.u32 %p1, %r1, 9;
  @%p1 bra OUT;
  add.s32 %r2, %r2, 100;
OUT:
  st.param.b32 [result], %r2;
  ret;
}
)"),
                     32);
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(got[i], 2 * i + (i > 9 ? 0 : 100));
}

TEST(Memory, LocalArraysAndBranchTables) {
  auto got = results(kernel(R"(
  .local .align 8 .b8 depot[16];
  mov.b64 %rd2, depot;
  cvta.local.u64 %rd3, %rd2;
  st.u32 [%rd3+4], %r0;
  ld.local.u32 %r1, [%rd2+4];
  and.b32 %r2, %r0, 1;
TABLE: .branchtargets EVEN, ODD;
  brx.idx %r2, TABLE;
ODD:
  add.u32 %r1, %r1, 1000;
EVEN:
  st.global.u32 [%rd1], %r1;)"),
                     32);
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(got[i], i + (i & 1 ? 1000 : 0));
}

TEST(Memory, OverrunsSayHowFarFromWhat) {
  expectReport(report(kernel("st.global.u32 [%rd1+4], 1;")),
               {"illegal address", "PTX line", "st.global.u32 [%rd1+4], 1",
                "thread (31,0,0)", "0 bytes after the end of allocation",
                "(128 bytes at"});
  expectReport(report(kernel(R"(
  cvt.u64.u32 %rd2, %r0;
  mul.lo.s64 %rd2, %rd2, -4;
  mov.u64 %rd3, room;
  add.s64 %rd2, %rd2, %rd3;
  ld.shared.u32 %r1, [%rd2+1024];)",
                             ".shared .align 4 .b8 room[2048];")),
               {"uninitialized"});
  expectReport(report(kernel(R"(
  cvt.u64.u32 %rd2, %r0;
  mul.lo.s64 %rd2, %rd2, -128;
  mov.u64 %rd3, room;
  add.s64 %rd2, %rd2, %rd3;
  st.shared.u32 [%rd2+1024], 1;)",
                             ".shared .align 4 .b8 room[2048];")),
               {"illegal address", "thread (9,0,0)", "shared address"});
  expectReport(report(kernel("ld.global.u32 %r1, [%rd1+2];")),
               {"misaligned", "thread (0,0,0)"});
}

TEST(Memory, ReadsOfWhatNothingWroteAreReported) {
  start();
  uint64_t address = 0;
  ASSERT_EQ(cuMemAlloc_v2(&address, 128), 0);
  expectReport(
      run(kernel("ld.global.u32 %r1, [%rd1];"), {1, 32, 0}, {&address}),
      {"uninitialized", "global address"});
  EXPECT_EQ(cuMemsetD8_v2(address, 0, 128), 0);
  EXPECT_EQ(run(kernel("ld.global.u32 %r1, [%rd1];"), {1, 32, 0}, {&address}),
            "");
  cuMemFree_v2(address);
  expectReport(
      run(kernel("ld.global.u32 %r1, [%rd1];"), {1, 32, 0}, {&address}),
      {"illegal address", "which has been freed"});
}

TEST(Text, ErrorsNameLineAndInstruction) {
  expectReport(report(kernel("frobnicate.f32 %f1, %f2;")),
               {"not loaded", "line 15", "frobnicate.f32", "unknown"});
  expectReport(report(kernel("add.frob.s32 %r1, %r2, %r3;")),
               {"unknown modifier .frob"});
  expectReport(report(kernel("add.s32 %r1, %r2, %rd3;")), {"64 bits"});
  expectReport(report(kernel("bra NOWHERE;")), {"no label 'NOWHERE'"});
  expectReport(report(kernel("add.s32 %r1, %r99, 1;")), {"%r99"});
  expectReport(report(".version 8.0\n.target sm_80\nnonsense"),
               {"not loaded", "line 3"});
  expectReport(report(".version 8.0\n.target sm_100a\n"), {"sm_100a"});
  // Every beginning of a text is refused or accepted, never more.
  std::string whole = kernel("{ .reg .pred q; @q bra L; L: mov.b64 {%r1, "
                             "%r2}, %rd1; ld.global.v2.u32 {%r1, %r2}, "
                             "[%rd1+-8]; }",
                             ".global .align 4 .b32 v[3] = {1, -2, 0x3};");
  start();
  for (size_t size = 0; size < whole.size(); ++size) {
    void *module = nullptr;
    if (cuModuleLoadDataEx(&module, whole.substr(0, size).c_str(), 0, nullptr,
                           nullptr) == 0)
      cuModuleUnload(module);
  }
}

TEST(Driver, AGraphReplaysTwoStreams) {
  start();
  Buffer<uint32_t> a(std::vector<uint32_t>(32, 5)),
      b(std::vector<uint32_t>(32)), c(std::vector<uint32_t>(32));
  void *first = nullptr, *second = nullptr, *fork = nullptr, *back = nullptr;
  ASSERT_EQ(cuStreamCreate(&first, 1), 0);
  ASSERT_EQ(cuStreamCreate(&second, 1), 0);
  ASSERT_EQ(cuEventCreate(&fork, 2), 0);
  ASSERT_EQ(cuEventCreate(&back, 2), 0);
  auto record = [&](bool join) {
    EXPECT_EQ(cuStreamBeginCapture_v2(first, 1), 0);
    EXPECT_EQ(cuMemcpyDtoDAsync_v2(b.address, a.address, 128, first), 0);
    EXPECT_EQ(cuEventRecord(fork, first), 0);
    EXPECT_EQ(cuStreamWaitEvent(second, fork, 0), 0);
    EXPECT_EQ(cuMemcpyDtoDAsync_v2(c.address, b.address, 128, second), 0);
    EXPECT_EQ(cuStreamSynchronize(first), 900);
    EXPECT_EQ(cuEventRecord(back, second), 0);
    if (join)
      EXPECT_EQ(cuStreamWaitEvent(first, back, 0), 0);
    void *graph = nullptr;
    int result = cuStreamEndCapture(first, &graph);
    EXPECT_EQ(result, join ? 0 : 904);
    return graph;
  };
  record(false);
  void *graph = record(true), *executable = nullptr;
  EXPECT_EQ(c.read()[0], 0u); // nothing has run yet
  ASSERT_EQ(cuGraphInstantiateWithFlags(&executable, graph, 0), 0);
  ASSERT_EQ(cuGraphLaunch(executable, first), 0);
  EXPECT_EQ(c.read()[31], 5u);
  ASSERT_EQ(cuMemsetD8_v2(a.address, 1, 128), 0);
  ASSERT_EQ(cuGraphLaunch(executable, first), 0);
  EXPECT_EQ(c.read()[31], 0x01010101u);
}

TEST(Driver, RefusesWhatADriverRefuses) {
  start();
  const char *name = nullptr;
  EXPECT_EQ(cuGetErrorName(700, &name), 0);
  EXPECT_STREQ(name, "CUDA_ERROR_ILLEGAL_ADDRESS");
  void *function = nullptr;
  int status = 0;
  EXPECT_EQ(cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status), 0);
  EXPECT_EQ(function, reinterpret_cast<void *>(&cuMemAlloc_v2));
  EXPECT_NE(cuGetProcAddress_v2("cuFrob", &function, 12000, 0, &status), 0);
  EXPECT_EQ(cuMemcpyHtoD_v2(64, &name, 8), 1);
  expectReport(report(kernel(""), 2048), {"1024 are possible"});
  EXPECT_EQ(
      cuLaunchKernel(&name, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
      400);
}

} // namespace
