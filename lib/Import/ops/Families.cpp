//===- Families.cpp - The list of operator families -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze::import;

ArrayRef<Family> adze::import::allFamilies() {
  // A new family is a new file and one line here.
  static const Family families[] = {
      activationFamily(),    arithmeticFamily(),  castFamily(),
      constantFamily(),      controlFlowFamily(), convolutionFamily(),
      deformFamily(),        einsumFamily(),      filterFamily(),
      functionsFamily(),     gatherFamily(),      linearFamily(),
      logicFamily(),         matrixFamily(),      movementFamily(),
      normalizationFamily(), poolingFamily(),     qlinearFamily(),
      qoperatorsFamily(),    quantizeFamily(),    rearrangementFamily(),
      recurrentFamily(),     reductionFamily(),   resizeFamily(),
      samplingFamily(),      scatterFamily(),     selectionFamily(),
      shapeFamily(),         signalFamily(),      slicingFamily(),
  };
  return families;
}

const OpLowering *adze::import::findLowering(StringRef domain, StringRef name,
                                             int64_t version) {
  for (Family family : allFamilies())
    for (const OpLowering &lowering : family)
      if (lowering.domain == domain && lowering.name == name &&
          version >= lowering.first && version <= lowering.last)
        return &lowering;
  return nullptr;
}
