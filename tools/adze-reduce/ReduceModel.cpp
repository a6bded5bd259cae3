//===- ReduceModel.cpp - Smaller ONNX models with the same fault ----------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// 1. The shortest prefix of the sorted nodes that fails, by bisection: all
///    that comes before a value is there, so constants and shapes stay known.
/// 2. The shortest rest of it: what came before becomes inputs.
/// 3. A minimal subset of these nodes, by delta debugging.
/// 4. Single nodes bypassed, where an input has the type of the result; then 3
///    again, until neither finds anything.
/// 5. Outputs that other nodes read, hidden.
///
/// A reduction need not keep what the model computes, only its fault.
///
//===----------------------------------------------------------------------===//

#include "tools/adze-reduce/ReduceModel.h"

#include "adze/Diagnostics.h"
#include "lib/Import/ModelEdit.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze-reduce/DeltaDebugging.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

using namespace adze;
using namespace adze::reduce;

// Weights up to here are part of the result, larger ones lie beside it: the
// whole message must stay below 2 GiB.
static constexpr uint64_t maxWeightsInside = uint64_t(1) << 30;

namespace {

class Reducer {
public:
  Reducer(const EditableModel &model, Criterion &criterion,
          const std::string &folder)
      : model(model), criterion(criterion), folder(folder) {
    weights.path = folder + "/weights.bin";
  }

  ModelPart reduce(ModelPart start);
  /// Whether the part, as a model of its own, shows the fault.
  bool fails(const ModelPart &part);

private:
  const EditableModel &model;
  Criterion &criterion;
  std::string folder;
  WeightFile weights;
  std::map<ModelPart, bool> known;
  ModelPart best;

  bool failsWith(const std::vector<int> &nodes);
  void keep(const std::vector<int> &nodes, const char *step);
  void keepMinimalSubset();
  bool bypassOne();
  void bypass();
  void hideOutputs();
  void report(const char *step) const;
  std::vector<int> nodes() const {
    return {best.nodes.begin(), best.nodes.end()};
  }
};

} // namespace

bool Reducer::fails(const ModelPart &part) {
  if (part.nodes.empty())
    return false;
  for (const std::string &input : model.inputsOf(part))
    if (!model.canBeInput(input))
      return false;
  auto [entry, isNew] = known.emplace(part, false);
  if (isNew) {
    std::string path = folder + "/candidate.onnx";
    entry->second =
        bool(model.write(part, path, &weights)) && criterion.holds(path);
  }
  return entry->second;
}

bool Reducer::failsWith(const std::vector<int> &nodes) {
  ModelPart part = best;
  part.nodes = {nodes.begin(), nodes.end()};
  return fails(part);
}

void Reducer::report(const char *step) const {
  fmt::print(stderr, "{:<28} {:>6} {:>7} {:>8} {:>6}\n", step,
             best.nodes.size(), model.inputsOf(best).size(),
             model.outputsOf(best).size(), criterion.tests());
}

void Reducer::keep(const std::vector<int> &nodes, const char *step) {
  best.nodes = {nodes.begin(), nodes.end()};
  report(step);
}

void Reducer::keepMinimalSubset() {
  keep(minimalSubset(
           nodes(),
           [&](const std::vector<int> &subset) { return failsWith(subset); }),
       "minimal set of nodes");
}

/// Bypasses the last node that can be; false if there is none.
bool Reducer::bypassOne() {
  std::vector<int> candidates = nodes();
  for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
    const GraphNode &node = model.nodes()[size_t(*it)];
    if (node.outputs.size() != 1)
      continue;
    for (const std::string &input : node.inputs) {
      if (!model.sameType(input, node.outputs[0]))
        continue;
      ModelPart part = best;
      part.nodes.erase(*it);
      part.aliases[node.outputs[0]] = input;
      if (fails(part)) {
        best = std::move(part);
        return true;
      }
    }
  }
  return false;
}

void Reducer::bypass() {
  while (best.nodes.size() > 1 && bypassOne()) {
    while (bypassOne())
      ;
    report("nodes bypassed");
    keepMinimalSubset();
  }
}

