//===- FitMemory.cpp - Kernels within budgets of memory -------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Pipeline/FitMemory.h"

#include "passes/Passes.h"
#include "passes/memory/ProgramBuffers.h"
#include "passes/memory/UnfusedBound.h"
#include "passes/patch/Patches.h"

#include <map>
#include <set>

using namespace mlir;
using namespace adze;

/// Ways to compute in bands that are tried before giving up: each one chooses
/// all kernels anew.
static constexpr int kMostTrials = 12;

/// Limits of scratch that are tried.
static constexpr int kMostLeanTrials = 3;

static int64_t arenaOf(ModuleOp module) {
  auto size = module->getAttrOfType<IntegerAttr>("adze.arena_size");
  return size ? size.getInt() : 0;
}

/// The bytes of the largest scratch buffer at the peak of a plan.
static int64_t scratchAtPeak(ModuleOp planned) {
  int64_t most = 0;
  if (auto plan = planned->getAttrOfType<DictionaryAttr>("adze.memory"))
    for (Attribute entry : plan.getAs<ArrayAttr>("tensors")) {
      auto tensor = cast<DictionaryAttr>(entry);
      if (tensor.getAs<StringAttr>("name").getValue().starts_with("scratch of"))
        most = std::max(most, tensor.getAs<IntegerAttr>("bytes").getInt());
    }
  return most;
}

/// Chooses kernels with so little scratch that the arena fits, where scratch at
/// the peak is all that is too much. Leaves the smallest module in `impl`.
static Status chooseLeanKernels(CompiledModel::Impl &impl,
                                const std::string &passes,
                                const std::string &path, int64_t budget,
                                ModuleOp original) {
  for (int trial = 0; trial < kMostLeanTrials; ++trial) {
    int64_t limit =
        scratchAtPeak(*impl.module) - (arenaOf(*impl.module) - budget);
    if (arenaOf(*impl.module) <= budget || limit < 0)
      break;
    OwningOpRef<ModuleOp> best = std::move(impl.module);
    impl.module = original.clone();
    (*impl.module)
        ->setAttr("adze.scratch_limit",
                  IntegerAttr::get(IntegerType::get(&impl.context, 64), limit));
    if (Status status = impl.runPasses(passes, path); !status)
      return status;
    (*impl.module)->removeAttr("adze.scratch_limit");
    if (arenaOf(*impl.module) >= arenaOf(*best)) {
      impl.module = std::move(best);
      break;
    }
  }
  return Status::success();
}

namespace {

/// The search for bands under which the arena fits.
class BandSearch {
public:
  BandSearch(CompiledModel::Impl &impl, std::string passes, std::string path,
             int64_t budget, OwningOpRef<ModuleOp> original)
      : impl(impl), passes(std::move(passes)), path(std::move(path)),
        budget(budget), original(std::move(original)) {}

  /// Leaves the first module that fits in `impl`, or the smallest.
  Status run();
  bool isFound() const { return arenaOf(*impl.module) <= budget; }
  int trials() const { return tried; }

private:
  Status tryOne(const patch::Candidate &candidate);
  void excludeCuts(ModuleOp planned);

  CompiledModel::Impl &impl;
  std::string passes, path;
  int64_t budget;
  OwningOpRef<ModuleOp> original; // at the nn level
  std::vector<patch::Candidate> candidates;
  std::set<int> excluded; // cuts that leave the peak behind them
  int tried = 0;
};

} // namespace

/// Excludes the cuts before the step at which the arena of a plan is full: the
/// kernels behind a cut stay as they are. A cut is known by the name of its
/// buffer, where only one has that name.
void BandSearch::excludeCuts(ModuleOp planned) {
  auto plan = planned->getAttrOfType<DictionaryAttr>("adze.memory");
  if (!plan)
    return;
  int64_t peak = plan.getAs<IntegerAttr>("peak_step").getInt();
  std::map<std::string, std::vector<int64_t>> lasts; // steps, by name
  for (Attribute entry : plan.getAs<ArrayAttr>("buffers")) {
    auto buffer = cast<DictionaryAttr>(entry);
    lasts[buffer.getAs<StringAttr>("name").str()].push_back(
        buffer.getAs<IntegerAttr>("last").getInt());
  }
  for (const patch::Candidate &candidate : candidates)
    for (const std::string &name : candidate.names)
      if (auto it = lasts.find(name); it != lasts.end())
        if (it->second.size() == 1 && it->second[0] <= peak)
          excluded.insert(candidate.cut);
}

