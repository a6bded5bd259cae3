//===- MappedFile.cpp - Files that the reader maps --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// External data names files chosen by whoever made the model. ONNX needed five
/// CVEs to contain them (CVE-2022-25882, CVE-2024-27318, CVE-2026-27489,
/// CVE-2026-34446 by hard link, CVE-2026-34447 by symbolic link), because it
/// checked paths before it opened them. Here the kernel resolves the path under
/// the model's folder without links, and what was opened is then examined.
///
//===----------------------------------------------------------------------===//

#include "MappedFile.h"

#include "Refusal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

using namespace adze;
using namespace adze::reader;

Descriptor::~Descriptor() {
  if (number >= 0)
    ::close(number);
}

Descriptor &Descriptor::operator=(Descriptor &&other) {
  std::swap(number, other.number);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<char *>(data), size);
}

void MappedFile::forget(size_t offset, size_t length) const {
  ::madvise(const_cast<char *>(data) + offset, length, MADV_DONTNEED);
}

std::shared_ptr<const MappedFile> MappedFile::map(int descriptor,
                                                  uint64_t size) {
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (size == 0)
    return file; // mmap refuses an empty range
  void *address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (address == MAP_FAILED)
    return nullptr;
  file->data = static_cast<const char *>(address);
  file->size = size;
  return file;
}

static const char *kindOf(mode_t mode) {
  if (S_ISDIR(mode))
    return "a folder";
  if (S_ISFIFO(mode))
    return "a pipe";
  if (S_ISSOCK(mode))
    return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "a device";
  return "a special file";
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string &path) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ENOENT)
      refuse("there is no such file", "check the path");
    refuse(std::string("the file cannot be opened (") + std::strerror(errno) +
           ")");
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0)
    refuse("the file cannot be examined");
  if (S_ISDIR(status.st_mode))
    refuse("this is a folder, not an ONNX model",
           "give the .onnx file inside it");
  if (!S_ISREG(status.st_mode))
    refuse(std::string("this is ") + kindOf(status.st_mode) +
               ", not a regular file",
           "write the model to a file first");
  if (status.st_size == 0)
    refuse("the file is empty",
           "download or export the model again: it holds no bytes");
  auto mapped = map(file.get(), uint64_t(status.st_size));
  if (!mapped)
    refuse(std::string("the file cannot be mapped (") + std::strerror(errno) +
           ")");
  return mapped;
}

namespace {
/// What to say about a location of external data.
struct Location {
  const std::string &tensor;
  const std::string &path;

  [[noreturn]] void refuse(const std::string &reason,
                           const std::string &advice) const {
    adze::reader::refuse("tensor " + quoted(tensor) +
                             " keeps its data in the file " + quoted(path) +
                             ", " + reason,
                         advice);
  }
};
} // namespace

/// The components of a relative path without "."; refuses what could leave the
/// folder, so that the message is clear; the kernel enforces it afterwards.
static std::vector<std::string> componentsOf(const Location &location) {
  const std::string &path = location.path;
  const char *inside = "put the data file beside the model (or below it) and "
                       "store its path relative to the model";
  if (path.empty())
    location.refuse("which is no path", inside);
  if (path.find('\0') != std::string::npos)
    location.refuse("whose path holds a zero byte", inside);
  if (path.front() == '/')
    location.refuse("an absolute path, which is not allowed: a model may only "
                    "read files in its own folder",
                    inside);
  std::vector<std::string> components;
  for (size_t start = 0; start <= path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string component = path.substr(start, end - start);
    if (component == "..")
      location.refuse("a path with '..', which is not allowed: a model may "
                      "only read files in its own folder",
                      inside);
    if (!component.empty() && component != ".")
      components.push_back(std::move(component));
    start = end + 1;
  }
  if (components.empty())
    location.refuse("which is no file", inside);
  return components;
}

/// Opens component by component without following links: what openat2 does in
/// one call, for kernels and sandboxes without it.
static int openStepwise(int folder, const std::vector<std::string> &path) {
  Descriptor current;
  for (size_t i = 0; i < path.size(); ++i) {
    int parent = current.valid() ? current.get() : folder;
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    if (i + 1 == path.size())
      return ::openat(parent, path[i].c_str(), flags);
    int next = ::openat(parent, path[i].c_str(), flags | O_DIRECTORY);
    if (next < 0) {
      // O_DIRECTORY hides that the component is a link.
      struct stat status;
      int error = errno;
      if (error == ENOTDIR &&
          ::fstatat(parent, path[i].c_str(), &status, AT_SYMLINK_NOFOLLOW) ==
              0 &&
          S_ISLNK(status.st_mode))
        error = ELOOP;
      errno = error;
      return -1;
    }
    current = Descriptor(next);
  }
  return -1;
}

static int openContained(int folder, const std::vector<std::string> &path) {
#if __has_include(<linux/openat2.h>)
  std::string joined;
  for (const std::string &component : path)
    joined += (joined.empty() ? "" : "/") + component;
  struct open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long result =
      ::syscall(SYS_openat2, folder, joined.c_str(), &how, sizeof how);
  // EPERM: a sandbox filters the call.
  if (result >= 0 || (errno != ENOSYS && errno != EPERM))
    return int(result);
#endif
  return openStepwise(folder, path);
}

std::shared_ptr<const MappedFile>
MappedFile::openBeneath(int folder, const std::string &path,
                        const std::string &tensor) {
  Location location{tensor, path};
  Descriptor file(openContained(folder, componentsOf(location)));
  if (!file.valid()) {
    int error = errno;
    if (error == ENOENT || error == ENOTDIR)
      location.refuse("which is not there",
                      "put that file beside the model; a model with external "
                      "data consists of several files");
    if (error == ELOOP)
      location.refuse(
          "which is or lies behind a symbolic link; links are not "
          "followed, because they can lead to any file",
          "copy the model with its data as ordinary files (cp -rL)");
    if (error == EXDEV)
      location.refuse("which lies outside the model's folder",
                      "put it beside the model");
    location.refuse(std::string("which cannot be opened (") +
                        std::strerror(error) + ")",
                    "check the file's permissions");
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0)
    location.refuse("which cannot be examined", "");
  if (!S_ISREG(status.st_mode))
    location.refuse(std::string("which is ") + kindOf(status.st_mode) +
                        " and not a regular file",
                    "put the data file beside the model");
  if (status.st_nlink != 1)
    location.refuse("which has " + std::to_string(status.st_nlink) +
                        " hard links; a second link can lead to any file",
                    "copy the data file (cp --no-preserve=links) beside a copy "
                    "of the model");
  auto mapped = map(file.get(), uint64_t(status.st_size));
  if (!mapped)
    location.refuse(std::string("which cannot be mapped (") +
                        std::strerror(errno) + ")",
                    "");
  return mapped;
}

Descriptor reader::openFolderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "."
                       : slash == 0               ? "/"
                                                  : path.substr(0, slash);
  return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
