//===- Products.cpp - Bodies of fused products ----------------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "lib/Import/contrib/FusedOperators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

using namespace adze::reader;

/// `to` = `from` (of rank `rank`), for `batch` with its first dimension moved
/// before the last, for `matrix` with the last two exchanged after that.
static void arrange(FusedBody &b, const std::string &to,
                    const std::string &from, int64_t rank, bool batch,
                    bool matrix) {
  std::vector<int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  if (rank < 2)
    batch = matrix = false;
  if (batch) {
    std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  }
  if (matrix)
    std::swap(perm[rank - 1], perm[rank - 2]);
  if (!batch && !matrix)
    b.add(to + " = Identity(" + from + ")");
  else
    b.add(fmt::format("{} = Transpose <perm = [{}]> ({})", to,
                      fmt::join(perm, ", "), from));
}

void fused::fusedMatMul(FusedBody &b) {
  b.expectInputs(2);
  arrange(b, "left", "a", b.rank(0), b.attrInt("transBatchA", 0),
          b.attrInt("transA", 0));
  arrange(b, "right", "b", b.rank(1), b.attrInt("transBatchB", 0),
          b.attrInt("transB", 0));
  double alpha = b.attrFloat("alpha", 1);
  if (alpha == 1) {
    b.add("y = MatMul(left, right)");
    return;
  }
  b.real("alpha", alpha, "a");
  b.add("product = MatMul(left, right) y = Mul(product, alpha)");
}

/// y = the activation that the node names of `from`.
static void activate(FusedBody &b, const std::string &from) {
  std::string name = b.attrString("activation", "");
  if (name.empty()) {
    b.add("y = Identity(" + from + ")");
    return;
  }
  if (name == "Clip") {
    b.refuse("its activation Clip needs activation_params, which are read for "
             "LeakyRelu and HardSigmoid only; export the model without the "
             "fusion of activations");
  }
  for (const char *plain : {"Relu", "Sigmoid", "Tanh"})
    if (name == plain) {
      b.add("y = " + name + "(" + from + ")");
      return;
    }
  if (name == "LeakyRelu") {
    b.add(fmt::format("y = LeakyRelu <alpha = {:e}> ({})",
                      b.attrFloat("activation_alpha", 0.01), from));
    return;
  }
  b.refuse("its activation '" + name + "' is not supported");
}

void fused::fusedConv(FusedBody &b) {
  b.expectInputs(2);
  std::string attributes =
      fmt::format("auto_pad = \"{}\", group = {}",
                  b.attrString("auto_pad", "NOTSET"), b.attrInt("group", 1));
  for (const char *name : {"dilations", "kernel_shape", "pads", "strides"})
    if (std::vector<int64_t> values = b.attrInts(name); !values.empty())
      attributes += fmt::format(", {} = [{}]", name, fmt::join(values, ", "));
  b.add("convolved = Conv <" + attributes + "> (x, w" +
        (b.has(2) ? ", bias)" : ")"));
  if (b.has(3))
    b.add("joined = Add(convolved, z)");
  activate(b, b.has(3) ? "joined" : "convolved");
}

void fused::fusedGemm(FusedBody &b) {
  b.expectInputs(2);
  b.add(fmt::format("product = Gemm <alpha = {:e}, beta = {:e}, transA = {}, "
                    "transB = {}> (a, b{})",
                    b.attrFloat("alpha", 1), b.attrFloat("beta", 1),
                    b.attrInt("transA", 0), b.attrInt("transB", 0),
                    b.has(2) ? ", c" : ""));
  activate(b, "product");
}

/// `to` = `from` (of 8 bits) less its zero point, as int32 where the product of
/// integers needs it: MatMulInteger takes zero points as they are.
static std::string zeroPoint(FusedBody &b, size_t i, const char *name) {
  return b.has(i) ? name : "";
}

/// y = the int32 `product` times `scale`, with the bias, input `bias`.
static void rescale(FusedBody &b, const std::string &scale, size_t bias) {
  b.add("real = Cast <to = 1> (product) scaled = Mul(real, " + scale + ")");
  b.add(b.has(bias) ? "y = Add(scaled, bias)" : "y = Identity(scaled)");
}

void fused::dynamicQuantizeMatMul(FusedBody &b) {
  b.expectInputs(3);
  b.add("quantized, a_scale, a_zero_point = DynamicQuantizeLinear(a)");
  b.add("product = MatMulInteger(quantized, b, a_zero_point, " +
        zeroPoint(b, 3, "b_zero_point") + ")");
  b.add("scale = Mul(a_scale, b_scale)");
  rescale(b, "scale", 4);
}

void fused::matMulIntegerToFloat(FusedBody &b) {
  b.expectInputs(4);
  b.add("product = MatMulInteger(a, b, " + zeroPoint(b, 4, "a_zero_point") +
        ", " + zeroPoint(b, 5, "b_zero_point") + ")");
  b.add("scale = Mul(a_scale, b_scale)");
  rescale(b, "scale", 6);
}

