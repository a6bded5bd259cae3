//===- ValueTypes.h - Types of the values in a model ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_VALUETYPES_H
#define ADZE_IMPORT_VALUETYPES_H

#include "Model.h"

#include <unordered_map>

namespace adze::reader {

/// Types by value name, for each graph of a model (the graphs must stay where
/// they are). What is not known is absent.
class ValueTypes {
public:
  /// Runs ONNX's shape inference with data propagation. Its failures leave
  /// types unknown; the compiler infers shapes itself later. What the file
  /// declares fills gaps only: exporters write stale shapes.
  explicit ValueTypes(Model &model);

  /// The type of a value of that graph, or null.
  const ::onnx::TypeProto *find(const ::onnx::GraphProto &graph,
                                const std::string &name) const;

private:
  using Table = std::unordered_map<std::string, ::onnx::TypeProto>;
  std::unordered_map<const ::onnx::GraphProto *, Table> tables;
};

} // namespace adze::reader

#endif
