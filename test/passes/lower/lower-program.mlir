// RUN: adze-opt %s -lower-kernels -plan-memory -lower-program | FileCheck %s

// CHECK: memref.global "private" constant @w : memref<8xf32> = uninitialized {adze.weight = #adze.weight<"w"> : tensor<8xf32>}
// CHECK: func.func private @add(%{{.*}}: memref<8xf32>, %{{.*}}: memref<8xf32>, %{{.*}}: memref<8xf32>)
// CHECK: func.func @run(%[[X:.*]]: memref<8xf32> {adze.kind = "input", adze.name = "x", adze.type = "float32"}, %[[Y:.*]]: memref<2x4xf32> {adze.kind = "output"
// CHECK-SAME: %[[ARENA:.*]]: memref<{{[0-9]+}}xi8> {adze.kind = "arena"})
// CHECK-SAME: adze.entry
// The last kernel writes the output itself, under its own shape.
// CHECK: memref.reinterpret_cast %[[Y]]
// CHECK: memref.view %[[ARENA]]
// CHECK-COUNT-2: call @add
kernel.func private @add(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x, %y : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  kernel.return %r : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32> {adze.name = "x", adze.type = "float32"}) -> (tensor<2x4xf32> {adze.name = "y", adze.type = "float32"}) {
  %w = adze.constant #adze.weight<"w"> : tensor<8xf32>
  %a = kernel.call @add(%x, %w) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %b = kernel.call @add(%a, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %v = kernel.view %b : tensor<8xf32> to tensor<2x4xf32>
  return %v : tensor<2x4xf32>
}
