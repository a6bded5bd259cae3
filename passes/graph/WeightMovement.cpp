//===- WeightMovement.cpp - Moves the elements of constants -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/graph/WeightMovement.h"

#include "dialects/adze/adze.h"
#include "passes/graph/ConstantEvaluation.h"

#include <cstring>

using namespace mlir;
using namespace adze;

namespace {
/// Where the bytes of a constant come from, when they are needed.
struct Source {
  WeightStore *store;
  std::string name;        // of a weight
  std::vector<char> dense; // or the bytes of a dense attribute

  explicit Source(TypedAttr constant)
      : store(&WeightStore::get(constant.getContext())) {
    if (auto weight = dyn_cast<WeightAttr>(constant))
      name = weight.getName().str();
    else
      dense = bytesOf(cast<DenseElementsAttr>(constant));
  }
  ArrayRef<char> bytes() const {
    return name.empty() ? ArrayRef<char>(dense) : store->bytes(name);
  }
  std::string base() const { return name.empty() ? "constant" : name; }
};
} // namespace

static int64_t elementBytes(TypedAttr constant) {
  unsigned bits =
      cast<RankedTensorType>(constant.getType()).getElementTypeBitWidth();
  return bits == 1 ? 1 : bits % 8 == 0 ? bits / 8 : 0;
}

TypedAttr adze::transposeConstant(TypedAttr constant, ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(constant.getType());
  int64_t size = elementBytes(constant);
  if (size == 0)
    return nullptr;
  SmallVector<int64_t> shape, strides(type.getRank(), 1), steps;
  for (int64_t i = type.getRank() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  for (int64_t p : perm) {
    shape.push_back(type.getDimSize(p));
    steps.push_back(strides[p]);
  }
  int64_t total = type.getNumElements() * size;
  Source source(constant);
  std::string name = source.store->addRecipe(
      source.base(), total, [source, shape, steps, size, total] {
        std::vector<char> result(total);
        ArrayRef<char> from = source.bytes();
        char *to = result.data();
        SmallVector<int64_t> index(shape.size(), 0);
        int64_t inner = shape.empty() ? 1 : shape.back();
        int64_t step = shape.empty() ? 1 : steps.back();
        int64_t lines = total / std::max<int64_t>(1, inner * size);
        for (int64_t line = 0; line < lines; ++line) {
          int64_t offset = 0;
          for (size_t d = 0; d + 1 < shape.size(); ++d)
            offset += index[d] * steps[d];
          for (int64_t i = 0; i < inner; ++i, to += size)
            std::memcpy(to, from.data() + (offset + i * step) * size, size);
          for (size_t d = shape.size() - 1; d-- > 0;) {
            if (++index[d] < shape[d])
              break;
            index[d] = 0;
          }
        }
        if (!source.name.empty())
          source.store->release(source.name);
        return result;
      });
  return WeightAttr::get(constant.getContext(), name, type.clone(shape));
}

TypedAttr adze::packColumns(TypedAttr constant, RankedTensorType panels) {
  auto type = cast<RankedTensorType>(constant.getType());
  int64_t size = elementBytes(constant);
  int64_t n = type.getShape().back(), k = panels.getDimSize(1),
          columns = panels.getDimSize(2), count = panels.getDimSize(0);
  Source source(constant);
  std::string name = source.store->addRecipe(
      source.base(), panels.getNumElements() * size,
      [source, size, n, k, columns, count] {
        std::vector<char> result(count * k * columns * size);
        ArrayRef<char> from = source.bytes();
        for (int64_t p = 0; p < count; ++p) {
          int64_t width = std::min(columns, n - p * columns);
          for (int64_t row = 0; row < k; ++row)
            std::memcpy(result.data() + (p * k + row) * columns * size,
                        from.data() + (row * n + p * columns) * size,
                        width * size);
        }
        if (!source.name.empty())
          source.store->release(source.name);
        return result;
      });
  return WeightAttr::get(constant.getContext(), name, panels);
}
