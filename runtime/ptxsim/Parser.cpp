//===- Parser.cpp - PTX text to a module with names resolved -*- C++ -*-===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ptxsim/Decoder.h"
#include "runtime/ptxsim/Lexer.h"
#include "runtime/ptxsim/Module.h"

#include <bit>
#include <cstring>
#include <unordered_map>

namespace adze::ptxsim {
namespace {

/// Sizes beyond which a text is taken for damaged.
constexpr uint64_t mostRegisters = 1 << 18;
constexpr uint64_t mostVariableBytes = uint64_t(1) << 30;

/// The names of one `{ ... }`.
struct Scope {
  int parent = -1;
  std::unordered_map<std::string, int> registers, variables;
  /// `.reg .b32 %r<N>`: first register and count.
  std::unordered_map<std::string, std::pair<int, unsigned>> ranges;
  std::unordered_map<std::string, uint32_t> labels;
};

class Parser {
public:
  explicit Parser(std::string_view text) : lexer(text) {}

  SourceModule run() {
    while (lexer.peek().kind != Token::End)
      directive();
    for (const auto &[name, index] : module.functionNames)
      if (module.functions[index].kernel && !module.functions[index].defined)
        error("kernel '" + name + "' has no body");
    return std::move(module);
  }

private:
  Lexer lexer;
  SourceModule module;
  SourceFunction *function = nullptr;
  std::vector<Scope> scopes;
  int scope = -1;
  /// Targets of `.branchtargets`, by label name and scope.
  struct Table {
    std::string name;
    int scope;
    std::vector<std::string> targets;
    unsigned line;
  };
  std::vector<Table> tables;

  [[noreturn]] void error(const std::string &text) {
    throw LoadError(lexer.peek().line, text);
  }
  std::string found() {
    return lexer.peek().kind == Token::End
               ? "the end of the text"
               : "'" + std::string(lexer.peek().text) + "'";
  }
  void expect(char mark) {
    if (!lexer.peek().is(mark))
      error(std::string("expected '") + mark + "', found " + found());
    lexer.next();
  }
  bool accept(char mark) {
    if (!lexer.peek().is(mark))
      return false;
    lexer.next();
    return true;
  }
  bool accept(std::string_view word) {
    if (!lexer.peek().is(word))
      return false;
    lexer.next();
    return true;
  }
  std::string word() {
    if (lexer.peek().kind != Token::Word)
      error("expected a name, found " + found());
    return std::string(lexer.next().text);
  }
  uint64_t integer() {
    if (lexer.peek().kind != Token::Number || lexer.peek().floating)
      error("expected an integer, found " + found());
    return lexer.next().value;
  }
  void skipTo(char mark) {
    while (!lexer.peek().is(mark)) {
      if (lexer.peek().kind == Token::End)
        error(std::string("the text ends before '") + mark + "'");
      lexer.next();
    }
    lexer.next();
  }
  void skipLine() {
    unsigned line = lexer.peek().line;
    while (lexer.peek().kind != Token::End && lexer.peek().line == line)
      lexer.next();
  }

