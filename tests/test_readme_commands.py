"""The script with which CI runs the commands of the README."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / ".ci" / "readme_commands.py"

_spec = importlib.util.spec_from_file_location("readme_commands", SCRIPT)
readme_commands = sys.modules["readme_commands"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(readme_commands)


def blocks(text: str):
    return list(readme_commands.blocks(text))


def run(folder: Path, text: str) -> subprocess.CompletedProcess:
    (folder / "GUIDE.md").write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "GUIDE.md"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_blocks_of_sh_and_no_others():
    text = (
        "# Title\n\n```sh\none\ntwo  # comment\n```\n\n```python\nthree\n```\n\n```sh\nfour\n```\n"
    )
    assert [(block.line, block.code) for block in blocks(text)] == [
        (4, "one\ntwo  # comment"),
        (13, "four"),
    ]


def test_comments_say_what_is_run_instead():
    text = (
        "<!-- ci replace: RUN => runs/first -->\n<!-- ci replace: train => train --epochs 1 -->\n"
        "<!-- a comment for people -->\n```sh\ntrain --run RUN\n```\n"
        "<!-- ci skip: needs a GPU -->\n\n```sh\nnvidia-smi\n```\n"
    )
    train, gpu = blocks(text)
    assert train.typed == "train --run RUN"
    assert train.code == "train --epochs 1 --run runs/first"
    assert gpu.skipped == "needs a GPU"


@pytest.mark.parametrize("comment", ["skip:", "replace: x", "replace: absent => x", "omit: why"])
def test_comment_that_says_nothing_is_an_error(comment):
    with pytest.raises(readme_commands.DocumentError, match="line 3"):
        blocks(f"<!-- ci {comment} -->\n```sh\ntrue\n```\n")


def test_blocks_share_a_shell_and_stop_at_the_first_failure(tmp_path):
    done = run(tmp_path, "```sh\nname=monet\ncd .\n```\n```sh\necho $name > made\n```\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made").read_text() == "monet\n"
    assert "GUIDE.md: 2 of 2 blocks, all worked" in done.stdout

    done = run(tmp_path, "```sh\nfalse | true\ntouch too_far\n```\n")
    assert done.returncode == 1
    assert "exit code 1" in done.stdout and not (tmp_path / "too_far").exists()


def test_what_is_left_out_is_said(tmp_path):
    done = run(tmp_path, "<!-- ci skip: takes hours -->\n```sh\nsleep 9999\n```\n")
    assert done.returncode == 0
    assert "--- GUIDE.md:3 left out: takes hours" in done.stdout
    assert "0 of 1 blocks" in done.stdout


def test_document_without_commands_is_an_error(tmp_path):
    assert run(tmp_path, "Nothing to type.\n").returncode == 2


@pytest.mark.parametrize("document", ["README.md", "docs/recipes.md"])
def test_comments_of_the_documents_are_understood(document):
    found = blocks((ROOT / document).read_text(encoding="utf-8"))
    assert found and not all(block.skipped for block in found)
