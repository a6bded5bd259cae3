//===- Attention.cpp - Bodies of onnxruntime's attentions -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// All of them come to the same core over q, k and v of [batch, heads, length,
/// head size]: softmax(scale q k' + bias) v.
///
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

#include <fmt/format.h>

#include <cmath>

using namespace adze::reader;

namespace {

/// What the core needs to know.
struct Core {
  int64_t batch = 0, heads = 0, queries = 0, keys = 0, size = 0, valueSize = 0;
  double scale = 0; // 0: one over the root of the head size
  double softcap = 0;
  /// Added to what may not be seen.
  double filter = -10000;
  /// Values of the body to add to the scores, and conditions (true: seen) that
  /// scores must meet; all broadcast to [batch, heads, queries, keys].
  std::vector<std::string> biases, conditions;
};

} // namespace

/// "-3.4e38": what is never seen, in the type of the scores.
static constexpr double never = -65504;

/// `to` [batch, heads, length, size] = `from` [batch, length, heads * size].
static void splitHeads(FusedBody &b, const std::string &to,
                       const std::string &from, int64_t batch, int64_t length,
                       int64_t heads, int64_t size) {
  std::string parts = b.fresh("parts");
  b.reshape(parts, from, {batch, length, heads, size});
  b.add(to + " = Transpose <perm = [0, 2, 1, 3]> (" + parts + ")");
}

/// y [batch, queries, heads * valueSize] of q, k and v.
static void attend(FusedBody &b, const Core &core) {
  double scale =
      core.scale != 0 ? core.scale : 1 / std::sqrt(double(core.size));
  b.real("score_scale", scale, "q");
  b.add("k_turned = Transpose <perm = [0, 1, 3, 2]> (k)"
        "products = MatMul(q, k_turned)"
        "scores__0 = Mul(products, score_scale)");
  std::string scores = "scores__0";
  if (core.softcap != 0) {
    b.real("cap", core.softcap, "q");
    b.add("capped_ratio = Div(scores__0, cap)"
          "capped_tanh = Tanh(capped_ratio)"
          "scores_capped = Mul(capped_tanh, cap)");
    scores = "scores_capped";
  }
  for (const std::string &bias : core.biases) {
    std::string sum = b.fresh("scores");
    b.add(sum + " = Add(" + scores + ", " + bias + ")");
    scores = sum;
  }
  for (const std::string &condition : core.conditions) {
    std::string seen = b.fresh("scores"), filter = b.fresh("filter");
    b.real(filter, core.filter, "q");
    b.add(
        fmt::format("{} = Where({}, {}, {})", seen, condition, scores, filter));
    scores = seen;
  }
  b.add("weights_of_keys = Softmax <axis = -1> (" + scores +
        ")"
        "seen = MatMul(weights_of_keys, v)"
        "turned = Transpose <perm = [0, 2, 1, 3]> (seen)");
  b.reshape("y", "turned",
            {core.batch, core.queries, core.heads * core.valueSize});
}

/// A condition [queries, keys]: key j is not after query i, where the first
/// query stands at position keys - queries.
static std::string causal(FusedBody &b, int64_t queries, int64_t keys) {
  b.integer("causal_zero", 0);
  b.integer("causal_one", 1);
  b.integer("causal_keys", keys);
  b.integer("causal_first", keys - queries);
  b.add("key_positions = Range(causal_zero, causal_keys, causal_one)"
        "query_positions = Range(causal_first, causal_keys, causal_one)");
  b.reshape("query_column", "query_positions", {queries, 1});
  b.add("is_causal = LessOrEqual(key_positions, query_column)");
  return "is_causal";
}

