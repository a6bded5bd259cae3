#!/usr/bin/env python3
"""Trains the digits classifier of the demo and writes it as ONNX.

The data are the 1,797 handwritten digits of 8x8 pixels that scikit-learn
carries (`load_digits`, from the UCI "Optical Recognition of Handwritten Digits"
set). One fifth of each class, drawn with a fixed seed, is held out and takes no
part in training: the network's size, the number of epochs and the step size
were set once and not chosen by it.

    image 1x1x8x8 -> conv 3x3, 16 -> relu -> max-pool 2
                  -> conv 3x3, 32 -> relu -> max-pool 2
                  -> dense 10 -> softmax

Training is plain numpy (float32, Adam, cross-entropy, shifts by one pixel as
augmentation), seeded, about a minute on one core. Written are

    digits.onnx    the model: opset 17, batch 1
    heldout.npz    images uint8 [N, 8, 8] in 0..16, labels uint8 [N], and the
                   probabilities of a float64 forward pass, float32 [N, 10]
    io.npz         one held-out digit as `adze verify --io` reads it
    training.json  what was trained, and its accuracy

Needs numpy, scikit-learn and onnx:

    python3 -m venv /tmp/train
    /tmp/train/bin/pip install -r python/digits/requirements.txt
    /tmp/train/bin/python python/digits/train.py test/models/digits
"""
import argparse
import json
import os

import numpy as np
import onnx
import sklearn
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

SEED = 20
EPOCHS = 60
BATCH = 32
STEP = 2e-3  # of Adam, falling to zero along a half cosine
CHANNELS = (16, 32)
CLASSES = 10


