// RUN: adze-opt %s -split-input-file -verify-diagnostics

tile.kernel @columns() attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64} {
  %i0 = arith.constant 0 : i32
  // expected-error @+1 {{takes 32, 64, 128, 256 or 512 columns, found 96}}
  tile.tcgen05_dealloc %i0, 96
  tile.return
}

// -----

tile.kernel @place(%m: memref<1xi32>) attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{writes the address to a row of shared memory, found 'memref<1xi32>'}}
  tile.tcgen05_alloc %m[%c0], 32 : memref<1xi32>
  tile.return
}

// -----

tile.kernel @values() attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64} {
  %i0 = arith.constant 0 : i32
  // expected-error @+1 {{moves 1, 2, 4, 8, 16, 32, 64 or 128 columns, found 3}}
  %v = tile.tcgen05_load %i0 : vector<3xf32>
  tile.return
}

// -----

tile.kernel @shape() attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64, shared_bytes = 16384 : i64} {
  %c0 = arith.constant 0 : index
  %i0 = arith.constant 0 : i32
  %add = arith.constant true
  %a = tile.shared_memory 0 : memref<128x64xbf16, 3>
  // expected-error @+1 {{has m = 128 and n = 16, 32, ..., 256, found m = 128 and n = 24}}
  tile.tcgen05_mma %i0 m 128 n 24 add %add a %a[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> b %a[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : memref<128x64xbf16, 3>, memref<128x64xbf16, 3>
  tile.return
}

// -----

tile.kernel @types() attributes {grid = array<i64: 1, 1, 1>, block = 32 : i64, shared_bytes = 16384 : i64} {
  %c0 = arith.constant 0 : index
  %i0 = arith.constant 0 : i32
  %add = arith.constant true
  %a = tile.shared_memory 0 : memref<128x64xbf16, 3>
  %b = tile.shared_memory 0 : memref<128x64xf16, 3>
  // expected-error @+1 {{multiplies two matrices of bf16 or two of f16, found 'bf16' and 'f16'}}
  tile.tcgen05_mma %i0 m 128 n 32 add %add a %a[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> b %b[%c0, %c0] <"k", swizzle = 128, leading = 16, stride = 1024> : memref<128x64xbf16, 3>, memref<128x64xf16, 3>
  tile.return
}
