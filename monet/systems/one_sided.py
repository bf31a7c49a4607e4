"""One-sided training: one generator that paints photos, without the way back of a CycleGAN."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_integer, is_number
from monet.models.architecture import Discriminator, Generator
from monet.models.painter import PainterGenerator
from monet.models.two_headed import TwoHeadedDiscriminator
from monet.systems.base import PENALTY_CURVES, Curve, register
from monet.systems.recipe import AUGMENTATIONS, Held, Phase
from monet.systems.translation import TranslationRecipe, TranslationSystem

if TYPE_CHECKING:
    from monet.data import Augment, Domains
    from monet.systems.sheets.paintings import PaintingSheet
    from monet.training import OneSided

HEAD_LOSSES = ("hinge", "bce", "least-squares")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneSidedRecipe(TranslationRecipe):
    """How a generator is trained against a discriminator, from photos to paintings alone.

    Attributes:
        head_losses: "hinge", "bce" or "least-squares" for each of the discriminator's heads, in
            their order; one with fewer heads takes the first of them. Real and fake terms are
            added, not averaged.
        lambda_content: weight of the content loss (`monet.losses.structure_distance`); 0 leaves it
            out.
        lambda_colour: weight of the colour loss (`monet.losses.colour_distance`); 0 leaves it out.
        diff_augment: policies of DiffAugment, which changes all that the discriminator sees:
            "colour", "translation" and "cutout".
        augment_colour: strength of its changes of colour, in [0, 1]; 1 is the authors'.
        augment_hole: side of the square that it cuts out, as a share of the picture's.
        picture_size: the shorter side, in pixels, that pictures are brought to; training crops of
            `image_size` are cut out of these, so that what is learned at 128 px holds for pictures
            of this size.
        finish_size: side of the crops, in pixels, at the end of a training for a given time; it
            ends as it began where this is no larger than `image_size`.
        finish_share: that end's share of the time, in [0, 1).
        finish_batch_size: pictures of each domain per step and device then.
        (further ones): see `TranslationRecipe`.
    """

    system: ClassVar[str] = "one-sided"

    generator: Generator = PainterGenerator()
    discriminator: Discriminator = TwoHeadedDiscriminator()
    head_losses: tuple[str, ...] = ("hinge", "bce")
    lambda_identity: float = 0.0
    lambda_content: float = 4.0
    lambda_colour: float = 5.0
    diff_augment: tuple[str, ...] = ("colour", "translation", "cutout")
    augment_colour: float = 0.5
    augment_hole: float = 1 / 3
    average_momentum: float = 0.998
    picture_size: int = 256
    finish_size: int = 256
    finish_share: float = 0.15
    finish_batch_size: int = 1

    def __post_init__(self):
        super().__post_init__()
        self.check(
            "head_losses",
            f"at least {self.discriminator.heads} of {', '.join(HEAD_LOSSES)}",
            len(self.head_losses) >= self.discriminator.heads
            and set(self.head_losses) <= set(HEAD_LOSSES),
        )
        self.check_some_of("diff_augment", AUGMENTATIONS)
        for field in ("lambda_content", "lambda_colour"):
            self.check(field, "a number of at least 0", is_number(getattr(self, field), 0))
        self.check("augment_colour", "in [0, 1]", is_number(self.augment_colour, 0, 1))
        is_share = is_number(self.augment_hole, 0, 1) and self.augment_hole > 0
        self.check("augment_hole", "in (0, 1]", is_share)
        value = self.finish_share
        self.check("finish_share", "in [0, 1)", is_number(value, 0, 1) and value < 1)
        for field in ("finish_size", "finish_batch_size"):
            self.check(field, "an integer of at least 1", is_integer(getattr(self, field), 1))
        is_taken = self.generator.takes(self.finish_size) or not self._has_finish
        self.check("finish_size", self.generator.image_sizes(), is_taken)
        is_large_enough = is_integer(self.picture_size, self.image_size)
        self.check("picture_size", f"an integer of at least {self.image_size}", is_large_enough)

    @property
    def _has_finish(self) -> bool:
        return self.finish_share > 0 and self.finish_size > self.image_size

    def pictures_held(self, replicas: int = 1) -> list[Held]:
        held = super().pictures_held(replicas)
        held.append(Held("crops are cut out of", 1, self.picture_size, "`picture_size`"))
        if self._has_finish:
            pictures = 2 * self.finish_batch_size * self.discriminator_steps * replicas
            fields = "`finish_batch_size` or `finish_size`"
            held.append(Held("a last step takes", pictures, self.finish_size, fields))
        return held

    def phases(self) -> list[Phase]:
        if not self._has_finish:
            return super().phases()
        finish = self.replace(
            image_size=self.finish_size,
            batch_size=self.finish_batch_size,
            picture_size=max(self.picture_size, self.finish_size),
        )
        return [Phase(1.0 - self.finish_share, self), Phase(self.finish_share, finish)]


_MONET = OneSidedRecipe(
    name="monet",
    summary="one-sided, paints over brush strokes, two heads; for a CPU",
    source=(
        "This package's own. No second generator (as in Park et al. 2020, arXiv:2007.15651, but "
        "with plain content and colour losses), painting over brush strokes of the photo "
        "(Haeberli 1990, Hertzmann 1998) in the paintings' colours; a discriminator "
        "with a hinge and a cross-entropy head, as in a notebook of the competition that reports a "
        "score of 35.1; DiffAugment (Zhao et al. 2020) at half strength; averaged generator "
        "(Karras et al. 2018); crops at the scale of the painted pictures."
    ),
    # A faster generator runs ahead of the discriminator, and its strokes get ever stronger; they do
    # so at these rates too, after 10,000 steps, while the discriminator's loss keeps falling.
    generator_learning_rate=1.5e-4,
    discriminator_learning_rate=1e-3,
    full_rate_steps=5000,
    beta_2=0.99,
    decay_fraction=0.4,
    average_momentum=0.999,
    batch_size=4,
    image_size=128,
    steps_per_epoch=500,
    epochs=60,
)

_RECIPES = (
    _MONET,
    dataclasses.replace(
        _MONET,
        name="sample",
        summary="monet scaled down, for the sample set and a CPU",
        source=(
            "`monet` scaled down, so that two CPU cores learn the embedded sample set, whose "
            "pictures have 128 px, in about two minutes."
        ),
        generator=PainterGenerator(stroke_length=8),
        generator_learning_rate=2e-4,
        lambda_content=2.0,
        average_momentum=0.998,
        image_size=96,
        picture_size=128,
        finish_share=0.0,
        decay_fraction=0.5,
        steps_per_epoch=100,
        epochs=10,
    ),
    dataclasses.replace(
        _MONET,
        name="monet-gpu",
        summary="monet, wider; for a GPU",
        source=(
            "`monet` with wider networks, batches of 16 on each GPU and whole pictures. Its "
            "numbers are estimates: 40,000 steps should fit into a session on one T4, at rates an "
            "eighth of those that stand here, see full_rate_steps. Not yet trained to the end."
        ),
        generator=PainterGenerator(filters=64, blocks=6, levels=3, head_filters=32),
        discriminator=TwoHeadedDiscriminator(filters=64),
        generator_learning_rate=1e-4,
        discriminator_learning_rate=6e-4,
        batch_size=16,
        image_size=256,
        picture_size=286,
        steps_per_epoch=500,
        epochs=80,
    ),
)


@register
class OneSidedSystem(TranslationSystem[OneSidedRecipe]):
    """One generator, from photos to paintings, and one discriminator."""

    recipe_class = OneSidedRecipe
    recipes = _RECIPES
    curves = (
        Curve("adversarial_loss", "G", "Generator (adversarial)", "to painting", "generator"),
        Curve("discriminator_loss", "D", "Discriminator", "of paintings", "discriminator"),
        Curve("identity_loss", "identity", "Identity", "paintings", "identity"),
        Curve("content_loss", "content", "Content", "photos", "content"),
        Curve("colour_loss", "colour", "Colour", "photos", "colour"),
        *PENALTY_CURVES,
    )

    def build(
        self, recipe, steps_per_epoch, seed=0, *, dtype=None, jit_compile="auto", **compile_options
    ) -> OneSided:
        from monet import losses
        from monet.models.initializers import seeded
        from monet.training import OneSided

        with seeded(seed):
            networks = self.networks(recipe, dtype=dtype)
        model = OneSided(
            *networks,
            lambda_identity=recipe.identity_weight,
            lambda_content=recipe.lambda_content,
            lambda_colour=recipe.lambda_colour,
            augment=recipe.diff_augment,
            augment_colour=recipe.augment_colour,
            augment_hole=recipe.augment_hole,
            **self.training_options(recipe, seed),
        )
        head_losses = [
            losses.ADVERSARIAL_LOSSES[name](halved=False)
            for name in recipe.head_losses[: recipe.discriminator.heads]
        ]
        model.compile(
            *self.optimizers(recipe, steps_per_epoch),
            adversarial_loss=losses.PerHead(head_losses),
            jit_compile=jit_compile,
            **compile_options,
        )
        return model

    def augment(self, recipe) -> Augment:
        from monet.data import Augment

        return Augment(flip=recipe.flip, picture_size=recipe.picture_size)

    def sheet(self, recipe, domains: Domains, *, seed=0) -> PaintingSheet:
        from monet.systems.sheets.paintings import PaintingSheet

        # As large as pictures will be painted, where the network takes that without padding.
        size = recipe.picture_size
        if not recipe.generator.takes(size):
            size = recipe.image_size
        return PaintingSheet(*self.samples(recipe, domains, size, seed))

    def caption(self, layout):
        photos, paintings = layout.get("photos", 0), layout.get("paintings", 0)
        captions = [f"{photos} photos → painted"]
        if paintings:
            captions.append(f"{paintings} paintings → painted again, ideally the same")
        return "Top to bottom: " + "; ".join(captions)
