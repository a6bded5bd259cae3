//===- Launches.cpp - Driver API: kernel launches and tensor maps -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Driver.h"
#include "runtime/ptxsim/TensorMapFormat.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <thread>

using namespace adze::ptxsim;
using namespace adze::ptxsim::driver;

namespace {

/// CUlaunchAttribute and CUlaunchConfig, laid out as in CUDA.
struct LaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    unsigned cluster[3];
    int overlap;
  } value;
};
struct LaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  void *stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};
constexpr int clusterDimension = 4, programmaticSerialization = 6,
              programmaticEvent = 7;

uint64_t environmentNumber(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  if (!text || !*text)
    return otherwise;
  return std::strtoull(text, nullptr, 0);
}

Checks environmentChecks() {
  Checks checks;
  const char *text = std::getenv("ADZE_PTXSIM_CHECKS");
  if (!text || !*text || std::strcmp(text, "all") == 0)
    return checks;
  checks.uninitialized = checks.races = checks.async = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    checks.uninitialized |= name == "uninitialized";
    checks.races |= name == "races";
    checks.async |= name == "async";
  }
  return checks;
}

Result resultOf(HazardKind kind) {
  switch (kind) {
  case HazardKind::IllegalAddress:
    return IllegalAddress;
  case HazardKind::Misaligned:
    return MisalignedAddress;
  case HazardKind::IllegalInstruction:
    return IllegalInstruction;
  case HazardKind::Deadlock:
  case HazardKind::Limit:
    return LaunchTimeout;
  default:
    return LaunchFailed;
  }
}

/// Runs the launch; a hazard becomes the context's fault.
Result execute(Module *module, const std::shared_ptr<Launch> &launch) {
  State &s = state();
  if (s.fault)
    return s.fault;
  launch->number = ++s.launches;
  launch->async.reset();
  std::string report;
  Result result = Success;
  try {
    runLaunch(*launch);
    return Success;
  } catch (const Hazard &hazard) {
    report = hazard.what();
    result = resultOf(hazard.kind);
  } catch (const std::exception &error) {
    report = fmt::format("ptxsim: kernel '{}': {}", launch->program->name,
                         error.what());
    result = LaunchFailed;
  }
  s.report = report;
  s.fault = result;
  s.faultModule = module;
  std::fprintf(stderr, "%s\n", report.c_str());
  return result;
}

std::string checkShape(const Function &function, const Launch &launch,
                       const Chip &chip) {
  const Program &program = *function.program;
  auto text = [](Dim3 d) { return fmt::format("({},{},{})", d.x, d.y, d.z); };
  if (!launch.grid.x || !launch.grid.y || !launch.grid.z || !launch.block.x ||
      !launch.block.y || !launch.block.z)
    return fmt::format("grid {} and block {} have to be positive",
                       text(launch.grid), text(launch.block));
  if (launch.block.count() > 1024 || launch.block.x > 1024 ||
      launch.block.y > 1024 || launch.block.z > 64)
    return fmt::format("a block of {} threads; 1024 are possible",
                       text(launch.block));
  if (launch.grid.x > 0x7fffffff || launch.grid.y > 65535 ||
      launch.grid.z > 65535)
    return fmt::format("a grid of {} blocks is too large", text(launch.grid));
  Dim3 required{program.reqntid[0], program.reqntid[1], program.reqntid[2]};
  if (required.x &&
      (required.x != launch.block.x || required.y != launch.block.y ||
       required.z != launch.block.z))
    return fmt::format("the kernel requires blocks of {} threads, not {}",
                       text(required), text(launch.block));
  if (program.maxntid[0] &&
      uint64_t(program.maxntid[0]) * program.maxntid[1] * program.maxntid[2] <
          launch.block.count())
    return fmt::format("the kernel allows {} threads, not {}",
                       uint64_t(program.maxntid[0]) * program.maxntid[1] *
                           program.maxntid[2],
                       launch.block.count());
  const Dim3 &cluster = launch.cluster;
  if (!cluster.x || !cluster.y || !cluster.z || launch.grid.x % cluster.x ||
      launch.grid.y % cluster.y || launch.grid.z % cluster.z)
    return fmt::format("a grid of {} blocks cannot be divided into clusters "
                       "of {}",
                       text(launch.grid), text(cluster));
  uint64_t most = function.nonPortableCluster ? 16 : 8;
  if (cluster.count() > most || (cluster.count() > 1 && chip.capability < 90))
    return fmt::format("a cluster of {} blocks; {} are possible",
                       cluster.count(), chip.capability < 90 ? 1 : most);
  Dim3 fixed{program.reqnctapercluster[0], program.reqnctapercluster[1],
             program.reqnctapercluster[2]};
  if (fixed.x &&
      (fixed.x != cluster.x || fixed.y != cluster.y || fixed.z != cluster.z))
    return fmt::format("the kernel requires clusters of {} blocks, not {}",
                       text(fixed), text(cluster));
  uint64_t shared = launch.dynamicShared + program.dynamicShared - 1024;
  uint64_t limit = std::max<uint64_t>(49152, function.maxDynamicShared +
                                                 program.dynamicShared - 1024);
  if (shared > limit || shared > chip.sharedPerBlock)
    return fmt::format("{} bytes of shared memory; {} are allowed "
                       "(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)",
                       shared, std::min<uint64_t>(limit, chip.sharedPerBlock));
  return {};
}

