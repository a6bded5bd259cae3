// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py %s

module attributes {adze.model = "elementwise"} {
  // CHECK-LABEL: void affine_relu(const float *x, float *y) {
  // CHECK-NEXT: for (ptrdiff_t i = 0; i < 4; ++i) {
  // CHECK-NEXT:   for (ptrdiff_t j = 0; j < 7; ++j) {
  // CHECK-NEXT:     const float t = x[i * 7 + j] * 0.1f + 1e-08f;
  // CHECK-NEXT:     y[i * 7 + j] = t < 0.0f ? 0.0f : t;
  func.func @affine_relu(%x: memref<4x7xf32> {adze.name = "x"}, %y: memref<4x7xf32> {adze.name = "y"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c7 = arith.constant 7 : index
    %scale = arith.constant 0.1 : f32
    %shift = arith.constant 1.0e-8 : f32
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %c4 step %c1 {
      scf.for %j = %c0 to %c7 step %c1 {
        %v = memref.load %x[%i, %j] : memref<4x7xf32>
        %m = arith.mulf %v, %scale : f32
        %a = arith.addf %m, %shift : f32
        %r = arith.maximumf %a, %zero : f32
        memref.store %r, %y[%i, %j] : memref<4x7xf32>
      }
    }
    return
  }

  // Every function that C prints by name; what grows is named.
  // CHECK-LABEL: void functions({{.*[^;]$}}
  // CHECK: adze_tanhf(
  // CHECK: fabsf(v)
  // CHECK: sqrtf(
  // CHECK: floorf(
  // CHECK: rintf(
  // CHECK: copysignf(
  // CHECK: ADZE_FMAF(
  func.func @functions(%x: memref<8xf32>, %y: memref<9x8xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c6 = arith.constant 6 : index
    %c7 = arith.constant 7 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c1 {
      %v = memref.load %x[%i] : memref<8xf32>
      %0 = math.tanh %v : f32
      memref.store %0, %y[%c0, %i] : memref<9x8xf32>
      %abs = math.absf %v : f32
      %1 = math.sqrt %abs : f32
      memref.store %1, %y[%c1, %i] : memref<9x8xf32>
      %2 = math.floor %v : f32
      memref.store %2, %y[%c2, %i] : memref<9x8xf32>
      %3 = math.roundeven %v : f32
      memref.store %3, %y[%c3, %i] : memref<9x8xf32>
      %4 = math.copysign %1, %v : f32
      memref.store %4, %y[%c4, %i] : memref<9x8xf32>
      %5 = math.fma %v, %v, %1 : f32
      memref.store %5, %y[%c5, %i] : memref<9x8xf32>
      %6 = math.exp %v : f32
      %neg = arith.negf %6 : f32
      %neg2 = arith.negf %neg : f32
      memref.store %neg2, %y[%c6, %i] : memref<9x8xf32>
      %7 = math.erf %v : f32
      memref.store %7, %y[%c7, %i] : memref<9x8xf32>
      %8 = math.powf %abs, %v : f32
      memref.store %8, %y[%c8, %i] : memref<9x8xf32>
    }
    return
  }

  // maximumf hands a NaN on, maxnumf drops it, in either position.
  // CHECK-LABEL: void nan_rules({{.*[^;]$}}
  func.func @nan_rules(%x: memref<4xf32>, %y: memref<10x4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c6 = arith.constant 6 : index
    %c7 = arith.constant 7 : index
    %c8 = arith.constant 8 : index
    %c9 = arith.constant 9 : index
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %inf = arith.constant 0x7F800000 : f32
    scf.for %i = %c0 to %c4 step %c1 {
      %v = memref.load %x[%i] : memref<4xf32>
      %big = arith.mulf %v, %inf : f32
      %nan = arith.subf %big, %big : f32
      %0 = arith.maximumf %v, %nan : f32
      memref.store %0, %y[%c0, %i] : memref<10x4xf32>
      %1 = arith.maximumf %nan, %v : f32
      memref.store %1, %y[%c1, %i] : memref<10x4xf32>
      %2 = arith.maxnumf %v, %nan : f32
      memref.store %2, %y[%c2, %i] : memref<10x4xf32>
      %3 = arith.minnumf %nan, %v : f32
      memref.store %3, %y[%c3, %i] : memref<10x4xf32>
      %4 = arith.maximumf %nan, %zero : f32
      memref.store %4, %y[%c4, %i] : memref<10x4xf32>
      %5 = arith.maxnumf %nan, %one : f32
      memref.store %5, %y[%c5, %i] : memref<10x4xf32>
      %u = arith.cmpf uno, %v, %nan : f32
      %6 = arith.select %u, %one, %zero : f32
      memref.store %6, %y[%c6, %i] : memref<10x4xf32>
      %lt = arith.cmpf ult, %v, %nan : f32
      %7 = arith.select %lt, %one, %zero : f32
      memref.store %7, %y[%c7, %i] : memref<10x4xf32>
      %ne = arith.cmpf one, %v, %nan : f32
      %8 = arith.select %ne, %one, %zero : f32
      memref.store %8, %y[%c8, %i] : memref<10x4xf32>
      %or = arith.cmpf ord, %v, %zero : f32
      %9 = arith.uitofp %or : i1 to f32
      memref.store %9, %y[%c9, %i] : memref<10x4xf32>
    }
    return
  }
}
