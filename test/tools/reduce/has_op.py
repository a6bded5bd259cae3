"""Exits with 0 if the model, which has to be valid, holds a node of this operator."""
import sys

import onnx

path, operator = sys.argv[1:3]
onnx.checker.check_model(path)
model = onnx.load(path)
sys.exit(0 if any(node.op_type == operator for node in model.graph.node) else 1)
