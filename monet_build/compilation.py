"""Compiles the sources of csrc into one folder of objects, and links them."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import re
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from monet._parallel import usable_cores
from monet_build.toolchain import Compiler

CSRC = Path(__file__).resolve().parents[1] / "csrc"


class Compilation:
    """A folder of objects, of which only those are made again whose inputs are others now.

    An object's inputs are the compiler and its arguments, the source file, and the headers of csrc
    that the compiler says it has read: their contents, whatever their dates. They are noted beside
    the object, and what the compiler said of it too.

    Args:
        folder: where the objects go.
        names: what to take for paths in arguments that differ from build to build though what they
            lead to is the same: under pip's build isolation, where pybind11 lies for instance.
    """

    def __init__(self, folder: Path, names: Mapping[str, str] | None = None):
        self._folder = folder
        self._names = {str(CSRC): "csrc", **(names or {})}
        self._digest = functools.lru_cache(maxsize=None)(_digest)

    def compile(
        self, compiler: Compiler, sources: dict[Path, list[str]], flags: list[str]
    ) -> list[Path]:
        """Compiles in parallel, and says what; returns the objects in the order of `sources`.

        Args:
            compiler: the compiler.
            sources: the files, with the flags that each alone needs.
            flags: the flags of all.

        Raises:
            Missing: one of them doesn't compile.
        """
        jobs = [
            _Job(source, self._target(source), [*flags, f"-I{CSRC}", *flags_of_its_own])
            for source, flags_of_its_own in sources.items()
        ]
        outdated = [job for job in jobs if not self._is_current(compiler, job)]
        if outdated:
            folder = outdated[0].source.relative_to(CSRC).parts[0]
            print(f"csrc/{folder}: {len(outdated)} of {len(jobs)} files to compile", flush=True)
        done = iter(range(1, len(outdated) + 1))

        def make(job: _Job) -> None:
            started = time.monotonic()
            self._make(compiler, job)
            seconds = time.monotonic() - started
            name = f"csrc/{job.source.relative_to(CSRC)}"
            print(f"  [{next(done)}/{len(outdated)}] {name} ({seconds:.0f} s)", flush=True)

        with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(make, outdated))
        return [job.target for job in jobs]

    def said(self, objects: list[Path]) -> str:
        """What the compiler said when it made these, now or for an earlier build."""
        notes = [path.with_suffix(".json").read_text(encoding="utf-8") for path in objects]
        return "".join(json.loads(note)["said"] for note in notes)

    def link(self, compiler: Compiler, objects: list[Path], flags: list[str], target: Path) -> None:
        """Links a shared library; `target` is there only if that succeeds."""
        print(f"linking {target.name}", flush=True)
        scratch = self._folder / target.name
        arguments = ["-shared", "-pthread", *map(str, objects), *flags, "-o", str(scratch)]
        if sys.platform == "linux":
            arguments.append("-Wl,-s")
        compiler.run(arguments)
        shutil.move(scratch, target)

    def _target(self, source: Path) -> Path:
        return self._folder / source.relative_to(CSRC).with_suffix(".o")

    def _make(self, compiler: Compiler, job: _Job) -> None:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        # What is left behind by a compiler that is killed must not pass for a result.
        for stale in (job.note, job.dependencies):
            stale.unlink(missing_ok=True)
        started = time.time()
        listing = ["-MMD", "-MF", str(job.dependencies), "-MT", "object"]
        said = compiler.run([*job.flags, *listing, "-c", str(job.source), "-o", str(job.target)])
        inputs = _read_dependencies(job.dependencies)
        if job.source not in inputs:  # it lists none, or (a cache) those of another source tree
            inputs = _every_source()
        if any(path.stat().st_mtime >= started for path in inputs):
            return  # edited meanwhile: which version was compiled, nobody knows
        noted = {str(path.relative_to(CSRC)): self._digest(path) for path in inputs}
        note = {"command": self._command(compiler, job), "inputs": noted, "said": said}
        job.note.write_text(json.dumps(note, indent=1), encoding="utf-8")

    def _is_current(self, compiler: Compiler, job: _Job) -> bool:
        try:
            note = json.loads(job.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return (
            job.target.is_file()
            and note["command"] == self._command(compiler, job)
            and all(self._digest(CSRC / name) == was for name, was in note["inputs"].items())
        )

    def _command(self, compiler: Compiler, job: _Job) -> list[str]:
        command = [compiler.version, *job.flags]
        for path in sorted(self._names, key=len, reverse=True):
            command = [word.replace(path, f"<{self._names[path]}>") for word in command]
        return command


@dataclasses.dataclass(frozen=True)
class _Job:
    """One object to make, and the files beside it."""

    source: Path
    target: Path
    flags: list[str]

    @property
    def note(self) -> Path:
        return self.target.with_suffix(".json")

    @property
    def dependencies(self) -> Path:
        return self.target.with_suffix(".d")


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _read_dependencies(listing: Path) -> list[Path]:
    """What of csrc a compiler's `-MMD` lists."""
    try:
        text = listing.read_text(encoding="utf-8")
    except OSError:
        return []
    files = text.partition(":")[2].replace("\\\n", " ")
    paths = [re.sub(r"\\(.)", r"\1", name) for name in re.split(r"(?<!\\)\s+", files) if name]
    return [path for path in (Path(name).resolve() for name in paths) if path.is_relative_to(CSRC)]


def _every_source() -> list[Path]:
    """The inputs that are sure to include those of an object whose compiler lists none."""
    return [path for path in sorted(CSRC.rglob("*.*")) if path.is_file()]
