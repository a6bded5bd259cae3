//===- Npy.h - The header of a .npy file ------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_SUPPORT_NPY_H
#define ADZE_LIB_SUPPORT_NPY_H

#include "adze/Compiler.h"
#include "adze/Tensor.h"

#include <string>
#include <vector>

namespace adze::npy {

/// What a .npy file's header says.
struct Header {
  size_t dataOffset = 0; // where the elements begin
  /// Undefined if the elements are opaque.
  ElementType type = ElementType::Undefined;
  unsigned itemSize = 0; // bytes of an element in the file
  bool swapped = false;  // big endian
  bool fortranOrder = false;
  std::vector<int64_t> shape;

  /// Bytes of all elements in the file; the shape is known not to overflow.
  int64_t dataSize() const;
};

/// No header is longer. numpy's own limit for headers it trusts is 10,000
/// characters; what precedes them takes 12.
constexpr size_t maxHeaderBytes = 12 + 10000;

/// Parses the header from the first bytes of a file (maxHeaderBytes of them,
/// or all there are). A failure says what is wrong, without the file's name.
Status parseHeader(const char *bytes, size_t size, Header &header);

/// Makes a tensor of the elements' bytes (header.dataSize() of them), which
/// are moved out of `data` where they can be used as they are.
Status makeTensor(const Header &header, ElementType expected,
                  std::vector<char, AlignedAllocator<char>> data,
                  Tensor &tensor);

/// The bytes of a .npy file, version 1.0, its header padded to 64 bytes.
Status serialize(const Tensor &tensor, std::string &header,
                 std::vector<char> &unpacked);

} // namespace adze::npy

#endif
