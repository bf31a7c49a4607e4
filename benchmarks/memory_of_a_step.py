"""Prints the most memory that training takes beyond its weights and optimizer slots.

As JSON, in bytes: "tensors" are those alive at once inside a step on the device that computes it,
null where TensorFlow's allocator doesn't count; "resident" is what the process grows by over the
first steps, which includes the traced graph and what the allocator keeps for later, and is null
where a GPU computes.

Run by test_memory.py in a process of its own: `python memory_of_a_step.py ARM SIZE`, where ARM is
"tutorial" or "monet". Linux only.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys

import baselines
import tensorflow as tf
from arms import ON_GPU
from memory import resident
from test_training_step import image_batch, make_monet_step

from monet import systems

M_MMAP_THRESHOLD = -3  # of mallopt in malloc.h


def make_step(arm: str, size: int):
    batch = image_batch(size)
    if arm == "tutorial":
        tutorial_step = baselines.make_training_step(
            baselines.resnet_generator, baselines.patchgan_discriminator
        )
        return lambda: tutorial_step(*batch)

    return make_monet_step(systems.get_recipe("cyclegan").replace(image_size=size), batch)


def main() -> None:
    # What is freed goes back to the system at once, unless TensorFlow's own allocator keeps it.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 64 << 10)
    step = make_step(sys.argv[1], int(sys.argv[2]))
    device = "GPU:0" if ON_GPU else "CPU:0"
    gc.collect()
    before = resident("VmRSS")
    step()
    at_rest = tf.config.experimental.get_memory_info(device)["current"]
    for _ in range(2):
        step()
    peak = tf.config.experimental.get_memory_info(device)["peak"]
    print(
        json.dumps(
            {
                "tensors": peak - at_rest if peak else None,
                "resident": None if ON_GPU else resident("VmHWM") - before,
            }
        )
    )


if __name__ == "__main__":
    main()
