//===- Statements.cpp - Control flow and variables as C --------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/FunctionEmitter.h"
#include "codegen/c/TextKernels.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace adze::c;
using namespace mlir;

/// An expression that grows beyond this many characters gets a name.
static constexpr size_t maxExpressionText = 100;
static constexpr unsigned maxColumns = 96;

std::string adze::c::brokenLine(llvm::StringRef text, unsigned indent) {
  std::string result;
  std::string lead(indent * 2, ' ');
  while (lead.size() + text.size() > maxColumns) {
    size_t room = maxColumns - lead.size();
    size_t space = text.rfind(' ', room);
    if (space == llvm::StringRef::npos || space == 0)
      space = text.find(' ', room);
    if (space == llvm::StringRef::npos)
      break;
    result += lead + text.take_front(space).str() + "\n";
    text = text.drop_front(space + 1);
    lead.assign(indent * 2 + 4, ' ');
  }
  return result + lead + text.str() + "\n";
}

void FunctionEmitter::line(const std::string &text) {
  out += brokenLine(text, indent);
}

void FunctionEmitter::laneLoop(VectorType type, const std::string &statement) {
  line("for (int l = 0; l < " + std::to_string(type.getNumElements()) +
       "; ++l) {");
  ++indent;
  line(statement);
  --indent;
  line("}");
}

void FunctionEmitter::bind(Value value, const std::string &name,
                           bool isMutable) {
  Expression expression(name);
  if (isa<VectorType>(value.getType()))
    expression.text += "[l]";
  if (isMutable)
    expression.mutableNames.push_back(name);
  expressions[value] = expression;
}

void FunctionEmitter::declareVariable(Type type, const std::string &name) {
  if (auto vector = dyn_cast<VectorType>(type))
    line(valueType(vector.getElementType()) + " " + name + "[" +
         std::to_string(vector.getNumElements()) + "];");
  else
    line(valueType(type) + " " + name + ";");
}

void FunctionEmitter::define(Value value, const Expression &expression) {
  Type type = value.getType();
  std::string hint = nameHint(value.getDefiningOp());
  std::string name = hint.size() == 2 && hint[1] == '0'
                         ? scopes.declareNumbered(hint.substr(0, 1))
                         : scopes.declare(hint);
  if (auto vector = dyn_cast<VectorType>(type)) {
    declareVariable(type, name);
    laneLoop(vector, name + "[l] = " + expression.text + ";");
  } else {
    line("const " + valueType(type) + " " + name + " = " + expression.text +
         ";");
  }
  context.usesBool |= getElementTypeOrSelf(type).isInteger(1);
  bind(value, name, /*isMutable=*/false);
}

/// A short name that tells the role of a value.
std::string FunctionEmitter::nameHint(Operation *op) {
  if (isa<memref::LoadOp, vector::LoadOp>(op)) {
    auto it = buffers.find(op->getOperand(0));
    if (it != buffers.end() && it->second.pointer.text.size() == 1)
      return it->second.pointer.text + "0";
    return "v";
  }
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (type.isInteger(1))
    return "test";
  if (type.isIndex())
    return "at";
  if (isa<math::ExpOp>(op))
    return "e";
  return type.isInteger() ? "n" : "t";
}

/// The name of a loop-carried variable, from the operation that makes its next
/// value.
static llvm::StringRef carriedHint(Value next) {
  Operation *op = next.getDefiningOp();
  if (!op)
    return "last";
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return carriedHint(
        loop.getYieldedValues()[cast<OpResult>(next).getResultNumber()]);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return carriedHint(branch.thenYield().getOperand(
        cast<OpResult>(next).getResultNumber()));
  if (isa<arith::AddFOp, arith::AddIOp, math::FmaOp, vector::FMAOp>(op))
    return "sum";
  if (isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp, arith::MaxUIOp>(
          op))
    return "largest";
  if (isa<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp, arith::MinUIOp>(
          op))
    return "smallest";
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return "product";
  return "state";
}

