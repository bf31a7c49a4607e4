"""Objects are made again when what they are made of has changed, and only then."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from monet_build import compilation, toolchain
from monet_build.compilation import Compilation
from monet_build.toolchain import Compiler, Missing

FLAGS = ["-O0", "-fPIC"]


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    try:
        return toolchain.find_compiler()
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def csrc(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "a folder" / "csrc"
    (folder / "kernels").mkdir(parents=True)
    (folder / "kernels" / "one.h").write_text("inline int one() { return 1; }\n")
    (folder / "kernels" / "with.cc").write_text(
        '#include <cstddef>\n#include "kernels/one.h"\nint two() { return one() + 1; }\n'
    )
    (folder / "kernels" / "without.cc").write_text("int three() { return 3; }\n")
    monkeypatch.setattr(compilation, "CSRC", folder)
    return folder


@pytest.fixture
def compile_all(csrc, compiler, tmp_path, capfd):
    """Compiles all there is, and returns what was compiled."""

    def run(flags=FLAGS, compiler=compiler, names=None) -> set[str]:
        sources = dict.fromkeys(sorted((csrc / "kernels").glob("*.cc")), [])
        objects = Compilation(tmp_path / "objects", names).compile(compiler, sources, flags)
        assert [path.stem for path in objects] == [path.stem for path in sources]
        assert all(path.is_file() for path in objects)
        said = capfd.readouterr().out
        return {path.name for path in sources if f"csrc/kernels/{path.name} (" in said}

    return run


BOTH = {"with.cc", "without.cc"}


def test_nothing_is_compiled_twice(compile_all, csrc):
    assert compile_all() == BOTH
    assert compile_all() == set()
    for path in csrc.rglob("*.*"):  # as after a fresh clone
        os.utime(path, (1e9, 1e9))
    assert compile_all() == set()


def test_header_concerns_those_that_include_it(compile_all, csrc):
    compile_all()
    header = csrc / "kernels" / "one.h"
    before = header.read_text()
    header.write_text("inline int one() { return 11; }\n")
    assert compile_all() == {"with.cc"}
    header.write_text(before)
    assert compile_all() == {"with.cc"}
    (csrc / "kernels" / "another.h").touch()
    assert compile_all() == set()


def test_source_concerns_itself(compile_all, csrc):
    compile_all()
    (csrc / "kernels" / "without.cc").write_text("int three() { return 4; }\n")
    assert compile_all() == {"without.cc"}


def test_flags_and_compiler_concern_all(compile_all, compiler):
    compile_all()
    assert compile_all(flags=["-O1", "-fPIC"]) == BOTH
    newer = Compiler(compiler.command, compiler.version + " and newer")
    assert compile_all(flags=["-O1", "-fPIC"], compiler=newer) == BOTH


def test_missing_object_is_made_again(compile_all, tmp_path):
    compile_all()
    (tmp_path / "objects" / "kernels" / "with.o").unlink()
    assert compile_all() == {"with.cc"}


def test_headers_of_a_named_package_may_lie_anywhere(compile_all, tmp_path):
    def with_package(folder: str, version: str) -> set[str]:
        path = str(tmp_path / folder)
        return compile_all([*FLAGS, f"-isystem{path}/include"], names={path: f"package {version}"})

    assert with_package("isolated-1", "1.0") == BOTH
    assert with_package("isolated-2", "1.0") == set()
    assert with_package("isolated-2", "1.1") == BOTH


def test_compiler_that_lists_no_headers_is_asked_again_after_every_change(
    compile_all, csrc, tmp_path
):
    program = tmp_path / "silent"
    program.write_text(
        '#!/bin/sh\nwhile [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo made > "$2"; fi; shift; done'
    )
    program.chmod(0o755)
    silent = Compiler([str(program)], "silent 1.0")
    assert compile_all(compiler=silent) == BOTH
    assert compile_all(compiler=silent) == set()
    (csrc / "kernels" / "one.h").write_text("inline int one() { return 11; }\n")
    assert compile_all(compiler=silent) == BOTH


def test_what_failed_is_tried_again(compile_all, csrc):
    compile_all()
    source = csrc / "kernels" / "without.cc"
    before = source.read_text()
    source.write_text("no C++\n")
    with pytest.raises(Missing, match="failed: .*without.cc"):
        compile_all()
    source.write_text(before)
    assert compile_all() == {"without.cc"}


def test_source_edited_while_it_was_compiled_is_compiled_again(compile_all, csrc):
    in_the_future = time.time() + 60
    os.utime(csrc / "kernels" / "one.h", (in_the_future, in_the_future))
    assert compile_all() == BOTH
    os.utime(csrc / "kernels" / "one.h", (1e9, 1e9))
    assert compile_all() == {"with.cc"}
    assert compile_all() == set()
