"""Plots of a dataset, with matplotlib, which is optional."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monet._plots import LINES, new_figure, plain
from monet.exploration.survey import Survey

_COLOURS = {"photos": LINES[0], "paintings": LINES[1]}
_CHANNELS = {"red": "#c03028", "green": "#2e8b40", "blue": "#2f5fb0"}
_INCHES = (6.4, 3.6)
_INCHES_OF_SIX = (9.6, 4.8)
_LEVELS_OF_A_BAR = 4


def write_plots(surveys: Mapping[str, Survey], folder: Path) -> list[tuple[str, str]]:
    """Draws the plots into `folder`.

    Args:
        surveys: by domain, "paintings" and "photos".
        folder: where the PNGs go.

    Returns:
        (file name, caption) of each.
    """
    made = []
    for name, caption, inches, draw in _PLOTS:
        figure = new_figure(*inches)
        draw(figure, surveys)
        figure.savefig(folder / name)
        made.append((name, caption))
    return made


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


def _deviations(figure: Any, surveys: Mapping[str, Survey]) -> None:
    deviations = {name: np.asarray(survey.deviations) for name, survey in surveys.items()}
    axes = _axes(figure, "standard deviation within a picture", "share of the pictures")
    _overlay(axes, deviations, np.linspace(0, 127.5, 52))


def _overlay(axes: Any, values: Mapping[str, np.ndarray], edges: np.ndarray) -> None:
    """Histograms on top of each other, as shares, since there are far more photos."""
    for name, numbers in values.items():
        weights = np.full(len(numbers), 1 / len(numbers))
        axes.hist(numbers, edges, weights=weights, alpha=0.55, color=_COLOURS[name], label=name)
    axes.legend(frameon=False)


def _channels(figure: Any, surveys: Mapping[str, Survey]) -> None:
    """A row for each domain, a column for each channel."""
    all_axes = figure.subplots(len(surveys), 3, sharex=True, sharey=True)
    edges = np.arange(0, 257, _LEVELS_OF_A_BAR)
    shares = {
        name: survey.histogram.reshape(3, -1, _LEVELS_OF_A_BAR).sum(axis=2)
        / survey.histogram.sum(axis=1, keepdims=True)
        for name, survey in surveys.items()
    }
    # Clipped black and white can be so frequent that nothing else would be seen.
    highest = 1.15 * max(share[:, 1:-1].max() for share in shares.values())
    for row, (domain, share) in enumerate(shares.items()):
        for column, (channel, colour) in enumerate(_CHANNELS.items()):
            axes = all_axes[row, column]
            axes.stairs(share[column], edges, fill=True, color=colour, alpha=0.75)
            axes.set_title(f"{domain}, {channel}", fontsize="medium")
            axes.set_ylim(0, highest or 1)
            plain(axes)
    for axes in all_axes[-1]:
        axes.set_xlabel("level")
    for axes in all_axes[:, 0]:
        axes.set_ylabel("share of the pixels")


def _axes(figure: Any, x_label: str, y_label: str) -> Any:
    axes = figure.subplots()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    plain(axes)
    return axes


_Draw = Callable[[Any, Mapping[str, Survey]], None]

_PLOTS: tuple[tuple[str, str, tuple[float, float], _Draw], ...] = (
    ("counts.png", "Pictures in each domain", _INCHES, _counts),
    ("widths.png", "Widths", _INCHES, _widths),
    ("mean_intensity.png", "Mean intensity of the pictures", _INCHES, _intensities),
    ("deviations.png", "Contrast of the pictures", _INCHES, _deviations),
    (
        "channels.png",
        "Red, green and blue; peaks at the ends may be cut",
        _INCHES_OF_SIX,
        _channels,
    ),
)
