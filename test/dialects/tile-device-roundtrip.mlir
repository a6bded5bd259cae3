// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK-LABEL: tile.kernel @device
tile.kernel @device(%m: memref<256x512xbf16> {tile.tensor_map = #tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [64, 128], swizzle = 128, l2 = 256>}, %g: memref<256x512xbf16>) attributes {grid = array<i64: 2, 1, 1>, block = 384 : i64, cluster = array<i64: 2, 1, 1>, shared_bytes = 65568 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %i0 = arith.constant 0 : i32
  %mask = arith.constant 3 : i16
  // CHECK: %[[A:.*]] = tile.shared_memory 0 : memref<2x128x64xbf16, 3>
  %a = tile.shared_memory 0 : memref<2x128x64xbf16, 3>
  %b = tile.shared_memory 32768 : memref<2x64x64xbf16, 3>
  // CHECK: %[[F:.*]] = tile.shared_memory 65536 : memref<2xi64, 3>
  %f = tile.shared_memory 65536 : memref<2xi64, 3>
  // CHECK: tile.prefetch_map %{{.*}} : memref<256x512xbf16>
  tile.prefetch_map %m : memref<256x512xbf16>
  // CHECK: tile.barrier_init %[[F]][%{{.*}}], 1 : memref<2xi64, 3>
  tile.barrier_init %f[%c0], 1 : memref<2xi64, 3>
  // CHECK: tile.fence mbarrier_init
  tile.fence mbarrier_init
  // CHECK: tile.cluster_sync
  tile.cluster_sync
  // CHECK: %[[RANK:.*]] = tile.cluster_rank
  %rank = tile.cluster_rank
  // CHECK: tile.warp_index
  %warp = tile.warp_index
  // CHECK: tile.elect
  %leader = tile.elect
  // CHECK: tile.set_registers decrease 40
  tile.set_registers decrease 40
  // CHECK: tile.set_registers 232
  tile.set_registers 232
  // CHECK: tile.barrier_expect_tx %[[F]][%{{.*}}], 16384 : memref<2xi64, 3>
  tile.barrier_expect_tx %f[%c0], 16384 : memref<2xi64, 3>
  // CHECK: tile.tma_load %{{.*}}[%{{.*}}, %{{.*}}] to %[[A]][%{{.*}}, %{{.*}}, %{{.*}}] on %[[F]][%{{.*}}] multicast %{{.*}} : memref<256x512xbf16>, memref<2x128x64xbf16, 3>, memref<2xi64, 3>
  tile.tma_load %m[%i0, %i0] to %a[%c1, %c0, %c0] on %f[%c0] multicast %mask : memref<256x512xbf16>, memref<2x128x64xbf16, 3>, memref<2xi64, 3>
  // CHECK: tile.barrier_wait %[[F]][%{{.*}}], %{{.*}} : memref<2xi64, 3>
  tile.barrier_wait %f[%c0], %i0 : memref<2xi64, 3>
  // CHECK: tile.barrier_arrive %[[F]][%{{.*}}] of %[[RANK]] : memref<2xi64, 3>
  tile.barrier_arrive %f[%c0] of %rank : memref<2xi64, 3>
  // CHECK: tile.cp_async %{{.*}}[%{{.*}}, %{{.*}}] to %[[A]][%{{.*}}, %{{.*}}, %{{.*}}], 16 valid %{{.*}} : memref<256x512xbf16>, memref<2x128x64xbf16, 3>
  tile.cp_async %g[%c0, %c0] to %a[%c0, %c0, %c0], 16 valid %i0 : memref<256x512xbf16>, memref<2x128x64xbf16, 3>
  // CHECK: tile.cp_async_commit
  tile.cp_async_commit
  // CHECK: tile.cp_async_wait 0
  tile.cp_async_wait 0
  // CHECK: tile.fence async_shared
  tile.fence async_shared
  // CHECK: tile.named_barrier arrive %{{.*}}, 256
  tile.named_barrier arrive %i0, 256
  // CHECK: tile.ldmatrix %[[A]][%{{.*}}, %{{.*}}, %{{.*}}] transposed : memref<2x128x64xbf16, 3> -> i32, i32, i32, i32
  %r:4 = tile.ldmatrix %a[%c0, %c0, %c0] transposed : memref<2x128x64xbf16, 3> -> i32, i32, i32, i32
  // CHECK: tile.stmatrix %{{.*}}, %{{.*}} to %[[A]][%{{.*}}, %{{.*}}, %{{.*}}] : memref<2x128x64xbf16, 3>
  tile.stmatrix %r#0, %r#1 to %a[%c0, %c0, %c0] : memref<2x128x64xbf16, 3>
  %z = arith.constant 0.0 : f32
  // CHECK: tile.mma 16 bf16 a(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) b(%{{.*}}, %{{.*}}) c(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
  %d:4 = tile.mma 16 bf16 a(%r#0, %r#1, %r#2, %r#3) b(%r#0, %r#1) c(%z, %z, %z, %z)
  // CHECK: tile.zero_accumulator : <64xf32>
  %c = tile.zero_accumulator : <64xf32>
  // CHECK: tile.wgmma_fence %{{.*}} : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  %i = tile.wgmma_fence %c : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  // CHECK: tile.wgmma %{{.*}}, %[[A]][%{{.*}}, %{{.*}}, %{{.*}}] <"k", swizzle = 128, leading = 16, stride = 1024>
  %e = tile.wgmma %i, %a[%c0, %c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024>, %b[%c0, %c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : <64xf32>, memref<2x128x64xbf16, 3>, memref<2x64x64xbf16, 3>
  // CHECK: tile.wgmma_registers
  %h = tile.wgmma_registers %e, (%r#0, %r#1, %r#2, %r#3), %b[%c0, %c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : <64xf32>, memref<2x64x64xbf16, 3>
  // CHECK: tile.wgmma_commit
  tile.wgmma_commit
  // CHECK: tile.wgmma_wait 0, %{{.*}} : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  %w = tile.wgmma_wait 0, %h : !tile.accumulator<64xf32> -> !tile.accumulator<64xf32>
  // CHECK: tile.extract %{{.*}}[5] : <64xf32> -> f32
  %x = tile.extract %w[5] : <64xf32> -> f32
  // CHECK: tile.tma_store %[[A]][%{{.*}}, %{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}, %{{.*}}] : memref<2x128x64xbf16, 3>, memref<256x512xbf16>
  tile.tma_store %a[%c0, %c0, %c0] to %m[%i0, %i0] : memref<2x128x64xbf16, 3>, memref<256x512xbf16>
  // CHECK: tile.bulk_commit
  tile.bulk_commit
  // CHECK: tile.bulk_wait 0 read
  tile.bulk_wait 0 read
  tile.return
}
