"""Paged attention: that nothing is lost, leaked or mixed up, and that the numbers are the same."""

import numpy as np
import pytest
import torch
from tiny_models import INGREDIENTS, some_ids, tiny

from grooves.inference.paged_cache import PagedCache
from grooves.inference.paged_decoder import PagedDecoder
from grooves.inference.paging import (
    BlockPool,
    BlockTables,
    OutOfBlocks,
    content_hash,
    contiguous_waste,
    paged_waste,
)


def tables(n_blocks=8, block_size=4):
    return BlockTables(BlockPool(n_blocks, block_size))


def opened(paged, name, prompt):
    """Open a text, make room for the rest of its prompt and publish it; what was shared."""
    shared = paged.open(name, prompt)
    paged.append(name, prompt[shared:])
    paged.publish(name)
    return shared


def expected_logits(model, text):
    with torch.inference_mode():
        return model(torch.tensor([text]))[0, -1]


def read(cache, **new):
    """One forward pass; each text's logits must be those of the whole text without a cache."""
    for name, logits in cache.read(new).items():
        whole = expected_logits(cache.model, cache.tables.tokens[name])
        assert torch.allclose(logits, whole, atol=2e-4, rtol=1e-4), name
    cache.tables.check()


@pytest.mark.parametrize("kind", [PagedCache, PagedDecoder])
@pytest.mark.parametrize("changes", INGREDIENTS.values(), ids=INGREDIENTS.keys())
def test_the_paged_forward_pass_equals_the_one_without_a_cache(changes, kind):
    cache, (a, b, c, d) = kind(tiny(**changes), 40, 4), some_ids(4, 36).tolist()
    for name in "abcd":
        cache.tables.open(name)
    read(cache, a=a[:5], b=b[:1])
    read(cache, b=b[1:4], c=c[:13])  # blocks of different texts are interleaved by now
    read(cache, a=a[5:6], b=b[4:9], c=c[13:14])
    cache.tables.close("b")
    read(cache, a=a[6:30], c=c[14:15])
    read(cache, c=c[15:16])
    read(cache, c=c[16:17], d=d[:34], a=a[30:32])  # of these, the fast decoder leaves out the long
    read(cache, c=c[17:18], d=d[34:35])


def test_the_fast_decoder_computes_single_tokens_itself_and_refuses_other_models(monkeypatch):
    cache, text = PagedDecoder(tiny(), 20, 4), some_ids(1, 9)[0].tolist()
    cache.tables.open("a")
    read(cache, a=text[:6])
    monkeypatch.setattr("grooves.inference.paged_cache.forward_ragged", None)
    read(cache, a=text[6:7])
    cache.tables.open("b")
    read(cache, a=text[7:8], b=text[:6])
    with pytest.raises(ValueError, match="float32 model on the CPU: use PagedCache"):
        PagedDecoder(tiny().double(), 20, 4)


def test_texts_that_begin_alike_share_full_blocks_and_nothing_else():
    cache, (a, b) = PagedCache(tiny(), 12, 4), some_ids(2, 20).tolist()
    cache.tables.open("a", a)
    read(cache, a=a)
    for name, prompt, shared in (
        ("same", a, 16),  # the last token has to be computed, so the last block is not shared
        ("longer", [*a, 7], 20),
        ("part", [*a[:10], *b], 8),
        ("other", [b[0], *a[1:]], 0),
        ("later", [*a[4:16], 7], 0),  # the same blocks at other positions
    ):
        used = cache.tables.pool.n_used
        assert cache.tables.open(name, prompt) == shared
        assert cache.tables.pool.n_used == used, "sharing takes no block"
        read(cache, **{name: prompt[shared : shared + 5]})
        cache.tables.close(name)


def test_a_closed_text_can_be_shared_until_its_blocks_are_taken():
    paged, prompt = tables(n_blocks=4), list(range(1, 10))
    opened(paged, "a", prompt)
    paged.close("a")
    assert opened(paged, "b", prompt) == 8
    paged.close("b")
    opened(paged, "c", list(range(20, 31)))  # takes the two unused blocks and the prompt's second
    assert paged.open("d", prompt) == 4
    paged.check()


def test_a_fork_copies_a_block_before_it_writes_into_it():
    cache, (a, b) = PagedCache(tiny(), 8, 4), some_ids(2, 12).tolist()
    cache.tables.open("a")
    read(cache, a=a[:6])
    cache.tables.fork("a", "b")
    assert cache.tables.pool.n_used == 2
    read(cache, b=b[6:7])
    assert cache.tables.pool.n_used == 3, "one block was copied, the full one is still shared"
    read(cache, a=a[6:8], b=b[7:9])
    read(cache, a=a[8:9])


