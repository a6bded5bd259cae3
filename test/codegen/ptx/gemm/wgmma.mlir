// RUN: adze-opt %s -select-gemm="chip=sm_90a schedule=gemm.wgmma,tile=128x256x64,stages=4,cluster=1x1" -lower-gemm=chip=sm_90a -canonicalize -cse | FileCheck %s

// One warp group copies, two multiply; the tensor maps take the place of A (K
// contiguous) and B (N contiguous).
// CHECK: tile.kernel @mm_gemm(
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [768, 512], strides = [1536], box = [64, 128], swizzle = 128, l2 = 256>
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [1024, 768], strides = [2048], box = [64, 64], swizzle = 128, l2 = 256>
// CHECK-SAME: block = 384
// CHECK-SAME: grid = array<i64: 16, 1, 1>
// CHECK-SAME: shared_bytes = 196672
// CHECK-COUNT-8: tile.barrier_init
// CHECK: tile.fence mbarrier_init
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: tile.set_registers decrease 40
// CHECK: scf.for
// CHECK: tile.barrier_wait
// CHECK: tile.barrier_expect_tx %{{.*}}, 49152
// CHECK-COUNT-5: tile.tma_load
// CHECK: else
// CHECK: tile.set_registers 232
// CHECK: scf.for
// CHECK: tile.barrier_wait
// CHECK: tile.wgmma_fence
// CHECK-COUNT-4: tile.wgmma %{{.*}}<"k", swizzle = 128, leading = 16, stride = 1024>, %{{.*}}<"mn", swizzle = 128, leading = 8192, stride = 1024> : <256xf32>
// CHECK: tile.wgmma_commit
// CHECK: tile.wgmma_wait 1
// CHECK: tile.barrier_arrive
// CHECK: tile.wgmma_wait 0,
// CHECK: vector.store
kernel.func private @mm(%a: tensor<512x768xbf16>, %b: tensor<768x1024xbf16>) -> tensor<512x1024xbf16> {
  %0 = nn.matmul %a, %b : (tensor<512x768xbf16>, tensor<768x1024xbf16>) -> tensor<512x1024xbf16>
  kernel.return %0 : tensor<512x1024xbf16>
}
