// RUN: adze-opt %s --plan-memory=alignment=8 --lower-kernels --lower-program --split-input-file --verify-diagnostics | FileCheck %s

// The parts of a join lie side by side, a piece lies in what it is a piece of;
// the joined bytes that are returned are made in the output.
// CHECK-LABEL: func.func @run(%arg0: memref<16xi8>
// CHECK-SAME: %arg1: memref<32xi8>
// CHECK-SAME: %[[ARENA:.*]]: memref<32xi8> {adze.kind = "arena"}
// CHECK: memref.reinterpret_cast %arg0
// CHECK: arith.constant 8 : index
// CHECK: memref.view %{{.*}} : memref<16xi8> to memref<8xi8>
// CHECK: arith.constant 0 : index
// CHECK-NEXT: memref.view %[[ARENA]][{{.*}} : memref<32xi8> to memref<16xi8>
// CHECK-NEXT: call @half
// CHECK-NEXT: arith.constant 16 : index
// CHECK-NEXT: memref.view %[[ARENA]][{{.*}} : memref<32xi8> to memref<16xi8>
// CHECK-NEXT: call @half
// CHECK-COUNT-2: call @same
module {
  kernel.func @half(%x: tensor<8xi8>) -> tensor<16xi8> {
    %0 = nn.concat %x, %x {axis = 0 : i64} : (tensor<8xi8>, tensor<8xi8>) -> tensor<16xi8>
    kernel.return %0 : tensor<16xi8>
  }
  kernel.func @same(%x: tensor<16xi8>) -> tensor<16xi8> {
    %0 = nn.slice %x {starts = array<i64: 15>, steps = array<i64: -1>} : (tensor<16xi8>) -> tensor<16xi8>
    kernel.return %0 : tensor<16xi8>
  }
  func.func @main(%x: tensor<16xi8>) -> tensor<32xi8> {
    %low = kernel.view %x : tensor<16xi8> to tensor<8xi8>
    %high = kernel.view %x {offset = 8 : i64} : tensor<16xi8> to tensor<8xi8>
    %a = kernel.call @half(%low) : (tensor<8xi8>) -> tensor<16xi8>
    %b = kernel.call @half(%high) : (tensor<8xi8>) -> tensor<16xi8>
    %j = kernel.join %a, %b : tensor<16xi8>, tensor<16xi8> to tensor<32xi8>
    %u = kernel.view %j : tensor<32xi8> to tensor<16xi8>
    %v = kernel.view %j {offset = 16 : i64} : tensor<32xi8> to tensor<16xi8>
    %c = kernel.call @same(%u) : (tensor<16xi8>) -> tensor<16xi8>
    %d = kernel.call @same(%v) : (tensor<16xi8>) -> tensor<16xi8>
    %k = kernel.join %c, %d : tensor<16xi8>, tensor<16xi8> to tensor<32xi8>
    return %k : tensor<32xi8>
  }
}

// -----

kernel.func @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{takes a piece of an input or a constant, whose elements are no bytes}}
  %p = kernel.view %x {offset = 4 : i64} : tensor<8xf32> to tensor<4xf32>
  %a = kernel.call @k(%p) : (tensor<4xf32>) -> tensor<4xf32>
  return %a : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{takes results of kernel.call or kernel.join in its own block}}
  %j = kernel.join %x, %x : tensor<4xf32>, tensor<4xf32> to tensor<8xf32>
  return %j : tensor<8xf32>
}

// -----

kernel.func @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<8xf32> {
  %a = kernel.call @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{shares a part with another kernel.join}}
  %j = kernel.join %a, %a : tensor<4xf32>, tensor<4xf32> to tensor<8xf32>
  return %j : tensor<8xf32>
}
