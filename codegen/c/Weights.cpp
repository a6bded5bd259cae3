//===- Weights.cpp - Constants as C arrays or one binary -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Weights.h"
#include "adze/WeightStore.h"
#include "codegen/c/Literals.h"
#include "dialects/adze/adze.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace adze;
using namespace adze::c;
using namespace mlir;

/// Arrays up to this many elements stand beside their kernel.
static constexpr uint64_t maxSmallElements = 64;
/// Alignment of every array in the binary: that of the widest vector load
/// that compilers emit for portable C.
static constexpr uint64_t binaryAlign = 64;
static constexpr size_t maxColumns = 96;

/// The bytes of a dense attribute as the weight store keeps them.
static std::vector<char> bytesOf(DenseElementsAttr elements) {
  std::vector<char> bytes;
  auto append = [&](const APInt &bits) {
    uint64_t word = bits.getZExtValue();
    unsigned width = std::max(bits.getBitWidth() / 8, 1u);
    for (unsigned i = 0; i < width; ++i)
      bytes.push_back(char(word >> (8 * i)));
  };
  if (isa<FloatType>(elements.getElementType())) {
    for (const APFloat &value : elements.getValues<APFloat>())
      append(value.bitcastToAPInt());
  } else {
    for (const APInt &value : elements.getValues<APInt>())
      append(value);
  }
  return bytes;
}

/// Hands the bytes of a global to `use`; computed bytes are dropped after.
static void withBytes(memref::GlobalOp op,
                      llvm::function_ref<void(llvm::ArrayRef<char>)> use) {
  if (auto weight = op->getAttrOfType<WeightAttr>("adze.weight")) {
    WeightStore &store = WeightStore::get(op.getContext());
    use(store.bytes(weight.getName()));
    store.release(weight.getName());
    return;
  }
  std::vector<char> bytes =
      bytesOf(cast<DenseElementsAttr>(op.getInitialValueAttr()));
  use(bytes);
}

template <typename T, typename Print>
static void appendAll(llvm::ArrayRef<char> bytes, std::string &out,
                      Print print) {
  size_t column = 0;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    std::string text = print(value);
    if (column == 0 || column + text.size() + 2 > maxColumns) {
      out += column ? "\n  " : "  ";
      column = 2;
    } else {
      out += ' ';
      ++column;
    }
    out += text;
    out += ',';
    column += text.size() + 1;
  }
  out += column ? "\n" : "  0\n"; // C has no empty arrays
}

/// `{ ... };` with all elements. Sets `usesMath` for infinities and NaN.
static void appendInitializer(Type element, llvm::ArrayRef<char> bytes,
                              std::string &out, bool &usesMath) {
  out += "{\n";
  auto number = [&](auto value) {
    usesMath |= !std::isfinite(value);
    return literal(value);
  };
  auto integer = [](auto value) {
    return literal(int64_t(value), sizeof(value) * 8);
  };
  if (element.isF32())
    appendAll<float>(bytes, out, number);
  else if (element.isF64())
    appendAll<double>(bytes, out, number);
  else if (element.isInteger(1))
    appendAll<uint8_t>(bytes, out, integer);
  else if (element.isInteger(8))
    appendAll<int8_t>(bytes, out, integer);
  else if (element.isInteger(16))
    appendAll<int16_t>(bytes, out, integer);
  else if (element.isInteger(32))
    appendAll<int32_t>(bytes, out, integer);
  else
    appendAll<int64_t>(bytes, out, integer);
  out += "};\n";
}

Weights::Weights(ModuleOp module, ModuleContext &context,
                 const CEmitterOptions &options)
    : module(module), context(context), options(options) {
  module.walk([&](memref::GetGlobalOp get) {
    if (auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
            get, get.getNameAttr()))
      readers[global].push_back(get);
  });
}

/// Is the global named inside of a kernel, not only handed on by the entry?
bool Weights::isReadByKernel(memref::GlobalOp op) const {
  auto it = readers.find(op);
  return it != readers.end() &&
         llvm::any_of(it->second, [](Operation *get) {
           return !get->getParentOfType<func::FuncOp>()->hasAttr("adze.entry");
         });
}

