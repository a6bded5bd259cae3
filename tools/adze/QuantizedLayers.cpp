//===- QuantizedLayers.cpp - Layers judged on equal inputs ----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/QuantizedLayers.h"

#include "adze/Npz.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze/ModelRun.h"
#include "tools/adze/Python.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

using namespace adze;
using namespace adze::cli;

/// Cuts the model at its quantized tensors: what reads the tensor T reads the
/// input given/T, what makes it makes the output T. Writes that model, with
/// onnxruntime's tensors as inputs and references and the operators of each
/// layer beside it. Answers with the number of layers.
static const char *const cutScript = R"python(
import json, os, sys
try:
    import numpy as np, onnx, onnxruntime as ort
    from onnx import helper
    ort.set_default_logger_severity(4)
    path, archive, folder = sys.argv[1:]
    archive = np.load(archive)
    model = onnx.load(path)
    graph = model.graph
    # What depends on an input of the model; the rest are constants.
    constants = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    varies = {i.name for i in graph.input} - constants
    cuts = []
    for node in graph.node:
        if not varies.isdisjoint(node.input):
            varies.update(node.output)
            if node.op_type.startswith("QLinear") or node.op_type in ("QuantizeLinear", "QGemm"):
                cuts.append(node.output[0])
    if not cuts:
        print("layers 0", flush=True)
        sys.exit()
    outputs = [o.name for o in graph.output]
    wanted = cuts + [name for name in outputs if name not in cuts]
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in cuts
                              if name not in outputs)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    onnx.save(probe, os.path.join(folder, "probe.onnx"))
    session = ort.InferenceSession(os.path.join(folder, "probe.onnx"), options,
                                   providers=["CPUExecutionProvider"])
    feed = {i.name: archive["in/" + i.name] for i in session.get_inputs()}
    values = dict(zip(wanted, session.run(wanted, feed)))

    operators, found = {}, {}
    for node in graph.node:
        own = [] if node.op_type in ("QuantizeLinear", "DequantizeLinear") else [node.op_type]
        if not varies.isdisjoint(node.input):
            before = []
            for name in node.input:
                before += [op for op in found.get(name, []) if op not in before]
            for name in node.output:
                operators[name] = before + own
                found[name] = [] if name in cuts else operators[name]
        for i, name in enumerate(node.input):
            if name in cuts:
                node.input[i] = "given/" + name
    read = {name for node in graph.node for name in node.input}

    def described(name, array):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)

    kept = [o for o in outputs if o not in cuts]
    given = {**feed, **{"given/" + name: values[name] for name in cuts}}
    given = {name: array for name, array in given.items() if name in read}
    for field in (graph.input, graph.output, graph.value_info):
        del field[:]
    graph.input.extend(described(name, array) for name, array in given.items())
    graph.output.extend(described(name, values[name]) for name in cuts + kept)
    onnx.save(model, os.path.join(folder, "layers.onnx"))
    np.savez(os.path.join(folder, "layers.npz"), **{"in/" + n: a for n, a in given.items()},
             **{"out/" + n: values[n] for n in cuts + kept})
    with open(os.path.join(folder, "layers.json"), "w") as file:
        json.dump({name: " ".join(operators.get(name, [])) for name in cuts + kept}, file)
    print("layers", len(cuts), flush=True)
except Exception as error:
    print("error", " ".join(str(error).split()), flush=True)
)python";

std::vector<QuantizedLayer>
cli::compareQuantizedLayers(const ModelOptions &model, const std::string &io) {
  TemporaryFolder folder;
  check(folder.create());
  PythonProcess process;
  check(process.start(cutScript, "numpy, onnx, onnxruntime",
                      {std::filesystem::absolute(model.model).string(),
                       std::filesystem::absolute(io).string(), folder.path()}));
  std::string answer;
  check(process.exchange("", answer));
  if (answer == "layers 0")
    return {};

  ModelOptions cut = model;
  cut.model = folder.file("layers.onnx");
  // Budgets are those of the model as it is.
  cut.ram = cut.flash = cut.stack = "";
  InputFiles files;
  files.addNpz(folder.file("layers.npz"));
  Runnable runnable = makeRunnable(cut, cut.compileOptions());
  std::vector<Tensor> in = files.read(runnable.executable->inputs()), out;
  check(runnable.executable->run(pointersTo(in), out));
  std::ifstream described(folder.file("layers.json"));
  nlohmann::json operators = nlohmann::json::parse(described);

  std::vector<QuantizedLayer> layers;
  for (const Tensor &value : out) {
    Tensor want;
    check(
        files.archive().read("out/" + value.spec.name, want, value.spec.type));
    QuantizedLayer layer;
    layer.spec = value.spec;
    layer.nodes = operators.value(value.spec.name, "");
    layer.tolerance = defaultTolerance(value.spec.type);
    if (layer.hasSteps())
      layer.tolerance.absolute = 1;
    layer.figures = compareTensors(value, want, layer.tolerance);
    layers.push_back(std::move(layer));
  }
  return layers;
}
