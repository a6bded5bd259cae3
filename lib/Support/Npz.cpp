//===- Npz.cpp - numpy's .npz files ---------------------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The ZIP format is PKWARE's APPNOTE.TXT 6.3.10; section numbers below are of
// that document. The central directory is believed, the local headers give
// only the place of the bytes: numpy writes a ZIP64 field into each of them,
// and streaming writers leave their sizes empty.
//
//===----------------------------------------------------------------------===//

#include "adze/Npz.h"
#include "adze/Diagnostics.h"
#include "lib/Support/Files.h"
#include "lib/Support/Npy.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <unordered_map>

using namespace adze;

namespace {

/// An array in the archive.
struct Entry {
  uint16_t method = 0; // 0 stored, 8 deflated
  bool encrypted = false;
  uint32_t crc = 0;
  uint64_t packedSize = 0, size = 0, headerOffset = 0;
};

constexpr uint32_t localSignature = 0x04034b50;
constexpr uint32_t centralSignature = 0x02014b50;
constexpr uint32_t endSignature = 0x06054b50;
constexpr uint32_t end64Signature = 0x06064b50;
constexpr uint32_t locator64Signature = 0x07064b50;
constexpr size_t localBytes = 30, centralBytes = 46, endBytes = 22,
                 end64Bytes = 56, locator64Bytes = 20;

/// A directory longer than this is no archive of arrays (a million of them).
constexpr uint64_t maxDirectoryBytes = uint64_t(256) << 20;

/// Little-endian numbers at a place in a record.
template <typename T> T number(const char *bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = T(value | T(T(uint8_t(bytes[i])) << (8 * i)));
  return value;
}

template <typename T> void append(std::string &bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes += char(uint8_t(value >> (8 * i)));
}

} // namespace

struct NpzReader::Impl {
  std::string path;
  InputFile file;
  std::vector<std::string> names;
  std::unordered_map<std::string, Entry> entries;

  Status failure(const std::string &why) const {
    return Status::failure(
        fmt::format("cannot read {}: {}.", printable(path, 400), why));
  }
  Status findDirectory(uint64_t &offset, uint64_t &size) const;
  Status readDirectory();
  Status dataOffset(const std::string &name, const Entry &entry,
                    uint64_t &offset) const;
  Status readHeader(const std::string &name, const Entry &entry,
                    uint64_t &offset, npy::Header &header) const;
};

NpzReader::NpzReader() = default;
NpzReader::~NpzReader() = default;
NpzReader::NpzReader(NpzReader &&) noexcept = default;
NpzReader &NpzReader::operator=(NpzReader &&) noexcept = default;

const std::vector<std::string> &NpzReader::names() const { return impl->names; }

bool NpzReader::contains(const std::string &name) const {
  return impl->entries.count(name) != 0;
}

//===----------------------------------------------------------------------===//
// The directory
//===----------------------------------------------------------------------===//

/// Finds the central directory (sections 4.3.14 to 4.3.16).
Status NpzReader::Impl::findDirectory(uint64_t &offset, uint64_t &size) const {
  // The end record is last, but for a comment of at most 65,535 bytes.
  size_t tailSize = size_t(std::min<uint64_t>(file.size(), endBytes + 65535));
  std::string tail(tailSize, '\0');
  if (!file.readAt(file.size() - tailSize, tail.data(), tailSize))
    return failure("reading failed");
  size_t end = std::string::npos;
  for (size_t at = tailSize - endBytes + 1; at-- > 0;)
    if (number<uint32_t>(tail.data() + at) == endSignature) {
      end = at;
      break;
    }
  if (end == std::string::npos)
    return failure("it is no .npz file (a ZIP archive of .npy files), or its "
                   "end is missing");
  const char *record = tail.data() + end;
  size = number<uint32_t>(record + 12);
  offset = number<uint32_t>(record + 16);
  uint64_t count = number<uint16_t>(record + 10);
  if (size == 0xffffffff || offset == 0xffffffff || count == 0xffff) {
    uint64_t endOffset = file.size() - tailSize + end;
    char locator[locator64Bytes], end64[end64Bytes];
    if (endOffset < locator64Bytes ||
        !file.readAt(endOffset - locator64Bytes, locator, sizeof locator) ||
        number<uint32_t>(locator) != locator64Signature ||
        !file.readAt(number<uint64_t>(locator + 8), end64, sizeof end64) ||
        number<uint32_t>(end64) != end64Signature)
      return failure("its ZIP64 end record is damaged");
    size = number<uint64_t>(end64 + 40);
    offset = number<uint64_t>(end64 + 48);
  }
  if (offset > file.size() || size > file.size() - offset)
    return failure("its directory lies outside the file; the file is damaged "
                   "or was cut off");
  if (size > maxDirectoryBytes)
    return failure("its directory is larger than 256 MiB");
  return Status::success();
}

