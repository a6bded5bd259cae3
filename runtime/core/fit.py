#!/usr/bin/env python3
"""Fits the polynomials of runtime/core/*.h and prints them as C, and splits
the constants that need more than one f32.

    fit.py          print every polynomial, its coefficients and its error
    fit.py --check  exit 1 if the headers do not hold these numbers

Each polynomial P minimises max |weight * (P - target)| over its interval: the
weight makes that the relative error of the function as the header computes it.
The minimax solution on a dense set of Chebyshev points comes from Lawson's
algorithm (iteratively reweighted least squares; Lawson 1961, see Rice & Usow,
"The Lawson Algorithm and Extensions", Math. Comp. 22, 1968). Coefficients are
rounded to f32 one by one from the lowest, and the rest is fitted again each
time, so that the later ones make up for the rounding of the earlier ones.

Double precision is enough: the fits are good to 2^-30 and the cancellation in
a target such as (e^r - 1 - r) / r^2 is undone by its weight.
"""
import math
import pathlib
import sys
from decimal import Decimal, getcontext

import numpy as np

LN2 = Decimal("0.693147180559945309417232121458176568075500134360255254")
LN10 = Decimal("2.302585092994045684017991454684364207601101488628772976")
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494"
             "4592307816406286208998628034825342117068")


def minimax(target, weight, points, powers):
    """Coefficients of x^p for p in powers."""
    scale = max(abs(points))
    basis = np.stack([(points / scale) ** p for p in powers], axis=1)
    basis *= weight[:, None]
    right = target * weight
    mass = np.ones(len(points))
    best, best_error = None, math.inf
    for _ in range(300):
        root = np.sqrt(mass)
        solution, *_ = np.linalg.lstsq(basis * root[:, None], right * root,
                                       rcond=None)
        error = np.abs(basis @ solution - right)
        if error.max() < best_error:
            best, best_error = solution, error.max()
        mass *= error / error.max() + 1e-12
        mass /= mass.sum() / len(points)
    return [c / scale**p for c, p in zip(best, powers)]


def fit(target, weight, low, high, degree):
    """f32 coefficients from x^0 up, and the error reached with them."""
    count = 1200
    angle = (np.arange(count) + 0.5) * math.pi / count
    points = 0.5 * (low + high) + 0.5 * (high - low) * np.cos(angle)
    goal, importance = target(points), weight(points)
    fixed = []
    rest = goal.copy()
    for power in range(degree + 1):
        free = list(range(power, degree + 1))
        coefficient = float(np.float32(minimax(rest, importance, points,
                                               free)[0]))
        fixed.append(coefficient)
        rest = rest - coefficient * points**power
    return fixed, np.abs(rest * importance).max()


def elementwise(function):
    return np.vectorize(function, otypes=[float])


erf = elementwise(math.erf)
erfc = elementwise(math.erfc)


def erfcx(x):
    """exp(x^2) erfc(x); beyond 5 by the continued fraction, where the product
    would lose digits."""
    def one(x):
        if x < 5:
            return math.exp(x * x) * math.erfc(x)
        tail = 0.0
        for k in range(60, 0, -1):
            tail = (k / 2) / (x + tail)
        return 1 / (math.sqrt(math.pi) * (x + tail))
    return elementwise(one)(x)


def odd(function):
    """Target (f(x)/x - 1)/x^2 as a function of z = x^2, for functions with
    f(x) = x + x^3 P(x^2), and the weight of its relative error."""
    def target(z):
        x = np.sqrt(z)
        return (function(x) / x - 1) / z

    def weight(z):
        x = np.sqrt(z)
        return z * x / function(x)
    return target, weight


