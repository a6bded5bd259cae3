//===- nn.td - Tensor operations that linalg cannot say ---*- tablegen -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ADZE_DIALECTS_NN_NN_TD
#define ADZE_DIALECTS_NN_NN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Nn_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::adze::nn";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::adze::AdzeDialect"];
  let summary = "tensor operations that linalg cannot say";
  let description = [{
    Value semantics, static shapes, signless integers; what depends on
    signedness is an attribute. Element-wise operations and reductions are
    `linalg.generic`; everything here either moves data by an index function
    (transpose, slice, pad, gather, ...), or is a structure that kernel families
    want to see whole (convolution, matmul, pooling, softmax, recurrence, ...).
    Axes are non-negative. Convolution and pooling take any number of spatial
    dimensions; `pads` holds all begins, then all ends.
  }];
}

class Nn_Enum<string name, list<I32EnumAttrCase> cases> : I32EnumAttr<name, "", cases> {
  let cppNamespace = "::adze::nn";
  let genSpecializedAttr = 0;
}
class Nn_EnumAttr<EnumAttrInfo info, string mnemonic> : EnumAttr<Nn_Dialect, info, mnemonic>;
// channels_first: x [N,C,S...], w [M,C/g,K...], y [N,M,S...]
// channels_last:  x [N,S...,C], w [K...,C/g,M], y [N,S...,M]
def Nn_LayoutEnum : Nn_Enum<"Layout", [
    I32EnumAttrCase<"channels_first", 0>, I32EnumAttrCase<"channels_last", 1>]>;
def Nn_Layout : Nn_EnumAttr<Nn_LayoutEnum, "layout">;
def Nn_PoolKindEnum : Nn_Enum<"PoolKind", [
    I32EnumAttrCase<"max", 0>, I32EnumAttrCase<"average", 1>, I32EnumAttrCase<"lp", 2>]>;
def Nn_PoolKind : Nn_EnumAttr<Nn_PoolKindEnum, "pool_kind">;
def Nn_PadModeEnum : Nn_Enum<"PadMode", [
    I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"edge", 1>, I32EnumAttrCase<"reflect", 2>, I32EnumAttrCase<"wrap", 3>]>;
def Nn_PadMode : Nn_EnumAttr<Nn_PadModeEnum, "pad_mode">;
def Nn_ScatterKindEnum : Nn_Enum<"ScatterKind", [
    I32EnumAttrCase<"set", 0>, I32EnumAttrCase<"add", 1>, I32EnumAttrCase<"mul", 2>, I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"max", 4>]>;
def Nn_ScatterKind : Nn_EnumAttr<Nn_ScatterKindEnum, "scatter_kind">;
def Nn_CumulativeKindEnum : Nn_Enum<"CumulativeKind", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"prod", 1>]>;
def Nn_CumulativeKind : Nn_EnumAttr<Nn_CumulativeKindEnum, "cumulative_kind">;
def Nn_CellKindEnum : Nn_Enum<"CellKind", [
    I32EnumAttrCase<"rnn", 0>, I32EnumAttrCase<"gru", 1>, I32EnumAttrCase<"lstm", 2>]>;
def Nn_CellKind : Nn_EnumAttr<Nn_CellKindEnum, "cell_kind">;
// As adze::Rounding (include/adze/Requantization.h).
def Nn_RoundingEnum : Nn_Enum<"Rounding", [
    I32EnumAttrCase<"twice", 0>, I32EnumAttrCase<"once", 1>]>;
def Nn_Rounding : Nn_EnumAttr<Nn_RoundingEnum, "rounding">;

class Nn_Op<string mnemonic, list<Trait> traits = []>
    : Op<Nn_Dialect, mnemonic, !listconcat([Pure], traits)> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

defvar Nn_QuantizedFormat = [{
  $input `scale` $scale `:` type($scale)
  (`zero_point` $zero_point^ `:` type($zero_point))? attr-dict `:` type($input) `->` type($output)
}];

