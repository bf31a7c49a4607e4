"""Prints the most memory that training takes beyond its weights and optimizer slots, in bytes.

Run by test_memory.py in a process of its own: `python memory_of_a_step.py ARM SIZE`, where ARM is
"tutorial" or "monet". Linux only.
"""
from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import baselines
from test_training_step import image_batch, make_monet_step

from monet import recipes

M_MMAP_THRESHOLD = -3  # of mallopt in malloc.h


def make_step(arm: str, size: int):
    batch = image_batch(size)
    if arm == "tutorial":
        tutorial_step = baselines.make_training_step(
            baselines.resnet_generator, baselines.patchgan_discriminator
        )
        return lambda: tutorial_step(*batch)

    return make_monet_step(recipes.get_recipe("cyclegan").replace(image_size=size), batch)


def resident(field: str) -> int:
    """A field of this process's memory figures, such as "VmRSS" or its peak "VmHWM", in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def main() -> None:
    # Tensors go back to the system as soon as they are freed, so that what is resident is in use.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 64 << 10)
    step = make_step(sys.argv[1], int(sys.argv[2]))
    gc.collect()
    before = resident("VmRSS")
    for _ in range(3):
        step()
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main()
