//===- GuestFiles.h - The files that go into or with an image ---*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_RUNTIME_QEMU_GUESTFILES_H
#define ADZE_RUNTIME_QEMU_GUESTFILES_H

#include "adze/Machine.h"
#include "runtime/native/ArtifactFolder.h"

#include <string>

namespace adze {

/// Name of the counting plugin among the embedded files.
constexpr const char *counterFile = "adze-qemu-counter.so";

/// Writes an embedded file (guest/*, the counting plugin) into a folder.
Status writeEmbeddedFile(const std::string &name, const std::string &folder);

/// Under this name the build folder links to NAME_weights.bin, if there is one:
/// the assembler reads it, and need not understand the artifact's path.
constexpr const char *weightsLink = "weights.bin";

/// binding.c of an artifact: buffers, file names, the call of NAME_run.
std::string bindingSource(const ArtifactFolder &artifact);

/// The linker script for a machine. From the bottom of data memory up: the
/// stack, variables, the arena, test data. So a stack that overflows leaves the
/// memory or hits the machine's stack guard, and faults. Start-up code
/// and test data have sections of their own, so that sizes of the others are
/// those of the artifact.
std::string linkerScript(const Machine &machine, uint64_t stackBytes);

/// The sections that are not the artifact's.
bool isGuestSection(const std::string &name);

/// Files of inputs and outputs in the folder where QEMU runs.
std::string inputFile(size_t index);
std::string outputFile(size_t index);

} // namespace adze

#endif
