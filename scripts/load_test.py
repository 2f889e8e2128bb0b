"""How the service answers under load: one command starts it, asks, checks every answer, prints.

    python scripts/load_test.py --minutes 10 --json load.json

The model is of the preset `paper` at 128 px with random weights: its speed is that of a trained
one. Service and clients share the processor's cores, or those given by `--cores`. Arrivals at 70%
and 120% of the load are even; `--arrivals poisson` makes them random.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image

NUM_PAIRS = 24  # different requests
TOLERANCE = 3  # of 255, between an answer and what Translator makes of the request
MODEL = "load-test"


def make_model(size: str) -> None:
    """Publishes a network with random weights."""
    import torch

    from funit.config import build_config, preset
    from funit.model.generator import Generator
    from funit.model_folder import TrainingRecord, save_model
    from funit.onnx_export import write_graphs
    from funit.repository import ModelRepository

    torch.manual_seed(0)
    given = preset(size)
    config = build_config({**given, "model": {**given.get("model", {}), "num_classes": 5}})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / MODEL
        generator = Generator(config.model)
        # random networks answer everything with nearly the same grey: larger weights tell apart
        state = {name: 1.5 * tensor for name, tensor in generator.state_dict().items()}
        training = TrainingRecord(seed=0, images=0, minutes=0)
        save_model(
            folder,
            state,
            config,
            name=MODEL,
            version=1,
            training=training,
            write_graphs=write_graphs,
        )
        ModelRepository().publish(folder, MODEL)


def serve(port_of: Any, folder: str, settings: dict[str, Any]) -> None:
    """The service, in a process of its own."""
    import uvicorn

    from funit.service.app import create_app
    from funit.service.services import open_services
    from funit.service.settings import ServiceSettings

    started = time.perf_counter()
    known = ServiceSettings.model_fields
    given = {
        "database_url": f"sqlite:///{folder}/service.db",
        "storage_url": f"{folder}/service-storage",
        "keys": "none",
        "default_model": MODEL,
        **settings,
    }
    with open_services(ServiceSettings(**{k: v for k, v in given.items() if k in known})) as made:
        made.generator.preload()
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        port_of.send((listening.getsockname()[1], time.perf_counter() - started))
        config = uvicorn.Config(create_app(made), log_level="error", access_log=False)
        uvicorn.Server(config).run([listening])


def picture(seed: int, size: int) -> bytes:
    """Coloured boxes: no two seeds are alike."""
    chance = np.random.default_rng(seed)
    pixels = np.kron(chance.integers(0, 255, (8, 8, 3)), np.ones((size // 8, size // 8, 1)))
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@dataclass
class Bare:
    """The model without a service: its answers, and how fast it is."""

    contents: list[bytes]
    looks: list[str] = field(default_factory=list)
    answers: list[np.ndarray] = field(default_factory=list)
    one: Callable[[int], float] | None = None
    """Answers one request as the service does, but for HTTP and the queue: milliseconds."""
    images_per_second: float = 0
    farthest_of_others: int = 0
    """The least by which answers of different requests differ at their most different pixel."""


class Load:
    """A service under load, whose every answer is checked."""

    def __init__(self, client: httpx2.AsyncClient, bare: Bare, pid: int) -> None:
        self.client, self.bare, self.pid = client, bare, pid
        self.wrong = 0

    async def ask(self, n: int) -> tuple[int, float]:
        """One request: its status, and how many milliseconds it took."""
        pair = n % NUM_PAIRS
        start = time.perf_counter()
        try:
            answer = await self.client.post(
                "/v1/translations",
                data={"look": self.bare.looks[pair]},
                files={"content": ("c.png", self.bare.contents[pair])},
            )
        except httpx2.HTTPError as error:
            print(f"lost: {error!r}", file=sys.stderr)
            return 0, 0.0
        milliseconds = 1000 * (time.perf_counter() - start)
        if answer.status_code == 200 and not self.is_right(answer.content, pair):
            self.wrong += 1
        if answer.status_code == 503 and not answer.headers.get("retry-after", "").isdecimal():
            self.wrong += 1
        return answer.status_code, milliseconds

    def is_right(self, file: bytes, pair: int) -> bool:
        """Whether it is the answer to this request, and to no other."""
        got = np.asarray(Image.open(BytesIO(file))).astype(np.int16)
        return int(np.abs(got - self.bare.answers[pair]).max()) <= TOLERANCE

    async def closed(self, concurrency: int, seconds: float) -> dict[str, Any]:
        """So many clients, each of which asks again when it was answered."""
        until, answered = time.perf_counter() + seconds, list[tuple[int, float]]()

        async def client(n: int) -> None:
            while time.perf_counter() < until:
                answered.append(await self.ask(n))
                n += concurrency

        start = time.perf_counter()
        await asyncio.gather(*(client(n) for n in range(concurrency)))
        return summary(answered, time.perf_counter() - start)

    async def in_turns(self, seconds: float) -> tuple[dict[str, Any], float]:
        """One client in turns with the bare model, so that both meet the same machine."""
        until, answered, bare = time.perf_counter() + seconds, list[tuple[int, float]](), []
        while time.perf_counter() < until:
            answered.append(await self.ask(len(bare)))
            assert self.bare.one is not None
            bare.append(self.bare.one(len(bare)))
        return summary(answered, seconds), statistics.median(bare)

    async def open(self, rate: float, seconds: float, arrivals: str) -> dict[str, Any]:
        """So many requests a second, whether or not the others were answered."""
        chance, answered = random.Random(0), list[tuple[int, float]]()
        asked, memory = set[asyncio.Task[None]](), [resident(self.pid)]

        async def one(n: int) -> None:
            answered.append(await self.ask(n))

        start = due = time.perf_counter()
        n = 0
        while due < start + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(one(n))
            asked.add(task)
            task.add_done_callback(asked.discard)
            due += chance.expovariate(rate) if arrivals == "poisson" else 1 / rate
            n += 1
            if n % 100 == 0:
                memory.append(resident(self.pid))
        await asyncio.gather(*asked)
        found = summary(answered, time.perf_counter() - start)
        third = max(1, len(memory) // 3)
        return found | {
            "asked": n,
            "asked_per_second": rate,
            "lost": n - len(answered) + found["status"].get("0", 0),
            "memory_mib_first_third": max(memory[:third]),
            "memory_mib_last_third": max(memory[-third:]),
        }


def summary(answered: Sequence[tuple[int, float]], seconds: float) -> dict[str, Any]:
    """How many of each status, how fast and how slow."""
    good = sorted(ms for status, ms in answered if status == 200) or [float("nan")]
    p50, p99 = good[len(good) // 2], good[min(len(good) - 1, int(0.99 * len(good)))]
    return {
        "status": {str(k): v for k, v in sorted(Counter(s for s, _ in answered).items())},
        "images_per_second": sum(s == 200 for s, _ in answered) / seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "p99_over_p50": p99 / p50,
    }


def resident(pid: int) -> float:
    """MiB of memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_bare(bare: Bare, examples: Sequence[bytes], seconds: float, batch_size: int) -> None:
    """The answers of Translator, one by one; then its speed, alone and in batches."""
    from funit.translator import Translator

    translator = Translator.load(MODEL, engine="onnxruntime")
    looks = [translator.encode_class([file]) for file in examples]
    pairs = list(zip(bare.contents, looks, strict=True))
    images = [translator.translate(content, look) for content, look in pairs]
    bare.answers = [np.asarray(image).astype(np.int16) for image in images]
    bare.farthest_of_others = min(
        int(np.abs(a - b).max()) for n, a in enumerate(bare.answers) for b in bare.answers[:n]
    )

    def one(n: int) -> float:
        content, look = pairs[n % NUM_PAIRS]
        start = time.perf_counter()
        translator.translate(content, look).save(BytesIO(), "PNG", compress_level=1)
        return 1000 * (time.perf_counter() - start)

    bare.one = one
    several = [pairs[n % NUM_PAIRS] for n in range(batch_size)]
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        contents = translator.encode_content([content for content, _ in several])
        translator.translate(contents, [look for _, look in several])
        count += batch_size
    bare.images_per_second = count / (time.perf_counter() - start)


