//===- SelectKernels.cpp - Hot kernels get generated code -------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Every call of a kernel that a family can compute gets the text of the best
/// schedule that fits (with no more scratch than the module's
/// `adze.scratch_limit`, if it has one). The families' constants may be larger
/// than the weights that they stand for; all calls share one budget of flash,
/// so the choice is one over the whole program: each call starts with its
/// cheapest schedule, and while the sum is too large the exchange that costs
/// least for a byte saved is made.
///
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "adze/CostModel.h"
#include "dialects/nn/nn.h"
#include "lib/Kernels/Accelerator.h"
#include "passes/schedule/KernelProblem.h"

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_SELECTKERNELS
#include "passes/Passes.h.inc"
} // namespace adze

namespace {

/// One kernel of a way to compute a call.
struct Part {
  std::shared_ptr<const Problem> problem;
  Candidate candidate;
  KernelCode code; // once generated
};

/// One way to compute a call: a kernel, or two where a residual addition has
/// one of its own.
struct Option {
  SmallVector<Part, 2> parts;
  double cost = 0;
  int64_t constantBytes = 0, codeBytes = 0;

  void add(std::shared_ptr<const Problem> problem, const Candidate &candidate) {
    cost += candidate.cost;
    constantBytes += candidate.features.constantBytes;
    codeBytes += candidate.features.codeBytes;
    parts.push_back({std::move(problem), candidate, {}});
  }
};

struct Choice {
  kernel::FuncOp kernel;
  kernel::CallOp call;
  KernelProblem problem;
  std::vector<Option> options; // cheapest first
  size_t chosen = 0;

  Option &option() { return options[chosen]; }
};

/// A kernel.func whose body is C text, shared by calls with equal text.
struct TextKernel {
  std::string text; // type, body and functions
  kernel::FuncOp function;
  std::string name; // the one that it should have
};

class Selection {
public:
  Selection(ModuleOp module, const Machine &machine,
            const std::vector<const KernelFamily *> &families)
      : module(module), machine(machine), families(families), symbols(module),
        builder(module.getContext()) {}

  /// Kernels that a user's functions compute instead.
  LogicalResult readAccelerators();
  void collect();
  LogicalResult choose(double constantsRatio);
  void apply();

private:
  void addOptions(Choice &choice);
  /// All schedules within the limit of scratch, or all if none keeps it.
  std::vector<Candidate> candidatesFor(const Problem &problem);
  /// Options that keep weights of few bits packed, perhaps with an addition
  /// behind them.
  void addNarrow(Choice &choice, const ConvolutionProblem &problem,
                 const Candidate *addition, std::shared_ptr<const Problem> sum);
  /// Whether an accelerator takes the call; it then has no other option.
  bool addAccelerator(Choice &choice, std::shared_ptr<const Problem> whole);
  void fit(int64_t budget);
  /// Generates the chosen code; where a family refuses, drops the option.
  bool generate(Choice &choice);
  Value callText(Choice &choice, Part &part, ValueRange inputs, Type result,
                 StringRef suffix);
  kernel::FuncOp functionFor(Choice &choice, const Part &part,
                             FunctionType type, StringRef suffix);
  DictionaryAttr codeAttr(const KernelCode &code, size_t inputs);
  int64_t constantBudget(double ratio);

  ModuleOp module;
  const Machine &machine;
  const std::vector<const KernelFamily *> &families;
  SymbolTable symbols;
  OpBuilder builder;
  std::unique_ptr<CostModel> model = makeAnalyticCostModel();
  std::vector<Choice> choices;
  std::vector<TextKernel> texts;
  std::vector<std::unique_ptr<KernelFamily>> accelerators;
};

} // namespace

LogicalResult Selection::readAccelerators() {
  auto rules = module->getAttrOfType<ArrayAttr>("adze.accelerators");
  if (!rules)
    return success();
  for (Attribute text : rules) {
    AcceleratorRule rule;
    auto string = dyn_cast<StringAttr>(text);
    Status status = string ? parseAcceleratorRule(string.str(), rule)
                           : Status::failure("a rule is a string");
    if (!status)
      return module.emitError(status.message);
    accelerators.push_back(makeAcceleratorFamily(std::move(rule)));
  }
  return success();
}

