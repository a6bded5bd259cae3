// RUN: adze-opt %s -assign-layout -canonicalize -split-input-file | FileCheck %s

// A transpose sinks through a resize, whose axes follow.
// CHECK-LABEL: @resize
// CHECK: %[[R:.*]] = nn.resize %arg0 {axes = array<i64: 1, 2>, repeats = array<i64: 2, 2>} : (tensor<1x4x5x3xf32>) -> tensor<1x8x10x3xf32>
// CHECK: nn.transpose %[[R]] {perm = array<i64: 0, 3, 1, 2>}
func.func @resize(%x: tensor<1x4x5x3xf32>) -> tensor<1x3x8x10xf32> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x3xf32>) -> tensor<1x3x4x5xf32>
  %y = nn.resize %t {axes = array<i64: 2, 3>, repeats = array<i64: 2, 2>} : (tensor<1x3x4x5xf32>) -> tensor<1x3x8x10xf32>
  return %y : tensor<1x3x8x10xf32>
}

// -----

// CHECK-LABEL: @broadcast
// CHECK: %[[B:.*]] = nn.broadcast %arg0 : (tensor<2x1x5x3xf32>) -> tensor<2x4x5x3xf32>
// CHECK: nn.transpose %[[B]] {perm = array<i64: 0, 3, 1, 2>}
func.func @broadcast(%x: tensor<2x1x5x3xf32>) -> tensor<2x3x4x5xf32> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x1x5x3xf32>) -> tensor<2x3x1x5xf32>
  %y = nn.broadcast %t : (tensor<2x3x1x5xf32>) -> tensor<2x3x4x5xf32>
  return %y : tensor<2x3x4x5xf32>
}

// -----

// Rows and columns lie side by side on both sides of the transpose.
// CHECK-LABEL: @joins
// CHECK: %[[J:.*]] = nn.reshape %arg0 : (tensor<2x4x5x3xf32>) -> tensor<2x20x3xf32>
// CHECK: nn.transpose %[[J]] {perm = array<i64: 0, 2, 1>}
func.func @joins(%x: tensor<2x4x5x3xf32>) -> tensor<2x3x20xf32> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %y = nn.reshape %t : (tensor<2x3x4x5xf32>) -> tensor<2x3x20xf32>
  return %y : tensor<2x3x20xf32>
}

// -----

// Channels and rows do not: the elements have to move first.
// CHECK-LABEL: @apart
// CHECK: %[[A:.*]] = nn.transpose %arg0
// CHECK: nn.reshape %[[A]]
func.func @apart(%x: tensor<2x4x5x3xf32>) -> tensor<2x60xf32> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x4x5x3xf32>) -> tensor<2x3x4x5xf32>
  %y = nn.reshape %t : (tensor<2x3x4x5xf32>) -> tensor<2x60xf32>
  return %y : tensor<2x60xf32>
}
