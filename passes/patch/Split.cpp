//===- Split.cpp - The first layers in bands of rows ----------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/patch/Patches.h"

#include "passes/Passes.h"
#include "passes/memory/ProgramBuffers.h"
#include "passes/patch/Region.h"

using namespace mlir;
using namespace adze;
using namespace adze::patch;

namespace adze {
#define GEN_PASS_DEF_SPLITINTOPATCHES
#include "passes/Passes.h.inc"
} // namespace adze

static RankedTensorType withRows(Type image, int64_t rows) {
  auto type = cast<RankedTensorType>(image);
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = rows;
  return type.clone(shape);
}

namespace {

/// Copies a region for one band of its cut.
class BandBuilder {
public:
  BandBuilder(const ImageRegion &region, Rows rows, OpBuilder &builder)
      : region(region), needed(region.rowsFor(rows)), builder(builder) {}

  Value build();

private:
  Value rowsOfValue(Value whole, Rows rows);
  void copy(Operation *op);

  const ImageRegion &region;
  llvm::MapVector<Value, Rows> needed;
  OpBuilder &builder;
  DenseMap<Value, Value> bands; ///< what stands for a value in this band
};

} // namespace

static Value slice(OpBuilder &builder, Value from, int64_t axis, Rows rows) {
  auto type = cast<RankedTensorType>(from.getType());
  SmallVector<int64_t> shape(type.getShape()), starts(4, 0), steps(4, 1);
  shape[axis] = rows.count();
  starts[axis] = rows.begin;
  return nn::SliceOp::create(builder, from.getLoc(), type.clone(shape), from,
                             builder.getDenseI64ArrayAttr(starts),
                             builder.getDenseI64ArrayAttr(steps));
}

/// Rows of a value: of the whole input, or of what the band holds of it.
Value BandBuilder::rowsOfValue(Value whole, Rows rows) {
  if (Value band = bands.lookup(whole)) {
    Rows held = needed.lookup(whole);
    if (held == rows)
      return band;
    return slice(builder, band, 1,
                 {rows.begin - held.begin, rows.end - held.begin});
  }
  auto transpose = whole.getDefiningOp<nn::TransposeOp>();
  if (!transpose)
    return slice(builder, whole, 1, rows);
  ArrayRef<int64_t> perm = transpose.getPerm();
  return nn::TransposeOp::create(
      builder, whole.getLoc(),
      slice(builder, transpose.getInput(), perm[1], rows), perm);
}

void BandBuilder::copy(Operation *op) {
  Rows rows = needed.lookup(op->getResult(0));
  RowRule rule = *rowRule(op);
  int64_t begin = rows.begin * rule.stride - rule.padBegin;
  int64_t end = (rows.end - 1) * rule.stride - rule.padBegin + rule.window;
  int64_t padBegin = 0, padEnd = 0;
  IRMapping map;
  RankedTensorType type = withRows(op->getResult(0).getType(), rows.count());
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (auto empty = value.getDefiningOp<tensor::EmptyOp>()) {
      map.map(value,
              tensor::EmptyOp::create(builder, op->getLoc(), type.getShape(),
                                      type.getElementType()));
      continue;
    }
    if (isConstant(value) || !isImage(value.getType()))
      continue;
    int64_t height = ::rowsOf(value);
    Rows part{std::max<int64_t>(begin, 0), std::min(end, height)};
    padBegin = part.begin - begin;
    padEnd = end - part.end;
    map.map(value, rowsOfValue(value, part));
  }
  Operation *made = builder.clone(*op, map);
  made->getResult(0).setType(type);
  auto setPads = [&](ArrayRef<int64_t> old) {
    SmallVector<int64_t> pads(old);
    pads[0] = padBegin;
    pads[pads.size() / 2] = padEnd;
    made->setAttr("pads", builder.getDenseI64ArrayAttr(pads));
  };
  if (auto conv = dyn_cast<nn::ConvOp>(op))
    setPads(conv.getPads());
  else if (auto pool = dyn_cast<nn::PoolOp>(op))
    setPads(pool.getPads());
  bands[op->getResult(0)] = made->getResult(0);
}

Value BandBuilder::build() {
  for (Operation *op : region.ops)
    copy(op);
  return bands.lookup(region.cut);
}

