"""The settings of a run, as `config.json` keeps them."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from monet._numbers import is_integer, is_positive
from monet.data import Domains
from monet.runs import distribution
from monet.runs.data_location import DataLocation
from monet.runs.environment import environment
from monet.runs.judging import Judging
from monet.runs.run_folder import RunError
from monet.systems import Recipe, recipe_from_dict, system_of
from monet.systems.fields import as_text, field_value, typed

SAMPLE_MINUTES = 2.0
KEPT_GENERATORS = 10
MOST_MINUTES = 366 * 24 * 60
"""Of a run. With many more there is no date for its end, and more steps than can be counted."""

_POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the result of a run, and how often it is recorded.

    Attributes:
        recipe: with all overrides applied; `steps_per_epoch` is a number.
        location: where the pictures are.
        paintings: their number.
        photos: their number; 0 where the recipe needs none.
        seed: of initial weights, shuffling, augmentation and image pools.
        policy: Keras dtype policy of the networks.
        sample_every: epochs between sample sheets.
        checkpoint_minutes: minutes between checkpoints inside an epoch.
        tensorboard: whether to record for TensorBoard too.
        sample_minutes: minutes between what a run shows of itself inside an epoch.
        keep_generators: how many generators of earlier epochs are kept at most; 0 for none.
        judging: how the generators are judged while it trains, if they are.
        distribute: what the devices that train are, as `monet.runs.distribution` has it.
        replicas: devices that train in step, each on a batch of the recipe's size.
        minutes: for which to train, from the start of the command; None to train the recipe's
            epochs.
        pictures: what `Domains.fingerprint` says of them, by which others are told, or the same
            under other names; None where a run was started without.
        is_planned: with `minutes`, whether the steps of an epoch have been laid out by the speed of
            the machine; before, the recipe's numbers of steps and epochs mean nothing.
    """

    recipe: Recipe
    location: DataLocation
    paintings: int
    photos: int
    seed: int
    policy: str
    sample_every: int
    checkpoint_minutes: float
    tensorboard: bool = False
    sample_minutes: float = SAMPLE_MINUTES
    keep_generators: int = KEPT_GENERATORS
    judging: Judging | None = None
    distribute: str = distribution.MIRRORED
    replicas: int = 1
    minutes: float | None = None
    pictures: str | None = None
    is_planned: bool = False

    def __post_init__(self) -> None:
        least_photos = 1 if system_of(self.recipe).takes_photos else 0
        for name, least in (
            ("paintings", 1),
            ("photos", least_photos),
            ("sample_every", 1),
            ("keep_generators", 0),
            ("replicas", 1),
        ):
            value = getattr(self, name)
            _check(name, value, f"a whole number from {least} on", is_integer(value, least))
        steps = self.recipe.steps_per_epoch
        _check("steps_per_epoch", steps, "a number here", is_integer(steps))
        kinds = [choice for choice in distribution.CHOICES if choice != distribution.AUTO]
        is_kind = self.distribute in kinds
        _check("distribute", self.distribute, f"one of {', '.join(kinds)}", is_kind)
        in_range = is_integer(self.seed, 0) and self.seed < 2**31
        _check("seed", self.seed, f"from 0 to {2**31 - 1}", in_range)
        _check("policy", self.policy, f"one of {', '.join(_POLICIES)}", self.policy in _POLICIES)
        for name in ("checkpoint_minutes", "sample_minutes"):
            value = getattr(self, name)
            _check(name, value, "a number above 0", is_positive(value))
        _check_minutes(self.minutes)
        for name in ("tensorboard", "is_planned"):
            value = getattr(self, name)
            _check(name, value, "true or false", isinstance(value, bool))
        is_text = self.pictures is None or isinstance(self.pictures, str)
        _check("pictures", self.pictures, "text", is_text)

    @property
    def steps_per_epoch(self) -> int:
        """The recipe's, which is a number here."""
        return int(self.recipe.steps_per_epoch)

    @property
    def total_steps(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch

    def to_config(self, domains: Domains, layout: Mapping[str, int]) -> dict[str, Any]:
        """What goes into `config.json` when a run starts.

        Args:
            domains: the data, for its description.
            layout: of the sample sheets, for the gallery.
        """
        return {
            "command": shlex.join(["python", "-m", "monet.train", *sys.argv[1:]]),
            "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "description": domains.description,
            **self.to_record(),
            "samples": dict(layout),
            "environment": environment(),
        }

    def to_record(self) -> dict[str, Any]:
        """The settings themselves, as `from_config` reads them."""
        return {
            "recipe": self.recipe.to_dict(),
            "data": {
                **dataclasses.asdict(self.location.absolute()),
                "paintings": self.paintings,
                "photos": self.photos,
                "pictures": self.pictures,
            },
            "seed": self.seed,
            "policy": self.policy,
            "sample_every": self.sample_every,
            "checkpoint_minutes": self.checkpoint_minutes,
            "tensorboard": self.tensorboard,
            "sample_minutes": self.sample_minutes,
            "keep_generators": self.keep_generators,
            "judging": None if self.judging is None else self.judging.to_dict(),
            "distribute": self.distribute,
            "replicas": self.replicas,
            "minutes": self.minutes,
            "is_planned": self.is_planned,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """The way back.

        Raises:
            RunError: `config` is not one that `to_config` made.
        """
        try:
            _check_shown(config)
            data = dict(config["data"])
            paintings, photos = data.pop("paintings"), data.pop("photos")
            pictures = data.pop("pictures", None)
            judging = config["judging"]
            return cls(
                recipe=recipe_from_dict(config["recipe"]),
                location=DataLocation(**data),
                paintings=paintings,
                photos=photos,
                pictures=pictures,
                seed=config["seed"],
                policy=config["policy"],
                sample_every=config["sample_every"],
                checkpoint_minutes=config["checkpoint_minutes"],
                tensorboard=config["tensorboard"],
                sample_minutes=config["sample_minutes"],
                keep_generators=config["keep_generators"],
                judging=Judging.from_dict(judging) if judging else None,
                distribute=config.get("distribute", distribution.MIRRORED),  # older runs have none
                replicas=config["replicas"],
                minutes=config["minutes"],
                is_planned=config["is_planned"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"config.json doesn't hold the settings of this version of monet ({error}); go on "
                f"with the version that started the run, or start a new one."
            ) from error

    def resumed(
        self,
        *,
        epochs: int | None = None,
        minutes: float | None = None,
        location: DataLocation | None = None,
        sample_every: int | None = None,
        checkpoint_minutes: float | None = None,
        tensorboard: bool | None = None,
        sample_minutes: float | None = None,
        keep_generators: int | None = None,
        evaluate_every: float | None = None,
        fixed: Mapping[str, Any] | None = None,
    ) -> Settings:
        """The settings to go on with: what may change on the way, None for as it was.

        Args:
            epochs: of the whole run; the learning rate schedule is stretched over them.
            minutes: of the whole run; how many epochs these are, `Session.stretch` finds out.
            location: where the same pictures are now.
            sample_every: as the attribute.
            checkpoint_minutes: as the attribute.
            tensorboard: as the attribute.
            sample_minutes: as the attribute.
            keep_generators: as the attribute.
            evaluate_every: epochs between judgements, of a run that has them.
            fixed: Options that must be as they were, by name; None for not given.

        Raises:
            RunError: an option in `fixed` is not as it was, or the run is for a number of minutes
                and is to have a number of epochs, or the other way round.
        """
        judging = self.judging
        if evaluate_every is not None:
            if judging is None:
                raise RunError(
                    "`evaluate_every` judges by photos that the training has never seen, but this "
                    "run kept none; leave it out, or give it to a new run."
                )
            judging = dataclasses.replace(judging, every=evaluate_every)
        _check_minutes(minutes)
        if epochs is not None and self.minutes is not None:
            raise RunError(
                f"the run was started for {self.minutes:g} minutes, so `epochs={epochs}` can't "
                f"extend it; give `minutes` with a larger number."
            )
        if minutes is not None and self.minutes is None:
            raise RunError(
                f"the run was started for {self.recipe.epochs} epochs, so `minutes={minutes:g}` "
                f"can't extend it; give `epochs` with a larger number."
            )
        for name, given in (fixed or {}).items():
            self._check_unchanged(name, given)
        changes = {
            "sample_every": sample_every,
            "checkpoint_minutes": checkpoint_minutes,
            "tensorboard": tensorboard,
            "sample_minutes": sample_minutes,
            "keep_generators": keep_generators,
        }
        given_changes: dict[str, Any] = {k: v for k, v in changes.items() if v is not None}
        return dataclasses.replace(
            self,
            recipe=self.recipe.replace(epochs=epochs),
            minutes=minutes or self.minutes,
            location=self._moved(location),
            judging=judging,
            **given_changes,
        )

    def _moved(self, location: DataLocation | None) -> DataLocation:
        """Where the pictures are now, of the same kind of file."""
        if not location:
            return self.location
        return dataclasses.replace(location, tfrecords=self.location.tfrecords)

    def _check_unchanged(self, name: str, given: Any) -> None:
        recorded: Any
        label = None
        if name == "mixed_precision":
            recorded = self.policy.replace("mixed_", "").replace("float32", "off")
            if given == "auto":
                return  # whatever the run was started with
        elif name == "recipe":
            recorded = self.recipe.name
            given = getattr(given, "name", given)
        elif name == "seed":
            recorded = self.seed
        elif name == "gpus":
            recorded = self.replicas
        else:
            recorded = field_value(self.recipe, name)
            given = typed(self.recipe, name, given)
            label = f"{name}={as_text(given)}"
        if given is not None and given != recorded:
            label = label or f"`{name}={given}`"
            raise RunError(
                f"{label} contradicts the run, which was started with {as_text(recorded)}; leave "
                f"it out to resume, or start a new run."
            )

    def check_data(self, domains: Domains) -> None:
        """Raises `RunError` unless the pictures are those that the run was started with."""
        found = len(domains.paintings), len(domains.photos)
        if found != (self.paintings, self.photos):
            raise RunError(
                f"the run was started with {self.paintings:,} paintings and {self.photos:,} "
                f"photos, but now there are {found[0]:,} and {found[1]:,} "
                f"({domains.description}); bring them back, or start a new run."
            )
        if self.pictures is not None and domains.fingerprint() != self.pictures:
            raise RunError(
                f"there are as many pictures as when the run was started, but some have other "
                f"names or sizes ({domains.description}); bring the former ones back, or start a "
                f"new run."
            )


def _check_shown(config: Mapping[str, Any]) -> None:
    """Raises `ValueError` where what the page of a run shows of its record isn't of its kind."""
    for name in ("command", "created", "description"):
        text = config.get(name, "")
        _check(name, text, "text", isinstance(text, str))
    for name in ("samples", "environment"):
        found = config.get(name, {})
        _check(name, found, "an object", isinstance(found, dict))
    for name, number in config.get("samples", {}).items():
        in_range = is_integer(number, 0) and number < 2**31
        _check(f"samples.{name}", number, f"a whole number below {2**31}", in_range)


def _check_minutes(minutes: float | None) -> None:
    if minutes is None:
        return
    _check("minutes", minutes, "a number above 0", is_positive(minutes))
    _check("minutes", minutes, f"at most {MOST_MINUTES:,}, a year", minutes <= MOST_MINUTES)


def _check(name: str, value: Any, expected: str, is_met: bool) -> None:
    if not is_met:
        raise ValueError(f"{name} must be {expected}, got {value!r}")
