//===- WireFormat.cpp - Detaching tensor data before parsing ----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// protobuf copies every byte string that it parses, and everything after it
/// (checker, function inliner, shape inference) copies messages again. So the
/// model is first rewritten at the level of the wire format
/// (protobuf.dev/programming-guides/encoding): tags, varints and lengths are
/// read in place, tensor data over 1 KiB is replaced by a reference, and the
/// small rest goes to protobuf. That is also the place for limits: a message of
/// two bytes becomes an object of two hundred.
///
//===----------------------------------------------------------------------===//

#include "WireFormat.h"

#include "Refusal.h"

#include <algorithm>
#include <cctype>

using namespace adze;
using namespace adze::reader;

namespace {

/// The messages that are walked; all others are copied as bytes.
enum class Message {
  Model,
  Graph,
  Node,
  Attribute,
  Tensor,
  Function,
  ValueInfo,
  Type,
  TensorType,
  WrappedType, // Sequence and Optional: elem_type = 1
  MapType,
  Shape,
  Leaf,
};

enum class Action { Keep, Drop, Descend };

struct Rule {
  Action action = Action::Keep;
  Message child = Message::Leaf;
};

/// Submessages by field number, from onnx.proto of ONNX 1.23.
Rule ruleFor(Message message, uint32_t field) {
  auto descend = [](Message child) { return Rule{Action::Descend, child}; };
  Rule drop{Action::Drop, Message::Leaf};
  switch (message) {
  case Message::Model:
    switch (field) {
    case 7:
      return descend(Message::Graph);
    case 8:
      return descend(Message::Leaf); // opset_import
    case 25:
      return descend(Message::Function);
    case 6:
    case 14:
    case 20:
    case 26: // doc_string, metadata, training, devices
      return drop;
    }
    return {};
  case Message::Graph:
    switch (field) {
    case 1:
      return descend(Message::Node);
    case 5:
      return descend(Message::Tensor);
    case 11:
    case 12:
    case 13:
      return descend(Message::ValueInfo);
    case 10:
    case 14:
    case 16: // doc_string, quantization_annotation, metadata
      return drop;
    }
    return {};
  case Message::Node:
    switch (field) {
    case 5:
      return descend(Message::Attribute);
    case 6:
    case 9:
    case 10: // doc_string, metadata, devices
      return drop;
    }
    return {};
  case Message::Attribute:
    switch (field) {
    case 5:
    case 10:
      return descend(Message::Tensor);
    case 6:
    case 11:
      return descend(Message::Graph);
    case 14:
    case 15:
      return descend(Message::Type);
    case 13:
      return drop; // doc_string
    }
    return {};
  case Message::Tensor:
    switch (field) {
    case 12:
    case 16: // doc_string, metadata
      return drop;
    }
    return {};
  case Message::Function:
    switch (field) {
    case 7:
      return descend(Message::Node);
    case 11:
      return descend(Message::Attribute);
    case 12:
      return descend(Message::ValueInfo);
    case 8:
    case 14: // doc_string, metadata
      return drop;
    }
    return {};
  case Message::ValueInfo:
    switch (field) {
    case 2:
      return descend(Message::Type);
    case 3:
    case 4: // doc_string, metadata
      return drop;
    }
    return {};
  case Message::Type:
    switch (field) {
    case 1:
    case 8:
      return descend(Message::TensorType);
    case 4:
    case 9:
      return descend(Message::WrappedType);
    case 5:
      return descend(Message::MapType);
    }
    return {};
  case Message::TensorType:
    return field == 2 ? descend(Message::Shape) : Rule{};
  case Message::WrappedType:
    return field == 1 ? descend(Message::Type) : Rule{};
  case Message::MapType:
    return field == 2 ? descend(Message::Type) : Rule{};
  case Message::Shape:
    return field == 1 ? descend(Message::Leaf) : Rule{};
  case Message::Leaf:
    return {};
  }
  return {};
}

/// The file is no protobuf message, or ends too early.
struct Malformed {
  bool truncated;
  uint64_t offset;
  uint64_t missing; // bytes, if truncated
};

/// Numbers of wire types.
enum Wire { Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5 };

// A field of two bytes costs up to two hundred in memory, a scalar up to 40.
constexpr uint64_t maxMessages = 4u << 20;
constexpr uint64_t maxFields = 32u << 20;
constexpr size_t maxSkeleton = size_t(128) << 20;
// Types within types (sequences of optionals of ...), and all messages.
constexpr int maxMessageDepth = 3 * maxGraphDepth + 32;

class Detacher {
public:
  Detacher(std::string_view file, std::shared_ptr<const void> owner)
      : file(file), owner(std::move(owner)) {}

