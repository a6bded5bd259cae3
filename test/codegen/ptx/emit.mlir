// PTX of a kernel: the least ISA, address spaces, attributes of parameters,
// shared memory, functions of the runtime, no contraction.
// RUN: adze-opt %s --print-ptx=chip=sm_80 -o /dev/null 2>&1 | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: adze-opt %s --print-ptx=chip=sm_90a -o /dev/null 2>&1 | FileCheck %s --check-prefixes=CHECK,SM90
// RUN: not adze-opt %s --print-ptx=chip=sm_42 2>&1 | FileCheck %s --check-prefix=CHIP

// SM80: .version 7.4
// SM80: .target sm_80
// SM90: .version 8.0
// SM90: .target sm_90a
// CHECK: .entry scale(
// CHECK: .param .u64 .ptr .global .align 4 scale_param_0
// CHECK: .reqntid 128
// CHECK-NOT: fma.rn
// CHECK: ld.global.nc.b32
// CHECK: mul.rn.f32
// CHECK: add.rn.f32
// CHECK: st.global.b32
// CHECK: .entry exponential(
// CHECK-NOT: call
// CHECK: ret;
// CHIP: adze makes no PTX for the chip 'sm_42'; it knows sm_80,

module {
  tile.kernel @scale(%x: memref<256xf32>, %y: memref<256xf32>)
      attributes {adze.restrict, grid = array<i64: 2, 1, 1>, block = 128 : i64, shared_bytes = 1024 : i64, min_ptx = 74 : i64} {
    %c128 = arith.constant 128 : index
    %three = arith.constant 3.0 : f32
    %t = gpu.thread_id x
    %b = gpu.block_id x
    %o = arith.muli %b, %c128 : index
    %i = arith.addi %o, %t : index
    %a = memref.load %x[%i] : memref<256xf32>
    %m = arith.mulf %a, %three : f32
    %s = arith.addf %m, %three : f32
    memref.store %s, %y[%i] : memref<256xf32>
    tile.return
  }
  tile.kernel @exponential(%x: memref<256xf32>, %y: memref<256xf32>)
      attributes {grid = array<i64: 1, 1, 1>, block = 256 : i64, shared_bytes = 0 : i64} {
    %t = gpu.thread_id x
    %a = memref.load %x[%t] : memref<256xf32>
    %e = math.exp %a : f32
    memref.store %e, %y[%t] : memref<256xf32>
    tile.return
  }
}
