// Control flow in the entry and in kernels: conditions come from memory; a
// boolean is any byte but zero.
// RUN: adze-jit %s --value flag=1 --value n=5 | FileCheck %s --check-prefixes=CHECK,THEN
// RUN: adze-jit %s --value flag=0 --value n=5 | FileCheck %s --check-prefixes=CHECK,ELSE

// THEN: branch = 1
// ELSE: branch = -1
// Collatz from 5: 16 8 4 2 1.
// CHECK: steps = 5
// CHECK: case = 20 30 30 30 10

module attributes {adze.model = "flow"} {
  func.func private @k_one(%y: memref<1xi32>) {
    %c0 = arith.constant 0 : index
    %one = arith.constant 1 : i32
    memref.store %one, %y[%c0] : memref<1xi32>
    return
  }
  func.func private @k_minus(%y: memref<1xi32>) {
    %c0 = arith.constant 0 : index
    %minus = arith.constant -1 : i32
    memref.store %minus, %y[%c0] : memref<1xi32>
    return
  }
  func.func private @k_start(%n: memref<1xi64>, %state: memref<1xi64>, %steps: memref<1xi32>, %go: memref<1xi1>) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i64
    %a = memref.load %n[%c0] : memref<1xi64>
    memref.store %a, %state[%c0] : memref<1xi64>
    memref.store %zero, %steps[%c0] : memref<1xi32>
    %more = arith.cmpi ne, %a, %one : i64
    memref.store %more, %go[%c0] : memref<1xi1>
    return
  }
  func.func private @k_step(%state: memref<1xi64>, %steps: memref<1xi32>, %go: memref<1xi1>) {
    %c0 = arith.constant 0 : index
    %one = arith.constant 1 : i64
    %two = arith.constant 2 : i64
    %three = arith.constant 3 : i64
    %one32 = arith.constant 1 : i32
    %a = memref.load %state[%c0] : memref<1xi64>
    %rest = arith.remsi %a, %two : i64
    %odd = arith.cmpi eq, %rest, %one : i64
    %next = scf.if %odd -> (i64) {
      %t = arith.muli %a, %three : i64
      %u = arith.addi %t, %one : i64
      scf.yield %u : i64
    } else {
      %t = arith.divsi %a, %two : i64
      scf.yield %t : i64
    }
    memref.store %next, %state[%c0] : memref<1xi64>
    %s = memref.load %steps[%c0] : memref<1xi32>
    %s1 = arith.addi %s, %one32 : i32
    memref.store %s1, %steps[%c0] : memref<1xi32>
    %more = arith.cmpi ne, %next, %one : i64
    memref.store %more, %go[%c0] : memref<1xi1>
    return
  }
  func.func private @k_switch(%y: memref<5xi32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c5 = arith.constant 5 : index
    scf.for %i = %c0 to %c5 step %c1 {
      %p = arith.muli %i, %i : index
      %q = arith.remui %p, %c3 : index
      %d = arith.ceildivsi %i, %c2 : index
      %k = arith.addi %q, %d : index
      %r = scf.index_switch %k -> i32
      case 0 { %x = arith.constant 20 : i32 scf.yield %x : i32 }
      case 2 { %x = arith.constant 30 : i32 scf.yield %x : i32 }
      default { %x = arith.constant 10 : i32 scf.yield %x : i32 }
      memref.store %r, %y[%i] : memref<5xi32>
    }
    return
  }
  func.func @run(%flag: memref<1xi1> {adze.name = "flag", adze.kind = "input", adze.type = "bool"},
                 %n: memref<1xi64> {adze.name = "n", adze.kind = "input", adze.type = "int64"},
                 %branch: memref<1xi32> {adze.name = "branch", adze.kind = "output", adze.type = "int32"},
                 %steps: memref<1xi32> {adze.name = "steps", adze.kind = "output", adze.type = "int32"},
                 %case: memref<5xi32> {adze.name = "case", adze.kind = "output", adze.type = "int32"},
                 %arena: memref<64xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %c0 = arith.constant 0 : index
    %c16 = arith.constant 16 : index
    %b = memref.load %flag[%c0] : memref<1xi1>
    scf.if %b {
      func.call @k_one(%branch) : (memref<1xi32>) -> ()
    } else {
      func.call @k_minus(%branch) : (memref<1xi32>) -> ()
    }
    %state = memref.view %arena[%c0][] : memref<64xi8> to memref<1xi64>
    %go = memref.view %arena[%c16][] : memref<64xi8> to memref<1xi1>
    func.call @k_start(%n, %state, %steps, %go) : (memref<1xi64>, memref<1xi64>, memref<1xi32>, memref<1xi1>) -> ()
    scf.while : () -> () {
      %more = memref.load %go[%c0] : memref<1xi1>
      scf.condition(%more)
    } do {
      func.call @k_step(%state, %steps, %go) : (memref<1xi64>, memref<1xi32>, memref<1xi1>) -> ()
      scf.yield
    }
    func.call @k_switch(%case) : (memref<5xi32>) -> ()
    return
  }
}
