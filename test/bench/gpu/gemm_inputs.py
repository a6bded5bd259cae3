"""Inputs of the GEMM benchmark: the same numbers wherever they are made.

Small multiples of 1/8 in [-1, 1): every type holds them exactly, products of
them too, so that only the order of sums and the last rounding differ.
"""
import numpy


def make(kind, shape):
    """Two float32 arrays, [M, K] and [K, N]."""
    m, n, k = shape
    random = numpy.random.default_rng([m, n, k])
    return tuple((random.integers(-8, 8, size=size, dtype=numpy.int8) / numpy.float32(8))
                 .astype(numpy.float32) for size in ((m, k), (k, n)))


def stored(array, kind):
    """As the type is stored: bfloat16 as its upper halves in 2-byte voids."""
    if kind == "bf16":
        return (array.view(numpy.uint32) >> 16).astype(numpy.uint16).view("V2")
    return array.astype(numpy.float16) if kind == "f16" else array


def bits(array):
    return array.view(numpy.uint16) if array.dtype.itemsize == 2 else array


def as_float(array, kind):
    """float64 of what `stored` or a model's output holds."""
    if kind == "bf16":
        return (array.view(numpy.uint16).astype(numpy.uint32) << 16).view(
            numpy.float32).astype(numpy.float64)
    if kind == "f16":
        return array.view(numpy.float16).astype(numpy.float64)
    return array.astype(numpy.float64)
