"""Small quantized models, one for each form, against onnxruntime.

    quantized_forms.py ADZE [-t TARGET] [-m NAME...]

Each model is built here, run by adze and by onnxruntime with its optimisations
off (ONNX's own arithmetic), and may differ by one step (CHAINS: by more). FORMS says which of them
have to be computed in integers alone. The exit code is 1 if one differs by more, or
has float operations where it should have none.
"""
import argparse
import pathlib
import re
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

INT8, UINT8, INT16 = numpy.int8, numpy.uint8, numpy.int16


class Graph:
    def __init__(self):
        self.random = numpy.random.default_rng(0)
        self.nodes, self.constants, self.inputs, self.count = [], [], [], 0

    def name(self):
        self.count += 1
        return f"t{self.count}"

    def constant(self, array):
        name = self.name()
        self.constants.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def node(self, kind, inputs, domain="", **attributes):
        output = self.name()
        self.nodes.append(helper.make_node(kind, inputs, [output], name=kind + output,
                                           domain=domain, **attributes))
        return output

    def quantize(self, x, scale, zero, dtype=INT8):
        return self.node("QuantizeLinear",
                         [x, self.constant(numpy.float32(scale)), self.constant(dtype(zero))])

    def dequantize(self, x, scale, zero, dtype=INT8, **attributes):
        return self.node("DequantizeLinear",
                         [x, self.constant(numpy.asarray(scale, numpy.float32)),
                          self.constant(numpy.asarray(zero, dtype))], **attributes)

    def both(self, x, scale, zero, dtype=INT8):
        return self.dequantize(self.quantize(x, scale, zero, dtype), scale, zero, dtype)

    def input(self, shape, scale=0.05, zero=3, dtype=INT8):
        name = f"in{len(self.inputs)}"
        self.inputs.append((name, shape, dtype))
        return self.dequantize(name, scale, zero, dtype)

    def raw(self, shape, dtype=INT8):
        self.inputs.append((f"in{len(self.inputs)}", shape, dtype))
        return self.inputs[-1][0]

    def integers(self, shape, dtype=INT8):
        info = numpy.iinfo(dtype)
        return self.random.integers(info.min + (dtype is INT8), info.max + 1,
                                    shape).astype(dtype)

    def reals(self, shape):
        return self.constant(self.random.normal(size=shape).astype(numpy.float32))

    def weights(self, shape, axis=None, dtype=INT8):
        zero = 128 if dtype is UINT8 else 0
        codes = self.constant(self.integers(shape, dtype))
        if axis is None:
            return self.dequantize(codes, 0.01, zero, dtype)
        count = shape[axis]
        return self.dequantize(codes, self.random.uniform(0.005, 0.02, count),
                               numpy.full(count, zero), dtype, axis=axis)

    def small_weights(self, axis, block):
        codes = self.random.integers(-8, 8, (16, 8))
        name = self.name()
        self.constants.append(helper.make_tensor(name, TensorProto.INT4, (16, 8),
                                                 codes.ravel().tolist()))
        scales = self.random.uniform(0.05, 0.2, (4, 8) if block else 8)
        attributes = {"block_size": block} if block else {}
        return self.node("DequantizeLinear",
                         [name, self.constant(scales.astype(numpy.float32))], axis=axis,
                         **attributes)


def convolution(g, weights=(8, 4, 3, 3), axis=0, input_shape=(1, 4, 9, 7), bias=None, **attributes):
    inputs = [g.input(input_shape), g.weights(weights, axis)] + ([bias] if bias else [])
    return g.node("Conv", inputs, **attributes)


def relu6(g):
    y = convolution(g, bias=g.reals(8), pads=[1, 1, 1, 1], strides=[2, 1])
    y = g.node("Clip", [y, g.constant(numpy.float32(0)), g.constant(numpy.float32(6))])
    return g.quantize(y, 0.03, -128)


