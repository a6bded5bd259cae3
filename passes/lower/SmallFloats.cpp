//===- SmallFloats.cpp - Floats of 16 bits and less become f32 -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Few processors compute in f16, none in f8 the way ONNX means it. After this
/// pass, memory holds the codes of such numbers as integers, and values are
/// f32, rounded to the format after every operation. For f16 and bf16 that
/// gives exactly what arithmetic in the format gives for +, -, *, / and sqrt,
/// since f32 has more than twice their precision (Figueroa, "When is double
/// rounding innocuous?", 1995). Only casts from f64 need care: they round to
/// f32 with the last bit sticky ("round to odd") first.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/lower/ConvertTypes.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_LEGALIZESMALLFLOATS
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

/// A format, its storage and the functions of runtime/core that convert it.
struct Format {
  unsigned storageBits;
  bool hasNegativeZero;
  StringRef toFloat, fromFloat;
};

/// An operation that needs more than other types, and the formats that it had.
struct Special {
  Operation *op;
  const Format *from; // of the first operand
  const Format *to;   // of the first result
};

class Legalizer {
public:
  explicit Legalizer(ModuleOp module)
      : module(module), builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult legalize(const Special &special);
  void legalizeLoad(Operation *op, const Format &format);
  void legalizeStore(Operation *op, Value stored, const Format &format);
  void legalizeReduction(vector::ReductionOp op, const Format &format);
  void legalizeGlobal(memref::GlobalOp global);
  void roundResult(Operation *op, const Format &format);

  Value call(StringRef function, Value operand, Type result);
  Value decodeScalar(Value code, const Format &format);
  Value encodeScalar(Value value, const Format &format);
  Value decode(Value code, const Format &format);
  Value encode(Value value, const Format &format);
  /// An f64 (or a vector of them) as f32, rounded to odd.
  Value narrowToOdd(Value wide, Location loc);
  Value perLane(Value vector, Type element,
                llvm::function_ref<Value(Value)> make);
  Type codeType(const Format &format) {
    return builder.getIntegerType(format.storageBits);
  }

  ModuleOp module;
  OpBuilder builder;
  llvm::DenseMap<StringAttr, func::FuncOp> functions;
  SmallVector<func::CallOp> decodings;
};

} // namespace

static const Format *formatOf(Type element) {
  static const Format f16{16, true, "adze_f16_to_f32", "adze_f32_to_f16"};
  static const Format bf16{16, true, "adze_bf16_to_f32", "adze_f32_to_bf16"};
  static const Format e4m3fn{8, true, "adze_f8e4m3fn_to_f32",
                             "adze_f32_to_f8e4m3fn"};
  static const Format e4m3fnuz{8, false, "adze_f8e4m3fnuz_to_f32",
                               "adze_f32_to_f8e4m3fnuz"};
  static const Format e5m2{8, true, "adze_f8e5m2_to_f32", "adze_f32_to_f8e5m2"};
  static const Format e5m2fnuz{8, false, "adze_f8e5m2fnuz_to_f32",
                               "adze_f32_to_f8e5m2fnuz"};
  static const Format e8m0{8, false, "adze_e8m0_to_f32",
                           "adze_f32_to_e8m0_nearest"};
  // Two numbers a byte, as integers of 4 bits are.
  static const Format e2m1{4, true, "adze_f4e2m1_to_f32", "adze_f32_to_f4e2m1"};
  return llvm::TypeSwitch<Type, const Format *>(element)
      .Case([](Float16Type) { return &f16; })
      .Case([](BFloat16Type) { return &bf16; })
      .Case([](Float8E4M3FNType) { return &e4m3fn; })
      .Case([](Float8E4M3FNUZType) { return &e4m3fnuz; })
      .Case([](Float8E5M2Type) { return &e5m2; })
      .Case([](Float8E5M2FNUZType) { return &e5m2fnuz; })
      .Case([](Float8E8M0FNUType) { return &e8m0; })
      .Case([](Float4E2M1FNType) { return &e2m1; })
      .Default(nullptr);
}

static Type convertType(Type type) {
  const Format *format = formatOf(getElementTypeOrSelf(type));
  if (!format)
    return type;
  if (auto memref = dyn_cast<MemRefType>(type))
    return MemRefType::Builder(memref).setElementType(
        IntegerType::get(type.getContext(), format->storageBits));
  Type f32 = Float32Type::get(type.getContext());
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(f32);
  return f32;
}

Value Legalizer::call(StringRef name, Value operand, Type result) {
  func::FuncOp &function = functions[builder.getStringAttr(name)];
  if (!function)
    function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    function = func::FuncOp::create(
        builder, module.getLoc(), name,
        builder.getFunctionType({operand.getType()}, {result}));
    function.setPrivate();
    function->setAttr("adze.runtime", builder.getUnitAttr());
  }
  return func::CallOp::create(builder, operand.getLoc(), name,
                              TypeRange{result}, operand)
      .getResult(0);
}