/// The same convolution with its weights in as few bits as hold them; null if
/// that takes eight.
static std::shared_ptr<const Problem>
withNarrowWeights(const ConvolutionProblem &problem) {
  if (problem.weightBits != 8 || problem.weights.empty())
    return nullptr;
  auto [low, high] =
      std::minmax_element(problem.weights.begin(), problem.weights.end());
  if (*low < -8 || *high > 7)
    return nullptr;
  ConvolutionProblem narrow = problem;
  narrow.weightBits = *low < -2 || *high > 1 ? 4 : 2;
  return std::make_shared<const Problem>(std::move(narrow));
}

void Selection::addNarrow(Choice &choice, const ConvolutionProblem &problem,
                          const Candidate *addition,
                          std::shared_ptr<const Problem> sum) {
  auto narrow = withNarrowWeights(problem);
  if (!narrow)
    return;
  for (Candidate candidate :
       rankedCandidates(families, *narrow, machine, {}, *model)) {
    // Families that keep a byte for each weight have been asked already.
    if (candidate.family->features(problem, candidate.schedule, machine)
            .constantBytes <= candidate.features.constantBytes)
      continue;
    candidate.schedule.parameters["weight_bits"] =
        std::get<ConvolutionProblem>(*narrow).weightBits; // for the report
    Option option;
    option.add(narrow, candidate);
    if (addition)
      option.add(sum, *addition);
    choice.options.push_back(std::move(option));
  }
}

std::vector<Candidate> Selection::candidatesFor(const Problem &problem) {
  if (auto limit = module->getAttrOfType<IntegerAttr>("adze.scratch_limit")) {
    auto lean = rankedCandidates(families, problem, machine,
                                 {-1, limit.getInt()}, *model);
    if (!lean.empty())
      return lean;
  }
  return rankedCandidates(families, problem, machine, {}, *model);
}

void Selection::addOptions(Choice &choice) {
  auto whole = std::make_shared<const Problem>(choice.problem.problem);
  if (addAccelerator(choice, whole))
    return;
  for (const Candidate &candidate : candidatesFor(*whole)) {
    Option option;
    option.add(whole, candidate);
    choice.options.push_back(std::move(option));
  }
  auto *convolution = std::get_if<ConvolutionProblem>(whole.get());
  if (convolution && convolution->residual) {
    auto [first, second] = splitResidual(*convolution);
    auto plain = std::make_shared<const Problem>(std::move(first));
    auto sum = std::make_shared<const Problem>(second);
    auto additions = candidatesFor(*sum);
    if (!additions.empty())
      for (const Candidate &candidate : candidatesFor(*plain)) {
        Option option;
        option.add(plain, candidate);
        option.add(sum, additions[0]);
        choice.options.push_back(std::move(option));
      }
    if (!additions.empty())
      addNarrow(choice, std::get<ConvolutionProblem>(*plain), &additions[0],
                sum);
  } else if (convolution) {
    addNarrow(choice, *convolution, nullptr, nullptr);
  }
  std::stable_sort(
      choice.options.begin(), choice.options.end(),
      [](const Option &a, const Option &b) { return a.cost < b.cost; });
}

bool Selection::addAccelerator(Choice &choice,
                               std::shared_ptr<const Problem> whole) {
  if (accelerators.empty())
    return false;
  std::vector<const KernelFamily *> asked;
  for (auto &accelerator : accelerators)
    asked.push_back(accelerator.get());
  std::shared_ptr<const Problem> layer = whole, sum;
  auto *convolution = std::get_if<ConvolutionProblem>(whole.get());
  if (convolution && convolution->residual) {
    auto [first, second] = splitResidual(*convolution);
    layer = std::make_shared<const Problem>(std::move(first));
    sum = std::make_shared<const Problem>(second);
  }
  auto found = rankedCandidates(asked, *layer, machine, {}, *model);
  if (found.empty())
    return false;
  Option option;
  option.add(layer, found[0]);
  if (sum) {
    auto additions = rankedCandidates(families, *sum, machine, {}, *model);
    if (additions.empty())
      return false;
    option.add(sum, additions[0]);
  }
  choice.options.push_back(std::move(option));
  return true;
}

