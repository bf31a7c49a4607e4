"""All that a kind of GAN has to say for itself, so that nothing else asks which one it is."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from monet.inference.origins import Origin
from monet.systems.recipe import AnyRecipe, Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from monet.data import Domains, ImageCaches, ImageError, ImageSource
    from monet.systems.documents import Document
    from monet.training.adam import FusedAdam
    from monet.training.adversarial import AdversarialModel

AnySystem = TypeVar("AnySystem", bound="type[System]")


class Curve(NamedTuple):
    """A number that a run records, and where it is shown.

    Attributes:
        column: of `history.csv`, and name of the model's metric.
        short: its name on the progress line, where those of the same name share it; "" for none.
        chart: heading of the gallery's chart that it is drawn in, with others of that heading; ""
            for none.
        line: its name there.
        label: its name over the gallery's table of numbers.
    """

    column: str
    short: str
    chart: str
    line: str
    label: str


PENALTY_CURVES = (
    Curve("gradient_penalty", "penalty", "Gradient penalty", "of the discriminator", "penalty"),
    Curve("discriminator_accuracy", "", "Accuracy", "of the discriminator", "D accuracy"),
    Curve("discriminator_updates", "", "Accuracy", "share of its updates made", "D updates"),
)
"""Those of every system: what `Recipe.gradient_penalty` and what the balance of updates record."""


class SheetFigure(NamedTuple):
    """A figure of a run: the pictures of its newest sample sheet, by themselves.

    Attributes:
        file: its name, a PNG.
        caption: what it shows, in words.
        heads: over its columns: of the inputs, where the sheet has some, and of what was painted.
            Without them it is a square grid of what was painted.
    """

    file: str
    caption: str
    heads: Sequence[str] = ()


class Sheet(Protocol):
    """Draws the samples of an epoch, always of the same inputs."""

    @property
    def layout(self) -> dict[str, int]:
        """What the gallery needs to know, kept in `config.json`: at least `width`, `height` and
        `cell`, the side of one picture, in pixels."""

    def draw(self, model: keras.Model) -> np.ndarray:
        """Returns the sheet, uint8 [height, width, 3], as the model paints it now."""

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Returns figures of the pictures, by name, for the history of the run."""


