"""What the environment asks of a build; all of it is checked before anything is done."""

from __future__ import annotations

import os
import sys

from monet_build import cuda_toolkit

_LAST_DATE = 4354819199  # of a file in a ZIP archive: the end of 2107


def check() -> None:
    """Exits where a variable is wrong."""
    mode()
    cuda_architectures()
    _check_source_date()


def mode() -> str:
    """`MONET_BUILD`; exits if it is none of those there are."""
    chosen = os.environ.get("MONET_BUILD") or "auto"
    if chosen not in ("auto", "cpu", "cuda", "none"):
        sys.exit(f"MONET_BUILD must be auto, cpu, cuda or none, got {chosen!r}")
    return chosen


def cuda_architectures() -> str | None:
    """`MONET_CUDA_ARCHS`; exits if it is no list of architectures."""
    chosen = os.environ.get("MONET_CUDA_ARCHS") or None
    try:
        if chosen:
            cuda_toolkit.parse_architectures(chosen)
    except ValueError as error:
        sys.exit(str(error))
    return chosen


def _check_source_date() -> None:
    """Exits if `SOURCE_DATE_EPOCH` is no date for a file in a wheel, which is packed in the end."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "0")
    try:
        is_date = 0 <= int(text) <= _LAST_DATE
    except ValueError:
        is_date = False
    if not is_date:
        sys.exit(
            f"SOURCE_DATE_EPOCH must be a number of seconds from 0 to {_LAST_DATE}, got {text!r}; "
            f"mend or unset it"
        )
