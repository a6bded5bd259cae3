// RUN: adze-opt %s --legalize-small-floats --split-input-file | FileCheck %s

// Memory holds codes, values are f32, every result is rounded; what is stored
// right away is not converted back.
// CHECK-LABEL: module
// CHECK-DAG: func.func private @adze_f16_to_f32(i16) -> f32 attributes {adze.runtime}
// CHECK-DAG: func.func private @adze_f32_to_f16(f32) -> i16 attributes {adze.runtime}
// CHECK: memref.global "private" constant @c : memref<2xi16> = dense<[15360, -16384]>
// CHECK: memref.global "private" constant @w : memref<2xi16> {adze.weight = #adze.weight<"w"> : tensor<2xi16>}
module {
  memref.global "private" constant @c : memref<2xf16> = dense<[1.0, -2.0]>
  memref.global "private" constant @w : memref<2xf16> {adze.weight = #adze.weight<"w"> : tensor<2xf16>}
  // CHECK: func.func @add(%[[X:.*]]: memref<2xi16>, %[[I:.*]]: index)
  // CHECK: %[[C:.*]] = arith.constant 1.500000e+00 : f32
  // CHECK: %[[A:.*]] = memref.load %[[X]][%[[I]]] : memref<2xi16>
  // CHECK: %[[B:.*]] = call @adze_f16_to_f32(%[[A]])
  // CHECK: %[[S:.*]] = arith.addf %[[B]], %[[C]] : f32
  // CHECK: %[[R:.*]] = call @adze_f32_to_f16(%[[S]])
  // CHECK-NEXT: memref.store %[[R]], %[[X]][%[[I]]] : memref<2xi16>
  // CHECK-NEXT: return
  func.func @add(%x: memref<2xf16>, %i: index) {
    %c = arith.constant 1.5 : f16
    %a = memref.load %x[%i] : memref<2xf16>
    %s = arith.addf %a, %c : f16
    memref.store %s, %x[%i] : memref<2xf16>
    return
  }
  // What a loop carries, and what a condition chooses.
  // CHECK: func.func @carried(%{{.*}}: f32, %{{.*}}: i1) -> f32
  // CHECK: scf.for {{.*}} -> (f32)
  // CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
  // CHECK: call @adze_f32_to_f16
  // CHECK: %[[M:.*]] = func.call @adze_f16_to_f32
  // CHECK: arith.select %{{.*}}, %[[M]], %{{.*}} : f32
  // CHECK: scf.yield %{{.*}} : f32
  func.func @carried(%x: f16, %p: i1) -> f16 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %0 = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %x) -> f16 {
      %1 = arith.mulf %a, %a : f16
      %2 = arith.select %p, %1, %a : f16
      scf.yield %2 : f16
    }
    return %0 : f16
  }
}

// -----

// Casts: widening is free, f32 rounds, f64 rounds to odd on the way.
// CHECK: func.func @casts(%[[X:.*]]: f32, %[[Y:.*]]: f32, %[[Z:.*]]: f64) -> (f32, f32, f32, i16, f64)
func.func @casts(%x: bf16, %y: f32, %z: f64) -> (f32, bf16, bf16, i16, f64) {
  %0 = arith.extf %x : bf16 to f32
  // CHECK: %[[A:.*]] = call @adze_f32_to_bf16(%[[Y]])
  // CHECK: %[[B:.*]] = call @adze_bf16_to_f32(%[[A]])
  %1 = arith.truncf %y : f32 to bf16
  // CHECK: %[[N:.*]] = arith.truncf %[[Z]] : f64 to f32
  // CHECK: arith.cmpf one
  // CHECK: arith.ori
  // CHECK: %[[O:.*]] = arith.bitcast %{{.*}} : i32 to f32
  // CHECK: %[[C:.*]] = call @adze_f32_to_bf16(%[[O]])
  // CHECK: %[[D:.*]] = call @adze_bf16_to_f32(%[[C]])
  %2 = arith.truncf %z : f64 to bf16
  // CHECK: %[[E:.*]] = call @adze_f32_to_bf16(%[[X]])
  %3 = arith.bitcast %x : bf16 to i16
  // CHECK: %[[F:.*]] = arith.extf %[[X]] : f32 to f64
  %4 = arith.extf %x : bf16 to f64
  // CHECK: return %[[X]], %[[B]], %[[D]], %[[E]], %[[F]]
  return %0, %1, %2, %3, %4 : f32, bf16, bf16, i16, f64
}

// -----

