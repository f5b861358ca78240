"""The whole loop: the server answers and collects thumbs, `grooves learn` trains, it takes over."""

import shutil
import threading

from running_server import serving

from grooves import cli
from grooves.fine_tuning import judges, learn_command
from grooves.inference.feedback_file import read
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage

TOKENIZER = WordTokenizer(Stories().vocabulary)
PROMPT = "Once upon a time there was"


def judged(n):
    """n pairs of happy and sad stories as text."""
    texts = draw_texts(lineage.base(), 12 * n, seed=3).tokens
    sides = [[TOKENIZER.decode(t) for t in texts if judges.ending(t) == e][:n] for e in (1, -1)]
    return list(zip(*sides, strict=True))


class Customer(threading.Thread):
    """Asks for one story after another until it is stopped, and keeps every answer's status."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.statuses, self.enough = server, [], threading.Event()

    def run(self):
        while not self.enough.is_set():
            self.statuses.append(self.server.post(prompt=PROMPT, max_tokens=40).status_code)


def test_thumbs_change_the_server_only_when_somebody_learns_and_no_request_is_lost(
    tmp_path, monkeypatch
):
    weights, thumbs = tmp_path / "own.safetensors", tmp_path / "thumbs.jsonl"
    shutil.copy(lineage.weights_path(lineage.BASE_STEPS), weights)
    before = weights.read_bytes()
    monkeypatch.setattr(learn_command, "MEASURED", 10)
    real = learn_command.learn_from_pairs
    monkeypatch.setattr(
        learn_command, "learn_from_pairs", lambda *a, **k: real(*a, **k | {"steps": 1})
    )
    with serving(tmp_path, "--model", weights, "--feedback", thumbs) as server:
        old, customer = server.health()["weights"], Customer(server)
        customer.start()
        for chosen, rejected in judged(3):
            sent = server.post("/v1/feedback", chosen=chosen, rejected=rejected)
            assert sent.status_code == 201
        kept = [one for _, one in read(thumbs).feedback]
        assert [(one.source, one.model) for one in kept] == [("server", f"own@{old}")] * 3
        assert not read(thumbs).skipped
        assert (server.health()["weights"], weights.read_bytes()) == (old, before)

        assert cli.main(["learn", str(thumbs), "--model", str(weights), "--to", str(weights)]) == 0
        server.wait_until(lambda: server.health()["weights"] != old)
        asked = len(customer.statuses)
        server.wait_until(lambda: len(customer.statuses) > asked + 1)
        customer.enough.set()
        customer.join()
    assert weights.read_bytes() != before
    assert set(customer.statuses) == {200}
