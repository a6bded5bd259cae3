// Operations that have patterns of our own, or that upstream lowers by
// detours: clamping, classes of numbers, integer powers and divisions.
// RUN: adze-jit %s --value x=-7.5,nan,inf,1,1e-42,0.25,-0.5,9 | FileCheck %s

// NaN stays NaN.
// CHECK: clamped = -1 nan 1 1 1.00052{{[0-9]*}}e-42 0.25 -0.5 1
// isnan, isinf, isfinite, isnormal as decimal digits.
// CHECK: classes = 11 1000 100 11 10 11 11 11
// 3 to the power of i; leading zeros of that.
// CHECK: powers = 1 3 9 27 81 243 729 2187
// CHECK: zeros = 31 30 28 27 25 24 22 20
// ceil(i / 3), floor((i - 4) / 3).
// CHECK: divisions = 0 1 1 1 2 2 2 3
// CHECK: floors = -2 -1 -1 -1 0 0 0 1
// CHECK: vector = 0 0 {{.*}} 9

module attributes {adze.model = "operations"} {
  func.func private @k_scalar(%x: memref<8xf32>, %clamped: memref<8xf32>, %classes: memref<8xi32>, %powers: memref<8xi32>,
                              %zeros: memref<8xi32>, %divisions: memref<8xi64>, %floors: memref<8xi64>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %low = arith.constant -1.0 : f32
    %high = arith.constant 1.0 : f32
    %three = arith.constant 3 : i32
    %ten = arith.constant 10 : i32
    scf.for %i = %c0 to %c8 step %c1 {
      %a = memref.load %x[%i] : memref<8xf32>
      %clamp = math.clampf %a to [%low, %high] : f32
      memref.store %clamp, %clamped[%i] : memref<8xf32>
      %n = math.isnan %a : f32
      %f = math.isinf %a : f32
      %g = math.isfinite %a : f32
      %h = math.isnormal %a : f32
      %n0 = arith.extui %n : i1 to i32
      %n1 = arith.extui %f : i1 to i32
      %n2 = arith.extui %g : i1 to i32
      %n3 = arith.extui %h : i1 to i32
      %m0 = arith.muli %n0, %ten : i32
      %m1 = arith.addi %m0, %n1 : i32
      %m2 = arith.muli %m1, %ten : i32
      %m3 = arith.addi %m2, %n2 : i32
      %m4 = arith.muli %m3, %ten : i32
      %m5 = arith.addi %m4, %n3 : i32
      memref.store %m5, %classes[%i] : memref<8xi32>
      %i32 = arith.index_cast %i : index to i32
      %p = math.ipowi %three, %i32 : i32
      memref.store %p, %powers[%i] : memref<8xi32>
      %z = math.ctlz %p : i32
      memref.store %z, %zeros[%i] : memref<8xi32>
      %d = arith.ceildivui %i, %c3 : index
      %d64 = arith.index_castui %d : index to i64
      memref.store %d64, %divisions[%i] : memref<8xi64>
      %j = arith.subi %i, %c4 : index
      %e = arith.floordivsi %j, %c3 : index
      %e64 = arith.index_cast %e : index to i64
      memref.store %e64, %floors[%i] : memref<8xi64>
    }
    return
  }
  func.func private @k_vector(%x: memref<8xf32>, %y: memref<8xf32>) {
    %c0 = arith.constant 0 : index
    %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
    %zero = arith.constant dense<0.0> : vector<8xf32>
    %positive = arith.cmpf ogt, %v, %zero : vector<8xf32>
    %relu = arith.select %positive, %v, %zero : vector<8xi1>, vector<8xf32>
    vector.store %relu, %y[%c0] : memref<8xf32>, vector<8xf32>
    return
  }
  func.func @run(%x: memref<8xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %clamped: memref<8xf32> {adze.name = "clamped", adze.kind = "output", adze.type = "float32"},
                 %classes: memref<8xi32> {adze.name = "classes", adze.kind = "output", adze.type = "int32"},
                 %powers: memref<8xi32> {adze.name = "powers", adze.kind = "output", adze.type = "int32"},
                 %zeros: memref<8xi32> {adze.name = "zeros", adze.kind = "output", adze.type = "int32"},
                 %divisions: memref<8xi64> {adze.name = "divisions", adze.kind = "output", adze.type = "int64"},
                 %floors: memref<8xi64> {adze.name = "floors", adze.kind = "output", adze.type = "int64"},
                 %vector: memref<8xf32> {adze.name = "vector", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    func.call @k_scalar(%x, %clamped, %classes, %powers, %zeros, %divisions, %floors)
        : (memref<8xf32>, memref<8xf32>, memref<8xi32>, memref<8xi32>, memref<8xi32>, memref<8xi64>, memref<8xi64>) -> ()
    func.call @k_vector(%x, %vector) : (memref<8xf32>, memref<8xf32>) -> ()
    return
  }
}
