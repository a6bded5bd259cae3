//===- TensorData.cpp - The bytes of a TensorProto --------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A tensor's elements stand in one of: raw_data, one of five typed lists, or a
/// range of another file; any of them may have been detached (WireFormat.h).
/// Sizes are checked exactly, before anything is computed from them.
///
//===----------------------------------------------------------------------===//

#include "TensorData.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>

using namespace adze;
using namespace adze::reader;
using ::onnx::TensorProto;

namespace {
struct DataType {
  int number;
  const char *name;
  unsigned bits;
  /// The typed list that may hold it, and how many entries an element takes.
  uint32_t list;
  unsigned entries;
};
} // namespace

// The table of onnx.proto. Sub-byte types use int32_data with one packed byte
// an entry (except float6: one element an entry).
static constexpr DataType dataTypes[] = {
    {TensorProto::FLOAT, "float32", 32, FloatData, 1},
    {TensorProto::UINT8, "uint8", 8, Int32Data, 1},
    {TensorProto::INT8, "int8", 8, Int32Data, 1},
    {TensorProto::UINT16, "uint16", 16, Int32Data, 1},
    {TensorProto::INT16, "int16", 16, Int32Data, 1},
    {TensorProto::INT32, "int32", 32, Int32Data, 1},
    {TensorProto::INT64, "int64", 64, Int64Data, 1},
    {TensorProto::STRING, "string", 0, StringData, 1},
    {TensorProto::BOOL, "bool", 8, Int32Data, 1},
    {TensorProto::FLOAT16, "float16", 16, Int32Data, 1},
    {TensorProto::DOUBLE, "float64", 64, DoubleData, 1},
    {TensorProto::UINT32, "uint32", 32, Uint64Data, 1},
    {TensorProto::UINT64, "uint64", 64, Uint64Data, 1},
    {TensorProto::COMPLEX64, "complex64", 64, FloatData, 2},
    {TensorProto::COMPLEX128, "complex128", 128, DoubleData, 2},
    {TensorProto::BFLOAT16, "bfloat16", 16, Int32Data, 1},
    {TensorProto::FLOAT8E4M3FN, "float8e4m3fn", 8, Int32Data, 1},
    {TensorProto::FLOAT8E4M3FNUZ, "float8e4m3fnuz", 8, Int32Data, 1},
    {TensorProto::FLOAT8E5M2, "float8e5m2", 8, Int32Data, 1},
    {TensorProto::FLOAT8E5M2FNUZ, "float8e5m2fnuz", 8, Int32Data, 1},
    {TensorProto::UINT4, "uint4", 4, Int32Data, 0},
    {TensorProto::INT4, "int4", 4, Int32Data, 0},
    {TensorProto::FLOAT4E2M1, "float4e2m1", 4, Int32Data, 0},
    {TensorProto::FLOAT8E8M0, "float8e8m0", 8, Int32Data, 1},
    {TensorProto::UINT2, "uint2", 2, Int32Data, 0},
    {TensorProto::INT2, "int2", 2, Int32Data, 0},
    {TensorProto::FLOAT6E2M3, "float6e2m3", 6, Int32Data, 1},
    {TensorProto::FLOAT6E3M2, "float6e3m2", 6, Int32Data, 1},
};

static const DataType *find(int number) {
  for (const DataType &type : dataTypes)
    if (type.number == number)
      return &type;
  return nullptr;
}

const char *reader::dataTypeName(int dataType) {
  const DataType *type = find(dataType);
  return type ? type->name : nullptr;
}

unsigned reader::dataTypeBits(int dataType) {
  const DataType *type = find(dataType);
  return type ? type->bits : 0;
}

std::optional<uint64_t> reader::packedBytes(const std::vector<int64_t> &dims,
                                            unsigned bits) {
  // Zero wins over a product that would overflow before it.
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
  }
  if (empty)
    return 0;
  uint64_t elements = 1;
  for (int64_t dim : dims) {
    if (uint64_t(dim) > maxTensorBytes * 8 / elements)
      return std::nullopt;
    elements *= uint64_t(dim);
  }
  uint64_t bytes;
  // At most 2^43 elements of at most 2^7 bits.
  bytes = (elements * bits + 7) / 8;
  if (bytes > maxTensorBytes)
    return std::nullopt;
  return bytes;
}

