//===- AsyncState.cpp - What is under way in a launch ---------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime/ptxsim/AsyncState.h"

#include "runtime/ptxsim/AsyncCopy.h"

namespace adze::ptxsim {

/// Registers of an SM and the most that a thread may have (sm_80 to sm_100).
static constexpr uint32_t registersOfSM = 65536, mostRegisters = 255;

/// What ptxas gives a thread of a kernel with launch bounds: all that fits,
/// in steps of 8. setmaxnreg moves it between warps.
static uint32_t registersPerThread(uint32_t threads) {
  uint32_t most = registersOfSM / std::max(threads, 1u) / 8 * 8;
  return std::min(most, mostRegisters / 8 * 8);
}

//===----------------------------------------------------------------------===//
// Watching instructions
//===----------------------------------------------------------------------===//

/// Does operand 0 name registers that the instruction writes?
static bool writesFirstOperand(const Instruction &instruction,
                               const std::string &mnemonic) {
  if (!instruction.operands || instruction.operands->empty())
    return false;
  Operand::Kind kind = (*instruction.operands)[0].kind;
  if (kind != Operand::Register && kind != Operand::Vector)
    return false;
  for (const char *reader : {"bar", "barrier", "nanosleep", "bra", "brx",
                             "call", "red", "st", "trap"})
    if (mnemonic == reader)
      return false;
  return true;
}

/// Puts watchedStep before instructions that need it. Launches of a process
/// run one after another, so the program is this launch's until it ends.
static void watch(LaunchAsync &async, Launch &launch) {
  auto &code = const_cast<Program *>(launch.program)->code;
  size_t count = code.size();
  async.handlers.resize(count);
  async.writesFirst.assign(count, 0);
  async.namedBarrier.assign(count, 0);
  for (size_t i = 0; i < count; ++i)
    async.watchRegisters |=
        launch.program->texts[i].opcode.starts_with("wgmma.mma_async");
  for (size_t i = 0; i < count; ++i) {
    const InstructionText &text = launch.program->texts[i];
    async.handlers[i] = code[i].handler;
    if (!launch.checks.races || !code[i].handler)
      continue;
    bool isBarrier = text.mnemonic == "bar" || text.mnemonic == "barrier";
    if (text.opcode.starts_with("barrier.cluster") ||
        text.opcode.starts_with("bar.warp"))
      isBarrier = false;
    if (isBarrier)
      async.namedBarrier[i] =
          text.opcode.find(".arrive") == std::string::npos ? 2 : 1;
    if (text.mnemonic == "wgmma")
      async.writesFirst[i] = 2;
    else if (writesFirstOperand(code[i], text.mnemonic))
      async.writesFirst[i] = 1;
    // The scheduler knows branches by their handlers.
    bool isControl = false;
    for (const char *control : {"bra", "brx", "call", "ret", "exit"})
      isControl |= text.mnemonic == control;
    if (isBarrier || (async.watchRegisters && !isControl))
      code[i].handler = watchedStep;
  }
}

LaunchAsync::~LaunchAsync() {
  auto &code = const_cast<Program *>(launch->program)->code;
  for (size_t i = 0; i < handlers.size(); ++i)
    code[i].handler = handlers[i];
}

//===----------------------------------------------------------------------===//
// The end
//===----------------------------------------------------------------------===//

void checkNothingLeft(Cluster &cluster) {
  for (auto &[number, copy] : asyncOf(cluster).bulk) {
    if (copy.kind == BulkCopy::Store)
      fail(*copy.warp, *copy.instruction, copy.lane, HazardKind::Race,
           "the kernel ends without waiting until this copy has read shared "
           "memory; put cp.async.bulk.commit_group and "
           "cp.async.bulk.wait_group.read 0 before the end");
    fail(*copy.warp, *copy.instruction, copy.lane, HazardKind::Race,
         "the kernel ends while this copy into shared memory is under way; "
         "wait for its mbarrier before the end");
  }
  for (Block &block : cluster.blocks) {
    const Warp &first = block.warps.front();
    const Program &program = *cluster.launch->program;
    for (Warp &warp : block.warps) {
      WarpAsync &async = asyncOf(warp);
      if (!async.copies.empty())
        fail(warp, program.code[async.copies.front().site],
             int(async.copies.front().lane), HazardKind::Race,
             "the kernel ends without waiting for this copy; put "
             "cp.async.wait_all before the end");
      if (async.registers.underWay)
        fail(warp, program.code[warp.pc], -1, HazardKind::Race,
             "the kernel ends while " +
                 std::to_string(async.registers.underWay) +
                 " wgmma.mma_async of the warp are under way; put "
                 "wgmma.commit_group and wgmma.wait_group before the end");
    }
    for (auto &[key, issue] : asyncOf(block).wgmmaIssues)
      fail(block.warps[issue->warp], program.code[issue->site], -1,
           HazardKind::Divergence,
           "only " + std::to_string(issue->warps) +
               " of the 4 warps of the warpgroup have executed this");
    for (auto &[offset, barrier] : asyncOf(block).mbarriers)
      if (barrier.bytes != 0)
        fail(first, program.code[barrier.initSite], -1, HazardKind::Barrier,
             "the kernel ends while this mbarrier, at shared byte " +
                 std::to_string(offset) + ", phase " +
                 std::to_string(barrier.phase) + ", still expects " +
                 std::to_string(barrier.bytes) +
                 " bytes: expect_tx does not fit the copies");
  }
}

//===----------------------------------------------------------------------===//
// Hooks
//===----------------------------------------------------------------------===//

namespace hooks {

void beginLaunch(Launch &launch) {
  launch.async = std::make_shared<LaunchAsync>();
  launch.async->launch = &launch;
  watch(*launch.async, launch);
}

void endLaunch(Launch &launch) {
  if (reportWanted())
    reportLaunch(launch, launch.async->counts);
  launch.async.reset();
}

/// Shadows of clusters that this host thread has run, for the next one: their
/// pages are there already.
static thread_local std::vector<Shadow> spareShadows;

void beginCluster(Cluster &cluster) {
  const Launch &launch = *cluster.launch;
  cluster.async = std::make_shared<ClusterAsync>();
  ClusterAsync &async = *cluster.async;
  for (Block &block : cluster.blocks) {
    unsigned warps = unsigned(block.warps.size());
    block.async = std::make_shared<BlockAsync>();
    block.async->checked = launch.checks.races && block.sharedBytes != 0;
    if (block.async->checked) {
      if (!spareShadows.empty()) {
        block.async->shadow = std::move(spareShadows.back());
        spareShadows.pop_back();
      }
      block.async->shadow.reset(block.sharedBytes, warps);
    }
    uint32_t registers = registersPerThread(uint32_t(launch.block.count()));
    for (Warp &warp : block.warps) {
      warp.async = std::make_shared<WarpAsync>();
      warp.async->agent = async.nextAgent++;
      warp.async->registerCount = registers;
      if (launch.async->watchRegisters)
        warp.async->registers.reset(launch.program->registerBytes);
    }
  }
  for (Block &block : cluster.blocks)
    for (Warp &warp : block.warps) {
      Knowledge &own = warp.async->knowledge;
      own.seen.times.assign(async.nextAgent, 0);
      own.seen.times[warp.async->agent] = 1;
    }
}

void endCluster(Cluster &cluster) {
  if (cluster.launch->checks.races)
    checkNothingLeft(cluster);
  // Copies that nobody waits for still have to arrive in global memory.
  for (auto &[number, copy] : asyncOf(cluster).bulk)
    if (!copy.done && copy.kind == BulkCopy::Store)
      perform(cluster, copy);
  asyncOf(cluster).counts.flush();
  for (Block &block : cluster.blocks)
    if (asyncOf(block).checked)
      spareShadows.push_back(std::move(asyncOf(block).shadow));
  LaunchAsync &launch = *cluster.launch->async;
  std::lock_guard<std::mutex> lock(launch.mutex);
  launch.counts.add(asyncOf(cluster).counts);
}

void namedBarrierPassed(Block &, unsigned) {
  // watchedStep has seen the warps arrive and leave.
}

bool advance(Cluster &cluster, bool idle) {
  ClusterAsync &async = asyncOf(cluster);
  ++async.round;
  bool changed = false;
  std::map<uint32_t, BulkCopy>::iterator next = async.bulk.end();
  for (auto it = async.bulk.begin(); it != async.bulk.end();) {
    BulkCopy &copy = it->second;
    if (copy.done) {
      ++it;
      continue;
    }
    if (copy.due > async.round) {
      if (next == async.bulk.end() || copy.due < next->second.due)
        next = it;
      ++it;
      continue;
    }
    perform(cluster, copy);
    changed = true;
    it = copy.kind == BulkCopy::Store ? std::next(it) : async.bulk.erase(it);
  }
  if (!changed && idle && next != async.bulk.end()) {
    async.round = next->second.due;
    perform(cluster, next->second);
    if (next->second.kind != BulkCopy::Store)
      async.bulk.erase(next);
    changed = true;
  }
  return changed;
}

bool watchesGlobal(const Launch &) { return reportWanted(); }

std::string describeWait(const Warp &) { return ""; }

} // namespace hooks

} // namespace adze::ptxsim
