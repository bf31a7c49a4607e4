"""Everything there is to check and measure on an NVIDIA GPU, in one go.

    python benchmarks/gpu.py --minutes 30

Needs a clone of the repository, NumPy, ml_dtypes, pytest, and nvcc; nothing has to be built first.
What PyTorch and TensorFlow are for is left out where they are missing. Stages run one after the
other, each in a process of its own. Exit code: 0 all that could run passed, 1 a stage failed or,
with --check-floors, a ratio is below its floor, 2 there is no GPU.
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
from collections.abc import Iterator, Sequence
from pathlib import Path

_BENCHMARKS = Path(__file__).resolve().parent
sys.path += [str(_BENCHMARKS), str(_BENCHMARKS.parent)]

from gpu_stages.build import build_emulated_driver  # noqa: E402
from gpu_stages.catalogue import ALWAYS, STAGES  # noqa: E402
from gpu_stages.cuda_driver import CudaError, count_gpus  # noqa: E402
from gpu_stages.stage import Stage  # noqa: E402
from report import Report  # noqa: E402

_RESULTS = _BENCHMARKS / "results"
_GRACE_SECONDS = 10  # for a stage that ends by itself when its time is up
_LEAST_SECONDS = 20  # not worth starting a stage for less


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="for all stages together")
    parser.add_argument(
        "--stages", nargs="+", choices=list(STAGES), default=list(STAGES), metavar="STAGE",
        help=f"some of: {', '.join(STAGES)}; {' and '.join(ALWAYS)} always run",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="DIR",
        help="where the JSON files go; benchmarks/results if left out, nowhere under --emulate",
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
            count_gpus()
        except (OSError, CudaError) as error:
            print(f"gpu.py needs an NVIDIA GPU ({error}); --emulate is a dry run without one.")
            return 2
    command = shlex.join(["python", "benchmarks/gpu.py", *(argv or sys.argv[1:])])
    output = args.output or (None if args.emulate else _RESULTS)
    with tempfile.TemporaryDirectory(prefix="monet-gpu-") as folder:
        for results in _run_stages(args, Path(folder)):
            machine = {"command": command, **results["environment"]["facts"]}
            if output is not None:  # after each stage, in case the run is cut short
                _write(results, machine, output)
    below = _print_results(results, machine, args)
    if output is not None:
        print(f"Written to {output}")
    failed = any(result["status"] == "failed" for result in results.values())
    return 1 if failed or (below and args.check_floors) else 0


def _run_stages(args: argparse.Namespace, folder: Path) -> Iterator[dict[str, dict]]:
    """Runs one stage after the other; yields the results of those done so far."""
    deadline = time.monotonic() + 60 * args.minutes
    if args.emulate:
        build_emulated_driver(Stage("build", folder, True, deadline))
    results = {}
    for name in STAGES:
        if name not in args.stages and name not in ALWAYS:
            continue
        print(f"\n== {name} ({(deadline - time.monotonic()) / 60:.1f} minutes left)", flush=True)
        start = time.monotonic()
        results[name] = result = _run_stage(name, folder, deadline, args.emulate)
        result["seconds"] = round(time.monotonic() - start, 1)
        print(f"   {result['status']} {result['reason']} ({result['seconds']} s)", flush=True)
        yield results


def _run_stage(name: str, folder: Path, deadline: float, emulate: bool) -> dict:
    seconds = deadline - time.monotonic()
    if seconds < _LEAST_SECONDS:
        return {"status": "not run", "reason": "no time was left", "facts": {}, "rows": []}
    program = _BENCHMARKS / "gpu_stages" / "run_stage.py"
    device = "emulator" if emulate else "gpu"
    command = [sys.executable, program, name, folder, str(seconds), device]
    try:
        status = subprocess.run(command, timeout=seconds + _GRACE_SECONDS).returncode
        end = f"ended with exit status {status}" if status else ""
    except subprocess.TimeoutExpired:
        end = "out of time"
    path = folder / f"{name}.json"
    empty = {"status": "failed", "reason": "it didn't start", "facts": {}, "rows": []}
    result = json.loads(path.read_text()) if path.exists() else empty
    return result | {"status": "failed", "reason": end} if end else result


def _print_results(results: dict[str, dict], machine: dict, args: argparse.Namespace) -> int:
    """Prints tables and the state of all stages; returns how many rows are below their floor."""
    below = 0
    for name, result in results.items():
        if result["rows"]:
            report = Report()
            report.rows = result["rows"]
            print(f"\n{name}: medians, and the first column divided by them\n{report.table()}")
            if not args.emulate:
                below += _print_below_floors(report, str(machine.get("device_class")))
    print(f"\n{machine.get('device', 'unknown GPU')}: {machine['command']}")
    for name, result in results.items():
        print(f"  {name:<20} {result['status']:<8} {result['seconds']:7.1f} s  {result['reason']}")
    if args.emulate:
        print("A dry run on the emulator: these figures mean nothing.")
    return below


def _print_below_floors(report: Report, device_class: str) -> int:
    below = 0
    for row in report.rows:
        baseline = next(iter(row["arms"]))
        if baseline == "copy" or "monet" not in row["arms"]:
            continue  # a share of the copy bandwidth is no speed-up
        ratio, floor = row["arms"]["monet"]["ratio"], report.floor(row["name"], device_class)
        if floor is not None and ratio < floor:
            below += 1
            print(f"below its floor of {floor}x: {row['name']}, {ratio}x of {baseline}")
    return below


def _write(results: dict[str, dict], machine: dict, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    device = re.sub(r"[^a-z0-9]+", "-", str(machine.get("device", "gpu")).lower()).strip("-")
    for name, result in results.items():
        if result["rows"]:
            facts = machine | (result["facts"] if name != "environment" else {})
            text = json.dumps({"machine": facts, "rows": result["rows"]}, indent=1)
            (output / f"{device}-{name}.json").write_text(text + "\n")
    stages = {
        name: {key: result[key] for key in ("status", "reason", "seconds", "facts")}
        for name, result in results.items()
    }
    path = output / f"{device}-summary.json"
    path.write_text(json.dumps({"machine": machine, "stages": stages}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
