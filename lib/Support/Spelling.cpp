//===- Spelling.cpp - The word that was probably meant --------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/Support/Spelling.h"

#include <algorithm>
#include <cctype>

static std::string lowered(std::string word) {
  for (char &c : word)
    c = char(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

/// The number of insertions, deletions, changes and swaps of neighbours between
/// two words (optimal string alignment): half of all typos are swaps, which
/// Levenshtein's distance counts twice.
static size_t distance(const std::string &a, const std::string &b) {
  std::vector<std::vector<size_t>> rows(a.size() + 1,
                                        std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1,
                             rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  return rows[a.size()][b.size()];
}

std::string adze::nearest(const std::string &word,
                          const std::vector<std::string> &candidates) {
  std::string written = lowered(word.substr(0, 100));
  // Something of the word must remain: 'x' is not near to 'h'.
  size_t limit = written.size() < 2 ? 0 : (written.size() + 2) / 3;
  std::string best;
  size_t bestDistance = limit + 1;
  for (const std::string &candidate : candidates) {
    std::string other = lowered(candidate.substr(0, 100));
    size_t steps = distance(written, other);
    // An unfinished word is as good as one wrong letter.
    if (written.size() >= 3 && other.compare(0, written.size(), written) == 0)
      steps = std::min<size_t>(steps, 1);
    if (steps < bestDistance) {
      bestDistance = steps;
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
