"""Installs this package into fresh virtual environments of many kinds and tries each one out.

    python tests/install_matrix.py --python python3.10 --python python3.12 --output matrix.md

Every case copies the source tree, runs `pip install` in a virtual environment that has never had
the package, or had it uninstalled, then, away from the tree and in its root, runs an op forward and
backward in both implementations. It installs TensorFlow several times over and takes some minutes a
case, so it is no part of the test suite.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MINORS = ("2.19", "2.20", "2.21")
COMPILERS = re.compile(r"(.*-)?(g\+\+|c\+\+|clang\+\+)(-[\d.]+)?")
NVCC = re.compile("nvcc")

SMOKE = """
import json, warnings
import monet, monet.ops as ops, numpy as np, tensorflow as tf
from monet.ops.native import library
status = ops.status()
random = np.random.default_rng(0)
x = tf.constant(random.normal(size=[2, 9, 7, 12]), tf.float32)
gamma, beta = tf.constant(random.normal(size=[2, 12]), tf.float32)
def run(mode):
    with ops.use(mode), tf.GradientTape() as tape, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tape.watch([x, gamma, beta])
        y = ops.group_norm(x, gamma, beta, 4, activation="relu", residual=x, pad=1)
        loss = tf.reduce_sum(y ** 2)
    return [y, *tape.gradient(loss, [x, gamma, beta])]
errors = [float(tf.reduce_max(tf.abs(a - b)) / tf.reduce_max(tf.abs(b)))
          for a, b in zip(run("auto"), run("reference"))]
try:
    parts = library.read_record()["parts"]
except library.Unusable:
    parts = {}
