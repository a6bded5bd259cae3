#!/usr/bin/env python3
"""Broken models must be refused well.

usage: broken_models.py ADZE_IMPORT FOLDER [CASE...]

Writes broken ONNX files into FOLDER and reads each with ADZE_IMPORT. Every case must end with exit code 1 (or 0,
for the few that only look broken), exactly one line on the standard error that names the fault, in short time and
little memory.
"""
import os, re, resource, shutil, subprocess, sys, time
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEMORY = 400 << 20  # bytes of resident memory that no case may exceed
SECONDS = 20

CASES = {}


def case(expected, status=1, options=()):
    """Registers a function of a folder that writes model.onnx there (or returns the path)."""
    def register(function):
        CASES[function.__name__] = (function, expected, status, list(options))
        return function
    return register


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def info(name, shape=(2,), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs=None, outputs=None, initialisers=(), opset=17, ir=8, functions=(), imports=None):
    graph = helper.make_graph(list(nodes), 'g', [info('x')] if inputs is None else inputs,
                              [info('y')] if outputs is None else outputs, list(initialisers))
    made = helper.make_model(graph, opset_imports=imports or [helper.make_opsetid('', opset)], functions=functions)
    made.ir_version = ir
    return made


def good():
    w = tensor('w', np.arange(600, dtype=np.float32).reshape(2, 300))
    return model([helper.make_node('MatMul', ['x', 'w'], ['y'], name='mm')], [info('x', (2, 2))], [info('y', (2, 300))], [w])


def save(made, folder):
    with open(os.path.join(folder, 'model.onnx'), 'wb') as f:
        f.write(made if isinstance(made, bytes) else made.SerializeToString())


def relu(**changes):
    return model([helper.make_node('Relu', ['x'], ['y'], name='act')], **changes)


def with_initialiser(t):
    return model([helper.make_node('Add', ['x', t.name], ['y'], name='add')], initialisers=[t])


def raw_tensor(dims, data=b'', kind=TensorProto.FLOAT, name='w'):
    t = TensorProto()
    t.name, t.data_type = name, kind
    t.dims.extend(dims)
    if data is not None:
        t.raw_data = data
    return t


def external(location, dims=(300,), **entries):
    t = raw_tensor(dims, None)
    t.data_location = TensorProto.EXTERNAL
    for key, value in dict(location=location, **entries).items():
        t.external_data.add(key=key, value=str(value))
    return t


def with_external(folder, t):
    save(model([helper.make_node('Add', ['x', 'w'], ['y'], name='add')], [info('x', (300,))], [info('y', (300,))], [t]), folder)


# --- Files that are no models -------------------------------------------------------------------------------------

@case('there is no such file')
def missing_file(d): pass

@case('this is a folder')
def folder_instead_of_file(d): return d

@case('the file is empty')
def empty(d): save(b'', d)

@case('this is not an ONNX model but text')
def text(d): save(b'hello, this is a readme\nwith two lines\n' * 40, d)

