//===- adze-jit.cpp - Runs a module of the loops level ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The test tool of the host backend: reads a module of the loops level, fills
/// inputs and weights with known values, runs it and prints the outputs; or
/// prints the code at one of the stages.
///
//===----------------------------------------------------------------------===//

#include "adze/Host.h"
#include "adze/WeightStore.h"
#include "dialects/adze/adze.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

#include <chrono>
#include <cmath>

using namespace mlir;
namespace cl = llvm::cl;

namespace {

enum class Action { Run, Dialect, LLVM, Optimized, Assembly, Object };

struct CommandLine {
  cl::opt<std::string> input{cl::Positional, cl::desc("FILE.mlir"),
                             cl::init("-")};
  cl::opt<Action> emit{
      "emit", cl::desc("what to do"), cl::init(Action::Run),
      cl::values(clEnumValN(Action::Run, "run", "compile in process, run"),
                 clEnumValN(Action::Dialect, "dialect", "the LLVM dialect"),
                 clEnumValN(Action::LLVM, "llvm", "LLVM IR"),
                 clEnumValN(Action::Optimized, "opt", "LLVM IR, optimised"),
                 clEnumValN(Action::Assembly, "asm", "assembly"),
                 clEnumValN(Action::Object, "object", "an object file"))};
  cl::opt<std::string> output{"o", cl::desc("file to write"), cl::init("-")};
  cl::opt<unsigned> optLevel{"O", cl::Prefix, cl::desc("-O0 .. -O3"),
                             cl::init(2)};
  cl::opt<std::string> cpu{"cpu", cl::desc("processor")};
  cl::opt<std::string> triple{"triple", cl::desc("target of an object")};
  cl::opt<unsigned> threads{"threads", cl::desc("of the compiler"),
                            cl::init(0)};
  cl::opt<bool> noFusion{"no-fuse",
                         cl::desc("multiply-adds stay two operations")};
  cl::list<std::string> values{
      "value",
      cl::desc("NAME=1,2,3: values of an input or a weight, repeated "
               "as needed; by default a fixed pattern in [-1.5, 1.5]")};
  cl::opt<unsigned> limit{"limit", cl::desc("values to print of each output"),
                          cl::init(64)};
  cl::opt<bool> times{"times", cl::desc("print the time of each phase")};
  cl::opt<unsigned> repeat{"repeat", cl::desc("runs to time"), cl::init(0)};
  cl::opt<double> flops{"flops", cl::desc("operations of one run, for a rate"),
                        cl::init(0)};
};

using Values = std::map<std::string, std::vector<double>>;

/// The value of element `index`: as given, or a pattern that is exact in every
/// number format and has no short period.
double valueOf(const Values &given, const std::string &name, int64_t index,
               bool isFloat) {
  auto found = given.find(name);
  if (found != given.end())
    return found->second[index % found->second.size()];
  int64_t step = (index * 7 + index / 13) % 13 - 6;
  return isFloat ? step / 4.0 : step;
}

void fill(adze::Tensor &tensor, const Values &given) {
  bool isFloat = adze::isFloat(tensor.spec.type);
  for (int64_t index = 0; index < tensor.spec.numElements(); ++index)
    tensor.set(index, valueOf(given, tensor.spec.name, index, isFloat));
}

/// The signed type at the border that a type of the IR is stored as.
adze::ElementType storedType(Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  if (isa<FloatType>(type))
    return bits == 64 ? adze::ElementType::Float64 : adze::ElementType::Float32;
  switch (bits) {
  case 1:
    return adze::ElementType::Bool;
  case 8:
    return adze::ElementType::Int8;
  case 16:
    return adze::ElementType::Int16;
  case 32:
    return adze::ElementType::Int32;
  default:
    return adze::ElementType::Int64;
  }
}

/// Puts a value for each weight of the module into the store.
void fillWeights(ModuleOp module, const Values &given) {
  adze::WeightStore &store = adze::WeightStore::get(module.getContext());
  for (auto global : module.getOps<memref::GlobalOp>()) {
    auto weight = global->getAttrOfType<adze::WeightAttr>("adze.weight");
    if (!weight || store.contains(weight.getName()))
      continue;
    MemRefType type = global.getType();
    adze::Tensor tensor({weight.getName().str(),
                         storedType(type.getElementType()),
                         type.getShape().vec()});
    fill(tensor, given);
    store.addBytes(weight.getName(),
                   std::vector<char>(tensor.data(),
                                     tensor.data() + tensor.spec.byteSize()));
  }
}

bool parseValues(const CommandLine &options, Values &values) {
  for (StringRef text : options.values) {
    auto [name, list] = text.split('=');
    SmallVector<StringRef> parts;
    list.split(parts, ',');
    for (StringRef part : parts) {
      double value;
      if (part == "nan")
        value = NAN;
      else if (part == "inf" || part == "-inf")
        value = part == "inf" ? INFINITY : -INFINITY;
      else if (part.getAsDouble(value)) {
        llvm::errs() << "adze-jit: '" << part << "' is no number\n";
        return false;
      }
      values[name.str()].push_back(value);
    }
  }
  return true;
}

/// Median and best time of running, in milliseconds.
void timeRuns(adze::HostExecutable &executable,
              const std::vector<const adze::Tensor *> &in,
              const CommandLine &options) {
  std::vector<double> times;
  std::vector<adze::Tensor> out;
  for (unsigned run = 0; run < options.repeat; ++run) {
    auto start = std::chrono::steady_clock::now();
    (void)executable.run(in, out);
    std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    times.push_back(elapsed.count());
  }
  llvm::sort(times);
  double median = times[times.size() / 2];
  llvm::outs() << llvm::formatv("median {0:f4} ms, best {1:f4} ms", median,
                                times.front());
  if (options.flops > 0)
    llvm::outs() << llvm::formatv(", {0:f1} GFLOP/s, best {1:f1}",
                                  options.flops / median * 1e-6,
                                  options.flops / times.front() * 1e-6);
  llvm::outs() << "\n";
}

int run(ModuleOp module, const CommandLine &options,
        const adze::HostOptions &hostOptions, const Values &values) {
  auto executable = adze::jitCompile(module, hostOptions);
  if (!executable) {
    llvm::errs() << "adze-jit: " << llvm::toString(executable.takeError())
                 << "\n";
    return 1;
  }
  if (options.times) {
    const adze::HostTimes &times = (*executable)->times();
    llvm::outs() << llvm::formatv("lower {0:f3} s, translate {1:f3} s, "
                                  "generate {2:f3} s, link {3:f3} s\n",
                                  times.lower, times.translate, times.generate,
                                  times.link);
  }
  std::vector<adze::Tensor> tensors;
  for (const adze::TensorSpec &spec : (*executable)->inputs()) {
    tensors.emplace_back(spec);
    fill(tensors.back(), values);
  }
  std::vector<const adze::Tensor *> in;
  for (const adze::Tensor &tensor : tensors)
    in.push_back(&tensor);
  std::vector<adze::Tensor> out;
  if (adze::Status status = (*executable)->run(in, out); !status) {
    llvm::errs() << "adze-jit: " << status.message << "\n";
    return 1;
  }
  for (const adze::Tensor &tensor : out) {
    bool isFloat = adze::isFloat(tensor.spec.type);
    llvm::outs() << tensor.spec.name << " ="
                 << (tensor.spec.numElements() ? "" : " (empty)");
    for (int64_t index = 0;
         index < std::min<int64_t>(options.limit, tensor.spec.numElements());
         ++index)
      llvm::outs() << ' '
                   << llvm::format(isFloat ? "%.9g" : "%.0f",
                                   tensor.get(index));
    llvm::outs() << "\n";
  }
  if (options.repeat)
    timeRuns(**executable, in, options);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  // LLVM's own options, hundreds, are not this tool's.
  cl::ResetCommandLineParser();
  CommandLine options;
  cl::ParseCommandLineOptions(argc, argv, "runs a module of the loops level\n");
  Values values;
  if (!parseValues(options, values))
    return 1;
  DialectRegistry registry;
  registry
      .insert<adze::AdzeDialect, arith::ArithDialect, cf::ControlFlowDialect,
              func::FuncDialect, math::MathDialect, memref::MemRefDialect,
              scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect>();
  MLIRContext context(registry);
  context.loadDialect<adze::AdzeDialect>();
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(options.input, &context);
  if (!module)
    return 1;
  fillWeights(*module, values);
  adze::HostOptions hostOptions;
  hostOptions.optLevel = options.optLevel;
  hostOptions.cpu = options.cpu;
  hostOptions.triple = options.triple;
  hostOptions.threads = options.threads;
  hostOptions.fuseMultiplyAdd = !options.noFusion;
  if (options.emit == Action::Run)
    return run(*module, options, hostOptions, values);

  llvm::SmallString<0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::Error error = llvm::Error::success();
  switch (options.emit) {
  case Action::Object:
    error = adze::writeObject(*module, hostOptions, stream);
    break;
  case Action::Dialect:
    error =
        adze::printCode(*module, hostOptions, adze::HostCode::Dialect, stream);
    break;
  case Action::LLVM:
    error = adze::printCode(*module, hostOptions, adze::HostCode::LLVM, stream);
    break;
  case Action::Optimized:
    error = adze::printCode(*module, hostOptions, adze::HostCode::Optimized,
                            stream);
    break;
  default:
    error =
        adze::printCode(*module, hostOptions, adze::HostCode::Assembly, stream);
  }
  if (error) {
    llvm::errs() << "adze-jit: " << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  std::error_code code_;
  llvm::ToolOutputFile file(options.output, code_, llvm::sys::fs::OF_None);
  if (code_) {
    llvm::errs() << "adze-jit: " << options.output << ": " << code_.message()
                 << "\n";
    return 1;
  }
  file.os() << code;
  file.keep();
  return 0;
}
