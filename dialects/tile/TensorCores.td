//===- TensorCores.td - Matrices in registers and their products -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by tile.td.

//===----------------------------------------------------------------------===//
// One warp: sm_75 and later (PTX ISA 9.7.14)
//===----------------------------------------------------------------------===//

def Tile_LdmatrixOp : Tile_Op<"ldmatrix", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "loads 1, 2 or 4 matrices of 8x8 16-bit elements from shared memory";
  let description = [{
    Lanes 8i to 8i + 7 give the addresses of the rows (16 bytes) of matrix i.
    Lane l gets of each matrix elements 2(l mod 4) and the next of row l / 4 in
    one register, or with `transposed` the same of the transposed matrix.

    Example: `%m:4 = tile.ldmatrix %a[%row, %column] : memref<128x32xbf16, 3> -> i32, i32, i32, i32`
  }];
  let arguments = (ins Tile_Shared:$memory, Variadic<Index>:$indices, UnitAttr:$transposed);
  let results = (outs Variadic<I32>:$matrices);
  let assemblyFormat = [{
    $memory `[` $indices `]` (`transposed` $transposed^)? attr-dict `:` type($memory) `->` type($matrices)
  }];
  let hasVerifier = 1;
}

def Tile_StmatrixOp : Tile_Op<"stmatrix", [AttrSizedOperandSegments,
                                           MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "stores 1, 2 or 4 matrices of 8x8 16-bit elements to shared memory";
  let description = [{
    The reverse of `tile.ldmatrix` (sm_90).

    Example: `tile.stmatrix %m0, %m1 to %c[%row, %column] : memref<64x64xbf16, 3>`
  }];
  let arguments = (ins Variadic<I32>:$matrices, Tile_Shared:$memory,
                       Variadic<Index>:$indices, UnitAttr:$transposed);
  let assemblyFormat = [{
    $matrices `to` $memory `[` $indices `]` (`transposed` $transposed^)? attr-dict `:` type($memory)
  }];
  let hasVerifier = 1;
}

