//===- QemuExecutable.cpp - An artifact that runs in QEMU -----------------===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "adze/Qemu.h"

namespace adze {
namespace {

class QemuExecutable final : public Executable {
public:
  explicit QemuExecutable(Image image) : image(std::move(image)) {}

  const std::vector<TensorSpec> &inputs() const override {
    return image.inputs;
  }
  const std::vector<TensorSpec> &outputs() const override {
    return image.outputs;
  }
  Status run(const std::vector<const Tensor *> &in,
             std::vector<Tensor> &out) override {
    RunStats stats;
    RunOptions options;
    options.count = false;
    return runImage(image, in, out, stats, options);
  }

private:
  Image image;
};

} // namespace

Status makeQemuExecutable(const std::string &artifactDir,
                          const Machine &machine,
                          std::unique_ptr<Executable> &executable,
                          const ImageOptions &options) {
  Image image;
  if (Status status = buildImage(artifactDir, machine, options, image); !status)
    return status;
  executable = std::make_unique<QemuExecutable>(std::move(image));
  return Status::success();
}

} // namespace adze