/// Takes the 64-bit sizes from an entry's extra field (section 4.5.3).
static bool applyZip64(const char *extra, size_t length, Entry &entry) {
  while (length >= 4) {
    size_t id = number<uint16_t>(extra), size = number<uint16_t>(extra + 2);
    if (size > length - 4)
      return false;
    if (id == 1) {
      const char *field = extra + 4;
      for (uint64_t *value :
           {&entry.size, &entry.packedSize, &entry.headerOffset}) {
        if (*value != 0xffffffff)
          continue;
        if (size < 8)
          return false;
        *value = number<uint64_t>(field);
        field += 8;
        size -= 8;
      }
      return true;
    }
    extra += 4 + size;
    length -= 4 + size;
  }
  return true;
}

Status NpzReader::Impl::readDirectory() {
  if (file.size() < endBytes)
    return failure("it is no .npz file (a ZIP archive of .npy files)");
  uint64_t offset, size;
  if (Status status = findDirectory(offset, size); !status)
    return status;
  std::string directory(size_t(size), '\0');
  if (!file.readAt(offset, directory.data(), directory.size()))
    return failure("reading failed");
  const char *at = directory.data(), *end = at + directory.size();
  while (end - at >= int64_t(centralBytes) &&
         number<uint32_t>(at) == centralSignature) {
    Entry entry;
    entry.encrypted = number<uint16_t>(at + 8) & 1;
    entry.method = number<uint16_t>(at + 10);
    entry.crc = number<uint32_t>(at + 16);
    entry.packedSize = number<uint32_t>(at + 20);
    entry.size = number<uint32_t>(at + 24);
    entry.headerOffset = number<uint32_t>(at + 42);
    size_t nameLength = number<uint16_t>(at + 28);
    size_t extraLength = number<uint16_t>(at + 30);
    size_t commentLength = number<uint16_t>(at + 32);
    if (size_t(end - at) - centralBytes <
        nameLength + extraLength + commentLength)
      return failure("its directory is damaged");
    std::string name(at + centralBytes, nameLength);
    if (!applyZip64(at + centralBytes + nameLength, extraLength, entry))
      return failure("its directory is damaged");
    at += centralBytes + nameLength + extraLength + commentLength;
    if (name.size() < 4 || name.compare(name.size() - 4, 4, ".npy") != 0)
      continue; // a folder, or somebody's notes
    name.resize(name.size() - 4);
    if (!entries.emplace(name, entry).second)
      return failure(fmt::format("it holds two arrays named {}", quoted(name)));
    names.push_back(std::move(name));
  }
  if (at != end)
    return failure("its directory is damaged");
  return Status::success();
}

Status NpzReader::open(const std::string &path, NpzReader &reader) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  if (Status status = InputFile::open(path, impl->file); !status)
    return status;
  if (Status status = impl->readDirectory(); !status)
    return status;
  reader.impl = std::move(impl);
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// Where the bytes of an entry begin: behind its local header (4.3.7).
Status NpzReader::Impl::dataOffset(const std::string &name, const Entry &entry,
                                   uint64_t &offset) const {
  char local[localBytes];
  if (!file.readAt(entry.headerOffset, local, sizeof local) ||
      number<uint32_t>(local) != localSignature)
    return failure(
        fmt::format("array {} is not where the directory says", quoted(name)));
  offset = entry.headerOffset + localBytes + number<uint16_t>(local + 26) +
           number<uint16_t>(local + 28);
  if (offset > file.size() || entry.packedSize > file.size() - offset)
    return failure(fmt::format("array {} ends behind the file's end; the "
                               "file is damaged or was cut off",
                               quoted(name)));
  return Status::success();
}

namespace {

/// The bytes of an entry in order, inflated if need be, with their CRC.
class EntryStream {
public:
  EntryStream(const InputFile &file, const Entry &entry, uint64_t offset)
      : file(file), offset(offset), left(entry.packedSize),
        deflated(entry.method == 8) {
    if (deflated)
      ready = inflateInit2(&stream, -MAX_WBITS) == Z_OK;
  }
  ~EntryStream() {
    if (deflated && ready)
      inflateEnd(&stream);
  }
  EntryStream(const EntryStream &) = delete;
  EntryStream &operator=(const EntryStream &) = delete;

