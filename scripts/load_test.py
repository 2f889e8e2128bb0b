"""How the service answers under load: one command starts it, asks, checks every answer, prints.

    python scripts/load_test.py --minutes 10 --json docs/load.json --docs
    python scripts/load_test.py --from docs/load.json --docs

The first measures, and writes the figures beside those of the file's other presets, and the table
of docs/service.md; the second writes the table alone. The model is of the preset `paper` at 128 px
(or `small` at 64 px) with random weights: its speed is that of a trained one. Service and clients
share the processor's cores, or those given by `--cores`. Where other programs use them too, look
at the figures of the processor's time: waiting for others is not in these.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from load_service import Answer, Client, Service, cpu_seconds, request_bytes
from PIL import Image
from splice import spliced

PAGE = Path(__file__).parent.parent / "docs" / "service.md"
SIZES = {"paper": 128, "small": 64}  # pixels a side of each preset
NUM_PAIRS = 24  # different requests
NUM_STARTS = 5
BATCH_SIZE = 16  # of the bare model, and the default of the service
TOLERANCE = 3  # of 255, between an answer and what Translator makes of the request
MODEL = "load-test"
TRANSLATIONS = "/v1/translations"


def make_model(preset_name: str) -> None:
    """Publishes a network with random weights."""
    import torch

    from funit.config import build_config, preset
    from funit.model.generator import Generator
    from funit.model_folder import TrainingRecord, save_model
    from funit.onnx_export import write_graphs
    from funit.repository import ModelRepository

    torch.manual_seed(0)
    given = preset(preset_name)
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


def picture(seed: int, size: int) -> bytes:
    """Coloured boxes: no two seeds are alike."""
    chance = np.random.default_rng(seed)
    pixels = np.kron(chance.integers(0, 255, (8, 8, 3)), np.ones((size // 8, size // 8, 1)))
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


# ------------------------------------------------------------------------- the bare model


@dataclass
class Bare:
    """The model without a service: its answers, and how fast it is."""

    contents: list[bytes]
    examples: list[bytes]
    answers: list[np.ndarray] = field(default_factory=list)
    one: Callable[[int], None] | None = None
    """Answers one request as the service does, but for HTTP and the queue."""
    images_per_second: float = 0
    """In batches, of contents and looks that are encoded already."""
    batched_cpu_ms: float = 0
    """Of the processor's time for each of these."""
    farthest_of_others: int = 0
    """The least by which answers of different requests differ at their most different pixel."""


def measure_bare(bare: Bare, seconds: float) -> None:
    """The answers of Translator, one by one; then its speed in batches."""
    from funit.translator import Translator

    translator = Translator.load(MODEL, engine="onnxruntime")
    looks = [translator.encode_class([file]) for file in bare.examples]
    pairs = list(zip(bare.contents, looks, strict=True))
    images = [translator.translate(content, look) for content, look in pairs]
    bare.answers = [np.asarray(image).astype(np.int16) for image in images]
    bare.farthest_of_others = min(
        int(np.abs(a - b).max()) for n, a in enumerate(bare.answers) for b in bare.answers[:n]
    )

    def one(n: int) -> None:
        content, look = pairs[n % NUM_PAIRS]
        translator.translate(content, look).save(BytesIO(), "PNG", compress_level=1)

    bare.one = one
    contents = translator.encode_content(bare.contents[:BATCH_SIZE])
    count, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() < start + seconds:
        translator.translate(contents, looks[:BATCH_SIZE])
        count += BATCH_SIZE
    bare.images_per_second = count / (time.perf_counter() - start)
    bare.batched_cpu_ms = 1000 * (time.process_time() - cpu) / count


# ----------------------------------------------------------------------------- the load


