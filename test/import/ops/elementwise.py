#!/usr/bin/env python3
"""Element-wise operators against numpy, in every type they take, with the values at which they go wrong.

usage: elementwise.py FOLDER

Writes models with data in the form of ONNX's node tests, one for each operator and precision; each holds a node for
every type and form of the operator. References are computed in a wider type and rounded once.
"""
import json, math, os, sys, zlib
import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

bf16 = ml_dtypes.bfloat16
f8 = [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz]
FLOATS = [np.float32, np.float64, np.float16, bf16]
SIGNED = [np.int8, np.int16, np.int32, np.int64]
UNSIGNED = [np.uint8, np.uint16, np.uint32, np.uint64]
INTS = SIGNED + UNSIGNED
# Relative and absolute tolerance; f32 also covers f64.
PRECISION = {'exact': (0, 0), 'f32': (3e-6, 1e-12), 'f16': (2e-3, 1e-7), 'bf16': (1.6e-2, 1e-30)}
groups = {}


def precision_of(array):
    return {np.dtype(np.float16): 'f16', np.dtype(bf16): 'bf16', np.dtype(np.float32): 'f32',
            np.dtype(np.float64): 'f32'}.get(array.dtype, 'exact')


def case(op, inputs, expected, opset=23, name=None, constants=(), **attrs):
    """One node. `constants` are the numbers of the inputs that stand in the model; a pair as the first input stands for
    its product."""
    outputs = expected if isinstance(expected, list) else [expected]
    finest = min((precision_of(o) for o in outputs), key=list(PRECISION).index)
    key = f'{name or op}_{finest}_{opset}'.lower()
    groups.setdefault(key, []).append((op, inputs, outputs, opset, finest, constants, attrs))


def rng(*seed):
    return np.random.default_rng(zlib.crc32(repr(seed).encode()))


def some_floats(dtype, low=-8, high=8, special=True):
    values = rng(np.dtype(dtype).name, low, high).uniform(low, high, 49)
    if special:
        edges = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-3, -1e-3, 100, -100, 3e4, -3e4]
        values = np.concatenate([edges, values])
    return values.astype(dtype)


def some_ints(dtype):
    limits = np.iinfo(dtype)
    edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, 2, 3, 5, 7]
    if limits.min < 0:
        edges += [-1, -2, -3, -5, -7]
    return np.array(edges + list(rng(dtype).integers(limits.min, limits.max, 8, dtype=dtype)), dtype)


def wide(x):
    return x.astype(np.float64)


def unary(op, function, dtypes=FLOATS, low=-8, high=8, special=True, **attrs):
    for dtype in dtypes:
        x = some_floats(dtype, low, high, special)
        case(op, [x], function(wide(x)).astype(dtype), **attrs)
        if dtype is np.float32:  # shapes at the border
            for shape in [(), (0,), (2, 0, 3), (1, 1)]:
                y = np.full(shape, 0.75, dtype)
                case(op, [y], function(wide(y)).astype(dtype), **attrs)


erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def activations():
    unary('Relu', lambda x: np.where(x < 0, 0, x))
    for dtype in SIGNED:
        x = some_ints(dtype)
        case('Relu', [x], np.maximum(x, 0))
    unary('LeakyRelu', lambda x: np.where(x < 0, np.float32(0.2) * x, x), alpha=0.2)
    unary('Elu', lambda x: np.where(x < 0, 1.5 * np.expm1(x), x), alpha=1.5)
    unary('Selu', lambda x: np.where(x < 0, 1.67326319217681884765625 * np.expm1(x), x) * 1.05070102214813232421875)
    unary('Celu', lambda x: np.where(x < 0, 2 * np.expm1(x / 2), x), [np.float32], alpha=2.0)
    unary('Celu', lambda x: np.where(x < 0, 2 * np.expm1(x / 2), x), opset=28, alpha=2.0)
    unary('Celu', lambda x: np.maximum(x, 0) + np.minimum(-2 * np.expm1(x / -2), 0), [np.float64], special=False, alpha=-2.0, opset=28)
    unary('Sigmoid', sigmoid)
    unary('HardSigmoid', lambda x: np.clip(np.float32(0.3) * x + np.float32(0.4), 0, 1), alpha=0.3, beta=0.4)
    unary('HardSwish', lambda x: x * np.clip(x / 6 + 0.5, 0, 1), special=False)
    unary('Swish', lambda x: x * sigmoid(2 * x), special=False, opset=24, alpha=2.0)
    unary('Mish', lambda x: x * np.tanh(softplus(x)), low=-7, high=60, special=False)
    unary('Softplus', softplus)
    unary('Softsign', lambda x: x / (1 + np.abs(x)))
    unary('ThresholdedRelu', lambda x: np.where(x > 0.5, x, 0), alpha=0.5)
    # Beyond -3 the tail of 1 + erf has few digits left.
    unary('Gelu', lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), low=-2, special=False)
    unary('Gelu', lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), low=-3, special=False, approximate='tanh')
    unary('Shrink', lambda x: np.where(x < -1.5, x + 0.5, np.where(x > 1.5, x - 0.5, 0)), special=False, lambd=1.5, bias=0.5)
    for dtype in INTS:
        x = np.array([0, 1, 2, 3, 100], dtype) if dtype in UNSIGNED else np.array([-100, -3, -2, -1, 0, 1, 2, 3, 100], dtype)
        y = np.where(wide(x) < -1.5, wide(x) + 1, np.where(wide(x) > 1.5, wide(x) - 1, 0)).astype(dtype)
        case('Shrink', [x], y, lambd=1.5, bias=1.0)
    for dtype in FLOATS:
        x, slope = some_floats(dtype).reshape(1, -1), np.array([[0.25], [-2], [0]], dtype)
        x = np.repeat(x[:, 15:], 3, axis=0)
        case('PRelu', [x, slope], np.where(wide(x) < 0, wide(x) * wide(slope), wide(x)).astype(dtype), opset=16)
    for dtype in (np.int32, np.int64):
        x = some_ints(dtype)
        with np.errstate(over='ignore'):
            case('PRelu', [x, np.array([3], dtype)], np.where(x < 0, x * 3, x).astype(dtype), opset=16)
    x = some_ints(np.uint32)
    case('PRelu', [x, np.array([3], np.uint32)], x, opset=16)


def clips():
    def limited(x, low, high):
        x = x if low is None else np.maximum(x, low)
        return x if high is None else np.minimum(x, high)
    for dtype in FLOATS + INTS:
        x = some_floats(dtype) if dtype in FLOATS else some_ints(dtype)
        for low, high in [(1, 5), (None, 5), (1, None), (5, 1), (None, None)]:
            bounds = [None if b is None else np.array(b, dtype) for b in (low, high)]
            while bounds and bounds[-1] is None:
                bounds.pop()
            low_, high_ = (None if b is None else np.array(b, dtype) for b in (low, high))
            case('Clip', [x] + bounds, limited(x, low_, high_).astype(dtype), opset=13)
            case('Clip', [x] + bounds, limited(x, low_, high_).astype(dtype), opset=13, constants=(1, 2))
    x = some_floats(np.float32)
    case('Clip', [x], limited(x, np.float32(-1), np.float32(2)), opset=10, min=-1.0, max=2.0)
    case('Clip', [x], limited(x, None, np.float32(2)), opset=10, max=2.0)
    case('Clip', [x], x, opset=10)


def functions():
    for op, function in dict(Sqrt=np.sqrt, Exp=np.exp, Log=np.log, Floor=np.floor, Ceil=np.ceil, Atan=np.arctan, Sinh=np.sinh,
                             Cosh=np.cosh, Tanh=np.tanh, Asinh=np.arcsinh, Acosh=np.arccosh, Reciprocal=np.reciprocal,
                             Erf=erf).items():
        unary(op, function)
    unary('Round', np.round, opset=22)
    for op, function in dict(Sin=np.sin, Cos=np.cos, Tan=np.tan).items():
        unary(op, function, special=False)
    for op, function in dict(Asin=np.arcsin, Acos=np.arccos, Atanh=np.arctanh).items():
        unary(op, function, low=-1, high=1)


def pairs(dtype):
    """All pairs of the values at the border, as a column and a row."""
    x = some_floats(dtype)[:28] if dtype in FLOATS else some_ints(dtype)
    return x[:, None], x[None, :]


def wrapped(values, dtype):
    return np.array([v % (1 << 8 * np.dtype(dtype).itemsize) for v in values.ravel()], object).astype(
        f'uint{8 * np.dtype(dtype).itemsize}').view(dtype).reshape(values.shape)


def integer_pairs(dtype, function):
    x, y = pairs(dtype)
    values = np.vectorize(lambda a, b: function(int(a), int(b)), otypes=[object])(x, y)
    return [x, y], wrapped(values, dtype)


