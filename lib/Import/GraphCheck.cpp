//===- GraphCheck.cpp - Is this a graph? ------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// ONNX's checker finds most faults too, but names few of them well, stops at
/// operators that it does not know, and wants sorted nodes; so the structure is
/// checked here first. All of it throws: the checker and the inliner are called
/// under a catch of everything they may throw.
///
//===----------------------------------------------------------------------===//

#include "GraphCheck.h"

#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"

#include <queue>
#include <unordered_set>

using namespace adze;
using namespace adze::reader;

using NodeList = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;
using Names = std::unordered_set<std::string>;

namespace {

/// Names visible in a graph: its own and those of the graphs around it.
struct Scope {
  const Scope *outer = nullptr;
  Names names;
  bool sees(const std::string &name) const {
    for (const Scope *scope = this; scope; scope = scope->outer)
      if (scope->names.count(name))
        return true;
    return false;
  }
};

class Structure {
public:
  explicit Structure(Model &model) : model(model) {}
  void run(::onnx::GraphProto &graph, const Scope *outer,
           const ::onnx::NodeProto *owner);
  void runFunction(::onnx::FunctionProto &function);

private:
  Model &model;

  void define(Names &names, const std::string &name, const char *kind,
              const ::onnx::NodeProto *owner);
  void sort(NodeList &nodes, Scope &scope);
  void descend(NodeList &nodes, const Scope &scope);
};

} // namespace

/// Calls `visit` on the graphs in a node's attributes.
template <typename Visit>
static void forEachBody(const ::onnx::NodeProto &node, Visit visit) {
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      visit(attribute.g());
    for (const ::onnx::GraphProto &graph : attribute.graphs())
      visit(graph);
  }
}

static void collectFreeNames(const ::onnx::GraphProto &graph, Names &free);

/// What a node reads: its inputs, and what its bodies take from outside.
static void collectReads(const ::onnx::NodeProto &node, Names &reads) {
  for (const std::string &input : node.input())
    if (!input.empty())
      reads.insert(input);
  forEachBody(node, [&](const ::onnx::GraphProto &body) {
    collectFreeNames(body, reads);
  });
}

static void collectFreeNames(const ::onnx::GraphProto &graph, Names &free) {
  Names own, reads;
  for (const ::onnx::ValueInfoProto &input : graph.input())
    own.insert(input.name());
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    own.insert(tensor.name());
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    own.insert(tensor.values().name());
  for (const ::onnx::NodeProto &node : graph.node()) {
    collectReads(node, reads);
    own.insert(node.output().begin(), node.output().end());
  }
  for (const ::onnx::ValueInfoProto &output : graph.output())
    reads.insert(output.name());
  for (const std::string &name : reads)
    if (!own.count(name))
      free.insert(name);
}

void Structure::define(Names &names, const std::string &name, const char *kind,
                       const ::onnx::NodeProto *owner) {
  if (name.empty()) {
    Problem problem = owner ? model.problemAt(*owner, "") : Problem();
    problem.what = std::string("the graph has an ") + kind + " without a name";
    problem.advice = "export the model again";
    refuse(std::move(problem));
  }
  if (names.insert(name).second)
    return;
  Problem problem = owner ? model.problemAt(*owner, "") : Problem();
  problem.what =
      "the value " + adze::quoted(name) + " is defined twice in one graph";
  problem.expected = "one definition for each value";
  problem.found = std::string("a second one, as ") + kind;
  problem.advice = "export the model again, or rename one of the two values";
  refuse(std::move(problem));
}

