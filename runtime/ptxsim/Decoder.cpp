//===- Decoder.cpp - What decode functions ask of an instruction -*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"

namespace adze::ptxsim {

bool Decoder::has(std::string_view name) const {
  for (size_t i = 1; i < parts.size(); ++i)
    if (parts[i] == name)
      return true;
  return false;
}

bool Decoder::take(std::string_view name) {
  for (size_t i = 1; i < parts.size(); ++i)
    if (!taken[i] && parts[i] == name)
      return taken[i] = true;
  return false;
}

int Decoder::takeOneOf(std::initializer_list<const char *> names) {
  int index = 0;
  for (const char *name : names) {
    if (take(name))
      return index;
    ++index;
  }
  return -1;
}

Type Decoder::takeType() {
  for (size_t i = 1; i < parts.size(); ++i) {
    if (taken[i])
      continue;
    if (Type type = typeNamed(parts[i]); type != Type::None) {
      taken[i] = true;
      return type;
    }
  }
  return Type::None;
}

std::string Decoder::takeAny() {
  for (size_t i = 1; i < parts.size(); ++i)
    if (!taken[i]) {
      taken[i] = true;
      return parts[i];
    }
  return {};
}

const Operand &Decoder::operand(size_t index) const {
  if (index >= instruction->operands->size())
    error("an operand is missing");
  return (*instruction->operands)[index];
}

void Decoder::expectOperands(size_t least, size_t most) {
  if (operandCount() < least || operandCount() > most)
    error("expected " + std::to_string(least) +
          (most > least ? " to " + std::to_string(most) : std::string()) +
          " operands, found " + std::to_string(operandCount()));
}

int64_t Decoder::integer(size_t index) const {
  const Operand &o = operand(index);
  if (o.kind != Operand::Constant || o.floating)
    error("operand " + std::to_string(index + 1) +
          " has to be an integer constant");
  return o.value;
}

AddressView addressOf(Decoder &decoder, const Operand &operand) {
  if (operand.kind != Operand::Address)
    decoder.error("expected an address in brackets");
  if (operand.bytes != 4 && operand.bytes != 8)
    decoder.error("an address needs a 32- or 64-bit register");
  return {operand.slot, operand.bytes, operand.displacement};
}

} // namespace adze::ptxsim
