//===- adze-translate.cpp - Prints a loops module as C99 -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For tests: parses a module and prints its C files to a folder or, one after
/// the other, to the standard output. Weights of the store that the module
/// names are filled with a fixed pattern, for they are not part of the text.
///
//===----------------------------------------------------------------------===//

#include "adze/Artifact.h"
#include "adze/CEmitter.h"
#include "adze/WeightStore.h"
#include "dialects/adze/adze.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace mlir;
using namespace adze;

/// Element i becomes (i mod 17 - 8) / 8 for floats, i mod 17 - 8 for others.
static std::vector<char> pattern(MemRefType type) {
  Type element = type.getElementType();
  unsigned width = std::max(element.getIntOrFloatBitWidth() / 8, 1u);
  std::vector<char> bytes(size_t(type.getNumElements()) * width);
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    int64_t number = i % 17 - 8;
    char *at = bytes.data() + i * width;
    if (element.isF32()) {
      float value = float(number) / 8;
      std::memcpy(at, &value, sizeof value);
    } else if (element.isF64()) {
      double value = double(number) / 8;
      std::memcpy(at, &value, sizeof value);
    } else {
      std::memcpy(at, &number, width);
    }
  }
  return bytes;
}

/// What the pipeline would say about the model: made up, but always the same.
static ArtifactInfo describe(const CSource &source) {
  ArtifactInfo info;
  info.adzeVersion = "test";
  info.modelFile = "model <1>.onnx";
  info.modelSha256 = std::string(64, '0');
  info.target = "c";
  info.options = {{"opt-level", "2"}};
  info.memory.bound = int64_t(source.arenaBytes) / 2;
  int64_t step = 0;
  for (const CKernel &kernel : source.kernels) {
    info.kernels.push_back({kernel.name, kernel.doc, kernel.schedule, 1000 * (step + 1),
                            4000, 1});
    info.buffers.push_back({kernel.name + ".out",
                            step % 2 * int64_t(source.arenaBytes) / 2,
                            int64_t(source.arenaBytes) / 2, step, step + 1});
    ++step;
  }
  return info;
}

int main(int argc, char **argv) {
  llvm::InitLLVM setup(argc, argv);
  namespace cl = llvm::cl;
  cl::opt<std::string> file(cl::Positional, cl::desc("<module>"),
                            cl::init("-"));
  cl::opt<std::string> folder("o", cl::desc("folder for the files"));
  cl::opt<bool> uniform("uniform-entry", cl::desc("define adze_invoke"));
  cl::opt<unsigned> arrays("max-array-bytes", cl::init(4 << 20),
                           cl::desc("limit of weights in C arrays"));
  cl::opt<unsigned> fileBytes("weights-file-bytes", cl::init(256 << 10),
                              cl::desc("text of one file of weights"));
  cl::opt<std::string> artifact("artifact", cl::desc("write this artifact"));
  cl::opt<bool> force("force", cl::desc("overwrite any folder"));
  cl::ParseCommandLineOptions(argc, argv, "loops module to C99\n");

  DialectRegistry registry;
  registry.insert<AdzeDialect, arith::ArithDialect, func::FuncDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  vector::VectorDialect>();
  MLIRContext context(registry);
  context.allowUnregisteredDialects(); // schedules of kernels
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return 1;
  WeightStore &store = WeightStore::get(&context);
  for (memref::GlobalOp global : module->getOps<memref::GlobalOp>())
    if (auto weight = global->getAttrOfType<WeightAttr>("adze.weight"))
      if (!store.contains(weight.getName()))
        store.addBytes(weight.getName(), pattern(global.getType()));

  CEmitterOptions options;
  options.uniformEntry = uniform;
  options.maxWeightArrayBytes = arrays;
  options.weightsFileBytes = fileBytes;
  CSource source;
  if (failed(emitC(*module, source, options)))
    return 1;
  if (!artifact.empty()) {
    std::vector<WrittenFile> written;
    Status status =
        writeArtifact(describe(source), source, artifact, force, written);
    if (!status) {
      llvm::errs() << "adze-translate: " << status.message << "\n";
      return 1;
    }
    for (const WrittenFile &one : written)
      llvm::outs() << one.name << "\n";
    return 0;
  }
  std::vector<CFile> files = source.weightFiles;
  files.insert(files.begin(), {source.header, source.source});
  if (source.writeWeightsBinary) {
    CFile binary{source.model + "_weights.bin", ""};
    source.writeWeightsBinary([&](const char *data, size_t size) {
      binary.text.append(data, size);
      return true;
    });
    files.push_back(binary);
  }
  if (!folder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(folder)) {
      llvm::errs() << "adze-translate: " << error.message() << "\n";
      return 1;
    }
  for (const CFile &one : files) {
    if (folder.empty()) {
      llvm::outs() << "/* ---- " << one.name << " ---- */\n" << one.text;
      continue;
    }
    std::error_code error;
    llvm::raw_fd_ostream stream(folder + "/" + one.name, error);
    if (error) {
      llvm::errs() << "adze-translate: " << error.message() << "\n";
      return 1;
    }
    stream << one.text;
  }
  return 0;
}
