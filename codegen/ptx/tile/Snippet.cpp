//===- Snippet.cpp - One piece of PTX ---------------------------*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "codegen/ptx/tile/Snippet.h"

#include "codegen/ptx/tile/TilePatterns.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace adze;
using namespace adze::ptx;

/// Register classes of PTX in LLVM's constraints.
static StringRef registerClass(Type type) {
  if (type.isF32())
    return "f";
  if (type.isInteger(64) || isa<LLVM::LLVMPointerType>(type))
    return "l";
  return type.isInteger(16) ? "h" : "r";
}

/// Name, or file and line, of an operation, as far as a comment can hold it.
static std::string describe(Location loc) {
  std::string text;
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      if (text = describe(part); !text.empty())
        return text;
    return text;
  }
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return describe(call.getCallee());
  if (auto name = dyn_cast<NameLoc>(loc))
    text = name.getName().str();
  else if (auto file = dyn_cast<FileLineColRange>(loc))
    text = (llvm::sys::path::filename(file.getFilename()) + ":" +
            Twine(file.getStartLine()))
               .str();
  for (char &c : text)
    if (!llvm::isPrint(c) || c == '$')
      c = '_';
  return text;
}

void Snippet::constrain(StringRef constraint) {
  constraints += (constraints.empty() ? "" : ",") + constraint.str();
}

std::string Snippet::result(Type type) {
  constrain("=" + registerClass(type).str());
  results.push_back(type);
  return "$" + std::to_string(results.size() - 1);
}

std::string Snippet::operand(Value value) {
  constrain(registerClass(value.getType()));
  operands.push_back(value);
  return "$" + std::to_string(results.size() + operands.size() - 1);
}

void Snippet::tied(Value value, unsigned result) {
  constrain(std::to_string(result));
  operands.push_back(value);
}

Value Snippet::emit(StringRef text, Effect effect) {
  if (effect == Effect::Memory)
    constrain("~{memory}");
  std::string comment = " // " + op->getName().getStringRef().str();
  if (std::string place = describe(op->getLoc()); !place.empty())
    comment += " " + place;
  auto [first, rest] = text.split('\n');
  std::string body = first.str() + comment;
  if (!rest.empty())
    body += "\n" + rest.str();
  Type type;
  if (results.size() == 1)
    type = results.front();
  else if (!results.empty())
    type = LLVM::LLVMStructType::getLiteral(builder.getContext(), results);
  auto piece = LLVM::InlineAsmOp::create(
      builder, op->getLoc(), type ? TypeRange(type) : TypeRange(), operands,
      body, constraints, /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
      ArrayAttr());
  return type ? piece.getResult(0) : Value();
}

std::string ptx::registerList(ArrayRef<std::string> names) {
  std::string text = "{";
  for (const std::string &name : names)
    text += (text.size() > 1 ? ", " : "") + name;
  return text + "}";
}

Value ptx::constantI32(OpBuilder &builder, Location loc, int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                  builder.getI32IntegerAttr(value));
}

/// Row-major strides in bytes.
static SmallVector<int64_t> byteStrides(MemRefType type) {
  SmallVector<int64_t> strides(type.getRank());
  int64_t stride = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    strides[dim] = stride;
    stride *= type.getDimSize(dim);
  }
  return strides;
}

Value SharedAddress::value(OpBuilder &builder, Location loc) const {
  if (offset == 0)
    return base;
  return LLVM::AddOp::create(builder, loc, base,
                             constantI32(builder, loc, offset));
}

SharedAddress ptx::sharedAddress(OpBuilder &builder, Location loc,
                                 MemRefType type, Value pointer,
                                 ValueRange original, ValueRange indices) {
  Type i32 = builder.getI32Type();
  SharedAddress address{LLVM::PtrToIntOp::create(builder, loc, i32, pointer),
                        0};
  for (auto [before, index, stride] :
       llvm::zip_equal(original, indices, byteStrides(type))) {
    IntegerAttr known;
    if (matchPattern(before, m_Constant(&known))) {
      address.offset += known.getInt() * stride;
      continue;
    }
    Value narrow = LLVM::TruncOp::create(builder, loc, i32, index);
    Value bytes = LLVM::MulOp::create(builder, loc, narrow,
                                      constantI32(builder, loc, stride));
    address.base = LLVM::AddOp::create(builder, loc, address.base, bytes);
  }
  return address;
}

Value ptx::globalAddress(OpBuilder &builder, Location loc, MemRefType type,
                         Value pointer, ValueRange indices) {
  Value sum;
  for (auto [index, stride] : llvm::zip_equal(indices, byteStrides(type))) {
    Value bytes = LLVM::MulOp::create(
        builder, loc, index,
        LLVM::ConstantOp::create(
            builder, loc, index.getType(),
            builder.getIntegerAttr(index.getType(), stride)));
    sum = sum ? LLVM::AddOp::create(builder, loc, sum, bytes) : bytes;
  }
  if (!sum)
    return pointer;
  return LLVM::GEPOp::create(builder, loc, pointer.getType(),
                             builder.getI8Type(), pointer, ValueRange{sum});
}

void ptx::populateTileToLLVMPatterns(LLVMTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  populateSharedMemoryPatterns(converter, patterns);
  populateCopyPatterns(converter, patterns);
  populateMmaSyncPatterns(converter, patterns);
  populateWgmmaPatterns(converter, patterns);
  populateTcgen05Patterns(converter, patterns);
}
