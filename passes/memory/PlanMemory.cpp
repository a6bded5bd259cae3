//===- PlanMemory.cpp - Offsets of the program's buffers in the arena -----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Hands the buffers of the program (ProgramBuffers.h) to the planner
/// (MemoryPlan.h) and writes what it finds on the operations. Attributes are
/// described with the pass in passes/Passes.td.
///
//===----------------------------------------------------------------------===//

#include "adze/MemoryRegions.h"
#include "passes/Passes.h"
#include "passes/lower/KernelLowering.h"
#include "passes/memory/CopyKernels.h"
#include "passes/memory/ProgramBuffers.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

namespace adze {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
} // namespace adze

static std::string nameOf(const ProgramBuffers::Entry &entry) {
  if (entry.value)
    return describeValue(entry.value);
  if (auto call = dyn_cast<kernel::CallOp>(entry.user))
    return ("scratch of @" + call.getCallee()).str();
  return "next round of " + entry.user->getName().getStringRef().str();
}

static std::string nameOfStep(Operation *op) {
  if (auto call = dyn_cast<kernel::CallOp>(op))
    return ("@" + call.getCallee()).str();
  return op->getName().getStringRef().str();
}

/// Writes `offsets` and `scratch_offsets`.
static void annotate(func::FuncOp program, const ProgramBuffers &buffers,
                     ArrayRef<int64_t> offsets) {
  Builder builder(program.getContext());
  auto write = [&](Operation *op, StringRef name, ArrayRef<int> list) {
    op->setAttr(name, builder.getDenseI64ArrayAttr(
                          llvm::map_to_vector(list, [&](int buffer) {
                            return buffer < 0 ? int64_t(-1) : offsets[buffer];
                          })));
  };
  program.walk([&](Operation *op) {
    if (!isa<kernel::CallOp, kernel::IfOp, kernel::JoinOp, kernel::WhileOp>(op))
      return;
    op->setAttr("offsets", builder.getDenseI64ArrayAttr(llvm::map_to_vector(
                               op->getResults(), [&](OpResult result) {
                                 int buffer = buffers.find(result);
                                 return buffer < 0 ? int64_t(-1)
                                                   : offsets[buffer] +
                                                         placeOf(result).offset;
                               })));
  });
  for (const auto &[op, list] : buffers.scratch)
    write(op, "scratch_offsets", list);
  for (const auto &[op, list] : buffers.rotated)
    write(op, "scratch_offsets", list);
}

/// Calls that put tensors one after the other which the plan has made there
/// already move nothing. They leave the program last: `buffers` knows it as it
/// was.
static void joinInPlace(func::FuncOp program, const ProgramBuffers &buffers,
                        ArrayRef<int64_t> offsets) {
  SymbolTableCollection symbols;
  SmallVector<std::pair<kernel::CallOp, SmallVector<Value>>> found;
  auto offsetOf = [&](Value value) {
    int buffer = buffers.find(value);
    return buffer < 0 ? int64_t(-1) : offsets[buffer] + placeOf(value).offset;
  };
  program.walk([&](kernel::CallOp call) {
    SmallVector<Value> parts =
        findParts(call, symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
                            call, call.getCalleeAttr()));
    if (parts.empty())
      return;
    int64_t at = offsetOf(call.getResult(0));
    bool isInPlace = at >= 0;
    for (Value part : parts) {
      isInPlace &= canBePart(part, call) && offsetOf(part) == at;
      at += byteSize(part.getType()).value_or(0);
    }
    if (isInPlace)
      found.push_back({call, parts});
  });
  for (auto &[call, parts] : found) {
    if (!llvm::all_of(
            parts, [call = call](Value part) { return canBePart(part, call); }))
      continue;
    OpBuilder builder(call);
    auto join = kernel::JoinOp::create(builder, call.getLoc(),
                                       call.getResult(0).getType(), parts,
                                       call.getOffsetsAttr());
    call.getResult(0).replaceAllUsesWith(join.getWhole());
    call.erase();
  }
  if (!found.empty())
    eraseUnusedKernels(program->getParentOfType<ModuleOp>());
}

/// Marks the loops of kernels that never overlap in any of their calls with
/// `adze.restrict`: the compilers behind us may then keep inputs in registers.
static void markRestrict(ModuleOp module, func::FuncOp program,
                         const ProgramBuffers &buffers,
                         ArrayRef<int64_t> offsets) {
  llvm::StringMap<bool> overlaps;
  auto meet = [&](Value a, Value b) {
    int inA = buffers.find(a), inB = buffers.find(b);
    if (inA < 0 || inB < 0)
      return false;
    int64_t atA = offsets[inA] + placeOf(a).offset;
    int64_t atB = offsets[inB] + placeOf(b).offset;
    return atA < atB + byteSize(b.getType()).value_or(0) &&
           atB < atA + byteSize(a.getType()).value_or(0);
  };
  program.walk([&](kernel::CallOp call) {
    bool &overlap = overlaps[call.getCallee()];
    for (Value output : call.getOutputs())
      for (Value input : call.getInputs())
        overlap |= meet(output, input);
  });
  SymbolTable symbols(module);
  for (const auto &[name, overlap] : overlaps) {
    auto loops = symbols.lookup<func::FuncOp>(lower::loopsName(name));
    if (loops && overlap)
      loops->removeAttr("adze.restrict");
    else if (loops)
      loops->setAttr("adze.restrict", UnitAttr::get(module.getContext()));
  }
}

