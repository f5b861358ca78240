"""What the tests of the explorables share: a server, models, and what goes into a page."""

import base64
import functools
import http.server
import threading
from contextlib import contextmanager
from pathlib import Path

import torch

from grooves.explorables.attention import pack
from grooves.transformer import Config, Transformer

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "grooves" / "explorables"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript"  # not known to every platform, and browsers insist
    }

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address at which a folder is served while the block runs."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def random_model(seed=0, **config):
    """A model in which every weight matters; an untrained one has weights that are zero."""
    model = Transformer(Config(**({"vocabulary_size": 50, "context": 48, "n_embd": 32} | config)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=1.5 * weight.shape[-1] ** -0.5, generator=generator)
    return model.eval()


def in_base64(model):
    """A model's checkpoint as text, to be handed to a page."""
    return base64.b64encode(pack(model)).decode("ascii")