/// Does `text` have a plus or minus (or times, over) outside of parentheses?
static bool hasTopLevel(llvm::StringRef text, llvm::StringRef operators) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '[')
      ++depth;
    else if (text[i] == ')' || text[i] == ']')
      --depth;
    else if (depth == 0 && text[i] == ' ' && i + 2 < text.size() &&
             operators.contains(text[i + 1]) && text[i + 2] == ' ')
      return true;
  }
  return false;
}

/// `(a + b)` without its parentheses.
static std::string unwrapped(llvm::StringRef text) {
  if (!text.starts_with("(") || !text.ends_with(")"))
    return text.str();
  int depth = 0;
  for (char c : text.drop_back()) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth == 0) // closed before the end
      return text.str();
  }
  return text.drop_front().drop_back().str();
}

/// `sum = sum + x` as `sum += x`. Only where the grouping stays the same.
std::string adze::c::assignment(const std::string &name,
                                const Expression &value) {
  llvm::StringRef text = value.text;
  if (value.precedence == Precedence::Additive) {
    llvm::StringRef rest = text;
    if (rest.consume_front(name + " + ") && !hasTopLevel(rest, "+-"))
      return name + " += " + unwrapped(rest) + ";";
    rest = text;
    if (rest.consume_back(" + " + name) && !hasTopLevel(rest, "+-"))
      return name + " += " + unwrapped(rest) + ";";
    rest = text;
    if (rest.consume_front(name + " - ") && !hasTopLevel(rest, "+-"))
      return name + " -= " + unwrapped(rest) + ";";
  }
  if (value.precedence == Precedence::Multiplicative) {
    llvm::StringRef rest = text;
    if (rest.consume_front(name + " * ") && !hasTopLevel(rest, "*/%"))
      return name + " *= " + unwrapped(rest) + ";";
  }
  return name + " = " + text.str() + ";";
}

void FunctionEmitter::assignOne(const Destination &destination,
                                const Expression &value) {
  if (auto vector = dyn_cast<VectorType>(destination.type))
    laneLoop(vector, assignment(destination.name + "[l]", value));
  else
    line(assignment(destination.name, value));
}

/// Assigns all at once: a variable is overwritten after its last reader.
void FunctionEmitter::assign(llvm::ArrayRef<Destination> destinations,
                             ValueRange values) {
  struct Pending {
    Destination to;
    Expression value;
  };
  llvm::SmallVector<Pending> pending;
  for (auto [destination, value] : llvm::zip(destinations, values)) {
    Expression expression = use(value);
    bool same = expression.text == destination.name ||
                expression.text == destination.name + "[l]";
    if (!same)
      pending.push_back({destination, expression});
  }
  while (!pending.empty()) {
    auto *next = llvm::find_if(pending, [&](Pending &candidate) {
      return llvm::none_of(pending, [&](Pending &other) {
        return &other != &candidate &&
               other.value.readsVariable(candidate.to.name);
      });
    });
    if (next == pending.end()) { // a cycle: keep one next value aside
      Pending &first = pending.front();
      std::string name = scopes.declare("next");
      if (isa<VectorType>(first.to.type)) {
        declareVariable(first.to.type, name);
        assignOne({name, first.to.type, nullptr}, first.value);
        first.value = Expression(name + "[l]");
      } else {
        line("const " + valueType(first.to.type) + " " + name + " = " +
             first.value.text + ";");
        first.value = Expression(name);
      }
      continue;
    }
    assignOne(next->to, next->value);
    pending.erase(next);
  }
}

/// Does `user` read `variable` before `op`, of the same block, changes it? A
/// conditional changes it after its own reads; a loop takes it as its start.
bool FunctionEmitter::readsBefore(Value variable, Operation *user,
                                  Operation *op) {
  if (plan.isInlined(user))
    return llvm::all_of(user->getUsers(), [&](Operation *next) {
      return readsBefore(user->getResult(0), next, op);
    });
  bool isLoop = isa<scf::ForOp>(op);
  if (user == op)
    return !isLoop || (llvm::count(op->getOperands(), variable) == 1 &&
                       llvm::is_contained(
                           cast<scf::ForOp>(op).getInitArgs(), variable));
  Operation *statement = op->getBlock()->findAncestorOpInBlock(*user);
  return statement == op ? !isLoop
                         : statement && statement->isBeforeInBlock(op);
}

