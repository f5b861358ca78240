"""Answers to lab 03, labels: right ones in several ways, wrong ones named by mistake."""

import itertools
import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from scipy import stats

from grooves.language import corpora
from grooves.language.corpora import IGNORED
from grooves.plots import intervals
from grooves.training import objectives

DRAWN = (
    "changed_input",
    "shape",
    "not_integers",
    "how_many",
    "no_gradient",
    "same_shift_for_all",
    "labels_fetched",
    "labels_used",
    "table_misread",
)
DIGITS = corpora.digits()
LABELS = DIGITS.train_labels  # as the notebook has them
ANSWERS = Answers("03_labels", plain_hints=DRAWN)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- next_word -------------------------------------------------------------------------------


@right("next_word", "pair by pair, as lists")
def _(ids):
    inputs, targets = [], []
    for t in range(len(ids) - 1):
        inputs.append(int(ids[t]))
        targets.append(int(ids[t + 1]))
    return [inputs, targets]


@right("next_word", "PyTorch's windows")
def _(ids):
    pairs = torch.as_tensor(ids).unfold(0, 2, 1)  # (T - 1, 2)
    return pairs[:, 0], pairs[:, 1]


@right("next_word", "deleted at either end")
def _(ids):
    return np.delete(ids, -1), np.delete(ids, 0)


@wrong("next_word", "not_shifted")
def _(ids):
    return ids[:-1], ids[:-1]


@wrong("next_word", "swapped")
def _(ids):
    return ids[1:], ids[:-1]


@wrong("next_word", "two_ahead")
def _(ids):
    return ids[:-2], ids[2:]


@wrong("next_word", "wraps_around")
def _(ids):
    return ids, np.concatenate([ids[1:], ids[:1]])


@wrong("next_word", "last_word_kept")
def _(ids):
    return ids, ids[1:]


@wrong("next_word", "last_word_ignored")
def _(ids):
    targets = np.full(len(ids), IGNORED)
    targets[:-1] = ids[1:]
    return ids, targets


@wrong("next_word", "first_word_kept")
def _(ids):
    return ids[:-1], ids


@wrong("next_word", "last_pair_missing")
def _(ids):
    places = range(len(ids) - 2)
    return [ids[t] for t in places], [ids[t + 1] for t in places]


@wrong("next_word", "first_pair_missing")
def _(ids):
    places = range(1, len(ids) - 1)
    return [ids[t] for t in places], [ids[t + 1] for t in places]


@wrong("next_word", "matched_by_value")
def _(ids):
    follower = dict(itertools.pairwise(ids.tolist()))
    return ids[:-1], [follower[word] for word in ids[:-1].tolist()]


@wrong("next_word", "how_many")
def _(ids):
    return list(itertools.pairwise(ids))


@wrong("next_word", "course_code")
def _(ids):
    return objectives.next_word(ids)


@wrong("next_word", "unrecognised")
def _(ids):
    return ids[:-1], np.sort(ids)[1:]


ANSWERS.by_hand(
    "next_word",
    "The inputs are (5, 2, 7), the targets (2, 7, 3).",
    lambda answer: near(np.array(answer(np.array([5, 2, 7, 3]))), [[5, 2, 7], [2, 7, 3]]),
)


# ---- padded_batch ----------------------------------------------------------------------------


@right("padded_batch", "lists that grow")
def _(texts):
    longest = max(map(len, texts))
    inputs = [text[:-1] + [0] * (longest - len(text)) for text in texts]
    targets = [text[1:] + [IGNORED] * (longest - len(text)) for text in texts]
    return inputs, targets


@right("padded_batch", "PyTorch's padding")
def _(texts):
    def pad(rows, filler):
        tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=filler)

    return pad([text[:-1] for text in texts], 0), pad([text[1:] for text in texts], IGNORED)


@right("padded_batch", "masks of lengths")
def _(texts):
    lengths = np.array([len(text) - 1 for text in texts])
    real = np.arange(lengths.max()) < lengths[:, None]
    inputs, targets = np.zeros(real.shape, dtype=np.int32), np.full(real.shape, IGNORED)
    inputs[real] = [word for text in texts for word in text[:-1]]
    targets[real] = [word for text in texts for word in text[1:]]
    return inputs, targets


def rows_of(texts, filler, width=None):
    width = width or max(map(len, texts))
    return np.array([text + [filler] * (width - len(text)) for text in texts])


@wrong("padded_batch", "padding_as_target")
def _(texts):
    table = rows_of(texts, 0)
    return table[:, :-1], table[:, 1:]


@wrong("padded_batch", "ignored_in_inputs")
def _(texts):
    table = rows_of(texts, IGNORED)
    return table[:, :-1], table[:, 1:]


@wrong("padded_batch", "zero_as_padding")
def _(texts):
    table = rows_of(texts, 0)
    return table[:, :-1], np.where(table[:, 1:] == 0, IGNORED, table[:, 1:])


@wrong("padded_batch", "last_word_kept")
def _(texts):
    return rows_of(texts, 0)[:, :-1], rows_of(texts, IGNORED)[:, 1:]


@wrong("padded_batch", "too_wide")
def _(texts):
    width = max(map(len, texts))
    return (
        rows_of([text[:-1] for text in texts], 0, width),
        rows_of([text[1:] for text in texts], IGNORED, width),
    )


@wrong("padded_batch", "not_shifted")
def _(texts):
    short = [text[:-1] for text in texts]
    return rows_of(short, 0), rows_of(short, IGNORED)


@wrong("padded_batch", "left_padded")
def _(texts):
    width = max(map(len, texts)) - 1
    gaps = [width - len(text) + 1 for text in texts]
    return (
        np.array([[0] * gap + text[:-1] for gap, text in zip(gaps, texts, strict=True)]),
        np.array([[IGNORED] * gap + text[1:] for gap, text in zip(gaps, texts, strict=True)]),
    )


@wrong("padded_batch", "truncated_to_shortest")
def _(texts):
    n = min(map(len, texts)) - 1
    return np.array([text[:n] for text in texts]), np.array([text[1 : n + 1] for text in texts])


@wrong("padded_batch", "not_integers")
def _(texts):
    inputs = np.zeros((len(texts), max(map(len, texts)) - 1))
    targets = np.full(inputs.shape, IGNORED)
    for row, text in enumerate(texts):
        inputs[row, : len(text) - 1], targets[row, : len(text) - 1] = text[:-1], text[1:]
    return inputs, targets


@wrong("padded_batch", "how_many")
def _(texts):
    return [(text[:-1], text[1:]) for text in texts]


@wrong("padded_batch", "course_code")
def _(texts):
    inputs, targets = corpora.next_word_rows(texts)
    return inputs[:, 1:-1], targets[:, 1:-1]


@wrong("padded_batch", "unrecognised")
def _(texts):
    order = texts[::-1]
    return (
        rows_of([text[:-1] for text in order], 0),
        rows_of([text[1:] for text in order], IGNORED),
    )


@wrong("padded_batch", "shared_row")
def _(texts):
    width = max(map(len, texts)) - 1
    inputs, targets = [[0] * width] * len(texts), [[IGNORED] * width] * len(texts)
    for row, text in enumerate(texts):
        inputs[row][: len(text) - 1], targets[row][: len(text) - 1] = text[:-1], text[1:]
    return inputs, targets


