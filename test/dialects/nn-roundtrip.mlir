// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK-LABEL: @movement
// CHECK: nn.reshape
// CHECK: nn.transpose %{{.*}} {perm = array<i64: 1, 0>}
// CHECK: nn.slice %{{.*}} {starts = array<i64: 2, 0>, steps = array<i64: -1, 2>}
// CHECK: nn.pad %{{.*}} {high = array<i64: 1, 0>, low = array<i64: 0, 2>, mode = #nn<pad_mode reflect>}
// CHECK: nn.concat %{{.*}}, %{{.*}} {axis = 1 : i64}
func.func @movement(%x: tensor<2x6xf32>) -> tensor<4x8xf32> {
  %r = nn.reshape %x : (tensor<2x6xf32>) -> tensor<4x3xf32>
  %t = nn.transpose %r {perm = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %s = nn.slice %t {starts = array<i64: 2, 0>, steps = array<i64: -1, 2>} : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %p = nn.pad %s {low = array<i64: 0, 2>, high = array<i64: 1, 0>, mode = #nn<pad_mode reflect>} : (tensor<3x2xf32>) -> tensor<4x4xf32>
  %c = nn.concat %p, %p {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  return %c : tensor<4x8xf32>
}

// CHECK-LABEL: @structures
// CHECK: nn.conv {{.*}}layout = #nn<layout channels_last>
// CHECK: nn.pool {{.*}}kind = #nn<pool_kind average>
// CHECK: nn.matmul %{{.*}}, %{{.*}} {trans_b}
// CHECK: nn.softmax %{{.*}} {axis = 1 : i64, log}
func.func @structures(%x: tensor<1x4x4x3xf32>, %w: tensor<3x3x3x8xf32>, %m: tensor<5x8xf32>) -> tensor<1x5xf32> {
  %c = nn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, group = 1 : i64, layout = #nn<layout channels_last>} : (tensor<1x4x4x3xf32>, tensor<3x3x3x8xf32>) -> tensor<1x4x4x8xf32>
  %p = nn.pool %c {kind = #nn<pool_kind average>, window = array<i64: 4, 4>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, layout = #nn<layout channels_last>} : (tensor<1x4x4x8xf32>) -> tensor<1x1x1x8xf32>
  %r = nn.reshape %p : (tensor<1x1x1x8xf32>) -> tensor<1x8xf32>
  %y = nn.matmul %r, %m {trans_b} : (tensor<1x8xf32>, tensor<5x8xf32>) -> tensor<1x5xf32>
  %s = nn.softmax %y {axis = 1 : i64, log} : (tensor<1x5xf32>) -> tensor<1x5xf32>
  return %s : tensor<1x5xf32>
}
