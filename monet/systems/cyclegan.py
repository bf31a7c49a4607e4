"""CycleGAN: two generators that translate between photos and paintings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_integer, is_number
from monet.inference.file_style import FileStyle
from monet.models.architecture import Discriminator, Generator
from monet.models.attention_unet import AttentionDiscriminator, AttentionUNetGenerator
from monet.models.patchgan import PatchGANDiscriminator
from monet.models.resnet import ResNetGenerator
from monet.models.unet import UNetDiscriminator, UNetGenerator
from monet.systems.base import PENALTY_CURVES, Curve, register
from monet.systems.documents import Document
from monet.systems.recipe import ADVERSARIAL_LOSSES, Held
from monet.systems.translation import TranslationRecipe, TranslationSystem

if TYPE_CHECKING:
    from monet.data import Augment, Domains
    from monet.systems.sheets.translations import TranslationSheet
    from monet.training import CycleGAN

_PATCHES = 30 * 30
"""That a U-Net's discriminator judges at 256 px. Its systems differentiate the sum of the losses of
all patches and pictures. Adam with an epsilon that is smaller by their number takes the same steps
down the mean, which is what the losses here are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CycleGANRecipe(TranslationRecipe):
    """How a CycleGAN is built and trained.

    Attributes:
        adversarial_loss: "least-squares", "bce", "hinge" or "wgan-gp".
        halve_discriminator_loss: average the real and the fake term instead of adding them.
        lambda_cycle: weight of the cycle consistency loss (L1 between images in [-1, 1]).
        lambda_identity: weight of the identity loss (L1), or "half" of `lambda_cycle`, as in the
            paper and the notebooks; 0 leaves it out.
        pool_size: generated pictures that each discriminator remembers (Shrivastava et al. 2017);
            0 for none.
        jitter: the shorter side is resized to a random size, from `image_size` to `jitter *
            image_size`, before the crop; in [1, 4], 1 for none.
        (further ones): see `TranslationRecipe`.
    """

    system: ClassVar[str] = "cyclegan"

    generator: Generator = ResNetGenerator()
    discriminator: Discriminator = PatchGANDiscriminator()
    adversarial_loss: str = "least-squares"
    halve_discriminator_loss: bool = True
    lambda_cycle: float = 10.0
    lambda_identity: float | str = "half"
    pool_size: int = 0
    jitter: float = 286 / 256

    def __post_init__(self):
        self.check("lambda_cycle", "a number of at least 0", is_number(self.lambda_cycle, 0))
        super().__post_init__()
        self.check("discriminator", "one with a single head", self.discriminator.heads == 1)
        self.check_one_of("adversarial_loss", ADVERSARIAL_LOSSES)
        self.check("pool_size", "an integer of at least 0", is_integer(self.pool_size, 0))
        self.check("jitter", "in [1, 4]", is_number(self.jitter, 1, 4))

    def pictures_held(self, replicas: int = 1) -> list[Held]:
        pools = Held("the pools hold", 2 * self.pool_size, self.image_size, "`pool_size`")
        return [*super().pictures_held(replicas), pools]

    @property
    def identity_weight(self) -> float | str:
        return self.lambda_cycle / 2 if self.lambda_identity == "half" else self.lambda_identity


