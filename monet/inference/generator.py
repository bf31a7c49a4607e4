"""Loading a saved generator, for the device at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


class GeneratorError(ValueError):
    """A file that is no usable generator: one sentence."""


def load_generator(path: str | os.PathLike, *, precision: str = "auto") -> keras.Model:
    """Loads a generator that `monet.train` saved.

    A generator trained in mixed precision on a GPU is switched to the precision that suits this
    machine: float16 on a CPU is several times slower than float32 and no more exact.

    Args:
        path: A `.keras` file, or a run folder that has a `generator.keras`.
        precision: "auto", "off", "float16" or "bfloat16", as `monet.precision` reads it.

    Raises:
        GeneratorError: `path` is missing, damaged or no model from pictures or noise to pictures.
    """
    import keras

    import monet.layers  # noqa: F401  registers the layers that the file names
    from monet import precision as precisions

    path = Path(path)
    if path.is_dir():
        if not (path / "generator.keras").is_file():
            raise GeneratorError(
                f"{path} has no generator.keras; it is written after a run's first epoch, or when "
                f"the run is interrupted."
            )
        path = path / "generator.keras"
    if not path.is_file():
        raise GeneratorError(f"there is no generator at {path}.")
    try:
        generator = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever a damaged archive happens to hit
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GeneratorError(f"can't load a generator from {path}: {reason}") from error
    shapes = [("takes", generator.input_shape), ("gives", generator.output_shape)]
    if is_from_noise(generator):
        del shapes[0]
    for what, shape in shapes:
        if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != 3:
            raise GeneratorError(
                f"{path} is not a generator of pictures: it {what} {shape}, expected [N, H, W, 3]."
            )
    return with_policy(generator, precisions.resolve(precision).policy)


def is_from_noise(generator: keras.Model) -> bool:
    """Whether `generator` takes latents `[N, Z]`, not pictures."""
    shape = generator.input_shape
    return isinstance(shape, tuple) and len(shape) == 2 and shape[1] is not None


def with_policy(generator: keras.Model, policy: str) -> keras.Model:
    """Returns `generator` with its layers computing under the dtype policy `policy`.

    The output layers stay in float32: rounded to bfloat16, pictures show bands.
    """
    config = generator.get_config()
    output_names = set(generator.output_names)
    changed = {
        **config,
        "layers": [
            layer if layer["config"]["name"] in output_names else _replace_policies(layer, policy)
            for layer in config["layers"]
        ],
    }
    if changed == config:
        return generator
    converted = generator.__class__.from_config(changed)
    converted.set_weights(generator.get_weights())
    return converted


def _replace_policies(config: Any, policy: str) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": policy}}
        return {key: _replace_policies(value, policy) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_replace_policies(value, policy) for value in config)
    return config