def unsigned_convolution(g):
    x = g.input((1, 4, 9, 7), 0.05, 120, UINT8)
    y = g.node("Conv", [x, g.weights((8, 4, 3, 3), None, UINT8)], pads=[1, 1, 1, 1])
    return g.quantize(g.node("Relu", [y]), 0.1, 0, UINT8)


def wide_convolution(g):
    x = g.input((1, 4, 9, 7), 0.00025, 0, INT16)
    y = g.node("Conv", [x, g.weights((8, 4, 3, 3), 0)], pads=[1, 1, 1, 1])
    return g.quantize(y, 0.002, 0, INT16)


def transposed(g, weights, axis=None, **attributes):
    x = g.input((1, 8, 5, 6))
    return g.quantize(g.node("ConvTranspose", [x, g.weights(weights, axis)], **attributes), 0.05, 7)


def gelu(g):
    x = g.input((3, 16))
    y = g.node("Erf", [g.node("Div", [x, g.constant(numpy.float32(1.41421356))])])
    y = g.node("Mul", [x, g.node("Add", [y, g.constant(numpy.float32(1))])])
    return g.quantize(g.node("Mul", [y, g.constant(numpy.float32(0.5))]), 0.05, -100)


def swish(g):
    x = g.input((3, 16))
    return g.quantize(g.node("Mul", [x, g.node("Sigmoid", [x])]), 0.05, -100)


def binary(g, kind, left, right, dtype=INT8):
    scales = (0.00025, 0.0005, 0.0007) if dtype is INT16 else (0.05, 0.02, 0.0437)
    zeros = (0, 0, 0) if dtype is INT16 else (3, -9, 10)
    a, b = (g.input(shape, scales[i], zeros[i], dtype) for i, shape in enumerate((left, right)))
    return g.quantize(g.node(kind, [a, b]), scales[2], zeros[2], dtype)


def squeeze_excite(g):
    x = g.input((1, 8, 9, 7))
    y = g.both(g.node("GlobalAveragePool", [x]), 0.02, 5)
    y = g.both(g.node("Conv", [y, g.weights((8, 8, 1, 1), 0)]), 0.05, -3)
    y = g.both(g.node("HardSigmoid", [y]), 1 / 255, -128)
    return g.quantize(g.node("Mul", [x, y]), 0.05, 3)


def attention(g):
    x = g.input((1, 6, 16))

    def linear(zero):
        y = g.node("MatMul", [x, g.weights((16, 16), 1)])
        return g.both(g.node("Add", [y, g.reals(16)]), 0.05, zero)

    q, k, v = linear(1), linear(2), linear(-3)
    y = g.both(g.node("MatMul", [q, g.node("Transpose", [k], perm=[0, 2, 1])]), 0.1, 4)
    y = g.both(g.node("Softmax", [y], axis=-1), 1 / 256, -128)
    return g.quantize(g.node("MatMul", [y, v]), 0.05, 0)


def pool(g, scale=0.05, **attributes):
    return g.quantize(g.node("AveragePool", [g.input((1, 4, 9, 7))], kernel_shape=[3, 3],
                             **attributes), scale, 3)


def wide_pool(g, scale=1 / 4096, **attributes):
    x = g.input((1, 4, 9, 7), 1 / 4096, 0, INT16)
    return g.quantize(g.node("AveragePool", [x], kernel_shape=[3, 3], **attributes), scale, 0,
                      INT16)


def softmax(g, shape, dtype, scale, to, out_dtype=INT16, out_zero=0):
    x = g.input(shape, scale, 0, dtype)
    return g.quantize(g.node("Softmax", [x], axis=-1), to, out_zero, out_dtype)


def mean(g, shape, axes):
    axes = g.constant(numpy.array(axes, numpy.int64))
    return g.quantize(g.node("ReduceMean", [g.input(shape), axes], keepdims=1), 0.02, 3)


