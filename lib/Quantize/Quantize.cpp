//===- Quantize.cpp - Post-training quantization --------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The order of things: the float graph is simplified and run on the samples by
// the host backend, once for ranges and once for histograms; scales are chosen;
// the quantized graph is written and run beside the float one.
//
//===----------------------------------------------------------------------===//

#include "adze/Quantize.h"

#include "Insert.h"
#include "Prepare.h"
#include "Ranges.h"
#include "Samples.h"
#include "Weights.h"

#include "adze/Diagnostics.h"
#include "adze/Driver.h"
#include "runtime/native/TemporaryFolder.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace adze;
using namespace adze::quantize;

namespace {

/// A graph compiled for this machine.
class Runner {
public:
  Status compile(const Graph &graph, const TemporaryFolder &folder,
                 const std::string &name, bool keepAllValues);
  /// Inputs by name, taken from `values`.
  Status run(const std::unordered_map<std::string, const Tensor *> &values);
  const std::vector<TensorSpec> &outputs() const {
    return executable->outputs();
  }
  /// Of the last run, by name.
  const Tensor *result(const std::string &name) const;
  const std::vector<Tensor> &results() const { return last; }

private:
  CompiledModel compiled;
  std::unique_ptr<Executable> executable;
  std::vector<Tensor> last;
  std::unordered_map<std::string, size_t> number;
};

/// Sums of squares of a signal and of its noise.
struct Noise {
  double signal = 0, noise = 0;
  void add(const Tensor &want, const Tensor &got);
  void add(const Noise &other) {
    signal += other.signal;
    noise += other.noise;
  }
  double decibels() const {
    if (noise == 0)
      return std::numeric_limits<double>::infinity();
    return 10 * std::log10(signal / noise);
  }
};

class Quantizer {
public:
  Quantizer(const std::string &output, const QuantizeOptions &options,
            QuantizeReport &report)
      : output(output), options(options), report(report) {}
  Status run(const std::string &model);

private:
  const std::string &output;
  const QuantizeOptions &options;
  QuantizeReport &report;
  TemporaryFolder folder;
  Graph graph;
  Plan plan;
  Samples samples, checkSamples;
  Runner floats;
  ValueSpecs specs;
  std::unordered_map<std::string, Histogram> seen;
  std::vector<LinearData> linear; // by layer

  void note(const std::string &label, double fraction) const {
    if (options.progress)
      options.progress(label, fraction);
  }
  using Values = std::unordered_map<std::string, const Tensor *>;
  Status runFloats(const Samples &from, int64_t index,
                   std::vector<Tensor> &inputs, Values &values);
  Status calibrate();
  Status chooseScales();
  Status measure();
};

} // namespace

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status Runner::compile(const Graph &graph, const TemporaryFolder &folder,
                       const std::string &name, bool keepAllValues) {
  std::string path = folder.file(name + ".onnx");
  if (Status status = writeGraph(graph, path); !status)
    return status;
  CompileOptions options;
  options.keepAllValues = keepAllValues;
  if (Status status = compileModel(path, options, compiled); !status) {
    // The user knows the model by its own path.
    size_t at = status.message.find(path);
    if (at != std::string::npos)
      status.message.replace(at, path.size(),
                             graph.path + " (" + name + " form)");
    return status;
  }
  if (Status status = loadExecutable(compiled, executable); !status)
    return status;
  for (size_t i = 0; i < outputs().size(); ++i)
    number[outputs()[i].name] = i;
  return Status::success();
}

Status
Runner::run(const std::unordered_map<std::string, const Tensor *> &values) {
  std::vector<const Tensor *> in;
  for (const TensorSpec &spec : executable->inputs())
    in.push_back(values.at(spec.name));
  return executable->run(in, last);
}

const Tensor *Runner::result(const std::string &name) const {
  auto found = number.find(name);
  return found == number.end() ? nullptr : &last[found->second];
}

void Noise::add(const Tensor &want, const Tensor &got) {
  int64_t count = std::min(want.spec.numElements(), got.spec.numElements());
  for (int64_t i = 0; i < count; ++i) {
    double reference = want.get(i), difference = reference - got.get(i);
    signal += reference * reference;
    noise += difference * difference;
  }
}

