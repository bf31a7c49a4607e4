"""One-sided training: from photos to paintings, without the way back."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.layers.underpainting import match_colours, underpaintings
from monet.losses import (
    BinaryCrossentropy,
    Hinge,
    PerHead,
    colour_distance,
    mean_absolute_error,
    structure_distance,
)
from monet.training.gan import GAN


@keras.saving.register_keras_serializable(package="monet")
class OneSided(GAN):
    """A generator that paints photos, and a discriminator that compares these with paintings.

    Where a CycleGAN sees by a second generator that a painting still shows its photo, here plain
    losses do: paintings have to stay as they are (identity), photos have to keep what is light and
    what is dark in them (content), and the colours that they have from afar (colour). That takes
    about a quarter of the work.

    Trained by `fit` on batches `(photos, paintings)`, both `[N, H, W, C]` float32 in [-1, 1].
    Calling the model paints: it is `generator(photos)`.

    Args:
        generator: network from photos to paintings.
        discriminator: network from pictures to logits, or to a list of them, one for each head.
        lambda_identity: weight of the identity loss, the L1 distance between a painting and what
            the generator makes of it; 0 leaves it out.
        lambda_content: weight of the content loss, `monet.losses.structure_distance` between what
            is painted and what was painted over: the generator's underpainting of the photo, or the
            photo; 0 leaves it out.
        lambda_colour: weight of the colour loss, `monet.losses.colour_distance` of the same two; 0
            leaves it out.
        (further ones): see `monet.training.gan.GAN`.

    Source: identity loss: Zhu et al. 2017 (arXiv:1703.10593), section 5.2.
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        lambda_identity=5.0,
        lambda_content=2.0,
        lambda_colour=0.0,
        **kwargs,
    ):
        super().__init__(generator, discriminator, **kwargs)
        self.lambda_identity = lambda_identity
        self.lambda_content = lambda_content
        self.lambda_colour = lambda_colour
        optional = {
            "identity_loss": lambda_identity,
            "content_loss": lambda_content,
            "colour_loss": lambda_colour,
        }
        used = [name for name, weight in optional.items() if weight]
        self._finish(["adversarial_loss", "discriminator_loss", *used])

    def compile(
        self, generator_optimizer, discriminator_optimizer, adversarial_loss=None, **kwargs
    ):
        """As `AdversarialModel.compile`, with a `monet.losses.PerHead`.

        By default hinge for the first head and binary cross-entropy for the second, not halved.
        """
        loss = adversarial_loss or PerHead([Hinge(halved=False), BinaryCrossentropy(halved=False)])
        if not isinstance(loss, PerHead):
            raise ValueError(f"adversarial_loss={loss!r}: expected a monet.losses.PerHead.")
        super().compile(generator_optimizer, discriminator_optimizer, loss, **kwargs)

    def adapt(self, photos, paintings):
        """Matches the colours of the generator's underpainting, where it has one, before training.

        Args:
            photos: some photos, `[N, H, W, 3]` in [-1, 1].
            paintings: some paintings, `[M, H, W, 3]` in [-1, 1].
        """
        match_colours(self.trained_generator, photos, paintings)
        self._restart_average()

    def _step_losses(self, batch, training, number=0):
        photos, paintings = batch
        fake_seed, real_seed, seed = self._draw_seeds(3, number)

        def judge(pictures):
            """The logits of each head."""
            logits = self.discriminator(pictures, training=training)
            return list(logits) if isinstance(logits, (list, tuple)) else [logits]

        painted, same = self._paint(photos, paintings, training)
        fake, real = self.augment(painted, fake_seed), self.augment(paintings, real_seed)
        fake_logits = judge(fake)
        adversarial = self.adversarial_loss.generator(fake_logits)
        identity = mean_absolute_error(paintings, same) if self.lambda_identity else 0.0
        beneath = self._beneath(photos)
        content = structure_distance(beneath, painted) if self.lambda_content else 0.0
        colour = colour_distance(beneath, painted) if self.lambda_colour else 0.0
        return {
            "generator": adversarial
            + self.lambda_identity * identity
            + self.lambda_content * content
            + self.lambda_colour * colour,
            "adversarial_loss": adversarial,
            "identity_loss": identity,
            "content_loss": content,
            "colour_loss": colour,
            **self._compare(judge, real, fake, fake_logits, seed),
        }

    def _paint(self, photos, paintings, training):
        """What the generator makes of the photos, and of the paintings for the identity loss.

        Instance norm treats pictures one by one, so both can share a batch.
        """
        if not self.lambda_identity:
            return self.trained_generator(photos, training=training), None
        both = tf.concat([photos, paintings], axis=0)
        return tf.split(self.trained_generator(both, training=training), 2)

    def _beneath(self, photos):
        """What the generator paints over."""
        for layer in underpaintings(self.trained_generator):
            return layer(photos)[..., :3]
        return photos

    def get_config(self):
        return {
            **super().get_config(),
            "lambda_identity": self.lambda_identity,
            "lambda_content": self.lambda_content,
            "lambda_colour": self.lambda_colour,
        }
