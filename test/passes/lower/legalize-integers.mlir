// RUN: adze-opt %s --legalize-integers --split-input-file --verify-diagnostics | FileCheck %s

// Booleans are bytes in memory and bits as values.
// CHECK: memref.global "private" constant @flags : memref<3xi8> = dense<[1, 0, 1]>
memref.global "private" constant @flags : memref<3xi1> = dense<[true, false, true]>
// CHECK: func.func @booleans(%[[X:.*]]: memref<4xi8>, %[[I:.*]]: index)
func.func @booleans(%x: memref<4xi1>, %i: index) -> i1 {
  // CHECK: %[[A:.*]] = memref.load %[[X]][%[[I]]] : memref<4xi8>
  // CHECK: %[[Z:.*]] = arith.constant 0 : i8
  // CHECK: %[[B:.*]] = arith.cmpi ne, %[[A]], %[[Z]] : i8
  %a = memref.load %x[%i] : memref<4xi1>
  // CHECK: %[[C:.*]] = arith.extui %[[B]] : i1 to i8
  // CHECK: memref.store %[[C]], %[[X]][%[[I]]] : memref<4xi8>
  memref.store %a, %x[%i] : memref<4xi1>
  %f = memref.get_global @flags : memref<3xi1>
  // CHECK: vector.load %{{.*}} : memref<3xi8>, vector<2xi8>
  // CHECK: arith.cmpi ne, %{{.*}}, %{{.*}} : vector<2xi8>
  // CHECK: arith.extui %{{.*}} : vector<2xi1> to vector<2xi8>
  // CHECK: vector.store %{{.*}} : memref<4xi8>, vector<2xi8>
  %c0 = arith.constant 0 : index
  %v = vector.load %f[%c0] : memref<3xi1>, vector<2xi1>
  vector.store %v, %x[%c0] : memref<4xi1>, vector<2xi1>
  // CHECK: return %[[B]] : i1
  return %a : i1
}

// -----

// Elements of four bits share bytes, the first in the low half.
// CHECK: memref.global "private" constant @codes : memref<2xi8> = dense<[-31, 3]>
memref.global "private" constant @codes : memref<3xi4> = dense<[1, -2, 3]>
// CHECK: memref.global "private" constant @w : memref<3xi8> {adze.weight = #adze.weight<"w"> : tensor<3xi8>}
memref.global "private" constant @w : memref<5xi4> {adze.weight = #adze.weight<"w"> : tensor<5xi4>}
// CHECK: func.func @nibbles(%[[X:.*]]: memref<3xi8>, %[[I:.*]]: index, %[[J:.*]]: index)
func.func @nibbles(%x: memref<2x3xi4>, %i: index, %j: index) -> i32 {
  // CHECK: arith.muli %[[I]], %{{.*}} : index
  // CHECK: %[[P:.*]] = arith.addi %{{.*}}, %[[J]] : index
  // CHECK: %[[Q:.*]] = arith.divui %[[P]], %{{.*}} : index
  // CHECK: %[[R:.*]] = arith.remui %[[P]], %{{.*}} : index
  // CHECK: memref.load %[[X]][%[[Q]]] : memref<3xi8>
  // CHECK: arith.shrui
  // CHECK: arith.shli
  // CHECK: %[[A:.*]] = arith.shrsi
  %a = memref.load %x[%i, %j] : memref<2x3xi4>
  // CHECK: arith.addi %[[A]], %[[A]] : i8
  // CHECK: arith.shli
  // CHECK: %[[B:.*]] = arith.shrsi
  %b = arith.addi %a, %a : i4
  // CHECK: memref.load %[[X]]
  // CHECK: memref.store %{{.*}}, %[[X]]
  memref.store %b, %x[%i, %j] : memref<2x3xi4>
  // CHECK: %[[C:.*]] = arith.extsi %[[B]] : i8 to i32
  %c = arith.extsi %b : i4 to i32
  // CHECK: return %[[C]] : i32
  return %c : i32
}

// -----

// The bytes of another shape are the same bytes; the shape at the border stays
// known.
// CHECK: func.func @run(%[[X:.*]]: memref<3xi8> {adze.name = "x", adze.shape = array<i64: 2, 3>})
func.func @run(%x: memref<2x3xi4> {adze.name = "x"}) attributes {adze.entry} {
  // CHECK-NEXT: call @kernel(%[[X]]) : (memref<3xi8>) -> ()
  %flat = memref.collapse_shape %x [[0, 1]] : memref<2x3xi4> into memref<6xi4>
  func.call @kernel(%flat) : (memref<6xi4>) -> ()
  return
}
// CHECK: func.func private @kernel(%{{.*}}: memref<3xi8>)
func.func private @kernel(%x: memref<6xi4>) {
  return
}

// -----

// Unsigned reading clears the bits above.
// CHECK: func.func @unsigned(%[[X:.*]]: i8, %[[Y:.*]]: i8) -> (i8, i32, i1)
func.func @unsigned(%x: i3, %y: i3) -> (i3, i32, i1) {
  // CHECK: %[[A:.*]] = arith.andi %[[X]], %{{.*}} : i8
  // CHECK: %[[B:.*]] = arith.andi %[[Y]], %{{.*}} : i8
  // CHECK: arith.divui %[[A]], %[[B]] : i8
  // CHECK: arith.shli
  // CHECK: %[[Q:.*]] = arith.shrsi
  %0 = arith.divui %x, %y : i3
  // CHECK: %[[C:.*]] = arith.andi %[[X]], %{{.*}} : i8
  // CHECK: %[[D:.*]] = arith.extui %[[C]] : i8 to i32
  %1 = arith.extui %x : i3 to i32
  // CHECK: %[[E:.*]] = arith.cmpi ult, %[[X]], %[[Y]] : i8
  %2 = arith.cmpi ult, %x, %y : i3
  // CHECK: return %[[Q]], %[[D]], %[[E]]
  return %0, %1, %2 : i3, i32, i1
}

// -----

// expected-error @below {{memory holds integers of 1, 2, 4, 8, 16, 32 and 64 bits, those below 8 in static shapes}}
func.func @three(%x: memref<2xi3>) {
  return
}

// -----

func.func @carry(%x: i4) -> i1 {
  // expected-error @below {{is not supported on integers of this width}}
  %0, %1 = arith.addui_extended %x, %x : i4, i1
  return %1 : i1
}
