// A multiply and an add of the model stay two operations on every processor;
// only math.fma and vector.fma may be fused. No reassociation either.
// RUN: adze-jit %s --emit=asm --cpu=haswell | FileCheck %s
// RUN: adze-jit %s --emit=asm --cpu=haswell -O3 | FileCheck %s
// RUN: adze-jit %s --emit=opt | FileCheck %s --check-prefix=IR

// CHECK-LABEL: k_apart:
// CHECK-NOT: vfm
// CHECK: vmul
// CHECK-NOT: vfm
// CHECK: vadd
// CHECK-NOT: vfm
// CHECK: retq
// CHECK-LABEL: k_fused:
// CHECK: vfm
// CHECK: retq

// Pointers are independent only where the kernel says so, and never captured
// by other code: kernels are internal.
// IR: define internal {{.*}}void @k_apart(
// IR-NOT: noalias
// IR-SAME: {
// IR: define internal {{.*}}void @k_fused(
// IR-SAME: noalias
// IR-NOT: {{ fast | reassoc | contract }}

!t = memref<64xf32>
module attributes {adze.model = "fp"} {
  func.func private @k_apart(%x: !t, %y: !t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 64 : index
    scf.for %i = %c0 to %n step %c1 {
      %a = memref.load %x[%i] : !t
      %b = memref.load %y[%i] : !t
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %p, %a : f32
      memref.store %s, %y[%i] : !t
    }
    return
  }
  func.func private @k_fused(%x: !t, %y: !t) attributes {adze.restrict} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 64 : index
    scf.for %i = %c0 to %n step %c1 {
      %a = memref.load %x[%i] : !t
      %b = memref.load %y[%i] : !t
      %s = math.fma %a, %b, %a : f32
      memref.store %s, %y[%i] : !t
    }
    return
  }
  func.func @run(%x: !t {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: !t {adze.name = "y", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    func.call @k_apart(%x, %y) : (!t, !t) -> ()
    func.call @k_fused(%x, %y) : (!t, !t) -> ()
    return
  }
}
