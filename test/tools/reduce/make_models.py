"""Models for reduce.test, each with about twenty nodes of which one is at fault."""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def save(name, nodes, inputs, outputs, initializers=(), value_info=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers), value_info=value_info)
    model = helper.make_model(
        graph, ir_version=8,
        opset_imports=[helper.make_opsetid('', 17), helper.make_opsetid('test.domain', 1)])
    onnx.save(model, os.path.join(folder, name + '.onnx'))


def tensor(name, shape=(4, 8)):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def chain(at, middle):
    """x -> Relu, Abs, ... -> y, with `middle` between the values at and at + 1 of v0, v1, ..."""
    ops = ['Relu', 'Abs', 'Neg', 'Sigmoid', 'Tanh', 'Exp']
    nodes, value = [], 'x'
    for i in range(18):
        if i == at:
            nodes += middle(value, f'v{i}')
        elif i % 5 == 4:
            # A branch: an earlier value comes back.
            nodes.append(helper.make_node('Add', [value, f'v{i - 3}'], [f'v{i}'], name=f'add{i}'))
        else:
            op = ops[i % len(ops)]
            nodes.append(helper.make_node(op, [value], [f'v{i}'], name=f'{op.lower()}{i}'))
        value = f'v{i}'
    nodes.append(helper.make_node('MatMul', [value, 'w'], ['y'], name='last'))
    nodes.append(helper.make_node('ReduceMean', ['v3'], ['side'], axes=[1], name='mean'))
    return nodes


weights = [helper.make_tensor('w', TensorProto.FLOAT, (8, 8), np.eye(8, dtype=np.float32).ravel().tolist()),
           helper.make_tensor('scale', TensorProto.FLOAT, (8,), list(range(1, 9)))]
outputs = [tensor('y'), tensor('side', (4, 1))]


def frobnicate(value, result):
    return [helper.make_node('Mul', [value, 'scale'], ['scaled'], name='scaled'),
            helper.make_node('Frobnicate', ['scaled'], [result], name='frob', domain='test.domain')]


save('unsupported', chain(9, frobnicate), [tensor('x')], outputs, weights, [tensor('v9')])

# The reshape needs its shape, which other nodes compute.
shaped = [
    helper.make_node('Relu', ['x'], ['a'], name='relu'),
    helper.make_node('Shape', ['a'], ['shape'], name='shape'),
    helper.make_node('Gather', ['shape', 'one'], ['columns'], name='columns'),
    helper.make_node('Concat', ['minus', 'columns'], ['target'], axis=0, name='target'),
    helper.make_node('Reshape', ['a', 'target'], ['b'], name='reshape'),
    helper.make_node('Tanh', ['b'], ['y'], name='tanh'),
]
save('shaped', shaped, [tensor('x', (2, 2, 8))], [tensor('y')],
     [helper.make_tensor('one', TensorProto.INT64, (1,), [2]),
      helper.make_tensor('minus', TensorProto.INT64, (1,), [-1])])

# Weights above the size that stays in a candidate, and a body that reads a value from outside.
big = np.arange(512 * 600, dtype=np.float32).reshape(512, 600) / 1e5


def branch(name, op):
    return helper.make_graph([helper.make_node(op, ['p'], [name + '_out'], name=name)], name, [],
                             [helper.make_tensor_value_info(name + '_out', TensorProto.FLOAT, (1, 600))])


save('large', [
    helper.make_node('Abs', ['x'], ['absolute'], name='absolute'),
    helper.make_node('MatMul', ['absolute', 'big'], ['p'], name='product'),
    helper.make_node('MatMul', ['p', 'other'], ['q'], name='other'),
    helper.make_node('If', ['c'], ['y'], name='choice', then_branch=branch('yes', 'Relu'),
                     else_branch=branch('no', 'Neg')),
], [tensor('x', (1, 512)), helper.make_tensor_value_info('c', TensorProto.BOOL, ())],
    [tensor('y', (1, 600)), tensor('q', (1, 600))],
    [onnx.numpy_helper.from_array(big, 'big'),
     onnx.numpy_helper.from_array(np.zeros((600, 600), np.float32), 'other')])