async def measure(options: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Starts the service, and all figures."""
    size = 128 if options.preset == "paper" else 64
    seconds = 60 * options.minutes
    short = min(30.0, max(3.0, seconds / 10))
    examples = [picture(1000 + n, size) for n in range(NUM_PAIRS)]
    bare = Bare([picture(n, size) for n in range(NUM_PAIRS)])
    measure_bare(bare, examples, short, batch_size=16)
    mine, theirs = multiprocessing.Pipe()
    started = time.perf_counter()
    given = {
        "generator": {"engine": "onnxruntime"},
        "limits": {"requests_per_minute": 10**9},  # all of it comes from one address
    }
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(theirs, folder, given), daemon=True)
    server.start()
    try:
        port, _ = mine.recv()
        url = f"http://127.0.0.1:{port}"
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
        async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
            first = {"examples": ("e.png", examples[0]), "content": ("c.png", bare.contents[0])}
            (await client.post("/v1/translations", files=first)).raise_for_status()
            first_ms = 1000 * (time.perf_counter() - started)
            for n, example in enumerate(examples):
                made = await client.post("/v1/looks", files={"examples": (f"{n}.png", example)})
                bare.looks.append(made.raise_for_status().json()["id"])
            load = Load(client, bare, server.pid or 0)
            await load.closed(
                4, short
            )  # every content is in the cache now, as in `bare` it is read
            figures = await under_load(load, bare, options, short, seconds)
    finally:
        server.terminate()
        server.join(30)
    return {"start_to_first_answer_s": first_ms / 1000} | figures


async def under_load(
    load: Load, bare: Bare, options: argparse.Namespace, short: float, seconds: float
) -> dict[str, Any]:
    """Each kind of load after the other."""
    memory = resident(load.pid)
    single, bare_ms = await load.in_turns(2 * short)
    many = await load.closed(32, 2 * short)
    rate = many["images_per_second"]
    calm = await load.open(0.7 * rate, seconds, options.arrivals)
    heavy = await load.open(1.2 * rate, seconds, options.arrivals)
    return {
        "machine": machine() | {"minutes": options.minutes, "arrivals": options.arrivals},
        "bare_ms": bare_ms,
        "bare_images_per_second": bare.images_per_second,
        "answers_differ_by_at_least": bare.farthest_of_others,
        "overhead_ms": single["p50_ms"] - bare_ms,
        "throughput_share_at_32": rate / bare.images_per_second,
        "at_1": single,
        "at_32": many,
        "at_70_percent": calm,
        "at_120_percent": heavy,
        "memory_mib_at_start": memory,
        "wrong_answers": load.wrong,
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import onnxruntime

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "threads_of_the_model": os.environ.get("OMP_NUM_THREADS", "all"),
        "others_load": os.getloadavg()[0],
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
    }


def goals(figures: dict[str, Any]) -> list[tuple[str, float, str, bool]]:
    """What is asked of each figure, and whether it is met."""
    heavy = figures["at_120_percent"]
    growth = heavy["memory_mib_last_third"] / heavy["memory_mib_first_third"]
    rows = [
        ("overhead at concurrency 1, ms", figures["overhead_ms"], "< 3", 3.0),
        ("p99 / p50 at 70% load", figures["at_70_percent"]["p99_over_p50"], "< 3", 3.0),
        ("memory at 120%, last third / first third", growth, "< 1.1", 1.1),
        ("start to first answer, s", figures["start_to_first_answer_s"], "< 2", 2.0),
    ]
    lost = heavy["lost"] + figures["at_70_percent"]["lost"]
    honest = set(heavy["status"]) <= {"200", "503"}
    share = figures["throughput_share_at_32"]
    return [
        *((what, value, goal, value < most) for what, value, goal, most in rows),
        ("throughput share at concurrency 32", share, ">= 0.85", share >= 0.85),
        ("wrong or mixed-up answers", figures["wrong_answers"], "0", not figures["wrong_answers"]),
        ("lost answers", lost, "0", not lost),
        ("statuses at 120% beside 200 and 503", 1.0 - honest, "0", honest),
    ]


def main() -> None:
    """Prints the table; ends with 1 where an answer was wrong or lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="of 70%% and of 120%% load, each")
    parser.add_argument("--preset", default="paper", choices=["paper", "small"])
    parser.add_argument("--arrivals", default="even", choices=["even", "poisson"])
    parser.add_argument("--cores", type=int, help="use so many of the processor's cores")
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    with tempfile.TemporaryDirectory(prefix="funit-load-") as folder:
        os.environ["FUNIT_HOME"] = folder
        for name in ("FUNIT_DATABASE_URL", "FUNIT_STORAGE"):
            os.environ.pop(name, None)
        context = multiprocessing.get_context("spawn")
        maker = context.Process(target=make_model, args=(options.preset,))  # torch stays there
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit("the model could not be made")
        figures = asyncio.run(measure(options, folder))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures["machine"]))
    for what, value, goal, met in goals(figures):
        print(f"{what:45} {value:9.3f}   {goal:8} {'met' if met else 'NOT MET'}")
    wrong = [what for what, _, goal, met in goals(figures) if goal == "0" and not met]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
