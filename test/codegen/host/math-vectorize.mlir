// A loop over a function of the runtime becomes vector code: the polynomial is
// inlined before the vectoriser runs, and it has no branch.
// RUN: adze-jit %s --emit=asm --cpu=haswell | FileCheck %s

// CHECK-LABEL: k_exp:
// CHECK-NOT: call
// CHECK: vmulps {{.*}}%ymm
// CHECK-NOT: call
// CHECK: retq

!t = memref<4096xf32>
module attributes {adze.model = "exp"} {
  func.func private @k_exp(%x: !t, %y: !t) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 4096 : index
    scf.for %i = %c0 to %n step %c1 {
      %a = memref.load %x[%i] : !t
      %b = math.exp %a : f32
      memref.store %b, %y[%i] : !t
    }
    return
  }
  func.func @run(%x: !t {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: !t {adze.name = "y", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    func.call @k_exp(%x, %y) : (!t, !t) -> ()
    return
  }
}
