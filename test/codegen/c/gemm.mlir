// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py %s

// Sixteen accumulators stay sixteen named floats.
module attributes {adze.model = "gemm"} {
  // CHECK-LABEL: void tile_4x4({{.*[^;]$}}
  // CHECK: float sum0 = 0.0f;
  // CHECK: float sum15 = 0.0f;
  // CHECK-NEXT: for (ptrdiff_t k = 0; k < 12; ++k) {
  // CHECK: sum0 += a0 * b0;
  // CHECK: c[(i * 8 + j) * 4 + 27] = sum15;
  func.func @tile_4x4(%a: memref<8x12xf32> {adze.name = "a"}, %b: memref<12x8xf32> {adze.name = "b"}, %c: memref<8x8xf32> {adze.name = "c"}) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c12 = arith.constant 12 : index
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %c2 step %c1 {
      scf.for %j = %c0 to %c2 step %c1 {
        %i4 = arith.muli %i, %c4 : index
        %j4 = arith.muli %j, %c4 : index
        %i1x = arith.addi %i4, %c1 : index
        %j1x = arith.addi %j4, %c1 : index
        %i2x = arith.addi %i4, %c2 : index
        %j2x = arith.addi %j4, %c2 : index
        %i3x = arith.addi %i4, %c3 : index
        %j3x = arith.addi %j4, %c3 : index
        %r:16 = scf.for %k = %c0 to %c12 step %c1 iter_args(%s0 = %zero, %s1 = %zero, %s2 = %zero, %s3 = %zero, %s4 = %zero, %s5 = %zero, %s6 = %zero, %s7 = %zero, %s8 = %zero, %s9 = %zero, %s10 = %zero, %s11 = %zero, %s12 = %zero, %s13 = %zero, %s14 = %zero, %s15 = %zero) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32) {
          %a0 = memref.load %a[%i4, %k] : memref<8x12xf32>
          %a1 = memref.load %a[%i1x, %k] : memref<8x12xf32>
          %a2 = memref.load %a[%i2x, %k] : memref<8x12xf32>
          %a3 = memref.load %a[%i3x, %k] : memref<8x12xf32>
          %b0 = memref.load %b[%k, %j4] : memref<12x8xf32>
          %b1 = memref.load %b[%k, %j1x] : memref<12x8xf32>
          %b2 = memref.load %b[%k, %j2x] : memref<12x8xf32>
          %b3 = memref.load %b[%k, %j3x] : memref<12x8xf32>
          %m0 = arith.mulf %a0, %b0 : f32
          %n0 = arith.addf %s0, %m0 : f32
          %m1 = arith.mulf %a0, %b1 : f32
          %n1 = arith.addf %s1, %m1 : f32
          %m2 = arith.mulf %a0, %b2 : f32
          %n2 = arith.addf %s2, %m2 : f32
          %m3 = arith.mulf %a0, %b3 : f32
          %n3 = arith.addf %s3, %m3 : f32
          %m4 = arith.mulf %a1, %b0 : f32
          %n4 = arith.addf %s4, %m4 : f32
          %m5 = arith.mulf %a1, %b1 : f32
          %n5 = arith.addf %s5, %m5 : f32
          %m6 = arith.mulf %a1, %b2 : f32
          %n6 = arith.addf %s6, %m6 : f32
          %m7 = arith.mulf %a1, %b3 : f32
          %n7 = arith.addf %s7, %m7 : f32
          %m8 = arith.mulf %a2, %b0 : f32
          %n8 = arith.addf %s8, %m8 : f32
          %m9 = arith.mulf %a2, %b1 : f32
          %n9 = arith.addf %s9, %m9 : f32
          %m10 = arith.mulf %a2, %b2 : f32
          %n10 = arith.addf %s10, %m10 : f32
          %m11 = arith.mulf %a2, %b3 : f32
          %n11 = arith.addf %s11, %m11 : f32
          %m12 = arith.mulf %a3, %b0 : f32
          %n12 = arith.addf %s12, %m12 : f32
          %m13 = arith.mulf %a3, %b1 : f32
          %n13 = arith.addf %s13, %m13 : f32
          %m14 = arith.mulf %a3, %b2 : f32
          %n14 = arith.addf %s14, %m14 : f32
          %m15 = arith.mulf %a3, %b3 : f32
          %n15 = arith.addf %s15, %m15 : f32
          scf.yield %n0, %n1, %n2, %n3, %n4, %n5, %n6, %n7, %n8, %n9, %n10, %n11, %n12, %n13, %n14, %n15 : f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32
        }
        memref.store %r#0, %c[%i4, %j4] : memref<8x8xf32>
        memref.store %r#1, %c[%i4, %j1x] : memref<8x8xf32>
        memref.store %r#2, %c[%i4, %j2x] : memref<8x8xf32>
        memref.store %r#3, %c[%i4, %j3x] : memref<8x8xf32>
        memref.store %r#4, %c[%i1x, %j4] : memref<8x8xf32>
        memref.store %r#5, %c[%i1x, %j1x] : memref<8x8xf32>
        memref.store %r#6, %c[%i1x, %j2x] : memref<8x8xf32>
        memref.store %r#7, %c[%i1x, %j3x] : memref<8x8xf32>
        memref.store %r#8, %c[%i2x, %j4] : memref<8x8xf32>
        memref.store %r#9, %c[%i2x, %j1x] : memref<8x8xf32>
        memref.store %r#10, %c[%i2x, %j2x] : memref<8x8xf32>
        memref.store %r#11, %c[%i2x, %j3x] : memref<8x8xf32>
        memref.store %r#12, %c[%i3x, %j4] : memref<8x8xf32>
        memref.store %r#13, %c[%i3x, %j1x] : memref<8x8xf32>
        memref.store %r#14, %c[%i3x, %j2x] : memref<8x8xf32>
        memref.store %r#15, %c[%i3x, %j3x] : memref<8x8xf32>
      }
    }
    return
  }
}
