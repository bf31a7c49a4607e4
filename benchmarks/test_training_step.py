"""One CycleGAN training step: a tutorial's against this package's, at the same precision."""
from __future__ import annotations

import baselines
import numpy as np
import pytest
import tensorflow as tf
from roofline import Work

from monet import ops, recipes, training


def make_monet_step(recipe, batch, jit_compile="auto"):
    """What `fit` calls for one step of `recipe`."""
    model = training.build_cyclegan(recipe, steps_per_epoch=300, jit_compile=jit_compile)
    model.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())

    def step():
        with ops.use("native"):
            model.train_function(batches)
        tf.test.experimental.sync_devices()

    return step


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_resnet_step(compare, smoke, dtype):
    size = 32 if smoke else 128
    rng = np.random.default_rng(0)
    batch = tuple(tf.constant(rng.uniform(-1, 1, (1, size, size, 3)), tf.float32)
                  for _ in range(2))
    recipe = recipes.get_recipe("cyclegan").replace(image_size=size)
    with baselines.dtype_policy(dtype):
        tutorial_step = baselines.make_training_step()
        with ops.use("native"):
            arms = {"monet": make_monet_step(recipe, batch)}
            if ops.status().xla:
                arms["monet XLA"] = make_monet_step(recipe, batch, jit_compile=True)

    def tutorial():
        tutorial_step(*batch)
        tf.test.experimental.sync_devices()

    generator = baselines.count_flops(baselines.resnet_generator(size=size))
    discriminator = baselines.count_flops(baselines.patchgan_discriminator(size=size))
    # Six pictures are generated; each also costs the gradients of what it came from and of the
    # weights. Each discriminator judges a fake for the generator (forward, and the gradient of the
    # picture), then a real one and a fake for itself.
    work = Work(18 * generator + 2 * (2 + 6) * discriminator, 0)
    compare(f"training step, ResNet-9, {size}x{size} {dtype}", {"TF graph": tutorial, **arms},
            work, rounds=5)
