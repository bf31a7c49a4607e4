"""Keras callbacks that record a run in its folder and keep it interruptible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from monet._progress import Line
from monet.runs.callbacks.budget import Calibration, Forecast, KeepBudget, Opening
from monet.runs.callbacks.evaluation import Evaluation
from monet.runs.callbacks.interim import Interim
from monet.runs.callbacks.pace import Pace
from monet.runs.callbacks.progress import Progress
from monet.runs.callbacks.records import (
    Figures,
    Gallery,
    GeneratorFile,
    History,
    KeptGenerators,
    Samples,
)
from monet.runs.callbacks.safety import Checkpoints, StopAtNaN, StopOnSignal
from monet.runs.callbacks.tensorboard import tensorboard_callbacks

if TYPE_CHECKING:
    from monet.runs.budget import Budget
    from monet.runs.session import Session


def run_callbacks(session: Session) -> list[keras.callbacks.Callback]:
    """The callbacks of a training run, in the order in which they have to work.

    The losses of an epoch are checked before anything is written, and the checkpoint is written
    after what it vouches for.
    """
    run, state, settings = session.run, session.state, session.settings
    epochs, steps_per_epoch = settings.recipe.epochs, settings.steps_per_epoch
    sheet = session.system.sheet(settings.recipe, session.domains, seed=settings.seed)
    pace = Pace(
        state,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        batch_size=session.recipe.pictures_per_step(settings.replicas),
        budget=session.budget,
    )
    tell = Line().finish if session.verbose else None
    evaluation = Evaluation(session.judge, run, pace, tell) if session.judge else None
    return [
        pace,
        StopAtNaN(state),
        *_timing(session, pace, evaluation),
        Figures(sheet),
        *([Progress(pace, session.system.curves)] if session.verbose else []),
        *([evaluation] if evaluation else []),
        History(run),
        Interim(
            run,
            sheet,
            state,
            steps_per_epoch=steps_per_epoch,
            minutes=settings.sample_minutes,
        ),
        Samples(
            run,
            sheet,
            every=settings.sample_every,
            epochs=epochs if session.budget is None else None,
        ),
        GeneratorFile(run),
        *([KeptGenerators(run, settings.keep_generators)] if settings.keep_generators else []),
        Checkpoints(
            state,
            steps_per_epoch=steps_per_epoch,
            minutes=settings.checkpoint_minutes,
            agree=session.distribution.agree,
        ),
        Gallery(run),
        *(tensorboard_callbacks(run) if settings.tensorboard else []),
        StopOnSignal(
            session.interruption,
            state,
            steps_per_epoch=steps_per_epoch,
            agree=session.distribution.agree,
        ),
    ]


def _timing(
    session: Session, pace: Pace, evaluation: Evaluation | None
) -> list[keras.callbacks.Callback]:
    """What ends a run in time or, where it has no time set, says how much it will take."""
    if session.budget is not None:
        phases = session.settings.recipe.phases()
        is_judged = evaluation.is_due if evaluation else lambda step: False
        return [
            KeepBudget(
                session.budget, session.state, phases, session.recipe, session.progress, is_judged
            )
        ]
    return [Forecast(pace, session.advice)] if session.verbose else []


def calibration_callbacks(
    session: Session, budget: Budget
) -> tuple[Calibration, list[keras.callbacks.Callback]]:
    """The callbacks of a run's first steps, and among them the one that measures these."""
    run, settings = session.run, session.settings
    sheet = session.system.sheet(settings.recipe, session.domains, seed=settings.seed)
    samples = Samples(run, sheet, every=settings.sample_every, epochs=None)
    calibration = Calibration(budget, session.state, session.interruption)
    return calibration, [
        Opening([samples, Gallery(run)], budget),
        StopAtNaN(session.state),
        calibration,
    ]