Value Legalizer::decodeScalar(Value code, const Format &format) {
  if (format.storageBits < 8)
    code = arith::ExtUIOp::create(builder, code.getLoc(), builder.getI8Type(),
                                  code);
  Value value = call(format.toFloat, code, builder.getF32Type());
  decodings.push_back(value.getDefiningOp<func::CallOp>());
  return value;
}

Value Legalizer::encodeScalar(Value value, const Format &format) {
  unsigned bits = std::max(format.storageBits, 8u);
  // The code of a number that was just decoded is known.
  auto decoding = value.getDefiningOp<func::CallOp>();
  Value code =
      decoding && decoding.getCallee() == format.toFloat
          ? decoding.getOperand(0)
          : call(format.fromFloat, value, builder.getIntegerType(bits));
  if (format.storageBits < bits)
    code = arith::TruncIOp::create(builder, value.getLoc(), codeType(format),
                                   code);
  return code;
}

Value Legalizer::perLane(Value value, Type element,
                         llvm::function_ref<Value(Value)> make) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type)
    return make(value);
  Location loc = value.getLoc();
  // Lanes that were just put together need not be taken apart.
  auto parts = value.getDefiningOp<vector::FromElementsOp>();
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane)
    lanes.push_back(
        make(parts ? parts.getElements()[lane]
                   : vector::ExtractOp::create(builder, loc, value, lane)
                         .getResult()));
  return vector::FromElementsOp::create(builder, loc, type.clone(element),
                                        lanes);
}

Value Legalizer::decode(Value code, const Format &format) {
  return perLane(code, builder.getF32Type(),
                 [&](Value lane) { return decodeScalar(lane, format); });
}

Value Legalizer::encode(Value value, const Format &format) {
  value.setType(convertType(value.getType()));
  return perLane(value, codeType(format),
                 [&](Value lane) { return encodeScalar(lane, format); });
}

Value Legalizer::narrowToOdd(Value wide, Location loc) {
  Type wideType = wide.getType();
  auto like = [&](Type element) -> Type {
    if (auto vector = dyn_cast<VectorType>(wideType))
      return vector.clone(element);
    return element;
  };
  auto integer = [&](int64_t value) -> Value {
    Type type = like(builder.getI32Type());
    TypedAttr attr = builder.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(type))
      attr = DenseElementsAttr::get(vector, Attribute(attr));
    return arith::ConstantOp::create(builder, loc, attr);
  };
  Value nearest =
      arith::TruncFOp::create(builder, loc, like(builder.getF32Type()), wide);
  Value back = arith::ExtFOp::create(builder, loc, wideType, nearest);
  Value inexact = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ONE,
                                        back, wide);
  Value away = arith::CmpFOp::create(
      builder, loc, arith::CmpFPredicate::OGT,
      math::AbsFOp::create(builder, loc, back).getResult(),
      math::AbsFOp::create(builder, loc, wide).getResult());
  Value bits = arith::BitcastOp::create(builder, loc,
                                        like(builder.getI32Type()), nearest);
  // Sign and magnitude: one less is the next number towards zero.
  Value below = arith::SubIOp::create(builder, loc, bits, integer(1));
  Value truncated = arith::SelectOp::create(builder, loc, away, below, bits);
  Value odd = arith::OrIOp::create(builder, loc, truncated, integer(1));
  Value chosen = arith::SelectOp::create(builder, loc, inexact, odd, bits);
  return arith::BitcastOp::create(builder, loc, like(builder.getF32Type()),
                                  chosen);
}

void Legalizer::roundResult(Operation *op, const Format &format) {
  Value result = op->getResult(0);
  result.setType(convertType(result.getType()));
  SmallVector<OpOperand *> uses(llvm::make_pointer_range(result.getUses()));
  builder.setInsertionPointAfter(op);
  Value rounded = decode(encode(result, format), format);
  for (OpOperand *use : uses)
    use->set(rounded);
}

void Legalizer::legalizeLoad(Operation *op, const Format &format) {
  builder.setInsertionPointAfter(op);
  Value result = op->getResult(0);
  Type code = codeType(format);
  if (auto vector = dyn_cast<VectorType>(result.getType()))
    code = vector.clone(code);
  SmallVector<OpOperand *> uses(llvm::make_pointer_range(result.getUses()));
  result.setType(code);
  Value value = decode(result, format);
  for (OpOperand *use : uses)
    use->set(value);
}

void Legalizer::legalizeStore(Operation *op, Value stored,
                              const Format &format) {
  builder.setInsertionPoint(op);
  Value code = encode(stored, format);
  op->setOperand(0, code);
}

/// Lane after lane, rounded after each.
void Legalizer::legalizeReduction(vector::ReductionOp op,
                                  const Format &format) {
  builder.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value total = op.getAcc();
  int64_t lanes = op.getSourceVectorType().getNumElements();
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Value next = vector::ExtractOp::create(builder, loc, op.getVector(), lane);
    next.setType(builder.getF32Type());
    if (!total) {
      total = next;
      continue;
    }
    total = vector::makeArithReduction(builder, loc, op.getKind(), total, next);
    total = decodeScalar(encodeScalar(total, format), format);
  }
  op.getResult().replaceAllUsesWith(total);
  op.erase();
}

