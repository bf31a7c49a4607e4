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
import machine  # noqa: E402
import table  # noqa: E402
from gpu_stages import STAGES, clocks, driver, kernel_checks, tensorflow_stages  # noqa: E402

from monet_build import toolchain  # noqa: E402

# These have tests and a smoke run of their own, and importing TensorFlow takes long.
IN_TENSORFLOW = {name for name in STAGES if name.startswith("tensorflow")}

needs_emulator = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not toolchain.has_compiler(),
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
    """The whole script on the emulator: what it printed and wrote."""
    output = tmp_path_factory.mktemp("gpu") / "results"
    before = sorted((BENCHMARKS / "results").iterdir())
    stages = [name for name in STAGES if name not in IN_TENSORFLOW]
    done = run_script("--emulate", "--output", output, "--stages", *stages)
    assert sorted((BENCHMARKS / "results").iterdir()) == before
    assert done.returncode == 0
    return done.stdout, json.loads((output / "emulator.json").read_text())


@needs_emulator
def test_dry_run(dry_run):
    printed, results = dry_run
    stages = results["stages"]
    assert list(stages) == [name for name in STAGES if name not in IN_TENSORFLOW]
    status = {name: stage["status"] for name, stage in stages.items()}
    assert status.pop("sm75") == status.pop("sanitizers") == "not run"
    for name in ("kernels", "norm"):
        expected = "passed" if results["machine_info"]["torch"] else "not run"
        assert status.pop(name) == expected, stages[name]["reason"]
    assert set(status.values()) == {"passed"}
    assert "these figures mean nothing" in printed


@needs_emulator
def test_results(dry_run):
    results = dry_run[1]
    assert results["command"].startswith("python benchmarks/gpu.py --emulate")
    assert {"gpu", "cpu", "nvcc", "torch", "libraries"} <= set(results["machine_info"])
    assert results["commit_info"].keys() == {"id", "dirty"} and results["datetime"]
    if not results["machine_info"]["torch"]:
        pytest.skip("bare kernels are timed by PyTorch, which is not installed")
    entries = {
        entry["name"]: entry for entry in results["benchmarks"] if entry["group"] == "kernels"
    }
    for dtype in ("float32", "float16", "bfloat16"):
        for kernel in ("norm+relu forward", "norm+relu backward", "reflection pad"):
            assert f"kernel {kernel} 2x6x5x8 {dtype}" in entries
    for entry in entries.values():
        [row] = entry["extra_info"]["rows"]
        assert list(row["arms"]) == ["copy", "monet"]
        assert row["arms"]["monet"]["seconds"] == entry["stats"]["median"] > 0
        assert row["arms"]["monet"]["gigabytes_per_second"] > 0
        assert row["arms"]["monet"]["roofline_share"] > 0
    assert "kernel reflection pad" in table.format_file(results)

    def moved_again(kernel):
        """Bytes that a kernel moves beyond the least, in images of this size."""
        [row] = entries[f"kernel {kernel} 2x6x5x8 float32"]["extra_info"]["rows"]
        arm = row["arms"]["monet"]
        image = 2 * 6 * 5 * 8 * 4
        least = {
            "reflection pad": image + 2 * 8 * 7 * 8 * 4,
            "norm+relu forward": 2 * image,
            "norm+relu from known statistics": 2 * image,
            "norm+relu backward": 3 * image,
        }[kernel]
        assert arm["moved_share"] >= arm["roofline_share"]
        return (arm["moved_bytes"] - least) / image

    assert moved_again("reflection pad") == 0
    assert moved_again("norm+relu forward") == 1
    assert moved_again("norm+relu from known statistics") == 0
    assert moved_again("norm+relu backward") == 2


@pytest.mark.parametrize(
    "answers, expected",
    [
        ("Active, Not Active, Not Active, Not Active", "sw_power_cap 2 of 2 looks"),
        ("Not Active, Not Active, Active, Not Active", "sw_thermal_slowdown 2 of 2 looks"),
        ("Not Active, Not Active, Not Active, Not Active", None),
        ("Field is not a valid field to query.", None),
    ],
)
def test_clocks_that_are_held_down(monkeypatch, tmp_path, answers, expected):
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\necho '{answers}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    watch = clocks.ClockWatch()
    for _ in range(2):
        watch.look()
    warning = watch.warning()
    assert warning is None if expected is None else expected in warning


@pytest.mark.parametrize(
    "device, expected",
    [("Tesla T4", "T4"), ("NVIDIA T400 4GB", "gpu"), ("NVIDIA H100 80GB HBM3", "gpu")],
)
def test_only_a_t4_is_called_one(device, expected):
    assert machine.gpu_class(device) == expected


