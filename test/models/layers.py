"""Compares each layer of a quantized model with onnxruntime on equal inputs.

    layers.py ADZE MODEL [-t TARGET] [--most STEPS]

A layer is what lies between quantized tensors: it gets onnxruntime's tensors
(optimisations off, so ONNX's own arithmetic) and its result may differ by a step
of its scale, since fixed point rounds elsewhere. Small differences do not add up
here, as they do over a whole network whose stored reference no two versions of
onnxruntime reproduce. MODEL is a folder with model.onnx and io.npz. The exit code
is 1 if a layer differs by more than --most steps (default 1).
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import helper

def run_reference(model, inputs, names):
    """The values of `names` as onnxruntime computes them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {output.name for output in copy.graph.output}
    copy.graph.output.extend(helper.ValueInfoProto(name=name) for name in names
                             if name not in known)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options)
    return dict(zip(names, session.run(names, inputs)))


def layer_of(model, end, stops):
    """The nodes in front of the tensor `end` down to `stops`, and these."""
    producer = {output: node for node in model.graph.node for output in node.output}
    constants = {tensor.name for tensor in model.graph.initializer}
    nodes, ends, seen, work = [], [], set(), [end]
    while work:
        name = work.pop()
        if name in seen or not name:
            continue
        seen.add(name)
        if name in constants:
            continue
        if name != end and name in stops:
            ends.append(name)
            continue
        node = producer[name]
        if node not in nodes:
            nodes.append(node)
            work.extend(node.input)
    wanted = {output for node in nodes for output in node.output}
    nodes = [node for node in model.graph.node if node.output[0] in wanted]
    used = {name for node in nodes for name in node.input}
    initializers = [tensor for tensor in model.graph.initializer if tensor.name in used]
    return nodes, sorted(ends), initializers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("-t", "--target", default="host")
    parser.add_argument("--most", type=int, default=1)
    options = parser.parse_args()
    model = onnx.load(options.model / "model.onnx")
    archive = numpy.load(options.model / "io.npz")
    inputs = {value.name: archive["in/" + value.name] for value in model.graph.input
              if "in/" + value.name in archive}
    ends = [node.output[0] for node in model.graph.node if node.op_type.startswith("QLinear")
            or node.op_type == "QuantizeLinear"]
    values = {**run_reference(model, inputs, ends), **inputs}
    total = equal = worst = layers = 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for end in ends:
            nodes, starts, initializers = layer_of(model, end, set(values))
            if not starts:
                continue

            def described(name):
                array = values[name]
                return helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)

            graph = helper.make_graph(nodes, "layer", [described(name) for name in starts],
                                      [described(end)], initializers)
            layer = helper.make_model(graph, opset_imports=model.opset_import,
                                      ir_version=model.ir_version, producer_name="test")
            onnx.save(layer, work / "layer.onnx")
            numpy.savez(work / "in.npz", **{"in/" + name: values[name] for name in starts})
            subprocess.run([options.adze, "run", work / "layer.onnx", "-t", options.target, "-i",
                            work / "in.npz", "-o", work / "out.npz"], check=True,
                           stdout=subprocess.DEVNULL)
            output = numpy.load(work / "out.npz")["out/" + end].astype(int)
            difference = numpy.abs(output - values[end].astype(int))
            layers += 1
            total += difference.size
            equal += int((difference == 0).sum())
            worst = max(worst, int(difference.max(initial=0)))
            if difference.max(initial=0) > options.most:
                print(f"  {end}: largest difference {difference.max()}, "
                      f"{(difference > 0).sum()} of {difference.size} differ")
    print(f"{options.model.name} on {options.target}: {layers} layers, {equal} of {total} elements "
          f"equal (fraction equal {equal / max(total, 1):.6f}), largest difference {worst}")
    raise SystemExit(1 if worst > options.most else 0)


if __name__ == "__main__":
    main()
