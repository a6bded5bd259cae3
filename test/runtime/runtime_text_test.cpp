//===- runtime_text_test.cpp - The runtime as C99 text --------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "adze/RuntimeText.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace adze;

namespace {

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(RuntimeText, LacksUnknownFunctions) {
  EXPECT_FALSE(runtimeSource({"adze_expf", "adze_gammaf"}));
}

TEST(RuntimeText, OfNothingIsEmpty) {
  std::optional<RuntimeSource> source = runtimeSource({});
  ASSERT_TRUE(source);
  EXPECT_TRUE(source->text.empty());
  EXPECT_TRUE(source->includes.empty());
}

TEST(RuntimeText, HoldsWhatIsCalledOnceAndBeforeTheCaller) {
  std::optional<RuntimeSource> source =
      runtimeSource({"adze_tanhf", "adze_expf"});
  ASSERT_TRUE(source);
  const std::string definition = "adze_exp_split(float x) {";
  EXPECT_EQ(count(source->text, definition), 1u);
  EXPECT_LT(source->text.find(definition),
            source->text.find("float adze_tanhf(float x) {"));
  EXPECT_LT(source->text.find("struct adze_exp_parts {"),
            source->text.find(definition));
  EXPECT_EQ(count(source->text, "adze_logf"), 0u);
  EXPECT_EQ(source->includes, (std::vector<std::string>{"math.h", "stdint.h"}));
}

TEST(RuntimeText, KeepsNothingOfTheHeaders) {
  std::vector<std::string> names = runtimeFunctions();
  std::optional<RuntimeSource> source =
      runtimeSource({names.begin(), names.end()});
  ASSERT_TRUE(source);
  EXPECT_EQ(count(source->text, "ADZE_FUNCTION"), 0u);
  EXPECT_EQ(count(source->text, "#"), 0u);
  EXPECT_EQ(count(source->text, "//===--"), 0u);
}

TEST(RuntimeText, DoesNotDependOnTheOrderOfRequests) {
  EXPECT_EQ(runtimeSource({"adze_sinf", "adze_cosf"})->text,
            runtimeSource({"adze_cosf", "adze_sinf"})->text);
}

/// A folder that goes away with the test.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "adze-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// Each function, asked for alone, compiles without a warning. The text lies in
/// a header of its own, because it is not used.
TEST(RuntimeText, OfEveryFunctionCompilesAlone) {
  Folder folder;
  std::ofstream main(folder.path / "main.c");
  std::vector<std::string> names = runtimeFunctions();
  ASSERT_GT(names.size(), 80u);
  std::string files;
  for (const std::string &name : names) {
    std::optional<RuntimeSource> source = runtimeSource({name});
    ASSERT_TRUE(source);
    std::ofstream header(folder.path / (name + ".h"));
    for (const std::string &include : source->includes)
      header << "#include <" << include << ">\n";
    header << source->text;
    std::ofstream user(folder.path / (name + ".c"));
    user << "#include \"" << name << ".h\"\nint " << name << "_user;\n";
    files += " " + name + ".c";
  }
  for (const char *compiler : {"gcc", "clang-22"}) {
    std::string command = "cd " + folder.path.string() + " && " + compiler +
                          " -std=c99 -fsyntax-only -Wall -Wextra -Wpedantic "
                          "-Wconversion -Wsign-conversion -Wshadow -Werror" +
                          files;
    EXPECT_EQ(std::system(command.c_str()), 0) << compiler;
  }
}

} // namespace
