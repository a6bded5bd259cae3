// RUN: adze-opt %s -split-input-file -verify-diagnostics

func.func @run(%x: memref<256xf32>) {
  // expected-error @+1 {{starts 'missing', which is no tile.kernel}}
  tile.launch @missing(%x) : memref<256xf32>
  return
}

// -----

tile.kernel @scale(%x: memref<128xf32>) attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64} {
  tile.return
}
func.func @run(%x: memref<256xf32>) {
  // expected-error @+1 {{does not match the type of 'scale'}}
  tile.launch @scale(%x) : memref<256xf32>
  return
}

// -----

// expected-error @+1 {{a block has 1 to 1024 threads, found 2048}}
tile.kernel @big() attributes {grid = array<i64: 1, 1, 1>, block = 2048 : i64} {
  tile.return
}

// -----

// expected-error @+1 {{the grid is no multiple of the cluster in dimension 0}}
tile.kernel @odd() attributes {grid = array<i64: 3, 1, 1>, block = 128 : i64, cluster = array<i64: 2, 1, 1>} {
  tile.return
}

// -----

// expected-error @+1 {{takes memrefs of static shape}}
tile.kernel @dynamic(%x: memref<?xf32>) attributes {grid = array<i64: 1, 1, 1>, block = 128 : i64} {
  tile.return
}

// -----

// expected-error @+1 {{strides of a tensor map are multiples of 16 bytes below 2^40, found 1022}}
func.func private @stride() attributes {map = #tile.tensor_map<bf16, shape = [511, 256], strides = [1022], box = [64, 128], swizzle = 128, l2 = 0>}

// -----

// expected-error @+1 {{the inner dimension of the box has 256 bytes, more than the 128 of the swizzle}}
func.func private @inner() attributes {map = #tile.tensor_map<bf16, shape = [512, 256], strides = [1024], box = [128, 128], swizzle = 128, l2 = 0>}
