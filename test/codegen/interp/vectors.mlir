// Vectors of one dimension.
// RUN: adze-interp %s --function=axpy --arg=1,2,3,4,5,6,7,8 --arg=10,20,30,40,50,60,70,80 | FileCheck %s --check-prefix=AXPY
// RUN: adze-interp %s --function=reduce --arg=5,-2,7,1 | FileCheck %s --check-prefix=REDUCE
// RUN: adze-interp %s --function=lanes --arg=1,2,3,4 --arg=2 | FileCheck %s --check-prefix=LANES
// RUN: adze-interp %s --function=widen --arg=-1,2,-3,4 | FileCheck %s --check-prefix=WIDEN

// AXPY: argument 1: 12 24 36 48 60 72 84 96
func.func @axpy(%x: memref<8xf32>, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %two = arith.constant 2.0 : f32
  %a = vector.broadcast %two : f32 to vector<4xf32>
  scf.for %i = %c0 to %c8 step %c4 {
    %u = vector.load %x[%i] : memref<8xf32>, vector<4xf32>
    %v = vector.load %y[%i] : memref<8xf32>, vector<4xf32>
    %w = vector.fma %a, %u, %v : vector<4xf32>
    vector.store %w, %y[%i] : memref<8xf32>, vector<4xf32>
  }
  return
}

// REDUCE: result 0: 11
// REDUCE: result 1: 111
// REDUCE: result 2: -70
// REDUCE: result 3: 7
// REDUCE: result 4: -2
func.func @reduce(%x: memref<4xi32>) -> (i32, i32, i32, i32, i32) {
  %c0 = arith.constant 0 : index
  %start = arith.constant 100 : i32
  %v = vector.load %x[%c0] : memref<4xi32>, vector<4xi32>
  %0 = vector.reduction <add>, %v : vector<4xi32> into i32
  %1 = vector.reduction <add>, %v, %start : vector<4xi32> into i32
  %2 = vector.reduction <mul>, %v : vector<4xi32> into i32
  %3 = vector.reduction <maxsi>, %v : vector<4xi32> into i32
  %4 = vector.reduction <minsi>, %v : vector<4xi32> into i32
  return %0, %1, %2, %3, %4 : i32, i32, i32, i32, i32
}

// LANES: argument 2: 4 3 2 1
// LANES: argument 3: 1 2 9 4
// LANES: result 0: 3
// LANES: result 1: 1
// LANES: result 2: 9
func.func @lanes(%x: memref<4xf64>, %at: index, %y: memref<4xf64>, %z: memref<4xf64>) -> (f64, f64, f64) {
  %c0 = arith.constant 0 : index
  %nine = arith.constant 9.0 : f64
  %v = vector.load %x[%c0] : memref<4xf64>, vector<4xf64>
  %0 = vector.extract %v[%at] : f64 from vector<4xf64>
  %1 = vector.extract %v[0] : f64 from vector<4xf64>
  %w = vector.insert %nine, %v[%at] : f64 into vector<4xf64>
  %2 = vector.extract %w[%at] : f64 from vector<4xf64>
  %r = vector.shuffle %v, %w [3, 2, 1, 0] : vector<4xf64>, vector<4xf64>
  vector.store %r, %y[%c0] : memref<4xf64>, vector<4xf64>
  vector.store %w, %z[%c0] : memref<4xf64>, vector<4xf64>
  return %0, %1, %2 : f64, f64, f64
}

// WIDEN: argument 1: 0 8 0 12
func.func @widen(%x: memref<4xi8>, %y: memref<4xi32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0> : vector<4xi32>
  %step = vector.step : vector<4xindex>
  %index = arith.index_cast %step : vector<4xindex> to vector<4xi32>
  %v = vector.load %x[%c0] : memref<4xi8>, vector<4xi8>
  %w = arith.extsi %v : vector<4xi8> to vector<4xi32>
  %p = arith.cmpi sgt, %w, %zero : vector<4xi32>
  %s = arith.muli %w, %w : vector<4xi32>
  %t = arith.addi %s, %w : vector<4xi32>
  %three = arith.constant dense<[2, 2, 2, 8]> : vector<4xi32>
  %u = arith.addi %t, %three : vector<4xi32>
  %n = arith.addi %u, %zero : vector<4xi32>
  %e = arith.select %p, %n, %zero : vector<4xi1>, vector<4xi32>
  %q = arith.constant dense<[0, 0, 0, -16]> : vector<4xi32>
  %d = arith.addi %e, %q : vector<4xi32>
  vector.store %d, %y[%c0] : memref<4xi32>, vector<4xi32>
  return
}
