"""The training that is left of a run, to its end or to what stops it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from monet._progress import duration
from monet._text import count
from monet.data import DataError
from monet.runs import console
from monet.runs.interruption import Interrupted
from monet.runs.run_folder import RunError

if TYPE_CHECKING:
    from monet.runs.session import Session


def finish(session: Session) -> None:
    """Trains what is left to train."""
    session.check_workers()
    if not session.is_finished:
        session.interruption.begin_training()
        _train(session)
    elif session.verbose:
        unit = "epochs" if session.budget is None else "minutes"
        print(f"{session.run.path} is finished; a larger number of {unit} extends it.")
    if session.verbose:
        console.report(session.run, session.settings.recipe)


def _train(session: Session) -> None:
    import tensorflow as tf

    started, first_step = time.monotonic(), session.state.step
    try:
        with session.distribution.noticing_losses():
            session.train()
    except Interrupted:
        if session.verbose:
            console.tell_interruption(session)
        raise
    except (DataError, RunError):
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise _failure(session, _resource(error)) from error
    except OSError as error:
        place = error.filename or session.run.path
        raise _failure(session, f"can't write {place}: {error.strerror or error}.") from error
    except Exception:
        if session.verbose:
            console.tell_crash(session)
        raise
    if session.verbose:
        steps = count(session.state.step - first_step, "step")
        print(f"\nTrained {steps} in {duration(time.monotonic() - started)}.")


def _failure(session: Session, reason: str) -> RunError:
    return RunError(
        f"{reason} {console.after_a_crash(session)} by `resume({str(session.run.path)!r})`."
    )


def _resource(error: Exception) -> str:
    if "No space left" in str(error):
        return "the disk is full."
    return "out of memory; lower `batch_size` or `image_size` in a new run, or free some."
