"""A diffusers UNet as it is to be traced: the same function, in fewer and plainer operations.

Timesteps stay a batch of one, attention takes the batch of keys and values from themselves, and
a gated layer is two products instead of one that is cut in two. So whatever depends on the prompt
or the timestep alone can be found in the graph, and computed apart from the latents.
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch
from diffusers.models.activations import GEGLU
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch.nn import functional


def traceable(unet: torch.nn.Module) -> torch.nn.Module:
    """A rewritten copy that shares its weights with `unet`, which is left as it is."""
    weights: dict[int, Any] = {
        id(tensor): tensor for tensor in chain(unet.parameters(), unet.buffers())
    }
    rewritten: Any = copy.deepcopy(unet, weights)
    rewritten.get_time_embed = lambda sample, timestep: rewritten.time_proj(timestep)
    for module in list(rewritten.modules()):
        if isinstance(module, Attention) and _is_plain(module):
            module.set_processor(_PlainAttention())
        if isinstance(module, FeedForward) and isinstance(module.net[0], GEGLU):
            module.net[0] = _Gated(module.net[0])
    return rewritten  # type: ignore[no-any-return]


class _PlainAttention:
    """What `AttnProcessor2_0` does for an attention without masks and extra norms."""

    def __call__(
        self,
        attention: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        **_: object,
    ) -> torch.Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = _in_heads(attention.to_q(hidden_states), attention.heads)
        key, value = (
            _in_heads(layer(source), attention.heads) for layer in (attention.to_k, attention.to_v)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        out: torch.Tensor = attention.to_out[0](attended.transpose(1, 2).flatten(2))
        return out


class _Gated(torch.nn.Module):
    """GEGLU, https://arxiv.org/abs/2002.05202 (Shazeer), with a layer of its own for the gate."""

    def __init__(self, both: Any) -> None:
        super().__init__()
        middle = both.proj.out_features // 2
        self.value = _rows(both.proj, slice(None, middle))
        self.gate = _rows(both.proj, slice(middle, None))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        gate: torch.Tensor = functional.gelu(self.gate(hidden_states))
        return gate * self.value(hidden_states)  # type: ignore[no-any-return]


def _is_plain(attention: Any) -> bool:
    extras = ("group_norm", "spatial_norm", "norm_cross", "norm_q", "norm_k", "added_kv_proj_dim")
    return (
        type(attention.processor) is AttnProcessor2_0
        and not any(getattr(attention, extra, None) for extra in extras)
        and not attention.residual_connection
        and attention.rescale_output_factor == 1
    )


def _in_heads(projected: torch.Tensor, heads: int) -> torch.Tensor:
    """From (batch, tokens, width) to (batch, heads, tokens, width / heads)."""
    batch, _, width = projected.shape
    return projected.view(batch, -1, heads, width // heads).transpose(1, 2)


def _rows(layer: torch.nn.Linear, kept: slice) -> torch.nn.Linear:
    """A layer with some of the outputs, on the same memory."""
    rows = torch.nn.Linear(1, 1, bias=layer.bias is not None, device="meta")
    rows.weight = torch.nn.Parameter(layer.weight[kept], requires_grad=False)
    if layer.bias is not None:
        rows.bias = torch.nn.Parameter(layer.bias[kept], requires_grad=False)
    return rows
