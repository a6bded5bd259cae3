// Few rows: every thread reads its share of B once, 16 bytes at a time.
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.flat,split=1x2" --lower-gemm=chip=sm_80 --canonicalize --cse | FileCheck %s
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.flat,split=1x2" --lower-gemm=chip=sm_80 --print-ptx=chip=sm_80 -o /dev/null 2>&1 | FileCheck %s --check-prefix=PTX

// CHECK: memref.global "private" @rows_gemm_sums : memref<{{4|8}}x2x2xf32, 3>
// CHECK: tile.kernel @rows_gemm(
// CHECK: vector.load {{.*}} : memref<1024x2048xf16>, vector<8xf16>
// CHECK: math.fma
// Sums of a warp meet in shuffles, those of the warps in shared memory.
// CHECK: gpu.shuffle xor
// CHECK: memref.store {{.*}} : memref<{{4|8}}x2x2xf32, 3>
// CHECK: gpu.barrier
// CHECK: memref.store {{.*}} : memref<2x1024xf16>

// PTX: ld.global.nc.v4.b32
// PTX: shfl.sync.bfly
kernel.func @rows(%a: tensor<2x2048xf16>, %b: tensor<1024x2048xf16>) -> tensor<2x1024xf16> {
  %y = nn.matmul %a, %b {trans_b} : (tensor<2x2048xf16>, tensor<1024x2048xf16>) -> tensor<2x1024xf16>
  kernel.return %y : tensor<2x1024xf16>
}
