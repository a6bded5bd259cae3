// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py %s

module attributes {adze.model = "vectors"} {
  // CHECK-LABEL: void micro_kernel({{.*[^;]$}}
  // CHECK: float sum0[8];
  // CHECK: for (ptrdiff_t i = 0; i < 10; ++i) {
  // CHECK:   float b0[8];
  // CHECK-NEXT: for (int l = 0; l < 8; ++l) {
  // CHECK-NEXT:   b0[l] = b[i * 8 + l];
  // CHECK:   for (int l = 0; l < 8; ++l) {
  // CHECK-NEXT:   sum0[l] = ADZE_FMAF(a0, b0[l], sum0[l]);
  func.func @micro_kernel(%a: memref<10x2xf32> {adze.name = "a"}, %b: memref<10x8xf32> {adze.name = "b"}, %c: memref<2x8xf32> {adze.name = "c"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c10 = arith.constant 10 : index
    %zero = arith.constant dense<0.0> : vector<8xf32>
    %r:2 = scf.for %k = %c0 to %c10 step %c1 iter_args(%s0 = %zero, %s1 = %zero) -> (vector<8xf32>, vector<8xf32>) {
      %v = vector.load %b[%k, %c0] : memref<10x8xf32>, vector<8xf32>
      %x = memref.load %a[%k, %c0] : memref<10x2xf32>
      %y = memref.load %a[%k, %c1] : memref<10x2xf32>
      %xv = vector.broadcast %x : f32 to vector<8xf32>
      %yv = vector.broadcast %y : f32 to vector<8xf32>
      %n0 = vector.fma %xv, %v, %s0 : vector<8xf32>
      %n1 = vector.fma %yv, %v, %s1 : vector<8xf32>
      scf.yield %n0, %n1 : vector<8xf32>, vector<8xf32>
    }
    vector.store %r#0, %c[%c0, %c0] : memref<2x8xf32>, vector<8xf32>
    vector.store %r#1, %c[%c1, %c0] : memref<2x8xf32>, vector<8xf32>
    return
  }

  // Loads come before overlapping stores.
  // CHECK-LABEL: void shift({{.*[^;]$}}
  func.func @shift(%x: memref<16xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %two = arith.constant dense<2.0> : vector<4xf32>
    %v = vector.load %x[%c0] : memref<16xf32>, vector<4xf32>
    %w = arith.mulf %v, %two : vector<4xf32>
    vector.store %w, %x[%c1] : memref<16xf32>, vector<4xf32>
    return
  }

  // CHECK-LABEL: void lanes1({{.*[^;]$}}
  func.func @lanes1(%x: memref<8xf32>, %y: memref<8xf32>, %z: memref<6xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %ramp = arith.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : vector<8xf32>
    %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
    %m = arith.addf %v, %ramp : vector<8xf32>
    %e = math.exp %m : vector<8xf32>
    %p = arith.cmpf ogt, %v, %ramp : vector<8xf32>
    %s = arith.select %p, %v, %m : vector<8xi1>, vector<8xf32>
    vector.store %s, %y[%c0] : memref<8xf32>, vector<8xf32>
    %sum = vector.reduction <add>, %e : vector<8xf32> into f32
    memref.store %sum, %z[%c0] : memref<6xf32>
    %max = vector.reduction <maximumf>, %m : vector<8xf32> into f32
    memref.store %max, %z[%c1] : memref<6xf32>
    %first = vector.extract %v[3] : f32 from vector<8xf32>
    memref.store %first, %z[%c2] : memref<6xf32>
    %pair = vector.from_elements %first, %sum : vector<2xf32>
    %prod = vector.reduction <mul>, %pair : vector<2xf32> into f32
    memref.store %prod, %z[%c3] : memref<6xf32>
    %from = vector.reduction <add>, %v, %first : vector<8xf32> into f32
    memref.store %from, %z[%c4] : memref<6xf32>
    %put = vector.insert %sum, %v[5] : f32 into vector<8xf32>
    %got = vector.extract %put[5] : f32 from vector<8xf32>
    memref.store %got, %z[%c5] : memref<6xf32>
    return
  }
}