/// Windows at the border of the image lie inside of it in part; a band none of
/// whose rows has one that does so would be a tensor without rows.
static bool isSplittable(const ImageRegion &region, int bands) {
  if (::rowsOf(region.cut) < bands)
    return false;
  for (int i = 0; i < bands; ++i) {
    auto needed = region.rowsFor(bandOf(::rowsOf(region.cut), i, bands));
    for (Operation *op : region.ops) {
      RowRule rule = *rowRule(op);
      Rows rows = needed.lookup(op->getResult(0));
      for (Value operand : op->getOperands())
        if (!isConstant(operand) && isImage(operand.getType()) &&
            (rows.begin * rule.stride - rule.padBegin >= ::rowsOf(operand) ||
             (rows.end - 1) * rule.stride - rule.padBegin + rule.window <= 0))
          return false;
    }
  }
  return true;
}

static int64_t extraMacs(const ImageRegion &region, int bands) {
  int64_t extra = 0;
  for (Operation *op : region.ops)
    extra -= macsOf(op, ::rowsOf(op->getResult(0)));
  for (int i = 0; i < bands; ++i) {
    auto needed = region.rowsFor(bandOf(::rowsOf(region.cut), i, bands));
    for (Operation *op : region.ops)
      extra += macsOf(op, needed.lookup(op->getResult(0)).count());
  }
  return extra;
}

static int64_t programMacs(func::FuncOp program) {
  int64_t macs = 0;
  program.walk([&](nn::ConvOp conv) { macs += macsOf(conv, ::rowsOf(conv)); });
  program.walk([&](nn::MatmulOp matmul) {
    auto a = cast<RankedTensorType>(matmul.getA().getType()).getShape();
    macs +=
        cast<RankedTensorType>(matmul.getOutput().getType()).getNumElements() *
        (matmul.getTransA() ? a[a.size() - 2] : a.back());
  });
  return macs;
}

namespace {

/// The bytes that no plan of a row of operations goes below, if all kernels may
/// work in place and element-wise operations cost nothing.
class LeastBytes {
public:
  /// Bytes of a value, 0 if it needs no memory of ours.
  using SizeOf = function_ref<int64_t(Value)>;

  static int64_t compute(ArrayRef<Operation *> ops, SizeOf sizeOf) {
    DenseMap<Value, size_t> last;
    DenseMap<Value, size_t> first;
    for (auto [i, op] : llvm::enumerate(ops)) {
      for (Value operand : op->getOperands())
        last[operand] = i;
      for (Value result : op->getResults())
        first[result] = i;
    }
    // Live at an operation: what was made before and is used there or later.
    int64_t most = 0;
    SmallVector<Value> live;
    llvm::SmallPtrSet<Value, 16> known;
    for (auto [value, use] : last)
      if (!first.count(value) && known.insert(value).second)
        live.push_back(value);
    for (auto [i, op] : llvm::enumerate(ops)) {
      llvm::erase_if(live, [&](Value value) { return last.lookup(value) < i; });
      int64_t bytes = 0, dying = 0, made = 0;
      for (Value value : live) {
        int64_t size = sizeOf(value);
        bytes += size;
        if (last.lookup(value) == i)
          dying += size;
      }
      for (Value result : op->getResults()) {
        made += sizeOf(result);
        if (last.count(result))
          live.push_back(result);
      }
      most = std::max(most, bytes + made - std::min(dying, made));
    }
    return most;
  }
};

} // namespace

/// Whether an element-wise operation reads `value` and nothing else does, or it
/// is only looked at under another shape: it costs no memory of its own.
static bool isFused(Value value) {
  if (!value.hasOneUse())
    return false;
  Operation *user = *value.getUsers().begin();
  std::optional<RowRule> rule = rowRule(user);
  return isa<nn::ReshapeOp>(user) ||
         (rule && !isa<nn::ConvOp, nn::PoolOp>(user));
}

static int64_t sizeOfTensor(Value value) {
  if (isConstant(value) || isa<BlockArgument>(value) || isFused(value) ||
      llvm::all_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>))
    return 0;
  return memory::byteSize(value.getType()).value_or(0);
}

