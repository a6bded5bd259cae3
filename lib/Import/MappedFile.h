//===- MappedFile.h - Files that the reader maps ----------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_MAPPEDFILE_H
#define ADZE_IMPORT_MAPPEDFILE_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace adze::reader {

/// A regular file, mapped read-only for as long as somebody holds it.
class MappedFile {
public:
  /// The model itself, wherever the user's path leads.
  static std::shared_ptr<const MappedFile> open(const std::string &path);

  /// A file of external data: `location` is a path below `folder`, an open
  /// directory. Refuses whatever leads elsewhere: absolute paths, "..",
  /// symbolic links anywhere on the way, files with more than one hard link,
  /// and what is not a regular file. `tensor` names the tensor that asks for
  /// it.
  static std::shared_ptr<const MappedFile>
  openBeneath(int folder, const std::string &location,
              const std::string &tensor);

  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  std::string_view bytes() const { return {data, size}; }
  /// Gives the memory of a range of whole pages back; it is read again when it
  /// is next looked at.
  void forget(size_t offset, size_t length) const;

private:
  MappedFile() = default;
  const char *data = nullptr;
  size_t size = 0;
  static std::shared_ptr<const MappedFile> map(int descriptor, uint64_t size);
};

/// A file descriptor, closed at the end of its scope.
class Descriptor {
public:
  explicit Descriptor(int number = -1) : number(number) {}
  ~Descriptor();
  Descriptor(Descriptor &&other) : number(other.number) { other.number = -1; }
  Descriptor &operator=(Descriptor &&other);
  int get() const { return number; }
  bool valid() const { return number >= 0; }

private:
  int number;
};

/// The folder that holds the file of that path.
Descriptor openFolderOf(const std::string &path);

} // namespace adze::reader

#endif
