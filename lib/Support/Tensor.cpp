//===- Tensor.cpp - Tensors at the border of the compiler -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Tensor.h"
#include "lib/Support/NumberFormat.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

using namespace adze;

namespace {
/// What is known of an element type.
struct ElementRow {
  ElementType type;
  const char *name;
  unsigned bits;
  enum Kind { Other, Float, Signed, Unsigned } kind;
};
} // namespace

/// Names as numpy and ml_dtypes give them.
static constexpr ElementRow elementTable[] = {
    {ElementType::Float32, "float32", 32, ElementRow::Float},
    {ElementType::UInt8, "uint8", 8, ElementRow::Unsigned},
    {ElementType::Int8, "int8", 8, ElementRow::Signed},
    {ElementType::UInt16, "uint16", 16, ElementRow::Unsigned},
    {ElementType::Int16, "int16", 16, ElementRow::Signed},
    {ElementType::Int32, "int32", 32, ElementRow::Signed},
    {ElementType::Int64, "int64", 64, ElementRow::Signed},
    {ElementType::String, "string", 0, ElementRow::Other},
    {ElementType::Bool, "bool", 8, ElementRow::Other},
    {ElementType::Float16, "float16", 16, ElementRow::Float},
    {ElementType::Float64, "float64", 64, ElementRow::Float},
    {ElementType::UInt32, "uint32", 32, ElementRow::Unsigned},
    {ElementType::UInt64, "uint64", 64, ElementRow::Unsigned},
    {ElementType::Complex64, "complex64", 64, ElementRow::Other},
    {ElementType::Complex128, "complex128", 128, ElementRow::Other},
    {ElementType::BFloat16, "bfloat16", 16, ElementRow::Float},
    {ElementType::Float8E4M3FN, "float8_e4m3fn", 8, ElementRow::Float},
    {ElementType::Float8E4M3FNUZ, "float8_e4m3fnuz", 8, ElementRow::Float},
    {ElementType::Float8E5M2, "float8_e5m2", 8, ElementRow::Float},
    {ElementType::Float8E5M2FNUZ, "float8_e5m2fnuz", 8, ElementRow::Float},
    {ElementType::UInt4, "uint4", 4, ElementRow::Unsigned},
    {ElementType::Int4, "int4", 4, ElementRow::Signed},
    {ElementType::Float4E2M1, "float4_e2m1fn", 4, ElementRow::Float},
    {ElementType::Float8E8M0, "float8_e8m0fnu", 8, ElementRow::Float},
    {ElementType::UInt2, "uint2", 2, ElementRow::Unsigned},
    {ElementType::Int2, "int2", 2, ElementRow::Signed},
};

static const ElementRow *findRow(ElementType type) {
  for (const ElementRow &row : elementTable)
    if (row.type == type)
      return &row;
  return nullptr;
}

const char *adze::elementTypeName(ElementType type) {
  const ElementRow *row = findRow(type);
  return row ? row->name : "undefined";
}

ElementType adze::elementTypeNamed(const std::string &name) {
  for (const ElementRow &row : elementTable)
    if (name == row.name)
      return row.type;
  return ElementType::Undefined;
}

unsigned adze::elementBits(ElementType type) {
  const ElementRow *row = findRow(type);
  return row ? row->bits : 0;
}

bool adze::isFloat(ElementType type) {
  const ElementRow *row = findRow(type);
  return row && row->kind == ElementRow::Float;
}

bool adze::isInteger(ElementType type) {
  const ElementRow *row = findRow(type);
  return row &&
         (row->kind == ElementRow::Signed || row->kind == ElementRow::Unsigned);
}

int64_t TensorSpec::numElements() const {
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return -1;
    empty |= dim == 0;
    if (__builtin_mul_overflow(count, dim == 0 ? 1 : dim, &count))
      count = std::numeric_limits<int64_t>::max();
  }
  return empty ? 0 : count;
}

int64_t TensorSpec::byteSize() const {
  int64_t bits, count = numElements();
  if (count < 0)
    return -1;
  if (__builtin_mul_overflow(count, int64_t(elementBits(type)), &bits) ||
      bits > std::numeric_limits<int64_t>::max() - 7)
    return std::numeric_limits<int64_t>::max();
  return (bits + 7) / 8;
}

std::string TensorSpec::typeText() const {
  std::string text = elementTypeName(type);
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i)
      text += ',';
    text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + ']';
}

Tensor::Tensor(TensorSpec theSpec) : spec(std::move(theSpec)) {
  assert(spec.byteSize() >= 0 && "a tensor in memory has a static shape");
  storage.resize(size_t(spec.byteSize()));
}