# name: (where it is used, target, weight, interval, degree)
def polynomials():
    yield ("expm1", "e^r = 1 + r + r^2 P(r)",
           lambda r: (np.expm1(r) - r) / r**2, lambda r: r**2 / np.expm1(r),
           -0.3475, 0.3475, 4)
    yield ("log1p", "log(1 + f) = f - f^2/2 + f^3 P(f)",
           lambda f: (np.log1p(f) - f + f * f / 2) / f**3,
           lambda f: f**3 / np.log1p(f),
           math.sqrt(0.5) - 1, math.sqrt(2) - 1, 7)
    yield ("log of powf", "atanh(s) = s + s^3/3 + s^5 P(s^2)",
           lambda z: (np.arctanh(np.sqrt(z)) / np.sqrt(z) - 1 - z / 3) / z**2,
           lambda z: z**2 * np.sqrt(z) / np.arctanh(np.sqrt(z)),
           1e-6, 0.1716**2, 2)
    yield ("sin", "sin r = r + r^3 P(r^2)", *odd(np.sin), 1e-6, 0.7855**2, 2)
    yield ("cos", "cos r = 1 - r^2/2 + r^4 P(r^2)",
           lambda z: (np.cos(np.sqrt(z)) - 1 + z / 2) / z**2,
           lambda z: z**2 / np.cos(np.sqrt(z)), 1e-6, 0.7855**2, 2)
    yield ("tan", "tan r = r + r^3 P(r^2)", *odd(np.tan), 1e-6, 0.7855**2, 6)
    yield ("asin", "asin x = x + x^3 P(x^2)", *odd(np.arcsin), 1e-6, 0.25, 4)
    yield ("atan", "atan x = x + x^3 P(x^2)", *odd(np.arctan), 1e-6, 1.0, 8)
    yield ("sinh", "sinh x = x + x^3 P(x^2)", *odd(np.sinh), 1e-6, 1.0, 3)
    yield ("tanh", "tanh x = x + x^3 P(x^2)", *odd(np.tanh), 1e-6, 0.5625**2, 4)
    yield ("asinh", "asinh x = x + x^3 P(x^2)", *odd(np.arcsinh), 1e-6, 0.64, 6)
    yield ("atanh", "atanh x = x + x^3 P(x^2)", *odd(np.arctanh), 1e-6, 0.25, 5)
    yield ("erf", "erf x = x + x P(x^2)",
           lambda z: erf(np.sqrt(z)) / np.sqrt(z) - 1,
           lambda z: np.sqrt(z) / erf(np.sqrt(z)), 1e-6, 0.875**2, 6)
    yield ("erf tail", "erfc x = e^P(x)", lambda x: np.log(erfc(x)),
           lambda x: erfc(x) / erf(x), 0.875, 4.0, 6)
    yield ("erfc", "erfc x = e^(-x^2) (1 + P(t)) / (x + 2) with "
           "t = (x - 2) / (x + 2)",
           lambda t: erfcx(2 * (1 + t) / (1 - t)) * 4 / (1 - t) - 1,
           lambda t: (1 - t) / (4 * erfcx(2 * (1 + t) / (1 - t))),
           -0.6001, (10.06 - 2) / (10.06 + 2), 9)


def splits():
    """Constants that the headers hold in parts: name, value, the last bit of
    each part but the last (2^-n), which is rounded to f32."""
    yield "ln(2), 9 bits first (exponentials)", LN2, [9]
    yield "ln(2), 16 bits first (logarithms)", LN2, [15]
    yield "1 / ln(2), 12 bits first", 1 / LN2, [11]
    yield "1 / ln(10), 12 bits first", 1 / LN10, [13]
    yield "ln(2) / ln(10), 12 bits first", LN2 / LN10, [13]
    yield "2 / (3 ln(2)), 12 bits first", 2 / (3 * LN2), [12]
    yield "pi / 2, parts of 8 bits", PI / 2, [7, 15, 23, 31, 39]
    yield "pi / 2, 8 bits first", PI / 2, [7]
    # The second part is what the nearest f32 lacks.
    yield "pi / 2, f32 first", PI / 2, [None]
    yield "pi, f32 first", PI, [None]


def parts(value, last_bits):
    for bit in last_bits:
        if bit is None:
            part = Decimal(float(np.float32(float(value))))
        else:
            part = Decimal(int(value * 2**bit)) / 2**bit
        value -= part
        yield float(part)
    yield float(value)


def text(value):
    digits = f"{np.float32(value):.9g}"
    return digits + ("f" if "." in digits or "e" in digits else ".0f")


def main():
    headers = "".join(p.read_text()
                      for p in sorted(pathlib.Path(__file__).parent.glob("*.h")))
    getcontext().prec = 80
    missing = 0

    def show(value):
        nonlocal missing
        line = "  " + text(value)
        if "--check" in sys.argv and text(abs(value)) not in headers:
            line += "  NOT IN THE HEADERS"
            missing += 1
        print(line)

    for name, formula, target, weight, low, high, degree in polynomials():
        coefficients, error = fit(target, weight, low, high, degree)
        print(f"{name}: {formula}, argument {low:.6g} to {high:.6g}, "
              f"error 2^{math.log2(error):.1f}")
        for coefficient in coefficients:
            show(coefficient)
    for name, value, last_bits in splits():
        print(name)
        for part in parts(value, last_bits):
            show(part)
    words = int(2 / PI * 2**224)
    print("2 / pi, words of 32 bits")
    for i in range(7):
        word = f"0x{words >> (192 - 32 * i) & 0xFFFFFFFF:08X}u"
        found = word in headers or "--check" not in sys.argv
        missing += not found
        print("  " + word + ("" if found else "  NOT IN THE HEADERS"))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
