"""A training run from its settings to its end, with or without interruptions."""

from __future__ import annotations

import contextlib

import keras

from monet.data import Domains
from monet.runs.callbacks import run_callbacks
from monet.runs.gallery import FINISHED, STOPPED, write_gallery
from monet.runs.interruption import Interrupted, Interruption
from monet.runs.judging import Judge, training_domains
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.settings import Settings
from monet.runs.state import TrainingState
from monet.systems import system_of
from monet.training.replicas import strategy_for


class Session:
    """A run that can be trained: its model, its data, its folder and its place.

    Args:
        run: The run's folder.
        settings: The run's settings.
        domains: The pictures, with those that are kept out of the training.
        interruption: Tells when to stop; training then leaves by `Interrupted`, everything saved.
        verbose: Whether to show how it gets on.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: Settings,
        domains: Domains,
        interruption: Interruption,
        *,
        verbose: bool = True,
    ) -> None:
        self.run = run
        self.settings = settings
        self.domains = training_domains(domains, settings.judging)
        self.interruption = interruption
        self.verbose = verbose
        recipe = settings.recipe
        self.system = system_of(recipe)
        strategy = strategy_for(settings.replicas)
        # XLA can't compile a step in the middle of which devices exchange gradients.
        options = {"jit_compile": False} if strategy.num_replicas_in_sync > 1 else {}
        with strategy.scope():
            self.model: keras.Model = self.system.build(
                recipe, settings.steps_per_epoch, settings.seed, dtype=settings.policy, **options
            )
        self.state = TrainingState(self.model, run.checkpoints_dir)
        self.judge: Judge | None = None
        if settings.judging is not None:
            self.judge = Judge(settings.judging, domains, seed=settings.seed)

    @property
    def epochs_done(self) -> int:
        return self.state.step // self.settings.steps_per_epoch

    @property
    def is_finished(self) -> bool:
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
        self.run.truncate_after(self.state.step / self.settings.steps_per_epoch)

    def train(self) -> None:
        """Trains to the end.

        Raises:
            Interrupted: a signal came; the run is saved and can be resumed.
            RunError: a loss is no longer a number.
        """
        try:
            self._fit()
        except Interrupted:
            if not self.is_finished:
                self.state.save()
                self.run.save_generator(self.model.generator)
                write_gallery(self.run, STOPPED)
                raise
        except BaseException:
            with contextlib.suppress(OSError, RunError):  # the first error is what matters
                write_gallery(self.run, STOPPED)
            raise
        write_gallery(self.run, FINISHED)

    def _fit(self) -> None:
        settings = self.settings
        if not self.state.has_checkpoint:
            self.system.prepare(self.model, settings.recipe, self.domains, seed=settings.seed)
        steps_per_epoch = settings.steps_per_epoch
        # An epoch that was begun is finished by a `fit` of its own, as that one is shorter.
        steps_into_epoch = self.state.step % steps_per_epoch
        if steps_into_epoch:
            self._fit_epochs(self.epochs_done + 1, steps_per_epoch - steps_into_epoch)
        if not self.is_finished:
            self._fit_epochs(self.settings.recipe.epochs, steps_per_epoch)

    def _fit_epochs(self, last_epoch: int, steps_per_epoch: int) -> None:
        settings = self.settings
        dataset = self.system.dataset(
            settings.recipe,
            self.domains,
            seed=settings.seed,
            replicas=settings.replicas,
            start_step=self.state.step,
        )
        self.model.fit(
            dataset,
            initial_epoch=self.epochs_done,
            epochs=last_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=run_callbacks(self),
            shuffle=False,  # the dataset does it
            verbose=0,  # `Progress` speaks
        )
