# How a room of the house is built. Every MLIR translation unit shares one
# precompiled header (a pass then compiles in about 1.5 s instead of 10);
# the ONNX, JSON and command line code is an island with exceptions.

set(ADZE_WARNINGS -Wall -Wextra -Wno-unused-parameter)
add_link_options(-fuse-ld=lld)

# A room of MLIR code: -O1, no exceptions, the shared precompiled header.
function(adze_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  if(NOT ARG_SOURCES) # an empty room
    add_library(${name} INTERFACE)
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -O1 -fno-exceptions ${ADZE_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} adze-tablegen ${ARG_DEPENDS})
  target_precompile_headers(${name} REUSE_FROM AdzePrecompiled)
endfunction()

# A room with exceptions (ONNX, JSON, command line): its own flags, no PCH.
# PLAIN: it includes no dialect, and need not wait for generated headers.
function(adze_island name)
  cmake_parse_arguments(ARG "SHARED;PLAIN" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  if(NOT ARG_SOURCES) # an empty room
    add_library(${name} INTERFACE)
    return()
  endif()
  if(ARG_SHARED)
    add_library(${name} SHARED ${ARG_SOURCES})
  else()
    add_library(${name} STATIC ${ARG_SOURCES})
  endif()
  target_compile_options(${name} PRIVATE -O1 -fexceptions ${ADZE_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(NOT ARG_PLAIN)
    add_dependencies(${name} adze-tablegen)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# TableGen for dialects/NAME/NAME.td (C++ files NAME*.h.inc / .cpp.inc).
function(adze_dialect name)
  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  mlir_tablegen(${name}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${name}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${name})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${name})
  mlir_tablegen(${name}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${name}Enums.cpp.inc -gen-enum-defs)
  mlir_tablegen(${name}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${name})
  mlir_tablegen(${name}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${name})
  mlir_tablegen(${name}Types.h.inc -gen-typedef-decls -typedefs-dialect=${name})
  mlir_tablegen(${name}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${name})
  add_public_tablegen_target(adze-tablegen-${name})
  add_dependencies(adze-tablegen adze-tablegen-${name})
endfunction()

add_custom_target(adze-tablegen)
