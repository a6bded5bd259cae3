"""onnxruntime's own operators (domain com.microsoft), one model each, against onnxruntime.

    fused_operators.py ADZE [-t TARGET] [-k TEXT]

CASES builds the nodes; inputs are random, and constants where CASES says so. The exit
code is 1 if an output differs by more than float32 arithmetic in another order does.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

F32 = numpy.float32
random = numpy.random.default_rng(0)


def real(*shape, low=-1.0, high=1.0):
    return random.uniform(low, high, shape).astype(F32)


def whole(low, high, *shape, dtype=numpy.int64):
    return random.integers(low, high, shape).astype(dtype)


class Case:
    """One node: inputs are arrays, None (omitted) or Known(array) (a constant of the model)."""

    def __init__(self, name, op, inputs, outputs=1, domain="com.microsoft", tolerance=2e-5, **attributes):
        self.name, self.op, self.inputs, self.domain = f"{op} {name}", op, inputs, domain
        self.outputs, self.tolerance, self.attributes = outputs, tolerance, attributes

    def build(self):
        names, values, constants, feeds = [], [], [], {}
        for i, value in enumerate(self.inputs):
            name = "" if value is None else f"in{i}"
            names.append(name)
            if isinstance(value, Known):
                constants.append(numpy_helper.from_array(value.array, name))
            elif value is not None:
                kind = helper.np_dtype_to_tensor_dtype(value.dtype)
                values.append(helper.make_tensor_value_info(name, kind, value.shape))
                feeds[name] = value
        wanted = self.outputs if isinstance(self.outputs, list) else range(self.outputs)
        outputs = [f"out{i}" if i in wanted else "" for i in range(max(wanted) + 1)]
        node = helper.make_node(self.op, names, outputs, name="node", domain=self.domain,
                                **self.attributes)
        infos = [helper.make_empty_tensor_value_info(name) for name in outputs if name]
        graph = helper.make_graph([node], "case", values, infos, constants)
        model = helper.make_model(graph, ir_version=9, opset_imports=[
            helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
        return model, feeds


class Known:
    def __init__(self, array):
        self.array = array


def packed(bits, rows, count):
    return whole(0, 256, rows, count, dtype=numpy.uint8)


def caches(positions, half):
    angles = numpy.arange(positions)[:, None] / 100.0 ** (numpy.arange(half)[None] / half)
    return numpy.cos(angles).astype(F32), numpy.sin(angles).astype(F32)


def mask(batch, keys):
    """The first keys of each sequence."""
    lengths = whole(1, keys + 1, batch, 1)
    return (numpy.arange(keys)[None] < lengths).astype(numpy.int32)


def n_bits(name, bits, k, n, block, zero_points=None, bias=False, constant=True):
    blocks = -(-k // block)
    wrap = Known if constant else (lambda array: array)
    zeros = None
    if zero_points == "packed":
        zeros = Known(packed(bits, n, -(-blocks * bits // 8)).reshape(-1))
    elif zero_points == "real":
        zeros = Known(real(n * blocks, low=0, high=2 ** bits))
    inputs = [real(3, k), wrap(packed(bits, n, blocks * block * bits // 8)
                               .reshape(n, blocks, block * bits // 8)),
              Known(real(n * blocks, low=0.01, high=0.1)), zeros, None,
              Known(real(n)) if bias else None]
    while inputs[-1] is None:
        inputs.pop()
    return Case(name, "MatMulNBits", inputs, K=k, N=n, bits=bits, block_size=block,
                tolerance=1e-4)


def group_query(name, past=0, queries=4, rotary=False, packed_input=False, total=None, room=None, **attributes):
    heads, groups, size, batch = 4, 2, 16, 2
    total = total or past + queries
    lengths = numpy.full(batch, total - 1, numpy.int32)
    room = room or past
    if packed_input:
        inputs = [real(batch, queries, (heads + 2 * groups) * size), None, None]
    else:
        inputs = [real(batch, queries, heads * size), real(batch, queries, groups * size),
                  real(batch, queries, groups * size)]
    inputs += [real(batch, groups, room, size), real(batch, groups, room, size)] if room else [None, None]
    inputs += [lengths, Known(numpy.array(total, numpy.int32))]
    if rotary:
        inputs += [Known(table) for table in caches(32, size // 2)]
        attributes["do_rotary"] = 1
    return Case(name, "GroupQueryAttention", inputs, 3, num_heads=heads, kv_num_heads=groups, **attributes)


def multi_head(name, keys=5, masked=None, bias=False, attention_bias=None, past=0, **attributes):
    batch, queries, heads, size = 2, 5, 2, 8
    inputs = [real(batch, queries, heads * size), real(batch, keys, heads * size),
              real(batch, keys, heads * size), real(3 * heads * size) if bias else None, masked,
              attention_bias]
    if past:
        inputs += [real(batch, heads, past, size), real(batch, heads, past, size)]
    while inputs[-1] is None:
        inputs.pop()
    return Case(name, "MultiHeadAttention", inputs, 3 if past else 1, num_heads=heads, **attributes)


def attention(name, masked=None, outputs=1, past=0, bias=True, **attributes):
    batch, length, width, heads = 2, 6, 16, 2
    inputs = [real(batch, length, width), Known(real(width, 3 * width)),
              Known(real(3 * width)) if bias else None, masked]
    if past:
        inputs.append(real(2, batch, heads, past, width // heads))
    while inputs[-1] is None:
        inputs.pop()
    return Case(name, "Attention", inputs, outputs, num_heads=heads, **attributes)


def embed(name, outputs=2, masked=False, segments=True):
    batch, length, width = 2, 6, 8
    inputs = [whole(0, 20, batch, length, dtype=numpy.int32),
              whole(0, 2, batch, length, dtype=numpy.int32) if segments else None,
              Known(real(20, width)), Known(real(10, width)), Known(real(2, width)) if segments else None,
              Known(real(width)), Known(real(width))]
    if masked:
        inputs.append(mask(batch, length))
    return Case(name, "EmbedLayerNormalization", inputs, outputs, epsilon=1e-6)


def rotary(name, x, position_ids, **attributes):
    size = x.shape[3] if x.ndim == 4 else 16
    return Case(name, "RotaryEmbedding", [x, position_ids, *map(Known, caches(32, size // 2))], **attributes)


def integers(name, op, inputs, **attributes):
    return Case(name, op, inputs, tolerance=1e-4, **attributes)


def cases():
    u8, i8 = numpy.uint8, numpy.int8
    yield Case("erf", "Gelu", [real(3, 5, low=-4, high=4)])
    yield Case("bias", "BiasGelu", [real(3, 8), real(8)])
    yield Case("plain", "FastGelu", [real(3, 8, low=-4, high=4)])
    yield Case("bias", "FastGelu", [real(3, 8), real(8)])
    yield Case("alpha", "QuickGelu", [real(3, 8)], alpha=1.5)
    yield Case("scaled", "FusedMatMul", [real(2, 3, 4), real(2, 4, 5)], alpha=0.5)
    yield Case("transposed", "FusedMatMul", [real(2, 4, 3), real(2, 5, 4)], transA=1, transB=1, alpha=0.125)
    yield Case("transposed batch", "FusedMatMul", [real(3, 2, 4), real(2, 4, 5)], transBatchA=1)
    yield Case("relu", "FusedConv", [real(1, 3, 8, 8), real(4, 3, 3, 3), real(4)], activation="Relu",
               pads=[1, 1, 1, 1])
    yield Case("residual", "FusedConv", [real(1, 3, 8, 8), real(4, 3, 3, 3), real(4), real(1, 4, 6, 6)],
               activation="Relu")
    yield Case("leaky", "FusedGemm", [real(3, 4), real(4, 5), real(5)], activation="LeakyRelu",
               activation_alpha=0.2)
    yield integers("bias", "DynamicQuantizeMatMul",
                   [real(3, 8), Known(whole(-128, 128, 8, 5, dtype=i8)), Known(real(1, low=0.01, high=0.02)),
                    None, Known(real(5))])
    yield integers("per column", "DynamicQuantizeMatMul",
                   [real(3, 8), Known(whole(0, 256, 8, 5, dtype=u8)), Known(real(5, low=0.01, high=0.02)),
                    Known(whole(100, 150, 5, dtype=u8))])
    yield integers("all", "MatMulIntegerToFloat",
                   [whole(0, 256, 3, 8, dtype=u8), Known(whole(-128, 128, 8, 5, dtype=i8)), real(1, low=0.01, high=0.02),
                    Known(real(5, low=0.01, high=0.02)), whole(100, 150, 1, dtype=u8)[0:1], None, Known(real(5))])
    yield n_bits("4 bits", 4, 64, 8, 32)
    yield n_bits("4 bits, packed zero points", 4, 96, 8, 32, "packed", True)
    yield n_bits("4 bits, real zero points", 4, 64, 8, 16, "real")
    yield n_bits("4 bits, a part of a block", 4, 40, 8, 32)
    yield n_bits("4 bits, weights at run time", 4, 64, 8, 32, constant=False)
    yield n_bits("8 bits", 8, 64, 8, 32, "packed")
    yield Case("five inputs", "SkipLayerNormalization", [real(2, 3, 8), real(2, 3, 8), real(8), real(8), real(8)],
               [0, 3], epsilon=1e-5)
    yield Case("skip of one sequence", "SkipLayerNormalization", [real(2, 3, 8), real(3, 8), real(8), real(8)],
               epsilon=1e-5)
    yield Case("sum", "SkipSimplifiedLayerNormalization", [real(2, 3, 8), real(2, 3, 8), real(8)], [0, 3],
               epsilon=1e-5)
    yield Case("last axis", "SimplifiedLayerNormalization", [real(2, 3, 8), real(8)], domain="", axis=-1,
               epsilon=1e-5)
    yield embed("segments")
    yield embed("mask", masked=True)
    yield embed("no segments", segments=False)
    yield rotary("heads", real(2, 3, 5, 16), whole(0, 20, 2, 5))
    yield rotary("flat", real(2, 5, 48), numpy.array([3], numpy.int64))
    yield rotary("interleaved", real(2, 3, 5, 16), whole(0, 20, 2, 5), interleaved=1)
    yield attention("plain")
    yield attention("mask of keys", mask(2, 6))
    yield attention("lengths", numpy.array([4, 6], numpy.int32))
    yield attention("causal", unidirectional=1)
    yield attention("past", outputs=2, past=3, unidirectional=1)
    yield multi_head("plain")
    yield multi_head("cross", keys=7)
    yield multi_head("bias", bias=True)
    yield multi_head("mask of keys", masked=mask(2, 5))
    yield multi_head("attention bias", attention_bias=real(1, 2, 5, 5))
    yield multi_head("past", past=3)
    yield multi_head("causal", unidirectional=1, scale=0.3)
    yield group_query("prompt")
    yield group_query("prompt with angles", rotary=True)
    yield group_query("packed", packed_input=True, rotary=True)
    yield group_query("next word", past=6, queries=1, rotary=True)
    yield group_query("next word in a buffer", past=6, queries=1, room=10)
    yield group_query("window", queries=6, local_window_size=3)
    yield group_query("softcap", softcap=5.0)
    yield integers("plain", "QAttention",
                   [whole(0, 256, 2, 6, 16, dtype=u8), Known(whole(-128, 128, 16, 48, dtype=i8)), Known(real(48)),
                    Known(F32(0.01)), Known(F32(0.01)), None, Known(u8(120))], num_heads=2)
    yield Case("2d", "NhwcMaxPool", [whole(-128, 128, 1, 8, 8, 3, dtype=i8)], kernel_shape=[3, 3], strides=[2, 2],
               pads=[1, 1, 1, 1])
    rois = numpy.array([[0.1, 0.2, 0.8, 0.9], [0.0, 0.0, 1.0, 1.0], [0.5, -0.2, 1.2, 0.7]], F32)
    for kind in ("bilinear", "nearest"):
        yield Case(kind, "CropAndResize", [real(2, 3, 9, 7), rois, numpy.array([0, 1, 0], numpy.int32),
                                           Known(numpy.array([4, 5], numpy.int32))], mode=kind,
                   extrapolation_value=0.5)
    yield integers("16 bits", "DequantizeLinear", [whole(-30000, 30000, 3, 4, dtype=numpy.int16), Known(F32(0.001)),
                                                   Known(numpy.int16(7))])
    yield Case("lower", "Trilu", [real(4, 5)], upper=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adze")
    parser.add_argument("-t", "--target", default="host")
    parser.add_argument("-k", default="", help="only cases whose names hold this")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for case in cases():
            if options.k not in case.name:
                continue
            model, feeds = case.build()
            settings = onnxruntime.SessionOptions()
            settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            settings.log_severity_level = 3
            session = onnxruntime.InferenceSession(model.SerializeToString(), settings)
            names = [output.name for output in model.graph.output]
            results = session.run(names, feeds)
            onnx.save(model, work / "model.onnx")
            numpy.savez(work / "io.npz", **{"in/" + name: value for name, value in feeds.items()},
                        **{"out/" + name: value for name, value in zip(names, results)})
            run = subprocess.run([options.adze, "verify", str(work / "model.onnx"), "--io", str(work / "io.npz"),
                                  "-t", options.target, "--rtol", str(case.tolerance)],
                                 capture_output=True, text=True)
            print(f"{'ok' if run.returncode == 0 else 'WRONG':6}{case.name}", flush=True)
            if run.returncode:
                failed += 1
                print(run.stdout + run.stderr)
    print(f"{failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
