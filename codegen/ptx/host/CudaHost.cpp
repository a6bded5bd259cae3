//===- CudaHost.cpp - A GPU's program as a C library ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What surrounds the programs of the chips: the API, the constants in one
/// piece of device memory, the PTX as text. The runtime does the work
/// (runtime/cuda); the C printed here is tables and one call a line.
///
//===----------------------------------------------------------------------===//
#include "adze/Cuda.h"

#include "adze/Names.h"
#include "codegen/c/Names.h"
#include "codegen/c/PublicApi.h"
#include "codegen/c/Weights.h"
#include "codegen/ptx/host/Program.h"
#include "runtime/cuda/CudaText.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace adze;
using namespace adze::cuda;
using namespace mlir;

/// Of buffers on the device: a line of the memory system, and more than tensor
/// maps (16) or vector loads need.
static constexpr uint64_t kAlignment = 256;

/// The type under which C holds a number: small floats are their bits.
static Type storageType(Type type) {
  auto memref = cast<MemRefType>(type);
  Type element = memref.getElementType();
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    element =
        IntegerType::get(type.getContext(), element.getIntOrFloatBitWidth());
  return MemRefType::get(memref.getShape(), element);
}

namespace {

class HostEmitter {
public:
  HostEmitter(const std::vector<CudaProgram> &programs, CSource &out,
              const CEmitterOptions &options)
      : programs(programs), out(out), options(options) {}
  LogicalResult emit();

private:
  LogicalResult collectConstants();
  LogicalResult readBorder();
  void placeTensors();
  std::string parameters(bool onDevice) const;
  std::string nullCheck(bool onDevice) const;
  void printHeader();
  void printKernels();
  void printConstants(const c::Weights &weights);
  void printFunctions();

  const std::vector<CudaProgram> &programs;
  CSource &out;
  const CEmitterOptions &options;
  c::ModuleContext context;
  /// Constants of all programs and an entry that reads them: what naming and
  /// printing of constants needs.
  OwningOpRef<ModuleOp> shell;
  func::FuncOp shellEntry;
  SmallVector<memref::GlobalOp> constants; // in the order of the device
  DeviceMemory memory;
  std::vector<uint64_t> tensorOffsets;
  uint64_t tensorsFrom = 0; // of the session's own inputs and outputs
  bool hasBinary = false, hasConditions = false;
  std::string body;
};

} // namespace

