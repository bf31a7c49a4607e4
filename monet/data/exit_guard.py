"""Lets a program end while TensorFlow's threads are still calling Python to read ahead.

When the interpreter shuts down, a foreign thread that asks for its lock is never answered, and the
iterator that owns the thread waits for it forever: the process hangs. So reading ahead is run dry
before the shutdown begins.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable

_QUIET_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 5.0

_lock = threading.Lock()
_registered = False
_exiting = False
_calls = 0
_running = 0


def answer_at_exit(function: Callable, placeholder) -> Callable:
    """Wraps a function that TensorFlow calls from its own threads.

    Once the program is ending, the wrapper returns `placeholder` at once. The buffers of a
    `tf.data` pipeline then fill up and its threads fall silent, which the exit waits for.
    """
    global _registered
    with _lock:
        if not _registered:
            _registered = True
            atexit.register(_run_dry)

    def guarded(*arguments):
        global _calls, _running
        with _lock:
            _calls += 1
            _running += 1
        try:
            return placeholder if _exiting else function(*arguments)
        finally:
            with _lock:
                _running -= 1

    return guarded


def _run_dry() -> None:
    global _exiting
    _exiting = True
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    seen = None
    while time.monotonic() < deadline and seen != (_calls, 0):
        seen = _calls, _running
        time.sleep(_QUIET_SECONDS)
        if _running:
            seen = None