/// The value to add for a mask of 0 and 1 that is input `i`, named `name`, of
/// any of onnxruntime's forms; `past` keys come before the masked ones.
static std::string maskBias(FusedBody &b, size_t i, const std::string &name,
                            const Core &core) {
  auto shape = b.shape(i);
  auto is = [&](std::initializer_list<int64_t> sizes) {
    return shape == llvm::ArrayRef<int64_t>(sizes.begin(), sizes.size());
  };
  std::string seen = b.fresh("mask_seen");
  if (is({core.batch}) || is({2 * core.batch})) {
    // The number of keys, and where the first one is.
    b.integer("mask_zero", 0);
    b.integer("mask_one", 1);
    b.integer("mask_keys", core.keys);
    b.add("mask_positions = Range(mask_zero, mask_keys, mask_one)"
          "mask_wide = Cast <to = 7> (" +
          name + ")");
    b.slice("mask_ends", "mask_wide", 0, 0, core.batch);
    b.reshape("mask_end", "mask_ends", {core.batch, 1, 1, 1});
    b.add("mask_before = Less(mask_positions, mask_end)");
    if (shape[0] == core.batch) {
      b.add(seen + " = Identity(mask_before)");
    } else {
      b.slice("mask_starts", "mask_wide", 0, core.batch, 2 * core.batch);
      b.reshape("mask_start", "mask_starts", {core.batch, 1, 1, 1});
      b.add("mask_after = GreaterOrEqual(mask_positions, mask_start)" + seen +
            " = And(mask_before, mask_after)");
    }
  } else {
    std::vector<int64_t> to;
    if (is({core.batch, core.keys}))
      to = {core.batch, 1, 1, core.keys};
    else if (is({core.batch, core.queries, core.keys}))
      to = {core.batch, 1, core.queries, core.keys};
    else if (shape.size() == 4 && shape[3] >= core.keys)
      to = {shape[0], shape[1], shape[2], shape[3]};
    else
      b.refuse("its mask has a shape that is not supported");
    std::string placed = b.fresh("mask");
    b.reshape(placed, name, to);
    if (to[3] > core.keys || (shape.size() == 4 && to[2] > core.queries)) {
      // A square mask of all positions: rows and columns of these ones.
      std::string columns = b.fresh("mask"), rows = b.fresh("mask");
      b.slice(columns, placed, 3, 0, core.keys);
      b.slice(rows, columns, 2, core.keys - core.queries, core.keys);
      placed = rows;
    }
    b.add(fmt::format("{} = Cast <to = 9> ({})", seen, placed));
  }
  std::string bias = b.fresh("mask_bias");
  b.real(bias + "_zero", 0, "q");
  b.real(bias + "_filter", core.filter, "q");
  b.add(fmt::format("{0} = Where({1}, {0}_zero, {0}_filter)", bias, seen));
  return bias;
}

/// `to` = past keys (or values) `past` followed by `now`.
static void append(FusedBody &b, const std::string &to, const std::string &past,
                   const std::string &now) {
  b.add(fmt::format("{} = Concat <axis = 2> ({}, {})", to, past, now));
}

