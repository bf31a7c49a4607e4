"""What is found out before a run begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monet.data import DataError
from monet.runs.run_folder import RunError


def check_ops() -> None:
    from monet.ops.native import dispatch

    checked(dispatch.check_mode)


def check_tensorboard(is_wanted: bool) -> None:
    from monet.runs.callbacks import tensorboard

    if is_wanted and not tensorboard.is_available():
        raise RunError(
            f"`tensorboard=True` needs the package tensorboard, which is not installed; run: "
            f"{tensorboard.REMEDY}, or give `tensorboard=False`."
        )


def checked(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Calls `function`; what it says of its arguments or the environment becomes a `RunError`."""
    try:
        return function(*args, **options)
    except (DataError, RunError):
        raise
    except (ValueError, RuntimeError) as error:
        raise RunError(str(error)) from error
