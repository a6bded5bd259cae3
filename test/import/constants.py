#!/usr/bin/env python3
"""Constants arrive with the bytes that they have in the file.

usage: constants.py ADZE_IMPORT FOLDER

Every data type, small (in the IR) and large (in the weight store), written as raw_data, as a typed list, and as
external data; and the other forms of Constant. The expected bytes are those of numpy_helper, which packs sub-byte
elements as the weight store does.
"""
import hashlib, os, subprocess, sys
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

T = TensorProto
# MLIR names of element types.
NAMES = {T.FLOAT: 'f32', T.UINT8: 'ui8', T.INT8: 'i8', T.UINT16: 'ui16', T.INT16: 'i16', T.INT32: 'i32', T.INT64: 'i64',
         T.BOOL: 'i1', T.FLOAT16: 'f16', T.DOUBLE: 'f64', T.UINT32: 'ui32', T.UINT64: 'ui64', T.COMPLEX64: 'complex<f32>',
         T.COMPLEX128: 'complex<f64>', T.BFLOAT16: 'bf16', T.FLOAT8E4M3FN: 'f8E4M3FN', T.FLOAT8E4M3FNUZ: 'f8E4M3FNUZ',
         T.FLOAT8E5M2: 'f8E5M2', T.FLOAT8E5M2FNUZ: 'f8E5M2FNUZ', T.UINT4: 'ui4', T.INT4: 'i4', T.FLOAT4E2M1: 'f4E2M1FN',
         T.FLOAT8E8M0: 'f8E8M0FNU', T.UINT2: 'ui2', T.INT2: 'i2', T.FLOAT6E2M3: 'f6E2M3FN', T.FLOAT6E3M2: 'f6E3M2FN'}


def values(kind, count, rng):
    """An array of the type's numpy form."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if kind == T.BOOL:
        return rng.integers(0, 2, count).astype(bool)
    if kind in (T.COMPLEX64, T.COMPLEX128):
        return (rng.standard_normal(count) + 1j * rng.standard_normal(count)).astype(dtype)
    if dtype.kind in 'iu' and dtype.itemsize in (1, 2, 4, 8) and kind not in (T.INT4, T.UINT4, T.INT2, T.UINT2):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, count, dtype=dtype, endpoint=True)
    low, high = {T.UINT4: (0, 15), T.INT4: (-8, 7), T.UINT2: (0, 3), T.INT2: (-2, 1), T.FLOAT8E8M0: (1, 4)}.get(kind, (-3, 3))
    return rng.integers(low, high, count, endpoint=True).astype(np.float32).astype(dtype)


def cases(folder):
    """Pairs of a tensor and (MLIR type, bytes)."""
    rng = np.random.default_rng(7)
    external = b''
    for kind, element in NAMES.items():
        for count in (0, 1, 5, 3001):
            array = values(kind, count, rng)
            plain = numpy_helper.from_array(array)
            assert plain.data_type == kind, (plain.data_type, kind)
            expected = (f'tensor<{count}x{element}>', plain.raw_data)

            def named(form):
                tensor = TensorProto()
                tensor.CopyFrom(plain)
                tensor.name = f'{element}_{count}_{form}'
                return tensor
            yield named('raw'), expected
            if count == 0:
                continue
            typed = named('typed')
            typed.ClearField('raw_data')
            if kind in (T.UINT4, T.INT4, T.FLOAT4E2M1, T.UINT2, T.INT2):
                typed.int32_data.extend(plain.raw_data)
            elif kind in (T.FLOAT6E2M3, T.FLOAT6E3M2):
                bits = int.from_bytes(plain.raw_data, 'little')
                typed.int32_data.extend((bits >> (6 * i)) & 63 for i in range(count))
            elif kind in (T.FLOAT, T.COMPLEX64):
                typed.float_data.extend(array.view(np.float32))
            elif kind in (T.DOUBLE, T.COMPLEX128):
                typed.double_data.extend(array.view(np.float64))
            elif kind == T.INT64:
                typed.int64_data.extend(array)
            elif kind in (T.UINT32, T.UINT64):
                typed.uint64_data.extend(array)
            elif kind in (T.INT32, T.INT16, T.INT8, T.UINT16, T.UINT8, T.BOOL):
                typed.int32_data.extend(int(v) for v in array)
            else:
                typed.int32_data.extend(array.view(np.uint16 if array.itemsize == 2 else np.uint8))
            yield typed, expected
            elsewhere = named('external')
            elsewhere.ClearField('raw_data')
            elsewhere.data_location = T.EXTERNAL
            for key, value in (('location', 'data.bin'), ('offset', len(external)), ('length', len(plain.raw_data))):
                elsewhere.external_data.add(key=key, value=str(value))
            external += plain.raw_data + b'\xee'
            yield elsewhere, expected
    with open(os.path.join(folder, 'data.bin'), 'wb') as f:
        f.write(external)


def nodes():
    """Triples of a Constant node, MLIR type and bytes (or text)."""
    def constant(**attributes):
        return helper.make_node('Constant', [], [next(iter(attributes))], **attributes)
    yield constant(value_int=-5), 'tensor<i64>', np.int64(-5).tobytes()
    yield constant(value_float=1.5), 'tensor<f32>', np.float32(1.5).tobytes()
    yield constant(value_ints=[1, -2, 3]), 'tensor<3xi64>', np.array([1, -2, 3]).tobytes()
    yield constant(value_floats=[0.5] * 400), 'tensor<400xf32>', np.full(400, .5, np.float32).tobytes()
    yield constant(value_string='hello'), 'tensor<!onnx.string>', 'hello'
    yield constant(value_strings=['a', 'b']), 'tensor<2x!onnx.string>', 'a,b'
    sparse = helper.make_sparse_tensor(numpy_helper.from_array(np.array([7, 9], np.float32), 's'),
                                       numpy_helper.from_array(np.array([[0, 1], [1, 2]]), 'i'), [2, 3])
    yield constant(sparse_value=sparse), 'tensor<2x3xf32>', np.array([0, 7, 0, 0, 0, 9], np.float32).tobytes()


def main():
    tool, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    tensors, expected, body = [], {}, []
    for tensor, (kind, data) in cases(folder):
        tensors.append(tensor)
        expected[tensor.name] = (kind, hashlib.sha256(data).hexdigest())
    for node, kind, data in nodes():
        node.name = node.output[0]
        body.append(node)
        expected[node.name] = (kind, data if isinstance(data, str) else hashlib.sha256(data).hexdigest())
    names = list(expected)
    body += [helper.make_node('Identity', [name], ['out_' + name]) for name in names]
    outputs = [onnx.ValueInfoProto(name='out_' + name) for name in names]
    graph = helper.make_graph(body, 'constants', [], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 25)])
    path = os.path.join(folder, 'model.onnx')
    with open(path, 'wb') as f:
        f.write(model.SerializeToString())
    done = subprocess.run([tool, path, '--constants'], capture_output=True, text=True)
    print(done.stderr, end='')
    found = {}
    for line in done.stdout.splitlines():
        name, kind, value = line.split(' ')
        found[name] = (kind, value)
    bad = [name for name in names if found.get(name) != expected[name]]
    for name in bad:
        print('FAIL', name, expected[name], found.get(name))
    print(f'{len(names) - len(bad)} of {len(names)} constants as expected')
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