/// Lets loops and conditionals whose result is only what the block yields
/// write the block's destination themselves: nested reductions then share one
/// accumulator. A destination that is also an argument of the surrounding loop
/// may only be read where it is handed on.
void FunctionEmitter::passDestinations(
    Block &block, llvm::ArrayRef<Destination> destinations) {
  Operation *terminator = block.getTerminator();
  for (auto [destination, value] :
       llvm::zip(destinations, terminator->getOperands())) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block || !value.hasOneUse())
      continue;
    if (!isa<scf::ForOp, scf::IfOp>(op))
      continue;
    if (destination.carried) {
      auto loop = dyn_cast<scf::ForOp>(op);
      unsigned number = cast<OpResult>(value).getResultNumber();
      if (loop && loop.getInitArgs()[number] != destination.carried)
        continue;
      // Reads in the other branch of a surrounding conditional do not happen.
      if (!llvm::all_of(destination.carried.getUsers(), [&](Operation *user) {
            return !block.findAncestorOpInBlock(*user) ||
                   readsBefore(destination.carried, user, op);
          }))
        continue;
    }
    passed[value] = destination;
  }
}

LogicalResult
FunctionEmitter::emitBlock(Block &block,
                           llvm::ArrayRef<Destination> destinations) {
  passDestinations(block, destinations);
  for (Operation &op : block.without_terminator())
    if (failed(emitOperation(&op)))
      return failure();
  assign(destinations, block.getTerminator()->getOperands());
  return success();
}

LogicalResult FunctionEmitter::emitFor(scf::ForOp op) {
  llvm::SmallVector<llvm::StringRef> hints;
  for (Value next : op.getYieldedValues())
    hints.push_back(carriedHint(next));

  llvm::SmallVector<Destination> carried;
  for (auto [i, init] : llvm::enumerate(op.getInitArgs())) {
    Value argument = op.getRegionIterArgs()[i], result = op.getResult(i);
    Destination variable{"", init.getType(), argument};
    auto it = passed.find(result);
    if (it != passed.end()) {
      variable.name = it->second.name;
      if (it->second.carried != init)
        assignOne(variable, use(init));
    } else {
      std::string wanted = hints[i].str();
      if (llvm::count(hints, hints[i]) > 1)
        wanted += std::to_string(
            llvm::count(llvm::ArrayRef(hints).take_front(i), hints[i]));
      variable.name = scopes.declare(wanted);
      context.usesBool |= getElementTypeOrSelf(variable.type).isInteger(1);
      if (isa<VectorType>(variable.type)) {
        declareVariable(variable.type, variable.name);
        assignOne(variable, use(init));
      } else {
        line(valueType(variable.type) + " " + variable.name + " = " +
             use(init).text + ";");
      }
    }
    bind(argument, variable.name, /*isMutable=*/true);
    bind(result, variable.name, /*isMutable=*/true);
    carried.push_back(variable);
  }

  // Accumulators are updated where the IR does it, not all at the end.
  for (auto [variable, next] : llvm::zip(carried, op.getYieldedValues()))
    for (Operation *step :
         accumulationChain(variable.carried, next, op.getBody()))
      inPlace[step] = variable.name;

  scopes.push();
  std::string name;
  if (auto wanted = op->getAttrOfType<StringAttr>("adze.iv"))
    name = scopes.declare(identifier(wanted.getValue()));
  else
    name = scopes.declareLoopVariable();
  bind(op.getInductionVar(), name, /*isMutable=*/false);
  bool byOne = matchPattern(op.getStep(), m_One());
  line("for (" + valueType(op.getInductionVar().getType()) + " " + name +
       " = " + use(op.getLowerBound()).text + "; " + name + " < " +
       parenthesized(use(op.getUpperBound()), Precedence::Additive) + "; " +
       (byOne ? "++" + name : name + " += " + use(op.getStep()).text) + ") {");
  ++indent;
  if (failed(emitBlock(*op.getBody(), carried)))
    return failure();
  --indent;
  line("}");
  scopes.pop();
  for (auto [variable, result] : llvm::zip(carried, op.getResults()))
    if (result.use_empty())
      line("(void)" + variable.name + ";");
  return success();
}