std::string reader::tensorText(int dataType, const std::vector<int64_t> &dims) {
  const char *name = dataTypeName(dataType);
  std::string text = name ? name : "type " + std::to_string(dataType);
  if (dims.empty())
    return text + " scalar";
  text += ' ';
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i == 8)
      return text + "x...";
    text += (i ? "x" : "") + std::to_string(dims[i]);
  }
  return text;
}

static uint64_t elementsOf(const TensorProto &tensor) {
  uint64_t elements = 1;
  for (int64_t dim : tensor.dims())
    elements *= uint64_t(dim);
  return elements;
}

namespace {

/// Where the elements of a tensor stand.
struct Source {
  uint32_t field = 0;    // 0: nowhere
  bool several = false;  // in more than one place
  uint64_t entries = 0;  // of a typed list; bytes of RawData
  bool detached = false; // in `pieces`
  const DataPiece *first = nullptr, *last = nullptr;
};

/// Checks tensors; opens the files of external data once each.
class Resolver {
public:
  explicit Resolver(Model &model) : model(model) {}

  void resolve(TensorProto &tensor, const ::onnx::NodeProto *node);
  void resolveSparse(::onnx::SparseTensorProto &tensor,
                     const ::onnx::NodeProto *node);

private:
  Model &model;
  Descriptor folder;
  std::map<std::string, std::shared_ptr<const MappedFile>> files;

  [[noreturn]] void refuseTensor(const TensorProto &tensor,
                                 const ::onnx::NodeProto *node,
                                 std::string what, std::string expected = "",
                                 std::string found = "",
                                 std::string advice = "");
  void attachExternal(TensorProto &tensor, const ::onnx::NodeProto *node,
                      uint64_t expected);
};

} // namespace

static uint64_t countVarints(std::string_view bytes) {
  return std::count_if(bytes.begin(), bytes.end(),
                       [](char byte) { return !(byte & 0x80); });
}

static Source sourceOf(const Model &model, const TensorProto &tensor) {
  Source source;
  auto add = [&](uint32_t field, uint64_t entries) {
    if (entries == 0)
      return;
    source.several |= source.field != 0 && source.field != field;
    source.field = field;
    source.entries += entries;
  };
  add(FloatData, tensor.float_data_size());
  add(Int32Data, tensor.int32_data_size());
  add(Int64Data, tensor.int64_data_size());
  add(DoubleData, tensor.double_data_size());
  add(Uint64Data, tensor.uint64_data_size());
  add(StringData, tensor.string_data_size());
  add(RawData, tensor.raw_data().size());
  if (!tensor.has_segment())
    return source;
  // A list that is partly detached and partly not would lose its order.
  source.several |= source.field != 0;
  source.detached = true;
  source.first = model.pieces.data() + tensor.segment().begin();
  source.last = model.pieces.data() + tensor.segment().end();
  for (const DataPiece *piece = source.first; piece != source.last; ++piece) {
    uint64_t size = piece->bytes.size();
    switch (piece->field) {
    case RawData:
      source.several |= piece != source.first;
      add(RawData, size);
      break;
    case FloatData:
      source.several |= size % 4 != 0;
      add(FloatData, size / 4);
      break;
    case DoubleData:
      source.several |= size % 8 != 0;
      add(DoubleData, size / 8);
      break;
    default:
      add(piece->field, countVarints(piece->bytes));
      break;
    }
  }
  return source;
}

/// How many entries of its typed list a tensor needs; sub-byte elements are
/// packed, by the letter of onnx.proto into whole int32, by everybody's
/// practice (onnx.helper among them) one byte an entry.
static bool entriesFit(const DataType &type, uint64_t elements,
                       uint64_t entries) {
  if (type.entries != 0)
    return entries == elements * type.entries;
  uint64_t bytes = (elements * type.bits + 7) / 8;
  return entries == bytes || entries == (bytes + 3) / 4;
}

void Resolver::refuseTensor(const TensorProto &tensor,
                            const ::onnx::NodeProto *node, std::string what,
                            std::string expected, std::string found,
                            std::string advice) {
  Problem problem;
  std::string subject =
      node ? (tensor.name().empty() ? std::string("its constant tensor")
                                    : "its constant " + quoted(tensor.name()))
           : "initialiser " + quoted(tensor.name());
  if (node)
    problem = model.problemAt(*node, "");
  problem.what = subject + " " + what;
  problem.expected = std::move(expected);
  problem.found = std::move(found);
  problem.advice = advice.empty() ? "export the model again" : advice;
  refuse(std::move(problem));
}

