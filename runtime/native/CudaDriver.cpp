//===- CudaDriver.cpp - A GPU, or what stands in for one ------------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/CudaDriver.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

namespace adze {
namespace {

namespace fs = std::filesystem;

CudaDevice chosen;
/// The simulator, if it was our choice and not the user's.
std::string ownChoice;

/// A driver library, open while this lives.
class Library {
public:
  explicit Library(const char *path)
      : handle(::dlopen(path, RTLD_NOW | RTLD_LOCAL)) {}
  ~Library() {
    if (handle)
      ::dlclose(handle);
  }
  Library(const Library &) = delete;
  explicit operator bool() const { return handle != nullptr; }
  template <typename Function>
  bool find(const char *name, Function *&function) const {
    function = reinterpret_cast<Function *>(::dlsym(handle, name));
    return function != nullptr;
  }

private:
  void *handle;
};

/// Looks for a device of the system's driver that the code fits to. Says what
/// is wrong otherwise.
bool findDevice(const std::vector<std::string> &chips, std::string &text) {
  // CUdevice_attribute: COMPUTE_CAPABILITY_MAJOR and _MINOR.
  constexpr int major = 75, minor = 76;
  Library library("libcuda.so.1");
  if (!library) {
    text = "there is no CUDA driver here";
    return false;
  }
  int (*init)(unsigned) = nullptr;
  int (*count)(int *) = nullptr;
  int (*get)(int *, int) = nullptr;
  int (*attribute)(int *, int, int) = nullptr;
  int (*name)(char *, int, int) = nullptr;
  int devices = 0;
  if (!library.find("cuInit", init) || !library.find("cuDeviceGet", get) ||
      !library.find("cuDeviceGetCount", count) ||
      !library.find("cuDeviceGetAttribute", attribute) ||
      !library.find("cuDeviceGetName", name) || init(0) != 0 ||
      count(&devices) != 0 || devices == 0) {
    text = "the CUDA driver here has no device";
    return false;
  }
  for (int i = 0; i < devices; ++i) {
    int device = 0, high = 0, low = 0;
    char title[128] = "";
    if (get(&device, i) != 0 || attribute(&high, major, device) != 0 ||
        attribute(&low, minor, device) != 0)
      continue;
    name(title, int(sizeof title) - 1, device);
    text = fmt::format("{} (compute capability {}.{})", title, high, low);
    for (const std::string &chip : chips)
      if (chipRunsOn(chip, unsigned(high * 10 + low)))
        return true;
  }
  text = "the GPU here is " + text;
  return false;
}

/// libadze_ptxsim.so: installed beside the programs, or in the build tree.
std::string findSimulator() {
  std::error_code error;
  fs::path place = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int up = 0; up < 6 && !place.empty(); ++up) {
    for (const char *folder : {"", "lib", "runtime/ptxsim"}) {
      fs::path file = place / folder / "libadze_ptxsim.so";
      if (fs::exists(file, error))
        return file.string();
    }
    if (place == place.parent_path())
      break;
    place = place.parent_path();
  }
  return {};
}

/// The simulator runs what the chips of today's cards run.
bool isSimulated(const std::string &chip) {
  return chip == "sm_80" || chip == "sm_86" || chip == "sm_89" ||
         chip == "sm_90a";
}

constexpr const char *noSimulator =
    "adze's simulator libadze_ptxsim.so is not beside this program; build or "
    "install it, or name a driver in ADZE_CUDA_DRIVER";

} // namespace

bool chipRunsOn(const std::string &chip, unsigned capability) {
  if (chip.rfind("sm_", 0) != 0)
    return false;
  unsigned own = unsigned(std::strtoul(chip.c_str() + 3, nullptr, 10));
  return chip.back() == 'a' ? own == capability : own <= capability;
}

const CudaDevice &selectedCudaDevice() { return chosen; }

Status useCudaSimulator() {
  std::string simulator = findSimulator();
  const char *path = std::getenv("ADZE_CUDA_DRIVER");
  if (path && *path) {
    Library library(path);
    void (*report)() = nullptr;
    if (library && library.find("adzePtxsimLastReport", report))
      return Status::success();
  }
  if (simulator.empty())
    return Status::failure(noSimulator);
  ::setenv("ADZE_CUDA_DRIVER", simulator.c_str(), 1);
  ownChoice = simulator;
  return Status::success();
}

Status selectCudaDriver(const std::vector<std::string> &chips,
                        CudaDevice &device) {
  std::string list = fmt::format("{}", fmt::join(chips, ", "));
  std::string chip;
  for (const std::string &name : chips)
    if (chip.empty() && isSimulated(name))
      chip = name;
  const char *path = std::getenv("ADZE_CUDA_DRIVER");
  std::string problem;
  chosen = {};
  if (path && *path && path == ownChoice && !chip.empty()) {
    chosen.isSimulated = true;
    chosen.text = fmt::format("ptxsim as {}", chip);
  } else if (path && *path) {
    Library library(path);
    void (*report)() = nullptr;
    if (!library)
      return Status::failure(fmt::format(
          "the driver {} that ADZE_CUDA_DRIVER names cannot be loaded: {}",
          path, ::dlerror()));
    chosen.isSimulated = library.find("adzePtxsimLastReport", report);
    chosen.text =
        chosen.isSimulated
            ? fmt::format("ptxsim ({}, named by ADZE_CUDA_DRIVER)", path)
            : fmt::format("the driver {} that ADZE_CUDA_DRIVER names", path);
  } else if (findDevice(chips, problem)) {
    chosen.text = problem;
  } else {
    std::string simulator = findSimulator();
    if (simulator.empty() || chip.empty())
      return Status::failure(fmt::format(
          "code for {} cannot run here: {}, and {}", list, problem,
          simulator.empty()
              ? noSimulator
              : fmt::format("the simulator runs code for sm_80, sm_86, sm_89 "
                            "and sm_90a; add one of these to the target, as in "
                            "-t cuda:sm_90a,{}",
                            chips.front())));
    ::setenv("ADZE_CUDA_DRIVER", simulator.c_str(), 1);
    ownChoice = simulator;
    chosen.isSimulated = true;
    chosen.text = fmt::format("ptxsim as {} ({})", chip, problem);
  }
  if (chosen.isSimulated && !chip.empty())
    ::setenv("ADZE_PTXSIM_CHIP", chip.c_str(), 0);
  device = chosen;
  return Status::success();
}

} // namespace adze
