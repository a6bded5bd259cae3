// RUN: adze-opt %s -split-input-file -form-integer-ops=rounding=twice | FileCheck %s
// RUN: adze-opt %s -split-input-file -form-integer-ops | FileCheck %s --check-prefix=ONCE

// Per channel, a bias with the scale of the products, relu as a clamp. The
// bias takes -zx * sum of the weights, the border is the zero point.
// CHECK-LABEL: func.func @main
// CHECK-DAG:   %[[B:.*]] = adze.constant dense<[90, -8]> : tensor<2xi32>
// CHECK-DAG:   %[[W:.*]] = adze.constant dense<{{.*}}> : tensor<2x1x1x2xi8>
// CHECK:       %[[SUMS:.*]] = nn.conv %arg0, %[[W]], %[[B]]
// CHECK-SAME:    pad_value = -10 : i64
// CHECK-SAME:    (tensor<1x1x3x4xi8>, tensor<2x1x1x2xi8>, tensor<2xi32>) -> tensor<1x2x3x5xi32>
// CHECK-DAG:   %[[M:.*]] = adze.constant dense<1073741824> : tensor<2xi32>
// CHECK-DAG:   %[[S:.*]] = adze.constant dense<[-1, 0]> : tensor<2xi32>
// CHECK:       %[[Y:.*]] = nn.requantize %[[SUMS]], %[[M]], %[[S]]
// CHECK-SAME:    axis = 1 : i64, high = 127 : i64, low = 5 : i64, rounding = #nn<rounding twice>, zero_point = 5 : i64
// CHECK-NEXT:  return %[[Y]]
// ONCE:        nn.requantize
// ONCE-SAME:   rounding = #nn<rounding once>
#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
module {
  func.func @main(%x: tensor<1x1x3x4xi8>) -> tensor<1x2x3x5xi8> {
    %sx = adze.constant dense<0.5> : tensor<f32>
    %zx = adze.constant dense<-10> : tensor<i8>
    %w = adze.constant dense<[[[[3, 4]]], [[[-1, -2]]]]> : tensor<2x1x1x2xi8>
    %sw = adze.constant dense<[0.5, 1.0]> : tensor<2xf32>
    %zw = adze.constant dense<0> : tensor<2xi8>
    %b = adze.constant dense<[20, 22]> : tensor<2xi32>
    %sb = adze.constant dense<[0.25, 0.5]> : tensor<2xf32>
    %sy = adze.constant dense<1.0> : tensor<f32>
    %zy = adze.constant dense<5> : tensor<i8>
    %fx = nn.dequantize %x scale %sx : tensor<f32> zero_point %zx : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x1x3x4xi8> -> tensor<1x1x3x4xf32>
    %fw = nn.dequantize %w scale %sw : tensor<2xf32> zero_point %zw : tensor<2xi8> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x1x1x2xi8> -> tensor<2x1x1x2xf32>
    %fb = nn.dequantize %b scale %sb : tensor<2xf32> {axis = 0 : i64, block_size = 0 : i64} : tensor<2xi32> -> tensor<2xf32>
    %c = nn.conv %fx, %fw, %fb {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, group = 1 : i64, layout = #nn<layout channels_first>} : (tensor<1x1x3x4xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>) -> tensor<1x2x3x5xf32>
    %e = tensor.empty() : tensor<1x2x3x5xf32>
    %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%c : tensor<1x2x3x5xf32>) outs(%e : tensor<1x2x3x5xf32>) {
    ^bb0(%in: f32, %out: f32):
      %zero = arith.constant 0.0 : f32
      %less = arith.cmpf olt, %in, %zero : f32
      %clamped = arith.select %less, %zero, %in : f32
      linalg.yield %clamped : f32
    } -> tensor<1x2x3x5xf32>
    %y = nn.quantize %r scale %sy : tensor<f32> zero_point %zy : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x2x3x5xf32> -> tensor<1x2x3x5xi8>
    return %y : tensor<1x2x3x5xi8>
  }
}

// -----

