// Floating point: special values, the forms of minimum and maximum, saturating
// conversions.
// RUN: adze-interp %s --function=arithmetic --arg=7.5 --arg=-2 | FileCheck %s --check-prefix=ARITHMETIC
// RUN: adze-interp %s --function=minmax --arg=nan --arg=1 | FileCheck %s --check-prefix=NAN
// RUN: adze-interp %s --function=minmax --arg=-0 --arg=0 | FileCheck %s --check-prefix=ZERO
// RUN: adze-interp %s --function=toInteger --arg=1e10 | FileCheck %s --check-prefix=LARGE
// RUN: adze-interp %s --function=toInteger --arg=-1e10 | FileCheck %s --check-prefix=SMALL
// RUN: adze-interp %s --function=toInteger --arg=nan | FileCheck %s --check-prefix=NOTNUMBER
// RUN: adze-interp %s --function=toInteger --arg=-100.75 | FileCheck %s --check-prefix=INSIDE
// RUN: adze-interp %s --function=fromInteger --arg=-1 | FileCheck %s --check-prefix=FROM
// RUN: adze-interp %s --function=compare --arg=nan --arg=1 | FileCheck %s --check-prefix=COMPARE
// RUN: adze-interp %s --function=rounding --arg=-2.5 | FileCheck %s --check-prefix=ROUNDING
// RUN: adze-interp %s --function=bits --arg=1 --raw | FileCheck %s --check-prefix=BITS
// RUN: adze-interp %s --function=functions --arg=0.5 | FileCheck %s --check-prefix=FUNCTIONS
// RUN: adze-interp %s --function=double --arg=0.5 | FileCheck %s --check-prefix=DOUBLE
// RUN: adze-interp %s --function=runtime --arg=0 | FileCheck %s --check-prefix=RUNTIME

// ARITHMETIC: result 0: 5.5
// ARITHMETIC: result 1: 9.5
// ARITHMETIC: result 2: -15
// ARITHMETIC: result 3: -3.75
// ARITHMETIC: result 4: 1.5
// ARITHMETIC: result 5: -7.5
// ARITHMETIC: result 6: -22.5
func.func @arithmetic(%a: f32, %b: f32) -> (f32, f32, f32, f32, f32, f32, f32) {
  %0 = arith.addf %a, %b : f32
  %1 = arith.subf %a, %b : f32
  %2 = arith.mulf %a, %b : f32
  %3 = arith.divf %a, %b : f32
  %4 = arith.remf %a, %b : f32
  %5 = arith.negf %a : f32
  %6 = math.fma %a, %b, %5 : f32
  return %0, %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32, f32
}

// NAN: result 0: nan
// NAN: result 1: nan
// NAN: result 2: 1
// NAN: result 3: 1
// ZERO: result 0: 0
// ZERO: result 1: -0
func.func @minmax(%a: f32, %b: f32) -> (f32, f32, f32, f32) {
  %0 = arith.maximumf %a, %b : f32
  %1 = arith.minimumf %a, %b : f32
  %2 = arith.maxnumf %a, %b : f32
  %3 = arith.minnumf %a, %b : f32
  return %0, %1, %2, %3 : f32, f32, f32, f32
}

// LARGE: result 0: 127
// LARGE: result 1: -1
// LARGE: result 2: 2147483647
// LARGE: result 3: 10000000000
// SMALL: result 0: -128
// SMALL: result 1: 0
// SMALL: result 2: -2147483648
// SMALL: result 3: -10000000000
// NOTNUMBER: result 0: 0
// NOTNUMBER: result 1: 0
// NOTNUMBER: result 2: 0
// NOTNUMBER: result 3: 0
// INSIDE: result 0: -100
// INSIDE: result 1: 0
// INSIDE: result 2: -100
// INSIDE: result 3: -100
func.func @toInteger(%a: f32) -> (i8, i8, i32, i64) {
  %0 = arith.fptosi %a : f32 to i8
  %1 = arith.fptoui %a : f32 to i8
  %2 = arith.fptosi %a : f32 to i32
  %3 = arith.fptosi %a : f32 to i64
  return %0, %1, %2, %3 : i8, i8, i32, i64
}

