//===- Problem.cpp - Reads a fused matrix product -------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/gemm/Problem.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "passes/lower/ElementEmitter.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <numeric>

using namespace mlir;
using namespace adze;
using namespace adze::gemm;
using lower::elementTypeOf;
using lower::shapeOf;

static int64_t productOf(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1),
                         std::multiplies<>());
}

int64_t Operand::elements() const { return productOf(shape); }

bool Operand::isShared() const {
  return llvm::all_of(batchStrides, [](int64_t stride) { return stride == 0; });
}

int64_t GemmProblem::batchCount() const { return productOf(batch); }

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string GemmProblem::describe() const {
  std::string text;
  if (batchCount() != 1)
    text = std::to_string(batchCount()) + "x";
  text += std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  text += " " + typeName(a.element) + " ";
  text += a.transposed ? "t" : "n";
  text += b.transposed ? "t" : "n";
  return text;
}

/// What a kernel may compute with and keep in memory: types that the code
/// behind the product can load, convert and store.
static bool isPlainType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF32() || element.isF64() || element.isF16() || element.isBF16())
    return true;
  return element.isInteger(8) || element.isInteger(16) ||
         element.isInteger(32) || element.isInteger(64);
}

/// The largest power of two, at most `limit`, that divides `bytes`.
static int64_t alignmentOf(int64_t bytes, int64_t limit) {
  while (limit > 1 && bytes % limit != 0)
    limit /= 2;
  return limit;
}

static int64_t byteSize(Type element) {
  return std::max<unsigned>(8, element.getIntOrFloatBitWidth()) / 8;
}

/// Buffers of the arena and of the program start at multiples of 256 bytes
/// (plan-memory, cuMemAlloc); a view may start in the middle of one.
static SmallVector<int64_t> argumentAlignments(kernel::FuncOp kernel) {
  SmallVector<int64_t> alignment(kernel.getArgumentTypes().size(), 256);
  auto module = kernel->getParentOfType<ModuleOp>();
  if (!module)
    return alignment;
  module.walk([&](kernel::CallOp call) {
    if (call.getCallee() != kernel.getSymName())
      return;
    for (auto [i, input] : llvm::enumerate(call.getInputs())) {
      Value value = input;
      while (auto view = value.getDefiningOp<kernel::ViewOp>()) {
        int64_t bytes = int64_t(view.getOffset()) *
                        byteSize(elementTypeOf(view.getInput()));
        alignment[i] = alignmentOf(bytes, alignment[i]);
        value = view.getInput();
      }
    }
  });
  return alignment;
}

/// A joined result lies in the middle of another buffer.
static int64_t resultAlignment(kernel::FuncOp kernel, unsigned result) {
  int64_t alignment = 256;
  auto module = kernel->getParentOfType<ModuleOp>();
  if (!module)
    return alignment;
  module.walk([&](kernel::CallOp call) {
    if (call.getCallee() != kernel.getSymName())
      return;
    for (Operation *user : call->getResult(result).getUsers())
      if (isa<kernel::JoinOp>(user))
        alignment = byteSize(elementTypeOf(call->getResult(result)));
  });
  return alignment;
}

static bool readOperand(Value value, bool transposed, bool isA,
                        ArrayRef<int64_t> batch, ArrayRef<int64_t> starts,
                        Operand &operand) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return false;
  operand.argument = argument.getArgNumber();
  operand.element = elementTypeOf(value);
  operand.shape.assign(shapeOf(value));
  operand.transposed = transposed;
  operand.isKContiguous = isA != transposed;
  operand.leading = operand.shape.back();
  int64_t stride = operand.leading * operand.shape[operand.shape.size() - 2];
  operand.batchStrides.assign(batch.size(), 0);
  for (size_t d = batch.size(); d-- > 0;) {
    if (operand.shape[d] != 1)
      operand.batchStrides[d] = stride;
    stride *= operand.shape[d];
  }
  // Each batch stride is a multiple of the rows before it.
  operand.alignment = alignmentOf(operand.leading * operand.elementBytes(),
                                  starts[operand.argument]);
  return true;
}

namespace {
/// Reads what stands between the product and the results.
class EpilogueReader {
public:
  EpilogueReader(GemmProblem &problem) : problem(problem) {}

  bool read();

private:
  bool readOutput(unsigned result, Value returned);
  /// Whether `value` needs the product only at its own indices, and whether it
  /// needs it at all.
  bool visit(Value value, bool &dependent);
  void readMemory(BlockArgument argument);

  GemmProblem &problem;
  llvm::DenseMap<Value, bool> dependence;
  llvm::SmallPtrSet<void *, 8> counted;
};
} // namespace

void EpilogueReader::readMemory(BlockArgument argument) {
  if (!counted.insert(argument.getAsOpaquePointer()).second)
    return;
  problem.epilogueReadBytes +=
      productOf(shapeOf(argument)) * byteSize(elementTypeOf(argument));
}

/// Whether the bits of a number of 16 bits are looked at: the epilogue holds it
/// as f32.
static bool readsCodes(linalg::GenericOp generic) {
  auto isNarrow = [](Type type) { return type.isF16() || type.isBF16(); };
  return llvm::any_of(
      generic.getBody()->getOps<arith::BitcastOp>(), [&](arith::BitcastOp op) {
        return isNarrow(op.getIn().getType()) || isNarrow(op.getType());
      });
}