/// Gathers the constants that the entries name.
LogicalResult HostEmitter::collectConstants() {
  ModuleOp first = *programs.front().module;
  MLIRContext *mlir = first.getContext();
  OpBuilder builder(mlir);
  shell = ModuleOp::create(first.getLoc());
  SymbolTable known(*shell);
  for (const CudaProgram &program : programs) {
    func::FuncOp entry = entryOf(*program.module);
    if (!entry)
      return program.module->emitError("has no entry");
    if (!shellEntry) {
      SmallVector<Type> types =
          llvm::map_to_vector(entry.getArgumentTypes(), storageType);
      shellEntry = func::FuncOp::create(entry.getLoc(), "run",
                                        builder.getFunctionType(types, {}));
      shellEntry->setAttr("adze.entry", builder.getUnitAttr());
      if (ArrayAttr attributes = entry.getArgAttrsAttr())
        shellEntry.setArgAttrsAttr(attributes);
      shell->push_back(shellEntry);
      shellEntry.addEntryBlock();
      builder.setInsertionPointToEnd(&shellEntry.getBody().front());
    }
    LogicalResult result = success();
    entry.walk([&](memref::GetGlobalOp get) {
      auto global =
          program.module->lookupSymbol<memref::GlobalOp>(get.getName());
      if (!global)
        return (void)(result = get.emitError("names no constant"));
      auto same = known.lookup<memref::GlobalOp>(global.getSymName());
      if (same) {
        if (same->getAttr("adze.kept") != global.getInitialValueAttr() ||
            same->getAttr("adze.weight") != global->getAttr("adze.weight"))
          result = global.emitError(
              "is not the same constant in the programs of two chips");
        return;
      }
      auto copy = cast<memref::GlobalOp>(global->clone());
      auto type = cast<MemRefType>(storageType(global.getType()));
      if (auto dense = dyn_cast_or_null<DenseElementsAttr>(
              global.getInitialValueAttr())) {
        copy->setAttr("adze.kept", dense);
        if (dense.getElementType() != type.getElementType())
          copy.setInitialValueAttr(dense.bitcast(type.getElementType()));
      } else {
        copy->setAttr("adze.kept", global.getInitialValueAttr());
      }
      copy.setType(type);
      known.insert(copy);
      constants.push_back(copy);
      memref::GetGlobalOp::create(builder, get.getLoc(), type,
                                  global.getSymName());
      memory.constants[global.getSymName()] = memory.constantBytes;
      memory.constantBytes = llvm::alignTo(
          memory.constantBytes + uint64_t(type.getNumElements() *
                                          elementBytes(type.getElementType())),
          kAlignment);
    });
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult HostEmitter::readBorder() {
  c::NameScopes scopes = context.names;
  scopes.push();
  for (StringRef name : {"session", "stream", "weights", "device", "tensors",
                         "c", "memory", "programs", "constants", "made"})
    scopes.declare(name);
  auto arguments = c::readArguments(shellEntry, scopes);
  if (failed(arguments))
    return failure();
  for (const c::Border &border : arguments->borders)
    out.arguments.push_back(border.argument);
  for (const CudaProgram &program : programs)
    for (BlockArgument argument :
         entryOf(*program.module).getBody().getArguments())
      if (tensorNumber(entryOf(*program.module), argument) < 0)
        out.arenaBytes = std::max<uint64_t>(
            out.arenaBytes,
            uint64_t(cast<MemRefType>(argument.getType()).getNumElements()));
  return success();
}

void HostEmitter::placeTensors() {
  tensorsFrom =
      llvm::alignTo(memory.constantBytes + out.arenaBytes, kAlignment);
  uint64_t at = tensorsFrom;
  for (const CArgument &argument : out.arguments) {
    tensorOffsets.push_back(at);
    at = llvm::alignTo(at + argument.bytes, kAlignment);
  }
  out.deviceBytes = at;
}

std::string HostEmitter::parameters(bool onDevice) const {
  std::string list = context.model + "_session *session";
  for (const CArgument &argument : out.arguments)
    list += ", " + std::string(argument.isOutput ? "" : "const ") +
            argument.cType + " *" + argument.cName;
  return list + (onDevice ? ", void *stream" : "");
}

void HostEmitter::printHeader() {
  const std::string &name = context.model, &macro = context.macro;
  std::string chips;
  for (const CudaProgram &program : programs)
    chips += (chips.empty() ? "" : ", ") + program.chip;
  std::string &text = out.header.text;
  text = "/* " + name + ".h: a neural network on NVIDIA's GPUs (" + chips +
         "). Generated by adze.\n *\n * Inputs:\n" +
         c::argumentTable(out.arguments, false) + " * Outputs:\n" +
         c::argumentTable(out.arguments, true) +
         " * Tensors are dense and row major.\n */\n#ifndef " + macro +
         "_H\n#define " + macro +
         "_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
         "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  text += "/* Bytes of device memory that a session takes: weights, working "
          "memory, inputs and\n * outputs. */\n#define " +
          macro + "_DEVICE_SIZE " + std::to_string(out.deviceBytes) + "\n\n";
  text += "/* Elements of the inputs and outputs. */\n";
  for (const CArgument &argument : out.arguments)
    text += "#define " + macro + "_" + c::upperCase(argument.cName) +
            "_ELEMENTS " + std::to_string(argument.elements) + "\n";
  if (hasBinary)
    text += "\n/* Bytes of " + name +
            "_weights.bin and the alignment at which they are loaded. */\n" +
            llvm::formatv("#define {0}_WEIGHTS_SIZE {1}\n#define "
                          "{0}_WEIGHTS_ALIGN 16\n",
                          macro, out.weightsBinaryBytes)
                .str();
  text +=
      llvm::formatv(
          "\nenum {0}_status {{\n  {1}_OK = 0,\n  {1}_NULL_ARGUMENT = 1,\n"
          "  {1}_NO_HOST_MEMORY = 2,\n  {1}_NO_DRIVER = 3,\n"
          "  {1}_NO_DEVICE = 4,\n  {1}_NO_CODE_FOR_DEVICE = 5,\n"
          "  {1}_DRIVER_ERROR = 6\n};\n\n"
          "/* The model on a device: code, weights and working memory. Used "
          "by one thread at a\n * time; several sessions work side by "
          "side. */\ntypedef struct {0}_session {0}_session;\n\n",
          name, macro)
          .str();
  text += c::blockComment(
      "Makes a session on the CUDA device of that number, or on the first one "
      "that the code fits to if it is negative, and copies the weights there. "
      "On failure, too, the session is made if memory allows: " +
      name + "_message tells why, and it is to be destroyed." +
      (hasBinary ? " `weights` are the bytes of " + name +
                       "_weights.bin (little endian); they are not needed "
                       "afterwards."
                 : std::string()));
  text += "int " + name + "_create(" + name + "_session **session, int device" +
          (hasBinary ? ", const void *weights" : "") + ");\n";
  text += "void " + name + "_destroy(" + name + "_session *session);\n\n";
  text +=
      c::blockComment("Computes the outputs from the inputs, in memory of "
                      "the host, and returns a status. Waits until they are "
                      "there.");
  text += c::signature("int " + name + "_run", {parameters(false)}, ";");
  text += "\n";
  text += c::blockComment(
      "The same with memory of the session's device, at multiples of 16 bytes. "
      "The work is put into `stream` (a CUstream or cudaStream_t; NULL is "
      "CUDA's default stream), and only a model with conditions waits for it. "
      "The first call with new addresses takes longer than the next ones.");
  text += c::signature("int " + name + "_run_device", {parameters(true)}, ";");
  text += "\n/* One sentence about a status. */\nconst char *" + name +
          "_status_text(int status);\n\n"
          "/* The session's last failure in detail, with the driver's text; "
          "empty after success. */\nconst char *" +
          name + "_message(const " + name +
          "_session *session);\n\n/* The device and the chip of the code that "
          "runs on it. */\nconst char *" +
          name + "_device_name(const " + name +
          "_session *session);\nconst char *" + name + "_chip(const " + name +
          "_session *session);\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

void HostEmitter::printKernels() {
  CFile file{context.model + "_kernels.c", ""};
  file.text = "/* PTX of the kernels of " + context.model +
              ", which the driver compiles. Generated by adze. */\n"
              "#include <stddef.h>\n";
  for (const CudaProgram &program : programs) {
    std::string name = context.model + "_ptx_" + program.chip;
    file.text += "\nextern const char *const " + name +
                 "[];\nconst char *const " + name + "[] = {\n";
    StringRef rest = program.ptx;
    while (!rest.empty()) {
      auto [text, next] = rest.split('\n');
      rest = next;
      file.text += "  \"";
      for (char ch : text) {
        if (ch == '\\' || ch == '"')
          file.text += '\\';
        file.text += ch == '\t' ? std::string("\\t") : std::string(1, ch);
      }
      file.text += "\\n\",\n";
    }
    file.text += "  NULL\n};\n";
  }
  out.deviceFiles.push_back(std::move(file));
}

void HostEmitter::printConstants(const c::Weights &weights) {
  const std::string &name = context.model;
  body += weights.smallArrays(shellEntry);
  if (constants.empty())
    return;
  body += "enum { CONSTANTS = " + std::to_string(constants.size()) + " };\n\n";
  body += "/* Where the constants lie in the session's memory. */\n"
          "static void find_constants(adze_cuda_constant *constants" +
          std::string(hasBinary ? ", const void *weights" : "") + ") {\n";
  if (hasBinary)
    body += "  const unsigned char *weight_bytes = (const unsigned char "
            "*)weights;\n";
  for (auto [i, constant] : llvm::enumerate(constants)) {
    std::string pointer = context.globals[constant.getSymName()].text;
    MemRefType type = constant.getType();
    int64_t bytes = type.getNumElements() * elementBytes(type.getElementType());
    body += llvm::formatv("  constants[{0}].data = {1};\n"
                          "  constants[{0}].bytes = {2}u;\n"
                          "  constants[{0}].offset = {3}u;\n",
                          i, pointer, bytes,
                          memory.constants.lookup(constant.getSymName()))
                .str();
  }
  body += "}\n\n";
  (void)name;
}

std::string HostEmitter::nullCheck(bool onDevice) const {
  std::string condition = "session == NULL";
  for (const CArgument &argument : out.arguments)
    if (argument.elements)
      condition += " || " + argument.cName + " == NULL";
  std::string text = c::brokenLine("if (" + condition + ") {", 1) +
                     "    return ADZE_CUDA_NULL_ARGUMENT;\n  }\n"
                     "  if (session->cuda.memory == 0) { /* not created */\n"
                     "    return session->cuda.status;\n  }\n";
  (void)onDevice;
  return text;
}

void HostEmitter::printFunctions() {
  const std::string &name = context.model;
  body += "struct " + name + "_session {\n  adze_cuda cuda;\n};\n\n";
  // Creation.
  body += "int " + name + "_create(" + name + "_session **session, int device" +
          (hasBinary ? ", const void *weights" : "") + ") {\n";
  if (!constants.empty())
    body += "  adze_cuda_constant constants[CONSTANTS];\n";
  body += "  " + name + "_session *made;\n  if (session == NULL" +
          (hasBinary ? " || weights == NULL" : "") +
          ") {\n    return ADZE_CUDA_NULL_ARGUMENT;\n  }\n"
          "  made = (" +
          name +
          "_session *)malloc(sizeof *made);\n  *session = made;\n"
          "  if (made == NULL) {\n    return ADZE_CUDA_NO_HOST_MEMORY;\n"
          "  }\n";
  if (!constants.empty())
    body += std::string("  find_constants(constants") +
            (hasBinary ? ", weights" : "") + ");\n";
  body +=
      llvm::formatv("  return adze_cuda_create(&made->cuda, device, "
                    "programs, {0}, {1}u, {2}, {3}, {4});\n}\n\n",
                    programs.size(), out.deviceBytes,
                    constants.empty() ? "NULL" : "constants",
                    constants.empty() ? "0" : "CONSTANTS", out.arguments.size())
          .str();
  body += "void " + name + "_destroy(" + name +
          "_session *session) {\n  if (session != NULL) {\n    "
          "adze_cuda_destroy(&session->cuda);\n    free(session);\n  }\n}\n\n";
  // Running.
  std::string enqueue;
  if (programs.size() == 1)
    enqueue = "enqueue_" + programs[0].chip;
  else
    enqueue = "enqueue[c->program_index]";
  if (programs.size() > 1) {
    body += "static void (*const enqueue[])(adze_cuda *, const adze_cu_pointer "
            "*) = {";
    for (auto [i, program] : llvm::enumerate(programs))
      body += (i ? ", enqueue_" : "enqueue_") + program.chip;
    body += "};\n\n";
  }
  size_t count = std::max<size_t>(1, out.arguments.size());
  std::string start = "  adze_cu_pointer tensors[" + std::to_string(count) +
                      "] = {0};\n  adze_cuda *c;\n";
  auto launch = [&](unsigned which) {
    return hasConditions ? "  " + enqueue + "(c, tensors);\n"
                         : "  adze_cuda_replay(c, " + std::to_string(which) +
                               ", tensors, " + enqueue + ");\n";
  };
  body += c::signature("int " + name + "_run", {parameters(false)}, " {");
  body += start + nullCheck(false) +
          "  c = &session->cuda;\n  if (adze_cuda_begin(c)) {\n    c->stream = "
          "c->streams[0];\n  }\n";
  for (auto [i, argument] : llvm::enumerate(out.arguments)) {
    body += llvm::formatv("  tensors[{0}] = c->memory + {1}u;\n", i,
                          tensorOffsets[i])
                .str();
    if (!argument.isOutput)
      body += llvm::formatv("  adze_cuda_upload(c, tensors[{0}], {1}, {2}u);\n",
                            i, argument.cName, argument.bytes)
                  .str();
  }
  body += launch(0);
  for (auto [i, argument] : llvm::enumerate(out.arguments))
    if (argument.isOutput)
      body +=
          llvm::formatv("  adze_cuda_download(c, {1}, tensors[{0}], {2}u);\n",
                        i, argument.cName, argument.bytes)
              .str();
  body += "  adze_cuda_synchronize(c);\n  return adze_cuda_end(c);\n}\n\n";
  body += c::signature("int " + name + "_run_device", {parameters(true)}, " {");
  body += start + nullCheck(true) +
          "  c = &session->cuda;\n  if (adze_cuda_begin(c)) {\n    c->stream = "
          "stream;\n  }\n";
  for (auto [i, argument] : llvm::enumerate(out.arguments))
    body += llvm::formatv("  tensors[{0}] = (adze_cu_pointer)(uintptr_t){1};\n",
                          i, argument.cName)
                .str();
  body += launch(1) + "  return adze_cuda_end(c);\n}\n\n";
  body += llvm::formatv(
              "const char *{0}_status_text(int status) {{\n"
              "  return adze_cuda_status_text(status);\n}\n\n"
              "const char *{0}_message(const {0}_session *session) {{\n"
              "  return session != NULL ? session->cuda.message : \"\";\n}\n\n"
              "const char *{0}_device_name(const {0}_session *session) {{\n"
              "  return session != NULL ? session->cuda.device_name : "
              "\"\";\n}\n\n"
              "const char *{0}_chip(const {0}_session *session) {{\n"
              "  return session != NULL && session->cuda.program != NULL\n"
              "             ? session->cuda.program->chip\n             : "
              "\"\";\n}\n",
              name)
              .str();
}

LogicalResult HostEmitter::emit() {
  ModuleOp first = *programs.front().module;
  auto model = first->getAttrOfType<StringAttr>("adze.model");
  if (!model)
    return first.emitError("needs the attribute adze.model");
  context.model = cIdentifier(model.getValue());
  context.macro = c::upperCase(context.model);
  out = CSource();
  out.model = context.model;
  out.macro = context.macro;
  out.header.name = context.model + ".h";
  out.source.name = context.model + ".c";
  out.arenaAlign = kAlignment;
  for (StringRef suffix :
       {"_create", "_destroy", "_run", "_run_device", "_status_text",
        "_message", "_device_name", "_chip", "_status", "_session"})
    context.names.declare(context.model + suffix.str());
  for (StringRef name : {"c", "memory", "tensors", "constants", "programs",
                         "enqueue", "session", "made", "weights", "device",
                         "stream", "find_constants", "weight_bytes"})
    context.names.declare(name);

  if (failed(collectConstants()) || failed(readBorder()))
    return failure();
  c::Weights weights(*shell, context, options);
  if (failed(weights.place({shellEntry})))
    return failure();
  weights.print(out);
  hasBinary = weights.hasBinary();
  placeTensors();

  std::string tables, enqueue, rows;
  for (const CudaProgram &program : programs) {
    auto text = printProgram(program, context.model, memory);
    if (failed(text))
      return failure();
    tables += "extern const char *const " + context.model + "_ptx_" +
              program.chip + "[];\n" + text->tables;
    enqueue += text->enqueue;
    rows += text->row;
    hasConditions |= text->hasConditions;
    out.chips.push_back(program.chip);
    if (out.kernels.empty())
      out.kernels = text->kernels;
  }
  printConstants(weights);
  body += tables + "static const adze_cuda_program programs[] = {\n" + rows +
          "};\n\n" + enqueue;
  printFunctions();
  printHeader();
  printKernels();
  out.deviceFiles.push_back(
      {context.model + "_cuda.h",
       std::string(cudaDriverText()) + "\n" + std::string(cudaSessionText())});
  out.source.text =
      "/* " + context.model + ".c: generated by adze; see " + context.model +
      ".h. */\n#include \"" + context.model + ".h\"\n\n#include \"" +
      context.model + "_cuda.h\"\n" +
      (weights.hasFiles() ? "#include \"" + context.model + "_weights.h\"\n"
                          : "") +
      (context.usesMath ? "\n#include <math.h>\n" : "") + "\n" + body;
  return success();
}

LogicalResult adze::emitCudaHost(const std::vector<CudaProgram> &programs,
                                 CSource &out, const CEmitterOptions &options) {
  return HostEmitter(programs, out, options).emit();
}
