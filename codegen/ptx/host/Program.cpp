//===- Program.cpp - The launches of one chip's program as C ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/host/Program.h"

#include "codegen/c/ModuleContext.h"
#include "codegen/ptx/host/Order.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/FormatVariadic.h"

using namespace adze;
using namespace adze::cuda;
using namespace mlir;

/// Streams that a program uses at most: a GPU runs more grids at a time, but
/// models have few branches, and each fork costs an edge of the graph.
static constexpr unsigned kMostStreams = 4;

func::FuncOp cuda::entryOf(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("adze.entry"))
      return function;
  return nullptr;
}

int cuda::tensorNumber(func::FuncOp entry, BlockArgument argument) {
  auto kind = [&](unsigned i) {
    auto text = entry.getArgAttrOfType<StringAttr>(i, "adze.kind");
    return text ? text.getValue() : StringRef();
  };
  StringRef wanted = kind(argument.getArgNumber());
  if (wanted == "arena")
    return -1;
  int number = 0;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    if (kind(i) == "input" ? wanted != "input" || i < argument.getArgNumber()
                           : kind(i) == "output" && wanted == "output" &&
                                 i < argument.getArgNumber())
      ++number;
  return number;
}

namespace {

class Printer {
public:
  Printer(const CudaProgram &program, StringRef model,
          const DeviceMemory &memory)
      : program(program), module(*program.module), entry(entryOf(module)),
        model(model), memory(memory) {}

  FailureOr<ProgramText> print();

private:
  LogicalResult printKernel(tile::KernelOp kernel);
  LogicalResult printBlock(Block &block, unsigned indent);
  LogicalResult printOp(Operation &op, unsigned indent);
  LogicalResult printLaunch(tile::LaunchOp launch, unsigned indent);
  LogicalResult printCopy(memref::CopyOp copy, unsigned indent);
  LogicalResult printLoad(memref::LoadOp load, unsigned indent);
  LogicalResult printIf(scf::IfOp op, unsigned indent);
  LogicalResult printWhile(scf::WhileOp op, unsigned indent);
  LogicalResult printScalar(Operation &op, unsigned indent);
  LogicalResult schedule();
  FailureOr<Place> place(Value buffer);
  std::string address(const Place &place);
  bool waitsByItself(StringRef kernel) const;

  void line(unsigned indent, const llvm::Twine &content) {
    text.enqueue += std::string(2 * indent, ' ') + content.str() + "\n";
  }
  std::string declare(Value value, unsigned indent,
                      const std::string &expression);
  std::string name(Value value) const { return names.lookup(value); }

  const CudaProgram &program;
  ModuleOp module;
  func::FuncOp entry;
  StringRef model;
  const DeviceMemory &memory;
  ProgramText text;
  llvm::StringMap<unsigned> numbers; // of kernels
  llvm::StringMap<SmallVector<bool>> written;
  llvm::DenseMap<Operation *, Slot> slots;
  Schedule order;
  unsigned maps = 0;   // slots of encoded tensor maps
  unsigned values = 0; // numbered C variables
  llvm::DenseMap<Value, std::string> names;
  /// What came last on each stream: a launch lets its successor overlap.
  std::vector<bool> lastIsLaunch;
  bool usesTensors = false, usesMemory = false;
};

} // namespace

/// CUtensorMapDataType.
static int mapType(Type type) {
  if (type.isF16())
    return 6;
  if (type.isF32())
    return 7;
  if (type.isF64())
    return 8;
  if (type.isBF16())
    return 9;
  switch (type.getIntOrFloatBitWidth()) {
  case 8:
    return 0;
  case 16:
    return 1;
  case 32:
    return 2;
  default:
    return 4;
  }
}

static int mapSwizzle(int64_t bytes) {
  return bytes == 32 ? 1 : bytes == 64 ? 2 : bytes == 128 ? 3 : 0;
}

static int mapPromotion(int64_t bytes) {
  return bytes == 64 ? 1 : bytes == 128 ? 2 : bytes == 256 ? 3 : 0;
}

