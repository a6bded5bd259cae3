// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK-LABEL: tile.kernel @device
tile.kernel @device(%out: memref<128xf32>) attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64, shared_bytes = 24592 : i64} {
  %c0 = arith.constant 0 : index
  %add = arith.constant false
  %a = tile.shared_memory 0 : memref<128x64xf16, 3>
  %b = tile.shared_memory 16384 : memref<64x64xf16, 3>
  %f = tile.shared_memory 24576 : memref<1xi64, 3>
  %p = tile.shared_memory 24584 : memref<1xi32, 3>
  // CHECK: tile.tcgen05_alloc %{{.*}}[%{{.*}}], 64 : memref<1xi32, 3>
  tile.tcgen05_alloc %p[%c0], 64 : memref<1xi32, 3>
  // CHECK: tile.tcgen05_relinquish
  tile.tcgen05_relinquish
  // CHECK: tile.tcgen05_fence before_thread_sync
  tile.tcgen05_fence before_thread_sync
  // CHECK: tile.tcgen05_fence after_thread_sync
  tile.tcgen05_fence after_thread_sync
  %sums = memref.load %p[%c0] : memref<1xi32, 3>
  // CHECK: tile.tcgen05_mma %{{.*}} m 128 n 64 add %{{.*}} a %{{.*}}[%{{.*}}, %{{.*}}] <"k", swizzle = 128, leading = 16, stride = 1024> b %{{.*}}[%{{.*}}, %{{.*}}] <"k", swizzle = 128, leading = 16, stride = 1024> : memref<128x64xf16, 3>, memref<64x64xf16, 3>
  tile.tcgen05_mma %sums m 128 n 64 add %add a %a[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> b %b[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : memref<128x64xf16, 3>, memref<64x64xf16, 3>
  // CHECK: tile.tcgen05_commit %{{.*}}[%{{.*}}] : memref<1xi64, 3>
  tile.tcgen05_commit %f[%c0] : memref<1xi64, 3>
  // CHECK: tile.tcgen05_load %{{.*}} : vector<32xf32>
  %started = tile.tcgen05_load %sums : vector<32xf32>
  // CHECK: tile.tcgen05_wait_load %{{.*}} : vector<32xf32>
  %values = tile.tcgen05_wait_load %started : vector<32xf32>
  // CHECK: tile.tcgen05_store %{{.*}} to %{{.*}} : vector<32xf32>
  tile.tcgen05_store %values to %sums : vector<32xf32>
  // CHECK: tile.tcgen05_wait_store
  tile.tcgen05_wait_store
  // CHECK: tile.tcgen05_dealloc %{{.*}}, 64
  tile.tcgen05_dealloc %sums, 64
  tile.return
}
