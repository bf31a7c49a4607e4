"""The networks of DCGAN while training, without dropout, in NumPy float64."""

from __future__ import annotations

import numpy as np


def generate(latents, weights):
    """Pictures from latents `[N, Z]`; `weights` as `generator.trainable_variables` orders them."""
    weights = [np.asarray(weight, np.float64) for weight in weights]
    stem, gamma, beta, *rest = weights
    x = _leaky(_batch_norm(np.asarray(latents, np.float64) @ stem, gamma, beta))
    x = x.reshape(len(x), 8, 8, -1)
    while len(rest) > 1:
        kernel, gamma, beta, *rest = rest
        x = _leaky(_batch_norm(_transposed_convolution(x, kernel), gamma, beta))
    return np.tanh(_transposed_convolution(x, rest[0]))


def judge(images, weights):
    """Logits `[N, 1]`; `weights` as `discriminator.trainable_variables` orders them."""
    x, weights = np.asarray(images, np.float64), [np.asarray(w, np.float64) for w in weights]
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = _leaky(_convolution(x, kernel) + bias)
    return x.reshape(len(x), -1) @ weights[-2] + weights[-1]


def cross_entropy(target, logits):
    return np.mean(np.log1p(np.exp(logits)) - target * logits)


def _leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def _batch_norm(x, gamma, beta):
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def _convolution(x, kernel):
    """4×4, stride 2, one zero on each side."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1] // 2 - 1, x.shape[2] // 2 - 1
    return sum(
        x[:, dy : dy + 2 * height : 2, dx : dx + 2 * width : 2] @ kernel[dy, dx]
        for dy in range(4)
        for dx in range(4)
    )


def _transposed_convolution(x, kernel):
    """Each pixel lays a 4×4 stamp at twice its place; one pixel on each side is cut off."""
    count, height, width, _ = x.shape
    y = np.zeros((count, 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for dy in range(4):
        for dx in range(4):
            y[:, dy : dy + 2 * height : 2, dx : dx + 2 * width : 2] += x @ kernel[dy, dx].T
    return y[:, 1:-1, 1:-1]
