"""GANSpace (Härkönen et al., 2020): principal components of W as sliders, each on a range of layers.

PCA gives no names; those below were given by people who looked at what each component changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from torch import Tensor

from styleclip_core.edits import stored
from styleclip_core.errors import BadSetting
from styleclip_core.latents import WSpace, w_space
from styleclip_core.packs.base import Generator, Pack
from styleclip_core.settings import check_range

FILE = "ganspace.safetensors"
COUNT = 80  # components, as in the paper
SAMPLES = 300_000  # mapped for the shipped file
QUICK_SAMPLES = 50_000  # mapped at run time for a pack without a file


@dataclass(frozen=True)
class NamedComponent:
    """A slider along one principal component of W.

    Attributes:
        name: what the slider is called.
        component: its number, from 0.
        first, last: it moves the W+ layers ``first`` to ``last - 1``.
        sign: 1 or -1, so that positive strengths do what the name says.
    """

    name: str
    component: int
    first: int
    last: int
    sign: int


NAMED = (
    NamedComponent("head turn", 1, 0, 4, -1),  # to the right of the picture
    NamedComponent("femininity", 2, 4, 8, 1),
    NamedComponent("long hair", 2, 0, 4, 1),
    NamedComponent("full hair", 0, 0, 4, 1),  # longer, and the hairline lower
    NamedComponent("child to adult with glasses", 3, 0, 18, 1),
    NamedComponent("smile", 6, 0, 4, -1),
    NamedComponent("glasses and curls", 8, 0, 4, -1),
    NamedComponent("fringe", 13, 0, 4, 1),
    NamedComponent("pale colours", 9, 8, 18, 1),
)

_computed: WeakKeyDictionary[Generator, WSpace] = WeakKeyDictionary()


def measure(generator: Generator, samples: int, seed: int = 0, count: int = COUNT) -> WSpace:
    """The first ``count`` components of ``samples`` mapped latents."""
    return w_space(generator, count, samples, seed)


def subspace_error(axes: Tensor, others: Tensor) -> float:
    """Share of the subspace of orthonormal ``axes [K,512]`` that lies outside that of ``others``; 0 is the same."""
    return 1 - float((axes @ others.T).square().sum()) / len(axes)


def component_space(pack: Pack) -> WSpace:
    """The pack's components with their deviations: shipped for FFHQ's W, else measured at the first call (seconds)."""
    content = stored.load(pack, FILE)
    if content and stored.same_space(content["mean"], pack.generator.w_avg):
        return WSpace(content["mean"], content["axes"], content["deviations"])
    if pack.generator not in _computed:
        _computed[pack.generator] = measure(pack.generator, QUICK_SAMPLES)
    return _computed[pack.generator]


def components(pack: Pack) -> Tensor:
    """Unit vectors in W ``[K,512]``, by falling variance."""
    return component_space(pack).axes


def check(pack: Pack, component: int, first: int, last: int) -> None:
    """Raise BadSetting unless the pack has that component and the W+ layers ``first`` to ``last - 1``."""
    count, layers = len(components(pack)), pack.generator.num_layers
    if not 0 <= component < count:
        raise BadSetting(f"There is no component {component}; choose one from 0 to {count - 1}.")
    if not 0 <= first < last <= layers:
        raise BadSetting(f"Layers {first} to {last} are not a range within 0 to {layers}.")


def apply(
    pack: Pack, w_plus: Tensor, component: int, strength: float, first: int = 0, last: int | None = None
) -> Tensor:
    """Move ``w_plus [N,L,512]`` by ``strength`` standard deviations along a component, on layers first to last - 1.

    Raises:
        BadSetting: no such component or layers, or ``strength`` beyond [-20, 20].
    """
    space, last = component_space(pack), w_plus.shape[-2] if last is None else last
    strength = check_range("strength", strength, -20, 20)
    check(pack, component, first, last)
    moved = w_plus.clone()
    moved[..., first:last, :] += strength * space.deviations[component] * space.axes[component]
    return moved


def apply_named(pack: Pack, w_plus: Tensor, slider: NamedComponent, strength: float) -> Tensor:
    """Move ``w_plus [N,L,512]`` by ``strength`` (about -3 to 3) along a named slider; see `apply`."""
    last = min(slider.last, w_plus.shape[-2])
    return apply(pack, w_plus, slider.component, strength * slider.sign, slider.first, last)
