//===- adze-import.cpp - Shows a model as the onnx dialect ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// adze-import MODEL... [--shape NAME=1x3x224x224] reads models and prints
/// them. Exit code 0 if all were read, 1 if any was refused; the refusals go to
/// the standard error. `--quiet` prints one line of figures a model instead,
/// which is what the test over all node tests reads.
///
//===----------------------------------------------------------------------===//

#include "adze/Reader.h"
#include "dialects/onnx/onnx.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>
#include <charconv>

/// "1x3x224x224"; an empty text is a scalar.
static bool parseShape(std::string_view text, std::vector<int64_t> &shape) {
  while (!text.empty()) {
    int64_t dim;
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), dim);
    if (error != std::errc())
      return false;
    shape.push_back(dim);
    text.remove_prefix(size_t(end - text.data()));
    if (text.empty())
      return true;
    if (text.front() != 'x' || text.size() == 1)
      return false;
    text.remove_prefix(1);
  }
  return true;
}

static bool show(const std::string &path, const adze::ReadOptions &options,
                 bool quiet, bool locations) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  adze::Status status = adze::readOnnx(path, options, context, module);
  if (!status) {
    llvm::errs() << "error: " << status.message << "\n";
    return false;
  }
  if (mlir::failed(mlir::verify(*module))) {
    llvm::errs() << "error: " << path << ": the module does not verify\n";
    return false;
  }
  if (quiet) {
    int64_t nodes = 0, untyped = 0;
    module->walk([&](adze::onnx::NodeOp node) {
      ++nodes;
      for (mlir::Type type : node.getOutputs().getTypes()) {
        auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
        untyped += !tensor || !tensor.hasStaticShape();
      }
    });
    llvm::outs() << path << " " << nodes << " nodes " << untyped
                 << " values without static type\n";
    return true;
  }
  mlir::OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16);
  flags.elideLargeResourceString(16);
  if (locations)
    flags.enableDebugInfo(true);
  module->print(llvm::outs(), flags);
  return true;
}

int main(int argc, char **argv) {
  CLI::App app("Prints ONNX models in the onnx dialect");
  std::vector<std::string> paths, shapes;
  bool quiet = false, locations = false;
  adze::ReadOptions options;
  app.add_option("model", paths, "ONNX files")->required();
  app.add_option("--shape", shapes, "NAME=1x3x224x224");
  app.add_flag("--keep-all-values", options.keepAllValues,
               "return every value of the main graph");
  app.add_flag("--quiet", quiet, "print one line a model");
  app.add_flag("--locations", locations, "print locations");
  CLI11_PARSE(app, argc, argv);
  for (const std::string &text : shapes) {
    size_t equals = text.rfind('=');
    if (equals == std::string::npos ||
        !parseShape(std::string_view(text).substr(equals + 1),
                    options.shapes[text.substr(0, equals)])) {
      llvm::errs() << "error: --shape wants NAME=1x3x224x224, not '" << text
                   << "'\n";
      return 1;
    }
  }
  bool good = true;
  for (const std::string &path : paths)
    good &= show(path, options, quiet, locations);
  return good ? 0 : 1;
}