/// q, k and v of the product of x and one matrix of all three; the rest of the
/// attention. `past` is the input of past keys and values.
static void attendPacked(FusedBody &b, const std::string &packed, size_t mask,
                         size_t past, size_t bias) {
  int64_t heads = b.attrInt("num_heads", 0);
  Core core;
  core.batch = b.dim(0, 0);
  core.queries = core.keys = b.dim(0, 1);
  core.heads = heads;
  core.scale = b.attrFloat("scale", 0);
  core.filter = b.attrFloat("mask_filter_value", -10000);
  int64_t width = b.dim(1, 1);
  std::vector<int64_t> sizes = b.attrInts("qkv_hidden_sizes");
  if (sizes.empty())
    sizes = {width / 3, width / 3, width / 3};
  if (heads < 1 || sizes.size() != 3 || sizes[0] != sizes[1] ||
      sizes[0] + sizes[1] + sizes[2] != width || sizes[0] % heads ||
      sizes[2] % heads)
    b.refuse(fmt::format("{} heads do not share weights of {} columns", heads,
                         width));
  if (b.attrInt("do_rotary", 0))
    b.refuse("do_rotary = 1 is not supported");
  core.size = sizes[0] / heads;
  core.valueSize = sizes[2] / heads;
  b.slice("q_flat", packed, 2, 0, sizes[0]);
  b.slice("k_flat", packed, 2, sizes[0], 2 * sizes[0]);
  b.slice("v_flat", packed, 2, 2 * sizes[0], width);
  splitHeads(b, "q", "q_flat", core.batch, core.queries, heads, core.size);
  bool hasPast = b.has(past);
  if (hasPast) {
    if (b.rank(past) != 5 || b.attrInt("past_present_share_buffer", 0))
      b.refuse("past keys and values in the buffer of the present ones are not "
               "supported");
    int64_t length = b.dim(past, 3);
    core.keys += length;
    splitHeads(b, "k_now", "k_flat", core.batch, core.queries, heads,
               core.size);
    splitHeads(b, "v_now", "v_flat", core.batch, core.queries, heads,
               core.valueSize);
    b.slice("past_k_one", "past", 0, 0, 1);
    b.slice("past_v_one", "past", 0, 1, 2);
    b.reshape("past_k", "past_k_one", {core.batch, heads, length, core.size});
    b.reshape("past_v", "past_v_one",
              {core.batch, heads, length, core.valueSize});
    append(b, "k", "past_k", "k_now");
    append(b, "v", "past_v", "v_now");
  } else {
    splitHeads(b, "k", "k_flat", core.batch, core.queries, heads, core.size);
    splitHeads(b, "v", "v_flat", core.batch, core.queries, heads,
               core.valueSize);
  }
  if (b.wants(1)) {
    b.ints("present_axis", {0});
    b.add("present_k = Unsqueeze(k, present_axis)"
          "present_v = Unsqueeze(v, present_axis)"
          "present = Concat <axis = 0> (present_k, present_v)");
  }
  if (b.has(mask))
    core.biases.push_back(maskBias(b, mask, "mask", core));
  if (bias && b.has(bias))
    core.biases.push_back("attention_bias");
  if (b.attrInt("unidirectional", 0))
    core.conditions.push_back(causal(b, core.queries, core.keys));
  attend(b, core);
}

void fused::attention(FusedBody &b) {
  b.expectInputs(2);
  b.add("product = MatMul(x, weights)");
  b.add(b.has(2) ? "packed = Add(product, bias)"
                 : "packed = Identity(product)");
  attendPacked(b, "packed", 3, 4, 5);
}

void fused::qAttention(FusedBody &b) {
  b.expectInputs(5);
  b.add(fmt::format("integers = MatMulInteger(x, weights, {}, {})",
                    b.has(6) ? "x_zero_point" : "",
                    b.has(7) ? "weight_zero_point" : ""));
  b.add("scale = Mul(x_scale, weight_scale) reals = Cast <to = 1> (integers)"
        "product = Mul(reals, scale) packed = Add(product, bias)");
  attendPacked(b, "packed", 5, 8, 0);
}

