"""`grooves load`: an open-loop load generator for servers of the OpenAI protocol.

    grooves load                                  # 200 requests at 5 per second, to `grooves serve`
    grooves load 127.0.0.1:8002 --rate 40 --requests 2000 --picture load.png

Key idea: users do not wait for each other. Requests are sent at planned times (a Poisson process),
whether the server keeps up or not, and a latency counts from the planned time, so that a request
that the generator itself sent late does not look fast. A closed loop (`--closed`), in which each
user waits for an answer before asking again, hides queueing: when the server is slow, it is asked
less. If latencies are then taken from the moment of sending, the time that users would have waited
is missing, which is known as coordinated omission.
Chapter 09. Sources: Schroeder et al. 2006, "Open versus closed: a cautionary tale", NSDI 06;
Tene 2013, "How not to measure latency" (coordinated omission).
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import math
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
from tqdm import tqdm

from grooves.inference.latency import Goal
from grooves.inference.load_client import Client, Connections, Outcome, PlannedRequest, refusal
from grooves.inference.load_report import Report, draw
from grooves.language.stories import Stories, to_text

MIX = (16, 64, 160)  # max_tokens: a few words, half of a story, a whole one
PROMPT_WORDS = (1, 20)


def plan_requests(
    rate_per_s: float, n: int, seed: int, max_tokens: Iterable[int] = MIX
) -> list[PlannedRequest]:
    """n requests with exponential times between them; each prompt is the beginning of a story.

    Another seed gives other prompts, because a second run with the same ones would find them in the
    server's prefix cache. max_tokens: one of them is drawn for each request.
    Raises: ValueError unless the rate, n and all max_tokens are positive.
    """
    max_tokens = tuple(max_tokens)
    if not 0 < rate_per_s < math.inf or n < 1 or min(max_tokens, default=0) < 1:
        raise ValueError(f"{rate_per_s=}, {n=} and {max_tokens=} must be positive")
    rng, stories, due_s, plan = random.Random(seed), Stories(), 0.0, []
    for _ in range(n):
        due_s += rng.expovariate(rate_per_s)
        prompt = to_text(stories.sample(rng)[: rng.randint(*PROMPT_WORDS)])
        plan.append(PlannedRequest(due_s, prompt, rng.choice(max_tokens), rng.getrandbits(32)))
    return plan


@dataclass
class Run:
    """Outcomes of a run, in the order of sending. unsent: requests that an interruption left."""

    outcomes: list[Outcome]
    unsent: int = 0


async def open_loop(client: Client, plan: list[PlannedRequest], progress=None) -> Run:
    """Send every request when it is due. An interruption (Ctrl-C) returns what there is."""
    loop = asyncio.get_running_loop()
    begin_s, outcomes, tasks = loop.time(), [], []

    async def send(request: PlannedRequest) -> None:
        outcome = Outcome(request, loop.time() - begin_s)
        outcomes.append(outcome)
        await client.ask(outcome, begin_s)
        if progress is not None:
            progress(outcome)

    async def send_all() -> None:
        for request in plan:
            await asyncio.sleep(begin_s + request.due_s - loop.time())
            tasks.append(asyncio.create_task(send(request)))
        await asyncio.gather(*tasks)

    await _until_interrupted(send_all(), tasks)
    return Run(outcomes, len(plan) - len(outcomes))


async def closed_loop(client: Client, plan: list[PlannedRequest], users: int, progress=None) -> Run:
    """Let so many users send one request after another, each as soon as its answer is there.

    The planned times are not used: a request is due when a user sends it.
    """
    loop = asyncio.get_running_loop()
    begin_s, outcomes, coming = loop.time(), [], iter(plan)

    async def user() -> None:
        for request in coming:
            now_s = loop.time() - begin_s
            outcome = Outcome(replace(request, due_s=now_s), now_s)
            outcomes.append(outcome)
            await client.ask(outcome, begin_s)
            if progress is not None:
                progress(outcome)

    tasks = [asyncio.create_task(user()) for _ in range(users)]
    await _until_interrupted(asyncio.gather(*tasks), tasks)
    return Run(outcomes, len(plan) - len(outcomes))


async def _until_interrupted(work, tasks: list[asyncio.Task]) -> None:
    """Wait for the work; where this is cancelled, cancel its tasks and go on."""
    try:
        await work
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# ---- the server --------------------------------------------------------------------------------


def server_url(address: str, elsewhere: bool = False) -> str:
    """An address as a URL that ends before /completions: 127.0.0.1:8001 -> http://…:8001/v1.

    elsewhere: whether it may be another machine. Raises: ValueError where it is none of these.
    """
    url = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        found = {info[4][0] for info in socket.getaddrinfo(host or "", port)} if host else set()
    except (ValueError, OSError):
        found = set()
    if not found or parts.scheme not in ("http", "https"):
        raise ValueError(f"{address!r} is no address: give one such as http://127.0.0.1:8001/v1")
    if not elsewhere and not all(map(_is_here, found)):
        raise ValueError(
            f"{host} is not this machine: load only servers that are yours, with --elsewhere"
        )
    return url.rstrip("/") if parts.path.strip("/") else url.rstrip("/") + "/v1"


def _is_here(address: str) -> bool:
    """Whether an IP address is one of this machine's."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    own = {a.address.partition("%")[0] for all_of in psutil.net_if_addrs().values() for a in all_of}
    return ip.is_loopback or ip.is_unspecified or str(ip) in own