bool EpilogueReader::visit(Value value, bool &dependent) {
  dependent = false;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!isPlainType(argument.getType()))
      return false;
    readMemory(argument);
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (op == problem.root) {
    dependent = true;
    return true;
  }
  auto it = dependence.find(value);
  if (it != dependence.end()) {
    dependent = it->second;
    return true;
  }
  if (!lower::findElementRule(op))
    return isa<arith::ConstantOp>(op);
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (generic && readsCodes(generic))
    return false;
  if (generic)
    problem.epilogueOps +=
        std::distance(generic.getBody()->begin(), generic.getBody()->end()) - 1;
  for (OpOperand &operand : op->getOpOperands()) {
    bool needsProduct = false;
    if (!visit(operand.get(), needsProduct))
      return false;
    if (needsProduct && (!lower::readsSameElement(operand) ||
                         shapeOf(operand.get()) != shapeOf(value)))
      return false;
    dependent |= needsProduct;
  }
  dependence[value] = dependent;
  return true;
}

bool EpilogueReader::readOutput(unsigned result, Value returned) {
  Output output;
  output.result = result;
  output.computed = returned;
  output.element = elementTypeOf(returned);
  if (!isPlainType(output.element))
    return false;
  if (auto transpose = returned.getDefiningOp<nn::TransposeOp>()) {
    output.computed = transpose.getInput();
    output.perm.assign(transpose.getPerm().begin(), transpose.getPerm().end());
  }
  bool dependent = false;
  if (!visit(output.computed, dependent) || !dependent)
    return false;
  int64_t bytes = byteSize(output.element);
  output.startAlignment = resultAlignment(problem.kernel, result);
  output.alignment =
      alignmentOf(shapeOf(returned).back() * bytes, output.startAlignment);
  problem.outputBytes += productOf(shapeOf(returned)) * bytes;
  problem.outputs.push_back(std::move(output));
  return true;
}

bool EpilogueReader::read() {
  if (problem.root.getBias()) {
    bool dependent = false;
    if (!visit(problem.root.getBias(), dependent))
      return false;
  }
  Operation *terminator = problem.kernel.getBody().front().getTerminator();
  for (auto [i, returned] : llvm::enumerate(terminator->getOperands()))
    if (!readOutput(i, returned))
      return false;
  return !problem.outputs.empty();
}

FailureOr<GemmProblem> adze::gemm::readGemmProblem(kernel::FuncOp kernel) {
  if (kernel.isExternal())
    return failure();
  GemmProblem problem;
  problem.kernel = kernel;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (lower::findElementRule(&op))
      continue;
    if (auto matmul = dyn_cast<nn::MatmulOp>(op); matmul && !problem.root) {
      problem.root = matmul;
      continue;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op);
        constant && !isa<ShapedType>(constant.getType()))
      continue;
    return failure(); // a second root
  }
  if (!problem.root)
    return failure();
  nn::MatmulOp root = problem.root;
  ArrayRef<int64_t> out = shapeOf(root.getOutput());
  problem.batch.assign(out.drop_back(2).begin(), out.drop_back(2).end());
  problem.argumentAlignment = argumentAlignments(kernel);
  if (!readOperand(root.getA(), root.getTransA(), /*isA=*/true, problem.batch,
                   problem.argumentAlignment, problem.a) ||
      !readOperand(root.getB(), root.getTransB(), /*isA=*/false, problem.batch,
                   problem.argumentAlignment, problem.b))
    return failure();
  Type element = problem.a.element;
  if (element != problem.b.element ||
      !(element.isF32() || element.isF16() || element.isBF16()))
    return failure();
  problem.product = elementTypeOf(root.getOutput());
  if (!(problem.product.isF32() || problem.product.isF16() ||
        problem.product.isBF16()))
    return failure();
  problem.accumulator = Float32Type::get(kernel.getContext());
  problem.m = out[out.size() - 2];
  problem.n = out.back();
  size_t rank = problem.a.shape.size();
  problem.k = problem.a.shape[rank - (problem.a.transposed ? 2 : 1)];
  // Nothing to add up, or nothing to compute: loops say that best.
  if (problem.m == 0 || problem.n == 0 || problem.k == 0 ||
      problem.batchCount() == 0)
    return failure();
  if (!EpilogueReader(problem).read())
    return failure();
  return problem;
}

lower::Indices adze::gemm::batchIndices(lower::LoopBuilder &e,
                                        const GemmProblem &problem,
                                        Value linear) {
  lower::Indices indices(problem.batch.size());
  bool first = true;
  for (size_t d = 0; d < problem.batch.size(); ++d) {
    if (problem.batch[d] == 1) {
      indices[d] = e.index(0);
      continue;
    }
    int64_t inner =
        productOf(ArrayRef<int64_t>(problem.batch).drop_front(d + 1));
    Value index = inner == 1 ? linear : e.div(linear, inner);
    indices[d] = first ? index : e.rem(index, problem.batch[d]);
    first = false;
  }
  return indices;
}

lower::Indices adze::gemm::operandIndices(lower::LoopBuilder &e,
                                          const Operand &operand,
                                          ArrayRef<Value> batch, Value row,
                                          Value column) {
  lower::Indices indices;
  for (auto [index, stride] : llvm::zip(batch, operand.batchStrides))
    indices.push_back(stride == 0 ? e.index(0) : index);
  indices.push_back(row);
  indices.push_back(column);
  return indices;
}
