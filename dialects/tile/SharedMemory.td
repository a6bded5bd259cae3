//===- SharedMemory.td - Shared memory, barriers, copies -*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by tile.td.

def Tile_Shared : MemRefOf<[AnyType]>;
def Tile_Barriers : MemRefOf<[I64]>;

def Tile_SharedMemoryOp : Tile_Op<"shared_memory", [Pure]> {
  let summary = "a piece of the block's dynamic shared memory";
  let description = [{
    The array that begins `offset` bytes behind the start of the dynamic shared
    memory, which is aligned to 1024 bytes. It lies within the kernel's
    `shared_bytes`; pieces may overlap.

    Example: `%a = tile.shared_memory 0 : memref<4x128x64xbf16, 3>`
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Tile_Shared:$memory);
  let assemblyFormat = "$offset attr-dict `:` type($memory)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// mbarriers (PTX ISA 9.7.13.15)
//===----------------------------------------------------------------------===//

class Tile_BarrierOp<string mnemonic, dag more = (ins)>
    : Tile_Op<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]> {
  let arguments = !con((ins Tile_Barriers:$barriers, Index:$stage), more);
}

def Tile_BarrierInitOp : Tile_BarrierOp<"barrier_init", (ins I64Attr:$count)> {
  let summary = "sets up an mbarrier for a number of arrivals a phase";
  let description = [{
    One thread does it; before others use the barrier comes a
    `tile.fence mbarrier_init` (clusters, TMA) and a barrier of all threads.

    Example: `tile.barrier_init %full[%s], 1 : memref<4xi64, 3>`
  }];
  let assemblyFormat = "$barriers `[` $stage `]` `,` $count attr-dict `:` type($barriers)";
}

def Tile_BarrierExpectTxOp : Tile_BarrierOp<"barrier_expect_tx", (ins I64Attr:$bytes)> {
  let summary = "arrives, and lets the phase wait for that many bytes of copies";
  let description = [{
    `mbarrier.arrive.expect_tx`.

    Example: `tile.barrier_expect_tx %full[%s], 49152 : memref<4xi64, 3>`
  }];
  let assemblyFormat = "$barriers `[` $stage `]` `,` $bytes attr-dict `:` type($barriers)";
}

def Tile_BarrierArriveOp : Tile_BarrierOp<"barrier_arrive", (ins Optional<I32>:$rank)> {
  let summary = "arrives at an mbarrier, of block `rank` of the cluster if given";
  let description = [{
    Example: `tile.barrier_arrive %empty[%s] of %rank : memref<4xi64, 3>`
  }];
  let assemblyFormat = "$barriers `[` $stage `]` (`of` $rank^)? attr-dict `:` type($barriers)";
}

def Tile_BarrierWaitOp : Tile_BarrierOp<"barrier_wait", (ins I32:$parity)> {
  let summary = "waits until the phase of that parity is complete";
  let description = [{
    A fresh barrier is in phase 0: a wait for parity 1 returns at once, a wait
    for parity 0 when the first phase is complete.

    Example: `tile.barrier_wait %full[%s], %parity : memref<4xi64, 3>`
  }];
  let assemblyFormat = "$barriers `[` $stage `]` `,` $parity attr-dict `:` type($barriers)";
}

//===----------------------------------------------------------------------===//
// Copies by TMA (PTX ISA 9.7.9.27)
//===----------------------------------------------------------------------===//

def Tile_TmaLoadOp : Tile_Op<"tma_load", [AttrSizedOperandSegments,
                                          MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copies a box of a tensor to shared memory";
  let description = [{
    `cp.async.bulk.tensor`: asynchronously copies the box of the tensor map at
    `coordinates` (innermost first, elements; negative ones and those beyond
    the end read as zero) to `memory` and completes its bytes at the barrier.
    With `multicast`, bit i of the mask says that block i of the cluster gets it
    as well, at the same offset and with its own barrier.

    Example:
    ```mlir
    tile.tma_load %map[%k, %m] to %a[%s, %0, %0] on %full[%s]
        : memref<256x512xbf16>, memref<4x128x64xbf16, 3>, memref<4xi64, 3>
    ```
  }];
  let arguments = (ins AnyMemRef:$map, Variadic<I32>:$coordinates,
                       Tile_Shared:$memory, Variadic<Index>:$indices,
                       Tile_Barriers:$barriers, Index:$stage, Optional<I16>:$mask);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `to` $memory `[` $indices `]` `on` $barriers `[` $stage `]`
    (`multicast` $mask^)? attr-dict `:` type($map) `,` type($memory) `,` type($barriers)
  }];
  let hasVerifier = 1;
}

def Tile_TmaStoreOp : Tile_Op<"tma_store", [AttrSizedOperandSegments,
                                            MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copies a box from shared memory to a tensor";
  let description = [{
    What lies outside the tensor is not written. Before it comes a
    `tile.fence async_shared` of the threads that wrote the shared memory and a
    barrier; after it `tile.bulk_commit`, and `tile.bulk_wait` before the memory
    is written again.

    Example:
    ```mlir
    tile.tma_store %c[%0, %0] to %map[%n, %m] : memref<128x64xbf16, 3>, memref<512x512xbf16>
    ```
  }];
  let arguments = (ins Tile_Shared:$memory, Variadic<Index>:$indices,
                       AnyMemRef:$map, Variadic<I32>:$coordinates);
  let assemblyFormat = [{
    $memory `[` $indices `]` `to` $map `[` $coordinates `]` attr-dict `:` type($memory) `,` type($map)
  }];
  let hasVerifier = 1;
}