def http_client() -> httpx.AsyncClient:
    """Connections to a server, without a limit, a time limit or a proxy."""
    return httpx.AsyncClient(transport=Connections(), timeout=None, trust_env=False)


async def served_model(http: httpx.AsyncClient, url: str) -> str:
    """The name of the first model that the server offers.

    Raises: ValueError with one sentence where no server of the protocol answers.
    """
    try:
        response = await http.get(f"{url}/models", timeout=10)
    except httpx.TimeoutException:
        raise ValueError(f"{url} did not answer within 10 s: is the server stuck?") from None
    except httpx.TransportError as error:
        raise ValueError(
            f"nothing answers at {url} ({str(error) or type(error).__name__}): start a server "
            "with `grooves serve`, or name the address of another"
        ) from None
    if response.status_code != 200:
        raise ValueError(
            f"{url}/models answered {refusal(response)}; the address of a server that speaks "
            "OpenAI's protocol usually ends in /v1"
        )
    try:
        return response.json()["data"][0]["id"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise ValueError(f"{url}/models does not list any model: name one with --model") from None


# ---- the command -------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves load`."""
    add = parser.add_argument
    add("address", nargs="?", default="http://127.0.0.1:8001/v1", help="of the server")
    add("--rate", type=float, default=5.0, help="requests per second on average (default: 5)")
    add("--requests", type=int, default=200, help="how many (default: 200)")
    add("--max-tokens", type=int, nargs="+", default=MIX, help="a mix (default: 16 64 160)")
    add("--seed", type=int, help="of prompts and arrivals (default: another one in each run)")
    add("--goal-first", type=float, default=0.2, help="goal for the first token, s (default: 0.2)")
    add("--goal-between", type=float, default=0.1, help="goal for each gap, s (default: 0.1)")
    add("--chat", action="store_true", help="use /chat/completions")
    add("--whole", action="store_true", help="ask for whole answers instead of streams")
    add("--closed", type=int, metavar="USERS", help="closed loop: users who wait for answers")
    add("--timeout", type=float, default=60.0, help="give a request up after so many seconds")
    add("--warmup", type=int, default=2, help="requests before the run, not counted (default: 2)")
    add("--model", help="name of the model (default: the first that the server offers)")
    add("--elsewhere", action="store_true", help="allow a server that is not on this machine")
    add("--picture", type=Path, metavar="FILE", help="write a picture (PNG)")
    add("--json", type=Path, metavar="FILE", help="write the report and every request")


def main(args: argparse.Namespace) -> int:
    """Run a load and report it; 130 after Ctrl-C, 1 where no answer was whole.

    Raises: ValueError where an argument is wrong or no server answers.
    """
    if args.closed is not None and args.closed < 1:
        raise ValueError(f"--closed is {args.closed}: it must be at least 1 user")
    if args.timeout <= 0 or args.warmup < 0:
        raise ValueError(f"--timeout {args.timeout:g} must be positive, --warmup 0 or more")
    args.url = server_url(args.address, args.elsewhere)
    if args.seed is None:
        args.seed = random.SystemRandom().getrandbits(31)
    plan = plan_requests(args.rate, args.requests, args.seed, args.max_tokens)
    run = asyncio.run(_serve_load(args, plan))
    rate = None if args.closed else args.rate
    report = Report.of(run.outcomes, run.unsent, Goal(args.goal_first, args.goal_between), rate)
    print(f"{args.url}, seed {args.seed}\n{report}")
    if args.json:
        report.save(args.json, run.outcomes, url=args.url, seed=args.seed)
        print(f"Written to {args.json}.")
    if args.picture:
        draw(report, run.outcomes, args.picture)
        print(f"Drawn to {args.picture}.")
    return 130 if report.interrupted else 0 if report.n_answers else 1


async def _serve_load(args: argparse.Namespace, plan: list[PlannedRequest]) -> Run:
    async with http_client() as http:
        model = args.model or await served_model(http, args.url)
        client = Client(http, args.url, model, args.chat, not args.whole, args.timeout)
        early = plan_requests(1.0, args.warmup, args.seed + 1) if args.warmup else []
        await closed_loop(client, early, 1)
        with tqdm(total=len(plan), unit="request", leave=False, disable=None) as bar:
            errors = 0

            def progress(outcome: Outcome) -> None:
                nonlocal errors
                errors += not outcome.ok
                bar.set_postfix_str(f"{errors} without an answer", refresh=False)
                bar.update()

            if args.closed:
                return await closed_loop(client, plan, args.closed, progress)
            return await open_loop(client, plan, progress)