/// A number from an entry of external_data.
static std::optional<uint64_t> parseNumber(const std::string &text) {
  uint64_t value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

void Resolver::attachExternal(TensorProto &tensor,
                              const ::onnx::NodeProto *node,
                              uint64_t expected) {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const ::onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
      continue;
    }
    if (entry.key() != "offset" && entry.key() != "length")
      continue; // "checksum" and what producers add
    std::optional<uint64_t> number = parseNumber(entry.value());
    if (!number)
      refuseTensor(tensor, node,
                   "has external data whose " + entry.key() + " is no number",
                   "a count of bytes", quoted(entry.value()));
    if (entry.key() == "offset")
      offset = *number;
    else
      length = *number;
  }
  if (location.empty())
    refuseTensor(tensor, node, "has external data without a file name");
  if (length && *length != expected)
    refuseTensor(tensor, node, "has external data of the wrong size",
                 std::to_string(expected) + " bytes for " +
                     tensorText(tensor.data_type(), dimsOf(tensor)),
                 "length " + std::to_string(*length));
  std::shared_ptr<const MappedFile> &file = files[location];
  if (!file) {
    if (!folder.valid())
      folder = openFolderOf(model.path);
    if (!folder.valid())
      refuse("the model's folder cannot be opened");
    std::string name = tensor.name();
    if (name.empty() && node)
      name = "of node " + node->name();
    file = MappedFile::openBeneath(folder.get(), location, name);
  }
  uint64_t size = file->bytes().size();
  if (offset > size || expected > size - offset)
    refuseTensor(
        tensor, node,
        "has external data beyond the end of the file " + quoted(location),
        std::to_string(expected) + " bytes from byte " + std::to_string(offset),
        "a file of " + std::to_string(size) + " bytes",
        "the data file is truncated or belongs to another model; "
        "download or export it again");
  tensor.clear_external_data();
  if (expected == 0) {
    tensor.clear_data_location();
    return;
  }
  tensor.mutable_segment()->set_begin(int64_t(model.pieces.size()));
  model.pieces.push_back(
      {RawData, file->bytes().substr(offset, expected), file});
  tensor.mutable_segment()->set_end(int64_t(model.pieces.size()));
}

void Resolver::resolve(TensorProto &tensor, const ::onnx::NodeProto *node) {
  const DataType *type = find(tensor.data_type());
  if (!type)
    refuseTensor(tensor, node,
                 "has the data type " + std::to_string(tensor.data_type()) +
                     ", which ONNX does not define",
                 "", "",
                 "the file is damaged or newer than ONNX 1.23; export it "
                 "again");
  if (tensor.dims_size() > maxRank)
    refuseTensor(tensor, node,
                 "has " + std::to_string(tensor.dims_size()) +
                     " dimensions; at most " + std::to_string(maxRank) +
                     " are supported");
  std::vector<int64_t> dims = dimsOf(tensor);
  for (int64_t dim : dims)
    if (dim < 0)
      refuseTensor(tensor, node, "has a negative dimension",
                   "dimensions of at least 0",
                   tensorText(tensor.data_type(), dims));
  // Strings count as one byte: each takes at least that in the file.
  std::optional<uint64_t> expected =
      packedBytes(dims, type->bits ? type->bits : 8);
  if (!expected)
    refuseTensor(tensor, node, "is absurdly large", "at most 1 TiB",
                 tensorText(tensor.data_type(), dims),
                 "the file is damaged; export the model again");
  std::string shapeText = tensorText(tensor.data_type(), dims);

  bool external =
      tensor.data_location() == TensorProto::EXTERNAL && !tensor.has_segment();
  if (external) {
    if (type->bits == 0)
      refuseTensor(tensor, node, "keeps strings as external data",
                   "strings in the model file");
    if (sourceOf(model, tensor).field != 0)
      refuseTensor(tensor, node,
                   "has its data both in the model and in another file");
    attachExternal(tensor, node, *expected);
    return;
  }
  Source source = sourceOf(model, tensor);
  if (source.detached && tensor.external_data_size() != 0)
    refuseTensor(tensor, node,
                 "has its data both in the model and in another file");
  if (source.several)
    refuseTensor(tensor, node, "has its data in more than one place",
                 "one of raw_data and the typed lists");
  uint64_t elements = elementsOf(tensor);
  if (source.field == 0) {
    if (elements != 0)
      refuseTensor(tensor, node, "has no data", shapeText, "nothing",
                   "the exporter has left the values out, or they were kept in "
                   "another file; export the model with its weights");
    return;
  }
  if (source.field == RawData && type->bits != 0) {
    if (source.entries != *expected)
      refuseTensor(tensor, node, "has data of the wrong size",
                   std::to_string(*expected) + " bytes for " + shapeText,
                   std::to_string(source.entries) + " bytes");
    return;
  }
  if (source.field != type->list)
    refuseTensor(tensor, node,
                 "keeps its values in a field that is not for " +
                     std::string(type->name));
  if (!entriesFit(*type, elements, source.entries))
    refuseTensor(tensor, node, "has the wrong number of values",
                 std::to_string(elements) + " for " + shapeText,
                 std::to_string(source.entries));
}

