// Integer arithmetic: wraparound in every width, unsigned variants, division by
// a negative number, shifts by the width and more.
// RUN: adze-interp %s --function=add --arg=127 --arg=1 | FileCheck %s --check-prefix=ADD
// RUN: adze-interp %s --function=multiply --arg=0x7fffffffffffffff --arg=2 | FileCheck %s --check-prefix=MULTIPLY
// RUN: adze-interp %s --function=divide --arg=-7 --arg=2 | FileCheck %s --check-prefix=DIVIDE
// RUN: adze-interp %s --function=divide --arg=-7 --arg=-2 | FileCheck %s --check-prefix=NEGATIVE
// RUN: adze-interp %s --function=divide --arg=-128 --arg=-1 | FileCheck %s --check-prefix=OVERFLOW
// RUN: adze-interp %s --function=shift --arg=-128 --arg=1 | FileCheck %s --check-prefix=SHIFT
// RUN: adze-interp %s --function=shift --arg=-128 --arg=8 | FileCheck %s --check-prefix=SHIFT-ALL
// RUN: adze-interp %s --function=order --arg=-1 --arg=1 | FileCheck %s --check-prefix=ORDER
// RUN: adze-interp %s --function=casts --arg=-2 | FileCheck %s --check-prefix=CASTS
// RUN: adze-interp %s --function=extended --arg=-1 --arg=-1 | FileCheck %s --check-prefix=EXTENDED
// RUN: adze-interp %s --function=bits --arg=40 | FileCheck %s --check-prefix=BITS
// RUN: adze-interp %s --function=odd --arg=7 --arg=1 | FileCheck %s --check-prefix=ODD
// RUN: adze-interp %s --function=powers --arg=-3 --arg=5 | FileCheck %s --check-prefix=POWERS

// ADD: result 0: -128
// ADD: result 1: 126
func.func @add(%a: i8, %b: i8) -> (i8, i8) {
  %0 = arith.addi %a, %b : i8
  %1 = arith.subi %a, %b : i8
  return %0, %1 : i8, i8
}

// MULTIPLY: result 0: -2
func.func @multiply(%a: i64, %b: i64) -> i64 {
  %0 = arith.muli %a, %b : i64
  return %0 : i64
}

// signed quotient, remainder, ceiling, floor; unsigned quotient, remainder,
// ceiling of 249 by 2
// DIVIDE: result 0: -3
// DIVIDE: result 1: -1
// DIVIDE: result 2: -3
// DIVIDE: result 3: -4
// DIVIDE: result 4: 124
// DIVIDE: result 5: 1
// DIVIDE: result 6: 125
// NEGATIVE: result 0: 3
// NEGATIVE: result 1: -1
// NEGATIVE: result 2: 4
// NEGATIVE: result 3: 3
// NEGATIVE: result 4: 0
// NEGATIVE: result 5: -7
// NEGATIVE: result 6: 1
// OVERFLOW: result 0: -128
// OVERFLOW: result 1: 0
// OVERFLOW: result 2: -128
// OVERFLOW: result 3: -128
func.func @divide(%a: i8, %b: i8) -> (i8, i8, i8, i8, i8, i8, i8) {
  %0 = arith.divsi %a, %b : i8
  %1 = arith.remsi %a, %b : i8
  %2 = arith.ceildivsi %a, %b : i8
  %3 = arith.floordivsi %a, %b : i8
  %4 = arith.divui %a, %b : i8
  %5 = arith.remui %a, %b : i8
  %6 = arith.ceildivui %a, %b : i8
  return %0, %1, %2, %3, %4, %5, %6 : i8, i8, i8, i8, i8, i8, i8
}

// SHIFT: result 0: 0
// SHIFT: result 1: 64
// SHIFT: result 2: -64
// SHIFT-ALL: result 0: 0
// SHIFT-ALL: result 1: 0
// SHIFT-ALL: result 2: -1
func.func @shift(%a: i8, %b: i8) -> (i8, i8, i8) {
  %0 = arith.shli %a, %b : i8
  %1 = arith.shrui %a, %b : i8
  %2 = arith.shrsi %a, %b : i8
  return %0, %1, %2 : i8, i8, i8
}

// ORDER: result 0: 1
// ORDER: result 1: 0
// ORDER: result 2: 1
// ORDER: result 3: -1
// ORDER: result 4: -1
// ORDER: result 5: 1
func.func @order(%a: i32, %b: i32) -> (i1, i1, i32, i32, i32, i32) {
  %0 = arith.cmpi slt, %a, %b : i32
  %1 = arith.cmpi ult, %a, %b : i32
  %2 = arith.maxsi %a, %b : i32
  %3 = arith.maxui %a, %b : i32
  %4 = arith.minsi %a, %b : i32
  %5 = arith.minui %a, %b : i32
  return %0, %1, %2, %3, %4, %5 : i1, i1, i32, i32, i32, i32
}

// CASTS: result 0: -2
// CASTS: result 1: 254
// CASTS: result 2: 0
// CASTS: result 3: 1
// CASTS: result 4: -2
// CASTS: result 5: 254
func.func @casts(%a: i8) -> (i32, i32, i1, i32, i64, i64) {
  %0 = arith.extsi %a : i8 to i32
  %1 = arith.extui %a : i8 to i32
  %2 = arith.trunci %a : i8 to i1
  %true = arith.constant true
  %3 = arith.extui %true : i1 to i32
  %4 = arith.index_cast %a : i8 to index
  %5 = arith.index_castui %a : i8 to index
  %6 = arith.index_cast %4 : index to i64
  %7 = arith.index_cast %5 : index to i64
  return %0, %1, %2, %3, %6, %7 : i32, i32, i1, i32, i64, i64
}

// 65535 + 65535, and 65535 * 65535 unsigned, -1 * -1 signed
// EXTENDED: result 0: -2
// EXTENDED: result 1: 1
// EXTENDED: result 2: 1
// EXTENDED: result 3: -2
// EXTENDED: result 4: 0
func.func @extended(%a: i16, %b: i16) -> (i16, i1, i16, i16, i16) {
  %0, %1 = arith.addui_extended %a, %b : i16, i1
  %2, %3 = arith.mului_extended %a, %b : i16
  %4, %5 = arith.mulsi_extended %a, %b : i16
  return %0, %1, %2, %3, %5 : i16, i1, i16, i16, i16
}

// BITS: result 0: 10
// BITS: result 1: 3
// BITS: result 2: 2
// BITS: result 3: -40
func.func @bits(%a: i16) -> (i16, i16, i16, i16) {
  %0 = math.ctlz %a : i16
  %1 = math.cttz %a : i16
  %2 = math.ctpop %a : i16
  %zero = arith.constant 0 : i16
  %m = arith.subi %zero, %a : i16
  %3 = math.absi %m : i16
  %4 = arith.subi %zero, %3 : i16
  return %0, %1, %2, %4 : i16, i16, i16, i16
}

// 7 + 1 in four bits
// ODD: result 0: -8
// ODD: result 1: 8
func.func @odd(%a: i4, %b: i4) -> (i32, i32) {
  %0 = arith.addi %a, %b : i4
  %1 = arith.extsi %0 : i4 to i32
  %2 = arith.extui %0 : i4 to i32
  return %1, %2 : i32, i32
}

// POWERS: result 0: -243
// POWERS: result 1: 0
func.func @powers(%a: i32, %b: i32) -> (i32, i32) {
  %0 = math.ipowi %a, %b : i32
  %zero = arith.constant 0 : i32
  %m = arith.subi %zero, %b : i32
  %1 = math.ipowi %a, %m : i32
  return %0, %1 : i32, i32
}
