//===- MapToThreads.cpp - Kernels of loops become grids ---------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A function is a sequence of loop nests (phases), each a kernel of its own:
/// what one writes the next may read. The parallel loops at the top of a nest
/// are its grid. Below them an iteration belongs to a thread, or to a block
/// whose threads share the loops in it. A function whose phases hand over
/// scalars, or that has no parallel loop at its top, is one block.
///
//===----------------------------------------------------------------------===//

#include "codegen/ptx/generic/KernelWriter.h"

#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

namespace adze {
#define GEN_PASS_DEF_MAPTOTHREADS
#include "codegen/ptx/Passes.h.inc"
} // namespace adze

namespace {

/// Static shared memory of a block that every chip has.
constexpr int64_t sharedBytes = 40 << 10;
/// Private arrays of a thread; they live in local memory.
constexpr int64_t threadBytes = 512;
/// Above this, an array of a thread would not fit the chip's local memory.
constexpr int64_t mostThreadBytes = 64 << 10;

/// Widest access of a thread; what callers have to align inputs and outputs to.
constexpr int64_t accessBytes = 16;

/// The alignment of a buffer in the host program, up to the widest access.
int64_t alignmentOf(Value buffer) {
  int64_t alignment = accessBytes;
  auto shift = [&](int64_t bytes) { alignment = std::gcd(alignment, bytes); };
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>()) {
    if (auto bytes = dyn_cast<memref::ViewOp>(view.getOperation())) {
      shift(getConstantIntValue(bytes.getByteShift()).value_or(1));
    } else if (!isa<memref::CollapseShapeOp, memref::ExpandShapeOp,
                    memref::CastOp>(view.getOperation())) {
      auto type = dyn_cast<MemRefType>(view->getResult(0).getType());
      SmallVector<int64_t> strides;
      int64_t offset = 0;
      if (!type || failed(type.getStridesAndOffset(strides, offset)) ||
          ShapedType::isDynamic(offset))
        return 1;
      shift(offset * bytesOf(MemRefType::get({1}, type.getElementType())));
    }
    buffer = view.getViewSource();
  }
  return alignment;
}

/// The parallel loops at the top of a nest.
struct Band {
  SmallVector<scf::ForOp> loops;
  /// Buffers of which each iteration of the band has its own.
  llvm::SetVector<Value> privates;
  int64_t iterations = 1;
};

Band findBand(scf::ForOp top, const Buffers &buffers) {
  Band band;
  for (scf::ForOp loop = top; loop;) {
    std::optional<int64_t> trips = tripsOf(loop);
    if (!trips || *trips < 1 || loop.getNumRegionIterArgs() > 0)
      break;
    LoopFacts facts = analyze(loop, buffers);
    if (!facts.parallel)
      break;
    // What is private to the iterations of a loop around has to be so here.
    if (llvm::any_of(band.privates, [&](Value buffer) {
          return !facts.privates.contains(buffer);
        }))
      break;
    if (band.iterations * *trips > (int64_t(1) << 31) - 1)
      break;
    band.loops.push_back(loop);
    band.privates = facts.privates;
    band.iterations *= *trips;
    Block *body = loop.getBody();
    auto inner =
        dyn_cast_or_null<scf::ForOp>(body->getTerminator()->getPrevNode());
    bool isPerfect =
        inner && llvm::all_of(body->without_terminator(), [&](Operation &op) {
          return &op == inner || isPure(&op);
        });
    loop = isPerfect ? inner : scf::ForOp();
  }
  return band;
}

/// The steps of all loops in an iteration, where they are known.
int64_t workOf(Block *block) {
  int64_t work = 0;
  for (Operation &op : *block) {
    int64_t inside = 0;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        inside = std::max(inside, workOf(&inner));
    if (auto loop = dyn_cast<scf::ForOp>(op))
      inside = std::max<int64_t>(inside, 1) *
               std::max<int64_t>(1, tripsOf(loop).value_or(8));
    work += inside;
  }
  return std::max<int64_t>(work, 1);
}

