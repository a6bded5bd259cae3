//===- Functions.cpp - Names, order and heads of functions -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/TextKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace adze;
using namespace adze::c;
using namespace mlir;

static constexpr unsigned maxColumns = 96;

std::string c::blockComment(llvm::StringRef text) {
  return "/* " + wrapped(commentText(text), 76, " * ") + " */\n";
}

/// `#kernel.schedule<"gemm", {rows = 4 : i64}>` as `gemm, rows = 4`. Only the
/// printed form is looked at: what a schedule holds is not our business.
std::string c::scheduleText(func::FuncOp function) {
  Attribute schedule = function->getAttr("adze.schedule");
  if (!schedule)
    return "";
  std::string printed;
  llvm::raw_string_ostream stream(printed);
  schedule.print(stream);
  llvm::StringRef text = printed;
  // Registered: #kernel.schedule<...>; not registered: #kernel<"schedule<...>">.
  if (size_t at = text.find("schedule<"); at != llvm::StringRef::npos)
    text = text.drop_front(at + strlen("schedule<"));
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(" : i64")) {
      i += strlen(" : i64") - 1;
      continue;
    }
    if (!llvm::StringRef("\\\"{}<>").contains(text[i]))
      result += text[i];
  }
  return result;
}

std::string c::signature(llvm::StringRef head,
                         llvm::ArrayRef<std::string> parameters,
                         llvm::StringRef tail) {
  std::string joined = llvm::join(parameters, ", ");
  if (parameters.empty())
    joined = "void";
  std::string oneLine = (head + "(" + joined + ")" + tail).str();
  if (oneLine.size() <= maxColumns)
    return oneLine + "\n";
  return (head + "(\n    " + llvm::join(parameters, ",\n    ") + ")" + tail +
          "\n")
      .str();
}

namespace {
/// Callees before callers, and which arguments are written.
class CallOrder {
public:
  explicit CallOrder(ModuleContext &context) : context(context) {}

  LogicalResult visit(func::FuncOp function) {
    if (done.contains(function))
      return success();
    if (!active.insert(function).second)
      return function.emitError("calls itself: C for microcontrollers has no "
                                "recursion");
    bool failedCall = false;
    function.walk([&](func::CallOp call) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
          call, call.getCalleeAttr());
      if (!callee) {
        call.emitError("calls a function that the module does not have");
        failedCall = true;
      } else if ((!callee.isDeclaration() || isTextKernel(callee)) &&
                 failed(visit(callee))) {
        failedCall = true;
      }
    });
    if (failedCall)
      return failure();
    FunctionNames &names = context.functions[function];
    auto declared = function->getAttrOfType<DenseBoolArrayAttr>("adze.writes");
    if (isTextKernel(function))
      names.writes.assign(declared.asArrayRef().begin(),
                          declared.asArrayRef().end());
    else
      noteWrites(function, declared, names);
    active.erase(function);
    done.insert(function);
    order.push_back(function);
    return success();
  }

  llvm::SmallVector<func::FuncOp> order;

private:
  void noteWrites(func::FuncOp function, DenseBoolArrayAttr declared,
                  FunctionNames &names) {
    for (BlockArgument argument : function.getArguments()) {
      unsigned i = argument.getArgNumber();
      bool says = declared && i < declared.size() && declared[i];
      names.writes.push_back(isa<MemRefType>(argument.getType()) &&
                             (says || isWritten(argument)));
    }
  }

  bool isWritten(Value memref) {
    return llvm::any_of(memref.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (isa<memref::LoadOp, vector::LoadOp>(user))
        return false;
      if (isa<memref::StoreOp, vector::StoreOp>(user))
        return true;
      if (auto copy = dyn_cast<memref::CopyOp>(user))
        return copy.getTarget() == memref;
      if (auto call = dyn_cast<func::CallOp>(user)) {
        auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
            call, call.getCalleeAttr());
        auto it = context.functions.find(callee);
        return it == context.functions.end() ||
               it->second.writes[use.getOperandNumber()];
      }
      if (user->getNumResults() == 1 &&
          isa<MemRefType>(user->getResult(0).getType()))
        return isWritten(user->getResult(0));
      return false;
    });
  }

  ModuleContext &context;
  llvm::DenseSet<Operation *> active;
  llvm::DenseSet<Operation *> done;
};
} // namespace

/// A written byte buffer that is only cut into views.
static bool isScratch(BlockArgument argument) {
  auto type = dyn_cast<MemRefType>(argument.getType());
  return type && type.getElementType().isInteger(8) &&
         !argument.use_empty() &&
         llvm::all_of(argument.getUsers(),
                      [](Operation *user) { return isa<memref::ViewOp>(user); });
}