Operation *
Weights::firstReader(memref::GlobalOp op,
                     llvm::ArrayRef<func::FuncOp> order) const {
  llvm::DenseSet<Operation *> functions;
  auto it = readers.find(op);
  if (it == readers.end())
    return nullptr;
  for (Operation *get : it->second) {
    if (auto parent = get->getParentOfType<func::FuncOp>();
        !parent->hasAttr("adze.entry"))
      functions.insert(parent);
    llvm::SmallVector<Value> pending{get->getResult(0)};
    while (!pending.empty())
      for (Operation *user : pending.pop_back_val().getUsers()) {
        if (auto call = dyn_cast<func::CallOp>(user))
          functions.insert(SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
              call, call.getCalleeAttr()));
        else if (user->getNumResults() == 1 &&
                 isa<MemRefType>(user->getResult(0).getType()))
          pending.push_back(user->getResult(0));
        else
          functions.insert(user->getParentOfType<func::FuncOp>());
      }
  }
  for (func::FuncOp function : order)
    if (functions.contains(function))
      return function;
  return nullptr;
}

LogicalResult Weights::place(llvm::ArrayRef<func::FuncOp> order) {
  llvm::SmallVector<Constant> candidates;
  uint64_t largeBytes = 0;
  for (memref::GlobalOp op : module.getOps<memref::GlobalOp>()) {
    MemRefType type = op.getType();
    Constant constant{op, "", memoryType(type.getElementType())};
    if (constant.type.empty() || !type.hasStaticShape())
      return op.emitError() << "C99 has no array for " << type;
    constant.elements = type.getNumElements();
    unsigned width = std::max(
        type.getElementType().isIndex()
            ? 64u
            : type.getElementTypeBitWidth() / 8,
        1u);
    constant.bytes = constant.elements * width;
    auto weight = op->getAttrOfType<WeightAttr>("adze.weight");
    if (weight) {
      WeightStore &store = WeightStore::get(op.getContext());
      if (!store.contains(weight.getName()) ||
          store.size(weight.getName()) != constant.bytes)
        return op.emitError() << "the weight store has no '"
                              << weight.getName() << "' of "
                              << constant.bytes << " bytes";
    } else if (!isa_and_nonnull<DenseElementsAttr>(
                   op.getInitialValueAttr())) {
      return op.emitError("has no value: neither adze.weight nor dense");
    }
    if (!op.getConstant())
      return op.emitError("is not constant: generated C keeps no state");
    if (!readers.count(op))
      continue;
    std::string wanted =
        identifier(weight ? weight.getName() : op.getSymName());
    bool isSmall = constant.elements <= maxSmallElements;
    // Arrays with external linkage carry the model's name.
    constant.name = context.names.declare(
        isSmall ? wanted : context.model + "_" + wanted);
    context.globals[op.getSymName()] = Expression(constant.name);
    totalBytes += constant.bytes;
    if (!isSmall) {
      largeBytes += constant.bytes;
      candidates.push_back(constant);
      continue;
    }
    std::string text = "static const " + constant.type + " " + constant.name +
                       "[" + std::to_string(std::max<uint64_t>(
                                 constant.elements, 1)) +
                       "] = ";
    withBytes(op, [&](llvm::ArrayRef<char> bytes) {
      appendInitializer(type.getElementType(), bytes, text,
                        context.usesMath);
    });
    small[firstReader(op, order)] += text;
  }
  bool toBinary = largeBytes > options.maxWeightArrayBytes;
  for (Constant &constant : candidates) {
    if (!toBinary || isReadByKernel(constant.op)) {
      large.push_back(constant);
      continue;
    }
    binaryBytes = llvm::alignTo(binaryBytes, binaryAlign);
    constant.offset = binaryBytes;
    binaryBytes += constant.bytes;
    std::string pointer = "(const " + constant.type +
                          " *)(const void *)(weight_bytes + " +
                          std::to_string(constant.offset) + ")";
    context.globals[constant.op.getSymName()] =
        Expression(pointer, Precedence::Unary);
    binary.push_back(constant);
  }
  return success();
}

