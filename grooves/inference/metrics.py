"""What the server measures about itself, in the text format that Prometheus collects.

Key idea: a counter only rises, a gauge goes up and down, and a histogram counts observations in
buckets, so that percentiles over many servers and any span of time can be estimated afterwards;
percentiles themselves could not be combined.
Chapter 09. Source: prometheus.io/docs/concepts/metric_types.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # bounds of buckets
TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The server's metrics in a registry of their own, so that two servers can share a process."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.requests = self._new(
            Counter, "requests", "Requests by status of the answer", ("status",)
        )
        self.tokens = self._new(Counter, "tokens", "Tokens read and written", ("kind",))
        self.steps = self._new(Counter, "steps", "Steps of the model in which words were written")
        self.abandoned = self._new(Counter, "abandoned", "Answers whose client left")
        self.restarts = self._new(Counter, "worker_restarts", "Workers that were lost")
        self.loads = self._new(Counter, "model_loads", "Replaced model files", ("outcome",))
        self.running = self._new(Gauge, "running", "Texts that are being written")
        self.waiting = self._new(Gauge, "waiting", "Texts that wait in the queue")
        self.blocks_used = self._new(Gauge, "blocks_used", "Blocks of the KV cache in use")
        self.blocks = self._new(Gauge, "blocks", "Blocks of the KV cache")
        self.first_token = self._seconds("first_token", "From a request to its first token")
        self.answer = self._seconds("answer", "From a request to its last token")

    def _new(self, kind: type, name: str, text: str, labels: tuple[str, ...] = ()):
        return kind(f"grooves_{name}", text, labels, registry=self.registry)

    def _seconds(self, name: str, text: str) -> Histogram:
        name = f"grooves_{name}_seconds"
        return Histogram(name, text, buckets=SECONDS, registry=self.registry)

    def text(self) -> bytes:
        """Everything, as GET /metrics returns it."""
        return generate_latest(self.registry)
