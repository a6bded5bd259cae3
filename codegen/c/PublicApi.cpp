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

static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

FailureOr<EntryArguments> c::readArguments(func::FuncOp entry,
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

llvm::SmallVector<CArena> c::readArenas(ModuleOp module) {
  llvm::SmallVector<CArena> arenas;
  auto list = module->getAttrOfType<ArrayAttr>("adze.arenas");
  if (!list)
    return arenas;
  for (auto entry : list.getAsRange<DictionaryAttr>()) {
    CArena arena;
    arena.name = entry.getAs<StringAttr>("name").str();
    arena.cName = identifier(arena.name);
    if (isReservedWord(arena.cName))
      arena.cName += "_ram";
    arena.begin = entry.getAs<IntegerAttr>("begin").getInt();
    arena.bytes = entry.getAs<IntegerAttr>("bytes").getInt();
    arenas.push_back(arena);
  }
  return arenas;
}

std::string c::arenaPointer(const CArena &arena) {
  return arena.cName + "_memory";
}

std::optional<CArena> c::arenaOfView(memref::ViewOp view) {
  auto argument = dyn_cast<BlockArgument>(view.getSource());
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  auto kind = function ? function.getArgAttrOfType<StringAttr>(
                             argument.getArgNumber(), "adze.kind")
                       : StringAttr();
  if (!kind || kind.getValue() != "arena")
    return std::nullopt;
  llvm::SmallVector<CArena> arenas =
      readArenas(view->getParentOfType<ModuleOp>());
  std::optional<int64_t> at = getConstantIntValue(view.getByteShift());
  for (const CArena &arena : arenas)
    if (at && *at >= arena.begin && *at < arena.begin + arena.bytes)
      return arena;
  if (arenas.empty())
    return std::nullopt;
  return arenas.front(); // an empty buffer at the end: any place serves
}

static std::string statusName(const ModuleContext &context,
                              llvm::StringRef name) {
  return (context.macro + "_" + name).str();
}

std::string c::argumentTable(llvm::ArrayRef<CArgument> arguments,
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

/// Sizes and type of the memories that the caller lends, where they are
/// several.
static std::string arenasType(const ModuleContext &context,
                              const CSource &out) {
  const std::string &name = context.model, &macro = context.macro;
  std::string text = blockComment(
      "Working memories that the caller lends to " + name +
      "_run: bytes of each (0: not needed, the pointer may be null) and their "
      "alignment. Their content need not survive from one call to the next.");
  std::string members, places;
  for (const CArena &arena : out.arenas) {
    text += "#define " + macro + "_ARENA_" + upperCase(arena.cName) + "_SIZE " +
            std::to_string(arena.bytes) + "\n";
    members +=
        "  void *" + arena.cName + ";\n  size_t " + arena.cName + "_size;\n";
    std::string place = "(unsigned char *)(block)";
    if (arena.begin)
      place += " + " + std::to_string(arena.begin);
    places += (places.empty() ? "    {" : ", \\\n     ") + place + ", " +
              macro + "_ARENA_" + upperCase(arena.cName) + "_SIZE";
  }
  text += "#define " + macro + "_ARENA_ALIGN " +
          std::to_string(out.arenaAlign) + "\n\n";
  text += "typedef struct " + name + "_arenas {\n" + members + "} " + name +
          "_arenas;\n\n";
  text += blockComment("For a machine with one memory: all of them in one "
                       "block of " +
                       macro + "_ARENA_SIZE bytes.");
  text += "#define " + macro + "_ARENA_SIZE " + std::to_string(out.arenaBytes) +
          "\n#define " + macro + "_ARENAS_IN(block) \\\n" + places + "}\n\n";
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
  if (out.arenas.empty()) {
    text += "/* Working memory that the caller lends to " + name +
            "_run: bytes and alignment. Its\n"
            " * content need not survive from one call to the next. */\n";
    text += llvm::formatv("#define {0}_ARENA_SIZE {1}\n#define {0}_ARENA_ALIGN "
                          "{2}\n\n",
                          macro, out.arenaBytes, out.arenaAlign)
                .str();
  } else {
    text += arenasType(context, out);
  }
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
  if (!out.arenas.empty())
    about += " The arena is the memories of `arenas`.";
  if (hasBinary)
    about += " `weights` are the bytes of " + name +
             "_weights.bin (little endian), in memory or mapped.";
  text += blockComment(about);
  text += signature("int " + name + "_run", parameters, ";");
  text += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

/// The text of every status, for NAME_status_text.
static std::string statusFunction(const ModuleContext &context, bool hasBinary,
                                  int64_t tensorAlignment, bool isSpread) {
  std::string text = "const char *" + context.model +
                     "_status_text(int status) {\n  switch (status) {\n";
  auto row = [&](llvm::StringRef name, llvm::StringRef meaning) {
    text += "  case " + statusName(context, name) + ":\n    return \"" +
            meaning.str() + "\";\n";
  };
  row("OK", "success");
  row("NULL_ARGUMENT", "an input, an output or the arena is a null pointer");
  if (isSpread)
    row("ARENA_TOO_SMALL", "one of the arenas is smaller than its " +
                               context.macro + "_ARENA_..._SIZE");
  else
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
  llvm::SmallVector<CArena> usedArenas; // of several, those that are named
};
} // namespace

/// The names that the body of NAME_run gives itself.
static void declareLocals(ModuleOp module, NameScopes &scopes) {
  for (llvm::StringRef name :
       {"arena", "arena_size", "weights", "memory", "weight_bytes"})
    scopes.declare(name);
  llvm::SmallVector<CArena> arenas = readArenas(module);
  if (!arenas.empty())
    scopes.declare("arenas");
  for (const CArena &arena : arenas)
    scopes.declare(arenaPointer(arena));
}

/// Of several arenas, those in which something lies that is used.
static llvm::SmallVector<CArena> findUsedArenas(func::FuncOp entry) {
  llvm::SmallVector<CArena> used;
  entry.walk([&](memref::ViewOp view) {
    std::optional<CArena> arena = arenaOfView(view);
    if (arena && !view.getResult().use_empty() &&
        llvm::none_of(used, [&](const CArena &other) {
          return other.name == arena->name;
        }))
      used.push_back(*arena);
  });
  llvm::sort(used, [](const CArena &a, const CArena &b) {
    return std::tie(a.begin, a.name) < std::tie(b.begin, b.name);
  });
  return used;
}

/// Fills in `out.arguments`, the arena and the header.
static FailureOr<Interface> declareInterface(func::FuncOp entry,
                                             ModuleContext &context,
                                             bool hasBinary, CSource &out) {
  NameScopes scopes = context.names;
  scopes.push();
  declareLocals(entry->getParentOfType<ModuleOp>(), scopes);
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
  llvm::SmallVector<CArena> arenas =
      readArenas(entry->getParentOfType<ModuleOp>());
  out.arenas.assign(arenas.begin(), arenas.end());
  if (arenas.empty()) {
    interface.parameters.push_back("void *arena");
    interface.parameters.push_back("size_t arena_size");
  } else {
    interface.parameters.push_back("const " + context.model +
                                   "_arenas *arenas");
    interface.usedArenas = findUsedArenas(entry);
  }
  interface.usesArena = arguments->arena && arguments->arenaBytes &&
                        !arguments->arena->use_empty();
  interface.namesArena = arguments->arena && !arguments->arena->use_empty();
  if (!interface.usedArenas.empty()) {
    interface.pointers.push_back("arenas");
    for (const CArena &arena : interface.usedArenas)
      if (arena.bytes)
        interface.pointers.push_back("arenas->" + arena.cName);
  } else if (interface.usesArena && arenas.empty()) {
    interface.pointers.push_back("arena");
  }
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
  declareLocals(entry->getParentOfType<ModuleOp>(), scopes);
  for (const CArgument &argument : out.arguments)
    scopes.declare(argument.cName);
  bool usesArena = interface->usesArena;

  source += "size_t " + context.model + "_arena_size(void) {\n  return " +
            context.macro + "_ARENA_SIZE;\n}\n\n";
  source += statusFunction(context, hasBinary, interface->tensorAlignment,
                           !out.arenas.empty());
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
  if (!out.arenas.empty()) {
    for (const CArena &arena : interface->usedArenas)
      if (arena.bytes)
        check("arenas->" + arena.cName + "_size < " + context.macro +
                  "_ARENA_" + upperCase(arena.cName) + "_SIZE",
              "ARENA_TOO_SMALL");
    for (const CArena &arena : interface->usedArenas)
      if (arena.bytes)
        check("(uintptr_t)arenas->" + arena.cName + " % " + context.macro +
                  "_ARENA_ALIGN != 0",
              "ARENA_MISALIGNED");
    if (interface->usedArenas.empty())
      source += "  (void)arenas;\n";
  } else if (usesArena) {
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
  for (const CArena &arena : interface->usedArenas)
    source += "  unsigned char *const " + arenaPointer(arena) +
              " = (unsigned char *)arenas->" + arena.cName + ";\n";
  if (interface->namesArena && out.arenas.empty())
    source += "  unsigned char *const memory = (unsigned char *)arena;\n";
  // Perhaps it is named by views that nobody reads.
  if (interface->namesArena && out.arenas.empty() && !usesArena)
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
  std::string call = context.model + "_run(";
  size_t at = 0;
  for (const CArgument &argument : out.arguments)
    call += "(" + std::string(argument.isOutput ? "" : "const ") +
            argument.cType + " *)args[" + std::to_string(at++) + "], ";
  std::string arena = "args[" + std::to_string(at++) + "]";
  if (hasBinary)
    call += "args[" + std::to_string(at) + "], ";
  if (out.arenas.empty()) {
    call = "return " + call + arena + ", " + context.macro + "_ARENA_SIZE);";
  } else {
    std::string block = context.macro + "_ARENAS_IN(" + arena + ")";
    call = "const " + context.model + "_arenas arenas = " + block +
           ";\n  return " + call + "&arenas);";
  }
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
