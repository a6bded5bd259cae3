//===- Decoder.h - One instruction's way from text to a handler --*- C++
//-*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_PTXSIM_DECODER_H
#define ADZE_RUNTIME_PTXSIM_DECODER_H

#include "runtime/ptxsim/Memory.h"
#include "runtime/ptxsim/Program.h"

#include <stdexcept>

namespace adze::ptxsim {

/// A text that cannot be loaded; `what` begins with "line N: ".
struct LoadError : std::runtime_error {
  LoadError(unsigned line, const std::string &text)
      : std::runtime_error("line " + std::to_string(line) + ": " + text) {}
};

/// Hands a decode function one instruction: its name in parts
/// ("mbarrier.try_wait.parity.shared::cta.b64" -> mbarrier, try_wait, parity,
/// shared::cta, b64) and its operands. A decode function takes the parts it
/// knows and the operands as slots, sets out().handler and whatever the
/// handler wants, and returns true; it returns false if the mnemonic is not
/// its own. Parts that nobody took are an error.
class Decoder {
public:
  virtual ~Decoder() = default;

  unsigned line = 0;
  std::vector<std::string> parts;

  const std::string &mnemonic() const { return parts[0]; }
  /// Is `name` one of the modifiers? Marks it as known.
  bool take(std::string_view name);
  /// Takes the first of `names` that is there; its index or -1.
  int takeOneOf(std::initializer_list<const char *> names);
  /// The next modifier nobody took that names a type; taken. None if none.
  Type takeType();
  /// The next modifier nobody took (taken), or "".
  std::string takeAny();
  /// Is `name` among the modifiers? Marks nothing.
  bool has(std::string_view name) const;

  Instruction &out() { return *instruction; }
  size_t operandCount() const { return instruction->operands->size(); }
  const Operand &operand(size_t index) const;
  /// Error unless there are between `least` and `most` operands.
  void expectOperands(size_t least, size_t most);

  /// Operand `index` read as a value of `type`: register of that size, or
  /// constant (repeated 32 times in the pool).
  Slot source(size_t index, Type type) { return source(operand(index), type); }
  virtual Slot source(const Operand &operand, Type type) = 0;
  /// Like source, but a register may be wider or narrower (ld, st, cvt); a
  /// constant is made `bytes` wide. `bytes` becomes the size of what it is.
  virtual Slot looseSource(const Operand &operand, unsigned &bytes) = 0;
  /// Operand `index` as the register to write; noSlot for "_".
  Slot destination(size_t index, Type type) {
    return destination(operand(index), type);
  }
  virtual Slot destination(const Operand &operand, Type type) = 0;
  /// A predicate to read: register (negated or not) or constant.
  struct PredicateSource {
    Slot slot = noSlot;
    bool negated = false;
  };
  virtual PredicateSource predicate(const Operand &operand) = 0;
  /// A constant in the pool: `value`'s low bytes in 32 lanes.
  virtual Slot constant(uint64_t value, unsigned bytes) = 0;
  /// A compile-time integer operand.
  int64_t integer(size_t index) const;
  /// Registers of the warp's own, 32 lanes of `bytes` (scratch of a handler).
  virtual Slot newRegister(unsigned bytes) = 0;
  /// The launch then runs on one host thread (Atomics.cpp).
  void usesGlobalAtomics() { program().usesGlobalAtomics = true; }
  /// Keeps `data` alive with the program and makes it out().detail.
  template <typename T> T &detail() {
    auto data = std::make_shared<T>();
    T *raw = data.get();
    keep(std::move(data));
    out().detail = raw;
    return *raw;
  }

  [[noreturn]] void error(const std::string &text) const {
    throw LoadError(line, text);
  }

protected:
  virtual void keep(std::shared_ptr<const void> data) = 0;
  virtual Program &program() = 0;
  Instruction *instruction = nullptr;
  std::vector<char> taken; ///< by part
};

/// "[base + displacement]" of an operand; Warp::address evaluates it.
AddressView addressOf(Decoder &decoder, const Operand &operand);

// Decode functions, tried in this order.
bool decodeInteger(Decoder &decoder);
bool decodeFloat(Decoder &decoder);
bool decodeCompare(Decoder &decoder);
bool decodeConvert(Decoder &decoder);
bool decodeMove(Decoder &decoder);
bool decodeMemory(Decoder &decoder);     ///< ld, st, cvta, isspacep, mapa, ...
bool decodeAtomics(Decoder &decoder);    ///< atom, red
bool decodeWarp(Decoder &decoder);       ///< shfl, vote, match, redux, elect
bool decodeControl(Decoder &decoder);    ///< bra, call, bar, membar, exit, ...
bool decodeBarriers(Decoder &decoder);   ///< mbarrier, barrier.cluster,
                                         ///< fence, griddepcontrol
bool decodeAsyncCopy(Decoder &decoder);  ///< cp.async*, cp.reduce.async*,
                                         ///< prefetch.tensormap
bool decodeTensorCore(Decoder &decoder); ///< wgmma, mma, ldmatrix, stmatrix,
                                         ///< movmatrix, setmaxnreg

} // namespace adze::ptxsim

#endif // ADZE_RUNTIME_PTXSIM_DECODER_H
