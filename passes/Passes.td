//===- Passes.td - Every pass between import and target ---*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Keep alphabetical.

include "mlir/Pass/PassBase.td"

def AssignLayout : Pass<"assign-layout", "::mlir::ModuleOp"> {
  let summary = "channels last inside, transposes only where they are needed";
  let description = [{
    Convolution and pooling become channels-last between two transposes; the
    transposes then sink through element-wise operations, reductions, padding,
    concatenation and slices until they meet their inverse or the border.
    Transposes of constants are folded.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def ChooseSchedules : Pass<"choose-schedules", "::mlir::ModuleOp"> {
  let summary = "gives every kernel the schedule under which it is lowered";
  let description = [{
    Asks the kernel families of the target for the legal schedules of each
    kernel and the cost model for the best of them. The options describe the
    machine: registers for f32 values, lanes of a vector register, and whether
    caches make it worth while to keep a panel of weights while positions pass.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "1",
           "f32 elements of a vector register; 0: a GPU's threads, one result each">,
    Option<"registers", "registers", "int64_t", "32", "registers for f32 values or vectors">,
    Option<"caches", "caches", "bool", "false", "the machine has data caches">];
}

def ConvertOnnxToNn : Pass<"convert-onnx-to-nn", "::mlir::ModuleOp"> {
  let summary = "turns ONNX nodes into tensor operations";
  let description = [{
    Walks the nodes in order and calls the lowering registered for (domain,
    operator, version). What depends on constants alone is computed on the way,
    so that shapes which a graph computes are known. All nodes without a
    lowering are reported at once.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
      "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
      "::adze::kernel::KernelDialect", "::mlir::func::FuncDialect",
      "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
      "::mlir::vector::VectorDialect"];
}

def DeriveOverlap : Pass<"derive-overlap", "::mlir::ModuleOp"> {
  let summary = "finds which inputs a kernel may write over";
  let description = [{
    Reads the loops of each kernel (`lower-kernels`): where the first output may
    share memory with an input, because every byte is read before it is
    overwritten, `overlap` gets [input, bytes], the least distance by which the
    output lies below the input (where that saves half of the smaller of them or
    more), and [input, 0] where it may lie exactly in place. Input and output
    must have one element type, or one of them bytes, because C compilers rely
    on that. Runs before `plan-memory`; loops must not be reordered after it as
    if inputs and outputs were apart.
  }];
}

def ExpandQuantization : Pass<"expand-quantization", "::mlir::ModuleOp"> {
  let summary = "what is still quantized or dequantized becomes arithmetic";
  let description = [{
    `nn.quantize` and `nn.dequantize` that `form-integer-ops` left become
    `linalg.generic` in float.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
      "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def FoldConstants : Pass<"fold-constants", "::mlir::ModuleOp"> {
  let summary = "computes what depends on constants alone";
  let description = [{
    Small results are computed at once; larger ones become recipes of the
    weight store that run when the artifact is written.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::kernel::KernelDialect",
      "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def FoldScaleIntoConvolution : Pass<"fold-scale-into-convolution", "::mlir::ModuleOp"> {
  let summary = "batch normalization behind a convolution becomes its weights";
  let description = [{
    conv(x, w, b) * s + t with constants per channel is conv(x, w * s, b * s + t).
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def FormIntegerOps : Pass<"form-integer-ops", "::mlir::ModuleOp"> {
  let summary = "operations between dequantize and quantize become integer ones";
  let description = [{
    {dequantize... -> operation -> [activation] -> quantize} with parameters
    known at compile time becomes an operation on integers with TFLite's
    arithmetic (include/adze/Requantization.h). Inside, all such tensors are
    signed (`nn.rebase` at the borders). Data movement passes below
    `nn.dequantize`; a convolution or matrix product without a `nn.quantize`
    behind it still sums integers.

    `rounding` is that of `nn.requantize`: `once` is what ONNX defines but for
    ties (upward, not to even), `twice` rounds the doubling high multiply and
    the shift, `tflite` is `twice` but `once` in matrix products, as TFLite's
    reference kernels compute. `auto` goes by the tool that wrote the file:
    `tflite` for conversions from TFLite (tf2onnx), `once` for all others.

    What stays in float between quantized tensors, and why, is listed in the
    module's attribute `adze.float_fallbacks`.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect",
      "::adze::kernel::KernelDialect", "::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
      "::mlir::vector::VectorDialect"];
  let options = [
    Option<"rounding", "rounding", "std::string", "\"auto\"",
           "auto, tflite, twice or once">];
}

def FormKernels : Pass<"form-kernels", "::mlir::ModuleOp"> {
  let summary = "groups operations into kernels and outlines them";
  let description = [{
    Every root operation starts a kernel; element-wise consumers of its result
    join as its epilogue, cheap producers are evaluated where they are used.
    Kernels with the same body become one function.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::kernel::KernelDialect"];
  let options = [
    Option<"fuse", "fuse", "bool", "true", "false makes one kernel an operation">];
}

def FormViews : Pass<"form-views", "::mlir::ModuleOp"> {
  let summary = "slices and concatenations that need no copy";
  let description = [{
    A kernel that does nothing but take a slice of contiguous memory becomes a
    `kernel.view`, and one that puts results of kernels one after the other a
    `kernel.join`, whose parts are made in their places. Pieces of inputs have
    to be bytes. Done only where the arena does not grow by it; begins are
    multiples of `alignment` (4 in an input).
  }];
  let dependentDialects = ["::adze::kernel::KernelDialect"];
  let options = [
    Option<"alignment", "alignment", "int64_t", "16",
           "of every offset, in bytes: a power of two">];
}

def LegalizeIntegers : Pass<"legalize-integers", "::mlir::ModuleOp"> {
  let summary = "leaves memory of whole bytes and arithmetic of C's widths";
  let description = [{
    Memory: elements of i1 become i8 (0 or 1); elements of i2 and i4 are packed
    as ONNX packs them (low bits first), so a buffer of them becomes a buffer of
    bytes of rank 1, and a load or store picks its bits. Values: i1 stays; any
    other width becomes the next of 8, 16, 32, 64, kept sign extended.

    An argument of the entry point whose buffer loses its shape keeps it in the
    attribute `adze.shape`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def LegalizeSmallFloats : Pass<"legalize-small-floats", "::mlir::ModuleOp"> {
  let summary = "computes with f16, bf16 and f8 in f32";
  let description = [{
    Memory holds the codes of such numbers as integers of their size (f4E2M1FN:
    i4), values are f32. The result of every operation is rounded to the format;
    conversions are calls of functions of runtime/core, declared with the
    attribute `adze.runtime`. Runs before legalize-integers.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
      "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def LowerKernels : Pass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "makes the loops of each kernel, beside it";
  let description = [{
    Each `kernel.func` gets a function over buffers (inputs, outputs, scratch)
    named after it with the suffix `.loops`, and its `scratch` sizes, which the
    memory plan needs.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerProgram : Pass<"lower-program", "::mlir::ModuleOp"> {
  let summary = "turns the planned program into the entry function over buffers";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
      "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def OrderProgram : Pass<"order-program", "::mlir::ModuleOp"> {
  let summary = "reorders the kernels of a program so that less is live at once";
  let description = [{
    Searches the orders that the data flow allows (exactly while the sets of
    finished kernels are few, with a beam otherwise) for one in which the most
    bytes live in a step are fewer. A program that cannot be improved keeps its
    order. Runs before `plan-memory`.

    Written on the module: `adze.order` (`bound`: the bytes that no plan of these
    kernels goes below in any order; `unique`: there is only one order).
  }];
}

def PackWeights : Pass<"pack-weights", "::mlir::ModuleOp"> {
  let summary = "constant matrices of GEMM and convolution become panels";
  let description = [{
    The schedule's `columns` decides the width of a panel. The bytes are a recipe
    of the weight store; a kernel sees `nn.unpack` of its argument.
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::nn::NnDialect"];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "gives every buffer of the program its place in the arena";
  let description = [{
    Lifetimes run over the operations in their order; `kernel.view` lies in the
    buffer of its operand, the parts of `kernel.join` lie in its result; the
    overlap rules of a kernel (`overlap`) hold where
    the input dies in the call; `scratch` of a kernel, an array of bytes, is
    live during the call. The offsets are planned together (greedy orders,
    branch and bound on small programs) and checked by independent code.

    Written on `kernel.call`, `kernel.if` and `kernel.while`: `offsets`, one for
    each result. -1: the value is a result of the program and lives in the
    buffer of the caller, or is a size. A value that is returned twice lies in
    the arena and is copied, and so are inputs and constants that are returned.
    What a branch of `kernel.if` yields lies at the offset of the result if the
    branch makes it and yields it once; else it is copied there when the branch
    ends. A carried value of `kernel.while` has the offset of the result; the
    initial value and the next value lie there too where that is safe, else they
    are copied when the loop begins and when a round ends. A call that only
    concatenates parts which the plan has put in their places becomes a
    `kernel.join`.

    `scratch_offsets` on `kernel.call`: one for each scratch buffer. On
    `kernel.while`, only where rounds move carried values to other places: one
    for each carried value; where it is not -1, the value yielded for that place
    must be copied there before any carried value is overwritten, and from there
    to its place.

    The loops of kernels (`lower-kernels`) whose outputs never share memory with
    their inputs get `adze.restrict`.

    Written on the module: `adze.arena_size`, `adze.arena_alignment` and
    `adze.arena_bound` (no plan of these kernels in this order needs fewer
    bytes), and `adze.memory` for the report: `peak`, `bound`, `gap`, `optimal`,
    `order_bound` (no plan needs fewer bytes in any order, after
    `order-program`), `steps` (how many), `peak_step`, `peak_at` (the operation there), `buffers`
    (name, bytes, offset, first and last step of each), `tensors` (those live at
    the peak) and `unshared` (the bytes of all buffers together).

    Where the module has `adze.regions` (`name` and `bytes` of the memories of the
    chip, the fastest first) no buffer crosses the border of two of them, and
    the traffic of the fastest is made large (adze/MemoryRegions.h).
    `adze.arenas` (`name`, `begin`, `bytes`) says which range of the offsets lies
    in which memory, and how many bytes of it are taken.
  }];
  let options = [
    Option<"alignment", "alignment", "int64_t", "16",
           "of every offset, in bytes: a power of two">,
    Option<"ram", "ram", "int64_t", "0",
           "bytes that the arena may take; 0: any number">];
}

def SelectKernels : Pass<"select-kernels", "::mlir::ModuleOp"> {
  let summary = "kernels that a family of the machine can compute get its code";
  let description = [{
    Calls of kernels of integers (nn.conv or nn.matmul with nn.requantize,
    nn.quantized_add, nn.pool, ...) are read as problems (adze/KernelFamily.h);
    the families that the context holds are asked for schedules, the cost model
    ranks them, and the best that fits the budget of flash generates C text. The
    kernel becomes a `kernel.func` without a body that carries the text
    (`adze.code`), the schedule, the rule of overlap and its scratch buffers;
    packed constants take the place of the weights.

    The budget is the module's `adze.flash_budget`, or a multiple of the bytes
    that the model itself has for these kernels (`constants_ratio` of the
    machine).
  }];
  let dependentDialects = ["::adze::AdzeDialect", "::adze::kernel::KernelDialect"];
  let options = [
    Option<"machine", "machine", "std::string", "\"c\"", "a name in the table of machines">];
}

def SimplifyLoops : Pass<"simplify-loops", "::mlir::ModuleOp"> {
  let summary = "simplifies code of the loops level";
  let description = [{
    Canonicalisation, folding of what the ranges of indices decide, loop
    invariant code motion (also of loads, out of loops that write nothing),
    common subexpressions, and buffers that nothing reads.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
      "::mlir::vector::VectorDialect"];
}

def SplitIntoPatches : Pass<"split-into-patches", "::mlir::ModuleOp"> {
  let summary = "computes the first layers in bands of rows";
  let description = [{
    The layers before the cut (the `cut`-th value at which the program has
    computed nothing else that is needed later, counted from 1) run for one band
    of the cut's rows after the other, on slices of the program's inputs; a
    concatenation makes the cut's value. Rows that two bands need are computed
    twice. Runs at the nn level after `assign-layout`.

    Written on the module: `adze.patches` (`bands`, `layers`, `up_to`, `macs` of
    the program without bands, `extra_macs`).
  }];
  let dependentDialects = ["::adze::nn::NnDialect",
      "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
  let options = [
    Option<"bands", "bands", "int64_t", "2", "at least 2">,
    Option<"cut", "cut", "int64_t", "1", "where the bands end">];
}
