// Rows with sums: a block a row, its working buffer in shared memory; barriers
// where one thread reads what another one wrote.
// RUN: adze-opt %s --map-to-threads --canonicalize --cse | FileCheck %s
// RUN: adze-opt %s --map-to-threads | adze-opt --print-ptx -o /dev/null 2>&1 | FileCheck %s --check-prefix=PTX

// CHECK: memref.global "private" @normalize_grid_shared0 : memref<256xf32, 3>
// CHECK-LABEL: tile.kernel @normalize_grid
// CHECK-SAME: block = 128
// CHECK-SAME: grid = array<i64: 16, 1, 1>
// CHECK: %[[ROW:.*]] = gpu.block_id x
// CHECK: %[[THREAD:.*]] = gpu.thread_id x
// CHECK: %[[PART:.*]] = scf.for %[[I:.*]] = %[[THREAD]] to %{{.*}} step %c128
// CHECK: memref.load %{{.*}}[%[[ROW]], %[[I]]]
// CHECK: gpu.shuffle xor %[[PART]]
// CHECK: gpu.barrier
// CHECK: memref.store %{{.*}} : memref<4xf32, 3>
// CHECK: gpu.barrier
// CHECK: scf.for %[[J:.*]] = %[[THREAD]] to %{{.*}} step %c128
// CHECK: memref.load %{{.*}}[%[[J]]] : memref<256xf32, 3>
// CHECK: memref.store %{{.*}}[%[[ROW]], %[[J]]]
// CHECK: tile.return

// PTX: .entry normalize_grid
// PTX: .reqntid 128
// PTX: .shared .align 16 .b8 normalize_grid_shared0[1024];
// PTX: ld.global.nc.b32
// PTX: shfl.sync.bfly.b32
// PTX: bar.sync
// PTX: div.rn.f32

module {
  func.func private @normalize(%x: memref<16x256xf32>, %y: memref<16x256xf32>, %line: memref<256xf32>)
      attributes {adze.restrict, adze.scratch = 1 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %c256 = arith.constant 256 : index
    %zero = arith.constant 0.0 : f32
    scf.for %row = %c0 to %c16 step %c1 {
      %sum = scf.for %i = %c0 to %c256 step %c1 iter_args(%s = %zero) -> (f32) {
        %a = memref.load %x[%row, %i] : memref<16x256xf32>
        memref.store %a, %line[%i] : memref<256xf32>
        %t = arith.addf %s, %a : f32
        scf.yield %t : f32
      }
      scf.for %i = %c0 to %c256 step %c1 {
        %a = memref.load %line[%i] : memref<256xf32>
        %b = arith.divf %a, %sum : f32
        memref.store %b, %y[%row, %i] : memref<16x256xf32>
      }
    }
    return
  }
  func.func @run(%x: memref<16x256xf32>, %y: memref<16x256xf32>, %s: memref<256xf32>) attributes {adze.entry} {
    call @normalize(%x, %y, %s) : (memref<16x256xf32>, memref<16x256xf32>, memref<256xf32>) -> ()
    return
  }
}
