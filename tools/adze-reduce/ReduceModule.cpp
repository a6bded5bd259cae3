//===- ReduceModule.cpp - Smaller MLIR modules with the same fault --------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Rounds, until one leaves the module as it was: a minimal set of operations
/// by delta debugging, where a dropped operation's results become operands of
/// the same type or else zeros; then the same with zeros alone; then results
/// and arguments of functions; then the cleaning passes.
///
/// Upstream's reduction-tree pass (mlir-reduce) is of no use here: it erases
/// operations under their users and clones what is left, which crashes on the
/// null operands in LLVM 22.1. Candidates here always verify.
///
//===----------------------------------------------------------------------===//

#include "tools/adze-reduce/ReduceModule.h"

#include "lib/Support/Files.h"
#include "passes/Passes.h"
#include "runtime/native/TemporaryFolder.h"
#include "tools/adze-reduce/DeltaDebugging.h"

#include "mlir/Parser/Parser.h"

#include <chrono>
#include <numeric>

using namespace mlir;
using namespace adze;
using namespace adze::reduce;

// Rounds nearly always stop by themselves after two or three.
static constexpr int maxRounds = 20;

static int64_t countOps(ModuleOp module) {
  int64_t count = -1; // the module itself
  module.walk([&](Operation *) { ++count; });
  return count;
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

//===----------------------------------------------------------------------===//
// Dropping operations
//===----------------------------------------------------------------------===//

namespace {
/// What a dropped operation's results become.
enum class Substitute { OperandOrZeros, Zeros };
} // namespace

static bool hasZeros(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.hasStaticShape() &&
           tensor.getElementType().isIntOrIndexOrFloat();
  return type.isSignlessIntOrIndexOrFloat();
}

static Value makeZeros(OpBuilder &builder, Location loc, Type type) {
  TypedAttr zero = builder.getZeroAttr(type);
  // arith knows no signed and unsigned integers.
  if (getElementTypeOrSelf(type).isSignlessIntOrIndexOrFloat())
    return arith::ConstantOp::create(builder, loc, zero);
  return adze::ConstantOp::create(builder, loc, zero);
}

/// Erases the operation if it can be: terminators stay, symbols while they are
/// used, and operations whose results nothing can stand for.
static void drop(Operation *op, Substitute substitute, ModuleOp module) {
  if (op->hasTrait<OpTrait::IsTerminator>())
    return;
  if (isa<SymbolOpInterface>(op) &&
      !SymbolTable::symbolKnownUseEmpty(op, module))
    return;
  if (op->hasTrait<OpTrait::ConstantLike>() && !op->use_empty())
    return;
  SmallVector<Value> values;
  for (Value result : op->getResults()) {
    Value value;
    if (substitute == Substitute::OperandOrZeros)
      for (Value operand : op->getOperands())
        if (!value && operand.getType() == result.getType())
          value = operand;
    if (!value && !result.use_empty() && !hasZeros(result.getType()))
      return;
    values.push_back(value);
  }
  OpBuilder builder(op);
  for (auto [result, value] : llvm::zip(op->getResults(), values)) {
    if (result.use_empty())
      continue;
    if (!value)
      value = makeZeros(builder, op->getLoc(), result.getType());
    result.replaceAllUsesWith(value);
  }
  op->erase();
}

/// The module without the operations whose numbers, in the order of a walk,
/// are not in `kept`.
static OwningOpRef<ModuleOp> without(ModuleOp module, ArrayRef<int> kept,
                                     Substitute substitute) {
  OwningOpRef<ModuleOp> copy = module.clone();
  llvm::SmallDenseSet<int> keep(kept.begin(), kept.end());
  SmallVector<Operation *> dropped;
  int number = -1;
  copy->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (number >= 0 && !keep.contains(number))
      dropped.push_back(op);
    ++number;
  });
  // Users before what they use, operations before what they stand in.
  for (Operation *op : llvm::reverse(dropped))
    drop(op, substitute, *copy);
  return copy;
}

//===----------------------------------------------------------------------===//
// Rounds
//===----------------------------------------------------------------------===//

namespace {

class Reducer {
public:
  Reducer(OwningOpRef<ModuleOp> module, Criterion &criterion,
          std::string candidate)
      : module(std::move(module)), criterion(criterion),
        candidate(std::move(candidate)) {}

  bool isInteresting(ModuleOp root);
  void reduce();
  ModuleOp get() { return *module; }

private:
  OwningOpRef<ModuleOp> module;
  Criterion &criterion;
  std::string candidate; // path
  llvm::StringMap<bool> known;

  void dropOperations(Substitute substitute);
  void shrinkFunctions();
  void clean();
  void tryOn(llvm::function_ref<bool(ModuleOp)> change);
  void report(StringRef step);
};

} // namespace

bool Reducer::isInteresting(ModuleOp root) {
  if (failed(verify(root)))
    return false;
  std::string text = textOf(root);
  auto [entry, isNew] = known.try_emplace(text, false);
  if (!isNew)
    return entry->second;
  WholeFile file(candidate);
  file.write(text.data(), text.size());
  entry->second = bool(file.commit()) && criterion.holds(candidate);
  return entry->second;
}

void Reducer::report(StringRef step) {
  llvm::errs() << llvm::formatv("{0,-28} {1,7} {2,7} {3,6}\n", step,
                                countOps(*module), textOf(*module).size(),
                                criterion.tests());
}

