//===- Kernel.h - Running a kernel of PTX text --------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The few calls of the driver API that the tests of ptxsim need, and texts
// that are changed to plant a mistake.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TEST_PTXSIM_KERNEL_H
#define ADZE_TEST_PTXSIM_KERNEL_H

#include "gtest/gtest.h"

#include <cstdint>
#include <string>
#include <vector>

extern "C" {
int cuInit(unsigned);
int cuDeviceGet(int *, int);
int cuDevicePrimaryCtxRetain(void **, int);
int cuCtxSetCurrent(void *);
int cuCtxSynchronize();
int cuModuleLoadDataEx(void **, const void *, unsigned, int *, void **);
int cuModuleUnload(void *);
int cuModuleGetFunction(void **, void *, const char *);
int cuFuncSetAttribute(void *, int, int);
int cuMemAlloc_v2(uint64_t *, size_t);
int cuMemFree_v2(uint64_t);
int cuMemcpyHtoD_v2(uint64_t, const void *, size_t);
int cuMemcpyDtoH_v2(void *, uint64_t, size_t);
int cuMemsetD8_v2(uint64_t, unsigned char, size_t);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned,
                   unsigned, unsigned, void *, void **, void **);
int cuTensorMapEncodeTiled(void *, int, uint32_t, void *, const uint64_t *,
                           const uint64_t *, const uint32_t *, const uint32_t *,
                           int, int, int, int);
const char *adzePtxsimLastReport(void);
}

namespace adze::test {

/// Device memory for the life of the object, with the host's bytes in it.
template <typename T> class Buffer {
public:
  explicit Buffer(const std::vector<T> &values) : count(values.size()) {
    EXPECT_EQ(cuMemAlloc_v2(&address, count * sizeof(T)), 0);
    EXPECT_EQ(cuMemcpyHtoD_v2(address, values.data(), count * sizeof(T)), 0);
  }
  ~Buffer() { cuMemFree_v2(address); }
  Buffer(const Buffer &) = delete;

  std::vector<T> read() const {
    std::vector<T> values(count);
    EXPECT_EQ(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)), 0);
    return values;
  }

  uint64_t address = 0;
  size_t count;
};

/// A device with a current context.
inline void start() {
  static bool started = false;
  if (started)
    return;
  void *context = nullptr;
  int device = 0;
  ASSERT_EQ(cuInit(0), 0);
  ASSERT_EQ(cuDeviceGet(&device, 0), 0);
  ASSERT_EQ(cuDevicePrimaryCtxRetain(&context, device), 0);
  ASSERT_EQ(cuCtxSetCurrent(context), 0);
  started = true;
}

struct Shape {
  unsigned blocks = 1, threads = 128, sharedBytes = 0;
};

/// Runs kernel "k" of the text; the report of the hazard, or "".
inline std::string run(const std::string &text, Shape shape,
                       std::vector<void *> arguments) {
  start();
  void *module = nullptr, *function = nullptr;
  if (cuModuleLoadDataEx(&module, text.c_str(), 0, nullptr, nullptr))
    return std::string("not loaded: ") + adzePtxsimLastReport();
  EXPECT_EQ(cuModuleGetFunction(&function, module, "k"), 0);
  const int maxDynamicShared = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_...
  if (shape.sharedBytes)
    EXPECT_EQ(
        cuFuncSetAttribute(function, maxDynamicShared, int(shape.sharedBytes)),
        0);
  int status =
      cuLaunchKernel(function, shape.blocks, 1, 1, shape.threads, 1, 1,
                     shape.sharedBytes, nullptr, arguments.data(), nullptr);
  if (!status)
    status = cuCtxSynchronize();
  std::string report = status ? adzePtxsimLastReport() : "";
  if (status)
    EXPECT_NE(report, "");
  cuModuleUnload(module);
  return report;
}

/// The text with `from`, which has to be in it, replaced.
inline std::string with(std::string text, const std::string &from,
                        const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos)
    text.replace(at, from.size(), to);
  return text;
}

/// Every one of `parts` is in the report.
inline void expectReport(const std::string &report,
                         const std::vector<std::string> &parts) {
  for (const std::string &part : parts)
    EXPECT_NE(report.find(part), std::string::npos)
        << "no '" << part << "' in: " << report;
}

} // namespace adze::test

#endif