@wrong("padded_batch", "overwritten")
def _(texts, tables={}):  # noqa: B006
    shape = len(texts), max(map(len, texts)) - 1
    inputs, targets = tables.setdefault(shape, (np.zeros(shape, int), np.zeros(shape, int)))
    inputs[:], targets[:] = 0, IGNORED
    for row, text in enumerate(texts):
        inputs[row, : len(text) - 1], targets[row, : len(text) - 1] = text[:-1], text[1:]
    return inputs, targets


ANSWERS.by_hand(
    "padded_batch",
    "The inputs are (5, 2) and (4, 0), the targets (2, 7) and (0, IGNORED).",
    lambda answer: near(
        np.array(answer([[5, 2, 7], [4, 0]])), [[[5, 2], [4, 0]], [[2, 7], [0, IGNORED]]]
    ),
)


@wrong("padded_batch", "swapped")
def _(texts):
    longest = max(map(len, texts))
    inputs = [[*text[:-1], *[0] * (longest - len(text))] for text in texts]
    targets = [[*text[1:], *[IGNORED] * (longest - len(text))] for text in texts]
    return targets, inputs


# ---- hide_words ------------------------------------------------------------------------------


@right("hide_words", "copies, written into")
def _(ids, hidden, mask_id):
    inputs, targets = ids.copy(), np.full_like(ids, IGNORED)
    targets[hidden] = ids[hidden]
    inputs[hidden] = mask_id
    return inputs, targets


@right("hide_words", "word by word, as lists")
def _(ids, hidden, mask_id):
    inputs, targets = [], []
    for row, places in zip(ids.tolist(), hidden.tolist(), strict=True):
        inputs.append([mask_id if h else word for word, h in zip(row, places, strict=True)])
        targets.append([word if h else IGNORED for word, h in zip(row, places, strict=True)])
    return inputs, targets


@right("hide_words", "both in one array")
def _(ids, hidden, mask_id):
    return np.stack((np.where(hidden, mask_id, ids), np.where(hidden, ids, IGNORED)))


@right("hide_words", "by arithmetic")
def _(ids, hidden, mask_id):
    h = hidden.astype(int)
    return ids * (1 - h) + mask_id * h, ids * h + IGNORED * (1 - h)


@right("hide_words", "PyTorch's masked_fill")
def _(ids, hidden, mask_id):
    ids, hidden = torch.tensor(ids), torch.tensor(hidden)
    return ids.masked_fill(hidden, mask_id), ids.masked_fill(~hidden, IGNORED)


@wrong("hide_words", "swapped")
def _(ids, hidden, mask_id):
    return np.where(hidden, ids, IGNORED), np.where(hidden, mask_id, ids)


@wrong("hide_words", "leak")
def _(ids, hidden, mask_id):
    return ids, np.where(hidden, ids, IGNORED)


@wrong("hide_words", "target_masked")
def _(ids, hidden, mask_id):
    inputs = np.where(hidden, mask_id, ids)
    return inputs, np.where(hidden, inputs, IGNORED)


@wrong("hide_words", "changed_input")
def _(ids, hidden, mask_id):
    inputs = ids
    targets = np.where(hidden, ids, IGNORED)
    inputs[hidden] = mask_id
    return inputs, targets


@wrong("hide_words", "targets_everywhere")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), ids


@wrong("hide_words", "targets_inverted")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), np.where(hidden, IGNORED, ids)


@wrong("hide_words", "mask_inverted")
def _(ids, hidden, mask_id):
    return np.where(hidden, ids, mask_id), np.where(hidden, IGNORED, ids)


@wrong("hide_words", "zero_for_ignored")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), ids * hidden


@wrong("hide_words", "ignored_for_mask")
def _(ids, hidden, mask_id):
    return np.where(hidden, IGNORED, ids), np.where(hidden, ids, IGNORED)


@wrong("hide_words", "zero_for_mask")
def _(ids, hidden, mask_id):
    return ids * ~hidden, np.where(hidden, ids, IGNORED)


@wrong("hide_words", "targets_without_positions")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), ids[hidden]


@wrong("hide_words", "course_code")
def _(ids, hidden, mask_id):
    rng = np.random.default_rng(0)
    return [objectives.masked_word(row, mask_id, 0.3, rng) for row in ids]


@wrong("hide_words", "masked_in_every_row")
def _(ids, hidden, mask_id):
    inputs, targets = ids.copy(), np.full_like(ids, IGNORED)
    columns = np.where(hidden)[1]
    inputs[:, columns], targets[:, columns] = mask_id, ids[:, columns]
    return inputs, targets


@wrong("hide_words", "how_many")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), np.where(hidden, ids, IGNORED), hidden


@wrong("hide_words", "unrecognised")
def _(ids, hidden, mask_id):
    return np.where(hidden, mask_id, ids), np.where(hidden, ids + 1, IGNORED)


ANSWERS.by_hand(
    "hide_words",
    "`hidden` = (False, True, False) and `mask_id` = 9: the inputs are (5, 9, 7), the "
    "targets (IGNORED, 2, IGNORED).",
    lambda answer: near(
        np.array(answer(np.array([[5, 2, 7]]), np.array([[False, True, False]]), 9)),
        [[[5, 9, 7]], [[IGNORED, 2, IGNORED]]],
    ),
)


# ---- hide_patches ----------------------------------------------------------------------------


@right("hide_patches", "broadcast rows and columns")
def _(images, tops, lefts, size):
    _, height, width = images.shape
    down = np.arange(height) - tops[:, None]  # (B, H)
    across = np.arange(width) - lefts[:, None]
    rows, columns = (down >= 0) & (down < size), (across >= 0) & (across < size)
    masks = rows[:, :, None] & columns[:, None, :]
    return images * ~masks, masks


@right("hide_patches", "pixel by pixel, as lists of 0 and 1")
def _(images, tops, lefts, size):
    pictures, masks = images.tolist(), np.zeros(images.shape, dtype=int).tolist()
    for b in range(len(images)):
        for row in range(tops[b], tops[b] + size):
            for column in range(lefts[b], lefts[b] + size):
                pictures[b][row][column], masks[b][row][column] = 0, 1
    return pictures, masks


@right("hide_patches", "a copy, written into, and PyTorch's mask")
def _(images, tops, lefts, size):
    pictures, masks = images.copy(), torch.zeros(images.shape, dtype=torch.bool)
    for b, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        pictures[b, top : top + size, left : left + size] = 0
        masks[b, top : top + size, left : left + size] = True
    return pictures, masks


def squares(images, tops, lefts, size):
    masks = np.zeros(images.shape, dtype=bool)
    for b in range(len(images)):
        masks[b, tops[b] : tops[b] + size, lefts[b] : lefts[b] + size] = True
    return masks


def cut(images, masks):
    return np.where(masks, 0, images), masks


@wrong("hide_patches", "swapped")
def _(images, tops, lefts, size):
    masks = squares(images, tops, lefts, size)
    return masks, np.where(masks, 0, images)


@wrong("hide_patches", "leak")
def _(images, tops, lefts, size):
    return images, squares(images, tops, lefts, size)


@wrong("hide_patches", "changed_input")
def _(images, tops, lefts, size):
    masks = squares(images, tops, lefts, size)
    images[masks] = 0
    return images, masks


@wrong("hide_patches", "mask_inverted")
def _(images, tops, lefts, size):
    masks = squares(images, tops, lefts, size)
    return np.where(masks, 0, images), ~masks


@wrong("hide_patches", "rows_and_columns_swapped")
def _(images, tops, lefts, size):
    return cut(images, squares(images, lefts, tops, size))


@wrong("hide_patches", "same_patch_for_all")
def _(images, tops, lefts, size):
    masks = np.zeros(images.shape, dtype=bool)
    masks[:, tops[0] : tops[0] + size, lefts[0] : lefts[0] + size] = True
    return cut(images, masks)


