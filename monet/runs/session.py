"""A training run from its settings to its end, with or without interruptions."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
import zlib

import keras
import tensorflow as tf

from monet._progress import Line
from monet.data import Domains, ImageCaches
from monet.runs import console
from monet.runs.budget import Budget, Plan, lay_out
from monet.runs.callbacks import calibration_callbacks, run_callbacks
from monet.runs.distribution import find_devices
from monet.runs.figures import draw_figures
from monet.runs.gallery import FINISHED, STOPPED, write_gallery
from monet.runs.interruption import Interrupted, Interruption
from monet.runs.judging import Judge, training_domains
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.settings import Settings
from monet.runs.state import TrainingState
from monet.systems import DEFAULT_MINUTES, DEFAULT_RECIPE, Recipe, system_of


class Session:
    """A run that can be trained: its model, its data, its folder and its place.

    Args:
        run: the run's folder.
        settings: the run's settings.
        domains: the pictures, with those that are kept out of the training.
        interruption: tells when to stop; training then leaves by `Interrupted`, everything saved.
        verbose: whether to show how it gets on.
        started: `time.monotonic()` from which on the run's minutes count; by default now.

    Attributes:
        distribution: the devices that train.
        budget: the time of a run that is for a number of minutes; None for other runs.
        recipe: what is trained now: the settings' recipe, or that of a phase.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: Settings,
        domains: Domains,
        interruption: Interruption,
        *,
        verbose: bool = True,
        started: float | None = None,
    ) -> None:
        self.run = run
        self.settings = settings
        self.domains = training_domains(domains, settings.judging)
        self._caches = ImageCaches()
        self.interruption = interruption
        self.verbose = verbose
        self.recipe = recipe = settings.recipe
        self.system = system_of(recipe)
        self.distribution = find_devices(settings.distribute, replicas=settings.replicas)
        strategy = self.distribution.strategy
        # XLA can't compile a step in the middle of which devices exchange gradients.
        options = {"jit_compile": False} if strategy.num_replicas_in_sync > 1 else {}
        with strategy.scope():
            self.model: keras.Model = self.system.build(
                recipe, settings.steps_per_epoch, settings.seed, dtype=settings.policy, **options
            )
            self.progress = tf.Variable(0.0, trainable=False, name="progress")
            self.rate_scale = tf.Variable(1.0, trainable=False, name="rate_scale")
            if settings.minutes is not None:
                self.system.follow_progress(self.model, recipe, self.progress, self.rate_scale)
        has_budget = settings.minutes is not None
        self.state = TrainingState(self.model, run.checkpoints_dir, has_budget=has_budget)
        self._started = started
        self.budget = self._new_budget()
        self.judge: Judge | None = None
        if settings.judging is not None:
            self.judge = Judge(settings.judging, domains, self.system, seed=settings.seed)

    @property
    def epochs_done(self) -> int:
        return self.state.step // self.settings.steps_per_epoch

    @property
    def advice(self) -> str:
        """What to do where the training takes too long on a CPU; "" where it isn't for that."""
        if not self.settings.location or tf.config.list_logical_devices("GPU"):
            return ""
        minutes = f"--minutes {DEFAULT_MINUTES:g}"
        if self.system.takes_photos:
            minutes = f"--recipe {DEFAULT_RECIPE} {minutes}"
        return f"What fits into an evening: {minutes}"

    def _new_budget(self) -> Budget | None:
        if self.settings.minutes is None:
            return None
        seconds = 60 * self.settings.minutes
        return Budget(seconds, used=self.state.seconds_used, started=self._started)

    @property
    def is_finished(self) -> bool:
        if self.budget is not None:
            return self.state.seconds_used >= self.budget.seconds
        return self.state.step >= self.settings.total_steps

    def restore(self) -> None:
        """Goes back to the newest checkpoint, and the folder's records with it.

        Raises:
            RunError: the run has lost its checkpoints.
        """
        # The first epoch is recorded before there is a checkpoint: no row beyond may be a crash.
        is_beyond = any(row["epoch"] > 1 for row in self.run.history())
        if not self.state.restore() and is_beyond:
            raise RunError(
                f"{self.run.path} has finished epochs but no checkpoint in "
                f"{self.run.checkpoints_dir}; bring that folder back from a backup, or start a new "
                f"run."
            )
        self.budget = self._new_budget()
        # The epoch in which the time ended is recorded, though it has fewer steps than others.
        if self.budget is None or not self.is_finished:
            self.run.truncate_after(self.state.step / self.settings.steps_per_epoch)

    def stretch(self) -> None:
        """Lays out a run that was given more minutes, by the steps that it has done in its own.

        Learning rates depend on the number of steps in all.
        """
        settings, steps = self.settings, self.state.step
        if self.budget is None or not settings.is_planned:
            return
        if not steps:  # nothing is left of what was measured
            self.settings = dataclasses.replace(settings, is_planned=False)
            return
        total = steps * self.budget.seconds / self.state.seconds_used
        epochs = max(1, round(total / settings.steps_per_epoch))
        self.settings = dataclasses.replace(settings, recipe=settings.recipe.replace(epochs=epochs))

    def check_workers(self) -> None:
        """Raises `RunError` unless all workers of the run train the same, from the same step on."""
        own = self.settings
        pictures = (own.paintings, own.photos, own.judging)
        training = repr((own.recipe, own.seed, own.policy, pictures, self.state.step))
        told = zlib.crc32(training.encode())
        if len(set(self.distribution.ask_all(told))) > 1:
            raise RunError(
                "the workers don't train the same: they have other options, pictures or "
                "checkpoints; give all of them the same arguments, data and folder."
            )

    def train(self) -> None:
        """Trains to the end.

        Raises:
            Interrupted: a signal came; the run is saved and can be resumed.
            RunError: a loss or a weight is no longer a number, or another worker has gone.
        """
        try:
            with self.distribution.own_ops():
                self._fit()
        except Interrupted:
            if not self.is_finished:
                self.state.save()
                epoch = self.state.step / self.settings.steps_per_epoch
                self.run.save_generator(self.model.generator, epoch)
                self._show(STOPPED)
                raise
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is what matters
                self._show(STOPPED)
            raise
        self._show(FINISHED)

    def _show(self, state: str) -> None:
        try:
            draw_figures(self.run)
        finally:  # or the page would say for ever that the run is running
            write_gallery(self.run, state)

    def _fit(self) -> None:
        if not self.state.has_checkpoint:
            self.system.prepare(
                self.model, self.settings.recipe, self.domains, seed=self.settings.seed
            )
        if self.budget is not None and not self.settings.is_planned:
            self._plan(self.budget)
        elif self.budget is not None:
            self._forecast_judgement(self.budget)
        self.rate_scale.assign(self.settings.recipe.rate_scale(self.settings.total_steps))
        while not self.is_finished:
            last_epoch = self.settings.recipe.epochs
            if self.budget is not None:
                self.recipe = self._phase(self.budget)
                last_epoch = sys.maxsize  # the clock ends it, as `KeepBudget` says
            steps_per_epoch = self.settings.steps_per_epoch
            # An epoch that was begun is finished by a `fit` of its own, as that one is shorter.
            steps_into_epoch = self.state.step % steps_per_epoch
            if steps_into_epoch:
                last_epoch = self.epochs_done + 1
            self._fit_epochs(last_epoch, steps_per_epoch - steps_into_epoch, run_callbacks(self))

    def _phase(self, budget: Budget) -> Recipe:
        """What is trained now: an epoch that was begun is finished in its phase."""
        begin = None
        if self.state.step % self.settings.steps_per_epoch:
            rows = {row["epoch"]: row for row in self.run.history()}
            begin = 60 * rows.get(self.epochs_done, {}).get("minutes", 0.0)
        return budget.phase(self.settings.recipe.phases(), begin)

    def _plan(self, budget: Budget) -> None:
        """Measures the first steps and lays out the time that is left after them."""
        if self.verbose:
            Line().update("Compiling and timing the first steps …")
        phases = self.settings.recipe.phases()
        self.recipe = budget.phase(phases)
        calibration, callbacks = calibration_callbacks(self, budget)
        first = self.epochs_done
        self._fit_epochs(first + 1, sys.maxsize, callbacks)
        self._forecast_judgement(budget)
        judged_every = self.judge.judging.every if self.judge else math.inf
        plan = lay_out(budget, phases, calibration.seconds_per_step, judged_every=judged_every)
        # The calibration's steps are the beginning of the first epoch.
        steps_per_epoch = max(plan.steps_per_epoch, self.state.step + 1)
        self._take(plan._replace(steps_per_epoch=steps_per_epoch))

    def _forecast_judgement(self, budget: Budget) -> None:
        """Finds out how much of the time the judgement at the end will take."""
        if self.judge is not None and budget.left:
            budget.judging = self.judge.forecast(self.model.generator, now=budget.now)

    def _take(self, plan: Plan) -> None:
        settings = self.settings
        recipe = settings.recipe.replace(epochs=plan.epochs, steps_per_epoch=plan.steps_per_epoch)
        self.settings = dataclasses.replace(settings, recipe=recipe, is_planned=True)
        self.run.write_config({**self.run.read_config(), **self.settings.to_record()})
        if self.verbose:
            print(f"\nPlan      {plan.sentence()}", flush=True)
            console.tell_rates(self.settings)

    def _fit_epochs(
        self, last_epoch: int, steps_per_epoch: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        dataset = self.system.dataset(
            self.recipe,
            self.domains,
            seed=self.settings.seed,
            replicas=self.settings.replicas,
            start_step=self.state.step,
            cache=self._caches,
        )
        self.model.fit(
            dataset,
            initial_epoch=self.epochs_done,
            epochs=last_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            shuffle=False,  # the dataset does it
            verbose=0,  # `Progress` speaks
        )
