# Writes a C++ file that holds the headers as byte arrays. Run as a script:
#   cmake -DOUTPUT=FILE -DDRIVER=FILE -DSESSION=FILE -P Embed.cmake
set(text "// Written by runtime/cuda/Embed.cmake.\n#include \"runtime/cuda/CudaText.h\"\n\n")
foreach(part DRIVER SESSION)
  file(READ ${${part}} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND text "static const unsigned char bytesOf${part}[] = {\n${hex}};\n")
endforeach()
foreach(part DRIVER SESSION)
  string(TOLOWER ${part} name)
  string(APPEND text
         "std::string_view adze::cuda_${name}_text() {\n"
         "  return {reinterpret_cast<const char *>(bytesOf${part}), sizeof bytesOf${part}};\n}\n")
endforeach()
string(REPLACE "cuda_driver_text" "cudaDriverText" text "${text}")
string(REPLACE "cuda_session_text" "cudaSessionText" text "${text}")
file(WRITE ${OUTPUT} "${text}")
