//===- PublicApi.cpp - The header and the entry function -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/PublicApi.h"
#include "codegen/c/TextKernels.h"
#include "adze/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace adze;
using namespace adze::c;
using namespace mlir;

namespace {
/// An argument of the entry with its place in the IR.
struct Border {
  CArgument argument;
  BlockArgument value;
};

/// The arguments of the entry by role.
struct EntryArguments {
  llvm::SmallVector<Border> borders; // inputs, then outputs
  std::optional<BlockArgument> arena;
  uint64_t arenaBytes = 0;
};
} // namespace

static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

static FailureOr<EntryArguments> readArguments(func::FuncOp entry,
                                               NameScopes &scopes) {
  EntryArguments result;
  llvm::SmallVector<Border> outputs;
  for (BlockArgument value : entry.getArguments()) {
    unsigned i = value.getArgNumber();
    auto text = [&](llvm::StringRef name) {
      auto attribute = entry.getArgAttrOfType<StringAttr>(i, name);
      return attribute ? attribute.getValue() : llvm::StringRef();
    };
    auto type = dyn_cast<MemRefType>(value.getType());
    llvm::StringRef kind = text("adze.kind");
    if (!type || !type.hasStaticShape())
      return entry.emitError() << "argument " << i
                               << " of the entry is no buffer of known shape";
    if (kind == "arena") {
      result.arena = value;
      result.arenaBytes = type.getNumElements();
      continue;
    }
    if (kind != "input" && kind != "output")
      return entry.emitError()
             << "argument " << i
             << " of the entry needs adze.kind = input, output or arena";
    Border border;
    border.value = value;
    CArgument &argument = border.argument;
    argument.name = text("adze.name").str();
    argument.type = text("adze.type").str();
    argument.cType = borderType(argument.type);
    std::string memory = memoryType(type.getElementType());
    if (argument.type.empty()) { // not said: as in memory
      argument.cType = memory;
      argument.type = llvm::StringRef(memory).rtrim("_t").str();
      if (type.getElementType().isF32())
        argument.type = "float32";
      else if (type.getElementType().isF64())
        argument.type = "float64";
    }
    if (argument.cType.empty() || memory.empty())
      return entry.emitError() << "C99 has no type for argument " << i
                               << " ('" << argument.name << "', "
                               << argument.type << ", " << type << ")";
    llvm::ArrayRef<int64_t> shape = type.getShape();
    // Packed elements narrower than a byte: the model's shape.
    if (auto kept = entry.getArgAttrOfType<DenseI64ArrayAttr>(i, "adze.shape"))
      shape = kept.asArrayRef();
    argument.shape.assign(shape.begin(), shape.end());
    argument.elements = type.getNumElements();
    argument.bytes =
        argument.elements *
        std::max(type.getElementType().getIntOrFloatBitWidth() / 8, 1u);
    argument.isOutput = kind == "output";
    (argument.isOutput ? outputs : result.borders).push_back(border);
  }
  result.borders.append(outputs);
  for (Border &border : result.borders)
    border.argument.cName = scopes.declare(
        identifier(border.argument.name.empty()
                       ? (border.argument.isOutput ? "output" : "input")
                       : border.argument.name));
  return result;
}

static std::string statusName(const ModuleContext &context,
                              llvm::StringRef name) {
  return (context.macro + "_" + name).str();
}

/// One line for each input or output, as a table.
static std::string argumentTable(llvm::ArrayRef<CArgument> arguments,
                                 bool isOutput) {
  size_t width = 0;
  for (const CArgument &argument : arguments)
    width = std::max(width, argument.cName.size());
  std::string text;
  for (const CArgument &argument : arguments) {
    if (argument.isOutput != isOutput)
      continue;
    std::string row = " *   " + argument.cName +
                      std::string(width - argument.cName.size() + 2, ' ') +
                      argument.type + " " + shapeText(argument.shape);
    std::string original = commentText(argument.name);
    if (original != argument.cName && !original.empty())
      row += "  (" + original + ")";
    text += row + "\n";
  }
  return text;
}

