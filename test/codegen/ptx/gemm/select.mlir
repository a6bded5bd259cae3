// Which family and schedule a product gets, and what the list says.
// RUN: adze-opt %s --select-gemm=chip=sm_80 | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: adze-opt %s --select-gemm=chip=sm_90a | FileCheck %s --check-prefixes=CHECK,SM90
// RUN: adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.mma_sync,tile=64x128x32,stages=3" | FileCheck %s --check-prefix=FORCED
// RUN: adze-opt %s --select-gemm="chip=sm_80 list=true" | FileCheck %s --check-prefix=LIST
// RUN: not adze-opt %s --select-gemm="chip=sm_80 schedule=gemm.simt,shape=3" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not adze-opt %s --select-gemm=chip=cortex-m4 2>&1 | FileCheck %s --check-prefix=CHIP

// UNKNOWN: a schedule has no parameter 'shape'; there are tile, split, stages
// CHIP: there is no GPU 'cortex-m4'
// LIST: // @large 2048x2048x1024 bf16 nt: {{[0-9]+}} schedules
// LIST-NEXT: //   gemm.mma_sync,tile={{.*}} registers={{[0-9]+}} predicted={{[0-9.]+}}us

// SM80: kernel.func @large
// SM80-SAME: #kernel.schedule<"gemm.mma_sync", {{{.*}}split_k = 1
// SM90: kernel.func @large
// SM90-SAME: #kernel.schedule<"gemm.wgmma"
// FORCED: kernel.func @large
// FORCED-SAME: #kernel.schedule<"gemm.mma_sync", {{{.*}}stages = 3 : i64{{.*}}tile = [64, 128, 32]
kernel.func @large(%a: tensor<2048x1024xbf16>, %b: tensor<2048x1024xbf16>) -> tensor<2048x2048xbf16> {
  %y = nn.matmul %a, %b {trans_b} : (tensor<2048x1024xbf16>, tensor<2048x1024xbf16>) -> tensor<2048x2048xbf16>
  kernel.return %y : tensor<2048x2048xbf16>
}

// True f32: no tensor core.
// CHECK: kernel.func @float
// CHECK-SAME: #kernel.schedule<"gemm.simt"
kernel.func @float(%a: tensor<512x256xf32>, %b: tensor<256x512xf32>) -> tensor<512x512xf32> {
  %y = nn.matmul %a, %b : (tensor<512x256xf32>, tensor<256x512xf32>) -> tensor<512x512xf32>
  kernel.return %y : tensor<512x512xf32>
}

// One row.
// CHECK: kernel.func @row
// CHECK-SAME: #kernel.schedule<"gemm.flat"
kernel.func @row(%a: tensor<1x4096xf16>, %b: tensor<4096x1024xf16>) -> tensor<1x1024xf16> {
  %y = nn.matmul %a, %b : (tensor<1x4096xf16>, tensor<4096x1024xf16>) -> tensor<1x1024xf16>
  kernel.return %y : tensor<1x1024xf16>
}

// Integers are not for these families.
// CHECK: kernel.func @integers
// CHECK-NOT: kernel.schedule
// CHECK: kernel.return
kernel.func @integers(%a: tensor<64x64xi8>, %b: tensor<64x64xi8>) -> tensor<64x64xi32> {
  %y = nn.matmul %a, %b : (tensor<64x64xi8>, tensor<64x64xi8>) -> tensor<64x64xi32>
  kernel.return %y : tensor<64x64xi32>
}
