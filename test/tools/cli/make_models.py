"""Writes small models and their inputs and outputs into a folder.

dense.onnx         y = relu(x w + b), x of shape [batch, 4]
two_inputs.onnx    y = p + q, both [2, 3]
unsupported.onnx   one node of a domain that nobody knows
dense.npz          in/x, out/y of dense.onnx for a batch of 2
wrong.npz          the same with one element of out/y changed
two_inputs.npz     in/p, in/q, out/y
no_outputs.npz     in/x only
x.npy, x64.npy     x as float32 and float64
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(name, nodes, inputs, outputs, initializers=(), opsets=(("", 17),)):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8,
                              producer_name="make_models")
    onnx.save(model, folder / f"{name}.onnx")


w = (np.arange(12, dtype=np.float32).reshape(4, 3) - 6) / 8
b = np.array([0.5, -0.5, 0.25], np.float32)
save("dense",
     [helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="gemm"),
      helper.make_node("Relu", ["h"], ["y"], name="relu")],
     [tensor("x", ["batch", 4])], [tensor("y", ["batch", 3])],
     [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")])
save("two_inputs", [helper.make_node("Add", ["p", "q"], ["y"])],
     [tensor("p", [2, 3]), tensor("q", [2, 3])], [tensor("y", [2, 3])])
save("unsupported",
     [helper.make_node("Frobnicate", ["x"], ["y"], name="frob", domain="com.example")],
     [tensor("x", [2])], [tensor("y", [2])],
     opsets=(("", 17), ("com.example", 1)))

x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
y = np.maximum(x @ w + b, 0)
wrong = y.copy()
wrong[1, 2] += 0.5
np.savez(folder / "dense.npz", **{"in/x": x, "out/y": y})
np.savez(folder / "wrong.npz", **{"in/x": x, "out/y": wrong})
np.savez(folder / "no_outputs.npz", **{"in/x": x})
np.savez(folder / "other_output.npz", **{"in/x": x, "out/yy": y})
p, q = np.ones((2, 3), np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)
np.savez(folder / "two_inputs.npz", **{"in/p": p, "in/q": q, "out/y": p + q})
np.save(folder / "x.npy", x)
np.save(folder / "x64.npy", x.astype(np.float64))
