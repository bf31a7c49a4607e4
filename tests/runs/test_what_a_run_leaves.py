"""A process that trains again and again doesn't grow by what earlier runs needed."""

from __future__ import annotations

import gc

import keras
from tensorflow.python.framework.func_graph import FuncGraph
from tiny_recipe import TINY

from monet import runs
from monet.data.cache import ImageCache


def kept() -> dict[type, int]:
    gc.collect()
    objects = gc.get_objects()
    return {
        kind: sum(isinstance(each, kind) for each in objects)
        for kind in (FuncGraph, ImageCache, keras.Model)
    }


def test_graphs_pictures_and_models_go_with_their_run(tmp_path):
    before = kept()
    for number in range(2):
        runs.start(TINY, out=tmp_path / str(number), verbose=False)
    assert kept() == before