_RECIPES = (
    CycleGANRecipe(
        name="cyclegan",
        summary="ResNet-9, reflection padding, least squares, image pool",
        source=(
            "Zhu, Park, Isola and Efros, Unpaired Image-to-Image Translation using "
            "Cycle-Consistent Adversarial Networks, ICCV 2017, sections 4, 7 (identity loss: "
            "5.2). Gamma starts at 1: the authors' Torch code draws N(1, 0.02), their PyTorch "
            "code has none. An epoch passes over the smaller domain; theirs, over the larger."
        ),
        discriminator=PatchGANDiscriminator(padding="one"),
        pool_size=50,
        decay_fraction=0.5,
    ),
    CycleGANRecipe(
        name="resnet-lsgan",
        summary="ResNet-9, zero padding, least squares",
        source=(
            "A notebook for the Kaggle competition 'I'm Something of a Painter Myself' "
            "(recorded score 84.31): zero-padded ResNet-9, least squares, constant rate. It "
            "doesn't show the code of its augmentation, nor how its parallel readers mix the "
            "files. The two convolutions of a block start from the same values there, by an "
            "initializer that they share; here they don't. Its shuffle buffer starts anew with "
            "every epoch, so that ten of them show some 1,200 photos; here photos are shuffled as "
            "a whole."
        ),
        generator=ResNetGenerator(padding="zero"),
        epochs=10,
    ),
    CycleGANRecipe(
        name="unet-bce",
        summary="U-Net, instance norm, cross-entropy",
        source=(
            "A notebook of the competition after its TensorFlow tutorial: U-Net, binary "
            "cross-entropy, instance norm, no augmentation. It differentiates a map of 30 × 30 "
            "losses, not their mean: gradients 900 times as large, which is what Adam's epsilon "
            "stands for here. It pairs pictures in the order of the files, so that every epoch "
            "shows the same 300 photos; here photos are shuffled."
        ),
        generator=UNetGenerator(),
        discriminator=UNetDiscriminator(),
        adversarial_loss="bce",
        epsilon=1e-7 / _PATCHES,
        epochs=25,
        flip=False,
        jitter=1.0,
    ),
    CycleGANRecipe(
        name="unet-base",
        summary="unet-bce, faster generators",
        source=(
            "The tutorial's system in another notebook of the competition (recorded score 58.9): "
            "`unet-bce`, but the generators' last layer starts from N(0, 0.1), their rate is 1e-3, "
            "and there are 12 epochs."
        ),
        generator=UNetGenerator(head_stddev=0.1),
        discriminator=UNetDiscriminator(),
        adversarial_loss="bce",
        generator_learning_rate=1e-3,
        epsilon=1e-7 / _PATCHES,
        epochs=12,
        flip=False,
        jitter=1.0,
    ),
    CycleGANRecipe(
        name="unet-group",
        summary="U-Net, group norm, cross-entropy, batches of 4",
        source=(
            "Two write-ups of one entry to the competition: `unet-bce` with group norm, a group "
            "for each channel, which is the same mathematics; batches of 4, paintings twice an "
            "epoch. 200 epochs in the code, 500 in the text. How its parallel readers mix the "
            "files isn't known. Its buffer of 2,048 photos starts anew with every epoch; here "
            "photos are shuffled as a whole. Steps as in `unet-bce`."
        ),
        epsilon=1e-7 / (4 * _PATCHES),
        generator=UNetGenerator(norm="group"),
        discriminator=UNetDiscriminator(norm="group"),
        adversarial_loss="bce",
        batch_size=4,
        epochs=200,
        painting_repeats=2,
        sample_every=10,
        sample_photos=5,
        flip=False,
        jitter=1.0,
    ),
    CycleGANRecipe(
        name="unet-attention",
        summary="U-Net with residual blocks and self-attention",
        source=(
            "A notebook of the competition: U-Net with group norm, residual blocks and "
            "self-attention, discriminator with noise (recorded 73.79; 71.84 with 12 epochs; 64.78 "
            "with the discriminator `unet`; 71.8 with the generator `unet-base`; 27 epochs without "
            "a score). It writes its attention as functions in Lambda layers; here it has layers "
            "with weights that are trained. Steps as in `unet-bce`."
        ),
        generator=AttentionUNetGenerator(),
        discriminator=AttentionDiscriminator(),
        adversarial_loss="bce",
        epsilon=1e-7 / _PATCHES,
        generator_learning_rate=1e-3,
        epochs=20,
        flip=False,
        jitter=1.0,
    ),
)

_FILE_ORDER = {"painting_buffer": 1, "photo_buffer": 1}
_TUTORIAL_STYLE = FileStyle(names="{}.jpg", first=1, quality=75, full_colour=False, rounding="down")

