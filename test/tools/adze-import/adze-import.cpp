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
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
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

/// Bytes of a small constant in the form of the weight store.
static std::vector<char> packed(mlir::DenseElementsAttr value) {
  std::vector<char> bytes;
  uint64_t bits = 0;
  auto append = [&](const llvm::APInt &element) {
    unsigned width = element.getBitWidth() == 1 ? 8 : element.getBitWidth();
    for (unsigned bit = 0; bit < width; ++bit, ++bits) {
      if (bits % 8 == 0)
        bytes.push_back(0);
      if (bit < element.getBitWidth() && element[bit])
        bytes.back() |= char(1 << (bits % 8));
    }
  };
  auto appendFloat = [&](const llvm::APFloat &element) {
    append(element.bitcastToAPInt());
  };
  mlir::Type type = value.getElementType();
  if (mlir::isa<mlir::ComplexType>(type))
    for (auto element : value.getValues<std::complex<llvm::APFloat>>()) {
      appendFloat(element.real());
      appendFloat(element.imag());
    }
  else if (mlir::isa<mlir::FloatType>(type))
    for (const llvm::APFloat &element : value.getValues<llvm::APFloat>())
      appendFloat(element);
  else
    for (const llvm::APInt &element : value.getValues<llvm::APInt>())
      append(element);
  return bytes;
}

/// One line a constant: name, type, SHA-256 of its bytes; strings in full.
static void showConstants(mlir::ModuleOp module) {
  adze::WeightStore &store = adze::WeightStore::get(module.getContext());
  module.walk([&](adze::ConstantOp op) {
    auto name = mlir::dyn_cast<mlir::NameLoc>(op.getLoc());
    llvm::outs() << (name ? name.getName().getValue() : "?") << " "
                 << op.getType() << " ";
    if (auto strings =
            mlir::dyn_cast<mlir::DenseStringElementsAttr>(op.getValue())) {
      llvm::interleave(strings.getRawStringData(), llvm::outs(), ",");
      llvm::outs() << "\n";
      return;
    }
    std::vector<char> own;
    llvm::ArrayRef<char> bytes;
    if (auto weight = mlir::dyn_cast<adze::WeightAttr>(op.getValue()))
      bytes = store.bytes(weight.getName());
    else
      bytes = own = packed(mlir::cast<mlir::DenseElementsAttr>(op.getValue()));
    auto digest = llvm::SHA256::hash(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
    llvm::outs() << llvm::toHex(digest, /*LowerCase=*/true) << "\n";
  });
}

static bool show(const std::string &path, const adze::ReadOptions &options,
                 bool quiet, bool locations, bool constants) {
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
  if (constants) {
    showConstants(*module);
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
  bool quiet = false, locations = false, constants = false;
  adze::ReadOptions options;
  app.add_option("model", paths, "ONNX files")->required();
  app.add_option("--shape", shapes, "NAME=1x3x224x224");
  app.add_flag("--keep-all-values", options.keepAllValues,
               "return every value of the main graph");
  app.add_flag("--quiet", quiet, "print one line a model");
  app.add_flag("--locations", locations, "print locations");
  app.add_flag("--constants", constants, "print a digest of each constant");
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
    good &= show(path, options, quiet, locations, constants);
  return good ? 0 : 1;
}
