"""The Python of the documents runs as it stands, but for the size of what is trained."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monet.inference import export
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.systems import RECIPES

ROOT = Path(__file__).resolve().parents[1]


def blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the data that documents name, where a CycleGAN is a small one."""
    random = np.random.default_rng(0)
    for folder in ("gan-getting-started/monet_jpg", "gan-getting-started/photo_jpg", "holiday"):
        (tmp_path / folder).mkdir(parents=True)
        for index in range(2):
            pixels = random.integers(0, 255, (40, 36, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{index}.jpg")
    small = RECIPES["cyclegan"].replace(
        generator=ResNetGenerator(filters=4, blocks=1),
        discriminator=PatchGANDiscriminator(filters=4),
        image_size=32,
        steps_per_epoch=1,
    )
    monkeypatch.setitem(RECIPES, "cyclegan", small)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(block: str) -> dict:
    names: dict = {}
    for epochs, fewer in (
        ("epochs=20", "epochs=1"),
        ("epochs=40", "epochs=2"),
        ('"epochs": 20', '"epochs": 1'),
    ):
        block = block.replace(epochs, fewer)
    exec(compile(block, "<document>", "exec"), names)
    return names


def test_the_readme_trains_and_paints(desk):
    (block,) = (block for block in blocks("README.md") if "runs.start" in block)
    names = run(block)
    assert [row["epoch"] for row in names["run"].history()] == [1, 2]
    assert sorted(path.name for path in (desk / "holiday-by-monet").iterdir()) == ["0.jpg", "1.jpg"]
    assert names["generator"](np.zeros((1, 40, 36, 3), "float32")).shape == (1, 40, 36, 3)


def test_recipes_are_changed_from_python(desk):
    (block,) = (block for block in blocks("docs/recipes.md") if "change(" in block)
    recipe = run(block)["recipe"]
    assert (recipe.pool_size, recipe.generator.filters) == (0, 32)
    (trained,) = (desk / "runs").iterdir()
    assert (trained / "generator.keras").is_file()


def test_exported_generators_paint(desk):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    (desk / "runs" / "first").mkdir(parents=True)
    file = desk / "runs" / "first" / "generator.keras"
    ResNetGenerator(filters=4, blocks=1).build(32).save(file)
    found = blocks("docs/export.md")
    assert len(found) == 2
    for block, form in zip(found, ("onnx", "savedmodel"), strict=True):
        export(file, form)
        assert run(block)["painting"].shape == (1, 256, 320, 3)


@pytest.mark.parametrize("document", ["README.md", "docs/ops.md"])
def test_ops_and_layers_are_used(desk, document):
    found = [block for block in blocks(document) if "runs" not in block]
    assert found
    for block in found:
        names = run(block)
        if "model" in names:
            assert names["model"](np.zeros((1, 32, 24, 3), "float32")).shape == (1, 32, 24, 3)
        if "same" in names:
            np.testing.assert_allclose(names["y"], names["same"], atol=1e-5)
