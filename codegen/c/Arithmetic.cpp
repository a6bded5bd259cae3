//===- Arithmetic.cpp - arith operations as C expressions ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Integers of the IR wrap around; signed overflow in C is undefined. Where
/// bounds show that nothing overflows, `a * b` is printed as such; elsewhere
/// 32 and 64 bits are computed as unsigned and cast back, 8 and 16 bits are
/// computed as int (C promotes them) and cast back. The cast of an unsigned
/// value to a signed type that cannot hold it is defined by gcc, clang, armcc
/// and IAR as reduction modulo 2^N. Index arithmetic never wraps.
///
//===----------------------------------------------------------------------===//

#include "codegen/c/FunctionEmitter.h"
#include "codegen/c/Helpers.h"
#include "codegen/c/Literals.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace adze::c;
using namespace mlir;

static unsigned widthOf(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

static Type elementOf(Value value) {
  return getElementTypeOrSelf(value.getType());
}

Expression FunctionEmitter::use(Value value) {
  if (auto it = linearForms.find(value); it != linearForms.end())
    return it->second.expression();
  return expressions.at(value);
}

Expression FunctionEmitter::operand(Operation *op, unsigned index) {
  return use(op->getOperand(index));
}

LinearForm FunctionEmitter::linear(Value value) {
  if (auto it = linearForms.find(value); it != linearForms.end())
    return it->second;
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return LinearForm(constant.getSExtValue());
  Operation *op = value.getDefiningOp();
  if (!op || !isLinear(op) || expressions.count(value))
    return LinearForm(use(value));
  LinearForm result;
  if (isa<arith::MulIOp>(op)) {
    bool constantRight =
        matchPattern(op->getOperand(1), m_ConstantInt(&constant));
    if (!constantRight)
      matchPattern(op->getOperand(0), m_ConstantInt(&constant));
    result = linear(op->getOperand(constantRight ? 0 : 1));
    result.scale(constant.getSExtValue());
    return result;
  }
  result = linear(op->getOperand(0));
  result.add(linear(op->getOperand(1)), isa<arith::SubIOp>(op) ? -1 : 1);
  return result;
}

/// The value as an expression of the unsigned type.
Expression FunctionEmitter::asUnsigned(Value value) {
  Type type = elementOf(value);
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    std::string digits = std::to_string(constant.getZExtValue());
    return Expression(type.isInteger(64) ? "UINT64_C(" + digits + ")"
                                         : digits + "u");
  }
  Expression expression = use(value);
  if (!expression.unsignedText.empty()) {
    Expression result(expression.unsignedText, expression.unsignedPrecedence);
    result.reads(expression);
    return result;
  }
  return cast(unsignedType(type), expression);
}

std::optional<Expression> FunctionEmitter::constant(arith::ConstantOp op) {
  Attribute value = op.getValue();
  if (auto elements = dyn_cast<DenseElementsAttr>(value)) {
    if (!elements.isSplat())
      return std::nullopt; // printed as a table by the caller
    value = elements.getSplatValue<Attribute>();
  }
  Type type = getElementTypeOrSelf(op.getType());
  if (auto number = dyn_cast<FloatAttr>(value)) {
    bool isFinite = number.getValue().isFinite();
    context.usesMath |= !isFinite;
    if (type.isF32())
      return literalExpression(literal(number.getValue().convertToFloat()));
    return literalExpression(literal(number.getValue().convertToDouble()));
  }
  APInt number = cast<IntegerAttr>(value).getValue();
  if (type.isInteger(1)) {
    context.usesBool = true;
    return Expression(number.isZero() ? "false" : "true");
  }
  return literalExpression(literal(number.getSExtValue(), widthOf(type)));
}

