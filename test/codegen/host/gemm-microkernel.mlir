// The register-blocked micro-kernel of a GEMM: the accumulators of a 6x16 tile
// stay in registers across the K loop, the multiply-adds are single
// instructions, and nothing is spilled.
// RUN: adze-jit %s --emit=asm --cpu=haswell | FileCheck %s --check-prefix=ASM
// RUN: adze-jit %s --emit=asm --cpu=haswell --no-fuse | FileCheck %s --check-prefix=SPLIT
// RUN: adze-jit %s --emit=asm --cpu=x86-64 | FileCheck %s --check-prefix=BASE
// RUN: adze-jit %s --value a=1,2,3 --value b=0.5,1 --limit 6 | FileCheck %s

// Row 0 of A is 1 2 3 1 ... (64 values, sum 127), column 0 of B all 0.5.
// CHECK: c = 63.5 127 63.5 127 63.5 127

// ASM-LABEL: k_gemm:
// ASM-COUNT-12: vfmadd231ps {{.*}}%ymm
// ASM-NOT: (%rsp)
// ASM-NOT: vfmadd
// ASM: jne
// ASM: retq

// SPLIT-LABEL: k_gemm:
// SPLIT-NOT: vfmadd
// SPLIT: vmulps
// SPLIT: vaddps

// A processor without the instruction multiplies and adds: no library call.
// BASE-LABEL: k_gemm:
// BASE-NOT: fma
// BASE: mulps
// BASE-NOT: fma
// BASE: retq

!a = memref<6x64xf32>
!b = memref<64x16xf32>
!c = memref<6x16xf32>
!v = vector<8xf32>
module attributes {adze.model = "gemm"} {
  memref.global "private" constant @b : !b {adze.weight = #adze.weight<"b"> : tensor<64x16xf32>}
  func.func private @k_gemm(%a: !a, %b: !b, %c: !c) attributes {adze.doc = "C[6,16] = A[6,64] B[64,16]"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c5 = arith.constant 5 : index
    %c8 = arith.constant 8 : index
    %c64 = arith.constant 64 : index
    %z = arith.constant dense<0.0> : !v
    %r:12 = scf.for %k = %c0 to %c64 step %c1
        iter_args(%p0 = %z, %q0 = %z, %p1 = %z, %q1 = %z, %p2 = %z, %q2 = %z,
                  %p3 = %z, %q3 = %z, %p4 = %z, %q4 = %z, %p5 = %z, %q5 = %z)
        -> (!v, !v, !v, !v, !v, !v, !v, !v, !v, !v, !v, !v) {
      %b0 = vector.load %b[%k, %c0] : !b, !v
      %b1 = vector.load %b[%k, %c8] : !b, !v
      %s0 = memref.load %a[%c0, %k] : !a
      %a0 = vector.broadcast %s0 : f32 to !v
      %n0 = vector.fma %a0, %b0, %p0 : !v
      %m0 = vector.fma %a0, %b1, %q0 : !v
      %s1 = memref.load %a[%c1, %k] : !a
      %a1 = vector.broadcast %s1 : f32 to !v
      %n1 = vector.fma %a1, %b0, %p1 : !v
      %m1 = vector.fma %a1, %b1, %q1 : !v
      %s2 = memref.load %a[%c2, %k] : !a
      %a2 = vector.broadcast %s2 : f32 to !v
      %n2 = vector.fma %a2, %b0, %p2 : !v
      %m2 = vector.fma %a2, %b1, %q2 : !v
      %s3 = memref.load %a[%c3, %k] : !a
      %a3 = vector.broadcast %s3 : f32 to !v
      %n3 = vector.fma %a3, %b0, %p3 : !v
      %m3 = vector.fma %a3, %b1, %q3 : !v
      %s4 = memref.load %a[%c4, %k] : !a
      %a4 = vector.broadcast %s4 : f32 to !v
      %n4 = vector.fma %a4, %b0, %p4 : !v
      %m4 = vector.fma %a4, %b1, %q4 : !v
      %s5 = memref.load %a[%c5, %k] : !a
      %a5 = vector.broadcast %s5 : f32 to !v
      %n5 = vector.fma %a5, %b0, %p5 : !v
      %m5 = vector.fma %a5, %b1, %q5 : !v
      scf.yield %n0, %m0, %n1, %m1, %n2, %m2, %n3, %m3, %n4, %m4, %n5, %m5
          : !v, !v, !v, !v, !v, !v, !v, !v, !v, !v, !v, !v
    }
    vector.store %r#0, %c[%c0, %c0] : !c, !v
    vector.store %r#1, %c[%c0, %c8] : !c, !v
    vector.store %r#2, %c[%c1, %c0] : !c, !v
    vector.store %r#3, %c[%c1, %c8] : !c, !v
    vector.store %r#4, %c[%c2, %c0] : !c, !v
    vector.store %r#5, %c[%c2, %c8] : !c, !v
    vector.store %r#6, %c[%c3, %c0] : !c, !v
    vector.store %r#7, %c[%c3, %c8] : !c, !v
    vector.store %r#8, %c[%c4, %c0] : !c, !v
    vector.store %r#9, %c[%c4, %c8] : !c, !v
    vector.store %r#10, %c[%c5, %c0] : !c, !v
    vector.store %r#11, %c[%c5, %c8] : !c, !v
    return
  }
  func.func @run(%a: !a {adze.name = "a", adze.kind = "input", adze.type = "float32"},
                 %c: !c {adze.name = "c", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    %b = memref.get_global @b : !b
    func.call @k_gemm(%a, %b, %c) : (!a, !b, !c) -> ()
    return
  }
}
