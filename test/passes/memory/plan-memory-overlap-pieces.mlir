// RUN: adze-opt %s --plan-memory=alignment=8 | FileCheck %s

// An output may lie 8 bytes below its input, which is a piece that begins 16
// bytes into a buffer that dies: the output may begin where that buffer begins,
// and even 8 bytes above, so it needs no byte more.
// CHECK: adze.arena_size = 64 : i64
// CHECK: kernel.call @make(%arg0) {offsets = array<i64: 0>}
// CHECK: kernel.call @shift(%{{.*}}) {offsets = array<i64: 0>}
kernel.func @make(%x: tensor<4xi8>) -> tensor<64xi8> {
  %0 = tensor.empty() : tensor<64xi8>
  kernel.return %0 : tensor<64xi8>
}
kernel.func @shift(%x: tensor<32xi8>) -> tensor<48xi8> attributes {overlap = [[0, 8]]} {
  %0 = tensor.empty() : tensor<48xi8>
  kernel.return %0 : tensor<48xi8>
}
kernel.func @sink(%x: tensor<48xi8>) -> tensor<1xi8> {
  %0 = tensor.empty() : tensor<1xi8>
  kernel.return %0 : tensor<1xi8>
}
func.func @main(%x: tensor<4xi8>) -> tensor<1xi8> {
  %a = kernel.call @make(%x) : (tensor<4xi8>) -> tensor<64xi8>
  %p = kernel.view %a {offset = 16 : i64} : tensor<64xi8> to tensor<32xi8>
  %b = kernel.call @shift(%p) : (tensor<32xi8>) -> tensor<48xi8>
  %c = kernel.call @sink(%b) : (tensor<48xi8>) -> tensor<1xi8>
  return %c : tensor<1xi8>
}
