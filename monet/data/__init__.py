"""Pictures in, training batches out.

`open_domains` finds paintings and photos on disk (or the embedded sample set);
`training_dataset` and `painting_dataset` turn them into batches, `fixed_images` into a few pictures
for sample grids.
"""

from monet.data.cache import ImageCaches
from monet.data.domains import Domains, open_domains, open_folder
from monet.data.folders import DataError
from monet.data.images import (
    ImageError,
    encode_jpeg,
    encode_png,
    read_image,
    to_float,
    to_uint8,
)
from monet.data.sources import ImageFolder, ImageSource
from monet.data.tfrecords import TFRecordFolder

__all__ = [
    "Augment",
    "Copies",
    "DataError",
    "Domains",
    "ImageCaches",
    "ImageError",
    "ImageFolder",
    "ImageSource",
    "TFRecordFolder",
    "encode_jpeg",
    "encode_png",
    "fixed_images",
    "open_domains",
    "open_folder",
    "painting_dataset",
    "read_image",
    "to_float",
    "to_uint8",
    "training_dataset",
]

# These import TensorFlow, which takes seconds; reading and writing pictures needs none of it.
_LAZY = {
    "Augment": "monet.data.augment",
    "Copies": "monet.data.copies",
    "fixed_images": "monet.data.pipeline",
    "painting_dataset": "monet.data.pipeline",
    "training_dataset": "monet.data.pipeline",
}


def __getattr__(name: str):
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
