"""The build backend that pyproject.toml names: setuptools, and what it can't do here by itself.

pip runs these functions in the root of the source tree, which `backend-path` puts on `sys.path`.
They ask for a TensorFlow to compile against where the environment has none, and build in a copy
where the source tree can't be written to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from setuptools import build_meta

from monet_build import environment, toolchain

_NEEDED = ("csrc", "monet", "monet_build", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE")
_NEEDED += ("README.md", "build")  # the last for the objects of an earlier build
_MADE = ("build", "monet.egg-info", "monet/ops/_build.json")


def get_requires_for_build_sdist(config_settings=None) -> list[str]:
    return []


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
    """A TensorFlow, unless the environment that is installed into has one, or nothing is built."""
    if environment.mode() == "none" or toolchain.find_tensorflow():
        return []
    return [toolchain.any_tensorflow()] if toolchain.has_compiler() else []


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None) -> str:
    with _writable_tree():
        return build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None) -> str:
    with _writable_tree():
        return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


# A copy won't do: an editable install is of this very folder, a source distribution of all of it.
build_sdist = build_meta.build_sdist
build_editable = build_meta.build_editable
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


@contextlib.contextmanager
def _writable_tree() -> Iterator[None]:
    """Makes a copy of the source tree the current folder, if the current folder is read-only."""
    root = Path.cwd()
    made = [root / name for name in _MADE]
    folders = [root, root / "monet", root / "monet" / "ops", *filter(Path.exists, made)]
    if all(os.access(folder, os.W_OK) for folder in folders):
        yield
        return
    print(f"{root} can't be written to; building in a copy of it", flush=True)
    with tempfile.TemporaryDirectory(prefix="monet-build-") as folder:
        for name in _NEEDED:
            _copy(root / name, Path(folder, name))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(root)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # Without what was built, and without the permissions: the copy is to be written to.
        target.mkdir()
        for path in source.iterdir():
            if path.name != "__pycache__" and path.suffix != ".so":
                _copy(path, target / path.name)
    elif source.is_file():
        shutil.copyfile(source, target)
