"""The networks of the documented CycleGANs in layers of Keras alone, written for comparison.

Each follows its document and shares no code with `monet.models`.
"""

from __future__ import annotations

import math

import keras
from keras import layers


def unet_widths(size, filters):
    """Down to one pixel."""
    return [filters * min(2**level, 8) for level in range(int(math.log2(size)))]


def instance_norm(x, epsilon):
    return layers.GroupNormalization(groups=-1, epsilon=epsilon)(x)


def leaky_relu(x, slope):
    return layers.LeakyReLU(negative_slope=slope)(x)


def pad(x, width, mode):
    return keras.ops.pad(x, [(0, 0), (width, width), (width, width), (0, 0)], mode=mode)


def resnet(size, filters, blocks, padding):
    def bordered(x, width, kernel, use_bias=False):
        x = pad(x, kernel // 2, {"reflect": "reflect", "zero": "constant"}[padding])
        return layers.Conv2D(width, kernel, use_bias=use_bias)(x)

    def norm_relu(x):
        return layers.ReLU()(instance_norm(x, 1e-5))

    inputs = keras.Input((size, size, 3))
    x = norm_relu(bordered(inputs, filters, 7))
    for factor in (2, 4):
        x = layers.Conv2D(factor * filters, 3, 2, padding="same", use_bias=False)(x)
        x = norm_relu(x)
    for _ in range(blocks):
        y = norm_relu(bordered(x, 4 * filters, 3))
        x = layers.add([x, instance_norm(bordered(y, 4 * filters, 3), 1e-5)])
    for factor in (2, 1):
        x = layers.Conv2DTranspose(factor * filters, 3, 2, padding="same", use_bias=False)(x)
        x = norm_relu(x)
    return keras.Model(inputs, keras.ops.tanh(bordered(x, 3, 7, use_bias=True)))


def patchgan(size, filters, padding):
    inputs = keras.Input((size, size, 3))
    x = leaky_relu(layers.Conv2D(filters, 4, 2, padding="same")(inputs), 0.2)
    for factor in (2, 4):
        x = layers.Conv2D(factor * filters, 4, 2, padding="same", use_bias=False)(x)
        x = leaky_relu(instance_norm(x, 1e-5), 0.2)
    for width in (8 * filters, 1):
        is_last = width == 1
        if padding == "one":
            x = layers.ZeroPadding2D()(x)
            x = layers.Conv2D(width, 4, use_bias=is_last)(x)
        else:
            x = layers.Conv2D(width, 4, padding="same", use_bias=is_last)(x)
        if not is_last:
            x = leaky_relu(instance_norm(x, 1e-5), 0.2)
    return keras.Model(inputs, x)


def unet(size, filters):
    def down(x, width, norm=True):
        x = layers.Conv2D(width, 4, 2, padding="same", use_bias=False)(x)
        return leaky_relu(instance_norm(x, 1e-3) if norm else x, 0.3)

    inputs = keras.Input((size, size, 3))
    x, skips = inputs, []
    for width in unet_widths(size, filters):
        x = down(x, width, norm=bool(skips))
        skips.append(x)
    for skip in reversed(skips[:-1]):
        x = layers.Conv2DTranspose(skip.shape[-1], 4, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(instance_norm(x, 1e-3))
        x = layers.Concatenate()([x, skip])
    return keras.Model(
        inputs, layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh")(x)
    )


def unet_discriminator(size, filters):
    inputs = keras.Input((size, size, 3))
    x = leaky_relu(layers.Conv2D(filters, 4, 2, padding="same", use_bias=False)(inputs), 0.3)
    for factor in (2, 4):
        x = layers.Conv2D(factor * filters, 4, 2, padding="same", use_bias=False)(x)
        x = leaky_relu(instance_norm(x, 1e-3), 0.3)
    x = layers.Conv2D(8 * filters, 4, use_bias=False)(layers.ZeroPadding2D()(x))
    x = leaky_relu(instance_norm(x, 1e-3), 0.3)
    return keras.Model(inputs, layers.Conv2D(1, 4)(layers.ZeroPadding2D()(x)))


def attention_down(x, width):
    x = layers.Conv2D(width, 4, 2, padding="same", use_bias=False)(x)
    x = leaky_relu(layers.GroupNormalization(groups=8)(x), 0.3)
    x = layers.Conv2D(width, 3, padding="same")(x)
    return layers.GroupNormalization(groups=8)(x)


def self_attention(x):
    _, height, width, channels = x.shape
    f, g, h = (
        layers.Reshape((height * width, depth))(layers.Conv2D(depth, 1)(x))
        for depth in (channels // 8, channels // 8, channels)
    )
    # By einsum, not matmul with a transposed g: layers, and so weights, are sorted by their depth.
    beta = keras.ops.softmax(keras.ops.einsum("npc,nqc->npq", f, g))
    return layers.add([x, layers.Reshape((height, width, channels))(keras.ops.matmul(beta, h))])


def attention_unet(size, filters):
    inputs = keras.Input((size, size, 3))
    x, skips = inputs, []
    for width in unet_widths(size, filters):
        x = attention_down(x, width)
        if len(skips) in (2, 5):
            x = self_attention(x)
        skips.append(x)
    for index, skip in enumerate(reversed(skips[:-1])):
        x = layers.Conv2DTranspose(skip.shape[-1], 4, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.GroupNormalization(groups=8)(x))
        if index == 2:
            x = self_attention(x)
        x = shortcut = layers.Concatenate()([x, skip])
        for activation in (layers.ReLU(), None):
            x = layers.Conv2D(shortcut.shape[-1], 3, padding="same")(x)
            x = layers.GroupNormalization(groups=8)(x)
            x = activation(x) if activation else x
        x = layers.ReLU()(layers.add([shortcut, x]))
    return keras.Model(
        inputs, layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh")(x)
    )


def attention_discriminator(size, filters):
    x = inputs = keras.Input((size, size, 3))
    for factor in (1, 2, 4):
        x = attention_down(x, factor * filters)
    x = layers.Conv2D(8 * filters, 4, use_bias=False)(layers.ZeroPadding2D()(x))
    x = leaky_relu(instance_norm(x, 1e-3), 0.2)
    return keras.Model(inputs, layers.Conv2D(1, 4)(layers.ZeroPadding2D()(x)))