static std::string numbersText(ArrayRef<int64_t> values, StringRef suffix) {
  std::string list;
  for (int64_t value : values)
    list += (list.empty() ? "" : ", ") + std::to_string(value) + suffix.str();
  return "{" + (list.empty() ? "0" : list) + "}";
}

/// Does the PTX of a kernel wait for the grid before it by itself? Only then
/// may it start early (PTX ISA, griddepcontrol).
bool Printer::waitsByItself(StringRef kernel) const {
  StringRef ptx = program.ptx;
  size_t begin = ptx.find((".entry " + kernel + "(").str());
  if (begin == StringRef::npos)
    return false;
  size_t end = ptx.find(".entry ", begin + 1);
  return ptx.slice(begin, end).contains("griddepcontrol.wait");
}

FailureOr<Place> Printer::place(Value buffer) {
  return placeOf(buffer, [&](BlockArgument argument) {
    return tensorNumber(entry, argument);
  });
}

std::string Printer::address(const Place &place) {
  auto plus = [](std::string base, uint64_t offset) {
    return offset ? base + " + " + std::to_string(offset) + "u" : base;
  };
  switch (place.kind) {
  case Place::Tensor:
    usesTensors = true;
    return plus("tensors[" + std::to_string(place.tensor) + "]",
                uint64_t(place.offset));
  case Place::Arena:
    usesMemory = true;
    return plus("memory", memory.constantBytes + uint64_t(place.offset));
  case Place::Constant:
    usesMemory = true;
    return plus("memory", memory.constants.lookup(place.constant) +
                              uint64_t(place.offset));
  }
  return "";
}

LogicalResult Printer::printKernel(tile::KernelOp kernel) {
  unsigned number = numbers.size();
  StringRef symbol = kernel.getSymName();
  numbers[symbol] = number;
  written[symbol] = writtenArguments(kernel);
  // 64 is ADZE_CUDA_MAX_PARAMETERS of the runtime.
  if (kernel.getNumArguments() > 64)
    return kernel.emitError("has more than 64 parameters");
  std::string prefix = "k" + std::to_string(number) + "_" + program.chip;
  std::string pointers;
  bool hasMaps = false;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    tile::TensorMapAttr map = kernel.getTensorMap(i);
    std::string name = prefix + "_map" + std::to_string(i);
    pointers += (i ? ", " : "") + (map ? "&" + name : std::string("NULL"));
    if (!map)
      continue;
    hasMaps = true;
    SmallVector<int64_t> steps(map.getShape().size(), 1);
    text.tables +=
        llvm::formatv("static const adze_cuda_tensor {0} = {{\n    {1}, {2}, "
                      "{3}, {4},\n    {5}, {6}, {7}, {8}};\n",
                      name, mapType(map.getElementType()),
                      map.getShape().size(), numbersText(map.getShape(), "u"),
                      numbersText(map.getStrides(), "u"),
                      numbersText(map.getBox(), "u"), numbersText(steps, "u"),
                      mapSwizzle(map.getSwizzle()), mapPromotion(map.getL2()))
            .str();
  }
  if (hasMaps)
    text.tables += "static const adze_cuda_tensor *const " + prefix +
                   "_tensors[] = {" + pointers + "};\n";
  CKernel row;
  row.name = symbol.str();
  row.symbol = symbol.str();
  row.doc = kernel.getDoc().value_or("").str();
  if (Attribute schedule = kernel.getScheduleAttr())
    llvm::raw_string_ostream(row.schedule) << schedule;
  ArrayRef<int64_t> grid = kernel.getGrid();
  SmallVector<int64_t> cluster{1, 1, 1};
  if (auto given = kernel.getCluster())
    cluster.assign(given->begin(), given->end());
  row.grid.assign(grid.begin(), grid.end());
  row.block = kernel.getBlock();
  row.cluster.assign(cluster.begin(), cluster.end());
  row.sharedBytes = kernel.getSharedBytes();
  text.kernels.push_back(row);
  text.row += llvm::formatv("    {{\"{0}\", {1}, {2}, {3}, {4}, {5}, {6}},\n",
                            symbol, numbersText(grid, "u"), kernel.getBlock(),
                            numbersText(cluster, "u"), kernel.getSharedBytes(),
                            kernel.getNumArguments(),
                            hasMaps ? prefix + "_tensors" : "NULL")
                  .str();
  return success();
}