// A cast that is only stored is not converted back: no function that would do
// it is left.
// CHECK-NOT: _to_f32
// CHECK: func.func private @adze_f32_to_f8e5m2(f32) -> i8
// CHECK: func.func @stored
// CHECK: call @adze_f32_to_f8e5m2
// CHECK-NEXT: memref.store
func.func @stored(%x: f32, %y: memref<f8E5M2>) {
  %0 = arith.truncf %x : f32 to f8E5M2
  memref.store %0, %y[] : memref<f8E5M2>
  return
}

// -----

// Operations that give numbers of the format anyway are not rounded, but for
// the negative zero that some formats lack.
// CHECK: func.func @exact
func.func @exact(%x: f8E5M2, %y: f8E5M2FNUZ) -> (f8E5M2, f8E5M2, f8E5M2FNUZ) {
  // CHECK: %[[A:.*]] = arith.negf %[[X:.*]] : f32
  %0 = arith.negf %x : f8E5M2
  // CHECK-NEXT: %[[B:.*]] = arith.maximumf %[[A]], %[[X]] : f32
  %1 = arith.maximumf %0, %x : f8E5M2
  // CHECK-NEXT: %[[C:.*]] = arith.negf %{{.*}} : f32
  // CHECK-NEXT: %[[D:.*]] = call @adze_f32_to_f8e5m2fnuz(%[[C]]) : (f32) -> i8
  // CHECK-NEXT: %[[E:.*]] = call @adze_f8e5m2fnuz_to_f32(%[[D]]) : (i8) -> f32
  %2 = arith.negf %y : f8E5M2FNUZ
  // CHECK-NEXT: return %[[A]], %[[B]], %[[E]]
  return %0, %1, %2 : f8E5M2, f8E5M2, f8E5M2FNUZ
}

// -----

// Vectors convert lane by lane; a reduction rounds after each lane.
// CHECK: func.func @vectors(%[[X:.*]]: memref<2xi16>)
func.func @vectors(%x: memref<2xf16>) -> f16 {
  %c0 = arith.constant 0 : index
  // CHECK: %[[V:.*]] = vector.load %[[X]][%{{.*}}] : memref<2xi16>, vector<2xi16>
  // CHECK: %[[L0:.*]] = vector.extract %[[V]][0]
  // CHECK: %[[F0:.*]] = call @adze_f16_to_f32(%[[L0]])
  // CHECK: %[[L1:.*]] = vector.extract %[[V]][1]
  // CHECK: %[[F1:.*]] = call @adze_f16_to_f32(%[[L1]])
  // CHECK: vector.from_elements %[[F0]], %[[F1]] : vector<2xf32>
  %v = vector.load %x[%c0] : memref<2xf16>, vector<2xf16>
  // CHECK: %[[S:.*]] = arith.addf %{{.*}}, %{{.*}} : f32
  // CHECK: %[[C:.*]] = call @adze_f32_to_f16(%[[S]])
  // CHECK: %[[R:.*]] = call @adze_f16_to_f32(%[[C]])
  %0 = vector.reduction <add>, %v : vector<2xf16> into f16
  // CHECK: return %[[R]]
  return %0 : f16
}

// -----

// Codes of four bits go through bytes; legalize-integers packs them.
// CHECK: func.func @four(%[[X:.*]]: memref<2xi4>, %[[I:.*]]: index)
func.func @four(%x: memref<2xf4E2M1FN>, %i: index) {
  // CHECK: %[[A:.*]] = memref.load %[[X]][%[[I]]] : memref<2xi4>
  // CHECK: %[[B:.*]] = arith.extui %[[A]] : i4 to i8
  // CHECK: %[[C:.*]] = call @adze_f4e2m1_to_f32(%[[B]])
  %a = memref.load %x[%i] : memref<2xf4E2M1FN>
  // CHECK: %[[D:.*]] = arith.addf %[[C]], %[[C]]
  // CHECK: %[[E:.*]] = call @adze_f32_to_f4e2m1(%[[D]])
  %b = arith.addf %a, %a : f4E2M1FN
  // CHECK: arith.trunci %[[E]] : i8 to i4
  memref.store %b, %x[%i] : memref<2xf4E2M1FN>
  return
}

// -----

// Nothing small, nothing changes.
// CHECK: func.func @untouched(%arg0: f32, %arg1: memref<2xi1>) -> f32
// CHECK-NEXT: %[[A:.*]] = math.exp %arg0 : f32
// CHECK-NEXT: return %[[A]] : f32
func.func @untouched(%x: f32, %y: memref<2xi1>) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}
