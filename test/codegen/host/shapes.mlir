// Other shapes of the same bytes, parts of a buffer, local arrays (one piece of
// stack, even inside a loop).
// RUN: adze-jit %s --value x=0,1,2,3,4,5,6,7,8,9,10,11 | FileCheck %s
// RUN: adze-jit %s --emit=llvm | FileCheck %s --check-prefix=IR

// CHECK: y = 0 4 8 1 5 9 2 6 10 3 7 11
// CHECK: rows = 44 76
// IR: define internal void @k_rows
// IR-NEXT: alloca float, i64 4, align 64
// IR-NOT: alloca

module attributes {adze.model = "shapes"} {
  func.func private @k_transpose(%x: memref<3x4xf32>, %y: memref<4x3xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    scf.for %i = %c0 to %c3 step %c1 {
      scf.for %j = %c0 to %c4 step %c1 {
        %a = memref.load %x[%i, %j] : memref<3x4xf32>
        memref.store %a, %y[%j, %i] : memref<4x3xf32>
      }
    }
    return
  }
  // Of the last two rows, twice the sum.
  func.func private @k_rows(%x: memref<3x4xf32>, %y: memref<2xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant 0.0 : f32
    %part = memref.subview %x[1, 0] [2, 4] [1, 1]
        : memref<3x4xf32> to memref<2x4xf32, strided<[4, 1], offset: 4>>
    scf.for %i = %c0 to %c2 step %c1 {
      %local = memref.alloca() : memref<4xf32>
      scf.for %j = %c0 to %c4 step %c1 {
        %a = memref.load %part[%i, %j] : memref<2x4xf32, strided<[4, 1], offset: 4>>
        %b = arith.addf %a, %a : f32
        memref.store %b, %local[%j] : memref<4xf32>
      }
      %s = scf.for %j = %c0 to %c4 step %c1 iter_args(%t = %zero) -> (f32) {
        %a = memref.load %local[%j] : memref<4xf32>
        %u = arith.addf %t, %a : f32
        scf.yield %u : f32
      }
      memref.store %s, %y[%i] : memref<2xf32>
    }
    return
  }
  func.func @run(%x: memref<12xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: memref<12xf32> {adze.name = "y", adze.kind = "output", adze.type = "float32"},
                 %rows: memref<2xf32> {adze.name = "rows", adze.kind = "output", adze.type = "float32"},
                 %arena: memref<128xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %c64 = arith.constant 64 : index
    %m = memref.expand_shape %x [[0, 1]] output_shape [3, 4] : memref<12xf32> into memref<3x4xf32>
    %t = memref.view %arena[%c64][] : memref<128xi8> to memref<4x3xf32>
    func.call @k_transpose(%m, %t) : (memref<3x4xf32>, memref<4x3xf32>) -> ()
    %flat = memref.reinterpret_cast %t to offset: [0], sizes: [12], strides: [1]
        : memref<4x3xf32> to memref<12xf32>
    memref.copy %flat, %y : memref<12xf32> to memref<12xf32>
    func.call @k_rows(%m, %rows) : (memref<3x4xf32>, memref<2xf32>) -> ()
    return
  }
}