LogicalResult Printer::schedule() {
  std::vector<Work> work;
  std::vector<Operation *> ops;
  bool isStraight = true;
  for (Operation &op : entry.getBody().front()) {
    Work piece;
    if (auto launch = dyn_cast<tile::LaunchOp>(op)) {
      SmallVector<bool> writes = written.lookup(launch.getCallee());
      for (auto [i, value] : llvm::enumerate(launch.getOperands())) {
        auto where = place(value);
        if (failed(where))
          return failure();
        piece.accesses.push_back(
            {*where, where->kind != Place::Constant &&
                         (i >= writes.size() || writes[i])});
      }
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      auto from = place(copy.getSource()), to = place(copy.getTarget());
      if (failed(from) || failed(to))
        return failure();
      piece.accesses = {{*from, false}, {*to, true}};
    } else {
      isStraight &= !isa<scf::IfOp, scf::WhileOp, memref::LoadOp>(op);
      continue;
    }
    work.push_back(piece);
    ops.push_back(&op);
  }
  text.hasConditions = !isStraight;
  // A read of a condition waits for one stream; several would each have to
  // be joined first.
  order = scheduleStreams(work, isStraight ? kMostStreams : 1);
  for (auto [op, slot] : llvm::zip(ops, order.slots))
    slots[op] = slot;
  lastIsLaunch.assign(order.streams, false);
  return success();
}

LogicalResult Printer::printLaunch(tile::LaunchOp launch, unsigned indent) {
  auto kernel = module.lookupSymbol<tile::KernelOp>(launch.getCallee());
  if (!kernel)
    return launch.emitError("launches a kernel that does not exist");
  Slot slot = slots.lookup(launch);
  std::string list;
  unsigned first = maps;
  for (auto [i, value] : llvm::enumerate(launch.getOperands())) {
    auto where = place(value);
    if (failed(where))
      return failure();
    list += (i ? ", " : "") + address(*where);
    if (kernel.getTensorMap(i))
      ++maps;
  }
  if (auto doc = kernel.getDoc())
    line(indent, "/* " + c::commentText(*doc) + " */");
  for (unsigned event : slot.waits)
    line(indent, "adze_cuda_wait(c, " + llvm::Twine(slot.stream) + ", " +
                     llvm::Twine(event) + ");");
  bool overlap = slot.waits.empty() && lastIsLaunch[slot.stream] &&
                 waitsByItself(launch.getCallee());
  std::string call =
      llvm::formatv("adze_cuda_launch(c, {0}, {1}, {2}, {3}, "
                    "(adze_cu_pointer[]){{{4}});",
                    numbers.lookup(launch.getCallee()), slot.stream,
                    overlap ? 1 : 0, first, list.empty() ? "0" : list)
          .str();
  text.enqueue += c::brokenLine(call, indent);
  lastIsLaunch[slot.stream] = slot.event < 0;
  if (slot.event >= 0)
    line(indent, "adze_cuda_record(c, " + llvm::Twine(slot.event) + ", " +
                     llvm::Twine(slot.stream) + ");");
  return success();
}

LogicalResult Printer::printCopy(memref::CopyOp copy, unsigned indent) {
  auto from = place(copy.getSource()), to = place(copy.getTarget());
  if (failed(from) || failed(to))
    return failure();
  auto isDense = [](Value buffer) {
    int64_t offset = 0;
    SmallVector<int64_t> strides, dense;
    auto type = cast<MemRefType>(buffer.getType());
    if (failed(type.getStridesAndOffset(strides, offset)))
      return false;
    int64_t stride = 1;
    for (int64_t size : llvm::reverse(type.getShape())) {
      dense.insert(dense.begin(), stride);
      stride *= size;
    }
    return strides == dense;
  };
  if (!isDense(copy.getSource()) || !isDense(copy.getTarget()))
    return copy.emitError("the host program copies whole buffers only");
  Slot slot = slots.lookup(copy);
  for (unsigned event : slot.waits)
    line(indent, "adze_cuda_wait(c, " + llvm::Twine(slot.stream) + ", " +
                     llvm::Twine(event) + ");");
  if (to->bytes > 0)
    text.enqueue +=
        c::brokenLine("adze_cuda_copy(c, " + std::to_string(slot.stream) +
                          ", " + address(*to) + ", " + address(*from) + ", " +
                          std::to_string(to->bytes) + "u);",
                      indent);
  lastIsLaunch[slot.stream] = false;
  if (slot.event >= 0)
    line(indent, "adze_cuda_record(c, " + llvm::Twine(slot.event) + ", " +
                     llvm::Twine(slot.stream) + ");");
  return success();
}