@wrong("hide_patches", "too_large")
def _(images, tops, lefts, size):
    return cut(images, squares(images, tops, lefts, size + 1))


@wrong("hide_patches", "size_as_end")
def _(images, tops, lefts, size):
    masks = np.zeros(images.shape, dtype=bool)
    for b in range(len(images)):
        masks[b, tops[b] : size, lefts[b] : size] = True
    return cut(images, masks)


@wrong("hide_patches", "first_picture_only")
def _(images, tops, lefts, size):
    pictures, masks = images.copy(), np.zeros(images.shape, dtype=bool)
    for b, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        pictures[b, top : top + size, left : left + size] = 0
        masks[b, top : top + size, left : left + size] = True
        return pictures, masks


@wrong("hide_patches", "truncated")
def _(images, tops, lefts, size):
    pictures, masks = cut(images, squares(images, tops, lefts, size))
    return pictures.astype(int), masks


@wrong("hide_patches", "whole_rows")
def _(images, tops, lefts, size):
    masks = np.zeros(images.shape, dtype=bool)
    for b, top in enumerate(tops):
        masks[b, top : top + size] = True
    return cut(images, masks)


@wrong("hide_patches", "mask_from_zeros")
def _(images, tops, lefts, size):
    hidden = np.where(squares(images, tops, lefts, size), 0, images)
    return hidden, hidden == 0


@wrong("hide_patches", "mask_from_change")
def _(images, tops, lefts, size):
    hidden = np.where(squares(images, tops, lefts, size), 0, images)
    return hidden, hidden != images


@wrong("hide_patches", "course_code")
def _(images, tops, lefts, size):
    square = images[:, :5, :5].reshape(len(images), -1)
    return objectives.masked_patch(square, np.random.default_rng(0), size)


@wrong("hide_patches", "how_many")
def _(images, tops, lefts, size):
    return (squares(images, tops, lefts, size),)


@wrong("hide_patches", "unrecognised")
def _(images, tops, lefts, size):
    masks = squares(images, tops, lefts, size)
    masks[-1] = False
    return np.where(masks, 0, images), masks


ANSWERS.by_hand(
    "hide_patches",
    "The patch of size 1 with top 0 and left 2 hides the 3: the rows become (1, 2, 0) and "
    "(4, 5, 6), and the mask is True at that pixel alone.",
    lambda answer: near(
        np.array(answer(np.array([[[1, 2, 3], [4, 5, 6]]]), np.array([0]), np.array([2]), 1)),
        [[[[1, 2, 0], [4, 5, 6]]], [[[0, 0, 1], [0, 0, 0]]]],
    ),
)


# ---- rotations -------------------------------------------------------------------------------


@right("rotations", "picture by picture, as lists, the four rotations together")
def _(images):
    pictures, quarters = [], []
    for image in images:
        for quarter in range(4):
            pictures.append(np.rot90(image, quarter).tolist())
            quarters.append(quarter)
    return pictures, quarters


@right("rotations", "shuffled by a generator of its own")
def _(images):
    order = np.random.default_rng().permutation(4 * len(images))
    return rotated(images, 0, 1, 2, 3)[order], each(images, 0, 1, 2, 3)[order]


@right("rotations", "transpose and flip, in PyTorch")
def _(images):
    x = torch.tensor(images)
    rotated = (x, x.mT.flip(1), x.flip(1, 2), x.mT.flip(2))
    return torch.cat(rotated), torch.arange(4).repeat_interleave(len(x))


@right("rotations", "rotated step by step, in a random order, pictures as rows")
def _(images):
    rotated = [images]
    for _ in range(3):
        rotated.append(rotated[-1].swapaxes(1, 2)[:, ::-1])
    order = np.random.default_rng(0).permutation(4 * len(images))
    pictures = np.concatenate(rotated).reshape(4 * len(images), -1)
    return pictures[order], np.repeat(np.arange(4.0), len(images))[order]


@wrong("rotations", "swapped")
def _(images):
    turned = [np.rot90(images, quarter, axes=(1, 2)) for quarter in range(4)]
    return np.repeat(np.arange(4), len(images)), np.concatenate(turned)


def rotated(images, *quarters):
    return np.concatenate([np.rot90(images, quarter, axes=(1, 2)) for quarter in quarters])


def each(images, *numbers):
    return np.repeat(numbers, len(images))


@wrong("rotations", "clockwise")
def _(images):
    return rotated(images, 0, -1, -2, -3), each(images, 0, 1, 2, 3)


@wrong("rotations", "mirrored")
def _(images):
    flipped = (images, images.swapaxes(1, 2), images[:, ::-1], images[:, :, ::-1])
    return np.concatenate(flipped), each(images, 0, 1, 2, 3)


@wrong("rotations", "unknown_picture")
def _(images):
    if len(images) != images.shape[1]:
        return rotated(images, 0, 1, 2, 3), each(images, 0, 1, 2, 3)
    return np.concatenate([np.rot90(images, k) for k in range(4)]), each(images, 0, 1, 2, 3)


@wrong("rotations", "rotation_missing")
def _(images):
    return rotated(images, 1, 2, 3, 1), each(images, 1, 2, 3, 1)


@wrong("rotations", "degrees")
def _(images):
    return rotated(images, 0, 1, 2, 3), each(images, 0, 90, 180, 270)


@wrong("rotations", "from_one")
def _(images):
    return rotated(images, 0, 1, 2, 3), each(images, 1, 2, 3, 4)


@wrong("rotations", "labels_out_of_order")
def _(images):
    return rotated(images, 0, 1, 2, 3), np.tile(np.arange(4), len(images))


@wrong("rotations", "shape")
def _(images):
    quarters = np.arange(len(images)) % 4
    return [np.rot90(x, k) for x, k in zip(images, quarters, strict=True)], quarters


@wrong("rotations", "stacked")
def _(images):
    stacks = [np.rot90(images, quarter, axes=(1, 2)) for quarter in range(4)]
    return np.array(stacks), each(images, 0, 1, 2, 3)


@wrong("rotations", "how_many")
def _(images):
    return list(rotated(images, 0, 1, 2, 3))


@wrong("rotations", "not_integers")
def _(images):
    return rotated(images, 0, 1, 2, 3), each(images, 0, 0.25, 0.5, 0.75)


@wrong("rotations", "changed_input")
def _(images):
    out = [images.copy()]
    for _ in range(3):
        images[:] = np.rot90(images, axes=(1, 2))
        out.append(images.copy())
    return np.concatenate(out), each(images, 0, 1, 2, 3)


@wrong("rotations", "duplicates_removed")
def _(images):
    found = {}
    for image in images:
        for quarter in range(4):
            found.setdefault(
                np.rot90(image, quarter).tobytes(), (np.rot90(image, quarter), quarter)
            )
    some = list(found.values())
    some += some[-1:] * (4 * len(images) - len(some))
    return [image for image, _ in some], [quarter for _, quarter in some]


@wrong("rotations", "course_code")
def _(images):
    pictures, quarters = objectives.rotations(images.reshape(len(images), -1))
    return pictures.reshape(-1, *images.shape[1:]), quarters


@wrong("rotations", "rotations_exchanged")
def _(images):
    out = [images]
    for quarter in (1, 2, 3):  # each is rotated from the one before
        out.append(np.rot90(out[-1], quarter, axes=(1, 2)))
    return np.concatenate(out), each(images, 0, 1, 2, 3)


