// What a program does wrong is a message, wherever it is noticed.
// RUN: not adze-interp %s --function=index --arg= --arg=4 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not adze-interp %s --function=index --arg= --arg=-1 2>&1 | FileCheck %s --check-prefix=BELOW
// RUN: not adze-interp %s --function=constantIndex 2>&1 | FileCheck %s --check-prefix=CONSTANT-INDEX
// RUN: not adze-interp %s --function=lanes --arg= --arg=1 2>&1 | FileCheck %s --check-prefix=LANES
// RUN: not adze-interp %s --function=view --arg= --arg=13 2>&1 | FileCheck %s --check-prefix=VIEW
// RUN: not adze-interp %s --function=largeView 2>&1 | FileCheck %s --check-prefix=LARGE-VIEW
// RUN: not adze-interp %s --function=part --arg= --arg=3 2>&1 | FileCheck %s --check-prefix=PART
// RUN: not adze-interp %s --function=divide --arg=1 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not adze-interp %s --function=step --arg=0 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: not adze-interp %s --function=forever --steps=1000 2>&1 | FileCheck %s --check-prefix=FOREVER
// RUN: not adze-interp %s --function=recursive 2>&1 | FileCheck %s --check-prefix=RECURSIVE
// RUN: not adze-interp %s --function=foreign 2>&1 | FileCheck %s --check-prefix=FOREIGN
// RUN: not adze-interp %s --function=misfit 2>&1 | FileCheck %s --check-prefix=MISFIT
// RUN: not adze-interp %s --function=overwrite 2>&1 | FileCheck %s --check-prefix=OVERWRITE
// RUN: not adze-interp %s --function=missing 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not adze-interp %s --function=short --weight=short:f32=1 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not adze-interp %s --function=huge 2>&1 | FileCheck %s --check-prefix=HUGE
// RUN: not adze-interp %s --function=unknown 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not adze-interp %s 2>&1 | FileCheck %s --check-prefix=ENTRY

// INDEX: the interpreter stops at 'memref.load' of function @index at loc({{.*}}errors.mlir":[[#]]:[[#]]): index 4 is not within the bound 4.
// BELOW: index -1 is not within the bound 4
func.func @index(%x: memref<2x4xf32>, %i: index) -> f32 {
  %c1 = arith.constant 1 : index
  %0 = memref.load %x[%c1, %i] : memref<2x4xf32>
  return %0 : f32
}

// CONSTANT-INDEX: index 2 is not within the bound 2
func.func @constantIndex(%x: memref<2xf32>) -> f32 {
  %c2 = arith.constant 2 : index
  %0 = memref.load %x[%c2] : memref<2xf32>
  return %0 : f32
}

// LANES: index 1 is not within the bound 1
func.func @lanes(%x: memref<4xf32>, %i: index) -> f32 {
  %v = vector.load %x[%i] : memref<4xf32>, vector<4xf32>
  %0 = vector.extract %v[0] : f32 from vector<4xf32>
  return %0 : f32
}

// VIEW: the view starts at byte 13, the last place where it fits is 12
func.func @view(%x: memref<16xi8>, %i: index) {
  %0 = memref.view %x[%i][] : memref<16xi8> to memref<f32>
  return
}

// LARGE-VIEW: the view takes 20 bytes of a buffer of 16
func.func @largeView(%x: memref<16xi8>) {
  %c0 = arith.constant 0 : index
  %0 = memref.view %x[%c0][] : memref<16xi8> to memref<5xf32>
  return
}

// PART: index 3 is not within the bound 3
func.func @part(%x: memref<4xf32>, %i: index) {
  %0 = memref.subview %x[%i] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1], offset: ?>>
  return
}

// DIVIDE: division of 1 by zero
func.func @divide(%a: i32, %b: i32) -> i32 {
  %0 = arith.remsi %a, %b : i32
  return %0 : i32
}

// STEP: the loop's step is 0, it has to be positive
func.func @step(%s: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %s {
  }
  return
}

// FOREVER: the limit of steps is reached
func.func @forever() {
  %true = arith.constant true
  scf.while : () -> () {
    scf.condition(%true)
  } do {
    scf.yield
  }
  return
}

// RECURSIVE: functions of the loops level do not recurse
func.func @recursive() {
  func.call @again() : () -> ()
  return
}
func.func @again() {
  func.call @recursive() : () -> ()
  return
}

// FOREIGN: @strange has no body and is no function of the runtime
func.func private @strange(f32) -> f32
func.func @foreign(%a: f32) -> f32 {
  %0 = func.call @strange(%a) : (f32) -> f32
  return %0 : f32
}

// MISFIT: the call does not fit the runtime's adze_expf
func.func private @adze_expf(f64) -> f64 attributes {adze.runtime}
func.func @misfit(%a: f64) -> f64 {
  %0 = func.call @adze_expf(%a) : (f64) -> f64
  return %0 : f64
}

// OVERWRITE: the program writes to the constant @c
memref.global "private" constant @c : memref<2xf32> = dense<1.0>
func.func private @writes(%x: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %0 = memref.load %x[%c0] : memref<2xf32>
  %flat = memref.reinterpret_cast %x to offset: [0], sizes: [1, 2], strides: [2, 1] : memref<2xf32> to memref<1x2xf32>
  memref.store %0, %flat[%c0, %c0] : memref<1x2xf32>
  return
}
func.func @overwrite() {
  %0 = memref.get_global @c : memref<2xf32>
  func.call @writes(%0) : (memref<2xf32>) -> ()
  return
}

// MISSING: the weight store has no entry "nowhere"
memref.global "private" constant @m : memref<2xf32> {adze.weight = #adze.weight<"nowhere"> : tensor<2xf32>}
func.func @missing() {
  %0 = memref.get_global @m : memref<2xf32>
  return
}

// SHORT: the weight "short" has 4 bytes where the type takes 8
memref.global "private" constant @s : memref<2xf32> {adze.weight = #adze.weight<"short"> : tensor<2xf32>}
func.func @short() {
  %0 = memref.get_global @s : memref<2xf32>
  return
}

// HUGE: @huge asks for 68719476736 bytes of memory; the interpreter's limit is 4294967296
func.func @huge() {
  %0 = memref.alloca() : memref<17179869184xf32>
  return
}

// UNKNOWN: 'memref.rank' of function @unknown {{.*}}it is not an operation of the loops level
func.func @unknown(%x: memref<2xf32>) -> index {
  %0 = memref.rank %x : memref<2xf32>
  return %0 : index
}

// ENTRY: the module has no entry point