def truncated(a, b):
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def arithmetic():
    ops = dict(Add=(np.add, lambda a, b: a + b), Sub=(np.subtract, lambda a, b: a - b), Mul=(np.multiply, lambda a, b: a * b),
               Div=(np.divide, truncated))
    for op, (function, exact) in ops.items():
        for dtype in FLOATS:
            x, y = pairs(dtype)
            case(op, [x, y], function(wide(x), wide(y)).astype(dtype))
            scalar = np.array(3, dtype)
            case(op, [x, scalar], function(wide(x), 3).astype(dtype), constants=(1,))
            case(op, [scalar, y], function(3, wide(y)).astype(dtype), constants=(0,))
        for dtype in INTS:
            inputs, expected = integer_pairs(dtype, exact)
            case(op, inputs, expected)
            x = inputs[0]
            for divisor in (3, 1, 0) + ((-1, -7) if dtype in SIGNED else ()):
                scalar = np.array([divisor], dtype)
                values = np.vectorize(lambda a: exact(int(a), divisor), otypes=[object])(x)
                case(op, [x, scalar], wrapped(values, dtype), constants=(1,))
    for dtype in FLOATS:
        x, y = pairs(dtype)
        case('Mod', [x, y], np.fmod(wide(x), wide(y)).astype(dtype), opset=13, fmod=1)
        case('Mod', [x, y], np.mod(wide(x), wide(y)).astype(dtype), opset=28)
    for dtype in INTS:
        case('Mod', *integer_pairs(dtype, lambda a, b: 0 if b == 0 else a % b), opset=13)
        case('Mod', *integer_pairs(dtype, lambda a, b: 0 if b == 0 else a - truncated(a, b) * b), opset=13, fmod=1)


def powers():
    for dtype in FLOATS:
        x = some_floats(dtype, 0.1, 4, special=False)[:, None]
        y = np.array([0, 1, 2, 3, 4, -1, -2, 0.5, 2.5, -1.5], dtype)
        case('Pow', [x, y], np.power(wide(x), wide(y)).astype(dtype), opset=15)
        for exponent in y:
            case('Pow', [x, np.array(exponent)], np.power(wide(x), float(exponent)).astype(dtype), opset=15, constants=(1,))
        case('Pow', [x, np.array([2, 3, -1], np.int64)], np.power(wide(x), [2., 3., -1.]).astype(dtype), opset=15)
    for dtype in (np.int32, np.int64):
        x = np.array([-5, -2, -1, 0, 1, 2, 3, 10, 12345], dtype)[:, None]
        for kind in INTS:
            y = np.array([0, 1, 2, 3, 4, 7, 31], kind)
            values = np.vectorize(lambda a, b: int(a) ** int(b), otypes=[object])(x, y)
            case('Pow', [x, y], wrapped(values, dtype), opset=15)
        y = np.array([0, 1, 2], np.float32)
        case('Pow', [x, y], (wide(x) ** wide(y)).astype(np.int64).astype(dtype), opset=15)
        case('Pow', [x, np.array(2, np.float32)], (wide(x) ** 2).astype(np.int64).astype(dtype), opset=15, constants=(1,))


def variadic():
    for dtype in FLOATS:
        x, y = pairs(dtype)
        z = np.array(1.25, dtype)
        case('Max', [x, y], np.maximum(wide(x), wide(y)).astype(dtype), opset=13)
        case('Min', [x, y], np.minimum(wide(x), wide(y)).astype(dtype), opset=13)
        case('Max', [x, y, z], np.maximum(np.maximum(wide(x), wide(y)), wide(z)).astype(dtype), opset=13, constants=(2,))
        case('Min', [z, x, y], np.minimum(np.minimum(wide(x), wide(y)), wide(z)).astype(dtype), opset=13, constants=(0,))
        case('Max', [x], x, opset=13)
        x, y = np.abs(x), np.abs(y)  # what cancels leaves few digits
        case('Sum', [x, y, z], (wide(x) + wide(y) + wide(z)).astype(dtype), opset=13)
        case('Mean', [x, y, z], ((wide(x) + wide(y) + wide(z)) / 3).astype(dtype), opset=13)
    for dtype in INTS:
        x, y = pairs(dtype)
        case('Max', [x, y], np.maximum(x, y), opset=13)
        case('Min', [x, y], np.minimum(x, y), opset=13)


def signs():
    for dtype in FLOATS + INTS:
        x = some_floats(dtype) if dtype in FLOATS else some_ints(dtype)
        with np.errstate(all='ignore'):
            case('Abs', [x], np.abs(x))
            case('Sign', [x], np.sign(x).astype(dtype))
            if dtype not in UNSIGNED:
                case('Neg', [x], -x)