/// Sorts by Kahn's algorithm, taking the first ready node in file order, so
/// that a sorted file keeps its order.
void Structure::sort(NodeList &nodes, Scope &scope) {
  std::unordered_map<std::string, int> producer;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string &output : nodes[i].output()) {
      if (output.empty())
        continue;
      define(scope.names, output, "output of this node", &nodes[i]);
      producer.emplace(output, i);
    }
  std::vector<std::vector<int>> readers(nodes.size());
  std::vector<int> waitsFor(nodes.size(), 0);
  bool sorted = true;
  for (int i = 0; i < nodes.size(); ++i) {
    Names reads;
    collectReads(nodes[i], reads);
    for (const std::string &name : reads) {
      auto found = producer.find(name);
      if (found == producer.end()) {
        if (scope.sees(name))
          continue;
        Problem problem = model.problemAt(
            nodes[i], "it reads the value " + adze::quoted(name) +
                          ", which nothing defines: no input, initialiser or "
                          "node output of the graph has that name");
        problem.advice = "export the model again with all its weights";
        refuse(std::move(problem));
      }
      readers[found->second].push_back(i);
      ++waitsFor[i];
      sorted &= found->second < i;
    }
  }
  if (sorted)
    return;
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < nodes.size(); ++i)
    if (waitsFor[i] == 0)
      ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (int reader : readers[next])
      if (--waitsFor[reader] == 0)
        ready.push(reader);
  }
  if (int(order.size()) != nodes.size()) {
    // What waits lies on a cycle or behind one. Going from a waiting node to a
    // waiting node that it reads ends on a cycle.
    std::vector<int> reads(nodes.size(), -1);
    for (int i = 0; i < nodes.size(); ++i)
      for (int reader : readers[i])
        if (waitsFor[i] > 0 && waitsFor[reader] > 0)
          reads[reader] = i;
    int at = 0;
    while (waitsFor[at] == 0)
      ++at;
    for (int step = 0; step < nodes.size(); ++step)
      at = reads[at];
    Problem problem = model.problemAt(
        nodes[at], "the graph has a cycle: the node needs a value that is "
                   "computed from its own result");
    if (reads[at] != at)
      problem.what +=
          " (through " + model.problemAt(nodes[reads[at]], "").nodeText() + ")";
    problem.advice = "export the model again; loops are written with the "
                     "operators Loop and Scan";
    refuse(std::move(problem));
  }
  NodeList result;
  for (int index : order)
    result.Add()->Swap(nodes.Mutable(index));
  nodes.Swap(&result);
}

void Structure::descend(NodeList &nodes, const Scope &scope) {
  for (::onnx::NodeProto &node : nodes)
    for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        run(*attribute.mutable_g(), &scope, &node);
      for (::onnx::GraphProto &inner : *attribute.mutable_graphs())
        run(inner, &scope, &node);
    }
}

