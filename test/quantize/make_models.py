"""Small float models and samples for the tests of adze quantize.

usage: make_models.py FOLDER
"""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(3)


def save(name, nodes, constants, inputs, outputs, opset=13):
    def info(values, element=TensorProto.FLOAT):
        return [helper.make_tensor_value_info(n, element, s) for n, s in values.items()]

    graph = helper.make_graph(
        nodes, name, info(inputs), info(outputs),
        [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, os.path.join(folder, name + ".onnx"))


def normal(*shape):
    return rng.normal(0, 1, shape).astype(np.float32)


node = helper.make_node
positive = np.abs(normal(4)) + 0.5

# A convolution with all that can follow it, a product with a bias, a residual.
for name, opset in (("net", 13), ("old", 11)):
    save(name, [
        node("Conv", ["x", "w1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", "g", "b", "m", "v"], ["n1"], "norm1"),
        node("Relu", ["n1"], ["r1"], "relu1"),
        node("Conv", ["r1", "w2", "b2"], ["c2"], "conv2", pads=[1, 1, 1, 1], group=4),
        node("Clip", ["c2", "zero", "six"], ["r2"], "relu6"),
        node("Add", ["r1", "r2"], ["s"], "add"),
        node("MaxPool", ["s"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p"], ["f"], "flatten"),
        node("Identity", ["f"], ["i"], "identity"),
        node("MatMul", ["i", "w3"], ["d"], "dense"),
        node("Add", ["d", "b3"], ["e"], "bias"),
        node("Softmax", ["e"], ["y"], "softmax", axis=1),
    ], {"w1": normal(4, 2, 3, 3), "g": positive, "b": normal(4), "m": normal(4),
        "v": positive, "w2": normal(4, 1, 3, 3), "b2": normal(4),
        "zero": np.float32(0), "six": np.float32(6), "w3": normal(64, 3), "b3": normal(3)},
        {"x": [1, 2, 8, 8]}, {"y": [1, 3]}, opset)

# An operator without a rule between two that have one.
save("mixed", [
    node("Conv", ["x", "w"], ["c"], "conv"),
    node("Cos", ["c"], ["k"], "cosine"),
    node("Conv", ["k", "v"], ["y"], "last"),
], {"w": normal(2, 2, 1, 1), "v": normal(2, 2, 1, 1)},
    {"x": [1, 2, 4, 4]}, {"y": [1, 2, 4, 4]})

save("nothing", [node("Cos", ["x"], ["y"], "cosine")], {}, {"x": [1, 2]}, {"y": [1, 2]})

images = normal(8, 1, 2, 8, 8)
np.savez(os.path.join(folder, "net.npz"), x=images)
np.savez(os.path.join(folder, "mixed.npz"), **{"in/x": normal(8, 2, 4, 4)})
np.savez(os.path.join(folder, "nothing.npz"), x=normal(8, 2))
np.savez(os.path.join(folder, "small.npz"), x=normal(8, 1, 2, 7, 8))
np.savez(os.path.join(folder, "double.npz"), x=images.astype(np.float64))
np.savez(os.path.join(folder, "other.npz"), a=images, b=images)
images[3, 0, 1, 2, 3] = np.nan
np.savez(os.path.join(folder, "nan.npz"), x=images)
os.makedirs(os.path.join(folder, "samples"), exist_ok=True)
os.makedirs(os.path.join(folder, "empty"), exist_ok=True)
for number in range(3):
    np.savez(os.path.join(folder, "samples", f"{number}.npz"), x=normal(1, 2, 8, 8))
