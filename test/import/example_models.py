#!/usr/bin/env python3
"""Writes the models of structure.test.

usage: example_models.py FOLDER
"""
import os, sys
import numpy as np
from onnx import TensorProto, helper, numpy_helper, parser

FOLDER = sys.argv[1]
os.makedirs(FOLDER, exist_ok=True)


def save(name, model):
    with open(os.path.join(FOLDER, name + '.onnx'), 'wb') as f:
        f.write(model.SerializeToString())


def text(name, source):
    save(name, parser.parse_model(source))


# Initialisers that are inputs too (IR version 3) are constants; nodes out of order are sorted.
info = helper.make_tensor_value_info
weights = [numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), 'small'),
           numpy_helper.from_array(np.zeros((2, 500), np.uint8), 'large')]
graph = helper.make_graph(
    [helper.make_node('Cast', ['large'], ['f'], to=TensorProto.FLOAT),
     helper.make_node('MatMul', ['m', 'f'], ['y'], name='second'),
     helper.make_node('MatMul', ['x', 'small'], ['m'], name='first')],
    'initialisers', [info('small', TensorProto.FLOAT, (3, 2)), info('x', TensorProto.FLOAT, (1, 3)),
                     info('large', TensorProto.UINT8, (2, 500))],
    [info('y', TensorProto.FLOAT, (1, 500))], weights)
old = helper.make_model(graph, opset_imports=[helper.make_opsetid('ai.onnx', 9)], producer_name='by hand', producer_version='2')
old.ir_version = 3
save('initialisers', old)

text('omitted', '''
<ir_version: 8, opset_import: ["" : 17]>
omitted (float[1,4] x, float[2] high) => (float[1,4] y) {
  clipped = Clip (x, , high0)
  high0 = ReduceMax <keepdims = 0> (high)
  y, , = Dropout (clipped, , )
}
''')

# The body reads a value of the main graph (k) and a constant of its own.
text('loop', '''
<ir_version: 8, opset_import: ["" : 17]>
loop (float[2] x, int64 n) => (float[2] last, float[s,2] all) {
  t = Constant <value = bool {1}> ()
  k = Abs (x)
  last, all = Loop (n, t, x) <body = step (int64 i, bool c, float[2] a) => (bool d, float[2] b, float[2] e) {
    d = Identity (c)
    half = Constant <value_float = 0.5> ()
    p = Mul (a, half)
    b = Add (p, k)
    e = Identity (b)
  }>
}
''')

text('functions', '''
<ir_version: 9, opset_import: ["" : 17, "local" : 1, "com.example" : 3]>
functions (float[2] x) => (float[2] z) {
  y = local.scaled <factor = 3.0> (x)
  z = com.example.Wobble <speed = 2, names = ["a", "b"]> (y)
}
<domain: "local", opset_import: ["" : 17]>
scaled <factor: float = 2.0> (a) => (c) {
  f = Constant <value_float: float = @factor> ()
  c = Mul (a, f)
}
''')

text('shapes', '''
<ir_version: 8, opset_import: ["" : 17]>
shapes (float[batch,len,8] x, int64[batch] lengths) => (float[batch,p] y) {
  minus = Constant <value = int64[2] {0, -1}> ()
  y = Reshape (x, minus)
}
''')
