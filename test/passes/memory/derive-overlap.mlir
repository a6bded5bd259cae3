// RUN: adze-opt %s --derive-overlap | FileCheck %s

// Element by element: in place, and anywhere below.
// CHECK-LABEL: kernel.func @relu
// CHECK-SAME: overlap = [array<i64: 0, 0>, array<i64: 0, 1>]
kernel.func @relu(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  kernel.return %x : tensor<8x16xf32>
}
func.func private @relu.loops(%x: memref<8x16xf32>, %y: memref<8x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    scf.for %j = %c0 to %c16 step %c1 {
      %a = memref.load %x[%i, %j] : memref<8x16xf32>
      %b = arith.maximumf %a, %zero : f32
      memref.store %b, %y[%i, %j] : memref<8x16xf32>
    }
  }
  return
}

// A transpose reads late what it writes early: too little would be saved.
// CHECK-LABEL: kernel.func @transpose
// CHECK-NOT: overlap
// CHECK: kernel.return
kernel.func @transpose(%x: tensor<8x16xf32>) -> tensor<16x8xf32> {
  %0 = tensor.empty() : tensor<16x8xf32>
  kernel.return %0 : tensor<16x8xf32>
}
func.func private @transpose.loops(%x: memref<8x16xf32>, %y: memref<16x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %c16 step %c1 {
    scf.for %j = %c0 to %c8 step %c1 {
      %a = memref.load %x[%j, %i] : memref<8x16xf32>
      memref.store %a, %y[%i, %j] : memref<16x8xf32>
    }
  }
  return
}

// A pointwise convolution reads the inputs of a pixel again for each output but
// the last: 15 outputs, 60 bytes, come before a read of the first input.
// CHECK-LABEL: kernel.func @pointwise
// CHECK-SAME: overlap = [array<i64: 0, 60>]
kernel.func @pointwise(%x: tensor<32x16xf32>, %w: tensor<16x16xf32>) -> tensor<32x16xf32> {
  kernel.return %x : tensor<32x16xf32>
}
func.func private @pointwise.loops(%x: memref<32x16xf32>, %w: memref<16x16xf32>, %y: memref<32x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %p = %c0 to %c32 step %c1 {
    scf.for %o = %c0 to %c16 step %c1 {
      %sum = scf.for %i = %c0 to %c16 step %c1 iter_args(%s = %zero) -> f32 {
        %a = memref.load %x[%p, %i] : memref<32x16xf32>
        %b = memref.load %w[%i, %o] : memref<16x16xf32>
        %t = math.fma %a, %b, %s : f32
        scf.yield %t : f32
      }
      memref.store %sum, %y[%p, %o] : memref<32x16xf32>
    }
  }
  return
}

// A depthwise 3x3 with padding 1 whose taps run over what lies inside the
// input. After pixel (r, q) is written, pixel (r - 1, q) is still read: a row of
// 5 pixels and a pixel of 256 bytes.
// CHECK-LABEL: kernel.func @depthwise
// CHECK-SAME: overlap = [array<i64: 0, 1536>]
kernel.func @depthwise(%x: tensor<25x5x64xf32>) -> tensor<25x5x64xf32> {
  kernel.return %x : tensor<25x5x64xf32>
}
func.func private @depthwise.loops(%x: memref<25x5x64xf32>, %y: memref<25x5x64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  %c25 = arith.constant 25 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  scf.for %r = %c0 to %c25 step %c1 {
    %r0 = arith.subi %r, %c1 : index
    %r1 = arith.maxsi %r0, %c0 : index
    %r2 = arith.addi %r, %c2 : index
    %r3 = arith.minsi %r2, %c25 : index
    scf.for %q = %c0 to %c5 step %c1 {
      %q0 = arith.subi %q, %c1 : index
      %q1 = arith.maxsi %q0, %c0 : index
      %q2 = arith.addi %q, %c2 : index
      %q3 = arith.minsi %q2, %c5 : index
      scf.for %c = %c0 to %c64 step %c1 {
        %sum = scf.for %i = %r1 to %r3 step %c1 iter_args(%s = %zero) -> f32 {
          %row = scf.for %j = %q1 to %q3 step %c1 iter_args(%t = %s) -> f32 {
            %a = memref.load %x[%i, %j, %c] : memref<25x5x64xf32>
            %u = arith.addf %t, %a : f32
            scf.yield %u : f32
          }
          scf.yield %row : f32
        }
        memref.store %sum, %y[%r, %q, %c] : memref<25x5x64xf32>
      }
    }
  }
  return
}