  /// Reads exactly `size` bytes; false if they are not there.
  bool read(char *target, size_t size) {
    char *start = target;
    size_t total = size;
    while (size > 0) {
      // zlib counts in 32 bits.
      size_t part = std::min<size_t>(size, size_t(1) << 30);
      if (!(deflated ? inflatePart(target, part) : storedPart(target, part)))
        return false;
      target += part;
      size -= part;
    }
    for (size_t done = 0; done < total; done += size_t(1) << 30)
      crc = crc32(crc, reinterpret_cast<const Bytef *>(start + done),
                  uInt(std::min<size_t>(total - done, size_t(1) << 30)));
    return true;
  }
  uint32_t checksum() const { return uint32_t(crc); }

private:
  bool storedPart(char *target, size_t size) {
    if (size > left || !file.readAt(offset, target, size))
      return false;
    offset += size;
    left -= size;
    return true;
  }

  bool inflatePart(char *target, size_t size) {
    stream.next_out = reinterpret_cast<Bytef *>(target);
    stream.avail_out = uInt(size);
    while (ready && stream.avail_out > 0) {
      if (stream.avail_in == 0 && left > 0) {
        size_t part = size_t(std::min<uint64_t>(left, sizeof buffer));
        if (!file.readAt(offset, buffer, part))
          return false;
        offset += part;
        left -= part;
        stream.next_in = reinterpret_cast<Bytef *>(buffer);
        stream.avail_in = uInt(part);
      }
      int result = inflate(&stream, Z_NO_FLUSH);
      if (result == Z_STREAM_END)
        return stream.avail_out == 0;
      if (result != Z_OK)
        return false;
    }
    return ready;
  }

  const InputFile &file;
  uint64_t offset, left;
  bool deflated, ready = true;
  uLong crc = crc32(0, nullptr, 0);
  z_stream stream = {};
  char buffer[1 << 16];
};

} // namespace

/// Reads the header of an array and checks it against the array's size.
/// `offset` receives the place of the packed bytes.
Status NpzReader::Impl::readHeader(const std::string &name, const Entry &entry,
                                   uint64_t &offset,
                                   npy::Header &header) const {
  auto failure = [&](const std::string &why) {
    return this->failure(fmt::format("array {}: {}", quoted(name), why));
  };
  if (entry.encrypted)
    return failure("it is encrypted");
  if (entry.method != 0 && entry.method != 8)
    return failure(fmt::format("it is packed with method {} of the ZIP format; "
                               "save it with numpy.savez or savez_compressed",
                               entry.method));
  // Deflate packs at most 1032 to 1 (zlib's technical notes), so a claimed
  // size beyond that is a lie, and nothing is allocated for it.
  bool plausible = entry.method == 0 ? entry.size == entry.packedSize
                                     : entry.size / 1032 <= entry.packedSize;
  if (!plausible)
    return failure("the size that the directory gives cannot be true; the file "
                   "is damaged");
  if (Status status = dataOffset(name, entry, offset); !status)
    return status;
  std::string start(std::min<uint64_t>(entry.size, npy::maxHeaderBytes), '\0');
  EntryStream stream(file, entry, offset);
  if (!stream.read(start.data(), start.size()))
    return failure("its packed bytes are damaged");
  Status status = npy::parseHeader(start.data(), start.size(), header);
  if (!status)
    return failure(status.message);
  uint64_t present = entry.size - header.dataOffset;
  if (present != uint64_t(header.dataSize()))
    return failure(fmt::format("its header announces {} bytes of elements, and "
                               "{} follow; the file is damaged",
                               header.dataSize(), present));
  return Status::success();
}

Status NpzReader::shape(const std::string &name,
                        std::vector<int64_t> &shape) const {
  auto found = impl->entries.find(name);
  if (found == impl->entries.end())
    return impl->failure(fmt::format("it holds no array {}", quoted(name)));
  uint64_t offset;
  npy::Header header;
  Status status = impl->readHeader(name, found->second, offset, header);
  shape = header.shape;
  return status;
}

