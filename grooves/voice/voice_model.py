"""A small model that speaks: pre-trained on one voice, fine-tuned with a little of another.

Key idea: the input says which sound to make, never who speaks. Pitch and resonances are predicted
frame by frame, as a language model predicts the next word. So the training data alone decide whose
voice the model has, and that can be measured in its output.
Chapter 06. Shapes: B frames in a batch, N sentences, T frames, 13 numbers per frame.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves import device
from grooves.training.optimizers import schedule
from grooves.voice import acoustics, speakers, vocoder
from grooves.voice.speakers import PHONEMES, RATE
from grooves.voice.vocoder import N_NUMBERS, VOICED

HISTORY = 3  # previous frames in the input
N_ASKED = 3 * len(PHONEMES) + 2  # the sound before, now and next; time since and until
WIDTH = 128
LR, TUNING_LR = 3e-3, 1e-3
STEPS, TUNING_STEPS, BATCH = 1_000, 300, 256
_SHARPEST = -2.3  # log of the smallest standard deviation; smaller ones only memorise
_BLUR = 0.3  # noise on the previous frames in training, in standard deviations


class Voice(nn.Module):
    """Predicts a frame from the three before it and from the sound to be made.

    The prediction is a distribution: a normal one for each of 12 numbers, and a probability that
    the frame is voiced. middle, size: (13,), mean and standard deviation that frames are normalised
    with; they are the first speaker's, and fine-tuning leaves them unchanged.
    """

    def __init__(self, middle: Tensor, size: Tensor, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(HISTORY * N_NUMBERS + N_ASKED, WIDTH),
                nn.ReLU(),
                nn.Linear(WIDTH, WIDTH),
                nn.ReLU(),
                nn.Linear(WIDTH, 2 * VOICED + 1),
            )
        self.register_buffer("middle", middle)
        self.register_buffer("size", size)

    def forward(self, past: Tensor, asked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Means (B, 12), logs of the standard deviations (B, 12), and logits of being voiced (B,).

        past: (B, 3, 13), the newest last. asked: (B, 44).
        """
        out = self.layers(torch.cat((past.flatten(1), asked), dim=1))
        return out[:, :VOICED], out[:, VOICED:-1].clamp(_SHARPEST, 2), out[:, -1]

    def nats(self, past: Tensor, asked: Tensor, frame: Tensor) -> Tensor:
        """Negative log-likelihood of each normalised frame, (B,). frame: (B, 13)."""
        mean, log_size, logit = self(past, asked)
        off = (frame[:, :VOICED] - mean) * torch.exp(-log_size)
        normal = 0.5 * off**2 + log_size + 0.5 * math.log(2 * math.pi)
        swings = (frame[:, VOICED] > 0).float()
        return normal.sum(1) + F.binary_cross_entropy_with_logits(logit, swings, reduction="none")


@dataclass(frozen=True)
class Recording:
    """Speech as training data: the sounds to be made, and the frames that were spoken.

    past: (N * T, 3, 13), asked: (N * T, 44), frame: (N * T, 13), as the vocoder measures them.
    """

    past: Tensor
    asked: Tensor
    frame: Tensor

    def __len__(self) -> int:
        return len(self.frame)

    def __add__(self, other: Recording) -> Recording:
        """Both recordings, concatenated."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("past", "asked", "frame"))
        return Recording(*(torch.cat(pair) for pair in pairs))


def record(who: speakers.Speaker, told, seed: int) -> Recording:
    """A speaker says some sentences, and the vocoder encodes them."""
    waves = speakers.speak(who, told, seed)
    frames = [torch.from_numpy(vocoder.analyse(wave, RATE)).float() for wave in waves]
    past = torch.cat([_with_past(rows) for rows in frames])
    asked = torch.cat([encode_sentence(sentence) for sentence in told])
    return Recording(past.to(device()), asked.to(device()), torch.cat(frames).to(device()))


def _with_past(rows: Tensor) -> Tensor:
    """(T, 13) -> (T, 3, 13), the frames before each one; the first is repeated at the beginning."""
    before = torch.cat((rows[:1].expand(HISTORY, -1), rows[:-1]))
    return before.unfold(0, HISTORY, 1).mT


def encode_sentence(sentence) -> Tensor:
    """The model's input for a sentence, every 10 ms: (T, 44). Nothing in it says who speaks."""
    which, since, until = speakers.at_rate(sentence, acoustics.HOP_S)
    sounds = np.array([PHONEMES.index(phoneme) for phoneme, _ in sentence])
    padded = np.concatenate((sounds[:1], sounds, sounds[-1:]))
    near = torch.from_numpy(np.stack([padded[which + i] for i in range(3)], axis=1))
    times = torch.from_numpy(np.stack((since, until), axis=1)).float() / 0.1
    return torch.cat((F.one_hot(near, len(PHONEMES)).flatten(1).float(), times.clamp(max=2)), 1)


