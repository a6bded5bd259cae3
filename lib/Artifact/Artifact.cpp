//===- Artifact.cpp - Writes the folder, all or nothing --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The folder is written under a temporary name beside its final place, then
/// renamed. Where a folder of adze is there already, the new one takes its
/// place; files that adze did not write (a build folder, notes) move over.
///
//===----------------------------------------------------------------------===//

#include "adze/Artifact.h"
#include "adze/Diagnostics.h"
#include "lib/Artifact/Files.h"

#include "fmt/format.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace adze;
namespace fs = std::filesystem;

std::string adze::weightsBinaryName(const CSource &source) {
  return source.model + "_weights.bin";
}

std::string adze::groupedDigits(int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = int(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    digits.insert(size_t(at), ",");
  return digits;
}

std::string adze::shapeText(const std::vector<int64_t> &shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<std::string> adze::artifactFileNames(const ArtifactInfo &info,
                                                 const CSource &source) {
  std::vector<std::string> names{source.header.name};
  if (info.object.empty()) {
    names.push_back(source.source.name);
    for (const CFile &file : source.deviceFiles)
      names.push_back(file.name);
    for (const CFile &file : source.weightFiles)
      names.push_back(file.name);
    if (source.weightsBinaryBytes)
      names.push_back(weightsBinaryName(source));
  } else {
    names.push_back(source.model + ".o");
  }
  names.push_back(source.model + ".json");
  for (const char *name :
       {"CMakeLists.txt", "main.c", "README.md", "report.html"})
    names.push_back(name);
  for (const CFile &file : packages(info, source))
    names.push_back(file.name);
  return names;
}

namespace {

/// A failure on the way; becomes a Status at the border of this file.
struct Failure {
  std::string message;
};

/// Removes a path with all below it unless it is kept.
class Scratch {
public:
  explicit Scratch(fs::path path) : path(std::move(path)) {}
  Scratch(const Scratch &) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path.empty())
      fs::remove_all(path, ignored);
  }
  void keep() { path.clear(); }

private:
  fs::path path;
};

std::string shown(const fs::path &path) {
  return "'" + printable(path.string()) + "'";
}

void check(const std::error_code &error, const std::string &what) {
  if (error)
    throw Failure{fmt::format("cannot {}: {}", what, error.message())};
}

/// A file of the new folder, with its size for the listing.
class OutputFile {
public:
  OutputFile(const fs::path &folder, const std::string &name)
      : path(folder / name) {
    std::error_code error; // reported as a file that cannot be written
    fs::create_directories(path.parent_path(), error);
    stream.open(path, std::ios::binary);
    if (!stream)
      throw Failure{"cannot write " + shown(path)};
  }
  bool write(const char *data, size_t size) {
    stream.write(data, std::streamsize(size));
    bytes += int64_t(size);
    return bool(stream);
  }
  int64_t close() {
    stream.close();
    if (!stream)
      throw Failure{"cannot write " + shown(path) + "; is the disk full?"};
    return bytes;
  }

private:
  fs::path path;
  std::ofstream stream;
  int64_t bytes = 0;
};

/// The entry of the folder itself: "zephyr" of "zephyr/module.yml".
std::string topEntry(const std::string &name) {
  return name.substr(0, name.find('/'));
}

/// The entries of an existing folder that adze did not write. Fails if the
/// folder is not adze's, not empty and not forced.
std::vector<std::string> foreignEntries(const fs::path &folder, bool force) {
  std::set<std::string> entries, own;
  bool isOurs = false;
  std::error_code error;
  fs::directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    entries.insert(it->path().filename().string());
    if (it->path().extension() != ".json" || !it->is_regular_file() ||
        it->file_size() > (64u << 20))
      continue;
    std::ifstream stream(it->path(), std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    for (const std::string &name : filesOfArtifact(text.str())) {
      own.insert(topEntry(name));
      isOurs = true;
    }
  }
  check(error, "read the folder " + shown(folder));
  if (!isOurs && !entries.empty() && !force)
    throw Failure{fmt::format(
        "the folder {} exists and adze did not write it (no NAME.json in it "
        "has \"generator\": \"adze\"); choose another folder, or overwrite it "
        "with --force",
        shown(folder))};
  std::vector<std::string> foreign;
  std::set_difference(entries.begin(), entries.end(), own.begin(), own.end(),
                      std::back_inserter(foreign));
  return foreign;
}

void writeFiles(const ArtifactInfo &info, const CSource &source,
                const fs::path &folder, std::vector<WrittenFile> &files) {
  auto text = [&](const std::string &name, const std::string &content) {
    OutputFile file(folder, name);
    file.write(content.data(), content.size());
    files.push_back({name, file.close()});
  };
  text(source.header.name, source.header.text);
  if (info.object.empty()) {
    text(source.source.name, source.source.text);
    for (const CFile &file : source.deviceFiles)
      text(file.name, file.text);
    for (const CFile &file : source.weightFiles)
      text(file.name, file.text);
    if (source.weightsBinaryBytes) {
      OutputFile file(folder, weightsBinaryName(source));
      if (!source.writeWeightsBinary(
              [&](const char *data, size_t size) {
                return file.write(data, size);
              }))
        throw Failure{"cannot write the weights to " +
                      shown(folder / weightsBinaryName(source)) +
                      "; is the disk full?"};
      files.push_back({weightsBinaryName(source), file.close()});
    }
  } else {
    text(source.model + ".o", info.object);
  }
  text(source.model + ".json", artifactMetadata(info, source));
  text("CMakeLists.txt", artifactCMakeLists(info, source));
  text("main.c", artifactExample(source));
  text("README.md", artifactReadme(info, source));
  text("report.html", artifactReport(info, source));
  for (const CFile &file : packages(info, source))
    text(file.name, file.text);
}

void write(const ArtifactInfo &info, const CSource &source,
           const std::string &directory, bool force,
           std::vector<WrittenFile> &files) {
  std::error_code error;
  fs::path target = fs::absolute(directory, error).lexically_normal();
  check(error, "resolve " + shown(directory));
  if (!target.has_filename()) // "folder/"
    target = target.parent_path();
  if (fs::exists(target, error)) // through a symbolic link to the folder
    target = fs::canonical(target, error);
  check(error, "resolve " + shown(directory));
  if (!target.has_filename())
    throw Failure{shown(directory) + " cannot become an artifact's folder"};

  std::vector<std::string> foreign;
  bool exists = fs::exists(target, error);
  if (exists && !fs::is_directory(target, error))
    throw Failure{fmt::format("{} is a file; an artifact is a folder",
                              shown(directory))};
  if (exists)
    foreign = foreignEntries(target, force);
  for (const std::string &name : artifactFileNames(info, source))
    if (std::binary_search(foreign.begin(), foreign.end(), topEntry(name)) &&
        !force)
      throw Failure{fmt::format(
          "{} in {} was not written by adze and would be overwritten; move "
          "it, or overwrite it with --force",
          printable(topEntry(name)), shown(directory))};

  // Folders above that do not exist yet disappear again on failure.
  fs::path parent = target.parent_path(), created;
  for (fs::path path = parent; !path.empty() && !fs::exists(path, error);
       path = path.parent_path())
    created = path;
  Scratch parents(created);
  fs::create_directories(parent, error);
  check(error, "create the folder " + shown(parent));

  std::string suffix = fmt::format(".adze-{}", ::getpid());
  fs::path fresh = target, old = target;
  fresh += suffix + "-new";
  old += suffix + "-old";
  fs::remove_all(fresh, error);
  fs::create_directory(fresh, error);
  check(error, "create a folder in " + shown(parent));
  Scratch unfinished(fresh);
  writeFiles(info, source, fresh, files);

  if (exists) {
    fs::rename(target, old, error);
    check(error, "replace the folder " + shown(directory));
  }
  fs::rename(fresh, target, error);
  if (error && exists) {
    std::error_code ignored;
    fs::rename(old, target, ignored);
  }
  check(error, "create the folder " + shown(directory));
  unfinished.keep();
  parents.keep();
  if (!exists)
    return;
  bool movedAll = true;
  for (const std::string &name : foreign) {
    if (fs::exists(fs::symlink_status(target / name, error)))
      continue; // forced
    fs::rename(old / name, target / name, error);
    movedAll &= !error;
  }
  if (!movedAll)
    throw Failure{fmt::format("the artifact is in {}, but some files that were "
                              "there before could not be moved back; they are "
                              "in {}",
                              shown(directory), shown(old))};
  fs::remove_all(old, error);
}

} // namespace

Status adze::writeArtifact(const ArtifactInfo &info, const CSource &source,
                           const std::string &directory, bool force,
                           std::vector<WrittenFile> &files) {
  files.clear();
  try {
    write(info, source, directory, force, files);
    return Status::success();
  } catch (const Failure &failure) {
    files.clear();
    return Status::failure("model '" + printable(source.model) +
                           "': " + failure.message);
  } catch (const fs::filesystem_error &error) {
    files.clear();
    return Status::failure("model '" + printable(source.model) +
                           "': " + error.code().message() + " while writing " +
                           shown(directory));
  }
}
