// Sums and maxima, scalar through iter_args and across the lanes of vectors.
// RUN: adze-jit %s --value x=1,-2,3,4,5,-6,7,8 | FileCheck %s

// CHECK: y = 20 20 8 8 -6 13
// CHECK: nan = nan -2

module attributes {adze.model = "reductions"} {
  func.func private @k_reduce(%x: memref<8xf32>, %y: memref<6xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    %low = arith.constant 0xFF800000 : f32
    %sum, %max = scf.for %i = %c0 to %c8 step %c1 iter_args(%s = %zero, %m = %low) -> (f32, f32) {
      %a = memref.load %x[%i] : memref<8xf32>
      %s1 = arith.addf %s, %a : f32
      %m1 = arith.maximumf %m, %a : f32
      scf.yield %s1, %m1 : f32, f32
    }
    memref.store %sum, %y[%c0] : memref<6xf32>
    memref.store %max, %y[%c2] : memref<6xf32>
    %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
    %vsum = vector.reduction <add>, %v : vector<8xf32> into f32
    %vmax = vector.reduction <maximumf>, %v : vector<8xf32> into f32
    %vmin = vector.reduction <minimumf>, %v : vector<8xf32> into f32
    memref.store %vsum, %y[%c1] : memref<6xf32>
    memref.store %vmax, %y[%c3] : memref<6xf32>
    memref.store %vmin, %y[%c4] : memref<6xf32>
    %a = vector.extract %v[2] : f32 from vector<8xf32>
    %b = vector.extract %v[3] : f32 from vector<8xf32>
    %few = vector.from_elements %a, %b, %a, %a : vector<4xf32>
    %fewSum = vector.reduction <add>, %few : vector<4xf32> into f32
    memref.store %fewSum, %y[%c5] : memref<6xf32>
    return
  }
  // ONNX's Max and Min propagate NaN.
  func.func private @k_nan(%x: memref<8xf32>, %y: memref<2xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %nan = arith.constant 0x7FC00000 : f32
    %a = memref.load %x[%c1] : memref<8xf32>
    %m = arith.maximumf %a, %nan : f32
    memref.store %m, %y[%c0] : memref<2xf32>
    %n = arith.minnumf %a, %nan : f32
    memref.store %n, %y[%c1] : memref<2xf32>
    return
  }
  func.func @run(%x: memref<8xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: memref<6xf32> {adze.name = "y", adze.kind = "output", adze.type = "float32"},
                 %n: memref<2xf32> {adze.name = "nan", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    func.call @k_reduce(%x, %y) : (memref<8xf32>, memref<6xf32>) -> ()
    func.call @k_nan(%x, %n) : (memref<8xf32>, memref<2xf32>) -> ()
    return
  }
}
