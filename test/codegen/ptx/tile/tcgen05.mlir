// RUN: adze-opt %s -print-ptx=chip=sm_100a 2>&1 >/dev/null | FileCheck %s

// Tensor memory (sm_100a). The test test/gpu/tcgen05.py assembles this file.

// CHECK: .version 8.6
// CHECK: .target sm_100a
// CHECK: .entry device(
tile.kernel @device(%out: memref<32x128xf32>) attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64, shared_bytes = 24592 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %i0 = arith.constant 0 : i32
  %true = arith.constant true
  %false = arith.constant false
  %a = tile.shared_memory 0 : memref<128x64xbf16, 3>
  %b = tile.shared_memory 16384 : memref<1x64x64xbf16, 3>
  %f = tile.shared_memory 24576 : memref<1xi64, 3>
  %p = tile.shared_memory 24584 : memref<2xi32, 3>
  // CHECK: mbarrier.init.shared::cta.b64
  tile.barrier_init %f[%c0], 1 : memref<1xi64, 3>
  // CHECK: tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%{{.*}}], 128; // tile.tcgen05_alloc tcgen05.mlir:[[@LINE+1]]
  tile.tcgen05_alloc %p[%c1], 128 : memref<2xi32, 3>
  // CHECK: tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned; // tile.tcgen05_relinquish
  tile.tcgen05_relinquish
  // CHECK: tcgen05.fence::before_thread_sync; // tile.tcgen05_fence
  tile.tcgen05_fence before_thread_sync
  // CHECK: bar
  gpu.barrier
  // CHECK: tcgen05.fence::after_thread_sync; // tile.tcgen05_fence
  tile.tcgen05_fence after_thread_sync
  // CHECK: ld.shared.b32 %[[SUMS:r[0-9]+]], [adze_shared+24588];
  %sums = memref.load %p[%c1] : memref<2xi32, 3>
  // D f32, A and B bf16, B is MN-major, N = 64, M = 128.
  // CHECK: mov.b32 %[[SHAPE:.*]], 135333008;
  // CHECK: { // tile.tcgen05_mma
  // CHECK-NEXT: .reg .pred add;
  // CHECK-NEXT: setp.ne.b32 add, %{{.*}}, 0;
  // CHECK-NEXT: tcgen05.mma.cta_group::1.kind::f16 [%[[SUMS]]], %{{.*}}, %{{.*}}, %[[SHAPE]], add;
  tile.tcgen05_mma %sums m 128 n 64 add %false a %a[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> b %b[%c0, %c0, %c0] <"mn", swizzle = 128, leading = 8192, stride = 1024> : memref<128x64xbf16, 3>, memref<1x64x64xbf16, 3>
  // CHECK: tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%{{.*}}]; // tile.tcgen05_commit
  tile.tcgen05_commit %f[%c0] : memref<1xi64, 3>
  tile.barrier_wait %f[%c0], %i0 : memref<1xi64, 3>
  // CHECK: tcgen05.ld.sync.aligned.32x32b.x4.b32 {%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}}, [%[[SUMS]]]; // tile.tcgen05_load
  %started = tile.tcgen05_load %sums : vector<4xf32>
  // CHECK: tcgen05.wait::ld.sync.aligned; // tile.tcgen05_wait_load
  %loaded = tile.tcgen05_wait_load %started : vector<4xf32>
  %twice = arith.addf %loaded, %loaded : vector<4xf32>
  // CHECK: tcgen05.st.sync.aligned.32x32b.x4.b32 [%[[SUMS]]], {%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}}; // tile.tcgen05_store
  tile.tcgen05_store %twice to %sums : vector<4xf32>
  // CHECK: tcgen05.wait::st.sync.aligned; // tile.tcgen05_wait_store
  tile.tcgen05_wait_store
  // CHECK: tcgen05.ld.sync.aligned.32x32b.x1.b32 {%{{.*}}}, [%[[SUMS]]]; // tile.tcgen05_load
  %one = tile.tcgen05_load %sums : vector<1xf32>
  %wait = tile.tcgen05_wait_load %one : vector<1xf32>
  %x = vector.extract %wait[0] : f32 from vector<1xf32>
  // CHECK: tcgen05.ld.sync.aligned.32x32b.x128.b32 {
  %wide = tile.tcgen05_load %sums : vector<128xf32>
  %all = tile.tcgen05_wait_load %wide : vector<128xf32>
  %t = gpu.thread_id x
  memref.store %x, %out[%c0, %c0] : memref<32x128xf32>
  vector.store %all, %out[%t, %c0] : memref<32x128xf32>, vector<128xf32>
  // CHECK: tcgen05.dealloc.cta_group::1.sync.aligned.b32 %[[SUMS]], 128; // tile.tcgen05_dealloc
  tile.tcgen05_dealloc %sums, 128
  tile.return
}
