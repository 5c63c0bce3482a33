"""StyleGAN2's two kinds of convolution, fast on CPUs, for frozen weights: gradients are given for inputs only.

3x3 convolutions take a quarter of the multiplications (Winograd's F(4x4, 3x3): Lavin & Gray, "Fast Algorithms for
Convolutional Neural Networks", 2016): a tile of 6 x 6 pixels and a kernel are each evaluated at 36 points, multiplied
there, and give back 4 x 4 pixels. With the usual points 0, 1, -1, 2, -2 that costs accuracy; with those below the
result is as close to the exact one as that of a direct convolution.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

INTERPOLATION_POINTS = (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)  # and infinity
TILES_AT_ONCE = 256  # so that they stay in the processor's cache


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Matrices that transform flattened inputs ``[36,36]``, kernels ``[36,9]`` and outputs ``[16,36]``."""
    points = np.array(INTERPOLATION_POINTS)
    inputs, kernels, outputs = np.zeros((6, 6)), np.zeros((6, 3)), np.zeros((4, 6))
    for j, point in enumerate(points):
        others = np.delete(points, j)
        inputs[j, :5] = np.poly(others)[::-1]
        kernels[j] = point ** np.arange(3) / np.prod(point - others)
        outputs[:, j] = point ** np.arange(4)
    inputs[5], kernels[5, 2], outputs[3, 5] = np.poly(points)[::-1], 1, 1
    squares = [torch.from_numpy(np.kron(matrix, matrix)).float() for matrix in (inputs, kernels, outputs)]
    return squares[0], squares[1], squares[2]


INPUT_TRANSFORM, KERNEL_TRANSFORM, OUTPUT_TRANSFORM = _transforms()


class Winograd:
    """``F.conv2d(x, weight, padding=1)`` for a frozen weight ``[O,I,3,3]``; its transform takes four times the memory.

    Called with ``float32 [N,I,H,W]``, H and W multiples of 4; returns ``[N,O,H,W]`` in channels_last.
    """

    def __init__(self, weight: Tensor):
        self.weight = weight
        self.kernel = _transform_kernel(weight)
        self._backward: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return _WinogradFunction.apply(x, self)

    def backward_kernel(self) -> Tensor:
        """The kernel that turns gradients of the output into gradients of the input; made at the first call."""
        if self._backward is None:
            self._backward = _transform_kernel(self.weight.flip(2, 3).transpose(0, 1))
        return self._backward


class _WinogradFunction(Function):
    @staticmethod
    def forward(ctx, x: Tensor, convolution: Winograd) -> Tensor:
        ctx.convolution = convolution
        return _convolve(x, convolution.kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator's type loses ctx's name
        return _convolve(gradient, ctx.convolution.backward_kernel()), None


def _transform_kernel(weight: Tensor) -> Tensor:
    """``[O,I,3,3]`` -> ``[36,I,O]``, usable with and without gradients."""
    with torch.inference_mode(False), torch.no_grad():
        outputs, inputs = weight.shape[:2]
        return torch.matmul(KERNEL_TRANSFORM, weight.permute(2, 3, 1, 0).reshape(9, -1)).view(36, inputs, outputs)


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve ``[N,I,H,W]`` by a transformed kernel ``[36,I,O]``, a block of tiles at a time."""
    n, inputs, height, width = x.shape
    rows, columns, outputs = height // 4, width // 4, kernel.shape[2]
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
    image, line, pixel, _ = x.stride()
    out = x.new_empty(n, rows, 4, columns, 4, outputs)
    block_rows = max(1, TILES_AT_ONCE // columns)
    block_images = max(1, TILES_AT_ONCE // (rows * columns))
    for i in range(0, n, block_images):
        for r in range(0, rows, block_rows):
            part = out[i : i + block_images, r : r + block_rows]
            size, count = (*part.shape[:2], columns, 6, 6, inputs), part.shape[0] * part.shape[1] * columns
            tiles = x.as_strided(size, (image, 4 * line, 4 * pixel, line, pixel, 1), i * image + 4 * r * line)
            tiles = torch.bmm(INPUT_TRANSFORM.expand(count, 36, 36), tiles.reshape(count, 36, inputs))
            products = torch.bmm(tiles.transpose(0, 1), kernel).view(36, -1)
            products = torch.mm(OUTPUT_TRANSFORM, products).view(4, 4, *part.shape[:2], columns, outputs)
            part.copy_(products.permute(2, 3, 0, 4, 1, 5))
    return out.view(n, height, width, outputs).permute(0, 3, 1, 2)


def upsampling_conv(x: Tensor, weight: Tensor, blur: Tensor) -> Tensor:
    """``F.conv_transpose2d`` with stride 2, then a symmetric 4x4 filter: ``[N,I,H,W]`` -> ``[N,O,2H,2W]``.

    The transposed convolution is computed as four plain ones: for even and odd rows and columns, each with those
    kernel taps that reach them.

    Args:
        weight: ``[O,I,3,3]``, frozen. blur: ``[4,4]``.
    """
    return _UpsamplingConv.apply(x, weight, blur)


class _UpsamplingConv(Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, blur: Tensor) -> Tensor:
        ctx.save_for_backward(weight, blur)
        n, _, h, w = x.shape
        out = torch.empty((n, len(weight), 2 * h + 1, 2 * w + 1), dtype=x.dtype, memory_format=torch.channels_last)
        even, odd = slice(0, None, 2), slice(1, None, 2)
        out[..., even, even] = F.conv2d(x, weight[..., even, even].flip(2, 3), padding=1)
        out[..., even, odd] = F.conv2d(x, weight[..., even, odd].flip(2), padding=(1, 0))
        out[..., odd, even] = F.conv2d(x, weight[..., odd, even].flip(3), padding=(0, 1))
        out[..., odd, odd] = F.conv2d(x, weight[..., odd, odd])
        return F.conv2d(out, blur.expand(len(weight), 1, 4, 4), padding=1, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator's type loses ctx's name
        weight, blur = ctx.saved_tensors
        gradient = F.conv2d(gradient, blur.expand(len(weight), 1, 4, 4), padding=2, groups=len(weight))
        return F.conv2d(gradient, weight.transpose(0, 1), stride=2), None, None
