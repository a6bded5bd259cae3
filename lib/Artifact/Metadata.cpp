//===- Metadata.cpp - NAME.json --------------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Artifact/Files.h"

#include "nlohmann/json.hpp"

using namespace adze;
using nlohmann::ordered_json;

static ordered_json tensors(const CSource &source, bool outputs) {
  ordered_json list = ordered_json::array();
  for (const CArgument &argument : source.arguments) {
    if (argument.isOutput != outputs)
      continue;
    list.push_back({{"name", argument.name},
                    {"type", argument.type},
                    {"shape", argument.shape},
                    {"elements", argument.elements},
                    {"bytes", argument.bytes},
                    {"c_name", argument.cName},
                    {"c_type", argument.cType}});
  }
  return list;
}

/// The plan and what is proved of it (docs/memory.md).
static ordered_json memoryOf(const ArtifactInfo &info, const CSource &source) {
  const ArtifactMemory &memory = info.memory;
  auto arena = int64_t(source.arenaBytes);
  int64_t callers = 0;
  for (const CArgument &argument : source.arguments)
    callers += int64_t(argument.bytes);
  ordered_json json = {{"arena_bytes", arena},
                       {"bound_bytes", memory.bound},
                       {"any_order_bound_bytes", memory.orderBound},
                       {"proved", memory.orderBound == arena},
                       {"gap_bytes", arena - memory.orderBound},
                       {"unfused_bound_bytes", memory.unfusedBound},
                       {"input_output_bytes", callers},
                       {"peak_at", memory.peakAt},
                       {"peak_step", memory.peakStep},
                       {"peak_buffers", ordered_json::array()},
                       {"bands", nullptr}};
  for (const ArtifactBuffer &buffer : info.buffers)
    if (buffer.first <= memory.peakStep && memory.peakStep <= buffer.last)
      json["peak_buffers"].push_back(
          {{"name", buffer.name}, {"bytes", buffer.size}});
  if (memory.bands)
    json["bands"] = {{"count", memory.bands},
                     {"layers", memory.bandLayers},
                     {"up_to", memory.bandsUpTo},
                     {"macs", memory.bandMacs},
                     {"extra_macs", memory.bandExtraMacs}};
  return json;
}

/// The memories that the arena is spread over, and what lies in them.
static ordered_json arenasOf(const ArtifactInfo &info, const CSource &source) {
  ordered_json list = ordered_json::array();
  for (const CArena &arena : source.arenas) {
    ordered_json buffers = ordered_json::array();
    for (const ArtifactBuffer &buffer : info.buffers)
      if (buffer.size && buffer.offset >= arena.begin &&
          buffer.offset < arena.begin + arena.bytes)
        buffers.push_back({{"name", buffer.name},
                           {"offset", buffer.offset - arena.begin},
                           {"bytes", buffer.size},
                           {"first_step", buffer.first},
                           {"last_step", buffer.last}});
    list.push_back({{"name", arena.name},
                    {"c_name", arena.cName},
                    {"bytes", arena.bytes},
                    {"begin", arena.begin},
                    {"buffers", buffers}});
  }
  return list;
}

std::string adze::artifactMetadata(const ArtifactInfo &info,
                                   const CSource &source) {
  ordered_json json;
  json["generator"] = artifactGenerator;
  json["adze_version"] = info.adzeVersion;
  json["name"] = source.model;
  json["target"] = info.target;
  json["compiler_flags"] = info.compilerFlags;
  json["model"] = {{"file", info.modelFile}, {"sha256", info.modelSha256}};
  json["options"] = ordered_json::object();
  for (const auto &[name, value] : info.options)
    json["options"][name] = value;
  if (!info.floatFallbacks.empty())
    json["float_fallbacks"] = info.floatFallbacks;
  json["inputs"] = tensors(source, false);
  json["outputs"] = tensors(source, true);
  json["arena_bytes"] = source.arenaBytes;
  json["arena_align"] = source.arenaAlign;
  json["arena_bound_bytes"] = info.memory.bound;
  json["memory"] = memoryOf(info, source);
  if (!source.arenas.empty())
    json["arenas"] = arenasOf(info, source);
  json["weights_bytes"] = source.weightsBytes;
  json["weights_file"] = nullptr;
  if (source.weightsBinaryBytes)
    json["weights_file"] = {{"name", weightsBinaryName(source)},
                            {"bytes", source.weightsBinaryBytes}};
  if (!source.chips.empty()) {
    json["chips"] = source.chips;
    json["device_bytes"] = source.deviceBytes;
    json["grids"] = ordered_json::array();
    for (const CKernel &kernel : source.kernels)
      json["grids"].push_back({{"name", kernel.name},
                               {"doc", kernel.doc},
                               {"schedule", kernel.schedule},
                               {"grid", kernel.grid},
                               {"block", kernel.block},
                               {"cluster", kernel.cluster},
                               {"shared_bytes", kernel.sharedBytes}});
  }
  json["kernels"] = ordered_json::array();
  for (const ArtifactKernel &kernel : info.kernels)
    json["kernels"].push_back({{"name", kernel.name},
                               {"doc", kernel.doc},
                               {"schedule", kernel.schedule},
                               {"macs", kernel.macs},
                               {"bytes", kernel.bytes},
                               {"calls", kernel.calls}});
  json["buffers"] = ordered_json::array();
  for (const ArtifactBuffer &buffer : info.buffers)
    json["buffers"].push_back({{"name", buffer.name},
                               {"offset", buffer.offset},
                               {"bytes", buffer.size},
                               {"first_step", buffer.first},
                               {"last_step", buffer.last}});
  json["files"] = artifactFileNames(info, source);
  // Names come from models and may be no UTF-8.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::vector<std::string> adze::filesOfArtifact(const std::string &metadata) {
  ordered_json json =
      ordered_json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (!json.is_object() || json.value("generator", ordered_json()) !=
                               ordered_json(artifactGenerator))
    return names;
  auto files = json.find("files");
  if (files == json.end() || !files->is_array())
    return names;
  for (const ordered_json &name : *files)
    if (name.is_string())
      names.push_back(name);
  return names;
}