/// Names parameters by `adze.name`, else by role: in, out, scratch.
static void nameParameters(func::FuncOp function, ModuleContext &context) {
  FunctionNames &names = context.functions[function];
  if (isTextKernel(function)) {
    names.parameters = textParameters(function);
    return;
  }
  NameScopes scopes = context.names;
  scopes.push();
  unsigned inputs = 0, outputs = 0, reads = 0, writes = 0;
  for (BlockArgument argument : function.getArguments())
    if (isa<MemRefType>(argument.getType()) && !isScratch(argument) &&
        !function.getArgAttr(argument.getArgNumber(), "adze.name"))
      ++(names.writes[argument.getArgNumber()] ? writes : reads);
  auto numbered = [](llvm::StringRef role, unsigned &number, unsigned total) {
    return total == 1 ? role.str() : role.str() + std::to_string(number++);
  };
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    bool isMemory = isa<MemRefType>(argument.getType());
    std::string wanted;
    if (auto name = function.getArgAttrOfType<StringAttr>(i, "adze.name"))
      wanted = identifier(name.getValue());
    else if (!isMemory)
      wanted = "value" + std::to_string(i);
    else if (isScratch(argument))
      wanted = "scratch";
    else if (names.writes[i])
      wanted = numbered("out", outputs, writes);
    else
      wanted = numbered("in", inputs, reads);
    names.parameters.push_back(scopes.declare(wanted));
  }
}

FailureOr<llvm::SmallVector<func::FuncOp>>
c::nameFunctions(ModuleOp module, ModuleContext &context) {
  // From the entry down, so that kernels stand in the order of their calls.
  CallOrder order(context);
  for (bool entries : {true, false})
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (function->hasAttr("adze.entry") == entries &&
          !function.isDeclaration() && failed(order.visit(function)))
        return failure();
  // Link names carry the model's, so that two models fit in one program.
  for (func::FuncOp function : order.order) {
    llvm::StringRef symbol = function.getName();
    FunctionNames &names = context.functions[function];
    if (function->hasAttr("adze.entry")) {
      names.name = context.names.declare(context.model + "_run");
    } else if (!function.isPrivate()) {
      names.name = context.names.declare(identifier(symbol));
    } else {
      symbol.consume_front("k_");
      std::string plain = identifier(symbol);
      bool prefixed = llvm::StringRef(plain).starts_with(context.model + "_");
      names.name = context.names.declare(
          prefixed ? plain : context.model + "_" + plain);
    }
  }
  for (func::FuncOp function : order.order)
    nameParameters(function, context);
  return order.order;
}

LogicalResult c::emitFunction(func::FuncOp function, ModuleContext &context,
                              std::string &out) {
  if (isTextKernel(function)) {
    emitTextKernel(function, context, out);
    return success();
  }
  const FunctionNames &names = context.functions.at(function);
  if (function.getNumResults() > 1)
    return function.emitError("C functions have one result at most");
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("has branches between blocks; C is printed from "
                              "structured control flow");
  std::string result = "void";
  if (function.getNumResults() == 1)
    result = valueType(function.getResultTypes()[0]);
  bool restricted = function->hasAttr("adze.restrict");

  llvm::SmallVector<std::string> parameters;
  llvm::SmallVector<Expression> arguments;
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto memref = dyn_cast<MemRefType>(argument.getType());
    std::string type = memref ? memoryType(memref.getElementType())
                              : valueType(argument.getType());
    if (type.empty() || result.empty())
      return function.emitError()
             << "C99 has no type for argument " << i << ", "
             << argument.getType()
             << "; small types are lowered before C is printed";
    context.usesBool |= argument.getType().isInteger(1);
    std::string star = memref ? (restricted ? " *restrict " : " *") : " ";
    if (memref && !names.writes[i])
      type = "const " + type;
    parameters.push_back(type + star + names.parameters[i]);
    arguments.push_back(Expression(names.parameters[i]));
  }
  std::string schedule = scheduleText(function);
  if (auto doc = function->getAttrOfType<StringAttr>("adze.doc"))
    out += blockComment(
        doc.getValue().str() +
        (schedule.empty() ? "" : "; schedule: " + schedule));
  std::string head = result + " " + names.name;
  if (function.isPrivate())
    head = context.macro + "_KERNEL " + head;
  out += signature(head, parameters, " {");
  for (BlockArgument argument : function.getArguments())
    if (argument.use_empty())
      out += "  (void)" + names.parameters[argument.getArgNumber()] + ";\n";
  NameScopes scopes = context.names;
  scopes.push();
  for (const std::string &parameter : names.parameters)
    scopes.declare(parameter);
  scopes.push();
  if (failed(emitStatements(function, context, arguments, scopes, out)))
    return failure();
  out += "}\n\n";
  return success();
}
