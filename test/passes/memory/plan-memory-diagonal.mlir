// RUN: adze-opt %s --plan-memory | FileCheck %s
// RUN: adze-opt %s --plan-memory=alignment=4 | FileCheck %s

// The activations of MLPerf Tiny's keyword spotting network, 32,000 bytes
// each. Every depthwise convolution writes two rows (2,560 bytes) below what it
// still reads, every pointwise one a pixel (256 bytes): all together take 43,264
// bytes instead of 64,000, and that is proven to be the least.

// CHECK: module attributes {adze.arena_alignment = {{.*}}, adze.arena_bound = 43264 : i64, adze.arena_size = 43264 : i64
// CHECK-SAME: optimal = true
// CHECK: kernel.call @conv(%{{.*}}) {offsets = array<i64: 11264>}
// CHECK: kernel.call @depthwise(%{{.*}}) {offsets = array<i64: 8704>}
// CHECK: kernel.call @pointwise(%{{.*}}) {offsets = array<i64: 8448>}
// CHECK: kernel.call @depthwise(%{{.*}}) {offsets = array<i64: 5888>}
// CHECK: kernel.call @pointwise(%{{.*}}) {offsets = array<i64: 5632>}
// CHECK: kernel.call @depthwise(%{{.*}}) {offsets = array<i64: 3072>}
// CHECK: kernel.call @pointwise(%{{.*}}) {offsets = array<i64: 2816>}
// CHECK: kernel.call @depthwise(%{{.*}}) {offsets = array<i64: 256>}
// CHECK: kernel.call @pointwise(%{{.*}}) {offsets = array<i64: 0>}
kernel.func @conv(%x: tensor<1x49x10x1xf32>) -> tensor<1x25x5x64xf32> {
  %0 = tensor.empty() : tensor<1x25x5x64xf32>
  kernel.return %0 : tensor<1x25x5x64xf32>
}
kernel.func @depthwise(%x: tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32> attributes {overlap = [[0, 2560]]} {
  kernel.return %x : tensor<1x25x5x64xf32>
}
kernel.func @pointwise(%x: tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32> attributes {overlap = [array<i64: 0, 256>]} {
  kernel.return %x : tensor<1x25x5x64xf32>
}
kernel.func @pool(%x: tensor<1x25x5x64xf32>) -> tensor<1x64xf32> {
  %0 = tensor.empty() : tensor<1x64xf32>
  kernel.return %0 : tensor<1x64xf32>
}
kernel.func @classify(%x: tensor<1x64xf32>) -> tensor<1x12xf32> {
  %0 = tensor.empty() : tensor<1x12xf32>
  kernel.return %0 : tensor<1x12xf32>
}
func.func @main(%x: tensor<1x49x10x1xf32>) -> tensor<1x12xf32> {
  %0 = kernel.call @conv(%x) : (tensor<1x49x10x1xf32>) -> tensor<1x25x5x64xf32>
  %1 = kernel.call @depthwise(%0) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %2 = kernel.call @pointwise(%1) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %3 = kernel.call @depthwise(%2) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %4 = kernel.call @pointwise(%3) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %5 = kernel.call @depthwise(%4) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %6 = kernel.call @pointwise(%5) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %7 = kernel.call @depthwise(%6) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %8 = kernel.call @pointwise(%7) : (tensor<1x25x5x64xf32>) -> tensor<1x25x5x64xf32>
  %9 = kernel.call @pool(%8) : (tensor<1x25x5x64xf32>) -> tensor<1x64xf32>
  %10 = kernel.call @classify(%9) : (tensor<1x64xf32>) -> tensor<1x12xf32>
  return %10 : tensor<1x12xf32>
}
