// RUN: adze-opt %s --plan-memory --split-input-file --verify-diagnostics | FileCheck %s

// One fits at a time. %b is read twice and so the hottest, but %a and %c, which
// live after one another, together have more traffic: they take the fast memory.
// The offsets of the slow one begin behind it.

// CHECK: adze.arenas = [{begin = 0 : i64, bytes = 64 : i64, name = "dtcm"}, {begin = 64 : i64, bytes = 64 : i64, name = "sram"}]
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: 0>}
// CHECK: kernel.call @f(%{{.*}}) {offsets = array<i64: 64>}
// CHECK: kernel.call @g(%{{.*}}) {offsets = array<i64: 0>}
module attributes {adze.regions = [{name = "dtcm", bytes = 80 : i64}, {name = "sram", bytes = 4096 : i64}]} {
  kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
    kernel.return %x : tensor<16xf32>
  }
  kernel.func @g(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> {
    kernel.return %x : tensor<16xf32>
  }
  func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
    %a = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32>
    %b = kernel.call @f(%a) : (tensor<16xf32>) -> tensor<16xf32>
    %c = kernel.call @g(%b, %x) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    %d = kernel.call @g(%b, %c) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %d : tensor<16xf32>
  }
}

// -----

// expected-error@below {{'b' of 64 bytes fits in none of the memories given: 'sram' of 112 bytes is the nearest, and 16 bytes are missing there; in its lifetime there are also 'a' of 64 bytes; one memory for all would need 128 bytes}}
module attributes {adze.regions = [{name = "dtcm", bytes = 32 : i64}, {name = "sram", bytes = 112 : i64}]} {
  kernel.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
    kernel.return %x : tensor<16xf32>
  }
  func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
    %a = kernel.call @f(%x) : (tensor<16xf32>) -> tensor<16xf32> loc("a")
    %b = kernel.call @f(%a) : (tensor<16xf32>) -> tensor<16xf32> loc("b")
    %c = kernel.call @f(%b) : (tensor<16xf32>) -> tensor<16xf32>
    return %c : tensor<16xf32>
  }
}

// -----

// expected-error@below {{adze.regions is a list of {name = string, bytes = integer}}}
module attributes {adze.regions = [{name = "dtcm"}]} {
  func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
    return %x : tensor<16xf32>
  }
}