// Row by row: a sum over the row first, then the row in vectors. The divisor
// of a linear index tells which row it is.
// CHECK-LABEL: kernel.func @normalize
// CHECK-SAME: overlap = [array<i64: 0, 0>, array<i64: 0, 1>]
kernel.func @normalize(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  kernel.return %x : tensor<8x16xf32>
}
func.func private @normalize.loops(%x: memref<8x16xf32>, %y: memref<8x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  scf.for %n = %c0 to %c128 step %c16 {
    %i = arith.divui %n, %c16 : index
    %sum = scf.for %j = %c0 to %c16 step %c1 iter_args(%s = %zero) -> f32 {
      %a = memref.load %x[%i, %j] : memref<8x16xf32>
      %t = arith.addf %a, %s : f32
      scf.yield %t : f32
    }
    %v = vector.broadcast %sum : f32 to vector<4xf32>
    scf.for %j = %c0 to %c16 step %c4 {
      %a = vector.load %x[%i, %j] : memref<8x16xf32>, vector<4xf32>
      %b = arith.divf %a, %v : vector<4xf32>
      vector.store %b, %y[%i, %j] : memref<8x16xf32>, vector<4xf32>
    }
  }
  return
}

// An output that is twice as large runs ahead of the input, by all of the input
// but its last element: 60 bytes.
// CHECK-LABEL: kernel.func @widen
// CHECK-SAME: overlap = [array<i64: 0, 60>]
kernel.func @widen(%x: tensor<16xf32>) -> tensor<16x2xf32> {
  %0 = tensor.empty() : tensor<16x2xf32>
  kernel.return %0 : tensor<16x2xf32>
}
func.func private @widen.loops(%x: memref<16xf32>, %y: memref<16x2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %c16 step %c1 {
    %a = memref.load %x[%i] : memref<16xf32>
    memref.store %a, %y[%i, %c0] : memref<16x2xf32>
    memref.store %a, %y[%i, %c1] : memref<16x2xf32>
  }
  return
}

// A gather reads anywhere at any time. Its indices have another type than the
// output, which keeps those two apart.
// CHECK-LABEL: kernel.func @gather
// CHECK-NOT: overlap
// CHECK: kernel.return
kernel.func @gather(%x: tensor<16xf32>, %i: tensor<16xi32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func private @gather.loops(%x: memref<16xf32>, %i: memref<16xi32>, %y: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.for %n = %c0 to %c16 step %c1 {
    %a = memref.load %i[%n] : memref<16xi32>
    %b = arith.index_cast %a : i32 to index
    %c = memref.load %x[%b] : memref<16xf32>
    memref.store %c, %y[%n] : memref<16xf32>
  }
  return
}

// A loop that ends by what it computes reads again what it wrote before; a
// copy as a whole tells no order.
// CHECK-LABEL: kernel.func @repeat
// CHECK-NOT: overlap
// CHECK: kernel.return
kernel.func @repeat(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func private @repeat.loops(%x: memref<16xf32>, %y: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c15 = arith.constant 15 : index
  %go = arith.constant true
  scf.while (%more = %go) : (i1) -> () {
    %a = memref.load %x[%c0] : memref<16xf32>
    scf.condition(%more)
  } do {
    %b = arith.constant 1.0 : f32
    memref.store %b, %y[%c15] : memref<16xf32>
    %stop = arith.constant false
    scf.yield %stop : i1
  }
  return
}

// CHECK-LABEL: kernel.func @copy
// CHECK-NOT: overlap
// CHECK: kernel.return
kernel.func @copy(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func private @copy.loops(%x: memref<16xf32>, %y: memref<16xf32>) {
  memref.copy %x, %y : memref<16xf32> to memref<16xf32>
  return
}
