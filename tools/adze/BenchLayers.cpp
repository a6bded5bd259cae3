//===- BenchLayers.cpp - One inference, layer by layer --------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "tools/adze/Bench.h"
#include "tools/adze/Terminal.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>

using namespace adze;
using namespace adze::cli;
using nlohmann::ordered_json;

/// `#kernel.schedule<"gemm", {rows = 4 : i64}>` as `gemm, rows = 4`.
static std::string scheduleText(std::string text) {
  if (size_t at = text.find('<'); at != std::string::npos)
    text.erase(0, at + 1);
  for (size_t at; (at = text.find(" : i64")) != std::string::npos;)
    text.erase(at, 6);
  std::erase_if(text, [](char c) {
    return c == '"' || c == '{' || c == '}' || c == '>';
  });
  while (text.ends_with(' ') || text.ends_with(','))
    text.pop_back();
  return text;
}

static FunctionStats figures(const ordered_json &object) {
  FunctionStats stats;
  stats.instructions = object.value("instructions", uint64_t(0));
  stats.cycles = object.value("cycles", uint64_t(0));
  return stats;
}

PeerFigures cli::readPeers(const std::string &file, const std::string &model,
                           const std::string &machine) {
  PeerFigures peers;
  std::ifstream in(file);
  if (!in)
    throw Failure(fmt::format("cannot read the peers' figures {}", file));
  try {
    ordered_json json = ordered_json::parse(in);
    std::string known = json.at("machine");
    if (known != machine)
      throw Failure(fmt::format("{} holds figures of {}, not of {}", file,
                                known, machine));
    std::string name = json.at("peer");
    const ordered_json &models = json.at("models");
    if (!models.contains(model))
      return peers;
    peers.name = name;
    peers.total = figures(models[model].at("total"));
    for (const auto &[layer, row] : models[model].at("layers").items())
      peers.layers[layer] = figures(row);
  } catch (const ordered_json::exception &error) {
    throw Failure(fmt::format(
        "{} is no file of peers' figures: {}; expected {{\"peer\": NAME, "
        "\"machine\": NAME, \"models\": {{MODEL: {{\"total\": ..., "
        "\"layers\": {{LAYER: {{\"instructions\": N}}}}}}}}}}",
        file, error.what()));
  }
  return peers;
}

/// The peer's figure for a layer; a fused addition counts as a layer.
static std::optional<uint64_t> peerOf(const PeerFigures &peers,
                                      const std::string &doc,
                                      uint64_t outputElements) {
  static const std::string fused = " + residual";
  std::string plain = doc;
  uint64_t more = 0;
  if (plain.ends_with(fused)) {
    plain.resize(plain.size() - fused.size());
    auto sum = peers.layers.find(fmt::format("addition of {}", outputElements));
    if (sum == peers.layers.end())
      return std::nullopt;
    more = sum->second.instructions;
  }
  auto it = peers.layers.find(plain);
  if (it == peers.layers.end())
    return std::nullopt;
  return it->second.instructions + more;
}

/// The elements behind the arrow of "conv 3x3 8x8x64 -> 8x8x64".
static uint64_t outputElements(const std::string &doc) {
  size_t arrow = doc.find("-> ");
  if (arrow == std::string::npos)
    return 0;
  uint64_t elements = 1, number = 0;
  for (size_t i = arrow + 3; i <= doc.size(); ++i) {
    char c = i < doc.size() ? doc[i] : ' ';
    if (c >= '0' && c <= '9') {
      number = number * 10 + uint64_t(c - '0');
      continue;
    }
    elements *= number;
    number = 0;
    if (c != 'x')
      break;
  }
  return elements;
}

ordered_json cli::describeLayers(const RunStats &stats,
                                 const std::map<std::string, KernelNote> &notes,
                                 const PeerFigures &peers) {
  ordered_json rows = ordered_json::array();
  for (const FunctionStats &call : stats.calls) {
    auto note = notes.find(call.name);
    std::string doc = note == notes.end() ? "" : note->second.doc;
    ordered_json row = {{"function", call.name},
                        {"layer", doc},
                        {"instructions", call.instructions},
                        {"load_instructions", call.loadInstructions},
                        {"store_instructions", call.storeInstructions},
                        {"estimated_cycles", call.cycles}};
    if (note != notes.end()) {
      row["schedule"] = scheduleText(note->second.schedule);
      row["macs"] = note->second.macs;
    }
    if (auto peer = peerOf(peers, doc, outputElements(doc)))
      row["peer_instructions"] = *peer;
    rows.push_back(row);
  }
  return rows;
}

void cli::printLayers(const RunStats &stats, const std::string &prefix,
                      const std::map<std::string, KernelNote> &notes,
                      const PeerFigures &peers) {
  bool compare = !peers.name.empty();
  std::vector<Table::Column> columns = {
      {"#", true},    {"layer"},       {"schedule"},     {"instructions", true},
      {"/MAC", true}, {"loads", true}, {"~cycles", true}};
  if (compare) {
    columns.push_back({"peer", true});
    columns.push_back({"of peer", true});
  }
  Table table(columns);
  size_t number = 0;
  for (const FunctionStats &call : stats.calls) {
    auto note = notes.find(call.name);
    bool known = note != notes.end();
    double macs = known ? note->second.macs : 0;
    std::string layer = known && !note->second.doc.empty() ? note->second.doc
                        : call.name.rfind(prefix, 0) == 0
                            ? call.name.substr(prefix.size())
                            : call.name;
    std::vector<Table::Cell> row = {
        std::to_string(number++),
        {layer, Colour::Bold},
        known ? scheduleText(note->second.schedule) : std::string(),
        grouped(int64_t(call.instructions)),
        macs > 0 ? fmt::format("{:.3f}", double(call.instructions) / macs)
                 : std::string("-"),
        grouped(int64_t(call.loadInstructions)),
        grouped(int64_t(call.cycles))};
    if (compare) {
      auto peer = peerOf(peers, layer, outputElements(layer));
      row.push_back(peer ? grouped(int64_t(*peer)) : std::string("-"));
      row.push_back(peer ? fmt::format("{:.2f}", double(call.instructions) /
                                                     double(*peer))
                         : std::string("-"));
    }
    table.add(row);
  }
  table.print();
  if (compare && peers.total.instructions)
    fmt::print(
        "{}: {} instructions{}; here {:.3f} of it\n", peers.name,
        grouped(int64_t(peers.total.instructions)),
        peers.total.cycles
            ? fmt::format(", ~{} cycles", grouped(int64_t(peers.total.cycles)))
            : std::string(),
        double(stats.total.instructions) / double(peers.total.instructions));
}
