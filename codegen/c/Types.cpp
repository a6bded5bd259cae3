//===- Types.cpp - C types of IR types -------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Tensor.h"
#include "codegen/c/ModuleContext.h"


using namespace adze;
using namespace mlir;

static bool isWholeBytes(Type type) {
  return type.isInteger(8) || type.isInteger(16) || type.isInteger(32) ||
         type.isInteger(64);
}

std::string adze::c::valueType(Type type) {
  if (type.isIndex())
    return "ptrdiff_t";
  if (type.isInteger(1))
    return "bool";
  if (isWholeBytes(type))
    return "int" + std::to_string(type.getIntOrFloatBitWidth()) + "_t";
  if (type.isF32())
    return "float";
  return type.isF64() ? "double" : "";
}

std::string adze::c::memoryType(Type type) {
  return type.isInteger(1) ? "uint8_t" : valueType(type);
}

std::string adze::c::unsignedType(Type type) {
  if (type.isIndex())
    return "size_t";
  if (type.isInteger(1))
    return "uint8_t";
  return "uint" + std::to_string(type.getIntOrFloatBitWidth()) + "_t";
}

std::string adze::c::borderType(llvm::StringRef elementName) {
  ElementType type = elementTypeNamed(elementName.str());
  switch (type) {
  case ElementType::Undefined:
  case ElementType::String:
    return "";
  case ElementType::Float32:
  case ElementType::Complex64: // pairs: real, imaginary
    return "float";
  case ElementType::Float64:
  case ElementType::Complex128:
    return "double";
  case ElementType::Int8:
  case ElementType::Int16:
  case ElementType::Int32:
  case ElementType::Int64:
    return elementName.str() + "_t";
  default: { // small floats as bit patterns; types below one byte are packed
    unsigned bits = std::max(elementBits(type), 8u);
    return "uint" + std::to_string(bits) + "_t";
  }
  }
}
