"""The weights of the transformer, arranged for a shorter critical path.

Key idea: whatever depends on weights alone is done before the program runs: means are taken out of
matrices, a rotation becomes more columns, and the residual stream gets copies in unused lanes, so
that matrices which read it do not displace each other. Chapter 14. `shorter` uses them.
C channels, D head size, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grooves.hardware.dataflow.lower import SMALL


def centred(weight: Tensor, axis: int) -> Tensor:
    """A weight less its mean along an axis: what it makes, or what it writes, has mean 0."""
    return weight - weight.mean(axis, keepdim=True)


def linear(weight: Tensor) -> nn.Linear:
    """A layer without bias that multiplies with a given weight (out, in)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    return layer


def copies(x: Tensor, last: float = 0.0) -> Tensor:
    """The residual stream as it lies in the lanes: (..., C) -> (..., 4C + 1).

    A matrix lies in the rows of a plane that its input's lanes name, so matrices that read the same
    lanes displace each other. Four copies in other lanes cost nothing, since a vector has 320 of
    them whether they are used or not: queries (and the MLP and the last layer) read the first, the
    sum of squares the second, keys the third, values the fourth. The value between them is
    sqrt(C eps), so that eps is in the sum of squares already.
    """
    return torch.cat((x, x, x.new_full((*x.shape[:-1], 1), last), x, x), -1)


class Layer(nn.Module):
    """The weights of one block, arranged for the classes below, each (in, out).

    q and k: for each head D columns and the same D rotated by a right angle, so that cos and sin
    multiply one vector and no lane has to move: (C, 2DH). v: (C, D) a head. out: (D, 4C + 1) a
    head. up, down: (C, 4C) and (4C, 4C + 1), or None.
    """

    def __init__(self, block, n_head: int):
        super().__init__()
        C = block.attention.out.weight.shape[0]
        D = C // n_head
        q, k, v = block.attention.qkv.weight.detach().view(3, n_head, D, C)

        def turned(w: Tensor) -> Tensor:
            w = centred(w, 1)
            pairs = w.view(n_head, D // 2, 2, C)
            right = torch.stack((-pairs[:, :, 1], pairs[:, :, 0]), 2).view(n_head, D, C)
            return torch.cat((w, right), 1).view(2 * C, C).T  # (C, 2DH)

        self.register_buffer("q", turned(q))
        self.register_buffer("k", turned(k))
        self.v = nn.ParameterList(nn.Parameter(v[h].T, requires_grad=False) for h in range(n_head))
        out = centred(block.attention.out.weight.detach(), 0).T * SMALL  # (C, C)
        self.out = nn.ParameterList(
            nn.Parameter(copies(part), requires_grad=False) for part in out.split(D)
        )
        self.register_buffer("up", None)
        self.register_buffer("down", None)
        if block.mlp is not None:
            self.up = block.mlp.up.weight.detach().T
            self.down = copies(centred(block.mlp.down.weight.detach(), 0).T * SMALL)