Status NpzReader::read(const std::string &name, Tensor &tensor,
                       ElementType expected) const {
  auto found = impl->entries.find(name);
  if (found == impl->entries.end())
    return impl->failure(fmt::format("it holds no array {}", quoted(name)));
  const Entry &entry = found->second;
  auto failure = [&](const std::string &why) {
    return impl->failure(fmt::format("array {}: {}", quoted(name), why));
  };
  uint64_t offset;
  npy::Header header;
  if (Status status = impl->readHeader(name, entry, offset, header); !status)
    return status;
  // From the start again: the checksum is of the header too.
  std::string start(header.dataOffset, '\0');
  std::vector<char, AlignedAllocator<char>> data(size_t(header.dataSize()));
  EntryStream stream(impl->file, entry, offset);
  if (!stream.read(start.data(), start.size()) ||
      !stream.read(data.data(), data.size()))
    return failure("its packed bytes are damaged");
  if (stream.checksum() != entry.crc)
    return failure("its checksum is wrong; the file is damaged");
  tensor.spec.name = name;
  if (Status status =
          npy::makeTensor(header, expected, std::move(data), tensor);
      !status)
    return failure(status.message);
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Deflates header and elements of an array; false only if memory is short.
static bool deflateArray(const std::string &header, const char *data,
                         size_t size, std::string &packed, uint32_t &crc) {
  z_stream stream = {};
  // Level 1: activations hardly pack, whatever the effort.
  if (deflateInit2(&stream, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return false;
  uLong sum = crc32(0, nullptr, 0);
  char buffer[1 << 16];
  auto feed = [&](const char *bytes, size_t count, bool last) {
    do {
      size_t part = std::min<size_t>(count, size_t(1) << 30);
      if (part > 0) // crc32 takes a null pointer for a request to begin
        sum = crc32(sum, reinterpret_cast<const Bytef *>(bytes), uInt(part));
      stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes));
      stream.avail_in = uInt(part);
      bytes += part;
      count -= part;
      int flush = last && count == 0 ? Z_FINISH : Z_NO_FLUSH;
      do {
        stream.next_out = reinterpret_cast<Bytef *>(buffer);
        stream.avail_out = sizeof buffer;
        deflate(&stream, flush);
        packed.append(buffer, sizeof buffer - stream.avail_out);
      } while (stream.avail_out == 0);
    } while (count > 0);
  };
  feed(header.data(), header.size(), false);
  feed(data, size, true);
  deflateEnd(&stream);
  crc = uint32_t(sum);
  return true;
}

Status adze::writeNpz(const std::string &path,
                      const std::vector<Tensor> &tensors) {
  constexpr uint64_t limit = std::numeric_limits<uint32_t>::max();
  WholeFile file(path);
  std::string directory;
  std::set<std::string> seen;
  for (const Tensor &tensor : tensors) {
    std::string name = tensor.spec.name + ".npy";
    if (!seen.insert(name).second)
      return Status::failure(
          fmt::format("cannot write {}: two arrays are named {}.", path,
                      quoted(tensor.spec.name)));
    std::string header, packed;
    std::vector<char> unpacked;
    if (Status status = npy::serialize(tensor, header, unpacked); !status)
      return Status::failure(
          fmt::format("cannot write {}: {}.", path, status.message));
    bool subByte = elementBits(tensor.spec.type) < 8;
    const char *data = subByte ? unpacked.data() : tensor.data();
    size_t size = subByte ? unpacked.size() : tensor.storage.size();
    uint32_t crc = 0;
    if (!deflateArray(header, data, size, packed, crc))
      return Status::failure(
          fmt::format("cannot write {}: out of memory.", path));
    uint64_t total = header.size() + size;
    if (total >= limit || packed.size() >= limit ||
        file.position() + packed.size() >= limit || name.size() > 65535 ||
        seen.size() >= 65535)
      return Status::failure(fmt::format(
          "cannot write {}: {} does not fit into an archive of 4 GiB; write "
          "the outputs to several files.",
          path, quoted(tensor.spec.name)));
    // The fields that local header and directory share (4.3.7, 4.3.12). The
    // date is the format's zero, so that equal arrays make equal files.
    std::string common;
    append<uint16_t>(common, 20);     // needs version 2.0
    append<uint16_t>(common, 0x0800); // the name is UTF-8
    append<uint16_t>(common, 8);      // deflated
    append<uint16_t>(common, 0);      // 00:00
    append<uint16_t>(common, 0x21);   // 1980-01-01
    append<uint32_t>(common, crc);
    append<uint32_t>(common, uint32_t(packed.size()));
    append<uint32_t>(common, uint32_t(total));
    append<uint16_t>(common, uint16_t(name.size()));
    append<uint16_t>(common, 0); // no extra field

    append<uint32_t>(directory, centralSignature);
    append<uint16_t>(directory, 20); // made by version 2.0
    directory += common;
    directory.append(10, '\0'); // comment, disk, attributes
    append<uint32_t>(directory, uint32_t(file.position()));
    directory += name;

    std::string local;
    append<uint32_t>(local, localSignature);
    local += common + name;
    file.write(local.data(), local.size());
    file.write(packed.data(), packed.size());
  }
  std::string end;
  append<uint32_t>(end, endSignature);
  append<uint32_t>(end, 0); // disks
  append<uint16_t>(end, uint16_t(seen.size()));
  append<uint16_t>(end, uint16_t(seen.size()));
  append<uint32_t>(end, uint32_t(directory.size()));
  append<uint32_t>(end, uint32_t(file.position()));
  append<uint16_t>(end, 0); // no comment
  file.write(directory.data(), directory.size());
  file.write(end.data(), end.size());
  return file.commit();
}
