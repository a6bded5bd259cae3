//===- Modules.cpp - Driver API: modules, functions, occupancy -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/Driver.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

using namespace adze::ptxsim;
using namespace adze::ptxsim::driver;

namespace {

/// CUjit_option.
constexpr int errorLogBuffer = 5, errorLogBufferSize = 6;

/// Does PTX for `target` run on the chip? An "a" target runs on its own chip
/// alone, others on theirs and later ones (PTX ISA, .target).
bool runsOn(const std::string &target, const Chip &chip) {
  if (!target.starts_with("sm_"))
    return false;
  unsigned capability = 0;
  size_t i = 3;
  for (; i < target.size() && target[i] >= '0' && target[i] <= '9'; ++i)
    capability = capability * 10 + unsigned(target[i] - '0');
  if (i < target.size())
    return target == chip.name;
  return capability <= chip.capability;
}

Function *functionOf(void *handle) {
  auto it = state().functions.find(handle);
  return it == state().functions.end() ? nullptr : it->second;
}

} // namespace

ADZE_DRIVER_API int cuModuleLoadDataEx(void **module, const void *image,
                                       unsigned count, int *options,
                                       void **values) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  if (!module || !image || (count && (!options || !values)))
    return InvalidValue;
  Result result = InvalidPtx;
  std::string text;
  try {
    auto made = std::make_unique<Module>();
    made->source = parseModule(static_cast<const char *>(image));
    if (!runsOn(made->source.target, *s.chip)) {
      result = NoBinaryForGpu;
      throw LoadError(1, fmt::format("the module is for {}, the device is "
                                     "{}; ADZE_PTXSIM_CHIP names another",
                                     made->source.target, s.chip->name));
    }
    result = OutOfMemory;
    placeVariables(made->source, s.memory);
    result = InvalidPtx;
    for (const SourceFunction &source : made->source.functions) {
      if (!source.kernel)
        continue;
      auto function = std::make_unique<Function>();
      function->module = made.get();
      function->program = linkKernel(made->source, source);
      made->functions.push_back(std::move(function));
    }
    for (auto &function : made->functions)
      s.functions[function.get()] = function.get();
    *module = made.get();
    s.modules[made.get()] = std::move(made);
    return Success;
  } catch (const std::exception &error) {
    text = fmt::format("the PTX text cannot be loaded: {}", error.what());
  }
  char *log = nullptr;
  size_t size = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == errorLogBuffer)
      log = static_cast<char *>(values[i]);
    if (options[i] == errorLogBufferSize)
      size = reinterpret_cast<size_t>(values[i]);
  }
  if (log && size) {
    std::strncpy(log, text.c_str(), size - 1);
    log[size - 1] = 0;
  }
  return refuse(result, text);
}

ADZE_DRIVER_API int cuModuleUnload(void *handle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  Module *module = lookUp(s.modules, handle);
  if (!module)
    return InvalidHandle;
  for (auto &function : module->functions)
    s.functions.erase(function.get());
  for (const SourceVariable &variable : module->source.variables)
    if (variable.address)
      s.memory.release(variable.address);
  // A process may go on after a fault, which a GPU's context does not allow:
  // tests of hazards would need a process each.
  if (s.faultModule == module) {
    s.fault = Success;
    s.faultModule = nullptr;
  }
  s.modules.erase(handle);
  return s.fault;
}

ADZE_DRIVER_API int cuModuleGetFunction(void **function, void *handle,
                                        const char *name) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Module *module = lookUp(s.modules, handle);
  if (!module)
    return InvalidHandle;
  if (!function || !name)
    return InvalidValue;
  for (auto &candidate : module->functions)
    if (candidate->program->name == name) {
      *function = candidate.get();
      return Success;
    }
  return refuse(NotFound, fmt::format("the module has no kernel '{}'", name));
}

ADZE_DRIVER_API int cuModuleGetGlobal_v2(uint64_t *address, size_t *bytes,
                                         void *handle, const char *name) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Module *module = lookUp(s.modules, handle);
  if (!module)
    return InvalidHandle;
  if (!name)
    return InvalidValue;
  auto it = module->source.globalNames.find(name);
  if (it == module->source.globalNames.end() ||
      !module->source.variables[it->second].address)
    return refuse(NotFound,
                  fmt::format("the module has no variable '{}'", name));
  const SourceVariable &variable = module->source.variables[it->second];
  if (address)
    *address = variable.address;
  if (bytes)
    *bytes = variable.bytes;
  return Success;
}

/// CUfunction_attribute: 8 is the most dynamic shared memory, 9 the preferred
/// carve-out, 14 clusters of more than eight blocks.
ADZE_DRIVER_API int cuFuncSetAttribute(void *handle, int attribute, int value) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (Result result = ready())
    return result;
  Function *function = functionOf(handle);
  if (!function)
    return InvalidHandle;
  if (attribute == 8) {
    if (value < 0 || uint64_t(value) + function->program->dynamicShared >
                         uint64_t(s.chip->sharedPerBlock) + 1024)
      return refuse(InvalidValue,
                    fmt::format("{} bytes of dynamic shared memory for '{}'; "
                                "a block on {} has {} with static ones",
                                value, function->program->name, s.chip->name,
                                s.chip->sharedPerBlock));
    function->maxDynamicShared = unsigned(value);
    return Success;
  }
  if (attribute == 14) {
    function->nonPortableCluster = value != 0;
    return Success;
  }
  return attribute == 9 ? Success : InvalidValue;
}

ADZE_DRIVER_API int cuFuncGetAttribute(int *value, int attribute,
                                       void *handle) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  Function *function = functionOf(handle);
  if (!function)
    return InvalidHandle;
  if (!value)
    return InvalidValue;
  const Program &program = *function->program;
  uint64_t threads = 1024;
  for (const uint32_t *bound : {program.maxntid, program.reqntid})
    if (bound[0])
      threads = uint64_t(bound[0]) * bound[1] * bound[2];
  switch (attribute) {
  case 0: // threads per block
    *value = int(std::min<uint64_t>(threads, 1024));
    return Success;
  case 1: // static shared memory
    *value = int(program.staticShared - 1024);
    return Success;
  case 3: // local memory
    *value = int(program.localBytes);
    return Success;
  case 4: // registers: what the text declares, at most
    *value = int(std::min(program.registers32, 255u));
    return Success;
  case 5: // PTX version
    *value = int(function->module->source.ptxVersion);
    return Success;
  case 6:
    *value = int(s.chip->capability);
    return Success;
  case 8:
    *value =
        int(function->maxDynamicShared ? function->maxDynamicShared : 49152);
    return Success;
  default:
    *value = 0;
    return Success;
  }
}

/// Blocks on a multiprocessor by threads, shared memory and the blocks'
/// limit. Registers are not known before ptxas has assigned them.
ADZE_DRIVER_API int
cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *handle,
                                            int threads, size_t dynamicShared) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  Function *function = functionOf(handle);
  if (!function)
    return InvalidHandle;
  if (!blocks || threads <= 0)
    return InvalidValue;
  unsigned warps = (unsigned(threads) + 31) / 32;
  uint64_t shared = function->program->dynamicShared + dynamicShared;
  uint64_t best = std::min<uint64_t>(s.chip->threadsPerSm / (warps * 32),
                                     s.chip->blocksPerSm);
  best = std::min<uint64_t>(best, s.chip->sharedPerSm / shared);
  *blocks = int(best);
  return Success;
}