// Data movement: the result's element is an element of an operand. ----------

def Nn_ReshapeOp : Nn_Op<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$output);
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Nn_TransposeOp : Nn_Op<"transpose"> {
  let summary = "y[i0, i1, ...] = x[j...] with j[perm[k]] = i[k]";
  let description = [{ result dimension k is input dimension perm[k], as in ONNX. }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs AnyRankedTensor:$output);
  let builders = [OpBuilder<(ins "mlir::Value":$input, "llvm::ArrayRef<int64_t>":$perm)>];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Nn_SliceOp : Nn_Op<"slice"> {
  let summary = "y[i] = x[starts + i * steps], steps may be negative";
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs AnyRankedTensor:$output);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Nn_BroadcastOp : Nn_Op<"broadcast"> {
  let summary = "y[i] = x[i or 0]: dimensions of size 1 are repeated, equal ranks";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$output);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Nn_PadOp : Nn_Op<"pad"> {
  let summary = "pads (or, with negative amounts, crops) each dimension";
  let description = [{
    `low` and `high` elements are added to each dimension. Mode `constant` fills
    with `value` (a one-element tensor; zero if absent).
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$value,
                       Nn_PadMode:$mode, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_ConcatOp : Nn_Op<"concat"> {
  let summary = "the inputs one after the other along an axis";
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$output);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Nn_GatherOp : Nn_Op<"gather"> {
  let summary = "y[a..., i..., b...] = x[a..., indices[i...], b...]";
  let description = [{ Negative indices count from the end. ONNX Gather. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$indices, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_GatherElementsOp : Nn_Op<"gather_elements"> {
  let summary = "y[i] = x[i with i[axis] replaced by indices[i]]";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$indices, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_GatherNdOp : Nn_Op<"gather_nd"> {
  let summary = "y[b, i, s] = x[b, indices[b, i, :], s]";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$indices, I64Attr:$batch_dims);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_ScatterElementsOp : Nn_Op<"scatter_elements"> {
  let summary = "a copy of x with updates[i] combined in at i with i[axis] = indices[i]";
  let description = [{ `is_unsigned` decides min and max of integers. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$indices, AnyRankedTensor:$updates,
                       I64Attr:$axis, Nn_ScatterKind:$kind, UnitAttr:$is_unsigned);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_ScatterNdOp : Nn_Op<"scatter_nd"> {
  let summary = "a copy of x with updates[i, s] combined in at x[indices[i, :], s]";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$indices, AnyRankedTensor:$updates,
                       Nn_ScatterKind:$kind, UnitAttr:$is_unsigned);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_ResizeOp : Nn_Op<"resize"> {
  let summary = "samples along axes at places known at compile time";
  let description = [{
    Along axes[k] result index o reads input index o / repeats[k]; where
    repeats[k] is 0 it reads table[o, t] for each tap t. With `weighted` every
    axis has a pair of tables, indices (integers) and weights (floats) of the
    same shape [size, taps], and the result is the sum over all taps of all
    axes of weights times elements, in the type of the weights; without it
    there is a table of indices [size, 1] for each axis with repeats[k] = 0.
    All modes of ONNX Resize are tables.
  }];
  let arguments = (ins AnyRankedTensor:$input, Variadic<AnyRankedTensor>:$tables,
                       DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$repeats, UnitAttr:$weighted);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_GridSampleOp : Nn_Op<"grid_sample"> {
  let summary = "ONNX GridSample: samples at coordinates that are data";
  let description = [{
    x [N,C,S...], grid [N,O...,D] with the last dimension first in each
    coordinate. `mode` (nearest, linear, cubic) and `padding` (zeros, border,
    reflection) are ONNX's strings.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$grid, StrAttr:$mode,
                       StrAttr:$padding, UnitAttr:$align_corners);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_RoiAlignOp : Nn_Op<"roi_align"> {
  let summary = "ONNX RoiAlign: pools bilinear samples of each region";
  let description = [{
    x [N,C,H,W], rois [R,4] (x1, y1, x2, y2), batch [R]; y [R,C,h,w]. `half_pixel`
    shifts coordinates by a half; `max` takes the largest sample, not the mean.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$rois, AnyRankedTensor:$batch,
                       I64Attr:$sampling_ratio, F64Attr:$spatial_scale, UnitAttr:$half_pixel,
                       UnitAttr:$max);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_MaxRoiPoolOp : Nn_Op<"max_roi_pool"> {
  let summary = "ONNX MaxRoiPool: the largest element of each bin of each region";
  let description = [{ x [N,C,H,W], rois [R,5] (batch, x1, y1, x2, y2); y [R,C,h,w]. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$rois, F64Attr:$spatial_scale);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_UnpackOp : Nn_Op<"unpack"> {
  let summary = "a matrix out of panels of columns";
  let description = [{
    y[k, n] = panels[n / C, k, n mod C] with panels [P, K, C]: how GEMM and
    convolution keep constant weights, so that a panel is read in one stream.
    The last panel may be wider than the matrix.
  }];
  let arguments = (ins AnyRankedTensor:$panels);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

// Structures. ----------------------------------------------------------------

def Nn_MatmulOp : Nn_Op<"matmul"> {
  let summary = "batched matrix product, batch dimensions broadcast";
  let description = [{
    a [..., M, K] (or [..., K, M] with `trans_a`), b [..., K, N] (or [..., N, K]
    with `trans_b`); ranks of a and b are equal to the result's (missing batch
    dimensions are 1). `bias`, if given, broadcasts to the result. The result's
    element type is the accumulator's (f32 for f16 inputs is legal, i32 for i8):
    integers are sign extended to it, sums wrap around.
  }];
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b, Optional<AnyRankedTensor>:$bias,
                       UnitAttr:$trans_a, UnitAttr:$trans_b);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_ConvOp : Nn_Op<"conv"> {
  let summary = "convolution (cross-correlation), grouped, dilated, padded";
  let description = [{
    `bias` is [M]. See Nn_Layout for the layouts. Outside of its shape the input
    has the value `pad_value`: with i8 operands (and an i32 result) the zero
    point of the input, which is folded into the bias.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter, Optional<AnyRankedTensor>:$bias,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$pads, I64Attr:$group, Nn_Layout:$layout,
                       DefaultValuedAttr<I64Attr, "0">:$pad_value);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_ConvTransposeOp : Nn_Op<"conv_transpose"> {
  let summary = "transposed convolution";
  let description = [{
    channels_first: x [N,C,S...], w [C,M/g,K...]; channels_last: x [N,S...,C],
    w [K...,M/g,C]. y[o] sums x[i] * w[k] over i * stride + k * dilation -
    pad_begin = o; the result type states the size (output_padding included).
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter, Optional<AnyRankedTensor>:$bias,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$pads, I64Attr:$group, Nn_Layout:$layout);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_PoolOp : Nn_Op<"pool"> {
  let summary = "pooling over windows";
  let description = [{
    Padding never takes part in max; in average it counts if
    `count_include_pad`. `p` is the exponent of lp. A second result holds the
    flat index (int64, over the whole input tensor) of each maximum; with
    `column_major` the spatial part is counted column first. The average of
    integers is rounded to the nearest, ties away from zero, where the result
    has the type of the input, and is their sum where the result is wider.
  }];
  let arguments = (ins AnyRankedTensor:$input, Nn_PoolKind:$kind, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$pads, UnitAttr:$count_include_pad,
                       DefaultValuedAttr<I64Attr, "2">:$p, UnitAttr:$column_major,
                       UnitAttr:$is_unsigned, Nn_Layout:$layout);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let hasVerifier = 1;
}

def Nn_SoftmaxOp : Nn_Op<"softmax"> {
  let summary = "exp(x - max) / sum along an axis, or its logarithm";
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$axis, UnitAttr:$log);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_NormalizeOp : Nn_Op<"normalize", [AttrSizedOperandSegments]> {
  let summary = "layer or RMS normalization over the trailing dimensions";
  let description = [{
    With d = x - mean (or x itself with `rms`) over dimensions axis..rank-1:
    y = d / sqrt(mean(d^2) + epsilon) * scale + bias; scale and bias broadcast
    to x. Optional second and third results: mean and 1/sqrt(...).
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$scale,
                       Optional<AnyRankedTensor>:$bias, I64Attr:$axis, F64Attr:$epsilon, UnitAttr:$rms);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = [{
    $input (`scale` $scale^ `:` type($scale))? (`bias` $bias^ `:` type($bias))? attr-dict
    `:` type($input) `->` type($outputs)
  }];
}

def Nn_ArgReduceOp : Nn_Op<"arg_reduce"> {
  let summary = "the index of the largest (or smallest) element along an axis";
  let description = [{ The result keeps the axis with size 1. }];
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$axis, UnitAttr:$smallest,
                       UnitAttr:$select_last, UnitAttr:$is_unsigned);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_TopkOp : Nn_Op<"topk"> {
  let summary = "the k largest (or smallest) along an axis, sorted, with their indices";
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$axis, UnitAttr:$smallest, UnitAttr:$is_unsigned);
  let results = (outs AnyRankedTensor:$values, AnyRankedTensor:$indices);
}

def Nn_CumulativeOp : Nn_Op<"cumulative"> {
  let summary = "running sum or product along an axis";
  let arguments = (ins AnyRankedTensor:$input, Nn_CumulativeKind:$kind, I64Attr:$axis,
                       UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_RecurrentOp : Nn_Op<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "ONNX RNN, GRU and LSTM, one direction";
  let description = [{
    x [T,B,I], w [G*H,I], r [G*H,H], optional b [2*G*H], lengths [B], h0 [B,H],
    c0 [B,H], peephole p [3*H]; gates in ONNX's order. Results: y [T,B,H],
    last h [B,H] and, for lstm, last c [B,H]. `activations` are ONNX's names,
    `alphas`/`betas` theirs (NaN: the default); `clip` 0 means none.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, AnyRankedTensor:$r,
                       Optional<AnyRankedTensor>:$b, Optional<AnyRankedTensor>:$lengths,
                       Optional<AnyRankedTensor>:$h0, Optional<AnyRankedTensor>:$c0,
                       Optional<AnyRankedTensor>:$p, Nn_CellKind:$kind, UnitAttr:$reverse,
                       StrArrayAttr:$activations, DenseF64ArrayAttr:$alphas,
                       DenseF64ArrayAttr:$betas, F64Attr:$clip,
                       UnitAttr:$linear_before_reset, UnitAttr:$input_forget);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
}

// Quantized tensors. ----------------------------------------------------------

def Nn_QuantizeOp : Nn_Op<"quantize"> {
  let summary = "ONNX QuantizeLinear: saturate(round(x / scale) + zero_point)";
  let description = [{
    Scale and zero point are one number, or [D] along `axis`, or of the input's
    rank with blocks of `block_size` along `axis` (0: no blocks). The division
    has the type `precision`; ties go to even; NaN gives the smallest number.
    Results are integers of at most 16 bits or small floats, which saturate
    unless `overflows`.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale,
                       Optional<AnyRankedTensor>:$zero_point, I64Attr:$axis,
                       I64Attr:$block_size, TypeAttr:$precision, UnitAttr:$is_unsigned,
                       UnitAttr:$input_unsigned, UnitAttr:$scale_unsigned,
                       UnitAttr:$overflows);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = Nn_QuantizedFormat;
}

def Nn_DequantizeOp : Nn_Op<"dequantize"> {
  let summary = "ONNX DequantizeLinear: (x - zero_point) * scale";
  let description = [{
    Scale and zero point as in `nn.quantize`; `is_unsigned` is the input's.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale,
                       Optional<AnyRankedTensor>:$zero_point, I64Attr:$axis,
                       I64Attr:$block_size, UnitAttr:$is_unsigned);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = Nn_QuantizedFormat;
}

def Nn_RebaseOp : Nn_Op<"rebase", [SameOperandsAndResultType]> {
  let summary = "unsigned integers as signed ones, or back: the top bit flipped";
  let description = [{
    x - 128 of uint8 as int8, and x + 128 of int8 as uint8, are the same on
    their bits. Between an unsigned input or output and the signed tensors
    inside.
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$output);
  let hasFolder = 1;
}

def Nn_RequantizeOp : Nn_Op<"requantize"> {
  let summary = "accumulators back to small integers, in fixed point";
  let description = [{
    y = clamp(round(x * multiplier[c] * 2^(shift[c] - 31)) + zero_point, low,
    high) with c the index along `axis`, or 0 where there is one factor:
    adze::Requantization. x is i32 (or i64 with a result of i16).
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$multiplier,
                       AnyRankedTensor:$shift, I64Attr:$axis, I64Attr:$zero_point,
                       I64Attr:$low, I64Attr:$high, Nn_Rounding:$rounding);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_RequantizePreluOp : Nn_Op<"requantize_prelu"> {
  let summary = "accumulators to small integers, with another factor below zero";
  let description = [{
    As `nn.requantize`, with multiplier and shift where x >= 0 and
    `negative_multiplier` and `negative_shift` where x < 0: leaky relu and PRelu
    behind a sum. Negative multipliers are legal. All four have one element, or
    one for each index along `axis`.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$multiplier,
                       AnyRankedTensor:$shift, AnyRankedTensor:$negative_multiplier,
                       AnyRankedTensor:$negative_shift, I64Attr:$axis, I64Attr:$zero_point,
                       I64Attr:$low, I64Attr:$high, Nn_Rounding:$rounding);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_QuantizedAddOp : Nn_Op<"quantized_add", [SameOperandsAndResultType]> {
  let summary = "addition or subtraction of quantized tensors";
  let description = [{
    adze::Addition, attribute by attribute; multipliers and shifts are those of
    adze::FixedPoint. Operands have the result's shape (`nn.broadcast`).
  }];
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b, I64Attr:$zero_point_a,
                       I64Attr:$zero_point_b, I64Attr:$multiplier_a, I64Attr:$shift_a,
                       I64Attr:$multiplier_b, I64Attr:$shift_b, I64Attr:$multiplier,
                       I64Attr:$shift, I64Attr:$left_shift, I64Attr:$zero_point,
                       I64Attr:$low, I64Attr:$high, UnitAttr:$subtract, Nn_Rounding:$rounding);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_QuantizedMulOp : Nn_Op<"quantized_mul", [SameOperandsAndResultType]> {
  let summary = "product of quantized tensors, element by element";
  let description = [{
    y = clamp(round((a - zero_point_a) * (b - zero_point_b) * multiplier *
    2^(shift - 31)) + zero_point, low, high). Operands have the result's shape.
  }];
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b, I64Attr:$zero_point_a,
                       I64Attr:$zero_point_b, I64Attr:$multiplier, I64Attr:$shift,
                       I64Attr:$zero_point, I64Attr:$low, I64Attr:$high,
                       Nn_Rounding:$rounding);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_LookupOp : Nn_Op<"lookup"> {
  let summary = "y[i] = table[x[i] + 128]";
  let description = [{
    x is i8, the table has 256 elements: any function of one quantized tensor.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$table);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_InterpolateOp : Nn_Op<"interpolate"> {
  let summary = "any function of i16, linear between the numbers of a table";
  let description = [{
    The table (i16) has 2^b + 1 elements, b from 4 to 12. With s = 16 - b,
    k = (x + 32768) >> s and f = (x + 32768) mod 2^s,
    y = clamp(((table[k] * 2^s + (table[k + 1] - table[k]) * f + 2^(shift - 1))
    >> shift) + zero_point, low, high); b = 9 and shift = 7 are TFLite's LUT of
    int16. x is i16, y is i8 or i16.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$table, I64Attr:$shift,
                       I64Attr:$zero_point, I64Attr:$low, I64Attr:$high);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

def Nn_QuantizedNormalizeOp : Nn_Op<"quantized_normalize"> {
  let summary = "layer or RMS normalization of integers";
  let description = [{
    Over the N elements of dimensions axis..rank-1 of x (i8 or i16):
    d = N x - sum(x) and q = N sum(x^2) - sum(x)^2, or with `rms`
    d = N (x - zero_point) and q = N sum((x - zero_point)^2). With
    n = round(d / sqrt(q + epsilon) * 2^16), from an inverse square root of 30
    bits by Newton's iteration, y = clamp((n * gain + offset + 2^(shift - 1)) >>
    shift, low, high). gain (i32) and offset (i64, the result's zero point in
    it) broadcast to x.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$gain, AnyRankedTensor:$offset,
                       I64Attr:$axis, I64Attr:$zero_point, I64Attr:$epsilon, I64Attr:$shift,
                       I64Attr:$low, I64Attr:$high, UnitAttr:$rms);
  let results = (outs AnyRankedTensor:$output);
}

def Nn_QuantizedRecurrentOp : Nn_Op<"quantized_recurrent"> {
  let summary = "GRU and LSTM of integers, one direction, initial states zero";
  let description = [{
    x [T,B,I] (i8), w [G*H,I], r [G*H,H] (i8), input_bias and state_bias [G*H]
    (i32), gates in ONNX's order. The state h is i16 as Q0.15. A gate's argument
    is i16 as Q3.12: input_bias + w x times the factor of `input_multiplier` and
    `input_shift` (one, or [G*H]) plus state_bias + r h times that of
    `state_multiplier` and `state_shift`, saturated. The products of r and h are
    summed in i64. `sigmoid` and `tanh` are tables of `nn.interpolate` from
    Q3.12 to Q0.15; the cell of an lstm is i32 with `cell_bits` bits of
    fraction, saturated. Results: y [T,B,H] in Q0.15, last h [B,H] and, for lstm, last c.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, AnyRankedTensor:$r,
                       AnyRankedTensor:$input_bias, AnyRankedTensor:$state_bias,
                       AnyRankedTensor:$input_multiplier, AnyRankedTensor:$input_shift,
                       AnyRankedTensor:$state_multiplier, AnyRankedTensor:$state_shift,
                       AnyRankedTensor:$sigmoid, AnyRankedTensor:$tanh,
                       Nn_CellKind:$kind, UnitAttr:$reverse, UnitAttr:$linear_before_reset,
                       I64Attr:$cell_bits);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
}

def Nn_QuantizedSoftmaxOp : Nn_Op<"quantized_softmax"> {
  let summary = "softmax of i8 or i16 in fixed point";
  let description = [{
    Where the result is i8, as in TFLite, so is the input; the result has the scale 1/256 and the zero point -128. `multiplier` and
    `shift` scale differences to Q5.26 and `smallest_difference` is the least
    that counts, as in adze::SoftmaxProblem; `exponentials` [256] (i32) holds
    what follows from them: exp(-d) as Q0.31 for a difference of -d.

    Where the result is i16 it has the scale 1/32768 and the zero point 0, and
    the input is i8 or i16. `exponentials` [512] (i32) then holds exp(-256 i s)
    and behind it exp(-i s) as Q0.31 for i below 256 and steps s of the input:
    their product is exp of any difference. multiplier and shift are not read.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$exponentials,
                       I64Attr:$axis, I64Attr:$multiplier, I64Attr:$shift,
                       I64Attr:$smallest_difference);
  let results = (outs AnyRankedTensor:$output);
  let hasVerifier = 1;
}

#endif