void fused::multiHeadAttention(FusedBody &b) {
  b.expectInputs(1);
  int64_t heads = b.attrInt("num_heads", 0);
  if (heads < 1)
    b.refuse("num_heads is missing");
  Core core;
  core.batch = b.dim(0, 0);
  core.queries = b.dim(0, 1);
  core.heads = heads;
  core.scale = b.attrFloat("scale", 0);
  core.filter = b.attrFloat("mask_filter_value", -10000);
  // The biases of queries, keys and values, one after the other.
  auto biased = [&](const std::string &to, const std::string &from,
                    int64_t first, int64_t size) {
    if (!b.has(3)) {
      b.add(to + " = Identity(" + from + ")");
      return;
    }
    std::string part = b.fresh("bias");
    b.slice(part, "bias", 0, first, first + size);
    b.add(fmt::format("{} = Add({}, {})", to, from, part));
  };
  std::string k = "k_now", v = "v_now";
  if (b.rank(0) == 5) {
    // [batch, length, heads, 3, size]
    core.size = core.valueSize = b.dim(0, 4);
    core.keys = core.queries;
    if (b.has(3))
      b.refuse("a bias of packed queries, keys and values is not supported");
    b.add("qkv = Transpose <perm = [3, 0, 2, 1, 4]> (query)");
    int64_t at = 0;
    for (const char *name : {"q", "k_now", "v_now"}) {
      std::string one = b.fresh("one");
      b.slice(one, "qkv", 0, at, at + 1);
      b.reshape(name, one, {core.batch, heads, core.queries, core.size});
      ++at;
    }
  } else {
    int64_t width = b.dim(0, 2);
    if (width % heads)
      b.refuse(fmt::format("{} heads do not share {} columns", heads, width));
    core.size = core.valueSize = width / heads;
    biased("q_flat", "query", 0, width);
    splitHeads(b, "q", "q_flat", core.batch, core.queries, heads, core.size);
    if (b.rank(1) == 5) { // [batch, length, heads, 2, size]
      core.keys = b.dim(1, 1);
      b.add("kv = Transpose <perm = [3, 0, 2, 1, 4]> (key)");
      int64_t at = 0;
      for (const char *name : {"k_now", "v_now"}) {
        std::string one = b.fresh("one");
        b.slice(one, "kv", 0, at, at + 1);
        b.reshape(name, one, {core.batch, heads, core.keys, core.size});
        ++at;
      }
    } else if (b.rank(1) == 4) { // as they are needed: cross attention
      core.keys = b.dim(1, 2);
      core.valueSize = b.dim(2, 3);
      b.add("k_now = Identity(key) v_now = Identity(value)");
    } else {
      core.keys = b.dim(1, 1);
      int64_t valueWidth = b.dim(2, 2);
      if (valueWidth % heads)
        b.refuse(fmt::format("{} heads do not share {} columns of values",
                             heads, valueWidth));
      core.valueSize = valueWidth / heads;
      biased("k_flat", "key", width, width);
      biased("v_flat", "value", 2 * width, valueWidth);
      splitHeads(b, "k_now", "k_flat", core.batch, core.keys, heads, core.size);
      splitHeads(b, "v_now", "v_flat", core.batch, core.keys, heads,
                 core.valueSize);
    }
  }
  if (b.has(6) && b.has(7)) {
    core.keys += b.dim(6, 2);
    append(b, "k", "past_key", "k_now");
    append(b, "v", "past_value", "v_now");
  } else {
    b.add("k = Identity(k_now) v = Identity(v_now)");
  }
  if (b.wants(1))
    b.add("present_key = Identity(k)");
  if (b.wants(2))
    b.add("present_value = Identity(v)");
  if (b.has(4))
    core.biases.push_back(maskBias(b, 4, "padding_mask", core));
  if (b.has(5))
    core.biases.push_back("attention_bias");
  if (b.attrInt("unidirectional", 0))
    core.conditions.push_back(causal(b, core.queries, core.keys));
  attend(b, core);
}

/// `to` = `from` [batch, heads, length, size] turned by the angles of
/// `positions` [batch, length].
static void rotate(FusedBody &b, const std::string &to, const std::string &from,
                   const std::string &positions, bool interleaved,
                   int64_t rotated) {
  b.add(fmt::format("{} = RotaryEmbedding <interleaved = {}, "
                    "rotary_embedding_dim = {}> ({}, cos_cache, sin_cache, {})",
                    to, int(interleaved), rotated, from, positions));
}

