"""How much a network computes."""

from __future__ import annotations

import math

import keras

from monet.layers import SelfAttention


def multiply_adds(model: keras.Model, image_size: int) -> int:
    """Multiply-adds of one forward pass for one image.

    Counts convolutions, dense layers and the products inside self-attention, with zeros of the
    padding as if they were pixels. Norms, activations and sums are left out: they are less than one
    percent of the arithmetic.

    Args:
        model: a functional model of layers that can tell their output's shape.
        image_size: side in pixels of square images, where the model takes any size.
    """
    shapes = {}
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            shapes[id(layer.output)] = (1, *(side or image_size for side in layer.output.shape[1:]))
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        input_shapes = [shapes[id(tensor)] for tensor in inputs]
        is_merge = isinstance(layer, (keras.layers.Add, keras.layers.Concatenate))
        output_shape = layer.compute_output_shape(*([input_shapes] if is_merge else input_shapes))
        shapes[id(layer.output)] = tuple(output_shape)
        total += _of_layer(layer, input_shapes[0], output_shape)
    return total


def _of_layer(layer, input_shape, output_shape):
    # A transposed convolution uses its kernel once for every pixel it reads.
    is_transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    pixels = math.prod((input_shape if is_transposed else output_shape)[1:-1])
    kernels = (weight for weight in layer.trainable_weights if len(weight.shape) > 1)
    total = pixels * sum(math.prod(kernel.shape) for kernel in kernels)
    if isinstance(layer, SelfAttention):
        channels = input_shape[-1]
        total += pixels**2 * (channels // 8 + channels)
    return total
