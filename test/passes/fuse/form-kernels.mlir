// RUN: adze-opt %s -form-kernels | FileCheck %s
// RUN: adze-opt %s -form-kernels=fuse=false | FileCheck %s --check-prefix=APART

// A matrix product takes the element-wise operations behind it as its epilogue;
// two products of one shape share a kernel; the reshape stays a view.
// CHECK: kernel.func private @[[K:.*]](%{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<3x3xf32>) -> tensor<2x3xf32>
// CHECK: nn.matmul
// CHECK: linalg.generic
// CHECK: kernel.return
// CHECK-NOT: kernel.func
// CHECK-LABEL: @main
// CHECK: kernel.view %arg0 : tensor<6xf32> to tensor<2x3xf32>
// CHECK: kernel.call @[[K]]
// CHECK: kernel.call @[[K]]

// APART-COUNT-2: kernel.func
#map = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<6xf32>, %w: tensor<3x3xf32>) -> tensor<2x3xf32> {
  %v = nn.reshape %x : (tensor<6xf32>) -> tensor<2x3xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %a = nn.matmul %v, %w : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %b = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<2x3xf32>
  %c = nn.matmul %b, %w : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %d = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<2x3xf32>
  return %d : tensor<2x3xf32>
}
