//===- Vectors.cpp - Vector operations as lane loops -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/FunctionEmitter.h"
#include "codegen/c/Literals.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace adze::c;
using namespace mlir;

/// A vector constant whose lanes differ: a local array with those values.
std::optional<Expression>
FunctionEmitter::constantTable(arith::ConstantOp op) {
  auto elements = cast<DenseElementsAttr>(op.getValue());
  auto type = dyn_cast<VectorType>(op.getType());
  if (!type || type.getRank() != 1)
    return std::nullopt;
  std::string values;
  for (Attribute value : elements.getValues<Attribute>()) {
    std::string text;
    if (auto number = dyn_cast<FloatAttr>(value)) {
      context.usesMath |= !number.getValue().isFinite();
      text = type.getElementType().isF32()
                 ? literal(number.getValue().convertToFloat())
                 : literal(number.getValue().convertToDouble());
    } else {
      APInt bits = cast<IntegerAttr>(value).getValue();
      text = bits.getBitWidth() == 1
                 ? (bits.isZero() ? "0" : "1")
                 : literal(bits.getSExtValue(), bits.getBitWidth());
    }
    values += (values.empty() ? "" : ", ") + text;
  }
  std::string name = scopes.declare("lanes");
  line("static const " + valueType(type.getElementType()) + " " + name + "[" +
       std::to_string(type.getNumElements()) + "] = {" + values + "};");
  return Expression(name + "[l]");
}

/// Sums and products go from the first lane to the last.
LogicalResult FunctionEmitter::emitReduction(vector::ReductionOp op) {
  auto type = cast<VectorType>(op.getVector().getType());
  Type element = type.getElementType();
  Expression lane = use(op.getVector());
  std::string name = scopes.declare("reduced");
  using Kind = vector::CombiningKind;
  Kind kind = op.getKind();
  bool isFloat = isa<FloatType>(element);
  Expression so(name);
  bool isMax = kind == Kind::MAXNUMF || kind == Kind::MAXIMUMF ||
               kind == Kind::MAXSI || kind == Kind::MAXUI;
  bool isMin = kind == Kind::MINNUMF || kind == Kind::MINIMUMF ||
               kind == Kind::MINSI || kind == Kind::MINUI;
  bool isUnsigned = kind == Kind::MAXUI || kind == Kind::MINUI;
  llvm::StringRef symbol = kind == Kind::ADD   ? "+"
                           : kind == Kind::MUL ? "*"
                           : kind == Kind::AND ? "&"
                           : kind == Kind::OR  ? "|"
                                               : "^";
  // The first lane starts the reduction: the lanes must be an array.
  llvm::StringRef text = lane.text;
  std::string array;
  if (text.consume_back("[l]") && Expression(text).isAtom()) {
    array = text.str();
  } else {
    array = scopes.declare("lanes");
    declareVariable(type, array);
    laneLoop(type, array + "[l] = " + lane.text + ";");
  }
  Expression value(array + "[l]");
  std::string start = op.getAcc() ? use(op.getAcc()).text : array + "[0]";
  line(valueType(element) + " " + name + " = " + start + ";");

  Expression next;
  if (isMax || isMin) {
    Expression a = isUnsigned ? cast(unsignedType(element), value) : value;
    Expression b = isUnsigned ? cast(unsignedType(element), so) : so;
    next = binary(a, isMax ? ">" : "<", b);
    if (kind == Kind::MAXIMUMF || kind == Kind::MINIMUMF)
      next = binary(next, "||", binary(value, "!=", value));
    else if (isFloat)
      next = binary(next, "||", binary(so, "!=", so));
    next = conditional(next, value, so);
  } else if (isFloat || element.isIndex()) {
    next = binary(so, symbol, value);
  } else {
    std::string wide = unsignedType(element);
    next = cast(valueType(element),
                binary(cast(wide, so), symbol, cast(wide, value)));
  }
  line("for (int l = " + std::string(op.getAcc() ? "0" : "1") + "; l < " +
       std::to_string(type.getNumElements()) + "; ++l) {");
  ++indent;
  line(assignment(name, next));
  --indent;
  line("}");
  bind(op.getDest(), name, /*isMutable=*/false);
  return success();
}

LogicalResult FunctionEmitter::emitVector(Operation *op) {
  using R = LogicalResult;
  auto vectorType = [](Value value) { return cast<VectorType>(value.getType()); };
  for (Type type : llvm::concat<const Type>(op->getResultTypes(),
                                            op->getOperandTypes()))
    if (auto vector = dyn_cast<VectorType>(type);
        vector && (vector.getRank() != 1 || vector.isScalable()))
      return op->emitError() << "C99 is printed for vectors of one constant "
                                "dimension, not for "
                             << vector;
  return TypeSwitch<Operation *, R>(op)
      .Case([&](vector::StoreOp store) -> R {
        auto target = element(store, store.getBase(), store.getIndices(),
                              /*lanes=*/true);
        if (!target)
          return failure();
        laneLoop(vectorType(store.getValueToStore()),
                 target->text + " = " + use(store.getValueToStore()).text +
                     ";");
        return success();
      })
      .Case([&](vector::FromElementsOp from) -> R {
        VectorType type = from.getType();
        std::string name = scopes.declare("lanes");
        std::string values;
        for (Value value : from.getElements())
          values += (values.empty() ? "" : ", ") + use(value).text;
        line("const " + valueType(type.getElementType()) + " " + name + "[" +
             std::to_string(type.getNumElements()) + "] = {" + values + "};");
        bind(from.getResult(), name, /*isMutable=*/false);
        return success();
      })
      .Case([&](vector::InsertOp insert) -> R {
        VectorType type = vectorType(insert.getResult());
        llvm::ArrayRef<int64_t> position = insert.getStaticPosition();
        if (position.size() != 1 || position[0] < 0)
          return insert.emitError("inserts at a lane that is not constant");
        std::string name = scopes.declare("lanes");
        declareVariable(type, name);
        laneLoop(type, name + "[l] = " + use(insert.getDest()).text + ";");
        line(name + "[" + std::to_string(position[0]) + "] = " +
             use(insert.getValueToStore()).text + ";");
        bind(insert.getResult(), name, /*isMutable=*/false);
        return success();
      })
      .Case([&](vector::ReductionOp reduce) { return emitReduction(reduce); })
      .Default([](Operation *other) -> R {
        return other->emitError()
               << "'" << other->getName() << "' has no C99 form";
      });
}
