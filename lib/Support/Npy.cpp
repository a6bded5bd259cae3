//===- Npy.cpp - numpy's .npy files ---------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Npy.h"
#include "adze/Diagnostics.h"
#include "adze/Npz.h"
#include "lib/Support/Files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

using namespace adze;
using namespace adze::npy;

//===----------------------------------------------------------------------===//
// The header: a Python dictionary of three entries
//===----------------------------------------------------------------------===//

namespace {
/// Reads the few Python literals that numpy writes into a header.
class LiteralReader {
public:
  explicit LiteralReader(std::string_view text) : text(text) {}

  bool accept(char wanted) {
    skipSpace();
    if (text.empty() || text.front() != wanted)
      return false;
    text.remove_prefix(1);
    return true;
  }

  bool acceptWord(std::string_view word) {
    skipSpace();
    if (text.substr(0, word.size()) != word)
      return false;
    text.remove_prefix(word.size());
    return true;
  }

  /// A quoted string without escapes (no dtype or key needs one).
  std::optional<std::string> readString() {
    skipSpace();
    if (text.empty() || (text.front() != '\'' && text.front() != '"'))
      return std::nullopt;
    size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string value(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    return value;
  }

  /// A non-negative integer; a trailing L is Python 2's.
  std::optional<int64_t> readInteger() {
    skipSpace();
    size_t digits = 0;
    int64_t value = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (__builtin_mul_overflow(value, int64_t(10), &value) ||
          __builtin_add_overflow(value, int64_t(text[digits] - '0'), &value))
        return std::nullopt;
      ++digits;
    }
    if (digits == 0)
      return std::nullopt;
    text.remove_prefix(digits);
    accept('L');
    return value;
  }

  bool atEnd() {
    skipSpace();
    return text.empty();
  }

private:
  void skipSpace() {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n' ||
                             text.front() == '\t'))
      text.remove_prefix(1);
  }
  std::string_view text;
};
} // namespace

/// numpy's type strings: byte order, kind, bytes of an element.
static Status parseDescr(const std::string &descr, Header &header) {
  auto unknown = [&] {
    return Status::failure(
        fmt::format("its elements are of numpy's type '{}', which adze does "
                    "not read; convert the array (for example with "
                    "array.astype(numpy.float32)) and save it again",
                    printable(descr, 40)));
  };
  if (descr.size() < 3 || descr.size() > 5)
    return unknown();
  char order = descr[0], kind = descr[1];
  unsigned size = 0;
  for (char digit : descr.substr(2)) {
    if (digit < '0' || digit > '9')
      return unknown();
    size = size * 10 + unsigned(digit - '0');
  }
  if (order != '<' && order != '>' && order != '|' && order != '=')
    return unknown();
  static const struct {
    char kind;
    unsigned size;
    ElementType type;
  } table[] = {
      {'f', 2, ElementType::Float16},
      {'f', 4, ElementType::Float32},
      {'f', 8, ElementType::Float64},
      {'i', 1, ElementType::Int8},
      {'i', 2, ElementType::Int16},
      {'i', 4, ElementType::Int32},
      {'i', 8, ElementType::Int64},
      {'u', 1, ElementType::UInt8},
      {'u', 2, ElementType::UInt16},
      {'u', 4, ElementType::UInt32},
      {'u', 8, ElementType::UInt64},
      {'b', 1, ElementType::Bool},
      {'c', 8, ElementType::Complex64},
      {'c', 16, ElementType::Complex128},
      {'V', 1, ElementType::Undefined},
      {'V', 2, ElementType::Undefined},
      // ml_dtypes gives float8_e5m2 the kind of a float.
      {'f', 1, ElementType::Float8E5M2},
  };
  for (const auto &row : table)
    if (row.kind == kind && row.size == size) {
      header.type = row.type;
      header.itemSize = size;
      header.swapped = order == '>' && size > 1;
      return Status::success();
    }
  return unknown();
}