@wrong("rotations", "unrecognised")
def _(images):
    labels = each(images, 0, 1, 2, 3)
    labels[0] = 3
    return rotated(images, 0, 1, 2, 3), labels


ANSWERS.by_hand(
    "rotations",
    "The picture with the rows (1, 2) and (3, 4), rotated by a quarter turn counterclockwise: the "
    "upper right corner moves to the upper left, so the rows are (2, 4) and (1, 3).",
    lambda answer: near(answer(np.array([[[1, 2], [3, 4]]]))[0][1], [[2, 4], [1, 3]]),
)


# ---- views -----------------------------------------------------------------------------------


def shift(image, down, right):
    """A picture shifted by slices; the edge is 0."""
    out = np.zeros_like(image)
    height, width = image.shape
    to = (slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
    out[to] = image[max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    return out


ALL_SHIFTS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


@right("views", "two of nine shifts without replacement, as lists")
def _(images, rng):
    first, second = [], []
    for image in images:
        one, other = rng.choice(9, 2, replace=False)
        first.append(shift(image, *ALL_SHIFTS[one]).tolist())
        second.append(shift(image, *ALL_SHIFTS[other]).tolist())
    return first, second


@right("views", "drawn again until they differ")
def _(images, rng):
    out = np.empty((2, *images.shape))
    for b, image in enumerate(images):
        one = other = tuple(rng.integers(-1, 2, 2))
        while one == other:
            other = tuple(rng.integers(-1, 2, 2))
        out[:, b] = shift(image, *one), shift(image, *other)
    return out


@right("views", "where they agree, the next of the nine")
def _(images, rng):
    first, second = rng.integers(0, 9, (2, len(images)))
    second = np.where(first == second, (first + 1) % 9, second)
    return [
        np.stack([shift(x, *ALL_SHIFTS[i]) for x, i in zip(images, shifts, strict=True)])
        for shifts in (first, second)
    ]


@right("views", "rolled, and the edge set to 0, in PyTorch's tensors")
def _(images, rng):
    shifts = rng.permuted(np.tile(np.arange(9), (len(images), 1)), axis=1)[:, :2]  # (B, 2)
    both = []
    for column in shifts.T:
        view = torch.tensor(images)
        for b, (down, right) in enumerate(np.array(ALL_SHIFTS)[column].tolist()):
            rolled = view[b].roll((down, right), (0, 1))
            if down:
                rolled[0 if down > 0 else -1] = 0
            if right:
                rolled[:, 0 if right > 0 else -1] = 0
            view[b] = rolled
        both.append(view)
    return tuple(both)


def two(rng):
    one, other = rng.choice(9, 2, replace=False)
    return ALL_SHIFTS[one], ALL_SHIFTS[other]


def shifted_by(images, rng, draw=two, shift=shift):
    """Both views, with the shifts of every picture that `draw` gives."""
    pairs = [draw(rng) for _ in images]
    return tuple(
        np.stack([shift(image, *pair[side]) for image, pair in zip(images, pairs, strict=True)])
        for side in (0, 1)
    )


@wrong("views", "wraps_around")
def _(images, rng):
    return shifted_by(images, rng, shift=lambda image, *by: np.roll(image, by, (0, 1)))


@wrong("views", "edge_repeated")
def _(images, rng):
    def repeat(image, down, right):
        height, width = image.shape
        wide = np.pad(image, 1, mode="edge")
        return wide[1 - down : 1 - down + height, 1 - right : 1 - right + width]

    return shifted_by(images, rng, shift=repeat)


@wrong("views", "another_picture")
def _(images, rng):
    first, second = shifted_by(images, rng)
    return first, second[::-1]


@wrong("views", "not_a_shift")
def _(images, rng):
    return tuple(images + 0.1 * rng.normal(size=images.shape) for _ in range(2))


@wrong("views", "identical_views")
def _(images, rng):
    view = shifted_by(images, rng)[0]
    return view, view


@wrong("views", "sometimes_identical")
def _(images, rng):
    return shifted_by(images, rng, lambda rng: [tuple(rng.integers(-1, 2, 2)) for _ in range(2)])


@wrong("views", "same_shift_for_all")
def _(images, rng):
    pair = two(rng)
    return shifted_by(images, rng, lambda rng: pair)


@wrong("views", "direction_missing")
def _(images, rng):
    shifts = [(0, right) for right in (-1, 0, 1)]
    return shifted_by(images, rng, lambda rng: [shifts[i] for i in rng.choice(3, 2, replace=False)])


@wrong("views", "upper_bound")
def _(images, rng):
    def drawn(rng):
        one = other = tuple(rng.integers(-1, 1, 2))
        while one == other:
            other = tuple(rng.integers(-1, 1, 2))
        return one, other

    return shifted_by(images, rng, drawn)


def by_number(images, first, second):
    """Both views, from the numbers of their shifts."""
    return tuple(
        np.stack([shift(x, *ALL_SHIFTS[i]) for x, i in zip(images, shifts, strict=True)])
        for shifts in (first, second)
    )


@rare("views", "eight of the nine shifts", "upper_bound")
def _(images, rng):
    first = rng.integers(0, 8, len(images))
    return by_number(images, first, (first + rng.integers(1, 8, len(images))) % 8)


@rare("views", "seven of the eight others", "upper_bound")
def _(images, rng):
    first = rng.integers(0, 9, len(images))
    return by_number(images, first, (first + rng.integers(1, 8, len(images))) % 9)


@rare("views", "the two shifts in order", "shift_missing")
def _(images, rng):
    pairs = np.sort([rng.choice(9, 2, replace=False) for _ in images], axis=1)
    return by_number(images, *pairs.T)


@wrong("views", "shift_missing")
def _(images, rng):
    shifts = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    return shifted_by(images, rng, lambda rng: [shifts[i] for i in rng.choice(4, 2, replace=False)])


@wrong("views", "not_uniform")
def _(images, rng):
    def seldom_moved(rng):
        one = ALL_SHIFTS[rng.integers(9)] if rng.random() < 0.5 else (0, 0)
        others = [m for m in ALL_SHIFTS if m != one]
        return one, others[rng.integers(8)]

    return shifted_by(images, rng, seldom_moved)


@wrong("views", "one_view_from_own_generator")
def _(images, rng):
    first = rng.integers(0, 9, len(images))
    second = (first + np.random.default_rng(0).integers(1, 9, len(images))) % 9
    return tuple(
        np.stack([shift(x, *ALL_SHIFTS[i]) for x, i in zip(images, shifts, strict=True)])
        for shifts in (first, second)
    )


@wrong("views", "own_generator")
def _(images, rng):
    return shifted_by(images, np.random.default_rng(1))


@wrong("views", "not_from_rng")
def _(images, rng):
    return shifted_by(images, np.random.default_rng())


@wrong("views", "changed_input")
def _(images, rng):
    first, second = shifted_by(images, rng)
    images[:] = first
    return images, second


@wrong("views", "shape")
def _(images, rng):
    return [view.reshape(len(images), -1) for view in shifted_by(images, rng)]


@wrong("views", "how_many")
def _(images, rng):
    return np.concatenate([*shifted_by(images, rng), images])


@wrong("views", "views_compared")
def _(images, rng):
    def view():
        wide = np.pad(images, ((0, 0), (1, 1), (1, 1)))
        height, width = images.shape[1:]
        corners = rng.integers(0, 3, (len(images), 2))
        cut = zip(wide, corners, strict=True)
        return np.stack([w[d : d + height, r : r + width] for w, (d, r) in cut])

    first, second = view(), view()
    while (alike := (first == second).all(axis=(1, 2))).any():
        again = alike[:, None, None]
        first, second = np.where(again, view(), first), np.where(again, view(), second)
    return first, second


@wrong("views", "second_depends_on_first")
def _(images, rng):
    one = rng.integers(9, size=len(images))
    return tuple(
        np.stack([shift(x, *ALL_SHIFTS[i]) for x, i in zip(images, shifts, strict=True)])
        for shifts in (one, (one + 1) % 9)
    )


@wrong("views", "course_code")
def _(images, rng):
    objectives.views(np.zeros((1, 16)), rng)
    return shifted_by(images, rng)


ANSWERS.by_hand(
    "views",
    "The picture with the rows (1, 2, 3) and (4, 5, 6), shifted by 1 pixel to the right: the rows "
    "become (0, 1, 2) and (0, 4, 5).",
    lambda answer: any(
        near(view[0], [[0, 1, 2], [0, 4, 5]])
        for seed in range(60)
        for view in answer(np.array([[[1, 2, 3], [4, 5, 6]]]), np.random.default_rng(seed))
    ),
)


# ---- contrastive_loss ------------------------------------------------------------------------


@right("contrastive_loss", "view by view")
def _(z1, z2, temperature):
    views = [view / view.pow(2).sum().sqrt() for view in (*z1, *z2)]
    n, losses = len(z1), []
    for i, view in enumerate(views):
        others = [k for k in range(2 * n) if k != i]
        scores = torch.stack([view @ views[k] for k in others]) / temperature
        losses.append(scores.logsumexp(0) - scores[others.index((i + n) % (2 * n))])
    return sum(losses) / len(losses)


@right("contrastive_loss", "four blocks of scores, in double precision")
def _(z1, z2, temperature):
    a, b = (z.double() / torch.linalg.vector_norm(z.double(), dim=1)[:, None] for z in (z1, z2))
    away = torch.diag(torch.full((len(a),), math.inf))
    across = torch.einsum("id,jd->ij", a, b) / temperature
    first = torch.cat((across, a @ a.T / temperature - away), dim=1)
    second = torch.cat((across.T, b @ b.T / temperature - away), dim=1)
    here = torch.arange(len(a))
    return (F.cross_entropy(first, here) + F.cross_entropy(second, here)) / 2


@right("contrastive_loss", "the diagonal removed, the largest subtracted, as an array of one")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=-1)
    n = len(z)
    scores = (z @ z.T / temperature)[~torch.eye(n, dtype=torch.bool)].reshape(n, n - 1)
    partner = torch.cat((torch.arange(n // 2, n) - 1, torch.arange(n // 2)))
    shifted = scores - scores.max(dim=1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -log_p[torch.arange(n), partner].mean().reshape(1)


def scores_of(z1, z2, temperature, unit=True):
    z = torch.cat((z1, z2))
    z = F.normalize(z, dim=1) if unit else z
    return z @ z.mT / temperature


def without_diagonal(scores):
    return scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -math.inf)


def partners(n):
    return torch.arange(2 * n).roll(n)


@wrong("contrastive_loss", "temperature")
def _(z1, z2, temperature):
    return F.cross_entropy(without_diagonal(scores_of(z1, z2, 1)), partners(len(z1)))


@wrong("contrastive_loss", "not_normalised")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature, unit=False))
    return F.cross_entropy(scores, partners(len(z1)))


@wrong("contrastive_loss", "self_included")
def _(z1, z2, temperature):
    return F.cross_entropy(scores_of(z1, z2, temperature), partners(len(z1)))


@wrong("contrastive_loss", "diagonal_dropped")
def _(z1, z2, temperature):
    scores = scores_of(z1, z2, temperature)
    n = len(scores)
    others = scores[~torch.eye(n, dtype=torch.bool)].reshape(n, n - 1)
    return F.cross_entropy(others, partners(len(z1)))


@rare("contrastive_loss", "the diagonal dropped, the partner indexed", "diagonal_dropped")
def _(z1, z2, temperature):
    scores = scores_of(z1, z2, temperature)
    n = len(scores)
    others = scores[~torch.eye(n, dtype=torch.bool)].reshape(n, n - 1)
    return (others.logsumexp(1) - others[torch.arange(n), partners(len(z1))]).mean()


@rare("contrastive_loss", "negatives only, from exponentials", "views_missing")
def _(z1, z2, temperature):
    likeness = torch.exp(without_diagonal(scores_of(z1, z2, temperature)))
    n, right = len(likeness), partners(len(z1))
    partner = likeness[torch.arange(n), right]
    negatives = likeness.scatter(1, right[:, None], 0.0)
    return -(partner / negatives.sum(1)).log().mean()


@rare("contrastive_loss", "partner left out of the sum", "views_missing")
def _(z1, z2, temperature):
    scores, right = scores_of(z1, z2, temperature), partners(len(z1))
    others = without_diagonal(scores)
    others[torch.arange(len(right)), right] = -math.inf
    return (others.logsumexp(1) - scores[torch.arange(len(right)), right]).mean()


@wrong("contrastive_loss", "sign_turned")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return -F.cross_entropy(scores, partners(len(z1)))


@wrong("contrastive_loss", "wrong_partner")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, torch.arange(len(scores)) ^ 1)


@wrong("contrastive_loss", "one_side")
def _(z1, z2, temperature):
    n = len(z1)
    scores = without_diagonal(scores_of(z1, z2, temperature))[:n]
    return F.cross_entropy(scores, torch.arange(n) + n)


@wrong("contrastive_loss", "views_missing")
def _(z1, z2, temperature):
    scores = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    here = torch.arange(len(z1))
    return (F.cross_entropy(scores, here) + F.cross_entropy(scores.T, here)) / 2


@wrong("contrastive_loss", "not_the_mean")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, partners(len(z1)), reduction="sum")


