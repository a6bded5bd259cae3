// Which loops become threads, blocks, or stay in one thread.
// RUN: adze-opt %s --map-to-threads --split-input-file | FileCheck %s

// Independent loops: one thread an element, the contiguous index fastest, also
// where it is the outer loop.
module {
  // CHECK-LABEL: tile.kernel @columns_grid
  // CHECK-SAME: block = 128
  // CHECK-SAME: grid = array<i64: 16, 1, 1>
  // CHECK: %[[N:.*]] = arith.addi
  // CHECK: %[[J:.*]] = arith.remui %[[N]], %{{.*}}
  // CHECK: %[[I:.*]] = arith.divui %[[N]], %{{.*}}
  // CHECK: memref.load %{{.*}}[%[[I]], %[[J]]]
  // CHECK-NOT: scf.for
  // CHECK: tile.return
  func.func private @columns(%x: memref<32x64xf32>, %y: memref<32x64xf32>) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    %c64 = arith.constant 64 : index
    scf.for %j = %c0 to %c64 step %c1 {
      scf.for %i = %c0 to %c32 step %c1 {
        %a = memref.load %x[%i, %j] : memref<32x64xf32>
        %b = arith.addf %a, %a : f32
        memref.store %b, %y[%i, %j] : memref<32x64xf32>
      }
    }
    return
  }
  // CHECK: func.func @run
  // CHECK: tile.launch @columns_grid(%arg0, %arg1)
  func.func @run(%x: memref<32x64xf32>, %y: memref<32x64xf32>) attributes {adze.entry} {
    call @columns(%x, %y) : (memref<32x64xf32>, memref<32x64xf32>) -> ()
    return
  }
}

// -----

// Without adze.restrict the buffers may be one: an iteration could read what
// another one wrote.
// CHECK: module attributes {adze.gpu_serial = ["shift: no loop is proved to be parallel; one thread does it all"]}
module {
  // CHECK-LABEL: tile.kernel @shift_grid
  // CHECK-SAME: block = 1 : i64
  func.func private @shift(%x: memref<128xf32>, %y: memref<128xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c127 = arith.constant 127 : index
    scf.for %i = %c0 to %c127 step %c1 {
      %j = arith.addi %i, %c1 : index
      %a = memref.load %x[%j] : memref<128xf32>
      memref.store %a, %y[%i] : memref<128xf32>
    }
    return
  }
  func.func @run(%x: memref<128xf32>, %y: memref<128xf32>) attributes {adze.entry} {
    call @shift(%x, %y) : (memref<128xf32>, memref<128xf32>) -> ()
    return
  }
}

// -----

// A recurrence: y[i + 1] depends on y[i].
// CHECK: adze.gpu_serial = ["prefix:
module {
  // CHECK-LABEL: tile.kernel @prefix_grid
  // CHECK-SAME: block = 1 : i64
  func.func private @prefix(%x: memref<128xf32>, %y: memref<129xf32>) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c128 = arith.constant 128 : index
    scf.for %i = %c0 to %c128 step %c1 {
      %j = arith.addi %i, %c1 : index
      %a = memref.load %x[%i] : memref<128xf32>
      %b = memref.load %y[%i] : memref<129xf32>
      %c = arith.addf %a, %b : f32
      memref.store %c, %y[%j] : memref<129xf32>
    }
    return
  }
  func.func @run(%x: memref<128xf32>, %y: memref<129xf32>) attributes {adze.entry} {
    call @prefix(%x, %y) : (memref<128xf32>, memref<129xf32>) -> ()
    return
  }
}

// -----

// Two stores of an iteration that overlap with those of the next one.
// CHECK: adze.gpu_serial = ["overlap:
module {
  func.func private @overlap(%y: memref<128xf32>) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c63 = arith.constant 63 : index
    %one = arith.constant 1.0 : f32
    %two = arith.constant 2.0 : f32
    scf.for %i = %c0 to %c63 step %c1 {
      %a = arith.muli %i, %c2 : index
      %b = arith.addi %a, %c2 : index
      memref.store %one, %y[%a] : memref<128xf32>
      memref.store %two, %y[%b] : memref<128xf32>
    }
    return
  }
  func.func @run(%y: memref<128xf32>) attributes {adze.entry} {
    call @overlap(%y) : (memref<128xf32>) -> ()
    return
  }
}
