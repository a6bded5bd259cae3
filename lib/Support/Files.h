//===- Files.h - Files read by position, written as a whole ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_SUPPORT_FILES_H
#define ADZE_LIB_SUPPORT_FILES_H

#include "adze/Compiler.h"

#include <cstdint>
#include <cstdio>
#include <string>

namespace adze {

/// A regular file open for reading.
class InputFile {
public:
  InputFile() = default;
  ~InputFile();
  InputFile(InputFile &&other) noexcept;
  InputFile &operator=(InputFile &&other) noexcept;

  /// Fails with a message that names the path.
  static Status open(const std::string &path, InputFile &file);
  uint64_t size() const { return length; }
  /// Reads exactly `size` bytes; false if they are not all there.
  bool readAt(uint64_t offset, void *bytes, size_t size) const;

private:
  int descriptor = -1;
  uint64_t length = 0;
};

/// A file that appears whole or not at all: it is written beside its place
/// and moved there by `commit`; without that it vanishes.
class WholeFile {
public:
  explicit WholeFile(std::string path);
  ~WholeFile();
  WholeFile(const WholeFile &) = delete;
  WholeFile &operator=(const WholeFile &) = delete;

  /// An error is kept for `commit`.
  void write(const void *bytes, size_t size);
  uint64_t position() const { return written; }
  Status commit();

private:
  std::string path, temporary;
  std::FILE *file = nullptr;
  uint64_t written = 0;
  int error = 0;
};

} // namespace adze

#endif