class System(abc.ABC, Generic[AnyRecipe]):
    """All that differs from one kind of GAN to another.

    A new kind is a file in this folder with a recipe class, its recipes and a subclass of this with
    `@register`. Everything that it builds follows from the recipe that it is given, image and batch
    size included, so that one run may train on several.

    Attributes:
        recipe_class: its kind of recipe.
        recipes: those that `--recipe` takes.
        documents: what the notebooks behind some of them do, by the recipe's name.
        options: the fields of its recipes that are changed most, which have an option of their own
            on the command line.
        paints_from: what its generators paint from.
        takes_photos: whether photos are part of its data, to train on and to be judged by.
        judged: what its generators are judged by, in words.
        invitation: how to go on painting with its generator: words, and the options of
            `monet.generate`.
        curves: what the history of a run has of its own, in the order of the charts.
        sheet_figure: what is drawn of its newest sample sheet.
        sheet_shows_inputs: whether the first row of a sample sheet are inputs, and the second what
            was painted; otherwise all of it is painted.
    """

    recipe_class: ClassVar[type[Recipe]]
    recipes: ClassVar[Sequence[Recipe]]
    documents: ClassVar[Mapping[str, Document]] = {}
    options: ClassVar[Sequence[str]] = (
        "epochs",
        "steps_per_epoch",
        "batch_size",
        "image_size",
        "generator_learning_rate",
        "discriminator_learning_rate",
        "generator",
        "discriminator",
        "adversarial_loss",
        "average_momentum",
    )
    paints_from: ClassVar[type[Origin]]
    takes_photos: ClassVar[bool]
    judged: ClassVar[str]
    invitation: ClassVar[tuple[str, str]]
    curves: ClassVar[Sequence[Curve]]
    sheet_figure: ClassVar[SheetFigure]
    sheet_shows_inputs: ClassVar[bool] = False

    @abc.abstractmethod
    def build(
        self,
        recipe: AnyRecipe,
        steps_per_epoch: int,
        seed: int = 0,
        *,
        dtype: str | None = None,
        jit_compile: Any = "auto",
        **compile_options: Any,
    ) -> AdversarialModel:
        """A compiled model, as `recipe` describes it.

        Under a `tf.distribute` strategy, call it inside the strategy's scope.

        Args:
            recipe: the hyper-parameters.
            steps_per_epoch: steps of an epoch; with `recipe.epochs` it sets the pace of the
                learning rate schedule.
            seed: of the initial weights and of everything random in the training.
            dtype: Keras dtype policy of the networks, such as `"mixed_float16"`; the global one by
                default.
            jit_compile: see `keras.Model.compile`.
            **compile_options: further ones, such as `steps_per_execution`.

        Returns:
            A model with a `generator` (the network that a run keeps) and a `generator_optimizer`.
            All its state is in its variables.
        """

    def prepare(
        self, model: AdversarialModel, recipe: AnyRecipe, domains: Domains, *, seed: int = 0
    ) -> None:
        """What a new model learns of the data before its first step; nothing by default.

        Args:
            model: made by `build`.
            recipe: the hyper-parameters.
            domains: the pictures.
            seed: of the choice of pictures.
        """

    def networks(
        self, recipe: AnyRecipe, *, dtype: str | None = None
    ) -> tuple[keras.Model, keras.Model]:
        """A generator and a discriminator, as `recipe` describes them.

        Args:
            recipe: the hyper-parameters.
            dtype: Keras dtype policy; the global one by default.
        """
        return (
            recipe.generator.build(recipe.image_size, dtype=dtype, name="generator"),
            recipe.discriminator.build(recipe.image_size, dtype=dtype, name="discriminator"),
        )

    @abc.abstractmethod
    def dataset(
        self,
        recipe: AnyRecipe,
        domains: Domains,
        *,
        seed: int = 0,
        replicas: int = 1,
        start_step: int = 0,
        cache: bool | str | ImageCaches = "auto",
    ) -> tf.data.Dataset:
        """Endless training batches.

        Args:
            recipe: the hyper-parameters.
            domains: the pictures.
            seed: of the shuffling and the augmentation.
            replicas: devices that share a batch; see `Recipe.pictures_per_step`.
            start_step: the number of the first batch. Batch t doesn't depend on it.
            cache: of decoded pictures; see `monet.data.training_dataset`.
        """

    @abc.abstractmethod
    def painter(
        self,
        generator: keras.Model,
        photos: ImageSource,
        *,
        count: int,
        size: int,
        seed: int = 0,
    ) -> Callable[[], Iterator[np.ndarray | ImageError]]:
        """What paints the pictures that a generator is judged by, anew at each call.

        Args:
            generator: what is judged; at each call, with the weights that it has then.
            photos: what it paints, where the system takes photos.
            count: how many pictures it paints, where it doesn't.
            size: both sides of the photos that it gets and of the pictures, in pixels.
            seed: of what is random in painting.

        Returns:
            A function that gives uint8 [size, size, 3] each, or what is wrong with a picture.
        """

    def suits(self, generator: keras.Model) -> bool:
        """Whether a generator takes what those of this system take."""
        return self.paints_from.suits(generator)

    @abc.abstractmethod
    def sheet(self, recipe: AnyRecipe, domains: Domains, *, seed: int = 0) -> Sheet:
        """The sample sheet; the same arguments give the same inputs."""

    @abc.abstractmethod
    def sheet_cells(
        self, layout: Mapping[str, int]
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Where inputs and what was made of them stand on a sample sheet.

        Args:
            layout: the sheet's.

        Returns:
            Row and column of each input, and in the same order of each picture that was painted.
            No inputs for pictures from noise.
        """

    @abc.abstractmethod
    def caption(self, layout: Mapping[str, int]) -> str:
        """What a sample sheet shows, in words, from the sheet's `layout`."""

    def training_options(self, recipe: AnyRecipe, seed: int) -> dict[str, Any]:
        """What `recipe` says to every kind of `AdversarialModel`."""
        names = (
            "average_momentum",
            "gradient_penalty",
            "penalty",
            "discriminator_steps",
            "discriminator_every",
            "discriminator_accuracy",
        )
        return {"seed": seed, **{name: getattr(recipe, name) for name in names}}

    def optimizers(self, recipe: Recipe, steps_per_epoch: int) -> tuple[FusedAdam, FusedAdam]:
        """The generators' and the discriminators'."""
        from monet.training.adam import FusedAdam
        from monet.training.schedules import ConstantThenLinear

        steps = recipe.epochs * steps_per_epoch
        decay_steps = round(recipe.decay_fraction * steps)

        def adam(learning_rate: float) -> FusedAdam:
            rate = learning_rate * recipe.rate_scale(steps)
            schedule = ConstantThenLinear(rate, steps - decay_steps, decay_steps)
            return FusedAdam(
                schedule, beta_1=recipe.beta_1, beta_2=recipe.beta_2, epsilon=recipe.epsilon
            )

        return adam(recipe.generator_learning_rate), adam(recipe.discriminator_learning_rate)

    def follow_progress(
        self, model: AdversarialModel, recipe: Recipe, progress: tf.Variable, scale: tf.Variable
    ) -> None:
        """Lets the learning rates of a model that `build` made fall with progress, not with steps.

        Args:
            model: the model.
            recipe: what it was built from.
            progress: float32 scalar in [0, 1]: the share of the training that is done.
            scale: float32 scalar: what the rates are multiplied by.
        """
        from monet.training.schedules import ConstantThenLinearByProgress

        for optimizer, learning_rate in (
            (model.generator_optimizer, recipe.generator_learning_rate),
            (model.discriminator_optimizer, recipe.discriminator_learning_rate),
        ):
            optimizer.learning_rate = ConstantThenLinearByProgress(
                learning_rate, recipe.decay_fraction, progress, scale
            )


SYSTEMS: dict[str, System] = {}
"""The systems by name: the `system` of their recipes."""

RECIPES: dict[str, Recipe] = {}
"""The recipes of all systems by name: what `--recipe` takes."""


def register(cls: AnySystem) -> AnySystem:
    """A class decorator that makes a system and its recipes known."""
    SYSTEMS[cls.recipe_class.system] = cls()
    RECIPES.update({recipe.name: recipe for recipe in cls.recipes})
    return cls
