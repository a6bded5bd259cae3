//===- adze-interp.cpp - Runs a loops-level module in the interpreter -----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For tests: parses a module, fills the arguments of a function with numbers,
/// runs it, prints every argument and result. Numbers that are not given are
/// zero. Floats print in the shortest form that reads back to the same value.
/// Without --function, the entry point runs as users of an Executable run it.
///
//===----------------------------------------------------------------------===//
#include "adze/Interpreter.h"
#include "codegen/interp/Translator.h"
#include "dialects/adze/adze.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/InitLLVM.h"

#include <charconv>
#include <chrono>

using namespace mlir;
using namespace adze;

/// The element with this index among packed or whole-byte elements.
static APInt readBits(const char *bytes, uint64_t index, unsigned bits) {
  uint64_t raw = 0;
  if (bits < 8)
    raw = uint8_t(bytes[index * bits / 8]) >> (index * bits % 8);
  else
    memcpy(&raw, bytes + index * (bits / 8), bits / 8);
  return APInt(64, raw).trunc(bits);
}

static void writeBits(char *bytes, uint64_t index, unsigned bits,
                      uint64_t raw) {
  if (bits >= 8)
    memcpy(bytes + index * (bits / 8), &raw, bits / 8);
  else
    bytes[index * bits / 8] |=
        char((raw & ((1u << bits) - 1)) << (index * bits % 8));
}

static bool parseNumber(StringRef text, Type type, char *bytes,
                        uint64_t index) {
  unsigned bits = interp::storageBits(type);
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat value(APFloat::IEEEdouble());
    auto parsed = value.convertFromString(text, APFloat::rmNearestTiesToEven);
    if (!parsed) {
      llvm::consumeError(parsed.takeError());
      return false;
    }
    bool losesInfo;
    value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    writeBits(bytes, index, bits, value.bitcastToAPInt().getZExtValue());
    return true;
  }
  int64_t value;
  uint64_t unsignedValue;
  if (!text.getAsInteger(0, value))
    writeBits(bytes, index, bits, uint64_t(value));
  else if (!text.getAsInteger(0, unsignedValue))
    writeBits(bytes, index, bits, unsignedValue);
  else
    return false;
  return true;
}

template <typename T> static void printShortest(T value) {
  char text[64];
  std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
  llvm::outs() << StringRef(text, end.ptr - text);
}

static void printNumber(Type type, const char *bytes, uint64_t index,
                        bool raw) {
  unsigned bits = interp::storageBits(type);
  APInt value = readBits(bytes, index, bits);
  auto floatType = dyn_cast<FloatType>(type);
  if (raw) {
    llvm::outs() << "0x" << llvm::toString(value, 16, /*Signed=*/false);
  } else if (floatType) {
    APFloat number(floatType.getFloatSemantics(), value);
    if (number.isNaN())
      llvm::outs() << "nan";
    else if (floatType.isF64())
      printShortest(number.convertToDouble());
    else
      printShortest(number.convertToFloat());
  } else {
    llvm::outs() << llvm::toString(value, 10, /*Signed=*/true);
  }
}

/// Numbers, separated by commas, into the elements of a buffer.
static bool fill(StringRef numbers, Type type, uint64_t count, char *bytes) {
  SmallVector<StringRef> parts;
  numbers.split(parts, ',', -1, /*KeepEmpty=*/false);
  if (parts.size() > count)
    return false;
  for (auto [i, part] : llvm::enumerate(parts))
    if (!parseNumber(part.trim(), type, bytes, i))
      return false;
  return true;
}

