// Element-wise kernels: a weight, an arena, a comparison that writes booleans.
// RUN: adze-jit %s --value x=-1,0,0.5,2 --value conv.w=1,10 | FileCheck %s
// RUN: adze-jit %s --value x=-1,0,0.5,2 --value conv.w=1,10 -O0 | FileCheck %s
// RUN: adze-jit %s --value x=-1,0,0.5,2 --value conv.w=1,10 -O3 | FileCheck %s

// CHECK: y = -1 0 1.5 20 -1 0 1.5 20
// CHECK: big = 0 0 1 1 0 0 1 1
// CHECK: either = 1 0 1 1 1 0 1 1

module attributes {adze.model = "elementwise"} {
  memref.global "private" constant @w : memref<2x4xf32> {adze.weight = #adze.weight<"conv.w"> : tensor<2x4xf32>}

  // x * w, but x + w where x is 0.5.
  func.func private @k_mix(%x: memref<2x4xf32>, %w: memref<2x4xf32>, %y: memref<2x4xf32>)
      attributes {adze.doc = "mix", adze.writes = array<i1: false, false, true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %half = arith.constant 0.5 : f32
    scf.for %i = %c0 to %c2 step %c1 {
      scf.for %j = %c0 to %c4 step %c1 {
        %a = memref.load %x[%i, %j] : memref<2x4xf32>
        %b = memref.load %w[%i, %j] : memref<2x4xf32>
        %sum = arith.addf %a, %b : f32
        %product = arith.mulf %a, %b : f32
        %isHalf = arith.cmpf oeq, %a, %half : f32
        %r = arith.select %isHalf, %sum, %product : f32
        memref.store %r, %y[%i, %j] : memref<2x4xf32>
      }
    }
    return
  }

  func.func private @k_compare(%y: memref<8xf32>, %big: memref<8xi1>) attributes {adze.doc = "y > 1"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %one = arith.constant 1.0 : f32
    scf.for %i = %c0 to %c8 step %c1 {
      %a = memref.load %y[%i] : memref<8xf32>
      %b = arith.cmpf ogt, %a, %one : f32
      memref.store %b, %big[%i] : memref<8xi1>
    }
    return
  }

  func.func private @k_or(%y: memref<8xf32>, %big: memref<8xi1>, %either: memref<8xi1>) attributes {adze.doc = "big or y < 0"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %c8 step %c1 {
      %a = memref.load %y[%i] : memref<8xf32>
      %negative = arith.cmpf olt, %a, %zero : f32
      %b = memref.load %big[%i] : memref<8xi1>
      %r = arith.ori %b, %negative : i1
      memref.store %r, %either[%i] : memref<8xi1>
    }
    return
  }

  func.func @run(%x: memref<2x4xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: memref<2x4xf32> {adze.name = "y", adze.kind = "output", adze.type = "float32"},
                 %big: memref<8xi1> {adze.name = "big", adze.kind = "output", adze.type = "bool"},
                 %either: memref<8xi1> {adze.name = "either", adze.kind = "output", adze.type = "bool"},
                 %arena: memref<128xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %offset = arith.constant 64 : index
    %t = memref.view %arena[%offset][] : memref<128xi8> to memref<2x4xf32>
    %w = memref.get_global @w : memref<2x4xf32>
    func.call @k_mix(%x, %w, %t) : (memref<2x4xf32>, memref<2x4xf32>, memref<2x4xf32>) -> ()
    memref.copy %t, %y : memref<2x4xf32> to memref<2x4xf32>
    %flat = memref.collapse_shape %t [[0, 1]] : memref<2x4xf32> into memref<8xf32>
    func.call @k_compare(%flat, %big) : (memref<8xf32>, memref<8xi1>) -> ()
    func.call @k_or(%flat, %big, %either) : (memref<8xf32>, memref<8xi1>, memref<8xi1>) -> ()
    return
  }
}
