//===- artifact_test.cpp - Broken artifact folders, tools, processes ------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/native/ArtifactFolder.h"
#include "runtime/native/Process.h"
#include "runtime/native/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace adze;

namespace {

/// The message for a folder that holds net.h, net.c and this net.json.
std::string messageFor(const std::string &json) {
  TemporaryFolder folder;
  EXPECT_TRUE(folder.create());
  EXPECT_TRUE(writeFile(folder.file("net.h"), "\n"));
  EXPECT_TRUE(writeFile(folder.file("net.c"), "\n"));
  EXPECT_TRUE(writeFile(folder.file("net.json"), json));
  ArtifactFolder artifact;
  return readArtifactFolder(folder.path(), artifact).message;
}

std::string withInput(const std::string &input) {
  return R"({"name": "net", "arena_bytes": 0, "outputs": [], "inputs": [)" +
         input + "]}";
}

void expectMentions(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

} // namespace

TEST(ArtifactFolder, ReadsNamesTypesAndShapes) {
  ArtifactFolder artifact;
  Status status =
      readArtifactFolder(std::string(ADZE_MCU_FIXTURES) + "/dense", artifact);
  ASSERT_TRUE(status) << status.message;
  EXPECT_EQ(artifact.name, "dense");
  EXPECT_EQ(artifact.macroPrefix(), "DENSE");
  EXPECT_EQ(artifact.arenaBytes, 32u);
  ASSERT_EQ(artifact.outputs.size(), 2u);
  EXPECT_EQ(artifact.outputs[1].typeText(), "int32[1]");
  ASSERT_EQ(artifact.sources.size(), 2u);
  EXPECT_EQ(std::filesystem::path(artifact.sources[1]).filename(),
            "dense_weights.c");
}

TEST(ArtifactFolder, RefusesBrokenMetadata) {
  expectMentions(messageFor("{"), "parse error");
  expectMentions(messageFor("{}"), "does not describe an artifact");
  expectMentions(messageFor("[1, 2]"), "does not describe an artifact");
  expectMentions(messageFor(R"({"name": "other", "arena_bytes": 0,
                                "inputs": [], "outputs": []})"),
                 "its name is 'other'");
  expectMentions(messageFor(R"({"name": "net; rm", "arena_bytes": 0,
                                "inputs": [], "outputs": []})"),
                 "its name is 'net; rm'");
  expectMentions(
      messageFor(withInput(R"({"name": "x", "type": "f99", "shape": [1]})")),
      "tensor 'x' has the type 'f99'");
  expectMentions(
      messageFor(withInput(R"({"name": "x", "type": "int8", "shape": [-1]})")),
      "impossible shape");
  expectMentions(messageFor(withInput(R"({"name": "x", "type": "int8",
                            "shape": [4000000000, 4000000000]})")),
                 "impossible shape");
  expectMentions(messageFor(withInput(R"({"name": "x", "shape": 3})")),
                 "does not describe an artifact");
  EXPECT_EQ(messageFor(
                withInput(R"({"name": "x", "type": "int8", "shape": [2, 0]})")),
            "");
}

TEST(ArtifactFolder, RefusesFoldersWithoutAnArtifact) {
  TemporaryFolder folder;
  ASSERT_TRUE(folder.create());
  ArtifactFolder artifact;
  expectMentions(readArtifactFolder(folder.path(), artifact).message,
                 "found 0; write it with 'adze compile MODEL -o DIR'");
  expectMentions(readArtifactFolder(folder.file("missing"), artifact).message,
                 "cannot read the artifact's folder");
}

TEST(Process, CapturesOutputAndExitCode) {
  ProcessResult result;
  ASSERT_TRUE(runProcess({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"},
                         "/", 10, result));
  EXPECT_EQ(result.output, "out\nerr\n");
  EXPECT_EQ(result.exitCode, 3);
  EXPECT_FALSE(result.timedOut);
}

TEST(Process, StopsAProgramAndItsChildrenAfterTheTimeLimit) {
  ProcessResult result;
  ASSERT_TRUE(
      runProcess({"/bin/sh", "-c", "sleep 100 & sleep 100"}, "/", 0.2, result));
  EXPECT_TRUE(result.timedOut);
  expectMentions(runTool({"/bin/sleep", "100"}, "/", 0.2, "waiting").message,
                 "sleep took more than 0.2 s while waiting");
}

TEST(Process, KeepsABoundedAmountOfOutput) {
  ProcessResult result;
  ASSERT_TRUE(runProcess({"/bin/sh", "-c", "head -c 1000000 /dev/zero"}, "/",
                         10, result));
  EXPECT_EQ(result.output.size(), 64u << 10);
  EXPECT_EQ(result.exitCode, 0);
}

TEST(Process, SaysWhatCannotBeStarted) {
  ProcessResult result;
  expectMentions(runProcess({"/nonexistent/tool"}, "/", 1, result).message,
                 "cannot start /nonexistent/tool");
  std::string path;
  expectMentions(findTool({"no-such-tool"}, "test the message", path).message,
                 "the program no-such-tool is needed to test the message");
}

TEST(Process, ShowsTheFirstErrorLines) {
  EXPECT_EQ(firstErrorLines("note\na.c:1: error: x\n  y\nz\n", 2),
            "\n  a.c:1: error: x\n    y");
  EXPECT_EQ(firstErrorLines("nothing known\n", 2), "\n  nothing known");
}
