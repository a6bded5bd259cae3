# Removes what ties LLVM IR text to one CPU, so that LLVM inlines its functions
# into functions for any CPU of the architecture. Run as a script:
#   cmake -DINPUT=FILE.ll -DOUTPUT=FILE.ll -P StripTarget.cmake
file(READ ${INPUT} text)
string(REGEX REPLACE "\"(target-cpu|tune-cpu|target-features|frame-pointer|min-legal-vector-width|stack-protector-buffer-size)\"=\"[^\"]*\" ?"
       "" text "${text}")
file(WRITE ${OUTPUT} "${text}")
