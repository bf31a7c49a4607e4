"""What a CycleGAN tutorial's own code does: the baseline that every speed-up is measured against.

Plain TensorFlow and Keras, nothing of this package. The structure (six generator calls, four
tapes, four optimizers) is the one that the published CycleGAN tutorials share.
"""

from __future__ import annotations

import contextlib

import keras
import tensorflow as tf


def instance_norm(x, gamma, beta, epsilon=1e-5):
    """Instance normalisation from `tf.nn.moments`; all in the dtype of `x`, as under Keras."""
    mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True)
    normalised = (x - mean) * tf.math.rsqrt(variance + epsilon)
    return tf.cast(gamma, x.dtype) * normalised + tf.cast(beta, x.dtype)


def reflect_conv2d(x, kernel):
    border = [kernel.shape[0] // 2] * 2
    padded = tf.pad(x, [[0, 0], border, border, [0, 0]], mode="REFLECT")
    return tf.nn.conv2d(padded, kernel, strides=1, padding="VALID")


def conv2d(x, kernel):
    return tf.nn.conv2d(x, kernel, strides=2, padding="SAME")


def conv2d_transpose(x, kernel):
    n, h, w, _ = x.shape
    return tf.nn.conv2d_transpose(x, kernel, [n, 2 * h, 2 * w, kernel.shape[2]], 2, "SAME")


def residual_block(x, kernel1, gamma1, beta1, kernel2, gamma2, beta2):
    y = tf.nn.relu(instance_norm(reflect_conv2d(x, kernel1), gamma1, beta1))
    return x + instance_norm(reflect_conv2d(y, kernel2), gamma2, beta2)


@contextlib.contextmanager
def dtype_policy(name):
    """Networks built inside the block compute in this Keras dtype policy."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


class InstanceNormalization(keras.layers.Layer):
    """`instance_norm` with its weights."""

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, x):
        return instance_norm(x, self.gamma, self.beta)


class ReflectionPadding2D(keras.layers.Layer):
    """`tf.pad(mode="REFLECT")` as a layer."""

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        border = [self.padding, self.padding]
        return tf.pad(x, [[0, 0], border, border, [0, 0]], mode="REFLECT")

    def compute_output_shape(self, input_shape):
        n, h, w, c = input_shape
        grow = 2 * self.padding
        return n, h and h + grow, w and w + grow, c


def _conv(x, filters, size, *, strides=1, padding="valid", bias=False):
    return keras.layers.Conv2D(filters, size, strides, padding, use_bias=bias)(x)


def resnet_generator(filters=64, blocks=9, size=None):
    """The reflection-padded ResNet generator of Zhu et al. 2017, for images of any or one size."""

    def norm_relu(x):
        return keras.layers.ReLU()(InstanceNormalization()(x))

    inputs = keras.Input((size, size, 3))
    x = norm_relu(_conv(ReflectionPadding2D(3)(inputs), filters, 7))
    for scale in (2, 4):
        x = norm_relu(_conv(x, filters * scale, 3, strides=2, padding="same"))
    for _ in range(blocks):
        y = norm_relu(_conv(ReflectionPadding2D(1)(x), filters * 4, 3))
        y = InstanceNormalization()(_conv(ReflectionPadding2D(1)(y), filters * 4, 3))
        x = keras.layers.Add()([x, y])
    for scale in (2, 1):
        x = keras.layers.Conv2DTranspose(filters * scale, 3, 2, "same", use_bias=False)(x)
        x = norm_relu(x)
    x = _conv(ReflectionPadding2D(3)(x), 3, 7, bias=True)
    return keras.Model(inputs, keras.layers.Activation("tanh", dtype="float32")(x))


def patchgan_discriminator(filters=64, size=None):
    """The 70x70 PatchGAN of Isola et al. 2017."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.LeakyReLU(0.2)(_conv(inputs, filters, 4, strides=2, padding="same", bias=True))
    for scale, strides in ((2, 2), (4, 2), (8, 1)):
        x = _conv(x, filters * scale, 4, strides=strides, padding="same")
        x = keras.layers.LeakyReLU(0.2)(InstanceNormalization()(x))
    x = _conv(x, 1, 4, padding="same", bias=True)
    return keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(x))


def unet_generator(size, filters=64):
    """The U-Net of Isola et al. 2017 with the instance norm of TensorFlow's CycleGAN tutorial."""
    levels = size.bit_length() - 1
    widths = [filters * min(2**level, 8) for level in range(levels)]
    inputs = x = keras.Input((size, size, 3))
    skips = []
    for level, width in enumerate(widths):
        x = _conv(x, width, 4, strides=2, padding="same")
        x = keras.layers.LeakyReLU()(x if level == 0 else InstanceNormalization()(x))
        skips.append(x)
    for step, level in enumerate(range(levels - 2, -1, -1)):
        x = keras.layers.Conv2DTranspose(widths[level], 4, 2, "same", use_bias=False)(x)
        x = InstanceNormalization()(x)
        x = keras.layers.ReLU()(keras.layers.Dropout(0.5)(x) if step < 3 else x)
        x = keras.layers.Concatenate()([x, skips[level]])
    x = keras.layers.Conv2DTranspose(3, 4, 2, "same")(x)
    return keras.Model(inputs, keras.layers.Activation("tanh", dtype="float32")(x))


def unet_discriminator(size, filters=64):
    """The patch discriminator of that tutorial."""
    inputs = x = keras.Input((size, size, 3))
    for scale in (1, 2, 4):
        x = _conv(x, filters * scale, 4, strides=2, padding="same")
        x = keras.layers.LeakyReLU()(x if scale == 1 else InstanceNormalization()(x))
    x = _conv(keras.layers.ZeroPadding2D()(x), filters * 8, 4)
    x = keras.layers.LeakyReLU()(InstanceNormalization()(x))
    x = _conv(keras.layers.ZeroPadding2D()(x), 1, 4, bias=True)
    return keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(x))


def squared_error(logits, target):
    return tf.reduce_mean(tf.square(logits - target))


def cross_entropy(logits, target):
    labels = tf.fill(tf.shape(logits), target)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def count_flops(network):
    """Multiplications and additions in the convolutions of a network built for one size."""
    flops = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            pixels = layer.input.shape[1] * layer.input.shape[2]
        elif isinstance(layer, keras.layers.Conv2D):
            pixels = layer.output.shape[1] * layer.output.shape[2]
        else:
            continue
        flops += 2 * pixels * layer.kernel.shape.num_elements()
    return flops


def make_training_step(generator, discriminator, adversarial=squared_error, jit_compile=False):
    """A tutorial's whole training step as a `tf.function` of (photos, paintings).

    Args:
        generator: builds a generator; called twice, as is `discriminator`.
        adversarial: loss of logits against a target of 0 or 1.
        jit_compile: whether XLA compiles the step.
    """
    to_painting, to_photo = generator(), generator()
    judge_painting, judge_photo = discriminator(), discriminator()
    networks = (to_painting, to_photo, judge_painting, judge_photo)
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in networks]
    for network, optimizer in zip(networks, optimizers, strict=True):
        optimizer.build(network.trainable_variables)

    def l1(a, b):
        return tf.reduce_mean(tf.abs(a - b))

    @tf.function(jit_compile=jit_compile)
    def step(photos, paintings):
        with tf.GradientTape(persistent=True) as tape:
            fake_painting = to_painting(photos, training=True)
            cycled_photo = to_photo(fake_painting, training=True)
            fake_photo = to_photo(paintings, training=True)
            cycled_painting = to_painting(fake_photo, training=True)
            same_painting = to_painting(paintings, training=True)
            same_photo = to_photo(photos, training=True)
            real_painting_logits = judge_painting(paintings, training=True)
            real_photo_logits = judge_photo(photos, training=True)
            fake_painting_logits = judge_painting(fake_painting, training=True)
            fake_photo_logits = judge_photo(fake_photo, training=True)
            cycle = 10.0 * (l1(photos, cycled_photo) + l1(paintings, cycled_painting))
            losses = (
                adversarial(fake_painting_logits, 1.0) + cycle + 5.0 * l1(paintings, same_painting),
                adversarial(fake_photo_logits, 1.0) + cycle + 5.0 * l1(photos, same_photo),
                0.5
                * (adversarial(real_painting_logits, 1.0) + adversarial(fake_painting_logits, 0.0)),
                0.5 * (adversarial(real_photo_logits, 1.0) + adversarial(fake_photo_logits, 0.0)),
            )
        for loss, network, optimizer in zip(losses, networks, optimizers, strict=True):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return losses

    return step