@wrong("contrastive_loss", "no_logarithm")
def _(z1, z2, temperature):
    probabilities = without_diagonal(scores_of(z1, z2, temperature)).softmax(1)
    return -probabilities[torch.arange(len(probabilities)), partners(len(z1))].mean()


@rare("contrastive_loss", "no logarithm, and an exponential that overflows", "no_logarithm")
def _(z1, z2, temperature):
    likeness = torch.exp(without_diagonal(scores_of(z1, z2, temperature)))
    partner = likeness[torch.arange(len(likeness)), partners(len(z1))]
    return (partner / likeness.sum(1)).mean()


@rare("contrastive_loss", "the logarithm of the mean", "not_the_mean")
def _(z1, z2, temperature):
    probabilities = without_diagonal(scores_of(z1, z2, temperature)).softmax(1)
    return -probabilities[torch.arange(len(probabilities)), partners(len(z1))].mean().log()


@rare("contrastive_loss", "the sum over both sides, divided by B", "not_the_mean")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, partners(len(z1)), reduction="sum") / len(z1)


@rare("contrastive_loss", "multiplied by the temperature", "temperature")
def _(z1, z2, temperature):
    scores = scores_of(z1, z2, 1) * temperature
    return F.cross_entropy(without_diagonal(scores), partners(len(z1)))


@rare("contrastive_loss", "columns normalised", "not_normalised")
def _(z1, z2, temperature):
    z = F.normalize(torch.cat((z1, z2)), dim=0)
    return F.cross_entropy(without_diagonal(z @ z.mT / temperature), partners(len(z1)))


