// RUN: adze-opt %s -split-input-file --pass-pipeline='builtin.module(select-kernels{machine=cortex-m4})' | FileCheck %s

// A convolution with its requantization becomes C text: the weights are gone,
// packed constants and a scratch buffer have come.

// CHECK: kernel.func private @conv(tensor<1x4x4x4xi8>, tensor<{{[0-9]+}}xi{{[0-9]+}}>{{.*}}) -> tensor<1x4x4x2xi8>
// CHECK-SAME: adze.code = {body = "
// CHECK-SAME: adze.macs = 1152
// CHECK-SAME: doc = "conv 3x3 4x4x4 -> 4x4x2"
// CHECK-SAME: schedule = #kernel.schedule<"conv.
// CHECK: func.func @main
// CHECK-NOT: tensor<3x3x4x2xi8>
// CHECK: kernel.call @conv(%arg0, %{{.*}}) : (tensor<1x4x4x4xi8>, tensor<{{.*}}>) -> tensor<1x4x4x2xi8>
kernel.func @conv(%x: tensor<1x4x4x4xi8>, %w: tensor<3x3x4x2xi8>, %b: tensor<2xi32>, %m: tensor<2xi32>, %s: tensor<2xi32>) -> tensor<1x4x4x2xi8> {
  %a = nn.conv %x, %w, %b {dilations = array<i64: 1, 1>, group = 1 : i64, layout = #nn<layout channels_last>, pad_value = -128 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x4x4x4xi8>, tensor<3x3x4x2xi8>, tensor<2xi32>) -> tensor<1x4x4x2xi32>
  %y = nn.requantize %a, %m, %s {axis = 3 : i64, high = 127 : i64, low = -128 : i64, rounding = #nn<rounding twice>, zero_point = -128 : i64} : (tensor<1x4x4x2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<1x4x4x2xi8>
  kernel.return %y : tensor<1x4x4x2xi8>
}
func.func @main(%x: tensor<1x4x4x4xi8>) -> tensor<1x4x4x2xi8> {
  %w = adze.constant dense<3> : tensor<3x3x4x2xi8>
  %b = adze.constant dense<[100, -200]> : tensor<2xi32>
  %m = adze.constant dense<[1518500250, 1288490189]> : tensor<2xi32>
  %s = adze.constant dense<[-6, -7]> : tensor<2xi32>
  %y = kernel.call @conv(%x, %w, %b, %m, %s) : (tensor<1x4x4x4xi8>, tensor<3x3x4x2xi8>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<1x4x4x2xi8>
  return %y : tensor<1x4x4x2xi8>
}

// -----

// Layers of one shape share one function.

// CHECK-COUNT-1: kernel.func
// CHECK: kernel.call @dense
// CHECK: kernel.call @dense
kernel.func @dense(%x: tensor<1x16xi8>, %w: tensor<16x16xi8>, %b: tensor<16xi32>, %m: tensor<1xi32>, %s: tensor<1xi32>) -> tensor<1x16xi8> {
  %a = nn.matmul %x, %w, %b : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<16xi32>) -> tensor<1x16xi32>
  %y = nn.requantize %a, %m, %s {axis = 1 : i64, high = 127 : i64, low = -128 : i64, rounding = #nn<rounding twice>, zero_point = -128 : i64} : (tensor<1x16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  kernel.return %y : tensor<1x16xi8>
}
func.func @main(%x: tensor<1x16xi8>) -> tensor<1x16xi8> {
  %w = adze.constant dense<5> : tensor<16x16xi8>
  %v = adze.constant dense<-4> : tensor<16x16xi8>
  %b = adze.constant dense<77> : tensor<16xi32>
  %m = adze.constant dense<1518500250> : tensor<1xi32>
  %s = adze.constant dense<-6> : tensor<1xi32>
  %y = kernel.call @dense(%x, %w, %b, %m, %s) : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  %z = kernel.call @dense(%y, %v, %b, %m, %s) : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  return %z : tensor<1x16xi8>
}

// -----

// Weights that are data have no family: the kernel stays as it is.

// CHECK: kernel.func @product
// CHECK: nn.matmul
kernel.func @product(%x: tensor<1x16xi8>, %w: tensor<16x16xi8>, %m: tensor<1xi32>, %s: tensor<1xi32>) -> tensor<1x16xi8> {
  %a = nn.matmul %x, %w : (tensor<1x16xi8>, tensor<16x16xi8>) -> tensor<1x16xi32>
  %y = nn.requantize %a, %m, %s {axis = 1 : i64, high = 127 : i64, low = -128 : i64, rounding = #nn<rounding twice>, zero_point = -128 : i64} : (tensor<1x16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  kernel.return %y : tensor<1x16xi8>
}
func.func @main(%x: tensor<1x16xi8>, %w: tensor<16x16xi8>) -> tensor<1x16xi8> {
  %m = adze.constant dense<1518500250> : tensor<1xi32>
  %s = adze.constant dense<-6> : tensor<1xi32>
  %y = kernel.call @product(%x, %w, %m, %s) : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  return %y : tensor<1x16xi8>
}

// -----

// The application's function for an accelerator comes before all families.

// CHECK: kernel.func private @dense
// CHECK-SAME: npu_dense(&layer, in0, out0);
// CHECK-SAME: schedule = #kernel.schedule<"accelerator.npu_dense"
module attributes {adze.accelerators = ["dense 16*=npu_dense"]} {
  kernel.func @dense(%x: tensor<1x16xi8>, %w: tensor<16x16xi8>, %m: tensor<1xi32>, %s: tensor<1xi32>) -> tensor<1x16xi8> {
    %a = nn.matmul %x, %w : (tensor<1x16xi8>, tensor<16x16xi8>) -> tensor<1x16xi32>
    %y = nn.requantize %a, %m, %s {axis = 1 : i64, high = 127 : i64, low = -128 : i64, rounding = #nn<rounding twice>, zero_point = -128 : i64} : (tensor<1x16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
    kernel.return %y : tensor<1x16xi8>
  }
  func.func @main(%x: tensor<1x16xi8>) -> tensor<1x16xi8> {
    %w = adze.constant dense<5> : tensor<16x16xi8>
    %m = adze.constant dense<1518500250> : tensor<1xi32>
    %s = adze.constant dense<-6> : tensor<1xi32>
    %y = kernel.call @dense(%x, %w, %m, %s) : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
    return %y : tensor<1x16xi8>
  }
}

// -----

// Weights that fit four bits are packed where the budget needs it: 128 bytes
// for 256 weights.

// CHECK: module attributes {adze.flash_budget = 4200 : i64}
// CHECK: kernel.func private @dense
// CHECK-SAME: weight_bits = 4
module attributes {adze.flash_budget = 4200 : i64} {
kernel.func @dense(%x: tensor<1x16xi8>, %w: tensor<16x16xi8>, %b: tensor<16xi32>, %m: tensor<1xi32>, %s: tensor<1xi32>) -> tensor<1x16xi8> {
  %a = nn.matmul %x, %w, %b : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<16xi32>) -> tensor<1x16xi32>
  %y = nn.requantize %a, %m, %s {axis = 1 : i64, high = 127 : i64, low = -128 : i64, rounding = #nn<rounding once>, zero_point = -128 : i64} : (tensor<1x16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  kernel.return %y : tensor<1x16xi8>
}
func.func @main(%x: tensor<1x16xi8>) -> tensor<1x16xi8> {
  %w = adze.constant dense<-7> : tensor<16x16xi8>
  %b = adze.constant dense<5> : tensor<16xi32>
  %m = adze.constant dense<1518500250> : tensor<1xi32>
  %s = adze.constant dense<-6> : tensor<1xi32>
  %y = kernel.call @dense(%x, %w, %b, %m, %s) : (tensor<1x16xi8>, tensor<16x16xi8>, tensor<16xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1x16xi8>
  return %y : tensor<1x16xi8>
}
}