int64_t Header::dataSize() const {
  TensorSpec bytes{"", ElementType::UInt8, shape};
  int64_t size;
  if (__builtin_mul_overflow(bytes.numElements(), int64_t(itemSize), &size))
    return std::numeric_limits<int64_t>::max();
  return size;
}

Status npy::parseHeader(const char *bytes, size_t size, Header &header) {
  if (size < 10 || std::memcmp(bytes, "\x93NUMPY", 6) != 0)
    return Status::failure("it does not begin as a .npy file does");
  auto byteAt = [&](size_t i) { return size_t(uint8_t(bytes[i])); };
  size_t version = byteAt(6), length = byteAt(8) | byteAt(9) << 8, start = 10;
  if (version < 1 || version > 3)
    return Status::failure(fmt::format(
        "it is of version {} of the .npy format; known are 1 to 3", version));
  if (version >= 2) {
    if (size < 12)
      return Status::failure("it ends within its header");
    length |= byteAt(10) << 16 | byteAt(11) << 24;
    start = 12;
  }
  if (length > maxHeaderBytes - start)
    return Status::failure(fmt::format(
        "its header claims {} bytes; numpy writes at most 10,000", length));
  if (length > size - start)
    return Status::failure("it ends within its header");
  header = Header();
  header.dataOffset = start + length;

  auto malformed = [] {
    return Status::failure("its header is not the dictionary of 'descr', "
                           "'fortran_order' and 'shape' that numpy writes");
  };
  LiteralReader reader(std::string_view(bytes + start, length));
  bool haveDescr = false, haveOrder = false, haveShape = false;
  if (!reader.accept('{'))
    return malformed();
  while (!reader.accept('}')) {
    std::optional<std::string> key = reader.readString();
    if (!key || !reader.accept(':'))
      return malformed();
    if (*key == "descr" && !haveDescr) {
      haveDescr = true;
      if (reader.accept('['))
        return Status::failure("its elements are records with several fields; "
                               "save each field as an array of its own");
      std::optional<std::string> descr = reader.readString();
      if (!descr)
        return malformed();
      if (Status status = parseDescr(*descr, header); !status)
        return status;
    } else if (*key == "fortran_order" && !haveOrder) {
      haveOrder = true;
      header.fortranOrder = reader.acceptWord("True");
      if (!header.fortranOrder && !reader.acceptWord("False"))
        return malformed();
    } else if (*key == "shape" && !haveShape) {
      haveShape = true;
      if (!reader.accept('('))
        return malformed();
      while (!reader.accept(')')) {
        std::optional<int64_t> dim = reader.readInteger();
        if (!dim)
          return malformed();
        header.shape.push_back(*dim);
        if (header.shape.size() > 64) // numpy's own limit
          return Status::failure("its shape has more than 64 dimensions");
        if (!reader.accept(',')) {
          if (!reader.accept(')'))
            return malformed();
          break;
        }
      }
    } else {
      return malformed();
    }
    if (!reader.accept(',')) {
      if (!reader.accept('}'))
        return malformed();
      break;
    }
  }
  if (!haveDescr || !haveOrder || !haveShape || !reader.atEnd())
    return malformed();
  if (header.dataSize() >= int64_t(1) << 62)
    return Status::failure("its shape has more elements than any memory holds");
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// Column-major elements, made row major.
static void toRowMajor(std::vector<char, AlignedAllocator<char>> &data,
                       const std::vector<int64_t> &shape, size_t itemSize) {
  std::vector<char, AlignedAllocator<char>> result(data.size());
  std::vector<int64_t> strides(shape.size()), index(shape.size(), 0);
  int64_t stride = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    strides[d] = stride;
    stride *= shape[d];
  }
  int64_t source = 0;
  for (size_t target = 0; target < data.size(); target += itemSize) {
    std::memcpy(result.data() + target, data.data() + size_t(source) * itemSize,
                itemSize);
    for (size_t d = shape.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d])
        break;
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  data = std::move(result);
}