void Selection::collect() {
  module.walk([&](kernel::CallOp call) {
    auto kernel = symbols.lookup<kernel::FuncOp>(call.getCallee());
    if (!kernel)
      return;
    std::optional<KernelProblem> problem = readKernelProblem(kernel, call);
    if (!problem)
      return;
    Choice choice{kernel, call, std::move(*problem), {}, 0};
    addOptions(choice);
    if (!choice.options.empty())
      choices.push_back(std::move(choice));
  });
}

/// Bytes of a constant in an artifact.
static int64_t byteSize(adze::ConstantOp constant) {
  auto type = cast<RankedTensorType>(constant.getType());
  return type.getNumElements() *
         std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
}

int64_t Selection::constantBudget(double ratio) {
  // What the calls at hand read, and what everything else reads.
  llvm::SmallPtrSet<Operation *, 32> replaced;
  int64_t own = 0, rest = 0;
  for (const Choice &choice : choices)
    for (Value input : choice.call->getOperands())
      if (auto constant = input.getDefiningOp<adze::ConstantOp>())
        if (replaced.insert(constant).second)
          own += byteSize(constant);
  module.walk([&](adze::ConstantOp constant) {
    if (!replaced.contains(constant))
      rest += byteSize(constant);
  });
  auto flash = module->getAttrOfType<IntegerAttr>("adze.flash_budget");
  if (!flash) {
    // The file says what the model itself needs, scales included.
    auto file = module->getAttrOfType<IntegerAttr>("onnx.weight_bytes");
    return int64_t(double(file ? file.getInt() : own + rest) * ratio) - rest;
  }
  int64_t code = 0;
  std::set<std::pair<std::string, int64_t>> seen;
  for (Choice &choice : choices)
    for (const Part &part : choice.option().parts)
      if (seen.insert(
                  {describe(*part.problem), part.candidate.features.codeBytes})
              .second)
        code += part.candidate.features.codeBytes;
  constexpr int64_t entryBytes = 4096; // the entry, checks, small kernels
  return flash.getInt() - code - entryBytes - rest;
}

/// Exchanges schedules until the constants fit, the least loss for a byte
/// saved first.
void Selection::fit(int64_t budget) {
  int64_t total = 0;
  for (Choice &choice : choices)
    total += choice.option().constantBytes;
  while (total > budget) {
    Choice *best = nullptr;
    size_t bestOption = 0;
    double bestRate = std::numeric_limits<double>::infinity();
    for (Choice &choice : choices)
      for (size_t i = 0; i < choice.options.size(); ++i) {
        int64_t saved =
            choice.option().constantBytes - choice.options[i].constantBytes;
        if (saved <= 0)
          continue;
        // Nothing is gained by saving more than what is missing.
        double rate = (choice.options[i].cost - choice.option().cost) /
                      double(std::min(saved, total - budget));
        if (rate < bestRate) {
          bestRate = rate;
          best = &choice;
          bestOption = i;
        }
      }
    if (!best)
      return; // the smallest there is
    total +=
        best->options[bestOption].constantBytes - best->option().constantBytes;
    best->chosen = bestOption;
  }
  // What an exchange left over may pay for a faster schedule elsewhere.
  for (bool changed = true; changed;) {
    changed = false;
    for (Choice &choice : choices)
      for (size_t i = 0; i < choice.chosen; ++i) {
        int64_t more =
            choice.options[i].constantBytes - choice.option().constantBytes;
        if (total + more > budget)
          continue;
        total += more;
        choice.chosen = i;
        changed = true;
        break;
      }
  }
}

bool Selection::generate(Choice &choice) {
  for (Part &part : choice.option().parts) {
    if (!part.code.body.empty())
      continue;
    if (!part.candidate.family->generate(*part.problem, part.candidate.schedule,
                                         machine, part.code)) {
      choice.options.erase(choice.options.begin() + choice.chosen);
      return false;
    }
  }
  return true;
}

