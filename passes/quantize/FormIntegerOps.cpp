//===- FormIntegerOps.cpp - Quantized graphs become integer ones -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/fuse/KernelName.h"
#include "passes/lower/ElementEmitter.h"
#include "passes/quantize/Former.h"
#include "passes/quantize/Normalize.h"

#include <set>

using namespace mlir;
using namespace adze;
using namespace adze::quantize;
using lower::elementTypeOf;

namespace adze {
#define GEN_PASS_DEF_FORMINTEGEROPS
#include "passes/Passes.h.inc"
} // namespace adze

void Former::replace(nn::QuantizeOp op, Value value) {
  op.getOutput().replaceAllUsesWith(value);
  op.erase();
}

bool Former::form(nn::QuantizeOp op) {
  auto to = parametersOf(op);
  if (!to || op.getOverflows())
    return refuse(op, "it does not quantize to int8 or int16 with one constant "
                      "scale");
  if (formTable(op, *to))
    return true;
  Tail tail = tailOf(op.getInput());
  Operation *base = tail.base.getDefiningOp();
  if (!base)
    return false; // an input of the program
  if (isa<nn::ConvOp, nn::MatmulOp>(base))
    return formProduct(op, *to, tail) || formFunction(op, *to);
  if (isa<linalg::GenericOp>(base))
    return formPrelu(op, *to) || formFunction(op, *to) ||
           formElementwise(op, *to, tail);
  if (isa<nn::NormalizeOp>(base))
    return formNormalize(op, *to, tail);
  if (isa<nn::PoolOp>(base))
    return formAveragePool(op, *to, tail);
  if (isa<nn::SoftmaxOp>(base))
    return formSoftmax(op, *to, tail);
  if (isa<nn::ConcatOp>(base))
    return formConcat(op, *to, tail);
  if (isa<nn::DequantizeOp>(base))
    return false;
  return refuse(base, "no integer form of this operation");
}

namespace {
struct FormIntegerOpsPass final
    : adze::impl::FormIntegerOpsBase<FormIntegerOpsPass> {
  using FormIntegerOpsBase::FormIntegerOpsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>("main");
    bool isQuantized = false;
    if (main)
      main.walk([&](Operation *op) {
        isQuantized |= isa<nn::QuantizeOp, nn::DequantizeOp>(op);
      });
    if (!isQuantized)
      return;
    auto choice = roundingOf(module);
    if (!choice) {
      module.emitError("form-integer-ops: rounding is '" + rounding +
                       "', expected auto, tflite, twice or once");
      return signalPassFailure();
    }
    if (failed(normalize(main)))
      return signalPassFailure();
    Former former(*choice);
    SmallVector<nn::RecurrentOp> recurrences;
    main.walk([&](nn::RecurrentOp op) { recurrences.push_back(op); });
    bool isChanged = false;
    for (nn::RecurrentOp op : recurrences)
      isChanged |= former.formRecurrent(op);
    if (isChanged) {
      eraseUnused(main);
      if (failed(normalize(main)))
        return signalPassFailure();
    }
    SmallVector<nn::QuantizeOp> ends;
    main.walk([&](nn::QuantizeOp op) { ends.push_back(op); });
    for (nn::QuantizeOp op : ends)
      former.form(op);
    eraseUnused(main);
    SmallVector<Operation *> products;
    main.walk([&](Operation *op) {
      if (isa<nn::ConvOp, nn::MatmulOp>(op) &&
          isa<FloatType>(elementTypeOf(op->getResult(0))) &&
          op->getOperand(0).getDefiningOp<nn::DequantizeOp>() &&
          op->getOperand(1).getDefiningOp<nn::DequantizeOp>())
        products.push_back(op);
    });
    for (Operation *op : products)
      former.formSums(op);
    eraseUnused(main);
    report(module, main, former);
  }

private:
  std::optional<Roundings> roundingOf(ModuleOp module) {
    if (rounding == "once")
      return Roundings{nn::Rounding::once, nn::Rounding::once};
    if (rounding == "tflite")
      return Roundings{nn::Rounding::twice, nn::Rounding::once};
    if (rounding == "twice")
      return Roundings{nn::Rounding::twice, nn::Rounding::twice};
    if (rounding != "auto")
      return std::nullopt;
    auto producer = module->getAttrOfType<StringAttr>("onnx.producer");
    if (producer && producer.getValue().starts_with("tf2onnx"))
      return Roundings{nn::Rounding::twice, nn::Rounding::once};
    return Roundings{nn::Rounding::once, nn::Rounding::once};
  }

  static void eraseUnused(func::FuncOp main) {
    main.walk([](Block *block) {
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (isOpTriviallyDead(&op))
          op.erase();
    });
  }

  /// Lists what computes in float with numbers that were quantized.
  static void report(ModuleOp module, func::FuncOp main, const Former &former) {
    llvm::SmallDenseSet<Value> quantized;
    SmallVector<Attribute> list;
    std::set<std::string> seen;
    Builder b(module.getContext());
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto dequantize = dyn_cast<nn::DequantizeOp>(op)) {
        if (!dequantize.getInput().getDefiningOp<adze::ConstantOp>())
          quantized.insert(dequantize.getOutput());
        return WalkResult::advance();
      }
      if (!llvm::any_of(op->getOperands(), [&](Value operand) {
            return quantized.contains(operand);
          }))
        return isa<linalg::GenericOp>(op) ? WalkResult::skip()
                                          : WalkResult::advance();
      if (isa<nn::QuantizeOp>(op) || op->hasTrait<OpTrait::IsTerminator>())
        return WalkResult::advance();
      for (Value result : op->getResults())
        quantized.insert(result);
      if (!isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp, nn::ConcatOp,
               nn::BroadcastOp, nn::GatherOp>(op)) {
        auto it = former.reasons.find(op);
        std::string name = nodeName(op->getLoc());
        std::string line =
            (name.empty() ? op->getName().getStringRef().str() : name) + ": " +
            (it == former.reasons.end() ? "its result is not quantized"
                                        : it->second);
        if (seen.insert(line).second)
          list.push_back(b.getStringAttr(line));
      }
      return isa<linalg::GenericOp>(op) ? WalkResult::skip()
                                        : WalkResult::advance();
    });
    if (!list.empty())
      module->setAttr("adze.float_fallbacks", b.getArrayAttr(list));
  }
};
} // namespace