/// Outermost the loop along which the stores of the nest lie farthest apart:
/// threads next to each other then write next to each other.
void sortForStores(Band &band) {
  auto accesses = accessesIn(band.loops.back());
  SmallVector<std::pair<int64_t, scf::ForOp>> order;
  for (scf::ForOp loop : band.loops) {
    int64_t stride = -1;
    for (const Access &access : *accesses)
      if (access.isWrite && !band.privates.contains(access.root))
        stride = std::max(
            stride,
            std::abs(strideOf(access, loop.getInductionVar()).value_or(0)));
    order.push_back({stride, loop});
  }
  llvm::stable_sort(order, [](auto &a, auto &b) { return a.first > b.first; });
  for (auto [loop, entry] : llvm::zip_equal(band.loops, order))
    loop = entry.second;
}

/// How an iteration of a band is carried out.
struct Plan {
  bool byBlocks = false;
  int64_t threads = 128;
  int64_t perThread = 1; ///< neighbouring iterations that a thread does
};

class FunctionMapper {
public:
  FunctionMapper(func::FuncOp function, ModuleOp module,
                 SmallVector<std::string> &serial)
      : function(function), module(module), buffers(function),
        builder(module.getContext()), serial(serial) {
    builder.setInsertionPoint(function);
  }

  /// One kernel after the other.
  SmallVector<KernelWriter::Finished> map() {
    expandCopies();
    if (!splitIntoPhases()) {
      mapAsOneBlock("");
      return std::move(kernels);
    }
    for (auto [number, phase] : llvm::enumerate(phases))
      mapPhase(phase, phases.size() == 1 ? "" : "_" + std::to_string(number));
    return std::move(kernels);
  }

private:
  using Phase = SmallVector<Operation *>;

  void report(const Twine &reason) {
    serial.push_back((function.getSymName() + ": " + reason).str());
  }

  /// memref.copy becomes loops like all others.
  void expandCopies() {
    SmallVector<memref::CopyOp> copies;
    function.walk([&](memref::CopyOp op) { copies.push_back(op); });
    for (memref::CopyOp copy : copies) {
      OpBuilder b(copy);
      Location loc = copy.getLoc();
      auto type = cast<MemRefType>(copy.getSource().getType());
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      Value one = arith::ConstantIndexOp::create(b, loc, 1);
      SmallVector<Value> at;
      for (int64_t size : type.getShape()) {
        auto loop = scf::ForOp::create(
            b, loc, zero, arith::ConstantIndexOp::create(b, loc, size), one);
        at.push_back(loop.getInductionVar());
        b.setInsertionPoint(loop.getBody()->getTerminator());
      }
      Value element = memref::LoadOp::create(b, loc, copy.getSource(), at);
      memref::StoreOp::create(b, loc, element, copy.getTarget(), at);
      copy.erase();
    }
  }

  /// Whether an operation may be repeated in every kernel that needs it.
  bool isRepeatable(Operation *op) {
    if (isPure(op) || isa<memref::GetGlobalOp>(op) || isRuntimeCall(op))
      return op->getNumRegions() == 0;
    if (isa<memref::LoadOp>(op))
      return !written.contains(rootOf(op->getOperand(0)));
    return false;
  }

