from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from monet.models import PatchGANDiscriminator, TwoHeadedDiscriminator
from monet.systems import SYSTEMS, change, get_recipe, recipe_from_dict, system_of
from monet.systems.sheets.paintings import PaintingSheet


class Numbered:
    """Pictures in which each pixel tells its column."""

    def __init__(self, count, height, width):
        self.count, self.shape = count, (height, width)

    def __len__(self):
        return self.count

    def read(self, index, shrink_to=None):
        columns = np.arange(self.shape[1], dtype=np.uint8)
        return np.broadcast_to(columns[None, :, None], (*self.shape, 3)).copy()

    read_or_next = read


def test_lists_are_tuples_again_from_a_config():
    fields = {**get_recipe("monet").to_dict(), "head_losses": ["bce", "bce"], "diff_augment": []}
    recipe = recipe_from_dict(fields)
    assert (recipe.head_losses, recipe.diff_augment) == (("bce", "bce"), ())


@pytest.mark.parametrize(
    ("change", "expectation"),
    [
        ({"head_losses": ("hinge",)}, "at least 2 of hinge, bce, least-squares"),
        ({"head_losses": ("hinge", "wgan-gp")}, "at least 2 of hinge, bce, least-squares"),
        ({"image_size": 130}, "a multiple of 4 and at least 32"),
        ({"picture_size": 64}, "an integer of at least 128"),
        ({"augment_colour": 1.5}, r"in \[0, 1\]"),
        ({"augment_hole": 0.0}, r"in \(0, 1\]"),
        ({"average_momentum": 1.0}, r"in \[0, 1\)"),
        ({"lambda_content": -1.0}, "at least 0"),
        ({"lambda_colour": -1.0}, "at least 0"),
        ({"sample_photos": 0}, "at least 1"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(change, expectation):
    (field,) = change
    with pytest.raises(ValueError, match=f"{field}=.*'monet'.*{expectation}"):
        get_recipe("monet").replace(**change)


def test_a_discriminator_with_one_head_takes_the_first_loss():
    recipe = change(get_recipe("monet"), {"discriminator": "patchgan"})
    assert recipe.discriminator == PatchGANDiscriminator(padding="one")
    assert recipe.replace(head_losses=("bce",)).head_losses == ("bce",)


def test_a_cyclegan_takes_one_head_only():
    with pytest.raises(ValueError, match="discriminator=.*expected one with a single head"):
        get_recipe("cyclegan").replace(discriminator=TwoHeadedDiscriminator())


def test_training_crops_keep_the_scale_of_the_pictures():
    recipe = get_recipe("monet").replace(image_size=32, picture_size=64, batch_size=3, flip=False)
    domains = SimpleNamespace(paintings=Numbered(4, 64, 80), photos=Numbered(5, 128, 160))
    lefts = set()
    for photos, paintings in system_of(recipe).dataset(recipe, domains).take(8):
        assert photos.shape == paintings.shape == (3, 32, 32, 3)
        for pictures, step in ((paintings, 1), (photos, 2)):  # the photos are halved
            columns = (pictures.numpy()[:, 16, :, 0] + 1) * 127.5
            np.testing.assert_allclose(np.diff(columns[:, 4:-4], axis=1), step, atol=0.1)
        lefts |= set(np.rint((paintings.numpy()[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist())
    assert len(lefts) > 5 and min(lefts) >= 0 and max(lefts) <= 80 - 32


def test_the_sheet_shows_what_became_of_photos_and_of_paintings():
    photos = np.full((2, 64, 64, 3), -1, np.float32)
    paintings = np.full((1, 64, 64, 3), 1, np.float32)
    sheet = PaintingSheet(photos, paintings)

    def paint(images, training):
        assert not training
        return tf.zeros_like(images)

    drawn = sheet.draw(SimpleNamespace(generator=paint))
    assert drawn.shape == (sheet.height, sheet.width, 3)
    assert [drawn[5, 5, 0], drawn[-5, 5, 0]] == [0, 128]
    assert [drawn[5, -5, 0], drawn[-5, -5, 0]] == [255, 128]
    system = SYSTEMS["one-sided"]
    assert system.sheet_shows_inputs
    caption = system.caption(sheet.layout)
    assert caption.startswith("Top to bottom: 2 photos → painted; 1 paintings")


def test_the_sheet_is_as_large_as_pictures_will_be_painted():
    domains = SimpleNamespace(paintings=Numbered(4, 96, 96), photos=Numbered(9, 96, 96))
    recipe = get_recipe("monet").replace(image_size=32, picture_size=96)
    assert system_of(recipe).sheet(recipe, domains).photos.shape == (4, 96, 96, 3)
    recipe = recipe.replace(picture_size=98)
    assert system_of(recipe).sheet(recipe, domains).photos.shape == (4, 32, 32, 3)
