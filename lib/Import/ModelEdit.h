//===- ModelEdit.h - Parts of ONNX models -----------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Cuts a part out of a model and writes it as a model of its own: some of the
// nodes, with values made inputs where the cut goes through. No ONNX or
// protobuf type appears here, so that tools can include it.
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_MODELEDIT_H
#define ADZE_IMPORT_MODELEDIT_H

#include "adze/Compiler.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace adze {

/// A node of the main graph. Graphs within nodes (bodies of If, Loop, Scan) go
/// with their node.
struct GraphNode {
  std::string name; // of the node, or of its first result
  std::string op, domain;
  std::vector<std::string> inputs; // given ones, and what its bodies read
  std::vector<std::string> outputs;
};

/// A part of a model. What a kept node reads and no kept node computes becomes
/// an input, unless it is an initialiser. Outputs are the model's own, as far
/// as they are computed, and the results of the kept nodes that no kept node
/// reads.
struct ModelPart {
  std::set<int> nodes; // indices into EditableModel::nodes()
  /// Outputs of the model that are to be no outputs, because a kept node reads
  /// them.
  std::set<std::string> hidden;
  /// Reads of the first value become reads of the second: its node is bypassed.
  std::map<std::string, std::string> aliases;

  bool operator<(const ModelPart &other) const;
};

/// Large tensors of written models, in a file beside them that grows as it
/// needs to and is shared by all models of a folder.
struct WeightFile {
  std::string path;
  uint64_t size = 0;
  std::map<int64_t, uint64_t> offsets; // by the tensor's number in the model
};

/// A model whose functions are inlined, whose nodes are sorted, and in which
/// the given dimensions are fixed. Immutable; copies are cheap.
class EditableModel {
public:
  /// `shapes` as in CompileOptions. Fails as the compiler would on what is no
  /// graph: a cycle, a value without definition, a damaged tensor.
  static Status open(const std::string &path,
                     const std::map<std::string, std::vector<int64_t>> &shapes,
                     EditableModel &model);

  /// In an order in which they can be computed.
  const std::vector<GraphNode> &nodes() const;
  /// Those that an output of the model depends on.
  std::set<int> liveNodes() const;
  /// The outputs that the part would have.
  std::vector<std::string> outputsOf(const ModelPart &part) const;
  /// The inputs that the part would have.
  std::vector<std::string> inputsOf(const ModelPart &part) const;
  /// Whether both values are known to be tensors of one type and shape.
  bool sameType(const std::string &a, const std::string &b) const;
  /// Whether the value may become an input: it is one, or a tensor of known
  /// element type and shape.
  bool canBeInput(const std::string &value) const;
  /// Bytes of the initialisers and constants of the part that lie outside the
  /// protobuf message (each above 1 KiB).
  uint64_t largeBytes(const ModelPart &part) const;

  /// Writes the part as a model. Tensors of at least 1 MiB go to `beside`, a
  /// file in the same folder, if that is given.
  Status write(const ModelPart &part, const std::string &path,
               WeightFile *beside) const;

private:
  struct Impl;
  std::shared_ptr<const Impl> impl;
};

} // namespace adze

#endif