def Tile_MmaOp : Tile_Op<"mma", [Pure, AttrSizedOperandSegments]> {
  let summary = "a product of matrices in the registers of a warp, added to c";
  let description = [{
    `mma.sync.aligned.m16n8kK.row.col`: d = a * b + c with the fragments of PTX
    ISA 9.7.14.5. `element` and `k`: bf16 or f16 with k = 8 or 16 (a: 2 or 4
    registers, b: 1 or 2); tf32 with k = 4 or 8. c and d are f32 (4 of them).

    Example:
    ```mlir
    %d:4 = tile.mma 16 bf16 a(%a0, %a1, %a2, %a3) b(%b0, %b1) c(%c0, %c1, %c2, %c3)
    ```
  }];
  let arguments = (ins I64Attr:$k, TypeAttr:$element, Variadic<I32>:$a,
                       Variadic<I32>:$b, Variadic<F32>:$c);
  let results = (outs F32:$d0, F32:$d1, F32:$d2, F32:$d3);
  let assemblyFormat = [{
    $k $element `a` `(` $a `)` `b` `(` $b `)` `c` `(` $c `)` attr-dict
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// One warp group: sm_90a (PTX ISA 9.7.15)
//===----------------------------------------------------------------------===//

def Tile_AccumulatorType : TypeDef<Tile_Dialect, "Accumulator"> {
  let mnemonic = "accumulator";
  let summary = "a matrix of sums in the registers of a warp group";
  let description = [{
    64 rows; each of the 128 threads holds columns / 2 elements. Element i of
    thread t is row 16 (t / 32) + (t mod 32) / 4 + 8 (i / 2 mod 2), column
    8 (i / 4) + 2 (t mod 4) + i mod 2 (PTX ISA 9.7.15.5.1, figure of D).

    Example: `!tile.accumulator<256xf32>`
  }];
  let parameters = (ins "int64_t":$columns, "mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Elements of one thread.
    int64_t getLength() const { return getColumns() / 2; }
  }];
}

def Tile_MatrixAttr : AttrDef<Tile_Dialect, "Matrix"> {
  let mnemonic = "matrix";
  let summary = "how wgmma finds the elements of a matrix in shared memory";
  let description = [{
    The matrix descriptor without its address (PTX ISA 9.7.15.5.1.2): `major` is
    the dimension whose neighbours are neighbours in memory, "k" or "mn";
    `swizzle` spans 0, 32, 64 or 128 bytes; `leading` and `stride` are the byte
    offsets of the descriptor. dialects/tile/Layout.h computes them.

    Example: `#tile.matrix<"k", swizzle = 128, leading = 16, stride = 1024>`
  }];
  let parameters = (ins StringRefParameter<"contiguous dimension">:$major,
                        "int64_t":$swizzle, "int64_t":$leading, "int64_t":$stride);
  let assemblyFormat = [{
    `<` $major `,` `swizzle` `=` $swizzle `,` `leading` `=` $leading `,` `stride` `=` $stride `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The descriptor's bits but those of the address.
    uint64_t getBits() const;
    bool isTransposed() const { return getMajor() == "mn"; }
  }];
}

def Tile_ZeroAccumulatorOp : Tile_Op<"zero_accumulator", [Pure]> {
  let summary = "sums of nothing";
  let results = (outs Tile_AccumulatorType:$accumulator);
  let assemblyFormat = "attr-dict `:` type($accumulator)";
}

def Tile_ExtractOp : Tile_Op<"extract", [Pure]> {
  let summary = "one element of those that this thread holds";
  let description = [{
    Example: `%x = tile.extract %c[5] : !tile.accumulator<256xf32> -> f32`
  }];
  let arguments = (ins Tile_AccumulatorType:$accumulator, I64Attr:$index);
  let results = (outs AnyType:$element);
  let assemblyFormat = "$accumulator `[` $index `]` attr-dict `:` type($accumulator) `->` type($element)";
  let hasVerifier = 1;
}

def Tile_WgmmaFenceOp : Tile_Op<"wgmma_fence", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "lets tile.wgmma use registers that were written otherwise";
  let description = [{
    `wgmma.fence.sync.aligned`. The accumulators pass through it, so that
    nothing writes their registers between it and the `tile.wgmma`s behind it.

    Example: `%d = tile.wgmma_fence %c : !tile.accumulator<256xf32> -> !tile.accumulator<256xf32>`
  }];
  let arguments = (ins Variadic<Tile_AccumulatorType>:$accumulators);
  let results = (outs Variadic<Tile_AccumulatorType>:$results);
  let assemblyFormat = "($accumulators^ `:` type($accumulators) `->` type($results))? attr-dict";
  let hasVerifier = 1;
}

def Tile_WgmmaOp : Tile_Op<"wgmma", [AttrSizedOperandSegments,
                                     MemoryEffects<[MemRead, MemWrite]>,
                                     AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "starts a product of matrices in shared memory, added to sums";
  let description = [{
    `wgmma.mma_async.sync.aligned.m64nNkK`: adds A * B to the accumulators, with A
    64 x K and B K x N, K = 32 bytes of elements, at the given places of shared
    memory. The sums may be used as operands of further `tile.wgmma`; everything
    else comes after `tile.wgmma_wait`.

    Example:
    ```mlir
    %d = tile.wgmma %c, %a[%s, %m, %k] <"k", swizzle = 128, leading = 16, stride = 1024>,
                        %b[%s, %0, %k] <"k", swizzle = 128, leading = 16, stride = 1024>
        : !tile.accumulator<256xf32>, memref<4x128x64xbf16, 3>, memref<4x256x64xbf16, 3>
    ```
  }];
  let arguments = (ins Tile_AccumulatorType:$accumulator,
                       Tile_Shared:$a, Variadic<Index>:$a_indices, Tile_MatrixAttr:$a_matrix,
                       Tile_Shared:$b, Variadic<Index>:$b_indices, Tile_MatrixAttr:$b_matrix);
  let results = (outs Tile_AccumulatorType:$result);
  let assemblyFormat = [{
    $accumulator `,` $a `[` $a_indices `]` $a_matrix `,` $b `[` $b_indices `]` $b_matrix attr-dict
    `:` type($accumulator) `,` type($a) `,` type($b)
  }];
  let hasVerifier = 1;
}

def Tile_WgmmaRegistersOp : Tile_Op<"wgmma_registers", [AttrSizedOperandSegments,
                                     MemoryEffects<[MemRead, MemWrite]>,
                                     AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "the same with A in registers";
  let description = [{
    A is the fragment of PTX ISA 9.7.15.5.1 in 4 registers, of the element type
    of B. B is K-major unless its elements have 16 bits.

    Example:
    ```mlir
    %d = tile.wgmma_registers %c, (%a0, %a1, %a2, %a3), %b[%0, %k] <"k", swizzle = 128, leading = 16, stride = 1024>
        : !tile.accumulator<128xf32>, memref<128x64xbf16, 3>
    ```
  }];
  let arguments = (ins Tile_AccumulatorType:$accumulator, Variadic<I32>:$a,
                       Tile_Shared:$b, Variadic<Index>:$b_indices, Tile_MatrixAttr:$b_matrix);
  let results = (outs Tile_AccumulatorType:$result);
  let assemblyFormat = [{
    $accumulator `,` `(` $a `)` `,` $b `[` $b_indices `]` $b_matrix attr-dict
    `:` type($accumulator) `,` type($b)
  }];
  let hasVerifier = 1;
}

def Tile_WgmmaCommitOp : Tile_Op<"wgmma_commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes a group of the warp group's `wgmma`s so far";
  let assemblyFormat = "attr-dict";
}

def Tile_WgmmaWaitOp : Tile_Op<"wgmma_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until at most `pending` groups of products are under way";
  let description = [{
    The accumulators pass through it, so that no use of the results can be moved
    before it.

    Example: `%e = tile.wgmma_wait 0, %d : !tile.accumulator<256xf32> -> !tile.accumulator<256xf32>`
  }];
  let arguments = (ins I64Attr:$pending, Variadic<Tile_AccumulatorType>:$accumulators);
  let results = (outs Variadic<Tile_AccumulatorType>:$results);
  let assemblyFormat = "$pending (`,` $accumulators^ `:` type($accumulators) `->` type($results))? attr-dict";
  let hasVerifier = 1;
}
