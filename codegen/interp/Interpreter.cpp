//===- Interpreter.cpp - Running loops without code generation -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/Interpreter.h"
#include "codegen/interp/Translator.h"

#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <limits>

using namespace mlir;
using namespace adze;
using namespace adze::interp;

/// Alignment of the arena and of memory that functions allocate.
static constexpr size_t memoryAlignment = 64;

namespace {

/// Zeroed memory that a failed allocation leaves null.
struct Memory {
  explicit Memory(size_t size)
      : bytes(static_cast<char *>(std::aligned_alloc(
            memoryAlignment, llvm::alignTo(size + 1, memoryAlignment)))) {
    if (bytes)
      memset(bytes, 0, size);
  }
  ~Memory() { std::free(bytes); }
  Memory(const Memory &) = delete;
  char *bytes;
};

} // namespace

static Status describeFault(const Program &program, const Fault &fault) {
  Operation *op = program.sources[fault.pc];
  std::string reason;
  auto number = [](int64_t value) { return std::to_string(value); };
  switch (fault.kind) {
  case FaultKind::OutOfBounds:
    reason = fault.bound <= 0
                 ? "reads or writes beyond the end of its buffer"
                 : "index " + number(fault.value) +
                       " is not within the bound " + number(fault.bound);
    break;
  case FaultKind::ViewOutOfBounds:
    reason = "the view starts at byte " + number(fault.value) +
             ", the last place where it fits is " + number(fault.bound);
    break;
  case FaultKind::DivisionByZero:
    reason = "division of " + number(fault.value) + " by zero";
    break;
  case FaultKind::LoopStep:
    reason =
        "the loop's step is " + number(fault.value) + ", it has to be positive";
    break;
  case FaultKind::StepLimit:
    reason = "the limit of steps is reached";
    break;
  case FaultKind::LaneOutOfBounds:
    reason = "position " + number(fault.value) + " of a vector of " +
             number(fault.bound) + " lanes";
    break;
  case FaultKind::None:
    break;
  }
  return Status::failure("the interpreter stops at " + describe(op) + ": " +
                         reason + ".");
}

/// Reads a scalar argument into its slot.
static void readScalar(Type type, const void *from, Slot &slot) {
  if (type.isF64()) {
    memcpy(&slot.d, from, sizeof(double));
  } else if (type.isF32()) {
    memcpy(&slot.f, from, sizeof(float));
  } else if (std::optional<SmallFloat> format = smallFloat(type)) {
    uint16_t bits = 0;
    memcpy(&bits, from, type.getIntOrFloatBitWidth() > 8 ? 2 : 1);
    slot.f = decodeSmallFloat(*format, bits);
  } else {
    int64_t shift = wrapShift(type);
    uint64_t bits = 0;
    memcpy(&bits, from, llvm::divideCeil(64 - shift, 8));
    slot.i = int64_t(bits << shift) >> shift;
  }
}

static void writeScalar(Type type, const Slot &slot, void *to) {
  if (type.isF64()) {
    memcpy(to, &slot.d, sizeof(double));
  } else if (type.isF32()) {
    memcpy(to, &slot.f, sizeof(float));
  } else if (std::optional<SmallFloat> format = smallFloat(type)) {
    uint16_t bits = encodeSmallFloat(*format, slot.f);
    memcpy(to, &bits, type.getIntOrFloatBitWidth() > 8 ? 2 : 1);
  } else {
    int64_t shift = wrapShift(type);
    uint64_t bits = type.isInteger(1) ? slot.u & 1 : slot.u;
    memcpy(to, &bits, llvm::divideCeil(64 - shift, 8));
  }
}

static Status run(const Program &program, ArrayRef<void *> buffers,
                  const InterpreterOptions &options) {
  const Code &code = program.code;
  func::FuncOp function = program.entry.op;
  size_t numArguments = program.entry.arguments.size();
  size_t numResults = program.entry.results.size();
  if (buffers.size() != numArguments + numResults)
    return Status::failure(
        "the interpreter needs " + std::to_string(numArguments + numResults) +
        " buffers to run @" + function.getName().str() + " and was given " +
        std::to_string(buffers.size()) + ".");
  if (code.memorySize > options.memoryLimit)
    return Status::failure("@" + function.getName().str() + " asks for " +
                           std::to_string(code.memorySize) +
                           " bytes of memory; the interpreter's limit is " +
                           std::to_string(options.memoryLimit) + ".");
  Memory memory(code.memorySize);
  if (!memory.bytes)
    return Status::failure("there is no memory for the " +
                           std::to_string(code.memorySize) + " bytes that @" +
                           function.getName().str() + " asks for.");

  std::vector<Slot> slots = code.slots;
  for (const Allocation &allocation : code.allocations)
    slots[allocation.slot].p = memory.bytes + allocation.offset;
  for (size_t i = 0; i < numArguments; ++i) {
    Type type = function.getArgumentTypes()[i];
    Slot &slot = slots[program.entry.arguments[i]];
    if (isa<MemRefType>(type))
      slot.p = static_cast<char *>(buffers[i]);
    else if (isa<VectorType>(type))
      return Status::failure("the interpreter passes no vectors to @" +
                             function.getName().str() + ".");
    else
      readScalar(type, buffers[i], slot);
  }
  constexpr int64_t noLimit = std::numeric_limits<int64_t>::max();
  int64_t steps = options.stepLimit && options.stepLimit < uint64_t(noLimit)
                      ? int64_t(options.stepLimit)
                      : noLimit;
  Fault fault = execute(code, slots.data(), program.entry.pc, steps);
  if (fault.kind != FaultKind::None)
    return describeFault(program, fault);
  for (size_t i = 0; i < numResults; ++i) {
    Type type = function.getResultTypes()[i];
    if (isa<MemRefType, VectorType>(type))
      return Status::failure("@" + function.getName().str() +
                             " returns what is no scalar.");
    writeScalar(type, slots[program.entry.results[i]],
                buffers[numArguments + i]);
  }
  return Status::success();
}

