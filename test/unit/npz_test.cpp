//===- npz_test.cpp - .npy and .npz files, good and hostile ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Npz.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

using namespace adze;

namespace {

std::string readWhole(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder for the files of one test.
class NpzTest : public testing::Test {
protected:
  void SetUp() override {
    const testing::TestInfo *info =
        testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::temp_directory_path() /
             ("adze-npz-" + std::to_string(::getpid()) + info->name());
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string &name, const std::string &bytes) {
    std::string path = (folder / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string path(const std::string &name) { return (folder / name).string(); }
  std::filesystem::path folder;
};

/// The bytes of a .npy file with this header text and these elements.
std::string npyBytes(const std::string &dictionary, const std::string &data,
                     char version = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += version;
  bytes += '\0';
  bytes += char(dictionary.size() & 0xff);
  bytes += char(dictionary.size() >> 8);
  if (version > 1)
    bytes.append(2, '\0');
  return bytes + dictionary + data;
}

void expectCounting(const Tensor &tensor, double scale, double offset) {
  ASSERT_EQ(tensor.spec.shape, (std::vector<int64_t>{2, 3}));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(tensor.get(i), i * scale + offset) << tensor.spec.name << i;
}

class NumpyFiles : public testing::TestWithParam<const char *> {
protected:
  std::string path() const {
    return std::string(ADZE_TEST_DATA "/") + GetParam();
  }
};

TEST_P(NumpyFiles, EveryArrayIsReadAsNumpyWroteIt) {
  NpzReader reader;
  ASSERT_EQ(NpzReader::open(path(), reader).message, "");
  EXPECT_EQ(reader.names().size(), 20u);
  EXPECT_EQ(reader.names()[0], "in/serving_default:0");
  EXPECT_TRUE(reader.contains("out/a/b"));
  EXPECT_FALSE(reader.contains("out/a"));

  static const struct {
    const char *name;
    ElementType expected, type;
    double scale, offset;
  } counting[] = {
      {"in/serving_default:0", {}, ElementType::Float32, 1, 0.5},
      {"out/a/b", {}, ElementType::Int64, 1, -3},
      {"float16", {}, ElementType::Float16, 0.25, 0},
      {"uint8", {}, ElementType::UInt8, 1, 250},
      {"int8", {}, ElementType::Int8, 1, -3},
      {"bfloat16", ElementType::BFloat16, ElementType::BFloat16, 1, -2.5},
      {"float8_e4m3fn", ElementType::Float8E4M3FN, ElementType::Float8E4M3FN, 1,
       -2.5},
      {"float8_e5m2", {}, ElementType::Float8E5M2, 1, -2.5},
      {"int4", ElementType::Int4, ElementType::Int4, 1, -3},
      {"uint4", ElementType::UInt4, ElementType::UInt4, 1, 10},
      {"big_endian", {}, ElementType::Float32, 1, 0},
      {"complex64", {}, ElementType::Complex64, 1, 0},
  };
  for (const auto &row : counting) {
    Tensor tensor;
    ASSERT_EQ(reader.read(row.name, tensor, row.expected).message, "");
    EXPECT_EQ(tensor.spec.name, row.name);
    EXPECT_EQ(tensor.spec.type, row.type);
    EXPECT_EQ(int64_t(tensor.storage.size()), tensor.spec.byteSize());
    expectCounting(tensor, row.scale, row.offset);
  }

  Tensor tensor;
  ASSERT_EQ(reader.read("float64", tensor).message, "");
  EXPECT_EQ(tensor.get(1), 1.0 / 3);
  ASSERT_EQ(reader.read("bool", tensor).message, "");
  EXPECT_EQ(tensor.spec.typeText(), "bool[2,3]");
  EXPECT_EQ(tensor.get(3), 1);
  ASSERT_EQ(reader.read("uint64", tensor).message, "");
  uint64_t second;
  std::memcpy(&second, tensor.data() + 8, 8);
  EXPECT_EQ(second, (uint64_t(1) << 63) + 1);
  ASSERT_EQ(reader.read("scalar", tensor).message, "");
  EXPECT_EQ(tensor.spec.typeText(), "int32[]");
  EXPECT_EQ(tensor.get(0), 7);
  ASSERT_EQ(reader.read("empty", tensor).message, "");
  EXPECT_EQ(tensor.spec.typeText(), "float32[0,3]");
  ASSERT_EQ(reader.read("fortran", tensor).message, "");
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(tensor.get(i), i);
  std::vector<int64_t> shape;
  ASSERT_EQ(reader.shape("int4", shape).message, "");
  EXPECT_EQ(shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(uintptr_t(tensor.data()) % 64, 0u);
}

TEST_P(NumpyFiles, TypesThatCannotBeReadAreRefusedOneByOne) {
  NpzReader reader;
  ASSERT_EQ(NpzReader::open(path(), reader).message, "");
  Tensor tensor;
  EXPECT_NE(reader.read("text", tensor).message.find("numpy's type '<U3'"),
            std::string::npos);
  EXPECT_NE(reader.read("bfloat16", tensor).message.find("2 opaque bytes each"),
            std::string::npos);
  EXPECT_NE(reader.read("bfloat16", tensor, ElementType::Float8E4M3FN)
                .message.find("where float8_e4m3fn is expected"),
            std::string::npos);
  EXPECT_NE(reader.read("none", tensor).message.find("holds no array 'none'"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Numpy, NumpyFiles,
                         testing::Values("stored.npz", "deflated.npz"));

TEST_F(NpzTest, WhatIsWrittenIsReadBack) {
  std::mt19937 random(1);
  std::vector<Tensor> tensors;
  for (int type = 1; type <= int(ElementType::Int2); ++type) {
    if (ElementType(type) == ElementType::String)
      continue;
    for (std::vector<int64_t> shape :
         {std::vector<int64_t>{}, {5}, {3, 0, 2}, {2, 3, 7}}) {
      Tensor tensor(TensorSpec{"in/" + std::to_string(tensors.size()) + ":0",
                               ElementType(type), shape});
      for (int64_t i = 0; i < tensor.spec.numElements(); ++i)
        tensor.set(i, double(random() % 200) / 8 - 12);
      tensors.push_back(std::move(tensor));
    }
  }
  ASSERT_EQ(writeNpz(path("a.npz"), tensors).message, "");
  NpzReader reader;
  ASSERT_EQ(NpzReader::open(path("a.npz"), reader).message, "");
  ASSERT_EQ(reader.names().size(), tensors.size());
  for (const Tensor &tensor : tensors) {
    Tensor back;
    ASSERT_EQ(reader.read(tensor.spec.name, back, tensor.spec.type).message,
              "");
    EXPECT_EQ(back.spec.typeText(), tensor.spec.typeText());
    EXPECT_EQ(back.storage, tensor.storage) << tensor.spec.typeText();

    ASSERT_EQ(writeNpy(path("a.npy"), tensor).message, "");
    Tensor single;
    ASSERT_EQ(readNpy(path("a.npy"), single, tensor.spec.type).message, "");
    EXPECT_EQ(single.storage, tensor.storage) << tensor.spec.typeText();
  }
}

TEST_F(NpzTest, FilesAreWrittenWholeOrNotAtAll) {
  Tensor text(TensorSpec{"s", ElementType::String, {1}});
  EXPECT_NE(writeNpz(path("a.npz"), {text}).message, "");
  Tensor number(TensorSpec{"n", ElementType::Float32, {1}});
  EXPECT_NE(writeNpz(path("a.npz"), {number, number}).message, "");
  EXPECT_NE(writeNpz(path("missing/a.npz"), {number}).message, "");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(NpzTest, HeadersThatNumpyDoesNotWriteAreRefused) {
  static const struct {
    const char *dictionary, *message;
  } cases[] = {
      {"", "not the dictionary"},
      {"{", "not the dictionary"},
      {"{}", "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False}", "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': "
       "(2,)}",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,",
       "not the dictionary"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
       "numpy's type '|O'"},
      {"{'descr': '<f99999999999', 'fortran_order': False, 'shape': (2,)}",
       "numpy's type"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
       "records with several fields"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': "
       "(9999999999999999999999,)}",
       "not the dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': "
       "(4294967296, 4294967296)}",
       "more elements than any memory holds"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
       "announces 4000000000000 bytes of elements, and 8 follow"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
       "announces 4 bytes of elements, and 8 follow"},
  };
  for (const auto &row : cases) {
    Tensor tensor;
    Status status = readNpy(
        file("a.npy", npyBytes(row.dictionary, std::string(8, 'x'))), tensor);
    EXPECT_NE(status.message.find(row.message), std::string::npos)
        << row.dictionary << "\n"
        << status.message;
  }
  std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
  Tensor tensor;
  for (char version : {1, 2, 3})
    EXPECT_EQ(
        readNpy(file("a.npy", npyBytes(good, "12345678", version)), tensor)
            .message,
        "");
  for (char version : {0, 4})
    EXPECT_NE(
        readNpy(file("a.npy", npyBytes(good, "12345678", version)), tensor)
            .message,
        "");
}

TEST_F(NpzTest, WhatIsNoFileIsRefused) {
  Tensor tensor;
  NpzReader reader;
  EXPECT_NE(readNpy(path("missing"), tensor).message.find("cannot open"),
            std::string::npos);
  EXPECT_NE(readNpy(folder.string(), tensor).message.find("it is a folder"),
            std::string::npos);
  EXPECT_NE(NpzReader::open("/dev/null", reader).message.find("device or pipe"),
            std::string::npos);
  EXPECT_NE(NpzReader::open(file("empty", ""), reader).message.find("no .npz"),
            std::string::npos);
  EXPECT_NE(NpzReader::open(file("text", std::string(9999, 'x')), reader)
                .message.find("no .npz"),
            std::string::npos);
}

/// Reads all that a damaged archive offers; it must not crash, hang, or
/// allocate what is not there. Returns the number of arrays read.
int readAll(const std::string &path) {
  NpzReader reader;
  int count = 0;
  if (!NpzReader::open(path, reader))
    return 0;
  for (const std::string &name : reader.names()) {
    Tensor tensor;
    for (ElementType expected : {ElementType::Undefined, ElementType::BFloat16})
      if (reader.read(name, tensor, expected)) {
        EXPECT_EQ(int64_t(tensor.storage.size()), tensor.spec.byteSize());
        ++count;
      }
  }
  return count;
}

TEST_F(NpzTest, TruncatedArchivesAreRefused) {
  std::string bytes = readWhole(ADZE_TEST_DATA "/deflated.npz");
  ASSERT_GT(readAll(file("whole.npz", bytes)), 30);
  for (size_t size = 0; size < bytes.size(); size += 97)
    EXPECT_EQ(readAll(file("cut.npz", bytes.substr(0, size))), 0) << size;
}

TEST_F(NpzTest, MutatedArchivesDoNoHarm) {
  for (const char *name : {"stored.npz", "deflated.npz"}) {
    std::string bytes = readWhole(std::string(ADZE_TEST_DATA "/") + name);
    std::mt19937 random(42);
    size_t tail = std::min<size_t>(bytes.size(), 2000);
    for (int round = 0; round < 600; ++round) {
      std::string mutant = bytes;
      for (unsigned n = 1 + random() % 4; n > 0; --n) {
        // Half of them hit the directory, where sizes and places are.
        size_t at = random() % 2 ? random() % bytes.size()
                                 : bytes.size() - 1 - random() % tail;
        static const char values[] = {0, char(0xff), 0x7f, char(0x80), 1};
        mutant[at] =
            random() % 2 ? values[random() % 5] : char(uint8_t(random()));
      }
      readAll(file("mutant.npz", mutant));
    }
  }
}

TEST_F(NpzTest, ArraysWithAWrongChecksumAreRefused) {
  std::string bytes = readWhole(ADZE_TEST_DATA "/stored.npz");
  // An element of the first array: behind its local and .npy headers.
  size_t at = bytes.find("NUMPY") + 122 + 5;
  bytes[at] = char(bytes[at] ^ 1);
  NpzReader reader;
  ASSERT_EQ(NpzReader::open(file("a.npz", bytes), reader).message, "");
  Tensor tensor;
  EXPECT_NE(reader.read("in/serving_default:0", tensor)
                .message.find("checksum is wrong"),
            std::string::npos);
  EXPECT_EQ(reader.read("out/a/b", tensor).message, "");
}

TEST_F(NpzTest, ASizeBeyondWhatDeflateCanPackIsALie) {
  std::string bytes = readWhole(ADZE_TEST_DATA "/deflated.npz");
  size_t entry = bytes.find(std::string("PK\x01\x02", 4));
  ASSERT_NE(entry, std::string::npos);
  for (int i = 0; i < 4; ++i) // the size of the first array, 4 GiB - 256
    bytes[entry + 24 + size_t(i)] = i == 0 ? 0 : char(0xff);
  NpzReader reader;
  ASSERT_EQ(NpzReader::open(file("a.npz", bytes), reader).message, "");
  Tensor tensor;
  EXPECT_NE(reader.read("in/serving_default:0", tensor)
                .message.find("cannot be true"),
            std::string::npos);
}

} // namespace