void Reducer::hideOutputs() {
  std::vector<std::string> visible = model.outputsOf(best);
  if (visible.size() < 2)
    return;
  // Hiding an output that nobody reads changes nothing: its node needs one.
  std::vector<std::string> left =
      minimalSubset(visible, [&](const std::vector<std::string> &subset) {
        ModelPart part = best;
        part.hidden = {visible.begin(), visible.end()};
        for (const std::string &output : subset)
          part.hidden.erase(output);
        return fails(part);
      });
  best.hidden = {visible.begin(), visible.end()};
  for (const std::string &output : left)
    best.hidden.erase(output);
  report("outputs hidden");
}

ModelPart Reducer::reduce(ModelPart start) {
  best = std::move(start);
  fmt::print(stderr, "{:<28} {:>6} {:>7} {:>8} {:>6}\n", "step", "nodes",
             "inputs", "outputs", "tests");
  report("the model");
  std::vector<int> all = nodes();
  size_t length = shortestPrefix(all.size(), [&](size_t count) {
    return failsWith({all.begin(), all.begin() + std::ptrdiff_t(count)});
  });
  all.resize(length);
  keep(all, "shortest prefix");
  length = shortestPrefix(all.size(), [&](size_t count) {
    return failsWith({all.end() - std::ptrdiff_t(count), all.end()});
  });
  all.erase(all.begin(), all.end() - std::ptrdiff_t(length));
  keep(all, "shortest rest of it");
  keepMinimalSubset();
  bypass();
  hideOutputs();
  return best;
}

/// "Conv 'conv1' (a, b -> c)", for the first few nodes of what is left.
static void list(const EditableModel &model, const ModelPart &part) {
  constexpr size_t limit = 12;
  size_t shown = 0;
  auto names = [](const std::vector<std::string> &values) {
    std::string text;
    for (const std::string &value : values)
      text += (text.empty() ? "" : ", ") + printable(value, 40);
    return text;
  };
  for (int index : part.nodes) {
    if (shown++ == limit) {
      fmt::print(stderr, "  ...\n");
      return;
    }
    const GraphNode &node = model.nodes()[size_t(index)];
    std::vector<std::string> inputs = node.inputs;
    for (std::string &input : inputs)
      for (auto alias = part.aliases.find(input); alias != part.aliases.end();
           alias = part.aliases.find(input))
        input = alias->second;
    fmt::print(stderr, "  {} {} ({} -> {})\n", printable(node.op),
               adze::quoted(node.name), names(inputs), names(node.outputs));
  }
}

static std::string sentence(std::string clause) {
  return clause.back() == '.' ? clause : clause + ".";
}

Status reduce::reduceModel(const ModelReduction &reduction,
                           Criterion &criterion) {
  auto start = std::chrono::steady_clock::now();
  TemporaryFolder folder;
  if (Status status = folder.create(); !status)
    return status;
  EditableModel model;
  if (Status status =
          EditableModel::open(reduction.input, reduction.shapes, model);
      !status)
    return status;

  Reducer reducer(model, criterion, folder.path());
  ModelPart part;
  part.nodes = model.liveNodes();
  if (!reducer.fails(part))
    return Status::failure(fmt::format(
        "{}: the model does not show the fault, so there is nothing to reduce: "
        "{} (Tried was the model with its functions inlined and without nodes "
        "that no output needs.)",
        printable(reduction.input, 400),
        sentence(criterion.tests() == 0 ? "it has no nodes"
                                        : criterion.outcome())));
  size_t before = part.nodes.size();
  part = reducer.reduce(std::move(part));

  WeightFile beside;
  beside.path = reduction.output + ".data";
  bool large = model.largeBytes(part) > maxWeightsInside;
  if (large) {
    std::error_code ignored; // the file may not be there
    std::filesystem::remove(beside.path, ignored);
  }
  if (Status status =
          model.write(part, reduction.output, large ? &beside : nullptr);
      !status)
    return status;
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  fmt::print(stderr, "{}: {} of {} nodes, {} tests in {:.1f} s\n",
             reduction.output, part.nodes.size(), before, criterion.tests(),
             seconds);
  list(model, part);
  return Status::success();
}
