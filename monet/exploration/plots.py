"""Plots of a dataset, with matplotlib, which is optional."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monet.exploration.survey import Survey

INSTALL = "pip install matplotlib"
_COLOURS = {"paintings": "#c9702b", "photos": "#2f6fb0"}
_CHANNELS = {"red": "#c03028", "green": "#2e8b40", "blue": "#2f5fb0"}
_INCHES = (6.4, 3.6)


def is_available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def write_plots(surveys: Mapping[str, Survey], folder: Path) -> list[tuple[str, str]]:
    """Draws the plots into `folder`.

    Args:
        surveys: By domain, "paintings" and "photos".
        folder: Where the PNGs go.

    Returns:
        (file name, caption) of each.
    """
    made = []
    for name, caption, draw in _PLOTS:
        figure = _figure()
        draw(figure, surveys)
        figure.savefig(folder / name, dpi=110)
        made.append((name, caption))
    return made


def _figure() -> Any:
    # Not pyplot, which keeps figures and a backend for the whole process.
    from matplotlib.figure import Figure

    return Figure(figsize=_INCHES, layout="constrained")


def _counts(figure: Any, surveys: Mapping[str, Survey]) -> None:
    axes = _axes(figure, "", "pictures")
    numbers = [len(survey.names) for survey in surveys.values()]
    bars = axes.bar(list(surveys), numbers, color=[_COLOURS[name] for name in surveys], width=0.6)
    axes.bar_label(bars, [f"{number:,}" for number in numbers], padding=2)
    axes.margins(y=0.12)


def _widths(figure: Any, surveys: Mapping[str, Survey]) -> None:
    widths = {
        name: np.repeat([width for width, _ in survey.sizes], list(survey.sizes.values()))
        for name, survey in surveys.items()
    }
    low = min(values.min() for values in widths.values())
    high = max(values.max() for values in widths.values())
    edges = np.linspace(low - 0.5, high + 0.5, min(41, high - low + 2))
    if high == low:  # a single bar, drawn as wide as it takes to be seen
        edges = np.linspace(low - 8.5, high + 8.5, 18)
    _overlay(_axes(figure, "width in pixels", "share of the pictures"), widths, edges)


def _intensities(figure: Any, surveys: Mapping[str, Survey]) -> None:
    means = {name: np.asarray(survey.means) for name, survey in surveys.items()}
    axes = _axes(figure, "mean level of a picture, 0 to 255", "share of the pictures")
    _overlay(axes, means, np.linspace(0, 255, 52))


def _overlay(axes: Any, values: Mapping[str, np.ndarray], edges: np.ndarray) -> None:
    """Histograms on top of each other, as shares, since there are far more photos."""
    for name, numbers in values.items():
        weights = np.full(len(numbers), 1 / len(numbers))
        axes.hist(numbers, edges, weights=weights, alpha=0.55, color=_COLOURS[name], label=name)
    axes.legend(frameon=False)


def _channels(figure: Any, surveys: Mapping[str, Survey]) -> None:
    all_axes = figure.subplots(1, len(surveys), sharex=True, sharey=True)
    for axes, (domain, survey) in zip(np.atleast_1d(all_axes), surveys.items(), strict=True):
        shares = survey.histogram / survey.histogram.sum(axis=1, keepdims=True)
        for (channel, colour), share in zip(_CHANNELS.items(), shares, strict=True):
            axes.plot(share, color=colour, linewidth=1.2, label=channel)
        # Clipped black and white can be so frequent that nothing else would be seen.
        axes.set_ylim(
            0,
            1.15
            * max(np.quantile(s.histogram / s.histogram[0].sum(), 0.99) for s in surveys.values()),
        )
        axes.set_title(domain, fontsize="medium")
        axes.set_xlabel("level")
        _plain(axes)
    all_axes = np.atleast_1d(all_axes)
    all_axes[0].set_ylabel("share of the pixels")
    all_axes[0].legend(frameon=False)


def _axes(figure: Any, x_label: str, y_label: str) -> Any:
    axes = figure.subplots()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    _plain(axes)
    return axes


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


_PLOTS: tuple[tuple[str, str, Callable[[Any, Mapping[str, Survey]], None]], ...] = (
    ("counts.png", "Pictures in each domain", _counts),
    ("widths.png", "Widths", _widths),
    ("mean_intensity.png", "Mean intensity of the pictures", _intensities),
    ("channels.png", "Red, green and blue; the peaks at 0 and 255 are cut", _channels),
)
