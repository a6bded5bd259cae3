// RUN: adze-opt %s -assign-layout -canonicalize | FileCheck %s

// The transposes between two convolutions sink through the activation and
// cancel; those of constants are left for folding.
// CHECK-LABEL: @main
// CHECK: nn.transpose %arg0 {perm = array<i64: 0, 2, 3, 1>}
// CHECK: nn.conv {{.*}}layout = #nn<layout channels_last>
// CHECK-NOT: nn.transpose %{{.*}} {perm = array<i64: 0, 3, 1, 2>}
// CHECK: linalg.generic
// CHECK-NOT: nn.transpose %{{.*}} {perm = array<i64: 0, 2, 3, 1>}
// CHECK: nn.conv {{.*}}layout = #nn<layout channels_last>
// CHECK: nn.transpose %{{.*}} {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x8x8xf32>
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @main(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> {
  %a = nn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, group = 1 : i64, layout = #nn<layout channels_first>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %e = tensor.empty() : tensor<1x4x8x8xf32>
  %r = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%a : tensor<1x4x8x8xf32>) outs(%e : tensor<1x4x8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<1x4x8x8xf32>
  %y = nn.conv %r, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, group = 1 : i64, layout = #nn<layout channels_first>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %y : tensor<1x4x8x8xf32>
}