  DetachedModel run() {
    walk(Message::Model, 0, file.size(), 0, 0, model.skeleton);
    return std::move(model);
  }

private:
  std::string_view file;
  std::shared_ptr<const void> owner;
  DetachedModel model;
  uint64_t messages = 0, fields = 0;

  uint64_t readVarint(uint64_t &at, uint64_t end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at >= end)
        throw Malformed{end == file.size(), at, 1};
      unsigned char byte = file[at++];
      value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return value;
    }
    throw Malformed{false, at, 0};
  }

  static void appendVarint(std::string &out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      out += char((value & 0x7f) | 0x80);
    out += char(value);
  }

  static void appendDelimited(std::string &out, uint32_t field,
                              std::string_view payload) {
    appendVarint(out, uint64_t(field) << 3 | Delimited);
    appendVarint(out, payload.size());
    out.append(payload);
  }

  void limit(const std::string &out) {
    if (messages > maxMessages || fields > maxFields)
      refuse("the model has too many parts: over " +
                 std::to_string(maxMessages >> 20) + " million messages or " +
                 std::to_string(maxFields >> 20) + " million fields",
             "if the file is not damaged, split the model");
    if (out.size() > maxSkeleton)
      refuse("the model without its large tensors is over " +
                 std::to_string(maxSkeleton >> 20) + " MiB",
             "store large constants as raw_data or external data");
  }

  void walk(Message message, uint64_t at, uint64_t end, int depth,
            int graphDepth, std::string &out);
  bool detach(uint32_t field, uint64_t at, uint64_t length);
};

} // namespace

/// Takes the payload of a data field of TensorProto out, if it is large.
bool Detacher::detach(uint32_t field, uint64_t at, uint64_t length) {
  if (length <= detachThreshold)
    return false;
  switch (field) {
  case FloatData:
  case Int32Data:
  case Int64Data:
  case RawData:
  case DoubleData:
  case Uint64Data:
    model.pieces.push_back({field, file.substr(at, length), owner});
    return true;
  default:
    return false;
  }
}

void Detacher::walk(Message message, uint64_t at, uint64_t end, int depth,
                    int graphDepth, std::string &out) {
  ++messages;
  if (message == Message::Graph && ++graphDepth > maxGraphDepth)
    refuse("graphs (bodies of If, Loop, Scan) are nested more than " +
               std::to_string(maxGraphDepth) + " deep",
           "flatten the model's control flow");
  if (depth > maxMessageDepth)
    refuse("types or graphs are nested more than " +
               std::to_string(maxMessageDepth) + " deep",
           "the file is damaged or hostile; export the model again");
  size_t firstPiece = model.pieces.size();
  while (at < end) {
    ++fields;
    limit(out);
    uint64_t start = at;
    uint64_t tag = readVarint(at, end);
    uint32_t field = uint32_t(tag >> 3);
    if (tag >> 32 || field == 0)
      throw Malformed{false, start, 0};
    switch (tag & 7) {
    case Varint:
      readVarint(at, end);
      break;
    case Fixed64:
    case Fixed32: {
      uint64_t length = (tag & 7) == Fixed64 ? 8 : 4;
      if (end - at < length)
        throw Malformed{end == file.size(), start, length - (end - at)};
      at += length;
      break;
    }
    case Delimited: {
      uint64_t length = readVarint(at, end);
      if (length > end - at)
        throw Malformed{depth == 0, start, length - (end - at)};
      uint64_t payload = at;
      at += length;
      Rule rule = ruleFor(message, field);
      if (rule.action == Action::Drop)
        continue;
      if (rule.action == Action::Descend) {
        std::string child;
        walk(rule.child, payload, at, depth + 1, graphDepth, child);
        appendDelimited(out, field, child);
        continue;
      }
      if (message == Message::Tensor) {
        if (field == 3)
          refuse("a tensor is stored in segments, which no version of ONNX "
                 "defines further",
                 "export the model again with whole tensors");
        if (detach(field, payload, length))
          continue;
      }
      break;
    }
    default: // groups, which ONNX has never used
      throw Malformed{false, start, 0};
    }
    out.append(file.substr(start, at - start));
  }
  if (model.pieces.size() != firstPiece && message == Message::Tensor) {
    std::string range;
    appendVarint(range, 1 << 3 | Varint);
    appendVarint(range, firstPiece);
    appendVarint(range, 2 << 3 | Varint);
    appendVarint(range, model.pieces.size());
    appendDelimited(out, 3, range);
    appendVarint(out, 14 << 3 | Varint); // data_location = EXTERNAL
    appendVarint(out, 1);
  }
  limit(out);
}

