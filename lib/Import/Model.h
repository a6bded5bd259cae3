//===- Model.h - A model on its way into the compiler -----------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_MODEL_H
#define ADZE_IMPORT_MODEL_H

#include "MappedFile.h"
#include "Refusal.h"
#include "WireFormat.h"

#include "onnx/onnx_pb.h"

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace adze::reader {

/// The parsed model, with its large tensor data beside it (WireFormat.h).
struct Model {
  ::onnx::ModelProto proto;
  std::vector<DataPiece> pieces;
  std::shared_ptr<const MappedFile> file;
  std::string path;
  int64_t irVersion = 0; // as the file says; `proto` may be raised to 4
  /// Versions by domain; "" is the default domain.
  std::map<std::string, int64_t> opsets;

  ::onnx::GraphProto &graph() { return *proto.mutable_graph(); }
  const ::onnx::GraphProto &graph() const { return proto.graph(); }

  /// A Problem that names this node.
  Problem problemAt(const ::onnx::NodeProto &node, std::string what) const;
};

/// Opens, maps, detaches, parses, and looks at the versions.
Model loadModel(const std::string &path);

/// Calls `visit` on every graph of the model, outer ones first.
void forEachGraph(::onnx::GraphProto &graph,
                  const std::function<void(::onnx::GraphProto &)> &visit);

/// Calls `visit` on every tensor of a graph and the graphs within, and of the
/// attributes of these nodes; the node is null for initialisers.
using TensorVisitor =
    std::function<void(::onnx::TensorProto &, const ::onnx::NodeProto *)>;
void forEachTensor(::onnx::GraphProto &graph, const TensorVisitor &visit);
void forEachTensor(google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
                   const TensorVisitor &visit);

} // namespace adze::reader

#endif
