"""What native code writes to the error stream, kept from users who didn't ask for it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

from monet._ambient import what_ends_tensorflow
from monet._command_line import CommandError

_NOTICE = re.compile(r"I\d{4} |WARNING: All log messages before absl")


def quiet_tensorflow() -> None:
    """Imports TensorFlow without its start-up notices, unless the user asked for them.

    TensorFlow 2.21 writes some before it looks at TF_CPP_MIN_LOG_LEVEL, so the error stream is held
    back while it is imported; what is not such a notice is passed on. TF_CPP_MIN_LOG_LEVEL=0 asks
    for them.

    Raises:
        CommandError: TensorFlow would end the process over a variable that is set.
    """
    if "tensorflow" not in sys.modules and (problem := what_ends_tensorflow()):
        raise CommandError(f"{problem}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "tensorflow" not in sys.modules:
        with holding_back_stderr(lambda line: not _NOTICE.match(line)):
            import tensorflow  # noqa: F401  (for what it says on its way in)


@contextlib.contextmanager
def holding_back_stderr(is_shown: Callable[[str], bool]) -> Iterator[None]:
    """Holds back what is written to the error stream inside the block, by native code too.

    Afterwards the lines are written for which `is_shown`. TF_CPP_MIN_LOG_LEVEL=0 lets all pass, at
    once.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    held_back = tempfile.TemporaryFile()
    stderr = os.dup(2)
    os.dup2(held_back.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        held_back.seek(0)
        for line in held_back.read().decode(errors="replace").splitlines():
            if is_shown(line):
                print(line, file=sys.stderr)
        held_back.close()
