// RUN: adze-opt %s --form-views=alignment=8 --split-input-file | FileCheck %s

// Floats of an input can't be pointed at as bytes, and a piece that begins at
// byte 4 breaks the alignment.
// CHECK-LABEL: kernel.func @slice
// CHECK: func.func @main
// CHECK-NOT: kernel.view
// CHECK: return
kernel.func @slice(%x: tensor<8xf32>) -> tensor<4xf32> {
  %0 = nn.slice %x {starts = array<i64: 4>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @odd(%x: tensor<8xf32>) -> tensor<4xf32> {
  %0 = nn.slice %x {starts = array<i64: 1>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @make(%x: tensor<4xf32>) -> tensor<8xf32> {
  %0 = tensor.empty() : tensor<8xf32>
  kernel.return %0 : tensor<8xf32>
}
kernel.func @sink(%x: tensor<4xf32>) -> tensor<1xf32> {
  %0 = tensor.empty() : tensor<1xf32>
  kernel.return %0 : tensor<1xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<1xf32> {
  %a = kernel.call @slice(%x) : (tensor<8xf32>) -> tensor<4xf32>
  %b = kernel.call @make(%a) : (tensor<4xf32>) -> tensor<8xf32>
  %c = kernel.call @odd(%b) : (tensor<8xf32>) -> tensor<4xf32>
  %d = kernel.call @sink(%c) : (tensor<4xf32>) -> tensor<1xf32>
  return %d : tensor<1xf32>
}

// -----

// A join keeps the place of the second part while the large tensor lives: 1168
// bytes instead of 1104. The copy stays.
// CHECK-LABEL: kernel.func @join
// CHECK: kernel.call @join
kernel.func @join(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<32xf32> {
  %0 = nn.concat %a, %b {axis = 0 : i64} : (tensor<16xf32>, tensor<16xf32>) -> tensor<32xf32>
  kernel.return %0 : tensor<32xf32>
}
kernel.func @small(%x: tensor<4xf32>) -> tensor<16xf32> {
  %0 = tensor.empty() : tensor<16xf32>
  kernel.return %0 : tensor<16xf32>
}
kernel.func @large(%x: tensor<16xf32>) -> tensor<256xf32> {
  %0 = tensor.empty() : tensor<256xf32>
  kernel.return %0 : tensor<256xf32>
}
kernel.func @less(%x: tensor<256xf32>) -> tensor<4xf32> {
  %0 = tensor.empty() : tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @sink(%x: tensor<32xf32>) -> tensor<1xf32> {
  %0 = tensor.empty() : tensor<1xf32>
  kernel.return %0 : tensor<1xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<1xf32> {
  %a = kernel.call @small(%x) : (tensor<4xf32>) -> tensor<16xf32>
  %l = kernel.call @large(%a) : (tensor<16xf32>) -> tensor<256xf32>
  %m = kernel.call @less(%l) : (tensor<256xf32>) -> tensor<4xf32>
  %b = kernel.call @small(%m) : (tensor<4xf32>) -> tensor<16xf32>
  %j = kernel.call @join(%a, %b) : (tensor<16xf32>, tensor<16xf32>) -> tensor<32xf32>
  %r = kernel.call @sink(%j) : (tensor<32xf32>) -> tensor<1xf32>
  return %r : tensor<1xf32>
}