  void directive();
  bool ignoredDirective();
  void functionDefinition(bool kernel);
  void parameterList(std::vector<int> &list, std::vector<bool> &inRegister,
                     bool kernel);
  void tuning();
  int variable(Space space, bool external, bool parameter, bool sameLine);
  void variables(Space space, bool external);
  void initializer(SourceVariable &variable, Type type);
  void registers();
  void body();
  void instruction();
  SourceOperand operand();
  SourceOperand simpleOperand();
  SourceOperand named(const std::string &name);
  int findRegister(const std::string &name);
  void resolveLabels();
  bool findLabel(const std::string &name, int scope, uint32_t &index);
};

Space spaceNamed(std::string_view name, bool &known) {
  known = true;
  if (name == ".global")
    return Space::Global;
  if (name == ".shared")
    return Space::Shared;
  if (name == ".local")
    return Space::Local;
  if (name == ".const")
    return Space::Const;
  if (name == ".param")
    return Space::Param;
  known = false;
  return Space::Generic;
}

bool Parser::ignoredDirective() {
  const Token &token = lexer.peek();
  if (token.is(".file") || token.is(".loc")) {
    skipLine();
    return true;
  }
  if (token.is(".pragma")) {
    skipTo(';');
    return true;
  }
  if (token.is(".section")) {
    skipTo('{');
    skipTo('}');
    return true;
  }
  return false;
}

void Parser::directive() {
  if (ignoredDirective() || accept(';'))
    return;
  if (accept(".version")) {
    // "8.0" reads as a decimal number.
    const Token token = lexer.next();
    if (token.kind != Token::Number || !token.floating)
      error("expected a version such as 8.0");
    module.ptxVersion = unsigned(std::bit_cast<double>(token.value) * 10 + 0.5);
    return;
  }
  if (accept(".target")) {
    module.target = word();
    while (accept(','))
      word();
    return;
  }
  if (accept(".address_size")) {
    if (integer() != 64)
      error("only 64-bit addresses are supported");
    return;
  }
  if (module.target.empty())
    error("a PTX text begins with .version and .target; found " + found());
  bool external = false;
  while (lexer.peek().is(".visible") || lexer.peek().is(".extern") ||
         lexer.peek().is(".weak") || lexer.peek().is(".common"))
    external |= lexer.next().text == ".extern";
  if (accept(".entry"))
    return functionDefinition(true);
  if (accept(".func"))
    return functionDefinition(false);
  bool known;
  Space space = spaceNamed(lexer.peek().text, known);
  if (lexer.peek().kind != Token::Word || !known)
    error("unknown directive " + found());
  lexer.next();
  variables(space, external);
}

void Parser::variables(Space space, bool external) {
  variable(space, external, false, false);
  while (accept(','))
    variable(space, external, false, true);
  expect(';');
}

/// One variable after its space: `.align 16 .b8 name[128] = {...}`. In
/// `sameLine` declarations (`.b32 a, b`) type and alignment repeat.
int Parser::variable(Space space, bool external, bool parameter,
                     bool sameLine) {
  SourceVariable result;
  result.space = space;
  result.external = external;
  result.line = lexer.peek().line;
  static thread_local Type type;
  static thread_local uint32_t align, lanes;
  if (!sameLine) {
    type = Type::None;
    align = 0;
    lanes = 1;
    while (lexer.peek().kind == Token::Word &&
           lexer.peek().text.starts_with('.')) {
      std::string name = word();
      if (name == ".align") {
        uint64_t value = integer();
        if (!value || value > 4096 || (value & (value - 1)))
          error("an alignment is a power of two up to 4096");
        if (!parameter || !align || type == Type::None)
          align = uint32_t(value);
      } else if (name == ".ptr") {
        // What a pointer parameter points to; its own alignment follows.
        while (lexer.peek().kind == Token::Word &&
               lexer.peek().text.starts_with('.')) {
          if (word() == ".align")
            integer();
        }
      } else if (name == ".v2" || name == ".v4" || name == ".v8") {
        lanes = uint32_t(name[2] - '0');
      } else if (name == ".attribute") {
        skipTo(')');
      } else if (Type t = typeNamed(std::string_view(name).substr(1));
                 t != Type::None && t != Type::Pred) {
        type = t;
      } else {
        error("unknown '" + name + "' in a declaration");
      }
    }
    if (type == Type::None)
      error("a variable needs a type; found " + found());
  }
  result.name = word();
  uint64_t count = lanes;
  bool open = false;
  while (accept('[')) {
    if (accept(']')) {
      open = true;
      continue;
    }
    uint64_t extent = integer();
    if (extent > mostVariableBytes || count * extent > mostVariableBytes)
      error("variable '" + result.name + "' is too large");
    count *= extent;
    expect(']');
  }
  result.bytes = open ? 0 : count * byteSize(type);
  result.align = std::max(align, byteSize(type));
  if (result.bytes > mostVariableBytes)
    error("variable '" + result.name + "' is too large");
  if (accept('=')) {
    if (space != Space::Global && space != Space::Const)
      error("only .global and .const variables have initializers");
    initializer(result, type);
    if (open)
      result.bytes = result.initializer.size();
    if (result.initializer.size() > result.bytes)
      error("initializer of '" + result.name + "' is longer than it");
  } else if (open && !(external && space == Space::Shared)) {
    error("'" + result.name + "' has no size");
  }
  int index = int(module.variables.size());
  auto declared =
      scope >= 0 ? scopes[scope].variables.emplace(result.name, index).second
                 : module.globalNames.emplace(result.name, index).second;
  if (!declared) {
    // A repeated extern declaration is the same variable.
    if (scope < 0 && external)
      return module.globalNames[result.name];
    error("'" + result.name + "' is declared twice");
  }
  module.variables.push_back(std::move(result));
  return index;
}

void Parser::initializer(SourceVariable &variable, Type type) {
  unsigned element = byteSize(type);
  auto one = [&] {
    bool negative = accept('-');
    uint64_t bits = 0;
    if (lexer.peek().kind == Token::Number) {
      Token token = lexer.next();
      bits = token.value;
      if (token.floating) {
        double value = token.single
                           ? double(std::bit_cast<float>(uint32_t(bits)))
                           : std::bit_cast<double>(bits);
        if (negative)
          value = -value;
        if (type == Type::F32)
          bits = token.single && !negative
                     ? bits
                     : std::bit_cast<uint32_t>(float(value));
        else if (type == Type::F64)
          bits = std::bit_cast<uint64_t>(value);
        else
          error("a float literal initialises a " + std::string(typeName(type)) +
                " variable");
      } else if (negative) {
        bits = uint64_t(-int64_t(bits));
      }
    } else {
      // An address, perhaps masked to one byte: 0xFF(symbol) is not read.
      bool generic = accept("generic");
      if (generic)
        expect('(');
      SourceVariable::Relocation relocation{variable.initializer.size(),
                                            element, word(), 0};
      if (generic)
        expect(')');
      if (accept('+'))
        relocation.addend = int64_t(integer());
      if (element != 8 && element != 4)
        error("an address initialises 4 or 8 bytes");
      variable.relocations.push_back(relocation);
    }
    for (unsigned i = 0; i < element; ++i)
      variable.initializer.push_back(uint8_t(i < 8 ? bits >> (8 * i) : 0));
    if (variable.initializer.size() > mostVariableBytes)
      error("initializer of '" + variable.name + "' is too long");
  };
  if (!accept('{'))
    return one();
  int depth = 1;
  while (depth) {
    if (accept('{')) {
      if (++depth > 16)
        error("initializers nest too deep");
    } else if (accept('}'))
      --depth;
    else if (!accept(','))
      one();
  }
}

void Parser::parameterList(std::vector<int> &list,
                           std::vector<bool> &inRegister, bool kernel) {
  expect('(');
  if (accept(')'))
    return;
  do {
    if (accept(".reg")) {
      Type type = typeNamed(word().substr(1));
      std::string name = word();
      scopes[scope].registers[name] = int(function->registers.size());
      list.push_back(int(function->registers.size()));
      inRegister.push_back(true);
      function->registers.push_back({name, type});
      continue;
    }
    if (!accept(".param"))
      error("expected .param, found " + found());
    list.push_back(variable(Space::Param, false, true, false));
    inRegister.push_back(false);
  } while (accept(','));
  expect(')');
  (void)kernel;
}

void Parser::tuning() {
  for (;;) {
    auto triple = [&](uint32_t (&out)[3]) {
      for (int i = 0; i < 3; ++i) {
        if (i && !accept(',')) {
          out[i] = 1;
          continue;
        }
        uint64_t value = integer();
        if (!value || value > 1 << 20)
          error("a size in threads or blocks is out of range");
        out[i] = uint32_t(value);
      }
    };
    if (accept(".reqntid"))
      triple(function->reqntid);
    else if (accept(".maxntid"))
      triple(function->maxntid);
    else if (accept(".reqnctapercluster"))
      triple(function->reqnctapercluster);
    else if (accept(".minnctapersm") || accept(".maxnreg") ||
             accept(".maxclusterrank") || accept(".maxnctapersm"))
      integer();
    else if (accept(".noreturn") || accept(".explicitcluster") ||
             accept(".blocksareclusters"))
      ;
    else if (!ignoredDirective())
      return;
  }
}

void Parser::functionDefinition(bool kernel) {
  SourceFunction made;
  made.kernel = kernel;
  made.line = lexer.peek().line;
  function = &made;
  scopes.assign(1, {});
  scope = 0;
  tables.clear();
  if (accept(".attribute"))
    skipTo(')');
  if (!kernel && lexer.peek().is('('))
    parameterList(made.results, made.resultInRegister, false);
  made.name = word();
  if (lexer.peek().is('('))
    parameterList(made.parameters, made.parameterInRegister, kernel);
  tuning();
  auto existing = module.functionNames.find(made.name);
  if (lexer.peek().is('{')) {
    if (existing != module.functionNames.end() &&
        module.functions[existing->second].defined)
      error("'" + made.name + "' is defined twice");
    made.defined = true;
    body();
    resolveLabels();
  } else {
    expect(';');
  }
  scope = -1;
  function = nullptr;
  if (existing == module.functionNames.end()) {
    module.functionNames[made.name] = int(module.functions.size());
    module.functions.push_back(std::move(made));
  } else if (made.defined) {
    module.functions[existing->second] = std::move(made);
  }
}

void Parser::registers() {
  Type type = typeNamed(word().substr(1));
  unsigned lanes = 1;
  if (type == Type::None)
    error("unknown register type");
  (void)lanes;
  do {
    std::string name = word();
    uint64_t count = 1;
    int first = int(function->registers.size());
    if (accept('<')) {
      count = integer();
      expect('>');
      if (count > mostRegisters ||
          function->registers.size() + count > mostRegisters)
        error("too many registers");
      scopes[scope].ranges[name] = {first, unsigned(count)};
      for (uint64_t i = 0; i < count; ++i)
        function->registers.push_back({name + std::to_string(i), type});
    } else {
      if (function->registers.size() >= mostRegisters)
        error("too many registers");
      if (!scopes[scope].registers.emplace(name, first).second)
        error("register '" + name + "' is declared twice");
      function->registers.push_back({name, type});
    }
  } while (accept(','));
  expect(';');
}

void Parser::body() {
  expect('{');
  int depth = 1;
  while (depth) {
    if (lexer.peek().kind == Token::End)
      error("function '" + function->name + "' has no end");
    if (accept('{')) {
      if (++depth > 64)
        error("scopes nest too deep");
      scopes.push_back({});
      scopes.back().parent = scope;
      scope = int(scopes.size()) - 1;
    } else if (accept('}')) {
      --depth;
      if (depth)
        scope = scopes[scope].parent;
    } else if (accept(';') || ignoredDirective()) {
    } else if (accept(".reg")) {
      registers();
    } else if (bool known; lexer.peek().kind == Token::Word) {
      Space space = spaceNamed(lexer.peek().text, known);
      if (known || lexer.peek().is(".extern")) {
        bool external = accept(".extern");
        if (external) {
          space = spaceNamed(lexer.peek().text, known);
          if (!known)
            error("unknown declaration " + found());
        }
        lexer.next();
        variables(space, external);
      } else {
        instruction();
      }
    } else {
      instruction();
    }
  }
}

int Parser::findRegister(const std::string &name) {
  size_t digits = name.size();
  while (digits && name[digits - 1] >= '0' && name[digits - 1] <= '9')
    --digits;
  for (int s = scope; s >= 0; s = scopes[s].parent) {
    if (auto it = scopes[s].registers.find(name);
        it != scopes[s].registers.end())
      return it->second;
    // %r1 of %r<4>, also of a prefix that itself ends in digits.
    for (size_t split = digits; split < name.size(); ++split) {
      auto it = scopes[s].ranges.find(name.substr(0, split));
      if (it == scopes[s].ranges.end() || name.size() - split > 7 ||
          (name[split] == '0' && name.size() - split > 1))
        continue;
      unsigned number = unsigned(std::stoul(name.substr(split)));
      if (number < it->second.second)
        return it->second.first + int(number);
    }
  }
  return -1;
}

SourceOperand Parser::named(const std::string &name) {
  SourceOperand result;
  if (name == "_")
    return result;
  result.name = name;
  if (int index = findRegister(name); index >= 0) {
    result.kind = SourceOperand::Register;
    result.index = index;
    return result;
  }
  for (int s = scope; s >= 0; s = scopes[s].parent)
    if (auto it = scopes[s].variables.find(name);
        it != scopes[s].variables.end()) {
      result.kind = SourceOperand::Variable;
      result.index = it->second;
      return result;
    }
  if (auto it = module.globalNames.find(name); it != module.globalNames.end()) {
    result.kind = SourceOperand::Variable;
    result.index = it->second;
    return result;
  }
  if (name[0] == '%') {
    result.kind = SourceOperand::Special;
    return result;
  }
  if (name == "WARP_SZ") {
    result.kind = SourceOperand::Number;
    result.value = lanesPerWarp;
    return result;
  }
  result.kind = SourceOperand::Label;
  result.index = scope;
  return result;
}

SourceOperand Parser::simpleOperand() {
  bool inverted = accept('!');
  bool negative = false;
  while (lexer.peek().is('-') || lexer.peek().is('+'))
    negative ^= lexer.next().text[0] == '-';
  SourceOperand result;
  if (lexer.peek().kind == Token::Number) {
    Token token = lexer.next();
    result.kind = SourceOperand::Number;
    result.floating = token.floating;
    result.single = token.single;
    result.value = int64_t(token.value);
    if (negative && token.floating)
      result.value ^= token.single ? int64_t(0x80000000)
                                   : std::numeric_limits<int64_t>::min();
    else if (negative)
      result.value = int64_t(0 - token.value);
    return result;
  }
  if (lexer.peek().kind != Token::Word)
    error("expected an operand, found " + found());
  result = named(word());
  if (negative)
    error("only a number can be negative here");
  result.negated = inverted;
  return result;
}

SourceOperand Parser::operand() {
  if (lexer.peek().is('{') || lexer.peek().is('(')) {
    bool brace = lexer.next().text[0] == '{';
    SourceOperand result;
    result.kind = SourceOperand::Vector;
    char close = brace ? '}' : ')';
    if (!accept(close)) {
      do {
        if (result.elements.size() >= 1024)
          error("a vector of more than 1024 elements");
        result.elements.push_back(simpleOperand());
      } while (accept(','));
      expect(close);
    }
    return result;
  }
  SourceOperand result = simpleOperand();
  auto displacement = [&] {
    while (lexer.peek().is('+') || lexer.peek().is('-')) {
      bool negative = false;
      while (lexer.peek().is('-') || lexer.peek().is('+'))
        negative ^= lexer.next().text[0] == '-';
      uint64_t value = integer();
      result.displacement = int64_t(uint64_t(result.displacement) +
                                    (negative ? 0 - value : value));
    }
  };
  if (result.kind == SourceOperand::Variable)
    displacement();
  if (accept('|')) {
    SourceOperand pair;
    pair.kind = SourceOperand::Vector;
    pair.name = "|";
    pair.elements.push_back(std::move(result));
    pair.elements.push_back(simpleOperand());
    return pair;
  }
  return result;
}

void Parser::instruction() {
  SourceInstruction result;
  result.line = lexer.peek().line;
  result.scope = scope;
  size_t begin = lexer.tokenBegin();
  if (accept('@')) {
    result.guardNegated = accept('!');
    std::string name = word();
    result.guard = findRegister(name);
    if (result.guard < 0 ||
        function->registers[result.guard].type != Type::Pred)
      error("'" + name + "' is no predicate register");
  }
  if (lexer.peek().kind != Token::Word)
    error("expected an instruction, found " + found());
  if (lexer.peek().text.starts_with('%'))
    error("expected an instruction, found " + found());
  result.opcode = word();
  if (result.guard < 0 && accept(':')) {
    // A label, or a table of branch targets under one.
    if (accept(".branchtargets")) {
      Table table{result.opcode, scope, {}, result.line};
      do
        table.targets.push_back(word());
      while (accept(','));
      expect(';');
      tables.push_back(std::move(table));
      return;
    }
    if (accept(".callprototype"))
      error("calls through a pointer are not supported");
    if (!scopes[scope]
             .labels.emplace(result.opcode, uint32_t(function->code.size()))
             .second)
      error("label '" + result.opcode + "' is defined twice");
    if (scope == 0)
      lexer.tileComment.clear();
    return;
  }
  if (result.opcode.starts_with('.'))
    error("unknown directive '" + result.opcode + "'");
  while (!lexer.peek().is(';')) {
    if (lexer.peek().kind == Token::End)
      error("the text ends inside an instruction");
    if (!result.operands.empty())
      expect(',');
    if (result.operands.size() >= 32)
      error("more than 32 operands");
    if (accept('[')) {
      SourceOperand address;
      address.kind = SourceOperand::Address;
      address.elements.push_back(simpleOperand());
      while (lexer.peek().is('+') || lexer.peek().is('-')) {
        bool negative = false;
        while (lexer.peek().is('-') || lexer.peek().is('+'))
          negative ^= lexer.next().text[0] == '-';
        uint64_t value = integer();
        address.displacement = int64_t(uint64_t(address.displacement) +
                                       (negative ? 0 - value : value));
      }
      result.operands.push_back(std::move(address));
      while (accept(',')) {
        SourceOperand inside = operand();
        inside.bracketed = true;
        result.operands.push_back(std::move(inside));
      }
      expect(']');
    } else {
      result.operands.push_back(operand());
    }
  }
  std::string_view raw = lexer.slice(begin, lexer.tokenBegin());
  for (char c : raw) {
    if (c == '\n' || c == '\t' || c == '\r')
      c = ' ';
    if (c != ' ' || (!result.text.empty() && result.text.back() != ' '))
      result.text += c;
    if (result.text.size() > 160) {
      result.text += "...";
      break;
    }
  }
  unsigned end = lexer.peek().line;
  std::string before = lexer.tileComment;
  lexer.next(); // ';' and whatever comment follows it
  // A comment on the instruction's own line speaks about it.
  result.tile = lexer.tileLine == end ? lexer.tileComment : before;
  function->code.push_back(std::move(result));
}

bool Parser::findLabel(const std::string &name, int from, uint32_t &index) {
  for (int s = from; s >= 0; s = scopes[s].parent)
    if (auto it = scopes[s].labels.find(name); it != scopes[s].labels.end()) {
      index = it->second;
      return true;
    }
  return false;
}

void Parser::resolveLabels() {
  for (SourceInstruction &instruction : function->code)
    for (SourceOperand &operand : instruction.operands) {
      if (operand.kind != SourceOperand::Label)
        continue;
      uint32_t index;
      if (findLabel(operand.name, operand.index, index)) {
        operand.index = int(index);
        continue;
      }
      operand.kind = SourceOperand::Name;
      operand.index = -1;
      for (const Table &table : tables) {
        if (table.name != operand.name)
          continue;
        std::vector<uint32_t> targets;
        for (const std::string &target : table.targets) {
          if (!findLabel(target, table.scope, index))
            throw LoadError(table.line, "no label '" + target + "'");
          targets.push_back(index);
        }
        operand.index = int(function->branchTables.size());
        function->branchTables.push_back(std::move(targets));
      }
    }
}

} // namespace

SourceModule parseModule(std::string_view text) {
  // The driver takes a C string; a zero ends it.
  return Parser(text.substr(0, text.find('\0'))).run();
}

} // namespace adze::ptxsim
