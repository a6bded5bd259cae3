// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<1x3x8x8xf32> {onnx.name = "x"}, %c: tensor<i1>) -> (tensor<*xf32> {onnx.name = "y"}) {
  // CHECK: adze.constant #adze.weight<"conv.w"> : tensor<4x3x1x1xf32>
  %w = adze.constant #adze.weight<"conv.w"> : tensor<4x3x1x1xf32>
  // CHECK: onnx.none
  %none = onnx.none
  // CHECK: onnx.node "Conv"(%{{.*}}, %{{.*}}, %{{.*}}) {attrs = {strides = array<i64: 2, 2>}, domain = "", version = 11 : i64}
  %y = onnx.node "Conv"(%x, %w, %none) {domain = "", version = 11 : i64, attrs = {strides = array<i64: 2, 2>}} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>, none) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
