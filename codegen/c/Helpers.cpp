//===- Helpers.cpp - Small C functions printed where they are used -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/c/Helpers.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace adze::c;

/// A helper for each of several types: T is the type, U its unsigned form,
/// NAME its name, BITS its width.
struct HelperTemplate {
  llvm::StringLiteral prefix;
  llvm::StringLiteral text;
};

static constexpr HelperTemplate templates[] = {
    {"floor_div",
     R"(/* Quotient rounded towards minus infinity. */
static inline T NAME(T a, T b) {
  return (T)(a / b - (a % b != 0 && (a < 0) != (b < 0)));
}
)"},
    {"ceil_div",
     R"(/* Quotient rounded towards plus infinity. */
static inline T NAME(T a, T b) {
  return (T)(a / b + (a % b != 0 && (a < 0) == (b < 0)));
}
)"},
    {"ctlz",
     R"(/* Zero bits above the highest one. */
static inline T NAME(T x) {
  U bits = (U)x;
  T count = 0;
  for (U bit = (U)((U)1 << (BITS - 1)); bit != 0 && (bits & bit) == 0; bit = (U)(bit >> 1)) {
    ++count;
  }
  return count;
}
)"},
    {"cttz",
     R"(/* Zero bits below the lowest one. */
static inline T NAME(T x) {
  U bits = (U)x;
  T count = 0;
  for (; count < BITS && (bits & 1u) == 0; ++count) {
    bits = (U)(bits >> 1);
  }
  return count;
}
)"},
    {"ctpop",
     R"(/* Bits that are one. */
static inline T NAME(T x) {
  T count = 0;
  for (U bits = (U)x; bits != 0; bits = (U)(bits & (bits - 1u))) {
    ++count;
  }
  return count;
}
)"},
    {"ipow",
     R"(/* x to the power of n, modulo 2^BITS; truncated to an integer for n < 0. */
static inline T NAME(T x, T n) {
  if (n < 0) {
    return (T)(x == 1 ? 1 : x == -1 ? (n % 2 != 0 ? -1 : 1) : 0);
  }
  W result = 1;
  W square = (W)x;
  for (; n > 0; n = (T)(n / 2)) {
    if (n % 2 != 0) {
      result *= square;
    }
    square *= square;
  }
  return (T)result;
}
)"},
    {"bits_of",
     R"(/* The bits of a number. */
static inline T NAME(F x) {
  T bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
)"},
    {"number_of",
     R"(/* The number that has these bits. */
static inline F NAME(T bits) {
  F x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
)"},
};

std::string adze::c::shortTypeName(mlir::Type type) {
  if (type.isIndex())
    return "index";
  return (mlir::isa<mlir::FloatType>(type) ? "f" : "i") +
         std::to_string(type.getIntOrFloatBitWidth());
}

std::string adze::c::bitcastHelper(mlir::Type from, mlir::Type to) {
  if (mlir::isa<mlir::FloatType>(from))
    return "bits_of_" + shortTypeName(from);
  return "number_of_" + shortTypeName(to);
}

/// `text` with every whole word `word` replaced.
static std::string replaceWord(llvm::StringRef text, llvm::StringRef word,
                               llvm::StringRef by) {
  auto isPart = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  std::string result;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && isPart(text[end]))
      ++end;
    if (end == i) {
      result += text[i++];
      continue;
    }
    llvm::StringRef found = text.slice(i, end);
    result += found == word ? by : found;
    i = end;
  }
  return result;
}

static std::string instantiate(const HelperTemplate &helper,
                               llvm::StringRef name) {
  llvm::StringRef type = name.rsplit('_').second;
  bool isFloat = type.starts_with("f");
  std::string bits = type == "index" ? "64" : type.drop_front().str();
  std::string signedType = type == "index" ? "ptrdiff_t" : "int" + bits + "_t";
  std::string unsignedType = type == "index" ? "size_t" : "uint" + bits + "_t";
  std::string text = replaceWord(helper.text, "T", signedType);
  text = replaceWord(text, "U", unsignedType);
  text = replaceWord(text, "W",
                     bits == "64" && type != "index" ? "uint64_t" : "uint32_t");
  text = replaceWord(text, "BITS", bits);
  if (isFloat)
    text = replaceWord(text, "F", bits == "64" ? "double" : "float");
  return replaceWord(text, "NAME", name);
}

/// fma() in software is slow; where the CPU has none, a product and a sum.
static std::string fmaMacro(bool isFloat) {
  std::string macro = isFloat ? "ADZE_FMAF" : "ADZE_FMA";
  std::string hardware = isFloat
                             ? "defined(__FP_FAST_FMAF) || defined(__FMA__) || "
                               "defined(__ARM_FEATURE_FMA)"
                             // Of Arm's 32-bit CPUs some compute only float.
                             : "defined(__FP_FAST_FMA) || defined(__FMA__) || "
                               "defined(__aarch64__)";
  std::string function = isFloat ? "fmaf" : "fma";
  auto define = [&](const std::string &body) {
    return "#define " + macro + "(a, b, c) " + body + "\n";
  };
  // Bare-metal clang makes fmaf() a call because it might set errno.
  return "/* a * b + c, with one rounding where the CPU has an instruction for "
         "it. */\n#if " +
         hardware + "\n#if defined(__clang__) && __clang_major__ >= 17\n" +
         define("__builtin_elementwise_fma((a), (b), (c))") + "#else\n" +
         define(function + "((a), (b), (c))") + "#endif\n#else\n" +
         define("((a) * (b) + (c))") + "#endif\n";
}

/// Hides from clang for Helium that a float was an integer.
static constexpr llvm::StringLiteral convertedMacro =
    R"(/* clang 22 encodes a wrong number of fraction bits where it joins a conversion
 * and a product by 2^-n for Helium. */
#if defined(__clang__) && defined(__ARM_FEATURE_MVE)
static inline float adze_converted(float x) {
  __asm__("" : "+t"(x));
  return x;
}
#define ADZE_CONVERTED(x) adze_converted(x)
#else
#define ADZE_CONVERTED(x) (x)
#endif
)";

std::string adze::c::helperDefinitions(const ModuleContext &context) {
  std::string text;
  if (context.helpers.count("FMAF"))
    text += fmaMacro(/*isFloat=*/true) + "\n";
  if (context.helpers.count("FMA"))
    text += fmaMacro(/*isFloat=*/false) + "\n";
  if (context.helpers.count("CONVERTED"))
    text += convertedMacro.str() + "\n";
  for (const std::string &name : context.helpers)
    for (const HelperTemplate &helper : templates)
      if (llvm::StringRef(name).rsplit('_').first == helper.prefix)
        text += instantiate(helper, name) + "\n";
  return text;
}