void Structure::run(::onnx::GraphProto &graph, const Scope *outer,
                    const ::onnx::NodeProto *owner) {
  if (graph.name().empty())
    graph.set_name("graph"); // the checker wants one, nobody uses it
  Scope scope;
  scope.outer = outer;
  Names initialisers;
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    define(initialisers, tensor.name(), "initialiser", owner);
  for (const ::onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    define(initialisers, tensor.values().name(), "initialiser", owner);

  // Up to IR version 3 every initialiser had to be listed as an input too, and
  // later ones may be, as a default. They are constants. A body's inputs are
  // positional, so there the two exclude each other.
  if (!owner) {
    auto &inputs = *graph.mutable_input();
    google::protobuf::RepeatedPtrField<::onnx::ValueInfoProto> kept;
    for (::onnx::ValueInfoProto &input : inputs)
      if (!initialisers.count(input.name()))
        kept.Add()->Swap(&input);
    inputs.Swap(&kept);
  }
  scope.names = std::move(initialisers);
  for (const ::onnx::ValueInfoProto &input : graph.input())
    define(scope.names, input.name(), "input of the graph", owner);

  sort(*graph.mutable_node(), scope);
  if (!owner)
    for (const ::onnx::ValueInfoProto &input : graph.input())
      if (input.type().value_case() == ::onnx::TypeProto::VALUE_NOT_SET)
        refuse("the graph's input " + adze::quoted(input.name()) +
                   " has no type",
               "export the model again");
  Names outputs;
  for (const ::onnx::ValueInfoProto &output : graph.output()) {
    if (!scope.sees(output.name())) {
      Problem problem = owner ? model.problemAt(*owner, "") : Problem();
      problem.what = "the graph's output " + adze::quoted(output.name()) +
                     " is not computed: no node, input or initialiser has that "
                     "name";
      problem.advice = "export the model again";
      refuse(std::move(problem));
    }
    if (!owner)
      define(outputs, output.name(), "output of the graph", owner);
  }
  descend(*graph.mutable_node(), scope);
}

void Structure::runFunction(::onnx::FunctionProto &function) {
  Scope scope;
  for (const std::string &input : function.input())
    define(scope.names, input, "input of a function", nullptr);
  sort(*function.mutable_node(), scope);
  for (const std::string &output : function.output())
    if (!scope.names.count(output))
      refuse("the function " + adze::quoted(function.name()) +
                 " does not compute its output " + adze::quoted(output),
             "export the model again");
  descend(*function.mutable_node(), scope);
}

void reader::normaliseGraphs(Model &model) {
  Structure structure(model);
  structure.run(model.graph(), nullptr, nullptr);
  for (::onnx::FunctionProto &function : *model.proto.mutable_functions())
    structure.runFunction(function);
  // The rules of older versions about initialisers no longer hold here.
  if (model.proto.ir_version() < 4)
    model.proto.set_ir_version(4);
}

namespace {

/// Knows every operator: those that ONNX does not know may have any inputs,
/// outputs and attributes.
class OpenRegistry final : public ::onnx::ISchemaRegistry {
public:
  OpenRegistry() {
    // The type is not looked at: types are not checked here.
    const char *type = "tensor(float)";
    unknown.SetName("Unknown")
        .AllowUncheckedAttributes()
        .Input(0, "inputs", "", type, ::onnx::OpSchema::Variadic, false, 0)
        .Output(0, "outputs", "", type, ::onnx::OpSchema::Variadic, false, 0);
    unknown.Finalize();
  }
  const ::onnx::OpSchema *GetSchema(const std::string &name, int version,
                                    const std::string &domain) const override {
    const ::onnx::OpSchema *schema =
        ::onnx::OpSchemaRegistry::Instance()->GetSchema(name, version, domain);
    return schema ? schema : &unknown;
  }

private:
  ::onnx::OpSchema unknown;
};

/// For its lifetime, the model looks as the checker wants it. Tensors whose
/// data lies elsewhere look empty: it would open external data itself, and
/// wants data for dimensions. Inputs and outputs without a shape, which other
/// programs accept and which inference often fills, look like scalars.
class CheckerView {
public:
  explicit CheckerView(Model &model) {
    auto hide = [&](::onnx::TensorProto &tensor, const ::onnx::NodeProto *) {
      if (!tensor.has_segment())
        return;
      hidden.emplace_back(&tensor, tensor.dims());
      tensor.clear_dims();
      tensor.add_dims(0);
      tensor.clear_data_location();
    };
    forEachTensor(model.graph(), hide);
    for (::onnx::FunctionProto &function : *model.proto.mutable_functions())
      forEachTensor(*function.mutable_node(), hide);
    forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
      for (auto *list : {graph.mutable_input(), graph.mutable_output()})
        for (::onnx::ValueInfoProto &info : *list)
          giveShape(info);
    });
  }
  ~CheckerView() {
    for (auto &[tensor, dims] : hidden) {
      tensor->mutable_dims()->Swap(&dims);
      tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
    }
    for (::onnx::ValueInfoProto *info : shapeless)
      info->mutable_type()->mutable_tensor_type()->clear_shape();
    for (::onnx::ValueInfoProto *info : typeless)
      info->clear_type();
  }
  CheckerView(const CheckerView &) = delete;

private:
  using Dims = google::protobuf::RepeatedField<int64_t>;
  std::vector<std::pair<::onnx::TensorProto *, Dims>> hidden;
  std::vector<::onnx::ValueInfoProto *> shapeless, typeless;

  void giveShape(::onnx::ValueInfoProto &info) {
    auto kind = info.type().value_case();
    if (kind == ::onnx::TypeProto::VALUE_NOT_SET) {
      typeless.push_back(&info);
      auto *tensor = info.mutable_type()->mutable_tensor_type();
      tensor->set_elem_type(::onnx::TensorProto::FLOAT);
      tensor->mutable_shape();
    } else if (kind == ::onnx::TypeProto::kTensorType &&
               !info.type().tensor_type().has_shape()) {
      shapeless.push_back(&info);
      info.mutable_type()->mutable_tensor_type()->mutable_shape();
    }
  }
};

} // namespace

/// A message of ONNX, which has several lines, on one.
static std::string oneLine(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.'))
    out.pop_back();
  return printable(out, 600);
}

/// ONNX's shape inference counts dimensions with this attribute and does not
/// look at its sign.
static void checkBatchDims(const Model &model, const ::onnx::NodeProto &node) {
  if (node.op_type() != "GatherND" || !node.domain().empty())
    return;
  for (const ::onnx::AttributeProto &attribute : node.attribute())
    if (attribute.name() == "batch_dims" && attribute.i() < 0)
      refuse(model.problemAt(node, "'batch_dims' is " +
                                       std::to_string(attribute.i()) +
                                       ", but must not be negative"));
}

