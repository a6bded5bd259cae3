//===- Graph.h - A float model that is being quantized ----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The main graph of an ONNX model in plain C++: what the quantizer rewrites.
// No ONNX or protobuf type appears here; OnnxGraph.cpp, which lives with the
// reader in the one library that knows protobuf, reads and writes it.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_QUANTIZE_GRAPH_H
#define ADZE_QUANTIZE_GRAPH_H

#include "adze/Compiler.h"
#include "adze/Tensor.h"

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace adze::quantize {

/// An initialiser. Numbers of type float32 are in `floats`; of every other type
/// the element bytes are in `bytes`, row major and packed.
struct Constant {
  ElementType type = ElementType::Float32;
  std::vector<int64_t> shape;
  std::vector<float> floats;
  std::string bytes;
  /// A tensor of strings, which nobody looks into: the serialised TensorProto.
  std::string opaque;

  static Constant ofFloats(std::vector<int64_t> shape,
                           std::vector<float> floats);
  bool isFloat() const { return type == ElementType::Float32; }
  /// Bytes in a file.
  int64_t size() const;
};

/// Attributes that somebody may want to look at or to change.
struct Attributes {
  std::map<std::string, int64_t> integers;
  std::map<std::string, float> floats;
  std::map<std::string, std::vector<int64_t>> lists;
  std::map<std::string, std::string> strings;

  int64_t integer(const std::string &name, int64_t otherwise) const;
  float number(const std::string &name, float otherwise) const;
  /// The list, or `count` times `otherwise`.
  std::vector<int64_t> list(const std::string &name, size_t count,
                            int64_t otherwise) const;
};

struct Node {
  std::string name; // of the node, or of its first result
  std::string op, domain;
  std::vector<std::string> inputs, outputs; // "" where one is omitted
  Attributes attributes;
  /// Names that graphs within the node read from the graph around it.
  std::set<std::string> captured;
  /// The NodeProto as it was read, whose attributes count; of a node that was
  /// made or changed here it is empty, and `attributes` count.
  std::string message;
};

struct Graph {
  std::string path; // for messages
  int64_t opset = 0;
  std::vector<Node> nodes; // in an order in which they can be computed
  std::unordered_map<std::string, Constant> constants;
  /// Shapes have no free dimension.
  std::vector<TensorSpec> inputs;
  /// Names of the outputs; their types are in `types` where they are known.
  std::vector<std::string> outputs;
  /// Types of values as far as inference knows them, free dimensions as -1.
  std::unordered_map<std::string, TensorSpec> types;
  /// The ModelProto without its graph: opsets, producer.
  std::string header;

  const Constant *constant(const std::string &name) const;
  bool isOutput(const std::string &name) const;
  /// Index of the node that makes the value, or -1.
  int producer(const std::string &name) const;
  /// Indices of the nodes that read the value, captures included.
  std::vector<int> consumers(const std::string &name) const;
  /// The only node that reads the value, where it is no output of the graph and
  /// read once, not by a graph within; or -1.
  int onlyConsumer(const std::string &name) const;
  /// A name that no value has: `wanted`, or that with a number.
  std::string freshName(const std::string &wanted);
  /// Removes nodes whose results nobody reads, and constants.
  void removeDead();

private:
  std::set<std::string> made; // by freshName
};

/// Reads a model. Local functions are inlined, Constant nodes are constants,
/// free dimensions are those of `shapes` (CompileOptions::shapes), and the
/// model is converted to at least `opset` of ONNX's own domain.
Status readGraph(const std::string &path,
                 const std::map<std::string, std::vector<int64_t>> &shapes,
                 int64_t opset, Graph &graph);

/// Writes the graph as a model: the file appears whole or not at all.
Status writeGraph(const Graph &graph, const std::string &path);

} // namespace adze::quantize

#endif
