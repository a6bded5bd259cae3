// Every operation of math on f32, f64 and vectors: the elementary functions come
// from the runtime, the others are instructions or LLVM intrinsics. Six digits
// of the true value; the accuracy of the runtime has tests of its own.
// RUN: adze-jit %s --value x=0.40625,-2.5 --value y=1.75 | FileCheck %s
// RUN: adze-jit %s --value x=0.40625,-2.5 --value y=1.75 --emit=opt | FileCheck %s --check-prefix=LINKED

// Nothing of the runtime is left to be resolved, and nothing of it is exported.
// LINKED-NOT: declare {{.*}}@adze_
// LINKED-NOT: define float @adze_

// CHECK: f32 = 1.50117{{[0-9]*}} 1.32523{{[0-9]*}} 0.501177{{[0-9]*}} -0.900786{{[0-9]*}} -1.29956{{[0-9]*}} -0.391206{{[0-9]*}} 0.340926{{[0-9]*}} 0.395167{{[0-9]*}} 0.918609{{[0-9]*}} 0.430180{{[0-9]*}} 0.418346{{[0-9]*}} 1.15244{{[0-9]*}} 0.385882{{[0-9]*}} 0.417517{{[0-9]*}} 1.08366{{[0-9]*}} 0.385283{{[0-9]*}} 0.395832{{[0-9]*}} 0.873364{{[0-9]*}} 0.431111{{[0-9]*}} 0.434386{{[0-9]*}} 0.565613{{[0-9]*}} 0.740624{{[0-9]*}} 0.637377{{[0-9]*}} 1.56892{{[0-9]*}} 0.206722{{[0-9]*}} 0.228102{{[0-9]*}} 0.40625 0 1 0 0 0 0.40625 1.11718{{[0-9]*}}
// CHECK: f64 = 1.50117{{[0-9]*}} 1.32523{{[0-9]*}} 0.501177{{[0-9]*}} -0.900786{{[0-9]*}} -1.29956{{[0-9]*}} -0.391206{{[0-9]*}} 0.340926{{[0-9]*}} 0.395167{{[0-9]*}} 0.918609{{[0-9]*}} 0.430180{{[0-9]*}} 0.418346{{[0-9]*}} 1.15244{{[0-9]*}} 0.385882{{[0-9]*}} 0.417517{{[0-9]*}} 1.08366{{[0-9]*}} 0.385283{{[0-9]*}} 0.395832{{[0-9]*}} 0.873364{{[0-9]*}} 0.431111{{[0-9]*}} 0.434386{{[0-9]*}} 0.565613{{[0-9]*}} 0.740624{{[0-9]*}} 0.637377{{[0-9]*}} 1.56892{{[0-9]*}} 0.206722{{[0-9]*}} 0.228102{{[0-9]*}} 0.40625 0 1 0 0 0 0.40625 1.11718{{[0-9]*}}
// CHECK: vec = 1.50117{{[0-9]*}} 1.32523{{[0-9]*}} 0.501177{{[0-9]*}} -0.900786{{[0-9]*}} -1.29956{{[0-9]*}} -0.391206{{[0-9]*}} 0.340926{{[0-9]*}} 0.395167{{[0-9]*}} 0.918609{{[0-9]*}} 0.430180{{[0-9]*}} 0.418346{{[0-9]*}} 1.15244{{[0-9]*}} 0.385882{{[0-9]*}} 0.417517{{[0-9]*}} 1.08366{{[0-9]*}} 0.385283{{[0-9]*}} 0.395832{{[0-9]*}} 0.873364{{[0-9]*}} 0.431111{{[0-9]*}} 0.434386{{[0-9]*}} 0.565613{{[0-9]*}} 0.740624{{[0-9]*}} 0.637377{{[0-9]*}} 1.56892{{[0-9]*}} 0.206722{{[0-9]*}} 0.228102{{[0-9]*}} 0.40625 0 1 0 0 0 0.40625 1.11718{{[0-9]*}}

