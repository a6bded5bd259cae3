//===- WireFormat.h - Detaching tensor data before parsing ------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_IMPORT_WIREFORMAT_H
#define ADZE_IMPORT_WIREFORMAT_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adze::reader {

/// Fields of TensorProto that hold element data (onnx.proto).
enum DataField : uint32_t {
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  RawData = 9,
  DoubleData = 10,
  Uint64Data = 11,
};

/// Tensor data that stays where it lies: the payload of one occurrence of
/// `field` (packed, for the typed fields), or external data (`RawData`).
struct DataPiece {
  uint32_t field;
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

/// A serialized ModelProto without large tensor data. A tensor whose data was
/// taken out says data_location EXTERNAL, and its `segment` (a field that no
/// producer uses; a file that has it is refused) is the half-open range of its
/// pieces.
struct DetachedModel {
  std::string skeleton;
  std::vector<DataPiece> pieces;
};

/// Tensor data up to this many bytes stays in the message.
constexpr size_t detachThreshold = 1024;

/// Graphs within graphs (bodies of If, Loop, Scan) may nest this deep.
constexpr int maxGraphDepth = 24;

/// Walks the bytes of a ModelProto, which `owner` keeps alive, and takes out
/// tensor data. Fields that the compiler has no use for (training, doc strings,
/// metadata of nodes) are dropped. Refuses what is not well formed, what is
/// truncated, and what protobuf would blow up: the fields and the bytes that
/// remain are limited.
DetachedModel detachTensorData(std::string_view file,
                               std::shared_ptr<const void> owner);

/// What a file that turned out to be no ONNX model looks like, with what to do
/// about it ("a ZIP archive (...); export it to ONNX"); empty: no guess.
std::string foreignFormat(std::string_view file);

} // namespace adze::reader

#endif
