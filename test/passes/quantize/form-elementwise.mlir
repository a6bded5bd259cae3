// RUN: adze-opt %s -split-input-file -form-integer-ops=rounding=twice | FileCheck %s

// The sum of an image and a vector along its channels.
// CHECK-LABEL: func.func @main
// CHECK:       %[[R:.*]] = nn.reshape %arg1 : (tensor<3xi8>) -> tensor<1x3x1x1xi8>
// CHECK-NEXT:  %[[B:.*]] = nn.broadcast %[[R]] : (tensor<1x3x1x1xi8>) -> tensor<1x3x4x4xi8>
// CHECK-NEXT:  nn.quantized_add %arg0, %[[B]]
// CHECK-SAME:    left_shift = 20 : i64, low = -128 : i64, multiplier = 1073741824 : i64, multiplier_a = 1073741824 : i64, multiplier_b = 1073741824 : i64
// CHECK-SAME:    shift = -17 : i64, shift_a = 0 : i64, shift_b = -1 : i64, zero_point = 0 : i64, zero_point_a = 1 : i64, zero_point_b = 2 : i64
#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#c = affine_map<(d0, d1, d2, d3) -> (d1)>
module {
  func.func @main(%a: tensor<1x3x4x4xi8>, %b: tensor<3xi8>) -> tensor<1x3x4x4xi8> {
    %sa = adze.constant dense<1.0> : tensor<f32>
    %za = adze.constant dense<1> : tensor<i8>
    %sb = adze.constant dense<0.5> : tensor<f32>
    %zb = adze.constant dense<2> : tensor<i8>
    %sy = adze.constant dense<0.5> : tensor<f32>
    %fa = nn.dequantize %a scale %sa : tensor<f32> zero_point %za : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x3x4x4xi8> -> tensor<1x3x4x4xf32>
    %fb = nn.dequantize %b scale %sb : tensor<f32> zero_point %zb : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<3xi8> -> tensor<3xf32>
    %e = tensor.empty() : tensor<1x3x4x4xf32>
    %s = linalg.generic {indexing_maps = [#id, #c, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%fa, %fb : tensor<1x3x4x4xf32>, tensor<3xf32>) outs(%e : tensor<1x3x4x4xf32>) {
    ^bb0(%x: f32, %y: f32, %out: f32):
      %sum = arith.addf %x, %y : f32
      linalg.yield %sum : f32
    } -> tensor<1x3x4x4xf32>
    %q = nn.quantize %s scale %sy : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x3x4x4xf32> -> tensor<1x3x4x4xi8>
    return %q : tensor<1x3x4x4xi8>
  }
}

// -----

// A function of one tensor is a table: max(x, 0) * 2, at steps of 1, is here
// 0 ... 0, 2, 4, ..., 126, 127 ... 127.
// CHECK-LABEL: func.func @main
// CHECK:       %[[T:.*]] = adze.constant dense<"0x{{0+}}020406080A{{.*}}7A7C7E7F7F{{.*}}7F"> : tensor<256xi8>
// CHECK:       nn.lookup %arg0, %[[T]] : (tensor<8xi8>, tensor<256xi8>) -> tensor<8xi8>
// CHECK-NOT:   linalg.generic
#v = affine_map<(d0) -> (d0)>
module {
  func.func @main(%a: tensor<8xi8>) -> tensor<8xi8> {
    %one = adze.constant dense<1.0> : tensor<f32>
    %fa = nn.dequantize %a scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<8xi8> -> tensor<8xf32>
    %e = tensor.empty() : tensor<8xf32>
    %s = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%fa : tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb0(%x: f32, %out: f32):
      %zero = arith.constant 0.0 : f32
      %m = arith.maximumf %x, %zero : f32
      linalg.yield %m : f32
    } -> tensor<8xf32>
    %d = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]} ins(%fa, %s : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb0(%x: f32, %y: f32, %out: f32):
      %two = arith.constant 2.0 : f32
      %m = arith.mulf %y, %two : f32
      linalg.yield %m : f32
    } -> tensor<8xf32>
    %q = nn.quantize %d scale %one : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<8xf32> -> tensor<8xi8>
    return %q : tensor<8xi8>
  }
}

// -----

// Data movement, maximum and equal scales vanish; unsigned tensors are rebased
// once at each end.
// CHECK-LABEL: func.func @main
// CHECK-NEXT:  %[[X:.*]] = nn.pool %{{.*}} kind = #nn<pool_kind max>
// CHECK-NOT:   nn.quantize
// CHECK-NOT:   nn.lookup
// CHECK:       return
module {
  func.func @main(%a: tensor<1x3x4x4xi8>) -> tensor<1x2x2x3xi8> {
    %s = adze.constant dense<0.1> : tensor<f32>
    %z = adze.constant dense<-100> : tensor<i8>
    %fa = nn.dequantize %a scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x3x4x4xi8> -> tensor<1x3x4x4xf32>
    %p = nn.pool %fa {kind = #nn<pool_kind max>, window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, layout = #nn<layout channels_first>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
    %t = nn.transpose %p {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x3x2x2xf32>) -> tensor<1x2x2x3xf32>
    %q = nn.quantize %t scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x2x2x3xf32> -> tensor<1x2x2x3xi8>
    return %q : tensor<1x2x2x3xi8>
  }
}

// -----

// CHECK-LABEL: func.func @main
// CHECK:       %[[X:.*]] = nn.rebase %arg0
// CHECK-NEXT:  %[[P:.*]] = nn.pool %[[X]] {{.*}}kind = #nn<pool_kind average>{{.*}} : (tensor<1x3x4x4xi8>) -> tensor<1x3x2x2xi8>
// CHECK-NEXT:  %[[Y:.*]] = nn.rebase %[[P]]
// CHECK-NEXT:  return %[[Y]]
module {
  func.func @main(%a: tensor<1x3x4x4xi8>) -> tensor<1x3x2x2xi8> {
    %s = adze.constant dense<0.1> : tensor<f32>
    %z = adze.constant dense<-100> : tensor<i8>
    %fa = nn.dequantize %a scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, is_unsigned} : tensor<1x3x4x4xi8> -> tensor<1x3x4x4xf32>
    %p = nn.pool %fa {kind = #nn<pool_kind average>, window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, layout = #nn<layout channels_first>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
    %q = nn.quantize %p scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32, is_unsigned} : tensor<1x3x2x2xf32> -> tensor<1x3x2x2xi8>
    return %q : tensor<1x3x2x2xi8>
  }
}