module attributes {adze.model = "math"} {
  func.func private @k_f32(%xs: memref<4xf32>, %ys: memref<4xf32>, %out: memref<34xf32>) {
    %c0 = arith.constant 0 : index
    %x = memref.load %xs[%c0] : memref<4xf32>
    %y = memref.load %ys[%c0] : memref<4xf32>
    %one = arith.constant 1.0 : f32
    %x1 = arith.addf %x, %one : f32
    %r0 = math.exp %x : f32
    %i0 = arith.constant 0 : index
    memref.store %r0, %out[%i0] : memref<34xf32>
    %r1 = math.exp2 %x : f32
    %i1 = arith.constant 1 : index
    memref.store %r1, %out[%i1] : memref<34xf32>
    %r2 = math.expm1 %x : f32
    %i2 = arith.constant 2 : index
    memref.store %r2, %out[%i2] : memref<34xf32>
    %r3 = math.log %x : f32
    %i3 = arith.constant 3 : index
    memref.store %r3, %out[%i3] : memref<34xf32>
    %r4 = math.log2 %x : f32
    %i4 = arith.constant 4 : index
    memref.store %r4, %out[%i4] : memref<34xf32>
    %r5 = math.log10 %x : f32
    %i5 = arith.constant 5 : index
    memref.store %r5, %out[%i5] : memref<34xf32>
    %r6 = math.log1p %x : f32
    %i6 = arith.constant 6 : index
    memref.store %r6, %out[%i6] : memref<34xf32>
    %r7 = math.sin %x : f32
    %i7 = arith.constant 7 : index
    memref.store %r7, %out[%i7] : memref<34xf32>
    %r8 = math.cos %x : f32
    %i8 = arith.constant 8 : index
    memref.store %r8, %out[%i8] : memref<34xf32>
    %r9 = math.tan %x : f32
    %i9 = arith.constant 9 : index
    memref.store %r9, %out[%i9] : memref<34xf32>
    %r10 = math.asin %x : f32
    %i10 = arith.constant 10 : index
    memref.store %r10, %out[%i10] : memref<34xf32>
    %r11 = math.acos %x : f32
    %i11 = arith.constant 11 : index
    memref.store %r11, %out[%i11] : memref<34xf32>
    %r12 = math.atan %x : f32
    %i12 = arith.constant 12 : index
    memref.store %r12, %out[%i12] : memref<34xf32>
    %r13 = math.sinh %x : f32
    %i13 = arith.constant 13 : index
    memref.store %r13, %out[%i13] : memref<34xf32>
    %r14 = math.cosh %x : f32
    %i14 = arith.constant 14 : index
    memref.store %r14, %out[%i14] : memref<34xf32>
    %r15 = math.tanh %x : f32
    %i15 = arith.constant 15 : index
    memref.store %r15, %out[%i15] : memref<34xf32>
    %r16 = math.asinh %x : f32
    %i16 = arith.constant 16 : index
    memref.store %r16, %out[%i16] : memref<34xf32>
    %r17 = math.acosh %x1 : f32
    %i17 = arith.constant 17 : index
    memref.store %r17, %out[%i17] : memref<34xf32>
    %r18 = math.atanh %x : f32
    %i18 = arith.constant 18 : index
    memref.store %r18, %out[%i18] : memref<34xf32>
    %r19 = math.erf %x : f32
    %i19 = arith.constant 19 : index
    memref.store %r19, %out[%i19] : memref<34xf32>
    %r20 = math.erfc %x : f32
    %i20 = arith.constant 20 : index
    memref.store %r20, %out[%i20] : memref<34xf32>
    %r21 = math.cbrt %x : f32
    %i21 = arith.constant 21 : index
    memref.store %r21, %out[%i21] : memref<34xf32>
    %r22 = math.sqrt %x : f32
    %i22 = arith.constant 22 : index
    memref.store %r22, %out[%i22] : memref<34xf32>
    %r23 = math.rsqrt %x : f32
    %i23 = arith.constant 23 : index
    memref.store %r23, %out[%i23] : memref<34xf32>
    %r24 = math.powf %x, %y : f32
    %i24 = arith.constant 24 : index
    memref.store %r24, %out[%i24] : memref<34xf32>
    %r25 = math.atan2 %x, %y : f32
    %i25 = arith.constant 25 : index
    memref.store %r25, %out[%i25] : memref<34xf32>
    %r26 = math.absf %x : f32
    %i26 = arith.constant 26 : index
    memref.store %r26, %out[%i26] : memref<34xf32>
    %r27 = math.floor %x : f32
    %i27 = arith.constant 27 : index
    memref.store %r27, %out[%i27] : memref<34xf32>
    %r28 = math.ceil %x : f32
    %i28 = arith.constant 28 : index
    memref.store %r28, %out[%i28] : memref<34xf32>
    %r29 = math.trunc %x : f32
    %i29 = arith.constant 29 : index
    memref.store %r29, %out[%i29] : memref<34xf32>
    %r30 = math.roundeven %x : f32
    %i30 = arith.constant 30 : index
    memref.store %r30, %out[%i30] : memref<34xf32>
    %r31 = math.round %x : f32
    %i31 = arith.constant 31 : index
    memref.store %r31, %out[%i31] : memref<34xf32>
    %r32 = math.copysign %x, %y : f32
    %i32 = arith.constant 32 : index
    memref.store %r32, %out[%i32] : memref<34xf32>
    %r33 = math.fma %x, %y, %x : f32
    %i33 = arith.constant 33 : index
    memref.store %r33, %out[%i33] : memref<34xf32>
    return
  }
  func.func private @k_f64(%xs: memref<4xf64>, %ys: memref<4xf64>, %out: memref<34xf64>) {
    %c0 = arith.constant 0 : index
    %x = memref.load %xs[%c0] : memref<4xf64>
    %y = memref.load %ys[%c0] : memref<4xf64>
    %one = arith.constant 1.0 : f64
    %x1 = arith.addf %x, %one : f64
    %r0 = math.exp %x : f64
    %i0 = arith.constant 0 : index
    memref.store %r0, %out[%i0] : memref<34xf64>
    %r1 = math.exp2 %x : f64
    %i1 = arith.constant 1 : index
    memref.store %r1, %out[%i1] : memref<34xf64>
    %r2 = math.expm1 %x : f64
    %i2 = arith.constant 2 : index
    memref.store %r2, %out[%i2] : memref<34xf64>
    %r3 = math.log %x : f64
    %i3 = arith.constant 3 : index
    memref.store %r3, %out[%i3] : memref<34xf64>
    %r4 = math.log2 %x : f64
    %i4 = arith.constant 4 : index
    memref.store %r4, %out[%i4] : memref<34xf64>
    %r5 = math.log10 %x : f64
    %i5 = arith.constant 5 : index
    memref.store %r5, %out[%i5] : memref<34xf64>
    %r6 = math.log1p %x : f64
    %i6 = arith.constant 6 : index
    memref.store %r6, %out[%i6] : memref<34xf64>
    %r7 = math.sin %x : f64
    %i7 = arith.constant 7 : index
    memref.store %r7, %out[%i7] : memref<34xf64>
    %r8 = math.cos %x : f64
    %i8 = arith.constant 8 : index
    memref.store %r8, %out[%i8] : memref<34xf64>
    %r9 = math.tan %x : f64
    %i9 = arith.constant 9 : index
    memref.store %r9, %out[%i9] : memref<34xf64>
    %r10 = math.asin %x : f64
    %i10 = arith.constant 10 : index
    memref.store %r10, %out[%i10] : memref<34xf64>
    %r11 = math.acos %x : f64
    %i11 = arith.constant 11 : index
    memref.store %r11, %out[%i11] : memref<34xf64>
    %r12 = math.atan %x : f64
    %i12 = arith.constant 12 : index
    memref.store %r12, %out[%i12] : memref<34xf64>
    %r13 = math.sinh %x : f64
    %i13 = arith.constant 13 : index
    memref.store %r13, %out[%i13] : memref<34xf64>
    %r14 = math.cosh %x : f64
    %i14 = arith.constant 14 : index
    memref.store %r14, %out[%i14] : memref<34xf64>
    %r15 = math.tanh %x : f64
    %i15 = arith.constant 15 : index
    memref.store %r15, %out[%i15] : memref<34xf64>
    %r16 = math.asinh %x : f64
    %i16 = arith.constant 16 : index
    memref.store %r16, %out[%i16] : memref<34xf64>
    %r17 = math.acosh %x1 : f64
    %i17 = arith.constant 17 : index
    memref.store %r17, %out[%i17] : memref<34xf64>
    %r18 = math.atanh %x : f64
    %i18 = arith.constant 18 : index
    memref.store %r18, %out[%i18] : memref<34xf64>
    %r19 = math.erf %x : f64
    %i19 = arith.constant 19 : index
    memref.store %r19, %out[%i19] : memref<34xf64>
    %r20 = math.erfc %x : f64
    %i20 = arith.constant 20 : index
    memref.store %r20, %out[%i20] : memref<34xf64>
    %r21 = math.cbrt %x : f64
    %i21 = arith.constant 21 : index
    memref.store %r21, %out[%i21] : memref<34xf64>
    %r22 = math.sqrt %x : f64
    %i22 = arith.constant 22 : index
    memref.store %r22, %out[%i22] : memref<34xf64>
    %r23 = math.rsqrt %x : f64
    %i23 = arith.constant 23 : index
    memref.store %r23, %out[%i23] : memref<34xf64>
    %r24 = math.powf %x, %y : f64
    %i24 = arith.constant 24 : index
    memref.store %r24, %out[%i24] : memref<34xf64>
    %r25 = math.atan2 %x, %y : f64
    %i25 = arith.constant 25 : index
    memref.store %r25, %out[%i25] : memref<34xf64>
    %r26 = math.absf %x : f64
    %i26 = arith.constant 26 : index
    memref.store %r26, %out[%i26] : memref<34xf64>
    %r27 = math.floor %x : f64
    %i27 = arith.constant 27 : index
    memref.store %r27, %out[%i27] : memref<34xf64>
    %r28 = math.ceil %x : f64
    %i28 = arith.constant 28 : index
    memref.store %r28, %out[%i28] : memref<34xf64>
    %r29 = math.trunc %x : f64
    %i29 = arith.constant 29 : index
    memref.store %r29, %out[%i29] : memref<34xf64>
    %r30 = math.roundeven %x : f64
    %i30 = arith.constant 30 : index
    memref.store %r30, %out[%i30] : memref<34xf64>
    %r31 = math.round %x : f64
    %i31 = arith.constant 31 : index
    memref.store %r31, %out[%i31] : memref<34xf64>
    %r32 = math.copysign %x, %y : f64
    %i32 = arith.constant 32 : index
    memref.store %r32, %out[%i32] : memref<34xf64>
    %r33 = math.fma %x, %y, %x : f64
    %i33 = arith.constant 33 : index
    memref.store %r33, %out[%i33] : memref<34xf64>
    return
  }
  func.func private @k_vec(%xs: memref<4xf32>, %ys: memref<4xf32>, %out: memref<34xf32>) {
    %c0 = arith.constant 0 : index
    %x = vector.load %xs[%c0] : memref<4xf32>, vector<4xf32>
    %y = vector.load %ys[%c0] : memref<4xf32>, vector<4xf32>
    %one = arith.constant dense<1.0> : vector<4xf32>
    %x1 = arith.addf %x, %one : vector<4xf32>
    %r0 = math.exp %x : vector<4xf32>
    %s0 = vector.extract %r0[2] : f32 from vector<4xf32>
    %i0 = arith.constant 0 : index
    memref.store %s0, %out[%i0] : memref<34xf32>
    %r1 = math.exp2 %x : vector<4xf32>
    %s1 = vector.extract %r1[2] : f32 from vector<4xf32>
    %i1 = arith.constant 1 : index
    memref.store %s1, %out[%i1] : memref<34xf32>
    %r2 = math.expm1 %x : vector<4xf32>
    %s2 = vector.extract %r2[2] : f32 from vector<4xf32>
    %i2 = arith.constant 2 : index
    memref.store %s2, %out[%i2] : memref<34xf32>
    %r3 = math.log %x : vector<4xf32>
    %s3 = vector.extract %r3[2] : f32 from vector<4xf32>
    %i3 = arith.constant 3 : index
    memref.store %s3, %out[%i3] : memref<34xf32>
    %r4 = math.log2 %x : vector<4xf32>
    %s4 = vector.extract %r4[2] : f32 from vector<4xf32>
    %i4 = arith.constant 4 : index
    memref.store %s4, %out[%i4] : memref<34xf32>
    %r5 = math.log10 %x : vector<4xf32>
    %s5 = vector.extract %r5[2] : f32 from vector<4xf32>
    %i5 = arith.constant 5 : index
    memref.store %s5, %out[%i5] : memref<34xf32>
    %r6 = math.log1p %x : vector<4xf32>
    %s6 = vector.extract %r6[2] : f32 from vector<4xf32>
    %i6 = arith.constant 6 : index
    memref.store %s6, %out[%i6] : memref<34xf32>
    %r7 = math.sin %x : vector<4xf32>
    %s7 = vector.extract %r7[2] : f32 from vector<4xf32>
    %i7 = arith.constant 7 : index
    memref.store %s7, %out[%i7] : memref<34xf32>
    %r8 = math.cos %x : vector<4xf32>
    %s8 = vector.extract %r8[2] : f32 from vector<4xf32>
    %i8 = arith.constant 8 : index
    memref.store %s8, %out[%i8] : memref<34xf32>
    %r9 = math.tan %x : vector<4xf32>
    %s9 = vector.extract %r9[2] : f32 from vector<4xf32>
    %i9 = arith.constant 9 : index
    memref.store %s9, %out[%i9] : memref<34xf32>
    %r10 = math.asin %x : vector<4xf32>
    %s10 = vector.extract %r10[2] : f32 from vector<4xf32>
    %i10 = arith.constant 10 : index
    memref.store %s10, %out[%i10] : memref<34xf32>
    %r11 = math.acos %x : vector<4xf32>
    %s11 = vector.extract %r11[2] : f32 from vector<4xf32>
    %i11 = arith.constant 11 : index
    memref.store %s11, %out[%i11] : memref<34xf32>
    %r12 = math.atan %x : vector<4xf32>
    %s12 = vector.extract %r12[2] : f32 from vector<4xf32>
    %i12 = arith.constant 12 : index
    memref.store %s12, %out[%i12] : memref<34xf32>
    %r13 = math.sinh %x : vector<4xf32>
    %s13 = vector.extract %r13[2] : f32 from vector<4xf32>
    %i13 = arith.constant 13 : index
    memref.store %s13, %out[%i13] : memref<34xf32>
    %r14 = math.cosh %x : vector<4xf32>
    %s14 = vector.extract %r14[2] : f32 from vector<4xf32>
    %i14 = arith.constant 14 : index
    memref.store %s14, %out[%i14] : memref<34xf32>
    %r15 = math.tanh %x : vector<4xf32>
    %s15 = vector.extract %r15[2] : f32 from vector<4xf32>
    %i15 = arith.constant 15 : index
    memref.store %s15, %out[%i15] : memref<34xf32>
    %r16 = math.asinh %x : vector<4xf32>
    %s16 = vector.extract %r16[2] : f32 from vector<4xf32>
    %i16 = arith.constant 16 : index
    memref.store %s16, %out[%i16] : memref<34xf32>
    %r17 = math.acosh %x1 : vector<4xf32>
    %s17 = vector.extract %r17[2] : f32 from vector<4xf32>
    %i17 = arith.constant 17 : index
    memref.store %s17, %out[%i17] : memref<34xf32>
    %r18 = math.atanh %x : vector<4xf32>
    %s18 = vector.extract %r18[2] : f32 from vector<4xf32>
    %i18 = arith.constant 18 : index
    memref.store %s18, %out[%i18] : memref<34xf32>
    %r19 = math.erf %x : vector<4xf32>
    %s19 = vector.extract %r19[2] : f32 from vector<4xf32>
    %i19 = arith.constant 19 : index
    memref.store %s19, %out[%i19] : memref<34xf32>
    %r20 = math.erfc %x : vector<4xf32>
    %s20 = vector.extract %r20[2] : f32 from vector<4xf32>
    %i20 = arith.constant 20 : index
    memref.store %s20, %out[%i20] : memref<34xf32>
    %r21 = math.cbrt %x : vector<4xf32>
    %s21 = vector.extract %r21[2] : f32 from vector<4xf32>
    %i21 = arith.constant 21 : index
    memref.store %s21, %out[%i21] : memref<34xf32>
    %r22 = math.sqrt %x : vector<4xf32>
    %s22 = vector.extract %r22[2] : f32 from vector<4xf32>
    %i22 = arith.constant 22 : index
    memref.store %s22, %out[%i22] : memref<34xf32>
    %r23 = math.rsqrt %x : vector<4xf32>
    %s23 = vector.extract %r23[2] : f32 from vector<4xf32>
    %i23 = arith.constant 23 : index
    memref.store %s23, %out[%i23] : memref<34xf32>
    %r24 = math.powf %x, %y : vector<4xf32>
    %s24 = vector.extract %r24[2] : f32 from vector<4xf32>
    %i24 = arith.constant 24 : index
    memref.store %s24, %out[%i24] : memref<34xf32>
    %r25 = math.atan2 %x, %y : vector<4xf32>
    %s25 = vector.extract %r25[2] : f32 from vector<4xf32>
    %i25 = arith.constant 25 : index
    memref.store %s25, %out[%i25] : memref<34xf32>
    %r26 = math.absf %x : vector<4xf32>
    %s26 = vector.extract %r26[2] : f32 from vector<4xf32>
    %i26 = arith.constant 26 : index
    memref.store %s26, %out[%i26] : memref<34xf32>
    %r27 = math.floor %x : vector<4xf32>
    %s27 = vector.extract %r27[2] : f32 from vector<4xf32>
    %i27 = arith.constant 27 : index
    memref.store %s27, %out[%i27] : memref<34xf32>
    %r28 = math.ceil %x : vector<4xf32>
    %s28 = vector.extract %r28[2] : f32 from vector<4xf32>
    %i28 = arith.constant 28 : index
    memref.store %s28, %out[%i28] : memref<34xf32>
    %r29 = math.trunc %x : vector<4xf32>
    %s29 = vector.extract %r29[2] : f32 from vector<4xf32>
    %i29 = arith.constant 29 : index
    memref.store %s29, %out[%i29] : memref<34xf32>
    %r30 = math.roundeven %x : vector<4xf32>
    %s30 = vector.extract %r30[2] : f32 from vector<4xf32>
    %i30 = arith.constant 30 : index
    memref.store %s30, %out[%i30] : memref<34xf32>
    %r31 = math.round %x : vector<4xf32>
    %s31 = vector.extract %r31[2] : f32 from vector<4xf32>
    %i31 = arith.constant 31 : index
    memref.store %s31, %out[%i31] : memref<34xf32>
    %r32 = math.copysign %x, %y : vector<4xf32>
    %s32 = vector.extract %r32[2] : f32 from vector<4xf32>
    %i32 = arith.constant 32 : index
    memref.store %s32, %out[%i32] : memref<34xf32>
    %r33 = math.fma %x, %y, %x : vector<4xf32>
    %s33 = vector.extract %r33[2] : f32 from vector<4xf32>
    %i33 = arith.constant 33 : index
    memref.store %s33, %out[%i33] : memref<34xf32>
    return
  }
  // Vectors of x, element 2 of which is 0.40625 again.
  func.func private @k_widen(%x: memref<4xf32>, %y: memref<4xf64>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.for %i = %c0 to %c4 step %c1 {
      %a = memref.load %x[%i] : memref<4xf32>
      %b = arith.extf %a : f32 to f64
      memref.store %b, %y[%i] : memref<4xf64>
    }
    return
  }
  func.func @run(%x: memref<4xf32> {adze.name = "x", adze.kind = "input", adze.type = "float32"},
                 %y: memref<4xf32> {adze.name = "y", adze.kind = "input", adze.type = "float32"},
                 %f32: memref<34xf32> {adze.name = "f32", adze.kind = "output", adze.type = "float32"},
                 %f64: memref<34xf64> {adze.name = "f64", adze.kind = "output", adze.type = "float64"},
                 %vec: memref<34xf32> {adze.name = "vec", adze.kind = "output", adze.type = "float32"},
                 %arena: memref<64xi8> {adze.kind = "arena"}) attributes {adze.entry} {
    %c0 = arith.constant 0 : index
    %c32 = arith.constant 32 : index
    %xd = memref.view %arena[%c0][] : memref<64xi8> to memref<4xf64>
    %yd = memref.view %arena[%c32][] : memref<64xi8> to memref<4xf64>
    func.call @k_widen(%x, %xd) : (memref<4xf32>, memref<4xf64>) -> ()
    func.call @k_widen(%y, %yd) : (memref<4xf32>, memref<4xf64>) -> ()
    func.call @k_f32(%x, %y, %f32) : (memref<4xf32>, memref<4xf32>, memref<34xf32>) -> ()
    func.call @k_f64(%xd, %yd, %f64) : (memref<4xf64>, memref<4xf64>, memref<34xf64>) -> ()
    func.call @k_vec(%x, %y, %vec) : (memref<4xf32>, memref<4xf32>, memref<34xf32>) -> ()
    return
  }
}