void fused::rotaryEmbedding(FusedBody &b) {
  b.expectInputs(4);
  if (b.attrInt("is_packed_batching", 0))
    b.refuse("packed batches are not supported");
  int64_t rotated = b.attrInt("rotary_embedding_dim", 0);
  int64_t heads = b.attrInt("num_heads", 0), batch = b.dim(0, 0);
  bool split = b.rank(0) == 4;
  int64_t length = b.dim(0, split ? 2 : 1);
  int64_t size = split       ? b.dim(0, 3)
                 : heads > 0 ? b.dim(0, 2) / heads
                             : 2 * b.dim(2, 1);
  if (!split)
    heads = size > 0 ? b.dim(0, 2) / size : 0;
  else
    heads = b.dim(0, 1);
  if (size < 1 || heads < 1)
    b.refuse("its heads have no elements");
  if (b.shape(1) == llvm::ArrayRef<int64_t>({1})) {
    // Where the first word of all sequences stands.
    b.integer("zero", 0);
    b.integer("one", 1);
    b.integer("length", length);
    b.ints("sequences", {batch, length});
    b.add("steps = Range(zero, length, one) row = Add(steps, position_ids)"
          "positions = Expand(row, sequences)");
  } else {
    b.add("positions = Identity(position_ids)");
  }
  std::string from = "x", to = "y";
  if (!split) {
    splitHeads(b, "x_heads", "x", batch, length, heads, size);
    from = "x_heads";
    to = "y_heads";
  }
  rotate(b, to, from, "positions", b.attrInt("interleaved", 0), rotated);
  if (!split) {
    b.add("y_turned = Transpose <perm = [0, 2, 1, 3]> (y_heads)");
    b.reshape("y", "y_turned", {batch, length, heads * size});
  }
}

