"""The Inception network of 2015 that the FID is defined by, from its frozen graph."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from monet._files import StrPath, check_local
from monet.metrics.extractor import Extractor, ExtractorError, sha256
from monet.metrics.feature_cache import user_cache

FILE_NAME = "classify_image_graph_def.pb"
_INPUT, _OUTPUT = "ExpandDims:0", "pool_3:0"


def find_weights(path: StrPath | None = None) -> Path | None:
    """The graph's file: `path`, or else the one in the user's cache folder; None if neither."""
    if path is not None:
        return Path(path)
    cache = user_cache()
    kept = None if cache is None else cache / FILE_NAME
    return kept if kept is not None and kept.is_file() else None


class InceptionGraph(Extractor):
    """Features `pool_3` of the graph of 2015, which FID, KID and the competition are defined by.

    Pixels 0…255 are fed behind the JPEG decoder. The graph itself resizes them to 299×299, in the
    bilinear way of TensorFlow 1, and scales them to (x − 128) / 128.

    Args:
        path: `classify_image_graph_def.pb`, or the archive `inception-2015-12-05.tgz` that it is
            published in.

    Raises:
        ExtractorError: there is no such file, or it isn't that graph.
    """

    compares_with = (
        "FID, KID and MiFID by the same network (the competition's, pytorch-fid's) at equal counts "
        "of pictures; not compared with Kaggle's scorer"
    )
    is_of_competition = True

    def __init__(self, path: StrPath) -> None:
        import tensorflow as tf

        path = Path(path)
        check_local(path, ExtractorError)
        if not path.is_file():
            raise ExtractorError(f"there is no file {path}; bring {FILE_NAME}.")
        graph_def = tf.compat.v1.GraphDef()
        try:
            graph_def.ParseFromString(_graph_bytes(path))
        except (OSError, KeyError, ValueError, tarfile.TarError, _decode_error()) as error:
            raise ExtractorError(f"{path} is not {FILE_NAME}: {error}") from error
        missing = {_node(_INPUT), _node(_OUTPUT)} - {node.name for node in graph_def.node}
        if missing:
            raise ExtractorError(
                f"{path} is not {FILE_NAME}: it has no node {', '.join(sorted(missing))}."
            )
        graph = tf.Graph()
        with graph.as_default():
            self._pictures = tf.compat.v1.placeholder(tf.float32, (None, None, None, 3))
            # Shapes are inferred anew from here on: the batches of 1 that the file was saved with
            # become batches of any size.
            (self._pooled,) = tf.import_graph_def(
                graph_def,
                input_map={_INPUT: self._pictures},
                return_elements=[_OUTPUT],
                name="",
            )
        # A session, since the graph has operations that TensorFlow 2 runs nowhere else.
        self._session = tf.compat.v1.Session(graph=graph)
        self.name = FILE_NAME
        self.digest = sha256(path)
        self.dimensions = int(np.prod(self._pooled.shape[1:]))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        pooled = self._session.run(self._pooled, {self._pictures: np.asarray(pictures, np.float32)})
        return pooled.reshape(len(pictures), self.dimensions)


def _graph_bytes(path: Path) -> bytes:
    if path.suffix.lower() not in (".tgz", ".gz", ".tar"):
        return path.read_bytes()
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if Path(member.name).name == FILE_NAME else None
            if file is not None:
                return file.read()
    raise KeyError(f"the archive has no {FILE_NAME}")


def _node(tensor: str) -> str:
    return tensor.partition(":")[0]


def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError
