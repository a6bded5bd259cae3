// RUN: adze-opt %s -split-input-file -verify-diagnostics

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{calls 'missing', which is no kernel.func}}
  %y = kernel.call @missing(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @+1 {{reaches beyond the 4 elements of its input}}
  %y = kernel.view %x : tensor<4xf32> to tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

func.func @main(%c: tensor<i1>, %x: tensor<4xf32>, %z: tensor<5xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{a body yields other types than the results}}
  %y = kernel.if %c : tensor<i1> -> (tensor<4xf32>) {
    kernel.yield %x : tensor<4xf32>
  } else {
    kernel.yield %z : tensor<5xf32>
  }
  return %y : tensor<4xf32>
}
