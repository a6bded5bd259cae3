// RUN: adze-opt %s --plan-memory=ram=100 --split-input-file --verify-diagnostics

// The message names what is live at the peak, and what does not fit.

// expected-error@below {{the arena takes 192 bytes, 92 more than the 100 bytes given; in the step of @f these are live together: 'wide' of 128 bytes (28 of them do not fit), '@f' of 64 bytes (64 of them do not fit); no plan of these kernels needs less than 192 bytes}}
module {
  kernel.func @f(%x: tensor<32xf32>) -> tensor<16xf32> {
    %0 = tensor.empty() : tensor<16xf32>
    kernel.return %0 : tensor<16xf32>
  }
  kernel.func @g(%x: tensor<16xf32>) -> tensor<32xf32> {
    %0 = tensor.empty() : tensor<32xf32>
    kernel.return %0 : tensor<32xf32>
  }
  func.func @main(%x: tensor<16xf32>) -> tensor<32xf32> {
    %0 = kernel.call @g(%x) : (tensor<16xf32>) -> tensor<32xf32> loc("wide")
    %1 = kernel.call @f(%0) : (tensor<32xf32>) -> tensor<16xf32>
    %2 = kernel.call @g(%1) : (tensor<16xf32>) -> tensor<32xf32>
    return %2 : tensor<32xf32>
  }
}

// -----

// expected-error@below {{plan-memory needs a program: func.func @main}}
module {
}

// -----

// expected-error@below {{has an overlap rule that is no pair [input, bytes] of an input that exists and bytes from 0 on: [1, 0]}}
kernel.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {overlap = [[1, 0]]} {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = kernel.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

kernel.func @f(%x: tensor<4xf32>) -> tensor<?xf32> {
  %0 = tensor.cast %x : tensor<4xf32> to tensor<?xf32>
  kernel.return %0 : tensor<?xf32>
}
kernel.func @g(%x: tensor<?xf32>) -> tensor<4xf32> {
  %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{makes a value of type 'tensor<?xf32>', for which no memory can be planned}}
  %0 = kernel.call @f(%x) : (tensor<4xf32>) -> tensor<?xf32>
  %1 = kernel.call @g(%0) : (tensor<?xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@below {{has no place in a program of kernels}}
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error@below {{wants scratch memory of -4 bytes}}
kernel.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {scratch = array<i64: -4>} {
  kernel.return %x : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = kernel.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
