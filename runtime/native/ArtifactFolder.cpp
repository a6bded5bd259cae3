//===- ArtifactFolder.cpp - What lies in an artifact's folder -------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/native/ArtifactFolder.h"
#include "runtime/native/TemporaryFolder.h"

#include "nlohmann/json.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace adze {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// More would not be a tensor that anybody can run.
constexpr int64_t maxElements = int64_t(1) << 40;

/// The name becomes part of C text and of file names.
bool isIdentifier(const std::string &name) {
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '_';
         });
}

Status badMetadata(const std::string &file, const std::string &what) {
  return Status::failure(
      fmt::format("{} does not describe an artifact of adze: {}; write the "
                  "folder anew with 'adze compile'",
                  file, what));
}

Status readTensors(const std::string &file, const json &list,
                   std::vector<TensorSpec> &specs) {
  for (const json &entry : list) {
    TensorSpec spec;
    spec.name = entry.at("name");
    std::string type = entry.at("type");
    spec.type = elementTypeNamed(type);
    if (elementBits(spec.type) == 0)
      return badMetadata(
          file, fmt::format("tensor '{}' has the type '{}'", spec.name, type));
    int64_t elements = 1;
    for (const json &dim : entry.at("shape")) {
      int64_t size = dim.get<int64_t>();
      if (size < 0 || (size > 0 && elements > maxElements / size))
        return badMetadata(file, fmt::format("tensor '{}' has an impossible "
                                             "shape",
                                             spec.name));
      elements *= size;
      spec.shape.push_back(size);
    }
    specs.push_back(std::move(spec));
  }
  return Status::success();
}

Status readMetadata(const std::string &file, ArtifactFolder &artifact) {
  std::string text;
  if (Status status = readFile(file, text); !status)
    return status;
  try {
    json metadata = json::parse(text);
    artifact.name = metadata.at("name");
    artifact.arenaBytes = metadata.at("arena_bytes");
    artifact.chips = metadata.value("chips", std::vector<std::string>());
    if (Status status =
            readTensors(file, metadata.at("inputs"), artifact.inputs);
        !status)
      return status;
    return readTensors(file, metadata.at("outputs"), artifact.outputs);
  } catch (const json::exception &error) {
    return badMetadata(file, error.what());
  }
}

} // namespace

std::string ArtifactFolder::macroPrefix() const {
  std::string prefix = name;
  for (char &c : prefix)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return prefix;
}

Status readArtifactFolder(const std::string &path, ArtifactFolder &artifact) {
  artifact = {};
  std::error_code error;
  artifact.path = fs::absolute(path, error).string();
  std::vector<fs::path> metadata, sources;
  fs::directory_iterator entries(artifact.path, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    fs::path file = entries->path();
    if (file.extension() == ".json" &&
        fs::exists(fs::path(file).replace_extension(".h")))
      metadata.push_back(file);
    if (file.extension() == ".c")
      sources.push_back(file);
  }
  if (error)
    return Status::failure(fmt::format("cannot read the artifact's folder {}: "
                                       "{}",
                                       path, error.message()));
  if (metadata.size() != 1)
    return Status::failure(fmt::format(
        "the folder {} is no artifact of adze: expected one NAME.json with a "
        "NAME.h beside it, found {}; write it with 'adze compile MODEL -o DIR'",
        path, metadata.size()));

  std::string file = metadata[0].string();
  if (Status status = readMetadata(file, artifact); !status)
    return status;
  if (!isIdentifier(artifact.name) ||
      artifact.name != metadata[0].stem().string())
    return badMetadata(file, fmt::format("its name is '{}'", artifact.name));

  for (const fs::path &source : sources) {
    std::string stem = source.stem().string();
    if (stem == artifact.name || stem.rfind(artifact.name + "_", 0) == 0)
      artifact.sources.push_back(source.string());
  }
  std::sort(artifact.sources.begin(), artifact.sources.end());
  if (artifact.sources.empty()) {
    artifact.object = fs::path(metadata[0]).replace_extension(".o").string();
    if (!fs::is_regular_file(artifact.object, error))
      return badMetadata(file, fmt::format("there is neither {0}.c nor {0}.o",
                                           artifact.name));
  }
  return Status::success();
}

Status checkInputs(const std::string &model,
                   const std::vector<TensorSpec> &expected,
                   const std::vector<const Tensor *> &found) {
  if (found.size() != expected.size())
    return Status::failure(fmt::format("model '{}' takes {} inputs, not {}",
                                       model, expected.size(), found.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    const TensorSpec &want = expected[i], &have = found[i]->spec;
    if (want.type != have.type || want.shape != have.shape)
      return Status::failure(
          fmt::format("input '{}' of model '{}' is {}, and was given {}",
                      want.name, model, want.typeText(), have.typeText()));
  }
  return Status::success();
}

std::string runArguments(const ArtifactFolder &artifact,
                         const std::string &inputFormat,
                         const std::string &outputFormat) {
  std::string text;
  for (size_t i = 0; i < artifact.inputs.size(); ++i)
    text += fmt::format(fmt::runtime(inputFormat), i) + ", ";
  for (size_t i = 0; i < artifact.outputs.size(); ++i)
    text += fmt::format(fmt::runtime(outputFormat), i) + ", ";
  return text;
}

} // namespace adze