Status adze::interpret(ModuleOp module, StringRef function,
                       ArrayRef<void *> buffers,
                       const InterpreterOptions &options) {
  Program program;
  if (Status status = Translator(module, program).translate(function); !status)
    return status;
  return run(program, buffers, options);
}

StringRef adze::entryPoint(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("adze.entry"))
      return function.getName();
  return {};
}

namespace {

class Interpreted final : public Executable {
public:
  Interpreted(OwningOpRef<ModuleOp> owned, const InterpreterOptions &options)
      : module(std::move(owned)), options(options) {}

  Status prepare();
  const std::vector<TensorSpec> &inputs() const override { return ins; }
  const std::vector<TensorSpec> &outputs() const override { return outs; }
  Status run(const std::vector<const Tensor *> &in,
             std::vector<Tensor> &out) override;

private:
  OwningOpRef<ModuleOp> module;
  InterpreterOptions options;
  Program program;
  std::vector<TensorSpec> ins, outs;
  uint64_t arenaSize = 0;
};

} // namespace

Status Interpreted::prepare() {
  StringRef name = entryPoint(*module);
  if (name.empty())
    return Status::failure("the module has no entry point: one function needs "
                           "the attribute adze.entry.");
  if (Status status = Translator(*module, program).translate(name); !status)
    return status;
  func::FuncOp entry = program.entry.op;
  if (entry.getNumResults())
    return Status::failure("the entry point @" + name.str() +
                           " returns values; outputs are arguments.");
  enum { input, output, arena } last = input;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto text = [&](StringRef attribute) {
      auto value = entry.getArgAttrOfType<StringAttr>(i, attribute);
      return value ? value.getValue().str() : std::string();
    };
    auto type = dyn_cast<MemRefType>(entry.getArgumentTypes()[i]);
    std::string kind = text("adze.kind");
    auto order = kind == "input" ? input : kind == "output" ? output : arena;
    if (!type || order < last || (order == arena && kind != "arena"))
      return Status::failure(
          "argument " + std::to_string(i) + " of the entry point @" +
          name.str() +
          " is not a buffer of kind input, output or arena, in this order.");
    last = order;
    if (order == arena) {
      arenaSize = *byteSize(type);
      continue;
    }
    TensorSpec spec;
    spec.name = text("adze.name");
    spec.type = elementTypeNamed(text("adze.type"));
    ArrayRef<int64_t> shape = type.getShape();
    // Buffers of packed elements may have become bytes.
    if (auto kept = entry.getArgAttrOfType<DenseI64ArrayAttr>(i, "adze.shape"))
      shape = kept.asArrayRef();
    spec.shape.assign(shape.begin(), shape.end());
    if (uint64_t(spec.byteSize()) != *byteSize(type))
      return Status::failure("the type of argument " + std::to_string(i) +
                             " of the entry point @" + name.str() +
                             " does not have the bytes of its adze.type \"" +
                             text("adze.type") + "\".");
    (order == input ? ins : outs).push_back(std::move(spec));
  }
  return Status::success();
}

Status Interpreted::run(const std::vector<const Tensor *> &in,
                        std::vector<Tensor> &out) {
  if (in.size() != ins.size())
    return Status::failure("the model has " + std::to_string(ins.size()) +
                           " inputs and was given " +
                           std::to_string(in.size()) + ".");
  std::vector<void *> buffers;
  for (size_t i = 0; i < ins.size(); ++i) {
    if (in[i]->spec.type != ins[i].type || in[i]->spec.shape != ins[i].shape)
      return Status::failure("input \"" + ins[i].name +
                             "\" was given with another type or shape.");
    buffers.push_back(const_cast<char *>(in[i]->data()));
  }
  out.clear();
  for (const TensorSpec &spec : outs)
    out.emplace_back(spec);
  for (Tensor &tensor : out)
    buffers.push_back(tensor.data());
  Memory arena(arenaSize);
  if (!arena.bytes)
    return Status::failure("there is no memory for the arena of " +
                           std::to_string(arenaSize) + " bytes.");
  if (program.entry.arguments.size() > buffers.size())
    buffers.push_back(arena.bytes);
  return ::run(program, buffers, options);
}

std::unique_ptr<Executable>
adze::makeInterpreted(OwningOpRef<ModuleOp> module, Status &status,
                      const InterpreterOptions &options) {
  auto made = std::make_unique<Interpreted>(std::move(module), options);
  status = made->prepare();
  if (!status)
    return nullptr;
  return made;
}
