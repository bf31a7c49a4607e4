"""Training recipes: one frozen dataclass per published system.

Hyper-parameters live here and nowhere else. A recipe reproduces its source as documented, flaws
included; an improvement is a recipe of its own.

    >>> recipe = get_recipe("resnet-lsgan")
    >>> recipe.batch_size, recipe.lambda_identity
    (1, 5.0)
    >>> recipe.replace(epochs=2, image_size=None).image_size   # None keeps the recipe's own value
    256
"""

from __future__ import annotations

import dataclasses

GENERATORS = ("resnet",)
PADDINGS = ("reflect", "zero")
ADVERSARIAL_LOSSES = ("least-squares",)
EPOCH_LENGTHS = ("smaller", "larger")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a system is built and trained.

    Attributes:
        name: what `--recipe` takes.
        source: where the numbers come from.
        generator: architecture of both generators, one of `GENERATORS`.
        generator_filters: channels of the generator's first convolution; the trunk has 4 times it.
        generator_blocks: residual blocks in the trunk.
        generator_padding: how the 7×7 and the residual convolutions pad, "reflect" or "zero".
        discriminator_filters: channels of the discriminator's first convolution.
        discriminator_padding: zero padding of the discriminator's last two (stride 1) convolutions:
            "same" keeps the size; "one" adds one pixel a side, as the CycleGAN authors' code does.
        adversarial_loss: one of `ADVERSARIAL_LOSSES`.
        halve_discriminator_loss: average the real and the fake term instead of adding them.
        lambda_cycle: weight of the cycle consistency loss (L1 between images in [-1, 1]).
        lambda_identity: weight of the identity loss (L1); 0 leaves it out.
        generator_learning_rate: Adam's step size for both generators, at the start.
        discriminator_learning_rate: the same for both discriminators.
        beta_1: Adam's decay rate of the first moment.
        beta_2: Adam's decay rate of the second moment.
        epochs: how many times `steps_per_epoch` steps are taken.
        decay_fraction: last part of the training, in [0, 1], over which the learning rates fall
            linearly to 0.
        steps_per_epoch: a number of steps, or which domain an epoch passes over, "smaller" or
            "larger".
        batch_size: pictures of each domain per step and device.
        image_size: side of the square training crops, in pixels; a multiple of 4.
        pool_size: generated pictures that each discriminator remembers (Shrivastava et al. 2017);
            0 for none.
        flip: mirror half of the training pictures.
        jitter: the shorter side is resized to a random size, from `image_size` to `jitter *
            image_size`, before the crop; in [1, 4], 1 for none.
    """

    name: str
    source: str
    generator: str = "resnet"
    generator_filters: int = 64
    generator_blocks: int = 9
    generator_padding: str = "reflect"
    discriminator_filters: int = 64
    discriminator_padding: str = "same"
    adversarial_loss: str = "least-squares"
    halve_discriminator_loss: bool = True
    lambda_cycle: float = 10.0
    lambda_identity: float = 5.0
    generator_learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999
    epochs: int = 200
    decay_fraction: float = 0.0
    steps_per_epoch: int | str = "smaller"
    batch_size: int = 1
    image_size: int = 256
    pool_size: int = 0
    flip: bool = True
    jitter: float = 286 / 256

    def __post_init__(self):
        self._check_choices()
        for field in (
            "generator_filters",
            "generator_blocks",
            "discriminator_filters",
            "epochs",
            "batch_size",
        ):
            self._check(field, "an integer of at least 1", _is_integer(getattr(self, field), 1))
        for field in ("lambda_cycle", "lambda_identity"):
            self._check(field, "a number of at least 0", _is_number(getattr(self, field), 0))
        for field in ("generator_learning_rate", "discriminator_learning_rate"):
            value = getattr(self, field)
            self._check(field, "a number above 0", _is_number(value, 0) and value > 0)
        for field in ("beta_1", "beta_2"):
            value = getattr(self, field)
            self._check(field, "in [0, 1)", _is_number(value, 0, 1) and value < 1)
        self._check("decay_fraction", "in [0, 1]", _is_number(self.decay_fraction, 0, 1))
        self._check("pool_size", "an integer of at least 0", _is_integer(self.pool_size, 0))
        self._check("jitter", "in [1, 4]", _is_number(self.jitter, 1, 4))
        self._check(
            "image_size",
            "a multiple of 4 and at least 32 (two stride-2 convolutions, then reflection padding)",
            _is_integer(self.image_size, 32) and self.image_size % 4 == 0,
        )

    def _check_choices(self):
        choices = {
            "generator": GENERATORS,
            "generator_padding": PADDINGS,
            "discriminator_padding": ("same", "one"),
            "adversarial_loss": ADVERSARIAL_LOSSES,
        }
        for field, allowed in choices.items():
            self._check(field, f"one of {', '.join(allowed)}", getattr(self, field) in allowed)
        self._check(
            "steps_per_epoch",
            f"a number of steps of at least 1, or one of {', '.join(EPOCH_LENGTHS)}",
            self.steps_per_epoch in EPOCH_LENGTHS or _is_integer(self.steps_per_epoch, 1),
        )

    def _check(self, field: str, expectation: str, holds: bool):
        if not holds:
            raise ValueError(
                f"{field}={getattr(self, field)!r} in recipe {self.name!r}: expected {expectation}."
            )

    def replace(self, **overrides) -> Recipe:
        """A copy with some fields changed; a value of None leaves the field as it is."""
        unknown = set(overrides) - {field.name for field in dataclasses.fields(self)}
        if unknown:
            raise ValueError(f"A recipe has no field {', '.join(sorted(unknown))}.")
        changes = {name: value for name, value in overrides.items() if value is not None}
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict:
        """The fields as a dictionary that JSON can hold; `Recipe(**fields)` is the way back."""
        return dataclasses.asdict(self)

    def count_steps(self, paintings: int, photos: int, *, replicas: int = 1) -> int:
        """Steps of one epoch.

        Args:
            paintings: number of paintings.
            photos: number of photos.
            replicas: devices that train in step, each on a batch of `batch_size`.

        Raises:
            ValueError: where the domain is smaller than one batch.
        """
        if not isinstance(self.steps_per_epoch, str):
            return self.steps_per_epoch
        pictures = {"smaller": min, "larger": max}[self.steps_per_epoch](paintings, photos)
        batch = self.batch_size * replicas
        if pictures < batch:
            raise ValueError(
                f"{paintings} paintings and {photos} photos don't fill one batch of {batch}: "
                "add pictures, or lower the batch size."
            )
        return pictures // batch


def _is_integer(value, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value, least: float, most: float = float("inf")) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and least <= value <= most


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="cyclegan",
            source=(
                "Zhu, Park, Isola and Efros, Unpaired Image-to-Image Translation using "
                "Cycle-Consistent Adversarial Networks, ICCV 2017, sections 4, 7 (identity loss: "
                "5.2). Gamma starts at 1: the authors' Torch code draws N(1, 0.02), their PyTorch "
                "code has none. An epoch passes over the smaller domain; theirs, over the larger."
            ),
            discriminator_padding="one",
            pool_size=50,
            decay_fraction=0.5,
        ),
        Recipe(
            name="resnet-lsgan",
            source=(
                "A notebook for the Kaggle competition 'I'm Something of a Painter Myself' "
                "(recorded score 84.31): zero-padded ResNet-9, least squares, constant rate."
            ),
            generator_padding="zero",
            epochs=10,
        ),
        Recipe(
            name="sample",
            source=(
                "`cyclegan` scaled down, so that two CPU cores learn the embedded sample set in "
                "about two minutes. Weaker cycle and identity losses let the style show sooner."
            ),
            generator_filters=16,
            generator_blocks=3,
            discriminator_filters=16,
            discriminator_padding="one",
            lambda_cycle=5.0,
            lambda_identity=2.5,
            generator_learning_rate=1e-3,
            discriminator_learning_rate=5e-4,
            image_size=96,
            jitter=128 / 96,
            epochs=8,
            steps_per_epoch=100,
            pool_size=50,
            decay_fraction=0.5,
        ),
    )
}
DEFAULT_RECIPE = "cyclegan"
SAMPLE_RECIPE = "sample"


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: if there is none; the message lists the names.
    """
    try:
        return RECIPES[name]
    except KeyError:
        names = ", ".join(RECIPES)
        raise ValueError(f"There is no recipe {name!r}; choose from {names}.") from None
