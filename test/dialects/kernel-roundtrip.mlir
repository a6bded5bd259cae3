// RUN: adze-opt %s | adze-opt | FileCheck %s

// CHECK: kernel.func private @double(%{{.*}}: tensor<4xf32>) -> tensor<4xf32>
// CHECK-SAME: schedule = #kernel.schedule<"generic", {unroll = 2 : i64}>
kernel.func private @double(%x: tensor<4xf32>) -> tensor<4xf32> attributes {schedule = #kernel.schedule<"generic", {unroll = 2 : i64}>} {
  kernel.return %x : tensor<4xf32>
}

// CHECK-LABEL: func.func @main
func.func @main(%c: tensor<i1>, %x: tensor<2x2xf32>) -> tensor<4xf32> {
  // CHECK: kernel.view %{{.*}} : tensor<2x2xf32> to tensor<4xf32>
  %v = kernel.view %x : tensor<2x2xf32> to tensor<4xf32>
  // CHECK: kernel.if %{{.*}} : tensor<i1> -> (tensor<4xf32>) {
  %y = kernel.if %c : tensor<i1> -> (tensor<4xf32>) {
    // CHECK: kernel.call @double(%{{.*}}) : (tensor<4xf32>) -> tensor<4xf32>
    %a = kernel.call @double(%v) : (tensor<4xf32>) -> tensor<4xf32>
    // CHECK: kernel.yield %{{.*}} : tensor<4xf32>
    kernel.yield %a : tensor<4xf32>
  } else {
    kernel.yield %v : tensor<4xf32>
  }
  // CHECK: kernel.while
  %z = kernel.while %c, %y : tensor<i1>, tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = kernel.call @double(%a) : (tensor<4xf32>) -> tensor<4xf32>
    kernel.yield %c, %b : tensor<i1>, tensor<4xf32>
  }
  return %z : tensor<4xf32>
}
