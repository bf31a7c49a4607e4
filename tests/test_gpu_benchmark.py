"""`benchmarks/gpu.py` works, as far as that can be told without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SCRIPT = BENCHMARKS / "gpu.py"

sys.path.append(str(BENCHMARKS))
import gpu  # noqa: E402
from gpu_stages import cuda_driver, tensorflow_stages  # noqa: E402
from gpu_stages.catalogue import STAGES  # noqa: E402
from report import Report  # noqa: E402

from monet_build.cuda_build import host_compiler  # noqa: E402

# These have tests and a smoke run of their own, and importing TensorFlow takes long.
IN_TENSORFLOW = {name for name in STAGES if name.startswith("tensorflow")}

needs_emulator = pytest.mark.skipif(
    not sys.platform.startswith("linux") or host_compiler() is None,
    reason="the emulator needs Linux and a C++ compiler",
)


def run_script(*arguments, **env):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    print(done.stdout, done.stderr)
    return done


def test_without_a_gpu():
    done = run_script(CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1
    assert "needs an NVIDIA GPU" in done.stdout and "--emulate" in done.stdout
    assert not done.stderr


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    """The whole script on the emulator: what it printed, and the files it wrote."""
    output = tmp_path_factory.mktemp("gpu") / "results"
    before = sorted((BENCHMARKS / "results").iterdir())
    stages = [name for name in STAGES if name not in IN_TENSORFLOW]
    done = run_script("--emulate", "--output", output, "--stages", *stages)
    assert sorted((BENCHMARKS / "results").iterdir()) == before
    assert done.returncode == 0
    return done.stdout, {path.stem: json.loads(path.read_text()) for path in output.iterdir()}


@needs_emulator
def test_dry_run(dry_run):
    printed, files = dry_run
    stages = files["emulator-summary"]["stages"]
    assert list(stages) == [name for name in STAGES if name not in IN_TENSORFLOW]
    status = {name: stage["status"] for name, stage in stages.items()}
    assert status.pop("sm75") == "not run"
    for name in ("norm", "block"):
        has_torch = files["emulator-summary"]["machine"]["torch"] is not None
        assert status.pop(name) == ("passed" if has_torch else "not run"), stages[name]["reason"]
    assert set(status.values()) == {"passed"}
    assert "these figures mean nothing" in printed


@needs_emulator
def test_results(dry_run):
    results = dry_run[1]["emulator-kernels"]
    assert results["machine"]["command"].startswith("python benchmarks/gpu.py --emulate")
    assert {"device", "date", "commit", "nvcc", "torch"} <= set(results["machine"])
    names = {row["name"] for row in results["rows"]}
    for dtype in ("float32", "float16", "bfloat16"):
        for kernel in ("norm+relu forward", "norm+relu backward", "reflection pad"):
            assert f"kernel {kernel} 2x6x5x8 {dtype}" in names
    for row in results["rows"]:
        assert list(row["arms"]) == ["copy", "monet"]
        assert row["arms"]["monet"]["gigabytes_per_second"] > 0
        assert row["arms"]["monet"]["roofline_share"] > 0


def result(status="passed", reason="", rows=(), **facts):
    return {"status": status, "reason": reason, "facts": facts, "rows": list(rows)}


def row(ratio):
    arms = {"PyTorch": {"milliseconds": 1.0, "ratio": 1.0}}
    arms["monet"] = {"milliseconds": 1.0 / ratio, "ratio": ratio}
    return {"name": "some row", "arms": arms}


@pytest.fixture
def run_main(monkeypatch, tmp_path):
    """Runs `main` with these results of stages; all others pass."""

    def run(results, *arguments):
        facts = {"device": "Tesla T4", "device_class": "T4"}
        results = {"environment": result(**facts), **results}
        monkeypatch.setattr(gpu, "count_gpus", lambda: 1)
        monkeypatch.setattr(gpu, "_run_stage", lambda name, *_: results.get(name, result()))
        return gpu.main(["--output", str(tmp_path), *arguments])

    return run


def test_a_failing_stage_is_recorded(run_main, tmp_path):
    assert run_main({"correctness": result("failed", "3 failed"), "norm": result(rows=[row(2)])})
    stages = json.loads((tmp_path / "tesla-t4-summary.json").read_text())["stages"]
    assert list(stages) == list(STAGES)
    assert stages["correctness"]["reason"] == "3 failed"
    assert json.loads((tmp_path / "tesla-t4-norm.json").read_text())["rows"] == [row(2)]


def test_what_could_not_run_is_no_failure(run_main):
    assert run_main({"norm": result("not run", "PyTorch is not installed")}) == 0


def test_floors(run_main, capsys):
    assert run_main({"norm": result(rows=[row(1.5)])}, "--check-floors") == 0
    assert run_main({"norm": result(rows=[row(0.9)])}) == 0
    assert run_main({"norm": result(rows=[row(0.9)])}, "--check-floors") == 1
    assert "below its floor of 1.0x: some row, 0.9x of PyTorch" in capsys.readouterr().out


@pytest.mark.parametrize("device", ["T4", "gpu"])
def test_every_gpu_row_has_a_floor(device):
    assert Report().floor("a row that nobody has measured", device) >= 1


def test_a_stage_that_breaks(tmp_path):
    """Neither a library that can't be loaded nor one that isn't there ends the run."""
    broken = tmp_path / "native" / "cuda_api.so"
    missing = gpu._run_stage("sanitizers", tmp_path, gpu.time.monotonic() + 60, True)
    assert missing["status"] == "not run" and "not built" in missing["reason"]
    broken.parent.mkdir()
    broken.write_bytes(b"no library")
    failed = gpu._run_stage("kernels", tmp_path, gpu.time.monotonic() + 60, True)
    assert failed["status"] == "failed" and "OSError" in failed["reason"]


def test_no_time_left(tmp_path):
    late = gpu._run_stage("kernels", tmp_path, gpu.time.monotonic() + 1, True)
    assert late["status"] == "not run" and "no time" in late["reason"]


def test_paths_of_tensorflow_stages():
    paths = [*tensorflow_stages._TESTS, *tensorflow_stages._TEST_IN_A_DRY_RUN[:1]]
    files = [*tensorflow_stages._OPS, *tensorflow_stages._NETWORKS]
    for path in [*paths, *(f"benchmarks/{name}" for name in files)]:
        assert (BENCHMARKS.parent / path).exists(), path


def test_driver_errors():
    with pytest.raises(OSError):
        cuda_driver.count_gpus("libcuda-that-is-not-there.so")
