"""Writes a suite of node tests with one test for each way to end.

usage: small_suite.py FOLDER
"""
import pathlib
import shutil
import sys

import numpy as np
from onnx import OptionalProto, SequenceProto, TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(sys.argv[1])


def write(name, node, inputs, outputs, values, results, opsets=()):
    graph = helper.make_graph([node], name, inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), *opsets],
                              ir_version=10)
    folder = FOLDER / name / "test_data_set_0"
    folder.mkdir(parents=True)
    (FOLDER / name / "model.onnx").write_bytes(model.SerializeToString())
    for kind, protos in (("input", values), ("output", results)):
        for i, proto in enumerate(protos):
            if isinstance(proto, np.ndarray):
                proto = numpy_helper.from_array(proto, f"{kind}_{i}")
            (folder / f"{kind}_{i}.pb").write_bytes(proto.SerializeToString())


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def unary(op, **options):
    return helper.make_node(op, ["x"], ["y"], **options)


def typed(kind, shape, values):
    """A tensor in the list for its type, not in raw_data."""
    return helper.make_tensor("t", kind, shape, values)


shutil.rmtree(FOLDER, ignore_errors=True)
X = np.array([[1, -2, 3], [-4, np.nan, 6]], np.float32)
RELU = np.maximum(X, 0)
ONE_IN, ONE_OUT = [tensor("x", [2, 3])], [tensor("y", [2, 3])]

write("test_equal", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU])
write("test_near", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU * np.float32(1.0009)])
write("test_far", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU * np.float32(1.01)])
write("test_other_type", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU.astype(np.float64)])
write("test_other_shape", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU.reshape(3, 2)])
write("test_free_dimension", unary("Relu"), [tensor("x", ["n", 3])], [tensor("y", ["n", 3])],
      [X], [RELU])
write("test_shape_is_input", helper.make_node("Reshape", ["x", "shape"], ["y"]),
      [ONE_IN[0], tensor("shape", [2], TensorProto.INT64)], [tensor("y", None)],
      [X, np.array([3, -1])], [X.reshape(3, 2)])
write("test_two_sets", unary("Neg"), ONE_IN, ONE_OUT, [X], [-X])
second = FOLDER / "test_two_sets/test_data_set_1"
shutil.copytree(FOLDER / "test_two_sets/test_data_set_0", second)
(second / "output_0.pb").write_bytes(numpy_helper.from_array(X).SerializeToString())
write("test_integers", unary("Neg"), [tensor("x", [2], TensorProto.INT64)],
      [tensor("y", [2], TensorProto.INT64)], [np.array([1000000, 5])], [np.array([-1000001, -5])])
write("test_typed_lists", unary("Cast", to=TensorProto.FLOAT),
      [tensor("x", [2, 2], TensorProto.FLOAT16)], [tensor("y", [2, 2])],
      [typed(TensorProto.FLOAT16, [2, 2], [1.5, -2, 3, 65504])],
      [typed(TensorProto.FLOAT, [2, 2], [1.5, -2, 3, 65504])])
write("test_packed", unary("Cast", to=TensorProto.FLOAT), [tensor("x", [3], TensorProto.INT4)],
      [tensor("y", [3])], [typed(TensorProto.INT4, [3], [-8, 7, 1])],
      [np.array([-8, 7, 1], np.float32)])
write("test_booleans", unary("Not"), [tensor("x", [3], TensorProto.BOOL)],
      [tensor("y", [3], TensorProto.BOOL)], [np.array([True, False, True])],
      [np.array([False, True, False])])
write("test_strings", unary("Identity"), [tensor("x", [1], TensorProto.STRING)],
      [tensor("y", [1], TensorProto.STRING)], [np.array(["a"], object)], [np.array(["a"], object)])
sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2, 3])
many = SequenceProto(name="s", elem_type=SequenceProto.TENSOR,
                     tensor_values=[numpy_helper.from_array(X)])
write("test_sequence", unary("SequenceLength"), [sequence], [tensor("y", [], TensorProto.INT64)],
      [many], [np.array(1)])
maybe = OptionalProto(name="o", elem_type=OptionalProto.TENSOR,
                      tensor_value=numpy_helper.from_array(X))
write("test_optional_data", unary("Relu"), ONE_IN, ONE_OUT, [maybe], [RELU])
write("test_unknown_operator", unary("Frobnicate", domain="org.example"), ONE_IN, ONE_OUT, [X], [X],
      [helper.make_opsetid("org.example", 1)])
write("test_truncated", unary("Relu"), ONE_IN, ONE_OUT, [X], [RELU])
broken = FOLDER / "test_truncated/model.onnx"
broken.write_bytes(broken.read_bytes()[:-20])