void fused::groupQueryAttention(FusedBody &b) {
  if (!b.has(0) || !b.has(5))
    b.refuse("it needs queries and the lengths of the sequences");
  int64_t heads = b.attrInt("num_heads", 0),
          groups = b.attrInt("kv_num_heads", 0);
  int64_t width = b.dim(0, 2);
  bool packed = !b.has(1);
  if (heads < 1 || groups < 1 || heads % groups)
    b.refuse(fmt::format("{} heads of queries do not share {} heads of keys",
                         heads, groups));
  int64_t all = packed ? heads + 2 * groups : heads;
  if (width % all)
    b.refuse(fmt::format("{} heads do not share {} columns", all, width));
  if (b.attrInt("smooth_softmax", 0) == 1 || b.has(11))
    b.refuse("smooth_softmax and head_sink are not supported");
  Core core;
  core.batch = b.dim(0, 0);
  core.queries = b.dim(0, 1);
  core.heads = heads;
  core.size = core.valueSize = width / all;
  core.scale = b.attrFloat("scale", 0);
  core.softcap = b.attrFloat("softcap", 0);
  core.filter = never;
  int64_t past = b.has(3) ? b.dim(3, 2) : 0;
  // Present keys fill a buffer of the past ones if that is large enough, and
  // follow them otherwise; only the number of both decides.
  core.keys = past + core.queries;
  if (auto total = b.constantInts(6); total && total->size() == 1)
    core.keys = std::max(past, (*total)[0]);
  if (core.keys < core.queries)
    b.refuse("total_sequence_length is less than the number of queries");
  if (packed) {
    int64_t q = heads * core.size, k = groups * core.size;
    b.slice("q_flat", "query", 2, 0, q);
    b.slice("k_flat", "query", 2, q, q + k);
    b.slice("v_flat", "query", 2, q + k, q + 2 * k);
  } else {
    b.add("q_flat = Identity(query) k_flat = Identity(key) v_flat = "
          "Identity(value)");
  }
  splitHeads(b, "q_heads", "q_flat", core.batch, core.queries, heads,
             core.size);
  splitHeads(b, "k_heads", "k_flat", core.batch, core.queries, groups,
             core.size);
  splitHeads(b, "v_now", "v_flat", core.batch, core.queries, groups, core.size);

  // Query i of a sequence stands at lengths + 1 - queries + i.
  b.integer("zero", 0);
  b.integer("one", 1);
  b.integer("queries", core.queries);
  b.integer("keys", core.keys);
  b.integer("before", 1 - core.queries);
  b.add("lengths_wide = Cast <to = 7> (lengths)");
  b.reshape("lengths_column", "lengths_wide", {core.batch, 1});
  b.add("starts = Add(lengths_column, before) start = Max(starts, zero)"
        "steps = Range(zero, queries, one) positions = Add(start, steps)");
  if (b.attrInt("do_rotary", 0)) {
    bool interleaved = b.attrInt("rotary_interleaved", 0);
    if (!b.has(7) || !b.has(8))
      b.refuse("do_rotary = 1 needs cos_cache and sin_cache");
    std::string at = "positions";
    if (b.has(9)) {
      b.reshape("given_positions", "position_ids", {core.batch, core.queries});
      at = "given_positions";
    }
    int64_t rotated = 2 * b.dim(7, 1);
    if (rotated == core.size)
      rotated = 0;
    rotate(b, "q", "q_heads", at, interleaved, rotated);
    rotate(b, "k_now", "k_heads", at, interleaved, rotated);
  } else {
    b.add("q = Identity(q_heads) k_now = Identity(k_heads)");
  }

  // Present keys: those of the past, with these at their positions.
  b.add("key_positions = Range(zero, keys, one)");
  b.reshape("start_cell", "start", {core.batch, 1, 1, 1});
  b.reshape("key_column", "key_positions", {core.keys, 1});
  b.add("is_kept = Less(key_column, start_cell)");
  b.reshape("positions_index", "positions", {core.batch, 1, core.queries, 1});
  b.ints("new_shape", {core.batch, groups, core.queries, core.size});
  b.add("new_index = Expand(positions_index, new_shape)");
  for (auto [name, out] :
       {std::pair{"k", "present_key"}, std::pair{"v", "present_value"}}) {
    std::string room = std::string(name) + "_room",
                source = name == std::string("k") ? "past_key" : "past_value";
    b.real(std::string(name) + "_nothing", 0, "query");
    if (past == core.keys) {
      // Behind the last key of a sequence a buffer holds zeros.
      b.add(fmt::format("{0} = Where(is_kept, {1}, {2}_nothing)", room, source,
                        name));
    } else {
      b.ints(room + "_shape",
             {core.batch, groups, core.keys - past, core.size});
      b.add(
          fmt::format("{0}_rest = Expand({1}_nothing, {0}_shape)", room, name));
      if (past)
        append(b, room, source, room + "_rest");
      else
        b.add(room + " = Identity(" + room + "_rest)");
    }
    b.add(fmt::format("{0}_all = ScatterElements <axis = 2> ({1}, new_index, "
                      "{0}_now)",
                      name, room));
    if (b.wants(std::string(out) == "present_key" ? 1 : 2))
      b.add(fmt::format("{} = Identity({}_all)", out, name));
    // Each head of keys serves heads / groups of queries.
    std::string wide = b.fresh("wide"), repeated = b.fresh("repeated");
    b.reshape(wide, std::string(name) + "_all",
              {core.batch, groups, 1, core.keys, core.size});
    b.ints(repeated + "_shape",
           {core.batch, groups, heads / groups, core.keys, core.size});
    b.add(fmt::format("{0} = Expand({1}, {0}_shape)", repeated, wide));
    b.reshape(name, repeated, {core.batch, heads, core.keys, core.size});
  }

  b.reshape("query_column", "positions", {core.batch, 1, core.queries, 1});
  b.add("is_causal = LessOrEqual(key_positions, query_column)");
  core.conditions.push_back("is_causal");
  if (int64_t window = b.attrInt("local_window_size", -1); window > 0) {
    b.integer("window", window);
    b.add("window_start = Sub(query_column, window)"
          "in_window = Greater(key_positions, window_start)");
    core.conditions.push_back("in_window");
  }
  if (b.has(10))
    core.biases.push_back("attention_bias");
  attend(b, core);
}
