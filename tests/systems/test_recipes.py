from __future__ import annotations

import dataclasses
import json

import pytest

from monet.models import Discriminator, Generator, PatchGANDiscriminator, ResNetGenerator
from monet.models.painter import PainterGenerator
from monet.systems import RECIPES, get_recipe, recipe_from_dict, system_of


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_json_and_names_its_source(name):
    recipe = get_recipe(name)
    assert recipe.name == name
    assert len(recipe.source) > 40
    assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"system": "vae"}, "system='vae': expected one of cyclegan"),
        (
            {"generator": {"architecture": "vit"}},
            "architecture='vit': expected one of painter, resnet",
        ),
        ({"generator": {"architecture": "resnet", "layers": 3}}, "layers"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_fields_of_no_recipe(change, error):
    with pytest.raises((TypeError, ValueError), match=error):
        recipe_from_dict({**get_recipe("cyclegan").to_dict(), **change})


def test_the_documented_systems():
    notebook = get_recipe("resnet-lsgan")
    assert (notebook.generator.blocks, notebook.generator.padding) == (9, "zero")
    assert (notebook.epochs, notebook.pool_size, notebook.decay_fraction) == (10, 0, 0)
    assert (notebook.lambda_cycle, notebook.identity_weight) == (10, 5)
    paper = get_recipe("cyclegan")
    assert (paper.generator.padding, paper.pool_size) == ("reflect", 50)
    assert (paper.epochs, paper.decay_fraction) == (200, 0.5)
    for recipe in (notebook, paper):
        assert recipe.image_size == 256
        assert recipe.generator_learning_rate == recipe.discriminator_learning_rate == 2e-4
        assert (recipe.beta_1, recipe.beta_2) == (0.5, 0.999)
        assert recipe.jitter * recipe.image_size == 286


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no recipe 'monnet'; choose from cyclegan, resnet-lsgan"):
        get_recipe("monnet")


def test_longer_trainings_take_lower_rates():
    recipe = get_recipe("cyclegan").replace(full_rate_steps=100, epochs=4, decay_fraction=0.0)
    assert [recipe.rate_scale(steps) for steps in (1, 100, 400)] == [1.0, 1.0, 0.25]
    assert get_recipe("cyclegan").rate_scale(10**6) == 1.0
    for steps_per_epoch, rate in ((25, 2e-4), (100, 5e-5)):
        for optimizer in system_of(recipe).optimizers(recipe, steps_per_epoch):
            assert float(optimizer.learning_rate) == pytest.approx(rate)


def test_recipes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_recipe("sample").epochs = 1


def test_replace_ignores_none_and_refuses_unknown_fields():
    recipe = get_recipe("cyclegan").replace(epochs=3, batch_size=None)
    assert (recipe.epochs, recipe.batch_size) == (3, 1)
    assert get_recipe("cyclegan").epochs == 200
    with pytest.raises(ValueError, match="no field epoch"):
        recipe.replace(epoch=3)


@pytest.mark.parametrize(
    ("change", "expectation"),
    [
        ({"image_size": 130}, "multiple of 4"),
        ({"image_size": 16}, "at least 32"),
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": True}, "at least 1"),
        ({"pool_size": -1}, "at least 0"),
        ({"generator": "unet"}, "an instance of Generator"),
        ({"discriminator": ResNetGenerator()}, "an instance of Discriminator"),
        ({"steps_per_epoch": 0}, "a number of steps"),
        ({"steps_per_epoch": "all"}, "smaller, larger"),
        ({"decay_fraction": 1.5}, r"\[0, 1\]"),
        ({"full_rate_steps": -1}, "an integer of at least 0"),
        ({"generator_learning_rate": 0.0}, "above 0"),
        ({"lambda_cycle": -1.0}, "at least 0"),
        ({"lambda_cycle": float("nan")}, "at least 0"),
        ({"lambda_identity": float("inf")}, "at least 0"),
        ({"beta_1": 1.0}, r"\[0, 1\)"),
        ({"jitter": 0.9}, r"\[1, 4\]"),
        ({"epsilon": 0.0}, "above 0"),
        ({"gradient_penalty": -1.0}, "at least 0"),
        ({"penalty": "r2"}, "one of r1, wgan-gp"),
        ({"discriminator_steps": 0}, "at least 1"),
        ({"discriminator_every": 0}, "at least 1"),
        ({"discriminator_accuracy": 0.0}, r"\(0, 1\]"),
        ({"photo_buffer": -1}, "at least 0"),
        ({"lambda_cycle": 10**400}, "at least 0"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(change, expectation):
    (field,) = change
    with pytest.raises(ValueError, match=f"{field}=.*'cyclegan'.*{expectation}"):
        get_recipe("cyclegan").replace(**change)


def test_the_identity_weight_follows_the_cycle_s_where_documents_tie_them():
    recipe = get_recipe("cyclegan").replace(lambda_cycle=4.0)
    assert recipe.identity_weight == 2
    assert recipe.replace(lambda_identity=3.0).identity_weight == 3
    assert get_recipe("monet").identity_weight == 0


def test_steps_of_an_epoch():
    recipe = get_recipe("resnet-lsgan")
    assert recipe.count_steps(300, 7028) == 300
    assert recipe.replace(batch_size=4).count_steps(300, 7028) == 75
    assert recipe.replace(batch_size=4).count_steps(300, 7028, replicas=2) == 37
    assert recipe.replace(batch_size=4, discriminator_steps=5).count_steps(300, 7028) == 15
    assert recipe.replace(steps_per_epoch="larger").count_steps(300, 7028) == 7028
    assert recipe.replace(steps_per_epoch=12).count_steps(300, 7028) == 12
    with pytest.raises(ValueError, match="3 paintings and 9 photos don't fill one batch of 4"):
        recipe.replace(batch_size=4).count_steps(3, 9)


def test_changes_of_all_that_the_discriminator_sees_are_known_by_name():
    with pytest.raises(ValueError, match="diff_augment=.*'monet': expected any of colour, trans"):
        get_recipe("monet").replace(diff_augment=("colour", "blur"))


def test_an_architecture_reads_as_its_name():
    assert str(ResNetGenerator(padding="zero")) == "resnet-zero"
    assert str(Discriminator.get("unet")) == str(Generator.get("unet")) == "unet"
    assert str(ResNetGenerator(filters=8)) == repr(ResNetGenerator(filters=8))


@pytest.mark.parametrize(
    ("make", "expectation"),
    [
        (lambda: ResNetGenerator(padding="same"), "padding='same' in ResNetGenerator.*reflect"),
        (lambda: ResNetGenerator(blocks=0), "blocks=0.*from 1 to 1,000"),
        (lambda: ResNetGenerator(blocks=10**6), "blocks=1000000.*from 1 to 1,000"),
        (lambda: PainterGenerator(levels=20_000), "levels=20000.*from 1 to 29"),
        (lambda: PatchGANDiscriminator(filters=1.5), "filters=1.5.*at least 1"),
        (
            lambda: Generator.get("gnu"),
            "no generator 'gnu'; choose from painter, painter-deep, resnet",
        ),
        (lambda: Discriminator.get("resnet"), "no discriminator 'resnet'; choose from patchgan"),
    ],
)
def test_a_bad_architecture_is_named_with_what_was_expected(make, expectation):
    with pytest.raises(ValueError, match=expectation):
        make()


def test_a_u_net_is_as_deep_as_the_picture_allows():
    unet = get_recipe("unet-bce").generator
    levels = {size: unet.options(size)["levels"] for size in (32, 64, 96, 128, 192, 256, 512, 768)}
    assert levels == {32: 5, 64: 6, 96: 5, 128: 7, 192: 6, 256: 8, 512: 8, 768: 8}
    with pytest.raises(ValueError, match="image_size=144 .*multiple of 32 .*take 128 or 256"):
        get_recipe("unet-bce").replace(image_size=144)


def test_the_u_net_systems_are_those_of_the_documents():
    names = ("unet-bce", "unet-base", "unet-group", "unet-attention")
    bce, base, group, attention = recipes = [get_recipe(name) for name in names]
    for recipe in recipes:
        assert (recipe.adversarial_loss, recipe.halve_discriminator_loss) == ("bce", True)
        assert (recipe.beta_1, recipe.beta_2, recipe.decay_fraction) == (0.5, 0.999, 0)
        assert (recipe.lambda_cycle, recipe.identity_weight) == (10, 5)
        assert (recipe.flip, recipe.jitter, recipe.pool_size) == (False, 1, 0)
        assert recipe.generator.dropout == 0.5
        assert recipe.discriminator_learning_rate == 2e-4
    assert [r.generator_learning_rate for r in recipes] == [2e-4, 1e-3, 2e-4, 1e-3]
    assert [r.batch_size for r in recipes] == [1, 1, 4, 1]
    assert [r.epochs for r in recipes] == [25, 12, 200, 20]
    assert base.generator == dataclasses.replace(bce.generator, head_stddev=0.1)
    assert base.discriminator == bce.discriminator
    assert (group.sample_every, group.sample_photos) == (10, 5)
    assert group.count_steps(300, 7028) == 150
    assert bce.count_steps(300, 7028) == 300
    assert attention.discriminator.noise == 0.1
