// RUN: adze-opt %s --pass-pipeline='builtin.module(form-integer-ops{rounding=once})' | FileCheck %s --check-prefix=ONCE
// RUN: adze-opt %s --pass-pipeline='builtin.module(form-integer-ops{rounding=twice})' | FileCheck %s --check-prefix=TWICE

// ONNX rounds ties of an average to even, TFLite away from zero.

// ONCE: nn.conv
// ONCE-SAME: -> tensor<1x3x2x2xi32>
// ONCE: arith.floordivsi
// ONCE: arith.select
// ONCE: arith.trunci
// TWICE: nn.pool
// TWICE-SAME: -> tensor<1x3x2x2xi8>
// TWICE-NOT: arith.floordivsi

func.func @main(%a: tensor<1x3x4x4xi8>) -> tensor<1x3x2x2xf32> {
  %s = adze.constant dense<0.5> : tensor<f32>
  %z = adze.constant dense<3> : tensor<i8>
  %fa = nn.dequantize %a scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x3x4x4xi8> -> tensor<1x3x4x4xf32>
  %p = nn.pool %fa {kind = #nn<pool_kind average>, window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, layout = #nn<layout channels_first>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  %q = nn.quantize %p scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x3x2x2xf32> -> tensor<1x3x2x2xi8>
  %y = nn.dequantize %q scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x3x2x2xi8> -> tensor<1x3x2x2xf32>
  return %y : tensor<1x3x2x2xf32>
}
