//===- CudaDriver.h - A GPU, or what stands in for one ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CUDADRIVER_H
#define ADZE_CUDADRIVER_H

#include "adze/Compiler.h"

#include <string>
#include <vector>

namespace adze {

/// Where an artifact for GPUs runs.
struct CudaDevice {
  bool isSimulated = false;
  /// "NVIDIA H200 (compute capability 9.0)" or "ptxsim as sm_90a: no CUDA
  /// driver here"; empty before a choice.
  std::string text;
};

/// Whether code for a chip ("sm_80", "sm_90a") runs on a compute capability
/// (90: 9.0): on its own and, without a letter, on later ones.
bool chipRunsOn(const std::string &chip, unsigned capability);

/// Chooses the driver for code of these chips and leaves its path in the
/// environment (ADZE_CUDA_DRIVER), where artifacts look: what that names
/// already; or the system's, if it has a device of a fitting capability; or
/// libadze_ptxsim.so, beside the running program, in ../lib or in its build
/// tree, which then pretends to be the first chip that it knows.
Status selectCudaDriver(const std::vector<std::string> &chips,
                        CudaDevice &device);

/// Makes the simulator the choice of this process, GPU or not.
Status useCudaSimulator();

/// The choice made last in this process.
const CudaDevice &selectedCudaDevice();

} // namespace adze

#endif