def Tile_PrefetchMapOp : Tile_Op<"prefetch_map", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "brings a tensor map near the copy engine";
  let arguments = (ins AnyMemRef:$map);
  let assemblyFormat = "$map attr-dict `:` type($map)";
}

def Tile_BulkCommitOp : Tile_Op<"bulk_commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes a group of the thread's `tma_store`s so far";
  let assemblyFormat = "attr-dict";
}

def Tile_BulkWaitOp : Tile_Op<"bulk_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until at most `pending` groups of stores are under way";
  let description = [{
    With `read`: until they have read shared memory, which is enough to write it
    again.
  }];
  let arguments = (ins I64Attr:$pending, UnitAttr:$read);
  let assemblyFormat = "$pending (`read` $read^)? attr-dict";
}

//===----------------------------------------------------------------------===//
// Copies by threads (PTX ISA 9.7.9.25)
//===----------------------------------------------------------------------===//

def Tile_CpAsyncOp : Tile_Op<"cp_async", [AttrSizedOperandSegments,
                                          MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copies 4, 8 or 16 bytes from global to shared memory";
  let description = [{
    Of the `bytes`, only the first `valid` are read; the others become zero. Both
    addresses are aligned to `bytes`. 16 bytes go round L1 (`.cg`).

    Example:
    ```mlir
    tile.cp_async %a[%m, %k] to %s[%r, %c], 16 valid %n : memref<256x512xbf16>, memref<128x32xbf16, 3>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, Variadic<Index>:$source_indices,
                       Tile_Shared:$memory, Variadic<Index>:$indices,
                       I64Attr:$bytes, Optional<I32>:$valid);
  let assemblyFormat = [{
    $source `[` $source_indices `]` `to` $memory `[` $indices `]` `,` $bytes
    (`valid` $valid^)? attr-dict `:` type($source) `,` type($memory)
  }];
  let hasVerifier = 1;
}

def Tile_CpAsyncCommitOp : Tile_Op<"cp_async_commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "makes a group of the thread's `cp_async`s so far";
  let assemblyFormat = "attr-dict";
}

def Tile_CpAsyncWaitOp : Tile_Op<"cp_async_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until at most `pending` groups of copies are under way";
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
}

//===----------------------------------------------------------------------===//
// Order, roles, clusters
//===----------------------------------------------------------------------===//

def Tile_FenceKind : I32EnumAttr<"FenceKind", "what a fence orders", [
    I32EnumAttrCase<"MbarrierInit", 0, "mbarrier_init">,
    I32EnumAttrCase<"AsyncShared", 1, "async_shared">,
    I32EnumAttrCase<"Global", 2, "global">]> {
  let cppNamespace = "::adze::tile";
}

def Tile_FenceOp : Tile_Op<"fence", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "orders memory between threads and engines";
  let description = [{
    - `mbarrier_init`: `fence.mbarrier_init.release.cluster`, the initialised
      barriers become visible to the cluster and to TMA;
    - `async_shared`: `fence.proxy.async.shared::cta`, what this thread wrote to
      shared memory becomes visible to TMA and wgmma;
    - `global`: `fence.acq_rel.gpu`, global memory between blocks.

    Example: `tile.fence async_shared`
  }];
  let arguments = (ins Tile_FenceKind:$kind);
  let assemblyFormat = "$kind attr-dict";
}

def Tile_SetRegistersOp : Tile_Op<"set_registers", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "gives back registers, or takes some, for a warp group";
  let description = [{
    `setmaxnreg`: a warp group that copies gives registers back (`decrease`),
    those that compute take them. All warps of a warp group do it.

    Example: `tile.set_registers 232`, `tile.set_registers decrease 40`
  }];
  let arguments = (ins I64Attr:$count, UnitAttr:$decrease);
  let assemblyFormat = "(`decrease` $decrease^)? $count attr-dict";
  let hasVerifier = 1;
}

def Tile_WarpIndexOp : Tile_Op<"warp_index", []> {
  let summary = "number of the warp in its block, known to be the same in all lanes";
  let results = (outs I32:$index);
  let assemblyFormat = "attr-dict";
}

def Tile_ElectOp : Tile_Op<"elect", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "true in one lane of the warp";
  let results = (outs I1:$elected);
  let assemblyFormat = "attr-dict";
}

def Tile_NamedBarrierOp : Tile_Op<"named_barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "a barrier of some warps of the block";
  let description = [{
    `bar.sync`, or with `arrive` `bar.arrive`, which does not wait: `threads` is
    the number of threads of both kinds together, a multiple of 32. Barrier 0 is
    that of the whole block (`gpu.barrier`).

    Example: `tile.named_barrier %id, 128`
  }];
  let arguments = (ins I32:$id, I64Attr:$threads, UnitAttr:$arrive);
  let assemblyFormat = "(`arrive` $arrive^)? $id `,` $threads attr-dict";
}

def Tile_ClusterSyncOp : Tile_Op<"cluster_sync", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "a barrier of all threads of the cluster";
  let assemblyFormat = "attr-dict";
}

def Tile_ClusterRankOp : Tile_Op<"cluster_rank", [Pure]> {
  let summary = "number of the block in its cluster";
  let results = (outs I32:$rank);
  let assemblyFormat = "attr-dict";
}