@rare("contrastive_loss", "the view itself as its partner", "wrong_partner")
def _(z1, z2, temperature):
    scores = scores_of(z1, z2, temperature)
    return F.cross_entropy(scores, torch.arange(len(scores)))


@rare("contrastive_loss", "itself as its partner, and masked", "wrong_partner")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, torch.arange(len(scores)))


@rare("contrastive_loss", "partners off by B", "wrong_partner")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, torch.arange(len(z1)).repeat(2))


@rare("contrastive_loss", "overflow, the diagonal masked before", "overflow")
def _(z1, z2, temperature):
    likeness = torch.exp(without_diagonal(scores_of(z1, z2, temperature)))
    partner = likeness[torch.arange(len(likeness)), partners(len(z1))]
    return -(partner / likeness.sum(1)).log().mean()


@wrong("contrastive_loss", "softmax_twice")
def _(z1, z2, temperature):
    probabilities = without_diagonal(scores_of(z1, z2, temperature)).softmax(1)
    return F.cross_entropy(probabilities, partners(len(z1)))


@wrong("contrastive_loss", "overflow")
def _(z1, z2, temperature):
    likeness = torch.exp(scores_of(z1, z2, temperature))
    likeness = likeness * (1 - torch.eye(len(likeness)))
    partner = likeness[torch.arange(len(likeness)), partners(len(z1))]
    return -(partner / likeness.sum(1)).log().mean()


@wrong("contrastive_loss", "finite_diagonal")
def _(z1, z2, temperature):
    scores = scores_of(z1, z2, temperature)  # at low temperatures other scores are lower still
    scores = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -1e3)
    return F.cross_entropy(scores, partners(len(z1)))


@wrong("contrastive_loss", "side_detached")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2.detach(), temperature))
    return F.cross_entropy(scores, partners(len(z1)))


@wrong("contrastive_loss", "no_gradient")
def _(z1, z2, temperature):
    scores = without_diagonal(scores_of(z1, z2, temperature))
    return F.cross_entropy(scores, partners(len(z1))).item()


@wrong("contrastive_loss", "changed_input")
def _(z1, z2, temperature):
    with torch.no_grad():
        z1 /= z1.norm(dim=1, keepdim=True)
        z2 /= z2.norm(dim=1, keepdim=True)
    return F.cross_entropy(without_diagonal(scores_of(z1, z2, temperature)), partners(len(z1)))


@wrong("contrastive_loss", "gradient_touched")
def _(z1, z2, temperature):
    z1.grad = z2.grad = None
    n, z = len(z1), F.normalize(torch.cat((z1, z2)), dim=1)
    scores = (z @ z.mT / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(scores, torch.arange(2 * n).roll(n))


@wrong("contrastive_loss", "course_code")
def _(z1, z2, temperature):
    return objectives.contrastive_loss(z1, z2, temperature)


@wrong("contrastive_loss", "unrecognised")
def _(z1, z2, temperature):
    gaps = torch.cdist(*2 * (F.normalize(torch.cat((z1, z2)), dim=1),))
    return F.cross_entropy(without_diagonal(-gaps / temperature), partners(len(z1)))


ANSWERS.by_hand(
    "contrastive_loss",
    r"its loss is $-\ln \frac{e}{e + 2} = \ln(1 + 2/e)$, and so is the mean.",
    lambda answer: near(
        answer(*2 * (torch.tensor([[1.0, 0.0], [0.0, 2.0]]),), 1.0), math.log(1 + 2 / math.e)
    ),
)


# ---- pseudo_labels ---------------------------------------------------------------------------


@right("pseudo_labels", "row by row, as lists, the last first")
def _(probabilities, threshold):
    indices, labels = [], []
    for n in reversed(range(len(probabilities))):
        row = probabilities[n].tolist()
        if max(row) >= threshold:
            indices.append(n)
            labels.append(row.index(max(row)))
    return indices, labels


@right("pseudo_labels", "PyTorch's max")
def _(probabilities, threshold):
    best, labels = torch.tensor(probabilities).max(dim=1)
    return torch.nonzero(best >= threshold).flatten(), labels[best >= threshold]


@right("pseudo_labels", "sorted by confidence, in single precision")
def _(probabilities, threshold):
    rows = probabilities.astype(np.float32)
    best = rows.max(1)
    order = np.argsort(-best)[: (best >= threshold).sum()]
    return order.astype(float), rows[order].argmax(1).astype(float)


@wrong("pseudo_labels", "swapped")
def _(probabilities, threshold):
    indices = np.flatnonzero(probabilities.max(1) >= threshold)[::-1]
    return probabilities[indices].argmax(1), indices


@wrong("pseudo_labels", "no_threshold")
def _(probabilities, threshold):
    return np.arange(len(probabilities)), probabilities.argmax(1)


@wrong("pseudo_labels", "strictly_above")
def _(probabilities, threshold):
    sure = probabilities.max(1) > threshold
    return np.flatnonzero(sure), probabilities[sure].argmax(1)


@wrong("pseudo_labels", "labels_of_all")
def _(probabilities, threshold):
    return np.flatnonzero(probabilities.max(1) >= threshold), probabilities.argmax(1)


@wrong("pseudo_labels", "probabilities_for_labels")
def _(probabilities, threshold):
    best = probabilities.max(1)
    return np.flatnonzero(best >= threshold), best[best >= threshold]


@wrong("pseudo_labels", "renumbered")
def _(probabilities, threshold):
    kept = probabilities[probabilities.max(1) >= threshold]
    return np.arange(len(kept)), kept.argmax(1)


@wrong("pseudo_labels", "mask_for_indices")
def _(probabilities, threshold):
    sure = probabilities.max(1) >= threshold
    return sure, probabilities[sure].argmax(1)


@wrong("pseudo_labels", "nested_indices")
def _(probabilities, threshold):
    indices = np.where(probabilities.max(1) >= threshold)
    return indices, probabilities[indices].argmax(1)


@wrong("pseudo_labels", "every_class_above")
def _(probabilities, threshold):
    indices, labels = np.where(probabilities >= threshold)
    return indices, labels


@wrong("pseudo_labels", "first_class_above")
def _(probabilities, threshold):
    above = probabilities >= threshold
    indices = np.flatnonzero(above.any(1))
    return indices, above[indices].argmax(1)


@wrong("pseudo_labels", "wrong_axis")
def _(probabilities, threshold):
    sure = probabilities.max(0) >= threshold
    return np.flatnonzero(sure), probabilities.argmax(0)[sure]


@wrong("pseudo_labels", "how_many")
def _(probabilities, threshold):
    sure = probabilities.max(1) >= threshold
    return np.flatnonzero(sure), probabilities[sure].argmax(1), probabilities[sure].max(1)


@wrong("pseudo_labels", "changed_input")
def _(probabilities, threshold):
    best = probabilities.max(1)
    probabilities[best < threshold] = 0
    return np.flatnonzero(best >= threshold), probabilities[best >= threshold].argmax(1)


@wrong("pseudo_labels", "course_code")
def _(probabilities, threshold):
    return objectives.pseudo_labels(probabilities, threshold)


@wrong("pseudo_labels", "unrecognised")
def _(probabilities, threshold):
    best = probabilities.astype(np.float16).max(1)
    return np.flatnonzero(best >= threshold), probabilities[best >= threshold].argmax(1)


ANSWERS.by_hand(
    "pseudo_labels",
    "The indices are (0, 2), the labels (1, 0).",
    lambda answer: near(
        np.array(answer(np.array([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]]), 0.8)), [[0, 2], [1, 0]]
    ),
)


# ---- draw_balanced ---------------------------------------------------------------------------