/// The C type of a number of the host program; empty if it has none.
static std::string scalarType(Type type) {
  if (type.isInteger(1))
    return "int";
  if (type.isIndex())
    return "int64_t";
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() <= 64 && integer.getWidth() % 8 == 0
               ? "int" + std::to_string(integer.getWidth()) + "_t"
               : "";
  return type.isF32() ? "float" : type.isF64() ? "double" : "";
}

std::string Printer::declare(Value value, unsigned indent,
                             const std::string &expression) {
  std::string id = "v" + std::to_string(values++);
  std::string type = scalarType(value.getType());
  line(indent,
       "const " + type + " " + id + " = (" + type + ")(" + expression + ");");
  return names[value] = id;
}

LogicalResult Printer::printLoad(memref::LoadOp load, unsigned indent) {
  auto where = place(load.getMemRef());
  std::string type = scalarType(load.getType());
  if (failed(where) || type.empty())
    return load.emitError("the host program cannot read this number");
  SmallVector<int64_t> strides;
  int64_t offset = 0, at = 0;
  if (failed(load.getMemRefType().getStridesAndOffset(strides, offset)))
    return load.emitError("the host program reads plain buffers only");
  for (auto [index, stride] : llvm::zip(load.getIndices(), strides)) {
    APInt known;
    if (!matchPattern(index, m_ConstantInt(&known)))
      return load.emitError("the host program reads at known places only");
    at += known.getSExtValue() * stride;
  }
  int64_t size = elementBytes(load.getType());
  where->offset += at * size;
  std::string id = "v" + std::to_string(values++);
  line(indent,
       (load.getType().isInteger(1) ? "int8_t " : type + " ") + id + ";");
  line(indent, "adze_cuda_read(c, &" + id + ", " + address(*where) +
                   ", sizeof " + id + ");");
  names[load] = id;
  lastIsLaunch.assign(lastIsLaunch.size(), false);
  return success();
}

/// A condition of an scf.if: false after a failure, so that nothing more
/// happens.
LogicalResult Printer::printIf(scf::IfOp op, unsigned indent) {
  SmallVector<std::string> results;
  for (Value result : op.getResults()) {
    std::string type = scalarType(result.getType());
    if (type.empty())
      return op.emitError("the host program has no such number");
    std::string id = "v" + std::to_string(values++);
    line(indent, type + " " + id + " = 0;");
    names[result] = id;
    results.push_back(id);
  }
  auto branch = [&](Region &region) {
    lastIsLaunch.assign(lastIsLaunch.size(), false);
    if (failed(printBlock(region.front(), indent + 1)))
      return failure();
    for (auto [id, value] :
         llvm::zip(results, region.front().getTerminator()->getOperands()))
      line(indent + 1, id + " = " + name(value) + ";");
    return success();
  };
  line(indent, "if (" + name(op.getCondition()) + ") {");
  if (failed(branch(op.getThenRegion())))
    return failure();
  if (!op.getElseRegion().empty()) {
    line(indent, "} else {");
    if (failed(branch(op.getElseRegion())))
      return failure();
  }
  line(indent, "}");
  lastIsLaunch.assign(lastIsLaunch.size(), false);
  return success();
}

