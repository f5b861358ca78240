"""The models beside the server's in `serving.py`: a slower one of ours, and Hugging Face's."""

from __future__ import annotations

from statistics import median

import opponent
import report
import torch
from batches import SLOTS

from grooves.inference.decoder import Decoder
from grooves.training.lineage import new_model

SLOW_STEP_S = 5e-3


def slow_model():
    """An untrained model whose step with 16 texts takes about 5 ms on this machine."""
    sizes, found = (192, 256, 320, 384, 448, 512), []
    for width in sizes:
        model = new_model(n_layer=4, n_head=4, n_embd=width).cpu().eval()
        for block in model.blocks:  # otherwise the layers would add exactly nothing
            torch.nn.init.normal_(block.attention.out.weight, std=0.02)
        decoder = Decoder(model, torch.zeros((SLOTS, 40), dtype=torch.long))
        words, seconds = torch.ones(SLOTS, dtype=torch.long), []
        for _ in range(12):
            started = report.core_seconds()
            decoder.read(words)
            seconds.append(report.core_seconds() - started)
        found.append((abs(median(seconds) - SLOW_STEP_S), median(seconds), model))
        if median(seconds) > SLOW_STEP_S:
            break
    _, step_s, model = min(found, key=lambda entry: entry[0])
    return model, step_s


def theirs(model: opponent.Opponent, prompt: torch.Tensor, n: int, draw: bool = True) -> None:
    """Hugging Face's own generation of n tokens per text, with its cache."""
    cut_off = {"top_k": 0} if draw else {}  # by default it keeps the 50 likeliest tokens only
    model.gpt2.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=n,
        do_sample=draw,
        use_cache=True,
        eos_token_id=None,
        pad_token_id=0,
        **cut_off,
    )
