// RUN: adze-opt %s -lower-kernels | FileCheck %s

// A register tile of 2 x 2 results keeps its sums in the loop's values; the
// epilogue is applied at the store.
// CHECK-LABEL: func.func private @product.loops
// CHECK: scf.for
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}})
// CHECK-COUNT-4: math.fma
// CHECK: arith.negf
// CHECK: memref.store
#map = affine_map<(d0, d1) -> (d0, d1)>
kernel.func private @product(%x: tensor<4x6xf32>, %w: tensor<6x2xf32>) -> tensor<4x2xf32> attributes {schedule = #kernel.schedule<"gemm", {columns = 2 : i64, lanes = 1 : i64, rows = 2 : i64}>} {
  %y = nn.matmul %x, %w : (tensor<4x6xf32>, tensor<6x2xf32>) -> tensor<4x2xf32>
  %e = tensor.empty() : tensor<4x2xf32>
  %r = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<4x2xf32>) outs(%e : tensor<4x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<4x2xf32>
  kernel.return %r : tensor<4x2xf32>
}

// A trailing transpose is only another order of stores.
// CHECK-LABEL: func.func private @relabel.loops
// CHECK: scf.for %[[I:.*]] =
// CHECK: scf.for %[[J:.*]] =
// CHECK: memref.load %arg0
// CHECK: memref.store
kernel.func private @relabel(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %t = nn.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  kernel.return %t : tensor<3x2xf32>
}

// CHECK: kernel.func private @lines
// CHECK-SAME: scratch = array<i64: 16>
// CHECK: func.func private @lines.loops
// CHECK-SAME: %arg2: memref<4xf32>)
kernel.func private @lines(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %s = nn.softmax %x {axis = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  kernel.return %s : tensor<2x4xf32>
}
