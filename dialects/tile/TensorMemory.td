//===- TensorMemory.td - Tensor memory and its products -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by tile.td. sm_100a (PTX ISA 9.7.16): sums lie in tensor memory, 128
// lanes (rows) of 512 columns of 32 bits, beside the registers. An address is an
// i32, lane in bits 16 to 31, column in bits 0 to 15. Products and copies from
// shared memory are started by one thread and are complete when an mbarrier says
// so; warp w of the block reaches lanes 32 (w mod 4) to 32 (w mod 4) + 31.

def Tile_Sums : VectorOfRankAndType<[1], [F32]>;

class Tile_TensorMemoryOp<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, !listconcat(traits, [MemoryEffects<[MemRead, MemWrite]>])>;

def Tile_Tcgen05AllocOp : Tile_TensorMemoryOp<"tcgen05_alloc"> {
  let summary = "allocates columns of tensor memory";
  let description = [{
    `tcgen05.alloc`: writes the address of `columns` free columns (a power of two
    from 32 to 512) to shared memory, and waits for them if there are none. All
    lanes of one warp execute it. The other warps see the address after
    `tile.tcgen05_fence before_thread_sync`, a barrier, and
    `tile.tcgen05_fence after_thread_sync`.

    Example: `tile.tcgen05_alloc %place[%0], 128 : memref<1xi32, 3>`
  }];
  let arguments = (ins MemRefOf<[I32]>:$place, Index:$index, I64Attr:$columns);
  let assemblyFormat = "$place `[` $index `]` `,` $columns attr-dict `:` type($place)";
  let hasVerifier = 1;
}

def Tile_Tcgen05DeallocOp : Tile_TensorMemoryOp<"tcgen05_dealloc"> {
  let summary = "gives columns of tensor memory back";
  let description = [{
    `tcgen05.dealloc`, by all lanes of one warp, with the address and the number
    of columns of the `tile.tcgen05_alloc`. Every kernel gives back what it
    allocated before it ends.

    Example: `tile.tcgen05_dealloc %address, 128`
  }];
  let arguments = (ins I32:$address, I64Attr:$columns);
  let assemblyFormat = "$address `,` $columns attr-dict";
  let hasVerifier = 1;
}