void reader::checkAgainstSchemas(Model &model) {
  CheckerView view(model);
  OpenRegistry registry;
  std::unordered_map<std::string, int> imports;
  for (auto &[domain, version] : model.opsets)
    imports[domain] = int(version);
  // A node of a domain that the model does not import is an unknown operator,
  // which is reported with the other ones.
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    for (const ::onnx::NodeProto &node : graph.node()) {
      if (node.domain().empty() && !model.opsets.count(""))
        refuse(model.problemAt(node, "the model does not import the operator "
                                     "set of ai.onnx, which this node needs"));
      imports.emplace(node.domain(), 1);
      checkBatchDims(model, node);
    }
  });
  for (const ::onnx::FunctionProto &function : model.proto.functions())
    for (const ::onnx::NodeProto &node : function.node())
      checkBatchDims(model, node);
  ::onnx::checker::CheckerContext context;
  context.set_ir_version(int(model.proto.ir_version()));
  context.set_opset_imports(std::move(imports));
  context.set_schema_registry(&registry);
  ::onnx::checker::LexicalScopeContext scope;
  std::string fault;
  try {
    ::onnx::checker::check_graph(model.graph(), context, scope);
    ::onnx::checker::check_model_local_functions(model.proto, context, scope);
    return;
  } catch (const std::exception &error) {
    fault = error.what();
  }
  refuse("ONNX's checker refuses the model: " + oneLine(fault),
         "export the model again with a current exporter");
}

/// Functions are called by domain, name and overload.
static std::string functionKey(const std::string &domain,
                               const std::string &name,
                               const std::string &overload) {
  return (domain == "ai.onnx" ? "" : domain) + '\0' + name + '\0' + overload;
}

/// Nodes of a list after inlining; `count` knows the functions counted so far.
static uint64_t
expandedNodes(const NodeList &nodes,
              const std::unordered_map<std::string, uint64_t> &count) {
  uint64_t total = 0;
  for (const ::onnx::NodeProto &node : nodes) {
    auto found =
        count.find(functionKey(node.domain(), node.op_type(), node.overload()));
    total += found == count.end() ? 1 : found->second;
    forEachBody(node, [&](const ::onnx::GraphProto &body) {
      total += expandedNodes(body.node(), count);
    });
    total = std::min(total, uint64_t(1) << 40);
  }
  return total;
}

void reader::inlineLocalFunctions(Model &model) {
  ::onnx::ModelProto &proto = model.proto;
  if (proto.functions_size() == 0)
    return;
  // A chain of functions that call the next one twice doubles at each link. The
  // checker has refused recursion and chains over 100, so as many rounds settle
  // the counts; rounds stop early when nothing changes.
  constexpr uint64_t maxNodes = 1000000;
  std::unordered_map<std::string, uint64_t> count;
  for (const ::onnx::FunctionProto &function : proto.functions())
    count[functionKey(function.domain(), function.name(),
                      function.overload())] = 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (const ::onnx::FunctionProto &function : proto.functions()) {
      uint64_t nodes = expandedNodes(function.node(), count);
      uint64_t &known = count[functionKey(function.domain(), function.name(),
                                          function.overload())];
      changed |= nodes != known;
      known = nodes;
      if (nodes > maxNodes)
        refuse("the function " + adze::quoted(function.name()) +
                   " would expand to more than a million nodes",
               "the file is damaged or hostile; export the model again");
    }
  }
  if (expandedNodes(model.graph().node(), count) > maxNodes)
    refuse("the model's functions would expand to more than a million nodes",
           "the file is damaged or hostile; export the model again");

  std::string fault;
  try {
    ::onnx::inliner::InlineLocalFunctions(proto, /*convert_version=*/false);
  } catch (const std::exception &error) {
    fault = error.what();
  }
  if (!fault.empty())
    refuse("the model's functions cannot be expanded: " + oneLine(fault),
           "export the model without local functions");
  std::unordered_map<std::string, const ::onnx::FunctionProto *> left;
  for (const ::onnx::FunctionProto &function : proto.functions())
    left[functionKey(function.domain(), function.name(), function.overload())] =
        &function;
  if (left.empty())
    return;
  // Functions stay behind if they use another version of an operator set.
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    for (const ::onnx::NodeProto &node : graph.node()) {
      auto found = left.find(
          functionKey(node.domain(), node.op_type(), node.overload()));
      if (found == left.end())
        continue;
      Problem problem = model.problemAt(
          node, "it calls a function of the model that is written for other "
                "operator sets than the model");
      for (const auto &set : found->second->opset_import()) {
        auto own = model.opsets.find(set.domain());
        if (own == model.opsets.end() || own->second == set.version())
          continue;
        std::string name = set.domain().empty() ? "ai.onnx" : set.domain();
        problem.expected =
            printable(name) + " version " + std::to_string(own->second);
        problem.found = "version " + std::to_string(set.version());
      }
      problem.advice = "export the model and its functions with one opset";
      refuse(std::move(problem));
    }
  });
}
