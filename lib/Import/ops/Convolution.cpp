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

namespace {
/// A transposed convolution with its sizes resolved.
struct Transposed {
  SmallVector<int64_t> strides, begins; // begins: what is cut off in front
  SmallVector<int64_t> output;          // spatial
  int64_t group;
};
} // namespace

/// The same as an ordinary convolution: output s * q + r sums x[q - j] *
/// w[s * j + r] over j, so the s remainders are output channels of one
/// convolution over x, whose results are then interleaved and cropped. Null if
/// the taps that must be filled up with zeros are too many.
static Value byRemainders(NodeLowering &n, const Transposed &t) {
  ArrayRef<int64_t> x = n.shape(0), w = n.shape(1);
  size_t rank = t.strides.size();
  int64_t perGroup = x[1] / t.group, outputs = w[1];
  SmallVector<int64_t> taps; // for each remainder
  int64_t real = 1, padded = 1;
  for (size_t d = 0; d < rank; ++d) {
    int64_t reach = t.begins[d] + t.output[d] - t.strides[d] * (x[d + 2] - 1);
    taps.push_back(std::max<int64_t>(
        1, llvm::divideCeil(std::max(reach, w[d + 2]), t.strides[d])));
    real *= w[d + 2];
    padded *= taps[d] * t.strides[d];
  }
  if (padded > 2 * real)
    return nullptr;
  // [C, M/g, K...] -> [g, C/g, M/g, (J, s)...], then J backwards.
  SmallVector<int64_t> low(w.size(), 0), high(w.size(), 0), filled(w),
      split{t.group, perGroup, outputs};
  for (size_t d = 0; d < rank; ++d) {
    filled[d + 2] = taps[d] * t.strides[d];
    high[d + 2] = filled[d + 2] - w[d + 2];
    split.append({taps[d], t.strides[d]});
  }
  Value filter = n.in(1);
  if (llvm::any_of(high, [](int64_t amount) { return amount != 0; }))
    filter =
        n.make<nn::PadOp>(RankedTensorType::get(filled, n.element(1)), filter,
                          Value(), nn::PadMode::constant, low, high);
  SmallVector<int64_t> starts(split.size(), 0), steps(split.size(), 1);
  SmallVector<int64_t> perm{0, 2}, mixed{x[0], outputs * t.group};
  SmallVector<int64_t> filterShape{t.group * outputs, perGroup};
  for (size_t d = 0; d < rank; ++d) {
    starts[3 + 2 * d] = taps[d] - 1;
    steps[3 + 2 * d] = -1;
    perm.push_back(4 + 2 * d);
    filterShape[0] *= t.strides[d];
    filterShape.push_back(taps[d]);
    mixed.push_back(t.strides[d]);
  }
  perm.push_back(1);
  for (size_t d = 0; d < rank; ++d)
    perm.push_back(3 + 2 * d);
  filter = n.slice(n.reshape(filter, split), starts, split, steps);
  filter = n.reshape(n.transpose(filter, perm), filterShape);
  Value bias;
  if (n.has(2)) {
    int64_t remainders = filterShape[0] / (t.group * outputs);
    Value column = n.reshape(n.in(2), {t.group * outputs, 1});
    bias = n.reshape(n.broadcastTo(column, {t.group * outputs, remainders}),
                     {filterShape[0]});
  }
  SmallVector<int64_t> ones(rank, 1), pads(2 * rank),
      shape{x[0], filterShape[0]}, back{0, 1}, full{x[0], outputs * t.group};
  for (size_t d = 0; d < rank; ++d) {
    pads[d] = pads[d + rank] = taps[d] - 1;
    int64_t positions = x[d + 2] + taps[d] - 1;
    shape.push_back(positions);
    mixed.push_back(positions);
    back.append({int64_t(2 + rank + d), int64_t(2 + d)});
    full.push_back(positions * t.strides[d]);
  }
  Value y = n.make<nn::ConvOp>(RankedTensorType::get(shape, n.element(0)),
                               n.in(0), filter, bias, ones, ones, pads, t.group,
                               nn::Layout::channels_first);
  y = n.reshape(n.transpose(n.reshape(y, mixed), back), full);
  SmallVector<int64_t> begins{0, 0}, sizes{full[0], full[1]};
  llvm::append_range(begins, t.begins);
  llvm::append_range(sizes, t.output);
  return n.slice(y, begins, sizes);
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
  bool dilated = llvm::any_of(dilations, [](int64_t d) { return d != 1; });
  bool empty = llvm::is_contained(shape, 0) || llvm::is_contained(x, 0);
  bool cropped = llvm::all_of(pads, [](int64_t pad) { return pad >= 0; });
  if (!dilated && !empty && cropped) {
    Transposed t{strides, llvm::to_vector(ArrayRef(pads).take_front(rank)),
                 llvm::to_vector(ArrayRef(shape).drop_front(2)), group};
    if (Value y = byRemainders(n, t)) {
      n.set(0, y);
      return success();
    }
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
