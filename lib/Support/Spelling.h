//===- Spelling.h - The word that was probably meant -----*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_LIB_SUPPORT_SPELLING_H
#define ADZE_LIB_SUPPORT_SPELLING_H

#include <string>
#include <vector>

namespace adze {

/// The candidate nearest to `word` by edit distance (case does not count), if
/// it is near: within a third of the word's length (rounded up), or begun by
/// the word. Empty if none is.
std::string nearest(const std::string &word,
                    const std::vector<std::string> &candidates);

/// "; did you mean 'X'?", or nothing.
std::string didYouMean(const std::string &word,
                       const std::vector<std::string> &candidates);

} // namespace adze

#endif