def Tile_Tcgen05RelinquishOp : Tile_TensorMemoryOp<"tcgen05_relinquish"> {
  let summary = "this block allocates no more tensor memory";
  let description = [{
    `tcgen05.relinquish_alloc_permit`, by all lanes of one warp: blocks that wait
    for their turn to allocate may go on.
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_Tcgen05MmaOp : Tile_TensorMemoryOp<"tcgen05_mma", [AttrSizedOperandSegments]> {
  let summary = "starts a product of matrices in shared memory into tensor memory";
  let description = [{
    `tcgen05.mma.cta_group::1.kind::f16`: D = A * B, or D + A * B where `add` is
    true, with A m x 16 and B 16 x n of bf16 or f16 at the given places of shared
    memory, and D of f32: row i is lane i, column j is column j behind `sums`. m
    is 128, n a multiple of 16 up to 256. One thread executes it; products of one
    thread with the same shape are carried out in their order.

    Example:
    ```mlir
    tile.tcgen05_mma %sums m 128 n 256 add %more
        a %a[%s, %0, %k] <"k", swizzle = 128, leading = 16, stride = 1024>
        b %b[%s, %0, %k] <"k", swizzle = 128, leading = 16, stride = 1024>
        : memref<4x128x64xbf16, 3>, memref<4x256x64xbf16, 3>
    ```
  }];
  let arguments = (ins I32:$sums, I64Attr:$m, I64Attr:$n, I1:$add,
                       Tile_Shared:$a, Variadic<Index>:$a_indices, Tile_MatrixAttr:$a_matrix,
                       Tile_Shared:$b, Variadic<Index>:$b_indices, Tile_MatrixAttr:$b_matrix);
  let assemblyFormat = [{
    $sums `m` $m `n` $n `add` $add `a` $a `[` $a_indices `]` $a_matrix
    `b` $b `[` $b_indices `]` $b_matrix attr-dict `:` type($a) `,` type($b)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The 32-bit instruction descriptor (PTX ISA 9.7.16.4.2, kind::f16).
    uint32_t getDescriptor();
  }];
}

def Tile_Tcgen05CommitOp : Tile_BarrierOp<"tcgen05_commit"> {
  let summary = "lets an mbarrier track the products that this thread has started";
  let description = [{
    `tcgen05.commit`: one arrival at the barrier when all earlier
    `tile.tcgen05_mma` of this thread are complete. It implies a
    `tile.tcgen05_fence before_thread_sync`.

    Example: `tile.tcgen05_commit %empty[%s] : memref<4xi64, 3>`
  }];
  let assemblyFormat = "$barriers `[` $stage `]` attr-dict `:` type($barriers)";
}

def Tile_Tcgen05LoadOp : Tile_TensorMemoryOp<"tcgen05_load"> {
  let summary = "starts to load columns of the warp's 32 lanes";
  let description = [{
    `tcgen05.ld.sync.aligned.32x32b.xN`: lane l of the warp gets N = 1, 2, 4 to
    128 neighbouring columns of tensor-memory lane l of the warp's 32, the first
    of which is in the address. The values are there after
    `tile.tcgen05_wait_load`.

    Example: `%started = tile.tcgen05_load %address : vector<32xf32>`
  }];
  let arguments = (ins I32:$address);
  let results = (outs Tile_Sums:$values);
  let assemblyFormat = "$address attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def Tile_Tcgen05WaitLoadOp : Tile_TensorMemoryOp<"tcgen05_wait_load",
                                                [AllTypesMatch<["values", "loaded"]>]> {
  let summary = "waits for all `tcgen05_load`s of this thread";
  let description = [{
    `tcgen05.wait::ld.sync.aligned`. The values pass through it, so that nothing
    uses their registers before it.

    Example: `%loaded = tile.tcgen05_wait_load %started : vector<32xf32>`
  }];
  let arguments = (ins Tile_Sums:$values);
  let results = (outs Tile_Sums:$loaded);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def Tile_Tcgen05StoreOp : Tile_TensorMemoryOp<"tcgen05_store"> {
  let summary = "starts to store columns of the warp's 32 lanes";
  let description = [{
    `tcgen05.st`, the reverse of `tile.tcgen05_load`.

    Example: `tile.tcgen05_store %values to %address : vector<32xf32>`
  }];
  let arguments = (ins Tile_Sums:$values, I32:$address);
  let assemblyFormat = "$values `to` $address attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def Tile_Tcgen05WaitStoreOp : Tile_TensorMemoryOp<"tcgen05_wait_store"> {
  let summary = "waits for all `tcgen05_store`s of this thread";
  let description = "`tcgen05.wait::st.sync.aligned`.";
  let assemblyFormat = "attr-dict";
}

def Tile_Tcgen05Order : I32EnumAttr<"Tcgen05Order", "which side of a barrier a fence is on", [
    I32EnumAttrCase<"Before", 0, "before_thread_sync">,
    I32EnumAttrCase<"After", 1, "after_thread_sync">]> {
  let cppNamespace = "::adze::tile";
}

def Tile_Tcgen05FenceOp : Tile_TensorMemoryOp<"tcgen05_fence"> {
  let summary = "orders work on tensor memory with a barrier between threads";
  let description = [{
    `tcgen05.fence::before_thread_sync` (what this thread did comes before what
    others do behind the barrier) and `tcgen05.fence::after_thread_sync`.

    Example: `tile.tcgen05_fence after_thread_sync`
  }];
  let arguments = (ins Tile_Tcgen05Order:$order);
  let assemblyFormat = "$order attr-dict";
}
