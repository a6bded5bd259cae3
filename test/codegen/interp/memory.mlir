// Memory: views of other types, shapes and places, constants, elements of less
// than a byte.
// RUN: adze-interp %s --function=views --arg=1,2,3,4,5,6 | FileCheck %s --check-prefix=VIEWS
// RUN: adze-interp %s --function=bytes --arg= --arg=16 | FileCheck %s --check-prefix=BYTES
// RUN: adze-interp %s --function=globals --weight=w:i4=1,-2,7 | FileCheck %s --check-prefix=GLOBALS
// RUN: adze-interp %s --function=packed --arg=1,2,3 --raw | FileCheck %s --check-prefix=PACKED
// RUN: adze-interp %s --function=booleans --arg=1,0,1 | FileCheck %s --check-prefix=BOOLEANS
// RUN: adze-interp %s --function=scratch --arg=3 | FileCheck %s --check-prefix=SCRATCH
// RUN: adze-interp %s --function=parts --arg=0,1,2,3,4,5,6,7,8,9,10,11 --arg=1 | FileCheck %s --check-prefix=PARTS

// VIEWS: argument 1: 1 4 2 5 3 6
func.func @views(%x: memref<2x3xi16>, %y: memref<3x2xi16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %flat = memref.collapse_shape %x [[0, 1]] : memref<2x3xi16> into memref<6xi16>
  %row = memref.expand_shape %flat [[0, 1, 2]] output_shape [1, 2, 3] : memref<6xi16> into memref<1x2x3xi16>
  %same = memref.reinterpret_cast %y to offset: [0], sizes: [6], strides: [1] : memref<3x2xi16> to memref<6xi16>
  scf.for %i = %c0 to %c2 step %c1 {
    scf.for %j = %c0 to %c3 step %c1 {
      %v = memref.load %row[%c0, %i, %j] : memref<1x2x3xi16>
      %at = arith.muli %j, %c2 : index
      %to = arith.addi %at, %i : index
      memref.store %v, %same[%to] : memref<6xi16>
    }
  }
  return
}

// BYTES: argument 0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 -128 63 0 0 0 64
func.func @bytes(%arena: memref<24xi8>, %offset: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %pair = memref.view %arena[%offset][] : memref<24xi8> to memref<2xf32>
  memref.store %one, %pair[%c0] : memref<2xf32>
  memref.store %two, %pair[%c1] : memref<2xf32>
  return
}

memref.global "private" constant @w : memref<3xi4> {adze.weight = #adze.weight<"w"> : tensor<3xi4>}
memref.global "private" constant @splat : memref<3xf64> = dense<2.5>
memref.global "private" constant @flags : memref<3xi1> = dense<[true, false, true]>
// GLOBALS: argument 0: 3.5 -2 9.5
func.func @globals(%y: memref<3xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant 0.0 : f64
  %w = memref.get_global @w : memref<3xi4>
  %s = memref.get_global @splat : memref<3xf64>
  %f = memref.get_global @flags : memref<3xi1>
  scf.for %i = %c0 to %c3 step %c1 {
    %a = memref.load %w[%i] : memref<3xi4>
    %b = memref.load %s[%i] : memref<3xf64>
    %c = memref.load %f[%i] : memref<3xi1>
    %d = arith.sitofp %a : i4 to f64
    %e = arith.select %c, %b, %zero : f64
    %g = arith.addf %d, %e : f64
    memref.store %g, %y[%i] : memref<3xf64>
  }
  return
}

// Reversed, in four bits; then in two.
// PACKED: argument 1: 0x3 0x2 0x1
// PACKED: argument 2: 0x3 0x2 0x1
func.func @packed(%x: memref<3xi4>, %y: memref<3xi4>, %z: memref<3xi2>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  scf.for %i = %c0 to %c3 step %c1 {
    %a = memref.load %x[%i] : memref<3xi4>
    %j = arith.subi %c2, %i : index
    memref.store %a, %y[%j] : memref<3xi4>
    %b = arith.trunci %a : i4 to i2
    memref.store %b, %z[%j] : memref<3xi2>
  }
  return
}

// BOOLEANS: argument 1: 0 1 0
func.func @booleans(%x: memref<3xi1>, %y: memref<3xi1>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %true = arith.constant true
  scf.for %i = %c0 to %c3 step %c1 {
    %a = memref.load %x[%i] : memref<3xi1>
    %b = arith.xori %a, %true : i1
    memref.store %b, %y[%i] : memref<3xi1>
  }
  return
}

// SCRATCH: argument 1: 3 3
func.func @scratch(%x: memref<i32>, %y: memref<2xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %t = memref.alloca() : memref<2xi32>
  %v = memref.load %x[] : memref<i32>
  memref.store %v, %t[%c0] : memref<2xi32>
  memref.store %v, %t[%c1] : memref<2xi32>
  memref.copy %t, %y : memref<2xi32> to memref<2xi32>
  return
}

// The block of 2 x 2 from row %row, column 2, of 3 x 4.
// PARTS: argument 2: 6 7 10 11
func.func @parts(%x: memref<3x4xf32>, %row: index, %y: memref<2x2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %p = memref.subview %x[%row, 2] [2, 2] [1, 1] : memref<3x4xf32> to memref<2x2xf32, strided<[4, 1], offset: ?>>
  scf.for %i = %c0 to %c2 step %c1 {
    scf.for %j = %c0 to %c2 step %c1 {
      %v = memref.load %p[%i, %j] : memref<2x2xf32, strided<[4, 1], offset: ?>>
      memref.store %v, %y[%i, %j] : memref<2x2xf32>
    }
  }
  return
}
