//===- Tensor.h - Tensors at the border of the compiler -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TENSOR_H
#define ADZE_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

namespace adze {

/// Element types at the border, with ONNX's numbers (TensorProto.DataType).
enum class ElementType : int32_t {
  Undefined = 0,
  Float32 = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Float64 = 11,
  UInt32 = 12,
  UInt64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  UInt4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  UInt2 = 25,
  Int2 = 26,
};

/// "float32", "uint8", ... as numpy and the metadata name them.
const char *elementTypeName(ElementType type);
/// The type of that name; Undefined if there is none.
ElementType elementTypeNamed(const std::string &name);
/// Bits of one element in packed storage (bool 8; 0 for strings).
unsigned elementBits(ElementType type);

/// Floating point, of any width (not complex).
bool isFloat(ElementType type);
/// Integers of any width, signed or not (not bool).
bool isInteger(ElementType type);

/// What is known of an input or output.
struct TensorSpec {
  std::string name;
  ElementType type = ElementType::Undefined;
  std::vector<int64_t> shape;

  /// Saturates at INT64_MAX; -1 if a dimension is negative (free).
  int64_t numElements() const;
  /// Bytes in memory: sub-byte elements are packed, low bits first. Saturates
  /// as numElements does.
  int64_t byteSize() const;
  /// "float32[1,3,224,224]".
  std::string typeText() const;
};

/// Memory at multiples of 64 bytes, so that a copied tensor stays aligned.
template <typename T> struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};
  AlignedAllocator() = default;
  template <typename U> AlignedAllocator(const AlignedAllocator<U> &) {}
  T *allocate(size_t n) {
    return static_cast<T *>(::operator new(n * sizeof(T), alignment));
  }
  void deallocate(T *p, size_t) { ::operator delete(p, alignment); }
  template <typename U> bool operator==(const AlignedAllocator<U> &) const {
    return true;
  }
};

/// A tensor in host memory, row major, 64-byte aligned.
struct Tensor {
  TensorSpec spec;
  std::vector<char, AlignedAllocator<char>> storage;

  Tensor() = default;
  explicit Tensor(TensorSpec spec); // zero-initialised
  char *data() { return storage.data(); }
  const char *data() const { return storage.data(); }

  /// One element as a number (bool 0 or 1; 64-bit integers are rounded; the
  /// real part of a complex number).
  double get(int64_t index) const;
  /// Stores a number, rounded to the type: to nearest even for floats, toward
  /// zero and clamped for integers.
  void set(int64_t index, double value);
};

} // namespace adze

#endif
