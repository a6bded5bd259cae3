//===- WeightStore.cpp - Constants outside the IR ---------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The entries are held by pointer, so that a view stays valid while other
/// entries are added. The mutex is recursive because a recipe reads the entries
/// that it is computed from while it runs.
///
//===----------------------------------------------------------------------===//

#include "adze/WeightStore.h"

#include "dialects/adze/adze.h"

#include "llvm/Support/ErrorHandling.h"

using namespace adze;

WeightStore &WeightStore::get(mlir::MLIRContext *context) {
  return *context->getOrLoadDialect<AdzeDialect>()->getWeightStore();
}

std::string WeightStore::unique(llvm::StringRef name) {
  std::string candidate = name.empty() ? "weight" : name.str();
  if (!entries.count(candidate))
    return candidate;
  std::string stem = candidate;
  // The count of entries is a start near the first free number, which keeps
  // adding many entries of one name from being quadratic.
  for (size_t number = entries.size();; ++number) {
    candidate = stem + "." + std::to_string(number);
    if (!entries.count(candidate))
      return candidate;
  }
}

std::string WeightStore::addMapped(llvm::StringRef name,
                                   llvm::ArrayRef<char> bytes,
                                   std::shared_ptr<const void> owner) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto entry = std::make_unique<Entry>();
  entry->view = bytes;
  entry->owner = std::move(owner);
  entry->size = bytes.size();
  entry->ready = true;
  std::string key = unique(name);
  entries.emplace(key, std::move(entry));
  return key;
}

std::string WeightStore::addBytes(llvm::StringRef name,
                                  std::vector<char> bytes) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto entry = std::make_unique<Entry>();
  entry->owned = std::move(bytes);
  entry->view = entry->owned;
  entry->size = entry->owned.size();
  entry->ready = true;
  std::string key = unique(name);
  entries.emplace(key, std::move(entry));
  return key;
}

std::string WeightStore::addRecipe(llvm::StringRef name, uint64_t size,
                                   Recipe recipe) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto entry = std::make_unique<Entry>();
  entry->recipe = std::move(recipe);
  entry->size = size;
  std::string key = unique(name);
  entries.emplace(key, std::move(entry));
  return key;
}

bool WeightStore::contains(llvm::StringRef name) const {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  return entries.count(name.str());
}

uint64_t WeightStore::size(llvm::StringRef name) const {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto found = entries.find(name.str());
  assert(found != entries.end() && "no such weight");
  return found->second->size;
}

llvm::ArrayRef<char> WeightStore::bytes(llvm::StringRef name) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto found = entries.find(name.str());
  if (found == entries.end())
    llvm::reportFatalInternalError("no weight named '" + name +
                                   "' in the store");
  // The recipe may add entries: hold the entry, not the iterator.
  Entry &entry = *found->second;
  if (entry.ready)
    return entry.view;
  entry.owned = entry.recipe();
  assert(entry.owned.size() == entry.size && "a recipe of another size");
  entry.view = entry.owned;
  entry.ready = true;
  return entry.view;
}

void WeightStore::release(llvm::StringRef name) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto found = entries.find(name.str());
  if (found == entries.end() || !found->second->recipe)
    return;
  Entry &entry = *found->second;
  entry.view = {};
  std::vector<char>().swap(entry.owned);
  entry.ready = false;
}