  /// False if values pass from one phase to another, or if arrays of the
  /// function are used by several.
  bool splitIntoPhases() {
    auto all = accessesIn(function);
    if (!all)
      return false;
    for (const Access &access : *all)
      if (access.isWrite)
        written.insert(access.root);
    Phase loose;
    auto flush = [&] {
      if (!loose.empty())
        phases.push_back(std::exchange(loose, {}));
    };
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (isRepeatable(&op))
        continue;
      if (isa<memref::AllocaOp>(op))
        return false;
      for (Value result : op.getResults())
        for (Operation *user : result.getUsers())
          if (user->getBlock() != op.getBlock() || !isRepeatable(user))
            return false;
      if (op.getNumResults() > 0 && !op.use_empty())
        return false;
      if (isa<scf::ForOp>(op)) {
        flush();
        phases.push_back({&op});
      } else {
        loose.push_back(&op);
      }
    }
    flush();
    return true;
  }

  std::string kernelName(StringRef suffix) {
    return (function.getSymName() + suffix + "_grid").str();
  }

  void mapPhase(Phase &phase, StringRef suffix) {
    auto loop = dyn_cast<scf::ForOp>(phase.front());
    Band band;
    if (loop)
      band = findBand(loop, buffers);
    if (band.loops.empty()) {
      writeBlocks(phase, band, blockThreads(phase), suffix);
      return;
    }
    Plan plan = choose(band);
    int64_t bytes = 0;
    for (Value buffer : band.privates)
      bytes += bytesOf(buffer.getType());
    if (plan.byBlocks && bytes > sharedBytes)
      plan.byBlocks = false;
    if (!plan.byBlocks && bytes > mostThreadBytes) {
      report("its working buffer of " + Twine(bytes) +
             " bytes has no place but one; its rows go one after the other");
      writeBlocks(phase, Band(), blockThreads(phase), suffix);
      return;
    }
    if (plan.byBlocks)
      writeBlocks(phase, band, plan.threads, suffix);
    else
      writeThreads(band, plan, suffix);
  }

  /// Threads for a block that does all of a phase.
  int64_t blockThreads(Phase &phase) {
    int64_t widest = 1;
    bool shares = false;
    for (Operation *op : phase)
      op->walk([&](scf::ForOp loop) {
        if (!isShareable(loop, buffers))
          return;
        shares = true;
        widest = std::max(widest, tripsOf(loop).value_or(8) *
                                      workOf(loop.getBody()));
      });
    if (!shares)
      return 1;
    return std::clamp<int64_t>(llvm::PowerOf2Ceil(widest), 32, 256);
  }

  Plan choose(Band &band) {
    Plan plan;
    Block *body = band.loops.back().getBody();
    int64_t work = workOf(body);
    int64_t privateBytes = 0;
    for (Value buffer : band.privates)
      privateBytes += bytesOf(buffer.getType());
    // Loops that a block could share, and whether threads would read
    // neighbouring elements better within an iteration than across.
    int64_t shared = 0;
    bool readsAlong = false, readsAcross = false;
    sortForStores(band);
    auto accesses = accessesIn(body->getParentOp());
    body->walk([&](scf::ForOp loop) {
      if (!isShareable(loop, buffers))
        return;
      int64_t trips = tripsOf(loop).value_or(8);
      shared = std::max(shared, trips);
      for (const Access &access : *accesses) {
        if (access.isWrite || !loop->isAncestor(access.op) ||
            band.privates.contains(access.root))
          continue;
        readsAlong |= strideOf(access, loop.getInductionVar()) == 1;
        readsAcross |=
            strideOf(access, band.loops.back().getInductionVar()) == 1;
      }
    });
    bool wide = shared >= 32;
    plan.byBlocks = wide && (privateBytes > 0 || (readsAlong && !readsAcross) ||
                             (band.iterations < 128 && work >= 256));
    if (privateBytes > threadBytes && shared >= 2)
      plan.byBlocks = true;
    if (plan.byBlocks) {
      plan.threads =
          std::clamp<int64_t>(llvm::PowerOf2Ceil(shared) / 2, 32, 256);
      return plan;
    }
    if (band.iterations >= (1 << 18))
      plan.threads = 256;
    // Element-wise work on large tensors: 4 neighbours a thread, which read and
    // write 16 bytes at once.
    int64_t inner = *tripsOf(band.loops.back());
    bool isUnitStride =
        !accesses->empty() && llvm::all_of(*accesses, [&](const Access &a) {
          return !a.isWrite ||
                 strideOf(a, band.loops.back().getInductionVar()) == 1;
        });
    if (work == 1 && isUnitStride && inner % 4 == 0 &&
        band.iterations >= (1 << 16) && band.privates.empty())
      plan.perThread = 4;
    return plan;
  }

  /// An iteration, or a few neighbouring ones, to a thread.
  void writeThreads(Band &band, Plan plan, StringRef suffix) {
    int64_t units = band.iterations / plan.perThread;
    while (plan.threads > 32 && units <= plan.threads / 2)
      plan.threads /= 2;
    int64_t blocks = llvm::divideCeil(units, plan.threads);
    KernelWriter w(function, kernelName(suffix), blocks, plan.threads, builder);
    OpBuilder &b = w.b;
    Value number = arith::AddIOp::create(
        b, w.loc(),
        arith::MulIOp::create(b, w.loc(), w.blockId(), w.index(plan.threads)),
        w.threadId());
    OpBuilder::InsertionGuard guard(b);
    if (units % plan.threads != 0) {
      Value inside = arith::CmpIOp::create(
          b, w.loc(), arith::CmpIPredicate::ult, number, w.index(units));
      auto branch = scf::IfOp::create(b, w.loc(), inside, false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    for (Value buffer : band.privates)
      w.makeLocal(buffer);
    if (plan.perThread > 1)
      number =
          arith::MulIOp::create(b, w.loc(), number, w.index(plan.perThread));
    w.mapIterations(number, band.loops);
    Value innermost = band.loops.back().getInductionVar();
    Value first = w.map.lookup(innermost);
    int64_t step = 1;
    if (std::optional<int64_t> known =
            getConstantIntValue(band.loops.back().getStep()))
      step = *known;
    for (int64_t k = 0; k < plan.perThread; ++k) {
      if (k > 0)
        w.map.map(innermost,
                  arith::AddIOp::create(b, w.loc(), first, w.index(k * step))
                      .getResult());
      cloneNest(band, [&](Operation *op) { w.clone(op); });
    }
    kernels.push_back(w.finish());
  }

  /// The operations of all levels of a band, outermost first.
  void cloneNest(Band &band, function_ref<void(Operation *)> clone) {
    SmallVector<scf::ForOp> nest(band.loops);
    llvm::sort(nest, [](scf::ForOp a, scf::ForOp b) {
      return a->isProperAncestor(b);
    });
    for (scf::ForOp loop : nest)
      for (Operation &op : loop.getBody()->without_terminator())
        if (!llvm::is_contained(nest, &op))
          clone(&op);
  }

  /// An iteration of the band to a block; without a band, all to one.
  void writeBlocks(Phase &phase, Band band, int64_t threads, StringRef suffix) {
    KernelWriter w(function, kernelName(suffix),
                   band.loops.empty() ? 1 : band.iterations, threads, builder);
    for (Value buffer : band.privates)
      w.makeShared(buffer);
    BlockWriter writer(w, buffers, threads);
    if (band.loops.empty()) {
      for (Operation *op : phase)
        writer.write(op);
    } else {
      w.mapIterations(w.blockId(), band.loops);
      cloneNest(band, [&](Operation *op) { writer.write(op); });
    }
    bool isLong = llvm::any_of(phase, [](Operation *op) {
      return op->getNumRegions() > 0 && workOf(op->getBlock()) > 8;
    });
    if (threads == 1 && isLong)
      report("no loop is proved to be parallel; one thread does it all");
    else if (writer.hasSerialLoops)
      report("loops in it are not proved to be parallel; one thread of a "
             "block does them");
    kernels.push_back(w.finish());
  }

  void mapAsOneBlock(StringRef suffix) {
    Phase all;
    int64_t bytes = 0;
    for (Operation &op : function.getBody().front().without_terminator()) {
      all.push_back(&op);
      if (auto array = dyn_cast<memref::AllocaOp>(op))
        bytes += bytesOf(array.getType());
    }
    bool isKnown = accessesIn(function).has_value();
    int64_t threads = isKnown && bytes <= sharedBytes ? blockThreads(all) : 1;
    if (threads > 1)
      return writeBlocks(all, Band(), threads, suffix);
    KernelWriter w(function, kernelName(suffix), 1, 1, builder);
    for (Operation *op : all)
      w.clone(op);
    if (!function.getOps<scf::ForOp>().empty() ||
        !function.getOps<scf::WhileOp>().empty() ||
        !function.getOps<scf::IfOp>().empty())
      report("no loop is proved to be parallel; one thread does it all");
    kernels.push_back(w.finish());
  }

  func::FuncOp function;
  ModuleOp module;
  Buffers buffers;
  OpBuilder builder;
  SmallVector<std::string> &serial;
  llvm::DenseSet<Value> written;
  SmallVector<Phase> phases;
  SmallVector<KernelWriter::Finished> kernels;
};

struct MapToThreadsPass final : adze::impl::MapToThreadsBase<MapToThreadsPass> {
  using MapToThreadsBase::MapToThreadsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    llvm::MapVector<func::FuncOp, SmallVector<func::CallOp>> calls;
    module.walk([&](func::CallOp call) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      auto caller = call->getParentOfType<func::FuncOp>();
      if (callee && caller && caller->hasAttr("adze.entry") &&
          !callee->hasAttr("adze.runtime"))
        calls[callee].push_back(call);
    });
    SmallVector<std::string> serial;
    for (auto &[function, sites] : calls)
      if (failed(mapFunction(function, sites, serial)))
        return signalPassFailure();
    llvm::sort(serial);
    OpBuilder b(module);
    SmallVector<StringRef> lines(serial.begin(), serial.end());
    if (!lines.empty())
      module->setAttr("adze.gpu_serial", b.getStrArrayAttr(lines));
  }

