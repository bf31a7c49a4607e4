"""One training step: a tutorial's, or TensorFlow's graph of the same, against this package's."""

from __future__ import annotations

import dataclasses
import functools

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
from roofline import Work

from monet import ops, systems


def make_monet_step(recipe, batch, jit_compile=False, implementation="native"):
    """What `fit` calls for one step of `recipe`, as a graph or compiled by XLA."""
    model = systems.build_model(recipe, steps_per_epoch=300, jit_compile=jit_compile)
    model.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())

    def step():
        with ops.use(implementation):
            model.train_function(batches)
        tf.test.experimental.sync_devices()

    return step


def make_tutorial_step(networks, adversarial, batch, jit_compile=False):
    """A tutorial's step, for comparison."""
    tutorial_step = baselines.make_training_step(*networks, adversarial, jit_compile)

    def step():
        tutorial_step(*batch)
        tf.test.experimental.sync_devices()

    return step


def image_batch(size, images=1):
    rng = np.random.default_rng(0)
    shape = (images, size, size, 3)
    return tuple(tf.constant(rng.uniform(-1, 1, shape), tf.float32) for _ in range(2))


def sized(recipe, size, filters):
    """`recipe` for images of that size, with networks of that width."""
    return recipe.replace(
        image_size=size,
        generator=dataclasses.replace(recipe.generator, filters=filters),
        discriminator=dataclasses.replace(recipe.discriminator, filters=filters),
    )


def compare_steps(compare, name, dtype, batch, recipe, tutorial_networks, adversarial):
    """Adds the row of one system; `tutorial_networks` build its generator and discriminator."""
    with baselines.dtype_policy(dtype):
        steps = {"TF graph": make_tutorial_step(tutorial_networks, adversarial, batch)}
        if arms.ON_GPU:  # on a CPU it takes as long as the graph, after minutes of compilation
            steps["TF XLA"] = make_tutorial_step(
                tutorial_networks, adversarial, batch, jit_compile=True
            )
        with ops.use("native"):
            steps["monet"] = make_monet_step(recipe, batch)
            if ops.status().xla:
                steps["monet XLA"] = make_monet_step(recipe, batch, jit_compile=True)

    generator, discriminator = (baselines.count_flops(build()) for build in tutorial_networks)
    # Six pictures are generated; each also costs the gradients of what it came from and of the
    # weights. Each discriminator judges a fake for the generator (forward, and the gradient of the
    # picture), then a real one and a fake for itself.
    work = Work(18 * generator + 2 * (2 + 6) * discriminator, 0)
    size = recipe.image_size
    compare(f"training step, {name}, {size}x{size} {dtype}", steps, work, rounds=5)


@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("dtype", ["float32", f"mixed_{arms.LOW_PRECISION}"])
def test_resnet_step(compare, smoke, dtype):
    size, filters = (32, 8) if smoke else (256 if arms.ON_GPU else 128, 64)
    networks = (
        functools.partial(baselines.resnet_generator, size=size, filters=filters),
        functools.partial(baselines.patchgan_discriminator, size=size, filters=filters),
    )
    recipe = sized(systems.get_recipe("cyclegan"), size, filters)
    compare_steps(
        compare, "ResNet-9", dtype, image_batch(size), recipe, networks, baselines.squared_error
    )


@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("dtype", ["float32", f"mixed_{arms.LOW_PRECISION}"])
def test_unet_step(compare, smoke, dtype):
    size, filters = (32, 8) if smoke else (256, 64)
    networks = (
        functools.partial(baselines.unet_generator, size, filters=filters),
        functools.partial(baselines.unet_discriminator, size, filters=filters),
    )
    recipe = sized(systems.get_recipe("unet-bce"), size, filters)
    compare_steps(
        compare, "U-Net", dtype, image_batch(size), recipe, networks, baselines.cross_entropy
    )


def narrow(name, filters, batch_size, **generator):
    """A recipe for images of 128 px, scaled down to what a CPU trains."""
    recipe = sized(systems.get_recipe(name), 128, filters)
    return recipe.replace(
        batch_size=batch_size, generator=dataclasses.replace(recipe.generator, **generator)
    )


NARROW = {
    "monet": lambda: systems.get_recipe("monet"),
    "sample": lambda: systems.get_recipe("sample"),
    "U-Net, 16 filters, batch 1": lambda: narrow("unet-base", 16, 1),
    "U-Net, 16 filters, batch 8": lambda: narrow("unet-base", 16, 8),
    "U-Net, 32 filters, batch 1": lambda: narrow("unet-base", 32, 1),
    "U-Net, 32 filters, batch 8": lambda: narrow("unet-base", 32, 8),
    "ResNet-6, 32 filters, batch 4": lambda: narrow("cyclegan", 32, 4, blocks=6),
}


@pytest.mark.skipif(arms.ON_GPU, reason="these are networks that a CPU trains")
@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("name", NARROW)
def test_narrow_step(compare, smoke, name):
    """Against the same step by TensorFlow's ops; that of `monet` lays brush strokes by them too."""
    recipe = narrow("unet-base", 8, 1) if smoke else NARROW[name]()
    size = recipe.image_size
    batch = image_batch(size, recipe.batch_size)
    steps = {
        arm: make_monet_step(recipe, batch, implementation=implementation)
        for arm, implementation in (("TF graph", "reference"), ("monet", "native"))
    }
    compare(f"training step, {name}, {size}x{size} float32", steps, rounds=5)
