//===- CudaText.h - The runtime of CUDA artifacts as text -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_CUDA_CUDATEXT_H
#define ADZE_RUNTIME_CUDA_CUDATEXT_H

#include <string_view>

namespace adze {

/// The whole of driver.h and session.h, for NAME_cuda.h.
std::string_view cudaDriverText();
std::string_view cudaSessionText();

} // namespace adze

#endif