Status Quantizer::runFloats(const Samples &from, int64_t index,
                            std::vector<Tensor> &inputs, Values &values) {
  if (Status status = from.read(index, inputs); !status)
    return status;
  values.clear();
  for (size_t i = 0; i < inputs.size(); ++i)
    values[graph.inputs[i].name] = &inputs[i];
  if (Status status = floats.run(values); !status)
    return status;
  for (const Tensor &result : floats.results())
    values[result.spec.name] = &result;
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

static std::span<const float> numbersOf(const Tensor &tensor) {
  return {reinterpret_cast<const float *>(tensor.data()),
          size_t(tensor.spec.numElements())};
}

Status Quantizer::calibrate() {
  std::set<std::string> sources;
  for (const Group &group : plan.groups)
    sources.insert(group.sources.begin(), group.sources.end());
  linear.resize(plan.layers.size());
  std::vector<Tensor> inputs;
  Values values;
  for (bool second : {false, true}) {
    std::mt19937 random(1); // the same positions each time
    for (int64_t s = 0; s < samples.count(); ++s) {
      note(second ? "histograms" : "ranges",
           0.1 + (second ? 0.15 : 0) +
               0.15 * double(s) / double(samples.count()));
      if (Status status = runFloats(samples, s, inputs, values); !status)
        return status;
      for (const std::string &name : sources) {
        std::span<const float> numbers = numbersOf(*values.at(name));
        if (second) {
          seen[name].count(numbers);
          continue;
        }
        if (!seen[name].widen(numbers)) {
          Problem problem;
          problem.model = graph.path;
          problem.what = "the value " + adze::quoted(name) +
                         " is infinite or not a number in sample " +
                         std::to_string(s);
          problem.advice = "look at the sample, or keep the node that makes "
                           "the value at float";
          return Status::failure(problem.text());
        }
      }
      if (!second)
        continue;
      for (size_t i = 0; i < plan.layers.size(); ++i) {
        const Layer &layer = plan.layers[i];
        int64_t wanted = LinearData::wanted(layer);
        int64_t rows = (wanted + samples.count() - 1) / samples.count();
        if (wanted == 0 || linear[i].rows() >= wanted)
          continue;
        // The operator's own result, before a fused node.
        const std::string &made =
            graph.nodes[size_t(layer.nodes[0])].outputs[0];
        auto type = specs.find(made);
        if (type != specs.end())
          linear[i].gather(graph, layer, *values.at(layer.inputs[0]),
                           type->second, rows, random);
      }
    }
  }
  return Status::success();
}

Status Quantizer::chooseScales() {
  for (Group &group : plan.groups) {
    if (group.fixed) {
      group.scale = group.fixed->scale;
      group.zeroPoint = group.fixed->zeroPoint;
      continue;
    }
    Histogram all;
    std::vector<Histogram> constants;
    for (const std::string &name : group.constants) {
      Histogram &histogram = constants.emplace_back();
      histogram.widen(graph.constants.at(name).floats);
      histogram.count(graph.constants.at(name).floats);
    }
    for (const std::string &name : group.sources)
      all.widen(seen.at(name));
    for (const Histogram &histogram : constants)
      all.widen(histogram);
    for (const std::string &name : group.sources)
      all.count(seen.at(name));
    for (const Histogram &histogram : constants)
      all.count(histogram);
    setScale(group, chooseRange(all, options, group.bits));
  }
  chooseWeightScales(graph, options, plan);
  if (options.method == Calibration::Cosine)
    searchScales(graph, linear, options.progress, plan);
  fitBiases(graph, plan);
  if (options.correctBias)
    correctBiases(linear, graph, plan);
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Figures
//===----------------------------------------------------------------------===//

/// Which layers are to have more bits: those that by themselves lose more than
/// a network usually bears; if the model does, its worst layers at any rate.
static void propose(QuantizeReport &report) {
  constexpr double poor = 20; // dB
  constexpr size_t atLeast = 3;
  std::vector<LayerError *> byError;
  for (LayerError &layer : report.layers)
    byError.push_back(&layer);
  std::stable_sort(byError.begin(), byError.end(),
                   [](const LayerError *a, const LayerError *b) {
                     return a->local < b->local;
                   });
  for (size_t i = 0; i < byError.size(); ++i)
    byError[i]->proposed =
        byError[i]->local < poor || (report.sqnr < poor && i < atLeast);
}

Status Quantizer::measure() {
  note("compiling the quantized model", 0.75);
  std::vector<std::string> results, isolated;
  Runner quantized, alone;
  Graph whole =
      insertQuantization(graph, plan, options.perLayer ? &results : nullptr);
  if (Status status = quantized.compile(whole, folder, "quantized", false);
      !status)
    return status;
  if (options.perLayer) {
    note("compiling the layers", 0.82);
    Graph parts = isolateLayers(graph, plan, specs, isolated);
    if (Status status = alone.compile(parts, folder, "layers", false); !status)
      return status;
  }
  std::vector<Noise> outputs(graph.outputs.size());
  std::vector<Noise> local(plan.layers.size()), accumulated(local);
  std::vector<Tensor> inputs;
  Values values;
  const Samples &from = options.check.empty() ? samples : checkSamples;
  report.checked = from.count();
  for (int64_t s = 0; s < from.count(); ++s) {
    note("comparing", 0.9 + 0.1 * double(s) / double(from.count()));
    if (Status status = runFloats(from, s, inputs, values); !status)
      return status;
    if (Status status = quantized.run(values); !status)
      return status;
    for (size_t i = 0; i < graph.outputs.size(); ++i) {
      auto want = values.find(graph.outputs[i]);
      const Tensor *got = quantized.result(graph.outputs[i]);
      if (want != values.end() && got && isFloat(got->spec.type))
        outputs[i].add(*want->second, *got);
    }
    if (!options.perLayer)
      continue;
    if (Status status = alone.run(values); !status)
      return status;
    for (size_t i = 0; i < plan.layers.size(); ++i) {
      const Tensor &want = *values.at(plan.layers[i].outputs[0]);
      if (const Tensor *got = alone.result(isolated[i]))
        local[i].add(want, *got);
      if (const Tensor *got = quantized.result(results[i]))
        accumulated[i].add(want, *got);
    }
  }
  Noise all;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].signal == 0 && outputs[i].noise == 0)
      continue;
    report.outputs.emplace_back(graph.outputs[i], outputs[i].decibels());
    all.add(outputs[i]);
  }
  report.sqnr = all.decibels();
  if (!options.perLayer)
    return Status::success();
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer &layer = plan.layers[i];
    LayerError error;
    error.name = layer.name;
    error.op = layer.op;
    error.type = layer.bits == 16 ? "int16" : "int8";
    error.local = local[i].decibels();
    error.accumulated = accumulated[i].decibels();
    report.layers.push_back(std::move(error));
  }
  propose(report);
  return Status::success();
}

