//===- Reader.cpp - Reading ONNX files --------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The order in which a file is read. Each step may rely on what the ones
/// before have refused: no ONNX code sees a model before its size, nesting,
/// tensors and names are known to be sane.
///
//===----------------------------------------------------------------------===//

#include "adze/Reader.h"

#include "FixedInputs.h"
#include "GraphBuilder.h"
#include "GraphCheck.h"
#include "InputShapes.h"
#include "TensorData.h"
#include "ValueTypes.h"

#include "dialects/adze/adze.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <future>
#include <new>

using namespace adze;
using namespace adze::reader;

/// Goes through the file in steps, so that a large one is never in memory as a
/// whole.
static std::string sha256(std::shared_ptr<const MappedFile> file) {
  constexpr size_t step = size_t(8) << 20; // a multiple of every page size
  std::string_view bytes = file->bytes();
  llvm::SHA256 hash;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view part = bytes.substr(at, step);
    hash.update(llvm::StringRef(part.data(), part.size()));
    file->forget(at, part.size());
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

/// Bytes of all initialisers: weights, biases, scales, zero points, shapes.
static int64_t weightBytes(mlir::ModuleOp module) {
  int64_t bits = 0;
  module.walk([&](ConstantOp constant) {
    auto type = llvm::cast<mlir::ShapedType>(constant.getType());
    if (type.getElementType().isIntOrFloat())
      bits += type.getNumElements() * type.getElementTypeBitWidth();
  });
  return (bits + 7) / 8;
}

static mlir::OwningOpRef<mlir::ModuleOp> read(const std::string &path,
                                              const ReadOptions &options,
                                              mlir::MLIRContext &context) {
  Model model = loadModel(path);
  fixInputs(model, options.constants);
  resolveTensors(model);
  normaliseGraphs(model);
  checkAgainstSchemas(model);
  inlineLocalFunctions(model);
  std::vector<std::string> assumed =
      fixInputShapes(model, options.shapes, options.assumeOnes);
  // Hashing touches every byte of the file, which nothing else here does; it
  // begins when little can fail any more, because a failure would wait for it.
  std::future<std::string> digest =
      std::async(std::launch::async, sha256, model.file);
  ValueTypes types(model);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      buildModule(model, types, options, context);
  (*module)->setAttr(
      "onnx.weight_bytes",
      mlir::IntegerAttr::get(mlir::IntegerType::get(module->getContext(), 64),
                             weightBytes(*module)));
  (*module)->setAttr("onnx.sha256",
                     mlir::StringAttr::get(&context, digest.get()));
  if (!assumed.empty())
    (*module)->setAttr("onnx.assumed",
                       mlir::Builder(&context).getStrArrayAttr(
                           llvm::SmallVector<llvm::StringRef>(assumed.begin(),
                                                              assumed.end())));
  return module;
}

Status adze::readOnnx(const std::string &path, const ReadOptions &options,
                      mlir::MLIRContext &context,
                      mlir::OwningOpRef<mlir::ModuleOp> &module) {
  Problem problem;
  try {
    module = read(path, options, context);
    return Status::success();
  } catch (const Refusal &refusal) {
    problem = refusal.problem;
  } catch (const std::bad_alloc &) {
    problem.what = "there is not enough memory to read the model";
  } catch (const std::exception &error) {
    // ONNX and protobuf throw what they like; nothing of it may escape.
    problem.what = "the model cannot be read: " + printable(error.what(), 600);
    problem.advice = "export the model again with a current exporter";
  }
  problem.model = path;
  return Status::failure(problem.text());
}
