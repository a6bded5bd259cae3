// RUN: adze-opt %s -choose-schedules="lanes=1 registers=32" | FileCheck %s
// RUN: adze-opt %s -choose-schedules="lanes=8 registers=16 caches=true" | FileCheck %s --check-prefix=AVX2

// Scalars in 32 registers: the five columns of the layer in one tile.
// CHECK: @pointwise
// CHECK-SAME: #kernel.schedule<"conv.direct", {{.*}}columns = {{[0-9]+}} : i64{{.*}}rows = 5 : i64
// Vectors of eight in 16 registers.
// AVX2: @pointwise
// AVX2-SAME: channels_outer = 1 : i64
// AVX2-SAME: lanes = 8 : i64
kernel.func private @pointwise(%x: tensor<1x25x5x64xf32>, %w: tensor<1x1x64x64xf32>) -> tensor<1x25x5x64xf32> {
  %y = nn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, group = 1 : i64, layout = #nn<layout channels_last>} : (tensor<1x25x5x64xf32>, tensor<1x1x64x64xf32>) -> tensor<1x25x5x64xf32>
  kernel.return %y : tensor<1x25x5x64xf32>
}

// CHECK: @depthwise
// CHECK-SAME: #kernel.schedule<"depthwise"
kernel.func private @depthwise(%x: tensor<1x25x5x64xf32>, %w: tensor<3x3x1x64xf32>) -> tensor<1x25x5x64xf32> {
  %y = nn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, group = 64 : i64, layout = #nn<layout channels_last>} : (tensor<1x25x5x64xf32>, tensor<3x3x1x64xf32>) -> tensor<1x25x5x64xf32>
  kernel.return %y : tensor<1x25x5x64xf32>
}
