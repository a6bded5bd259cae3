// RUN: adze-opt %s -convert-onnx-to-nn -canonicalize -split-input-file -verify-diagnostics | FileCheck %s

// A shape that the graph computes is known after the conversion.
// CHECK-LABEL: func.func @main
// CHECK-SAME: adze.name = "x", adze.type = "float32"
// CHECK: nn.reshape %arg0 : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
func.func @main(%x: tensor<2x3x4xf32> {onnx.name = "x"}) -> (!onnx.unknown {onnx.name = "y"}) {
  %i = adze.constant dense<0> : tensor<1xi64>
  %m = adze.constant dense<-1> : tensor<1xi64>
  %s = onnx.node "Shape"(%x) {domain = "", version = 15 : i64, attrs = {}} : (tensor<2x3x4xf32>) -> tensor<3xi64>
  %g = onnx.node "Gather"(%s, %i) {domain = "", version = 13 : i64, attrs = {axis = 0 : i64}} : (tensor<3xi64>, tensor<1xi64>) -> tensor<1xi64>
  %c = onnx.node "Concat"(%g, %m) {domain = "", version = 13 : i64, attrs = {axis = 0 : i64}} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %y = onnx.node "Reshape"(%x, %c) {domain = "", version = 14 : i64, attrs = {}} : (tensor<2x3x4xf32>, tensor<2xi64>) -> !onnx.unknown
  return %y : !onnx.unknown
}

// -----

// Every operator without a lowering is named at once.
// expected-error @+1 {{these operators are not supported:}}
func.func @main(%x: tensor<2xf32> {onnx.name = "x"}) -> (!onnx.unknown {onnx.name = "y"}) {
  %a = onnx.node "Frobnicate"(%x) {domain = "com.example", version = 0 : i64, attrs = {}} : (tensor<2xf32>) -> !onnx.unknown
  %b = onnx.node "Twiddle"(%a) {domain = "com.example", version = 0 : i64, attrs = {}} : (!onnx.unknown) -> !onnx.unknown
  return %b : !onnx.unknown
}

// -----

func.func @main(%x: tensor<2x3xf32> {onnx.name = "x"}) -> (!onnx.unknown {onnx.name = "y"}) {
  %s = adze.constant dense<[4, 2]> : tensor<2xi64>
  // expected-error @+1 {{(Reshape, ai.onnx version 14): 6 elements do not fit a shape of 8.}}
  %y = onnx.node "Reshape"(%x, %s) {domain = "", version = 14 : i64, attrs = {}} : (tensor<2x3xf32>, tensor<2xi64>) -> !onnx.unknown
  return %y : !onnx.unknown
}