def row(ratio):
    arms = {"PyTorch": {"seconds": 1.0, "ratio": 1.0}}
    arms["monet"] = {"seconds": 1.0 / ratio, "ratio": ratio}
    return {"name": "some row", "arms": arms}


@pytest.fixture
def run_main(monkeypatch, tmp_path):
    """Runs `main` with stages that leave these statuses and rows; all others pass."""

    def run(stages, *arguments):
        def run_stage(name, folder, seconds, emulate, write):
            status, rows = stages.get(name, ("passed", []))
            facts = {"gpu": "Tesla T4", "device_class": "T4"} if name == "environment" else {}
            result = {"status": status, "reason": "", "facts": facts}
            (folder / f"{name}.json").write_text(json.dumps(result))
            lines = [json.dumps(row) + "\n" for row in rows]
            gpu.rows_file(folder, name).write_text("".join(lines))

        monkeypatch.setattr(gpu, "find_gpu", lambda: {})
        monkeypatch.setattr(gpu, "run_stage", run_stage)
        return gpu.main(["--output", str(tmp_path), *arguments])

    return run


def test_a_failing_stage_is_recorded(run_main, tmp_path):
    assert run_main({"correctness": ("failed", []), "norm": ("passed", [row(2)])}) == 1
    results = json.loads((tmp_path / "tesla-t4.json").read_text())
    assert list(results["stages"]) == list(STAGES)
    assert results["stages"]["correctness"]["status"] == "failed"
    assert [entry["extra_info"]["rows"] for entry in results["benchmarks"]] == [[row(2)]]


def test_what_could_not_run_is_no_failure(run_main):
    assert run_main({"norm": ("not run", [])}) == 0


def test_floors(run_main, capsys):
    assert run_main({"norm": ("passed", [row(1.5)])}, "--check-floors") == 0
    assert run_main({"norm": ("passed", [row(0.9)])}) == 0
    assert run_main({"norm": ("passed", [row(0.9)])}, "--check-floors") == 1
    assert "below its floor of 1.0x: some row, 0.9x of PyTorch" in capsys.readouterr().out


def test_rows_are_kept_while_they_are_measured(tmp_path):
    """A session that is killed in the middle of a row keeps all those before it."""
    (tmp_path / "norm.json").write_text('{"status": "failed", "reason": "", "facts": {}}')
    gpu.rows_file(tmp_path, "norm").write_text(json.dumps(row(2)) + '\n{"name": "some o')
    [entry] = gpu.collect(tmp_path, "python benchmarks/gpu.py")["benchmarks"]
    assert entry["extra_info"]["rows"] == [row(2)]


def run_stage(name, folder, seconds):
    gpu.run_stage(name, folder, seconds, True, lambda: None)
    return gpu.read_stage(folder, name)


def test_a_stage_that_breaks(tmp_path):
    """Neither a library that can't be loaded nor one that isn't there ends the run."""
    broken = tmp_path / "native" / "cuda_api.so"
    missing = run_stage("correctness", tmp_path, 60)
    assert missing["status"] == "not run" and "not built" in missing["reason"]
    broken.parent.mkdir()
    broken.write_bytes(b"no library")
    failed = run_stage("correctness", tmp_path, 60)
    assert failed["status"] == "failed" and "pytest: " in failed["reason"]


def test_no_time_left(tmp_path):
    late = run_stage("kernels", tmp_path, 1)
    assert late["status"] == "not run" and "no time" in late["reason"]


def test_every_stage_has_a_function():
    for name, entry in STAGES.items():
        module, _, function = entry.function.partition(":")
        source = (BENCHMARKS / "gpu_stages" / f"{module}.py").read_text()
        assert f"def {function}(stage: Stage)" in source, name
        assert entry.minutes > 0


def test_the_sanitizers_have_tests_to_run():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-k"]
    command += [kernel_checks.FEW_TESTS, *kernel_checks.TESTS]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, capture_output=True, text=True)
    for chosen in ("float16", "test_gradient", "1x3x3x264", "residual", "pad3"):
        assert chosen in done.stdout
    assert 50 < done.stdout.count("::") < 150


def test_paths_of_tensorflow_stages():
    paths = [*tensorflow_stages._TESTS, *tensorflow_stages._TEST_IN_A_DRY_RUN[:1]]
    files = [*tensorflow_stages._OPS, *tensorflow_stages._NETWORKS]
    for path in [*paths, *(f"benchmarks/{name}" for name in files)]:
        assert (BENCHMARKS.parent / path).exists(), path


def test_driver_errors():
    with pytest.raises(OSError):
        driver.find_gpu("libcuda-that-is-not-there.so")
