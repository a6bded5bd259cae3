//===- FormViews.cpp - Slices and concatenations that need no copy --------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Finds the calls of kernels that copy contiguous memory, and takes them out
/// of the program. A join keeps the memory of all its parts from the first one
/// on, and a view keeps all of what it is a piece of, so the arena can grow;
/// then the copies stay, all of them, or one by one where the calls are few.
///
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/memory/CopyKernels.h"
#include "passes/memory/ProgramBuffers.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace adze;
using namespace adze::memory;

namespace adze {
#define GEN_PASS_DEF_FORMVIEWS
#include "passes/Passes.h.inc"
} // namespace adze

/// So many copies are tried one by one.
static constexpr size_t kMostTrials = 24;

/// The elements before the slice, if its elements lie one after the other.
static std::optional<int64_t> contiguousStart(nn::SliceOp slice) {
  auto in = cast<RankedTensorType>(slice.getInput().getType());
  auto out = cast<RankedTensorType>(slice.getOutput().getType());
  if (llvm::any_of(slice.getSteps(), [](int64_t step) { return step != 1; }))
    return std::nullopt;
  int64_t start = 0, stride = 1;
  bool isCut = false; // a later dimension is not whole
  for (int64_t d = in.getRank() - 1; d >= 0; --d) {
    if (isCut && out.getDimSize(d) != 1)
      return std::nullopt;
    start += slice.getStarts()[d] * stride;
    stride *= in.getDimSize(d);
    isCut |= out.getDimSize(d) != in.getDimSize(d);
  }
  return start;
}

static bool hasWholeBytes(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
}

static bool isReturned(Value value) {
  return llvm::any_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>);
}

namespace {

/// A copy, and what stands in its place; only one of the two is in the program.
struct Copy {
  kernel::CallOp call;
  Operation *view;

  void takeOut() {
    call.getResult(0).replaceAllUsesWith(view->getResult(0));
    call->remove();
  }
  void putBack() {
    view->getBlock()->getOperations().insert(view->getIterator(), call);
    view->getResult(0).replaceAllUsesWith(call.getResult(0));
    view->erase();
  }
};

class CopyRemover {
public:
  CopyRemover(func::FuncOp program, int64_t alignment)
      : program(program), alignment(alignment) {}

  /// Returns whether the program could be planned.
  LogicalResult run();

private:
  /// What can stand in the place of a call, or null.
  Operation *makeView(kernel::CallOp call);
  Operation *makeView(kernel::CallOp call, nn::SliceOp slice);
  Operation *makeJoin(kernel::CallOp call, ArrayRef<Value> parts);
  std::optional<Copy> replace(kernel::CallOp call);
  /// The bytes of a quick plan, -1 where there is none.
  int64_t plannedPeak();

  func::FuncOp program;
  int64_t alignment;
  SymbolTableCollection symbols;
};

} // namespace

int64_t CopyRemover::plannedPeak() {
  FailureOr<ProgramBuffers> buffers = ProgramBuffers::compute(program);
  if (failed(buffers))
    return -1;
  Problem problem;
  problem.overlaps = buffers->overlaps;
  for (const ProgramBuffers::Entry &entry : buffers->entries)
    problem.buffers.push_back({entry.size, alignment, entry.first, entry.last});
  return planOffsets(problem, Effort{0, 0, 0}).peak;
}

Operation *CopyRemover::makeView(kernel::CallOp call, nn::SliceOp slice) {
  Value input = call.getInputs().front();
  std::optional<int64_t> start = contiguousStart(slice);
  if (!start || !hasWholeBytes(input) || slice.getType().getNumElements() == 0)
    return nullptr;
  Value root = placeOf(input).root;
  bool isOurs = root.getDefiningOp() && !root.getDefiningOp<ConstantOp>() &&
                !isReturned(root);
  if (!isOurs && !getElementTypeOrSelf(input.getType()).isInteger(8))
    return nullptr;
  int64_t bytes = *start * slice.getType().getElementTypeBitWidth() / 8;
  if (bytes % (isOurs ? alignment : std::min<int64_t>(alignment, 4)) != 0)
    return nullptr;
  OpBuilder builder(call);
  return kernel::ViewOp::create(builder, call.getLoc(),
                                call.getResult(0).getType(), input, *start);
}

Operation *CopyRemover::makeJoin(kernel::CallOp call, ArrayRef<Value> parts) {
  Value whole = call.getResult(0);
  if (isReturned(whole) && !getElementTypeOrSelf(whole.getType()).isInteger(8))
    return nullptr;
  int64_t at = 0;
  for (Value part : parts) {
    if (!canBePart(part, call) || at % alignment != 0)
      return nullptr;
    at += byteSize(part.getType()).value_or(0);
  }
  OpBuilder builder(call);
  return kernel::JoinOp::create(builder, call.getLoc(), whole.getType(), parts,
                                DenseI64ArrayAttr());
}

Operation *CopyRemover::makeView(kernel::CallOp call) {
  auto kernel = symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
      call, call.getCalleeAttr());
  if (call.getNumResults() != 1)
    return nullptr;
  if (auto slice = findSlice(kernel))
    return makeView(call, slice);
  SmallVector<Value> parts = findParts(call, kernel);
  return parts.empty() ? nullptr : makeJoin(call, parts);
}

std::optional<Copy> CopyRemover::replace(kernel::CallOp call) {
  Operation *view = makeView(call);
  if (!view)
    return std::nullopt;
  Copy copy{call, view};
  copy.takeOut();
  return copy;
}

LogicalResult CopyRemover::run() {
  SmallVector<kernel::CallOp> calls;
  program.walk([&](kernel::CallOp call) { calls.push_back(call); });
  int64_t before = plannedPeak();
  if (before < 0)
    return failure();
  SmallVector<Copy> copies;
  for (kernel::CallOp call : calls)
    if (std::optional<Copy> copy = replace(call))
      copies.push_back(*copy);
  if (copies.empty())
    return success();
  int64_t after = plannedPeak();
  if (after < 0)
    return failure();
  if (after > before) {
    SmallVector<kernel::CallOp> again;
    for (Copy &copy : llvm::reverse(copies)) {
      copy.putBack();
      again.push_back(copy.call);
    }
    copies.clear();
    if (again.size() <= kMostTrials)
      for (kernel::CallOp call : llvm::reverse(again)) {
        std::optional<Copy> copy = replace(call);
        if (!copy)
          continue;
        after = plannedPeak();
        if (after > before) {
          copy->putBack();
          continue;
        }
        before = after;
        copies.push_back(*copy);
      }
  }
  for (Copy &copy : copies)
    copy.call->erase();
  return success();
}

namespace {
struct FormViewsPass final : adze::impl::FormViewsBase<FormViewsPass> {
  using FormViewsBase::FormViewsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto program = module.lookupSymbol<func::FuncOp>("main");
    if (!program || program.isExternal()) {
      module.emitError("form-views needs a program: func.func @main");
      return signalPassFailure();
    }
    if (alignment <= 0 || !llvm::isPowerOf2_64(alignment)) {
      module.emitError("form-views needs a power of two as alignment, not ")
          << alignment;
      return signalPassFailure();
    }
    if (failed(CopyRemover(program, alignment).run()))
      return signalPassFailure();
    eraseUnusedKernels(module);
  }
};
} // namespace
