# Files that live inside a library: chip descriptions, start-up code, the
# counting plugin. adze_embed(OUT FILES...) writes OUT at build time: a C++
# fragment that defines
#   static const EmbeddedFile embeddedFiles[] = {{"name", bytes, size}, ...};
# `EmbeddedFile` is defined by the includer. `;`-separated lists of targets in
# DEPENDS are built first.
set(ADZE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedFiles.cmake)

function(adze_embed out)
  cmake_parse_arguments(ARG "" "" "FILES;DEPENDS" ${ARGN})
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${ARG_FILES}" -P ${ADZE_EMBED_SCRIPT}
    DEPENDS ${ARG_FILES} ${ARG_DEPENDS} ${ADZE_EMBED_SCRIPT}
    COMMENT "Embedding files in ${out}" VERBATIM)
endfunction()
