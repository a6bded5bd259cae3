"""Writes stored.npz and deflated.npz, the arrays that npz_test.cpp reads.

Needs numpy and ml_dtypes. Both files hold the same arrays; the checked-in ones
were written by numpy 2.4.6 and ml_dtypes 0.6.0.
"""

import pathlib

import ml_dtypes
import numpy as np

counting = np.arange(6).reshape(2, 3)
arrays = {
    "in/serving_default:0": (counting + 0.5).astype(np.float32),
    "out/a/b": counting.astype(np.int64) - 3,
    "float16": (counting * 0.25).astype(np.float16),
    "float64": counting / 3,
    "bool": counting % 2 == 1,
    "uint8": counting.astype(np.uint8) + 250,
    "int8": counting.astype(np.int8) - 3,
    "uint64": counting.astype(np.uint64) + (1 << 63),
    "complex64": (counting + 1j).astype(np.complex64),
    "bfloat16": (counting - 2.5).astype(ml_dtypes.bfloat16),
    "float8_e4m3fn": (counting - 2.5).astype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": (counting - 2.5).astype(ml_dtypes.float8_e5m2),
    "int4": (counting - 3).astype(ml_dtypes.int4),
    "uint4": (counting + 10).astype(ml_dtypes.uint4),
    "scalar": np.array(7, np.int32),
    "empty": np.zeros((0, 3), np.float32),
    "fortran": np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype(np.float32)),
    "big_endian": counting.astype(">f4"),
    "text": np.array(["a", "bcd"]),
    "zeros": np.zeros((32, 32), np.float32),
}
here = pathlib.Path(__file__).parent
np.savez(here / "stored.npz", **arrays)
np.savez_compressed(here / "deflated.npz", **arrays)
