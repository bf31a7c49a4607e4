"""Makes training steps of the recipe `monet` for `scaling.py`, which starts it.

    python scaling_worker.py '{"size": 128, "filters": 32, "batch": 4, "threads": 1}'

First it prints what three steps took, as JSON in bytes: "tensors", those alive at once inside a
step, null where TensorFlow's allocator doesn't count; "grown", what the process grew by; "process",
the most that it had. And "flops", those of a step's convolutions. Then, for each line that it
reads, it prints the "seconds" of a step.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time

from memory import resident

_SECONDS_OF_A_TURN = 0.3


def sized(recipe, size, filters, batch):
    """The recipe with all its networks' widths in proportion to those of its generator."""
    generator, discriminator = recipe.generator, recipe.discriminator
    scale = filters / generator.filters
    return recipe.replace(
        image_size=size,
        picture_size=max(size, recipe.picture_size),
        batch_size=batch,
        generator=dataclasses.replace(
            generator, filters=filters, head_filters=round(scale * generator.head_filters)
        ),
        discriminator=dataclasses.replace(
            discriminator, filters=round(scale * discriminator.filters)
        ),
    )


def flops_of_a_step(recipe) -> int:
    """Of the convolutions: a gradient costs a forward pass for the weights, and one for the input.

    The discriminator judges a fake for the generator, without the gradients of its own weights,
    then a painting and a fake for itself.
    """
    from monet.models.cost import multiply_adds

    generator, discriminator = (
        2 * multiply_adds(network.build(recipe.image_size), recipe.image_size)
        for network in (recipe.generator, recipe.discriminator)
    )
    return recipe.batch_size * (3 * generator + (2 + 6) * discriminator)


def main() -> None:
    options = json.loads(sys.argv[1])
    threads = options.pop("threads")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf
    from test_training_step import image_batch, make_monet_step

    from monet import systems

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    recipe = sized(systems.get_recipe("monet"), **options)
    step = make_monet_step(recipe, image_batch(recipe.image_size, recipe.batch_size))
    before = resident("VmRSS")
    step()
    at_rest = tf.config.experimental.get_memory_info("CPU:0")["current"]
    for _ in range(2):
        step()
    peak = tf.config.experimental.get_memory_info("CPU:0")["peak"]
    print(
        json.dumps(
            {
                "tensors": peak - at_rest if peak else None,
                "grown": resident("VmHWM") - before,
                "process": resident("VmHWM"),
                "flops": flops_of_a_step(recipe),
            }
        ),
        flush=True,
    )
    for _ in sys.stdin:
        steps, start = 0, time.perf_counter()
        while not steps or time.perf_counter() - start < _SECONDS_OF_A_TURN:
            step()
            steps += 1
        print(json.dumps({"seconds": (time.perf_counter() - start) / steps}), flush=True)


if __name__ == "__main__":
    main()
