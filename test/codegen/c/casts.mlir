// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py --range=-100,100 %s

module attributes {adze.model = "casts"} {
  // CHECK: void numbers({{$}}
  // CHECK-DAG: (float)(uint8_t)
  // CHECK-DAG: (int8_t)
  // CHECK-DAG: bits_of_f32(
  func.func @numbers(%x: memref<8xf32>, %n: memref<8xi8>, %f: memref<4x8xf32>, %i: memref<6x8xi32>, %d: memref<8xf64>, %s: memref<8xi8>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c8 = arith.constant 8 : index
    scf.for %k = %c0 to %c8 step %c1 {
      %v = memref.load %x[%k] : memref<8xf32>
      %b = memref.load %n[%k] : memref<8xi8>
      %0 = arith.sitofp %b : i8 to f32
      memref.store %0, %f[%c0, %k] : memref<4x8xf32>
      %1 = arith.uitofp %b : i8 to f32
      memref.store %1, %f[%c1, %k] : memref<4x8xf32>
      %bits = arith.bitcast %v : f32 to i32
      memref.store %bits, %i[%c0, %k] : memref<6x8xi32>
      %back = arith.bitcast %bits : i32 to f32
      memref.store %back, %f[%c2, %k] : memref<4x8xf32>
      %whole = arith.fptosi %v : f32 to i32
      memref.store %whole, %i[%c1, %k] : memref<6x8xi32>
      %wide = arith.extui %b : i8 to i32
      memref.store %wide, %i[%c2, %k] : memref<6x8xi32>
      %signed = arith.extsi %b : i8 to i32
      memref.store %signed, %i[%c3, %k] : memref<6x8xi32>
      %at = arith.index_cast %k : index to i32
      memref.store %at, %i[%c4, %k] : memref<6x8xi32>
      %low = arith.trunci %bits : i32 to i1
      %lowi = arith.extui %low : i1 to i32
      memref.store %lowi, %i[%c5, %k] : memref<6x8xi32>
      %double = arith.extf %v : f32 to f64
      %third = arith.constant 0.333333333333333333 : f64
      %scaled = arith.mulf %double, %third : f64
      memref.store %scaled, %d[%k] : memref<8xf64>
      %single = arith.truncf %scaled : f64 to f32
      memref.store %single, %f[%c3, %k] : memref<4x8xf32>
      %small = arith.fptosi %v : f32 to i8
      memref.store %small, %s[%k] : memref<8xi8>
    }
    return
  }

  // A gather: the position comes from memory.
  // CHECK-LABEL: void gather({{.*[^;]$}}
  // CHECK: out[i] = in[(ptrdiff_t)at[i]];
  func.func @gather(%x: memref<101xf32>, %at: memref<4xi64> {adze.name = "at"}, %y: memref<4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %mask = arith.constant 63 : i64
    scf.for %k = %c0 to %c4 step %c1 {
      %p = memref.load %at[%k] : memref<4xi64>
      %q = arith.andi %p, %mask : i64
      memref.store %q, %at[%k] : memref<4xi64>
    }
    scf.for %k = %c0 to %c4 step %c1 {
      %p = memref.load %at[%k] : memref<4xi64>
      %i = arith.index_cast %p : i64 to index
      %v = memref.load %x[%i] : memref<101xf32>
      memref.store %v, %y[%k] : memref<4xf32>
    }
    return
  }
}
