"""Writes a small quantized model, its data and an onnxruntime that lies.

quantized.onnx     y = dequantize(quantize(relu(conv(x)))), QDQ, of two layers
quantized.npz      in/x, out/y as onnxruntime computes it
lying_python       a Python in whose layers.npz the second layer is two steps off
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(1)
node = helper.make_node
constants = {
    "sx": np.float32(0.03), "zx": np.int8(3), "sw": np.float32(0.01), "zw": np.int8(0),
    "w": random.integers(-127, 128, (4, 3, 3, 3), dtype=np.int8),
    "sb": np.float32(0.0003), "zb": np.int32(0),
    "b": random.integers(-500, 500, 4, dtype=np.int32),
    "sy": np.float32(0.05), "zy": np.int8(-128),
}
graph = helper.make_graph(
    [node("QuantizeLinear", ["x", "sx", "zx"], ["xq"]),
     node("DequantizeLinear", ["xq", "sx", "zx"], ["xd"]),
     node("DequantizeLinear", ["w", "sw", "zw"], ["wd"]),
     node("DequantizeLinear", ["b", "sb", "zb"], ["bd"]),
     node("Conv", ["xd", "wd", "bd"], ["c"]),
     node("Relu", ["c"], ["r"]),
     node("QuantizeLinear", ["r", "sy", "zy"], ["yq"]),
     node("DequantizeLinear", ["yq", "sy", "zy"], ["y"])], "quantized",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 6, 6])],
    [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                          producer_name="make_quantized")
onnx.save(model, folder / "quantized.onnx")
x = random.normal(size=(1, 3, 8, 8)).astype(np.float32)
session = onnxruntime.InferenceSession(model.SerializeToString(),
                                       providers=["CPUExecutionProvider"])
np.savez(folder / "quantized.npz", **{"in/x": x, "out/y": session.run(["y"], {"x": x})[0]})
liar = folder / "lying_python"
liar.write_text(f"""#!{sys.executable}
import sys
import numpy
write = numpy.savez
def off(path, **arrays):
    if "out/yq" in arrays:
        arrays["out/yq"] = arrays["out/yq"] - numpy.sign(arrays["out/yq"]) * 2
    write(path, **arrays)
numpy.savez = off
script = sys.argv[2]
del sys.argv[:2]
exec(script)
""")
liar.chmod(0o755)
