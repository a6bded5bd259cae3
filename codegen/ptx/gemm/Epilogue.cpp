//===- Epilogue.cpp - From accumulators to results ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Epilogue.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/lower/ElementEmitter.h"

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using lower::elementTypeOf;
using lower::shapeOf;

namespace {

/// Remembers what is emitted, so that exactly this is widened afterwards.
class Recorder final : public OpBuilder::Listener {
public:
  explicit Recorder(OpBuilder &builder)
      : builder(builder), outer(builder.getListener()) {
    builder.setListener(this);
  }
  ~Recorder() override { builder.setListener(outer); }

  void notifyOperationInserted(Operation *op,
                               OpBuilder::InsertPoint previous) override {
    operations.push_back(op);
    if (outer)
      outer->notifyOperationInserted(op, previous);
  }

  SmallVector<Operation *> operations;

private:
  OpBuilder &builder;
  OpBuilder::Listener *outer;
};

/// bf16 and f16 become f32 between loads and stores.
class Widener {
public:
  explicit Widener(MLIRContext *context) : builder(context) {}

  /// `narrowed` are truncations of accumulators, which round nothing.
  void run(ArrayRef<Operation *> operations,
           const llvm::SmallPtrSetImpl<Operation *> &narrowed);

private:
  void widen(Operation *op, bool isAccumulator);
  /// The codes of numbers of 16 bits, which `rounded` is the type of.
  void widenCodes(vector::BitCastOp op, Type rounded);
  void widenConstant(arith::ConstantOp constant);
  /// The wide form of a narrow value for all users but its conversion.
  void extendResult(Operation *op);
  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }

  OpBuilder builder;
};

} // namespace

static bool isNarrow(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}

static Type wideType(Type type) {
  Type f32 = Float32Type::get(type.getContext());
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(f32);
  return f32;
}

void Widener::extendResult(Operation *op) {
  Value value = op->getResult(0);
  builder.setInsertionPointAfter(op);
  auto wide = arith::ExtFOp::create(builder, op->getLoc(),
                                    wideType(value.getType()), value);
  value.replaceAllUsesExcept(wide, wide);
}

void Widener::widenConstant(arith::ConstantOp constant) {
  auto convert = [](APFloat value) {
    bool losesInfo;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return value;
  };
  Type type = wideType(constant.getType());
  if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
    constant.setValueAttr(FloatAttr::get(type, convert(value.getValue())));
  else if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
    constant.setValueAttr(
        dense.mapValues(builder.getF32Type(), [&](const APFloat &value) {
          return convert(value).bitcastToAPInt();
        }));
  constant.getResult().setType(type);
}

void Widener::widen(Operation *op, bool isAccumulator) {
  if (isa<memref::LoadOp, vector::LoadOp>(op)) {
    if (isNarrow(op->getResult(0).getType()))
      extendResult(op);
    return;
  }
  if (isa<memref::StoreOp, vector::StoreOp>(op)) {
    Value stored = op->getOperand(0);
    auto memory = cast<MemRefType>(op->getOperand(1).getType());
    if (!isNarrow(memory.getElementType()))
      return;
    builder.setInsertionPoint(op);
    Type type = memory.getElementType();
    if (auto vector = dyn_cast<VectorType>(stored.getType()))
      type = vector.clone(type);
    op->setOperand(
        0, arith::TruncFOp::create(builder, op->getLoc(), type, stored));
    return;
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (isNarrow(constant.getType()))
      widenConstant(constant);
    return;
  }
  if (isa<arith::ExtFOp>(op)) {
    if (op->getOperand(0).getType() == op->getResult(0).getType())
      replace(op, op->getOperand(0));
    return;
  }
  if (isa<arith::TruncFOp>(op)) {
    if (!isNarrow(op->getResult(0).getType()))
      return;
    if (isAccumulator)
      return replace(op, op->getOperand(0));
    return extendResult(op); // a cast of the model
  }
  for (Value result : op->getResults())
    if (isNarrow(result.getType()))
      result.setType(wideType(result.getType()));
}

void Widener::widenCodes(vector::BitCastOp op, Type rounded) {
  builder.setInsertionPoint(op);
  op.getSourceMutable().assign(
      arith::TruncFOp::create(builder, op.getLoc(), rounded, op.getSource()));
}

void Widener::run(ArrayRef<Operation *> operations,
                  const llvm::SmallPtrSetImpl<Operation *> &narrowed) {
  SmallVector<std::pair<vector::BitCastOp, Type>> codes;
  for (Operation *op : operations)
    if (auto code = dyn_cast<vector::BitCastOp>(op);
        code && isNarrow(code.getSourceVectorType()))
      codes.emplace_back(code, code.getSourceVectorType());
  for (Operation *op : operations)
    if (!isa<vector::BitCastOp>(op))
      widen(op, narrowed.contains(op));
  for (auto [code, rounded] : codes)
    widenCodes(code, rounded);
}

int64_t Epilogue::maxWidth() const {
  int64_t width = 16;
  for (const Output &output : problem.outputs) {
    if (!output.perm.empty())
      return 1;
    int64_t bytes =
        std::max<unsigned>(8, output.element.getIntOrFloatBitWidth()) / 8;
    width = std::min(width, std::min<int64_t>(16, output.alignment) / bytes);
    while (width > 1 && problem.n % width != 0)
      width /= 2;
  }
  return std::max<int64_t>(width, 1);
}

