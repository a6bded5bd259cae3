// RUN: adze-opt %s -fold-constants | FileCheck %s

// Small results are computed; results over 1 KiB are recipes of the weight
// store.
// CHECK-LABEL: @main
// CHECK-DAG: adze.constant dense<{{\[\[}}1, 3], [2, 4]]> : tensor<2x2xi64>
// CHECK-DAG: adze.constant #adze.weight<"{{.*}}"> : tensor<32x16xf32>
// CHECK-NOT: nn.transpose
// CHECK: return
func.func @main() -> (tensor<2x2xi64>, tensor<32x16xf32>) {
  %a = adze.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi64>
  %b = nn.transpose %a {perm = array<i64: 1, 0>} : (tensor<2x2xi64>) -> tensor<2x2xi64>
  %w = adze.constant #adze.weight<"w"> : tensor<16x32xf32>
  %t = nn.transpose %w {perm = array<i64: 1, 0>} : (tensor<16x32xf32>) -> tensor<32x16xf32>
  return %b, %t : tensor<2x2xi64>, tensor<32x16xf32>
}
