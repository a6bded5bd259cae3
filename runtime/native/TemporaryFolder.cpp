//===- TemporaryFolder.cpp - A folder that goes away ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/native/TemporaryFolder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace adze {

TemporaryFolder::~TemporaryFolder() {
  if (folder.empty())
    return;
  std::error_code ignored; // nothing can be done about it here
  std::filesystem::remove_all(folder, ignored);
}

Status TemporaryFolder::create() {
  const char *parent = std::getenv("TMPDIR");
  std::string pattern =
      std::string(parent && *parent ? parent : "/tmp") + "/adze-XXXXXX";
  if (!::mkdtemp(pattern.data()))
    return Status::failure(fmt::format(
        "cannot make a temporary folder ({}): {}; set TMPDIR to a folder with "
        "room",
        pattern, std::strerror(errno)));
  folder = std::filesystem::absolute(pattern).string();
  return Status::success();
}

Status writeFile(const std::string &path, const void *data, size_t size) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(static_cast<const char *>(data),
            static_cast<std::streamsize>(size));
  out.close();
  if (!out)
    return Status::failure(
        fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  return Status::success();
}

Status writeFile(const std::string &path, const std::string &text) {
  return writeFile(path, text.data(), text.size());
}

Status readFile(const std::string &path, std::string &bytes) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  if (!in)
    return Status::failure(
        fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  bytes = all.str();
  return Status::success();
}

} // namespace adze
