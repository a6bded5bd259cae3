// The code of each family, with an epilogue in f32.
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.mma_sync,tile=64x64x32,stages=3,split_k=1" --lower-gemm=chip=sm_80 --canonicalize --cse | FileCheck %s --check-prefix=MMA
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.mma_sync,tile=64x64x32,stages=3,split_k=2" --lower-gemm=chip=sm_80 --canonicalize --cse | FileCheck %s --check-prefix=SPLIT
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.simt,tile=32x32x8" --lower-gemm=chip=sm_80 --canonicalize --cse | FileCheck %s --check-prefix=SIMT
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.mma_sync,tile=64x64x32,stages=3,split_k=1" --lower-gemm=chip=sm_80 --print-ptx=chip=sm_80 -o /dev/null 2>&1 | FileCheck %s --check-prefix=PTX

// The kernel keeps its name and types; its code is a grid.
// MMA: tile.kernel @relu_gemm(
// MMA-SAME: block = 128
// MMA-SAME: grid = array<i64: 4, 1, 1>
// MMA-SAME: shared_bytes = 24576
// Rows of A and B are aligned to 16 bytes, so is each copy; two stages ahead.
// MMA: tile.cp_async {{.*}}, 16 :
// MMA: tile.cp_async_commit
// MMA: tile.cp_async_commit
// MMA: scf.for
// MMA: tile.cp_async_wait 1
// MMA: gpu.barrier
// A lies with K contiguous, B with N contiguous.
// MMA: tile.ldmatrix %{{.*}} : memref<3x64x32xbf16, 3>
// MMA: tile.ldmatrix %{{.*}} transposed : memref<3x32x64xbf16, 3>
// MMA: tile.mma 16 bf16
// Bias and activation in f32, rounded where they are stored, in pairs.
// MMA: arith.extf {{.*}} : vector<2xbf16> to vector<2xf32>
// MMA: arith.addf {{.*}} : vector<2xf32>
// MMA: arith.truncf {{.*}} : vector<2xf32> to vector<2xbf16>
// MMA: vector.store {{.*}} : memref<128x128xbf16>, vector<2xbf16>
// MMA: tile.return
// MMA: kernel.func @relu({{.*}}adze.tile = @relu_gemm,

// Two kernels: parts of the sum, then their sum.
// SPLIT: tile.kernel @relu_gemm(
// SPLIT-SAME: memref<32768xi32>
// SPLIT-SAME: grid = array<i64: 8, 1, 1>
// SPLIT: vector.store {{.*}} : memref<32768xi32>, vector<2xi32>
// SPLIT: tile.kernel @relu_gemm_sum(
// SPLIT: arith.addf
// SPLIT: vector.store {{.*}} : memref<128x128xbf16>
// SPLIT: kernel.func @relu({{.*}}adze.tile = [@relu_gemm, @relu_gemm_sum]

// SIMT: memref.global "private" @relu_gemm_a : memref<2x8x36xf32, 3>
// SIMT: tile.kernel @relu_gemm(
// SIMT: scf.for
// SIMT-COUNT-128: math.fma
// SIMT: gpu.barrier

// PTX: cp.async.cg.shared.global
// PTX: ldmatrix.sync.aligned.m8n8.x4.shared
// PTX: ldmatrix.sync.aligned.m8n8.x4.trans.shared
// PTX: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
kernel.func @relu(%a: tensor<128x256xbf16>, %b: tensor<256x128xbf16>, %c: tensor<128xbf16>) -> tensor<128x128xbf16> {
  %zero = arith.constant 0.000000e+00 : bf16
  %empty = tensor.empty() : tensor<128x128xbf16>
  %y = nn.matmul %a, %b, %c : (tensor<128x256xbf16>, tensor<256x128xbf16>, tensor<128xbf16>) -> tensor<128x128xbf16>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<128x128xbf16>) outs(%empty : tensor<128x128xbf16>) {
  ^bb0(%in: bf16, %out: bf16):
    %m = arith.maximumf %in, %zero : bf16
    linalg.yield %m : bf16
  } -> tensor<128x128xbf16>
  kernel.return %r : tensor<128x128xbf16>
}
