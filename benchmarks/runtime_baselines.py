"""Painting by other runtimes, where they are installed, from the generator as an ONNX file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from interleave import Arms

from monet._parallel import usable_cores
from monet.inference import export
from monet.inference.exporting import ExportError

try:
    import onnxruntime
except ImportError:
    onnxruntime = None
try:
    import openvino
except ImportError:
    openvino = None


def arms(generator: keras.Model, photos: np.ndarray) -> Arms:
    """`{"onnxruntime": arm, "OpenVINO": arm}`, or those of them that are installed.

    Args:
        generator: float32, exported with plain ops.
        photos: `[N, H, W, 3]` in [-1, 1]. Both runtimes are told that size, and the threads that
            TensorFlow has.
    """
    if onnxruntime is None and openvino is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.onnx"
        saved = path.with_suffix(".keras")
        generator.save(saved)
        try:
            export(saved, "onnx", path)
        except ExportError:  # without tf2onnx, or with what it can't convert
            return {}
        model = path.read_bytes()
    photos = np.ascontiguousarray(photos, np.float32)
    threads = usable_cores()
    found: dict[str, Callable[[], None]] = {}
    if onnxruntime is not None:
        found["onnxruntime"] = _onnxruntime(model, photos, threads)
    if openvino is not None:
        found["OpenVINO"] = _openvino(model, photos, threads)
    return found


def _onnxruntime(model: bytes, photos: np.ndarray, threads: int) -> Callable[[], None]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    for name, size in zip("NHW", photos.shape, strict=False):
        options.add_free_dimension_override_by_name(name, size)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: photos}
    return lambda: session.run(None, feed)


def _openvino(model: bytes, photos: np.ndarray, threads: int) -> Callable[[], None]:
    network = openvino.Core().read_model(model)
    network.reshape(list(photos.shape))
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # with AMX it would take bfloat16
    }
    compiled = openvino.compile_model(network, "CPU", options)
    request = compiled.create_infer_request()
    return lambda: request.infer([photos])
