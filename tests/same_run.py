"""What two runs, or a run and its resumed twin, differ in but for the time that they took."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

# TensorFlow adds the terms of a loss, and the sum of an epoch so far, in an order that depends on
# which op is done first (training/test_order_of_sums.py, where no gradient's sum may). So the last
# bits of what is *reported* can differ from process to process, while all weights are the same.
_ORDER_OF_SUMS = 1e-6

_BY_THE_CLOCK = ("seconds", "per_second", "minutes")
_NOT_STATE = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter")


def history(run: Path) -> list[dict[str, str]]:
    """The rows of a run's history.csv, as written."""
    with (run / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def losses(run: Path) -> list[dict[str, float]]:
    """The losses in the rows of a run's history."""
    rows = history(run)
    assert rows, f"no row in {run}/history.csv"
    return [{key: float(row[key]) for key in row if key.endswith("_loss")} for row in rows]


def variables(run: Path) -> dict[str, np.ndarray]:
    """What the newest checkpoint of a run holds by name, without what depends on the clock."""
    return _variables(_newest_checkpoint(run))


def assert_same_run(run: Path, expected: Path) -> None:
    """Weights, optimizers, pools, pictures and records of two finished runs are the same."""
    found = differences(run, expected)
    assert not found, "; ".join(found)


def differences(run: Path, other: Path) -> list[str]:
    """What two finished runs differ in, file by file; nothing if all is well."""
    found = files_in_one_only(run, other)
    for name in sorted(_names(run) & _names(other)):
        compare = _COMPARED.get(Path(name).suffix)
        if compare is not None and (difference := compare(run / name, other / name)):
            found.append(f"{name} differs{difference}")
    return found


def files_in_one_only(run: Path, other: Path) -> list[str]:
    """What one of two finished runs has left and the other hasn't, a sentence each."""
    return [f"{name} is in one only" for name in sorted(_names(run) ^ _names(other))]


def _names(run: Path) -> set[str]:
    return {file.relative_to(run).as_posix() for file in _files(run)}


def _files(run: Path) -> list[Path]:
    """All that is compared, of the checkpoints the newest: others come by the clock."""
    checkpoints = run / "checkpoints"
    others = [path for path in run.rglob("*") if path.is_file() and path.parent != checkpoints]
    return [*(path for path in others if path.name != ".lock"), _newest_checkpoint(run)]


def _newest_checkpoint(run: Path) -> Path:
    indexes = (run / "checkpoints").glob("*.index")
    return max(indexes, key=lambda path: int(path.stem.split("-")[1]))


def _in_bytes(one: Path, other: Path) -> str:
    return "" if one.read_bytes() == other.read_bytes() else ": other bytes"


def _in_weights(one: Path, other: Path) -> str:
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        same = first.read("model.weights.h5") == second.read("model.weights.h5")
    return "" if same else ": other weights"


def _in_variables(one: Path, other: Path) -> str:
    first, second = _variables(one), _variables(other)
    if first.keys() != second.keys():
        return f": {sorted(first.keys() ^ second.keys())} are in one only"
    return next((f" in {n}" for n, value in first.items() if not _same(n, value, second[n])), "")


def _variables(index: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    names = [name for name in reader.get_variable_to_shape_map() if _is_compared(name)]
    return {name: reader.get_tensor(name) for name in names if not name.startswith(_NOT_STATE)}


def _same(name: str, value: np.ndarray, other: np.ndarray) -> bool:
    if name.startswith("metrics/"):
        return np.allclose(value, other, rtol=_ORDER_OF_SUMS, atol=0, equal_nan=True)
    if value.dtype.kind != "f":
        return np.array_equal(value, other)
    return np.array_equal(value, other, equal_nan=True)


def _in_history(one: Path, other: Path) -> str:
    """Rows inside epochs come by the clock: those that are in both must be the same."""
    first, second = ({row["epoch"]: row for row in history(p.parent)} for p in (one, other))
    whole = [[epoch for epoch in rows if "." not in epoch] for rows in (first, second)]
    if whole[0] != whole[1]:
        return f": epochs {whole[0]}, not {whole[1]}"
    for epoch in first.keys() & second.keys():
        for key in filter(_is_compared, first[epoch].keys() | second[epoch].keys()):
            values = first[epoch].get(key), second[epoch].get(key)
            if not _same_cells(*values):
                return f": {key} of epoch {epoch} is {values[0]}, not {values[1]}"
    return ""


def _same_cells(value: str | None, other: str | None) -> bool:
    if value == other:
        return True
    try:
        return math.isclose(float(value), float(other), rel_tol=_ORDER_OF_SUMS)
    except (TypeError, ValueError):
        return False


def _is_compared(name: str) -> bool:
    return not any(part in name for part in _BY_THE_CLOCK)


_COMPARED: dict[str, Callable[[Path, Path], str]] = {
    ".csv": _in_history,
    ".index": _in_variables,
    ".jpg": _in_bytes,
    ".keras": _in_weights,
}
