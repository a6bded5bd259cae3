#!/usr/bin/env python3
"""Damaged models never crash the reader.

usage: mutated_models.py ADZE_IMPORT FOLDER SEED COUNT MODEL...

Writes COUNT mutations of the models (flipped bits, overwritten, removed, repeated and exchanged bytes, lengths that
still fit their messages where luck has it) into FOLDER and reads them. Whatever a mutation does, the reader ends by
itself with exit code 0 or 1. What crashes it stays in FOLDER.
"""
import os, random, shutil, subprocess, sys

BATCH = 50


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        if len(data) < 4:
            break
        kind, at = rng.randrange(7), rng.randrange(len(data))
        end = min(len(data), at + rng.choice([1, 2, 4, 16, 64]))
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
        elif kind == 2:
            del data[at:end]
        elif kind == 3:
            data[at:at] = data[at:end]
        elif kind == 4:
            other = rng.randrange(len(data))
            data[at:end] = data[other:other + end - at]
        elif kind == 5:
            data[at:end] = bytes(rng.choice([0, 0xff]) for _ in range(end - at))
        else:
            # A number of a varint field: small edits of dimensions, types and attributes.
            data[at] = max(0, min(255, data[at] + rng.choice([-1, 1])))
    return bytes(data)


def run(tool, paths):
    try:
        done = subprocess.run([tool, '--quiet', *paths], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return 'took over 60 s'
    return '' if done.returncode in (0, 1) else f'exit code {done.returncode}: {done.stderr[-300:]!r}'


def main():
    tool, folder, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    originals = [(os.path.basename(os.path.dirname(m)), open(m, 'rb').read()) for m in sys.argv[5:]]
    rng = random.Random(seed)
    os.makedirs(folder, exist_ok=True)
    bad = 0
    for start in range(0, count, BATCH):
        paths = []
        for i in range(start, min(count, start + BATCH)):
            name, data = rng.choice(originals)
            paths.append(os.path.join(folder, f'{seed}-{i}-{name}.onnx'))
            with open(paths[-1], 'wb') as f:
                f.write(mutate(data, rng))
        if run(tool, paths):
            for path in list(paths):
                fault = run(tool, [path])
                if fault:
                    bad += 1
                    paths.remove(path)
                    print(f'FAIL {path}: {fault}')
        for path in paths:
            os.remove(path)
    print(f'{count - bad} of {count} damaged models read or refused')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