Status Quantizer::run(const std::string &model) {
  note("reading", 0);
  bool int16 = std::any_of(
      options.keep.begin(), options.keep.end(),
      [](const auto &entry) { return entry.second == Keep::Int16; });
  // Per-channel scales came with opset 13, 16-bit integers with opset 21.
  if (Status status = readGraph(model, options.shapes, int16 ? 21 : 13, graph);
      !status)
    return status;
  if (Status status = Samples::open(options.calibrate, graph.inputs,
                                    options.limit, samples);
      !status)
    return status;
  if (!options.check.empty())
    if (Status status = Samples::open(options.check, graph.inputs,
                                      options.limit, checkSamples);
        !status)
      return status;
  report.samples = samples.count();
  for (const auto &[name, constant] : graph.constants)
    report.floatBytes += constant.size();
  if (Status status = foldConstants(graph); !status)
    return status;
  prepare(graph);
  if (options.equalize)
    equalizeLayers(graph);
  if (Status status = folder.create(); !status)
    return status;
  note("compiling the float model", 0.02);
  if (Status status = floats.compile(graph, folder, "float", true); !status)
    return status;
  for (const TensorSpec &spec : graph.inputs)
    specs[spec.name] = spec;
  for (const TensorSpec &spec : floats.outputs())
    specs[spec.name] = spec;
  if (Status status = formPlan(graph, specs, options.keep, plan); !status)
    return status;
  report.kept = plan.kept;
  if (Status status = calibrate(); !status)
    return status;
  note("choosing scales", 0.4);
  if (Status status = chooseScales(); !status)
    return status;
  Graph result = insertQuantization(graph, plan);
  for (const auto &[name, constant] : result.constants)
    report.quantizedBytes += constant.size();
  if (Status status = measure(); !status)
    return status;
  return writeGraph(result, output);
}

Status adze::quantizeModel(const std::string &model, const std::string &output,
                           const QuantizeOptions &options,
                           QuantizeReport &report) {
  report = {};
  return Quantizer(output, options, report).run(model);
}
