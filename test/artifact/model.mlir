module attributes {adze.model = "demo"} {
  memref.global "private" constant @w0 : memref<16x32xf32> {adze.weight = #adze.weight<"fc.w"> : tensor<16x32xf32>}
  memref.global "private" constant @b0 : memref<16xf32> = dense<[0.1, 1.0e-8, 3.0, 4.5, 0x7F800000, 0x7FC00000, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0,2.0,2.0,2.0,2.0]>
  func.func private @k_fc(%x: memref<32xf32> {adze.name = "x"}, %w: memref<16x32xf32> {adze.name = "w"}, %b: memref<16xf32> {adze.name = "b"}, %y: memref<16xf32> {adze.name = "y"}) attributes {adze.doc = "fc: dense 32 -> 16, relu", adze.writes = array<i1: false, false, false, true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %c32 = arith.constant 32 : index
    %zero = arith.constant 0.0 : f32
    scf.for %o = %c0 to %c16 step %c1 {
      %bias = memref.load %b[%o] : memref<16xf32>
      %s = scf.for %k = %c0 to %c32 step %c1 iter_args(%a = %bias) -> f32 {
        %p = memref.load %x[%k] : memref<32xf32>
        %q = memref.load %w[%o, %k] : memref<16x32xf32>
        %m = arith.mulf %p, %q : f32
        %n = arith.addf %a, %m : f32
        scf.yield %n : f32
      }
      %r = arith.maximumf %s, %zero : f32
      memref.store %r, %y[%o] : memref<16xf32>
    }
    return
  }
  func.func private @k_conv(%x: memref<1x8x8x3xf32>, %w: memref<3x3x3x4xf32>, %y: memref<1x8x8x4xf32>) attributes {adze.doc = "conv: 3x3 */ convolution ??= 8x8x3 -> 8x8x4, padded by one on each side, which is a long story for a comment"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %zero = arith.constant 0.0 : f32
    scf.for %oy = %c0 to %c8 step %c1 {
      scf.for %ox = %c0 to %c8 step %c1 {
        scf.for %co = %c0 to %c4 step %c1 {
          %s = scf.for %ky = %c0 to %c3 step %c1 iter_args(%a = %zero) -> f32 {
            %iy0 = arith.addi %oy, %ky : index
            %iy = arith.subi %iy0, %c1 : index
            %s2 = scf.for %kx = %c0 to %c3 step %c1 iter_args(%a2 = %a) -> f32 {
              %ix0 = arith.addi %ox, %kx : index
              %ix = arith.subi %ix0, %c1 : index
              %t0 = arith.cmpi sge, %iy, %c0 : index
              %t1 = arith.cmpi slt, %iy, %c8 : index
              %t2 = arith.cmpi sge, %ix, %c0 : index
              %t3 = arith.cmpi slt, %ix, %c8 : index
              %u0 = arith.andi %t0, %t1 : i1
              %u1 = arith.andi %t2, %t3 : i1
              %u = arith.andi %u0, %u1 : i1
              %r = scf.if %u -> f32 {
                %s3 = scf.for %ci = %c0 to %c3 step %c1 iter_args(%a3 = %a2) -> f32 {
                  %p = memref.load %x[%c0, %iy, %ix, %ci] : memref<1x8x8x3xf32>
                  %q = memref.load %w[%ky, %kx, %ci, %co] : memref<3x3x3x4xf32>
                  %m = arith.mulf %p, %q : f32
                  %n = arith.addf %a3, %m : f32
                  scf.yield %n : f32
                }
                scf.yield %s3 : f32
              } else {
                scf.yield %a2 : f32
              }
              scf.yield %r : f32
            }
            scf.yield %s2 : f32
          }
          %e = math.exp %s : f32
          memref.store %e, %y[%c0, %oy, %ox, %co] : memref<1x8x8x4xf32>
        }
      }
    }
    return
  }

  memref.global "private" constant @w1 : memref<3x3x3x4xf32> {adze.weight = #adze.weight<"conv.weight"> : tensor<3x3x3x4xf32>}
  func.func @run(%in: memref<1x8x8x3xf32> {adze.name = "image:0", adze.kind = "input", adze.type = "float32"}, %v: memref<32xf32> {adze.name = "v", adze.kind="input", adze.type="float32"}, %out: memref<16xf32> {adze.name = "out", adze.kind="output", adze.type="float32"}, %out2 : memref<1x8x8x4xf32> {adze.name = "class", adze.kind="output", adze.type="float32"}, %flags: memref<3xi8> {adze.name = "flags", adze.kind="input", adze.type="uint8"}, %label: memref<2xi64> {adze.name = "label", adze.kind="output", adze.type="int64"}, %byte: memref<1xi8> {adze.name = "byte", adze.kind="output", adze.type="uint8"}, %arena: memref<4096xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %c64 = arith.constant 64 : index
    %w0 = memref.get_global @w0 : memref<16x32xf32>
    %w1 = memref.get_global @w1 : memref<3x3x3x4xf32>
    %b0 = memref.get_global @b0 : memref<16xf32>
    %t = memref.view %arena[%c64][] : memref<4096xi8> to memref<1x8x8x4xf32>
    func.call @k_conv(%in, %w1, %t) : (memref<1x8x8x3xf32>, memref<3x3x3x4xf32>, memref<1x8x8x4xf32>) -> ()
    func.call @k_fc(%v, %w0, %b0, %out) : (memref<32xf32>, memref<16x32xf32>, memref<16xf32>, memref<16xf32>) -> ()
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %low = arith.constant -9223372036854775808 : i64
    %seven = arith.constant -7 : i8
    %flag = memref.load %flags[%c1] : memref<3xi8>
    %next = arith.addi %flag, %seven : i8
    %wide = arith.extui %next : i8 to i64
    memref.store %low, %label[%c0] : memref<2xi64>
    memref.store %wide, %label[%c1] : memref<2xi64>
    memref.store %next, %byte[%c0] : memref<1xi8>
    memref.copy %t, %out2 : memref<1x8x8x4xf32> to memref<1x8x8x4xf32>
    return
  }
}
