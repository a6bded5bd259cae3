//===- Terminal.h - Colours, tables and progress ------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_TOOLS_ADZE_TERMINAL_H
#define ADZE_TOOLS_ADZE_TERMINAL_H

#include "adze/Compiler.h"

#include <memory>
#include <string>
#include <vector>

namespace adze::cli {

enum class Colour { None, Bold, Dim, Red, Green, Yellow };

/// The text in a colour if standard output (or error) is a terminal that
/// shows it and NO_COLOR (https://no-color.org) is not set.
std::string coloured(const std::string &text, Colour colour,
                     bool onError = false);

/// A table of left- or right-aligned columns, two spaces apart.
class Table {
public:
  struct Column {
    std::string title;
    bool right = false;
  };
  explicit Table(std::vector<Column> columns) : columns(std::move(columns)) {}

  struct Cell {
    std::string text;
    Colour colour = Colour::None;
    Cell(const char *text) : text(text) {}
    Cell(std::string text, Colour colour = Colour::None)
        : text(std::move(text)), colour(colour) {}
  };
  void add(std::vector<Cell> row) { rows.push_back(std::move(row)); }
  /// Prints to standard output, each line after `indent` spaces.
  void print(unsigned indent = 0) const;

private:
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

/// A bar on standard error while something takes longer than two seconds, if
/// that is a terminal; it is gone when the object is.
class ProgressBar {
public:
  ProgressBar();
  ~ProgressBar();
  /// What the compiler reports to. Valid as long as the object.
  Progress callback();
  /// Removes the bar now.
  void finish();

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// "1,234,567".
std::string grouped(int64_t value);
/// "23.4 KiB", "17 B".
std::string byteText(int64_t bytes);
/// "12.3 ms", from seconds.
std::string timeText(double seconds);

} // namespace adze::cli

#endif
