// RUN: adze-opt %s -form-kernels -split-input-file | FileCheck %s

// A product, its requantization and the addition of another tensor are one
// kernel, with the product's result as first operand; the table behind is
// another.
// CHECK-LABEL: kernel.func private @lookup
// CHECK:         nn.lookup
// CHECK-NEXT:    kernel.return
// CHECK-LABEL: kernel.func private @matmul
// CHECK:         %[[S:.*]] = nn.matmul
// CHECK-NEXT:    %[[R:.*]] = nn.requantize %[[S]]
// CHECK-NEXT:    nn.quantized_add %[[R]], %arg{{[0-9]}} {{.*}}zero_point_a = 2 : i64, zero_point_b = 1 : i64
// CHECK-NEXT:    kernel.return
func.func @main(%x: tensor<4x8xi8>, %w: tensor<8x8xi8>, %b: tensor<4x8xi8>, %t: tensor<256xi8>, %m: tensor<8xi32>, %s: tensor<8xi32>) -> tensor<4x8xi8> {
  %p = nn.matmul %x, %w : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  %r = nn.requantize %p, %m, %s {axis = 1 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding once>} : (tensor<4x8xi32>, tensor<8xi32>, tensor<8xi32>) -> tensor<4x8xi8>
  %a = nn.quantized_add %b, %r {zero_point_a = 1 : i64, zero_point_b = 2 : i64, multiplier_a = 1073741824 : i64, shift_a = 0 : i64, multiplier_b = 1073741824 : i64, shift_b = 0 : i64, multiplier = 1073741824 : i64, shift = -18 : i64, left_shift = 20 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding once>} : (tensor<4x8xi8>, tensor<4x8xi8>) -> tensor<4x8xi8>
  %y = nn.lookup %a, %t : (tensor<4x8xi8>, tensor<256xi8>) -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

// -----

// What is subtracted from another tensor is no epilogue.
// CHECK-LABEL: kernel.func private @quantized_add
// CHECK-LABEL: kernel.func private @matmul
// CHECK:         nn.requantize
// CHECK-NEXT:    kernel.return
func.func @main(%x: tensor<4x8xi8>, %w: tensor<8x8xi8>, %b: tensor<4x8xi8>, %m: tensor<8xi32>, %s: tensor<8xi32>) -> tensor<4x8xi8> {
  %p = nn.matmul %x, %w : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi32>
  %r = nn.requantize %p, %m, %s {axis = 1 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, rounding = #nn<rounding once>} : (tensor<4x8xi32>, tensor<8xi32>, tensor<8xi32>) -> tensor<4x8xi8>
  %a = nn.quantized_add %b, %r {zero_point_a = 1 : i64, zero_point_b = 2 : i64, multiplier_a = 1073741824 : i64, shift_a = 0 : i64, multiplier_b = 1073741824 : i64, shift_b = 0 : i64, multiplier = 1073741824 : i64, shift = -18 : i64, left_shift = 20 : i64, zero_point = 0 : i64, low = -128 : i64, high = 127 : i64, subtract, rounding = #nn<rounding once>} : (tensor<4x8xi8>, tensor<4x8xi8>) -> tensor<4x8xi8>
  return %a : tensor<4x8xi8>
}