// -----

// CHECK-LABEL: func.func @main
// CHECK:       nn.quantized_softmax %arg0, %{{.*}} {axis = 1 : i64, multiplier = 1717986944 : i64, shift = 23 : i64, smallest_difference = -248 : i64}
// CHECK-NOT:   nn.lookup
module {
  func.func @main(%a: tensor<1x12xi8>) -> tensor<1x12xi8> {
    %s = adze.constant dense<0.1> : tensor<f32>
    %sy = adze.constant dense<0.00390625> : tensor<f32>
    %zy = adze.constant dense<-128> : tensor<i8>
    %fa = nn.dequantize %a scale %s : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x12xi8> -> tensor<1x12xf32>
    %p = nn.softmax %fa {axis = 1 : i64} : (tensor<1x12xf32>) -> tensor<1x12xf32>
    %q = nn.quantize %p scale %sy : tensor<f32> zero_point %zy : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x12xf32> -> tensor<1x12xi8>
    return %q : tensor<1x12xi8>
  }
}

// -----

// One input keeps its scale, the other gets a table.
// CHECK-LABEL: func.func @main
// CHECK:       %[[B:.*]] = nn.lookup %arg1
// CHECK-NEXT:  nn.concat %arg0, %[[B]] {axis = 1 : i64} : (tensor<1x2xi8>, tensor<1x3xi8>) -> tensor<1x5xi8>
module {
  func.func @main(%a: tensor<1x2xi8>, %b: tensor<1x3xi8>) -> tensor<1x5xi8> {
    %sa = adze.constant dense<0.1> : tensor<f32>
    %sb = adze.constant dense<0.2> : tensor<f32>
    %fa = nn.dequantize %a scale %sa : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x2xi8> -> tensor<1x2xf32>
    %fb = nn.dequantize %b scale %sb : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<1x3xi8> -> tensor<1x3xf32>
    %c = nn.concat %fa, %fb {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
    %q = nn.quantize %c scale %sa : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<1x5xf32> -> tensor<1x5xi8>
    return %q : tensor<1x5xi8>
  }
}

// -----

// No integer form: it stays, and is named.
// CHECK:       adze.float_fallbacks = ["sums: no integer form of this operation"]
// CHECK-LABEL: func.func @main
// CHECK:       nn.cumulative
module {
  func.func @main(%a: tensor<2x4xi8>) -> tensor<2x4xi8> {
    %s = adze.constant dense<0.1> : tensor<f32>
    %fa = nn.dequantize %a scale %s : tensor<f32> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x4xi8> -> tensor<2x4xf32>
    %p = nn.cumulative %fa {axis = 1 : i64, kind = #nn<cumulative_kind sum>} : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("sums")
    %q = nn.quantize %p scale %s : tensor<f32> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<2x4xf32> -> tensor<2x4xi8>
    return %q : tensor<2x4xi8>
  }
}

// -----

// Layer normalization: 24 bits of gain, 16 bits behind the point. With steps of
// 0.5 and four elements, epsilon is 0.25 / 0.5^2 * 4^2; gains are 1 / 0.25 and
// 2 / 0.25 times 2^20.
// CHECK-LABEL: func.func @main
// CHECK-DAG:   %[[G:.*]] = adze.constant dense<[4194304, 8388608, 4194304, 4194304]> : tensor<4xi32>
// CHECK-DAG:   %[[O:.*]] = adze.constant dense<206158430208> : tensor<1xi64>
// CHECK:       nn.quantized_normalize %arg0, %[[G]], %[[O]] {axis = 1 : i64, epsilon = 16 : i64, high = 127 : i64, low = -128 : i64, shift = 36 : i64, zero_point = -7 : i64}
// CHECK-NOT:   nn.dequantize
module {
  func.func @main(%a: tensor<2x4xi8>) -> tensor<2x4xi8> {
    %s = adze.constant dense<0.5> : tensor<f32>
    %z = adze.constant dense<-7> : tensor<i8>
    %sy = adze.constant dense<0.25> : tensor<f32>
    %zy = adze.constant dense<3> : tensor<i8>
    %gain = adze.constant dense<[1.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
    %fa = nn.dequantize %a scale %s : tensor<f32> zero_point %z : tensor<i8> {axis = 0 : i64, block_size = 0 : i64} : tensor<2x4xi8> -> tensor<2x4xf32>
    %p = nn.normalize %fa scale %gain : tensor<4xf32> {axis = 1 : i64, epsilon = 0.25 : f64} : tensor<2x4xf32> -> tensor<2x4xf32>
    %q = nn.quantize %p scale %sy : tensor<f32> zero_point %zy : tensor<i8> {axis = 0 : i64, block_size = 0 : i64, precision = f32} : tensor<2x4xf32> -> tensor<2x4xi8>
    return %q : tensor<2x4xi8>
  }
}
