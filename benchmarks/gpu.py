"""Everything there is to check and measure on an NVIDIA GPU, in one go.

    python benchmarks/gpu.py --minutes 30

Needs a clone of the repository, NumPy, ml_dtypes, pytest, and nvcc; nothing has to be built first.
What PyTorch (it times the bare kernels), TensorFlow and pytest-benchmark are for is left out where
they are missing. Stages run
one after the other, each in a process of its own and within a time of its own. One file keeps what
was measured, row by row, in pytest-benchmark's format. Exit code: 0 all that could run passed,
1 a stage failed or, with --check-floors, a ratio is below its floor, 2 there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_BENCHMARKS = Path(__file__).resolve().parent
sys.path += [str(_BENCHMARKS), str(_BENCHMARKS.parent)]  # so imports follow it, against E402

from gpu_stages import ALWAYS, STAGES  # noqa: E402
from gpu_stages.clocks import ClockWatch  # noqa: E402
from gpu_stages.driver import CudaError, find_gpu  # noqa: E402
from gpu_stages.stage import rows_file  # noqa: E402
from gpu_stages.tensorflow_stages import benchmark_file  # noqa: E402
from rows import below_floor, format_table  # noqa: E402

from monet._command_line.arguments import positive_float  # noqa: E402

_RESULTS = _BENCHMARKS / "results"
_GRACE_SECONDS = 10  # for a stage that ends by itself when its time is up
_LEAST_SECONDS = 20  # not worth starting a stage for less
_SECONDS_BETWEEN_WRITES = 5


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=positive_float, default=30.0, help="for all stages together"
    )
    parser.add_argument(
        "--stages", nargs="+", choices=list(STAGES), default=list(STAGES), metavar="STAGE",
        help=f"some of: {', '.join(STAGES)}; {' and '.join(ALWAYS)} always run",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="DIR",
        help="where the JSON file goes; benchmarks/results if left out, nowhere under --emulate",
    )  # fmt: skip
    parser.add_argument(
        "--check-floors", action="store_true",
        help="fail where a ratio is below benchmarks/floors.json",
    )  # fmt: skip
    parser.add_argument(
        "--emulate", action="store_true",
        help="a dry run of tiny shapes on an emulator, on any machine with a C++ compiler: does "
        "this script work? Its figures mean nothing",
    )  # fmt: skip
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if not args.emulate:
        try:
            find_gpu()
        except (OSError, CudaError) as error:
            print(f"gpu.py needs an NVIDIA GPU ({error}); --emulate is a dry run without one.")
            return 2
    command = shlex.join(["python", "benchmarks/gpu.py", *(argv or sys.argv[1:])])
    output = args.output or (None if args.emulate else _RESULTS)
    with tempfile.TemporaryDirectory(prefix="monet-gpu-") as name:
        folder = Path(name)

        def write() -> None:
            if output is not None and (folder / "environment.json").exists():
                _write(collect(folder, command), output)

        _run_stages(args, folder, write)
        results = collect(folder, command)
    below = _print_results(results, args.emulate)
    if output is not None:
        print(f"Written to {_write(results, output)}")
    failed = any(stage["status"] == "failed" for stage in results["stages"].values())
    return 1 if failed or (below and args.check_floors) else 0


def _run_stages(args: argparse.Namespace, folder: Path, write: Callable[[], None]) -> None:
    """Runs one stage after the other; calls `write` now and then, in case this is cut short."""
    deadline = time.monotonic() + 60 * args.minutes
    for name in STAGES:
        if name not in args.stages and name not in ALWAYS:
            continue
        left = deadline - time.monotonic()
        print(f"\n== {name} ({left / 60:.1f} minutes left)", flush=True)
        start = time.monotonic()
        run_stage(name, folder, min(left, 60 * STAGES[name].minutes), args.emulate, write)
        result = read_stage(folder, name)
        result["seconds"] = round(time.monotonic() - start, 1)
        _save_stage(folder, name, result)
        write()
        print(f"   {result['status']} {result['reason']} ({result['seconds']} s)", flush=True)


def run_stage(
    name: str, folder: Path, seconds: float, emulate: bool, write: Callable[[], None]
) -> None:
    """Runs one stage, which leaves its result and its rows in `folder`."""
    if seconds < _LEAST_SECONDS:
        _save_stage(folder, name, {"status": "not run", "reason": "no time was left", "facts": {}})
        return
    program = _BENCHMARKS / "gpu_stages" / "run_stage.py"
    device = "emulator" if emulate else "gpu"
    process = subprocess.Popen([sys.executable, program, name, folder, str(seconds), device])
    clocks = ClockWatch()
    end = time.monotonic() + seconds + _GRACE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            process.wait(_SECONDS_BETWEEN_WRITES)
        except subprocess.TimeoutExpired:
            if not emulate:
                clocks.look()
            write()
    if process.poll() is None:
        process.kill()
        process.wait()
        _save_stage(folder, name, {"status": "failed", "reason": "out of time"})
    elif process.returncode:
        reason = f"ended with exit status {process.returncode}"
        _save_stage(folder, name, {"status": "failed", "reason": reason})
    if warning := clocks.warning():
        _save_stage(folder, name, {"warning": warning})


def read_stage(folder: Path, name: str) -> dict:
    """What is known of a stage: `status`, `reason`, `facts`, and `seconds` and `warning` if any."""
    path = folder / f"{name}.json"
    empty = {"status": "failed", "reason": "it didn't start", "facts": {}}
    return json.loads(path.read_text()) if path.exists() else empty


def _save_stage(folder: Path, name: str, result: dict) -> None:
    text = json.dumps(read_stage(folder, name) | result, indent=1)
    (folder / f"{name}.json").write_text(text)


def collect(folder: Path, command: str) -> dict:
    """All results so far, as pytest-benchmark writes its own, and the state of each stage."""
    facts = read_stage(folder, "environment")["facts"]
    names = [name for name in STAGES if (folder / f"{name}.json").exists()]
    return {
        "machine_info": facts,
        "commit_info": {"id": facts.get("commit"), "dirty": bool(facts.get("uncommitted"))},
        "benchmarks": [entry for name in names for entry in _benchmarks(folder, name)],
        "datetime": facts.get("date"),
        "command": command,
        "stages": {name: read_stage(folder, name) for name in names},
    }


def _benchmarks(folder: Path, name: str) -> list[dict]:
    complete = benchmark_file(folder, name)
    if complete.exists() and complete.stat().st_size:
        return [entry | {"group": name} for entry in json.loads(complete.read_text())["benchmarks"]]
    path = rows_file(folder, name)
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]  # one may be in the making
    return [
        {
            "group": name,
            "name": row["name"],
            "fullname": f"benchmarks/gpu.py::{name}[{row['name']}]",
            "extra_info": {"rows": [row]},
            "stats": {"median": row["arms"]["monet"].get("seconds")},
        }
        for row in rows
    ]


def _write(results: dict, output: Path) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    gpu = re.sub(r"[^a-z0-9]+", "-", str(results["machine_info"].get("gpu", "gpu")).lower())
    path = output / f"{gpu.strip('-')}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def _print_results(results: dict, emulated: bool) -> int:
    """Prints tables and the state of all stages; returns how many rows are below their floor."""
    below = 0
    for name in results["stages"]:
        entries = [entry for entry in results["benchmarks"] if entry["group"] == name]
        rows = [row for entry in entries for row in entry["extra_info"]["rows"]]
        if rows:
            table = format_table(rows)
            print(f"\n{name}: medians, and the first column divided by them\n{table}")
        device_class = str(results["machine_info"].get("device_class"))
        for row in rows if not emulated else []:
            message = below_floor(row, device_class)
            below += message is not None
            print(message or "", end="\n" if message else "")
    print(f"\n{results['machine_info'].get('gpu', 'unknown GPU')}: {results['command']}")
    for name, stage in results["stages"].items():
        seconds = stage.get("seconds", 0.0)
        print(f"  {name:<20} {stage['status']:<8} {seconds:7.1f} s  {stage['reason']}")
        if "warning" in stage:
            print(f"  {'':<20} warning: {stage['warning']}")
    if emulated:
        print("A dry run on the emulator: these figures mean nothing.")
    return below


if __name__ == "__main__":
    sys.exit(main())
