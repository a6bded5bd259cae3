"""Prints a model's nodes, a line each, after onnx.checker has passed it.

usage: show.py MODEL
"""
import sys

import onnx
from onnx import numpy_helper

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
names = [node.name for node in model.graph.node]
assert len(names) == len(set(names)), "two nodes have one name"
constants = {tensor.name: tensor for tensor in model.graph.initializer}
print("opset", model.opset_import[0].version)


def text(name):
    tensor = constants.get(name)
    if tensor is None:
        return name
    array = numpy_helper.to_array(tensor)
    return f"{array.dtype}{list(array.shape)}" if array.ndim else f"{array.dtype}"


for node in model.graph.node:
    axis = [f" axis={a.i}" for a in node.attribute if a.name == "axis"]
    print(f"{node.op_type} {node.name}: {' '.join(map(text, node.input))} -> "
          f"{' '.join(node.output)}{''.join(axis)}")
