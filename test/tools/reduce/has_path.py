"""Exits with 0 if the model, which has to be valid, computes an output by these operators in this
order, with any others between them."""
import sys

import onnx

path, *operators = sys.argv[1:]
onnx.checker.check_model(path)
graph = onnx.load(path).graph
# How many of the operators, counted from the first, lie on some path to a value.
progress = {}
for node in graph.node:
    reached = max((progress.get(name, 0) for name in node.input), default=0)
    if reached < len(operators) and node.op_type == operators[reached]:
        reached += 1
    for name in node.output:
        progress[name] = reached
sys.exit(0 if any(progress.get(output.name) == len(operators) for output in graph.output) else 1)
