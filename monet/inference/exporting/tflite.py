"""TFLite, for phones and small machines."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet.inference.exporting.error import ExportError, reason

if TYPE_CHECKING:
    import numpy as np

    from monet.inference.exporting.signature import Signature

NAME = "TFLite"
SUFFIX = ".tflite"
IS_FOLDER = False
NOT_RUN = "there is no interpreter for it; run: pip install ai-edge-litert"


def check_installed() -> None:
    """The converter is TensorFlow's."""


def write(signature: Signature, path: Path) -> None:
    """Writes a generator to the file `path`.

    Raises:
        ExportError: it has operations that TFLite doesn't have, or not for pictures of any size.
    """
    import tensorflow as tf
    from absl import logging

    from monet.layers import SelfAttention

    if signature.is_of_any_size and _has(signature.generator, SelfAttention):
        raise ExportError(
            "as TFLite, SelfAttention needs to know the size of the pictures; give `size`, their "
            "side in pixels."
        )
    traced = signature.function().get_concrete_function()
    # Not by way of the model, as is recommended: it would become variables that nothing fills, and
    # the shapes of pictures of any size would be lost, so that their convolutions aren't converted.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        content = converter.convert()
    except Exception as error:  # whatever a network happens to hit
        sizes = " for pictures of any size" if signature.is_of_any_size else ""
        remedy = "give `size`, their side in pixels, or " if sizes else ""
        raise ExportError(
            f"this generator can't be had as TFLite{sizes}: {_reason(error)}; {remedy}take another "
            f"format."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    path.write_bytes(content)


def run(path: Path, inputs: np.ndarray) -> np.ndarray:
    """What a written generator makes of `inputs`.

    Raises:
        ModuleNotFoundError: there is no interpreter.
    """
    interpreter = _interpreter()(model_content=path.read_bytes())
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(taken["index"], inputs.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], inputs)
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


def _interpreter() -> Any:
    """LiteRT's class, or that of a TensorFlow that still has one."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        import tensorflow as tf

        if not hasattr(tf.lite, "Interpreter"):
            raise
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        return tf.lite.Interpreter
    return Interpreter


def _has(layer: Any, kind: type) -> bool:
    return isinstance(layer, kind) or any(_has(child, kind) for child in layer._layers)


def _reason(error: Exception) -> str:
    """What the converter says at length, in a few words."""
    text = str(error)
    if names := re.search(r"^TF Select ops: (.*)$", text, re.M):
        return f"it has no {names[1].replace(', ', ' and no ')}"
    found = re.search(r"error: (.*)", text)
    return reason(Exception(found[1])) if found else reason(error)
