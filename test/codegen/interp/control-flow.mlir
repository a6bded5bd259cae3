// Loops, conditions, calls.
// RUN: adze-interp %s --function=exchange | FileCheck %s --check-prefix=EXCHANGE
// RUN: adze-interp %s --function=triangle --arg=4 | FileCheck %s --check-prefix=TRIANGLE
// RUN: adze-interp %s --function=triangle --arg=0 | FileCheck %s --check-prefix=EMPTY
// RUN: adze-interp %s --function=collatz --arg=6 | FileCheck %s --check-prefix=COLLATZ
// RUN: adze-interp %s --function=choose --arg=1 | FileCheck %s --check-prefix=ONE
// RUN: adze-interp %s --function=choose --arg=9 | FileCheck %s --check-prefix=OTHER
// RUN: adze-interp %s --function=unsigned | FileCheck %s --check-prefix=UNSIGNED
// RUN: adze-interp %s --function=edge | FileCheck %s --check-prefix=EDGE
// RUN: adze-interp %s --function=shared | FileCheck %s --check-prefix=SHARED

// What a loop carries may change places.
// EXCHANGE: result 0: 2
// EXCHANGE: result 1: 1
func.func @exchange() -> (i32, i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %0:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %one, %b = %two) -> (i32, i32) {
    scf.yield %b, %a : i32, i32
  }
  return %0#0, %0#1 : i32, i32
}

// Loops in loops: the sum of j < i < n.
// TRIANGLE: result 0: 4
// EMPTY: result 0: 0
func.func @triangle(%n: index) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%s = %c0) -> index {
    %1 = scf.for %j = %c0 to %i step %c1 iter_args(%t = %s) -> index {
      %2 = arith.addi %t, %j : index
      scf.yield %2 : index
    }
    scf.yield %1 : index
  }
  return %0 : index
}

// 6 3 10 5 16 8 4 2 1
// COLLATZ: result 0: 8
func.func @collatz(%n: i32) -> i32 {
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %three = arith.constant 3 : i32
  %zero = arith.constant 0 : i32
  %0:2 = scf.while (%x = %n, %steps = %zero) : (i32, i32) -> (i32, i32) {
    %more = arith.cmpi ne, %x, %one : i32
    scf.condition(%more) %steps, %x : i32, i32
  } do {
  ^bb0(%steps: i32, %x: i32):
    %half = arith.divsi %x, %two : i32
    %bit = arith.remsi %x, %two : i32
    %even = arith.cmpi eq, %bit, %zero : i32
    %next = scf.if %even -> i32 {
      scf.yield %half : i32
    } else {
      %3 = func.call @threeTimesPlusOne(%x) : (i32) -> i32
      scf.yield %3 : i32
    }
    %4 = arith.addi %steps, %one : i32
    scf.yield %next, %4 : i32, i32
  }
  return %0#0 : i32
}
func.func private @threeTimesPlusOne(%x: i32) -> i32 {
  %one = arith.constant 1 : i32
  %three = arith.constant 3 : i32
  %0 = arith.muli %x, %three : i32
  %1 = arith.addi %0, %one : i32
  return %1 : i32
}

// ONE: result 0: 10
// OTHER: result 0: 30
func.func @choose(%n: index) -> i32 {
  %0 = scf.index_switch %n -> i32
  case 1 {
    %a = arith.constant 10 : i32
    scf.yield %a : i32
  }
  case 2 {
    %a = arith.constant 20 : i32
    scf.yield %a : i32
  }
  default {
    %a = arith.constant 30 : i32
    scf.yield %a : i32
  }
  return %0 : i32
}

// From -3 as a large number to -1, by 1: two rounds.
// UNSIGNED: result 0: 2
func.func @unsigned() -> i32 {
  %from = arith.constant -3 : index
  %to = arith.constant -1 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  %0 = scf.for unsigned %i = %from to %to step %c1 iter_args(%s = %zero) -> i32 {
    %1 = arith.addi %s, %one : i32
    scf.yield %1 : i32
  }
  return %0 : i32
}

// The counter does not wrap around.
// EDGE: result 0: 1
func.func @edge() -> i32 {
  %from = arith.constant 9223372036854775800 : index
  %to = arith.constant 9223372036854775807 : index
  %c100 = arith.constant 100 : index
  %one = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  %0 = scf.for %i = %from to %to step %c100 iter_args(%s = %zero) -> i32 {
    %1 = arith.addi %s, %one : i32
    scf.yield %1 : i32
  }
  return %0 : i32
}

// The old value of %s is read after the new one is computed.
// SHARED: result 0: 3
// SHARED: result 1: 3
func.func @shared() -> (i32, i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %one = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  %0:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%s = %zero, %t = %zero) -> (i32, i32) {
    %1 = arith.addi %s, %one : i32
    %2 = arith.addi %s, %t : i32
    scf.yield %1, %2 : i32, i32
  }
  return %0#0, %0#1 : i32, i32
}
