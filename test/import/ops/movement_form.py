#!/usr/bin/env python3
"""Models whose operators of movement do not fit: movement_form.py FOLDER"""
import os, sys
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def model(name, op, shapes, constants=(), opset=21, outputs=1, kinds={}, **attrs):
    inputs = [helper.make_tensor_value_info(f'x{i}', kinds.get(i, TensorProto.FLOAT), s) for i, s in enumerate(shapes)]
    known = [numpy_helper.from_array(np.array(c, np.int64), f'c{i}') for i, c in enumerate(constants)]
    results = [f'y{i}' for i in range(outputs)]
    node = helper.make_node(op, [i.name for i in inputs] + [k.name for k in known], results, 'the_node', **attrs)
    graph = helper.make_graph([node], name, inputs, [helper.make_tensor_value_info(r, TensorProto.FLOAT, None) for r in results], known)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=10), os.path.join(sys.argv[1], name + '.onnx'))


int64 = TensorProto.INT64
model('late_slice', 'Slice', [[4], [1], [1]], kinds={1: int64, 2: int64})
model('no_step', 'Slice', [[4]], [[0], [4], [0], [0]])
model('parts', 'Split', [[5]], [[2, 2]], outputs=2)
model('late_pad', 'Pad', [[4], [2]], kinds={1: int64})
model('expand', 'Expand', [[3]], [[2, 4]])
model('gather', 'Gather', [[3]], [[3]])
model('gather_nd', 'GatherND', [[2, 3]], [[[0]]], batch_dims=-1)
model('scatter', 'ScatterND', [[4], [1, 1], [2]], kinds={1: int64})
model('late_k', 'TopK', [[4], [1]], outputs=2, kinds={1: int64})
model('boxes', 'NonMaxSuppression', [[1, 6, 4], [1, 1, 6]])
model('filter', 'NonZero', [[4]])
model('both', 'Resize', [[1, 1, 4, 4], [0], [4], [4]], kinds={3: int64})
model('region', 'RoiAlign', [[1, 1, 4, 4], [2, 5], [2]], kinds={2: int64})