// A matrix product whose bias is added behind it; weights of uint8 around 128.
// CHECK-LABEL: func.func @main
// CHECK-DAG:   %[[W:.*]] = adze.constant dense<{{\[}}[1, -2], [3, 0]]> : tensor<2x2xi8>
// CHECK-DAG:   %[[B:.*]] = adze.constant dense<[4, 8]> : tensor<2xi32>
// CHECK:       %[[SUMS:.*]] = nn.matmul %arg0, %[[W]], %[[B]] : (tensor<3x2xi8>, tensor<2x2xi8>, tensor<2xi32>) -> tensor<3x2xi32>
// CHECK:       nn.requantize %[[SUMS]]
#row = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
module {
  func.func @main(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %half = adze.constant dense<0.25> : tensor<f32>
    %zx = adze.constant dense<0> : tensor<i8>
    %w = adze.constant dense<[[-127, 126], [-125, -128]]> : tensor<2x2xi8>
    %zw = adze.constant dense<-128> : tensor<i8>
    %b = adze.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %fx = nn.dequantize %x scale %one : tensor<f32> zero_point %zx : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %fw = nn.dequantize %w scale %half : tensor<f32> zero_point %zw : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, is_unsigned} : tensor<2x2xi8> -> tensor<2x2xf32>
    %p = nn.matmul %fx, %fw : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
    %e = tensor.empty() : tensor<3x2xf32>
    %s = linalg.generic {indexing_maps = [#row, #column, #row], iterator_types = ["parallel", "parallel"]} ins(%p, %b : tensor<3x2xf32>, tensor<2xf32>) outs(%e : tensor<3x2xf32>) {
    ^bb0(%in: f32, %bias: f32, %out: f32):
      %sum = arith.addf %in, %bias : f32
      linalg.yield %sum : f32
    } -> tensor<3x2xf32>
    %y = nn.quantize %s scale %one : tensor<f32> zero_point %zx : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi8>
    return %y : tensor<3x2xi8>
  }
}

// -----

// Nothing is quantized behind it: integers are summed all the same.
// CHECK-LABEL: func.func @main
// CHECK:       %[[SUMS:.*]] = nn.matmul %arg0, %{{.*}}, %{{.*}} -> tensor<3x2xi32>
// CHECK:       nn.dequantize %[[SUMS]]
// CHECK-NOT:   nn.matmul
module {
  func.func @main(%x: tensor<3x2xi8>) -> tensor<3x2xf32> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %w = adze.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
    %fx = nn.dequantize %x scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %fw = nn.dequantize %w scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x2xi8> -> tensor<2x2xf32>
    %p = nn.matmul %fx, %fw : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
    return %p : tensor<3x2xf32>
  }
}

// -----

// Both operands are data: products of both less their zero points.
// CHECK-LABEL: func.func @main
// CHECK:       %[[A:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<3x2xi8>) outs(%{{.*}} : tensor<3x2xi16>)
// CHECK:       %[[B:.*]] = linalg.generic {{.*}} ins(%arg1 : tensor<2x2xi8>) outs(%{{.*}} : tensor<2x2xi16>)
// CHECK:       %[[SUMS:.*]] = nn.matmul %[[A]], %[[B]] : (tensor<3x2xi16>, tensor<2x2xi16>) -> tensor<3x2xi32>
// CHECK:       nn.requantize %[[SUMS]]
module {
  func.func @main(%x: tensor<3x2xi8>, %w: tensor<2x2xi8>) -> tensor<3x2xi8> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %zero = adze.constant dense<7> : tensor<i8>
    %fx = nn.dequantize %x scale %one : tensor<f32> zero_point %zero : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %fw = nn.dequantize %w scale %one : tensor<f32> zero_point %zero : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x2xi8> -> tensor<2x2xf32>
    %p = nn.matmul %fx, %fw : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
    %y = nn.quantize %p scale %one : tensor<f32> zero_point %zero : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi8>
    return %y : tensor<3x2xi8>
  }
}

// -----

// Weights in float: so is the product, with a reason.
// CHECK:       adze.float_fallbacks = ["product: its weights are not quantized"]
// CHECK-LABEL: func.func @main
// CHECK:       nn.matmul {{.*}} -> tensor<3x2xf32>
// CHECK:       nn.quantize
module {
  func.func @main(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %w = adze.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %fx = nn.dequantize %x scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %p = nn.matmul %fx, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32> loc("product")
    %y = nn.quantize %p scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi8>
    return %y : tensor<3x2xi8>
  }
}

// -----

// int16 activations: sums of 64 bits.
// CHECK-LABEL: func.func @main
// CHECK:       %[[SUMS:.*]] = nn.matmul %arg0, %{{.*}}, %{{.*}} : (tensor<3x2xi16>, tensor<2x2xi8>, tensor<2xi64>) -> tensor<3x2xi64>
// CHECK:       nn.requantize %[[SUMS]]{{.*}}high = 32767 : i64, low = -32768 : i64{{.*}} -> tensor<3x2xi16>
module {
  func.func @main(%x: tensor<3x2xi16>) -> tensor<3x2xi16> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %w = adze.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
    %fx = nn.dequantize %x scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi16> -> tensor<3x2xf32>
    %fw = nn.dequantize %w scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x2xi8> -> tensor<2x2xf32>
    %p = nn.matmul %fx, %fw : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
    %y = nn.quantize %p scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi16>
    return %y : tensor<3x2xi16>
  }
}
