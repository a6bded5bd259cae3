// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py --exact --range=-9e18,9e18 %s

// Integers wrap around; C must not overflow.
module attributes {adze.model = "integers"} {
  // CHECK-LABEL: void narrow({{.*[^;]$}}
  // CHECK: (int8_t)({{.*}} + {{.*}})
  func.func @narrow(%a: memref<8xi8>, %b: memref<8xi8>, %y: memref<9x8xi8>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c6 = arith.constant 6 : index
    %c7 = arith.constant 7 : index
    %c8 = arith.constant 8 : index
    %s3 = arith.constant 3 : i8
    scf.for %i = %c0 to %c8 step %c1 {
      %u = memref.load %a[%i] : memref<8xi8>
      %v = memref.load %b[%i] : memref<8xi8>
      %0 = arith.addi %u, %v : i8
      memref.store %0, %y[%c0, %i] : memref<9x8xi8>
      %1 = arith.muli %u, %v : i8
      memref.store %1, %y[%c1, %i] : memref<9x8xi8>
      %2 = arith.subi %u, %v : i8
      memref.store %2, %y[%c2, %i] : memref<9x8xi8>
      %3 = arith.shli %u, %s3 : i8
      memref.store %3, %y[%c3, %i] : memref<9x8xi8>
      %4 = arith.shrui %u, %s3 : i8
      memref.store %4, %y[%c4, %i] : memref<9x8xi8>
      %5 = arith.shrsi %u, %s3 : i8
      memref.store %5, %y[%c5, %i] : memref<9x8xi8>
      %6 = arith.maxui %u, %v : i8
      memref.store %6, %y[%c6, %i] : memref<9x8xi8>
      %7 = arith.divui %u, %s3 : i8
      memref.store %7, %y[%c7, %i] : memref<9x8xi8>
      %x = arith.xori %u, %v : i8
      %o = arith.ori %x, %s3 : i8
      %8 = arith.andi %o, %v : i8
      memref.store %8, %y[%c8, %i] : memref<9x8xi8>
    }
    return
  }

  // CHECK-LABEL: void wide({{.*[^;]$}}
  // CHECK: (int32_t)((uint32_t){{.*}} * (uint32_t){{.*}} + (uint32_t)
  func.func @wide(%a: memref<8xi32>, %b: memref<8xi32>, %y: memref<8x8xi32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c6 = arith.constant 6 : index
    %c7 = arith.constant 7 : index
    %c8 = arith.constant 8 : index
    %s7 = arith.constant 7 : i32
    %k = arith.constant -1640531527 : i32
    scf.for %i = %c0 to %c8 step %c1 {
      %u = memref.load %a[%i] : memref<8xi32>
      %v = memref.load %b[%i] : memref<8xi32>
      %m = arith.muli %u, %v : i32
      %0 = arith.addi %m, %u : i32
      memref.store %0, %y[%c0, %i] : memref<8x8xi32>
      %1 = arith.muli %u, %k : i32
      memref.store %1, %y[%c1, %i] : memref<8x8xi32>
      %2 = arith.shli %u, %s7 : i32
      memref.store %2, %y[%c2, %i] : memref<8x8xi32>
      %3 = arith.shrui %u, %s7 : i32
      memref.store %3, %y[%c3, %i] : memref<8x8xi32>
      %lt = arith.cmpi ult, %u, %v : i32
      %4 = arith.select %lt, %u, %v : i32
      memref.store %4, %y[%c4, %i] : memref<8x8xi32>
      %5 = arith.remui %u, %s7 : i32
      memref.store %5, %y[%c5, %i] : memref<8x8xi32>
      %6 = math.absi %u : i32
      memref.store %6, %y[%c6, %i] : memref<8x8xi32>
      %7 = arith.floordivsi %u, %s7 : i32
      memref.store %7, %y[%c7, %i] : memref<8x8xi32>
    }
    return
  }

  // CHECK-LABEL: void long_words({{.*[^;]$}}
  func.func @long_words(%a: memref<6xi64>, %b: memref<6xi64>, %y: memref<5x6xi64>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c6 = arith.constant 6 : index
    %k = arith.constant -7046029254386353131 : i64
    %one = arith.constant 1 : i64
    %mask = arith.constant 31 : i64
    scf.for %i = %c0 to %c6 step %c1 {
      %u = memref.load %a[%i] : memref<6xi64>
      %v = memref.load %b[%i] : memref<6xi64>
      %m = arith.muli %u, %k : i64
      %0 = arith.subi %m, %v : i64
      memref.store %0, %y[%c0, %i] : memref<5x6xi64>
      %s = arith.andi %u, %mask : i64
      %1 = arith.shli %one, %s : i64
      memref.store %1, %y[%c1, %i] : memref<5x6xi64>
      %2 = arith.minui %u, %v : i64
      memref.store %2, %y[%c2, %i] : memref<5x6xi64>
      %w = arith.trunci %u : i64 to i32
      %x = arith.extui %w : i32 to i64
      %3 = arith.muli %x, %x : i64
      memref.store %3, %y[%c3, %i] : memref<5x6xi64>
      %4 = arith.ceildivsi %u, %mask : i64
      memref.store %4, %y[%c4, %i] : memref<5x6xi64>
    }
    return
  }

  // A product of int8 cannot overflow, its sum can.
  // CHECK-LABEL: void dot_int8({{.*[^;]$}}
  // CHECK: sum = (int32_t)((uint32_t)sum + (uint32_t)(in0[i] * in1[i]));
  func.func @dot_int8(%a: memref<64xi8>, %b: memref<64xi8>, %y: memref<i32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %zero = arith.constant 0 : i32
    %s = scf.for %i = %c0 to %c64 step %c1 iter_args(%acc = %zero) -> i32 {
      %u = memref.load %a[%i] : memref<64xi8>
      %v = memref.load %b[%i] : memref<64xi8>
      %uw = arith.extsi %u : i8 to i32
      %vw = arith.extsi %v : i8 to i32
      %m = arith.muli %uw, %vw : i32
      %n = arith.addi %acc, %m : i32
      scf.yield %n : i32
    }
    memref.store %s, %y[] : memref<i32>
    return
  }

  // CHECK-LABEL: void truth({{.*[^;]$}}
  func.func @truth(%a: memref<8xi1>, %b: memref<8xi1>, %y: memref<8xi1>, %z: memref<8xi32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %true = arith.constant true
    scf.for %i = %c0 to %c8 step %c1 {
      %u = memref.load %a[%i] : memref<8xi1>
      %v = memref.load %b[%i] : memref<8xi1>
      %n = arith.xori %u, %true : i1
      %o = arith.ori %n, %v : i1
      %p = arith.andi %o, %u : i1
      %q = arith.xori %p, %v : i1
      memref.store %q, %y[%i] : memref<8xi1>
      %s = arith.extsi %u : i1 to i32
      %t = arith.extui %v : i1 to i32
      %w = arith.addi %s, %t : i32
      memref.store %w, %z[%i] : memref<8xi32>
    }
    return
  }
}