/// The block does nothing but yield constants and values known before.
static bool yieldsKnownValues(Block &block) {
  return llvm::all_of(block.without_terminator(), [](Operation &op) {
    return op.hasTrait<OpTrait::ConstantLike>();
  });
}

LogicalResult FunctionEmitter::emitIf(scf::IfOp op) {
  llvm::SmallVector<Destination> variables;
  bool known = op.getNumResults() != 0 && yieldsKnownValues(*op.elseBlock());
  llvm::SmallVector<std::pair<Destination, Value>> declarations;
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    auto it = passed.find(result);
    if (it != passed.end()) {
      variables.push_back(it->second);
      known &= !it->second.carried;
    } else {
      Type type = result.getType();
      std::string name =
          scopes.declare(getElementTypeOrSelf(type).isInteger(1) ? "test"
                         : isa<IndexType>(type)                  ? "at"
                                                                 : "v");
      context.usesBool |= getElementTypeOrSelf(type).isInteger(1);
      variables.push_back({name, type, nullptr});
    }
    bind(result, variables.back().name, /*isMutable=*/true);
  }
  if (known) // constants of the else block have no statement of their own
    for (Operation &constant : op.elseBlock()->without_terminator())
      if (failed(emitOperation(&constant)))
        return failure();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    const Destination &variable = variables[i];
    bool declared = passed.count(result);
    if (!known) {
      if (!declared)
        declareVariable(variable.type, variable.name);
      continue;
    }
    Expression value = use(op.elseYield().getOperand(i));
    if (!declared && !isa<VectorType>(variable.type)) {
      line(valueType(variable.type) + " " + variable.name + " = " +
           value.text + ";");
      continue;
    }
    if (!declared)
      declareVariable(variable.type, variable.name);
    assignOne(variable, value);
  }

  line("if (" + use(op.getCondition()).text + ") {");
  ++indent;
  scopes.push();
  if (failed(emitBlock(*op.thenBlock(), variables)))
    return failure();
  scopes.pop();
  if (!known && op.elseBlock()) {
    size_t before = out.size();
    --indent;
    line("} else {");
    ++indent;
    size_t start = out.size();
    scopes.push();
    if (failed(emitBlock(*op.elseBlock(), variables)))
      return failure();
    scopes.pop();
    if (out.size() == start) // nothing happens otherwise
      out.resize(before);
  }
  --indent;
  line("}");
  for (auto [variable, result] : llvm::zip(variables, op.getResults()))
    if (result.use_empty())
      line("(void)" + variable.name + ";");
  return success();
}