@case('Git LFS pointer')
def lfs_pointer(d): save(b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n', d)

@case('looks like JSON')
def json(d): save(b'{"model": [1, 2, 3]}', d)

@case('looks like a web page')
def html(d): save(b'<!DOCTYPE html><html><body>404</body></html>', d)

@case('ONNX in its textual form')
def textual_onnx(d): save(b'<ir_version: 8, opset_import: ["" : 17]>\nagraph (float[2] x) => (float[2] y) { y = Relu(x) }', d)

@case('a ZIP archive')
def zip_archive(d): save(b'PK\x03\x04' + bytes(100), d)

@case('TensorFlow Lite')
def tflite(d): save(b'\x1c\x00\x00\x00TFL3' + bytes(100), d)

@case('not an ONNX model .its first bytes are de ad be ef')
def wrong_magic(d): save(bytes.fromhex('deadbeef') * 100, d)

@case('no graph|not an ONNX model|damaged')
def zeros(d): save(bytes(4096), d)

@case('is a pipe')
def named_pipe(d): os.mkfifo(os.path.join(d, 'model.onnx'))

@case('is truncated: it has 1000 bytes')
def truncated(d): save(good().SerializeToString()[:1000], d)

@case('truncated|no graph|imports no operator set')
def truncated_early(d): save(good().SerializeToString()[:5], d)

@case('damaged')
def overwritten(d):
    data = bytearray(good().SerializeToString())
    data[10:60] = b'\xff' * 50
    save(bytes(data), d)

@case('more than 16 million|over 4 million messages')
def many_tiny_messages(d):
    body = b'\x0a\x00' * (5 << 20)  # five million empty nodes
    save(b'\x08\x08\x3a' + varint(len(body)) + body + b'\x42\x02\x10\x11', d)

@case('nested more than')
def deep_types(d):
    kind = b'\x0a\x02\x08\x01'
    for _ in range(3000):
        inner = b'\x0a' + varint(len(kind)) + kind
        kind = b'\x22' + varint(len(inner)) + inner
    value = b'\x0a\x01x\x12' + varint(len(kind)) + kind
    graph = b'\x5a' + varint(len(value)) + value
    save(b'\x08\x08\x3a' + varint(len(graph)) + graph + b'\x42\x02\x10\x11', d)


def varint(n):
    out = b''
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


# --- Versions -----------------------------------------------------------------------------------------------------

@case('opset 6 of ai.onnx, which is too old: adze reads opsets 7 to 28')
def old_opset(d): save(relu(opset=6), d)

@case('opset 99 of ai.onnx, which is too new')
def new_opset(d): save(relu(opset=99), d)

@case('version -3 of the operator set')
def negative_opset(d): save(relu(opset=-3), d)

@case('imports no operator set')
def no_opset(d):
    m = relu()
    del m.opset_import[:]
    save(m, d)

@case('two versions of the operator set')
def two_opsets(d): save(relu(imports=[helper.make_opsetid('', 13), helper.make_opsetid('ai.onnx', 17)]), d)

@case('does not import the operator set of ai.onnx')
def other_opset_only(d): save(relu(imports=[helper.make_opsetid('com.example', 1)]), d)

@case('IR version 99')
def new_ir(d): save(relu(ir=99), d)

@case('no ir_version')
def no_ir(d):
    m = relu()
    m.ClearField('ir_version')
    save(m, d)

# --- Structure ----------------------------------------------------------------------------------------------------

@case('holds no graph')
def no_graph(d):
    m = relu()
    m.ClearField('graph')
    save(m, d)

@case('has no outputs')
def zero_outputs(d): save(relu(outputs=[]), d)

@case("output 'nowhere' is not computed")
def unknown_output(d): save(relu(outputs=[info('nowhere')]), d)

@case("node 'add' .Add, opset 17.: it reads the value 'w', which nothing defines")
def missing_initialiser(d): save(model([helper.make_node('Add', ['x', 'w'], ['y'], name='add')]), d)

@case("node '.*' .*the graph has a cycle")
def cycle(d):
    save(model([helper.make_node('Add', ['x', 'c'], ['a'], name='n1'), helper.make_node('Relu', ['a'], ['b'], name='n2'),
                helper.make_node('Relu', ['b'], ['c'], name='n3'), helper.make_node('Relu', ['c'], ['y'], name='n4')]), d)

@case("node 'self' .*the graph has a cycle")
def self_cycle(d): save(model([helper.make_node('Add', ['x', 'y'], ['y'], name='self')]), d)

@case('', status=0)
def unsorted(d):
    save(model([helper.make_node('Relu', ['b'], ['y'], name='n3'), helper.make_node('Relu', ['x'], ['a'], name='n1'),
                helper.make_node('Relu', ['a'], ['b'], name='n2')]), d)

@case("the value 'y' is defined twice")
def duplicate_definition(d):
    save(model([helper.make_node('Relu', ['x'], ['y'], name='n1'), helper.make_node('Abs', ['x'], ['y'], name='n2')]), d)

@case("'y' is defined twice .*output of the graph")
def duplicate_outputs(d): save(relu(outputs=[info('y'), info('y')]), d)

@case("'w' is defined twice")
def duplicate_initialiser(d):
    save(model([helper.make_node('Add', ['x', 'w'], ['y'])], initialisers=[tensor('w', np.ones(2, np.float32))] * 2), d)

@case('without a name')
def nameless_initialiser(d): save(relu(initialisers=[tensor('', np.ones(2, np.float32))]), d)

@case('nested more than 24 deep')
def deep_nesting(d):
    def body(depth):
        if depth == 0:
            nodes = [helper.make_node('Relu', ['x'], ['r0'])]
        else:
            nodes = [helper.make_node('If', ['c'], [f'r{depth}'], then_branch=body(depth - 1), else_branch=body_leaf(depth))]
        return helper.make_graph(nodes, f'b{depth}', [], [info(f'r{depth}')])
    def body_leaf(depth):
        return helper.make_graph([helper.make_node('Relu', ['x'], [f'e{depth}'])], 'leaf', [], [info(f'e{depth}')])
    nodes = [helper.make_node('If', ['c'], ['y'], then_branch=body(25), else_branch=body_leaf(99))]
    save(model(nodes, [info('x'), info('c', (), TensorProto.BOOL)]), d)

@case("ONNX's checker refuses the model: .*Unrecognized attribute: colour")
def unknown_attribute(d): save(model([helper.make_node('Relu', ['x'], ['y'], colour=1)]), d)

@case("Mismatched attribute type")
def attribute_type(d): save(model([helper.make_node('Softmax', ['x'], ['y'], axis='one')]), d)

@case("Required attribute 'to' is missing")
def missing_attribute(d): save(model([helper.make_node('Cast', ['x'], ['y'])]), d)

@case("has input size 3 not in range")
def too_many_inputs(d): save(model([helper.make_node('Relu', ['x', 'x', 'x'], ['y'])]), d)

@case("zero input and zero output|without a name|reads|nothing")
def empty_node(d): save(model([onnx.NodeProto(op_type='Relu'), helper.make_node('Relu', ['x'], ['y'])]), d)

@case("then_branch|else_branch")
def if_without_body(d):
    save(model([helper.make_node('If', ['c'], ['y'], name='cond')], [info('c', (), TensorProto.BOOL)]), d)

@case('', status=0)
def unknown_operator(d): save(model([helper.make_node('Frobnicate', ['x'], ['y'], power=3)]), d)

@case('', status=0)
def unknown_domain(d): save(model([helper.make_node('Frobnicate', ['x'], ['y'], domain='com.example')]), d)

@case("it is a value that nobody reads|refers to an attribute of a function")
def reference_outside_function(d):
    n = helper.make_node('Softmax', ['x'], ['y'])
    n.attribute.append(onnx.AttributeProto(name='axis', type=onnx.AttributeProto.INT, ref_attr_name='a'))
    save(model([n]), d)

@case(r"value 'a\\x0ab\\x1b\[31m'")
def hostile_name(d): save(model([helper.make_node('Add', ['x', 'a\nb\x1b[31m'], ['y'], name='n')]), d)

# --- Functions ----------------------------------------------------------------------------------------------------

def function(name, nodes, opset=17, inputs=('a',), outputs=('b',)):
    return helper.make_function('local', name, list(inputs), list(outputs), nodes,
                                [helper.make_opsetid('', opset), helper.make_opsetid('local', 1)])

LOCAL = [helper.make_opsetid('', 17), helper.make_opsetid('local', 1)]

@case('', status=0)
def local_function(d):
    save(model([helper.make_node('F', ['x'], ['y'], domain='local')], imports=LOCAL,
               functions=[function('F', [helper.make_node('Relu', ['a'], ['b'])])]), d)

@case('Cycle detected in model-local function references')
def recursive_function(d):
    save(model([helper.make_node('F', ['x'], ['y'], domain='local')], imports=LOCAL,
               functions=[function('F', [helper.make_node('F', ['a'], ['b'], domain='local')])]), d)

@case('would expand to more than a million nodes')
def exploding_functions(d):
    functions = [function('F0', [helper.make_node('Relu', ['a'], ['b'])])]
    for i in range(1, 60):
        functions.append(function(f'F{i}', [helper.make_node(f'F{i-1}', ['a'], ['m'], domain='local'),
                                            helper.make_node(f'F{i-1}', ['m'], ['b'], domain='local')]))
    save(model([helper.make_node('F59', ['x'], ['y'], domain='local')], imports=LOCAL, functions=functions), d)

@case('operator sets|not compatible')
def function_of_other_opset(d):
    save(model([helper.make_node('F', ['x'], ['y'], domain='local')], imports=LOCAL,
               functions=[function('F', [helper.make_node('ReduceSum', ['a'], ['b'], axes=[0])], opset=11)]), d)

@case("function 'F' does not compute its output 'b'")
def function_without_result(d):
    save(model([helper.make_node('F', ['x'], ['y'], domain='local')], imports=LOCAL,
               functions=[function('F', [helper.make_node('Relu', ['a'], ['c'])])]), d)

# --- Tensors ------------------------------------------------------------------------------------------------------

@case("initialiser 'w' is absurdly large")
def huge_dims(d): save(with_initialiser(raw_tensor([1 << 62], b'1234')), d)

@case("initialiser 'w' is absurdly large")
def overflowing_dims(d): save(with_initialiser(raw_tensor([1 << 32, 1 << 32], b'')), d)

@case("initialiser 'w' has a negative dimension: expected dimensions of at least 0, found float32 -2x3")
def negative_dims(d): save(with_initialiser(raw_tensor([-2, 3], b'1234')), d)

@case("has 1000 dimensions")
def huge_rank(d): save(with_initialiser(raw_tensor([1] * 1000, b'1234')), d)

@case("initialiser 'w' has data of the wrong size: expected 24 bytes for float32 2x3, found 20 bytes")
def size_mismatch(d): save(with_initialiser(raw_tensor([2, 3], bytes(20))), d)

@case("initialiser 'w' has data of the wrong size: expected 4000 bytes for float32 1000, found 4001 bytes")
def size_mismatch_large(d): save(with_initialiser(raw_tensor([1000], bytes(4001))), d)

@case("has the wrong number of values: expected 1000 for int64 1000, found 999")
def typed_size_mismatch(d):
    t = raw_tensor([1000], None, TensorProto.INT64)
    t.int64_data.extend(range(999))
    save(with_initialiser(t), d)

@case("initialiser 'w' has no data")
def no_data(d): save(with_initialiser(raw_tensor([2], None)), d)

@case("has its data in more than one place")
def two_places(d):
    t = raw_tensor([2], bytes(8))
    t.float_data.extend([1, 2])
    save(with_initialiser(t), d)

@case("has its data in more than one place")
def two_places_large(d):
    t = raw_tensor([500], bytes(2000))
    t.float_data.extend([1.0] * 500)
    save(with_initialiser(t), d)

@case("field that is not for float32")
def wrong_field(d):
    t = raw_tensor([2], None)
    t.int64_data.extend([1, 2])
    save(with_initialiser(t), d)

@case("data type 77, which ONNX does not define")
def unknown_type(d): save(with_initialiser(raw_tensor([2], bytes(8), 77)), d)

@case("data type 0, which ONNX does not define")
def undefined_type(d): save(with_initialiser(raw_tensor([2], bytes(8), 0)), d)

@case("stored in segments")
def segment(d):
    t = raw_tensor([2], bytes(8))
    t.segment.begin, t.segment.end = 0, 1 << 40
    save(with_initialiser(t), d)

@case("node 'k' .Constant, opset 17.: its constant tensor has data of the wrong size")
def constant_size(d):
    save(model([helper.make_node('Constant', [], ['w'], name='k', value=raw_tensor([3], bytes(8), name='')),
                helper.make_node('Add', ['x', 'w'], ['y'])]), d)

@case("is a sparse tensor that is not supported|not supported")
def huge_sparse(d):
    sparse = helper.make_sparse_tensor(tensor('s', np.ones(1, np.float32)), tensor('i', np.zeros(1, np.int64)), [1 << 20, 1 << 10])
    save(model([helper.make_node('Constant', [], ['y'], sparse_value=sparse)], [], [info('y', (1 << 20, 1 << 10))]), d)

@case("out of range")
def sparse_index(d):
    sparse = helper.make_sparse_tensor(tensor('s', np.ones(1, np.float32)), tensor('i', np.array([9], np.int64)), [2, 2])
    save(model([helper.make_node('Constant', [], ['y'], sparse_value=sparse)], [], [info('y', (2, 2))]), d)

@case("the value 'y' would be absurdly large")
def absurd_result(d):
    shape = tensor('s', np.array([1 << 30, 1 << 30], np.int64))
    save(model([helper.make_node('ConstantOfShape', ['s'], ['y'], name='fill')], [], [info('y', (1 << 30, 1 << 30))], [shape]), d)

# --- External data ------------------------------------------------------------------------------------------------

def data(folder, name='w.bin', size=1200):
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(bytes(size))

@case('', status=0)
def external_good(d):
    data(d, size=1300)
    with_external(d, external('./w.bin', offset=100, length=1200))

@case('', status=0)
def external_in_subfolder(d):
    os.mkdir(os.path.join(d, 'sub'))
    data(d, 'sub/w.bin')
    with_external(d, external('sub/w.bin'))

@case("tensor 'w' keeps its data in the file '../w.bin', a path with '..'")
def external_parent(d):
    data(d, '../w.bin')
    with_external(d, external('../w.bin'))

@case("a path with '..'")
def external_parent_inside(d):
    os.mkdir(os.path.join(d, 'sub'))
    data(d)
    with_external(d, external('sub/../w.bin'))

@case("an absolute path, which is not allowed")
def external_absolute(d): with_external(d, external('/etc/passwd'))

@case("is or lies behind a symbolic link")
def external_symlink(d):
    data(d, 'real.bin')
    os.symlink('real.bin', os.path.join(d, 'w.bin'))
    with_external(d, external('w.bin'))

@case("is or lies behind a symbolic link")
def external_symlinked_folder(d):
    os.mkdir(os.path.join(d, 'real'))
    data(d, 'real/w.bin')
    os.symlink('real', os.path.join(d, 'sub'))
    with_external(d, external('sub/w.bin'))

@case("has 2 hard links")
def external_hardlink(d):
    data(d, 'real.bin')
    os.link(os.path.join(d, 'real.bin'), os.path.join(d, 'w.bin'))
    with_external(d, external('w.bin'))

@case("which is not there")
def external_missing(d): with_external(d, external('w.bin'))

@case("is a folder and not a regular file")
def external_folder(d):
    os.mkdir(os.path.join(d, 'w.bin'))
    with_external(d, external('w.bin'))

@case("is a pipe and not a regular file")
def external_pipe(d):
    os.mkfifo(os.path.join(d, 'w.bin'))
    with_external(d, external('w.bin'))

@case("beyond the end of the file 'w.bin': expected 1200 bytes from byte 0, found a file of 1199 bytes")
def external_short(d):
    data(d, size=1199)
    with_external(d, external('w.bin'))

@case("beyond the end of the file")
def external_offset(d):
    data(d)
    with_external(d, external('w.bin', offset=(1 << 64) - 8))

@case("whose offset is no number: expected a count of bytes, found '-4'")
def external_negative_offset(d):
    data(d)
    with_external(d, external('w.bin', offset=-4))

@case("external data of the wrong size: expected 1200 bytes for float32 300, found length 8")
def external_length(d):
    data(d)
    with_external(d, external('w.bin', length=8))

@case("without a file name|which is no path")
def external_nameless(d): with_external(d, external(''))

@case("both in the model and in another file")
def external_twice(d):
    data(d)
    t = external('w.bin')
    t.raw_data = bytes(1200)
    with_external(d, t)

# --- Shapes -------------------------------------------------------------------------------------------------------

def dynamic(): return relu(inputs=[info('x', ('batch', 3, None))], outputs=[info('y', ('batch', 3, None))])

@case(r"leaves dimensions of its inputs free: 'x' \(batchx3x\?\).* --shape x=1x3x1 ")
def free_dimensions(d): save(dynamic(), d)

@case(r"free: 'x' \(batchx2\).* --shape batch=1 ")
def free_named_dimension(d): save(relu(inputs=[info('x', ('batch', 2))], outputs=[info('y', None)]), d)

@case('', status=0, options=['--shape', 'batch=4'])
def named_dimension_given(d): save(relu(inputs=[info('x', ('batch', 2))], outputs=[info('y', None)]), d)

@case("the model has no such input", options=['--shape', 'z=1'])
def shape_of_nothing(d): save(dynamic(), d)

@case("another number of dimensions", options=['--shape', 'x=1x3'])
def shape_of_other_rank(d): save(dynamic(), d)

@case("dimension 1 is fixed in the model", options=['--shape', 'x=1x4x5'])
def shape_against_fixed(d): save(dynamic(), d)

@case("given two values", options=['--shape', 'x=1x3x5', '--shape', 'batch=2'])
def shapes_in_conflict(d): save(dynamic(), d)

@case("negative dimension", options=['--shape', 'x=1x3x-5'])
def negative_shape(d): save(dynamic(), d)

@case("absurdly large", options=['--shape', 'x=1000000000x3x1000000000'])
def absurd_shape(d): save(dynamic(), d)

@case("input 'x' has a negative dimension: -7x2")
def negative_input(d): save(relu(inputs=[info('x', (-7, 2))]), d)

@case("input 'x' is absurdly large")
def absurd_input(d): save(relu(inputs=[info('x', (1 << 40, 1 << 40))], outputs=[info('y', None)]), d)


def check(tool, folder, name):
    function, expected, status, options = CASES[name]
    place = os.path.join(folder, name)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    path = function(place) or os.path.join(place, 'model.onnx')
    start = time.time()
    process = subprocess.Popen([tool, path, '--quiet', *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f'took over {SECONDS} s'
    errors = errors.decode(errors='backslashreplace')
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    if process.returncode != status:
        return f'exit code {process.returncode} instead of {status}: {errors[-600:]}'
    if peak > MEMORY:
        return f'{peak >> 20} MiB of memory'
    if status == 0:
        return '' if not errors else f'complains: {errors}'
    if not errors.startswith('error: ') or errors.count('\n') != 1:
        return f'not one paragraph: {errors!r}'
    if not errors.startswith('error: ' + path + ': '):
        return f'does not name the model: {errors!r}'
    if not re.search(expected, errors):
        return f'says\n    {errors}  instead of\n    {expected}'
    return ''


def main():
    tool, folder = sys.argv[1:3]
    names = sys.argv[3:] or list(CASES)
    bad = 0
    for name in names:
        fault = check(tool, folder, name)
        if fault:
            bad += 1
            print(f'FAIL {name}: {fault}')
    print(f'{len(names) - bad} of {len(names)} cases as expected')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
