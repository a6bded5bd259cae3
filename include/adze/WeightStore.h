//===- WeightStore.h - Constants outside the IR -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_WEIGHTSTORE_H
#define ADZE_WEIGHTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace adze {

/// The bytes of every constant that is too large for the IR. Entries are either
/// bytes that somebody keeps alive (a mapped file, a buffer), or a recipe: a
/// function that computes the bytes when they are first asked for. Bytes are
/// little endian, row major; i1 takes one byte, sub-byte integers are packed
/// low nibble first. Thread safe.
class WeightStore {
public:
  using Recipe = std::function<std::vector<char>()>;

  /// The store of a context (loads the adze dialect if needed).
  static WeightStore &get(mlir::MLIRContext *context);

  /// Adds mapped bytes; `owner` keeps them alive. Returns the unique name
  /// under which they are known: `name` itself or `name` with a number.
  std::string addMapped(llvm::StringRef name, llvm::ArrayRef<char> bytes,
                        std::shared_ptr<const void> owner);
  /// Adds bytes that the store will own.
  std::string addBytes(llvm::StringRef name, std::vector<char> bytes);
  /// Adds an entry of `size` bytes computed on first use. The recipe may read
  /// other entries, never itself.
  std::string addRecipe(llvm::StringRef name, uint64_t size, Recipe recipe);

  bool contains(llvm::StringRef name) const;
  /// The size in bytes of an entry, without computing it.
  uint64_t size(llvm::StringRef name) const;
  /// The bytes of an entry; computes them if needed. They stay valid until
  /// `release`. Asserts that the entry exists: names come from our own IR.
  llvm::ArrayRef<char> bytes(llvm::StringRef name);
  /// Drops the computed bytes of a recipe (they can be computed again).
  void release(llvm::StringRef name);

private:
  struct Entry {
    llvm::ArrayRef<char> view;
    std::shared_ptr<const void> owner;
    std::vector<char> owned;
    Recipe recipe;
    uint64_t size = 0;
    bool ready = false;
  };
  std::string unique(llvm::StringRef name);
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries;
  mutable std::recursive_mutex mutex;
};

} // namespace adze

#endif
