#!/usr/bin/env python3
"""Operators that move, index, select and generate, against onnxruntime or ONNX's reference implementation.

usage: movement.py FOLDER [SEED]

Writes models with data in the form of ONNX's node tests, one for each operator and opset, of many nodes each: shapes,
types and attributes are drawn at random, among them what the examples of ONNX leave out.
"""
import json, os, sys
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
TYPES = [np.float32, np.float64, np.float16, np.int8, np.uint8, np.int32, np.int64, np.bool_]
groups = {}


def case(op, inputs, opset, outputs=1, constants=(), engine='runtime', precise=True, name='', **attrs):
    """One node; `constants` are the numbers of the inputs that stand in the model."""
    key = f'{op}_{opset}{name}'.lower()
    groups.setdefault(key, []).append((op, inputs, outputs, opset, constants, engine, precise, attrs))


def some(shape, dtype=np.float32):
    if np.dtype(dtype) == np.bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0 if np.iinfo(dtype).min == 0 else -50, 50, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def shape_of(low, high, size=5):
    return [int(i) for i in rng.integers(1, size + 1, rng.integers(low, high + 1))]


def i64(*values):
    return np.array(values, np.int64)


def slices():
    for opset in (9, 10, 13):
        for k in range(24):
            shape = shape_of(1, 4, 6)
            axes = [int(a) for a in rng.permutation(len(shape))[:rng.integers(1, len(shape) + 1)]]
            starts = [int(rng.integers(-8, 9)) for _ in axes]
            ends = [int(rng.choice([rng.integers(-8, 9), 2**63 - 1 if opset > 9 else 2**31 - 1])) for _ in axes]
            steps = [int(rng.choice([1, 1, 2, 3, -1, -2, 100])) for _ in axes]
            if opset < 10:
                case('Slice', [some(shape)], opset, axes=axes, starts=starts, ends=ends)
                continue
            for i, step in enumerate(steps):  # a start outside goes to the nearest element; onnxruntime and numpy differ on it
                if step < 0:
                    starts[i] = int(rng.integers(0, shape[axes[i]]))
                    ends[i] = int(rng.choice([-2**63 + 1, rng.integers(-8, 9)]))
            negative = [a - len(shape) if rng.integers(2) else a for a in axes]
            dtype = TYPES[k % len(TYPES)]
            case('Slice', [some(shape, dtype), i64(*starts), i64(*ends), i64(*negative), i64(*steps)], opset, constants=(1, 2, 3, 4))


def splits():
    for opset in (7, 11, 13, 18):
        for k in range(8):
            shape = shape_of(1, 4, 4)
            axis = int(rng.integers(len(shape)))
            sizes = [int(s) for s in rng.integers(0, 4, rng.integers(1, 4))]
            shape[axis] = sum(sizes)
            if opset < 13:
                case('Split', [some(shape)], opset, outputs=len(sizes), axis=axis, split=sizes)
            else:
                case('Split', [some(shape, TYPES[k]), i64(*sizes)], opset, outputs=len(sizes), constants=(1,), axis=axis - len(shape))
    case('Split', [some([2, 7])], 18, outputs=3, axis=1, num_outputs=3)


