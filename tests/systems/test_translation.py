"""What systems that repaint photos have in common."""

from __future__ import annotations

import numpy as np
import pytest

from monet.data import Domains
from monet.data.sources import ImageSource
from monet.models import PainterGenerator, ResNetGenerator
from monet.systems import get_recipe, system_of

DARK, LIGHT = np.array([40.0, 60.0, 110.0]), np.array([170.0, 150.0, 20.0])
NOISE = 20  # an untrained network paints some, in levels


class Coloured(ImageSource):
    """Pictures around one colour."""

    def __init__(self, colour):
        super().__init__([f"{number}.png" for number in range(6)], "coloured pictures")
        self.colour, self.reads = colour, 0

    def read(self, index, *, shrink_to=None):
        self.reads += 1
        noise = np.random.default_rng(index).normal(0, 12, (40, 44, 3))
        return np.clip(self.colour + noise, 0, 255).astype(np.uint8)


def prepared(recipe_name, generator):
    recipe = get_recipe(recipe_name).replace(
        generator=generator, image_size=32, average_momentum=0.9
    )
    system = system_of(recipe)
    domains = Domains(Coloured(LIGHT), Coloured(DARK), "")
    model = system.build(recipe, steps_per_epoch=1)
    system.prepare(model, recipe, domains)
    return model, domains


def mean_colour(network, colour):
    """Of what an untrained network makes of a picture in `colour`, 0…255."""
    picture = np.broadcast_to((colour / 127.5 - 1).astype("float32"), (1, 32, 32, 3))
    return np.asarray(network(picture)).mean(axis=(0, 1, 2)) * 127.5 + 127.5


PAINTER = PainterGenerator(filters=8, blocks=1)


@pytest.mark.parametrize("name", ["monet", "cyclegan"])
def test_a_generator_begins_with_the_colours_of_the_paintings(name):
    model, _ = prepared(name, PAINTER)
    assert model.networks[0] is not model.generator, "the one that is trained and its average"
    for network in (model.networks[0], model.generator):
        np.testing.assert_allclose(mean_colour(network, DARK), LIGHT, atol=NOISE)


def test_the_way_back_of_a_cyclegan_begins_with_the_colours_of_the_photos():
    model, _ = prepared("cyclegan", PAINTER)
    np.testing.assert_allclose(mean_colour(model.photo_generator, LIGHT), DARK, atol=NOISE)


@pytest.mark.parametrize("name", ["monet", "cyclegan"])
def test_no_picture_is_read_for_a_generator_that_keeps_no_copy(name):
    _, domains = prepared(name, ResNetGenerator(filters=4, blocks=1))
    assert domains.photos.reads == domains.paintings.reads == 0
