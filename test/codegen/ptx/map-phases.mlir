// Loop nests one after the other are kernels of their own; scalars between
// them make one block of all; functions of the runtime are repeated.
// RUN: adze-opt %s --map-to-threads --split-input-file | FileCheck %s

module {
  // CHECK-LABEL: tile.kernel @steps_0_grid
  // CHECK: tile.return
  // CHECK-LABEL: tile.kernel @steps_1_grid
  // CHECK: tile.return
  func.func private @steps(%x: memref<64xf32>, %y: memref<64xf32>, %t: memref<64xf32>)
      attributes {adze.restrict, adze.scratch = 1 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c63 = arith.constant 63 : index
    %c64 = arith.constant 64 : index
    scf.for %i = %c0 to %c64 step %c1 {
      %a = memref.load %x[%i] : memref<64xf32>
      %b = arith.mulf %a, %a : f32
      memref.store %b, %t[%i] : memref<64xf32>
    }
    scf.for %i = %c0 to %c64 step %c1 {
      %j = arith.subi %c63, %i : index
      %a = memref.load %t[%j] : memref<64xf32>
      memref.store %a, %y[%i] : memref<64xf32>
    }
    return
  }
  // CHECK: tile.launch @steps_0_grid(%arg0, %arg2)
  // CHECK-NEXT: tile.launch @steps_1_grid(%arg1, %arg2)
  func.func @run(%x: memref<64xf32>, %y: memref<64xf32>, %t: memref<64xf32>) attributes {adze.entry} {
    call @steps(%x, %y, %t) : (memref<64xf32>, memref<64xf32>, memref<64xf32>) -> ()
    return
  }
}

// -----

module {
  // CHECK-LABEL: tile.kernel @scale_grid
  // CHECK-SAME: block = 64
  // CHECK-SAME: grid = array<i64: 1, 1, 1>
  // CHECK: scf.for
  // CHECK: gpu.shuffle xor
  // CHECK: scf.for
  // CHECK: memref.store %{{.*}} : memref<64xf32>
  func.func private @scale(%x: memref<64xf32>, %y: memref<64xf32>) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %low = arith.constant 0xFF800000 : f32
    %most = scf.for %i = %c0 to %c64 step %c1 iter_args(%m = %low) -> (f32) {
      %a = memref.load %x[%i] : memref<64xf32>
      %n = arith.maximumf %m, %a : f32
      scf.yield %n : f32
    }
    scf.for %i = %c0 to %c64 step %c1 {
      %a = memref.load %x[%i] : memref<64xf32>
      %b = arith.divf %a, %most : f32
      memref.store %b, %y[%i] : memref<64xf32>
    }
    return
  }
  func.func @run(%x: memref<64xf32>, %y: memref<64xf32>) attributes {adze.entry} {
    call @scale(%x, %y) : (memref<64xf32>, memref<64xf32>) -> ()
    return
  }
}

// -----

// CHECK: module {
module {
  // CHECK: func.func private @adze_f16_to_f32
  // CHECK-LABEL: tile.kernel @one_grid
  // CHECK: func.call @adze_f16_to_f32
  func.func private @adze_f16_to_f32(i16) -> f32 attributes {adze.runtime}
  func.func private @one(%x: memref<1xi16>, %y: memref<1xf32>) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %a = memref.load %x[%c0] : memref<1xi16>
    %b = func.call @adze_f16_to_f32(%a) : (i16) -> f32
    memref.store %b, %y[%c0] : memref<1xf32>
    return
  }
  func.func @run(%x: memref<1xi16>, %y: memref<1xf32>) attributes {adze.entry} {
    call @one(%x, %y) : (memref<1xi16>, memref<1xf32>) -> ()
    return
  }
}
