//===- Convolution.cpp - Convolutions -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"
#include "lib/Import/ops/Products.h"
#include "lib/Import/ops/Window.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

Value adze::import::convolutionOf(NodeLowering &n, Value input, Value filter,
                                  Value bias, Type result) {
  ArrayRef<int64_t> x = shapeOf(input), w = shapeOf(filter);
  auto refuse = [&](const Twine &why) -> Value {
    (void)n.fail(why);
    return nullptr;
  };
  if (x.size() < 3 || w.size() != x.size())
    return refuse("input and filter need the same rank of at least 3, found " +
                  Twine(x.size()) + " and " + Twine(w.size()));
  int64_t group = n.attrInt("group", 1);
  if (group < 1 || x[1] != w[1] * group || w[0] % group != 0)
    return refuse("the input has " + Twine(x[1]) + " channels, the filter " +
                  Twine(w[1]) + " for each of " + Twine(group) +
                  " groups and " + Twine(w[0]) + " outputs");
  if (auto kernel = n.attrInts("kernel_shape");
      kernel && ArrayRef<int64_t>(*kernel) != w.drop_front(2))
    return refuse("kernel_shape differs from the shape of the filter");
  if (bias && (shapeOf(bias).size() != 1 || shapeOf(bias)[0] != w[0]))
    return refuse("the bias needs " + Twine(w[0]) + " elements");
  WindowAttributes window;
  if (failed(readWindow(n, x.drop_front(2), w.drop_front(2), window)))
    return nullptr;
  SmallVector<int64_t> shape{x[0], w[0]};
  llvm::append_range(shape, window.output);
  return n.make<nn::ConvOp>(RankedTensorType::get(shape, result), input, filter,
                            bias, window.strides, window.dilations, window.pads,
                            group, nn::Layout::channels_first);
}

static LogicalResult conv(NodeLowering &n) {
  Value y = convolutionOf(n, n.in(0), n.in(1), n.has(2) ? n.in(2) : Value(),
                          n.element(0));
  if (!y)
    return failure();
  n.set(0, y);
  return success();
}

static LogicalResult convTranspose(NodeLowering &n) {
  ArrayRef<int64_t> x = n.shape(0), w = n.shape(1);
  if (x.size() < 3 || w.size() != x.size())
    return n.fail("input and filter need the same rank of at least 3, found " +
                  Twine(x.size()) + " and " + Twine(w.size()));
  int64_t group = n.attrInt("group", 1);
  if (group < 1 || x[1] != w[0] || w[0] % group != 0)
    return n.fail("the input has " + Twine(x[1]) + " channels, the filter " +
                  Twine(w[0]) + " in " + Twine(group) + " groups");
  if (n.has(2) && n.type(2).getNumElements() != w[1] * group)
    return n.fail("the bias needs " + Twine(w[1] * group) + " elements");
  size_t rank = x.size() - 2;
  auto list = [&](StringRef name, size_t count, int64_t otherwise) {
    return n.attrInts(name).value_or(SmallVector<int64_t>(count, otherwise));
  };
  auto strides = list("strides", rank, 1),
       dilations = list("dilations", rank, 1), pads = list("pads", 2 * rank, 0),
       extra = list("output_padding", rank, 0),
       window = n.attrInts("kernel_shape")
                    .value_or(SmallVector<int64_t>(w.drop_front(2)));
  auto wanted = n.attrInts("output_shape");
  if (wanted && wanted->size() == rank + 2) // some exporters state all of it
    wanted->erase(wanted->begin(), wanted->begin() + 2);
  if (strides.size() != rank || dilations.size() != rank ||
      pads.size() != 2 * rank || extra.size() != rank ||
      (wanted && wanted->size() != rank))
    return n.fail("strides, dilations, pads, output_padding and output_shape "
                  "need one value (pads two) for each of " +
                  Twine(rank) + " spatial dimensions");
  if (ArrayRef<int64_t>(window) != w.drop_front(2))
    return n.fail("kernel_shape differs from the shape of the filter");
  std::string automatic = n.attrString("auto_pad", "NOTSET");
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID")
    return n.fail("auto_pad is '" + automatic +
                  "', which is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  SmallVector<int64_t> shape{x[0], w[1] * group};
  for (size_t d = 0; d < rank; ++d) {
    if (strides[d] < 1 || dilations[d] < 1)
      return n.fail("strides and dilations must be positive");
    int64_t full = strides[d] * (x[d + 2] - 1) + extra[d] +
                   (window[d] - 1) * dilations[d] + 1;
    if (automatic == "VALID")
      pads[d] = pads[d + rank] = 0;
    if (wanted || same) {
      int64_t size = wanted ? (*wanted)[d] : x[d + 2] * strides[d];
      int64_t total = std::max<int64_t>(0, full - size);
      int64_t small = total / 2, large = total - small;
      bool smallFirst = automatic == "SAME_UPPER";
      pads[d] = smallFirst ? small : large;
      pads[d + rank] = total - pads[d];
      shape.push_back(size);
    } else {
      shape.push_back(full - pads[d] - pads[d + rank]);
    }
    if (shape.back() < 0)
      return n.fail("pads leave nothing of spatial dimension " + Twine(d));
  }
  n.set(0, n.make<nn::ConvTransposeOp>(
               RankedTensorType::get(shape, n.element(0)), n.in(0), n.in(1),
               n.has(2) ? n.in(2) : Value(), strides, dilations, pads, group,
               nn::Layout::channels_first));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "Conv", 1, 99, conv},
    {"", "ConvTranspose", 1, 99, convTranspose},
};

Family adze::import::convolutionFamily() { return lowerings; }
