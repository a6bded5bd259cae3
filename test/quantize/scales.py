"""Checks the scales of a quantized net.onnx: shared where numbers only move,
known where a function's range is, products where biases are.

usage: scales.py MODEL
"""
import sys

import numpy as np
import onnx
from onnx import numpy_helper

graph = onnx.load(sys.argv[1]).graph
constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
producer = {name: node for node in graph.node for name in node.output}


def scale_of(name):
    """Scale and zero point of a dequantized value."""
    node = producer[name]
    assert node.op_type == "DequantizeLinear", node.op_type
    return constants[node.input[1]], constants[node.input[2]]


for one, other in (("s", "p"), ("p", "f")):
    assert scale_of(one) == scale_of(other), (one, other)
assert scale_of("r1") != scale_of("r2")
# Behind a relu nothing is negative: all steps are above zero.
assert scale_of("r1")[1] == -128 and scale_of("r2")[1] == -128
assert scale_of("y") == (np.float32(1 / 256), -128)
checked = 0
for node in graph.node:
    if node.op_type not in ("Conv", "Gemm"):
        continue
    x, w, b = (scale_of(name)[0] for name in node.input)
    np.testing.assert_array_equal(b, x * w)
    weights = constants[producer[node.input[1]].input[0]]
    assert weights.dtype == np.int8 and weights.min() >= -127
    assert not scale_of(node.input[1])[1].any() and not scale_of(node.input[2])[1].any()
    checked += 1
assert checked == 3
