"""Any Keras model from pictures to vectors, as an extractor."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monet._files import StrPath, check_local
from monet.metrics.extractor import Extractor, ExtractorError, sha256


class KerasExtractor(Extractor):
    """A `.keras` file that maps RGB [N, H, W, 3] in 0…255 to vectors [N, D].

    Its own scaling of the pixels belongs into the model. It is loaded in Keras's safe mode: a file
    that carries code (a Lambda layer) is refused.

    Args:
        path: the file.

    Raises:
        ExtractorError: there is no such file, it can't be loaded, or it maps something else.
    """

    compares_with = "figures from the same file alone, not the competition's nor anybody's FID"

    def __init__(self, path: StrPath) -> None:
        import keras
        import tensorflow as tf

        path = Path(path)
        check_local(path, ExtractorError)
        if not path.is_file():
            raise ExtractorError(f"there is no extractor {path}.")
        if path.suffix != ".keras":
            raise ExtractorError(f"{path} is no .keras file; save the model as one.")
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever a damaged archive happens to hit
            text = str(error).strip() or type(error).__name__
            raise ExtractorError(f"can't load an extractor from {path}: {text}") from error
        self.name = path.name
        self.digest = sha256(path)
        self.fixed_size, self.dimensions = _checked_shapes(path, model)

        @tf.function(input_signature=[tf.TensorSpec((None, *self.fixed_size, 3), tf.uint8)])
        def features(pictures):
            return tf.cast(model(tf.cast(pictures, tf.float32), training=False), tf.float32)

        self._features = features

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        for given, wanted in zip(pictures.shape[1:3], self.fixed_size, strict=True):
            if wanted is not None and given != wanted:
                raise ExtractorError(
                    f"{self.name} takes pictures of {_sides(self.fixed_size)}, not of "
                    f"{_sides(pictures.shape[1:3])}; bring them to its size, or begin the model "
                    f"with a keras.layers.Resizing."
                )
        return self._features(pictures).numpy()


def _checked_shapes(path: Path, model) -> tuple[tuple[int | None, int | None], int]:
    """Height and width that the model takes (None: any), and how many features it gives."""
    taken, given = model.input_shape, model.output_shape
    if not isinstance(taken, tuple) or len(taken) != 4 or taken[-1] != 3:
        raise ExtractorError(f"{path} takes {taken}, expected pictures [N, H, W, 3].")
    if not isinstance(given, tuple) or len(given) != 2 or given[1] is None:
        raise ExtractorError(
            f"{path} gives {given}, expected vectors [N, D]; end the model with a "
            f"keras.layers.GlobalAveragePooling2D, say."
        )
    return taken[1:3], given[1]


def _sides(size: tuple[int | None, ...]) -> str:
    return "×".join("any" if side is None else str(side) for side in size)
