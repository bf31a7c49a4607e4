"""A generator, a recipe or a system that the package's other files have never heard of."""

from __future__ import annotations

import dataclasses
import json
from typing import ClassVar
from unittest import mock

import keras
import pytest

from monet import train
from monet.models import (
    GENERATORS,
    DCGANDiscriminator,
    DCGANGenerator,
    Generator,
    PatchGANDiscriminator,
)
from monet.models.architecture import register as register_architecture
from monet.systems import RECIPES, SYSTEMS, get_recipe, recipe_from_dict
from monet.systems.base import register as register_system
from monet.systems.cyclegan import CycleGANRecipe
from monet.systems.dcgan import DCGANRecipe, DCGANSystem


@pytest.fixture(autouse=True)
def registries():
    """Whatever a test registers is forgotten after it."""
    with (
        mock.patch.dict(GENERATORS),
        mock.patch.dict(Generator.kinds),
        mock.patch.dict(RECIPES, clear=True),
        mock.patch.dict(SYSTEMS),
    ):
        yield


@pytest.fixture
def data(tmp_path, noise_pictures):
    return noise_pictures(tmp_path, trainA=2, trainB=2)


@pytest.fixture
def tint():
    """What `models/tint.py` and a recipe in `systems/cyclegan.py` would hold."""

    @register_architecture({"tint": {}, "tint-twice": {"layers": 2}})
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class TintGenerator(Generator):
        architecture: ClassVar[str] = "tint"

        layers: int = 1

        def image_sizes(self):
            return "at least 32"

        def takes(self, image_size):
            return image_size >= 32

        def build(self, image_size, *, dtype=None, name=None):
            x = images = keras.Input((None, None, 3))
            for _ in range(self.layers):
                x = keras.layers.Conv2D(3, 1, dtype=dtype)(x)
            x = keras.layers.Activation("tanh", dtype="float32")(x)
            return keras.Model(images, x, name=name)

    RECIPES["tinted"] = CycleGANRecipe(
        name="tinted",
        source="these tests",
        generator=TintGenerator(),
        discriminator=PatchGANDiscriminator(filters=4),
        image_size=32,
        epochs=1,
        steps_per_epoch=1,
    )
    return TintGenerator


def config(run):
    return json.loads((run / "config.json").read_text())


def test_a_new_generator_is_known_to_configs_command_lines_tables_and_resumed_runs(
    tint, data, capsys
):
    recipe = get_recipe("tinted")
    assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert str(tint(layers=2)) == "tint-twice"

    run = data / "run"
    options = ["--data", str(data), "--recipe", "tinted", "--out", str(run)]
    assert train.main([*options, "--generator", "tint-twice"]) == 0
    assert config(run)["recipe"]["generator"] == tint(layers=2).to_dict()
    assert train.main(["--resume", str(run), "--epochs", "2"]) == 0
    capsys.readouterr()
    assert train.main(["--resume", str(run), "--generator", "tint"]) == 2
    assert "generator=tint contradicts the run, which was started with tint-twice" in (
        capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        train.main(["--help"])
    assert "tint, tint-twice" in " ".join(capsys.readouterr().out.split()), "wherever lines break"
    assert train.main(["--list-recipes"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("tinted"))
    assert "12  9.22 k" in row, "parameters and multiply-adds of the generator"


def test_a_new_system_is_one_class(data, capsys):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class OtherRecipe(DCGANRecipe):
        system: ClassVar[str] = "other"

    @register_system
    class OtherSystem(DCGANSystem):
        recipe_class = OtherRecipe
        recipes = (
            OtherRecipe(
                name="another",
                source="these tests",
                image_size=16,
                generator=DCGANGenerator(filters=4, latent_dim=4),
                discriminator=DCGANDiscriminator(filters=4),
                epochs=1,
                steps_per_epoch=1,
            ),
        )

        def caption(self, layout):
            return f"{layout['noise']} pictures of another kind"

    run = data / "run"
    options = ["--painting-dir", str(data / "trainA"), "--recipe", "another", "--out", str(run)]
    assert train.main(options) == 0
    assert config(run)["recipe"]["system"] == "other"
    assert "16 pictures of another kind." in (run / "index.html").read_text()
    assert train.main(["--resume", str(run), "--epochs", "2"]) == 0
    assert "--count 16" in capsys.readouterr().out
