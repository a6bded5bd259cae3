// RUN: adze-opt %s -split-input-file -expand-quantization | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK:       linalg.generic {{.*}} ins(%arg0 : tensor<2x3xf32>)
// CHECK:         %[[D:.*]] = arith.divf %{{.*}}, %{{.*}} : f32
// CHECK-NEXT:    math.roundeven %[[D]]
// CHECK:         arith.trunci %{{.*}} : i32 to i8
module {
  func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xi8> {
    %s = adze.constant dense<0.5> : tensor<f32>
    %z = adze.constant dense<3> : tensor<i8>
    %q = nn.quantize %x scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<2x3xf32> -> tensor<2x3xi8>
    return %q : tensor<2x3xi8>
  }
}

// -----

// Blocks that end early are found by division.
// CHECK:       #[[BLOCK:.*]] = affine_map<(d0, d1) -> (d0, d1 floordiv 2)>
// CHECK-LABEL: func.func @main
// CHECK:       linalg.generic {indexing_maps = [#{{.*}}, #[[BLOCK]], #{{.*}}]
module {
  func.func @main(%x: tensor<2x3xi8>, %s: tensor<2x2xf32>) -> tensor<2x3xf32> {
    %d = nn.dequantize %x scale %s : tensor<2x2xf32> {axis = 1 : i64, block_size = 2 : i64} : tensor<2x3xi8> -> tensor<2x3xf32>
    return %d : tensor<2x3xf32>
  }
}
