#!/usr/bin/env python3
"""Recurrence, convolution, pooling, normalization, products and control flow, against onnxruntime.

usage: structure.py FOLDER [SEED]

Writes models with data in the form of ONNX's node tests: what the examples of ONNX leave out, such as sequences of
different lengths, clipping, groups, loops that end by a condition, bodies that read values from outside.
"""
import itertools, json, os, sys
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 5)
folder = sys.argv[1]
index = []


def some(*shape, dtype=np.float32):
    return rng.normal(size=shape).astype(dtype)


def tensor(name, array):
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name)


def save(name, nodes, given, constants, outputs, opset, engine='runtime', rtol=1e-4, atol=1e-5):
    given, constants = ({k: np.asarray(a) for k, a in d.items()} for d in (given, constants))

    def value(key, array):
        return helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
    graph = helper.make_graph(nodes, name, [value(k, a) for k, a in given.items()], [helper.make_empty_tensor_value_info(o) for o in outputs],
                              [tensor(k, a) for k, a in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    if engine == 'runtime':
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        wanted = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider']).run(None, given)
    else:
        wanted = ReferenceEvaluator(model).run(None, given)
    del model.graph.output[:]
    model.graph.output.extend(value(o, a) for o, a in zip(outputs, wanted))
    path = os.path.join(folder, f'test_{name}')
    os.makedirs(os.path.join(path, 'test_data_set_0'), exist_ok=True)
    onnx.save(model, os.path.join(path, 'model.onnx'))
    for prefix, arrays in (('input', given.items()), ('output', zip(outputs, wanted))):
        for i, (key, array) in enumerate(arrays):
            with open(os.path.join(path, 'test_data_set_0', f'{prefix}_{i}.pb'), 'wb') as file:
                file.write(tensor(key, array).SerializeToString())
    index.append(dict(name=f'test_{name}', opset={'ai.onnx': opset}, ops=[nodes[0].op_type], rtol=rtol, atol=atol, expanded=False))


def case(op, arrays, opset, outputs=1, constants=(), name='', engine='runtime', rtol=1e-4, atol=1e-5, **attrs):
    """One node. Absent inputs are None; `constants` are the numbers of the inputs that stand in the model."""
    names = ['' if a is None else f'x{i}' for i, a in enumerate(arrays)]
    results = [f'y{i}' for i in range(outputs)]
    node = helper.make_node(op, names, results, op, **attrs)
    given = {n: a for i, (n, a) in enumerate(zip(names, arrays)) if a is not None and i not in constants}
    fixed = {n: a for i, (n, a) in enumerate(zip(names, arrays)) if a is not None and i in constants}
    save(f'{op}_{opset}_{name or len(index)}'.lower(), [node], given, fixed, results, opset, engine, rtol, atol)


def recurrence():
    T, B, I, H = 5, 3, 4, 6
    lengths = np.array([5, 2, 3], np.int32)
    for gates, op in ((1, 'RNN'), (3, 'GRU'), (4, 'LSTM')):
        for direction in ('forward', 'reverse', 'bidirectional'):
            D = 2 if direction == 'bidirectional' else 1
            for k in range(3):
                arrays = [some(T, B, I), some(D, gates * H, I), some(D, gates * H, H), some(D, 2 * gates * H) if k else None,
                          lengths if k == 1 else None, some(D, B, H) if k else None]
                attrs = dict(hidden_size=H, direction=direction)
                if op == 'LSTM':
                    arrays += [some(D, B, H) if k else None, some(D, 3 * H) if k == 2 else None]
                    if k == 2:
                        attrs['input_forget'] = 1
                if op == 'GRU':
                    attrs['linear_before_reset'] = k % 2
                if k == 2:
                    attrs['clip'] = 0.7
                case(op, arrays, 14 if k else 7, outputs=3 if op == 'LSTM' else 2, constants=(1, 2, 3), **attrs)
    for f in ('Relu', 'LeakyRelu', 'ThresholdedRelu', 'ScaledTanh', 'HardSigmoid', 'Elu', 'Softsign', 'Softplus', 'Affine'):
        attrs = {} if f in ('Relu', 'Softsign', 'Softplus') else dict(activation_alpha=[0.7])
        if f in ('ScaledTanh', 'HardSigmoid', 'Affine'):
            attrs['activation_beta'] = [0.4]
        case('RNN', [some(T, B, I), some(1, H, I), some(1, H, H) * np.float32(0.3)], 14, outputs=2, constants=(1, 2), hidden_size=H, activations=[f], **attrs)
    case('LSTM', [some(T, B, I), some(2, 4 * H, I), some(2, 4 * H, H), some(2, 8 * H)], 14, outputs=3, constants=(1, 2, 3), hidden_size=H, direction='bidirectional',
         activations=['HardSigmoid', 'Tanh', 'Elu', 'Sigmoid', 'LeakyRelu', 'Tanh'], activation_alpha=[0.3, 0.9, 0.05], activation_beta=[0.4])
    case('GRU', [some(T, B, I, dtype=np.float64), some(1, 3 * H, I, dtype=np.float64), some(1, 3 * H, H, dtype=np.float64)], 14, outputs=2, engine='reference', hidden_size=H)


def convolutions():
    for k in range(12):
        group = [1, 2, 4][k % 3]
        attrs = dict(group=group, strides=[1 + k % 3, 1 + k // 3 % 3], dilations=[1 + k % 2, 1], pads=[k % 2, 0, 1, k % 3])
        arrays = [some(2, 4, 5, 6), some(4, 3, 3, 2), some(3 * group) if k % 2 else None]
        if k % 4 == 1:
            attrs['output_padding'] = [k % 3, k // 3 % 3]
        case('ConvTranspose', arrays, 11, constants=(1, 2) if k % 2 else (), **attrs)
    for pad in ('SAME_UPPER', 'SAME_LOWER', 'VALID'):
        case('ConvTranspose', [some(1, 2, 4, 5), some(2, 3, 3, 3)], 11, strides=[2, 2], auto_pad=pad)
        case('Conv', [some(1, 2, 7, 8), some(3, 2, 3, 2)], 11, strides=[2, 3], auto_pad=pad)
    case('ConvTranspose', [some(1, 2, 4, 5), some(2, 3, 3, 3)], 11, strides=[2, 2], output_shape=[9, 11])
    case('ConvTranspose', [some(2, 3, 7), some(3, 2, 4)], 11, strides=[3])
    case('ConvTranspose', [some(1, 2, 3, 4, 3), some(2, 2, 2, 3, 2)], 11, strides=[2, 1, 2])
    case('Conv', [some(2, 4, 9), some(6, 2, 3), some(6)], 11, group=2, pads=[2, 1], dilations=[2])
    for op in ('MaxPool', 'AveragePool'):
        for k in range(6):
            attrs = dict(kernel_shape=[3, 2], strides=[2, 1 + k % 3], pads=[1, k % 2, 1, 1], ceil_mode=k // 3)
            if op == 'AveragePool':
                attrs['count_include_pad'] = k % 2
            else:
                attrs['dilations'] = [1 + k % 2, 1]
            case(op, [some(2, 3, 8, 9)], 12 if op == 'MaxPool' else 11, outputs=2 if op == 'MaxPool' and k % 2 else 1, **attrs)
    case('MaxPool', [rng.integers(0, 255, (1, 2, 6, 6)).astype(np.uint8)], 12, kernel_shape=[2, 2])
    case('LpPool', [some(2, 3, 8)], 11, kernel_shape=[3], p=3)
    case('GlobalLpPool', [some(2, 3, 4, 5)], 7, p=1)


def normalizations():
    for size in (1, 2, 3, 4, 5):  # the reference loops over as many channels as there are batches
        case('LRN', [some(7, 7, 2, 3)], 13, engine='runtime' if size % 2 else 'reference', size=size, alpha=0.3, beta=0.6 if size % 2 else 0.75, bias=1.5)
    case('InstanceNormalization', [some(2, 3, 4, 5), some(3), some(3)], 7, epsilon=1e-3)
    case('BatchNormalization', [some(2, 3, 4), some(3), some(3), some(3), rng.random(3).astype(np.float32)], 9)
    case('BatchNormalization', [some(4, 3), some(3), some(3), some(3), rng.random(3).astype(np.float32)], 15, constants=(1, 2, 3, 4))
    case('LayerNormalization', [some(2, 3, 4, 5), some(4, 5), some(5)], 17, axis=-2)
    case('LayerNormalization', [some(2, 6), some(6)], 17, outputs=3)
    for axis, p in itertools.product((0, 1, -1), (1, 2)):
        case('LpNormalization', [some(3, 4, 2)], 7, axis=axis, p=p)
    case('MeanVarianceNormalization', [some(2, 3, 4, 5)], 13)


def byte(*shape, low=0, high=256, dtype=np.uint8):
    return rng.integers(low, high, shape).astype(dtype)


def scale(*shape):
    return (rng.random(shape) * 0.05 + 0.01).astype(np.float32)


def products():
    for equation, shapes in (('ij,jk', [[3, 4], [4, 5]]), ('bij,bjk->bik', [[2, 3, 4], [2, 4, 5]]), ('bhid,bhjd->bhij', [[2, 3, 4, 5], [2, 3, 6, 5]]),
                             ('ii->i', [[4, 4]]), ('ijk->kj', [[2, 3, 4]]), ('...ij,...jk->...ik', [[2, 1, 3, 4], [1, 5, 4, 2]]), ('i,j->ij', [[3], [4]]),
                             ('ij,ij->', [[3, 4], [3, 4]]), ('bi,ij,bj->b', [[2, 3], [3, 4], [2, 4]]), ('ba , c', [[2, 3], [4]]), ('ij,kj->ki', [[3, 4], [5, 4]]),
                             ('abc,cd->abd', [[2, 3, 4], [4, 5]]), ('abc,dbc->ad', [[2, 3, 4], [5, 3, 4]])):
        case('Einsum', [some(*s) for s in shapes], 12, equation=equation)
    case('MatMulInteger', [byte(3, 4), byte(4, 5), byte(), byte()], 10)
    case('MatMulInteger', [byte(2, 3, 4), byte(4, 5, low=-128, high=128, dtype=np.int8), byte(), byte(5, low=-9, high=9, dtype=np.int8)], 10, constants=(1, 3))
    case('ConvInteger', [byte(1, 2, 5, 5), byte(3, 2, 3, 3), byte(), byte()], 10, pads=[1, 1, 1, 1])
    for k in range(4):
        signed = dict(low=-128, high=128, dtype=np.int8)
        kind = signed if k % 2 else {}
        channels = (4,) if k > 1 else ()
        zero = np.zeros(channels, np.int8)
        case('QLinearConv', [byte(2, 4, 6, 6, **kind), scale(), byte(**kind), byte(4, 2, 3, 3, **signed), scale(*channels), zero, scale(), byte(**kind), byte(4, low=-999, high=999, dtype=np.int32)],
             10, constants=(1, 2, 3, 4, 5, 6, 7, 8), group=2, pads=[1, 0, 1, 0], atol=1)
        case('QLinearMatMul', [byte(2, 3, 4, **kind), scale(), byte(**kind), byte(4, 5, **kind), scale(), byte(**kind), scale(), byte(**kind)], 10, atol=1)
    for n in (1, 2, 5):
        case('Det', [some(3, n, n)], 11, rtol=1e-3)
    case('Gemm', [some(4, 3), some(5, 4), some(1, 5)], 13, transA=1, transB=1, alpha=0.5, beta=-2.0)
    case('Gemm', [some(3, 4), some(4, 5)], 11)
    case('MatMul', [some(4), some(2, 4, 3)], 13)
    case('MatMul', [some(2, 1, 3, 4), some(5, 4, 2)], 13)
    case('MatMul', [some(3, 4), some(4)], 13)
    case('MatMul', [byte(3, 4, dtype=np.int32), byte(4, 2, dtype=np.int32)], 13, engine='reference')
    for inverse, onesided, parts in ((0, 0, 1), (0, 1, 1), (1, 0, 2), (0, 0, 2)):
        case('DFT', [some(2, 9, 3, parts)], 17, engine='reference', axis=1, inverse=inverse, onesided=onesided)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def branches():
    """If on a value of the run: reads outer values, yields a constant, an input and results; one in the other."""
    F = TensorProto.FLOAT
    inner_then = helper.make_graph([helper.make_node('Mul', ['x', 'w'], ['p'])], 'inner_then', [], [value('p', F, [2, 3])])
    inner_else = helper.make_graph([helper.make_node('Identity', ['x'], ['o'])], 'inner_else', [], [value('o', F, [2, 3])])
    then = helper.make_graph([helper.make_node('MatMul', ['x', 'm'], ['a']), helper.make_node('If', ['d'], ['b'], then_branch=inner_then, else_branch=inner_else)],
                             'then', [], [value('a', F, [2, 3]), value('b', F, [2, 3]), value('k', F, [2])],
                             [tensor('m', some(3, 3)), tensor('k', np.float32([1, 2]))])
    other = helper.make_graph([helper.make_node('Relu', ['s'], ['r']), helper.make_node('ReduceMax', ['x'], ['q'], axes=[1], keepdims=0),
                               helper.make_node('Identity', ['x'], ['e'])],
                              'other', [], [value('e', F, [2, 3]), value('r', F, [2, 3]), value('q', F, [2])])
    for i, (c, d) in enumerate(itertools.product((False, True), repeat=2)):
        save(f'if_{i}', [helper.make_node('Sub', ['x', 'w'], ['s']), helper.make_node('If', ['c'], ['y0', 'y1', 'y2'], then_branch=then, else_branch=other),
                         helper.make_node('Add', ['y0', 's'], ['y3'])],
             dict(x=some(2, 3), c=np.array(c), d=np.array(d)), dict(w=some(3)), ['y0', 'y1', 'y2', 'y3'], 13)


def loops():
    F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
    # Doubles until the sum passes a bound: the number of rounds is only known at run time.
    body = helper.make_graph(
        [helper.make_node('Add', ['v', 'step'], ['t']), helper.make_node('Mul', ['t', 'two'], ['v_next']), helper.make_node('Add', ['n', 'one'], ['n_next']),
         helper.make_node('ReduceSum', ['v_next'], ['sum'], keepdims=0), helper.make_node('Less', ['sum', 'bound'], ['go'])],
        'body', [value('i', I, []), value('c', B, []), value('v', F, [3]), value('n', I, [1])],
        [value('go', B, []), value('v_next', F, [3]), value('n_next', I, [1])], [tensor('two', np.float32(2)), tensor('one', np.int64([1]))])
    for i, bound in enumerate((-1.0, 50.0, 1e6)):
        save(f'loop_until_{i}', [helper.make_node('Loop', ['', 'start', 'v0', 'n0'], ['v1', 'n1'], body=body)],
             dict(start=np.array(True), v0=np.float32([1, 2, 3]), step=np.float32([0.5, 0, 1]), bound=np.float32(bound)), dict(n0=np.int64([0])), ['v1', 'n1'], 13)
    save('loop_never', [helper.make_node('Loop', ['', 'start', 'v0', 'n0'], ['v1', 'n1'], body=body)],
         dict(start=np.array(False), v0=np.float32([1, 2, 3]), step=np.float32([0.5, 0, 1]), bound=np.float32(5)), dict(n0=np.int64([0])), ['v1', 'n1'], 13)
    # Two values that trade places, and collected ones; few rounds are written out, many are not.
    swap = helper.make_graph(
        [helper.make_node('Identity', ['c'], ['go']), helper.make_node('Add', ['a', 'x'], ['s']), helper.make_node('Cast', ['i'], ['f'], to=F),
         helper.make_node('Mul', ['b', 'f'], ['z'])],
        'swap', [value('i', I, []), value('c', B, []), value('a', F, [2]), value('b', F, [2])],
        [value('go', B, []), value('b', F, [2]), value('s', F, [2]), value('z', F, [2])])
    for rounds in (3, 1500):
        save(f'loop_swap_{rounds}', [helper.make_node('Loop', ['m', '', 'a0', 'b0'], ['a1', 'b1', 'all'], body=swap)],
             dict(a0=some(2), b0=some(2), x=some(2) * np.float32(0.01)), dict(m=np.int64(rounds)), ['a1', 'b1', 'all'], 13)
    scan = helper.make_graph([helper.make_node('Add', ['h', 'u'], ['h1']), helper.make_node('Tanh', ['h1'], ['h2']), helper.make_node('Mul', ['h2', 'v'], ['o'])],
                             'scan', [value('h', F, [3]), value('u', F, [3]), value('v', F, [3])], [value('h2', F, [3]), value('o', F, [3])])
    for length in (4, 900):
        save(f'scan_{length}', [helper.make_node('Scan', ['h0', 'u', 'v'], ['h', 'o'], body=scan, num_scan_inputs=2, scan_input_axes=[0, 1],
                                                 scan_input_directions=[1, 0], scan_output_axes=[1], scan_output_directions=[1])],
             dict(h0=some(3), u=some(length, 3), v=some(3, length)), {}, ['h', 'o'], 11)


for family in (recurrence, convolutions, normalizations, products, branches, loops):
    family()
with open(os.path.join(folder, 'index.json'), 'w') as file:
    json.dump(index, file)
