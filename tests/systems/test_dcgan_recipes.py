from __future__ import annotations

import pytest

from monet.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    PatchGANDiscriminator,
    ResidualDCGANGenerator,
)
from monet.systems import change, get_recipe, recipe_from_dict


def test_the_documented_system():
    recipe = get_recipe("dcgan")
    assert (recipe.image_size, recipe.batch_size, recipe.epochs) == (256, 4, 500)
    assert recipe.generator == DCGANGenerator(filters=256, latent_dim=128)
    assert recipe.discriminator == DCGANDiscriminator(filters=64, dropout=0.3)
    assert (recipe.generator_learning_rate, recipe.discriminator_learning_rate) == (1e-3, 1e-4)
    assert (recipe.beta_1, recipe.beta_2) == (0.5, 0.9)
    # 1,500 pictures, twice an epoch, by 4.
    assert recipe.count_steps(300) == 750
    assert recipe.sample_every == 5


def test_steps_of_an_epoch():
    recipe = get_recipe("dcgan").replace(passes=1, batch_size=8)
    assert recipe.count_steps(300, 7000) == recipe.count_steps(300) == 187
    assert recipe.count_steps(300, replicas=2) == 93
    assert recipe.replace(copies=False).count_steps(300) == 37
    assert recipe.replace(steps_per_epoch=12).count_steps(1) == 12
    with pytest.raises(ValueError, match="1 paintings don't fill one batch of 8: add pictures"):
        recipe.count_steps(1)


def test_pairs_are_pairs_again_from_a_config():
    fields = {**get_recipe("dcgan").to_dict(), "real_targets": [0.8, 1.0], "diff_augment": []}
    recipe = recipe_from_dict(fields)
    assert (recipe.real_targets, recipe.diff_augment) == ((0.8, 1.0), ())


def test_architectures_are_chosen_by_name():
    recipe = get_recipe("dcgan")
    names = {"generator": "dcgan-residual", "discriminator": "dcgan-no-dropout"}
    other = change(recipe, names)
    assert other.generator == ResidualDCGANGenerator(filters=128)
    assert other.discriminator == DCGANDiscriminator(dropout=0.0)
    # The residual generator starts from 4×4, the other from 8×8.
    assert other.replace(image_size=8).generator.build(8).output_shape == (None, 8, 8, 3)


@pytest.mark.parametrize(
    ("make", "expectation"),
    [
        (lambda: DCGANDiscriminator(dropout=1.0), r"dropout=1.0 .*in \[0, 1\)"),
        (lambda: DCGANGenerator(latent_dim=0), "latent_dim=0 .*at least 1"),
        (lambda: ResidualDCGANGenerator(least_filters=0), "least_filters=0 .*at least 1"),
    ],
)
def test_a_bad_option_is_named_with_what_was_expected(make, expectation):
    with pytest.raises(ValueError, match=expectation):
        make()


@pytest.mark.parametrize(
    ("change", "expectation"),
    [
        ({"image_size": 100}, "8 times a power of two, at least 16"),
        ({"image_size": 8}, "8 times a power of two, at least 16"),
        ({"generator": "resnet"}, "an instance of NoiseGenerator"),
        ({"discriminator": PatchGANDiscriminator()}, "an instance of ImageDiscriminator"),
        ({"gradient_penalty": -1.0}, "at least 0"),
        ({"passes": 0}, "at least 1"),
        ({"generator_target": float("nan")}, r"\[0, 1\]"),
        ({"real_targets": (0.9, 0.8)}, "low ≤ high"),
        ({"fake_targets": (float("nan"), 1.0)}, "low ≤ high"),
        ({"least_noisy": 2.0}, r"\[-1, 1\]"),
        ({"diff_augment": ("blur",)}, "any of colour, translation, cutout"),
        ({"discriminator_every": 0}, "at least 1"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(change, expectation):
    (field,) = change
    with pytest.raises(ValueError, match=f"{field}=.*'dcgan'.*{expectation}"):
        get_recipe("dcgan").replace(**change)