def split(labels, rng):
    """Indices of the training and of the held-out digits, a fifth per class."""
    held_out = []
    for digit in range(CLASSES):
        of_class = rng.permutation(np.flatnonzero(labels == digit))
        held_out.append(of_class[: len(of_class) // 5])
    held_out = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def windows(x):
    """The 3x3 neighbourhoods of x[N, C, H, W], zero outside: [N, H, W, C*9]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = x.shape
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


class Convolution:
    def __init__(self, inputs, outputs, rng):
        deviation = np.sqrt(2 / (inputs * 9))
        self.weight = rng.normal(0, deviation, (outputs, inputs, 3, 3)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        self.shape = x.shape
        self.columns = windows(x)
        y = self.columns @ self.weight.reshape(len(self.weight), -1).T + self.bias
        return y.transpose(0, 3, 1, 2)

    def backward(self, dy):
        flat = dy.transpose(0, 2, 3, 1).reshape(-1, len(self.weight))
        columns = self.columns.reshape(len(flat), -1)
        self.gradients = [(flat.T @ columns).reshape(self.weight.shape), flat.sum(0)]
        # The gradient of a correlation is one with the kernel turned round.
        turned = self.weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        dx = windows(dy) @ turned.reshape(self.shape[1], -1).T
        return dx.transpose(0, 3, 1, 2)


class Dense:
    def __init__(self, inputs, outputs, rng):
        deviation = np.sqrt(1 / inputs)
        self.weight = rng.normal(0, deviation, (outputs, inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.weight.T + self.bias

    def backward(self, dy):
        self.gradients = [dy.T @ self.x, dy.sum(0)]
        return (dy @ self.weight).reshape(self.shape)


class ReluAndPool:
    """max(x, 0), then the maximum of each 2x2 square."""

    def forward(self, x):
        n, c, h, w = x.shape
        self.squares = np.maximum(x, 0).reshape(n, c, h // 2, 2, w // 2, 2)
        self.largest = self.squares.max((3, 5), keepdims=True)
        return self.largest.reshape(n, c, h // 2, w // 2)

    def backward(self, dy):
        chosen = (self.squares == self.largest) & (self.squares > 0)
        n, c, h, w = dy.shape
        dx = chosen * dy.reshape(n, c, h, 1, w, 1)
        return dx.reshape(n, c, 2 * h, 2 * w)


class Network:
    def __init__(self, rng):
        first, second = CHANNELS
        self.layers = [Convolution(1, first, rng), ReluAndPool(),
                       Convolution(first, second, rng), ReluAndPool(),
                       Dense(second * 2 * 2, CLASSES, rng)]

    def trained(self):
        return [layer for layer in self.layers if hasattr(layer, "weight")]

    def probabilities(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        exponentials = np.exp(x - x.max(1, keepdims=True))
        return exponentials / exponentials.sum(1, keepdims=True)

    def backward(self, gradient):
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)

    def in_float64(self):
        copy = Network(np.random.default_rng(0))
        for mine, other in zip(self.trained(), copy.trained()):
            other.weight = mine.weight.astype(np.float64)
            other.bias = mine.bias.astype(np.float64)
        return copy


def shifted(x, rng):
    """Each image moved by at most one pixel in each direction."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = rng.integers(0, 3, (2, len(x)))
    return np.stack([image[:, r:r + 8, c:c + 8]
                     for image, r, c in zip(padded, rows, columns)])


def train(network, images, labels, rng):
    values = [v for layer in network.trained() for v in (layer.weight, layer.bias)]
    first = [np.zeros_like(v) for v in values]
    second = [np.zeros_like(v) for v in values]
    steps = EPOCHS * (len(images) // BATCH)
    time = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        losses = []
        for start in range(0, len(images) - BATCH + 1, BATCH):
            batch = order[start:start + BATCH]
            probabilities = network.probabilities(shifted(images[batch], rng))
            losses.append(-np.log(probabilities[np.arange(BATCH), labels[batch]] + 1e-12).mean())
            gradient = probabilities.copy()
            gradient[np.arange(BATCH), labels[batch]] -= 1
            network.backward(gradient / BATCH)
            time += 1
            rate = STEP * 0.5 * (1 + np.cos(np.pi * time / steps))
            gradients = [g for layer in network.trained() for g in layer.gradients]
            for value, g, m, v in zip(values, gradients, first, second):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                value -= rate * (m / (1 - 0.9 ** time)) / (np.sqrt(v / (1 - 0.999 ** time)) + 1e-8)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3}  training loss {np.mean(losses):.4f}")


def export(network, path):
    first, second, dense = network.trained()
    initializers = [numpy_helper.from_array(array, name) for name, array in (
        ("conv1.weight", first.weight), ("conv1.bias", first.bias),
        ("conv2.weight", second.weight), ("conv2.bias", second.bias),
        ("dense.weight", dense.weight), ("dense.bias", dense.bias))]
    convolution = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    node = helper.make_node
    nodes = [
        node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], "conv1", **convolution),
        node("Relu", ["conv1"], ["relu1"], "relu1"),
        node("MaxPool", ["relu1"], ["pool1"], "pool1", **pool),
        node("Conv", ["pool1", "conv2.weight", "conv2.bias"], ["conv2"], "conv2", **convolution),
        node("Relu", ["conv2"], ["relu2"], "relu2"),
        node("MaxPool", ["relu2"], ["pool2"], "pool2", **pool),
        node("Flatten", ["pool2"], ["flat"], "flatten"),
        node("Gemm", ["flat", "dense.weight", "dense.bias"], ["scores"], "dense", transB=1),
        node("Softmax", ["scores"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, CLASSES])],
        initializers)
    model = helper.make_model(graph, producer_name="adze python/digits/train.py",
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description="Trains the digits classifier of the demo.")
    parser.add_argument("folder", help="where the four files are written")
    folder = parser.parse_args().folder
    os.makedirs(folder, exist_ok=True)

    digits = load_digits()
    pixels = digits.images.astype(np.uint8)
    images = (pixels.astype(np.float32) / 16)[:, None]
    labels = digits.target
    rng = np.random.default_rng(SEED)
    training, held_out = split(labels, rng)
    network = Network(rng)
    train(network, images[training], labels[training], rng)

    accuracy = {}
    exact = network.in_float64()
    for name, part in (("training", training), ("held-out", held_out)):
        probabilities = exact.probabilities(images[part].astype(np.float64))
        right = int((probabilities.argmax(1) == labels[part]).sum())
        accuracy[name] = {"digits": len(part), "right": right,
                          "accuracy": round(right / len(part), 4)}
        print(f"{name}: {right} of {len(part)} right, {right / len(part):.2%}")
    probabilities = probabilities.astype(np.float32)

    export(network, os.path.join(folder, "digits.onnx"))
    np.savez_compressed(os.path.join(folder, "heldout.npz"), images=pixels[held_out],
                        labels=labels[held_out].astype(np.uint8), probabilities=probabilities)
    np.savez(os.path.join(folder, "io.npz"), **{"in/image": images[held_out[:1]],
                                                "out/probabilities": probabilities[:1]})
    parameters = sum(v.size for layer in network.trained() for v in (layer.weight, layer.bias))
    with open(os.path.join(folder, "training.json"), "w") as file:
        json.dump({"data": f"scikit-learn {sklearn.__version__} load_digits", "seed": SEED,
                   "epochs": EPOCHS, "batch": BATCH, "step": STEP, "parameters": parameters,
                   "numpy": np.__version__, **accuracy}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