@right("draw_balanced", "the first ones in a random order, as a list")
def _(labels, per_class, rng):
    drawn, count = [], {}
    for i in rng.permutation(len(labels)):
        k = labels[i]
        if count.get(k, 0) < per_class:
            count[k] = count.get(k, 0) + 1
            drawn.append(int(i))
    return drawn


@right("draw_balanced", "sorted by class and at random, in PyTorch")
def _(labels, per_class, rng):
    order = np.lexsort((rng.random(len(labels)), labels))
    classes, first = np.unique(labels[order], return_index=True)
    places = (first[:, None] + np.arange(per_class)).ravel()
    return torch.tensor(order[places].copy())


@right("draw_balanced", "one class after the other, shuffled, in floating point")
def _(labels, per_class, rng):
    drawn = []
    for k in set(labels.tolist()):
        places = [float(i) for i, label in enumerate(labels) if label == k]
        rng.shuffle(places)
        drawn += places[:per_class]
    return np.array(drawn)


@wrong("draw_balanced", "labels_returned")
def _(labels, per_class, rng):
    return np.concatenate(
        [rng.choice(labels[labels == k], per_class, replace=False) for k in np.unique(labels)]
    )


@wrong("draw_balanced", "within_the_class")
def _(labels, per_class, rng):
    return np.concatenate(
        [rng.choice((labels == k).sum(), per_class, replace=False) for k in np.unique(labels)]
    )


@wrong("draw_balanced", "unbalanced")
def _(labels, per_class, rng):
    return rng.choice(len(labels), per_class * len(np.unique(labels)), replace=False)


@wrong("draw_balanced", "with_replacement")
def _(labels, per_class, rng):
    return np.concatenate(
        [rng.choice(np.flatnonzero(labels == k), per_class) for k in np.unique(labels)]
    )


@wrong("draw_balanced", "always_the_first")
def _(labels, per_class, rng):
    return np.concatenate([np.flatnonzero(labels == k)[:per_class] for k in np.unique(labels)])


@wrong("draw_balanced", "classes_assumed")
def _(labels, per_class, rng):
    return np.concatenate(
        [rng.choice(np.flatnonzero(labels == k), per_class, replace=False) for k in range(10)]
    )


@wrong("draw_balanced", "own_generator")
def _(labels, per_class, rng):
    rng = np.random.default_rng(0)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == k), per_class, replace=False)
            for k in np.unique(labels)
        ]
    )


@wrong("draw_balanced", "not_from_rng")
def _(labels, per_class, rng):
    rng = np.random.default_rng()
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == k), per_class, replace=False)
            for k in np.unique(labels)
        ]
    )


@wrong("draw_balanced", "never_drawn")
def _(labels, per_class, rng):
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == k)[: max(5, per_class)], per_class, replace=False)
            for k in np.unique(labels)
        ]
    )


@wrong("draw_balanced", "not_uniform")
def _(labels, per_class, rng):
    drawn = []
    for k in np.unique(labels):
        places = np.flatnonzero(labels == k)
        weights = np.r_[2, np.ones(len(places) - 1)] / (len(places) + 1)
        drawn.append(rng.choice(places, per_class, replace=False, p=weights))
    return np.concatenate(drawn)


@wrong("draw_balanced", "not_independent")
def _(labels, per_class, rng):
    drawn = []
    for k in np.unique(labels):  # neighbours, round a circle
        places = np.flatnonzero(labels == k)
        drawn.append(np.roll(places, rng.integers(len(places)))[:per_class])
    return np.concatenate(drawn)


@wrong("draw_balanced", "out_of_range")
def _(labels, per_class, rng):
    return 1 + np.concatenate(
        [
            np.append(
                rng.choice(np.flatnonzero(labels == k)[:-1], per_class - 1, False),
                [len(labels) - 1],
            )
            for k in np.unique(labels)
        ]
    )


@wrong("draw_balanced", "shape")
def _(labels, per_class, rng):
    return [
        rng.choice(np.flatnonzero(labels == k), per_class, replace=False) for k in np.unique(labels)
    ]


@wrong("draw_balanced", "not_integers")
def _(labels, per_class, rng):
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == k), per_class, replace=False) / len(labels)
            for k in np.unique(labels)
        ]
    )


@wrong("draw_balanced", "changed_input")
def _(labels, per_class, rng):
    drawn = []
    for k in np.unique(labels):
        for _ in range(per_class):
            i = rng.choice(np.flatnonzero(labels == k))
            labels[i] = -1
            drawn.append(i)
    return drawn


@wrong("draw_balanced", "course_code")
def _(labels, per_class, rng):
    sure, _ = objectives.pseudo_labels(rng.random((len(labels), 1)), 0)
    return sure[: 3 * per_class]


ANSWERS.by_hand(
    "draw_balanced",
    "both indices of the 4s, which are 1 and 4, and two of the indices 0, 2 and 3.",
    lambda answer: (
        {1, 4} < set(answer(np.array([7, 4, 7, 7, 4]), 2, np.random.default_rng(0)).tolist())
        and len(set(answer(np.array([7, 4, 7, 7, 4]), 2, np.random.default_rng(0)))) == 4
    ),
)


# ---- paired_interval -------------------------------------------------------------------------


@right("paired_interval", "draw by draw, as a list")
def _(a, b, t_95):
    differences = [y - x for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    half = t_95[len(differences) - 1] * statistics.stdev(differences) / math.sqrt(len(differences))
    mean = sum(differences) / len(differences)
    return [mean, mean - half, mean + half]


@right("paired_interval", "from sums, in one array")
def _(a, b, t_95):
    d, n = (b - a).astype(float), len(a)
    mean = d.sum() / n
    variance = ((d - mean) ** 2).sum() / (n - 1)
    return mean + t_95[n - 1] * np.sqrt(variance / n) * np.array([0, -1, 1])


@right("paired_interval", "the variances less twice the covariance")
def _(a, b, t_95):
    (of_a, both), (_, of_b) = np.cov(a, b)
    half = t_95[len(a) - 1] * np.sqrt(max(of_a + of_b - 2 * both, 0) / len(a))
    mean = b.mean() - a.mean()
    return mean, mean - half, mean + half


@right("paired_interval", "PyTorch's standard deviation, SciPy's t")
def _(a, b, t_95):
    d = torch.tensor(b, dtype=torch.float64) - torch.tensor(a)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std() / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half


def around(mean, half):
    return mean, mean - half, mean + half


@wrong("paired_interval", "unpaired")
def _(a, b, t_95):
    n = len(a)
    return around(b.mean() - a.mean(), t_95[n - 1] * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n))


@rare("paired_interval", "both sorted first")
def _(a, b, t_95):
    d = np.sort(b) - np.sort(a)
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "one standard deviation less the other", "unpaired")
def _(a, b, t_95):
    s = b.std(ddof=1) - a.std(ddof=1)
    return around((b - a).mean(), t_95[len(a) - 1] * s / np.sqrt(len(a)))


@rare("paired_interval", "the standard deviation of A alone", "unpaired")
def _(a, b, t_95):
    return around((b - a).mean(), t_95[len(a) - 1] * a.std(ddof=1) / np.sqrt(len(a)))


@rare("paired_interval", "the standard deviation of B alone, divided by n", "unpaired")
def _(a, b, t_95):
    return around((b - a).mean(), t_95[len(a) - 1] * b.std() / np.sqrt(len(a)))