void Legalizer::legalizeGlobal(memref::GlobalOp global) {
  auto elements =
      dyn_cast_or_null<DenseElementsAttr>(global.getInitialValueAttr());
  const Format *format = formatOf(global.getType().getElementType());
  if (!elements || !format)
    return;
  SmallVector<APInt> codes;
  for (const APFloat &value : elements.getValues<APFloat>())
    codes.push_back(value.bitcastToAPInt());
  global.setInitialValueAttr(DenseElementsAttr::get(
      cast<ShapedType>(elements.getType()).clone(codeType(*format)), codes));
}

/// Are numbers of a format closed under the operation, so that it rounds
/// nothing?
static bool isExact(Operation *op, const Format &format) {
  if (isa<arith::NegFOp, math::CopySignOp>(op))
    return format.hasNegativeZero;
  return isa<arith::SelectOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp, math::AbsFOp, math::CeilOp,
             math::FloorOp, math::TruncOp, math::RoundOp, math::RoundEvenOp,
             math::ClampFOp>(op);
}

LogicalResult Legalizer::legalize(const Special &special) {
  Operation *op = special.op;
  if (isa<memref::LoadOp, vector::LoadOp>(op)) {
    legalizeLoad(op, *special.to);
    return success();
  }
  if (isa<memref::StoreOp, vector::StoreOp>(op)) {
    legalizeStore(op, op->getOperand(0), *special.from);
    return success();
  }
  if (auto reduction = dyn_cast<vector::ReductionOp>(op)) {
    legalizeReduction(reduction, *special.from);
    return success();
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Type type = convertType(constant.getType());
    auto widen = [&](APFloat value) {
      bool losesInfo;
      value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      return value;
    };
    if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
      constant.setValueAttr(FloatAttr::get(type, widen(value.getValue())));
    else if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue()))
      constant.setValueAttr(
          elements.mapValues(builder.getF32Type(), [&](const APFloat &value) {
            return widen(value).bitcastToAPInt();
          }));
    constant.getResult().setType(type);
    return success();
  }
  if (isa<arith::ExtFOp>(op)) {
    Type type = convertType(op->getResult(0).getType());
    if (getElementTypeOrSelf(type).isF64())
      return success(); // of an f32 from now on
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
    op->erase();
    return success();
  }
  if (isa<arith::TruncFOp>(op)) {
    builder.setInsertionPoint(op);
    Value value = op->getOperand(0);
    if (getElementTypeOrSelf(value.getType()).isF64())
      value = narrowToOdd(value, op->getLoc());
    Value rounded = decode(encode(value, *special.to), *special.to);
    op->getResult(0).replaceAllUsesWith(rounded);
    op->erase();
    return success();
  }
  if (isa<arith::BitcastOp>(op)) {
    builder.setInsertionPoint(op);
    Value value = op->getOperand(0);
    if (special.from)
      value = encode(value, *special.from);
    if (special.to)
      value = decode(value, *special.to);
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
    return success();
  }
  if (!special.to || isExact(op, *special.to))
    return success();
  if (op->getNumResults() != 1)
    return op->emitError("an operation on small floats with several results is "
                         "not supported");
  roundResult(op, *special.to);
  return success();
}

LogicalResult Legalizer::run() {
  SmallVector<Special> work;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (lower::isDeviceCode(op))
      return WalkResult::skip();
    if (auto global = dyn_cast<memref::GlobalOp>(op))
      legalizeGlobal(global);
    if (op->getNumRegions() ||
        !isa<arith::ArithDialect, math::MathDialect, memref::MemRefDialect,
             vector::VectorDialect>(op->getDialect()))
      return WalkResult::advance();
    if (op->getDialect()->getNamespace() == "memref" &&
        !isa<memref::LoadOp, memref::StoreOp>(op))
      return WalkResult::advance();
    // Operations of the vector dialect that move lanes about round nothing.
    if (isa<vector::VectorDialect>(op->getDialect()) &&
        !isa<vector::LoadOp, vector::StoreOp, vector::FMAOp,
             vector::ReductionOp>(op))
      return WalkResult::advance();
    auto format = [](TypeRange types) {
      return types.empty() ? nullptr : formatOf(getElementTypeOrSelf(types[0]));
    };
    Special special{op, format(op->getOperandTypes()),
                    format(op->getResultTypes())};
    if (special.from || special.to)
      work.push_back(special);
    return WalkResult::advance();
  });
  for (const Special &special : work)
    if (failed(legalize(special)))
      return failure();
  lower::convertTypes(module, convertType);
  for (func::CallOp decoding : llvm::reverse(decodings))
    if (decoding.use_empty())
      decoding.erase();
  llvm::DenseSet<StringAttr> called;
  module.walk([&](func::CallOp op) {
    called.insert(op.getCalleeAttr().getAttr());
  });
  for (auto &[name, function] : functions)
    if (!called.contains(name))
      function.erase();
  return success();
}

namespace {
struct LegalizeSmallFloatsPass final
    : adze::impl::LegalizeSmallFloatsBase<LegalizeSmallFloatsPass> {
  void runOnOperation() override {
    if (failed(Legalizer(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace
