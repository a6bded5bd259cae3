//===- Rearrangement.cpp - Repeated and regrouped elements -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/ops/Families.h"

using namespace mlir;
using namespace adze;
using namespace adze::import;

/// To the broadcast of the shape of the input and the shape wanted.
static LogicalResult expand(NodeLowering &n) {
  auto wanted = n.ints(1);
  if (!wanted)
    return n.fail("the new shape is only known at run time");
  SmallVector<int64_t> shape(*wanted);
  ArrayRef<int64_t> from = n.shape(0);
  if (shape.size() < from.size())
    shape.insert(shape.begin(), from.size() - shape.size(), 1);
  size_t offset = shape.size() - from.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0)
      return n.fail("the new shape has the size " + Twine(shape[i]));
    if (i < offset || from[i - offset] == shape[i] || from[i - offset] == 1)
      continue;
    if (shape[i] != 1)
      return n.fail("dimension " + Twine(i - offset) + " of size " +
                    Twine(from[i - offset]) + " does not broadcast to " +
                    Twine(shape[i]));
    shape[i] = from[i - offset];
  }
  n.set(0, n.broadcastTo(n.in(0), shape), n.isUnsigned(0));
  return success();
}

/// [d0, d1] is [1, d0, 1, d1] broadcast to [r0, d0, r1, d1].
static LogicalResult tile(NodeLowering &n) {
  auto repeats = n.ints(1);
  if (!repeats)
    return n.fail("the repeats are only known at run time");
  ArrayRef<int64_t> from = n.shape(0);
  if (repeats->size() != from.size())
    return n.fail("expected a repeat for each of " + Twine(from.size()) +
                  " dimensions, found " + Twine(repeats->size()));
  SmallVector<int64_t> apart, repeated, shape;
  for (auto [size, repeat] : llvm::zip(from, *repeats)) {
    if (repeat < 0)
      return n.fail("it repeats " + Twine(repeat) + " times");
    if (repeat != 1 && size != 1) {
      apart.push_back(1);
      repeated.push_back(repeat);
    }
    apart.push_back(size);
    repeated.push_back(size == 1 ? repeat : size);
    shape.push_back(size * repeat);
  }
  Value y = n.broadcastTo(n.reshape(n.in(0), apart), repeated);
  n.set(0, n.reshape(y, shape), n.isUnsigned(0));
  return success();
}

static LogicalResult depthToSpace(NodeLowering &n) {
  int64_t block = n.attrInt("blocksize", 0);
  std::string mode = n.attrString("mode", "DCR");
  if (n.rank(0) != 4)
    return n.fail("expected an input of 4 dimensions, found " +
                  Twine(n.rank(0)));
  SmallVector<int64_t> s(n.shape(0));
  if (block < 1 || block > (1 << 20) || s[1] % (block * block) != 0)
    return n.fail(Twine(s[1]) + " channels do not divide into blocks of " +
                  Twine(block) + " x " + Twine(block));
  if (mode != "DCR" && mode != "CRD")
    return n.fail("the mode '" + mode + "' is neither DCR nor CRD");
  int64_t depth = s[1] / (block * block);
  Value y;
  if (mode == "DCR")
    y = n.transpose(n.reshape(n.in(0), {s[0], block, block, depth, s[2], s[3]}),
                    {0, 3, 4, 1, 5, 2});
  else
    y = n.transpose(n.reshape(n.in(0), {s[0], depth, block, block, s[2], s[3]}),
                    {0, 1, 4, 2, 5, 3});
  n.set(0, n.reshape(y, {s[0], depth, s[2] * block, s[3] * block}),
        n.isUnsigned(0));
  return success();
}

static LogicalResult spaceToDepth(NodeLowering &n) {
  int64_t block = n.attrInt("blocksize", 0);
  std::string mode = n.attrString("mode", "DCR");
  if (n.rank(0) != 4)
    return n.fail("expected an input of 4 dimensions, found " +
                  Twine(n.rank(0)));
  SmallVector<int64_t> s(n.shape(0));
  if (block < 1 || s[2] % block != 0 || s[3] % block != 0)
    return n.fail("an image of " + Twine(s[2]) + " x " + Twine(s[3]) +
                  " does not divide into blocks of " + Twine(block));
  if (mode != "DCR" && mode != "CRD")
    return n.fail("the mode '" + mode + "' is neither DCR nor CRD");
  int64_t rows = s[2] / block, columns = s[3] / block;
  Value y = n.reshape(n.in(0), {s[0], s[1], rows, block, columns, block});
  y = mode == "DCR" ? n.transpose(y, {0, 3, 5, 1, 2, 4})
                    : n.transpose(y, {0, 1, 3, 5, 2, 4});
  n.set(0, n.reshape(y, {s[0], s[1] * block * block, rows, columns}),
        n.isUnsigned(0));
  return success();
}

static const OpLowering lowerings[] = {
    {"", "DepthToSpace", 1, 28, depthToSpace},
    {"", "Expand", 8, 28, expand},
    {"", "SpaceToDepth", 1, 28, spaceToDepth},
    {"", "Tile", 6, 28, tile},
};

Family adze::import::rearrangementFamily() { return lowerings; }
