// A module is reduced to the operation that the script asks for; what it reads
// becomes an argument's value, and functions, results and arguments that do not
// matter go.
//
// RUN: echo '#!/bin/sh' > %t.sh
// RUN: echo 'adze-opt "$1" | grep -q math.tanh' >> %t.sh
// RUN: chmod +x %t.sh
// RUN: adze-reduce %s --test %t.sh -o %t.mlir 2>%t.err
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=SAYS < %t.err
// RUN: adze-opt %t.mlir -o /dev/null
//
// CHECK:      module {
// CHECK-NEXT:   func.func @main(%[[Y:.*]]: tensor<3x2xf32>) {
// CHECK-NEXT:     math.tanh %[[Y]] : tensor<3x2xf32>
// CHECK-NEXT:     return
// CHECK-NEXT:   }
// CHECK-NEXT: }
//
// SAYS: step
// SAYS: the module {{ *}}15
// SAYS: 3 of 15 operations, {{[0-9]+}} tests

// Twice the same answer.
// RUN: adze-reduce %s --test %t.sh -o %t.again.mlir
// RUN: cmp %t.mlir %t.again.mlir

// RUN: echo '#!/bin/sh' > %t.no.sh
// RUN: echo 'grep -q "no such text" "$1"' >> %t.no.sh
// RUN: chmod +x %t.no.sh
// RUN: not adze-reduce %s --test %t.no.sh 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: adze-reduce: error: {{.*}}does not show the fault, so there is nothing to reduce: the script exits with 1.

func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.absf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = func.call @helper(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @main(%x: tensor<2x3xf32>, %y: tensor<3x2xf32>, %unused: tensor<4xi8>)
    -> (tensor<2x3xf32>, tensor<3x2xf32>, tensor<2x3xf32>) {
  %0 = math.exp %x : tensor<2x3xf32>
  %1 = arith.addf %0, %x : tensor<2x3xf32>
  %2 = nn.transpose %1 {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %3 = arith.mulf %y, %2 : tensor<3x2xf32>
  %4 = math.tanh %3 : tensor<3x2xf32>
  %5 = nn.transpose %4 {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %6 = arith.addf %5, %1 : tensor<2x3xf32>
  return %6, %4, %0 : tensor<2x3xf32>, tensor<3x2xf32>, tensor<2x3xf32>
}
