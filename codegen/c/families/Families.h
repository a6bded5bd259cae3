//===- Families.h - The kernel families of the C targets --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_C_FAMILIES_FAMILIES_H
#define ADZE_CODEGEN_C_FAMILIES_FAMILIES_H

#include "adze/KernelFamily.h"

namespace adze::families {

/// One line a family: the function that returns it, defined in the file named.
#define ADZE_KERNEL_FAMILIES(FAMILY)                                           \
  FAMILY(additionPortable) /* addition/Portable.cpp */                         \
  FAMILY(lookupPortable) /* lookup/Portable.cpp */                             \
  FAMILY(multiplicationPortable) /* multiplication/Portable.cpp */             \
  FAMILY(poolPortable) /* pool/Portable.cpp */                                 \
  FAMILY(softmaxPortable) /* softmax/Portable.cpp */                           \
  FAMILY(convDirectRvv) /* conv_direct/Rvv.cpp */                              \
  FAMILY(convFirstRvv) /* conv_first/Rvv.cpp */                                \
  FAMILY(convPointwiseRvv) /* conv_pointwise/Rvv.cpp */                        \
  FAMILY(denseRvv) /* dense/Rvv.cpp */                                         \
  FAMILY(additionHelium) /* addition/Helium.cpp */                             \
  FAMILY(convDirectHelium) /* conv_direct/Helium.cpp */                        \
  FAMILY(convPointwiseHelium) /* conv_pointwise/Helium.cpp */                  \
  FAMILY(denseHelium) /* dense/Helium.cpp */                                   \
  FAMILY(depthwiseHelium) /* depthwise/Helium.cpp */                           \
  FAMILY(poolHelium) /* pool/Helium.cpp */                                     \
  FAMILY(convDirectScalar) /* conv_direct/Scalar.cpp */                        \
  FAMILY(convPointwiseScalar) /* conv_pointwise/Scalar.cpp */                  \
  FAMILY(convFirstScalar) /* conv_first/Scalar.cpp */                          \
  FAMILY(convWinogradDsp) /* conv_winograd/Dsp.cpp */                          \
  FAMILY(convWinogradStridedDsp) /* conv_winograd/DspStrided.cpp */            \
  FAMILY(convWinogradScalar) /* conv_winograd/Scalar.cpp */                    \
  FAMILY(depthwiseScalar) /* depthwise/Scalar.cpp */                           \
  FAMILY(denseScalar) /* dense/Scalar.cpp */                                   \
  FAMILY(depthwiseDsp) /* depthwise/Dsp.cpp */                                 \
  FAMILY(depthwiseRvv) /* depthwise/Rvv.cpp */                                 \
  FAMILY(convPointwiseDsp) /* conv_pointwise/Dsp.cpp */                        \
  FAMILY(convDirectDsp) /* conv_direct/Dsp.cpp */                              \
  FAMILY(convFirstDsp) /* conv_first/Dsp.cpp */                                \
  FAMILY(denseDsp) /* dense/Dsp.cpp */                                         \
  FAMILY(additionRvv) /* addition/Rvv.cpp */                                   \
  FAMILY(poolRvv) /* pool/Rvv.cpp */                                           \
  FAMILY(convWinogradRvv) /* conv_winograd/Rvv.cpp */                          \
  FAMILY(denseReductionRvv) /* dense/RvvReduction.cpp */                       \
  FAMILY(convPixelsRvv) /* conv_direct/RvvPixels.cpp */                        \
  /* end of the list */

#define ADZE_DECLARE(name) const KernelFamily &name();
ADZE_KERNEL_FAMILIES(ADZE_DECLARE)
#undef ADZE_DECLARE

} // namespace adze::families

#endif
