#!/usr/bin/env python3
"""Small models for elementwise_form.test and elementwise_messages.test.

usage: elementwise_form.py FOLDER
"""
import os, sys
import numpy as np
from onnx import TensorProto as T, helper, numpy_helper, save


def model(name, op, types, result=T.FLOAT, constants={}, shapes=None, opset=23, **attrs):
    """One node; `types` of its inputs, `constants` those that stand in the model."""
    names = [f'x{i}' for i in range(len(types))]
    inputs = [helper.make_tensor_value_info(n, t, (shapes or {}).get(i, [2, 3]))
              for i, (n, t) in enumerate(zip(names, types)) if i not in constants]
    tensors = [numpy_helper.from_array(np.array(value), names[i]) for i, value in constants.items()]
    node = helper.make_node(op, names, ['y'], 'the_node', **attrs)
    graph = helper.make_graph([node], name, inputs, [helper.make_tensor_value_info('y', result, None)], tensors)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=10),
         os.path.join(sys.argv[1], name + '.onnx'))


F, I = T.FLOAT, T.INT32
model('relu', 'Relu', [F])
model('clip', 'Clip', [F, F, F], constants={1: np.float32(0), 2: np.float32(6)})
model('square', 'Pow', [F, F], constants={1: np.float32(2)})
model('third', 'Div', [I, I], result=I, constants={1: np.int32(3)})
model('half', 'Softplus', [T.FLOAT16], result=T.FLOAT16)
model('quantize', 'QuantizeLinear', [F, F, T.INT8], result=T.INT8, constants={1: np.float32(0.5), 2: np.int8(3)})
model('channels', 'DequantizeLinear', [T.INT8, F], constants={1: np.array([1, 2, 3], np.float32)})

model('no_broadcast', 'Add', [F, F], shapes={1: [4]})
model('direction', 'BitShift', [T.UINT8, T.UINT8], result=T.UINT8, direction='UP')
model('slope', 'PRelu', [F, F], shapes={1: [5, 2, 3]}, opset=16)
model('bounds', 'Clip', [F, F, F], shapes={1: [], 2: [3]})
model('to_text', 'Cast', [F], result=T.STRING, to=T.STRING)
model('per_axis', 'QuantizeLinear', [F, F], result=T.UINT8, shapes={1: [4]})
model('blocks', 'DequantizeLinear', [T.INT8, F], shapes={1: [2, 2]}, block_size=4)
model('axis', 'DequantizeLinear', [T.INT8, F], shapes={1: [3]}, axis=2)
