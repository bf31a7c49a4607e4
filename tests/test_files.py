"""Files that are either whole or not there."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monet._files import (
    address,
    check_local,
    obstacle,
    remove_leftovers,
    replacing,
    write_text,
)

DEAD = 2**31 - 1  # more than any system's processes


def test_the_longest_name_can_be_replaced(tmp_path):
    path = tmp_path / ("x" * 250 + ".png")
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.suffix == ".png"
    assert path.read_bytes() == b"whole"


def test_a_name_that_is_not_utf8_can_be_replaced(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.png")
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_names_written_at_the_same_time_have_temporary_names_of_their_own(tmp_path):
    with replacing(tmp_path / "a.png") as first, replacing(tmp_path / "b.png") as second:
        assert first != second
        first.touch()
        second.touch()


@pytest.mark.parametrize("path", ["gs://bucket/a b", Path("gs://bucket/a b"), "gs:/bucket/a b"])
def test_an_address_is_no_path_of_this_machine(path):
    assert address(path) == "gs://bucket/a b"
    with pytest.raises(LookupError, match="gs://bucket/a b is an address, and only this machine's"):
        check_local(path, LookupError)


@pytest.mark.parametrize("scheme", ["gs", "s3", "hdfs", "http", "https"])
def test_addresses_of_all_kinds(scheme):
    with pytest.raises(ValueError, match="give a path here, and copy with the address's own tool"):
        check_local(f"{scheme}://host/a")


@pytest.mark.parametrize("path", ["", "a", "a/gs://b", "gs:", "C:/pictures", "./gs:/b", "x:y/z"])
def test_other_paths_are_no_addresses(path):
    assert address(path) is None


def test_a_folder_may_be_called_like_the_beginning_of_an_address(tmp_path, monkeypatch):
    (tmp_path / "gs:").mkdir()
    monkeypatch.chdir(tmp_path)
    check_local("gs:/new")
    assert address("gs:/new") is None and obstacle("gs:/new") is None


_WHERE_PATHS_COME_IN = {
    "train": ("--data @", "--painting-dir {photos} --photo-dir @", "--out @", "--resume @"),
    "generate": (
        "--run @ --count 1 --output a",
        "--model @ --count 1 --output a",
        "--model {model} --input @ --output a",
        "--model {model} --input {photos} --output @",
        "--model {model} --input {photos} --kaggle --allow-any-count --output @/a.zip",
    ),
    "explore": ("--data @ --out a", "--out @"),
    "evaluate": (
        "--run @",
        "--input @ --data {data}",
        "--input @/a.zip --data {data}",
        "--input {photos} --data @",
        "--input {photos} --data {data} --output @",
        "--input {photos} --data {data} --html @",
        "--input {photos} --data {data} --extractor @/a.keras",
        "--input {photos} --data {data} --weights @",
    ),
    "export": ("--run @ --format tflite", "--model {model} --format tflite --output @"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory, noise_pictures):
    folder = tmp_path_factory.mktemp("places")
    noise_pictures(folder, trainA=2, trainB=2)
    (folder / "a.keras").touch()
    return {"data": folder, "photos": folder / "trainB", "model": folder / "a.keras"}


@pytest.mark.parametrize(
    "command, options",
    [(command, options) for command, given in _WHERE_PATHS_COME_IN.items() for options in given],
)
def test_every_command_says_what_to_do_with_an_address(
    tmp_path, monkeypatch, capsys, places, command, options
):
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(f"monet.{command}").main
    given = options.format(**places).replace("@", "gs://bucket/pictures")
    assert main(given.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert "gs://bucket/pictures" in error and "is an address, and only this" in error, error
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_living_process_stay(tmp_path):
    kept = {".partial-1-00c0ffee.jpg", f".partial-{os.getpid()}-00c0ffee.jpg", ".partial-notes"}
    for name in (*kept, f".partial-{DEAD}-00c0ffee.jpg", f".partial-{DEAD**3}-00c0ffee.jpg"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_folder_that_was_being_made_is_a_leftover_too(tmp_path):
    (tmp_path / f".partial-{DEAD}-00c0ffee" / "inside").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / f".partial-{DEAD}-00decade").symlink_to("kept")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_when_the_next_one_writes(tmp_path, kind):
    program = "import os, signal, sys; from monet._files import creating_folder, replacing\n"
    made = "creating_folder" if kind == "folder" else "replacing"
    program += f"with {made}(sys.argv[1]) as temporary:\n"
    program += "    (temporary / 'a' if temporary.is_dir() else temporary).write_text('half')\n"
    program += "    os.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", program, str(tmp_path / "report")]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=False)
    assert [path.name[:9] for path in tmp_path.iterdir()] == [".partial-"]
    with replacing(tmp_path / "other") as temporary:
        temporary.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_no_folder_has_no_leftovers(tmp_path):
    remove_leftovers(tmp_path / "nowhere")


def test_a_name_that_is_not_utf8_is_the_same_name_after_json(tmp_path):
    name = os.fsdecode(b"\xff")
    write_text(tmp_path / "a.json", json.dumps({"é": name}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"é": name}
