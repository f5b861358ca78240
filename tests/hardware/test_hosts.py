"""A slow wire in user space, and two hosts at its ends."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from torch.distributed.run import get_args_parser

from grooves.hardware.many_devices import hosts, kill_across
from grooves.hardware.many_devices.relay import Direction, Wire

HALF_SECOND = Wire(0.5, 8000)  # 1,000 bytes per second

# What the two ends run: one answers, the other measures, without PyTorch.
ANSWER = """
import socket
server = socket.create_server(("10.77.0.1", 5000))
print("listening", flush=True)
connection, _ = server.accept()
connection.recv(1)
connection.sendall(b"!")
left = 300_000
while left and (piece := connection.recv(65536)):
    left -= len(piece)
connection.sendall(b"!")
connection.recv(1)
"""
MEASURE = """
import json, socket, time
connection = socket.create_connection(("10.77.0.1", 5000))
started = time.monotonic()
connection.sendall(b"?")
connection.recv(1)
answered = time.monotonic()
connection.sendall(bytes(300_000))
connection.recv(1)
print(json.dumps({"round_trip_s": answered - started, "bulk_s": time.monotonic() - answered}))
"""


@pytest.fixture
def possible():
    """Skip, with the reason, where two hosts cannot be made."""
    if reason := hosts.why_not():
        pytest.skip(reason)


def test_a_packet_takes_its_length_over_the_rate_and_then_the_delay():
    way = Direction(HALF_SECOND)
    way.put(b"x" * 100, now_s=10.0)
    assert way.wait_s(10.0) == pytest.approx(0.6)
    assert way.due(10.59) == []
    assert way.due(10.61) == [b"x" * 100]
    assert way.wait_s(11.0) is None


def test_packets_wait_for_those_before_them_and_keep_their_order():
    way = Direction(HALF_SECOND)
    for letter in (b"a", b"b", b"c"):
        way.put(letter * 100, now_s=0.0)
    assert [p[:1] for p in way.due(0.75)] == [b"a", b"b"]
    assert way.wait_s(0.75) == pytest.approx(0.05)
    way.put(b"d" * 100, now_s=5.0)  # the wire was empty again
    assert way.wait_s(5.0) == 0  # c, which has long been there
    assert [p[:1] for p in way.due(5.6)] == [b"c", b"d"]


def test_a_full_queue_drops_what_comes_next():
    way = Direction(Wire(0.0, 8000, queue_bytes=150))
    for _ in range(3):
        way.put(b"x" * 100, now_s=0.0)
    assert way.dropped == 1
    assert len(way.due(9.0)) == 2
    with pytest.raises(ValueError, match="must be positive"):
        Wire(0, 0)


def test_where_hosts_cannot_be_made_the_reason_is_said(monkeypatch):
    with monkeypatch.context() as other:
        other.setattr(sys, "platform", "darwin")
        assert "darwin" in hosts.why_not()
    with monkeypatch.context() as other:
        other.setattr(shutil, "which", lambda name: None)
        assert "iproute2" in (hosts.why_not() or "") or sys.platform != "linux"
    if sys.platform == "linux" and shutil.which("ip"):
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert hosts.why_not() == "making network namespaces needs root"


def test_a_namespace_that_cannot_be_entered_is_a_reason(monkeypatch):
    """As in a container whose file system may not be mounted anew."""

    def refuses(*words, check=True):
        wrong = "mount --make-rslave /: Invalid argument" if words[0] == "-n" else ""
        return subprocess.CompletedProcess(words, bool(wrong), "", wrong)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(hosts, "ip", refuses)
    assert hosts.why_not().startswith("network namespaces cannot be entered: mount")


def test_one_host_is_told_that_it_keeps_the_rendezvous_and_the_other_that_it_does_not():
    pair = hosts.Hosts(("left", "right"))
    for host in (0, 1):
        command = pair.command(host, ["-m", "grooves", "train"], "job", max_restarts=2)
        assert command[:4] == ["ip", "netns", "exec", pair.names[host]]
        options = get_args_parser().parse_args(
            command[command.index("torch.distributed.run") + 1 :]
        )
        assert options.rdzv_endpoint == f"10.77.0.1:{hosts.PORT}"
        assert f"is_host={1 - host}" in options.rdzv_conf
        assert options.local_addr == pair.address(host)
        assert (options.nnodes, options.max_restarts) == ("2", 2)
        assert (options.training_script, options.training_script_args) == ("grooves", ["train"])


def test_two_hosts_are_as_far_apart_as_their_wire_and_leave_nothing_behind(possible):
    """No machine is so slow that these could be shorter, whatever else it does."""
    with hosts.two_hosts(Wire(0.05, 10e6)) as pair:
        inside = [["ip", "netns", "exec", name, sys.executable, "-c"] for name in pair.names]
        with subprocess.Popen([*inside[0], ANSWER], stdout=subprocess.PIPE, text=True) as answering:
            assert answering.stdout.readline() == "listening\n"
            done = subprocess.run(
                [*inside[1], MEASURE], capture_output=True, text=True, timeout=60, check=True
            )
        names = hosts.ip("netns", "list").stdout
        assert all(name in names for name in pair.names)
    found = json.loads(done.stdout)
    assert found["round_trip_s"] >= 2 * 0.05
    assert found["bulk_s"] >= 300_000 * 8 / 10e6
    after = hosts.ip("netns", "list").stdout
    assert not any(name in after for name in pair.names)


@pytest.mark.skipif(
    not os.environ.get("GROOVES_WHOLE"), reason="half a minute: set GROOVES_WHOLE=1 to run it"
)
def test_a_worker_killed_on_one_of_two_hosts_changes_nothing_in_the_end(possible):
    with hosts.two_hosts() as pair:
        (found,) = kill_across.repeat(pair, 1, steps=20, every=5)
    assert found["same"]
    assert found["resumed_from"] % 5 == 0
    assert found["killed_after"] - 5 <= found["resumed_from"] <= found["killed_after"]
