"""Writes small convolution networks for budgets of memory into a folder.

bands.onnx        int8 with quantized weights: input [1, 32, 32, 4] (channels last),
                  three convolutions with 16, 16 and 8 channels, output [1, 8, 8, 8]
bands_float.onnx  the same in float32 with residual addition and pooling, input
                  [1, 4, 32, 32] (channels first)
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(4)


def save(name, nodes, inputs, outputs, initializers):
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              ir_version=8, producer_name="band_models")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / f"{name}.onnx")


class Quantized:
    """Nodes between dequantize and quantize, as converters write them."""

    def __init__(self):
        self.nodes, self.initializers, self.number = [], [], 0

    def constant(self, array):
        self.number += 1
        self.initializers.append(numpy_helper.from_array(array, f"c{self.number}"))
        return f"c{self.number}"

    def node(self, op, inputs, **attributes):
        self.number += 1
        self.nodes.append(helper.make_node(op, inputs, [f"t{self.number}"], **attributes))
        return f"t{self.number}"

    def dequantize(self, x, scale, zero_point, dtype=np.int8, **attributes):
        return self.node("DequantizeLinear",
                         [x, self.constant(np.float32(scale)),
                          self.constant(np.array(zero_point, dtype))], **attributes)

    def requantize(self, x, scale, zero_point):
        q = self.node("QuantizeLinear", [x, self.constant(np.float32(scale)),
                                         self.constant(np.int8(zero_point))])
        return self.dequantize(q, scale, zero_point)

    def convolution(self, x, in_scale, channels, outputs, stride):
        weights = random.integers(-127, 128, (outputs, channels, 3, 3)).astype(np.int8)
        scales = random.uniform(0.002, 0.01, outputs).astype(np.float32)
        w = self.dequantize(self.constant(weights), scales, np.zeros(outputs), axis=0)
        bias = random.integers(-2000, 2000, outputs).astype(np.int32)
        b = self.dequantize(self.constant(bias), scales * np.float32(in_scale),
                            np.zeros(outputs), np.int32, axis=0)
        return self.node("Conv", [x, w, b], kernel_shape=[3, 3], strides=[stride] * 2,
                         pads=[1, 1, 1, 1] if stride == 1 else [0, 0, 1, 1])


net = Quantized()
x = net.dequantize("x", 0.05, 3)
x = net.node("Transpose", [x], perm=[0, 3, 1, 2])
for channels, outputs, stride, scale in [(4, 16, 1, 0.05), (16, 16, 2, 0.1), (16, 8, 2, 0.4)]:
    x = net.node("Relu", [net.convolution(x, scale, channels, outputs, stride)])
    x = net.requantize(x, scale * (2 if outputs == 16 and stride == 1 else 4), -128)
x = net.node("Transpose", [x], perm=[0, 2, 3, 1])
net.nodes.append(helper.make_node("QuantizeLinear",
                                  [x, net.constant(np.float32(1.6)),
                                   net.constant(np.int8(-128))], ["y"]))
save("bands", net.nodes,
     [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 32, 32, 4])],
     [helper.make_tensor_value_info("y", TensorProto.INT8, [1, 8, 8, 8])],
     net.initializers)


def weights(*shape):
    return random.standard_normal(shape).astype(np.float32) / 8


save("bands_float",
     [helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1, 1, 1, 1]),
      helper.make_node("Relu", ["a"], ["b"]),
      helper.make_node("Conv", ["b", "w1"], ["c"], pads=[1, 1, 1, 1], group=8),
      helper.make_node("Add", ["c", "b"], ["d"]),
      helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[3, 3], strides=[2, 2],
                       pads=[1, 1, 1, 1]),
      helper.make_node("Conv", ["e", "w2"], ["y"], pads=[0, 0, 1, 1], strides=[2, 2])],
     [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 32, 32])],
     [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])],
     [numpy_helper.from_array(weights(8, 4, 3, 3), "w0"),
      numpy_helper.from_array(weights(8, 1, 3, 3), "w1"),
      numpy_helper.from_array(weights(4, 8, 3, 3), "w2")])

np.savez(folder / "bands.npz",
         **{"in/x": random.integers(-128, 128, (1, 32, 32, 4)).astype(np.int8)})
np.savez(folder / "bands_float.npz",
         **{"in/x": random.standard_normal((1, 4, 32, 32)).astype(np.float32)})