def pads():
    for opset in (7, 11, 13, 18, 19, 21):
        for k in range(12):
            shape = shape_of(1, 4, 5)
            mode = str(rng.choice(['constant', 'edge', 'reflect'] + (['wrap'] if opset >= 19 else [])))
            amounts = [int(rng.integers(0, max(1, s))) for s in shape * 2]
            if mode == 'constant':
                amounts = [int(rng.integers(-(s // 3), 4)) for s in shape * 2]
            if opset < 11:
                case('Pad', [some(shape)], opset, mode=mode, pads=amounts, **({'value': 2.5} if mode == 'constant' else {}))
                continue
            dtype = TYPES[k % 7] if opset >= 13 else np.float32
            inputs = [some(shape, dtype), i64(*amounts)]
            if mode == 'constant' and k % 2:
                inputs.append(np.array(3, dtype))
            if opset >= 18 and k % 3 == 0:
                axes = [int(a) for a in rng.permutation(len(shape))[:rng.integers(1, len(shape) + 1)]]
                picked = [amounts[a] for a in axes] + [amounts[a + len(shape)] for a in axes]
                inputs = [inputs[0], i64(*picked), inputs[2] if len(inputs) > 2 else None, i64(*axes)]
            case('Pad', inputs, opset, constants=(1, 3), mode=mode)


def repeats():
    for opset in (8, 13):
        for k in range(10):
            shape = shape_of(1, 4, 3)
            wanted = [s if rng.integers(2) else 1 for s in shape]
            given = [1 if rng.integers(3) == 0 else s for s in shape]
            wanted = shape_of(0, 2, 3) + [int(rng.integers(1, 4)) if g == 1 else w for g, w in zip(given, wanted)]
            case('Expand', [some(given, TYPES[k % 8]), i64(*wanted)], opset, constants=(1,))
            case('Tile', [some(shape, TYPES[k % 8]), i64(*rng.integers(0 if k == 7 else 1, 4, len(shape)))], opset, constants=(1,))
    for mode in ('DCR', 'CRD'):
        case('DepthToSpace', [some([2, 12, 3, 5])], 13, blocksize=2, mode=mode)
    case('SpaceToDepth', [some([2, 3, 6, 9])], 13, blocksize=3)


def gathers():
    for k in range(20):
        shape = shape_of(1, 4, 5)
        axis = int(rng.integers(len(shape)))
        kind = np.int32 if k % 2 else np.int64
        indices = rng.integers(-shape[axis], shape[axis], shape_of(0, 3, 4)).astype(kind)
        case('Gather', [some(shape, TYPES[k % 8]), indices], 13, constants=(1,) if k % 3 == 0 else (), axis=axis - len(shape) * (k % 2))
        like = [int(rng.integers(1, s + 1)) for s in shape]
        like[axis] = int(rng.integers(1, 7))
        case('GatherElements', [some(shape, TYPES[k % 8]), rng.integers(-shape[axis], shape[axis], like).astype(kind)], 13, axis=axis)
    case('Gather', [some([4, 6]), i64(1, 3, 5)], 13, constants=(1,), axis=1)
    case('Gather', [some([4, 6]), i64(5, 3, 1)], 13, constants=(1,), axis=1)
    case('Gather', [some([4, 6]), i64(-1)], 13, constants=(1,), axis=1)
    for k in range(10):
        shape = shape_of(2, 4, 4)
        batch = int(rng.integers(0, len(shape) - 1))
        depth = int(rng.integers(1, len(shape) - batch + 1))
        outer = shape[:batch] + shape_of(1, 2, 3)
        indices = np.stack([rng.integers(-shape[batch + d], shape[batch + d], outer) for d in range(depth)], -1)
        case('GatherND', [some(shape, TYPES[k % 8]), indices.astype(np.int64)], 13, batch_dims=batch)
    for time in (0, 1):
        for k in range(3):
            shape = [4, 5] + shape_of(0, 2, 3)
            lengths = rng.integers(1, shape[time] + 1, shape[1 - time]).astype(np.int64)
            case('ReverseSequence', [some(shape), lengths], 10, time_axis=time, batch_axis=1 - time)


def scatters():
    kinds = {11: ['none'], 16: ['none', 'add', 'mul'], 18: ['none', 'add', 'mul', 'min', 'max']}
    for opset, reductions in kinds.items():
        for k in range(14):
            shape = shape_of(1, 4, 4)
            axis = int(rng.integers(len(shape)))
            how = reductions[k % len(reductions)]
            attrs = {} if opset == 11 else {'reduction': how}
            dtype = [np.float32, np.int32, np.float64, np.uint8, np.int64][k % 5]
            like = [int(rng.integers(1, s + 1)) for s in shape]
            if how == 'none':  # without repeated indices
                indices = np.argsort(rng.random(like[:axis] + [shape[axis]] + like[axis + 1:]), axis).take(range(like[axis]), axis)
                indices = indices - shape[axis] * rng.integers(0, 2, like)
            else:
                indices = rng.integers(-shape[axis], shape[axis], like)
            case('ScatterElements', [some(shape, dtype), indices.astype(np.int64), some(like, dtype)], opset, axis=axis, **attrs)
            depth = int(rng.integers(1, len(shape) + 1))
            count = int(np.prod(shape[:depth]))
            picked = rng.permutation(count)[:rng.integers(1, count + 1)] if how == 'none' else rng.integers(0, count, 5)
            indices = np.stack(np.unravel_index(picked, shape[:depth]), -1).astype(np.int64)
            case('ScatterND', [some(shape, dtype), indices, some([len(picked)] + shape[depth:], dtype)], opset, **attrs)
    case('Scatter', [some([3, 3]), i64(1, 0, 2, 0, 2, 1).reshape(2, 3), some([2, 3])], 9, axis=0)


def selections():
    for opset in (7, 12, 13):
        for k in range(8):
            shape = shape_of(1, 4, 5)
            axis = int(rng.integers(len(shape)))
            last = {'select_last_index': k // 2 % 2} if opset >= 12 else {}
            x = rng.integers(0, 4, shape).astype([np.float32, np.int32][k % 2 if opset > 7 else 0])
            for op in ('ArgMax', 'ArgMin'):
                case(op, [x], opset, axis=axis, keepdims=k % 2, **last)
    for opset in (9, 10, 11, 24):
        for k in range(8):
            shape = shape_of(1, 4, 7)
            axis = int(rng.integers(len(shape)))
            count = int(rng.integers(1, shape[axis] + 1))
            x = rng.integers(0, 5, shape).astype(np.float32)
            if opset < 10:
                case('TopK', [x], opset, outputs=2, axis=axis, k=count)
            elif opset < 11:
                case('TopK', [x, i64(count)], opset, outputs=2, constants=(1,), axis=axis)
            else:
                x = rng.integers(0, 5, shape).astype([np.float32, np.int64, np.int32, np.float64][k % 4])
                case('TopK', [x, i64(count)], opset, outputs=2, constants=(1,), axis=axis, largest=k % 2,
                     engine='runtime' if opset < 24 else 'reference')
    for k in range(12):
        shape = shape_of(1, 4, 5)
        axis = int(rng.integers(len(shape)))
        case('CumSum', [some(shape, [np.float32, np.float64, np.int32, np.int64][k % 4]), np.array(axis - len(shape) * (k % 2), np.int32)], 14,
             constants=(1,), exclusive=k // 2 % 2, reverse=k // 4 % 2)
    for opset in (7, 11, 13):
        for k in range(4):
            shape = shape_of(1 if opset > 12 else 2, 4, 4)
            case('Hardmax', [rng.integers(0, 3, shape).astype(np.float32)], opset, axis=int(rng.integers(len(shape))))
    for opset in (9, 11):
        for k in range(8):
            shape = shape_of(1, 3, 4)
            depth = int(rng.integers(1, 6))
            values = [i64(2, 7), np.array([-1, 1], np.float32)][k % 2]
            indices = rng.integers(-depth - 1, depth + 2, shape).astype(np.int64)
            case('OneHot', [indices, i64(depth), values], opset, constants=(1,), axis=int(rng.integers(-len(shape) - 1, len(shape) + 1)))


def generators():
    for k in range(8):
        shape = shape_of(2, 4, 5)
        case('Trilu', [some(shape, TYPES[[0, 1, 5, 6, 7][k % 5]]), np.array(rng.integers(-4, 5), np.int64)], 14, constants=(1,) if k % 2 else (), upper=k // 2 % 2)
        case('EyeLike', [some(shape[:2], np.int32)], 9, dtype=[1, 6, 7, 11][k % 4], k=int(rng.integers(-3, 4)))
    for value in ([1.5], [3], [True]):
        tensor = helper.make_tensor('v', {float: 1, int: 7, bool: 9}[type(value[0])], [1], value)
        case('ConstantOfShape', [i64(*shape_of(0, 3))], 9, constants=(0,), value=tensor)
    for first, limit, step in ((0, 10, 3), (10, -3, -4), (5, 5, 1), (7, 2, 1)):
        for dtype in (np.int64, np.int32, np.int16, np.float32, np.float64):
            case('Range', [np.array(v, dtype) for v in (first, limit, step)], 11, constants=(0, 1, 2))
    case('Range', [np.array(v, np.float32) for v in (0.5, 3.1, 0.25)], 11, constants=(0, 1, 2))
    for opset in (9, 11):
        for axis in (0, 1, 2):
            x = some([3, 4, 2])
            case('Compress', [x, rng.integers(0, 2, x.shape[axis]).astype(bool)], opset, constants=(1,), axis=axis)
        case('Compress', [some([3, 4]), rng.integers(0, 2, 9).astype(bool)], opset, constants=(1,))
    case('NonZero', [rng.integers(0, 2, [3, 4, 2]).astype(np.int64)], 13, constants=(0,))
    for k in range(4):
        attrs = {'axis': k // 2} if k < 3 else {}
        case('Unique', [rng.integers(0, 2, [5, 2]).astype([np.float32, np.int64][k % 2])], 11, outputs=4, constants=(0,), sorted=k % 2, **attrs)
    for k in range(6):
        shape = shape_of(2, 3, 6)
        case('CenterCropPad', [some(shape), i64(*rng.integers(1, 9, len(shape)))], 18, constants=(1,), engine='reference')


def resizes():
    nearest = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']
    coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric']
    for k in range(24):
        shape = [1, 2] + [int(s) for s in rng.integers(2, 7, 2)]
        sizes = shape[:2] + [int(s) for s in rng.integers(1, 13, 2)]
        scales = np.array([1, 1] + list(rng.choice([0.5, 0.75, 1.25, 2, 3, 4], 2)), np.float32)
        for opset in (11, 13, 18):
            for mode in ('nearest', 'linear', 'cubic'):
                attrs = dict(mode=mode, coordinate_transformation_mode=coordinates[k % 4])
                if mode == 'nearest':
                    attrs['nearest_mode'] = nearest[k // 4 % 4]
                if mode == 'cubic':
                    attrs.update(cubic_coeff_a=[-0.75, -0.5][k % 2], exclude_outside=k // 8 % 2)
                roi, none = np.array([], np.float32), np.array([], np.float32)
                given = [roi, none if opset < 13 else None, i64(*sizes)] if k % 2 else [roi, scales]
                case('Resize', [some(shape)] + given, opset, constants=(1, 2, 3), engine='reference', precise=False, name='_' + mode, **attrs)
    for k in range(8):
        shape = [1, 1] + [int(s) for s in rng.integers(4, 9, 2)]
        for mode in ('linear', 'cubic'):
            case('Resize', [some(shape), None, None, i64(*rng.integers(2, 7, 2))], 18, constants=(3,), engine='reference', precise=False,
                 name='_antialias', mode=mode, antialias=1, axes=[2, 3], keep_aspect_ratio_policy=['stretch', 'not_larger', 'not_smaller'][k % 3])
    for k in range(4):
        case('Resize', [some([2, 1, 3, 4]), None, np.array([2.6, 1.7], np.float32)], 19, constants=(2,), engine='reference', precise=False,
             name='_symmetric', mode=['linear', 'cubic'][k % 2], axes=[2, 3], coordinate_transformation_mode='half_pixel_symmetric')
    for dtype in (np.uint8, np.int8, np.float16, np.float64):
        case('Resize', [some([1, 2, 4, 5], dtype), None, np.array([1, 1, 2, 4], np.float32)], 13, constants=(2,), engine='reference', precise=False,
             name='_types', mode='linear')
    for mode in ('nearest', 'linear'):
        case('Upsample', [some([1, 2, 3, 4])], 7, precise=False, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
        case('Upsample', [some([1, 2, 3, 4]), np.array([1, 1, 2, 3], np.float32)], 9, precise=False, constants=(1,), mode=mode)
        for scale in (0.6, 1.7):
            case('Resize', [some([1, 2, 5, 4]), np.array([1, 1, scale, 2], np.float32)], 10, precise=False, constants=(1,), mode=mode)


def samples():
    for k in range(18):
        x, grid = some([2, 2, 4, 5]), (rng.random([2, 3, 4, 2]) * 3 - 1.5).astype(np.float32)
        for opset, modes in ((16, ['bilinear', 'nearest', 'bicubic']), (20, ['linear', 'nearest', 'cubic'])):
            padding = ['zeros', 'border', 'reflection'][k // 3 % 3]
            # At the border onnxruntime clamps both coordinates where one is outside.
            engine = 'reference' if opset > 16 and padding == 'border' else 'runtime'
            if opset > 16 or padding != 'border' or modes[k % 3] != 'bicubic':
                case('GridSample', [x, grid], opset, precise=False, engine=engine, name='_' + padding, mode=modes[k % 3], padding_mode=padding, align_corners=k // 9)
    for k in range(2):
        case('GridSample', [some([1, 2, 3, 4, 5]), (rng.random([1, 2, 3, 2, 3]) * 2.4 - 1.2).astype(np.float32)], 20, precise=False, align_corners=k)
    for k in range(6):
        corner = rng.random([3, 2]) * 6
        rois = np.concatenate([corner, corner + rng.random([3, 2]) * 8], 1).astype(np.float32)
        case('RoiAlign', [some([2, 2, 9, 10]), rois, rng.integers(0, 2, 3)], 16, precise=False, output_height=2, output_width=3, spatial_scale=0.75,
             sampling_ratio=k % 3, mode='avg', coordinate_transformation_mode=['half_pixel', 'output_half_pixel'][k % 2])
        case('RoiAlign', [some([2, 2, 9, 10]), rois, rng.integers(0, 2, 3)], 10, precise=False, output_height=2, output_width=3, sampling_ratio=k % 2, mode='avg')
        batched = np.concatenate([rng.integers(0, 2, [3, 1]), rois], 1).astype(np.float32)
        case('MaxRoiPool', [some([2, 2, 9, 10]), batched], 7, precise=False, pooled_shape=[2, 3], spatial_scale=0.5)
    case('MaxUnpool', [some([1, 1, 2, 2]), i64(1, 3, 8, 10).reshape(1, 1, 2, 2)], 11, kernel_shape=[2, 2], strides=[2, 2])
    for k in range(4):
        block, image = [2, 1 + k % 3], [5, 6]
        attrs = dict(dilations=[1 + k % 2, 1], pads=[k % 2, 0, 1, k % 3], strides=[1, 1 + k % 2])
        steps = [(image[i] + attrs['pads'][i] + attrs['pads'][i + 2] - attrs['dilations'][i] * (block[i] - 1) - 1) // attrs['strides'][i] + 1 for i in (0, 1)]
        case('Col2Im', [some([2, 3 * block[0] * block[1], steps[0] * steps[1]]), i64(*image), i64(*block)], 18, precise=False, constants=(1, 2), **attrs)
    for corners in (0, 1):
        case('AffineGrid', [some([2, 2, 3]), i64(2, 3, 4, 5)], 20, constants=(1,), engine='reference', precise=False, align_corners=corners)


def write(folder):
    index = []
    for key, cases in sorted(groups.items()):
        nodes, inputs, outputs, constants, given = [], [], [], [], {}
        for i, (op, arrays, count, opset, known, engine, precise, attrs) in enumerate(cases):
            names = []
            for j, array in enumerate(arrays):
                names.append('' if array is None else f'x{i}_{j}')
                if array is None:
                    continue
                tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), names[-1])
                if j in known:
                    constants.append(tensor)
                else:
                    inputs.append(helper.make_tensor_value_info(names[-1], tensor.data_type, array.shape))
                    given[names[-1]] = array
            results = [f'y{i}_{j}' for j in range(count)]
            outputs += [helper.make_empty_tensor_value_info(name) for name in results]
            nodes.append(helper.make_node(op, names, results, f'{op}_{i}', **attrs))
        graph = helper.make_graph(nodes, key, inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=10)
        if engine == 'runtime':
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            wanted = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider']).run(None, given)
        else:
            wanted = ReferenceEvaluator(model).run(None, given)
        del graph.output[:], model.graph.output[:]
        for info, array in zip(outputs, wanted):
            model.graph.output.append(helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
        path = os.path.join(folder, f'test_{key}')
        os.makedirs(os.path.join(path, 'test_data_set_0'), exist_ok=True)
        onnx.save(model, os.path.join(path, 'model.onnx'))
        for prefix, arrays in (('input', list(given.items())), ('output', [(o.name, a) for o, a in zip(outputs, wanted)])):
            for i, (name, array) in enumerate(arrays):
                with open(os.path.join(path, 'test_data_set_0', f'{prefix}_{i}.pb'), 'wb') as file:
                    file.write(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name).SerializeToString())
        index.append(dict(name=f'test_{key}', opset={'ai.onnx': opset}, ops=[op], rtol=0 if precise else 1e-4, atol=0 if precise else 1e-5, expanded=False))
    with open(os.path.join(folder, 'index.json'), 'w') as file:
        json.dump(index, file)


for family in (slices, splits, pads, repeats, gathers, scatters, selections, generators, resizes, samples):
    family()
write(sys.argv[1])
