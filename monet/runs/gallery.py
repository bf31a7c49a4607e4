"""`index.html` of a run: samples by epoch, loss curves and settings, opened from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from monet._files import write_text
from monet.runs.gallery_page import PAGE
from monet.runs.line_chart import line_chart
from monet.runs.run_folder import RunFolder

_CHARTS = (
    ("Generator", {"from noise": "generator_loss"}),
    ("Discriminator", {"of paintings": "discriminator_loss"}),
    ("Gradient penalty", {"of the discriminator": "gradient_penalty"}),
    (
        "Diversity (mean distance of two pictures)",
        {"16 fixed latents": "diversity", "16 paintings": "painting_diversity"},
    ),
    (
        "Generators (total)",
        {"to painting": "painting_generator_loss", "to photo": "photo_generator_loss"},
    ),
    (
        "Discriminators",
        {"of paintings": "painting_discriminator_loss", "of photos": "photo_discriminator_loss"},
    ),
    ("Cycle", {"both directions": "cycle_loss"}),
    ("Identity", {"both directions": "identity_loss"}),
    ("Learning rate", {"generators": "learning_rate"}),
)

_COLUMN_LABELS = {
    "epoch": "epoch",
    "painting_generator_loss": "to painting",
    "photo_generator_loss": "to photo",
    "painting_discriminator_loss": "D paintings",
    "photo_discriminator_loss": "D photos",
    "cycle_loss": "cycle",
    "identity_loss": "identity",
    "generator_loss": "generator",
    "discriminator_loss": "discriminator",
    "gradient_penalty": "penalty",
    "diversity": "diversity",
    "painting_diversity": "of paintings",
    "learning_rate": "learning rate",
    "seconds": "seconds",
    "images_per_second": "images/s",
}


def write_gallery(run: RunFolder) -> None:
    """Writes `index.html` from what is in the run folder now.

    The page is static and needs no network: pictures are linked relative to it, charts are
    inline SVG, and the few lines of script only move the epoch slider.
    """
    write_text(run.gallery_path, gallery_html(run))


def gallery_html(run: RunFolder) -> str:
    """Returns the page that `write_gallery` writes."""
    config = run.read_config()
    history = run.history()
    samples = [(epoch, path.relative_to(run.path).as_posix()) for epoch, path in run.samples()]
    return PAGE.substitute(
        name=escape(run.path.resolve().name),
        summary=escape(_summary(config, history)),
        samples=_samples_html(samples, config.get("samples", {})),
        charts=_charts_html(history),
        history=_history_html(history),
        settings=_settings_html(config),
    )


def _summary(config: Mapping[str, Any], history: Sequence[Mapping[str, float]]) -> str:
    done = int(history[-1]["epoch"]) if history else 0
    recipe = config.get("recipe", {})
    return (
        f"{recipe.get('name', '?')} · {done} of {recipe.get('epochs', '?')} epochs · "
        f"{config.get('description', '')}"
    )


def _samples_html(samples: Sequence[tuple[int, str]], layout: Mapping[str, int]) -> str:
    if not samples:
        return "<p>No samples yet.</p>"
    width, height = layout.get("width", 6), layout.get("height", 3)
    photos, paintings = layout.get("photos", 0), layout.get("paintings", 0)
    newest_epoch, newest = samples[-1]

    from_noise = layout.get("noise", 0)
    captions = [f"Top to bottom: {photos} photos → painted → back to photo"]
    if paintings:
        captions.append(f"{paintings} paintings → as photo → back to painting")
    if from_noise:
        captions = [f"{from_noise} pictures, from the same noise at every epoch"]
    slider = ""
    if len(samples) > 1:
        slider = (
            f'<input id="slider" type="range" min="0" max="{len(samples) - 1}" '
            f'value="{len(samples) - 1}" aria-label="Epoch" '
            f"data-samples='{escape(json.dumps(samples), quote=True)}'>"
        )

    def strip(label: str, path: str, css_class: str) -> str:
        return (
            f'<tr><th scope="row">{label}</th><td><a href="{path}">'
            f'<img class="strip {css_class}" src="{path}" alt="{label}" loading="lazy">'
            f"</a></td></tr>"
        )

    # Sheets of photos have these in their first row, and the paintings in their second.
    rows = [] if from_noise else [strip("input", newest, "inputs")]
    painted = "inputs" if from_noise else "outputs"
    rows += [strip(_epoch_label(epoch), path, painted) for epoch, path in reversed(samples)]
    return (
        f'<div class="viewer"><label>{slider}<output id="epoch">{_epoch_label(newest_epoch)}'
        f"</output></label>"
        f'<img id="sheet" src="{newest}" width="{width}" height="{height}" alt="Sample sheet">'
        f"<p>{escape('; '.join(captions))}.</p></div>"
        f"<h2>The same pictures, epoch by epoch</h2>"
        f'<table class="strips" style="--sheet:{width}/{layout.get("cell", 1)}">'
        f"{''.join(rows)}</table>"
    )


def _epoch_label(epoch: int) -> str:
    return f"epoch {epoch}" if epoch else "before training"


def _charts_html(history: Sequence[Mapping[str, float]]) -> str:
    charts = []
    for title, lines in _CHARTS:
        series = {
            label: [(row["epoch"], row[key]) for row in history if key in row]
            for label, key in lines.items()
        }
        charts.append(line_chart(title, series))
    return "".join(charts) or "<p>No epoch is finished yet.</p>"


def _history_html(history: Sequence[Mapping[str, float]]) -> str:
    if not history:
        return ""
    columns = list(history[-1])
    head = "".join(f"<th>{escape(_COLUMN_LABELS.get(column, column))}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(_number_cell(row.get(column)) for column in columns)}</tr>"
        for row in history
    )
    return (
        f'<details><summary>The numbers</summary><div class="scroll"><table class="numbers">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _number_cell(value: float | None) -> str:
    return "<td></td>" if value is None else f"<td>{value:.4g}</td>"


def _settings_html(config: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(key)}</th><td>{escape(value)}</td></tr>"
        for key, value in _flatten(config)
    )
    return f'<table class="settings">{rows}</table>'


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item if isinstance(item, str) else json.dumps(item)
