// RUN: adze-opt %s --plan-memory --split-input-file | FileCheck %s
// RUN: adze-opt %s --plan-memory=alignment=4 --split-input-file | FileCheck %s --check-prefix=FOUR

// A chain: two buffers alternate, the result lives in the output.

// CHECK: module attributes {adze.arena_alignment = 16 : i64, adze.arena_bound = 256 : i64, adze.arena_size = 256 : i64
// CHECK-SAME: adze.memory = {bound = 256 : i64, buffers = [{bytes = 128 : i64, first = 0 : i64, last = 1 : i64, name = "relu1", offset = {{.*}} gap = 0 : i64, optimal = true, peak = 256 : i64, peak_at = "@half", peak_step = 1 : i64, steps = 5 : i64
// CHECK-SAME: tensors = [{bytes = 128 : i64, first = 0 : i64, last = 1 : i64, name = "relu1", offset = [[A:[0-9]+]] : i64}, {bytes = 128 : i64, first = 1 : i64, last = 2 : i64, name = "@half", offset = [[B:[0-9]+]] : i64}]
// CHECK-SAME: unshared = 384 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @half(%{{.*}}) {offsets = array<i64: [[A]]>}
// CHECK: kernel.call @half(%{{.*}}) {offsets = array<i64: [[B]]>}
// CHECK: kernel.call @half(%{{.*}}) {offsets = array<i64: [[A]]>}
// CHECK: kernel.call @half(%{{.*}}) {offsets = array<i64: -1>}
kernel.func @half(%x: tensor<32xf32>) -> tensor<32xf32> {
  kernel.return %x : tensor<32xf32>
}
func.func @main(%x: tensor<32xf32>) -> tensor<32xf32> {
  %0 = kernel.call @half(%x) : (tensor<32xf32>) -> tensor<32xf32> loc("relu1")
  %1 = kernel.call @half(%0) : (tensor<32xf32>) -> tensor<32xf32>
  %2 = kernel.call @half(%1) : (tensor<32xf32>) -> tensor<32xf32>
  %3 = kernel.call @half(%2) : (tensor<32xf32>) -> tensor<32xf32>
  return %3 : tensor<32xf32>
}

// -----

// In place, through a view; a bool takes one byte; sizes have no buffer.

