// RUN: adze-opt %s -print-ptx=chip=sm_90a 2>&1 >/dev/null | FileCheck %s

// Each tile operation is one piece of PTX whose first line ends in its name and
// its place.

// CHECK: .extern .shared .align 1024 .b8 adze_shared[];
// CHECK: .entry device(
// CHECK-NEXT: .param .align 64 .b8 device_param_0[128],
tile.kernel @device(%m: memref<256x512xbf16> {tile.tensor_map = #tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [64, 128], swizzle = 128, l2 = 256>}, %g: memref<256x512xbf16>, %out: memref<4xf32>) attributes {grid = array<i64: 2, 1, 1>, block = 384 : i64, cluster = array<i64: 2, 1, 1>, shared_bytes = 65568 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %i0 = arith.constant 0 : i32
  %mask = arith.constant 3 : i16
  %a = tile.shared_memory 0 : memref<2x128x64xbf16, 3>
  %b = tile.shared_memory 32768 : memref<2x64x64xbf16, 3>
  %f = tile.shared_memory 65536 : memref<2xi64, 3>
  // CHECK: prefetch.tensormap [%{{.*}}]; // tile.prefetch_map operations.mlir:[[@LINE+1]]
  tile.prefetch_map %m : memref<256x512xbf16>
  // CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 1; // tile.barrier_init
  tile.barrier_init %f[%c0], 1 : memref<2xi64, 3>
  // CHECK: fence.mbarrier_init.release.cluster; // tile.fence
  tile.fence mbarrier_init
  // CHECK: barrier.cluster.arrive.release; // tile.cluster_sync
  // CHECK-NEXT: barrier.cluster.wait.acquire;
  tile.cluster_sync
  // CHECK: mov.u32 %[[RANK:.*]], %cluster_ctarank; // tile.cluster_rank
  %rank = tile.cluster_rank
  // CHECK: setmaxnreg.dec.sync.aligned.u32 40; // tile.set_registers
  tile.set_registers decrease 40
  // CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 16384; // tile.barrier_expect_tx
  tile.barrier_expect_tx %f[%c0], 16384 : memref<2xi64, 3>
  // CHECK: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%{{.*}}], [%{{.*}}, {%{{.*}}, %{{.*}}}], [%{{.*}}], %{{.*}}; // tile.tma_load
  tile.tma_load %m[%i0, %i0] to %a[%c1, %c0, %c0] on %f[%c0] multicast %mask : memref<256x512xbf16>, memref<2x128x64xbf16, 3>, memref<2xi64, 3>
  // CHECK: { // tile.barrier_wait
  // CHECK: mbarrier.try_wait.parity.shared::cta.b64 done, [%{{.*}}], %{{.*}};
  tile.barrier_wait %f[%c0], %i0 : memref<2xi64, 3>
  // CHECK: { // tile.barrier_arrive
  // CHECK: mapa.shared::cluster.u32 remote, %{{.*}}, %[[RANK]];
  // CHECK: mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];
  tile.barrier_arrive %f[%c0] of %rank : memref<2xi64, 3>
  // CHECK: cp.async.cg.shared.global [%{{.*}}], [%{{.*}}], 16, %{{.*}}; // tile.cp_async
  tile.cp_async %g[%c0, %c0] to %a[%c0, %c0, %c0], 16 valid %i0 : memref<256x512xbf16>, memref<2x128x64xbf16, 3>
  // CHECK: cp.async.commit_group; // tile.cp_async_commit
  tile.cp_async_commit
  // CHECK: cp.async.wait_group 0; // tile.cp_async_wait
  tile.cp_async_wait 0
  // CHECK: fence.proxy.async.shared::cta; // tile.fence
  tile.fence async_shared
  // CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}}, [%{{.*}}]; // tile.ldmatrix
  %r:4 = tile.ldmatrix %a[%c0, %c0, %c0] transposed : memref<2x128x64xbf16, 3> -> i32, i32, i32, i32
  // CHECK: stmatrix.sync.aligned.m8n8.x2.shared.b16 [%{{.*}}], {%{{.*}}, %{{.*}}}; // tile.stmatrix
  tile.stmatrix %r#0, %r#1 to %a[%c0, %c0, %c0] : memref<2x128x64xbf16, 3>
  %z = arith.constant 0.0 : f32
  // CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {{.*}}; // tile.mma
  %d:4 = tile.mma 16 bf16 a(%r#0, %r#1, %r#2, %r#3) b(%r#0, %r#1) c(%z, %z, %z, %z)
  %c = tile.zero_accumulator : <64xf32>
  // CHECK: wgmma.fence.sync.aligned; // tile.wgmma_fence
  // CHECK-NEXT: end inline asm
  // CHECK-NOT: mov.b32
  %i = tile.wgmma_fence %c : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  // CHECK: { // tile.wgmma
  // CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{{.*}}}, %{{.*}}, %{{.*}}, add, 1, 1, 0, 0;
  %e = tile.wgmma %i, %a[%c0, %c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024>, %b[%c0, %c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : <64xf32>, memref<2x128x64xbf16, 3>, memref<2x64x64xbf16, 3>
  // CHECK: { // tile.wgmma_registers
  // CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{{.*}}}, {%{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}}}, %{{.*}}, add, 1, 1, 1;
  %h = tile.wgmma_registers %e, (%r#0, %r#1, %r#2, %r#3), %b[%c0, %c0, %c0] <"mn", swizzle = 128, leading = 8192, stride = 1024> : <64xf32>, memref<2x64x64xbf16, 3>
  // CHECK: wgmma.commit_group.sync.aligned; // tile.wgmma_commit
  tile.wgmma_commit
  // CHECK: wgmma.wait_group.sync.aligned 0; // tile.wgmma_wait
  %w = tile.wgmma_wait 0, %h : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  // CHECK: st.global{{.*}}
  %x = tile.extract %w[5] : <64xf32> -> f32
  memref.store %x, %out[%c0] : memref<4xf32>
  memref.store %d#0, %out[%c1] : memref<4xf32>
  // CHECK: cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%{{.*}}, {%{{.*}}, %{{.*}}}], [%{{.*}}]; // tile.tma_store
  tile.tma_store %a[%c0, %c0, %c0] to %m[%i0, %i0] : memref<2x128x64xbf16, 3>, memref<256x512xbf16>
  // CHECK: cp.async.bulk.commit_group; // tile.bulk_commit
  tile.bulk_commit
  // CHECK: cp.async.bulk.wait_group.read 0; // tile.bulk_wait
  tile.bulk_wait 0 read
  tile.return
}
