//===- Files.cpp - Files read by position, written as a whole -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace adze;

//===----------------------------------------------------------------------===//
// InputFile
//===----------------------------------------------------------------------===//

InputFile::~InputFile() {
  if (descriptor >= 0)
    ::close(descriptor);
}

InputFile::InputFile(InputFile &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)), length(other.length) {}

InputFile &InputFile::operator=(InputFile &&other) noexcept {
  std::swap(descriptor, other.descriptor);
  std::swap(length, other.length);
  return *this;
}

Status InputFile::open(const std::string &path, InputFile &file) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  InputFile opened;
  opened.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (opened.descriptor < 0)
    return Status::failure(
        fmt::format("cannot open {}: {}.", path, std::strerror(errno)));
  struct stat info;
  if (::fstat(opened.descriptor, &info) != 0)
    return Status::failure(
        fmt::format("cannot open {}: {}.", path, std::strerror(errno)));
  if (!S_ISREG(info.st_mode))
    return Status::failure(
        fmt::format("cannot read {}: it is {}, not a file.", path,
                    S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe"));
  opened.length = uint64_t(info.st_size);
  file = std::move(opened);
  return Status::success();
}

bool InputFile::readAt(uint64_t offset, void *bytes, size_t size) const {
  if (offset > length || size > length - offset)
    return false;
  char *target = static_cast<char *>(bytes);
  while (size > 0) {
    ssize_t count = ::pread(descriptor, target, size, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    target += count;
    offset += uint64_t(count);
    size -= size_t(count);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// WholeFile
//===----------------------------------------------------------------------===//

WholeFile::WholeFile(std::string thePath) : path(std::move(thePath)) {
  temporary = fmt::format("{}.{}.part", path, ::getpid());
  file = std::fopen(temporary.c_str(), "wbe");
  if (!file)
    error = errno;
}

WholeFile::~WholeFile() {
  if (file) {
    std::fclose(file);
    std::remove(temporary.c_str());
  }
}

void WholeFile::write(const void *bytes, size_t size) {
  if (error != 0)
    return;
  errno = 0;
  if (size != 0 && std::fwrite(bytes, 1, size, file) != size)
    error = errno ? errno : EIO;
  written += size;
}

Status WholeFile::commit() {
  if (file) {
    if (std::fclose(file) != 0 && error == 0)
      error = errno;
    file = nullptr;
    if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0)
      error = errno;
    if (error != 0)
      std::remove(temporary.c_str());
  }
  if (error != 0)
    return Status::failure(
        fmt::format("cannot write {}: {}.", path, std::strerror(error)));
  return Status::success();
}
