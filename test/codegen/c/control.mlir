// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py %s

module attributes {adze.model = "control"} {
  // Nested reductions share one accumulator, also through a conditional.
  // CHECK-LABEL: void padded_sum({{.*[^;]$}}
  // CHECK: float sum = 0.0f;
  // CHECK-NEXT: for (ptrdiff_t j = 0; j < 3; ++j) {
  // CHECK-NEXT:   const ptrdiff_t at = i + j - 1;
  // CHECK-NEXT:   if (at >= 0 && at < 8) {
  // CHECK-NEXT:     for (ptrdiff_t k = 0; k < 2; ++k) {
  // CHECK-NEXT:       sum += x[at * 2 + k];
  // CHECK-NEXT:     }
  // CHECK-NEXT:   }
  // CHECK-NEXT: }
  // CHECK-NEXT: y[i] = sum;
  func.func @padded_sum(%x: memref<8x2xf32> {adze.name = "x"}, %y: memref<8xf32> {adze.name = "y"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    scf.for %i = %c0 to %c8 step %c1 {
      %s = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> f32 {
        %p0 = arith.addi %i, %j : index
        %p = arith.subi %p0, %c1 : index
        %low = arith.cmpi sge, %p, %c0 : index
        %high = arith.cmpi slt, %p, %c8 : index
        %in = arith.andi %low, %high : i1
        %r = scf.if %in -> f32 {
          %t = scf.for %k = %c0 to %c2 step %c1 iter_args(%b = %a) -> f32 {
            %v = memref.load %x[%p, %k] : memref<8x2xf32>
            %n = arith.addf %b, %v : f32
            scf.yield %n : f32
          }
          scf.yield %t : f32
        } else {
          scf.yield %a : f32
        }
        scf.yield %r : f32
      }
      memref.store %s, %y[%i] : memref<8xf32>
    }
    return
  }

  // The value and its position: both change together.
  // CHECK-LABEL: void arg_max({{.*[^;]$}}
  // CHECK: if (v > state0) {
  // CHECK-NEXT: state0 = v;
  // CHECK-NEXT: state1 = (int64_t)i;
  // CHECK-NEXT: }
  func.func @arg_max(%x: memref<9xf32>, %y: memref<i64>, %z: memref<f32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c9 = arith.constant 9 : index
    %i0 = arith.constant 0 : i64
    %low = arith.constant 0xFF800000 : f32
    %r:2 = scf.for %i = %c0 to %c9 step %c1 iter_args(%best = %low, %at = %i0) -> (f32, i64) {
      %v = memref.load %x[%i] : memref<9xf32>
      %more = arith.cmpf ogt, %v, %best : f32
      %s:2 = scf.if %more -> (f32, i64) {
        %i64 = arith.index_cast %i : index to i64
        scf.yield %v, %i64 : f32, i64
      } else {
        scf.yield %best, %at : f32, i64
      }
      scf.yield %s#0, %s#1 : f32, i64
    }
    memref.store %r#1, %y[] : memref<i64>
    memref.store %r#0, %z[] : memref<f32>
    return
  }

  // Fibonacci: the two variables change places without losing a value.
  // CHECK-LABEL: void fibonacci({{.*[^;]$}}
  func.func @fibonacci(%x: memref<2xi32>, %y: memref<12xi32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c12 = arith.constant 12 : index
    %a0 = memref.load %x[%c0] : memref<2xi32>
    %b0 = memref.load %x[%c1] : memref<2xi32>
    %r:2 = scf.for %i = %c0 to %c12 step %c1 iter_args(%a = %a0, %b = %b0) -> (i32, i32) {
      memref.store %a, %y[%i] : memref<12xi32>
      %n = arith.addi %a, %b : i32
      scf.yield %b, %n : i32, i32
    }
    return
  }

  // A true swap needs a variable in between.
  // CHECK-LABEL: void swap({{.*[^;]$}}
  // CHECK: const float next = last1;
  // CHECK-NEXT: last1 = last0;
  // CHECK-NEXT: last0 = next;
  func.func @swap(%x: memref<2xf32>, %y: memref<2xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %a0 = memref.load %x[%c0] : memref<2xf32>
    %b0 = memref.load %x[%c1] : memref<2xf32>
    %r:2 = scf.for %i = %c0 to %c5 step %c1 iter_args(%a = %a0, %b = %b0) -> (f32, f32) {
      scf.yield %b, %a : f32, f32
    }
    memref.store %r#0, %y[%c0] : memref<2xf32>
    memref.store %r#1, %y[%c1] : memref<2xf32>
    return
  }

  // CHECK-LABEL: int32_t gcd({{.*[^;]$}}
  // CHECK: while ({{.*}} != 0) {
  // CHECK: return
  func.func @gcd(%x: memref<2xi32>) -> i32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0 : i32
    %u = memref.load %x[%c0] : memref<2xi32>
    %v = memref.load %x[%c1] : memref<2xi32>
    %au = math.absi %u : i32
    %av = math.absi %v : i32
    %r:2 = scf.while (%a = %au, %b = %av) : (i32, i32) -> (i32, i32) {
      %more = arith.cmpi ne, %b, %zero : i32
      scf.condition(%more) %a, %b : i32, i32
    } do {
    ^bb0(%a: i32, %b: i32):
      %m = arith.remsi %a, %b : i32
      scf.yield %b, %m : i32, i32
    }
    return %r#0 : i32
  }

  // The condition computes; its value is handed on.
  // CHECK-LABEL: void halve({{.*[^;]$}}
  // CHECK: for (;;) {
  // CHECK: break;
  func.func @halve(%x: memref<1xf32>, %y: memref<2xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %half = arith.constant 0.5 : f32
    %limit = arith.constant 0.01 : f32
    %v = memref.load %x[%c0] : memref<1xf32>
    %w = math.absf %v : f32
    %r = scf.while (%a = %w) : (f32) -> f32 {
      %h = arith.mulf %a, %half : f32
      memref.store %h, %y[%c1] : memref<2xf32>
      %more = arith.cmpf ogt, %h, %limit : f32
      scf.condition(%more) %h : f32
    } do {
    ^bb0(%h: f32):
      scf.yield %h : f32
    }
    memref.store %r, %y[%c0] : memref<2xf32>
    return
  }

  // A load keeps its place before a store that may change it.
  // CHECK-LABEL: void rotate({{.*[^;]$}}
  // CHECK: const float x0 = x[i];
  // CHECK: x[i] = x[i + 1];
  // CHECK: x[i + 1] = x0;
  func.func @rotate(%x: memref<8xf32> {adze.name = "x"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c7 = arith.constant 7 : index
    scf.for %i = %c0 to %c7 step %c1 {
      %j = arith.addi %i, %c1 : index
      %v = memref.load %x[%i] : memref<8xf32>
      %w = memref.load %x[%j] : memref<8xf32>
      memref.store %w, %x[%i] : memref<8xf32>
      memref.store %v, %x[%j] : memref<8xf32>
    }
    return
  }
}
