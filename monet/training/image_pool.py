"""The history of generated images that steadies a discriminator."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet._numbers import is_integer


@keras.saving.register_keras_serializable(package="monet")
class ImagePool(keras.layers.Layer):
    """Remembers generated images, and half of the time hands out an old one instead of the new.

    Until it holds `capacity` images it keeps every image and hands it back. From then on each
    image has an even chance to be swapped with one of the pool, or to be handed back and forgotten.

    Source: Shrivastava et al. 2017 (arXiv:1612.07828), section 2.3, as Zhu et al. 2017 apply it.
    Differing in batches: the images of one batch are swapped with different slots, so that no image
    comes back in the batch it was given in.

    Everything it remembers, its random state included, is in non-trainable weights: a model saved
    with its pool resumes exactly. It works in graphs, under XLA, and under distribution strategies,
    where the first replica fills the pool and all replicas draw from it. Where replicas are on
    several machines, each machine has a pool of its own.

    Shapes: `[N, H, W, C]` to the same.

    Args:
        capacity: images to remember, at least 1. Of a larger batch, only the first `capacity` take
            part.
        image_shape: `(H, W, C)`.
        seed: of the random choices.
    """

    def __init__(self, capacity: int, image_shape: tuple, seed: int = 0, **kwargs):
        super().__init__(trainable=False, autocast=False, **kwargs)
        if not is_integer(capacity, 1):
            raise ValueError(f"capacity={capacity!r}: expected an integer of at least 1.")
        image_shape = tuple(image_shape)
        if len(image_shape) != 3 or None in image_shape:
            raise ValueError(f"image_shape={image_shape}: expected (H, W, C), all known.")
        self.capacity = capacity
        self.image_shape = image_shape
        self.seed = seed
        self.images = self._add_state("images", (capacity, *image_shape), "float32")
        self.count = self._add_state("count", (), "int64")
        self.calls = self._add_state("calls", (), "int64")
        self.built = True

    def _add_state(self, name, shape, dtype):
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, images):
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(
                f"{self.name} remembers images of shape {self.image_shape}, got "
                f"{tuple(images.shape[1:])}; build it for that image_shape."
            )
        fresh = tf.cast(images[: self.capacity], tf.float32)
        batch = tf.shape(fresh, tf.int64)[0]
        swap, slots = self._draw(batch)

        count = self.count.value
        positions = count + tf.range(batch)
        full = count >= self.capacity
        slots = tf.where(full, slots, positions % self.capacity)
        keep = tf.where(full, swap, positions < self.capacity)

        old = tf.gather(self.images.value, slots)
        stored = tf.where(_per_image(keep), fresh, old)
        handed_out = tf.where(_per_image(keep & full), old, fresh)
        # In place: `assign` would first copy the whole pool, 38 MiB of 256 px images.
        self.images.value.scatter_update(tf.IndexedSlices(stored, slots))
        self.count.assign(tf.minimum(count + batch, self.capacity))
        return tf.concat([tf.cast(handed_out, images.dtype), images[self.capacity :]], axis=0)

    def _draw(self, batch):
        """For each image, whether to swap it once the pool is full, and with which slot."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.calls.value])
        self.calls.assign_add(1)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        draws = tf.random.stateless_uniform(
            [2, self.capacity],
            tf.random.experimental.stateless_fold_in(seed, replica),
            alg="philox",
        )
        return draws[0, :batch] < 0.5, tf.cast(tf.argsort(draws[1])[:batch], tf.int64)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        config = super().get_config()
        del config["trainable"]
        return {
            **config,
            "capacity": self.capacity,
            "image_shape": self.image_shape,
            "seed": self.seed,
        }


def _per_image(values):
    """`[N]` as `[N, 1, 1, 1]`."""
    return values[:, None, None, None]