namespace {
/// Numbers of `bits` bits in bytes, the first in the low bits.
struct Packing {
  int64_t bits;
  int64_t perByte() const { return 8 / bits; }
};
} // namespace

/// `to` [rows, count] uint8 = the numbers in `from` [rows, bytes].
static void unpack(FusedBody &b, const std::string &to, const std::string &from,
                   Packing packing, int64_t rows, int64_t bytes,
                   int64_t count) {
  std::string all = b.fresh("all");
  if (packing.bits == 8) {
    b.reshape(all, from, {rows, bytes});
  } else {
    std::string flat = b.fresh("flat"), list;
    b.reshape(flat, from, {rows, bytes, 1});
    for (int64_t i = 0; i < packing.perByte(); ++i) {
      std::string part = b.fresh("part");
      b.integer(part + "_count", i * packing.bits);
      b.integer(part + "_ones", (1 << packing.bits) - 1);
      b.add(fmt::format("{0}_shift = Cast <to = 2> ({0}_count)"
                        "{0}_mask = Cast <to = 2> ({0}_ones)"
                        "{0}_down = BitShift <direction = \"RIGHT\"> ({1}, "
                        "{0}_shift)"
                        "{0} = BitwiseAnd({0}_down, {0}_mask)",
                        part, flat));
      list += (i ? ", " : "") + part;
    }
    std::string parts = b.fresh("parts");
    b.add(fmt::format("{} = Concat <axis = 2> ({})", parts, list));
    b.reshape(all, parts, {rows, bytes * packing.perByte()});
  }
  b.slice(to, all, 1, 0, count);
}

void fused::matMulNBits(FusedBody &b) {
  b.expectInputs(3);
  Packing packing{b.attrInt("bits", 4)};
  int64_t k = b.attrInt("K", 0), n = b.attrInt("N", 0),
          block = b.attrInt("block_size", 0);
  if (packing.bits != 2 && packing.bits != 4 && packing.bits != 8)
    b.refuse(fmt::format("its weights have {} bits, expected 2, 4 or 8",
                         packing.bits));
  if (k < 1 || n < 1 || block < 16 || k > (int64_t(1) << 31) ||
      n > (int64_t(1) << 31) || block > (int64_t(1) << 31))
    b.refuse(fmt::format("K = {}, N = {} and block_size = {} are no shape of "
                         "weights",
                         k, n, block));
  if (b.has(4))
    b.refuse("its groups are permuted (g_idx), which is not supported; "
             "quantize the model without act_order");
  int64_t blocks = (k + block - 1) / block;
  int64_t bytes = blocks * block * packing.bits / 8;
  auto expect = [&](size_t i, int64_t count, const char *what) {
    int64_t found = 1;
    for (int64_t size : b.shape(i))
      found *= size;
    if (found != count)
      b.refuse(fmt::format("its {} have {} elements, expected {}", what, found,
                           count));
  };
  expect(1, n * bytes, "packed weights");
  expect(2, n * blocks, "scales");
  unpack(b, "numbers", "b", packing, n, bytes, blocks * block);
  b.reshape("scale", "scales", {n, blocks});
  if (b.has(3) && b.dataType(3) != ::onnx::TensorProto::UINT8) {
    // Zero points as real numbers.
    expect(3, n * blocks, "zero points");
    b.reshape("numbers_blocks", "numbers", {n, blocks, block});
    b.reshape("zero_blocks", "zero_points", {n, blocks, 1});
    b.reshape("scale_blocks", "scale", {n, blocks, 1});
    b.add("numbers_real = CastLike(numbers_blocks, scales)"
          "moved = Sub(numbers_real, zero_blocks)"
          "products = Mul(moved, scale_blocks)");
    b.reshape("padded", "products", {n, blocks * block});
  } else {
    int64_t zeroBytes = (blocks * packing.bits + 7) / 8;
    if (b.has(3)) {
      expect(3, n * zeroBytes, "packed zero points");
      unpack(b, "zeros", "zero_points", packing, n, zeroBytes, blocks);
    } else {
      b.integer("middle", int64_t(1) << (packing.bits - 1));
      b.ints("zeros_shape", {n, blocks});
      b.add("middle8 = Cast <to = 2> (middle)"
            "zeros = Expand(middle8, zeros_shape)");
    }
    // UINT2 came after the exporters of this operator; a byte holds it too.
    int64_t type = packing.bits == 4 ? ::onnx::TensorProto::UINT4
                                     : ::onnx::TensorProto::UINT8;
    b.add(fmt::format("stored = Cast <to = {0}> (numbers)"
                      "stored_zeros = Cast <to = {0}> (zeros)"
                      "padded = DequantizeLinear <axis = 1, block_size = {1}> "
                      "(stored, scale, stored_zeros)",
                      type, block));
  }
  b.slice("rows", "padded", 1, 0, k);
  b.add("like = CastLike(rows, a) w = Transpose <perm = [1, 0]> (like)");
  if (b.has(5))
    b.add("product = MatMul(a, w) y = Add(product, bias)");
  else
    b.add("y = MatMul(a, w)");
}