/// The bytes below which no plan of these kernels goes in any order, as far as
/// order-program knows.
static int64_t boundOfOrders(ModuleOp module, const Plan &plan,
                             int64_t alignment) {
  auto order = module->getAttrOfType<DictionaryAttr>("adze.order");
  if (!order)
    return 0;
  auto unique = order.getAs<BoolAttr>("unique");
  auto bound = order.getAs<IntegerAttr>("bound");
  int64_t least =
      bound ? static_cast<int64_t>(llvm::alignTo(bound.getInt(), alignment))
            : 0;
  return unique && unique.getValue() ? std::max(plan.bound, least) : least;
}

/// What the report prints: the attribute `adze.memory`.
static DictionaryAttr makeReport(ModuleOp module, const ProgramBuffers &buffers,
                                 const Plan &plan, int64_t alignment) {
  Builder builder(module.getContext());
  auto number = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  auto describe = [&](int b) -> Attribute {
    const ProgramBuffers::Entry &entry = buffers.entries[b];
    return builder.getDictionaryAttr(
        {number("bytes", entry.size), number("first", entry.first),
         number("last", entry.last),
         builder.getNamedAttr("name", builder.getStringAttr(nameOf(entry))),
         number("offset", plan.offsets[b])});
  };
  SmallVector<Attribute> all, atPeak;
  int64_t unshared = 0;
  for (size_t b = 0; b < buffers.entries.size(); ++b) {
    all.push_back(describe(static_cast<int>(b)));
    unshared += buffers.entries[b].size;
  }
  for (int b : plan.peakBuffers)
    atPeak.push_back(describe(b));
  NamedAttrList report;
  report.append(number("bound", plan.bound));
  report.set("buffers", builder.getArrayAttr(all));
  report.append(number("gap", plan.peak - plan.bound));
  report.set("optimal", builder.getBoolAttr(plan.optimal()));
  if (int64_t bound = boundOfOrders(module, plan, alignment))
    report.append(number("order_bound", bound));
  report.append(number("peak", plan.peak));
  report.append(number("peak_step", plan.peakStep));
  report.set("peak_at",
             builder.getStringAttr(
                 plan.peakStep < 0 ? std::string()
                                   : nameOfStep(buffers.steps[plan.peakStep])));
  report.append(number("steps", static_cast<int64_t>(buffers.steps.size())));
  report.set("tensors", builder.getArrayAttr(atPeak));
  report.append(number("unshared", unshared));
  return report.getDictionary(module.getContext());
}

/// The message for an arena that is larger than the memory of the user.
static LogicalResult checkRam(ModuleOp module, const ProgramBuffers &buffers,
                              const Plan &plan, int64_t arena, int64_t ram) {
  if (ram <= 0 || arena <= ram)
    return success();
  InFlightDiagnostic message = module.emitError()
                               << "the arena takes " << arena << " bytes, "
                               << arena - ram << " more than the " << ram
                               << " bytes given; in the step of "
                               << nameOfStep(buffers.steps[plan.peakStep])
                               << " these are live together:";
  for (auto [i, b] : llvm::enumerate(plan.peakBuffers)) {
    const ProgramBuffers::Entry &entry = buffers.entries[b];
    int64_t over = plan.offsets[b] + entry.size - ram;
    message << (i ? ", '" : " '") << nameOf(entry) << "' of " << entry.size
            << " bytes";
    if (over > 0)
      message << " (" << std::min(over, entry.size) << " of them do not fit)";
  }
  if (plan.bound > ram)
    message << "; no plan of these kernels needs less than " << plan.bound
            << " bytes, so only a smaller input or model, or smaller numbers, "
               "can help";
  else
    message << "; the proven least is " << plan.bound << " bytes";
  return message;
}

/// The bytes that the program reads and writes of each buffer: operands and
/// results of calls; scratch is written and read.
static std::vector<int64_t> trafficOf(func::FuncOp program,
                                      const ProgramBuffers &buffers) {
  std::vector<int64_t> traffic(buffers.entries.size());
  program.walk([&](Operation *op) {
    auto count = [&](Value value) {
      if (int b = buffers.find(value); b >= 0)
        traffic[b] += byteSize(value.getType()).value_or(0);
    };
    if (!isa<kernel::CallOp, kernel::IfOp, kernel::WhileOp>(op))
      return;
    llvm::for_each(op->getOperands(), count);
    llvm::for_each(op->getResults(), count);
  });
  for (size_t b = 0; b < buffers.entries.size(); ++b)
    if (!buffers.entries[b].value)
      traffic[b] = 2 * buffers.entries[b].size;
  return traffic;
}