/// addi, subi, muli.
std::optional<Expression> FunctionEmitter::wraparound(Operation *op,
                                                      llvm::StringRef symbol) {
  Type type = elementOf(op->getResult(0));
  Expression a = operand(op, 0), b = operand(op, 1);
  if (type.isIndex())
    return isLinear(op) ? linear(op->getResult(0)).expression()
                        : binary(a, symbol, b);
  if (type.isInteger(1)) // modulo 2: exclusive or, conjunction
    return symbol == "*" ? binary(a, "&&", b) : binary(a, "!=", b);
  unsigned width = widthOf(type);
  bool fits = ranges.unwrapped(op).within(rangeOfWidth(width));
  if (auto flags = dyn_cast<arith::ArithIntegerOverflowFlagsInterface>(op))
    fits |= bitEnumContainsAny(flags.getOverflowAttr().getValue(),
                               arith::IntegerOverflowFlags::nsw);
  if (width < 32) // int holds every sum and product of such operands
    return cast(valueType(type), binary(a, symbol, b));
  if (fits)
    return binary(a, symbol, b);
  Expression modular = binary(asUnsigned(op->getOperand(0)), symbol,
                              asUnsigned(op->getOperand(1)));
  Expression result = cast(valueType(type), modular);
  result.unsignedText = modular.text;
  result.unsignedPrecedence = modular.precedence;
  return result;
}

/// Minima and maxima. For floats: maximumf and minimumf hand a NaN on,
/// maxnumf and minnumf drop it; the sign of a zero result is that of either
/// operand.
std::optional<Expression> FunctionEmitter::minMax(Operation *op) {
  Expression a = operand(op, 0), b = operand(op, 1);
  if (a.text == b.text)
    return a;
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op))
    return conditional(binary(a, isa<arith::MaxSIOp>(op) ? ">" : "<", b), a, b);
  if (isa<arith::MaxUIOp, arith::MinUIOp>(op))
    return conditional(binary(asUnsigned(op->getOperand(0)),
                              isa<arith::MaxUIOp>(op) ? ">" : "<",
                              asUnsigned(op->getOperand(1))),
                       a, b);
  bool isMax = isa<arith::MaximumFOp, arith::MaxNumFOp>(op);
  bool handsOnNaN = isa<arith::MaximumFOp, arith::MinimumFOp>(op);
  APFloat number(0.0f);
  bool noNaN = matchPattern(op->getOperand(1), m_ConstantFloat(&number)) &&
               !number.isNaN();
  if (noNaN && handsOnNaN) // b is taken only where a is known to be worse
    return conditional(binary(a, isMax ? "<" : ">", b), b, a);
  if (noNaN)
    return conditional(binary(a, isMax ? ">" : "<", b), a, b);
  const Expression &suspect = handsOnNaN ? a : b;
  Expression better = binary(a, isMax ? ">" : "<", b);
  return conditional(binary(better, "||", binary(suspect, "!=", suspect)), a,
                     b);
}

std::optional<Expression> FunctionEmitter::compare(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  P predicate = op.getPredicate();
  llvm::StringRef symbol;
  switch (predicate) {
  case P::eq:
    symbol = "==";
    break;
  case P::ne:
    symbol = "!=";
    break;
  case P::slt:
  case P::ult:
    symbol = "<";
    break;
  case P::sle:
  case P::ule:
    symbol = "<=";
    break;
  case P::sgt:
  case P::ugt:
    symbol = ">";
    break;
  case P::sge:
  case P::uge:
    symbol = ">=";
    break;
  }
  bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                    predicate == P::ugt || predicate == P::uge;
  Value a = op.getLhs(), b = op.getRhs();
  bool isBool = elementOf(a).isInteger(1);
  // A bool of C is 0 or 1; as signed numbers of one bit, 1 stands for -1.
  if (isBool && !isUnsigned && symbol != "==" && symbol != "!=")
    std::swap(a, b);
  bool bothPositive =
      ranges.of(a).isNonNegative() && ranges.of(b).isNonNegative();
  if (isUnsigned && !isBool && !bothPositive)
    return binary(asUnsigned(a), symbol, asUnsigned(b));
  return binary(use(a), symbol, use(b));
}