Status BandSearch::tryOne(const patch::Candidate &candidate) {
  OwningOpRef<ModuleOp> best = std::move(impl.module);
  impl.module = original->clone();
  ++tried;
  Status status =
      impl.runPasses("split-into-patches{cut=" + std::to_string(candidate.cut) +
                         " bands=" + std::to_string(candidate.bands) +
                         "},canonicalize,cse," + passes,
                     path);
  if (!status)
    return status;
  excludeCuts(*impl.module);
  if (arenaOf(*impl.module) >= arenaOf(*best))
    impl.module = std::move(best);
  return Status::success();
}

Status BandSearch::run() {
  candidates =
      patch::findCandidates(original->lookupSymbol<func::FuncOp>("main"));
  excludeCuts(*impl.module);
  for (const patch::Candidate &candidate : candidates) {
    if (candidate.leastBytes > budget || tried == kMostTrials ||
        excluded.count(candidate.cut))
      continue;
    if (Status status = tryOne(candidate); !status)
      return status;
    if (isFound())
      break;
  }
  return Status::success();
}

/// Says on the module which memories the arena is spread over.
static Status setRegions(CompiledModel::Impl &impl,
                         const CompileOptions &options,
                         const std::string &path) {
  if (options.memories.empty())
    return Status::success();
  if (impl.target->backend != Backend::c)
    return Status::failure(
        path + ": --memory is for targets that print C; '" +
        impl.target->name.str() +
        "' has one arena: leave it out, or compile for 'c' or a chip (see "
        "'adze targets')");
  if (options.ram > 0)
    return Status::failure(path +
                           ": --ram is for one arena and does not go with "
                           "--memory, which gives the bytes of each memory");
  Builder builder(&impl.context);
  SmallVector<Attribute> regions;
  for (const auto &[name, bytes] : options.memories)
    regions.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("bytes", builder.getI64IntegerAttr(bytes)),
         builder.getNamedAttr("name", builder.getStringAttr(name))}));
  (*impl.module)->setAttr("adze.regions", builder.getArrayAttr(regions));
  return Status::success();
}

Status adze::runKernelStage(CompiledModel::Impl &impl,
                            const CompileOptions &options,
                            const std::string &path) {
  ModuleOp module = *impl.module;
  if (auto program = module.lookupSymbol<func::FuncOp>("main"))
    module->setAttr("adze.unfused_bound",
                    IntegerAttr::get(IntegerType::get(&impl.context, 64),
                                     memory::unfusedBound(program)));
  if (Status status = setRegions(impl, options, path); !status)
    return status;
  std::string passes = passesOf(Stage::kernel, *impl.target, options.optLevel,
                                options.textKernels);
  if (options.ram <= 0)
    return impl.runPasses(passes, path);
  int64_t budget = options.ram - options.stack;
  if (budget <= 0)
    return Status::failure(
        path + ": of " + std::to_string(options.ram) +
        " bytes of RAM nothing is left for the arena: the stack takes " +
        std::to_string(options.stack) + " (see --stack)");
  OwningOpRef<ModuleOp> original = module.clone();
  if (Status status = impl.runPasses(passes, path); !status)
    return status;
  OwningOpRef<ModuleOp> plain = impl.module->clone();
  BandSearch search(impl, passes, path, budget, original->clone());
  if (Status status = search.run(); !status || search.isFound())
    return status;
  // Bands cost a few percent where they help; less scratch may cost more.
  OwningOpRef<ModuleOp> banded = std::move(impl.module);
  impl.module = std::move(plain);
  if (Status status = chooseLeanKernels(impl, passes, path, budget, *original);
      !status || arenaOf(*impl.module) <= budget)
    return status;
  if (arenaOf(*banded) < arenaOf(*impl.module))
    impl.module = std::move(banded);
  // The plan of the smallest says what is wrong with it.
  Status status = impl.runPasses(
      "plan-memory{alignment=" + std::to_string(impl.target->alignment) +
          " ram=" + std::to_string(budget) + "}",
      path);
  status.message +=
      "; of the " + std::to_string(options.ram) +
      " bytes of RAM the stack takes " + std::to_string(options.stack) +
      ", and computing the first "
      "layers in bands " +
      (search.trials() ? "was tried in " + std::to_string(search.trials()) +
                             " ways and is not enough"
                       : std::string("cannot help"));
  return status;
}

