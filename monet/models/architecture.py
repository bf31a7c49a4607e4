"""Architectures: a kind of network with its options, as recipes and command lines name it.

Each network's file has its function and, beside it, a frozen dataclass of its options:

```python
@register({"mine": {}, "mine-wide": {"filters": 128}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class MyGenerator(Generator):
    architecture: ClassVar[str] = "mine"

    def image_sizes(self):
        return "a multiple of 4"

    def takes(self, image_size):
        return image_size % 4 == 0

    def build(self, image_size, *, dtype=None, name=None):
        return my_generator(**self.options(image_size), dtype=dtype, name=name)
```

Recipes can have it from then on, `--generator` takes `mine` and `mine-wide`, and a run's
`config.json` keeps it.

>>> GENERATORS["resnet-zero"]
ResNetGenerator(filters=64, blocks=9, padding='zero')
>>> Generator.from_dict({"architecture": "resnet", "filters": 16}).to_dict()
{'architecture': 'resnet', 'filters': 16, 'blocks': 9, 'padding': 'reflect'}
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from monet._numbers import LARGEST_COUNT, is_integer
from monet.models.latents import DISTRIBUTIONS

if TYPE_CHECKING:
    import keras


MOST_BLOCKS = 1000
"""Of a network. More take minutes to build, and then don't fit into any memory."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture(abc.ABC):
    """A kind of network and its options, which are arguments of the function that it stands beside.

    Attributes:
        filters: channels of the first convolution.
    """

    architecture: ClassVar[str]
    """What `config.json` calls the kind."""
    named: ClassVar[dict[str, Any]]
    """What the command line takes, by name."""
    kinds: ClassVar[dict[str, type[Architecture]]]
    """The classes, by `architecture`."""

    filters: int = 64

    def __post_init__(self):
        for name in (field.name for field in dataclasses.fields(self)):
            is_too_large = is_integer(getattr(self, name), LARGEST_COUNT + 1)
            self._check(name, f"at most {LARGEST_COUNT:,}", not is_too_large)
        self._check("filters", "an integer of at least 1", is_integer(self.filters, 1))

    def _check_range(self, field: str, least: int, most: int) -> None:
        is_in_it = is_integer(getattr(self, field), least, most)
        self._check(field, f"an integer from {least} to {most:,}", is_in_it)

    def _check(self, field: str, expectation: str, holds: bool) -> None:
        if not holds:
            raise ValueError(
                f"{field}={getattr(self, field)!r} in {type(self).__name__}: expected "
                f"{expectation}."
            )

    def __str__(self) -> str:
        """Its name on the command line, or all its options if it has none."""
        return next((name for name, known in self.named.items() if known == self), repr(self))

    @abc.abstractmethod
    def image_sizes(self) -> str:
        """In words, the sides in pixels of the pictures it can be trained on."""

    @abc.abstractmethod
    def takes(self, image_size: int) -> bool:
        """Whether it can be trained on pictures of that side."""

    def options(self, image_size: int) -> dict[str, Any]:
        """Arguments of its function, for pictures of that side."""
        return dataclasses.asdict(self)

    @abc.abstractmethod
    def build(
        self, image_size: int, *, dtype: str | None = None, name: str | None = None
    ) -> keras.Model:
        """A new network.

        Args:
            image_size: side of the training pictures, in pixels; decides the depth of some kinds.
            dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
            name: name of the model.

        Returns:
            A model whose outputs are float32 under every dtype policy.
        """

    def to_dict(self) -> dict[str, Any]:
        """The options as a dictionary that JSON can hold; `from_dict` is the way back."""
        return {"architecture": self.architecture, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Any:
        """The architecture whose `to_dict` gave `fields`.

        Raises:
            KeyError, TypeError, ValueError: if none did.
        """
        options = dict(fields)
        kind = options.pop("architecture")
        if kind not in cls.kinds:
            known = ", ".join(sorted(cls.kinds))
            raise ValueError(f"architecture={kind!r}: expected one of {known}.")
        return cls.kinds[kind](**options)

    @classmethod
    def get(cls, name: str) -> Any:
        """The architecture that the command line knows by that name.

        Raises:
            ValueError: if there is none; the message lists the names.
        """
        if name not in cls.named:
            known = ", ".join(sorted(cls.named))
            raise ValueError(f"There is no {cls.__name__.lower()} {name!r}; choose from {known}.")
        return cls.named[name]


class Generator(Architecture):
    """An architecture from pictures to pictures."""

    named: ClassVar[dict[str, Generator]] = {}
    kinds: ClassVar[dict[str, type[Architecture]]] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoiseGenerator(Architecture):
    """An architecture from noise to square pictures, which it makes by doubling a small square.

    Attributes:
        filters: channels of the first convolution.
        latent_dim: length of the noise vectors.
        latents: their distribution: "normal", "uniform" over [-1, 1], "positive" over [0, 1], or
            "sphere", all of the same length.
    """

    named: ClassVar[dict[str, NoiseGenerator]] = {}
    kinds: ClassVar[dict[str, type[Architecture]]] = {}
    first_side: ClassVar[int]
    """Of the square that is doubled, in pixels."""

    filters: int = 256
    latent_dim: int = 128
    latents: str = "normal"

    def __post_init__(self):
        super().__post_init__()
        holds = self.latents in DISTRIBUTIONS
        self._check("latents", f"one of {', '.join(DISTRIBUTIONS)}", holds)
        self._check("latent_dim", "an integer of at least 1", is_integer(self.latent_dim, 1))

    def image_sizes(self) -> str:
        return f"{self.first_side} times a power of two, at least {2 * self.first_side}"

    def takes(self, image_size: int) -> bool:
        factor, rest = divmod(image_size, self.first_side)
        return not rest and factor >= 2 and not factor & (factor - 1)

    def options(self, image_size: int) -> dict[str, Any]:
        return {**super().options(image_size), "image_size": image_size}


class Discriminator(Architecture):
    """An architecture from pictures to logits, one tensor of them for each head."""

    heads: ClassVar[int] = 1

    named: ClassVar[dict[str, Discriminator]] = {}
    kinds: ClassVar[dict[str, type[Architecture]]] = {}

    def image_sizes(self) -> str:
        return "at least 32"

    def takes(self, image_size: int) -> bool:
        return image_size >= 32


class ImageDiscriminator(Architecture):
    """An architecture from pictures of one size to a logit for each."""

    named: ClassVar[dict[str, ImageDiscriminator]] = {}
    kinds: ClassVar[dict[str, type[Architecture]]] = {}

    def options(self, image_size: int) -> dict[str, Any]:
        return {**super().options(image_size), "image_size": image_size}


GENERATORS = Generator.named
"""What `--generator` takes for systems that repaint pictures."""

NOISE_GENERATORS = NoiseGenerator.named
"""The same for systems that paint from noise."""

DISCRIMINATORS = Discriminator.named
"""What `--discriminator` takes for systems that repaint pictures."""

IMAGE_DISCRIMINATORS = ImageDiscriminator.named
"""The same for systems that paint from noise."""

Class = TypeVar("Class", bound=type[Architecture])


def register(variants: Mapping[str, Mapping[str, Any]]) -> Callable[[Class], Class]:
    """A class decorator that makes an architecture known.

    Args:
        variants: options by the name that they have on the command line.
    """

    def decorate(cls: Class) -> Class:
        cls.kinds[cls.architecture] = cls
        cls.named.update({name: cls(**options) for name, options in variants.items()})
        return cls

    return decorate
