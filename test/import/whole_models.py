#!/usr/bin/env python3
"""Whole models are read, in short time and little memory.

usage: whole_models.py ADZE_IMPORT MODEL_FOLDER... | ADZE_IMPORT --node-tests FOLDER

A model folder holds model.onnx and perhaps io.npz, whose arrays in/NAME give the shapes of free inputs. With
--node-tests, FOLDER holds ONNX's backend node tests: all are read but those listed here, with the reason.
"""
import glob, os, subprocess, sys, time
import numpy as np

# opset 1 of Not, and inputs with a dimension that the test leaves free.
REFUSED_NODE_TESTS = {
    'test_not_2d': 'opset 1', 'test_not_3d': 'opset 1', 'test_not_4d': 'opset 1',
    'test_sequence_map_add_1_sequence_1_tensor': '--shape N=1',
    'test_sequence_map_add_1_sequence_1_tensor_expanded': '--shape N=1',
    'test_sequence_map_identity_1_sequence_1_tensor': '--shape M=1',
    'test_sequence_map_identity_1_sequence_1_tensor_expanded': '--shape M=1',
}


def shapes(folder):
    path = os.path.join(folder, 'io.npz')
    if not os.path.exists(path):
        return []
    options = []
    with np.load(path) as arrays:
        for name in arrays.files:
            if name.startswith('in/'):
                options += ['--shape', name[3:] + '=' + 'x'.join(map(str, arrays[name].shape))]
    return options


def read_models(tool, folders):
    bad = 0
    for folder in folders:
        start = time.time()
        process = subprocess.Popen([tool, '--quiet', os.path.join(folder, 'model.onnx'), *shapes(folder)],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        bad += status != 0
        print(f'{"ok  " if status == 0 else "FAIL"} {time.time() - start:5.2f} s {usage.ru_maxrss >> 10:5d} MiB  {output}')
    print(f'{len(folders) - bad} of {len(folders)} models read')
    return bad != 0


def read_node_tests(tool, folder):
    models = sorted(glob.glob(os.path.join(folder, '*', 'model.onnx')))
    done = subprocess.run([tool, '--quiet', *models], capture_output=True, text=True)
    read = {line.split('/model.onnx')[0].rsplit('/', 1)[-1] for line in done.stdout.splitlines()}
    names = {model.split('/')[-2] for model in models}
    unexpected = sorted(names - read - set(REFUSED_NODE_TESTS)) + sorted(read & set(REFUSED_NODE_TESTS))
    for name in unexpected:
        print('FAIL', name)
    for name, reason in REFUSED_NODE_TESTS.items():
        if name in names and reason not in done.stderr:
            print('FAIL', name, 'is not refused for', reason)
            unexpected.append(name)
    print(f'{len(read)} of {len(names)} node tests read')
    return bool(unexpected) or done.returncode not in (0, 1)


if __name__ == '__main__':
    if sys.argv[2] == '--node-tests':
        sys.exit(read_node_tests(sys.argv[1], sys.argv[3]))
    sys.exit(read_models(sys.argv[1], sys.argv[2:]))
