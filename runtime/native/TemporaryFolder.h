//===- TemporaryFolder.h - A folder that goes away --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_NATIVE_TEMPORARYFOLDER_H
#define ADZE_RUNTIME_NATIVE_TEMPORARYFOLDER_H

#include "adze/Compiler.h"

#include <string>

namespace adze {

/// A new folder under $TMPDIR (or /tmp), removed with all its files at the end
/// of its scope.
class TemporaryFolder {
public:
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder();

  Status create();
  const std::string &path() const { return folder; }
  std::string file(const std::string &name) const {
    return folder + "/" + name;
  }

private:
  std::string folder;
};

/// Writes a whole file; the message names it.
Status writeFile(const std::string &path, const void *data, size_t size);
Status writeFile(const std::string &path, const std::string &text);
/// Reads a whole file; the message names it.
Status readFile(const std::string &path, std::string &bytes);

} // namespace adze

#endif
