// RUN: adze-opt %s --form-views=alignment=4 | FileCheck %s

// Rows of an image in memory order: a view of bytes of the input, parts in their
// places. The kernels that only copied are gone.
// CHECK-NOT: kernel.func @top
// CHECK: kernel.func @columns
// CHECK-NOT: kernel.func @join
// CHECK: func.func @main
// CHECK: %[[T:.*]] = kernel.view %arg0 : tensor<1x8x4x1xi8> to tensor<1x4x4x1xi8>
// CHECK: %[[B:.*]] = kernel.view %arg0 {offset = 16 : i64} : tensor<1x8x4x1xi8> to tensor<1x4x4x1xi8>
// CHECK: %[[X:.*]] = kernel.call @relu(%[[T]])
// CHECK: %[[Y:.*]] = kernel.call @relu(%[[B]])
// CHECK: %[[J:.*]] = kernel.join %[[X]], %[[Y]] : tensor<1x4x4x1xi8>, tensor<1x4x4x1xi8> to tensor<1x8x4x1xi8>
// CHECK: kernel.call @sink(%[[J]],
module {
  kernel.func @top(%x: tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8> {
    %0 = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8>
    kernel.return %0 : tensor<1x4x4x1xi8>
  }
  kernel.func @bottom(%x: tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8> {
    %0 = nn.slice %x {starts = array<i64: 0, 4, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8>
    kernel.return %0 : tensor<1x4x4x1xi8>
  }
  // Columns have gaps.
  kernel.func @columns(%x: tensor<1x8x4x1xi8>) -> tensor<1x8x2x1xi8> {
    %0 = nn.slice %x {starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x4x1xi8>) -> tensor<1x8x2x1xi8>
    kernel.return %0 : tensor<1x8x2x1xi8>
  }
  kernel.func @join(%a: tensor<1x4x4x1xi8>, %b: tensor<1x4x4x1xi8>) -> tensor<1x8x4x1xi8> {
    %0 = nn.concat %a, %b {axis = 1 : i64} : (tensor<1x4x4x1xi8>, tensor<1x4x4x1xi8>) -> tensor<1x8x4x1xi8>
    kernel.return %0 : tensor<1x8x4x1xi8>
  }
  kernel.func @relu(%x: tensor<1x4x4x1xi8>) -> tensor<1x4x4x1xi8> {
    %0 = tensor.empty() : tensor<1x4x4x1xi8>
    kernel.return %0 : tensor<1x4x4x1xi8>
  }
  kernel.func @sink(%x: tensor<1x8x4x1xi8>, %c: tensor<1x8x2x1xi8>) -> tensor<1xi8> {
    %0 = tensor.empty() : tensor<1xi8>
    kernel.return %0 : tensor<1xi8>
  }
  func.func @main(%x: tensor<1x8x4x1xi8>) -> tensor<1xi8> {
    %t = kernel.call @top(%x) : (tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8>
    %b = kernel.call @bottom(%x) : (tensor<1x8x4x1xi8>) -> tensor<1x4x4x1xi8>
    %c = kernel.call @columns(%x) : (tensor<1x8x4x1xi8>) -> tensor<1x8x2x1xi8>
    %0 = kernel.call @relu(%t) : (tensor<1x4x4x1xi8>) -> tensor<1x4x4x1xi8>
    %1 = kernel.call @relu(%b) : (tensor<1x4x4x1xi8>) -> tensor<1x4x4x1xi8>
    %2 = kernel.call @join(%0, %1) : (tensor<1x4x4x1xi8>, tensor<1x4x4x1xi8>) -> tensor<1x8x4x1xi8>
    %3 = kernel.call @sink(%2, %c) : (tensor<1x8x4x1xi8>, tensor<1x8x2x1xi8>) -> tensor<1xi8>
    return %3 : tensor<1xi8>
  }
}
