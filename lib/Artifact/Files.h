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

/// main.c, CMakeLists.txt, README.md and a table for the report where the
/// model runs on GPUs.
std::string cudaExample(const CSource &source);
std::string cudaCMakeLists(const ArtifactInfo &info, const CSource &source);
std::string cudaReadme(const ArtifactInfo &info, const CSource &source);
std::string cudaGridTable(const CSource &source);

/// NAME_X_ELEMENTS, the macro of a tensor's size.
std::string elementsMacro(const CSource &source, const CArgument &argument);
/// The array of main.c for an input or output; no name of main.c ends so.
std::string arrayName(const CArgument &argument);
/// How main.c prints element i.
std::string printStatement(const CArgument &argument);
/// The function of main.c that reads an input's file.
std::string readFileFunction();

/// 1234567 as "1,234,567".
std::string groupedDigits(int64_t number);
/// "[1, 49, 10, 1]".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace adze

#endif