void Resolver::resolveSparse(::onnx::SparseTensorProto &tensor,
                             const ::onnx::NodeProto *node) {
  for (TensorProto *part :
       {tensor.mutable_values(), tensor.mutable_indices()}) {
    if (part->data_location() == TensorProto::EXTERNAL || part->has_segment())
      refuseTensor(*part, node,
                   "is part of a sparse tensor and keeps its data "
                   "in another file, which is not supported");
    if (part->data_type() != TensorProto::UNDEFINED)
      resolve(*part, node);
  }
}

/// Sparse tensors of nodes, everywhere.
static void
forEachSparse(google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
              const std::function<void(::onnx::SparseTensorProto &,
                                       const ::onnx::NodeProto &)> &visit) {
  for (::onnx::NodeProto &node : nodes)
    for (::onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_sparse_tensor())
        visit(*attribute.mutable_sparse_tensor(), node);
      for (::onnx::SparseTensorProto &tensor :
           *attribute.mutable_sparse_tensors())
        visit(tensor, node);
      if (attribute.has_g())
        forEachSparse(*attribute.mutable_g()->mutable_node(), visit);
      for (::onnx::GraphProto &inner : *attribute.mutable_graphs())
        forEachSparse(*inner.mutable_node(), visit);
    }
}

void reader::resolveTensors(Model &model) {
  Resolver resolver(model);
  auto visit = [&](TensorProto &tensor, const ::onnx::NodeProto *node) {
    resolver.resolve(tensor, node);
  };
  auto visitSparse = [&](::onnx::SparseTensorProto &tensor,
                         const ::onnx::NodeProto &node) {
    resolver.resolveSparse(tensor, &node);
  };
  forEachTensor(model.graph(), visit);
  forEachSparse(*model.graph().mutable_node(), visitSparse);
  forEachGraph(model.graph(), [&](::onnx::GraphProto &graph) {
    for (::onnx::SparseTensorProto &tensor :
         *graph.mutable_sparse_initializer())
      resolver.resolveSparse(tensor, nullptr);
  });
  for (::onnx::FunctionProto &function : *model.proto.mutable_functions()) {
    forEachTensor(*function.mutable_node(), visit);
    forEachSparse(*function.mutable_node(), visitSparse);
  }
}

/// Appends the low `size` bytes of a value.
static void append(std::vector<char> &out, uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i)
    out.push_back(char(value >> (8 * i)));
}

static std::vector<char> readTyped(const TensorProto &tensor,
                                   const DataType &type, const Source &source) {
  uint64_t elements = elementsOf(tensor);
  uint64_t bytes = (elements * type.bits + 7) / 8;
  std::vector<char> out;
  out.reserve(bytes + 4);
  if (source.field == FloatData || source.field == DoubleData) {
    auto copy = [&](const void *data, size_t size) {
      const char *begin = static_cast<const char *>(data);
      out.insert(out.end(), begin, begin + size);
    };
    if (source.detached) {
      for (const DataPiece *piece = source.first; piece != source.last; ++piece)
        copy(piece->bytes.data(), piece->bytes.size());
    } else {
      copy(tensor.float_data().data(), 4 * size_t(tensor.float_data_size()));
      copy(tensor.double_data().data(), 8 * size_t(tensor.double_data_size()));
    }
    return out;
  }
  // Sub-byte elements: a byte or four an entry; float6: an element an entry.
  unsigned size = type.bits / 8;
  bool float6 = type.bits == 6;
  if (type.entries == 0)
    size = source.entries == bytes ? 1 : 4;
  unsigned bitsUsed = 0;
  auto add = [&](uint64_t value) {
    if (!float6)
      return append(out, value, size);
    for (unsigned i = 0; i < 6; ++i, ++bitsUsed) {
      if (bitsUsed % 8 == 0)
        out.push_back(0);
      out.back() |= char(((value >> i) & 1) << (bitsUsed % 8));
    }
  };
  if (source.detached) {
    for (const DataPiece *piece = source.first; piece != source.last; ++piece) {
      uint64_t value = 0;
      unsigned shift = 0;
      for (char byte : piece->bytes) {
        if (shift < 64)
          value |= uint64_t(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80)
          continue;
        add(value);
        value = 0;
        shift = 0;
      }
    }
  } else {
    for (int32_t value : tensor.int32_data())
      add(uint64_t(int64_t(value)));
    for (int64_t value : tensor.int64_data())
      add(uint64_t(value));
    for (uint64_t value : tensor.uint64_data())
      add(value);
  }
  out.resize(bytes); // four bytes an entry may have left some over
  return out;
}

