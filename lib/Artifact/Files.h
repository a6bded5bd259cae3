//===- Files.h - Which files an artifact has -------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_ARTIFACT_FILES_H
#define ADZE_ARTIFACT_FILES_H

#include "adze/Artifact.h"

#include <string>
#include <vector>

namespace adze {

/// The mark in NAME.json by which adze knows its own folders.
inline constexpr const char *artifactGenerator = "adze";

std::string weightsBinaryName(const CSource &source);
/// The names of all files of the folder, in the order in which they are
/// written.
std::vector<std::string> artifactFileNames(const ArtifactInfo &info,
                                           const CSource &source);
/// The files by which other build systems take the folder as a library: Make,
/// Zephyr, PlatformIO, Arduino. None for an object file.
std::vector<CFile> packages(const ArtifactInfo &info, const CSource &source);
/// The files that a metadata text lists; none if adze did not write it.
std::vector<std::string> filesOfArtifact(const std::string &metadata);

/// 1234567 as "1,234,567".
std::string groupedDigits(int64_t number);
/// "[1, 49, 10, 1]".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace adze

#endif