_DOCUMENTS = {
    "resnet-lsgan": Document(
        fields={"painting_buffer": 1024, "photo_buffer": 1024},
        style=FileStyle(names="image_{:05d}.jpg", full_colour=False, rounding="scaled"),
    ),
    "unet-bce": Document(fields=_FILE_ORDER, style=_TUTORIAL_STYLE),
    "unet-base": Document(fields=_FILE_ORDER, style=_TUTORIAL_STYLE),
    "unet-attention": Document(fields=_FILE_ORDER, style=_TUTORIAL_STYLE),
    "unet-group": Document(
        fields={"painting_buffer": 600, "photo_buffer": 2048}, style=_TUTORIAL_STYLE
    ),
}


@register
class CycleGANSystem(TranslationSystem[CycleGANRecipe]):
    """Two generators, from photos to paintings and back, and a discriminator of either."""

    recipe_class = CycleGANRecipe
    options = (*TranslationSystem.options, "lambda_cycle")
    recipes = _RECIPES
    documents = _DOCUMENTS
    curves = (
        Curve("painting_generator_loss", "G", "Generators (total)", "to painting", "to painting"),
        Curve("photo_generator_loss", "G", "Generators (total)", "to photo", "to photo"),
        Curve("painting_adversarial_loss", "", "Adversarial", "to painting", "fools D paintings"),
        Curve("photo_adversarial_loss", "", "Adversarial", "to photo", "fools D photos"),
        Curve("painting_discriminator_loss", "D", "Discriminators", "of paintings", "D paintings"),
        Curve("photo_discriminator_loss", "D", "Discriminators", "of photos", "D photos"),
        Curve("photo_cycle_loss", "", "Cycle", "photo → painting → photo", "cycle photos"),
        Curve("painting_cycle_loss", "", "Cycle", "painting → photo → painting", "cycle paintings"),
        Curve("cycle_loss", "cycle", "", "", "cycle"),
        Curve("painting_identity_loss", "", "Identity", "paintings", "identity paintings"),
        Curve("photo_identity_loss", "", "Identity", "photos", "identity photos"),
        Curve("identity_loss", "identity", "", "", "identity"),
        *PENALTY_CURVES,
    )

    def build(
        self, recipe, steps_per_epoch, seed=0, *, dtype=None, jit_compile="auto", **compile_options
    ) -> CycleGAN:
        from monet import losses
        from monet.models.initializers import seeded
        from monet.training import CycleGAN

        with seeded(seed):
            networks = {
                name: architecture.build(recipe.image_size, dtype=dtype, name=name)
                for name, architecture in (
                    ("painting_generator", recipe.generator),
                    ("photo_generator", recipe.generator),
                    ("painting_discriminator", recipe.discriminator),
                    ("photo_discriminator", recipe.discriminator),
                )
            }
        model = CycleGAN(
            **networks,
            lambda_cycle=recipe.lambda_cycle,
            lambda_identity=recipe.identity_weight,
            pool_size=recipe.pool_size,
            image_shape=(recipe.image_size, recipe.image_size, 3),
            **self.training_options(recipe, seed),
        )
        adversarial_loss = losses.ADVERSARIAL_LOSSES[recipe.adversarial_loss]
        model.compile(
            *self.optimizers(recipe, steps_per_epoch),
            adversarial_loss=adversarial_loss(halved=recipe.halve_discriminator_loss),
            jit_compile=jit_compile,
            **compile_options,
        )
        return model

    def augment(self, recipe) -> Augment:
        from monet.data import Augment

        return Augment(flip=recipe.flip, jitter=recipe.jitter)

    def sheet(self, recipe, domains: Domains, *, seed=0) -> TranslationSheet:
        from monet.systems.sheets.translations import TranslationSheet

        return TranslationSheet(
            *self.samples(recipe, domains, recipe.image_size, seed),
            shows_identity=recipe.identity_weight > 0,
        )

    def caption(self, layout):
        photos, paintings = layout.get("photos", 0), layout.get("paintings", 0)
        captions = [f"Top to bottom: {photos} photos → painted → back to photo"]
        if paintings:
            captions.append(f"{paintings} paintings → as photo → back to painting")
        if layout.get("identity", 0):
            captions.append("at the bottom what each should be left as by its own generator")
        return "; ".join(captions)
