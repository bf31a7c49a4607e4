"""What `--faithful` adds to recipes that follow a notebook."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from monet.models import DCGANDiscriminator, DCGANGenerator
from monet.systems import RECIPES, SYSTEMS, change, get_recipe, system_of
from monet.systems.documents import document_of


class Levels:
    """Flat pictures: that of number n has the level n."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def read_or_next(self, index, *, shrink_to=None):
        return np.full((32, 32, 3), index, np.uint8)


def test_every_recipe_of_a_notebook_has_its_document():
    notebooks = {name for name, recipe in RECIPES.items() if "otebook" in recipe.source}
    notebooks |= {name for name, recipe in RECIPES.items() if "write-ups" in recipe.source}
    documents = {
        name: document for system in SYSTEMS.values() for name, document in system.documents.items()
    }
    assert notebooks - {"monet"} == set(documents)
    for name, document in documents.items():
        assert change(get_recipe(name), document.fields) != get_recipe(name)


def test_other_recipes_follow_none():
    with pytest.raises(ValueError, match="'cyclegan' follows no notebook .* resnet-lsgan"):
        document_of(get_recipe("cyclegan"))


def shown(name, epochs, paintings, photos, **changes):
    """Numbers of the photos and paintings of each epoch."""
    recipe = get_recipe(name)
    recipe = change(recipe, document_of(recipe).fields)
    recipe = recipe.replace(image_size=32, jitter=1.0, flip=False, **changes)
    domains = SimpleNamespace(paintings=Levels(paintings), photos=Levels(photos))
    steps = recipe.count_steps(paintings, photos)
    batches = system_of(recipe).dataset(recipe, domains).take(epochs * steps)
    numbers = [
        [np.rint(pictures[:, 0, 0, 0] * 127.5 + 127.5).astype(int) for pictures in batch]
        for batch in batches
    ]
    return [
        [
            np.concatenate(side).tolist()
            for side in zip(*numbers[start : start + steps], strict=True)
        ]
        for start in range(0, epochs * steps, steps)
    ]


@pytest.mark.parametrize("name", ["unet-bce", "unet-base", "unet-attention"])
def test_the_tutorial_pairs_the_first_photos_with_the_paintings_in_every_epoch(name):
    assert shown(name, 2, 6, 20) == 2 * [[list(range(6)), list(range(6))]]


def test_paintings_come_twice_an_epoch_of_the_group_norm_system():
    first, second = shown("unet-group", 2, 6, 20)
    for photos, paintings in (first, second):
        assert len(photos) == 12 and len(set(photos)) == 12
        assert sorted(paintings) == sorted(2 * list(range(6)))
    assert first != second


def test_a_small_buffer_keeps_to_the_beginning_of_the_photos():
    for photos, paintings in shown("resnet-lsgan", 3, 10, 100, photo_buffer=5):
        assert max(photos) < 15
        assert sorted(paintings) == list(range(10))


def test_the_grid_of_the_dcgan_has_latents_unlike_those_of_its_training():
    recipe = get_recipe("dcgan").replace(
        image_size=32,
        generator=DCGANGenerator(filters=4, latent_dim=8),
        discriminator=DCGANDiscriminator(filters=4),
    )
    domains = SimpleNamespace(paintings=Levels(4))
    system = system_of(recipe)
    assert system.sheet(recipe, domains).latents.numpy().min() < 0
    faithful = change(recipe, document_of(recipe).fields)
    latents = system.sheet(faithful, domains).latents.numpy()
    assert 0 <= latents.min() < 0.1 and 0.9 < latents.max() < 1
