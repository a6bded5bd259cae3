// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK: tile.kernel @scale(%{{.*}}: memref<256xf32>, %{{.*}}: memref<256xf32>)
// CHECK-SAME: attributes {block = 128 : i64, doc = "y = 2 x", grid = array<i64: 2, 1, 1>, shared_bytes = 0 : i64}
tile.kernel @scale(%x: memref<256xf32>, %y: memref<256xf32>) attributes {grid = array<i64: 2, 1, 1>, block = 128 : i64, doc = "y = 2 x"} {
  // CHECK: tile.return
  tile.return
}

// CHECK: tile.kernel @gemm(%{{.*}}: memref<256x512xbf16> {tile.tensor_map = #tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [64, 128], swizzle = 128, l2 = 256>})
// CHECK-SAME: cluster = array<i64: 2, 1, 1>
// CHECK-SAME: min_ptx = 80 : i64
// CHECK-SAME: shared_bytes = 1024 : i64
tile.kernel @gemm(%a: memref<256x512xbf16> {tile.tensor_map = #tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [64, 128], swizzle = 128, l2 = 256>}) attributes {grid = array<i64: 4, 2, 1>, block = 384 : i64, cluster = array<i64: 2, 1, 1>, shared_bytes = 1024 : i64, min_ptx = 80 : i64} {
  tile.return
}

// CHECK: #tile.tensor_map<f32, shape = [512], strides = [], box = [64], swizzle = 0, l2 = 0>
func.func private @vector() attributes {map = #tile.tensor_map<f32, shape = [512], strides = [], box = [64], swizzle = 0, l2 = 0>}

func.func @run(%x: memref<256xf32>, %y: memref<256xf32>, %a: memref<256x512xbf16>) {
  // CHECK: tile.launch @scale(%{{.*}}, %{{.*}}) : memref<256xf32>, memref<256xf32>
  tile.launch @scale(%x, %y) : memref<256xf32>, memref<256xf32>
  // CHECK: tile.launch @gemm(%{{.*}}) {stream = 1 : i64} : memref<256x512xbf16>
  tile.launch @gemm(%a) {stream = 1 : i64} : memref<256x512xbf16>
  return
}
