//===- RuntimeHeaders.h - The embedded headers of the runtime -*- C++ -*---===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_RUNTIMEHEADERS_H
#define ADZE_RUNTIME_RUNTIMEHEADERS_H

#include <string_view>
#include <vector>

namespace adze {

/// A header of runtime/core/, as it is in the source tree.
struct EmbeddedHeader {
  std::string_view name;
  std::string_view text;
};

/// Defined in the file that Embed.cmake writes.
std::vector<EmbeddedHeader> embeddedHeaders();

} // namespace adze

#endif