def logic():
    comparisons = dict(Equal=np.equal, Less=np.less, Greater=np.greater, LessOrEqual=np.less_equal, GreaterOrEqual=np.greater_equal)
    for op, function in comparisons.items():
        for dtype in FLOATS + INTS:
            x, y = pairs(dtype)
            case(op, [x, y], function(x, y))
            case(op, [x, y[0, 2:3]], function(x, y[0, 2:3]), constants=(1,))
    a, b = np.array([[False], [True]]), np.array([False, True])
    for op, function in dict(And=np.logical_and, Or=np.logical_or, Xor=np.logical_xor, Equal=np.equal).items():
        case(op, [a, b], function(a, b))
        case(op, [a, np.array(True)], function(a, True), constants=(1,))
    case('Not', [b], ~b)
    for dtype in INTS:
        x, y = pairs(dtype)
        for op, function in dict(BitwiseAnd=np.bitwise_and, BitwiseOr=np.bitwise_or, BitwiseXor=np.bitwise_xor).items():
            case(op, [x, y], function(x, y))
        case('BitwiseNot', [x], ~x)
        bits = 8 * np.dtype(dtype).itemsize
        amount = np.array([0, 1, 2, bits - 1, bits, bits + 1, 100] + ([-1] if dtype in SIGNED else []), dtype)
        left = np.vectorize(lambda a, b: int(a) << int(b) if 0 <= b < bits else 0, otypes=[object])(x, amount)
        right = np.vectorize(lambda a, b: int(a) >> int(b) if 0 <= b < bits else -1 if a < 0 else 0, otypes=[object])(x, amount)
        opset = 28 if dtype in SIGNED else 11
        case('BitShift', [x, amount], wrapped(left, dtype), opset=opset, direction='LEFT')
        case('BitShift', [x, amount], wrapped(right, dtype), opset=opset, direction='RIGHT')
    for dtype in FLOATS + INTS + [np.bool_]:
        x = np.array([1, 0, 1], np.bool_) if dtype is np.bool_ else np.array([1, 2, 3], dtype)
        y = np.array([[0], [1]]).astype(dtype)
        c = np.array([[True, False, True], [False, True, False]])
        case('Where', [c, x, y], np.where(c, x, y), opset=16)
        case('Where', [np.array(True), x, y], np.where(True, x, y), opset=16, constants=(0,))
    for dtype in FLOATS + f8:
        x = np.array([math.nan, math.inf, -math.inf, 0, 1, -2], np.float32).astype(dtype)
        values = x.astype(np.float32)
        case('IsNaN', [x], np.isnan(values), opset=20)
        case('IsInf', [x], np.isinf(values), opset=20)
        case('IsInf', [x], np.isposinf(values), opset=20, detect_negative=0)
        case('IsInf', [x], np.isneginf(values), opset=20, detect_positive=0)
        case('IsInf', [x], np.zeros(6, bool), opset=20, detect_positive=0, detect_negative=0)


