"""Prints a model, one line a node, after checking it: what a candidate looks like to others."""
import sys

import onnx

model = onnx.load(sys.argv[1])
onnx.checker.check_model(sys.argv[1])
graph = model.graph
for node in graph.node:
    print(node.op_type, node.name, ' '.join(node.input), '->', ' '.join(node.output))
print('inputs', ' '.join(value.name for value in graph.input))
print('outputs', ' '.join(value.name for value in graph.output))
print('initializers', ' '.join(tensor.name for tensor in graph.initializer))
