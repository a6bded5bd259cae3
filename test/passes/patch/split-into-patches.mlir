// RUN: adze-opt %s --split-into-patches="cut=2 bands=2" | FileCheck %s
// RUN: not adze-opt %s --split-into-patches="cut=9 bands=2" 2>&1 | FileCheck %s --check-prefix=CUT
// RUN: not adze-opt %s --split-into-patches="cut=2 bands=9" 2>&1 | FileCheck %s --check-prefix=BANDS

// CUT: has 2 places where the layers before can be computed in bands, and none of number 9
// BANDS: cannot be computed in 9 bands up to {{.*}}, which has 8 rows

// 3x3 with stride 1 and padding 1, then 3x3 with stride 2: four rows of the
// result need rows -1 to 9 of the image less the border, 10, and rows 7 to 16.
// One row of the first layer is computed twice: 16 * 4 * 9 products (576).
// CHECK: adze.patches = {bands = 2 : i64, extra_macs = 576 : i64, layers = 2 : i64, macs = 11520 : i64
// CHECK: %[[T:.*]] = nn.slice %arg0 {starts = array<i64: 0, 0, 0, 0>, {{.*}} -> tensor<1x10x16x1xf32>
// CHECK: %[[A:.*]] = nn.conv %[[T]]{{.*}}pads = array<i64: 1, 1, 0, 1>{{.*}} -> tensor<1x9x16x4xf32>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x9x16x4xf32>
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[A]] : {{.*}} outs(%[[E]]
// CHECK: %[[U:.*]] = nn.conv %[[R]]{{.*}}pads = array<i64: 0, 0, 0, 1>{{.*}} -> tensor<1x4x8x4xf32>
// CHECK: nn.slice %arg0 {starts = array<i64: 0, 7, 0, 0>, {{.*}} -> tensor<1x9x16x1xf32>
// CHECK: nn.conv {{.*}}pads = array<i64: 0, 1, 1, 1>{{.*}} -> tensor<1x8x16x4xf32>
// CHECK: %[[V:.*]] = nn.conv {{.*}}pads = array<i64: 0, 0, 1, 1>{{.*}} -> tensor<1x4x8x4xf32>
// CHECK: nn.concat %[[U]], %[[V]] {axis = 1 : i64}
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @main(%x: tensor<1x16x16x1xf32>) -> tensor<1x8x8x4xf32> {
  %w0 = adze.constant #adze.weight<"w0"> : tensor<3x3x1x4xf32>
  %w1 = adze.constant #adze.weight<"w1"> : tensor<3x3x1x4xf32>
  %zero = arith.constant 0.0 : f32
  %0 = nn.conv %x, %w0 {dilations = array<i64: 1, 1>, group = 1 : i64, layout = #nn<layout channels_last>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x16x16x1xf32>, tensor<3x3x1x4xf32>) -> tensor<1x16x16x4xf32>
  %e = tensor.empty() : tensor<1x16x16x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%0 : tensor<1x16x16x4xf32>) outs(%e : tensor<1x16x16x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x16x16x4xf32>
  %2 = nn.conv %1, %w1 {dilations = array<i64: 1, 1>, group = 4 : i64, layout = #nn<layout channels_last>, pads = array<i64: 0, 0, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x16x16x4xf32>, tensor<3x3x1x4xf32>) -> tensor<1x8x8x4xf32>
  %f = tensor.empty() : tensor<1x8x8x4xf32>
  return %2 : tensor<1x8x8x4xf32>
}
