"""How the processes of one attempt find each other, and nobody of an earlier one.

Key idea: the processes meet in a store, a table that `torchrun` keeps, where each writes the
address at which it can be reached. After a restart the table still holds the addresses of processes
that were killed, and a process that reads one before it is overwritten tries for ten seconds to
reach the dead. PyTorch 2.13 keeps one table for all attempts, and the count of restarts that it
gives each process may differ between hosts, so neither tells the attempts apart. An answer does:
each process writes a name that nobody had before, and waits until rank 0 has answered to that name.
Chapter 13. Source: github.com/pytorch/pytorch/issues/135712.
"""

from __future__ import annotations

import json
import os
import time
import uuid

import torch.distributed as dist

PAUSE_S = 0.01  # between two looks at the table


def fresh_store(rank: int, n: int) -> dist.Store:
    """The store of `torchrun`, with a prefix that only the processes of this attempt use.

    Where torchrun was told not to keep one, rank 0 does.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    kept_by_torchrun = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(host, port, is_master=rank == 0 and not kept_by_torchrun)
    attempt = answer(store, n) if rank == 0 else call(store, rank)
    return dist.PrefixStore(attempt, store)


def call(store: dist.Store, rank: int) -> str:
    """What all ranks but 0 do: write a new name and wait until rank 0 repeats it.

    Returns: the name of the attempt, which rank 0 has chosen.
    """
    mine = uuid.uuid4().hex
    store.set(f"caller/{rank}", mine)
    while True:
        attempt, heard = json.loads(store.get("answer"))  # perhaps that of an earlier attempt
        if heard[rank - 1] == mine:
            store.set(f"{attempt}/{rank}", "met")
            return attempt
        time.sleep(PAUSE_S)


def answer(store: dist.Store, n: int) -> str:
    """What rank 0 does: repeat what the others have written until all have found their name."""
    attempt = uuid.uuid4().hex
    while True:
        heard = [store.get(f"caller/{rank}").decode() for rank in range(1, n)]
        store.set("answer", json.dumps([attempt, heard]))
        if all(store.check([f"{attempt}/{rank}"]) for rank in range(1, n)):
            return attempt
        time.sleep(PAUSE_S)
