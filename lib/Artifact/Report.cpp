//===- Report.cpp - report.html --------------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One page without scripts and without external resources, so that it can be
/// mailed, archived and opened anywhere: what the library takes and gives,
/// where the multiply-accumulates are, and what lies in memory when.
///
//===----------------------------------------------------------------------===//

#include "lib/Artifact/Files.h"

#include "fmt/format.h"

#include <algorithm>
#include <cmath>

using namespace adze;

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text) {
    switch (c) {
    case '&': result += "&amp;"; break;
    case '<': result += "&lt;"; break;
    case '>': result += "&gt;"; break;
    case '"': result += "&quot;"; break;
    default:
      result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

static const char *styleSheet = R"(
:root { --ink: #1c1f23; --soft: #667080; --line: #dfe3e8; --paper: #fff; --tint: #f5f7f9;
  --accent: #2563a8; --bar: #9cc3ea; --mark: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #98a2b0; --line: #343a42; --paper: #16191d; --tint: #1e2227;
    --accent: #7db4ee; --bar: #2f5d8c; --mark: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.9rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .6rem; }
p.lead { color: var(--soft); margin: .2rem 0 1.6rem; }
code, td.code { font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; }
.facts div { flex: 1 1 9rem; background: var(--tint); border-radius: 8px; padding: .7rem .9rem; }
.facts b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: .85rem; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.doc { color: var(--soft); font-size: .88rem; }
.share { position: relative; min-width: 7rem; }
.share i { display: block; height: .8rem; margin-top: .3rem; background: var(--bar); border-radius: 2px; }
svg { width: 100%; height: auto; background: var(--tint); border-radius: 8px; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .name { fill: #10151b; } svg .limit { stroke: var(--mark); stroke-dasharray: 5 4; }
svg .limitname { fill: var(--mark); } svg .grid { stroke: var(--line); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
)";

static std::string fact(const std::string &value, const std::string &label) {
  return fmt::format("<div><b>{}</b><span>{}</span></div>\n", value, label);
}

static std::string tensorTable(const CSource &source) {
  std::string text = "<h2>Inputs and outputs</h2>\n<div class=\"wide\"><table>"
                     "<tr><th></th><th>parameter</th><th>type</th><th>shape"
                     "</th><th class=\"number\">bytes</th><th>name in the "
                     "model</th></tr>\n";
  for (const CArgument &argument : source.arguments)
    text += fmt::format(
        "<tr><td>{}</td><td class=\"code\">{}</td><td>{}</td><td>{}</td><td "
        "class=\"number\">{}</td><td class=\"doc\">{}</td></tr>\n",
        argument.isOutput ? "output" : "input", escaped(argument.cName),
        escaped(argument.type), shapeText(argument.shape),
        groupedDigits(int64_t(argument.bytes)), escaped(argument.name));
  return text + "</table></div>\n";
}

static std::string kernelTable(const ArtifactInfo &info) {
  if (info.kernels.empty())
    return "";
  int64_t total = 0, most = 1;
  bool hasBytes = false, hasSchedule = false;
  for (const ArtifactKernel &kernel : info.kernels) {
    int64_t macs = kernel.macs * std::max<int64_t>(kernel.calls, 1);
    total += macs;
    most = std::max(most, macs);
    hasBytes |= kernel.bytes != 0;
    hasSchedule |= !kernel.schedule.empty();
  }
  std::string text = "<h2>Kernels, in the order of execution</h2>\n<div "
                     "class=\"wide\"><table><tr><th class=\"number\">#</th>"
                     "<th>function</th>";
  text += "<th class=\"number\">calls</th><th class=\"number\">MACs</th>"
          "<th>share</th>";
  if (hasBytes)
    text += "<th class=\"number\">bytes</th><th class=\"number\">MACs / "
            "byte</th>";
  text += "</tr>\n";
  int64_t number = 0;
  for (const ArtifactKernel &kernel : info.kernels) {
    int64_t macs = kernel.macs * std::max<int64_t>(kernel.calls, 1);
    double share = total ? 100.0 * double(macs) / double(total) : 0.0;
    std::string detail = escaped(kernel.doc);
    if (hasSchedule && !kernel.schedule.empty())
      detail += (detail.empty() ? "" : "<br>") + std::string("<code>") +
                escaped(kernel.schedule) + "</code>";
    text += fmt::format(
        "<tr><td class=\"number\">{}</td><td><code>{}</code><div "
        "class=\"doc\">{}</div></td><td class=\"number\">{}</td><td "
        "class=\"number\">{}</td><td class=\"share\"><i style=\"width:{:.1f}%"
        "\"></i>{:.1f} %</td>",
        ++number, escaped(kernel.name), detail,
        kernel.calls ? groupedDigits(kernel.calls) : "in a loop",
        macs ? groupedDigits(macs) : "&ndash;",
        100.0 * double(macs) / double(most), share);
    if (hasBytes)
      text += fmt::format("<td class=\"number\">{}</td><td "
                          "class=\"number\">{:.1f}</td>",
                          groupedDigits(kernel.bytes),
                          kernel.bytes ? double(kernel.macs) /
                                             double(kernel.bytes)
                                       : 0.0);
    text += "</tr>\n";
  }
  text += fmt::format("<tr><td></td><th>total</th><td></td><td "
                      "class=\"number\"><b>{}</b></td><td></td>{}</tr>\n",
                      groupedDigits(total),
                      hasBytes ? "<td></td><td></td>" : "");
  return text + "</table></div>\n";
}

namespace {
/// The drawing of the memory plan: steps to the right, offsets upwards.
struct MemoryMap {
  static constexpr double width = 960, height = 380;
  static constexpr double left = 74, right = 12, top = 14, bottom = 34;

  int64_t steps = 1, bytes = 1;

  double x(double step) const {
    return left + (width - left - right) * step / double(steps);
  }
  double y(double offset) const {
    return height - bottom -
           (height - top - bottom) * offset / double(bytes);
  }
};
} // namespace

/// A round number of bytes so that at most six lines fit below `bytes`.
static int64_t gridStep(int64_t bytes) {
  int64_t step = 1;
  for (int64_t factor : {1, 2, 4})
    for (int64_t unit = 1; unit < (int64_t(1) << 50); unit *= 8) {
      int64_t candidate = unit * factor;
      if (bytes / candidate <= 6 && (step == 1 || candidate < step))
        step = candidate;
    }
  return step;
}

/// What is proved of an arena: the sentence below the heading.
static std::string proofText(const ArtifactMemory &memory, int64_t arena) {
  std::string text = groupedDigits(arena) + " bytes";
  if (memory.orderBound == arena)
    text += ", proved to be the least: no order and no offsets of these "
            "kernels need fewer";
  else if (memory.bound == arena)
    text += ", proved to be the least for this order of the kernels; for "
            "another one nothing below " +
            groupedDigits(memory.orderBound) + " is possible";
  else if (memory.bound)
    text += "; no plan of these kernels in this order needs fewer than " +
            groupedDigits(memory.bound) + ", a gap of " +
            groupedDigits(arena - memory.bound);
  if (memory.unfusedBound)
    text += ". Without fusion no plan would need fewer than " +
            groupedDigits(memory.unfusedBound);
  return text;
}

/// The tensors because of which the arena is as large as it is.
static std::string peakTable(const ArtifactInfo &info) {
  const ArtifactMemory &memory = info.memory;
  std::string rows;
  for (const ArtifactBuffer &buffer : info.buffers)
    if (buffer.first <= memory.peakStep && memory.peakStep <= buffer.last)
      rows += fmt::format(
          "<tr><td class=\"code\">{}</td><td class=\"number\">{}</td><td "
          "class=\"number\">{}</td></tr>\n",
          escaped(buffer.name), groupedDigits(buffer.size),
          groupedDigits(buffer.offset));
  if (rows.empty())
    return "";
  return fmt::format(
             "<p>The peak is in <code>{}</code>, where these live together"
             ":</p>\n<div class=\"wide\"><table><tr><th>tensor</th><th "
             "class=\"number\">bytes</th><th class=\"number\">offset</th>"
             "</tr>\n",
             escaped(memory.peakAt)) +
         rows + "</table></div>\n";
}

static std::string bandText(const ArtifactMemory &memory) {
  if (!memory.bands)
    return "";
  return fmt::format(
      "<p>The first {} layers, up to <code>{}</code>, run in {} bands of rows, "
      "so that only a band of their tensors lives at a time. Rows that two "
      "bands need cost {} multiply-accumulates, {:.1f} % of the model's "
      "{}.</p>\n",
      memory.bandLayers, escaped(memory.bandsUpTo), memory.bands,
      groupedDigits(memory.bandExtraMacs),
      memory.bandMacs ? 100.0 * double(memory.bandExtraMacs) /
                            double(memory.bandMacs)
                      : 0.0,
      groupedDigits(memory.bandMacs));
}

/// Which buffer lies in which memory, where there are several.
static std::string arenaTables(const ArtifactInfo &info,
                               const CSource &source) {
  std::string text;
  for (const CArena &arena : source.arenas) {
    text += fmt::format("<p>In <code>{}</code>, {} bytes, from {} on in the "
                        "map:</p>\n",
                        escaped(arena.name), groupedDigits(arena.bytes),
                        groupedDigits(arena.begin));
    std::string rows;
    for (const ArtifactBuffer &buffer : info.buffers)
      if (buffer.size && buffer.offset >= arena.begin &&
          buffer.offset < arena.begin + arena.bytes)
        rows += fmt::format(
            "<tr><td class=\"code\">{}</td><td class=\"number\">{}</td><td "
            "class=\"number\">{}</td></tr>\n",
            escaped(buffer.name), groupedDigits(buffer.size),
            groupedDigits(buffer.offset - arena.begin));
    if (!rows.empty())
      text += "<div class=\"wide\"><table><tr><th>buffer</th><th "
              "class=\"number\">bytes</th><th class=\"number\">offset in it"
              "</th></tr>\n" +
              rows + "</table></div>\n";
  }
  return text;
}

static std::string memoryMap(const ArtifactInfo &info, const CSource &source) {
  if (info.buffers.empty() || !source.arenaBytes)
    return "";
  MemoryMap map;
  map.bytes = int64_t(source.arenaBytes);
  for (const ArtifactBuffer &buffer : info.buffers) {
    map.steps = std::max(map.steps, buffer.last + 1);
    map.bytes = std::max(map.bytes, buffer.offset + buffer.size);
  }
  std::string text = fmt::format(
      "<h2>Arena</h2>\n<p class=\"lead\">What lies where, and when: kernels "
      "run from left to right, addresses grow upwards. {}.</p>\n"
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"memory map\">\n",
      proofText(info.memory, int64_t(source.arenaBytes)), MemoryMap::width, MemoryMap::height);
  int64_t grid = gridStep(map.bytes);
  for (int64_t at = 0; at <= map.bytes; at += grid)
    text += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" "
        "y2=\"{2:.1f}\"/><text x=\"{3:.1f}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>\n",
        MemoryMap::left, MemoryMap::width - MemoryMap::right, map.y(double(at)),
        MemoryMap::left - 8, map.y(double(at)) + 4, groupedDigits(at));
  for (size_t i = 0; i < info.buffers.size(); ++i) {
    const ArtifactBuffer &buffer = info.buffers[i];
    // Neighbouring buffers differ: the golden angle spreads the hues.
    double hue = std::fmod(double(i) * 137.508, 360.0);
    double x = map.x(double(buffer.first));
    double wide = map.x(double(buffer.last + 1)) - x;
    double y = map.y(double(buffer.offset + buffer.size));
    double high = map.y(double(buffer.offset)) - y;
    text += fmt::format(
        "<g><title>{0}: {1} bytes at {2}, steps {3} to {4}</title><rect "
        "x=\"{5:.1f}\" y=\"{6:.1f}\" width=\"{7:.1f}\" height=\"{8:.1f}\" "
        "rx=\"1.5\" fill=\"hsl({9:.0f} 62% 74%)\" stroke=\"hsl({9:.0f} 45% "
        "50%)\" stroke-width=\".8\"/>",
        escaped(buffer.name), groupedDigits(buffer.size),
        groupedDigits(buffer.offset), buffer.first, buffer.last, x, y,
        std::max(wide - 1, 1.0), std::max(high, 1.0), hue);
    size_t fits = size_t(std::max(0.0, (wide - 8) / 6.2));
    if (high >= 14 && fits >= 4) {
      std::string name = buffer.name;
      if (name.size() > fits) {
        size_t cut = fits - 1; // not inside of a UTF-8 sequence
        while (cut > 0 && (name[cut] & 0xC0) == 0x80)
          --cut;
        name = name.substr(0, cut) + "\xE2\x80\xA6";
      }
      text += fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\">{}"
                          "</text>",
                          x + 4, y + high / 2 + 4, escaped(name));
    }
    text += "</g>\n";
  }
  if (info.memory.bound > 0)
    text += fmt::format(
        "<line class=\"limit\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" "
        "y2=\"{2:.1f}\"/><text class=\"limitname\" x=\"{1:.1f}\" "
        "y=\"{3:.1f}\" text-anchor=\"end\">lower bound</text>\n",
        MemoryMap::left, MemoryMap::width - MemoryMap::right,
        map.y(double(info.memory.bound)),
        std::max(map.y(double(info.memory.bound)) - 4, 11.0));
  text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">"
                      "{} steps</text>\n</svg>\n",
                      (MemoryMap::left + MemoryMap::width) / 2,
                      MemoryMap::height - 10, map.steps);
  return text + arenaTables(info, source) + peakTable(info) +
         bandText(info.memory);
}

/// How a GPU runs the kernels.
static std::string gridTable(const CSource &source) {
  if (source.chips.empty() || source.kernels.empty())
    return "";
  std::string text = fmt::format(
      "<h2>Grids on {}</h2>\n<div class=\"wide\"><table><tr><th>kernel</th>"
      "<th class=\"number\">blocks</th><th class=\"number\">threads of a "
      "block</th><th class=\"number\">blocks of a cluster</th><th "
      "class=\"number\">dynamic shared bytes</th></tr>\n",
      escaped(source.chips.front()));
  for (const CKernel &kernel : source.kernels)
    text += fmt::format(
        "<tr><td><code>{}</code><div class=\"doc\">{}{}</div></td><td "
        "class=\"number\">{}</td><td class=\"number\">{}</td><td "
        "class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
        escaped(kernel.name), escaped(kernel.doc),
        kernel.schedule.empty()
            ? std::string()
            : "<br><code>" + escaped(kernel.schedule) + "</code>",
        fmt::join(kernel.grid, " &times; "), kernel.block,
        fmt::join(kernel.cluster, " &times; "),
        groupedDigits(kernel.sharedBytes));
  return text + "</table></div>\n";
}

std::string adze::artifactReport(const ArtifactInfo &info,
                                 const CSource &source) {
  int64_t macs = 0;
  for (const ArtifactKernel &kernel : info.kernels)
    macs += kernel.macs * std::max<int64_t>(kernel.calls, 1);
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"><title>{0}</title><style>{1}</style></head><body>\n"
      "<h1>{0}</h1>\n<p class=\"lead\">{2}, compiled for <code>{3}</code> by "
      "adze {4}</p>\n<div class=\"facts\">\n",
      escaped(source.model), styleSheet,
      info.modelFile.empty() ? "A model" : escaped(info.modelFile),
      escaped(info.target), escaped(info.adzeVersion));
  text += fact(groupedDigits(macs), "multiply-accumulates");
  text += fact(groupedDigits(int64_t(source.arenaBytes)), "bytes of arena");
  text += fact(groupedDigits(int64_t(source.weightsBytes)),
               "bytes of constants");
  text += fact(groupedDigits(int64_t(info.kernels.size())), "kernels");
  text += "</div>\n" + tensorTable(source) + memoryMap(info, source) +
          kernelTable(info) + gridTable(source);
  if (!info.options.empty()) {
    text += "<h2>Options</h2>\n<table>\n";
    for (const auto &[name, value] : info.options)
      text += fmt::format("<tr><td class=\"code\">{}</td><td class=\"code\">{}"
                          "</td></tr>\n",
                          escaped(name), escaped(value));
    text += "</table>\n";
  }
  if (!info.modelSha256.empty())
    text += "<footer>SHA-256 of the model: <code>" +
            escaped(info.modelSha256) + "</code></footer>\n";
  return text + "</body></html>\n";
}