def pretrain(recording: Recording, seed: int = 0, steps: int = STEPS) -> Voice:
    """Train a model from scratch to predict the next frame."""
    middle, size = recording.frame.mean(0), recording.frame.std(0)
    middle[VOICED], size[VOICED] = 0.5, 0.5
    model = Voice(middle, size, seed).to(device())
    _train(model, recording, steps, LR, seed)
    return model


def fine_tune(
    model: Voice, recording: Recording, seed: int = 0, steps: int = TUNING_STEPS
) -> Voice:
    """A copy of a model that was trained further on another voice; all weights are trainable."""
    tuned = copy.deepcopy(model)
    _train(tuned, recording, steps, TUNING_LR, seed)
    return tuned


def _train(model: Voice, recording: Recording, steps: int, lr: float, seed: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    generator = torch.Generator().manual_seed(seed)
    past = (recording.past - model.middle) / model.size
    frame = (recording.frame - model.middle) / model.size
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * schedule(step / steps)
        some = torch.randint(len(recording), (BATCH,), generator=generator).to(past.device)
        # In generation the previous frames are the model's own, and never quite right.
        blur = _BLUR * torch.randn(BATCH, *past.shape[1:], generator=generator).to(past)
        loss = model.nats(past[some] + blur, recording.asked[some], frame[some]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


@torch.no_grad()
def negative_log_likelihood(model: Voice, recording: Recording) -> float:
    """Mean negative log-likelihood in nats per frame, normalised by the model's first speaker."""
    past = (recording.past - model.middle) / model.size
    frame = (recording.frame - model.middle) / model.size
    return float(model.nats(past, recording.asked, frame).mean())


@torch.no_grad()
def speak(
    model: Voice, told, temperature: float = 0.7, seed: int = 0, heard: Tensor | None = None
) -> list[np.ndarray]:
    """Generate sentences of one length, frame by frame: N waves of shape (S,).

    temperature: factor on each standard deviation; 0 takes the means. heard: (3, 13) frames to
    continue from; by default the mean of the first speaker's frames.
    """
    asked = torch.stack([encode_sentence(sentence) for sentence in told]).to(device())  # (N, T, 44)
    generator = torch.Generator().manual_seed(seed)
    start = torch.zeros(HISTORY, N_NUMBERS).to(asked)
    if heard is not None:
        start = (heard.to(asked) - model.middle) / model.size
    past = start.expand(len(told), -1, -1)
    frames = []
    for t in range(asked.shape[1]):
        mean, log_size, logit = model(past, asked[:, t])
        drawn = torch.randn(mean.shape, generator=generator).to(mean)
        chance = torch.rand(len(told), generator=generator).to(mean)
        swings = (logit.sigmoid() > (chance if temperature else 0.5)).float() * 2 - 1
        numbers = mean + temperature * log_size.exp() * drawn
        frames.append(torch.cat((numbers, swings[:, None]), dim=1))
        past = torch.cat((past[:, 1:], frames[-1][:, None]), dim=1)
    rows = torch.stack(frames, dim=1) * model.size + model.middle  # (N, T, 13)
    return [vocoder.render(row, RATE, seed) for row in rows.double().cpu().numpy()]