Result launchKernel(void *handle, const LaunchConfig &config, void **parameters,
                    void **extra) {
  State &s = state();
  if (Result result = ready())
    return result;
  auto it = s.functions.find(handle);
  if (it == s.functions.end())
    return refuse(InvalidHandle, "a launch of something that is no function");
  if (!streamOf(config.stream))
    return refuse(InvalidHandle, "a launch on something that is no stream");
  Function &function = *it->second;
  const Program &program = *function.program;
  auto launch = std::make_shared<Launch>();
  launch->program = &program;
  launch->memory = &s.memory;
  launch->grid = {config.grid[0], config.grid[1], config.grid[2]};
  launch->block = {config.block[0], config.block[1], config.block[2]};
  launch->dynamicShared = config.sharedBytes;
  if (program.reqnctapercluster[0])
    launch->cluster = {program.reqnctapercluster[0],
                       program.reqnctapercluster[1],
                       program.reqnctapercluster[2]};
  if (config.attributeCount && !config.attributes)
    return refuse(InvalidValue, "launch attributes are missing");
  for (unsigned i = 0; i < config.attributeCount; ++i) {
    const LaunchAttribute &attribute = config.attributes[i];
    if (attribute.id == clusterDimension)
      launch->cluster = {attribute.value.cluster[0], attribute.value.cluster[1],
                         attribute.value.cluster[2]};
    if (attribute.id == programmaticSerialization)
      launch->programmatic = attribute.value.overlap != 0;
    if (attribute.id == programmaticEvent)
      launch->programmatic = true;
  }
  std::string wrong = checkShape(function, *launch, *s.chip);
  if (!wrong.empty())
    return refuse(InvalidValue, fmt::format("launch of kernel '{}': {}",
                                            program.name, wrong));
  if (extra && *extra)
    return refuse(InvalidValue,
                  "parameters in a buffer (extra) are not supported");
  // The parameters, aligned as a tensor map wants them.
  launch->parameters.assign(program.parameterBytes + 64, 0);
  char *data = launch->parameters.data();
  data += -reinterpret_cast<uintptr_t>(data) & 63;
  launch->parameterData = data;
  if (!program.parameters.empty() && !parameters)
    return refuse(InvalidValue,
                  fmt::format("kernel '{}' has parameters", program.name));
  for (size_t i = 0; i < program.parameters.size(); ++i) {
    if (!parameters[i])
      return refuse(InvalidValue,
                    fmt::format("parameter {} of kernel '{}' is missing", i,
                                program.name));
    std::memcpy(data + program.parameters[i].offset, parameters[i],
                program.parameters[i].bytes);
  }
  launch->threads = unsigned(
      environmentNumber("ADZE_PTXSIM_THREADS",
                        std::max(1u, std::thread::hardware_concurrency())));
  launch->threads = std::clamp(launch->threads, 1u, 256u);
  launch->seed = environmentNumber("ADZE_PTXSIM_SEED", 0);
  launch->limit = environmentNumber("ADZE_PTXSIM_LIMIT", 0);
  launch->checks = environmentChecks();
  launch->chip = s.chip->capability;
  Module *module = function.module;
  return submit(config.stream,
                [module, launch] { return execute(module, launch); });
}

} // namespace

ADZE_DRIVER_API int cuLaunchKernel(void *function, unsigned gridX,
                                   unsigned gridY, unsigned gridZ,
                                   unsigned blockX, unsigned blockY,
                                   unsigned blockZ, unsigned sharedBytes,
                                   void *stream, void **parameters,
                                   void **extra) {
  std::lock_guard lock(state().mutex);
  LaunchConfig config{{gridX, gridY, gridZ},
                      {blockX, blockY, blockZ},
                      sharedBytes,
                      stream,
                      nullptr,
                      0};
  return launchKernel(function, config, parameters, extra);
}

ADZE_DRIVER_API int cuLaunchKernelEx(const void *config, void *function,
                                     void **parameters, void **extra) {
  std::lock_guard lock(state().mutex);
  if (!config)
    return InvalidValue;
  return launchKernel(function, *static_cast<const LaunchConfig *>(config),
                      parameters, extra);
}

ADZE_DRIVER_API int
cuTensorMapEncodeTiled(void *map, int dataType, uint32_t rank,
                       void *globalAddress, const uint64_t *globalDim,
                       const uint64_t *globalStrides, const uint32_t *boxDim,
                       const uint32_t *elementStrides, int interleave,
                       int swizzle, int l2Promotion, int oobFill) {
  std::string wrong = encodeTiled(
      map, dataType, rank, reinterpret_cast<uint64_t>(globalAddress), globalDim,
      globalStrides, boxDim, elementStrides, interleave, swizzle, l2Promotion,
      oobFill);
  if (wrong.empty())
    return Success;
  std::lock_guard lock(state().mutex);
  return refuse(InvalidValue, "cuTensorMapEncodeTiled: " + wrong);
}
