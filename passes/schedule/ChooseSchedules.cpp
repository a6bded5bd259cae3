//===- ChooseSchedules.cpp - The schedule of each kernel -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include <cmath>

using namespace mlir;
using namespace adze;

namespace adze {
#define GEN_PASS_DEF_CHOOSESCHEDULES
#include "passes/Passes.h.inc"
} // namespace adze

namespace {
struct ChooseSchedulesPass final
    : adze::impl::ChooseSchedulesBase<ChooseSchedulesPass> {
  using ChooseSchedulesBase::ChooseSchedulesBase;

  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<kernel::FuncOp>())
      choose(kernel);
  }

private:
  void set(kernel::FuncOp kernel, StringRef family,
           ArrayRef<std::pair<StringRef, int64_t>> params) {
    OpBuilder builder(kernel);
    SmallVector<NamedAttribute> attrs;
    for (auto [name, value] : params)
      attrs.push_back(
          builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
    kernel.setScheduleAttr(kernel::ScheduleAttr::get(
        &getContext(), family, builder.getDictionaryAttr(attrs)));
  }

  /// Loads and multiply-adds of one step of a register tile for all of a
  /// problem of m x n results, rests included.
  double tileCost(int64_t m, int64_t n, int64_t rows, int64_t columns) {
    auto blocks = [&](int64_t size, int64_t tile) {
      return std::pair(size / tile, size % tile);
    };
    auto [fullRows, restRows] = blocks(m, rows);
    auto [fullColumns, restColumns] = blocks(n, columns);
    auto cost = [&](int64_t r, int64_t c) -> double {
      if (r == 0 || c == 0)
        return 0;
      double vectors = std::ceil(double(c) / lanes);
      bool whole = c % lanes == 0;
      double columnLoads = whole ? vectors : c;
      double products = whole ? r * vectors : r * double(c);
      return products + r + columnLoads + 3.0; // and the loop itself
    };
    return fullRows * fullColumns * cost(rows, columns) +
           fullRows * cost(rows, restColumns) +
           fullColumns * cost(restRows, columns) + cost(restRows, restColumns);
  }

  /// The register tile with the fewest operations for m x n results.
  std::pair<int64_t, int64_t> bestTile(int64_t m, int64_t n) {
    std::pair<int64_t, int64_t> best{1, lanes};
    double least = tileCost(m, n, 1, lanes);
    for (int64_t rows = 1; rows <= std::min<int64_t>(m, 8); ++rows)
      for (int64_t vectors = 1; vectors <= 8; ++vectors) {
        int64_t live = rows * vectors + vectors + 1;
        if (live > registers - 1 || vectors * lanes > std::max<int64_t>(n, lanes))
          continue;
        double cost = tileCost(m, n, rows, vectors * lanes);
        if (cost < least) {
          least = cost;
          best = {rows, vectors * lanes};
        }
      }
    return best;
  }

  /// One result a thread - four neighbours, which share the loads of the other
  /// operand, where there are enough threads for every SM then - and the same
  /// code for all of them: threads that differ wait for each other.
  void chooseForThreads(kernel::FuncOp kernel) {
    if (kernel.getScheduleAttr())
      return;
    auto columns = [](Value output, int64_t neighbours) -> int64_t {
      constexpr int64_t threads = 132 * 2048; // an H100's
      int64_t results =
          cast<RankedTensorType>(output.getType()).getNumElements();
      return neighbours % 4 == 0 && results / 4 >= threads ? 4 : 1;
    };
    kernel.walk([&](Operation *op) {
      if (auto conv = dyn_cast<nn::ConvOp>(op)) {
        auto out = cast<RankedTensorType>(conv.getOutput().getType()).getShape();
        bool last = conv.getLayout() == nn::Layout::channels_last;
        int64_t channels = last ? out.back() / conv.getGroup() : 1;
        set(kernel, "conv.threads",
            {{"rows", 1},
             {"columns", columns(conv.getOutput(), channels)},
             {"split_border", 0}});
      }
      if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
        auto out =
            cast<RankedTensorType>(matmul.getOutput().getType()).getShape();
        int64_t neighbours = matmul.getTransB() ? 1 : out.back();
        set(kernel, "gemm.threads",
            {{"rows", 1},
             {"columns", columns(matmul.getOutput(), neighbours)},
             {"repack", 0}});
      }
    });
  }

  void choose(kernel::FuncOp kernel) {
    if (lanes == 0)
      return chooseForThreads(kernel);
    kernel.walk([&](Operation *op) {
      if (auto conv = dyn_cast<nn::ConvOp>(op)) {
        auto in = cast<RankedTensorType>(conv.getInput().getType()).getShape();
        auto out = cast<RankedTensorType>(conv.getOutput().getType()).getShape();
        auto filter =
            cast<RankedTensorType>(conv.getFilter().getType()).getShape();
        bool last = conv.getLayout() == nn::Layout::channels_last;
        int64_t width = last ? out[out.size() - 2] : out.back();
        if (last && out.size() == 4 && filter[2] == 1 &&
            conv.getGroup() == in[3] && filter[0] * filter[1] <= 49) {
          int64_t rows = width <= 6 ? width : 4;
          return set(kernel, "depthwise", {{"lanes", lanes}, {"rows", rows}});
        }
        int64_t channels = (last ? out.back() : out[1]) / conv.getGroup();
        auto [rows, columns] = bestTile(width, channels);
        int64_t depth = last ? filter[filter.size() - 2] : filter[1];
        return set(kernel, "conv.direct",
                   {{"rows", rows},
                    {"columns", columns},
                    {"lanes", lanes},
                    {"unroll", caches ? 1 : depth % 4 == 0 ? 4 : depth % 2 == 0 ? 2 : 1},
                    {"channels_outer", caches}});
      }
      if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
        auto out =
            cast<RankedTensorType>(matmul.getOutput().getType()).getShape();
        auto a = cast<RankedTensorType>(matmul.getA().getType()).getShape();
        int64_t m = out[out.size() - 2], n = out.back();
        int64_t depth = matmul.getTransA() ? a[a.size() - 2] : a.back();
        auto [rows, columns] = bestTile(m, n);
        return set(kernel, "gemm",
                   {{"rows", rows},
                    {"columns", columns},
                    {"lanes", lanes},
                    {"unroll", caches ? 1 : depth % 4 == 0 ? 4 : depth % 2 == 0 ? 2 : 1}});
      }
    });
  }
};
} // namespace
