"""What the recipes of all systems have in common.

Hyper-parameters live in recipes and nowhere else. A recipe reproduces its source as documented,
flaws included; an improvement is a recipe of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

from monet._numbers import LARGEST_COUNT, is_integer, is_number, is_positive
from monet.models.architecture import Architecture, Discriminator, Generator

EPOCH_LENGTHS = ("smaller", "larger")
ADVERSARIAL_LOSSES = ("least-squares", "bce", "hinge", "wgan-gp")
"""The names in `monet.losses`."""
PENALTIES = ("r1", "wgan-gp")
"""The kinds of `monet.training.penalty.Penalty`."""
AUGMENTATIONS = ("colour", "translation", "cutout")
"""The policies of `monet.training.diffaugment.DiffAugment`."""

AnyRecipe = TypeVar("AnyRecipe", bound="Recipe")


class Phase(NamedTuple):
    """A part of a training that is given so much time, and not so many steps.

    Attributes:
        share: of the time, in (0, 1].
        recipe: what is trained in it; only sizes of images and batches differ between phases.
    """

    share: float
    recipe: Recipe


class Held(NamedTuple):
    """Pictures in memory.

    Attributes:
        holder: what has them, with a verb.
        number: of them.
        side: both sides of each, in pixels.
        fields: of the recipe, that make them fewer or smaller.
    """

    holder: str
    number: int
    side: int
    fields: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a system is built and trained.

    A kind of system has a subclass of its own, with a `system` name and further fields;
    `monet.systems.system_of` gives what builds and feeds it.

    Attributes:
        name: what `--recipe` takes.
        source: where the numbers come from.
        summary: the system in a few words.
        generator: architecture of its generators.
        discriminator: architecture of its discriminators.
        generator_learning_rate: Adam's step size for the generators, at the start.
        discriminator_learning_rate: the same for the discriminators.
        beta_1: Adam's decay rate of the first moment.
        beta_2: Adam's decay rate of the second moment.
        epsilon: what Adam adds to the root of the second moment: gradients below it take steps that
            are smaller than the learning rate.
        epochs: how many times `steps_per_epoch` steps are taken.
        decay_fraction: last part of the training, in [0, 1], over which the learning rates fall
            linearly to 0.
        full_rate_steps: the learning rates are for trainings of up to so many steps; those of a
            longer one are as much lower as it is longer. 0 for the same rates in all.
        steps_per_epoch: a number of steps, or which domain an epoch passes over, "smaller" or
            "larger".
        batch_size: pictures of each domain per step and device.
        image_size: side of the square training crops, in pixels.
        sample_every: epochs between sample sheets.
        average_momentum: of the running average of the weights of the generator that paints; 0 for
            none.
        gradient_penalty: weight of a penalty on how steeply the discriminators' logits change with
            their pictures, beside what "wgan-gp" has as a loss; 0 for none.
        penalty: its kind: "r1" at real pictures (Mescheder et al. 2018), or "wgan-gp" between real
            and generated ones (Gulrajani et al. 2017).
        discriminator_steps: updates of the discriminators for each of the generators, each on a
            batch of its own.
        discriminator_every: the discriminators are updated in every how many steps.
        discriminator_accuracy: they are left alone in steps in which more than this share of their
            logits is right; 1 for never.
    """

    system: ClassVar[str]
    # The kinds of architecture that it takes.
    generators: ClassVar[type[Architecture]] = Generator
    discriminators: ClassVar[type[Architecture]] = Discriminator

    name: str
    source: str
    summary: str = ""
    generator: Architecture
    discriminator: Architecture
    generator_learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999
    epsilon: float = 1e-7
    epochs: int = 200
    decay_fraction: float = 0.0
    full_rate_steps: int = 0
    steps_per_epoch: int | str = "smaller"
    batch_size: int = 1
    image_size: int = 256
    sample_every: int = 1
    average_momentum: float = 0.0
    gradient_penalty: float = 0.0
    penalty: str = "r1"
    discriminator_steps: int = 1
    discriminator_every: int = 1
    discriminator_accuracy: float = 1.0

    def __post_init__(self):
        for name in (field.name for field in dataclasses.fields(self)):
            is_too_large = is_integer(getattr(self, name), LARGEST_COUNT + 1)
            self.check(name, f"at most {LARGEST_COUNT:,}", not is_too_large)
        for field in (
            "epochs",
            "batch_size",
            "image_size",
            "sample_every",
            "discriminator_steps",
            "discriminator_every",
        ):
            self.check(field, "an integer of at least 1", is_integer(getattr(self, field), 1))
        for field in ("generator_learning_rate", "discriminator_learning_rate", "epsilon"):
            value = getattr(self, field)
            self.check(field, "a number above 0", is_positive(value))
        for field in ("beta_1", "beta_2", "average_momentum"):
            value = getattr(self, field)
            self.check(field, "in [0, 1)", is_number(value, 0, 1) and value < 1)
        self.check("decay_fraction", "in [0, 1]", is_number(self.decay_fraction, 0, 1))
        holds = is_integer(self.full_rate_steps, 0)
        self.check("full_rate_steps", "an integer of at least 0", holds)
        is_weight = is_number(self.gradient_penalty, 0)
        self.check("gradient_penalty", "a number of at least 0", is_weight)
        self.check_one_of("penalty", PENALTIES)
        value = self.discriminator_accuracy
        self.check("discriminator_accuracy", "in (0, 1]", is_number(value, 0, 1) and value > 0)
        self.check(
            "steps_per_epoch",
            f"a number of steps of at least 1, or one of {', '.join(EPOCH_LENGTHS)}",
            self.steps_per_epoch in EPOCH_LENGTHS or is_integer(self.steps_per_epoch, 1),
        )
        for field, kind in (
            ("generator", self.generators),
            ("discriminator", self.discriminators),
        ):
            architecture = getattr(self, field)
            self.check(field, f"an instance of {kind.__name__}", isinstance(architecture, kind))
            is_taken = architecture.takes(self.image_size)
            self.check("image_size", architecture.image_sizes(), is_taken)

    def check(self, field: str, expectation: str, holds: bool) -> None:
        """Raises `ValueError` with the field's value and what was expected, unless it holds."""
        if not holds:
            raise ValueError(
                f"{field}={getattr(self, field)!r} in recipe {self.name!r}: expected {expectation}."
            )

    def check_some_of(self, field: str, names: Sequence[str]) -> None:
        """Raises `ValueError` unless the field's values are among `names`."""
        self.check(field, f"any of {', '.join(names)}", set(getattr(self, field)) <= set(names))

    def check_one_of(self, field: str, names: Sequence[str]) -> None:
        """Raises `ValueError` unless the field's value is one of `names`."""
        self.check(field, f"one of {', '.join(names)}", getattr(self, field) in names)

    def replace(self: AnyRecipe, **overrides: Any) -> AnyRecipe:
        """A copy with some fields changed; a value of None leaves the field as it is."""
        unknown = set(overrides) - {field.name for field in dataclasses.fields(self)}
        if unknown:
            raise ValueError(f"The recipe {self.name!r} has no field {', '.join(sorted(unknown))}.")
        changes = {name: value for name, value in overrides.items() if value is not None}
        return dataclasses.replace(self, **changes)

    def phases(self) -> list[Phase]:
        """The parts of a training for a given time, in their order; mostly one."""
        return [Phase(1.0, self)]

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dictionary that JSON can hold; `recipe_from_dict` is the way back."""
        return {
            "system": self.system,
            **dataclasses.asdict(self),
            "generator": self.generator.to_dict(),
            "discriminator": self.discriminator.to_dict(),
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Recipe:
        """The recipe of this class whose `to_dict` gave `fields`, "system" left out."""
        # JSON has lists where the fields are tuples.
        values: dict[str, Any] = {
            field: tuple(value) if isinstance(value, list) else value
            for field, value in fields.items()
        }
        values["generator"] = cls.generators.from_dict(fields["generator"])
        values["discriminator"] = cls.discriminators.from_dict(fields["discriminator"])
        return cls(**values)

    def pictures_per_step(self, replicas: int = 1) -> int:
        """Pictures of each domain that all devices together take in a step."""
        return self.batch_size * self.discriminator_steps * replicas

    def pictures_held(self, replicas: int = 1) -> list[Held]:
        """Pictures that a training has in memory at once, beside its networks."""
        pictures = 2 * self.pictures_per_step(replicas)
        return [Held("a step takes", pictures, self.image_size, "`batch_size` or `image_size`")]

    def rate_scale(self, steps: int) -> float:
        """What the learning rates are multiplied by in a training of so many steps, in (0, 1]."""
        return min(1.0, self.full_rate_steps / steps) if self.full_rate_steps else 1.0

    def count_steps(self, paintings: int, photos: int, *, replicas: int = 1) -> int:
        """Steps of one epoch.

        Args:
            paintings: number of paintings.
            photos: number of photos.
            replicas: devices that train in step, each on batches of its own.

        Raises:
            ValueError: where the domain is smaller than one batch.
        """
        if not isinstance(self.steps_per_epoch, str):
            return self.steps_per_epoch
        pictures = {"smaller": min, "larger": max}[self.steps_per_epoch](paintings, photos)
        batch = self.pictures_per_step(replicas)
        if pictures < batch:
            raise ValueError(
                f"{paintings} paintings and {photos} photos don't fill one batch of {batch}: "
                "add pictures, or lower the batch size."
            )
        return pictures // batch
