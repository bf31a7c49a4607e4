"""The networks that a CycleGAN can be made of, as options of the functions in `monet.models`.

>>> GENERATORS["resnet-zero"]
ResNetGenerator(filters=64, blocks=9, padding='zero')
>>> generator_from_dict({"architecture": "resnet", "filters": 16}).to_dict()
{'architecture': 'resnet', 'filters': 16, 'blocks': 9, 'padding': 'reflect'}
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from monet.recipes.base import is_integer, is_number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """A kind of network and its options.

    Its fields are arguments of the function in `monet.models` that `monet.training.networks` names
    for its class.

    Attributes:
        filters: channels of the first convolution.
    """

    architecture: ClassVar[str]

    filters: int = 64

    def __post_init__(self):
        self._check("filters", "an integer of at least 1", is_integer(self.filters, 1))

    def _check(self, field: str, expectation: str, holds: bool) -> None:
        if not holds:
            raise ValueError(
                f"{field}={getattr(self, field)!r} in {type(self).__name__}: expected "
                f"{expectation}."
            )

    def __str__(self) -> str:
        """Its name on the command line, or all its options if it has none."""
        table = GENERATORS if isinstance(self, Generator) else DISCRIMINATORS
        return next((name for name, known in table.items() if known == self), repr(self))

    def image_sizes(self) -> str:
        """In words, the sides in pixels of the pictures it can be trained on."""
        raise NotImplementedError

    def takes(self, image_size: int) -> bool:
        """Whether it can be trained on pictures of that side."""
        raise NotImplementedError

    def options(self, image_size: int) -> dict[str, Any]:
        """Arguments of its function in `monet.models`, for pictures of that side."""
        return dataclasses.asdict(self)

    def to_dict(self) -> dict[str, Any]:
        """The options as a dictionary that JSON can hold; `from_dict` is the way back."""
        return {"architecture": self.architecture, **dataclasses.asdict(self)}


class Generator(Architecture):
    """An architecture from pictures to pictures."""


class Discriminator(Architecture):
    """An architecture from pictures to logits."""

    def image_sizes(self) -> str:
        return "at least 32"

    def takes(self, image_size: int) -> bool:
        return image_size >= 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResNetGenerator(Generator):
    """`monet.models.resnet_generator`.

    Attributes:
        filters: channels of the first convolution; the trunk has 4 times it.
        blocks: residual blocks in the trunk.
        padding: how the 7×7 and the residual convolutions pad, "reflect" or "zero".
    """

    architecture: ClassVar[str] = "resnet"

    blocks: int = 9
    padding: str = "reflect"

    def __post_init__(self):
        super().__post_init__()
        self._check("blocks", "an integer of at least 1", is_integer(self.blocks, 1))
        self._check("padding", "one of reflect, zero", self.padding in ("reflect", "zero"))

    def image_sizes(self) -> str:
        return (
            "a multiple of 4 and at least 32 (two stride-2 convolutions, then reflection padding)"
        )

    def takes(self, image_size: int) -> bool:
        return image_size >= 32 and image_size % 4 == 0


LEAST_LEVELS = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNet(Generator):
    """What both U-Nets have in common.

    The depth follows the pictures: 8 levels bring 256 px down to 1, as documented; 128 px takes 7
    levels, 64 px 6. A side that isn't a power of two gets as many levels as it has factors of two,
    and needs 5.

    Attributes:
        filters: channels of the first convolution.
        levels: stride-2 convolutions on each way, at most.
        dropout: share of the values dropped on the first three levels up, in [0, 1).
    """

    levels: int = 8
    dropout: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        self._check("levels", "an integer of at least 1", is_integer(self.levels, 1))
        holds = is_number(self.dropout, 0, 1) and self.dropout < 1
        self._check("dropout", "in [0, 1)", holds)

    def image_sizes(self) -> str:
        least = 2 ** min(self.levels, LEAST_LEVELS)
        return (
            f"a multiple of {least} for the U-Net, which halves it {self.levels} times or as often "
            f"as it can; take 128 or 256"
        )

    def takes(self, image_size: int) -> bool:
        return image_size % 2 ** min(self.levels, LEAST_LEVELS) == 0

    def options(self, image_size: int) -> dict[str, Any]:
        factors_of_two = (image_size & -image_size).bit_length() - 1
        return {**super().options(image_size), "levels": min(self.levels, factors_of_two)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetGenerator(UNet):
    """`monet.models.unet_generator`.

    Attributes:
        norm: "instance", or "group" with a group for each channel.
        (further ones): see `UNet`.
    """

    architecture: ClassVar[str] = "unet"

    norm: str = "instance"

    def __post_init__(self):
        super().__post_init__()
        self._check("norm", "one of instance, group", self.norm in ("instance", "group"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionUNetGenerator(UNet):
    """`monet.models.attention_unet_generator`; `filters` has to be a multiple of 8."""

    architecture: ClassVar[str] = "unet-attention"

    def __post_init__(self):
        super().__post_init__()
        self._check("filters", "a multiple of 8", self.filters % 8 == 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchGANDiscriminator(Discriminator):
    """`monet.models.patchgan_discriminator`.

    Attributes:
        filters: channels of the first convolution.
        padding: zero padding of the last two (stride 1) convolutions: "same" keeps the size; "one"
            adds one pixel a side, as the CycleGAN authors' code does.
    """

    architecture: ClassVar[str] = "patchgan"

    padding: str = "same"

    def __post_init__(self):
        super().__post_init__()
        self._check("padding", "one of same, one", self.padding in ("same", "one"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetDiscriminator(Discriminator):
    """`monet.models.unet_discriminator`.

    Attributes:
        filters: channels of the first convolution.
        norm: "instance", or "group" with a group for each channel.
    """

    architecture: ClassVar[str] = "unet"

    norm: str = "instance"

    def __post_init__(self):
        super().__post_init__()
        self._check("norm", "one of instance, group", self.norm in ("instance", "group"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionDiscriminator(Discriminator):
    """`monet.models.attention_discriminator`.

    Attributes:
        filters: channels of the first convolution, a multiple of 8.
        noise: standard deviation of the noise on its input in training.
    """

    architecture: ClassVar[str] = "unet-attention"

    noise: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        self._check("filters", "a multiple of 8", self.filters % 8 == 0)
        self._check("noise", "a number of at least 0", is_number(self.noise, 0))


GENERATORS: dict[str, Generator] = {
    "resnet": ResNetGenerator(),
    "resnet-zero": ResNetGenerator(padding="zero"),
    "unet": UNetGenerator(),
    "unet-group": UNetGenerator(norm="group"),
    "unet-attention": AttentionUNetGenerator(),
}
"""What `--generator` takes."""

DISCRIMINATORS: dict[str, Discriminator] = {
    "patchgan": PatchGANDiscriminator(padding="one"),
    "patchgan-same": PatchGANDiscriminator(),
    "unet": UNetDiscriminator(),
    "unet-group": UNetDiscriminator(norm="group"),
    "unet-attention": AttentionDiscriminator(),
}
"""What `--discriminator` takes."""

_GENERATOR_CLASSES = (ResNetGenerator, UNetGenerator, AttentionUNetGenerator)
_DISCRIMINATOR_CLASSES = (PatchGANDiscriminator, UNetDiscriminator, AttentionDiscriminator)


def generator_from_dict(fields: dict[str, Any]) -> Generator:
    """The generator whose `to_dict` gave `fields`."""
    return _from_dict(fields, _GENERATOR_CLASSES)


def discriminator_from_dict(fields: dict[str, Any]) -> Discriminator:
    """The discriminator whose `to_dict` gave `fields`."""
    return _from_dict(fields, _DISCRIMINATOR_CLASSES)


def _from_dict(fields, classes):
    options = dict(fields)
    name = options.pop("architecture")
    known = {cls.architecture: cls for cls in classes}
    if name not in known:
        raise ValueError(f"architecture={name!r}: expected one of {', '.join(known)}.")
    return known[name](**options)


def get_generator(name: str) -> Generator:
    """The generator of that name in `GENERATORS`; `ValueError` if there is none."""
    return _get(GENERATORS, "generator", name)


def get_discriminator(name: str) -> Discriminator:
    """The discriminator of that name in `DISCRIMINATORS`; `ValueError` if there is none."""
    return _get(DISCRIMINATORS, "discriminator", name)


def _get(table, what, name):
    if name not in table:
        raise ValueError(f"There is no {what} {name!r}; choose from {', '.join(table)}.")
    return table[name]
