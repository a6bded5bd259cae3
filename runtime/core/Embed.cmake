# Writes a C++ file that holds other files as byte arrays. Run as a script:
#   cmake -DOUTPUT=FILE -DHEADERS=FILE;FILE -DBITCODE=FILE -DPTX_BITCODE=FILE
#         -P Embed.cmake
# A byte array, because compilers limit string literals to 64 KiB.

function(bytes file variable)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(${variable} "${hex}" PARENT_SCOPE)
endfunction()

set(text "")
string(APPEND text
       "// Written by runtime/core/Embed.cmake.\n"
       "#include \"adze/RuntimeText.h\"\n"
       "#include \"runtime/core/RuntimeHeaders.h\"\n\n")
set(list "")
set(number 0)
foreach(header ${HEADERS})
  get_filename_component(name ${header} NAME)
  bytes(${header} content)
  string(APPEND text "static const unsigned char header${number}[] = {\n${content}};\n")
  string(APPEND list "      {\"${name}\", {reinterpret_cast<const char *>(header${number}), sizeof header${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
bytes(${BITCODE} content)
string(APPEND text
       "\nstd::vector<adze::EmbeddedHeader> adze::embeddedHeaders() {\n  return {\n${list}  };\n}\n\n"
       "extern \"C\" alignas(4) const unsigned char adze_runtime_bc[] = {\n${content}};\n"
       "extern \"C\" const unsigned adze_runtime_bc_size = sizeof adze_runtime_bc;\n")
bytes(${PTX_BITCODE} content)
string(APPEND text
       "extern \"C\" alignas(4) const unsigned char adze_runtime_ptx_bc[] = {\n${content}};\n"
       "extern \"C\" const unsigned adze_runtime_ptx_bc_size = sizeof adze_runtime_ptx_bc;\n")
file(WRITE ${OUTPUT} "${text}")