std::optional<Expression> FunctionEmitter::compare(arith::CmpFOp op) {
  using P = arith::CmpFPredicate;
  Expression a = use(op.getLhs()), b = use(op.getRhs());
  auto differs = [](const Expression &x) { return binary(x, "!=", x); };
  auto isNumber = [](Value value) {
    APFloat number(0.0f);
    return matchPattern(value, m_ConstantFloat(&number)) && !number.isNaN();
  };
  switch (op.getPredicate()) {
  case P::OEQ:
    return binary(a, "==", b);
  case P::OGT:
    return binary(a, ">", b);
  case P::OGE:
    return binary(a, ">=", b);
  case P::OLT:
    return binary(a, "<", b);
  case P::OLE:
    return binary(a, "<=", b);
  case P::UNE:
    return binary(a, "!=", b);
  case P::UGT:
    return unary("!", binary(a, "<=", b));
  case P::UGE:
    return unary("!", binary(a, "<", b));
  case P::ULT:
    return unary("!", binary(a, ">=", b));
  case P::ULE:
    return unary("!", binary(a, ">", b));
  case P::ONE:
    return binary(binary(a, "<", b), "||", binary(a, ">", b));
  case P::UEQ:
    return unary("!", binary(binary(a, "<", b), "||", binary(a, ">", b)));
  case P::UNO:
    if (op.getLhs() == op.getRhs() || isNumber(op.getRhs()))
      return differs(a);
    return binary(differs(a), "||", differs(b));
  case P::ORD:
    if (op.getLhs() == op.getRhs() || isNumber(op.getRhs()))
      return binary(a, "==", a);
    return binary(binary(a, "==", a), "&&", binary(b, "==", b));
  case P::AlwaysTrue:
  case P::AlwaysFalse:
    context.usesBool = true;
    return Expression(op.getPredicate() == P::AlwaysTrue ? "true" : "false");
  }
  return std::nullopt;
}

