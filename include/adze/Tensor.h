//===- Tensor.h - Tensors at the border of the compiler -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TENSOR_H
#define ADZE_TENSOR_H

#include <cstdint>
#include <string>
#include <vector>

namespace adze {

/// Element types at the border, with ONNX's numbers (TensorProto.DataType).
enum class ElementType : int32_t {
  Undefined = 0, Float32 = 1, UInt8 = 2, Int8 = 3, UInt16 = 4, Int16 = 5,
  Int32 = 6, Int64 = 7, String = 8, Bool = 9, Float16 = 10, Float64 = 11,
  UInt32 = 12, UInt64 = 13, Complex64 = 14, Complex128 = 15, BFloat16 = 16,
  Float8E4M3FN = 17, Float8E4M3FNUZ = 18, Float8E5M2 = 19, Float8E5M2FNUZ = 20,
  UInt4 = 21, Int4 = 22, Float4E2M1 = 23, Float8E8M0 = 24, UInt2 = 25, Int2 = 26,
};

/// "float32", "uint8", ... as numpy and the metadata name them.
const char *elementTypeName(ElementType type);
/// The type of that name; Undefined if there is none.
ElementType elementTypeNamed(const std::string &name);
/// Bits of one element in packed storage (bool 8; 0 for strings).
unsigned elementBits(ElementType type);

/// What is known of an input or output.
struct TensorSpec {
  std::string name;
  ElementType type = ElementType::Undefined;
  std::vector<int64_t> shape;

  int64_t numElements() const;
  /// Bytes in memory: sub-byte elements are packed, low bits first.
  int64_t byteSize() const;
};

/// A tensor in host memory, row major, 64-byte aligned.
struct Tensor {
  TensorSpec spec;
  std::vector<char> storage;

  Tensor() = default;
  explicit Tensor(TensorSpec spec); // zero-initialised
  char *data();
  const char *data() const;
};

} // namespace adze

#endif
