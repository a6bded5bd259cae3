// RUN: adze-opt %s -split-input-file -form-integer-ops | FileCheck %s
// RUN: adze-opt %s -split-input-file -form-integer-ops -expand-quantization -fold-constants | FileCheck %s --check-prefix=FOLD

// A function that is no clamp behind a product: to int16 in the range in which
// it is not constant, from there a table of lines.
// CHECK-LABEL: func.func @main
// CHECK:       %[[SUMS:.*]] = nn.matmul %arg0
// CHECK:       %[[WIDE:.*]] = nn.requantize %[[SUMS]]
// CHECK-SAME:    -> tensor<3x2xi16>
// CHECK:       nn.interpolate %[[WIDE]]
// CHECK-SAME:    -> tensor<3x2xi8>
// CHECK-NOT:   f32
#row = affine_map<(d0, d1) -> (d0, d1)>
module {
  func.func @main(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
    %sx = adze.constant dense<0.1> : tensor<f32>
    %sw = adze.constant dense<0.25> : tensor<f32>
    %sy = adze.constant dense<0.0078125> : tensor<f32>
    %w = adze.constant dense<[[-127, 126], [-125, 28]]> : tensor<2x2xi8>
    %fx = nn.dequantize %x scale %sx : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %fw = nn.dequantize %w scale %sw : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x2xi8> -> tensor<2x2xf32>
    %p = nn.matmul %fx, %fw : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
    %e = tensor.empty() : tensor<3x2xf32>
    %t = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<3x2xf32>) outs(%e : tensor<3x2xf32>) {
    ^bb0(%in: f32, %out: f32):
      %y = math.tanh %in : f32
      linalg.yield %y : f32
    } -> tensor<3x2xf32>
    %y = nn.quantize %t scale %sy : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi8>
    return %y : tensor<3x2xi8>
  }
}

// -----

// PRelu with a slope for each column: two factors. A slope of -0.5 is a
// negative multiplier.
// CHECK-LABEL: func.func @main
// CHECK-DAG:   %[[M:.*]] = adze.constant dense<1073741824> : tensor<2xi32>
// CHECK-DAG:   %[[S:.*]] = adze.constant dense<0> : tensor<2xi32>
// CHECK-DAG:   %[[N:.*]] = adze.constant dense<[-1073741824, 1073741824]> : tensor<2xi32>
// CHECK-DAG:   %[[T:.*]] = adze.constant dense<[-1, -2]> : tensor<2xi32>
// CHECK:       nn.requantize_prelu %{{.*}}, %[[M]], %[[S]], %[[N]], %[[T]] {axis = 1 : i64
#row = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
module {
  func.func @main(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
    %sx = adze.constant dense<0.5> : tensor<f32>
    %sy = adze.constant dense<1.0> : tensor<f32>
    %slope = adze.constant dense<[-0.5, 0.25]> : tensor<2xf32>
    %fx = nn.dequantize %x scale %sx : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<3x2xi8> -> tensor<3x2xf32>
    %e = tensor.empty() : tensor<3x2xf32>
    %t = linalg.generic {indexing_maps = [#row, #column, #row], iterator_types = ["parallel", "parallel"]} ins(%fx, %slope : tensor<3x2xf32>, tensor<2xf32>) outs(%e : tensor<3x2xf32>) {
    ^bb0(%in: f32, %factor: f32, %out: f32):
      %zero = arith.constant 0.0 : f32
      %less = arith.cmpf olt, %in, %zero : f32
      %product = arith.mulf %in, %factor : f32
      %y = arith.select %less, %product, %in : f32
      linalg.yield %y : f32
    } -> tensor<3x2xf32>
    %y = nn.quantize %t scale %sy : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<3x2xf32> -> tensor<3x2xi8>
    return %y : tensor<3x2xi8>
  }
}

// -----

// Rows too long for TFLite's softmax: 16 bits, from which the result is
// rescaled.
// CHECK-LABEL: func.func @main
// CHECK:       %[[P:.*]] = nn.quantized_softmax %arg0, %{{.*}} : (tensor<1x600xi8>, tensor<512xi32>) -> tensor<1x600xi16>
// CHECK:       nn.requantize
// CHECK-NOT:   f32
module {
  func.func @main(%x: tensor<1x600xi8>) -> tensor<1x600xi8> {
    %sx = adze.constant dense<0.05> : tensor<f32>
    %sy = adze.constant dense<0.001> : tensor<f32>
    %fx = nn.dequantize %x scale %sx : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x600xi8> -> tensor<1x600xf32>
    %p = nn.softmax %fx {axis = 1 : i64} : (tensor<1x600xf32>) -> tensor<1x600xf32>
    %y = nn.quantize %p scale %sy : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x600xf32> -> tensor<1x600xi8>
    return %y : tensor<1x600xi8>
  }
}

// -----

// Weights of four bits stay as they are beside activations in float.
// CHECK-LABEL: func.func @main(%arg0: tensor<1x4xf32>)
// FOLD-LABEL:  func.func @main(%arg0: tensor<1x4xf32>)
// FOLD:        %[[W:.*]] = adze.constant dense<{{.*}}> : tensor<4x2xi4>
// FOLD:        %[[F:.*]] = linalg.generic {{.*}} ins(%[[W]], %{{.*}} : tensor<4x2xi4>, tensor<2x2xf32>)
// FOLD:        nn.matmul %arg0, %[[F]]
module {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
    %w = adze.constant dense<[[1, -8], [7, 2], [3, 4], [5, 6]]> : tensor<4x2xi4>
    %s = adze.constant dense<[[0.5, 0.25], [1.0, 2.0]]> : tensor<2x2xf32>
    %fw = nn.dequantize %w scale %s : tensor<2x2xf32> {axis = 0 : i64, block_size = 2 : i64} : tensor<4x2xi4> -> tensor<4x2xf32>
    %p = nn.matmul %x, %fw : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
    return %p : tensor<1x2xf32>
  }
}
