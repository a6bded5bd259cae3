//===- spelling_test.cpp - The word that was probably meant ---------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Spelling.h"

#include <gtest/gtest.h>

using adze::nearest;

TEST(Spelling, TheNearestWordIsNamed) {
  std::vector<std::string> words = {"compile", "run", "verify", "cortex-m4",
                                    "host"};
  EXPECT_EQ(nearest("comple", words), "compile");
  EXPECT_EQ(nearest("VERFIY", words), "verify");
  EXPECT_EQ(nearest("cortex_m4", words), "cortex-m4");
  EXPECT_EQ(nearest("cort", words), "cortex-m4"); // unfinished
  EXPECT_EQ(nearest("rum", words), "run");
  EXPECT_EQ(nearest("--oi", {"--fix", "--io"}), "--io"); // a swap is one step
  EXPECT_EQ(nearest("banana", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("", words), "");
}

TEST(Spelling, TheQuestionIsAskedOnlyIfThereIsAnAnswer) {
  EXPECT_EQ(adze::didYouMean("hots", {"host"}), "; did you mean 'host'?");
  EXPECT_EQ(adze::didYouMean("banana", {"host"}), "");
}
