// Random programs: the interpreter, the legalisations, simplify-loops and the
// host backend agree.
// RUN: %python %S/Inputs/random_programs.py --count 3 --host | FileCheck %s
// RUN: %python %S/Inputs/random_programs.py --count 3 --host --vectors | FileCheck %s
// CHECK: 3 of 3 programs agree
