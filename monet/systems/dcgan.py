"""DCGAN: a generator that paints from noise."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

from monet._numbers import is_integer, is_number
from monet.inference.file_style import FileStyle
from monet.inference.origins import Noise
from monet.models.architecture import Architecture, ImageDiscriminator, NoiseGenerator
from monet.models.dcgan import DCGANDiscriminator, DCGANGenerator
from monet.models.residual_dcgan import ResidualDCGANGenerator
from monet.systems.base import PENALTY_CURVES, Curve, SheetFigure, System, register
from monet.systems.documents import Document
from monet.systems.recipe import ADVERSARIAL_LOSSES, AUGMENTATIONS, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import tensorflow as tf

    from monet.data import Domains, ImageError
    from monet.systems.sheets.noise import NoiseSheet
    from monet.training import DCGAN

_COPIES = 5  # of each painting in the enlarged set
_COMPARED_PAINTINGS = 16
_DIVERSITY = "Diversity (mean distance of two pictures)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DCGANRecipe(Recipe):
    """How a DCGAN is built and trained.

    Attributes:
        adversarial_loss: "bce", "least-squares", "hinge" or "wgan-gp".
        generator_target: what the generator wants its pictures to be taken for by "bce", in [0, 1].
        real_targets: the discriminator's targets for real pictures are drawn between these two, for
            "bce".
        fake_targets: the same for generated pictures.
        image_noise: standard deviation of the noise added to real pictures.
        copies: train on five altered copies of each painting (`monet.data.Copies`); otherwise on
            each painting, with `flip` and `jitter`.
        flip: mirror half of the training pictures, where there are no copies.
        jitter: the shorter side is resized to a random size, from `image_size` to `jitter *
            image_size`, before the crop, where there are no copies; in [1, 4], 1 for none.
        least_noisy: the noisy copies are clipped to [least_noisy, 1].
        passes: how often an epoch passes over that set.
        diff_augment: policies of DiffAugment, which changes all that the discriminator sees:
            "colour", "translation" and "cutout".
        sheet_latents: of the sample sheet: "normal", as in training, or "positive" for U(0, 1).
        (further ones): see `Recipe`.
    """

    system: ClassVar[str] = "dcgan"
    generators: ClassVar[type[Architecture]] = NoiseGenerator
    discriminators: ClassVar[type[Architecture]] = ImageDiscriminator

    generator: NoiseGenerator = DCGANGenerator()
    discriminator: ImageDiscriminator = DCGANDiscriminator()
    sample_every: int = 5
    adversarial_loss: str = "bce"
    generator_target: float = 1.0
    real_targets: tuple[float, float] = (1.0, 1.0)
    fake_targets: tuple[float, float] = (0.0, 0.0)
    image_noise: float = 0.0
    copies: bool = False
    flip: bool = True
    jitter: float = 1.0
    least_noisy: float = -1.0
    passes: int = 1
    diff_augment: tuple[str, ...] = ()
    sheet_latents: str = "normal"

    def __post_init__(self):
        super().__post_init__()
        self.check_one_of("adversarial_loss", ADVERSARIAL_LOSSES)
        self.check_one_of("sheet_latents", ("normal", "positive"))
        self.check("passes", "an integer of at least 1", is_integer(self.passes, 1))
        self.check("image_noise", "a number of at least 0", is_number(self.image_noise, 0))
        self.check("jitter", "in [1, 4]", is_number(self.jitter, 1, 4))
        self.check("generator_target", "in [0, 1]", is_number(self.generator_target, 0, 1))
        for field in ("real_targets", "fake_targets"):
            low, high = getattr(self, field)
            self.check(field, "two numbers, 0 ≤ low ≤ high ≤ 1", 0 <= low <= high <= 1)
        self.check("least_noisy", "in [-1, 1]", is_number(self.least_noisy, -1, 1))
        self.check_some_of("diff_augment", AUGMENTATIONS)

    def count_steps(self, paintings: int, photos: int = 0, *, replicas: int = 1) -> int:
        """As `Recipe.count_steps`; photos don't matter."""
        if not isinstance(self.steps_per_epoch, str):
            return self.steps_per_epoch
        batch = self.pictures_per_step(replicas)
        steps = self.passes * (paintings * (_COPIES if self.copies else 1) // batch)
        if not steps:
            raise ValueError(
                f"{paintings} paintings don't fill one batch of {batch}: add pictures, or lower "
                "the batch size."
            )
        return steps


_RECIPES = (
    DCGANRecipe(
        name="dcgan",
        summary="from noise: DCGAN, smoothed BCE",
        source=(
            "A notebook for the Kaggle competition 'I'm Something of a Painter Myself', which "
            "reports that every latent gave the same picture from epoch 50 on. Paints from noise; "
            "needs no photos. The fixed latents of its grid were U(0, 1); here they are N(0, 1), "
            "as in training."
        ),
        generator_learning_rate=1e-3,
        discriminator_learning_rate=1e-4,
        beta_2=0.9,
        generator_target=0.9,
        real_targets=(0.9, 1.0),
        fake_targets=(0.0, 0.1),
        image_noise=0.05,
        copies=True,
        least_noisy=0.0,
        passes=2,
        batch_size=4,
        epochs=500,
    ),
    DCGANRecipe(
        name="dcgan-diverse",
        summary="from noise: residual, DiffAugment, R1",
        source=(
            "`dcgan` without the collapse: residual generator (Gulrajani et al. 2017), DiffAugment "
            "(Zhao et al. 2020), gradient penalty R1 (Mescheder et al. 2018), averaged generator; "
            "neither dropout nor smooth targets."
        ),
        generator=ResidualDCGANGenerator(filters=128),
        discriminator=DCGANDiscriminator(dropout=0.0),
        beta_2=0.9,
        passes=10,
        diff_augment=("colour", "translation", "cutout"),
        gradient_penalty=1.0,
        average_momentum=0.999,
        batch_size=8,
        epochs=500,
    ),
)

_DOCUMENTS = {
    # Its pictures were only ever shown, in a grid of latents unlike those of the training.
    "dcgan": Document(
        fields={"sheet_latents": "positive"}, style=FileStyle(names="image_{:05d}.jpg")
    ),
}


@register
class DCGANSystem(System[DCGANRecipe]):
    """Trained on paintings alone; its generator paints squares of one size from noise."""

    recipe_class = DCGANRecipe
    recipes = _RECIPES
    documents = _DOCUMENTS
    paints_from = Noise
    takes_photos = False
    judged = "pictures painted from noise"
    invitation = ("Paint pictures with it:", "--count 16")
    sheet_figure = SheetFigure("latents.png", "pictures from the same noise")
    curves = (
        Curve("generator_loss", "G", "Generator", "from noise", "generator"),
        Curve("discriminator_loss", "D", "Discriminator", "of paintings", "discriminator"),
        *PENALTY_CURVES,
        Curve("diversity", "diversity", _DIVERSITY, "16 fixed latents", "diversity"),
        Curve("painting_diversity", "", _DIVERSITY, "16 paintings", "of paintings"),
    )

    def build(
        self, recipe, steps_per_epoch, seed=0, *, dtype=None, jit_compile=None, **compile_options
    ) -> DCGAN:
        """As `System.build`; `jit_compile` is by default "auto" with a GPU and False without, where
        XLA's convolutions take twice as long.
        """
        import tensorflow as tf

        from monet import losses
        from monet.models.initializers import seeded
        from monet.training import DCGAN

        with seeded(seed):
            networks = self.networks(recipe, dtype=dtype)
        model = DCGAN(
            *networks,
            image_noise=recipe.image_noise,
            augment=recipe.diff_augment,
            **self.training_options(recipe, seed),
        )
        targets: dict[str, Any] = {}
        if recipe.adversarial_loss == "bce":
            targets = {
                "generator_target": recipe.generator_target,
                "real_targets": recipe.real_targets,
                "fake_targets": recipe.fake_targets,
            }
        loss = losses.ADVERSARIAL_LOSSES[recipe.adversarial_loss](halved=False, **targets)
        if jit_compile is None:
            jit_compile = "auto" if tf.config.list_logical_devices("GPU") else False
        model.compile(
            *self.optimizers(recipe, steps_per_epoch),
            loss,
            jit_compile=jit_compile,
            **compile_options,
        )
        return model

    def dataset(
        self, recipe, domains: Domains, *, seed=0, replicas=1, start_step=0, cache="auto"
    ) -> tf.data.Dataset:
        from monet.data import Augment, Copies, painting_dataset

        augment = Augment(flip=recipe.flip, jitter=recipe.jitter)
        return painting_dataset(
            domains.paintings,
            image_size=recipe.image_size,
            batch_size=recipe.pictures_per_step(replicas),
            augment=Copies(recipe.least_noisy) if recipe.copies else augment,
            seed=seed,
            start_step=start_step,
            cache=cache,
        )

    def painter(self, generator, photos, *, count, size, seed=0):
        from monet.data import ImageError
        from monet.data.images import central_square
        from monet.inference.noise import paint_from_noise

        def images() -> Iterator[np.ndarray | ImageError]:
            for image in paint_from_noise(generator, count, seed=seed):
                yield image if isinstance(image, ImageError) else central_square(image, size)

        return images

    def sheet(self, recipe, domains: Domains, *, seed=0) -> NoiseSheet:
        from monet.data import fixed_images
        from monet.systems.sheets.noise import NoiseSheet

        paintings = fixed_images(domains.paintings, _COMPARED_PAINTINGS, recipe.image_size, seed)
        positive = recipe.sheet_latents == "positive"
        return NoiseSheet(paintings, recipe.generator.latent_dim, seed, positive=positive)

    def sheet_cells(self, layout):
        side = math.isqrt(layout["noise"])
        return [], [divmod(index, side) for index in range(layout["noise"])]

    def caption(self, layout):
        return f"{layout.get('noise', 0)} pictures, from the same noise at every epoch"
