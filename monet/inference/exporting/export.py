"""From a saved generator to a file for other programs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from monet._files import StrPath, check_local, creating_folder, replacing
from monet.inference.exporting import onnx, savedmodel, tflite
from monet.inference.exporting.error import ExportError, reason
from monet.inference.generator import generator_file, load_generator
from monet.inference.origins import origin_of
from monet.inference.outputs import OutputError

if TYPE_CHECKING:
    from types import ModuleType

    from monet.inference.exporting.signature import Signature

_MODULES = {"savedmodel": savedmodel, "onnx": onnx, "tflite": tflite}

FORMATS = tuple(_MODULES)
"""What can be asked for."""

_MOST_DIFFERENCE = 2 / 255
"""Between the values of a file and of its Keras model: a level of 8 bits. Rounding makes 1e-4."""

_SHARE = 0.999
"""Of the values, which may differ so much: rounding can turn a brush stroke to its next angle."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """What came of it.

    Attributes:
        output: the file, or the folder of a SavedModel.
        takes: in words, what it has to be given.
        difference: the largest between its values and those of the Keras model, on noise, but for
            a thousandth of them; None where what could run it isn't installed.
        unchecked: in that case what is missing, and the remedy.
    """

    output: Path
    takes: str
    difference: float | None
    unchecked: str = ""


def export(
    generator: StrPath,
    format: str,
    output: StrPath | None = None,
    *,
    size: int | None = None,
    which: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Writes a generator as SavedModel, ONNX or TFLite, in float32 and plain operations.

    What is written takes float32 pictures `[N, H, W, 3]` in [-1, 1], or latents `[N, Z]`, and gives
    pictures in the same range. It is run once and compared with the Keras model before it takes its
    place; nothing is left where that fails.

    ```python
    export("runs/monet", "onnx", "monet.onnx")
    ```

    Args:
        generator: a `.keras` file, or a run folder.
        format: one of `FORMATS`. "onnx" needs the package tf2onnx.
        output: a file, or for "savedmodel" a folder; by default beside the generator.
        size: side of the pictures, in pixels, for a file that takes one picture of that size at a
            time; by default it takes any number of any sizes that the generator takes.
        which: of a run's: "best" or "last"; by default the best where there is one.
        overwrite: whether to replace an existing output.

    Raises:
        GeneratorError: there is no generator, or it can't be read.
        OutputError: the output can't be written or must not be overwritten.
        ExportError: there is no such format, a package is missing, or the generator can't be had in
            this format or size.
    """
    if format not in _MODULES:
        raise ExportError(f"format {format!r}: choose from {', '.join(FORMATS)}.")
    module = _MODULES[format]
    file = generator_file(generator, which)
    output = file.with_suffix(module.SUFFIX) if output is None else Path(output)
    _check_output(output, file, is_folder=module.IS_FOLDER, overwrite=overwrite)
    module.check_installed()

    model = load_generator(file, precision="off")
    origin = origin_of(model)
    assert origin is not None  # or it would not have been loaded
    signature = origin.signature(model, size)
    try:
        with _taking_its_place(output, module.IS_FOLDER) as temporary:
            module.write(signature, temporary)
            difference = _difference(signature, module, temporary)
    except OSError as error:
        place = error.filename or output
        raise OutputError(f"can't write {place}: {error.strerror or error}.") from error
    unchecked = module.NOT_RUN if difference is None else ""
    return Exported(output, signature.description, difference, unchecked)


def _check_output(output: Path, generator: Path, *, is_folder: bool, overwrite: bool) -> None:
    """Raises `OutputError` if something is in the way at `output`."""
    check_local(output, OutputError)
    if not os.path.lexists(output) or (is_folder and output.is_dir() and not any(output.iterdir())):
        return
    if output.resolve() == generator.resolve():
        raise OutputError(f"{output} is the generator itself; give `output` another name.")
    if is_folder and not savedmodel.is_one(output):
        raise OutputError(f"{output} exists and is no SavedModel; give `output` another name.")
    if not is_folder and not output.is_file():
        raise OutputError(f"{output} exists and is no file; give `output` another name.")
    if not overwrite:
        raise OutputError(f"{output} exists; pass `overwrite=True` to replace it.")


@contextlib.contextmanager
def _taking_its_place(output: Path, is_folder: bool) -> Iterator[Path]:
    output = Path(os.path.abspath(output))  # "." has no name
    output.parent.mkdir(parents=True, exist_ok=True)
    with creating_folder(output, replace=True) if is_folder else replacing(output) as temporary:
        yield temporary


def _difference(signature: Signature, module: ModuleType, path: Path) -> float | None:
    """How far apart are what the file and the Keras model make of noise; None if it can't run.

    Raises:
        ExportError: it is too large, or the file is damaged.
    """
    import numpy as np

    try:
        got = module.run(path, signature.example)
    except ModuleNotFoundError:
        return None
    except Exception as error:  # whatever a format's own program says
        raise ExportError(
            f"what was written as {module.NAME} can't be run, so it was not kept: "
            f"{reason(error)}; take another format."
        ) from error
    want = signature.generator(signature.example, training=False).numpy()
    difference = float("nan")
    if got.shape == want.shape:
        difference = float(np.quantile(np.abs(got - want), _SHARE))
    if not difference <= _MOST_DIFFERENCE:
        raise ExportError(
            f"as {module.NAME} the generator gives other pictures than Keras's model (by "
            f"{difference:.3g}), so nothing was written; take another format."
        )
    return difference