// CHECK: adze.arena_size = 112 : i64
// FOUR: adze.arena_size = 108 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @make(%{{.*}}) {offsets = array<i64: [[X:[0-9]+]], {{[0-9]+}}, -1>}
// CHECK: kernel.view
// CHECK-NOT: offsets
// CHECK: kernel.call @inplace(%{{.*}}) {offsets = array<i64: [[X]]>}
// CHECK: kernel.call @last(%{{.*}}, %{{.*}}) {offsets = array<i64: -1>}
kernel.func @make(%x: tensor<24xf32>) -> (tensor<24xf32>, tensor<9xi1>, index) {
  %b = adze.constant dense<false> : tensor<9xi1>
  %n = arith.constant 9 : index
  kernel.return %x, %b, %n : tensor<24xf32>, tensor<9xi1>, index
}
kernel.func @inplace(%x: tensor<4x6xf32>) -> tensor<4x6xf32> attributes {overlap = [[0, 0]]} {
  kernel.return %x : tensor<4x6xf32>
}
kernel.func @last(%x: tensor<4x6xf32>, %b: tensor<9xi1>) -> tensor<4x6xf32> {
  kernel.return %x : tensor<4x6xf32>
}
func.func @main(%x: tensor<24xf32>) -> tensor<4x6xf32> {
  %0:3 = kernel.call @make(%x) : (tensor<24xf32>) -> (tensor<24xf32>, tensor<9xi1>, index)
  %1 = kernel.view %0#0 : tensor<24xf32> to tensor<4x6xf32>
  %2 = kernel.call @inplace(%1) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %3 = kernel.call @last(%2, %0#1) : (tensor<4x6xf32>, tensor<9xi1>) -> tensor<4x6xf32>
  return %3 : tensor<4x6xf32>
}

// -----

// A view of the result makes its operand the output; a value that is returned
// twice, and one that is returned beside it, lie in the arena.

// CHECK: adze.arena_size = 32 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @two(%{{.*}}) {offsets = array<i64: -1, {{[0-9]+}}>}
kernel.func @two(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  kernel.return %x, %x : tensor<8xf32>, tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> (tensor<2x4xf32>, tensor<8xf32>, tensor<2x4xf32>, tensor<8xf32>) {
  %0:2 = kernel.call @two(%x) : (tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  %1 = kernel.view %0#0 : tensor<8xf32> to tensor<2x4xf32>
  %2 = kernel.view %0#1 : tensor<8xf32> to tensor<2x4xf32>
  return %1, %0#1, %2, %x : tensor<2x4xf32>, tensor<8xf32>, tensor<2x4xf32>, tensor<8xf32>
}

// -----

// Scratch lives during its call only, and apart from inputs and outputs.

// CHECK: adze.arena_size = 208 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @conv(%{{.*}}) {offsets = array<i64: {{[0-9]+}}>, scratch_offsets = array<i64: {{[0-9]+}}, {{[0-9]+}}>}
// CHECK: kernel.call @conv(%{{.*}}) {offsets = array<i64: {{[0-9]+}}>, scratch_offsets = array<i64: {{[0-9]+}}, {{[0-9]+}}>}
kernel.func @conv(%x: tensor<16xf32>) -> tensor<16xf32> attributes {scratch = array<i64: 50, 5>} {
  kernel.return %x : tensor<16xf32>
}
func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = kernel.call @conv(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = kernel.call @conv(%0) : (tensor<16xf32>) -> tensor<16xf32>
  %2 = kernel.call @conv(%1) : (tensor<16xf32>) -> tensor<16xf32>
  return %2 : tensor<16xf32>
}

// -----

// A rule holds only where the input dies, and for every operand it comes
// through.

// CHECK: adze.arena_size = 192 : i64
// CHECK-LABEL: func.func @main
// CHECK: kernel.call @double(%{{.*}}) {offsets = array<i64: [[ZERO:[0-9]+]]>}
// CHECK-NOT: kernel.call @add(%{{.*}}) {offsets = array<i64: [[ZERO]]>}
// CHECK: kernel.call @double(%{{.*}}) {offsets = array<i64: [[TWO:[0-9]+]]>}
// CHECK: kernel.call @add(%{{.*}}, %{{.*}})
// CHECK-NEXT: %{{.*}} = kernel.call @add(%{{.*}}, %{{.*}}) {offsets = array<i64: [[TWO]]>}
kernel.func @double(%x: tensor<16xf32>) -> tensor<16xf32> attributes {overlap = [[0, 0]]} {
  kernel.return %x : tensor<16xf32>
}
kernel.func @add(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {overlap = [[0, 0]]} {
  kernel.return %x : tensor<16xf32>
}
func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = kernel.call @double(%x) : (tensor<16xf32>) -> tensor<16xf32>
  %1 = kernel.call @add(%0, %0) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %2 = kernel.call @double(%1) : (tensor<16xf32>) -> tensor<16xf32>
  %3 = kernel.call @add(%1, %2) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %4 = kernel.call @add(%2, %1) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %5 = kernel.call @add(%4, %3) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %5 : tensor<16xf32>
}

// -----

// Nothing in the arena.

// CHECK: adze.arena_bound = 0 : i64, adze.arena_size = 0 : i64, adze.memory = {{{.*}}peak_at = "", peak_step = -1 : i64, steps = 1 : i64, tensors = []
func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
  return %x : tensor<16xf32>
}

// -----

// A concatenation whose parts the plan has put in their places copies nothing.
// CHECK-LABEL: func.func @main(%arg0: tensor<8xf32>) -> tensor<1xf32>
// CHECK: %[[A:.*]] = kernel.call @part(%arg0) {offsets = array<i64: 0>}
// CHECK: %[[B:.*]] = kernel.call @part(%[[A]]) {offsets = array<i64: 32>}
// CHECK: kernel.join %[[A]], %[[B]] {offsets = array<i64: 0>}
kernel.func @part(%x: tensor<8xf32>) -> tensor<8xf32> {
  kernel.return %x : tensor<8xf32>
}
kernel.func @concat(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<16xf32> attributes {overlap = [[0, 0], [1, 32]]} {
  %0 = nn.concat %a, %b {axis = 0 : i64} : (tensor<8xf32>, tensor<8xf32>) -> tensor<16xf32>
  kernel.return %0 : tensor<16xf32>
}
kernel.func @sink(%x: tensor<16xf32>) -> tensor<1xf32> {
  %0 = tensor.empty() : tensor<1xf32>
  kernel.return %0 : tensor<1xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<1xf32> {
  %a = kernel.call @part(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %b = kernel.call @part(%a) : (tensor<8xf32>) -> tensor<8xf32>
  %c = kernel.call @concat(%a, %b) : (tensor<8xf32>, tensor<8xf32>) -> tensor<16xf32>
  %d = kernel.call @sink(%c) : (tensor<16xf32>) -> tensor<1xf32>
  return %d : tensor<1xf32>
}
