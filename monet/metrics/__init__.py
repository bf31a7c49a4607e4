"""How good pictures are: distances between sets of pictures or of their features.

Arrays in, numbers out; the distances need NumPy alone. TensorFlow is imported where an extractor is
loaded. `evaluate` judges whole sets of pictures, such as `pictures_of` a folder and those of a run
(`monet.runs.Run.pictures`), beside the figures that give theirs a meaning.

    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).standard_normal((2, 100, 16))
    >>> frechet_distance(a, b + 2) > frechet_distance(a, b + 1)
    True
"""

from __future__ import annotations

from monet.metrics.evaluation import evaluate
from monet.metrics.extraction import extract_features
from monet.metrics.extractor import Extractor, ExtractorError
from monet.metrics.feature_cache import FeatureCache
from monet.metrics.frechet import frechet_distance
from monet.metrics.inception_graph import InceptionGraph
from monet.metrics.keras_extractor import KerasExtractor
from monet.metrics.kernel import KernelDistance, kernel_distance
from monet.metrics.memorization import MemorizationDistance, memorization_distance, mifid
from monet.metrics.patches import SlicedWasserstein, sliced_wasserstein
from monet.metrics.report import report_text
from monet.metrics.sample import PictureSet, pictures_of

__all__ = [
    "Extractor",
    "ExtractorError",
    "FeatureCache",
    "InceptionGraph",
    "KerasExtractor",
    "KernelDistance",
    "MemorizationDistance",
    "PictureSet",
    "SlicedWasserstein",
    "evaluate",
    "extract_features",
    "frechet_distance",
    "kernel_distance",
    "memorization_distance",
    "mifid",
    "pictures_of",
    "report_text",
    "sliced_wasserstein",
]