LogicalResult FunctionEmitter::emitWhile(scf::WhileOp op) {
  llvm::SmallVector<Destination> variables, carried;
  for (auto [i, init] : llvm::enumerate(op.getInits())) {
    Type type = init.getType();
    if (isa<VectorType>(type))
      return op.emitError("a vector carried by scf.while has no C form");
    std::string name = scopes.declare("state");
    context.usesBool |= type.isInteger(1);
    line(valueType(type) + " " + name + " = " + use(init).text + ";");
    bind(op.getBeforeArguments()[i], name, /*isMutable=*/true);
    variables.push_back({name, type, op.getBeforeArguments()[i]});
  }
  // What the condition hands on is either a carried variable as it is, or
  // gets a variable of its own.
  llvm::SmallVector<Value> handedOn;
  scf::ConditionOp condition = op.getConditionOp();
  for (auto [i, value] : llvm::enumerate(condition.getArgs())) {
    auto argument = dyn_cast<BlockArgument>(value);
    std::string name;
    if (argument && argument.getOwner() == op.getBeforeBody()) {
      name = variables[argument.getArgNumber()].name;
    } else {
      name = scopes.declare("result");
      context.usesBool |= value.getType().isInteger(1);
      declareVariable(value.getType(), name);
      carried.push_back({name, value.getType(), nullptr});
      handedOn.push_back(value);
    }
    bind(op.getAfterArguments()[i], name, /*isMutable=*/true);
    bind(op.getResult(i), name, /*isMutable=*/true);
  }

  bool simple = handedOn.empty() &&
                llvm::all_of(op.getBeforeBody()->without_terminator(),
                             [&](Operation &inner) {
                               return plan.isInlined(&inner) ||
                                      inner.hasTrait<OpTrait::ConstantLike>();
                             });
  scopes.push();
  size_t headAt = out.size();
  line("for (;;) {");
  ++indent;
  size_t bodyAt = out.size();
  for (Operation &inner : op.getBeforeBody()->without_terminator())
    if (failed(emitOperation(&inner)))
      return failure();
  Expression test = use(condition.getCondition());
  if (simple && out.size() == bodyAt) {
    out.resize(headAt);
    --indent;
    line("while (" + test.text + ") {");
    ++indent;
  } else {
    assign(carried, handedOn);
    line("if (" + unary("!", test).text + ") {");
    ++indent;
    line("break;");
    --indent;
    line("}");
  }
  Block &after = *op.getAfterBody();
  for (Operation &inner : after.without_terminator())
    if (failed(emitOperation(&inner)))
      return failure();
  assign(variables, after.getTerminator()->getOperands());
  --indent;
  line("}");
  scopes.pop();
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (result.use_empty())
      line("(void)" + expressions.at(result).text + ";");
  return success();
}

LogicalResult FunctionEmitter::emitCall(func::CallOp op) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee || op.getNumResults() > 1)
    return op.emitError("calls of C functions have one result at most");
  bool isRuntime = callee.isDeclaration() && !isTextKernel(callee);
  std::string name;
  if (isRuntime) {
    name = callee.getName().str();
    context.runtimeFunctions.insert(name);
  } else {
    name = context.functions.at(callee).name;
  }
  llvm::SmallVector<Expression> arguments;
  for (Value value : op.getOperands()) {
    if (isa<MemRefType>(value.getType())) {
      std::optional<Buffer> memory = buffer(op, value);
      if (!memory)
        return failure();
      arguments.push_back(pointerTo(*memory));
    } else if (isRuntime && value.getType().isInteger() &&
               !value.getType().isInteger(1)) {
      // Bit patterns are unsigned in the runtime.
      arguments.push_back(cast(unsignedType(value.getType()), use(value)));
    } else {
      arguments.push_back(use(value));
    }
  }
  Expression result = call(name, arguments);
  if (op.getNumResults() == 0 || op.getResult(0).use_empty()) {
    line(result.text + ";");
    return success();
  }
  if (isRuntime && op.getResult(0).getType().isInteger())
    result = cast(valueType(op.getResult(0).getType()), result);
  define(op.getResult(0), result);
  return success();
}

LogicalResult FunctionEmitter::emitReturn(func::ReturnOp op) {
  if (op.getNumOperands() == 1)
    line("return " + use(op.getOperand(0)).text + ";");
  return success();
}

/// Is this the first of at least three steps, each the only user of the one
/// before, that do not fit into one expression? They share a variable.
bool FunctionEmitter::startsAccumulation(Operation *op) {
  if (plan.isInlined(op) || !accumulated(op))
    return false;
  unsigned steps = 1;
  while (steps < 3 && op->hasOneUse()) {
    Operation *user = *op->user_begin();
    if (user->getBlock() != op->getBlock() || inPlace.count(user) ||
        plan.isInlined(user) || accumulated(user) != op->getResult(0))
      return false;
    op = user;
    ++steps;
  }
  return steps == 3;
}

LogicalResult FunctionEmitter::emitValue(Operation *op) {
  if (op->getResult(0).use_empty() && isMemoryEffectFree(op))
    return success();
  Value result = op->getResult(0);
  if (valueType(getElementTypeOrSelf(result.getType())).empty())
    return op->emitError() << "C99 has no type for " << result.getType()
                           << "; small types are lowered to f32 and bytes "
                              "before C is printed";
  std::optional<Expression> expression = expressionOf(op);
  if (!expression)
    return failure();
  // An accumulation goes on in the variable of its start.
  if (Value before = accumulated(op);
      before && !inPlace.count(op) && !plan.isInlined(op))
    if (auto it = inPlace.find(before.getDefiningOp());
        before.getDefiningOp() && it != inPlace.end() && before.hasOneUse() &&
        before.getDefiningOp()->getBlock() == op->getBlock() &&
        accumulations.contains(before.getDefiningOp())) {
      accumulations.insert(op);
      std::string name = it->second; // the insertion below moves the table
      inPlace[op] = name;
    }
  if (auto it = inPlace.find(op); it != inPlace.end()) {
    assignOne({it->second, result.getType(), nullptr}, *expression);
    bind(result, it->second, /*isMutable=*/true);
    return success();
  }
  if (startsAccumulation(op)) {
    std::string name = scopes.declare("sum");
    if (isa<VectorType>(result.getType())) {
      declareVariable(result.getType(), name);
      assignOne({name, result.getType(), nullptr}, *expression);
    } else {
      line(valueType(result.getType()) + " " + name + " = " +
           expression->text + ";");
    }
    accumulations.insert(op);
    inPlace[op] = name;
    bind(result, name, /*isMutable=*/true);
    return success();
  }
  if (plan.isInlined(op) && isLinear(op)) {
    linearForms[result] = linear(result);
    return success();
  }
  bool fits = expression->text.size() <= maxExpressionText;
  if (op->hasTrait<OpTrait::ConstantLike>() || expression->isAtom() ||
      (plan.isInlined(op) && fits)) {
    expressions[result] = *expression;
    return success();
  }
  define(result, *expression);
  return success();
}

LogicalResult FunctionEmitter::emitOperation(Operation *op) {
  if (isExpression(op))
    return emitValue(op);
  for (Value result : op->getResults())
    if (op->getNumRegions() &&
        valueType(getElementTypeOrSelf(result.getType())).empty())
      return op->emitError()
             << "C99 has no variable of type " << result.getType();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](scf::ForOp loop) { return emitFor(loop); })
      .Case([&](scf::IfOp branch) { return emitIf(branch); })
      .Case([&](scf::WhileOp loop) { return emitWhile(loop); })
      .Case([&](func::CallOp callOp) { return emitCall(callOp); })
      .Default([&](Operation *other) {
        if (isa_and_nonnull<memref::MemRefDialect>(other->getDialect()))
          return emitMemory(other);
        if (isa_and_nonnull<vector::VectorDialect>(other->getDialect()))
          return emitVector(other);
        other->emitError() << "'" << other->getName() << "' has no C99 form";
        return failure();
      });
}

LogicalResult
FunctionEmitter::emitBody(llvm::ArrayRef<Expression> arguments) {
  Block &body = function.getBody().front();
  for (auto [argument, expression] :
       llvm::zip(body.getArguments(), arguments)) {
    expressions[argument] = expression;
    if (isa<MemRefType>(argument.getType())) {
      Buffer memory;
      memory.pointer = expression;
      memory.isConst = !context.functions.at(function)
                            .writes[argument.getArgNumber()];
      buffers[argument] = memory;
    }
  }
  for (Operation &op : body.without_terminator())
    if (failed(emitOperation(&op)))
      return failure();
  return emitReturn(cast<func::ReturnOp>(body.getTerminator()));
}

LogicalResult adze::c::emitStatements(func::FuncOp function,
                                      ModuleContext &context,
                                      llvm::ArrayRef<Expression> arguments,
                                      NameScopes &scopes, std::string &out) {
  return FunctionEmitter(function, context, scopes, out).emitBody(arguments);
}
