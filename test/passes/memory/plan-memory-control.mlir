// RUN: adze-opt %s --plan-memory --split-input-file | FileCheck %s

// What a branch makes is written into the result; what it passes on is copied
// there, and the result has a place of its own.

// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = kernel.call @f(%{{.*}}) {offsets = array<i64: [[A:[0-9]+]]>}
// CHECK: kernel.if
// CHECK: kernel.call @f(%[[A]]) {offsets = array<i64: [[T:[0-9]+]]>}
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: [[R0:[0-9]+]]>}
// CHECK: else
// CHECK: kernel.call @f(%[[A]]) {offsets = array<i64: [[R0]]>}
// CHECK: {offsets = array<i64: [[R0]], {{[0-9]+}}>}
kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
kernel.func @join(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func @main(%x: tensor<16xf32>, %c: tensor<i1>) -> tensor<16xf32> {
  %a = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %r:2 = kernel.if %c : tensor<i1> -> (tensor<16xf32>, tensor<16xf32>) {
    %0 = kernel.call @f(%a) : (tensor<16xf32>) -> tensor<16xf32>
    %1 = kernel.call @f(%0) : (tensor<16xf32>) -> tensor<16xf32>
    kernel.yield %1, %x : tensor<16xf32>, tensor<16xf32>
  } else {
    %0 = kernel.call @f(%a) : (tensor<16xf32>) -> tensor<16xf32>
    kernel.yield %0, %a : tensor<16xf32>, tensor<16xf32>
  }
  %y = kernel.call @join(%r#0, %r#1) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// Branches never run both: what they hold shares memory. The result of the
// program lives in the output, what branches make is copied there.

// CHECK: adze.arena_size = 64 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.if
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: 0>}
// CHECK: else
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: 0>}
// CHECK: {offsets = array<i64: -1>}
kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func @main(%x: tensor<16xf32>, %c: tensor<i1>) -> tensor<16xf32> {
  %r = kernel.if %c : tensor<i1> -> (tensor<16xf32>) {
    %0 = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
    kernel.yield %0 : tensor<16xf32>
  } else {
    %0 = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
    kernel.yield %0 : tensor<16xf32>
  }
  return %r : tensor<16xf32>
}

// -----

// The initial value lies in the carried buffer; the next value as well where
// the kernel works in place. What the body reads from outside lives on.

// CHECK: adze.arena_size = 144 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: [[OUTSIDE:[0-9]+]]>}
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: [[CARRIED:[0-9]+]]>}
// CHECK: kernel.while
// CHECK: kernel.call @step(%{{.*}}, %{{.*}}) {offsets = array<i64: [[CARRIED]], {{[0-9]+}}>}
// CHECK: {offsets = array<i64: [[CARRIED]]>}
kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
kernel.func @step(%x: tensor<16xf32>, %y: tensor<16xf32>) -> (tensor<16xf32>, tensor<i1>) attributes {overlap = [[0, 0]]} {
  %c = adze.constant dense<false> : tensor<i1>
  kernel.return %x, %c : tensor<16xf32>, tensor<i1>
}
func.func @main(%x: tensor<16xf32>, %c: tensor<i1>) -> tensor<16xf32> {
  %a = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %b = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %r = kernel.while %c, %b : tensor<i1>, tensor<16xf32> -> tensor<16xf32> {
  ^bb0(%carried: tensor<16xf32>):
    %0, %go = kernel.call @step(%carried, %a) : (tensor<16xf32>, tensor<16xf32>) -> (tensor<16xf32>, tensor<i1>)
    kernel.yield %go, %0 : tensor<i1>, tensor<16xf32>
  }
  %y = kernel.call @f(%r) : (tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// Not in place: the next value has a buffer of its own; an initial value that
// is used again keeps its own.

// CHECK: adze.arena_size = 208 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: [[INITIAL:[0-9]+]]>}
// CHECK: kernel.while
// CHECK-NOT: offsets = array<i64: [[INITIAL]]
// CHECK: kernel.call @step(%{{.*}}) {offsets = array<i64: [[NEXT:[0-9]+]], {{[0-9]+}}>}
// CHECK-NOT: offsets = array<i64: [[INITIAL]]>
// CHECK-NOT: offsets = array<i64: [[NEXT]]>
// CHECK: kernel.call @join
kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
kernel.func @step(%x: tensor<16xf32>) -> (tensor<16xf32>, tensor<i1>) {
  %c = adze.constant dense<false> : tensor<i1>
  kernel.return %x, %c : tensor<16xf32>, tensor<i1>
}
kernel.func @join(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> {
  kernel.return %x : tensor<16xf32>
}
func.func @main(%x: tensor<16xf32>, %c: tensor<i1>) -> tensor<16xf32> {
  %b = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %r = kernel.while %c, %b : tensor<i1>, tensor<16xf32> -> tensor<16xf32> {
  ^bb0(%carried: tensor<16xf32>):
    %0, %go = kernel.call @step(%carried) : (tensor<16xf32>) -> (tensor<16xf32>, tensor<i1>)
    kernel.yield %go, %0 : tensor<i1>, tensor<16xf32>
  }
  %y = kernel.call @join(%r, %b) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// Carried values that change places wait in scratch buffers.

// CHECK-LABEL: func.func @main
// CHECK: kernel.while
// CHECK: kernel.yield
// CHECK: {offsets = array<i64: {{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}>, scratch_offsets = array<i64: {{[0-9]+}}, {{[0-9]+}}, -1>}
kernel.func @more(%x: tensor<4xf32>) -> tensor<i1> {
  %c = adze.constant dense<false> : tensor<i1>
  kernel.return %c : tensor<i1>
}
kernel.func @join(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %r:3 = kernel.while %c, %x, %y, %x : tensor<i1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>, tensor<4xf32>, tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %same: tensor<4xf32>):
    %go = kernel.call @more(%a) : (tensor<4xf32>) -> tensor<i1>
    kernel.yield %go, %b, %a, %same : tensor<i1>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  %z = kernel.call @join(%r#0, %r#1, %r#2) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}
