//===- TensorData.h - The bytes of a TensorProto ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_TENSORDATA_H
#define ADZE_IMPORT_TENSORDATA_H

#include "Model.h"

#include <optional>

namespace adze::reader {

/// No tensor is larger (1 TiB), nor has more dimensions.
constexpr uint64_t maxTensorBytes = uint64_t(1) << 40;
constexpr int maxRank = 64;

/// Name of an ONNX data type ("float32", "int4"); null if there is none.
const char *dataTypeName(int dataType);
/// Bits of an element in packed storage: 8 for bool, 6 for float6; 0 for
/// strings and unknown types.
unsigned dataTypeBits(int dataType);

/// Bytes of a tensor in packed storage; nothing if a dimension is negative or
/// the size is above maxTensorBytes.
std::optional<uint64_t> packedBytes(const std::vector<int64_t> &dims,
                                    unsigned bits);

/// "float32 64x3x7x7", "int64 scalar".
std::string tensorText(int dataType, const std::vector<int64_t> &dims);

/// Element bytes, row major, little endian, sub-byte elements packed low bits
/// first, bool one byte of 0 or 1: either a view of mapped memory, which
/// `owner` keeps alive, or bytes of its own.
struct TensorBytes {
  std::string_view view;
  std::shared_ptr<const void> owner;
  std::vector<char> owned;
  bool mapped = false;
  std::string_view bytes() const {
    return mapped ? view : std::string_view(owned.data(), owned.size());
  }
};

/// Finds external data and checks every tensor of the model: type, dimensions,
/// amount of data. Afterwards a tensor with external data has pieces like one
/// whose data was detached.
void resolveTensors(Model &model);

/// The bytes of a tensor that `resolveTensors` has accepted (not of strings).
TensorBytes readTensor(const Model &model, const ::onnx::TensorProto &tensor);

/// A sparse tensor as a dense one; `where` names it in messages.
TensorBytes readSparse(const Model &model,
                       const ::onnx::SparseTensorProto &tensor,
                       const std::string &where);

inline std::vector<int64_t> dimsOf(const ::onnx::TensorProto &tensor) {
  return {tensor.dims().begin(), tensor.dims().end()};
}

} // namespace adze::reader

#endif