static int64_t leastBytes(func::FuncOp program, const ImageRegion &region,
                          int bands) {
  llvm::SmallPtrSet<Operation *, 32> inside(region.ops.begin(),
                                            region.ops.end());
  SmallVector<Operation *> rest;
  auto isBehind = [&](Operation &op) {
    return llvm::all_of(op.getUsers(),
                        [&](Operation *user) { return inside.contains(user); });
  };
  for (Operation &op : program.getBody().front().without_terminator())
    if (!inside.contains(&op) && !isBehind(op) &&
        !(op.getNumResults() == 1 && isConstant(op.getResult(0))))
      rest.push_back(&op);
  int64_t most = LeastBytes::compute(rest, sizeOfTensor);
  int64_t whole = memory::byteSize(region.cut.getType()).value_or(0);
  for (int i = 0; i < bands; ++i) {
    auto needed = region.rowsFor(bandOf(::rowsOf(region.cut), i, bands));
    int64_t band = LeastBytes::compute(region.ops, [&](Value value) {
      if (value == region.cut)
        return int64_t(0);
      int64_t size = sizeOfTensor(value);
      return size ? size / ::rowsOf(value) * needed.lookup(value).count() : 0;
    });
    most = std::max(most, whole + band);
  }
  return most;
}

/// A kernel takes its name from its root, of which the cut is the epilogue.
static std::vector<std::string> namesOf(Value cut) {
  std::vector<std::string> names{memory::describeValue(cut)};
  for (Value value = cut; Operation *op = value.getDefiningOp();) {
    Value before;
    for (Value operand : op->getOperands())
      if (!isConstant(operand) && isFused(operand))
        before = operand;
    if (!before)
      break;
    names.push_back(memory::describeValue(before));
    value = before;
  }
  return names;
}

std::vector<Candidate> adze::patch::findCandidates(func::FuncOp program) {
  static constexpr int kBands[] = {2, 3, 4, 5, 6, 8, 10, 12, 16, 24};
  std::vector<Candidate> candidates;
  int64_t macs = programMacs(program);
  int cut = 0;
  for (const ImageRegion &region : findRegions(program)) {
    ++cut;
    for (int bands : kBands)
      if (isSplittable(region, bands))
        candidates.push_back({cut, bands, leastBytes(program, region, bands),
                              namesOf(region.cut), macs,
                              extraMacs(region, bands)});
  }
  llvm::sort(candidates, [](const Candidate &a, const Candidate &b) {
    return std::tuple(a.extraMacs, a.cut, a.bands) <
           std::tuple(b.extraMacs, b.cut, b.bands);
  });
  return candidates;
}

LogicalResult adze::patch::split(func::FuncOp program, int cut, int bands) {
  std::vector<ImageRegion> regions = findRegions(program);
  if (cut < 1 || cut > static_cast<int>(regions.size()))
    return program.emitError("has ")
           << regions.size() << " places where the layers before can be "
           << "computed in bands, and none of number " << cut;
  const ImageRegion &region = regions[cut - 1];
  if (bands < 2 || !isSplittable(region, bands))
    return program.emitError("cannot be computed in ")
           << bands << " bands up to '" << memory::describeValue(region.cut)
           << "', which has " << ::rowsOf(region.cut) << " rows";
  int64_t macs = programMacs(program), extra = extraMacs(region, bands);
  Operation *last = region.cut.getDefiningOp();
  OpBuilder builder(last);
  SmallVector<Value> parts;
  for (int i = 0; i < bands; ++i)
    parts.push_back(
        BandBuilder(region, bandOf(::rowsOf(region.cut), i, bands), builder)
            .build());
  int64_t layers = llvm::count_if(region.ops, [](Operation *op) {
    return isa<nn::ConvOp, nn::PoolOp>(op);
  });
  auto number = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  program->getParentOfType<ModuleOp>()->setAttr(
      "adze.patches", builder.getDictionaryAttr(
                          {number("bands", bands), number("layers", layers),
                           builder.getNamedAttr(
                               "up_to", builder.getStringAttr(
                                            memory::describeValue(region.cut))),
                           number("macs", macs), number("extra_macs", extra)}));
  Value whole = nn::ConcatOp::create(builder, region.cut.getLoc(),
                                     region.cut.getType(), parts, 1);
  Value cutValue = region.cut;
  cutValue.replaceAllUsesWith(whole);
  for (Operation *op : llvm::reverse(region.ops))
    op->erase();
  return success();
}

namespace {
struct SplitIntoPatchesPass final
    : adze::impl::SplitIntoPatchesBase<SplitIntoPatchesPass> {
  using SplitIntoPatchesBase::SplitIntoPatchesBase;

  void runOnOperation() override {
    auto program = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!program || program.isExternal()) {
      getOperation().emitError(
          "split-into-patches needs a program: func.func @main");
      return signalPassFailure();
    }
    if (failed(patch::split(program, static_cast<int>(cut),
                            static_cast<int>(bands))))
      signalPassFailure();
  }
};
} // namespace
