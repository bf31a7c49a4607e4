"""Fields of recipes by name, as `--set` changes them."""

from __future__ import annotations

import dataclasses
import re

import pytest

from monet.models import PatchGANDiscriminator, ResNetGenerator, UNetGenerator
from monet.systems import RECIPES, SYSTEMS, change, get_recipe
from monet.systems.fields import as_text, field_value, fields_of, parse_changes
from monet.systems.table import describe_recipe, described_fields


def parsed(recipe, *assignments):
    return parse_changes(get_recipe(recipe), [text.split("=", 1) for text in assignments])


@pytest.mark.parametrize(
    ("recipe", "assignment", "value"),
    [
        ("cyclegan", "epochs=3", 3),
        ("cyclegan", "lambda_cycle=3", 3.0),
        ("cyclegan", "jitter=286/256", 286 / 256),
        ("cyclegan", "epsilon=1e-7/900", 1e-7 / 900),
        ("cyclegan", "flip=false", False),
        ("cyclegan", "flip=Yes", True),
        ("cyclegan", "lambda_identity=half", "half"),
        ("cyclegan", "lambda_identity=0", 0.0),
        ("cyclegan", "steps_per_epoch=larger", "larger"),
        ("cyclegan", "steps_per_epoch=12", 12),
        ("cyclegan", "generator.blocks=6", 6),
        ("cyclegan", "discriminator.dropout=0.3", 0.3),
        ("dcgan", "real_targets=0.8,1", (0.8, 1.0)),
        ("dcgan", "generator.latents=sphere", "sphere"),
        ("monet", "diff_augment=colour, cutout", ("colour", "cutout")),
        ("monet", "diff_augment=", ()),
        ("monet", "discriminator.spectral=on", True),
    ],
)
def test_text_becomes_a_value_of_the_field_s_type(recipe, assignment, value):
    (found,) = parsed(recipe, assignment).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("name", RECIPES)
def test_every_value_of_every_recipe_can_be_set_as_it_is_shown(name):
    recipe = get_recipe(name)
    names = [field.name for field in fields_of(type(recipe))]
    for side in ("generator", "discriminator"):
        options = fields_of(type(getattr(recipe, side)))
        names += [f"{side}.{option.name}" for option in options]
        names.remove(side)  # it may have no name of its own
    for field in names:
        text = as_text(field_value(recipe, field))
        (value,) = parse_changes(recipe, [(field, text)]).values()
        changed = change(recipe, {field: value})
        rounded = [as_text(field_value(each, field)) for each in (changed, recipe)]
        assert rounded[0] == rounded[1]


def test_all_fields_change_together():
    changes = parsed(
        "cyclegan",
        "generator.filters=4",
        "image_size=64",
        "generator=unet",
        "discriminator.filters=2",
    )
    recipe = change(get_recipe("cyclegan"), changes)
    assert recipe.generator == UNetGenerator(filters=4), "options are of the new architecture"
    assert recipe.discriminator == PatchGANDiscriminator(filters=2, padding="one")
    assert recipe.image_size == 64
    assert change(recipe, {"epochs": None}) == recipe
    direct = change(recipe, {"generator": ResNetGenerator(), "generator.blocks": 2})
    assert direct.generator == ResNetGenerator(blocks=2)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs=many", "epochs=many: expected a whole number"),
        ("epochs=1.5", "epochs=1.5: expected a whole number"),
        ("jitter=1/0", "jitter=1/0: expected a number"),
        ("flip=maybe", "flip=maybe: expected true or false"),
        ("epoch=3", "epoch: the recipe 'cyclegan' has no such field; did you mean epochs"),
        ("name=mine", "name: the recipe 'cyclegan' has no such field"),
        ("generator.levels=3", "generator.levels: resnet has no such field"),
        ("generator.filter=3", "did you mean generator.filters"),
        ("optimizer.rate=3", "only generator and discriminator have options"),
        ("generator=vit", "generator=vit: the recipe 'cyclegan' takes painter, "),
        ("generator.filters=0", "filters=0 in ResNetGenerator: expected an integer of at least 1"),
        (
            "lambda_cycle=-1",
            "lambda_cycle=-1.0 in recipe 'cyclegan': expected a number of at least",
        ),
        (
            "lambda_identity=third",
            "lambda_identity='third' in recipe 'cyclegan': expected a number",
        ),
        ("adversarial_loss=gan", "adversarial_loss='gan' .* expected one of least-squares"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(assignment, message):
    recipe = get_recipe("cyclegan")
    with pytest.raises(ValueError, match=message):
        change(recipe, parsed("cyclegan", assignment))


def test_a_pair_takes_two_numbers():
    with pytest.raises(ValueError, match="real_targets=0.9: expected two numbers by commas"):
        parsed("dcgan", "real_targets=0.9")


def test_a_field_that_is_set_twice():
    assert parsed("cyclegan", "epochs=3", "epochs=3") == {"epochs": 3}
    with pytest.raises(ValueError, match="epochs is set twice, to 3 and to 4"):
        parsed("cyclegan", "epochs=3", "epochs=4")


def test_every_field_and_option_says_what_it_means():
    for heading, fields in described_fields():
        for field in fields:
            assert field.meaning, f"{field.name} {heading} is not in its class's docstring"


def test_a_recipe_is_described_by_all_its_values():
    recipe = get_recipe("dcgan")
    text = describe_recipe(recipe)
    for line in (
        "generator.latent_dim = 128  (whole number)",
        "real_targets = 0.9,1  (two numbers by commas)",
        "diff_augment = (none)",
        "copies = true  (true or false)",
    ):
        assert f"  {line}" in text
    for field in dataclasses.fields(recipe):
        assert field.name in ("name", "source", "summary") or f"  {field.name} = " in text
    assert {type(system.recipes[0]) for system in SYSTEMS.values()} == {
        system.recipe_class for system in SYSTEMS.values()
    }


@pytest.mark.parametrize("name", RECIPES)
def test_no_count_is_larger_than_libraries_take(name):
    recipe = get_recipe(name)
    counts = [field.name for field in fields_of(type(recipe)) if "whole number" in field.kind]
    for side in ("generator", "discriminator"):
        options = fields_of(type(getattr(recipe, side)))
        counts += [f"{side}.{option.name}" for option in options if "whole number" in option.kind]
    assert {"batch_size", "epochs", "generator.filters"} <= set(counts)
    for field in counts:
        own_name = field.split(".")[-1]
        with pytest.raises(ValueError, match=rf"{own_name}=1\d+ .*at most 2,147,483,647"):
            change(recipe, {field: 10**20})


@pytest.mark.parametrize("name", ["cyclegan", "monet", "dcgan"])
@pytest.mark.parametrize("text", ["", "nan", "-1", "2147483647", "9" * 400])
def test_junk_is_taken_or_refused_in_a_sentence(name, text):
    recipe = get_recipe(name)
    fields = [field.name for field in fields_of(type(recipe))]
    for side in ("generator", "discriminator"):
        options = fields_of(type(getattr(recipe, side)))
        fields += [f"{side}.{option.name}" for option in options]
    for field in fields:
        try:
            change(recipe, parse_changes(recipe, [(field, text)]))
        except ValueError as error:
            assert re.match(r"[\w.]+=.*: (expected|the recipe '\w+' takes) ", str(error)), field
        else:
            assert text != "nan", field