LogicalResult Printer::printWhile(scf::WhileOp op, unsigned indent) {
  // Carried numbers are variables; a failure ends the loop.
  SmallVector<std::string> carried, results;
  auto variables = [&](TypeRange types, SmallVector<std::string> &list) {
    for (Type type : types) {
      if (scalarType(type).empty())
        return failure();
      list.push_back("v" + std::to_string(values++));
      line(indent, scalarType(type) + " " + list.back() + " = 0;");
    }
    return success();
  };
  if (failed(variables(op.getInits().getTypes(), carried)) ||
      failed(variables(op.getResultTypes(), results)))
    return op.emitError("the host program has no such number");
  auto assign = [&](ArrayRef<std::string> to, ValueRange from, unsigned depth) {
    SmallVector<std::string> copies; // one may read what another writes
    for (Value value : from) {
      copies.push_back("v" + std::to_string(values++));
      line(depth, "const " + scalarType(value.getType()) + " " + copies.back() +
                      " = " + name(value) + ";");
    }
    for (auto [id, copy] : llvm::zip(to, copies))
      line(depth, id + " = " + copy + ";");
  };
  assign(carried, op.getInits(), indent);
  line(indent, "for (;;) {");
  Block &before = op.getBefore().front(), &after = op.getAfter().front();
  for (auto [argument, id] : llvm::zip(before.getArguments(), carried))
    names[argument] = id;
  lastIsLaunch.assign(lastIsLaunch.size(), false);
  if (failed(printBlock(before, indent + 1)))
    return failure();
  auto condition = cast<scf::ConditionOp>(before.getTerminator());
  assign(results, condition.getArgs(), indent + 1);
  line(indent + 1, "if (!" + name(condition.getCondition()) +
                       " || c->status != ADZE_CUDA_OK) {");
  line(indent + 2, "break;");
  line(indent + 1, "}");
  for (auto [argument, id] : llvm::zip(after.getArguments(), results))
    names[argument] = id;
  if (failed(printBlock(after, indent + 1)))
    return failure();
  assign(carried, after.getTerminator()->getOperands(), indent + 1);
  line(indent, "}");
  for (auto [result, id] : llvm::zip(op.getResults(), results))
    names[result] = id;
  lastIsLaunch.assign(lastIsLaunch.size(), false);
  return success();
}

static StringRef comparison(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return "==";
  case arith::CmpIPredicate::ne:
    return "!=";
  case arith::CmpIPredicate::slt:
  case arith::CmpIPredicate::ult:
    return "<";
  case arith::CmpIPredicate::sle:
  case arith::CmpIPredicate::ule:
    return "<=";
  case arith::CmpIPredicate::sgt:
  case arith::CmpIPredicate::ugt:
    return ">";
  case arith::CmpIPredicate::sge:
  case arith::CmpIPredicate::uge:
    return ">=";
  }
  return "";
}

static bool isUnsigned(arith::CmpIPredicate predicate) {
  return predicate == arith::CmpIPredicate::ult ||
         predicate == arith::CmpIPredicate::ule ||
         predicate == arith::CmpIPredicate::ugt ||
         predicate == arith::CmpIPredicate::uge;
}

LogicalResult Printer::printScalar(Operation &op, unsigned indent) {
  auto binary = [&](StringRef symbol) {
    declare(
        op.getResult(0), indent,
        (name(op.getOperand(0)) + " " + symbol + " " + name(op.getOperand(1)))
            .str());
    return success();
  };
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    std::string a = name(compare.getLhs()), b = name(compare.getRhs());
    if (isUnsigned(compare.getPredicate())) {
      a = "(uint64_t)" + a;
      b = "(uint64_t)" + b;
    }
    declare(compare, indent,
            (a + " " + comparison(compare.getPredicate()) + " " + b).str());
    return success();
  }
  if (isa<arith::AddIOp>(op))
    return binary("+");
  if (isa<arith::SubIOp>(op))
    return binary("-");
  if (isa<arith::AndIOp>(op))
    return binary("&");
  if (isa<arith::OrIOp>(op))
    return binary("|");
  if (isa<arith::XOrIOp>(op))
    return binary("^");
  if (isa<arith::ExtSIOp>(op) && op.getOperand(0).getType().isInteger(1)) {
    declare(op.getResult(0), indent, "-" + name(op.getOperand(0)));
    return success();
  }
  if (isa<arith::ExtUIOp>(op) && op.getOperand(0).getType().isInteger(1)) {
    names[op.getResult(0)] = name(op.getOperand(0));
    return success();
  }
  if (isa<arith::TruncIOp>(op) && op.getResult(0).getType().isInteger(1)) {
    declare(op.getResult(0), indent, name(op.getOperand(0)) + " & 1");
    return success();
  }
  if (isa<arith::ExtSIOp, arith::TruncIOp, arith::IndexCastOp>(op)) {
    declare(op.getResult(0), indent, name(op.getOperand(0)));
    return success();
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    declare(select, indent,
            name(select.getCondition()) + " ? " + name(select.getTrueValue()) +
                " : " + name(select.getFalseValue()));
    return success();
  }
  return op.emitError("the host program of a GPU has no such operation");
}

