"""Painting from noise, as many pictures as are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from monet._text import count as counted
from monet.inference import submission
from monet.inference.origins.base import Origin, Work
from monet.inference.outputs import OutputError

if TYPE_CHECKING:
    import keras

    from monet.inference.exporting.signature import Signature
    from monet.inference.job import Job
    from monet.inference.pipeline import Result


class Noise(Origin):
    """Latents `[N, Z]`, drawn from N(0, 1)."""

    demand = "paints from noise; give `count` in place of `inputs`"
    style = submission.STYLE

    @staticmethod
    def suits(generator: keras.Model) -> bool:
        shape = generator.input_shape
        return isinstance(shape, tuple) and len(shape) == 2 and shape[1] is not None

    @staticmethod
    def signature(generator: keras.Model, size: int | None) -> Signature:
        import numpy as np

        from monet.inference.exporting.error import ExportError
        from monet.inference.exporting.signature import Signature

        length, side = generator.input_shape[1], generator.output_shape[1]
        if size not in (None, side):
            raise ExportError(
                f"`size={size}`: this generator paints pictures of {side}×{side} pixels from noise "
                f"and no others; leave it out."
            )
        count = None if size is None else 1
        description = f"latents [{count or 'N'}, {length}], float32, drawn from N(0, 1)"
        example = np.random.default_rng(0).normal(size=(count or 2, length))
        return Signature(
            generator, "latents", (count, length), description, example.astype(np.float32)
        )

    def plan(self, job: Job) -> Work:
        count = job.count
        if count is None:
            raise OutputError(
                "nothing to paint: give `inputs` with photos, or `count` for a generator that "
                "paints from noise."
            )
        job.check_is_one_picture(count, "pictures")
        job.check_output()
        if job.kaggle:
            submission.check_count(count, allow_any=job.allow_any_count)
        names = [job.style.name(index) for index in range(count)]

        def results(generator: keras.Model) -> Iterable[Result]:
            from monet.inference.noise import paint_from_noise
            from monet.inference.pipeline import results_of

            if job.kaggle:
                submission.check_side(generator.output_shape[1])
            images = paint_from_noise(
                generator,
                count,
                seed=job.seed or 0,
                batch_size=job.batch_size,
                rounding=job.style.rounding,
            )
            return results_of(images, names)

        return Work(f"{counted(count, 'picture')} from noise", count, names, results)