LogicalResult Selection::choose(double constantsRatio) {
  for (bool settled = false; !settled;) {
    llvm::erase_if(choices,
                   [](const Choice &choice) { return choice.options.empty(); });
    for (Choice &choice : choices)
      choice.chosen = 0;
    fit(constantBudget(constantsRatio));
    settled = true;
    for (Choice &choice : choices)
      settled &= generate(choice);
  }
  // Functions are shared by name; two texts of one name would not compile.
  llvm::StringMap<const std::string *> known;
  for (Choice &choice : choices)
    for (Part &part : choice.option().parts)
      for (const auto &[name, text] : part.code.functions) {
        const std::string *&other = known[name];
        if (other && *other != text)
          return choice.call.emitError()
                 << "the families define '" << name << "' in two ways ("
                 << part.candidate.schedule.text() << ")";
        other = &text;
      }
  return success();
}

DictionaryAttr Selection::codeAttr(const KernelCode &code, size_t inputs) {
  SmallVector<Attribute> functions, headers;
  for (const auto &[name, text] : code.functions)
    functions.push_back(builder.getStrArrayAttr({name, text}));
  for (const std::string &header : code.headers)
    headers.push_back(builder.getStringAttr(header));
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("body", builder.getStringAttr(code.body)),
       builder.getNamedAttr("functions", builder.getArrayAttr(functions)),
       builder.getNamedAttr("headers", builder.getArrayAttr(headers)),
       builder.getNamedAttr("inputs", builder.getI64IntegerAttr(inputs)),
       builder.getNamedAttr("io_alignment",
                            builder.getI64IntegerAttr(code.ioAlignment)),
       builder.getNamedAttr("restricted",
                            builder.getBoolAttr(code.overlap.empty()))});
}

