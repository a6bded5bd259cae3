//===- TilePatterns.h - Tile operations as PTX ------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_CODEGEN_PTX_TILE_TILEPATTERNS_H
#define ADZE_CODEGEN_PTX_TILE_TILEPATTERNS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"

namespace adze::ptx {

/// All device operations of the tile dialect become inline PTX in the LLVM
/// dialect; each piece has a PTX comment `// tile.OP LOCATION` at the end of
/// its first line. `converter` makes bare pointers of memrefs (global memory:
/// 1, shared: 3) and gets the conversion of `!tile.accumulator`, which becomes
/// a struct of a thread's elements. Dynamic shared memory is the symbol
/// `dynamicShared` (codegen/ptx/Lowering.h).
void populateTileToLLVMPatterns(mlir::LLVMTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);

/// The parts, by instruction generation.
void populateSharedMemoryPatterns(mlir::LLVMTypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);
void populateCopyPatterns(mlir::LLVMTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populateMmaSyncPatterns(mlir::LLVMTypeConverter &converter,
                             mlir::RewritePatternSet &patterns); // sm_80
void populateWgmmaPatterns(mlir::LLVMTypeConverter &converter,
                           mlir::RewritePatternSet &patterns); // sm_90a
void populateTcgen05Patterns(mlir::LLVMTypeConverter &converter,
                             mlir::RewritePatternSet &patterns); // sm_100a

} // namespace adze::ptx

#endif