/// Runs the entry point through the interface of executables: --arg fills the
/// inputs, the outputs are printed.
static int runEntry(OwningOpRef<ModuleOp> module,
                    ArrayRef<std::string> arguments,
                    const InterpreterOptions &options) {
  Status status;
  std::unique_ptr<Executable> executable =
      makeInterpreted(std::move(module), status, options);
  std::vector<Tensor> inputs, outputs;
  std::vector<const Tensor *> pointers;
  if (status) {
    for (const TensorSpec &spec : executable->inputs())
      inputs.emplace_back(spec);
    for (auto [tensor, numbers] : llvm::zip(inputs, arguments)) {
      SmallVector<StringRef> parts;
      StringRef(numbers).split(parts, ',', -1, /*KeepEmpty=*/false);
      for (auto [i, part] : llvm::enumerate(parts)) {
        double value = 0;
        (void)part.getAsDouble(value);
        if (int64_t(i) < tensor.spec.numElements())
          tensor.set(i, value);
      }
    }
    for (const Tensor &tensor : inputs)
      pointers.push_back(&tensor);
    status = executable->run(pointers, outputs);
  }
  if (!status) {
    llvm::errs() << "adze-interp: " << status.message << "\n";
    return 1;
  }
  for (const Tensor &tensor : outputs) {
    llvm::outs() << tensor.spec.name << ": "
                 << elementTypeName(tensor.spec.type);
    for (int64_t dim : tensor.spec.shape)
      llvm::outs() << " x " << dim;
    llvm::outs() << ":";
    for (int64_t i = 0; i < tensor.spec.numElements(); ++i) {
      llvm::outs() << ' ';
      printShortest(tensor.get(i));
    }
    llvm::outs() << "\n";
  }
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM setup(argc, argv);
  namespace cl = llvm::cl;
  cl::opt<std::string> file(cl::Positional, cl::desc("<module>"),
                            cl::init("-"));
  cl::opt<std::string> function(
      "function", cl::desc("what to run; by default the entry point"));
  cl::list<std::string> arguments(
      "arg", cl::desc("numbers of the next argument, separated by commas"));
  cl::list<std::string> weights(
      "weight", cl::desc("NAME:TYPE=NUMBERS, an entry of the weight store"));
  cl::opt<uint64_t> steps("steps", cl::desc("limit of steps"), cl::init(0));
  cl::opt<bool> raw("raw", cl::desc("print numbers as they are stored"));
  cl::opt<bool> quiet("quiet", cl::desc("print no buffers"));
  cl::opt<bool> timing("timing", cl::desc("print the time of the run"));
  cl::ParseCommandLineOptions(argc, argv, "adze loops-level interpreter\n");

  DialectRegistry registry;
  registry.insert<AdzeDialect, arith::ArithDialect, func::FuncDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  ub::UBDialect, vector::VectorDialect>();
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return 1;
  auto complain = [](const Twine &text) {
    llvm::errs() << "adze-interp: " << text << "\n";
    return 1;
  };
  for (StringRef weight : weights) {
    auto [declaration, numbers] = weight.split('=');
    auto [name, typeName] = declaration.split(':');
    Type type = parseType(typeName, &context);
    uint64_t count = numbers.count(',') + 1;
    if (!type || !interp::storageBits(type))
      return complain("--weight takes NAME:TYPE=NUMBERS");
    std::vector<char> bytes((count * interp::storageBits(type) + 7) / 8);
    if (!fill(numbers, type, count, bytes.data()))
      return complain("bad numbers for the weight " + name);
    WeightStore::get(&context).addBytes(name, std::move(bytes));
  }

  InterpreterOptions options;
  options.stepLimit = steps;
  if (function.empty())
    return runEntry(std::move(module), arguments, options);
  auto op = module->lookupSymbol<func::FuncOp>(function);
  if (!op)
    return complain("no function '" + function + "'");
  SmallVector<Type> types(op.getArgumentTypes());
  llvm::append_range(types, op.getResultTypes());
  struct Buffer {
    Type element;
    uint64_t count;
    std::vector<char> bytes;
  };
  std::vector<Buffer> buffers;
  std::vector<void *> pointers;
  for (auto [i, type] : llvm::enumerate(types)) {
    auto memref = dyn_cast<MemRefType>(type);
    Buffer buffer{memref ? memref.getElementType() : type,
                  memref && memref.hasStaticShape()
                      ? uint64_t(memref.getNumElements())
                      : 1,
                  {}};
    if (!interp::storageBits(buffer.element))
      return complain("buffers of this type cannot be made");
    buffer.bytes.resize(
        (buffer.count * interp::storageBits(buffer.element) + 7) / 8 + 1);
    if (i < arguments.size() &&
        !fill(arguments[i], buffer.element, buffer.count, buffer.bytes.data()))
      return complain("bad numbers for argument " + Twine(i));
    buffers.push_back(std::move(buffer));
  }
  for (Buffer &buffer : buffers)
    pointers.push_back(buffer.bytes.data());

  auto start = std::chrono::steady_clock::now();
  Status status = interpret(*module, function, pointers, options);
  auto end = std::chrono::steady_clock::now();
  if (!status)
    return complain(status.message);
  if (timing)
    llvm::outs() << "microseconds: "
                 << std::chrono::duration_cast<std::chrono::microseconds>(end -
                                                                          start)
                        .count()
                 << "\n";
  if (quiet)
    return 0;
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    bool isResult = i >= op.getNumArguments();
    llvm::outs() << (isResult ? "result " : "argument ")
                 << (isResult ? i - op.getNumArguments() : i) << ":";
    for (uint64_t k = 0; k < buffer.count; ++k) {
      llvm::outs() << ' ';
      printNumber(buffer.element, buffer.bytes.data(), k, raw);
    }
    llvm::outs() << "\n";
  }
  return 0;
}