/// The bias of nn.matmul broadcasts to the result.
static Value biasAt(lower::ElementEmitter &e, Value bias,
                    ArrayRef<Value> indices, int64_t lanes) {
  ArrayRef<int64_t> sizes = shapeOf(bias);
  lower::Indices at;
  for (auto [index, size] : llvm::zip(indices.take_back(sizes.size()), sizes))
    at.push_back(size == 1 ? e.index(0) : index);
  bool spread = sizes.empty() || sizes.back() == 1;
  return e.broadcast(e.element(bias, at, spread ? 1 : lanes), lanes);
}

/// Says how vectors of `width` elements from column `n` on are aligned.
static void alignVectors(const GemmProblem &problem, ArrayRef<Value> arguments,
                         ArrayRef<Operation *> operations, Value n,
                         int64_t width) {
  auto alignmentOf = [&](Value memory, OperandRange indices) -> int64_t {
    auto type = cast<MemRefType>(memory.getType());
    int64_t bytes =
        std::max<unsigned>(8, type.getElementTypeBitWidth()) / 8 * width;
    auto found = llvm::find(arguments, memory);
    size_t position = found - arguments.begin();
    int64_t start = bytes; // of an output: maxWidth() looked at it
    if (position < problem.argumentAlignment.size())
      start = problem.argumentAlignment[position];
    bool rows = type.getRank() == 1 || type.getShape().back() % width == 0;
    return rows && !indices.empty() && indices.back() == n && start >= bytes
               ? bytes
               : 0;
  };
  for (Operation *op : operations) {
    if (auto load = dyn_cast<vector::LoadOp>(op)) {
      int64_t bytes = alignmentOf(load.getBase(), load.getIndices());
      if (load.getVectorType().getNumElements() == width && bytes)
        load.setAlignment(bytes);
    }
    if (auto store = dyn_cast<vector::StoreOp>(op)) {
      int64_t bytes = alignmentOf(store.getBase(), store.getIndices());
      if (bytes)
        store.setAlignment(bytes);
    }
  }
}

void Epilogue::evaluate(OpBuilder &builder, Location loc, ArrayRef<Value> batch,
                        Value m, Value n, ValueRange accumulators,
                        UseResult use) const {
  int64_t lanes = accumulators.size();
  Recorder recorder(builder);
  lower::ElementEmitter e(builder, loc);
  kernel::FuncOp kernel = problem.kernel;
  Block &body = kernel.getBody().front();
  for (auto [argument, memory] : llvm::zip(body.getArguments(), arguments))
    e.setBuffer(argument, memory);
  lower::Indices indices(batch.begin(), batch.end());
  indices.push_back(m);
  indices.push_back(n);

  nn::MatmulOp root = problem.root;
  Value value = accumulators[0];
  if (lanes > 1)
    value = e.make<vector::FromElementsOp>(
        e.laneType(problem.accumulator, lanes), accumulators);
  if (root.getBias()) {
    Value bias = biasAt(e, root.getBias(), indices, lanes);
    if (bias.getType() != value.getType())
      bias = e.make<arith::ExtFOp>(value.getType(), bias);
    value = e.make<arith::AddFOp>(value, bias);
  }
  llvm::SmallPtrSet<Operation *, 1> narrowed;
  Type product = e.laneType(problem.product, lanes);
  if (product != value.getType()) {
    value = e.make<arith::TruncFOp>(product, value);
    narrowed.insert(value.getDefiningOp());
  }
  e.define(root.getOutput(), indices, lanes, value);
  for (const Output &output : problem.outputs)
    use(output, e.element(output.computed, indices, lanes), indices);
  if (lanes > 1)
    alignVectors(problem, arguments, recorder.operations, n, lanes);
  Widener(builder.getContext()).run(recorder.operations, narrowed);
}

void Epilogue::store(OpBuilder &builder, Location loc, ArrayRef<Value> batch,
                     Value m, Value n, ValueRange accumulators) const {
  kernel::FuncOp kernel = problem.kernel;
  unsigned inputs = kernel.getBody().getNumArguments();
  evaluate(builder, loc, batch, m, n, accumulators,
           [&](const Output &output, Value value, ArrayRef<Value> indices) {
             Value memory = arguments[inputs + output.result];
             SmallVector<Value> to(indices);
             for (auto [i, p] : llvm::enumerate(output.perm))
               to[i] = indices[p];
             if (accumulators.size() == 1)
               memref::StoreOp::create(builder, loc, value, memory, to);
             else
               vector::StoreOp::create(builder, loc, value, memory, to);
           });
}

Value Epilogue::pair(OpBuilder &builder, Location loc, ArrayRef<Value> batch,
                     Value m, Value n, ValueRange accumulators) const {
  auto type = VectorType::get({1}, builder.getI32Type());
  Value code;
  evaluate(builder, loc, batch, m, n, accumulators,
           [&](const Output &, Value value, ArrayRef<Value>) {
             code = vector::BitCastOp::create(builder, loc, type, value);
           });
  return vector::ExtractOp::create(builder, loc, code, 0);
}