kernel::FuncOp Selection::functionFor(Choice &choice, const Part &part,
                                      FunctionType type, StringRef suffix) {
  const KernelCode &code = part.code;
  std::string text;
  llvm::raw_string_ostream stream(text);
  // Shapes of one text stay apart: each has a name and a row in the reports.
  stream << type << '\n' << describe(*part.problem) << '\n' << code.body;
  for (const auto &[name, definition] : code.functions)
    stream << '\n' << name;
  for (TextKernel &known : texts)
    if (known.text == text)
      return known.function;

  builder.setInsertionPoint(choice.kernel);
  std::string name = (choice.kernel.getSymName() + suffix).str();
  auto function =
      kernel::FuncOp::create(builder, choice.kernel.getLoc(), name, type);
  function.getBody().getBlocks().clear();
  function.setSymVisibility("private");
  function.setDocAttr(builder.getStringAttr(describe(*part.problem)));
  SmallVector<NamedAttribute> parameters;
  for (const auto &[name, value] : part.candidate.schedule.parameters)
    parameters.push_back(
        builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  function.setScheduleAttr(kernel::ScheduleAttr::get(
      builder.getContext(), part.candidate.schedule.family,
      builder.getDictionaryAttr(parameters)));
  function->setAttr(
      "adze.code", codeAttr(code, type.getNumInputs() - code.constants.size()));
  if (auto *convolution = std::get_if<ConvolutionProblem>(part.problem.get()))
    function->setAttr("adze.macs", builder.getI64IntegerAttr(
                                       convolution->multiplyAccumulates()));
  function->setAttr(
      "adze.predicted_instructions",
      builder.getI64IntegerAttr(int64_t(part.candidate.features.instructions)));
  SmallVector<Attribute> rules;
  for (auto [input, bytes] : code.overlap)
    rules.push_back(builder.getDenseI64ArrayAttr({input, bytes}));
  if (!rules.empty())
    function.setOverlapAttr(builder.getArrayAttr(rules));
  if (!code.scratchBytes.empty()) {
    SmallVector<int64_t> scratch;
    for (int64_t bytes : code.scratchBytes)
      scratch.push_back(llvm::alignTo(bytes, 4));
    function.setScratch(scratch);
  }
  symbols.insert(function);
  texts.push_back({std::move(text), function, std::move(name)});
  return function;
}

/// The name that the packed constants of a call get: that of its largest one.
static std::string constantName(kernel::CallOp call) {
  std::string name = "constants";
  int64_t most = 0;
  for (Value input : call.getInputs())
    if (auto constant = input.getDefiningOp<adze::ConstantOp>())
      if (auto weight = dyn_cast<WeightAttr>(constant.getValue())) {
        int64_t size =
            cast<RankedTensorType>(constant.getType()).getNumElements();
        if (size > most) {
          most = size;
          name = weight.getName().str();
        }
      }
  return name + ".packed";
}

Value Selection::callText(Choice &choice, Part &part, ValueRange inputs,
                          Type result, StringRef suffix) {
  builder.setInsertionPoint(choice.call);
  SmallVector<Value> operands(inputs);
  WeightStore &store = WeightStore::get(module.getContext());
  std::string name = constantName(choice.call);
  for (const KernelConstant &constant : part.code.constants) {
    int64_t size = bytesOf(constant.type);
    auto type = RankedTensorType::get({int64_t(constant.bytes.size()) / size},
                                      builder.getIntegerType(size * 8));
    auto weight = WeightAttr::get(module.getContext(),
                                  store.addBytes(name, constant.bytes), type);
    operands.push_back(adze::ConstantOp::create(builder, choice.call.getLoc(),
                                                TypedAttr(weight)));
  }
  SmallVector<Type> types = llvm::to_vector(ValueRange(operands).getTypes());
  kernel::FuncOp function =
      functionFor(choice, part, builder.getFunctionType(types, result), suffix);
  builder.setInsertionPoint(choice.call);
  return kernel::CallOp::create(
             builder, choice.call.getLoc(), TypeRange{result},
             FlatSymbolRefAttr::get(function.getSymNameAttr()), operands,
             DenseI64ArrayAttr(), DenseI64ArrayAttr())
      .getResult(0);
}

void Selection::apply() {
  llvm::SetVector<Operation *> kernels, constants;
  for (Choice &choice : choices) {
    kernel::CallOp call = choice.call;
    Type type = call.getResult(0).getType();
    SmallVector<Value> inputs;
    for (unsigned index : choice.problem.inputs)
      inputs.push_back(call.getInputs()[index]);
    MutableArrayRef<Part> parts = choice.option().parts;
    Value result = parts.size() == 1
                       ? callText(choice, parts[0], inputs, type, "")
                       : callText(choice, parts[0], inputs[0], type, "");
    if (parts.size() == 2)
      result = callText(choice, parts[1], {result, inputs[1]}, type, "_add");
    kernels.insert(choice.kernel);
    for (Value input : call.getInputs())
      if (auto constant = input.getDefiningOp<adze::ConstantOp>())
        constants.insert(constant);
    call.getResult(0).replaceAllUsesWith(result);
    call.erase();
  }
  for (Operation *constant : constants)
    if (constant->use_empty())
      constant->erase();
  for (Operation *kernel : kernels)
    if (SymbolTable::symbolKnownUseEmpty(kernel, module))
      symbols.erase(kernel);
  // The names of kernels that are gone are free for those in their place.
  for (TextKernel &text : texts)
    if (text.function.getSymName() != text.name && !symbols.lookup(text.name))
      (void)symbols.rename(text.function, text.name);
}

namespace {
struct SelectKernelsPass final
    : adze::impl::SelectKernelsBase<SelectKernelsPass> {
  using SelectKernelsBase::SelectKernelsBase;

  void runOnOperation() override {
    const Machine *known = findMachine(machine);
    if (!known) {
      getOperation().emitError("there is no machine '") << machine << "'";
      return signalPassFailure();
    }
    auto *families =
        getContext().getOrLoadDialect<AdzeDialect>()->getKernelFamilies();
    if (!families)
      return;
    Selection selection(getOperation(), *known, *families);
    if (failed(selection.readAccelerators()))
      return signalPassFailure();
    selection.collect();
    if (failed(selection.choose(known->constantsRatio)))
      return signalPassFailure();
    selection.apply();
  }
};
} // namespace
