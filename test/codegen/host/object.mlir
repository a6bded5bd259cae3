// An object file: it exports the C API and nothing else, carries its weights in
// read-only data, checks its pointers, and links with a C program.
// RUN: split-file %s %t
// RUN: adze-jit %t/model.mlir --value w=1,2,3.5,4 --emit=object -o %t/model.o
// RUN: llvm-nm --extern-only --defined-only %t/model.o | FileCheck %s --check-prefix=EXPORTED
// RUN: llvm-nm --undefined-only %t/model.o | FileCheck %s --check-prefix=UNDEFINED --allow-empty
// RUN: clang %t/main.c %t/model.o -o %t/main
// RUN: %t/main | FileCheck %s
// RUN: adze-jit %t/model.mlir --value w=1,2,3,4 --emit=object --triple=aarch64-linux-gnu -o %t/arm.o
// RUN: llvm-readelf -h %t/arm.o | FileCheck %s --check-prefix=ARM

// EXPORTED-NOT: {{ [A-Z] }}
// EXPORTED: T tiny_arena_size
// EXPORTED-NEXT: T tiny_run
// EXPORTED-NEXT: T tiny_status_text
// EXPORTED-NOT: {{ [A-Z] }}
// UNDEFINED-NOT: {{adze|floor}}
// ARM: AArch64

// CHECK: arena 64
// CHECK-NEXT: 0 success: 11 22 33 44
// CHECK-NEXT: 1 an input, an output or the arena is a null pointer
// CHECK-NEXT: 1 an input, an output or the arena is a null pointer
// CHECK-NEXT: 2 the arena is smaller than the model needs
// CHECK-NEXT: 3 the arena is not aligned to 16 bytes
// CHECK-NEXT: unknown status

//--- main.c
#include <stddef.h>
#include <stdio.h>
size_t tiny_arena_size(void);
const char *tiny_status_text(int status);
int tiny_run(const float *x, float *y, void *arena, size_t arena_size);
static _Alignas(16) char arena[80];
int main(void) {
  float x[4] = {10, 20, 30, 40}, y[4] = {0};
  printf("arena %zu\n", tiny_arena_size());
  int s = tiny_run(x, y, arena, sizeof arena);
  printf("%d %s: %g %g %g %g\n", s, tiny_status_text(s), y[0], y[1], y[2], y[3]);
  s = tiny_run(NULL, y, arena, sizeof arena);
  printf("%d %s\n", s, tiny_status_text(s));
  s = tiny_run(x, y, NULL, sizeof arena);
  printf("%d %s\n", s, tiny_status_text(s));
  s = tiny_run(x, y, arena, 63);
  printf("%d %s\n", s, tiny_status_text(s));
  s = tiny_run(x, y, arena + 8, 64);
  printf("%d %s\n", s, tiny_status_text(s));
  printf("%s\n", tiny_status_text(4));
  return 0;
}

//--- model.mlir
!t = memref<4xf32>
module attributes {adze.model = "tiny"} {
  memref.global "private" constant @w : !t {adze.weight = #adze.weight<"w"> : tensor<4xf32>}
  func.func private @k_add(%x: !t, %w: !t, %y: !t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.for %i = %c0 to %c4 step %c1 {
      %a = memref.load %x[%i] : !t
      %b = memref.load %w[%i] : !t
      %whole = math.floor %b : f32
      %s = arith.addf %a, %whole : f32
      memref.store %s, %y[%i] : !t
    }
    return
  }
  func.func @tiny_run(%x: !t {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                      %y: !t {adze.name = "y", adze.kind = "output", adze.type = "float32"},
                      %arena: memref<64xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %c0 = arith.constant 0 : index
    %t = memref.view %arena[%c0][] : memref<64xi8> to !t
    %w = memref.get_global @w : !t
    func.call @k_add(%x, %w, %t) : (!t, !t, !t) -> ()
    memref.copy %t, %y : !t to !t
    return
  }
}