class Load:
    """A service under load, whose every answer is checked."""

    def __init__(self, service: Service, client: Client, bare: Bare, looks: Sequence[str]) -> None:
        self.service, self.client, self.bare = service, client, bare
        self.requests = [
            request_bytes(
                service.port, TRANSLATIONS, data={"look": look}, files={"content": ("c.png", file)}
            )
            for look, file in zip(looks, bare.contents, strict=True)
        ]
        self.wrong = 0

    async def ask(self, n: int) -> Answer:
        """One request, and its answer, looked at."""
        answer = await self.client.ask(self.requests[n % NUM_PAIRS])
        if answer.status == 200 and not self.is_right(answer.content, n % NUM_PAIRS):
            self.wrong += 1
        if answer.status == 503 and not answer.retry_after:
            self.wrong += 1
        return answer

    def is_right(self, file: bytes, pair: int) -> bool:
        """Whether it is the answer to this request, and to no other."""
        got = np.asarray(Image.open(BytesIO(file))).astype(np.int16)
        return int(np.abs(got - self.bare.answers[pair]).max()) <= TOLERANCE

    async def closed(self, concurrency: int, seconds: float) -> dict[str, Any]:
        """So many clients, each of which asks again when it was answered, or when it is told to."""
        until, answered = time.perf_counter() + seconds, list[Answer]()

        async def client(n: int) -> None:
            while time.perf_counter() < until:
                answered.append(await self.ask(n))
                await asyncio.sleep(answered[-1].retry_after)
                n += concurrency

        start, cpu = time.perf_counter(), self.service.cpu_seconds()
        await asyncio.gather(*(client(n) for n in range(concurrency)))
        cpu = self.service.cpu_seconds() - cpu
        return summary(answered, time.perf_counter() - start, cpu)

    async def in_turns(self, seconds: float) -> dict[str, Any]:
        """One client in turns with the bare model, so that both meet the same machine."""
        assert self.bare.one is not None
        until, answered, bare = time.perf_counter() + seconds, list[Answer](), []
        cpu, bare_cpu = self.service.cpu_seconds(), 0.0
        while time.perf_counter() < until:
            answered.append(await self.ask(len(bare)))
            start, cpu_start = time.perf_counter(), time.process_time()
            self.bare.one(len(bare))
            bare.append(1000 * (time.perf_counter() - start))
            bare_cpu += time.process_time() - cpu_start
        found = summary(answered, seconds, self.service.cpu_seconds() - cpu)
        return found | {
            "bare_ms": statistics.median(bare),
            "bare_cpu_ms": 1000 * bare_cpu / len(bare),
        }

    async def open(self, rate: float, seconds: float, arrivals: str) -> dict[str, Any]:
        """So many requests a second, whether or not the others were answered."""
        answered, asked = list[Answer](), set[asyncio.Task[None]]()
        memory = [self.service.memory()]

        async def one(n: int) -> None:
            answered.append(await self.ask(n))

        n, start, cpu = 0, time.perf_counter(), self.service.cpu_seconds()
        for n, due in enumerate(moments(rate, seconds, arrivals), 1):
            await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
            task = asyncio.create_task(one(n))
            asked.add(task)
            task.add_done_callback(asked.discard)
            if due > len(memory):
                memory.append(self.service.memory())
        await asyncio.gather(*asked)
        cpu = self.service.cpu_seconds() - cpu
        found = summary(answered, time.perf_counter() - start, cpu)
        third = max(1, len(memory) // 3)
        return found | {
            "asked": n,
            "asked_per_second": rate,
            "lost": n - len(answered) + found["status"].get("0", 0),
            "memory_mib_first_third": max(memory[:third]),
            "memory_mib_last_third": max(memory[-third:]),
        }


def moments(rate: float, seconds: float, arrivals: str) -> Iterator[float]:
    """When requests come, in seconds from the start: so many a second, evenly or by chance."""
    chance, due = random.Random(0), 0.0
    while due < seconds:
        yield due
        due += chance.expovariate(rate) if arrivals == "poisson" else 1 / rate


def p99_over_p50_of_a_queue(load: float, arrivals: str, count: int = 100_000) -> float:
    """Of a queue that answers one after the other, each in the same time, and wastes none."""
    took, free = [], 0.0
    for due in moments(load, count / load, arrivals):  # the time of an answer is 1
        free = max(free, due) + 1
        took.append(free - due)
    return percentile(took, 0.99) / percentile(took, 0.5)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; not a number where there are none."""
    in_order = sorted(values) or [float("nan")]
    return in_order[min(len(in_order) - 1, int(share * len(in_order)))]


def summary(answered: Sequence[Answer], seconds: float, cpu: float) -> dict[str, Any]:
    """How many of each status, how fast and how slow, and what the service computed for it."""
    good = [each.milliseconds for each in answered if each.status == 200]
    p50, p99 = percentile(good, 0.5), percentile(good, 0.99)
    return {
        "status": {str(k): v for k, v in sorted(Counter(a.status for a in answered).items())},
        "images_per_second": len(good) / seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "p99_over_p50": p99 / p50,
        "cpu_ms": 1000 * cpu / max(1, len(good)),
    }


# --------------------------------------------------------------------------- measuring


async def measure(options: argparse.Namespace, preset: str, folder: Path) -> dict[str, Any]:
    """All figures of a preset, whose model is published already."""
    size, seconds = SIZES[preset], 60 * options.minutes
    short = min(30.0, max(3.0, seconds / 10))
    bare = Bare(
        [picture(n, size) for n in range(NUM_PAIRS)],
        [picture(1000 + n, size) for n in range(NUM_PAIRS)],
    )
    figures: dict[str, Any] = {"machine": machine() | {"minutes": options.minutes}}
    measure_bare(bare, short)
    settings = {
        "default_model": MODEL,
        "generator": {"engine": "onnxruntime", "batch_size": BATCH_SIZE},
        "limits": {"requests_per_minute": 10**9},  # all of it comes from one address
    }
    starts = []
    for n in range(NUM_STARTS):
        service = Service.start(folder, settings)
        try:
            starts.append(await first_answer(service, bare))
            if n == NUM_STARTS - 1:
                client = Client(service.port)
                load = Load(service, client, bare, await looks_of(service, client, bare))
                figures |= await under_load(load, options.arrivals, short, seconds)
                client.close()
        finally:
            service.stop()
    waited, computed = zip(*starts, strict=True)
    return figures | {
        "start_to_first_answer_s": statistics.median(waited),
        "start_cpu_s": statistics.median(computed),
    }


async def first_answer(service: Service, bare: Bare) -> tuple[float, float]:
    """Seconds from the start to it, and those of the processor, of the service and its worker."""
    client = Client(service.port)
    files = {"examples": ("e.png", bare.examples[0]), "content": ("c.png", bare.contents[0])}
    answer = await client.ask(request_bytes(service.port, TRANSLATIONS, files=files))
    seconds = time.perf_counter() - service.started
    client.close()
    assert answer.status == 200, answer.content
    return seconds, cpu_seconds(service.process.pid) + service.cpu_seconds()


async def looks_of(service: Service, client: Client, bare: Bare) -> list[str]:
    """The ids of looks of the examples, which the service keeps."""
    found = []
    for file in bare.examples:
        request = request_bytes(service.port, "/v1/looks", files={"examples": ("e.png", file)})
        answer = await client.ask(request)
        assert answer.status == 201, answer.content
        found.append(str(json.loads(answer.content)["id"]))
    return found


async def under_load(
    load: Load, arrivals: Sequence[str], short: float, seconds: float
) -> dict[str, Any]:
    """Each kind of load after the other."""
    await load.closed(4, short)  # every content is in the cache now
    memory = load.service.memory()
    single = await load.in_turns(2 * short)
    many = await load.closed(32, 2 * short)
    rate, bare = many["images_per_second"], load.bare
    calm = {each: await load.open(0.7 * rate, seconds, each) for each in arrivals}
    heavy = await load.open(1.2 * rate, seconds, arrivals[-1])
    return {
        "bare_images_per_second": bare.images_per_second,
        "bare_batched_cpu_ms": bare.batched_cpu_ms,
        "answers_differ_by_at_least": bare.farthest_of_others,
        "at_1": single,
        "at_32": many,
        "at_70_percent": calm,
        "at_120_percent": heavy,
        "memory_mib_at_start": memory,
        "wrong_answers": load.wrong,
    }


def machine() -> dict[str, Any]:
    """What it is measured on."""
    import onnxruntime

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "threads_of_the_model": os.environ.get("OMP_NUM_THREADS", "all"),
        "load_of_others": round(os.getloadavg()[0], 1),
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
    }


# -------------------------------------------------------------------------- the table


@dataclass(frozen=True)
class Row:
    """A figure beside its goal."""

    what: str
    value: str
    goal: str = ""
    is_met: bool | None = None
    """None where there is no goal."""


def rows(figures: dict[str, Any]) -> list[Row]:
    """Every figure of a preset."""
    single, many, heavy = figures["at_1"], figures["at_32"], figures["at_120_percent"]
    overhead = single["p50_ms"] - single["bare_ms"]
    overhead_cpu = single["cpu_ms"] - single["bare_cpu_ms"]
    share = many["images_per_second"] / figures["bare_images_per_second"]
    cpu_share = figures["bare_batched_cpu_ms"] / many["cpu_ms"]
    growth = heavy["memory_mib_last_third"] / heavy["memory_mib_first_third"]
    start, start_cpu = figures["start_to_first_answer_s"], figures["start_cpu_s"]
    lost = sum(each["lost"] for each in (heavy, *figures["at_70_percent"].values()))
    bad = figures["wrong_answers"] + lost
    others = {k: v for k, v in heavy["status"].items() if k not in ("200", "503")}
    return [
        Row("the bare model, one after the other", f"{single['bare_ms']:.1f} ms"),
        Row(
            "overhead at concurrency 1, in turns with it", f"{overhead:.1f} ms", *below(overhead, 3)
        ),
        Row("the same in the processor's time", f"{overhead_cpu:.1f} ms"),
        Row("the bare model in batches", f"{figures['bare_images_per_second']:.1f} images/s"),
        Row(
            "throughput at concurrency 32, as a share of that",
            f"{share:.2f}",
            "at least 0.85",
            share >= 0.85,
        ),
        Row("the same in the processor's time", f"{cpu_share:.2f}"),
        *(calm_row(arrivals, found) for arrivals, found in figures["at_70_percent"].items()),
        Row("answers at 120% load", statuses(heavy["status"]), "200 or 503", not others),
        Row("memory at 120% load, last third / first third", f"{growth:.2f}", *below(growth, 1.1)),
        Row("memory, least and most", memory_of(figures)),
        Row("wrong, mixed-up or lost answers", f"{bad}", "0", not bad),
        Row("start to first answer", f"{start:.2f} s", *below(start, 2)),
        Row("the same in the processor's time", f"{start_cpu:.2f} s"),
    ]


def below(value: float, most: float) -> tuple[str, bool]:
    """A goal, and whether it is met."""
    return f"below {most:g}", value < most


def calm_row(arrivals: str, found: dict[str, Any]) -> Row:
    """p99 / p50 at 70% load; random arrivals wait for each other whatever answers them."""
    value = found["p99_over_p50"]
    text = f"{value:.2f} ({found['p99_ms']:.0f} / {found['p50_ms']:.0f} ms)"
    if arrivals == "even":
        return Row("p99 / p50 at 70% load, even arrivals", text, *below(value, 3))
    least = p99_over_p50_of_a_queue(0.7, arrivals)
    return Row(f"p99 / p50 at 70% load, random arrivals (a plain queue: {least:.1f})", text)


def statuses(found: dict[str, int]) -> str:
    """How many answers of each status."""
    return ", ".join(f"{count:,} times {status}" for status, count in found.items())


def memory_of(figures: dict[str, Any]) -> str:
    """What the process that answers had at first and at the most."""
    loads = [figures["at_120_percent"], *figures["at_70_percent"].values()]
    most = max(max(f["memory_mib_first_third"], f["memory_mib_last_third"]) for f in loads)
    return f"{figures['memory_mib_at_start']:.0f} to {most:.0f} MiB"


def table(presets: dict[str, dict[str, Any]]) -> str:
    """All presets side by side, as Markdown."""
    columns = {name: rows(figures) for name, figures in presets.items()}
    lines = [*map(description, presets, presets.values()), ""]
    if any(figures["machine"]["load_of_others"] > 1 for figures in presets.values()):
        lines += [
            "A load average above 1 is of other programs, whose times are in these figures too, "
            "or of the measurement before.",
            "",
        ]
    lines += [
        f"| figure | {' | '.join(f'`{name}`' for name in columns)} | goal |",
        "|---|" + "---|" * len(columns) + "---|",
    ]
    for cells in zip(*columns.values(), strict=True):
        values = (f"**{c.value}**" if c.is_met is False else c.value for c in cells)
        lines.append(f"| {cells[0].what} | {' | '.join(values)} | {cells[0].goal} |")
    return "\n".join([*lines, "", "Goals that are missed are in bold."])


def description(preset: str, figures: dict[str, Any]) -> str:
    """The machine, and how long."""
    about = figures["machine"]
    facts = [
        f"`{preset}` at {SIZES[preset]} px: {about['processor']}, {about['cores']} cores",
        f"threads of the model: {about['threads_of_the_model']}",
        f"load average of other programs before: {about['load_of_others']}",
        f"{about['minutes']:g} minutes of each load at 70% and 120%",
        f"ONNX Runtime {about['onnxruntime']}, Python {about['python']}",
    ]
    return f"- {'; '.join(facts)}."


# ------------------------------------------------------------------------- the command


def run(options: argparse.Namespace, preset: str) -> dict[str, Any]:
    """All figures of a preset, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="funit-load-") as folder:
        os.environ["FUNIT_HOME"] = folder
        for name in ("FUNIT_DATABASE_URL", "FUNIT_STORAGE"):
            os.environ.pop(name, None)
        context = multiprocessing.get_context("spawn")
        maker = context.Process(target=make_model, args=(preset,))  # torch stays there
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit("the model could not be made")
        return asyncio.run(measure(options, preset, Path(folder)))


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="of each load at 70%% and 120%%")
    parser.add_argument("--preset", nargs="+", default=["paper"], choices=list(SIZES))
    parser.add_argument(
        "--arrivals",
        nargs="+",
        default=["even", "poisson"],
        choices=["even", "poisson"],
        help="of requests at 70%% load, one kind after the other; the last one at 120%% load, too",
    )
    parser.add_argument("--cores", type=int, help="use so many of the processor's cores")
    parser.add_argument("--json", type=Path, help="write all figures here, beside other presets'")
    parser.add_argument(
        "--from", type=Path, dest="source", help="figures that are measured already"
    )
    parser.add_argument("--docs", action="store_true", help="write the table of docs/service.md")
    return parser.parse_args()


def main() -> None:
    """Prints the table; ends with 1 where an answer was wrong or lost."""
    options = parsed()
    kept = options.source or options.json
    figures = json.loads(kept.read_text()) if kept and kept.exists() else {}
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    for preset in [] if options.source else options.preset:
        figures[preset] = run(options, preset)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))
    if options.docs:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(spliced(page, "load", table(figures)), encoding="utf-8")
    missed = [row for each in figures.values() for row in rows(each) if row.is_met is False]
    sys.exit(any(row.goal == "0" for row in missed))


if __name__ == "__main__":
    main()