std::string Weights::smallArrays(func::FuncOp function) const {
  std::string text = small.lookup(function);
  if (function->hasAttr("adze.entry"))
    text += small.lookup(nullptr);
  return text.empty() ? text : text + "\n";
}

std::string Weights::declaration(const Constant &constant) const {
  return "const " + constant.type + " " + constant.name + "[" +
         std::to_string(constant.elements) + "]";
}

void Weights::print(CSource &out) {
  out.weightsBytes = totalBytes;
  std::string section = context.macro + "_WEIGHTS_SECTION";
  if (!large.empty()) {
    std::string guard = context.macro + "_WEIGHTS_H";
    CFile header{context.model + "_weights.h", ""};
    header.text = "/* Constants of " + context.model +
                  ", for its own source files only. */\n#ifndef " + guard +
                  "\n#define " + guard +
                  "\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
                  "/* Where the linker puts the constants, for example\n"
                  " * -D'" + section +
                  "=__attribute__((section(\".flash2\")))'. */\n#ifndef " +
                  section + "\n#define " + section + "\n#endif\n\n";
    for (const Constant &constant : large)
      header.text += "extern " + declaration(constant) + ";\n";
    header.text += "\n#endif\n";
    out.weightFiles.push_back(std::move(header));
  }
  std::string body;
  bool usesMath = false;
  unsigned files = 0;
  auto flush = [&] {
    if (body.empty())
      return;
    std::string number = files ? "_" + std::to_string(files) : "";
    ++files;
    CFile file{context.model + "_weights" + number + ".c", ""};
    file.text = "/* Constants of " + context.model + ". Generated by adze. */\n";
    if (usesMath)
      file.text += "#include <math.h>\n";
    file.text += "#include \"" + context.model + "_weights.h\"\n\n" + body;
    out.weightFiles.push_back(std::move(file));
    body.clear();
    usesMath = false;
  };
  for (Constant &constant : large) {
    std::string text =
        declaration(constant) + " " + section + " = ";
    withBytes(constant.op, [&](llvm::ArrayRef<char> bytes) {
      appendInitializer(constant.op.getType().getElementType(), bytes, text,
                        usesMath);
    });
    if (!body.empty() && body.size() + text.size() > options.weightsFileBytes) {
      bool math = usesMath;
      flush();
      usesMath = math;
    }
    body += (body.empty() ? "" : "\n") + text;
  }
  flush();

  out.weightsBinaryBytes = binaryBytes;
  if (binary.empty())
    return;
  // The globals are named by their weights: the module may go, the context
  // and its store stay.
  struct Part {
    std::string weight;
    std::vector<char> literal;
    uint64_t offset;
  };
  std::vector<Part> parts;
  for (const Constant &constant : binary) {
    Part part{"", {}, constant.offset};
    memref::GlobalOp op = constant.op;
    if (auto weight = op->getAttrOfType<WeightAttr>("adze.weight"))
      part.weight = weight.getName().str();
    else
      part.literal = bytesOf(cast<DenseElementsAttr>(op.getInitialValueAttr()));
    parts.push_back(std::move(part));
  }
  MLIRContext *mlirContext = module.getContext();
  out.writeWeightsBinary =
      [parts = std::move(parts), mlirContext](
          const std::function<bool(const char *, size_t)> &sink) {
        WeightStore &store = WeightStore::get(mlirContext);
        uint64_t at = 0;
        static constexpr char zeros[binaryAlign] = {};
        for (const Part &part : parts) {
          if (!sink(zeros, part.offset - at))
            return false;
          llvm::ArrayRef<char> bytes = part.weight.empty()
                                           ? llvm::ArrayRef<char>(part.literal)
                                           : store.bytes(part.weight);
          at = part.offset + bytes.size();
          bool taken = sink(bytes.data(), bytes.size());
          if (!part.weight.empty())
            store.release(part.weight);
          if (!taken)
            return false;
        }
        return true;
      };
}
