"""What all plots share, those of HTML pages and those of matplotlib, which is optional."""

from __future__ import annotations

from typing import Any

INSTALL = "pip install matplotlib"
"""The command for what is missing, where `is_available` says no."""

LINES = ("#2f6fb0", "#c9702b", "#2e8b57", "#8e5bb5", "#b5475b", "#6b7a2e")
"""Colours of lines, in their order, on a light ground."""

_DPI = 110


def is_available() -> bool:
    """Whether matplotlib is installed and can be imported."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:  # also where it was compiled for another NumPy
        return False
    return True


def new_figure(width: float, height: float) -> Any:
    """An empty `matplotlib.figure.Figure`, its sides in inches of 110 pixels.

    Not by pyplot, which keeps figures and a backend for the whole process.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def plain(axes: Any) -> None:
    """Takes away the lines above and on the right of a plot."""
    axes.spines[["top", "right"]].set_visible(False)