Status adze::checkFlash(CompiledModel::Impl &impl,
                        const CompileOptions &options,
                        const std::string &path) {
  if (options.flash <= 0)
    return Status::success();
  int64_t total = 0;
  std::vector<std::pair<int64_t, std::string>> weights;
  for (auto global : impl.module->getOps<memref::GlobalOp>()) {
    MemRefType type = global.getType();
    int64_t bytes = type.getNumElements() *
                    std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
    total += bytes;
    weights.push_back({-bytes, global.getSymName().str()});
  }
  if (total <= options.flash)
    return Status::success();
  std::sort(weights.begin(), weights.end());
  std::string text = path + ": the weights take " + std::to_string(total) +
                     " bytes, " + std::to_string(total - options.flash) +
                     " more than the " + std::to_string(options.flash) +
                     " bytes of flash given, and the code comes on top; the "
                     "largest are";
  for (size_t i = 0; i < std::min<size_t>(weights.size(), 5); ++i)
    text += std::string(i ? ", '" : " '") + weights[i].second + "' of " +
            std::to_string(-weights[i].first) + " bytes";
  return Status::failure(text);
}

void adze::describeMemory(CompiledModel &compiled) {
  ModuleOp module = *compiled.impl->module;
  MemoryFigures &memory = compiled.memory;
  auto numberOf = [](DictionaryAttr dictionary, StringRef key) {
    auto value = dictionary.getAs<IntegerAttr>(key);
    return value ? value.getInt() : 0;
  };
  auto textOf = [](DictionaryAttr dictionary, StringRef key) {
    auto value = dictionary.getAs<StringAttr>(key);
    return value ? value.str() : std::string();
  };
  memory.peakTensors.clear();
  if (auto plan = module->getAttrOfType<DictionaryAttr>("adze.memory")) {
    memory.orderBound = numberOf(plan, "order_bound");
    memory.peakAt = textOf(plan, "peak_at");
    compiled.impl->peakStep = numberOf(plan, "peak_step");
    if (auto tensors = plan.getAs<ArrayAttr>("tensors"))
      for (Attribute entry : tensors)
        if (auto tensor = dyn_cast<DictionaryAttr>(entry))
          memory.peakTensors.push_back(
              {textOf(tensor, "name"), numberOf(tensor, "bytes")});
  }
  if (auto unfused = module->getAttrOfType<IntegerAttr>("adze.unfused_bound"))
    memory.unfusedBound = unfused.getInt();
  memory.patches = {};
  if (auto patches = module->getAttrOfType<DictionaryAttr>("adze.patches"))
    memory.patches = {numberOf(patches, "bands"), numberOf(patches, "layers"),
                      textOf(patches, "up_to"), numberOf(patches, "macs"),
                      numberOf(patches, "extra_macs")};
  memory.ioBytes = 0;
  if (auto program = module.lookupSymbol<func::FuncOp>("main"))
    for (TypeRange types : {TypeRange(program.getArgumentTypes()),
                            TypeRange(program.getResultTypes())})
      for (Type type : types)
        memory.ioBytes += adze::memory::byteSize(type).value_or(0);
}
