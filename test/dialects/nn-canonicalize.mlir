// RUN: adze-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @transposes_cancel
// CHECK-NEXT: return %arg0
func.func @transposes_cancel(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %a = nn.transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %b = nn.transpose %a {perm = array<i64: 0, 2, 1>} : (tensor<2x4x3xf32>) -> tensor<2x3x4xf32>
  return %b : tensor<2x3x4xf32>
}

// A transpose that only moves dimensions of size 1 moves no bytes.
// CHECK-LABEL: @transpose_is_reshape
// CHECK: nn.reshape
// CHECK-NOT: nn.transpose
func.func @transpose_is_reshape(%x: tensor<1x1x28x28xf32>) -> tensor<1x28x28x1xf32> {
  %a = nn.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x1x28x28xf32>) -> tensor<1x28x28x1xf32>
  return %a : tensor<1x28x28x1xf32>
}

// CHECK-LABEL: @reshapes_merge
// CHECK: nn.reshape %arg0 : (tensor<2x6xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: return
func.func @reshapes_merge(%x: tensor<2x6xf32>) -> tensor<3x4xf32> {
  %a = nn.reshape %x : (tensor<2x6xf32>) -> tensor<12xf32>
  %b = nn.reshape %a : (tensor<12xf32>) -> tensor<3x4xf32>
  return %b : tensor<3x4xf32>
}
