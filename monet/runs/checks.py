"""What is found out before a run begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from monet._files import StrPath
from monet._text import count
from monet.data import DataError
from monet.data.cache import free_memory
from monet.runs.run_folder import RunError
from monet.systems import Recipe

_BYTES_OF_A_PIXEL = 3 * 4  # float32


def check_environment() -> None:
    """Raises `RunError` if the ops or Keras are set up as they can't be."""
    from monet._ambient import check_keras
    from monet.ops.native import dispatch

    checked(check_keras)
    checked(dispatch.check_mode)


def check_memory(recipe: Recipe, replicas: int) -> None:
    """Raises `RunError` if not even the pictures of a run fit into memory, without the networks."""
    free = free_memory()
    for holder, number, side, fields in recipe.pictures_held(replicas):
        needed = number * side**2 * _BYTES_OF_A_PIXEL
        if needed > free:
            raise RunError(
                f"{holder} {count(number, 'picture')} of {side:,} pixels a side, which alone are "
                f"{_gigabytes(needed)} of memory, and {_gigabytes(free)} are free; lower {fields}."
            )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def check_tensorboard(is_wanted: bool, path: StrPath) -> None:
    """Raises `RunError` if a run in the folder `path` is to be recorded for TensorBoard but can't.

    TensorFlow writes the records, and takes the path as UTF-8.
    """
    from monet.runs.callbacks import tensorboard

    if is_wanted and not tensorboard.is_available():
        raise RunError(
            f"`tensorboard=True` needs the package tensorboard, which is not installed; run: "
            f"{tensorboard.REMEDY}, or give `tensorboard=False`."
        )
    if is_wanted and not _is_utf8(os.path.abspath(path)):
        raise RunError(
            f"`tensorboard=True` takes a path of Unicode characters, which {path} isn't; give "
            f"another folder by `out`, or `tensorboard=False`."
        )


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Calls `function`; what it says of its arguments or the environment becomes a `RunError`."""
    try:
        return function(*args, **options)
    except (DataError, RunError):
        raise
    except (ValueError, RuntimeError) as error:
        raise RunError(str(error)) from error
