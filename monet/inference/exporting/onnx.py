"""ONNX, for ONNX Runtime and many others, by way of the package tf2onnx."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monet.inference.exporting.error import ExportError, reason

if TYPE_CHECKING:
    import numpy as np

    from monet.inference.exporting.signature import Signature

NAME = "ONNX"
SUFFIX = ".onnx"
IS_FOLDER = False
NOT_RUN = "onnxruntime is not installed; run: pip install onnxruntime"

_OPSET = 17  # of 2022: what tf2onnx 1.17 and all runtimes of today know


def check_installed() -> None:
    """Raises `ExportError` where the converter is missing."""
    if importlib.util.find_spec("tf2onnx") is None:
        raise ExportError(
            "`format='onnx'` needs the package tf2onnx, which is not installed; run: "
            "pip install tf2onnx"
        )


def write(signature: Signature, path: Path) -> None:
    """Writes a generator to the file `path`.

    Raises:
        ExportError: it has operations that ONNX doesn't have, or can't be converted otherwise.
    """
    import onnx
    import tf2onnx

    function = signature.function()
    with _silent():
        try:
            model, _ = tf2onnx.convert.from_function(
                function, input_signature=function.input_signature, opset=_OPSET
            )
        except Exception as error:  # whatever a network happens to hit
            raise ExportError(
                f"tf2onnx {tf2onnx.__version__} can't convert this generator: {reason(error)}; "
                f"take another version of it, or another format."
            ) from error
    # It leaves what it can't convert as it is, with no more than a line in the log.
    if names := sorted(_unknown(model.graph)):
        raise ExportError(
            f"this generator can't be had as ONNX, which has no {' and no '.join(names)}; take "
            f"another format."
        )
    _name_dimensions(model.graph.input[0], signature.shape)
    _name_dimensions(model.graph.output[0], signature.generator.output_shape)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def run(path: Path, inputs: np.ndarray) -> np.ndarray:
    """What a written generator makes of `inputs`.

    Raises:
        ModuleNotFoundError: there is no ONNX Runtime.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def _unknown(graph: Any) -> set[str]:
    """The operations of a graph, and of those inside its operations, that ONNX doesn't have."""
    import onnx

    found = set()
    for node in graph.node:
        if not onnx.defs.has(node.op_type, node.domain):
            found.add(node.op_type)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found |= _unknown(inner)
    return found


def _name_dimensions(value: Any, shape: tuple[int | None, ...]) -> None:
    """Calls open dimensions of an input or output what they are, where tf2onnx numbers them."""
    dimensions = value.type.tensor_type.shape.dim
    for dimension, size, name in zip(dimensions, shape, ("N", "H", "W", "C"), strict=False):
        if size is None:
            dimension.dim_param = name


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keeps tf2onnx from logging: what matters is raised."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
