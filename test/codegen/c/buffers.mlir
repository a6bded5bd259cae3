// RUN: adze-translate %s | FileCheck %s
// RUN: %python %S/compile_and_run.py %s

module attributes {adze.model = "buffers"} {
  memref.global "private" constant @table : memref<4xf32> = dense<[1.5, -2.25, 1.0e-30, 3.0e38]>
  memref.global "private" constant @big : memref<96xf32> = dense<0.125>

  func.func private @k_scale(%x: memref<4xf32>, %y: memref<4xf32>) attributes {adze.doc = "scale: by two"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %two = arith.constant 2.0 : f32
    scf.for %i = %c0 to %c4 step %c1 {
      %v = memref.load %x[%i] : memref<4xf32>
      %w = arith.mulf %v, %two : f32
      memref.store %w, %y[%i] : memref<4xf32>
    }
    return
  }

  func.func @views(%x: memref<2x4xf32>, %y: memref<4xf32>, %z: memref<2x4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %tile = memref.alloca() : memref<4xf32>
    %flat = memref.collapse_shape %x [[0, 1]] : memref<2x4xf32> into memref<8xf32>
    scf.for %i = %c0 to %c4 step %c1 {
      %j = arith.addi %i, %c4 : index
      %v = memref.load %flat[%j] : memref<8xf32>
      memref.store %v, %tile[%i] : memref<4xf32>
    }
    func.call @k_scale(%tile, %tile) : (memref<4xf32>, memref<4xf32>) -> ()
    memref.copy %x, %z : memref<2x4xf32> to memref<2x4xf32>
    memref.copy %tile, %y : memref<4xf32> to memref<4xf32>
    %table = memref.get_global @table : memref<4xf32>
    %big = memref.get_global @big : memref<96xf32>
    %e = memref.expand_shape %big [[0, 1]] output_shape [48, 2] : memref<96xf32> into memref<48x2xf32>
    scf.for %i = %c0 to %c4 step %c1 {
      %t = memref.load %table[%i] : memref<4xf32>
      %b = memref.load %e[%i, %c1] : memref<48x2xf32>
      %s = arith.addf %t, %b : f32
      %old = memref.load %y[%i] : memref<4xf32>
      %new = arith.addf %old, %s : f32
      memref.store %new, %y[%i] : memref<4xf32>
    }
    return
  }
}

// CHECK: /* scale: by two */
// CHECK-NEXT: BUFFERS_KERNEL void buffers_scale(const float *in, float *out) {
// CHECK: static const float table[4] = {
// CHECK-NEXT: 1.5f, -2.25f, 1e-30f, 3e+38f,
// CHECK: float tile[4];
// CHECK: tile[i] = in[i + 4];
// CHECK: buffers_scale(tile, tile);
// CHECK-NEXT: memmove(out1, in, 8 * sizeof(float));
// CHECK-NEXT: memcpy(out0, tile, 4 * sizeof(float));
// CHECK: out0[i] += table[i] + buffers_big[i * 2 + 1];
// CHECK: extern const float buffers_big[96];
// CHECK: const float buffers_big[96] BUFFERS_WEIGHTS_SECTION = {