def type_number(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def as_integer(x, dtype):
    """Floats out of range: the low bits of a saturated integer of 32 bits (64 for uint32 and the types of 64)."""
    bits = 8 * np.dtype(dtype).itemsize
    width = 64 if bits == 64 or dtype is np.uint32 else 32
    low, high = -(1 << width - 1), (1 << width - 1) - 1

    def one(v):
        if math.isnan(v):
            return low
        if dtype is np.uint64 and v >= 2.0**63:
            return (1 << 64) - 1 if v >= 2.0**64 else int(v)
        return low if v < low else high if v > high else int(v)
    return wrapped(np.vectorize(lambda v: one(float(v)), otypes=[object])(x), dtype)


def casts():
    small_ints = [ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2]
    for source in FLOATS:
        x = some_floats(source)
        if source in (np.float32, np.float64, bf16):
            x = np.concatenate([x, np.array([2.0**31, -2.0**31, 2.0**32, 2.0**63, -2.0**63, 2.0**64, 1e30, -1e30, 3e9]).astype(source)])
        for target in FLOATS:
            if target is not source:
                case('Cast', [x], wide(x).astype(target), to=type_number(target))
        for target in INTS:
            case('Cast', [x], as_integer(x, target), to=type_number(target))
        case('Cast', [x], wide(x) != 0, to=TensorProto.BOOL)
        for target in f8:
            largest = float(ml_dtypes.finfo(target).max)
            y = np.clip(x.astype(np.float32), -largest, largest).astype(target)
            case('Cast', [x], [y], to=type_number(target))
            case('Cast', [x], [x.astype(np.float32).astype(target)], to=type_number(target), saturate=0)
        for target in small_ints:
            limits = ml_dtypes.iinfo(target)
            values = np.arange(int(limits.min), int(limits.max) + 1)
            case('Cast', [values.astype(source)], values.astype(target), to=type_number(target))
    for source in INTS:
        x = some_ints(source)
        for target in INTS:
            case('Cast', [x], wrapped(np.array([int(v) for v in x], object), target), to=type_number(target))
        for target in FLOATS:
            case('Cast', [x], x.astype(target) if target is not bf16 else wide(x).astype(target), to=type_number(target))
        case('Cast', [x], x != 0, to=TensorProto.BOOL)
        for target in f8:
            largest = float(ml_dtypes.finfo(target).max)
            case('Cast', [x], np.clip(wide(x), -largest, largest).astype(np.float32).astype(target), to=type_number(target))
        for target in small_ints:
            bits = ml_dtypes.iinfo(target).bits
            low = np.array([int(v) % (1 << bits) for v in x])
            if int(ml_dtypes.iinfo(target).min) < 0:
                low = np.where(low >= 1 << (bits - 1), low - (1 << bits), low)
            case('Cast', [x], low.astype(target), to=type_number(target))
    for source in small_ints:
        limits = ml_dtypes.iinfo(source)
        values = np.arange(int(limits.min), int(limits.max) + 1)
        x = values.astype(source)
        for target in FLOATS + INTS:
            case('Cast', [x], values.astype(target), to=type_number(target))
        case('Cast', [x], values != 0, to=TensorProto.BOOL)
    for source in f8:
        x = np.arange(256, dtype=np.uint8).view(source)
        for target in FLOATS:
            case('Cast', [x], x.astype(target), to=type_number(target))
        case('Cast', [x], as_integer(x.astype(np.float32), np.int8), to=TensorProto.INT8)
    b = np.array([True, False])
    for target in FLOATS + INTS + f8 + small_ints:
        case('Cast', [b], b.astype(np.float32).astype(target), to=type_number(target))
    x = np.array([1.5, -2.25, 7e8], np.float32)
    case('CastLike', [x, np.zeros(1, np.int16)], as_integer(x, np.int16))
    case('CastLike', [x, np.zeros(1, np.float64)], wide(x))
    e8m0 = ml_dtypes.float8_e8m0fnu
    x = np.array([1, 1.1, 1.5, 1.75, 2, 3, 1e-39, 2.0**-127, 1.5 * 2.0**-127, 2.0**-126, 2.0**127, 1.1 * 2.0**127, math.inf, math.nan], np.float32)
    codes = dict(up=[127, 128, 128, 128, 128, 129, 0, 0, 1, 1, 254, 254, 254, 255], down=[127, 127, 127, 127, 128, 128, 0, 0, 0, 1, 254, 254, 254, 255],
                 nearest=[127, 127, 128, 128, 128, 129, 0, 0, 1, 1, 254, 254, 254, 255])
    for mode, code in codes.items():
        case('Cast', [x], np.array(code, np.uint8).view(e8m0), opset=24, to=TensorProto.FLOAT8E8M0, round_mode=mode)
    for source, target in [(np.float32, np.int32), (np.float64, np.uint64), (np.float16, np.int16), (bf16, np.uint16), (np.uint8, np.int8)]:
        x = some_floats(source) if source in FLOATS else some_ints(source)
        case('BitCast', [x], x.view(target), opset=26, to=type_number(target))
        if source is not bf16:  # NaN may lose its payload
            x = x[~np.isnan(wide(x))]
        case('BitCast', [x.view(target)], x, opset=26, to=type_number(source))
    x = np.array([0, 1], np.uint8)
    case('BitCast', [x], x.view(np.bool_), opset=26, to=TensorProto.BOOL)
    case('BitCast', [x.view(np.bool_)], x, opset=26, to=TensorProto.UINT8)


def quantization():
    def quantized(x, scale, zero, dtype):
        limits = ml_dtypes.iinfo(dtype)
        values = np.round(x / scale).astype(np.float64) + zero
        return np.clip(values, int(limits.min), int(limits.max)).astype(np.int64).astype(dtype)
    small = [ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2]
    x = np.concatenate([rng('q').uniform(-300, 300, 50), [0.25, 0.75, -0.25, 1.25, math.inf, -math.inf, 1e30, 1e9, -1e9, 0]])
    for dtype in [np.int8, np.uint8, np.int16, np.uint16] + small:
        zero = int(ml_dtypes.iinfo(dtype).max) // 3
        for source in (np.float32, np.float16, bf16):
            a = x.astype(source)
            scale = np.array(0.5, source)
            for constants in ((), (1, 2)):
                case('QuantizeLinear', [a, scale, np.array(zero).astype(dtype)], quantized(a, scale, zero, dtype), constants=constants)
        a = x.astype(np.float32)
        scale = np.array(0.37, np.float32)
        case('QuantizeLinear', [a, scale], quantized(a, scale, 0, dtype), output_dtype=type_number(dtype))
        # Per axis, and in blocks that do and do not divide the axis.
        a = a.reshape(4, 5, 3)
        scales = np.array([0.1, 0.5, 1, 2, 30], np.float32)
        zeros = np.array([0, 1, 2, 3, 1]).astype(np.int64)
        if dtype in (ml_dtypes.int2, ml_dtypes.uint2):
            zeros = zeros % 2
        case('QuantizeLinear', [a, scales, zeros.astype(dtype)],
             quantized(a, scales[:, None], zeros[:, None], dtype), axis=1)
        a = a.reshape(6, 10)
        for block in (5, 4):
            count = -(-10 // block)
            scales = rng('s', block).uniform(0.1, 9, (6, count)).astype(np.float32)
            full = np.repeat(scales, block, axis=1)[:, :10]
            case('QuantizeLinear', [a, scales, np.ones((6, count)).astype(dtype)], quantized(a, full, 1, dtype), axis=-1, block_size=block)
            q = rng('d', block).integers(int(ml_dtypes.iinfo(dtype).min), int(ml_dtypes.iinfo(dtype).max) + 1, (6, 10))
            case('DequantizeLinear', [q.astype(dtype), scales, np.ones((6, count)).astype(dtype)],
                 ((q - 1) * full).astype(np.float32), axis=1, block_size=block)
        q = np.arange(int(ml_dtypes.iinfo(dtype).min), int(ml_dtypes.iinfo(dtype).max) + 1, 1 if dtype in small else 17)
        for target in (np.float32, np.float16, bf16):
            scale = np.array(0.37).astype(target)
            case('DequantizeLinear', [q.astype(dtype), scale, np.array(1).astype(dtype)], ((q - 1) * scale.astype(np.float32)).astype(target))
            case('DequantizeLinear', [q.astype(dtype), scale], (q * scale.astype(np.float32)).astype(target), constants=(1,))
    q = np.array([-5, 0, 7, 2**20], np.int32)
    case('DequantizeLinear', [q, np.array(0.5, np.float32)], (q * 0.5).astype(np.float32))
    case('QuantizeLinear', [q, np.array(2, np.float32)], quantized(q.astype(np.float32), 2, 0, np.uint8))
    # The division in another precision than that of the scale.
    a, scale = np.array([1, 2.5, 100.3], np.float32), np.array(0.1, np.float16)
    case('QuantizeLinear', [a, scale], quantized(a, scale.astype(np.float32), 0, np.uint8), precision=TensorProto.FLOAT)
    case('QuantizeLinear', [a, scale], quantized(a.astype(np.float16), scale, 0, np.uint8))
    for dtype in f8:
        largest = float(ml_dtypes.finfo(dtype).max)
        a = np.array([0.3, -7, 1000, 1e6, -1e6], np.float32)
        case('QuantizeLinear', [a, np.array(2, np.float32), np.array(0).astype(dtype)], np.clip(a / 2, -largest, largest).astype(dtype))
        q = np.arange(256, dtype=np.uint8).view(dtype)
        case('DequantizeLinear', [q, np.array(2, np.float32), np.array(0).astype(dtype)], q.astype(np.float32) * 2)
    for a in ([0.0, 0, 0], [1, 2, 5.5], [-1, -2, -3], [-1.5, 2, 0.3, 7]):
        a = np.array(a, np.float32)
        low, high = min(a.min(), 0), max(a.max(), 0)
        scale = np.float32(1) if low == high else np.float32((high - low) / np.float32(255))
        zero = np.uint8(np.clip(np.round(-low / scale), 0, 255))
        case('DynamicQuantizeLinear', [a], [quantized(a, scale, int(zero), np.uint8), np.array(scale), np.array(zero)], name='Dynamic')


def epilogues():
    """Behind a product, where elements are computed several at a time. The product is exact in every type."""
    for dtype in FLOATS:
        a = (rng('a').integers(-3, 4, (2, 16)) * 0.25).astype(dtype)
        b = (rng('b').integers(-3, 4, (16, 19)) * 0.25).astype(dtype)
        product = (a, b)
        x = wide(a) @ wide(b)

        def after(op, result, *others, **attrs):
            target = np.bool_ if result.dtype == bool else dtype
            case(op, [product, *others], result if result.dtype not in (np.float64, np.float32) else result.astype(target),
                 name='epilogue', opset=22, **attrs)
        number = np.array(1.5, dtype)
        row = rng('row').uniform(0.5, 2, 19).astype(dtype)
        after('Relu', np.maximum(x, 0))
        after('LeakyRelu', np.where(x < 0, x * 0.25, x), alpha=0.25)
        after('PRelu', np.where(x < 0, x * wide(row), x), row, constants=(1,))
        after('Elu', np.where(x < 0, np.expm1(x), x))
        after('Celu', np.where(x < 0, 2 * np.expm1(x / 2), x), alpha=2.0) if dtype is np.float32 else None
        after('Sigmoid', sigmoid(x))
        after('HardSigmoid', np.clip(x / 4 + 0.5, 0, 1), alpha=0.25)
        after('HardSwish', x * np.clip(x / 6 + 0.5, 0, 1))
        after('Mish', x * np.tanh(softplus(x)))
        after('Softplus', softplus(x))
        after('Softsign', x / (1 + np.abs(x)))
        after('ThresholdedRelu', np.where(x > 0.5, x, 0), alpha=0.5)
        after('Gelu', 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), approximate='tanh')
        after('Clip', np.clip(x, -1, 1.5), np.array(-1, dtype), number, constants=(1, 2))
        after('Clip', np.clip(x, -1, 1.5), np.array(-1, dtype), number)
        for op, function in dict(Tanh=np.tanh, Erf=erf, Exp=np.exp, Abs=np.abs, Neg=np.negative, Sign=np.sign, Floor=np.floor, Ceil=np.ceil,
                                 Round=np.round, Sin=np.sin, Atan=np.arctan, Asinh=np.arcsinh).items():
            after(op, function(x))
        for op, function in dict(Add=np.add, Sub=np.subtract, Mul=np.multiply, Div=np.divide, Max=np.maximum, Min=np.minimum,
                                 Less=np.less, Equal=np.equal).items():
            after(op, function(x, wide(row)), row)
            after(op, function(x, 1.5), number, constants=(1,))
        after('Mod', np.fmod(x, 1.5), number, fmod=1)
        after('Pow', x ** 2, np.array(2, dtype), constants=(1,))
        after('Pow', x ** 3, np.array(3, dtype))
        after('Cast', x != 0, to=TensorProto.BOOL)
        for target in (np.int8, np.uint8, np.int32, np.int64, np.uint32, np.uint64):
            after('Cast', as_integer(x, target), to=type_number(target))
        for target in (np.int8, np.uint8):
            limits = np.iinfo(target)
            if dtype is not np.float64:
                after('QuantizeLinear', np.clip(np.round(x / 0.125) + 3, limits.min, limits.max).astype(target), np.array(0.125, dtype),
                      np.array(3, target), constants=(1, 2))


def versions():
    """Every version of an operator that opsets 7 to 28 select, in one model for each opset."""
    x = np.array([[-1.5, 0.5, 2.25], [0, 3, -0.25]], np.float32)
    positive, inside = np.abs(x) + 1, np.clip(x, -0.9, 0.9)
    one = dict(Abs=(np.abs, x), Acos=(np.arccos, inside), Acosh=(np.arccosh, positive), Asin=(np.arcsin, inside),
               Asinh=(np.arcsinh, x), Atan=(np.arctan, x), Atanh=(np.arctanh, inside), Ceil=(np.ceil, x), Cos=(np.cos, x),
               Cosh=(np.cosh, x), Elu=(lambda v: np.where(v < 0, np.expm1(v), v), x), Erf=(erf, x), Exp=(np.exp, x),
               Floor=(np.floor, x), HardSigmoid=(lambda v: np.clip(np.float32(0.2) * v + 0.5, 0, 1), x), IsNaN=(np.isnan, x),
               LeakyRelu=(lambda v: np.where(v < 0, np.float32(0.01) * v, v), x), Log=(np.log, positive), Neg=(np.negative, x),
               Reciprocal=(np.reciprocal, positive), Relu=(lambda v: np.maximum(v, 0), x), Round=(np.round, x),
               Sigmoid=(sigmoid, x), Sign=(np.sign, x), Sin=(np.sin, x), Sinh=(np.sinh, x), Softplus=(softplus, x),
               Softsign=(lambda v: v / (1 + np.abs(v)), x), Sqrt=(np.sqrt, positive), Tan=(np.tan, x), Tanh=(np.tanh, x),
               ThresholdedRelu=(lambda v: np.where(v > 1, v, 0), x), HardSwish=(lambda v: v * np.clip(v / 6 + 0.5, 0, 1), x),
               Mish=(lambda v: v * np.tanh(softplus(v)), x), IsInf=(np.isinf, x), Clip=(lambda v: v, x), Max=(lambda v: v, x),
               Min=(lambda v: v, x), Sum=(lambda v: v, x), Mean=(lambda v: v, x),
               Selu=(lambda v: np.where(v < 0, 1.67326319217681884765625 * np.expm1(v), v) * 1.05070102214813232421875, x),
               Celu=(lambda v: np.where(v < 0, np.expm1(v), v), x), Shrink=(lambda v: np.where(np.abs(v) > 0.5, v, 0), x))
    two = dict(Add=np.add, Sub=np.subtract, Mul=np.multiply, Div=np.divide, Pow=lambda a, b: np.power(np.abs(a), b),
               Less=np.less, Greater=np.greater, Max=np.maximum, Min=np.minimum, Sum=np.add, LessOrEqual=np.less_equal,
               GreaterOrEqual=np.greater_equal, PRelu=lambda a, b: np.where(a < 0, a * b, a), Equal=np.equal)
    for op in sorted(set(one) | set(two)):
        history = [s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == op and s.domain == '']
        for opset in sorted({max(v, 7) for v in history}):
            if max(v for v in history if v <= opset) != opset and opset != 7:
                continue
            if opset == 7 and min(history) > 7:
                continue
            if op in one:
                function, value = one[op]
                result = function(wide(value))
                case(op, [value], result.astype(bool if result.dtype == bool else np.float32), opset=opset, name='versions')
            if op in two:
                a = np.abs(x) if op == 'Pow' else x
                b = np.full((2, 3), 1.25, np.float32)
                if op == 'Equal' and opset < 11:
                    a, b = a.astype(np.int32), b.astype(np.int32)
                result = two[op](wide(a), wide(b))
                case(op, [a, b], result.astype(bool if result.dtype == bool else np.float32), opset=opset, name='versions')


def parts(size=60):
    """Names and cases of models of bearable length."""
    for key, cases in sorted(groups.items()):
        for start in range(0, len(cases), size):
            yield f'{key}_{start // size}' if len(cases) > size else key, cases[start:start + size]


def write(folder):
    index = []
    for key, cases in parts():
        nodes, inputs, outputs, constants, given, wanted = [], [], [], [], [], []
        for i, (op, arrays, expected, opset, finest, known, attrs) in enumerate(cases):
            names = []
            if isinstance(arrays[0], tuple):
                factors = [f'a{i}', f'b{i}']
                for name, array in zip(factors, arrays[0]):
                    tensor = numpy_helper.from_array(array, name)
                    inputs.append(helper.make_tensor_value_info(name, tensor.data_type, array.shape))
                    given.append(tensor)
                names.append(f'p{i}')
                nodes.append(helper.make_node('MatMul', factors, names, f'MatMul_{i}'))
            for j, array in enumerate(arrays):
                if j < len(names):
                    continue
                names.append('' if array is None else f'x{i}_{j}')
                if array is None:
                    continue
                tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), names[-1])
                if j in known:
                    constants.append(tensor)
                else:
                    inputs.append(helper.make_tensor_value_info(names[-1], tensor.data_type, array.shape))
                    given.append(tensor)
            results = [f'y{i}_{j}' for j in range(len(expected))]
            for name, array in zip(results, expected):
                tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
                outputs.append(helper.make_tensor_value_info(name, tensor.data_type, array.shape))
                wanted.append(tensor)
            nodes.append(helper.make_node(op, names, results, f'{op}_{i}', **attrs))
        graph = helper.make_graph(nodes, key, inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=10)
        onnx.checker.check_model(model)
        path = os.path.join(folder, f'test_{key}')
        os.makedirs(os.path.join(path, 'test_data_set_0'), exist_ok=True)
        onnx.save(model, os.path.join(path, 'model.onnx'))
        for prefix, tensors in (('input', given), ('output', wanted)):
            for i, tensor in enumerate(tensors):
                with open(os.path.join(path, 'test_data_set_0', f'{prefix}_{i}.pb'), 'wb') as file:
                    file.write(tensor.SerializeToString())
        relative, absolute = PRECISION[finest]
        index.append(dict(name=f'test_{key}', opset={'ai.onnx': opset}, ops=[cases[0][0]], rtol=relative, atol=absolute, expanded=False))
    with open(os.path.join(folder, 'index.json'), 'w') as file:
        json.dump(index, file)


with np.errstate(all='ignore'):
    for family in (activations, clips, functions, arithmetic, powers, variadic, signs, logic, casts, quantization, epilogues, versions):
        family()
write(sys.argv[1])