/// Spreads the buffers over the memories that the attribute `adze.regions`
/// names, and writes `adze.arenas`. The offsets of `plan` become those in the
/// space of all of them.
static LogicalResult spreadOverRegions(ModuleOp module, func::FuncOp program,
                                       const ProgramBuffers &buffers,
                                       const Problem &problem, Plan &plan) {
  auto regions = module->getAttrOfType<ArrayAttr>("adze.regions");
  if (!regions)
    return success();
  std::vector<int64_t> capacities;
  std::vector<StringRef> names;
  for (Attribute entry : regions) {
    auto region = dyn_cast<DictionaryAttr>(entry);
    auto name = region ? region.getAs<StringAttr>("name") : StringAttr();
    auto bytes = region ? region.getAs<IntegerAttr>("bytes") : IntegerAttr();
    if (!name || !bytes)
      return module.emitError(
          "adze.regions is a list of {name = string, bytes = integer}");
    names.push_back(name.getValue());
    capacities.push_back(bytes.getInt());
  }
  if (names.empty())
    return module.emitError("adze.regions names no memory");
  RegionPlan spread =
      planRegions(problem, trafficOf(program, buffers), capacities);
  if (spread.misfit >= 0) {
    const ProgramBuffers::Entry &entry = buffers.entries[spread.misfit];
    InFlightDiagnostic message =
        module.emitError() << "'" << nameOf(entry) << "' of " << entry.size
                           << " bytes fits in none of the memories given: '"
                           << names[spread.nearest] << "' of "
                           << capacities[spread.nearest]
                           << " bytes is the nearest, and " << spread.missing
                           << " bytes are missing there";
    for (auto [i, b] : llvm::enumerate(spread.beside))
      message << (i ? ", '" : "; in its lifetime there are also '")
              << nameOf(buffers.entries[b]) << "' of "
              << buffers.entries[b].size << " bytes";
    return message << "; one memory for all would need " << plan.peak
                   << " bytes";
  }
  if (std::string wrong = verifyPlan(problem, spread.offsets); !wrong.empty())
    return module.emitError("the memory plan is wrong, which is a mistake in "
                            "adze: ")
           << wrong;
  Builder builder(module.getContext());
  SmallVector<Attribute> arenas;
  plan.peak = 0;
  for (auto [name, region] : llvm::zip(names, spread.regions)) {
    arenas.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("begin", builder.getI64IntegerAttr(region.begin)),
         builder.getNamedAttr("bytes", builder.getI64IntegerAttr(region.size)),
         builder.getNamedAttr("name", builder.getStringAttr(name))}));
    plan.peak += region.size;
  }
  plan.offsets = spread.offsets;
  module->setAttr("adze.arenas", builder.getArrayAttr(arenas));
  return success();
}

static LogicalResult planProgram(ModuleOp module, func::FuncOp program,
                                 int64_t alignment, int64_t ram) {
  FailureOr<ProgramBuffers> buffers = ProgramBuffers::compute(program);
  if (failed(buffers))
    return failure();
  Problem problem;
  problem.overlaps = buffers->overlaps;
  for (const ProgramBuffers::Entry &entry : buffers->entries)
    problem.buffers.push_back({entry.size, alignment, entry.first, entry.last});
  Plan plan = planOffsets(problem);
  if (std::string wrong = verifyPlan(problem, plan.offsets); !wrong.empty())
    return module.emitError("the memory plan is wrong, which is a mistake in "
                            "adze: ")
           << wrong;
  if (failed(spreadOverRegions(module, program, *buffers, problem, plan)))
    return failure();

  auto arena = static_cast<int64_t>(llvm::alignTo(plan.peak, alignment));
  Builder builder(module.getContext());
  annotate(program, *buffers, plan.offsets);
  markRestrict(module, program, *buffers, plan.offsets);
  module->setAttr("adze.arena_alignment", builder.getI64IntegerAttr(alignment));
  module->setAttr("adze.arena_bound", builder.getI64IntegerAttr(plan.bound));
  module->setAttr("adze.arena_size", builder.getI64IntegerAttr(arena));
  module->setAttr("adze.memory", makeReport(module, *buffers, plan, alignment));
  if (failed(checkRam(module, *buffers, plan, arena, ram)))
    return failure();
  joinInPlace(program, *buffers, plan.offsets);
  return success();
}

namespace {
struct PlanMemoryPass final : adze::impl::PlanMemoryBase<PlanMemoryPass> {
  using PlanMemoryBase::PlanMemoryBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto program = module.lookupSymbol<func::FuncOp>("main");
    if (!program || program.isExternal()) {
      module.emitError("plan-memory needs a program: func.func @main");
      return signalPassFailure();
    }
    if (alignment <= 0 || !llvm::isPowerOf2_64(alignment)) {
      module.emitError("plan-memory needs a power of two as alignment, not ")
          << alignment;
      return signalPassFailure();
    }
    if (failed(planProgram(module, program, alignment, ram)))
      signalPassFailure();
  }
};
} // namespace
