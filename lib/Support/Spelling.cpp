//===- Spelling.cpp - The word that was probably meant --------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Spelling.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>

std::string adze::nearest(const std::string &word,
                          const std::vector<std::string> &candidates) {
  llvm::StringRef written(word);
  // Something of the word must remain: 'x' is not near to 'h'.
  unsigned length = unsigned(word.size());
  unsigned limit = length < 2 ? 0 : (length + 2) / 3;
  std::string best;
  unsigned bestDistance = limit + 1;
  for (const std::string &candidate : candidates) {
    unsigned distance =
        written.edit_distance_insensitive(candidate, true, limit + 1);
    // An unfinished word is as good as one wrong letter.
    if (word.size() >= 3 &&
        llvm::StringRef(candidate).starts_with_insensitive(written))
      distance = std::min(distance, 1u);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string adze::didYouMean(const std::string &word,
                             const std::vector<std::string> &candidates) {
  std::string best = nearest(word, candidates);
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}