void Reducer::dropOperations(Substitute substitute) {
  std::vector<int> all(size_t(countOps(*module)));
  std::iota(all.begin(), all.end(), 0);
  std::vector<int> kept =
      minimalSubset(all, [&](const std::vector<int> &subset) {
        return isInteresting(*without(*module, subset, substitute));
      });
  OwningOpRef<ModuleOp> smaller = without(*module, kept, substitute);
  // Zeros need not be shorter than what they replace.
  if (isInteresting(*smaller) &&
      textOf(*smaller).size() < textOf(*module).size())
    module = std::move(smaller);
}

/// Makes a change to a copy, which stays if it is still interesting. `change`
/// says whether there was anything to change.
void Reducer::tryOn(llvm::function_ref<bool(ModuleOp)> change) {
  OwningOpRef<ModuleOp> copy = module->clone();
  if (change(*copy) && isInteresting(*copy))
    module = std::move(copy);
}

/// Drops a result of a function with a body.
static bool dropResult(func::FuncOp function, unsigned index) {
  for (Block &block : function.getBody())
    if (block.getTerminator()->getNumOperands() == function.getNumResults())
      block.getTerminator()->eraseOperand(index);
  return succeeded(function.eraseResult(index));
}

/// Drops results and unused arguments of functions without callers.
void Reducer::shrinkFunctions() {
  auto at = [](ModuleOp root, size_t number) {
    return *std::next(root.getOps<func::FuncOp>().begin(),
                      std::ptrdiff_t(number));
  };
  auto functions = module->getOps<func::FuncOp>();
  size_t count = size_t(std::distance(functions.begin(), functions.end()));
  for (size_t number = 0; number < count; ++number) {
    func::FuncOp function = at(*module, number);
    if (function.isExternal() ||
        !SymbolTable::symbolKnownUseEmpty(function, *module))
      continue;
    unsigned results = function.getNumResults();
    for (unsigned i = results; i-- > 0;)
      tryOn([&](ModuleOp root) { return dropResult(at(root, number), i); });
    for (unsigned i = function.getNumArguments(); i-- > 0;)
      tryOn([&](ModuleOp root) {
        func::FuncOp changed = at(root, number);
        return changed.getArgument(i).use_empty() &&
               succeeded(changed.eraseArgument(i));
      });
  }
}

void Reducer::clean() {
  using MakePass = std::unique_ptr<Pass> (*)();
  for (MakePass make : {MakePass([] { return createSymbolDCEPass(); }),
                        MakePass([] { return createCSEPass(); }),
                        MakePass([] { return createCanonicalizerPass(); })})
    tryOn([&](ModuleOp root) {
      size_t before = textOf(root).size();
      PassManager passes(root.getContext());
      passes.addPass(make());
      return succeeded(passes.run(root)) && textOf(root).size() < before;
    });
}

void Reducer::reduce() {
  llvm::errs() << llvm::formatv("{0,-28} {1,7} {2,7} {3,6}\n", "step", "ops",
                                "bytes", "tests");
  report("the module");
  std::string before;
  for (int round = 0; round < maxRounds && before != textOf(*module); ++round) {
    before = textOf(*module);
    dropOperations(Substitute::OperandOrZeros);
    report("minimal set of operations");
    dropOperations(Substitute::Zeros);
    report("zeros for results");
    shrinkFunctions();
    report("smaller signatures");
    clean();
    report("cleaned");
  }
}

Status reduce::reduceModule(const ModuleReduction &reduction,
                            Criterion &criterion) {
  auto start = std::chrono::steady_clock::now();
  DialectRegistry registry;
  registry
      .insert<AdzeDialect, kernel::KernelDialect, nn::NnDialect,
              adze::onnx::OnnxDialect, arith::ArithDialect, func::FuncDialect,
              linalg::LinalgDialect, math::MathDialect, memref::MemRefDialect,
              scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
  // No threads: the criterion forks.
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.allowUnregisteredDialects();
  context.loadAllAvailableDialects();
  // Candidates that are no valid module are dropped without a word; of what is
  // said about the input, the first diagnostic counts.
  std::string diagnostic;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &said) {
    if (diagnostic.empty()) {
      llvm::raw_string_ostream stream(diagnostic);
      stream << said.getLocation() << ": " << said.str();
    }
    return success();
  });
  OwningOpRef<ModuleOp> parsed =
      parseSourceFile<ModuleOp>(reduction.input, &context);
  if (!parsed)
    return Status::failure(reduction.input +
                           ": this is no valid module: " + diagnostic +
                           ". adze-reduce reduces modules that parse and "
                           "verify; make it one first.");
  TemporaryFolder folder;
  if (Status status = folder.create(); !status)
    return status;
  int64_t before = countOps(*parsed);
  Reducer reducer(std::move(parsed), criterion, folder.file("candidate.mlir"));
  if (!reducer.isInteresting(reducer.get()))
    return Status::failure(reduction.input +
                           ": the module, as adze-reduce prints it, does not "
                           "show the fault, so there is nothing to reduce: " +
                           criterion.outcome() + ".");
  reducer.reduce();
  std::string text = textOf(reducer.get());
  WholeFile file(reduction.output);
  file.write(text.data(), text.size());
  if (Status status = file.commit(); !status)
    return status;
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  llvm::errs() << llvm::formatv("{0}: {1} of {2} operations, {3} tests in "
                                "{4:f1} s\n",
                                reduction.output, countOps(reducer.get()),
                                before, criterion.tests(), seconds);
  return Status::success();
}