static void printHeader(const ModuleContext &context, bool hasBinary,
                        llvm::ArrayRef<std::string> parameters,
                        int64_t tensorAlignment, CSource &out) {
  const std::string &name = context.model, &macro = context.macro;
  std::string &text = out.header.text;
  text = "/* " + name +
         ".h: a neural network as one C function. Generated by adze.\n"
         " *\n * Inputs:\n" +
         argumentTable(out.arguments, false) + " * Outputs:\n" +
         argumentTable(out.arguments, true) +
         " * Tensors are dense and row major" +
         (tensorAlignment > 1 ? ", and lie at multiples of " +
                                    std::to_string(tensorAlignment) + " bytes"
                              : std::string()) +
         ".\n */\n";
  text += "#ifndef " + macro + "_H\n#define " + macro +
          "_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
          "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  text += "/* Working memory that the caller lends to " + name +
          "_run: bytes and alignment. Its\n"
          " * content need not survive from one call to the next. */\n";
  text += llvm::formatv("#define {0}_ARENA_SIZE {1}\n#define {0}_ARENA_ALIGN "
                        "{2}\n\n",
                        macro, out.arenaBytes, out.arenaAlign)
              .str();
  text += "/* Elements of the inputs and outputs. */\n";
  for (const CArgument &argument : out.arguments)
    text += "#define " + macro + "_" + upperCase(argument.cName) +
            "_ELEMENTS " + std::to_string(argument.elements) + "\n";
  if (hasBinary)
    text += "\n/* Bytes of " + name +
            "_weights.bin and the alignment at which they are loaded. */\n" +
            llvm::formatv("#define {0}_WEIGHTS_SIZE {1}\n#define "
                          "{0}_WEIGHTS_ALIGN 16\n",
                          macro, out.weightsBinaryBytes)
                .str();
  text += "\nenum " + name + "_status {\n  " + macro + "_OK = 0,\n  " + macro +
          "_NULL_ARGUMENT = 1,\n  " + macro + "_ARENA_TOO_SMALL = 2,\n  " +
          macro + "_ARENA_MISALIGNED = 3" +
          (hasBinary ? ",\n  " + macro + "_WEIGHTS_MISALIGNED = 4"
                     : std::string()) +
          (tensorAlignment > 1 ? ",\n  " + macro + "_TENSOR_MISALIGNED = 5"
                               : std::string()) +
          "\n};\n\n";
  text += "/* " + macro + "_ARENA_SIZE of the compiled library. */\nsize_t " +
          name + "_arena_size(void);\n\n";
  text += "/* One sentence about a status. */\nconst char *" + name +
          "_status_text(int status);\n\n";
  std::string about =
      "Computes the outputs from the inputs and returns a status. Reentrant: "
      "it writes nothing but the outputs and the arena, and allocates no "
      "memory. Inputs, outputs and arena must not overlap.";
  if (hasBinary)
    about += " `weights` are the bytes of " + name +
             "_weights.bin (little endian), in memory or mapped.";
  text += blockComment(about);
  text += signature("int " + name + "_run", parameters, ";");
  text += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

/// The text of every status, for NAME_status_text.
static std::string statusFunction(const ModuleContext &context,
                                  bool hasBinary, int64_t tensorAlignment) {
  std::string text = "const char *" + context.model +
                     "_status_text(int status) {\n  switch (status) {\n";
  auto row = [&](llvm::StringRef name, llvm::StringRef meaning) {
    text += "  case " + statusName(context, name) + ":\n    return \"" +
            meaning.str() + "\";\n";
  };
  row("OK", "success");
  row("NULL_ARGUMENT", "an input, an output or the arena is a null pointer");
  row("ARENA_TOO_SMALL",
      "the arena is smaller than " + context.macro + "_ARENA_SIZE");
  row("ARENA_MISALIGNED", "the arena is not aligned to " + context.macro +
                              "_ARENA_ALIGN bytes");
  if (hasBinary)
    row("WEIGHTS_MISALIGNED", "the weights are not aligned to " +
                                  context.macro + "_WEIGHTS_ALIGN bytes");
  if (tensorAlignment > 1)
    row("TENSOR_MISALIGNED", "an input or output is not aligned to " +
                                 std::to_string(tensorAlignment) + " bytes");
  return text + "  default:\n    return \"unknown status\";\n  }\n}\n\n";
}

namespace {
/// How the entry looks from outside, and what its body calls its arguments.
struct Interface {
  llvm::SmallVector<std::string> parameters; // of NAME_run
  llvm::SmallVector<Expression> names;       // by argument of the entry
  llvm::SmallVector<std::string> pointers;   // that must not be null
  bool usesArena = false;
  bool namesArena = false; // also by buffers without elements
  int64_t tensorAlignment = 1; // of inputs and outputs
};
} // namespace

/// Fills in `out.arguments`, the arena and the header.
static FailureOr<Interface> declareInterface(func::FuncOp entry,
                                             ModuleContext &context,
                                             bool hasBinary, CSource &out) {
  NameScopes scopes = context.names;
  scopes.push();
  for (llvm::StringRef name :
       {"arena", "arena_size", "weights", "memory", "weight_bytes"})
    scopes.declare(name);
  FailureOr<EntryArguments> arguments = readArguments(entry, scopes);
  if (failed(arguments))
    return failure();
  if (entry.getNumResults() != 0)
    return entry.emitError("an entry writes its outputs and returns nothing");
  out.arenaBytes = arguments->arenaBytes;

  Interface interface;
  interface.names.resize(entry.getNumArguments());
  llvm::SmallVector<bool> &writes = context.functions.at(entry).writes;
  for (const Border &border : arguments->borders) {
    const CArgument &argument = border.argument;
    out.arguments.push_back(argument);
    unsigned i = border.value.getArgNumber();
    if (!argument.isOutput && writes[i])
      return entry.emitError() << "the input '" << argument.name
                               << "' is written; inputs are read only";
    writes[i] = argument.isOutput;
    std::string qualifier = argument.isOutput ? "" : "const ";
    interface.parameters.push_back(qualifier + argument.cType + " *" +
                                   argument.cName);
    std::string memory =
        memoryType(cast<MemRefType>(border.value.getType()).getElementType());
    Expression name(argument.cName);
    interface.names[i] = memory == argument.cType
                             ? name
                             : cast(qualifier + memory + " *", name);
    if (argument.elements)
      interface.pointers.push_back(argument.cName);
  }
  if (hasBinary) {
    interface.parameters.push_back("const void *weights");
    interface.pointers.push_back("weights");
  }
  interface.parameters.push_back("void *arena");
  interface.parameters.push_back("size_t arena_size");
  interface.usesArena = arguments->arena && arguments->arenaBytes &&
                        !arguments->arena->use_empty();
  interface.namesArena = arguments->arena && !arguments->arena->use_empty();
  if (interface.usesArena)
    interface.pointers.push_back("arena");
  if (arguments->arena) {
    unsigned i = arguments->arena->getArgNumber();
    // An arena of no bytes may still be the place of empty tensors.
    interface.names[i] = Expression("memory");
    writes[i] = true;
  }
  interface.tensorAlignment =
      textAlignment(entry->getParentOfType<ModuleOp>());
  printHeader(context, hasBinary, interface.parameters,
              interface.tensorAlignment, out);
  return interface;
}

LogicalResult c::emitHeader(func::FuncOp entry, ModuleContext &context,
                            CSource &out) {
  return declareInterface(entry, context, /*hasBinary=*/false, out);
}

LogicalResult c::emitEntry(func::FuncOp entry, ModuleContext &context,
                           bool hasBinary, const CEmitterOptions &options,
                           CSource &out, std::string &source) {
  FailureOr<Interface> interface =
      declareInterface(entry, context, hasBinary, out);
  if (failed(interface))
    return failure();
  NameScopes scopes = context.names;
  scopes.push();
  for (llvm::StringRef name :
       {"arena", "arena_size", "weights", "memory", "weight_bytes"})
    scopes.declare(name);
  for (const CArgument &argument : out.arguments)
    scopes.declare(argument.cName);
  bool usesArena = interface->usesArena;

  source += "size_t " + context.model + "_arena_size(void) {\n  return " +
            context.macro + "_ARENA_SIZE;\n}\n\n";
  source += statusFunction(context, hasBinary, interface->tensorAlignment);
  source += signature("int " + context.model + "_run", interface->parameters, " {");
  auto check = [&](const std::string &condition, llvm::StringRef status) {
    source += brokenLine("if (" + condition + ") {", 1);
    source += "    return " + statusName(context, status) + ";\n  }\n";
  };
  if (!interface->pointers.empty())
    check(llvm::join(llvm::map_range(interface->pointers,
                                     [](const std::string &pointer) {
                                       return pointer + " == NULL";
                                     }),
                     " || "),
          "NULL_ARGUMENT");
  if (usesArena) {
    check("arena_size < " + context.macro + "_ARENA_SIZE", "ARENA_TOO_SMALL");
    check("(uintptr_t)arena % " + context.macro + "_ARENA_ALIGN != 0",
          "ARENA_MISALIGNED");
  } else {
    source += "  (void)arena;\n  (void)arena_size;\n";
  }
  for (const CArgument &argument : out.arguments)
    if (argument.elements == 0)
      source += "  (void)" + argument.cName + ";\n";
  if (hasBinary)
    check("(uintptr_t)weights % " + context.macro + "_WEIGHTS_ALIGN != 0",
          "WEIGHTS_MISALIGNED");
  llvm::SmallVector<std::string> misaligned;
  for (const CArgument &argument : out.arguments)
    if (argument.elements &&
        int64_t(argument.bytes / argument.elements) <
            interface->tensorAlignment)
      misaligned.push_back("(uintptr_t)" + argument.cName + " % " +
                           std::to_string(interface->tensorAlignment) +
                           " != 0");
  if (!misaligned.empty())
    check(llvm::join(misaligned, " || "), "TENSOR_MISALIGNED");
  if (interface->namesArena)
    source += "  unsigned char *const memory = (unsigned char *)arena;\n";
  if (interface->namesArena && !usesArena) // perhaps by views that nobody reads
    source += "  (void)memory;\n";
  if (hasBinary)
    source += "  const unsigned char *const weight_bytes = (const unsigned "
              "char *)weights;\n";
  scopes.push();
  source += "\n";
  if (failed(emitStatements(entry, context, interface->names, scopes, source)))
    return failure();
  source += "  return " + statusName(context, "OK") + ";\n}\n";

  if (!options.uniformEntry)
    return success();
  std::string call = "return " + context.model + "_run(";
  size_t at = 0;
  for (const CArgument &argument : out.arguments)
    call += "(" + std::string(argument.isOutput ? "" : "const ") +
            argument.cType + " *)args[" + std::to_string(at++) + "], ";
  std::string arena = "args[" + std::to_string(at++) + "]";
  if (hasBinary)
    call += "args[" + std::to_string(at) + "], ";
  call += arena + ", " + context.macro + "_ARENA_SIZE);";
  source += "\nint adze_invoke(void **args);\n\nint adze_invoke(void **args) "
            "{\n" +
            brokenLine(call, 1) + "}\n";
  return success();
}

void c::printPrototypes(llvm::ArrayRef<func::FuncOp> functions,
                        ModuleContext &context, CSource &out) {
  std::string &text = out.header.text;
  text = "/* " + context.model + ".h: generated by adze. */\n#ifndef " +
         context.macro + "_H\n#define " + context.macro +
         "_H\n\n#include <stdbool.h>\n#include <stddef.h>\n#include "
         "<stdint.h>\n\n";
  for (func::FuncOp function : functions) {
    if (function.isPrivate())
      continue;
    const FunctionNames &names = context.functions.at(function);
    llvm::SmallVector<std::string> parameters;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto memref = dyn_cast<MemRefType>(type);
      std::string constant = memref && !names.writes[i] ? "const " : "";
      parameters.push_back(
          memref ? constant + memoryType(memref.getElementType()) + " *" +
                       names.parameters[i]
                 : valueType(type) + " " + names.parameters[i]);
    }
    std::string result = function.getNumResults()
                             ? valueType(function.getResultTypes()[0])
                             : "void";
    text += signature(result + " " + names.name, parameters, ";");
  }
  text += "\n#endif\n";
}
