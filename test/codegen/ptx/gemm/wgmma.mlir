// RUN: adze-opt %s -select-gemm="chip=sm_90a schedule=gemm.wgmma,tile=128x256x64,stages=4,cluster=1x1" -lower-gemm=chip=sm_90a -canonicalize -cse | FileCheck %s

// One warp group copies, two multiply; the tensor maps take the place of A (K
// contiguous), of B (N contiguous) and of the results, whose boxes lie behind
// the four stages.
// CHECK: tile.kernel @mm_gemm(
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [768, 512], strides = [1536], box = [64, 128], swizzle = 128, l2 = 256>
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [1024, 768], strides = [2048], box = [64, 64], swizzle = 128, l2 = 256>
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [1024, 512], strides = [2048], box = [64, 64], swizzle = 128, l2 = 256>
// CHECK-SAME: block = 384
// CHECK-SAME: grid = array<i64: 16, 1, 1>
// CHECK-SAME: shared_bytes = 229440
// CHECK: tile.shared_memory 196608 : memref<2x2x64x64xbf16, 3>
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
// CHECK: tile.bulk_wait 0 read
// CHECK: tile.named_barrier
// CHECK-COUNT-4: tile.stmatrix
// CHECK: tile.fence async_shared
// CHECK: tile.named_barrier
// CHECK: tile.tma_store
// CHECK: tile.bulk_commit
// CHECK-NOT: tile.named_barrier
// CHECK: tile.stmatrix
// CHECK: tile.tma_store
// CHECK: tile.bulk_commit
// CHECK-NEXT: tile.bulk_wait 1 read
// CHECK: tile.named_barrier
// CHECK-COUNT-8: tile.stmatrix
// CHECK-NOT: vector.store
// CHECK: tile.bulk_wait 0{{$}}
kernel.func private @mm(%a: tensor<512x768xbf16>, %b: tensor<768x1024xbf16>) -> tensor<512x1024xbf16> {
  %0 = nn.matmul %a, %b : (tensor<512x768xbf16>, tensor<768x1024xbf16>) -> tensor<512x1024xbf16>
  kernel.return %0 : tensor<512x1024xbf16>
}

// Edges in M and N: what is outside reads the bias of the last columns, and
// boxes wholly outside are left out.
// CHECK: tile.kernel @edges_gemm(
// CHECK-SAME: tile.tensor_map = #tile.tensor_map<bf16, shape = [1000, 500, 3], strides = [2000, 1000000], box = [64, 64, 1], swizzle = 128, l2 = 256>
// CHECK: tile.wgmma_wait 0,
// CHECK: %[[M:.*]] = arith.cmpi ult, %{{.*}}, %c500
// CHECK: %[[N:.*]] = arith.cmpi ult, %{{.*}}, %c1000
// CHECK: %[[INSIDE:.*]] = arith.andi %[[M]], %[[N]]
// CHECK: scf.if %[[INSIDE]]
// CHECK: arith.minsi %{{.*}}, %c998
// CHECK: vector.load
// CHECK: tile.stmatrix
// CHECK: scf.if %[[INSIDE]]
// CHECK: tile.tma_store
// CHECK: }
// CHECK-NEXT: tile.bulk_commit
kernel.func private @edges(%a: tensor<3x500x768xbf16>, %b: tensor<3x768x1000xbf16>, %c: tensor<1000xbf16>) -> tensor<3x500x1000xbf16> {
  %0 = nn.matmul %a, %b, %c : (tensor<3x500x768xbf16>, tensor<3x768x1000xbf16>, tensor<1000xbf16>) -> tensor<3x500x1000xbf16>
  kernel.return %0 : tensor<3x500x1000xbf16>
}

// Results of 32 bits are stored by the threads.
// CHECK: tile.kernel @wide_gemm(
// CHECK-SAME: shared_bytes = 196672
// CHECK-NOT: tile.tma_store
// CHECK: vector.store
kernel.func private @wide(%a: tensor<512x768xbf16>, %b: tensor<768x1024xbf16>) -> tensor<512x1024xf32> {
  %0 = nn.matmul %a, %b : (tensor<512x768xbf16>, tensor<768x1024xbf16>) -> tensor<512x1024xf32>
  kernel.return %0 : tensor<512x1024xf32>
}
