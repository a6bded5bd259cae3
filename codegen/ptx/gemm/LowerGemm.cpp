//===- LowerGemm.cpp - Scheduled matrix products become tile kernels ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Passes.h"

#include "codegen/ptx/gemm/Builders.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;

namespace adze {
#define GEN_PASS_DEF_LOWERGEMM
#include "codegen/ptx/Passes.h.inc"
} // namespace adze

static const std::pair<StringLiteral, GemmBuilder> families[] = {
    {"gemm.tcgen05", buildTcgen05Gemm},  {"gemm.wgmma", buildWgmmaGemm},
    {"gemm.mma_sync", buildMmaSyncGemm}, {"gemm.simt", buildSimtGemm},
    {"gemm.flat", buildFlatGemm},
};

static GemmBuilder findBuilder(StringRef family) {
  for (auto [name, builder] : families)
    if (name == family)
      return builder;
  return nullptr;
}

static MemRefType bufferType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

/// An empty tile.kernel with the buffers of `kernel`.
static tile::KernelOp newGemmKernel(OpBuilder &builder, kernel::FuncOp kernel,
                                    StringRef name, const GemmProblem &problem,
                                    const Schedule &schedule) {
  SmallVector<Type> types;
  for (Type type : kernel.getArgumentTypes())
    types.push_back(bufferType(type));
  for (Type type : kernel.getResultTypes())
    types.push_back(bufferType(type));
  if (schedule.scratchBytes)
    types.push_back(
        MemRefType::get({schedule.scratchBytes / 4}, builder.getI32Type()));
  auto tile =
      tile::KernelOp::create(builder, kernel.getLoc(), name, types,
                             ArrayRef<int64_t>{schedule.blocks(problem), 1, 1},
                             schedule.threads, schedule.sharedBytes);
  tile.setDocAttr(kernel.getDocAttr());
  tile.setScheduleAttr(kernel.getScheduleAttr());
  tile->setAttr("adze.restrict", builder.getUnitAttr());
  auto align = [&](unsigned argument, int64_t bytes) {
    // No access is wider.
    tile.setArgAttr(argument, "tile.align",
                    builder.getI64IntegerAttr(std::min<int64_t>(bytes, 16)));
  };
  unsigned inputs = kernel.getArgumentTypes().size();
  for (unsigned i = 0; i < inputs; ++i)
    align(i, problem.argumentAlignment[i]);
  for (const Output &output : problem.outputs)
    align(inputs + output.result, output.startAlignment);
  return tile;
}

static LogicalResult lowerGemm(kernel::FuncOp kernel, const Machine &machine,
                               GemmBuilder build) {
  FailureOr<GemmProblem> problem = readGemmProblem(kernel);
  if (failed(problem))
    return kernel.emitError("has the schedule of a matrix product and is none");
  Schedule schedule = Schedule::of(kernel.getScheduleAttr());
  OpBuilder builder(kernel);
  std::string name = (kernel.getSymName() + "_gemm").str();
  auto make = [&](StringRef name, auto fill) -> FailureOr<Attribute> {
    tile::KernelOp tile =
        newGemmKernel(builder, kernel, name, *problem, schedule);
    OpBuilder inner = OpBuilder::atBlockBegin(&tile.getBody().front());
    tile::ReturnOp::create(inner, kernel.getLoc());
    inner.setInsertionPointToStart(&tile.getBody().front());
    if (failed(fill(tile, inner)))
      return failure();
    return Attribute(FlatSymbolRefAttr::get(tile.getSymNameAttr()));
  };
  SmallVector<Attribute> launches;
  FailureOr<Attribute> main =
      make(name, [&](tile::KernelOp tile, OpBuilder &inner) {
        if (int64_t blocks = residentBlocks(schedule, machine.gpu))
          tile->setAttr("tile.min_blocks", builder.getI64IntegerAttr(blocks));
        return build(*problem, schedule, machine, tile, inner);
      });
  if (failed(main))
    return failure();
  launches.push_back(*main);
  if (schedule.splitK > 1) {
    FailureOr<Attribute> fixUp =
        make(name + "_sum", [&](tile::KernelOp tile, OpBuilder &inner) {
          return buildFixUp(*problem, schedule, tile, inner);
        });
    if (failed(fixUp))
      return failure();
    launches.push_back(*fixUp);
  }
  // The kernel keeps its name and its types; the code is elsewhere.
  kernel.getBody().getBlocks().clear();
  kernel->setAttr("adze.tile", launches.size() == 1
                                   ? launches.front()
                                   : builder.getArrayAttr(launches));
  if (schedule.scratchBytes)
    kernel.setScratch(ArrayRef<int64_t>{schedule.scratchBytes});
  return success();
}

namespace {
struct LowerGemmPass final : adze::impl::LowerGemmBase<LowerGemmPass> {
  using LowerGemmBase::LowerGemmBase;

  void runOnOperation() override {
    const Machine *machine = findMachine(chip);
    if (!machine || !machine->isGpu()) {
      getOperation().emitError("there is no GPU '") << chip << "'";
      return signalPassFailure();
    }
    for (auto kernel :
         llvm::to_vector(getOperation().getOps<kernel::FuncOp>())) {
      kernel::ScheduleAttr schedule = kernel.getScheduleAttr();
      if (!schedule || kernel.isExternal())
        continue;
      if (GemmBuilder build = findBuilder(schedule.getFamily()))
        if (failed(lowerGemm(kernel, *machine, build)))
          return signalPassFailure();
    }
  }
};
} // namespace