def test_a_cut_text_is_not_shared_with_what_it_no_longer_holds():
    cache, (a, b) = PagedCache(tiny(), 8, 4), some_ids(2, 12).tolist()
    cache.tables.open("a")
    read(cache, a=a)
    cache.tables.cut("a", 6)
    assert cache.tables.pool.n_used == 2
    read(cache, a=b[6:7])  # the second block is overwritten in part
    shared = cache.tables.open("again", a)
    assert shared == 4
    read(cache, again=a[shared:])


@pytest.mark.parametrize("seed", range(5))
def test_no_block_leaks_whatever_is_opened_grown_forked_cut_and_closed(seed):
    rng, paged, n = np.random.default_rng(seed), tables(n_blocks=24), 0
    prompts = [rng.integers(1, 9, rng.integers(1, 30)).tolist() for _ in range(6)]
    refused = 0
    for _ in range(400):
        names, n = list(paged.blocks), n + 1
        name = names[rng.integers(len(names))] if names else None
        what = rng.choice(["open", "append", "fork", "cut", "close"], p=[0.25, 0.4, 0.1, 0.1, 0.15])
        before = {k: (list(v), list(paged.tokens[k])) for k, v in paged.blocks.items()}
        try:
            if what == "open":
                prompt = prompts[rng.integers(6)]
                before[n] = None
                opened(paged, n, prompt)
            elif name is not None and what == "append":
                paged.append(name, rng.integers(1, 9, rng.integers(1, 7)).tolist())
                paged.publish(name)
            elif name is not None and what == "fork":
                paged.fork(name, n)
            elif name is not None and what == "cut":
                paged.cut(name, int(rng.integers(len(paged.tokens[name]) + 1)))
            elif name is not None:
                paged.close(name)
        except OutOfBlocks:
            refused += 1
            if what == "append":
                assert (paged.blocks[name], paged.tokens[name]) == before[name], "unchanged"
            else:
                paged.close(n)
        paged.check()
    assert 5 < refused < 300, "the pool must be full at times, and at times not"
    for name in list(paged.blocks):
        paged.close(name)
    assert paged.pool.n_used == 0 and sorted(paged.pool.free) == list(range(24))
    contents = paged.pool.by_content
    assert {block: key for key, block in contents.items()} == paged.pool.content_of


def test_where_there_is_no_room_nothing_changes():
    cache, (a, b) = PagedCache(tiny(), 4, 4), some_ids(2, 20).tolist()
    cache.tables.open("a")
    cache.tables.open("b")
    read(cache, a=a[:6])
    cache.tables.fork("a", "c")
    held = {name: list(table) for name, table in cache.tables.blocks.items()}
    with pytest.raises(OutOfBlocks, match=r"needed, but 2 of 4 are free"):
        cache.read({"c": a[6:7], "b": b[:9]})
    with pytest.raises(ValueError, match="context of 40"):
        cache.read({"c": [1] * 35})
    assert held == cache.tables.blocks
    read(cache, c=b[6:7], b=b[:3])


def test_waste_is_the_empty_share_of_what_is_reserved():
    assert contiguous_waste([48, 96], 192) == 0.625
    assert paged_waste([17, 32, 1], 16) == pytest.approx(1 - 50 / 80)
    paged = tables(n_blocks=9)
    assert paged.waste == 0
    opened(paged, "a", [1, 2, 3, 4, 5])
    assert paged.waste == pytest.approx(1 - 5 / 8)
    opened(paged, "b", [1, 2, 3, 4, 5, 6])  # a shared block counts once
    assert paged.waste == pytest.approx(1 - 7 / 12)
    with pytest.raises(ValueError, match="at most context=10"):
        contiguous_waste([11], 10)


def test_bad_requests_are_refused():
    paged = tables()
    paged.open("a", [1])
    for refused in (lambda: paged.open("a"), lambda: paged.fork("a", "a")):
        with pytest.raises(ValueError, match="text 'a' is open already"):
            refused()
    with pytest.raises(ValueError, match="length=2 is not from 0 to 0"):
        paged.cut("a", 2)
    with pytest.raises(ValueError, match="block 3 is free already"):
        paged.pool.release(3)
    with pytest.raises(ValueError, match="n_blocks=0"):
        BlockPool(0, 4)
    assert content_hash(b"", [1, 23]) != content_hash(b"", [12, 3])
