// RUN: adze-opt %s -split-input-file -verify-diagnostics

tile.kernel @beyond() attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64, shared_bytes = 1024 : i64} {
  // expected-error @+1 {{reaches beyond the shared memory of the kernel: 2048 bytes from 0}}
  %a = tile.shared_memory 0 : memref<16x64xbf16, 3>
  tile.return
}

// -----

tile.kernel @plain(%m: memref<64x64xbf16>) attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64, shared_bytes = 8200 : i64} {
  %c0 = arith.constant 0 : index
  %i0 = arith.constant 0 : i32
  %a = tile.shared_memory 0 : memref<64x64xbf16, 3>
  %f = tile.shared_memory 8192 : memref<1xi64, 3>
  // expected-error @+1 {{takes argument 0, which has no tile.tensor_map}}
  tile.tma_load %m[%i0, %i0] to %a[%c0, %c0] on %f[%c0] : memref<64x64xbf16>, memref<64x64xbf16, 3>, memref<1xi64, 3>
  tile.return
}

// -----

tile.kernel @registers() attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64} {
  // expected-error @+1 {{takes a multiple of 8 from 24 to 256, found 100}}
  tile.set_registers 100
  tile.return
}

// -----

tile.kernel @mma() attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64} {
  %a = arith.constant 0 : i32
  %z = arith.constant 0.0 : f32
  // expected-error @+1 {{has other numbers of registers}}
  %d:4 = tile.mma 16 bf16 a(%a, %a) b(%a) c(%z, %z, %z, %z)
  tile.return
}

// -----

tile.kernel @columns() attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64} {
  // expected-error @+1 {{an accumulator has 8, 16, ..., 256 columns, found 12}}
  %c = tile.zero_accumulator : <12xf32>
  tile.return
}