@rare("paired_interval", "the variance", "deviation_for_error")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d) - 1] * d.var(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "the t of the example", "degrees_of_freedom")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), 4.303 * d.std(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "the sign reversed, and the default of NumPy", "sign_swapped")
def _(a, b, t_95):
    d = a - b
    return around(d.mean(), t_95[len(d) - 1] * d.std() / np.sqrt(len(d)))


@wrong("paired_interval", "table_misread")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95(len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "a key that is a text", "table_misread")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[str(len(d) - 1)] * d.std(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "two samples with their common variance", "unpaired")
def _(a, b, t_95):
    n = len(a)
    pooled = (a.var(ddof=1) + b.var(ddof=1)) / 2
    return around(b.mean() - a.mean(), t_95[2 * n - 2] * np.sqrt(pooled * 2 / n))


@wrong("paired_interval", "half_widths_added")
def _(a, b, t_95):
    half_a, half_b = (t_95[len(x) - 1] * x.std(ddof=1) / len(x) ** 0.5 for x in (a, b))
    mean = b.mean() - a.mean()
    return mean, (b.mean() - half_b) - (a.mean() + half_a), (b.mean() + half_b) - a.mean() + half_a


@wrong("paired_interval", "population_deviation")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d) - 1] * d.std() / np.sqrt(len(d)))


@rare("paired_interval", "n - 1 twice", "population_deviation")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d) - 1))


@wrong("paired_interval", "deviation_for_error")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1))


@wrong("paired_interval", "divided_by_n")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / len(d))


@wrong("paired_interval", "degrees_of_freedom")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[len(d)] * d.std(ddof=1) / np.sqrt(len(d)))


@rare("paired_interval", "the degrees of freedom of two samples", "degrees_of_freedom")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), t_95[2 * len(d) - 2] * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("paired_interval", "normal_quantile")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), 1.96 * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("paired_interval", "no_t")
def _(a, b, t_95):
    d = b - a
    return around(d.mean(), d.std(ddof=1) / np.sqrt(len(d)))


@wrong("paired_interval", "absolute_differences")
def _(a, b, t_95):
    d = np.abs(b - a)
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("paired_interval", "sign_swapped")
def _(a, b, t_95):
    d = a - b
    return around(d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("paired_interval", "not_centred")
def _(a, b, t_95):
    d = b - a
    half = t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), -half, half


@wrong("paired_interval", "order")
def _(a, b, t_95):
    d = b - a
    half = t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean(), d.mean() + half


@wrong("paired_interval", "how_many")
def _(a, b, t_95):
    d = b - a
    return d.mean(), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d))


@wrong("paired_interval", "ready_made")
def _(a, b, t_95):
    found = stats.ttest_rel(b, a)
    return (b - a).mean(), *found.confidence_interval()


@wrong("paired_interval", "course_code")
def _(a, b, t_95):
    return intervals.interval(b - a)


@wrong("paired_interval", "changed_input")
def _(a, b, t_95):
    b -= a
    return around(b.mean(), t_95[len(b) - 1] * b.std(ddof=1) / np.sqrt(len(b)))


@wrong("paired_interval", "unrecognised")
def _(a, b, t_95):
    d = b - a
    return around(np.median(d), t_95[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d)))


ANSWERS.by_hand(
    "paired_interval",
    r"so the interval is $2 \pm 4.303 \cdot \sqrt{3} / \sqrt{3}$, from −2.30 to 6.30.",
    lambda answer: near(
        answer(np.array([80, 78, 90]), np.array([81, 82, 91]), {2: 4.303, 3: 3.182}),
        [2, -2.30, 6.30],
        tolerance=2e-3,
    ),
)


# ---- choose ----------------------------------------------------------------------------------


def squared_distances(some, others):
    squares = (some**2).sum(1)[:, None] - 2 * some @ others.T + (others**2).sum(1)
    return np.maximum(squares, 0)


def middles(images, groups):
    """Of each group the picture nearest to its mean."""
    chosen = []
    for g in np.unique(groups):
        places = np.flatnonzero(groups == g)
        gaps = ((images[places] - images[places].mean(axis=0)) ** 2).sum(axis=1)
        chosen.append(places[gaps.argmin()])
    return np.array(chosen)


@right("choose", "greedily the one that brings most pictures nearer to a chosen one")
def _(images, n):
    gaps, nearest, chosen = squared_distances(images, images), np.full(len(images), np.inf), []
    nearest[:] = gaps.max()
    for _ in range(n):
        gain = np.maximum(nearest[:, None] - gaps, 0).sum(axis=0)
        chosen.append(int(gain.argmax()))
        nearest = np.minimum(nearest, gaps[:, chosen[-1]])
    return chosen


@right("choose", "hierarchical clustering, by SciPy")
def _(images, n):
    from scipy.cluster.hierarchy import fcluster, linkage

    return middles(images, fcluster(linkage(images, "ward"), n, "maxclust"))


@right("choose", "scikit-learn's k-means, in floating point")
def _(images, n):
    from sklearn.cluster import KMeans

    return middles(images, KMeans(n, n_init=1, random_state=0).fit_predict(images)).astype(float)


@wrong("choose", "as_random")
def _(images, n):
    return np.random.default_rng(5).choice(len(images), n, replace=False)


@wrong("choose", "not_central")
def _(images, n):
    from sklearn.cluster import KMeans

    groups = KMeans(n, n_init=1, random_state=0).fit_predict(images)
    return [np.flatnonzero(groups == g)[-1] for g in range(n)]


@wrong("choose", "labels_used")
def _(images, n):
    place = {picture.tobytes(): i for i, picture in enumerate(DIGITS.train_images)}
    known = LABELS[[place[picture.tobytes()] for picture in images]]
    return np.concatenate([np.flatnonzero(known == k)[: n // 10] for k in range(10)])


@wrong("choose", "digit_missing")
def _(images, n):
    gaps = squared_distances(images, images.mean(axis=0, keepdims=True))[:, 0]
    return gaps.argsort()[:n]


@wrong("choose", "outliers")
def _(images, n):
    chosen = [int(images.sum(axis=1).argmax())]
    while len(chosen) < n:
        chosen.append(int(squared_distances(images, images[chosen]).min(axis=1).argmax()))
    return chosen


@wrong("choose", "too_similar")
def _(images, n):
    from sklearn.cluster import KMeans

    centres = KMeans(16, n_init=1, random_state=0).fit(images).cluster_centers_
    order = squared_distances(images, centres).argsort(axis=0)
    chosen = dict.fromkeys(order.ravel().tolist())  # the nearest of each, then the second nearest
    return list(chosen)[:n]


@wrong("choose", "wrong_number")
def _(images, n):
    from sklearn.cluster import KMeans

    return middles(images, KMeans(50, n_init=1, random_state=0).fit_predict(images))


@wrong("choose", "not_integers")
def _(images, n):
    return images[:n].mean(axis=1)


@wrong("choose", "out_of_range")
def _(images, n):
    return np.linspace(0, len(images), n).astype(int)


@wrong("choose", "chosen_twice")
def _(images, n):
    return np.random.default_rng(0).integers(0, len(images), n)


@wrong("choose", "labels_fetched")
def _(images, n):
    labels = corpora.digits().train_labels
    return np.concatenate([np.flatnonzero(labels[:700] == k)[: n // 10] for k in range(10)])


@wrong("choose", "below_bar")
def _(images, n):
    from sklearn.cluster import KMeans

    some = middles(images, KMeans(12, n_init=1, random_state=0).fit_predict(images))
    others = np.random.default_rng(0).permutation(np.setdiff1d(np.arange(len(images)), some))
    return np.append(some, others[: n - 12])
