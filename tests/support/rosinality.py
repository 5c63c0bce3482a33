"""A StyleGAN2 generator in the layout of rosinality's files, with seeded random numbers."""

import torch

CHANNELS = (128, 128, 128, 16)  # at 4 to 32 px; convolutions of 128 channels at 16 px go Winograd's way
FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def rosinality_state(channels, seed=0):
    """A state dict with rosinality's names and seeded random numbers for a generator of 4 << (levels - 1) px."""
    random = torch.Generator().manual_seed(seed)
    state = {}

    def layer(name, inputs, outputs, size, noise=None):
        state[f"{name}.conv.weight"] = torch.randn(1, outputs, inputs, size, size, generator=random)
        state[f"{name}.conv.modulation.weight"] = torch.randn(inputs, 512, generator=random)
        state[f"{name}.conv.modulation.bias"] = 1 + 0.1 * torch.randn(inputs, generator=random)
        if noise is None:
            state[f"{name}.bias"] = 0.1 * torch.randn(1, 3, 1, 1, generator=random)
            return
        state[f"{name}.noise.weight"] = torch.full((1,), 0.3)
        state[f"{name}.activate.bias"] = 0.1 * torch.randn(outputs, generator=random)
        index = sum(key.startswith("noises.") for key in state)
        state[f"noises.noise_{index}"] = torch.randn(1, 1, noise, noise, generator=random)

    for i in range(8):
        state[f"style.{i + 1}.weight"] = 100 * torch.randn(512, 512, generator=random)
        state[f"style.{i + 1}.bias"] = torch.randn(512, generator=random)
    state["input.input"] = torch.randn(1, channels[0], 4, 4, generator=random)
    layer("conv1", channels[0], channels[0], 3, 4)
    layer("to_rgb1", channels[0], 3, 1)
    for k in range(1, len(channels)):
        layer(f"convs.{2 * k - 2}", channels[k - 1], channels[k], 3, 4 << k)
        layer(f"convs.{2 * k - 1}", channels[k], channels[k], 3, 4 << k)
        layer(f"to_rgbs.{k - 1}", channels[k], 3, 1)
        state[f"convs.{2 * k - 2}.conv.blur.kernel"] = state[f"to_rgbs.{k - 1}.upsample.kernel"] = FIR * 4
    return state


def assert_close(found, wanted, tolerance=1e-4):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < tolerance * wanted.abs().max()
