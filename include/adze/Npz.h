//===- Npz.h - numpy's .npy and .npz files -----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The format of .npy files is numpy's (versions 1.0 to 3.0):
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
// An .npz file is a ZIP archive of them, stored or deflated.
//
// Files come from anywhere: nothing that a file claims is believed before it
// has been checked against the bytes that are there.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_NPZ_H
#define ADZE_NPZ_H

#include "adze/Compiler.h"
#include "adze/Tensor.h"

#include <memory>
#include <string>
#include <vector>

namespace adze {

/// Reads a .npy file. numpy knows no type for bfloat16, most 8-bit floats and
/// sub-byte integers: ml_dtypes' arrays of them are saved as opaque bytes, one
/// or two for an element. Those are read as `expected`, if its elements take
/// that many bytes, and refused if it is Undefined. Sub-byte elements, which
/// numpy keeps in a byte each, are packed. Other types are returned as they
/// are in the file, whatever was expected. Fortran order and big-endian
/// numbers are brought to row major and little endian.
Status readNpy(const std::string &path, Tensor &tensor,
               ElementType expected = ElementType::Undefined);

/// Writes a .npy file that numpy and ml_dtypes read back (opaque bytes are
/// given their meaning by `array.view(ml_dtypes.bfloat16)`).
Status writeNpy(const std::string &path, const Tensor &tensor);

/// An .npz file opened for reading. Arrays are read when asked for, so that
/// one of an odd type does no harm to the others.
class NpzReader {
public:
  NpzReader();
  ~NpzReader();
  NpzReader(NpzReader &&) noexcept;
  NpzReader &operator=(NpzReader &&) noexcept;

  static Status open(const std::string &path, NpzReader &reader);

  /// The arrays' names, without ".npy", in the order of the file.
  const std::vector<std::string> &names() const;
  bool contains(const std::string &name) const;
  /// Reads one array; see readNpy. `tensor.spec.name` becomes `name`.
  Status read(const std::string &name, Tensor &tensor,
              ElementType expected = ElementType::Undefined) const;
  /// The shape of one array; its elements may be of any type that is read.
  Status shape(const std::string &name, std::vector<int64_t> &shape) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Arrays named by their `spec.name`, written as numpy.savez_compressed does.
/// The file appears whole or not at all.
Status writeNpz(const std::string &path, const std::vector<Tensor> &tensors);

} // namespace adze

#endif
