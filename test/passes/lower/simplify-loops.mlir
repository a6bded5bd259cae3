// RUN: adze-opt %s --simplify-loops | FileCheck %s

// Loops of one round disappear, their index is known.
// CHECK-LABEL: func.func @once
// CHECK-NOT: scf.for
// CHECK: memref.load %{{.*}}[%c0, %{{.*}}] : memref<1x8xf32>
// CHECK: return
func.func @once(%x: memref<1x8xf32>, %j: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %c1 step %c1 iter_args(%a = %z) -> f32 {
    %v = memref.load %x[%i, %j] : memref<1x8xf32>
    %b = arith.addf %a, %v : f32
    scf.yield %b : f32
  }
  return %s : f32
}

// A load that does not change leaves a loop that writes nothing.
// CHECK-LABEL: func.func @invariant
// CHECK: memref.load %{{.*}}[%{{.*}}] : memref<4xf32>
// CHECK: scf.for
// CHECK-NOT: memref<4xf32>
// CHECK: return
func.func @invariant(%x: memref<8xf32>, %w: memref<4xf32>, %j: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %z) -> f32 {
    %v = memref.load %x[%i] : memref<8xf32>
    %b = memref.load %w[%j] : memref<4xf32>
    %m = arith.mulf %v, %b : f32
    %n = arith.addf %a, %m : f32
    scf.yield %n : f32
  }
  return %s : f32
}

// Kernels may work in place: %w and %y may be the same memory.
// CHECK-LABEL: func.func @inPlace
// CHECK: scf.for
// CHECK: memref.load %{{.*}} : memref<4xf32>
// CHECK: memref.store
func.func @inPlace(%w: memref<4xf32>, %y: memref<8xf32>, %j: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %b = memref.load %w[%j] : memref<4xf32>
    memref.store %b, %y[%i] : memref<8xf32>
  }
  return
}

// Constants are nobody's output.
memref.global "private" constant @c : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
// CHECK-LABEL: func.func @constant
// CHECK: memref.load %{{.*}} : memref<4xf32>
// CHECK: scf.for
// CHECK-NEXT: memref.store
func.func @constant(%y: memref<8xf32>, %j: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %w = memref.get_global @c : memref<4xf32>
  scf.for %i = %c0 to %c8 step %c1 {
    %b = memref.load %w[%j] : memref<4xf32>
    memref.store %b, %y[%i] : memref<8xf32>
  }
  return
}

// A loop that may not run does not load early.
// CHECK-LABEL: func.func @perhaps
// CHECK: scf.for
// CHECK: memref.load
func.func @perhaps(%w: memref<4xf32>, %n: index, %j: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %z = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %n step %c1 iter_args(%a = %z) -> f32 {
    %b = memref.load %w[%j] : memref<4xf32>
    %d = arith.addf %a, %b : f32
    scf.yield %d : f32
  }
  return %s : f32
}

// Functions of the runtime depend on nothing but their arguments.
func.func private @adze_f16_to_f32(i16) -> f32 attributes {adze.runtime}
// CHECK-LABEL: func.func @decode
// CHECK: call @adze_f16_to_f32
// CHECK: scf.for
// CHECK-NEXT: memref.store
func.func @decode(%code: i16, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %b = func.call @adze_f16_to_f32(%code) : (i16) -> f32
    memref.store %b, %y[%i] : memref<8xf32>
  }
  return
}

// A number that was just decoded has a code; calls that nobody needs go.
func.func private @adze_f32_to_f16(f32) -> i16 attributes {adze.runtime}
func.func private @adze_f32_to_bf16(f32) -> i16 attributes {adze.runtime}
// CHECK-LABEL: func.func @roundTrip
// CHECK-SAME: (%[[CODE:.*]]: i16)
// CHECK-NEXT: %[[VALUE:.*]] = call @adze_f16_to_f32(%[[CODE]])
// CHECK-NEXT: %[[OTHER:.*]] = call @adze_f32_to_bf16(%[[VALUE]])
// CHECK-NEXT: return %[[CODE]], %[[OTHER]]
func.func @roundTrip(%code: i16) -> (i16, i16) {
  %0 = func.call @adze_f16_to_f32(%code) : (i16) -> f32
  %1 = func.call @adze_f32_to_f16(%0) : (f32) -> i16
  %2 = func.call @adze_f32_to_bf16(%0) : (f32) -> i16
  %unused = func.call @adze_f16_to_f32(%2) : (i16) -> f32
  return %1, %2 : i16, i16
}

// The range of an index decides comparisons.
// CHECK-LABEL: func.func @range
// CHECK-NOT: scf.if
// CHECK-NOT: arith.cmpi
// CHECK: return
func.func @range(%y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %z = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %p = arith.cmpi slt, %i, %c8 : index
    scf.if %p {
      memref.store %z, %y[%i] : memref<8xf32>
    }
  }
  return
}

// A buffer that nothing reads.
// CHECK-LABEL: func.func @unread
// CHECK-NOT: memref.alloca
// CHECK: return
func.func @unread(%v: f32) {
  %c0 = arith.constant 0 : index
  %t = memref.alloca() : memref<4xf32>
  memref.store %v, %t[%c0] : memref<4xf32>
  return
}