TensorBytes reader::readTensor(const Model &model, const TensorProto &tensor) {
  TensorBytes result;
  const DataType &type = *find(tensor.data_type());
  Source source = sourceOf(model, tensor);
  if (source.field == 0)
    return result;
  bool oneDetached = source.detached && source.last - source.first == 1;
  if (source.field == RawData && !oneDetached) {
    result.owned.assign(tensor.raw_data().begin(), tensor.raw_data().end());
  } else if (oneDetached &&
             (source.field == RawData || source.field == FloatData ||
              source.field == DoubleData)) {
    // Packed floats have the form of raw_data.
    result.view = source.first->bytes;
    result.owner = source.first->owner;
    result.mapped = true;
  } else {
    result.owned = readTyped(tensor, type, source);
  }
  if (type.number != TensorProto::BOOL)
    return result;
  std::string_view bytes = result.bytes();
  if (std::all_of(bytes.begin(), bytes.end(),
                  [](unsigned char byte) { return byte <= 1; }))
    return result;
  TensorBytes canonical;
  for (char byte : bytes)
    canonical.owned.push_back(byte != 0);
  return canonical;
}

TensorBytes reader::readSparse(const Model &model,
                               const ::onnx::SparseTensorProto &sparse,
                               const std::string &where) {
  // Sparse constants are small in practice; a dense one of this size is not
  // worth an attack's few bytes.
  constexpr uint64_t maxDense = uint64_t(64) << 20;
  const TensorProto &values = sparse.values();
  unsigned bits = dataTypeBits(values.data_type());
  std::vector<int64_t> dims(sparse.dims().begin(), sparse.dims().end());
  std::optional<uint64_t> size = packedBytes(dims, bits);
  if (bits < 8 || int(dims.size()) > maxRank || !size || *size > maxDense)
    refuse(where + " is a sparse tensor that is not supported: " +
               tensorText(values.data_type(), dims),
           "store it as a dense tensor");
  unsigned width = bits / 8;
  uint64_t elements = *size / width;
  TensorBytes data = readTensor(model, values);
  TensorBytes indexData;
  if (sparse.has_indices())
    indexData = readTensor(model, sparse.indices());
  const TensorProto &indices = sparse.indices();
  uint64_t count = data.bytes().size() / width;
  uint64_t coordinates =
      indices.dims_size() == 2 ? uint64_t(indices.dims(1)) : 1;
  bool flat = indices.dims_size() == 1;
  if (count != 0 &&
      (indices.data_type() != TensorProto::INT64 ||
       (!flat && (indices.dims_size() != 2 || coordinates != dims.size())) ||
       uint64_t(indices.dims(0)) != count))
    refuse(where + " is a sparse tensor whose indices do not fit its values",
           "export the model again");
  auto index = [&](uint64_t position) {
    int64_t value;
    std::memcpy(&value, indexData.bytes().data() + 8 * position, 8);
    return value;
  };
  TensorBytes dense;
  dense.owned.assign(*size, 0);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t position = 0;
    bool inside = true;
    if (flat) {
      position = uint64_t(index(i));
      inside = position < elements;
    } else {
      for (size_t k = 0; k < dims.size(); ++k) {
        int64_t at = index(i * coordinates + k);
        inside = inside && at >= 0 && at < dims[k];
        position = position * uint64_t(dims[k]) + uint64_t(at);
      }
    }
    if (!inside)
      refuse(where + " is a sparse tensor with an index outside its shape",
             "export the model again");
    std::memcpy(dense.owned.data() + position * width,
                data.bytes().data() + i * width, width);
  }
  return dense;
}
