// RUN: adze-opt %s -assign-layout -canonicalize -split-input-file | FileCheck %s

// A convolution of integers keeps its border value; the factors follow their
// axis, and the addition behind them both of its operands.
// CHECK-LABEL: @residual
// CHECK:       nn.conv %{{.*}} layout = #nn<layout channels_last>, pad_value = -5 : i64
// CHECK:       %[[R:.*]] = nn.requantize {{.*}} {axis = 3 : i64
// CHECK:       %[[A:.*]] = nn.quantized_add %[[R]], %arg0
// CHECK-SAME:    (tensor<1x4x4x8xi8>, tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8>
// CHECK-NOT:   nn.transpose
// CHECK:       return %[[A]]
func.func @residual(%x: tensor<1x4x4x8xi8>, %w: tensor<8x8x1x1xi8>, %m: tensor<8xi32>, %s: tensor<8xi32>) -> tensor<1x4x4x8xi8> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x8xi8>) -> tensor<1x8x4x4xi8>
  %c = nn.conv %t, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, group = 1 : i64, layout = #nn<layout channels_first>, pad_value = -5 : i64} : (tensor<1x8x4x4xi8>, tensor<8x8x1x1xi8>) -> tensor<1x8x4x4xi32>
  %r = nn.requantize %c, %m, %s {axis = 1 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding twice>} : (tensor<1x8x4x4xi32>, tensor<8xi32>, tensor<8xi32>) -> tensor<1x8x4x4xi8>
  %a = nn.quantized_add %r, %t {zero_point_a = 0 : i64, zero_point_b = 0 : i64, multiplier_a = 1073741824 : i64, shift_a = 0 : i64, multiplier_b = 1073741824 : i64, shift_b = 0 : i64, multiplier = 1073741824 : i64, shift = -18 : i64, left_shift = 20 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding twice>} : (tensor<1x8x4x4xi8>, tensor<1x8x4x4xi8>) -> tensor<1x8x4x4xi8>
  %y = nn.transpose %a {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x8x4x4xi8>) -> tensor<1x4x4x8xi8>
  return %y : tensor<1x4x4x8xi8>
}

// -----

// Operands in different orders: the addition stays where it is.
// CHECK-LABEL: @apart
// CHECK:       %[[T:.*]] = nn.transpose %arg0
// CHECK:       nn.quantized_add %[[T]], %arg1
func.func @apart(%x: tensor<1x4x4x8xi8>, %b: tensor<1x8x4x4xi8>) -> tensor<1x8x4x4xi8> {
  %t = nn.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x8xi8>) -> tensor<1x8x4x4xi8>
  %a = nn.quantized_add %t, %b {zero_point_a = 0 : i64, zero_point_b = 0 : i64, multiplier_a = 1073741824 : i64, shift_a = 0 : i64, multiplier_b = 1073741824 : i64, shift_b = 0 : i64, multiplier = 1073741824 : i64, shift = -18 : i64, left_shift = 20 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding twice>} : (tensor<1x8x4x4xi8>, tensor<1x8x4x4xi8>) -> tensor<1x8x4x4xi8>
  return %a : tensor<1x8x4x4xi8>
}

// -----

// CHECK-LABEL: @table
// CHECK:       %[[L:.*]] = nn.lookup %arg0, %arg1
// CHECK:       nn.transpose %[[L]]
func.func @table(%x: tensor<2x3x4xi8>, %t: tensor<256xi8>) -> tensor<4x2x3xi8> {
  %p = nn.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xi8>) -> tensor<4x2x3xi8>
  %y = nn.lookup %p, %t : (tensor<4x2x3xi8>, tensor<256xi8>) -> tensor<4x2x3xi8>
  return %y : tensor<4x2x3xi8>
}