/// What a file that is no ONNX model looks like, from its first bytes.
std::string reader::foreignFormat(std::string_view file) {
  auto starts = [&](std::string_view magic, size_t at = 0) {
    return file.size() >= at + magic.size() &&
           file.substr(at, magic.size()) == magic;
  };
  if (starts("version https://git-lfs"))
    return "a Git LFS pointer: the model itself has not been downloaded (run "
           "git lfs pull)";
  if (starts("PK\x03\x04"))
    return "a ZIP archive (a PyTorch checkpoint, a Keras file or an .npz); "
           "export it to ONNX";
  if (starts("\x89HDF"))
    return "an HDF5 file (Keras); convert it to ONNX (tf2onnx)";
  if (starts("TFL3", 4))
    return "a TensorFlow Lite model; convert it to ONNX (tf2onnx --tflite)";
  if (starts("ORTM", 4))
    return "a model in onnxruntime's own format; give the .onnx file that it "
           "was made from";
  if (starts("\x1f\x8b"))
    return "a gzip archive; unpack it first";
  if (starts("\x7f"
             "ELF"))
    return "an executable or library";
  if (starts("\x93NUMPY"))
    return "a NumPy array";
  if (starts("GGUF"))
    return "a GGUF file (llama.cpp), which holds weights and no graph";
  if (starts("\x80\x02") || starts("\x80\x04") || starts("\x80\x05"))
    return "a Python pickle (an old PyTorch checkpoint); export it to ONNX";
  // Text in any language: UTF-8 without control characters but white space; the
  // cut may have split the last character.
  std::string head(file.substr(0, 512));
  while (!head.empty() && (head.back() & 0x80) && file.size() > 512)
    head.pop_back();
  std::replace_if(
      head.begin(), head.end(),
      [](unsigned char c) { return c < 0x80 && std::isspace(c); }, ' ');
  bool text = !head.empty() && printable(head, head.size() + 1) == head;
  if (!text)
    return "";
  size_t first = head.find_first_not_of(' ');
  char lead = first == std::string::npos ? ' ' : head[first];
  if (starts("<!") || starts("<html") || starts("<HTML"))
    return "text that looks like a web page: the download failed (an ONNX "
           "model is binary)";
  if (lead == '<' && file.find("ir_version") != std::string_view::npos)
    return "ONNX in its textual form; convert it with onnx.parser.parse_model "
           "and onnx.save";
  if (lead == '{' || lead == '[')
    return "text that looks like JSON; an ONNX model is binary";
  return "text; an ONNX model is binary";
}

static std::string firstBytes(std::string_view file) {
  std::string out;
  for (unsigned char byte : file.substr(0, 8)) {
    char buffer[4];
    std::snprintf(buffer, sizeof buffer, "%s%02x", out.empty() ? "" : " ",
                  byte);
    out += buffer;
  }
  return out;
}

/// Whether the first field is one of ModelProto with the wire type it has.
static bool startsLikeModel(std::string_view file) {
  static const std::pair<unsigned char, int> known[] = {
      {1, Varint},    {2, Delimited}, {3, Delimited},
      {4, Delimited}, {5, Varint},    {6, Delimited},
      {7, Delimited}, {8, Delimited}, {14, Delimited}};
  unsigned char tag = file.front();
  return std::any_of(std::begin(known), std::end(known), [&](auto &field) {
    return tag == (field.first << 3 | field.second);
  });
}

DetachedModel reader::detachTensorData(std::string_view file,
                                       std::shared_ptr<const void> owner) {
  try {
    return Detacher(file, std::move(owner)).run();
  } catch (const Malformed &fault) {
    std::string guess = foreignFormat(file);
    if (!guess.empty())
      refuse("this is not an ONNX model but " + guess);
    if (!startsLikeModel(file))
      refuse("this is not an ONNX model (its first bytes are " +
                 firstBytes(file) + ")",
             "give a file written by an ONNX exporter");
    if (fault.truncated)
      refuse("the file is truncated: it has " + std::to_string(file.size()) +
                 " bytes, and the part that begins at byte " +
                 std::to_string(fault.offset) + " needs at least " +
                 std::to_string(fault.missing) + " more",
             "download or export the model again");
    refuse("the file is damaged at byte " + std::to_string(fault.offset) +
               ": what stands there is no field of an ONNX model",
           "download or export the model again");
  }
}
