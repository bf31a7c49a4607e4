"""Compiles the sources of csrc into one folder of objects, and links them."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import sys
from pathlib import Path

from monet_build.toolchain import Compiler

CSRC = Path(__file__).resolve().parents[1] / "csrc"


class Compilation:
    """A folder of objects, of which only those out of date are made again."""

    def __init__(self, folder: Path):
        self._folder = folder

    def compile(
        self, compiler: Compiler, sources: dict[Path, list[str]], flags: list[str]
    ) -> list[Path]:
        """Compiles in parallel; `sources` maps each file to the flags that it alone needs."""
        # Nothing in csrc/kernels includes a header from outside of it.
        folders = {"kernels", *(source.relative_to(CSRC).parts[0] for source in sources)}
        headers = [path for folder in folders for path in (CSRC / folder).rglob("*.*h")]
        newest_header = max(path.stat().st_mtime for path in headers)

        def compile_one(source: Path) -> Path:
            target = self._folder / source.relative_to(CSRC).with_suffix(".o")
            command = [*flags, f"-I{CSRC}", *sources[source], "-c", str(source), "-o", str(target)]
            note = target.with_suffix(".command")
            wanted = "\n".join([compiler.version, *command])
            if target.is_file() and note.is_file() and note.read_text() == wanted:
                if target.stat().st_mtime > max(newest_header, source.stat().st_mtime):
                    return target
            target.parent.mkdir(parents=True, exist_ok=True)
            print(f"compiling csrc/{source.relative_to(CSRC)}", flush=True)
            compiler.run(command)
            note.write_text(wanted)
            return target

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compile_one, sources))

    def link(self, compiler: Compiler, objects: list[Path], flags: list[str], target: Path) -> None:
        """Links a shared library; `target` is there only if that succeeds."""
        print(f"linking {target.name}", flush=True)
        scratch = self._folder / target.name
        arguments = ["-shared", "-pthread", *map(str, objects), *flags, "-o", str(scratch)]
        if sys.platform == "linux":
            arguments.append("-Wl,-s")
        compiler.run(arguments)
        shutil.move(scratch, target)
