"""Loading a saved generator, for the device at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet._files import StrPath, check_local

if TYPE_CHECKING:
    import keras


NEWEST_GENERATOR, BEST_GENERATOR = "generator.keras", "generator-best.keras"
"""What a run folder has."""

CHOICES = ("best", "last")
"""Which of them can be asked for."""

MOST_STRENGTH = 2.0
"""Of what is painted over an underpainting. More leaves no picture to recognise."""


class GeneratorError(ValueError):
    """A file that is no usable generator: one sentence."""


def generator_file(path: StrPath, which: str | None = None) -> Path:
    """The file of a generator.

    Args:
        path: a `.keras` file, or a run folder.
        which: of a run's: "best", which a run has that is judged while it trains (see
            docs/training.md), or "last"; by default the best where there is one.

    Raises:
        GeneratorError: there is none, or not that one.
    """
    path = Path(path)
    if which not in (None, *CHOICES):
        raise GeneratorError(f"generator {which!r}: choose from {', '.join(CHOICES)}.")
    check_local(path, GeneratorError)
    if not path.is_dir():
        if not path.is_file():
            raise GeneratorError(f"there is no generator at {path}.")
        return path
    if which != "last" and (path / BEST_GENERATOR).is_file():
        return path / BEST_GENERATOR
    if which == "best":
        raise GeneratorError(
            f"{path} has no {BEST_GENERATOR}; train with `evaluate_every`, or take the last one."
        )
    if not (path / NEWEST_GENERATOR).is_file():
        raise GeneratorError(
            f"{path} has no {NEWEST_GENERATOR}; it is written after a run's first epoch, or when "
            f"the run is interrupted."
        )
    return path / NEWEST_GENERATOR


def note_of(file: Path) -> dict[str, Any]:
    """What a run has noted of a generator: its epoch, and of the best what it is the best by.

    Nothing where there is no note, or none that can be read; the generator is as good without.
    """
    try:
        note = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    is_a_note = isinstance(note, dict) and isinstance(note.get("epoch"), int | float)
    return note if is_a_note else {}


def choice_text(file: Path) -> str | None:
    """What to tell about a file of `generator_file` that isn't the newest; None of others."""
    if file.name != BEST_GENERATOR:
        return None
    try:
        about = note_of(file)
        by = (
            f", after epoch {about['epoch']:g} of the {about['evaluations']} judged: "
            f"{about['metric']} {about['value']:.4g}"
        )
    except (KeyError, TypeError, ValueError):
        by = ""
    return f"Generator {file} (the best by its evaluations{by})"


def load_generator(
    path: StrPath, *, precision: str = "auto", which: str | None = None, strength: float = 1.0
) -> keras.Model:
    """Loads a generator that `monet.train` saved.

    A generator trained in mixed precision on a GPU is switched to the precision that suits this
    machine: float16 on a CPU is several times slower than float32 and no more exact.

    Args:
        path: a `.keras` file, or a run folder.
        precision: "auto", "off", "float16" or "bfloat16", as `monet.precision` reads it.
        which: of a run's, as for `generator_file`.
        strength: of what it paints over its underpainting, at least 0, which leaves that as it is;
            1 is what it was trained for. Only for generators that have one, such as `monet`'s.

    Raises:
        GeneratorError: `path` is missing, damaged or no model from pictures or noise to pictures,
            or holds weights that are no finite numbers, or has no underpainting for a `strength`.
        ValueError: `strength` is no number of at least 0.
    """
    import keras

    import monet.layers  # noqa: F401  registers the layers that the file names
    from monet import precision as precisions
    from monet._ambient import check_keras
    from monet.inference.origins import origin_of
    from monet.inference.weights import what_is_not_finite
    from monet.layers.paint_over import set_strength

    path = generator_file(path, which)
    try:
        check_keras()
    except RuntimeError as error:
        raise GeneratorError(str(error)) from error
    if path.suffix != ".keras":
        raise GeneratorError(f"{path} is no .keras file; save the model as one.")
    try:
        generator = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever a damaged archive happens to hit
        text = str(error).strip().replace("`", "'")  # in backticks are parameters of this package
        # After a whole configuration comes what was wrong with it.
        reason = text.rpartition("Exception encountered: ")[2].partition("\n")[0]
        reason = reason or type(error).__name__
        raise GeneratorError(f"can't load a generator from {path}: {reason}") from error
    if isinstance(generator, keras.Sequential) and generator.built:
        generator = keras.Model(generator.inputs, generator.outputs)
    if not hasattr(generator, "output_names"):
        raise GeneratorError(
            f"{path} holds a {type(generator).__name__}; a generator is a functional model, which "
            f"keras.Model(inputs, outputs) makes."
        )
    if names := what_is_not_finite(generator.weights):
        raise GeneratorError(
            f"{path} can't paint: {names} hold values that are no finite numbers; its training "
            f"failed. Take another generator, or train a new one."
        )
    for what, shape, is_usable in (
        ("takes", generator.input_shape, origin_of(generator) is not None),
        ("gives", generator.output_shape, _is_of_pictures(generator.output_shape)),
    ):
        if not is_usable:
            raise GeneratorError(
                f"{path} is not a generator of pictures: it {what} {shape}, expected [N, H, W, 3]."
            )
    generator = with_policy(generator, precisions.resolve(precision).policy)
    if strength != 1 and not set_strength(generator, strength):
        raise GeneratorError(
            f"{path} has no `strength`: it paints anew and not over an underpainting, as that of "
            f"the recipe monet does; leave it out."
        )
    return generator


def _is_of_pictures(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) == 4 and shape[-1] == 3


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