private:
  LogicalResult mapFunction(func::FuncOp function, ArrayRef<func::CallOp> sites,
                            SmallVector<std::string> &serial) {
    if (Attribute tiles = function->getAttr("adze.tile")) {
      // One kernel, or several that run one after the other.
      SmallVector<Attribute> kernels{tiles};
      if (auto list = dyn_cast<ArrayAttr>(tiles))
        kernels.assign(list.begin(), list.end());
      for (func::CallOp call : sites) {
        OpBuilder b(call);
        for (Attribute kernel : kernels)
          tile::LaunchOp::create(b, call.getLoc(),
                                 cast<FlatSymbolRefAttr>(kernel),
                                 call.getOperands(), IntegerAttr());
        call.erase();
      }
      function.erase();
      return success();
    }
    if (function.isDeclaration())
      return function.emitError("a kernel without a body, which no GPU can "
                                "run");
    for (Type type : function.getArgumentTypes())
      if (!isa<MemRefType>(type))
        return function.emitError()
               << "a kernel takes a " << type << "; GPUs get buffers alone";
    auto kernels = FunctionMapper(function, getOperation(), serial).map();
    for (func::CallOp call : sites) {
      OpBuilder b(call);
      for (KernelWriter::Finished &finished : kernels) {
        SmallVector<Value> operands;
        for (auto [argument, global, type] :
             llvm::zip_equal(finished.arguments, finished.globals,
                             finished.kernel.getArgumentTypes())) {
          if (argument)
            operands.push_back(
                call.getOperand(cast<BlockArgument>(argument).getArgNumber()));
          else
            operands.push_back(
                memref::GetGlobalOp::create(b, call.getLoc(), type, global));
        }
        for (auto [index, operand] : llvm::enumerate(operands)) {
          auto known = finished.kernel.getArgAttrOfType<IntegerAttr>(
              index, "tile.align");
          int64_t alignment = alignmentOf(operand);
          if (known)
            alignment = std::min(alignment, known.getInt());
          finished.kernel.setArgAttr(index, "tile.align",
                                     b.getI64IntegerAttr(alignment));
        }
        tile::LaunchOp::create(
            b, call.getLoc(),
            FlatSymbolRefAttr::get(finished.kernel.getSymNameAttr()), operands,
            IntegerAttr());
      }
      call.erase();
    }
    function.erase();
    return success();
  }
};

} // namespace
