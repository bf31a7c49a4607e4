"""Photos painted from files to an archive, as `monet.generate` does it, against the network alone.

Both are loaded and traced before their first turn: that takes as long for one photo as for
thousands, and is no part of how fast they are painted. `--photos` says how many there are.
"""

from __future__ import annotations

import functools

import arms
import memory
import pytest
from painting_arms import network_arm, read_photos, write_photos
from rows import memory_row

from monet import models, ops, precision, systems
from monet.inference import job, painter, painting

GENERATORS = {
    "monet": systems.get_recipe("monet").generator,
    "ResNet-9": models.ResNetGenerator(filters=64),
}


@pytest.mark.benchmark(group="painting")
@pytest.mark.parametrize("name", GENERATORS)
def test_painting(compare, add_row, benchmark, request, smoke, tmp_path, monkeypatch, name):
    count, size = (3, 64) if smoke else (request.config.getoption("--photos"), 256)
    generator, photos, output = (tmp_path / part for part in ("g.keras", "photos", "images.zip"))
    GENERATORS[name].build(size).save(generator)
    write_photos(photos, count, size)
    for module, what in ((job, "load_generator"), (painter, "Painter")):
        monkeypatch.setattr(module, what, functools.cache(getattr(module, what)))

    def paint():
        painted = painting.paint(generator, photos, output, overwrite=True, verbose=False)
        assert painted.written == count

    with ops.use("native"):
        both = {
            "network": network_arm(
                job.load_generator(generator, precision="auto"), read_photos(photos)
            ),
            "monet": paint,
        }
        what = f"{count} photos, {name}, {size}x{size} {precision.resolve().policy}"
        compare(f"painting {what}", both, rounds=5)
    if memory.IS_TOLD and not arms.ON_GPU and benchmark.enabled:
        paths = (generator, photos, output)
        peaks = {arm: memory.measure("memory_of_painting.py", arm, *paths) for arm in both}
        resident = {arm: peak["resident"] for arm, peak in peaks.items()}
        add_row(memory_row(f"memory of painting {what}, resident", resident))
