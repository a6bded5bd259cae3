// RUN: adze-translate %s | FileCheck %s

// Views with strides and offsets become subscripts of the buffer.
module attributes {adze.model = "strided"} {
  // CHECK: void rows(const float *x, float *y) {
  // CHECK: y[i] = x[i + 4] + x[(j * 2 + i) * 2 + 1];
  func.func @rows(%x: memref<2x4xf32> {adze.name = "x"}, %y: memref<2xf32> {adze.name = "y"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %row = memref.reinterpret_cast %x to offset: [4], sizes: [4], strides: [1] : memref<2x4xf32> to memref<4xf32, strided<[1], offset: 4>>
    scf.for %i = %c0 to %c2 step %c1 {
      scf.for %j = %c0 to %c2 step %c1 {
        %odd = memref.subview %x[%j, 1] [1, 2] [1, 2] : memref<2x4xf32> to memref<2xf32, strided<[2], offset: ?>>
        %a = memref.load %row[%i] : memref<4xf32, strided<[1], offset: 4>>
        %b = memref.load %odd[%i] : memref<2xf32, strided<[2], offset: ?>>
        %s = arith.addf %a, %b : f32
        memref.store %s, %y[%i] : memref<2xf32>
      }
    }
    return
  }
}