/// The type that opaque elements of `itemSize` bytes are taken for.
static Status resolveOpaque(unsigned itemSize, ElementType expected,
                            ElementType &type) {
  bool opaqueType = isFloat(expected) || elementBits(expected) < 8;
  unsigned expectedSize = (elementBits(expected) + 7) / 8;
  if (expected == ElementType::Undefined)
    return Status::failure(fmt::format(
        "its elements are {} opaque byte{} each: numpy did not record their "
        "type (bfloat16, an 8-bit float or a sub-byte type); convert the array "
        "to float32 before saving it",
        itemSize, itemSize == 1 ? "" : "s"));
  if (!opaqueType || expectedSize != itemSize)
    return Status::failure(fmt::format(
        "its elements are {} opaque byte{} each, where {} is expected",
        itemSize, itemSize == 1 ? "" : "s", elementTypeName(expected)));
  type = expected;
  return Status::success();
}

Status npy::makeTensor(const Header &header, ElementType expected,
                       std::vector<char, AlignedAllocator<char>> data,
                       Tensor &tensor) {
  ElementType type = header.type;
  unsigned bits = elementBits(expected);
  if (type == ElementType::Undefined) {
    Status status = resolveOpaque(header.itemSize, expected, type);
    if (!status)
      return status;
  } else if (bits != 0 && bits < 8 &&
             (type == ElementType::Int8 || type == ElementType::UInt8)) {
    type = expected; // numpy has no narrower integer to save them as
  }
  if (header.swapped) {
    // A complex number is two numbers.
    unsigned part = header.type == ElementType::Complex64 ||
                            header.type == ElementType::Complex128
                        ? header.itemSize / 2
                        : header.itemSize;
    for (size_t at = 0; at + part <= data.size(); at += part)
      std::reverse(data.begin() + int64_t(at),
                   data.begin() + int64_t(at + part));
  }
  if (header.fortranOrder && header.shape.size() > 1 && !data.empty())
    toRowMajor(data, header.shape, header.itemSize);

  std::string name = std::move(tensor.spec.name);
  if (elementBits(type) >= 8) {
    if (type == ElementType::Bool) // any other byte would be undefined in C
      for (char &byte : data)
        byte = byte != 0;
    tensor.spec = {std::move(name), type, header.shape};
    tensor.storage = std::move(data);
    return Status::success();
  }
  tensor = Tensor(TensorSpec{std::move(name), type, header.shape});
  bits = elementBits(type);
  unsigned perByte = 8 / bits;
  for (size_t i = 0; i < data.size(); ++i) {
    unsigned pattern = uint8_t(data[i]) & ((1u << bits) - 1);
    char &target = tensor.storage[i / perByte];
    target = char(uint8_t(target) | pattern << (i % perByte * bits));
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// The type string under which numpy saves a type; null if it has none.
static const char *descrOf(ElementType type) {
  switch (type) {
  case ElementType::Float32:
    return "<f4";
  case ElementType::Float64:
    return "<f8";
  case ElementType::Float16:
    return "<f2";
  case ElementType::BFloat16:
    return "<V2";
  case ElementType::Int8:
  case ElementType::Int4:
  case ElementType::Int2:
    return "|i1";
  case ElementType::UInt8:
  case ElementType::UInt4:
  case ElementType::UInt2:
    return "|u1";
  case ElementType::Int16:
    return "<i2";
  case ElementType::UInt16:
    return "<u2";
  case ElementType::Int32:
    return "<i4";
  case ElementType::UInt32:
    return "<u4";
  case ElementType::Int64:
    return "<i8";
  case ElementType::UInt64:
    return "<u8";
  case ElementType::Bool:
    return "|b1";
  case ElementType::Complex64:
    return "<c8";
  case ElementType::Complex128:
    return "<c16";
  case ElementType::Float8E4M3FN:
  case ElementType::Float8E4M3FNUZ:
  case ElementType::Float8E5M2:
  case ElementType::Float8E5M2FNUZ:
  case ElementType::Float8E8M0:
  case ElementType::Float4E2M1:
    return "|V1";
  case ElementType::Undefined:
  case ElementType::String:
    return nullptr;
  }
  return nullptr;
}

Status npy::serialize(const Tensor &tensor, std::string &header,
                      std::vector<char> &unpacked) {
  const TensorSpec &spec = tensor.spec;
  const char *descr = descrOf(spec.type);
  if (!descr)
    return Status::failure(fmt::format("{} is of type {}, which a .npy file "
                                       "cannot hold",
                                       quoted(spec.name),
                                       elementTypeName(spec.type)));
  std::string shape;
  for (int64_t dim : spec.shape)
    shape += fmt::format("{}{}", shape.empty() ? "" : " ", dim) + ",";
  if (spec.shape.size() > 1)
    shape.pop_back();
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                  descr, shape);
  // Magic, version and length take 10 bytes; a newline ends the header.
  size_t total = (10 + dictionary.size() + 1 + 63) / 64 * 64;
  dictionary.append(total - 10 - 1 - dictionary.size(), ' ');
  dictionary += '\n';
  header.assign("\x93NUMPY\x01\x00", 8);
  header += char(dictionary.size() & 0xff);
  header += char(dictionary.size() >> 8);
  header += dictionary;

  unpacked.clear();
  unsigned bits = elementBits(spec.type);
  if (bits >= 8)
    return Status::success();
  unsigned perByte = 8 / bits;
  bool isSigned =
      spec.type == ElementType::Int4 || spec.type == ElementType::Int2;
  unpacked.resize(size_t(spec.numElements()));
  for (size_t i = 0; i < unpacked.size(); ++i) {
    unsigned byte = uint8_t(tensor.storage[i / perByte]);
    unsigned pattern = byte >> (i % perByte * bits) & ((1u << bits) - 1);
    if (isSigned && pattern >> (bits - 1))
      pattern |= 0xffu << bits;
    unpacked[i] = char(uint8_t(pattern));
  }
  return Status::success();
}

Status adze::writeNpy(const std::string &path, const Tensor &tensor) {
  std::string header;
  std::vector<char> unpacked;
  if (Status status = serialize(tensor, header, unpacked); !status)
    return Status::failure(
        fmt::format("cannot write {}: {}.", path, status.message));
  WholeFile file(path);
  file.write(header.data(), header.size());
  if (elementBits(tensor.spec.type) < 8)
    file.write(unpacked.data(), unpacked.size());
  else
    file.write(tensor.data(), tensor.storage.size());
  return file.commit();
}

Status adze::readNpy(const std::string &path, Tensor &tensor,
                     ElementType expected) {
  auto failure = [&](const std::string &why) {
    return Status::failure(fmt::format("cannot read {}: {}.", path, why));
  };
  InputFile file;
  if (Status status = InputFile::open(path, file); !status)
    return status;
  std::string start(std::min<uint64_t>(file.size(), maxHeaderBytes), '\0');
  if (!file.readAt(0, start.data(), start.size()))
    return failure("reading failed");
  Header header;
  if (Status status = parseHeader(start.data(), start.size(), header); !status)
    return failure(status.message);
  uint64_t present = file.size() - header.dataOffset;
  if (present != uint64_t(header.dataSize()))
    return failure(fmt::format("its header announces {} bytes of elements, and "
                               "{} follow; the file is damaged",
                               header.dataSize(), present));
  std::vector<char, AlignedAllocator<char>> data(present);
  if (!file.readAt(header.dataOffset, data.data(), data.size()))
    return failure("reading failed");
  if (Status status = makeTensor(header, expected, std::move(data), tensor);
      !status)
    return failure(status.message);
  return Status::success();
}
