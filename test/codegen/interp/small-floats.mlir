// Floats of 16 bits and less: computed in f32, rounded after each operation;
// f64 is rounded once. legalize-small-floats gives the same.
// RUN: adze-interp %s --function=half --arg=0x1p0 --arg=1.00048828125 --raw | FileCheck %s --check-prefix=HALF
// RUN: adze-interp %s --function=narrow --arg=0.1,300,1000,-0.001 --raw | FileCheck %s --check-prefix=NARROW
// RUN: adze-interp %s --function=once --arg=1.00048828125000022 --raw | FileCheck %s --check-prefix=ONCE
// RUN: adze-interp %s --function=sum --arg=2048,1,1,1 | FileCheck %s --check-prefix=SUM
// RUN: adze-opt %s --legalize-small-floats --legalize-integers > %t
// RUN: adze-interp %t --function=half --arg=0x3c00 --arg=1.00048828125 --raw | FileCheck %s --check-prefix=HALF
// RUN: adze-interp %t --function=narrow --arg=0.1,300,1000,-0.001 --raw | FileCheck %s --check-prefixes=NARROW
// RUN: adze-interp %t --function=once --arg=1.00048828125000022 --raw | FileCheck %s --check-prefix=ONCE
// RUN: adze-interp %t --function=sum --arg=0x6800,0x3c00,0x3c00,0x3c00 --raw | FileCheck %s --check-prefix=SUM-RAW

// 1.00048828125 lies between two numbers of f16, 1 is the even one.
// HALF: argument 2: 0x3C00 0x4248 0x2E66
func.func @half(%x: memref<1xf16>, %s: f64, %y: memref<3xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = arith.truncf %s : f64 to f16
  memref.store %0, %y[%c0] : memref<3xf16>
  %pi = arith.constant 3.14159 : f16
  memref.store %pi, %y[%c1] : memref<3xf16>
  %a = memref.load %x[%c0] : memref<1xf16>
  %ten = arith.constant 10.0 : f16
  %1 = arith.divf %a, %ten : f16
  memref.store %1, %y[%c2] : memref<3xf16>
  return
}

// NARROW: argument 1: 0x3DCD 0x4396 0x447A 0xBA83
// NARROW: argument 2: 0x1D 0x79 0x7F 0x81
// NARROW: argument 3: 0x2E 0x5D 0x64 0x94
func.func @narrow(%x: memref<4xf32>, %a: memref<4xbf16>, %b: memref<4xf8E4M3FN>, %c: memref<4xf8E5M2>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %v = memref.load %x[%i] : memref<4xf32>
    %0 = arith.truncf %v : f32 to bf16
    memref.store %0, %a[%i] : memref<4xbf16>
    %1 = arith.truncf %v : f32 to f8E4M3FN
    memref.store %1, %b[%i] : memref<4xf8E4M3FN>
    %2 = arith.truncf %v : f32 to f8E5M2
    memref.store %2, %c[%i] : memref<4xf8E5M2>
  }
  return
}

// Just above the middle: rounding to f32 first would go down to 1.
// ONCE: argument 1: 0x3C01
func.func @once(%s: f64, %y: memref<1xf16>) {
  %c0 = arith.constant 0 : index
  %0 = arith.truncf %s : f64 to f16
  memref.store %0, %y[%c0] : memref<1xf16>
  return
}

// Ones vanish beside 2048.
// SUM: argument 1: 2048
// SUM-RAW: argument 1: 0x6800
func.func @sum(%x: memref<4xf16>, %y: memref<1xf16>) {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<4xf16>, vector<4xf16>
  %0 = vector.reduction <add>, %v : vector<4xf16> into f16
  memref.store %0, %y[%c0] : memref<1xf16>
  return
}