// FROM: result 0: -1
// FROM: result 1: 255
// FROM: result 2: 1
// FROM: result 3: 255
func.func @fromInteger(%a: i8) -> (f32, f32, f32, f64) {
  %0 = arith.sitofp %a : i8 to f32
  %1 = arith.uitofp %a : i8 to f32
  %true = arith.constant true
  %2 = arith.uitofp %true : i1 to f32
  %3 = arith.uitofp %a : i8 to f64
  return %0, %1, %2, %3 : f32, f32, f32, f64
}

// COMPARE: result 0: 0
// COMPARE: result 1: 1
// COMPARE: result 2: 0
// COMPARE: result 3: 1
// COMPARE: result 4: 0
// COMPARE: result 5: 1
func.func @compare(%a: f32, %b: f32) -> (i1, i1, i1, i1, i1, i1) {
  %0 = arith.cmpf olt, %a, %b : f32
  %1 = arith.cmpf ult, %a, %b : f32
  %2 = arith.cmpf one, %a, %b : f32
  %3 = arith.cmpf une, %a, %b : f32
  %4 = arith.cmpf ord, %a, %b : f32
  %5 = math.isnan %a : f32
  return %0, %1, %2, %3, %4, %5 : i1, i1, i1, i1, i1, i1
}

// ROUNDING: result 0: -2
// ROUNDING: result 1: -3
// ROUNDING: result 2: -2
// ROUNDING: result 3: -3
// ROUNDING: result 4: -2
// ROUNDING: result 5: 2.5
// ROUNDING: result 6: -1
func.func @rounding(%a: f32) -> (f32, f32, f32, f32, f32, f32, f32) {
  %0 = math.ceil %a : f32
  %1 = math.floor %a : f32
  %2 = math.trunc %a : f32
  %3 = math.round %a : f32
  %4 = math.roundeven %a : f32
  %5 = math.absf %a : f32
  %one = arith.constant 1.0 : f32
  %6 = math.copysign %one, %a : f32
  return %0, %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32, f32
}

// BITS: result 0: 0x3F800000
// BITS: result 1: 0x3FF0000000000000
// BITS: result 2: 0x3F800000
func.func @bits(%a: f32) -> (i32, i64, f32) {
  %0 = arith.bitcast %a : f32 to i32
  %wide = arith.extf %a : f32 to f64
  %1 = arith.bitcast %wide : f64 to i64
  %2 = arith.bitcast %0 : i32 to f32
  return %0, %1, %2 : i32, i64, f32
}

// FUNCTIONS: result 0: 1.64872
// FUNCTIONS: result 1: 0.4621171
// FUNCTIONS: result 2: 0.52049
// FUNCTIONS: result 3: 0.7071067
// FUNCTIONS: result 4: 0.25
// FUNCTIONS: result 5: 0.125
// FUNCTIONS: result 6: 0.6
func.func @functions(%a: f32) -> (f32, f32, f32, f32, f32, f32, f32) {
  %0 = math.exp %a : f32
  %1 = math.tanh %a : f32
  %2 = math.erf %a : f32
  %3 = math.sqrt %a : f32
  %two = arith.constant 2.0 : f32
  %4 = math.powf %a, %two : f32
  %three = arith.constant 3 : i32
  %5 = math.fpowi %a, %three : f32, i32
  %low = arith.constant 0.6 : f32
  %high = arith.constant 0.7 : f32
  %6 = math.clampf %a to [%low, %high] : f32
  return %0, %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32, f32
}

// DOUBLE: result 0: 1.648721270700128
// DOUBLE: result 1: 0.479425538604203
// DOUBLE: result 2: 0.877582561890372{{[78]}}
// DOUBLE: result 3: 0.5
func.func @double(%a: f64) -> (f64, f64, f64, f32) {
  %0 = math.exp %a : f64
  %1, %2 = math.sincos %a : f64
  %3 = arith.truncf %a : f64 to f32
  return %0, %1, %2, %3 : f64, f64, f64, f32
}

// RUNTIME: result 0: 0.5
func.func private @adze_sigmoidf(f32) -> f32 attributes {adze.runtime}
func.func @runtime(%a: f32) -> f32 {
  %0 = func.call @adze_sigmoidf(%a) : (f32) -> f32
  return %0 : f32
}