def resize(g):
    y = g.node("Resize", [g.input((1, 4, 5, 6)), "", g.constant(numpy.array([1, 1, 2, 2],
                                                                            numpy.float32))],
               mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return g.quantize(y, 0.05, 3)


def concat(g):
    a, b = g.input((1, 4, 9)), g.input((1, 3, 9), 0.02, -9)
    return g.quantize(g.node("Concat", [a, b], axis=1), 0.05, 3)


def linear(g, shape=(2, 5, 16), weights=None):
    y = g.node("MatMul", [g.input(shape), weights or g.weights((16, 8), 1)])
    y = g.node("Add", [y, g.reals(8)])
    return g.quantize(g.node("Relu", [y]), 0.05, -128)


def weight_only(g):
    """Of the activations nothing but the result is quantized."""
    x = g.node("Sin", [g.input((2, 5, 16))])
    return g.quantize(g.node("MatMul", [x, g.small_weights(0, 4)]), 0.05, 0)


def qlinear_convolution(g):
    parameters = [numpy.float32(0.05), UINT8(120), g.integers((8, 4, 3, 3), UINT8),
                  numpy.float32(0.01), UINT8(127), numpy.float32(0.1), UINT8(100),
                  g.random.integers(-500, 500, 8).astype(numpy.int32)]
    return g.node("QLinearConv", [g.raw((1, 4, 9, 7), UINT8), *map(g.constant, parameters)],
                  pads=[1, 1, 1, 1])


def qlinear_matmul(g):
    parameters = [numpy.float32(0.05), INT8(12), g.integers((16, 8)),
                  g.random.uniform(0.005, 0.02, 8).astype(numpy.float32),
                  numpy.zeros(8, INT8), numpy.float32(0.1), INT8(10)]
    return g.node("QLinearMatMul", [g.raw((5, 16)), *map(g.constant, parameters)])


def qgemm(g):
    parameters = [numpy.float32(0.05), UINT8(120), g.integers((8, 16), UINT8),
                  numpy.float32(0.01), UINT8(128),
                  g.random.integers(-500, 500, 8).astype(numpy.int32), numpy.float32(0.1),
                  UINT8(100)]
    return g.node("QGemm", [g.raw((5, 16), UINT8), *map(g.constant, parameters)],
                  domain="com.microsoft", transB=1)


def normalization(g):
    return g.quantize(g.node("LayerNormalization", [g.input((3, 16)), g.reals(16), g.reals(16)]),
                      0.03, 0)


def behind(g, kind, scale, zero, **attributes):
    """A function behind a convolution."""
    y = convolution(g, bias=g.reals(8))
    return g.quantize(g.node(kind, [y], **attributes), scale, zero)


def swish_behind(g):
    y = linear_sum(g)
    return g.quantize(g.node("Mul", [y, g.node("Sigmoid", [y])]), 0.03, -110)


def linear_sum(g):
    return g.node("Add", [g.node("MatMul", [g.input((2, 5, 16)), g.weights((16, 8), 1)]),
                          g.reals(8)])


def relu_then_tanh(g):
    return g.quantize(g.node("Tanh", [g.node("Relu", [convolution(g)])]), 1 / 256, -128)


def gelu_behind(g, zero=-110, dtype=INT8, scale=0.03):
    return g.quantize(g.node("Gelu", [linear_sum(g)]), scale, zero, dtype)


def prelu(g, shape, behind_convolution=True):
    slope = g.constant(g.random.uniform(-0.3, 0.9, shape).astype(numpy.float32))
    x = convolution(g, bias=g.reals(8)) if behind_convolution else g.input((2, 8, 5, 4))
    return g.quantize(g.node("PRelu", [x, slope]), 0.05, -20)


def instance(g):
    return g.quantize(g.node("InstanceNormalization", [g.input((2, 4, 9, 7)), g.reals(4),
                                                       g.reals(4)]), 0.03, 5)


def normalized_gelu(g):
    y = g.node("LayerNormalization", [g.input((3, 32)), g.reals(32), g.reals(32)])
    return g.quantize(g.node("Gelu", [y]), 0.02, -115)


def transformer(g):
    """A block as exporters write it: two heads, residuals, normalization, GELU."""
    x = g.both(g.input((1, 6, 16)), 0.05, 3)

    def weighted(value, rows, columns, scale, zero):
        y = g.node("MatMul", [value, g.weights((rows, columns), 1)])
        return g.both(g.node("Add", [y, g.reals(columns)]), scale, zero)

    def heads(value, order):
        y = g.node("Reshape", [value, g.constant(numpy.array([1, 6, 2, 8], numpy.int64))])
        return g.node("Transpose", [y], perm=order)

    def added(a, b):
        return g.both(g.node("Add", [a, b]), 0.08, 3)

    def normalized(value):
        y = g.node("LayerNormalization", [value, g.reals(16), g.reals(16)])
        return g.both(y, 0.04, -2)

    q = heads(weighted(x, 16, 16, 0.05, 1), [0, 2, 1, 3])
    k = heads(weighted(x, 16, 16, 0.05, 2), [0, 2, 3, 1])
    v = heads(weighted(x, 16, 16, 0.05, -3), [0, 2, 1, 3])
    y = g.both(g.node("MatMul", [q, k]), 0.3, 4)
    y = g.both(g.node("Div", [y, g.constant(numpy.float32(2.83))]), 0.1, 4)
    y = g.both(g.node("Softmax", [y], axis=-1), 1 / 256, -128)
    y = g.node("Transpose", [g.both(g.node("MatMul", [y, v]), 0.05, 0)], perm=[0, 2, 1, 3])
    y = g.node("Reshape", [y, g.constant(numpy.array([1, 6, 16], numpy.int64))])
    y = normalized(added(x, weighted(y, 16, 16, 0.05, 7)))
    z = g.node("Add", [g.node("MatMul", [y, g.weights((16, 32), 1)]), g.reals(32)])
    z = g.both(g.node("Gelu", [z]), 0.03, -120)
    return g.quantize(added(y, weighted(z, 32, 16, 0.05, 0)), 0.08, 3)


def recurrent(g, kind, gates, direction="forward", **attributes):
    steps, inputs, hidden = 12, 10, 16
    directions = 2 if direction == "bidirectional" else 1

    def weights(columns):
        codes = g.constant(g.integers((directions, gates * hidden, columns)))
        return g.dequantize(codes, 0.004, 0)

    bias = g.random.normal(size=(directions, 2 * gates * hidden)).astype(numpy.float32) / 4
    y = g.node(kind, [g.input((steps, 2, inputs), 0.02, 3), weights(inputs), weights(hidden),
                      g.constant(bias)], hidden_size=hidden, direction=direction, **attributes)
    return g.quantize(y, 1 / 128, 0)


def wide(g, kind, scale, dtype=INT16, zero=0, **attributes):
    """A function of one int16 tensor."""
    x = g.input((64, 65), 1 / 4096, 0, INT16)
    return g.quantize(g.node(kind, [x], **attributes), scale, zero, dtype)


# Name: how the model is built, and whether nothing in it may compute in float.
FORMS = {
    "convolution, relu6": (relu6, True),
    "convolution, uint8": (unsigned_convolution, True),
    "convolution, int16": (wide_convolution, True),
    "convolution, groups": (lambda g: g.quantize(convolution(
        g, (12, 2, 3, 3), 0, (2, 8, 9, 7), group=4, dilations=[2, 1], pads=[2, 0, 2, 0]),
        0.05, 7), True),
    "convolution, 1D": (lambda g: g.quantize(convolution(
        g, (12, 8, 5), 0, (1, 8, 20), pads=[2, 2]), 0.05, 7), True),
    "convolution, bias behind": (lambda g: g.quantize(g.node(
        "Add", [convolution(g), g.reals((8, 1, 1))]), 0.05, 0), True),
    "convolution, padding before": (lambda g: g.quantize(g.node(
        "Conv", [g.node("Pad", [g.input((1, 4, 9, 7)), g.constant(
            numpy.array([0, 0, 1, 1, 0, 0, 1, 1], numpy.int64))]), g.weights((8, 4, 3, 3), 0)]),
        0.05, 0), True),
    "convolution, leaky relu": (lambda g: behind(g, "LeakyRelu", 0.05, 0, alpha=0.1), True),
    "convolution, hard swish": (lambda g: behind(g, "HardSwish", 0.03, -110), True),
    "convolution, sigmoid": (lambda g: behind(g, "Sigmoid", 1 / 256, -128), True),
    "convolution, tanh": (lambda g: behind(g, "Tanh", 1 / 128, 0), True),
    "convolution, elu": (lambda g: behind(g, "Elu", 0.03, -90, alpha=1.0), True),
    "convolution, relu and tanh": (relu_then_tanh, True),
    "convolution, one prelu": (lambda g: prelu(g, (1,)), True),
    "convolution, prelu": (lambda g: prelu(g, (8, 1, 1)), True),
    "prelu": (lambda g: prelu(g, (8, 1, 1), False), True),
    "MatMul, swish": (swish_behind, True),
    "MatMul, gelu": (gelu_behind, True),
    "tanh, int16": (lambda g: wide(g, "Tanh", 1 / 32768), True),
    "sigmoid, int16": (lambda g: wide(g, "Sigmoid", 1 / 32768), True),
    "sigmoid, int16 to int8": (lambda g: wide(g, "Sigmoid", 1 / 256, INT8, -128), True),
    "hard swish, int16": (lambda g: wide(g, "HardSwish", 1 / 4096), True),
    "rescaling, int16": (lambda g: wide(g, "Relu", 1 / 3000), True),
    "transposed": (lambda g: transposed(g, (8, 6, 4, 4), strides=[2, 2], pads=[1, 1, 1, 1]), True),
    "transposed, channels": (lambda g: transposed(
        g, (8, 6, 4, 4), 1, strides=[2, 2], pads=[1, 1, 1, 1]), True),
    "QLinearConv": (qlinear_convolution, True),
    "QLinearMatMul": (qlinear_matmul, True),
    "QGemm": (qgemm, True),
    "Gemm": (lambda g: g.quantize(g.node(
        "Gemm", [g.input((5, 16)), g.weights((8, 16), 0), g.reals(8)], transB=1), 0.05, 0), True),
    "MatMul": (linear, True),
    "MatMul, int4": (lambda g: linear(g, (5, 16), g.small_weights(1, 0)), True),
    "MatMul, int4 in blocks": (lambda g: linear(g, (5, 16), g.small_weights(0, 4)), False),
    "MatMul, int4, float input": (weight_only, False),
    "attention": (attention, True),
    "squeeze and excite": (squeeze_excite, True),
    "gelu": (gelu, True),
    "swish": (swish, True),
    "hard swish": (lambda g: g.quantize(g.node("HardSwish", [g.input((3, 16))]), 0.05, -9), True),
    "addition": (lambda g: binary(g, "Add", (1, 8, 9, 7), (8, 1, 1)), True),
    "addition, int16": (lambda g: binary(g, "Add", (4, 9), (4, 9), INT16), True),
    "subtraction": (lambda g: binary(g, "Sub", (4, 9), (4, 9)), True),
    "multiplication": (lambda g: binary(g, "Mul", (4, 9), (9,)), True),
    "average pool": (lambda g: pool(g, pads=[1, 1, 1, 1], strides=[2, 2]), True),
    "average pool, other scale": (lambda g: pool(g, 0.02), True),
    "average pool, padding counts": (lambda g: pool(g, pads=[1, 1, 1, 1], count_include_pad=1),
                                     True),
    "average pool, int16": (wide_pool, True),
    "average pool, int16, other scale": (lambda g: wide_pool(g, 1 / 5000), True),
    "average pool, int16, padding": (lambda g: wide_pool(g, pads=[1, 1, 1, 1]), True),
    "softmax, int16": (lambda g: softmax(g, (8, 50), INT16, 1 / 4096, 1 / 32768), True),
    "softmax, int16, other scale": (lambda g: softmax(g, (8, 50), INT16, 1 / 2048, 1 / 40000), True),
    "softmax, long rows": (lambda g: softmax(g, (4, 700), INT8, 0.05, 1 / 2048, INT8, -128), True),
    "max pool": (lambda g: g.quantize(g.node(
        "MaxPool", [g.input((1, 4, 9, 7), 0.05, 3, UINT8)], kernel_shape=[3, 3]), 0.05, 3, UINT8),
        True),
    "mean": (lambda g: mean(g, (1, 4, 9, 7), [2, 3]), True),
    "mean, channels last": (lambda g: mean(g, (1, 9, 7, 4), [1, 2]), True),
    "resize": (resize, True),
    "concat": (concat, True),
    "depth to space": (lambda g: g.quantize(g.node(
        "DepthToSpace", [g.input((1, 8, 3, 4))], blocksize=2), 0.05, 3), True),
    "layer normalization": (normalization, True),
    "layer normalization, gelu": (normalized_gelu, True),
    "instance normalization": (instance, True),
    "transformer block": (transformer, True),
    "LSTM": (lambda g: recurrent(g, "LSTM", 4), True),
    "LSTM, bidirectional": (lambda g: recurrent(g, "LSTM", 4, "bidirectional"), True),
    "GRU": (lambda g: recurrent(g, "GRU", 3), True),
    "GRU, linear before reset": (lambda g: recurrent(
        g, "GRU", 3, "reverse", linear_before_reset=1), True),
}

# Where operations follow each other, a step of one may be several of the next: by
# how many these may differ.
CHAINS = {"transformer block": 3}


def check(adze, target, name, work):
    """What is wrong with a form, and how many of its elements differ."""
    build, integers_only = FORMS[name]
    g = Graph()
    end = build(g)

    def described(value, shape, dtype):
        return helper.make_tensor_value_info(
            value, helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype)), shape)

    graph = helper.make_graph(g.nodes, "form", [described(*value) for value in g.inputs],
                              [helper.make_empty_tensor_value_info(end)], g.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21),
                                                    helper.make_opsetid("com.microsoft", 1)],
                              ir_version=10, producer_name="test")
    onnx.save(model, work / "form.onnx")
    inputs = {value: g.integers(shape, dtype) for value, shape, dtype in g.inputs}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    expected = session.run(None, inputs)[0].astype(int)
    numpy.savez(work / "in.npz", **{"in/" + key: value for key, value in inputs.items()})
    run = subprocess.run([adze, "run", work / "form.onnx", "-t", target, "-i", work / "in.npz",
                          "-o", work / "out.npz"], capture_output=True, text=True)
    if run.returncode:
        return run.stderr.strip(), ""
    output = next(iter(numpy.load(work / "out.npz").values())).astype(int)
    difference = numpy.abs(output - expected)
    text = subprocess.run([adze, "compile", work / "form.onnx", "-e", "nn"], capture_output=True,
                          text=True).stdout
    figures = f"{(difference > 0).sum()} of {difference.size} differ, by {difference.max()}"
    if difference.max() > CHAINS.get(name, 1):
        return "differs by more than a step", figures
    if integers_only and re.search(r"\bf32\b|xf32", text):
        return "computes in float", figures
    if not integers_only and "adze.float_fallbacks" not in text:
        return "does not say what computes in float", figures
    return "", figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("-t", "--target", default="host")
    parser.add_argument("-m", "--model", action="append", choices=list(FORMS))
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        for name in options.model or FORMS:
            problem, figures = check(options.adze, options.target, name, pathlib.Path(work))
            failed += bool(problem)
            print(f"{name}: {problem or 'ok'} ({figures})")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
