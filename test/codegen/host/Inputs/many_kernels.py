"""Writes a loops module of N kernels in a chain: kernel i adds the weight i to
each of 8 rows and calls a shared helper. Large enough to be compiled in parts."""
import sys

count = int(sys.argv[1])
vector, buffer = "vector<8xf32>", "memref<8x8xf32>"
lines = ['module attributes {adze.model = "many"} {']
lines += [f"""  func.func private @twice(%x: f32) -> f32 {{
    %y = arith.addf %x, %x : f32
    return %y : f32
  }}"""]
for kernel in range(count):
    lines += [
        f'  memref.global "private" constant @w{kernel} : memref<8xf32> '
        f'{{adze.weight = #adze.weight<"w{kernel}"> : tensor<8xf32>}}',
        f"  func.func private @k_{kernel}(%x: {buffer}, %w: memref<8xf32>) {{",
    ]
    lines += [f"    %c{row} = arith.constant {row} : index" for row in range(8)]
    lines += ["    %s = memref.load %w[%c0] : memref<8xf32>",
              "    %t = func.call @twice(%s) : (f32) -> f32"]
    lines += [f"    %v = vector.broadcast %t : f32 to {vector}"]
    for row in range(8):
        lines += [
            f"    %a{row} = vector.load %x[%c{row}, %c0] : {buffer}, {vector}",
            f"    %b{row} = arith.addf %a{row}, %v : {vector}",
            f"    vector.store %b{row}, %x[%c{row}, %c0] : {buffer}, {vector}",
        ]
    lines += ["    return", "  }"]
lines += [
    f'  func.func @run(%y: {buffer} {{adze.name = "y", adze.kind = "output", adze.type = "float32"}},',
    '                 %arena: memref<256xi8> {adze.kind = "arena"}) attributes {adze.entry} {',
    "    %c0 = arith.constant 0 : index",
    f"    %x = memref.view %arena[%c0][] : memref<256xi8> to {buffer}",
    # The arena holds whatever was there before.
    f"    %zero = arith.constant dense<0.0> : {vector}",
]
for row in range(8):
    lines += [f"    %row{row} = arith.constant {row} : index",
              f"    vector.store %zero, %x[%row{row}, %c0] : {buffer}, {vector}"]
for kernel in range(count):
    lines += [f"    %w{kernel} = memref.get_global @w{kernel} : memref<8xf32>",
              f"    func.call @k_{kernel}(%x, %w{kernel}) : ({buffer}, memref<8xf32>) -> ()"]
lines += [f"    memref.copy %x, %y : {buffer} to {buffer}", "    return", "  }", "}"]
print("\n".join(lines))
