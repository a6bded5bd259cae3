// What is wrong with a module is said in words.
// RUN: split-file %s %t
// RUN: not adze-jit %t/no-entry.mlir 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not adze-jit %t/type.mlir 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not adze-jit %t/size.mlir 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not adze-jit %t/order.mlir 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not adze-jit %t/dynamic.mlir 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// RUN: not adze-jit %t/function.mlir 2>&1 | FileCheck %s --check-prefix=FUNCTION
// RUN: not adze-jit %t/good.mlir --emit=object --cpu=z80 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not adze-jit %t/good.mlir --emit=object --triple=z80-unknown 2>&1 | FileCheck %s --check-prefix=TRIPLE
// RUN: not adze-jit %t/good.mlir --emit=object --triple=aarch64-linux-gnu --cpu=native 2>&1 | FileCheck %s --check-prefix=NATIVE

// ENTRY: adze-jit: the lowering to LLVM failed: {{.*}}needs one function marked adze.entry
// TYPE: argument 'x' of the entry has the unknown type 'floaty'
// SIZE: argument 'x' of the entry is 'memref<4xf32>', 16 bytes, but float64 of that shape takes 32
// ORDER: argument 1 of the entry is out of order: inputs, outputs, arena
// DYNAMIC: the host cannot pass a 'memref<?xf32>'
// FUNCTION: adze-jit: the runtime has no function 'adze_hypotf'
// CPU: 'z80' is no processor of the architecture x86_64
// TRIPLE: no code can be made for the machine 'z80-unknown
// NATIVE: 'native' is this machine's

//--- no-entry.mlir
module {
  func.func @run() { return }
}
//--- type.mlir
module {
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "input", adze.type = "floaty"}) attributes {adze.entry} { return }
}
//--- size.mlir
module {
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "input", adze.type = "float64"}) attributes {adze.entry} { return }
}
//--- order.mlir
module {
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "output", adze.type = "float32"},
                 %y: memref<4xf32> {adze.name = "y", adze.kind = "input", adze.type = "float32"}) attributes {adze.entry} { return }
}
//--- dynamic.mlir
module {
  func.func private @k(%x: memref<?xf32>) { return }
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"}) attributes {adze.entry} { return }
}
//--- function.mlir
module {
  func.func private @adze_hypotf(f32, f32) -> f32
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "output", adze.type = "float32"}) attributes {adze.entry} {
    %c0 = arith.constant 0 : index
    %a = memref.load %x[%c0] : memref<4xf32>
    %b = func.call @adze_hypotf(%a, %a) : (f32, f32) -> f32
    memref.store %b, %x[%c0] : memref<4xf32>
    return
  }
}
//--- good.mlir
module attributes {adze.model = "good"} {
  func.func @run() attributes {adze.entry} { return }
}
