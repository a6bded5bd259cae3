//===- Terminal.cpp - Colours, tables and progress ------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/adze/Terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

using namespace adze;
using namespace adze::cli;

//===----------------------------------------------------------------------===//
// Colours
//===----------------------------------------------------------------------===//

static bool isTerminal(int descriptor) {
  const char *term = std::getenv("TERM");
  return ::isatty(descriptor) && !(term && std::string(term) == "dumb");
}

std::string cli::coloured(const std::string &text, Colour colour,
                          bool onError) {
  const char *noColour = std::getenv("NO_COLOR");
  if (colour == Colour::None || (noColour && *noColour) ||
      !isTerminal(onError ? STDERR_FILENO : STDOUT_FILENO))
    return text;
  const char *code = "0";
  switch (colour) {
  case Colour::None:
    break;
  case Colour::Bold:
    code = "1";
    break;
  case Colour::Dim:
    code = "2";
    break;
  case Colour::Red:
    code = "31";
    break;
  case Colour::Green:
    code = "32";
    break;
  case Colour::Yellow:
    code = "33";
    break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Characters, not bytes: names in models are UTF-8.
static size_t width(const std::string &text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

void Table::print(unsigned indent) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns.size(); ++c) {
    widths.push_back(width(columns[c].title));
    for (const std::vector<Cell> &row : rows)
      if (c < row.size())
        widths[c] = std::max(widths[c], width(row[c].text));
  }
  auto printLine = [&](const std::vector<Cell> &cells) {
    std::string line(indent, ' ');
    for (size_t c = 0; c < cells.size(); ++c) {
      std::string padding(widths[c] - width(cells[c].text), ' ');
      std::string text = coloured(cells[c].text, cells[c].colour);
      bool last = c + 1 == cells.size();
      line += columns[c].right ? padding + text
                               : text + (last ? std::string() : padding);
      if (!last)
        line += "  ";
    }
    fmt::print("{}\n", line);
  };
  bool titled = std::any_of(columns.begin(), columns.end(),
                            [](const Column &c) { return !c.title.empty(); });
  if (titled) {
    std::vector<Cell> titles;
    for (const Column &column : columns)
      titles.emplace_back(column.title, Colour::Bold);
    printLine(titles);
  }
  for (const std::vector<Cell> &row : rows)
    printLine(row);
}

//===----------------------------------------------------------------------===//
// Progress
//===----------------------------------------------------------------------===//

struct ProgressBar::Impl {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::condition_variable wake;
  std::string label;
  double fraction = 0;
  bool done = false, drawn = false;
  Clock::time_point start = Clock::now();
  std::thread painter;

  void draw() {
    constexpr int cells = 24;
    double seconds =
        std::chrono::duration<double>(Clock::now() - start).count();
    int full = int(std::clamp(fraction, 0.0, 1.0) * cells);
    fmt::print(
        stderr, "\r\x1b[K[{}{}] {:3.0f}% {:.0f} s  {}",
        std::string(size_t(full), '#'), std::string(size_t(cells - full), '.'),
        std::clamp(fraction, 0.0, 1.0) * 100, seconds, label.substr(0, 40));
    std::fflush(stderr);
    drawn = true;
  }

  /// A thread of its own, so that a phase that reports nothing shows as well.
  void paint() {
    std::unique_lock<std::mutex> lock(mutex);
    if (wake.wait_for(lock, std::chrono::seconds(2), [&] { return done; }))
      return;
    do
      draw();
    while (!wake.wait_for(lock, std::chrono::milliseconds(250),
                          [&] { return done; }));
  }
};

ProgressBar::ProgressBar() : impl(std::make_unique<Impl>()) {
  if (isTerminal(STDERR_FILENO))
    impl->painter = std::thread([this] { impl->paint(); });
}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::finish() {
  if (!impl->painter.joinable())
    return;
  {
    std::lock_guard<std::mutex> lock(impl->mutex);
    impl->done = true;
  }
  impl->wake.notify_all();
  impl->painter.join();
  if (impl->drawn)
    fmt::print(stderr, "\r\x1b[K");
}

Progress ProgressBar::callback() {
  return [this](const std::string &label, double fraction) {
    std::lock_guard<std::mutex> lock(impl->mutex);
    impl->label = label;
    impl->fraction = fraction;
  };
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::string cli::grouped(int64_t value) {
  std::string digits = std::to_string(value);
  size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string cli::byteText(int64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  double value = double(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string cli::timeText(double seconds) {
  if (seconds >= 1)
    return fmt::format("{:.3g} s", seconds);
  if (seconds >= 1e-3)
    return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} us", seconds * 1e6);
}