template <typename T> static T load(const char *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * int64_t(sizeof(T)), sizeof(T));
  return value;
}

template <typename T> static void store(char *data, int64_t index, T value) {
  std::memcpy(data + index * int64_t(sizeof(T)), &value, sizeof(T));
}

/// The bits of an element of at most 16 bits.
static uint32_t loadBits(const char *data, int64_t index, unsigned bits) {
  if (bits == 16)
    return load<uint16_t>(data, index);
  if (bits == 8)
    return load<uint8_t>(data, index);
  unsigned perByte = 8 / bits;
  uint32_t byte = load<uint8_t>(data, index / perByte);
  return byte >> (index % perByte * bits) & ((1u << bits) - 1);
}

static void storeBits(char *data, int64_t index, unsigned bits,
                      uint32_t pattern) {
  if (bits == 16)
    return store<uint16_t>(data, index, uint16_t(pattern));
  if (bits == 8)
    return store<uint8_t>(data, index, uint8_t(pattern));
  unsigned perByte = 8 / bits, shift = unsigned(index % perByte) * bits;
  uint32_t mask = ((1u << bits) - 1) << shift;
  uint32_t byte = load<uint8_t>(data, index / perByte);
  store<uint8_t>(data, index / perByte,
                 uint8_t((byte & ~mask) | (pattern << shift & mask)));
}

double Tensor::get(int64_t index) const {
  switch (spec.type) {
  case ElementType::Float32:
    return load<float>(data(), index);
  case ElementType::Float64:
    return load<double>(data(), index);
  case ElementType::Bool:
    return load<uint8_t>(data(), index) != 0;
  case ElementType::UInt32:
    return load<uint32_t>(data(), index);
  case ElementType::UInt64:
    return double(load<uint64_t>(data(), index));
  case ElementType::Int32:
    return load<int32_t>(data(), index);
  case ElementType::Int64:
    return double(load<int64_t>(data(), index));
  case ElementType::Complex64:
    return load<float>(data(), 2 * index);
  case ElementType::Complex128:
    return load<double>(data(), 2 * index);
  default:
    break;
  }
  const ElementRow *row = findRow(spec.type);
  if (!row || row->bits == 0)
    return 0;
  uint32_t pattern = loadBits(data(), index, row->bits);
  if (const NumberFormat *format = numberFormat(spec.type))
    return decode(*format, pattern);
  if (row->kind == ElementRow::Signed && pattern >> (row->bits - 1))
    return double(pattern) - double(1u << row->bits);
  return pattern;
}

/// Toward zero, clamped to the range of T; NaN becomes 0.
template <typename T> static T clampTo(double value) {
  if (std::isnan(value))
    return 0;
  // 2^digits is the first value beyond the range, exact in double.
  double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (value >= limit)
    return std::numeric_limits<T>::max();
  if (value <= double(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  return T(value);
}

void Tensor::set(int64_t index, double value) {
  switch (spec.type) {
  case ElementType::Float32:
    return store(data(), index, float(value));
  case ElementType::Float64:
    return store(data(), index, value);
  case ElementType::Bool:
    return store(data(), index, uint8_t(value != 0));
  case ElementType::UInt32:
    return store(data(), index, clampTo<uint32_t>(value));
  case ElementType::UInt64:
    return store(data(), index, clampTo<uint64_t>(value));
  case ElementType::Int32:
    return store(data(), index, clampTo<int32_t>(value));
  case ElementType::Int64:
    return store(data(), index, clampTo<int64_t>(value));
  case ElementType::Complex64:
    store(data(), 2 * index, float(value));
    return store(data(), 2 * index + 1, 0.0f);
  case ElementType::Complex128:
    store(data(), 2 * index, value);
    return store(data(), 2 * index + 1, 0.0);
  default:
    break;
  }
  const ElementRow *row = findRow(spec.type);
  if (!row || row->bits == 0)
    return;
  if (const NumberFormat *format = numberFormat(spec.type))
    return storeBits(data(), index, row->bits, encode(*format, value));
  bool isSigned = row->kind == ElementRow::Signed;
  double low = isSigned ? -std::ldexp(1.0, int(row->bits) - 1) : 0.0;
  double high = std::ldexp(1.0, int(row->bits) - (isSigned ? 1 : 0)) - 1;
  double clamped =
      std::isnan(value) ? 0 : std::fmin(std::fmax(value, low), high);
  storeBits(data(), index, row->bits, uint32_t(int32_t(clamped)));
}
