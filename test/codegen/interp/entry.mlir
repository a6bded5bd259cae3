// The entry point as an executable: names, types and shapes from its arguments,
// an arena of its own, weights from the store.
// RUN: adze-interp %s --arg=1,2,3,4,5,6,7,8 --weight=w:f32=1,0,0,0,1,0,0,0,1,1,1,1 | FileCheck %s
// RUN: adze-opt %s --legalize-integers --simplify-loops | adze-interp --arg=1,2,3,4,5,6,7,8 --weight=w:f32=1,0,0,0,1,0,0,0,1,1,1,1 | FileCheck %s

// CHECK: y: float32 x 2 x 3: 6 8 10 14 16 18
// CHECK: sign: int4 x 3: 1 -2 3
module attributes {adze.model = "linear"} {
  memref.global "private" constant @w : memref<4x3xf32> {adze.weight = #adze.weight<"w"> : tensor<4x3xf32>}
  memref.global "private" constant @b : memref<3xf32> = dense<[1.0, 2.0, 3.0]>
  memref.global "private" constant @n : memref<3xi4> = dense<[1, -2, 3]>
  func.func private @k_gemm(%x: memref<2x4xf32>, %w: memref<4x3xf32>, %b: memref<3xf32>, %y: memref<2x3xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    scf.for %i = %c0 to %c2 step %c1 {
      scf.for %j = %c0 to %c3 step %c1 {
        %init = memref.load %b[%j] : memref<3xf32>
        %acc = scf.for %k = %c0 to %c4 step %c1 iter_args(%a = %init) -> f32 {
          %p = memref.load %x[%i, %k] : memref<2x4xf32>
          %q = memref.load %w[%k, %j] : memref<4x3xf32>
          %m = arith.mulf %p, %q : f32
          %s = arith.addf %a, %m : f32
          scf.yield %s : f32
        }
        memref.store %acc, %y[%i, %j] : memref<2x3xf32>
      }
    }
    return
  }
  func.func @run(%x: memref<2x4xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: memref<2x3xf32> {adze.name = "y", adze.kind = "output", adze.type = "float32"},
                 %n: memref<3xi4> {adze.name = "sign", adze.kind = "output", adze.type = "int4"},
                 %arena: memref<64xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %off = arith.constant 16 : index
    %t = memref.view %arena[%off][] : memref<64xi8> to memref<2x3xf32>
    %w = memref.get_global @w : memref<4x3xf32>
    %b = memref.get_global @b : memref<3xf32>
    %s = memref.get_global @n : memref<3xi4>
    func.call @k_gemm(%x, %w, %b, %t) : (memref<2x4xf32>, memref<4x3xf32>, memref<3xf32>, memref<2x3xf32>) -> ()
    memref.copy %t, %y : memref<2x3xf32> to memref<2x3xf32>
    memref.copy %s, %n : memref<3xi4> to memref<3xi4>
    return
  }
}
