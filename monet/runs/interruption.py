"""Ctrl-C and SIGTERM as a request to stop at the next good moment."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any


class Interrupted(Exception):
    """A run stopped where a signal asked it to.

    Attributes:
        signum: the signal.
        is_saved: whether training had begun, so that there is a run to resume.
    """

    def __init__(self, signum: int, *, is_saved: bool) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum
        self.is_saved = is_saved


class Interruption:
    """Notes the first Ctrl-C or SIGTERM inside a `with` block; the second one quits at once.

    A Python signal handler has to wait while a training step runs in C++. Signals are therefore
    read in a thread, from the descriptor that the interpreter writes them to, so that the answer
    on the screen and the quitting are immediate.

    Example:

    ```python
    with Interruption() as interruption:
        while not interruption.requested:
            step()
    ```
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signum: int | None = None
        self.is_training = False

    @property
    def requested(self) -> bool:
        return self.signum is not None

    def check(self, agree: Callable[[int], int] = int) -> None:
        """Raises `Interrupted` if a signal came.

        Args:
            agree: turns the signal's number, or 0 for none, into that on which several processes
                agree.
        """
        if signum := agree(self.signum or 0):
            raise Interrupted(signum, is_saved=self.is_training)

    def begin_training(self) -> None:
        """Call it when there begins to be something to save.

        Raises:
            Interrupted: a signal came before.
        """
        self.check()
        self.is_training = True

    def __enter__(self) -> Interruption:
        self._before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is not threading.main_thread():
            return self  # only the main thread can handle signals
        self._receiving, self._sending = socket.socketpair()
        self._sending.setblocking(False)
        # Python's own handlers do nothing, but they must be there for the descriptor to be fed.
        self._before = {number: signal.signal(number, lambda *_: None) for number in self._SIGNALS}
        self._wakeup_before = signal.set_wakeup_fd(
            self._sending.fileno(), warn_on_full_buffer=False
        )
        self._thread = threading.Thread(target=self._watch, name="interruption", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._before:
            return
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._sending.close()  # ends the thread
        self._thread.join()
        self._receiving.close()

    def _watch(self) -> None:
        while received := self._receiving.recv(1):
            if received[0] in self._SIGNALS:
                self._receive(received[0])

    def _receive(self, signum: int) -> None:
        if self.requested:
            os._exit(128 + signum)
        self.signum = signum
        what = "Stopping after this step, then saving." if self.is_training else "Stopping."
        print(f"\n{what} Ctrl-C again quits at once.", file=sys.stderr, flush=True)
