// Quantized arithmetic: int8 products into int32, the rounding shift of a
// requantization, wrap-around, packed nibbles.
// RUN: adze-jit %s --value x=127,-128,3,-4 --value w=-128,2 | FileCheck %s

// 127*-128 + -128*2 + 3*-128 + -4*2, four times.
// CHECK: dot = -67616
// CHECK: scaled = -66
// CHECK: wrap = -2147483648 -128
// CHECK: nibbles = -1 7 -8 0

module attributes {adze.model = "integers"} {
  memref.global "private" constant @w : memref<16xi8> {adze.weight = #adze.weight<"w"> : tensor<16xi8>}
  memref.global "private" constant @packed : memref<2xi8> = dense<[127, 8]>
  func.func private @k_dot(%x: memref<16xi8>, %w: memref<16xi8>, %dot: memref<1xi32>, %scaled: memref<1xi8>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %zero = arith.constant 0 : i32
    %sum = scf.for %i = %c0 to %c16 step %c1 iter_args(%s = %zero) -> (i32) {
      %a = memref.load %x[%i] : memref<16xi8>
      %b = memref.load %w[%i] : memref<16xi8>
      %a32 = arith.extsi %a : i8 to i32
      %b32 = arith.extsi %b : i8 to i32
      %p = arith.muli %a32, %b32 : i32
      %n = arith.addi %s, %p : i32
      scf.yield %n : i32
    }
    memref.store %sum, %dot[%c0] : memref<1xi32>
    // (sum * 2^30 + 2^39) >> 40: sum / 1024, rounded to nearest.
    %m = arith.constant 1073741824 : i64
    %round = arith.constant 549755813888 : i64
    %shift = arith.constant 40 : i64
    %s64 = arith.extsi %sum : i32 to i64
    %p64 = arith.muli %s64, %m : i64
    %r64 = arith.addi %p64, %round : i64
    %q64 = arith.shrsi %r64, %shift : i64
    %low = arith.constant -128 : i64
    %high = arith.constant 127 : i64
    %t = arith.maxsi %q64, %low : i64
    %u = arith.minsi %t, %high : i64
    %q = arith.trunci %u : i64 to i8
    memref.store %q, %scaled[%c0] : memref<1xi8>
    return
  }
  func.func private @k_wrap(%y: memref<2xi32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant 1 : i32
    %max = arith.constant 2147483647 : i32
    %a = arith.addi %max, %one : i32
    memref.store %a, %y[%c0] : memref<2xi32>
    %b = arith.constant 127 : i8
    %one8 = arith.constant 1 : i8
    %c = arith.addi %b, %one8 : i8
    %d = arith.extsi %c : i8 to i32
    memref.store %d, %y[%c1] : memref<2xi32>
    return
  }
  func.func private @k_nibbles(%p: memref<2xi8>, %y: memref<4xi8>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %four = arith.constant 4 : i8
    scf.for %i = %c0 to %c2 step %c1 {
      %byte = memref.load %p[%i] : memref<2xi8>
      %up = arith.shli %byte, %four : i8
      %low = arith.shrsi %up, %four : i8
      %high = arith.shrsi %byte, %four : i8
      %j = arith.muli %i, %c2 : index
      %k = arith.addi %j, %c1 : index
      memref.store %low, %y[%j] : memref<4xi8>
      memref.store %high, %y[%k] : memref<4xi8>
    }
    return
  }
  func.func @run(%x: memref<16xi8> {adze.name = "x", adze.kind = "input", adze.type = "int8"},
                 %dot: memref<1xi32> {adze.name = "dot", adze.kind = "output", adze.type = "int32"},
                 %scaled: memref<1xi8> {adze.name = "scaled", adze.kind = "output", adze.type = "int8"},
                 %wrap: memref<2xi32> {adze.name = "wrap", adze.kind = "output", adze.type = "int32"},
                 %nibbles: memref<4xi8> {adze.name = "nibbles", adze.kind = "output", adze.type = "int8"}) attributes {adze.entry} {
    %w = memref.get_global @w : memref<16xi8>
    func.call @k_dot(%x, %w, %dot, %scaled) : (memref<16xi8>, memref<16xi8>, memref<1xi32>, memref<1xi8>) -> ()
    func.call @k_wrap(%wrap) : (memref<2xi32>) -> ()
    %p = memref.get_global @packed : memref<2xi8>
    func.call @k_nibbles(%p, %nibbles) : (memref<2xi8>, memref<4xi8>) -> ()
    return
  }
}
