// RUN: adze-opt %s --order-program --split-input-file | FileCheck %s
// RUN: adze-opt %s --order-program --plan-memory --split-input-file | FileCheck %s --check-prefix=PLAN

// Two branches that widen and shrink run one after the other. Views stay behind
// what they are views of, constants come first.

// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = adze.constant
// CHECK: %[[A:.*]] = kernel.call @wide
// CHECK-NEXT: %[[V:.*]] = kernel.view %[[A]]
// CHECK-NEXT: %[[C:.*]] = kernel.call @narrow2(%[[V]])
// CHECK-NEXT: %[[B:.*]] = kernel.call @wide
// CHECK-NEXT: %[[D:.*]] = kernel.call @narrow(%[[B]])
// CHECK-NEXT: kernel.call @add(%[[C]], %[[D]], %[[W]])
// PLAN: adze.arena_size = 288 : i64
kernel.func @wide(%x: tensor<4xf32>) -> tensor<64xf32> {
  %0 = tensor.empty() : tensor<64xf32>
  kernel.return %0 : tensor<64xf32>
}
kernel.func @narrow(%x: tensor<64xf32>) -> tensor<4xf32> {
  %0 = tensor.empty() : tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @narrow2(%x: tensor<8x8xf32>) -> tensor<4xf32> {
  %0 = tensor.empty() : tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @add(%x: tensor<4xf32>, %y: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = kernel.call @wide(%x) : (tensor<4xf32>) -> tensor<64xf32>
  %b = kernel.call @wide(%x) : (tensor<4xf32>) -> tensor<64xf32>
  %v = kernel.view %a : tensor<64xf32> to tensor<8x8xf32>
  %w = adze.constant dense<1.0> : tensor<4xf32>
  %c = kernel.call @narrow2(%v) : (tensor<8x8xf32>) -> tensor<4xf32>
  %d = kernel.call @narrow(%b) : (tensor<64xf32>) -> tensor<4xf32>
  %y = kernel.call @add(%c, %d, %w) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// The same inside a branch, where the values come from outside.

// CHECK-LABEL: func.func @main
// CHECK: kernel.if
// CHECK: %[[A:.*]] = kernel.call @wide
// CHECK-NEXT: kernel.call @narrow(%[[A]])
// CHECK-NEXT: %[[B:.*]] = kernel.call @wide
// CHECK-NEXT: kernel.call @narrow(%[[B]])
// CHECK-NEXT: kernel.call @add
kernel.func @wide(%x: tensor<4xf32>) -> tensor<64xf32> {
  %0 = tensor.empty() : tensor<64xf32>
  kernel.return %0 : tensor<64xf32>
}
kernel.func @narrow(%x: tensor<64xf32>) -> tensor<4xf32> {
  %0 = tensor.empty() : tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
kernel.func @add(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>, %t: tensor<i1>) -> tensor<4xf32> {
  %s = kernel.call @add(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = kernel.if %t : tensor<i1> -> (tensor<4xf32>) {
    %a = kernel.call @wide(%s) : (tensor<4xf32>) -> tensor<64xf32>
    %b = kernel.call @wide(%s) : (tensor<4xf32>) -> tensor<64xf32>
    %c = kernel.call @narrow(%a) : (tensor<64xf32>) -> tensor<4xf32>
    %d = kernel.call @narrow(%b) : (tensor<64xf32>) -> tensor<4xf32>
    %y = kernel.call @add(%c, %d) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    kernel.yield %y : tensor<4xf32>
  } else {
    kernel.yield %s : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// An order that cannot be improved stays, constants included.

// CHECK-LABEL: func.func @main
// CHECK-NEXT: kernel.call @f
// CHECK-NEXT: adze.constant
// CHECK-NEXT: kernel.call @g
kernel.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
kernel.func @g(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = kernel.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %w = adze.constant dense<1.0> : tensor<4xf32>
  %b = kernel.call @g(%a, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %b : tensor<4xf32>
}