/// Conversions between number types.
std::optional<Expression> FunctionEmitter::convert(Operation *op) {
  Expression in = operand(op, 0);
  Value source = op->getOperand(0);
  Type from = elementOf(source), to = elementOf(op->getResult(0));
  std::string type = valueType(to);
  bool fromBool = from.isInteger(1);
  auto chosen = [&](llvm::StringRef yes, llvm::StringRef no) {
    return conditional(in, literalExpression(yes.str()),
                       literalExpression(no.str()));
  };
  return TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case<arith::ExtSIOp>([&](auto) -> Expression {
        if (fromBool)
          return chosen("-1", "0");
        // C promotes to int by itself.
        return widthOf(to) <= 32 ? in : cast(type, in);
      })
      .Case<arith::ExtUIOp>([&](auto) -> Expression {
        if (fromBool)
          return widthOf(to) <= 32 ? in : cast(type, in);
        if (ranges.of(source).isNonNegative())
          return widthOf(to) <= 32 ? in : cast(type, in);
        Expression bits = cast(unsignedType(from), in);
        if (widthOf(to) == 16) // uint8_t, promoted to int
          return cast(type, bits);
        return widthOf(to) <= 32 ? bits : cast(type, bits);
      })
      .Case<arith::TruncIOp>([&](auto) -> Expression {
        if (to.isInteger(1))
          return binary(binary(in, "&", literalExpression("1")),
                        "!=", literalExpression("0"));
        return cast(type, in);
      })
      .Case<arith::IndexCastOp>([&](auto) -> Expression {
        if (fromBool)
          return chosen("-1", "0");
        if (to.isInteger(1))
          return binary(binary(in, "&", literalExpression("1")),
                        "!=", literalExpression("0"));
        return to.isIndex() && widthOf(from) <= 32 ? in : cast(type, in);
      })
      .Case<arith::IndexCastUIOp>([&](auto) -> Expression {
        if (fromBool)
          return in;
        if (to.isInteger(1))
          return binary(binary(in, "&", literalExpression("1")),
                        "!=", literalExpression("0"));
        if (!to.isIndex() || ranges.of(source).isNonNegative())
          return cast(type, in);
        return cast(type, cast(unsignedType(from), in));
      })
      .Case<arith::SIToFPOp>([&](auto) -> Expression {
        return fromBool ? chosen(to.isF32() ? "-1.0f" : "-1.0",
                                 to.isF32() ? "0.0f" : "0.0")
                        : cast(type, in);
      })
      .Case<arith::UIToFPOp>([&](auto) -> Expression {
        if (fromBool)
          return chosen(to.isF32() ? "1.0f" : "1.0",
                        to.isF32() ? "0.0f" : "0.0");
        if (ranges.of(source).isNonNegative())
          return cast(type, in);
        return cast(type, cast(unsignedType(from), in));
      })
      .Case<arith::FPToSIOp, arith::FPToUIOp>(
          [&](Operation *) -> std::optional<Expression> {
            if (to.isInteger(1))
              return binary(in, "!=", literalExpression("0"));
            if (isa<arith::FPToSIOp>(op))
              return cast(type, in);
            return cast(type, cast(unsignedType(to), in));
          })
      .Case<arith::ExtFOp, arith::TruncFOp>(
          [&](Operation *) { return cast(type, in); })
      .Case<arith::BitcastOp>([&](auto) -> std::optional<Expression> {
        if (from == to)
          return in;
        if (isa<FloatType>(from) == isa<FloatType>(to))
          return std::nullopt;
        std::string helper = bitcastHelper(from, to);
        context.helpers.insert(helper);
        context.usesString = true;
        return call(helper, in);
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// The operand of a product that is an integer as float where the other one is
/// a power of two below 1; 2 if there is none. clang 22 makes one instruction
/// of the two for Helium (VCVT with fraction bits) and, where the number of
/// bits is in a register already, encodes the register's number instead.
static unsigned fixedPointOperand(arith::MulFOp product) {
  if (!product.getType().isF32())
    return 2;
  for (unsigned i : {0u, 1u}) {
    FloatAttr factor;
    if (isa_and_nonnull<arith::SIToFPOp, arith::UIToFPOp>(
            product->getOperand(i).getDefiningOp()) &&
        matchPattern(product->getOperand(1 - i), m_Constant(&factor)) &&
        factor.getValue().getExactLog2() < 0 &&
        factor.getValue().getExactLog2() >= -32)
      return i;
  }
  return 2;
}

std::optional<Expression> FunctionEmitter::arithmetic(Operation *op) {
  Type type = elementOf(op->getResult(0));
  bool isBool = type.isInteger(1);
  bool isNarrow = type.isInteger() && !isBool && widthOf(type) < 32;
  // Results of C's int arithmetic go back to the narrow type.
  auto narrowed = [&](const Expression &e) {
    return isNarrow ? cast(valueType(type), e) : e;
  };
  auto unsignedBinary = [&](llvm::StringRef symbol) -> Expression {
    if (ranges.of(op->getOperand(0)).isNonNegative() &&
        ranges.of(op->getOperand(1)).isNonNegative())
      return narrowed(binary(operand(op, 0), symbol, operand(op, 1)));
    return cast(valueType(type), binary(asUnsigned(op->getOperand(0)), symbol,
                                        asUnsigned(op->getOperand(1))));
  };
  auto logical = [&](llvm::StringRef bits, llvm::StringRef truth) {
    return narrowed(
        binary(operand(op, 0), isBool ? truth : bits, operand(op, 1)));
  };
  auto helper = [&](llvm::StringRef name) {
    std::string full = name.str() + "_" + shortTypeName(type);
    context.helpers.insert(full);
    return call(full, {operand(op, 0), operand(op, 1)});
  };
  auto function = [&](llvm::StringRef name) {
    context.usesMath = true;
    return call(name.str() + (type.isF32() ? "f" : ""),
                {operand(op, 0), operand(op, 1)});
  };
  using Result = std::optional<Expression>;
  return TypeSwitch<Operation *, Result>(op)
      .Case([&](arith::ConstantOp c) { return constant(c); })
      .Case<arith::AddIOp>([&](auto) { return wraparound(op, "+"); })
      .Case<arith::SubIOp>([&](auto) { return wraparound(op, "-"); })
      .Case<arith::MulIOp>([&](auto) { return wraparound(op, "*"); })
      .Case<arith::AddFOp>(
          [&](auto) { return binary(operand(op, 0), "+", operand(op, 1)); })
      .Case<arith::SubFOp>(
          [&](auto) { return binary(operand(op, 0), "-", operand(op, 1)); })
      .Case([&](arith::MulFOp product) {
        unsigned scaled = fixedPointOperand(product);
        Expression a = operand(op, 0), b = operand(op, 1);
        if (scaled < 2) {
          context.helpers.insert("CONVERTED");
          (scaled ? b : a) = call("ADZE_CONVERTED", {scaled ? b : a});
        }
        return binary(a, "*", b);
      })
      .Case<arith::DivFOp>(
          [&](auto) { return binary(operand(op, 0), "/", operand(op, 1)); })
      .Case<arith::NegFOp>([&](auto) { return unary("-", operand(op, 0)); })
      .Case<arith::RemFOp>([&](auto) { return function("fmod"); })
      .Case<arith::DivSIOp>([&](auto) {
        return narrowed(binary(operand(op, 0), "/", operand(op, 1)));
      })
      .Case<arith::RemSIOp>([&](auto) {
        return narrowed(binary(operand(op, 0), "%", operand(op, 1)));
      })
      .Case<arith::DivUIOp>([&](auto) { return unsignedBinary("/"); })
      .Case<arith::RemUIOp>([&](auto) { return unsignedBinary("%"); })
      .Case<arith::FloorDivSIOp>([&](auto) -> Result {
        if (ranges.of(op->getOperand(0)).isNonNegative() &&
            ranges.of(op->getOperand(1)).isNonNegative())
          return narrowed(binary(operand(op, 0), "/", operand(op, 1)));
        return helper("floor_div");
      })
      .Case<arith::CeilDivSIOp>(
          [&](auto) -> Result { return helper("ceil_div"); })
      .Case<arith::CeilDivUIOp>([&](auto) -> Result {
        Expression a = asUnsigned(op->getOperand(0)),
                   b = asUnsigned(op->getOperand(1));
        Expression rest = binary(binary(a, "%", b), "!=", Expression("0u"));
        return cast(valueType(type), binary(binary(a, "/", b), "+", rest));
      })
      .Case<arith::AndIOp>([&](auto) { return logical("&", "&&"); })
      .Case<arith::OrIOp>([&](auto) { return logical("|", "||"); })
      .Case<arith::XOrIOp>([&](auto) -> Result {
        if (isBool && matchPattern(op->getOperand(1), m_One()))
          return unary("!", operand(op, 0));
        return logical("^", "!=");
      })
      .Case<arith::ShLIOp>([&](auto) {
        return cast(valueType(type), binary(asUnsigned(op->getOperand(0)), "<<",
                                            operand(op, 1)));
      })
      // The shift of a negative number to the right is arithmetic on every
      // compiler that matters (C99 leaves it to the implementation).
      .Case<arith::ShRSIOp>([&](auto) {
        return narrowed(binary(operand(op, 0), ">>", operand(op, 1)));
      })
      .Case<arith::ShRUIOp>([&](auto) -> Result {
        if (ranges.of(op->getOperand(0)).isNonNegative())
          return narrowed(binary(operand(op, 0), ">>", operand(op, 1)));
        return cast(valueType(type), binary(asUnsigned(op->getOperand(0)), ">>",
                                            operand(op, 1)));
      })
      .Case<arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp,
            arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
            arith::MinNumFOp>([&](Operation *) { return minMax(op); })
      .Case([&](arith::CmpIOp c) { return compare(c); })
      .Case([&](arith::CmpFOp c) { return compare(c); })
      .Case<arith::SelectOp>([&](auto) {
        return conditional(operand(op, 0), operand(op, 1), operand(op, 2));
      })
      .Default([&](Operation *) { return convert(op); });
}

std::optional<Expression> FunctionEmitter::expressionOf(Operation *op) {
  std::optional<Expression> result;
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return element(op, load.getMemRef(), load.getIndices(), /*lanes=*/false);
  if (auto load = dyn_cast<vector::LoadOp>(op))
    return element(op, load.getBase(), load.getIndices(), /*lanes=*/true);
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    result = use(broadcast.getSource());
  } else if (auto extract = dyn_cast<vector::ExtractOp>(op)) {
    Expression source = use(extract.getSource());
    llvm::ArrayRef<int64_t> position = extract.getStaticPosition();
    llvm::StringRef text = source.text;
    bool isStatic = position.size() == 1 && position[0] >= 0;
    if (isStatic && text.consume_back("[l]")) {
      source.text = text.str() + "[" + std::to_string(position[0]) + "]";
      result = source;
    } else if (isStatic) { // a splat constant
      result = source;
    }
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op);
             constant && isa<DenseElementsAttr>(constant.getValue()) &&
             !cast<DenseElementsAttr>(constant.getValue()).isSplat()) {
    result = constantTable(constant);
  } else if (isa<arith::ArithDialect>(op->getDialect())) {
    result = arithmetic(op);
  } else {
    result = mathFunction(op);
  }
  if (!result)
    op->emitError() << "'" << op->getName() << "' on " << op->getResultTypes()
                    << " has no C99 form";
  return result;
}
