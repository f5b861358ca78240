"""Answers to lab 9, answer many at once: right ones in several ways, wrong ones by mistake."""

import codecs
import math
import re
from collections import deque
from fractions import Fraction

import numpy as np
import torch
from answers.lab import Answers, near

ANSWERS = Answers(
    "09_serving",
    trains=("goodput",),
    plain_hints=(
        "not_two_lists",
        "not_a_plan",
        "not_texts",
        "how_many",
        "raised",
        "endless",
        "stop_iteration",
    ),
    harmless={
        "cache_bytes": {
            "argument 2 as in the first call": "the number of query heads does not matter",
            "cached without argument 2": "the number of query heads does not matter",
        },
    },
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- 1 cached_attention ------------------------------------------------------------------------


@right("cached_attention", "with an axis for the group, and einsum")
def _(q, k, v, k_cache, v_cache):
    keys, values = torch.cat((k_cache, k), 1), torch.cat((v_cache, v), 1)
    G, n, D = keys.shape
    T = q.size(1)
    grouped = q.view(G, -1, T, D)  # (G, H / G, T, D)
    scores = torch.einsum("ghtd,gnd->ghtn", grouped, keys) * D**-0.5
    scores = scores + torch.full((T, n), -math.inf).triu(n - T + 1)
    out = torch.einsum("ghtn,gnd->ghtd", scores.softmax(-1), values)
    return out.reshape(q.shape), keys, values


@right("cached_attention", "in NumPy, query by query, without a mask")
def _(q, k, v, k_cache, v_cache):
    q, k, v, k_cache, v_cache = (x.numpy() for x in (q, k, v, k_cache, v_cache))
    keys, values = np.concatenate((k_cache, k), 1), np.concatenate((v_cache, v), 1)
    out = np.zeros_like(q)
    for head in range(len(q)):
        shared = head * len(k) // len(q)
        for i in range(q.shape[1]):
            seen = k_cache.shape[1] + i + 1
            z = keys[shared, :seen] @ q[head, i] / np.sqrt(q.shape[2])
            weights = np.exp(z - z.max())
            out[head, i] = weights / weights.sum() @ values[shared, :seen]
    return [out, keys, values]


@right("cached_attention", "a running softmax over the keys, and a preallocated cache")
def _(q, k, v, k_cache, v_cache):
    (H, T, D), (G, P, _) = q.shape, k_cache.shape
    keys, values = torch.empty(G, P + T, D), torch.empty(G, P + T, D)
    keys[:, :P], keys[:, P:], values[:, :P], values[:, P:] = k_cache, k, v_cache, v
    top, total, out = torch.full((H, T, 1), -1e30), torch.zeros(H, T, 1), torch.zeros(H, T, D)
    heads = [h // (H // G) for h in range(H)]
    for j in range(P + T):
        score = (q * keys[heads, j][:, None]).sum(-1, keepdim=True) / D**0.5
        score[:, : max(j - P, 0)] = -1e30  # earlier queries
        higher = torch.maximum(top, score)
        shrink, weight = (top - higher).exp(), (score - higher).exp()
        weight[:, : max(j - P, 0)] = 0
        total = total * shrink + weight
        out = out * shrink + weight * values[heads, j][:, None]
        top = higher
    return out / total, keys, values


def _small(cached_attention):
    def vectors(*firsts):
        return torch.tensor([[[float(x), 0, 0, 0] for x in firsts]])

    inputs = vectors(2), vectors(0), vectors(0), vectors(0, math.log(2)), vectors(4, 8)
    out, keys, _ = cached_attention(*inputs)
    return near(out, vectors(5)) and keys.shape == (1, 3, 4)


ANSWERS.by_hand(
    "cached_attention",
    "The weights are 1/4, 1/2 and 1/4, so the output is 1/4 · 4 + 1/2 · 8 + 1/4 · 0 = 5.",
    _small,
)


@wrong("cached_attention", "ready_made")
def _(q, k, v, k_cache, v_cache):
    keys, values = torch.cat((k_cache, k), 1), torch.cat((v_cache, v), 1)
    group, T, n = len(q) // len(k), q.size(1), keys.size(1)
    out = torch.nn.functional.scaled_dot_product_attention(
        q,
        keys.repeat_interleave(group, 0),
        values.repeat_interleave(group, 0),
        attn_mask=torch.ones(T, n).tril(n - T).bool(),
    )
    return out, keys, values


@wrong("cached_attention", "changed_input")
def _(q, k, v, k_cache, v_cache):
    q /= math.sqrt(q.size(2))
    return ANSWERS.right_answers["cached_attention"]["with an axis for the group, and einsum"](
        q * math.sqrt(q.size(2)), k, v, k_cache, v_cache
    )


@wrong("cached_attention", "how_many")
def _(q, k, v, k_cache, v_cache):
    return (torch.zeros_like(q), torch.cat((k_cache, k), 1))


def _attend(
    spread=None, mask=None, scale=None, order=(0, 1), returned=None, fill=-math.inf, axis=-1
):
    """The right way with one part exchanged.

    mask: of the position of a query (T, 1), of a key (n,), and of P. returned: of the new caches,
    the new keys and values, the old caches and H.
    """

    def answer(q, k, v, k_cache, v_cache):
        (H, T, D), P = q.shape, k_cache.size(1)
        pairs = (k_cache, k), (v_cache, v)
        keys, values = (torch.cat([pair[i] for i in order], 1) for pair in pairs)
        wide = spread or (lambda x: x.repeat_interleave(H // len(x), 0))
        z = q @ wide(keys).transpose(1, 2) / (scale(D) if scale else math.sqrt(D))
        rows, columns = torch.arange(P, P + T)[:, None], torch.arange(P + T)
        seen = mask(rows, columns, P) if mask else columns <= rows
        out = torch.where(seen, z, fill).softmax(axis) @ wide(values)
        caches = returned((keys, values), (k, v), (k_cache, v_cache), H) if returned else None
        return (out, *(caches or (keys, values)))

    return answer


for _hint, _changed in {
    "new_missing": {"mask": lambda rows, columns, P: (columns < P) & (rows >= 0)},
    "cache_unused": {"mask": lambda rows, columns, P: (columns >= P) & (columns <= rows)},
    "mask_from_start": {"mask": lambda rows, columns, P: columns <= rows - P},
    "no_mask": {"mask": lambda rows, columns, P: columns + rows >= 0},
    "masked_with_zero": {"fill": 0.0},
    "wrong_scale": {"scale": lambda D: D},
    "half_a_cache": {"returned": lambda both, new, old, H: old},
    "expanded_cache": {
        "returned": lambda both, new, old, H: [x.repeat_interleave(H // len(x), 0) for x in both]
    },
    "new_first": {"order": (1, 0)},
    "exchanged": {"returned": lambda both, new, old, H: both[::-1]},
    "wrong_axis": {"axis": 1},
}.items():
    wrong("cached_attention", _hint)(_attend(**_changed))


@wrong("cached_attention", "wrong_group")
def _(q, k, v, k_cache, v_cache):
    H = len(q)
    return _attend(spread=lambda x: x[[head % len(x) for head in range(H)]])(
        q, k, v, k_cache, v_cache
    )


# ---- 2 cache_bytes -----------------------------------------------------------------------------


@right("cache_bytes", "text by text")
def _(lengths, n_layers, n_heads, n_kv_heads, head_dim, bits):
    total = 0
    for length in lengths:
        for _kind in ("K", "V"):
            total += length * n_layers * n_kv_heads * head_dim * bits
    return total // 8


@right("cache_bytes", "from shapes, as a NumPy number")
def _(lengths, n_layers, n_heads, n_kv_heads, head_dim, bits):
    shape = 2, n_layers, n_kv_heads, head_dim
    return np.prod(shape) * np.sum(lengths) * (bits / 8)


@right("cache_bytes", "as a fraction, in a tensor")
def _(lengths, n_layers, n_heads, n_kv_heads, head_dim, bits):
    group = Fraction(n_heads, n_kv_heads)
    width = n_heads * head_dim / group
    return torch.tensor(float(2 * n_layers * width * sum(lengths) * bits / 8), dtype=torch.float64)


ANSWERS.by_hand(
    "cache_bytes",
    "2 · 2 · 2 · 4 · 8 · 2 = 512 bytes",
    lambda cache_bytes: cache_bytes([3, 5], 2, 8, 2, 4, 16) == 512,
)

# ---- 3 block_table -----------------------------------------------------------------------------


@right("block_table", "by comparing with every earlier text")
def _(texts, block_size):
    tables, fresh = [], 0
    for t, text in enumerate(texts):
        table = []
        for i in range(math.ceil(len(text) / block_size)):
            end = (i + 1) * block_size
            same = [
                s
                for s in range(t)
                if end <= min(len(text), len(texts[s])) and texts[s][:end] == text[:end]
            ]
            if same:
                table.append(tables[same[0]][i])
            else:
                table.append(fresh)
                fresh += 1
        tables.append(table)
    slots = [
        [block * block_size + j for block in table for j in range(block_size)][: len(text)]
        for table, text in zip(tables, texts, strict=True)
    ]
    return tables, slots


@right("block_table", "as a tree of blocks, with divmod and arrays")
def _(texts, block_size):
    root, n, tables, slots = {}, 0, [], []
    for text in texts:
        node, table = root, []
        pieces = [tuple(text[i : i + block_size]) for i in range(0, len(text), block_size)]
        for piece in pieces:
            if len(piece) == block_size and piece in node:
                number, node = node[piece]
            else:
                number, n, child = n, n + 1, {}
                if len(piece) == block_size:
                    node[piece] = number, child
                node = child
            table.append(number)
        tables.append(np.array(table))
        places = [divmod(i, block_size) for i in range(len(text))]
        slots.append(torch.tensor([table[b] * block_size + r for b, r in places]))
    return [tables, slots]


@right("block_table", "token by token, with a chained hash")
def _(texts, block_size):
    index, taken, tables, slots = {}, 0, [], []
    for text in texts:
        table, row, key = [], [], 0
        for i, _token in enumerate(text):
            if i % block_size == 0:
                block = tuple(text[i : i + block_size])
                key = hash((key, block))
                number = index.get(key) if len(block) == block_size else None
                if number is None:
                    number, taken = taken, taken + 1
                    if len(block) == block_size:
                        index[key] = number
                table.append(number)
            row.append(block_size * table[-1] + i % block_size)
        tables.append(tuple(table))
        slots.append(tuple(row))
    return tuple(tables), tuple(slots)


ANSWERS.by_hand(
    "block_table",
    "The second shares block 0, takes block 2 for (5, 6), and its tokens are in slots 0, 1, 4 "
    "and 5.",
    lambda block_table: (
        block_table([[7, 8, 9], [7, 8, 5, 6]], 2) == ([[0, 1], [0, 2]], [[0, 1, 2], [0, 1, 4, 5]])
    ),
)


@wrong("block_table", "not_two_lists")
def _(texts, block_size):
    return [[0] for _ in texts]


# ---- 4 plan_step -------------------------------------------------------------------------------


@right("plan_step", "in three loops, with the memory that each text has left in its last block")
def _(running, waiting, max_running, token_budget, free_blocks, block_size):
    reads, draws, budget, free = {}, set(), token_budget, free_blocks

    def try_to_read(text):
        nonlocal budget, free
        n = min(budget, text["unread"])
        room = -text["cached"] % block_size  # in the last block
        needed = max(0, math.ceil((n - room) / block_size))
        if n < 1 or needed > free:
            return False
        budget, free = budget - n, free - needed
        reads[text["name"]] = n
        if n == text["unread"]:
            draws.add(text["name"])
        return True

    for text in running:
        if text["unread"] == 1:
            try_to_read(text)
    for text in running:
        if text["unread"] > 1:
            try_to_read(text)
    for place, text in enumerate(waiting):
        if len(running) + place >= max_running or not try_to_read(text):
            break
    return reads, draws


@right("plan_step", "with queues, and texts that read nothing in the plan")
def _(running, waiting, max_running, token_budget, free_blocks, block_size):
    plan = {text["name"]: 0 for text in running}
    decoding = deque(t for t in running if t["unread"] == 1)
    prompts = deque(t for t in running if t["unread"] != 1)
    for text in (*decoding, *prompts):
        n = min(text["unread"], token_budget - sum(plan.values()))
        have = (text["cached"] + block_size - 1) // block_size
        need = (text["cached"] + n + block_size - 1) // block_size
        if need - have <= free_blocks:
            plan[text["name"]] = n
            free_blocks -= need - have
    queue = deque(waiting)
    while queue and len(plan) < max_running and sum(plan.values()) < token_budget:
        text = queue.popleft()
        n = min(text["unread"], token_budget - sum(plan.values()))
        have = (text["cached"] + block_size - 1) // block_size
        need = (text["cached"] + n + block_size - 1) // block_size
        if need - have > free_blocks:
            break
        plan[text["name"]] = n
        free_blocks -= need - have
    unread = {text["name"]: text["unread"] for text in (*running, *waiting)}
    return plan, tuple(name for name, n in plan.items() if n == unread[name])


ANSWERS.by_hand(
    "plan_step",
    "The plan is {a: 1, b: 9, c: 2}, and tokens are drawn for a and b.",
    lambda plan_step: (
        plan_step(
            [
                {"name": "a", "cached": 12, "unread": 1},
                {"name": "b", "cached": 4, "unread": 9},
            ],
            [{"name": "c", "cached": 0, "unread": 6}],
            3,
            12,
            5,
            4,
        )
        == ({"a": 1, "b": 9, "c": 2}, ["a", "b"])
    ),
)


@wrong("plan_step", "not_a_plan")
def _(running, waiting, max_running, token_budget, free_blocks, block_size):
    return {text["name"]: 1 for text in running}, "a"


@wrong("plan_step", "changed_input")
def _(running, waiting, max_running, token_budget, free_blocks, block_size):
    running.sort(key=lambda text: text["unread"] > 1)
    running.reverse()
    return {}, []


# ---- 5 verify ----------------------------------------------------------------------------------


@right("verify", "without a loop")
def _(p, q, drafts, points):
    K = len(drafts)
    at = np.arange(K), drafts
    rejected = points >= np.minimum(1, p[:-1][at] / q[at])
    m = int(rejected.argmax()) if rejected.any() else K
    padded = np.vstack((q, np.zeros_like(q[:1])))  # behind the last draft q is 0
    rest = (p[m] - padded[m]).clip(min=0)
    return m, rest / rest.sum()


@right("verify", "in PyTorch, with products instead of ratios")
def _(p, q, drafts, points):
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    kept = 0
    while kept < len(drafts):
        x = int(drafts[kept])
        if not points[kept] * q[kept, x] < p[kept, x]:
            rest = torch.relu(p[kept] - q[kept])
            return torch.tensor(kept), rest / rest.sum()
        kept += 1
    return torch.tensor(kept), p[kept]


@right("verify", "with the residual as p minus the overlap")
def _(p, q, drafts, points):
    for m, (x, u) in enumerate(zip(drafts.tolist(), points.tolist(), strict=True)):
        if u * q[m][x] >= p[m][x]:
            overlap = [min(a, b) for a, b in zip(p[m], q[m], strict=True)]
            missed = 1 - sum(overlap)
            return [m, [(a - o) / missed for a, o in zip(p[m], overlap, strict=True)]]
    return [len(drafts), list(p[-1])]


ANSWERS.by_hand(
    "verify",
    "One draft is accepted, and max(p - q, 0) = (0, 0.2, 0.1) gives the distribution (0, 0.667, "
    "0.333).".replace("p - q", "p − q"),
    lambda verify: (
        (
            verify(
                np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [1, 0, 0]]),
                np.array([[0.6, 0.2, 0.2], [0.4, 0.4, 0.2]]),
                np.array([0, 0]),
                np.array([0.4, 0.7]),
            )[0]
            == 1
        )
        and near(
            verify(
                np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [1, 0, 0]]),
                np.array([[0.6, 0.2, 0.2], [0.4, 0.4, 0.2]]),
                np.array([0, 0]),
                np.array([0.4, 0.7]),
            )[1],
            [0, 2 / 3, 1 / 3],
        )
    ),
)


@wrong("verify", "course_code")
def _(p, q, drafts, points):
    from grooves.inference.speculative import verify_exact

    kept, _ = verify_exact(*(torch.from_numpy(x)[None] for x in (p, q, drafts)))
    return int(kept), p[int(kept)]


@wrong("verify", "how_many")
def _(p, q, drafts, points):
    return (len(drafts),)


def _verified(test=None, rest=None, normalise=True, last=None, stop=True):
    """The right way with one part exchanged. test: of p and q of a draft, its point, and row p."""

    def answer(p, q, drafts, points):
        kept, first = 0, None
        for i, x in enumerate(drafts):
            ok = (test or (lambda a, b, u, row, x: u < a / b))(p[i, x], q[i, x], points[i], p[i], x)
            kept += bool(ok)
            if not ok and first is None:
                first = i
                if stop:
                    break
        if kept == len(drafts):
            return kept, last(p, q) if last else p[-1]
        at = first if stop else kept
        left = (rest or (lambda p, q, m, x: np.maximum(0, p[m] - q[m])))(p, q, at, drafts[at])
        return kept, left / left.sum() if normalise else left

    return answer


for _hint, _changed in {
    "from_p": {"rest": lambda p, q, m, x: p[m]},
    "greedy": {"test": lambda a, b, u, row, x: row.argmax() == x},
    "not_normalised": {"normalise": False},
    "bonus_forgotten": {"last": lambda p, q: p[len(q) - 1]},
    "ratio_inverted": {"test": lambda a, b, u, row, x: u * a < b},
    "wrong_threshold": {"test": lambda a, b, u, row, x: u < a},
    "after_rejection": {"stop": False},
    "residual_turned": {"rest": lambda p, q, m, x: (q[m] - p[m]).clip(0)},
    "not_clipped": {"rest": lambda p, q, m, x: abs(p[m] - q[m])},
    "wrong_place": {"rest": lambda p, q, m, x: (p[m + 1] - q[m]).clip(0)},
    "rejected_only": {"rest": lambda p, q, m, x: p[m] * (np.arange(len(p[m])) != x)},
    "impossible_accepted": {"test": lambda a, b, u, row, x: u <= a / b},
}.items():
    wrong("verify", _hint)(_verified(**_changed))


# ---- 6 percentile ------------------------------------------------------------------------------


@right("percentile", "by counting how many are at or below each latency")
def _(groups, p):
    values = [value for group in groups for value in group]
    enough = [
        value
        for value in values
        if 100 * sum(other <= value for other in values) >= p * len(values)
    ]
    return min(enough)


@right("percentile", "in NumPy")
def _(groups, p):
    values = np.sort(np.concatenate([np.asarray(group, dtype=float) for group in groups]))
    return values[int(np.ceil(p / 100 * values.size)) - 1]


@right("percentile", "with NumPy's method of the inverted distribution function")
def _(groups, p):
    with np.errstate(all="ignore"):
        return np.percentile(
            [value for group in groups for value in group], p, method="inverted_cdf"
        )


@right("percentile", "in PyTorch, with kthvalue")
def _(groups, p):
    values = torch.cat([torch.tensor(group, dtype=torch.float64) for group in groups])
    return values.kthvalue(-int(-len(values) * p // 100)).values


ANSWERS.by_hand(
    "percentile",
    "All together, n = 4: the median has rank 2 and is 2 s, and the 95th percentile has rank "
    "⌈3.8⌉ = 4 and is 10 s.",
    lambda percentile: (
        percentile([[3, 1, 2], [10]], 50) == 2 and percentile([[3, 1, 2], [10]], 95) == 10
    ),
)


@wrong("percentile", "course_code")
def _(groups, p):
    from grooves.inference import latency

    return latency.percentile([value for group in groups for value in group], p)


# ---- 7 littles_law -----------------------------------------------------------------------------


@right("littles_law", "event by event, in plain Python")
def _(arrivals, departures, tokens, block_size):
    needed = [math.ceil(n / block_size) for n in tokens]
    events = [(t, 1, b) for t, b in zip(arrivals, needed, strict=True)]
    events += [(t, -1, -b) for t, b in zip(departures, needed, strict=True)]
    events.sort()
    inside = held = area = blocks = 0.0
    before = events[0][0]
    for t, change, more in events:
        area += inside * (t - before)
        blocks += held * (t - before)
        inside, held, before = inside + change, held + more, t
    window = events[-1][0] - events[0][0]
    return len(arrivals) / window, area / len(arrivals), area / window, blocks / window


@right("littles_law", "in PyTorch, as one tensor turned into a list")
def _(arrivals, departures, tokens, block_size):
    came, went = (torch.tensor(x, dtype=torch.float64) for x in (arrivals, departures))
    stay, window = went - came, went.max() - came.min()
    blocks = (torch.tensor(tokens) + block_size - 1) // block_size
    rate = len(stay) / window
    return torch.stack(
        (rate, stay.mean(), stay.sum() / window, stay @ blocks.double() / window)
    ).tolist()


@right("littles_law", "as an array, from sums only")
def _(arrivals, departures, tokens, block_size):
    n, seconds = len(arrivals), max(departures) - min(arrivals)
    total = sum(departures) - sum(arrivals)
    held = sum(
        (d - a) * (1 + (t - 1) // block_size)
        for a, d, t in zip(arrivals, departures, tokens, strict=True)
    )
    return np.array([n / seconds, total / n, total / seconds, held / seconds])


ANSWERS.by_hand(
    "littles_law",
    "λ = 3/8 = 0.375 per second, and W = (2 + 4 + 4) / 3 = 3.33 s, so L = 1.25.",
    lambda littles_law: near(
        [float(x) for x in littles_law([0, 1, 4], [2, 5, 8], [16, 32, 48], 16)],
        [0.375, 10 / 3, 1.25, 2.75],
    ),
)
ANSWERS.by_hand(
    "littles_law",
    "Blocks in use: 3/8 · (1 · 2 + 2 · 4 + 3 · 4) / 3 = 2.75.",
    lambda littles_law: near(float(littles_law([0, 1, 4], [2, 5, 8], [16, 32, 48], 16)[3]), 2.75),
)


@wrong("littles_law", "how_many")
def _(arrivals, departures, tokens, block_size):
    return 1.0, 2.0, 2.0


def _little(
    window=lambda a, d: max(d) - min(a),
    n=len,
    mean=lambda t: sum(t) / len(t),
    since=lambda a, i: a[i],
    flight=lambda rate, stay, a, d: rate * stay,
    blocks=lambda n, size: math.ceil(n / size),
    used=None,
):
    """The right way with one part exchanged."""

    def answer(arrivals, departures, tokens, block_size):
        seconds = window(arrivals, departures)
        own = [d - a for a, d in zip(arrivals, departures, strict=True)]
        stays = [d - since(arrivals, i) for i, d in enumerate(departures)]
        rate, stay, held = (
            n(arrivals) / seconds,
            mean(stays),
            [blocks(t, block_size) for t in tokens],
        )
        inside = flight(rate, stay, arrivals, departures)
        weighted = sum(b * t for b, t in zip(held, own, strict=True)) / seconds
        return rate, stay, inside, used(inside, held) if used else weighted

    return answer


def _most(rate, stay, arrivals, departures):
    """The largest number in flight."""
    inside = most = 0
    for _, change in sorted([(t, 1) for t in arrivals] + [(t, -1) for t in departures]):
        inside += change
        most = max(most, inside)
    return most


for _hint, _changed in {
    "window": {"window": lambda a, d: max(a) - min(a)},
    "gaps_counted": {"n": lambda a: len(a) - 1},
    "not_the_mean": {"mean": lambda t: float(np.median(t))},
    "time_since_start": {"since": lambda a, i: min(a)},
    "divided": {"flight": lambda rate, stay, a, d: rate / stay},
    "peak": {"flight": _most},
    "in_flight_rounded": {"flight": lambda rate, stay, a, d: math.ceil(rate * stay)},
    "blocks_rounded_wrongly": {"blocks": lambda n, size: n // size},
    "product_of_means": {"used": lambda inside, held: inside * sum(held) / len(held)},
    "all_blocks": {"used": lambda inside, held: sum(held)},
}.items():
    wrong("littles_law", _hint)(_little(**_changed))


# ---- 8 read_stream -----------------------------------------------------------------------------


@right("read_stream", "with an incremental decoder and find")
def _(chunks):
    decoder, text, gathered = codecs.getincrementaldecoder("utf-8")(), "", []
    for chunk in chunks:
        text += decoder.decode(chunk)
        while (end := text.find("\n")) >= 0:
            line, text = text[:end], text[end + 1 :]
            if line.endswith("\r"):
                line = line[:-1]
            field, colon, value = line.partition(":")
            if field == "data" and colon:
                gathered.append(value[1:] if value[:1] == " " else value)
            if not line and gathered:
                event, gathered = "\n".join(gathered), []
                if event == "[DONE]":
                    return
                yield event


@right("read_stream", "event by event, with a regular expression on bytes")
def _(chunks):
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        while blank := re.search(rb"(?:^|(?<=\n))\r?\n", buffer):
            lines, buffer = buffer[: blank.start()], buffer[blank.end() :]
            values = re.findall(rb"^data:(?: ?)([^\n]*?)\r?$", lines.rstrip(b"\n"), re.MULTILINE)
            if not values:
                continue
            event = b"\n".join(values).decode()
            if event == "[DONE]":
                return
            yield event


@right("read_stream", "byte by byte, in a class that is an iterator")
class Reader:
    def __init__(self, chunks):
        self.chunks, self.line, self.data, self.ready, self.ended = (
            chunks,
            b"",
            None,
            deque(),
            False,
        )

    def __iter__(self):
        return self

    def __next__(self):
        while not self.ready and not self.ended:
            for byte in next(self.chunks):
                if byte != 10:
                    self.line += bytes([byte])
                    continue
                self.end_of_line()
        if self.ready:
            return self.ready.popleft()
        raise StopIteration

    def end_of_line(self):
        line, self.line = self.line.rstrip(b"\r").decode(), b""
        if self.ended:
            return
        if line[:5] == "data:":
            value = line[6:] if line[5:6] == " " else line[5:]
            self.data = value if self.data is None else f"{self.data}\n{value}"
        elif not line and self.data is not None:
            if self.data == "[DONE]":
                self.ended = True
            else:
                self.ready.append(self.data)
            self.data = None


ANSWERS.by_hand(
    "read_stream",
    "The chunks are `data: On`, `ce\\n\\nda` and `ta: upon\\n\\ndata: [DONE]\\n\\n`.",
    lambda read_stream: (
        list(read_stream(iter([b"data: On", b"ce\n\nda", b"ta: upon\n\ndata: [DONE]\n\n"])))
        == ["Once", "upon"]
        and next(read_stream(iter([b"data: On", b"ce\n\nda"]))) == "Once"
    ),
)


@wrong("read_stream", "not_texts")
def _(chunks):
    for chunk in chunks:
        yield chunk.removeprefix(b"data: ")


@wrong("read_stream", "stop_iteration")
def _(chunks):
    line = b""
    while True:
        line += next(chunks)
        while b"\n\n" in line:
            event, _, line = line.partition(b"\n\n")
            yield event.decode().removeprefix("data: ")


@wrong("read_stream", "endless")
def _(chunks):
    while True:
        line = next(chunks, b"").decode(errors="ignore")
        if line == "data: [DONE]\n\n":
            return
        if line:
            yield line.removeprefix("data: ").strip()


@wrong("read_stream", "raised")
def _(chunks):
    def recoded():
        for chunk in chunks:
            yield chunk.decode().encode()

    return ANSWERS.reference("read_stream")(recoded())


# ---- 9 goodput ---------------------------------------------------------------------------------


def policy(budget=300, order=None, late=lambda server, text: False, admits=None):
    """Continuous batching with a budget, an order of the prompts, and texts that are dropped."""

    def plan(server):
        for text in [*server.waiting, *server.running]:
            if late(server, text):
                server.drop(text.name)
        writing = [text for text in server.running if text.n_written]
        free = server.max_running - len(server.running)
        begun = [text for text in server.running if not text.n_written]
        waiting = sorted(server.waiting, key=order) if order else server.waiting
        prompts = [*begun, *waiting[: free if admits is None else admits(free)]]
        prompts = sorted(prompts, key=order) if order else prompts
        reads, left = {}, budget
        for text in [*writing, *prompts]:
            reads[text.name] = min(text.unread, left)
            left -= reads[text.name]
        return reads

    return plan


def _late(server, text):
    return not text.n_written and server.now_s - text.arrival_s > 0.9 - text.unread / 4000


right("goodput", "the shortest prompt first, late ones dropped")(
    policy(order=lambda text: text.unread, late=_late)
)


@right("goodput", "the least work first, as a list of pairs")
def _(server):
    plan = policy(290, order=lambda text: text.unread + 20 * text.n_new, late=_late)
    return list(plan(server).items())


wrong("goodput", "late_first_tokens")(policy())
wrong("goodput", "long_gaps")(policy(100_000, late=_late))
wrong("goodput", "dropped_too_many")(policy(late=lambda server, text: text.n_prompt > 300))
wrong("goodput", "too_many_running")(policy(admits=lambda free: free + 1))


@wrong("goodput", "nothing_read")
def _(server):
    return {text.name: 1 for text in server.running}


@wrong("goodput", "unknown_name")
def _(server):
    plan = policy()(server)
    for text in list(server.running):
        if not text.n_written:
            server.drop(text.name)
    return plan


@wrong("goodput", "not_a_plan")
def _(server):
    return [text.name for text in server.waiting]
