// RUN: adze-opt %s -select-gemm="chip=sm_100a schedule=gemm.tcgen05,tile=128x256x64,stages=4" -lower-gemm=chip=sm_100a -canonicalize -cse | FileCheck %s
// RUN: adze-opt %s -select-gemm=chip=sm_100a | FileCheck %s --check-prefix=CHOICE

// Warp 0 copies, one thread of warp 1 multiplies, four warps store.
// CHOICE: kernel.func private @mm(
// CHOICE-SAME: #kernel.schedule<"gemm.tcgen05"
// CHECK: tile.kernel @mm_gemm(
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [768, 500], strides = [1536], box = [64, 128], swizzle = 128, l2 = 256>
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [1024, 768], strides = [2048], box = [64, 64], swizzle = 128, l2 = 256>
// CHECK-SAME: block = 192
// CHECK-SAME: grid = array<i64: 16, 1, 1>
// CHECK-SAME: min_ptx = 86
// CHECK-SAME: shared_bytes = 196688
// CHECK-COUNT-9: tile.barrier_init
// CHECK: tile.fence mbarrier_init
// CHECK: tile.tcgen05_alloc %{{.*}}, 256
// CHECK: tile.tcgen05_relinquish
// CHECK: tile.tcgen05_fence before_thread_sync
// CHECK-NEXT: gpu.barrier
// CHECK-NEXT: tile.tcgen05_fence after_thread_sync
// CHECK: %[[SUMS:.*]] = memref.load
// CHECK: scf.for
// CHECK: tile.barrier_wait
// CHECK: tile.barrier_expect_tx %{{.*}}, 49152
// CHECK-COUNT-5: tile.tma_load
// CHECK: scf.for %[[STEP:[^ ]*]] =
// CHECK: tile.barrier_wait
// CHECK: %[[ADD:.*]] = arith.cmpi ne, %[[STEP]]
// CHECK: tile.tcgen05_mma %[[SUMS]] m 128 n 256 add %[[ADD]] a %{{.*}} <"k", swizzle = 128, leading = 16, stride = 1024> b %{{.*}} <"mn", swizzle = 128, leading = 8192, stride = 1024>
// CHECK-COUNT-3: tile.tcgen05_mma %[[SUMS]] m 128 n 256 add %true
// CHECK: tile.tcgen05_commit
// CHECK: tile.tcgen05_commit
// CHECK: tile.barrier_wait
// CHECK: scf.for
// CHECK: tile.tcgen05_load %{{.*}} : vector<32xf32>
// CHECK: tile.tcgen05_wait_load
// Only what lies inside of the result is stored.
// CHECK: scf.if
// CHECK: vector.store {{.*}} vector<8xbf16>
// CHECK: gpu.barrier
// CHECK: tile.tcgen05_dealloc %[[SUMS]], 256
kernel.func private @mm(%a: tensor<500x768xbf16>, %b: tensor<768x1024xbf16>) -> tensor<500x1024xbf16> {
  %0 = nn.matmul %a, %b : (tensor<500x768xbf16>, tensor<768x1024xbf16>) -> tensor<500x1024xbf16>
  kernel.return %0 : tensor<500x1024xbf16>
}

// What TMA cannot read is left to mma.sync.
// CHOICE: kernel.func private @odd(
// CHOICE-SAME: #kernel.schedule<"gemm.mma_sync"
kernel.func private @odd(%a: tensor<512x764xbf16>, %b: tensor<764x1024xbf16>) -> tensor<512x1024xbf16> {
  %0 = nn.matmul %a, %b : (tensor<512x764xbf16>, tensor<764x1024xbf16>) -> tensor<512x1024xbf16>
  kernel.return %0 : tensor<512x1024xbf16>
}
