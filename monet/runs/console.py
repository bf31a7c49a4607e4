"""What a run says for itself: at its start, when it goes on, at its end, and after a crash."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from monet import _plots
from monet._progress import duration
from monet.runs.distribution import MULTIWORKER
from monet.runs.environment import device_names, ops_name
from monet.runs.run_folder import RunFolder
from monet.systems import Recipe, system_of

if TYPE_CHECKING:
    from monet.data import Domains
    from monet.runs.distribution import Distribution
    from monet.runs.session import Session
    from monet.runs.settings import Settings


def tell_waiting(choice: str) -> None:
    """Says for whom a run waits that is to have several workers."""
    if choice == MULTIWORKER:
        print("Workers   waiting for all that TF_CONFIG names …", flush=True)


def speaks(devices: Distribution) -> bool:
    """Whether this process says how the run gets on; one that doesn't says so."""
    if not devices.is_chief:
        task = devices.task.capitalize()
        print(f"{task} of {devices.workers} trains; the chief writes the run.", flush=True)
    return devices.is_chief


def introduce(run: RunFolder, settings: Settings, domains: Domains, precision: str) -> None:
    """Says what is trained on what, how and where."""
    recipe = settings.recipe
    on_each = f" on each of {settings.replicas} devices" if settings.replicas > 1 else ""
    if not settings.location:
        print("No data given: training on the embedded sample set.")
    print(f"Data      {domains.description}")
    length = f"{recipe.epochs} epochs of {settings.steps_per_epoch:,} steps"
    if settings.minutes is not None:
        length = duration(60 * settings.minutes)
    print(
        f"Recipe    {recipe.name}: {recipe.image_size} px, batch {recipe.batch_size}{on_each}, "
        f"{length}, seed {settings.seed}"
    )
    print(f"Device    {', '.join(device_names())}; {precision}")
    print(f"Ops       {ops_name()}")
    print(f"Run       {run.path}", flush=True)


def tell_rates(settings: Settings, before: Settings | None = None) -> None:
    """Says by how much the learning rates are lowered because the training is long.

    Args:
        settings: of the run; its length may not be known yet.
        before: what they were until now, where it is resumed.
    """
    if settings.minutes is not None and not settings.is_planned:
        return
    steps, full = settings.total_steps, settings.recipe.full_rate_steps
    scale = settings.recipe.rate_scale(steps)
    until_now = scale if before is None else before.recipe.rate_scale(before.total_steps)
    if scale < 1 or scale != until_now:
        changed = f", until now {until_now:.3g} times" if scale != until_now else ""
        print(
            f"Rates     {scale:.3g} times the recipe's{changed}: it has about {steps:,} steps, "
            f"and these are for up to {full:,} (full_rate_steps)",
            flush=True,
        )


def tell_place(session: Session, recorded: Settings) -> None:
    """Says where a resumed run goes on, and whether its schedule was stretched."""
    if session.budget is not None:
        used = duration(session.state.seconds_used)
        print(f"Resuming  after {used} of {duration(session.budget.seconds)}")
        if not session.is_finished and not session.budget.left:
            print("Starting again has taken all that was left; one step is trained. Add more time.")
        return
    recipe, epochs_before = session.settings.recipe, recorded.recipe.epochs
    steps_per_epoch = session.settings.steps_per_epoch
    into = session.state.step % steps_per_epoch
    print(
        f"Resuming  after {session.epochs_done} of {recipe.epochs} epochs"
        + (f" and {into} of {steps_per_epoch} steps" if into else "")
    )
    if recipe.epochs != epochs_before and recipe.decay_fraction and not session.is_finished:
        rate = float(session.model.generator_optimizer.learning_rate)
        print(
            f"Schedule  stretched from {epochs_before} to {recipe.epochs} epochs; the "
            f"learning rate goes on at {rate:.3g}"
        )


def tell_interruption(session: Session) -> None:
    """Says how to go on."""
    print(f"\nSaved at step {session.state.step:,}. Go on with:\n  {resume_command(session.run)}")


def tell_crash(session: Session) -> None:
    """Says what a crash has left, on the error stream."""
    text = f"The training crashed. {after_a_crash(session)}:\n  {resume_command(session.run)}"
    print(f"\n{text}", file=sys.stderr)


def after_a_crash(session: Session) -> str:
    """What is left, and what can be done with it; how comes next."""
    if session.state.has_checkpoint:
        return "The last checkpoint is kept; go on from it"
    return "There is no checkpoint yet; start from the beginning"


def resume_command(run: RunFolder) -> str:
    return f"python -m monet.train --resume {shlex.quote(str(run.path))}"


def report(run: RunFolder, recipe: Recipe) -> None:
    """Says where the pictures are, and how to paint more."""
    samples = run.samples()
    print(f"Gallery    {run.gallery_path}")
    if samples:
        print(f"Samples    {samples[-1][1]}")
    print(f"Figures    {run.figures_dir}")
    if not _plots.is_available():
        print(f"No curves there: matplotlib is not installed. For curves: {_plots.INSTALL}")
    print(f"Generator  {run.generator_path}")
    words, options = system_of(recipe).invitation
    print(words)
    print(
        f"  python -m monet.generate --run {shlex.quote(str(run.path))} {options} "
        f"--output images.zip"
    )
