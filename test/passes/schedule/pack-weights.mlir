// RUN: adze-opt %s -pack-weights | FileCheck %s

// A constant right-hand side becomes panels as wide as the register tile.
// CHECK: kernel.func private @product(%{{.*}}: tensor<4x6xf32>, %[[P:.*]]: tensor<3x6x4xf32>)
// CHECK: %[[W:.*]] = nn.unpack %[[P]] : (tensor<3x6x4xf32>) -> tensor<6x10xf32>
// CHECK: nn.matmul %{{.*}}, %[[W]]
// CHECK-LABEL: @main
// CHECK: adze.constant #adze.weight<"{{.*}}"> : tensor<3x6x4xf32>
kernel.func private @product(%x: tensor<4x6xf32>, %w: tensor<6x10xf32>) -> tensor<4x10xf32> attributes {schedule = #kernel.schedule<"gemm", {columns = 4 : i64, lanes = 1 : i64, rows = 2 : i64}>} {
  %y = nn.matmul %x, %w : (tensor<4x6xf32>, tensor<6x10xf32>) -> tensor<4x10xf32>
  kernel.return %y : tensor<4x10xf32>
}
func.func @main(%x: tensor<4x6xf32>) -> tensor<4x10xf32> {
  %w = adze.constant #adze.weight<"w"> : tensor<6x10xf32>
  %y = kernel.call @product(%x, %w) : (tensor<4x6xf32>, tensor<6x10xf32>) -> tensor<4x10xf32>
  return %y : tensor<4x10xf32>
}