print("RESULT" + json.dumps({
    "file": monet.__file__,
    "tensorflow": status.tensorflow, "native": status.native, "reason": status.reason,
    "instruction_set": status.instruction_set, "error": max(errors),
    "cuda": parts.get("cuda", {}).get("reason", ""),
}))
"""


class Failed(Exception):
    """A step of a case went wrong."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One environment to install into.

    Attributes:
        name: what is special about it.
        python: the interpreter that makes it.
        tensorflow: requirement installed beforehand, or `None`.
        hide: names of programs to hide from `PATH`, as a regular expression.
        editable: install with `-e`.
        isolated: let pip build in isolation.
        then: requirement installed afterwards, to make the build stale.
        native: whether the native ops have to be live in the end.
        variables: environment variables during the build.
    """

    name: str
    python: str
    tensorflow: str | None = None
    hide: re.Pattern | None = None
    editable: bool = False
    isolated: bool = True
    then: str | None = None
    native: bool = True
    variables: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass
class Row:
    case: Case
    verdict: str = "failed"
    before: str = ""
    after: str = ""
    native: str = ""
    note: str = ""
    seconds: float = 0.0


def cases(pythons: list[str], every_pair: bool) -> list[Case]:
    """Every Python and every TensorFlow at least once, or in every combination."""
    newest = f"tensorflow-cpu=={MINORS[-1]}.*"
    listed = [Case("empty environment", python) for python in (pythons[0], pythons[-1])]
    for i, python in enumerate(pythons):
        # Older Pythons with older versions: each needs its own, where wheels exist.
        minors = MINORS if every_pair else MINORS[min(i, len(MINORS) - 1) :][:1]
        listed += [Case("TensorFlow there", python, f"tensorflow-cpu=={m}.*") for m in minors]
    one = pythons[len(pythons) // 2]
    minors = MINORS if every_pair else MINORS[-1:]
    listed += [Case("TensorFlow there", one, f"tensorflow=={minor}.*") for minor in minors]
    listed += [
        Case("no compiler", one, newest, hide=COMPILERS, native=False),
        Case("nvcc hidden", one, newest, hide=NVCC),
        Case("editable", one, newest, editable=True),
        Case("MONET_BUILD=none", one, newest, native=False, variables=(("MONET_BUILD", "none"),)),
        Case("without build isolation", one, newest, isolated=False),
        Case("TensorFlow changed afterwards", one, newest, then=f"tensorflow-cpu=={MINORS[-2]}.*",
             native=False),
        Case("no compiler, empty environment", one, hide=COMPILERS, native=False),
    ]  # fmt: skip
    if every_pair:
        listed += [Case("empty environment", python) for python in pythons[1:-1]]
    return listed


class Environment:
    """A virtual environment and the copy of the source tree installed into it."""

    def __init__(self, case: Case, folder: Path):
        self.case = case
        self.folder = folder
        self.venv = folder / "venv"
        self.log = folder / "log.txt"
        self.variables = {
            key: value
            for key, value in os.environ.items()
            if key not in ("PYTHONPATH", "VIRTUAL_ENV", "MONET_BUILD", "MONET_OPS", "CXX")
        }
        # Compiling the thousands of files of a TensorFlow takes longer than installing it.
        self.variables |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PIP_NO_COMPILE": "1"}
        self.variables |= dict(case.variables)
        if case.hide:
            self.variables["PATH"] = str(path_without(case.hide, folder / "bin"))

    def run(self, *command: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
        if done.returncode:
            tail = " / ".join(done.stdout.strip().splitlines()[-3:])
            raise Failed(f"exit {done.returncode}: {tail}")
        return done.stdout

    def pip(self, *arguments: str, cwd: Path | None = None) -> str:
        return self.run(str(self.python), "-m", "pip", "install", *arguments, cwd=cwd)

    def prepare(self, ready: Path) -> None:
        """Makes the virtual environment, or takes the one in `ready` that has this TensorFlow."""
        if self.case.tensorflow:
            self.venv = ready
        self.python = self.venv / "bin" / "python"
        if self.venv.is_dir():
            self.run(str(self.python), "-m", "pip", "uninstall", "--yes", "monet")
            return
        self.run(self.case.python, "-m", "venv", str(self.venv))
        if self.case.tensorflow:
            self.pip("--only-binary=:all:", self.case.tensorflow)

    def tensorflow(self) -> str:
        freeze = self.run(str(self.python), "-m", "pip", "freeze")
        found = re.findall(r"^(tensorflow(?:[-_]cpu)?)==(\S+)", freeze, re.M)
        return ", ".join(" ".join(each).replace("_", "-") for each in found)

    def smoke(self, cwd: Path | None = None) -> dict:
        output = self.run(str(self.python), "-c", SMOKE, cwd=cwd)
        return json.loads(output.rpartition("RESULT")[2])


def path_without(hidden: re.Pattern, folder: Path) -> Path:
    """A folder of links to every program on `PATH` but the hidden ones."""
    folder.mkdir()
    for directory in os.environ["PATH"].split(os.pathsep):
        if not os.path.isdir(directory):
            continue
        for program in os.scandir(directory):
            link = folder / program.name
            if not hidden.fullmatch(program.name) and not os.path.lexists(link):
                link.symlink_to(os.path.join(directory, program.name))
    return folder


def copy_sources(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def try_out(case: Case, folder: Path, ready: Path, objects: Path | None) -> Row:
    row = Row(case)
    started = time.monotonic()
    environment = Environment(case, folder)
    try:
        steps(environment, row, ready, objects)
    except Failed as failed:
        row.note = str(failed)
        if "No matching distribution found for tensorflow" in row.note:
            row.verdict, row.note = "none published", "no wheel for this Python"
    if row.verdict != "ok" or case.then:
        shutil.rmtree(ready, ignore_errors=True)
    row.seconds = time.monotonic() - started
    return row


def steps(environment: Environment, row: Row, ready: Path, objects: Path | None) -> None:
    case = environment.case
    source = environment.folder / "source"
    environment.prepare(ready)
    row.before = environment.tensorflow()
    copy_sources(source)
    if objects:
        shutil.copytree(objects, source / "build" / "objects")
    arguments = ["-v", *(["-e"] if case.editable else []), str(source)]
    if not case.isolated:
        environment.pip("setuptools", "wheel", "pybind11")
        arguments.insert(0, "--no-build-isolation")
    environment.pip(*arguments)
    row.after = environment.tensorflow()
    if row.before and row.after != row.before:
        raise Failed(f"the installation replaced {row.before}")
    if case.then:
        environment.pip("--no-deps", case.then)
        row.after = environment.tensorflow()
    result = environment.smoke()
    environment.run(str(environment.python), "-m", "monet.info")
    row.native = f"yes, {result['instruction_set']}" if result["native"] else "no"
    row.note = result["reason"] or result["cuda"]
    inside = str(source if case.editable else environment.venv)
    if not result["file"].startswith(inside):
        raise Failed(f"imported {result['file']}")
    if result["error"] > 1e-5:
        raise Failed(f"native and reference differ by {result['error']}")
    if result["native"] != case.native:
        raise Failed(f"native is {result['native']}: {row.note}")
    in_the_root = environment.smoke(cwd=source)
    if not in_the_root["file"].startswith(str(source)):
        raise Failed(f"imported {in_the_root['file']} in the root of the source tree")
    if in_the_root["native"] != case.native:
        raise Failed(f"native is {in_the_root['native']} in the root of the source tree")
    row.verdict = "ok"


def table(rows: list[Row]) -> str:
    lines = [
        "| Python | environment | TensorFlow before | after | native ops | s | result | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        version = re.search(r"3\.\d+", row.case.python)
        cells = [
            version.group() if version else row.case.python,
            row.case.name,
            row.before or "none",
            row.after,
            row.native,
            f"{row.seconds:.0f}",
            row.verdict,
            row.note.replace("|", "\\|"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def find_pythons(named: list[str] | None) -> list[str]:
    wanted = named or [f"python3.{minor}" for minor in range(10, 14)]
    found = [path for path in map(shutil.which, wanted) if path]
    if not found:
        sys.exit(f"none of {', '.join(wanted)} is on PATH; name interpreters with --python")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", help="interpreter; may be given again")
    parser.add_argument(
        "--every-pair", action="store_true", help="every Python with every TensorFlow"
    )
    parser.add_argument("--only", help="run the cases whose name or requirement contains this")
    parser.add_argument(
        "--objects",
        type=Path,
        help="build/objects of an earlier build, to compile only what it hasn't",
    )
    parser.add_argument("--output", type=Path, help="file for the table, written after each case")
    parser.add_argument("--work-dir", type=Path, help="where the environments are made")
    parser.add_argument("--keep", action="store_true", help="keep the environments and logs")
    arguments = parser.parse_args()
    if arguments.work_dir:
        arguments.work_dir.mkdir(parents=True, exist_ok=True)

    rows = []
    with tempfile.TemporaryDirectory(prefix="monet-ready-", dir=arguments.work_dir) as ready:
        for case in cases(find_pythons(arguments.python), arguments.every_pair):
            if arguments.only and arguments.only not in f"{case.name} {case.tensorflow}":
                continue
            folder = Path(tempfile.mkdtemp(prefix="monet-install-", dir=arguments.work_dir))
            key = re.sub(r"\W+", "-", f"{case.python} {case.tensorflow}")
            rows.append(try_out(case, folder, Path(ready, key), arguments.objects))
            if arguments.keep:
                print(f"{case.name}: {folder}", flush=True)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            print(table(rows[-1:]).splitlines()[-1], flush=True)
            if arguments.output:
                arguments.output.write_text(table(rows), encoding="utf-8")
    print("\n" + table(rows))
    return 1 if any(row.verdict == "failed" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