LogicalResult Printer::printOp(Operation &op, unsigned indent) {
  if (auto launch = dyn_cast<tile::LaunchOp>(op))
    return printLaunch(launch, indent);
  if (auto copy = dyn_cast<memref::CopyOp>(op))
    return printCopy(copy, indent);
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return printLoad(load, indent);
  if (auto condition = dyn_cast<scf::IfOp>(op))
    return printIf(condition, indent);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return printWhile(loop, indent);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto value = dyn_cast<IntegerAttr>(constant.getValue());
    if (!value)
      return op.emitError("the host program of a GPU has integers only");
    names[constant] = constant.getType().isInteger(1)
                          ? (value.getValue().isZero() ? "0" : "1")
                          : std::to_string(value.getValue().getSExtValue());
    return success();
  }
  // Places are followed from where they are used.
  if (isa<memref::GetGlobalOp, memref::ViewOp, memref::ReinterpretCastOp,
          memref::SubViewOp, memref::CastOp, memref::ExpandShapeOp,
          memref::CollapseShapeOp>(op) ||
      op.hasTrait<OpTrait::IsTerminator>())
    return success();
  return printScalar(op, indent);
}

LogicalResult Printer::printBlock(Block &block, unsigned indent) {
  for (Operation &op : block)
    if (failed(printOp(op, indent)))
      return failure();
  return success();
}

FailureOr<ProgramText> Printer::print() {
  if (!entry || !llvm::hasSingleElement(entry.getBody()))
    return module.emitError("has no entry that a host program could be");
  for (auto kernel : module.getOps<tile::KernelOp>())
    if (failed(printKernel(kernel)))
      return failure();
  std::string rows = std::move(text.row);
  text.tables += "static const adze_cuda_kernel kernels_" + program.chip +
                 "[] = {\n" +
                 (rows.empty() ? std::string("    {\"\", {1u, 1u, 1u}, 1, {1u, "
                                             "1u, 1u}, 0, 0, NULL},\n")
                               : rows) +
                 "};\n\n";
  if (failed(schedule()))
    return failure();
  if (failed(printBlock(entry.getBody().front(), 1)))
    return failure();
  for (unsigned event : order.joins)
    line(1, "adze_cuda_wait(c, 0, " + llvm::Twine(event) + ");");
  std::string head = "static void enqueue_" + program.chip +
                     "(adze_cuda *c, const adze_cu_pointer *tensors) {\n";
  if (usesMemory)
    head += "  const adze_cu_pointer memory = c->memory;\n";
  if (!usesTensors)
    head += "  (void)tensors;\n";
  if (text.enqueue.empty())
    head += "  (void)c;\n";
  text.enqueue = head + text.enqueue + "}\n\n";
  unsigned capability = 0;
  StringRef digits = StringRef(program.chip).drop_front(3);
  bool isExact = digits.consume_back("a");
  digits.getAsInteger(10, capability);
  text.row = llvm::formatv("    {{\"{0}\", {1}, {2}, {3}_ptx_{0}, kernels_{0}, "
                           "{4}, {5}, {6}, {7}},\n",
                           program.chip, capability, isExact ? 1 : 0, model,
                           numbers.size(), order.streams, order.events, maps)
                 .str();
  return std::move(text);
}

llvm::FailureOr<ProgramText> cuda::printProgram(const CudaProgram &program,
                                                StringRef model,
                                                const DeviceMemory &memory) {
  return Printer(program, model, memory).print();
}
