"""`funit bench`: everything that is measured, in one run on one machine."""

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from funit.benchmark.data import measure_data
from funit.benchmark.engines import measure_engines
from funit.benchmark.goals import GOALS
from funit.benchmark.gpu import measure_gpu
from funit.benchmark.memory import measure_memory
from funit.benchmark.quality import report_quality
from funit.benchmark.results import LeftOut, Results
from funit.benchmark.rounds import Progress
from funit.benchmark.startup import measure_startup
from funit.benchmark.training import measure_training
from funit.benchmark.trainings import report_trainings
from funit.benchmark.translation import measure_int8, measure_light, measure_translation
from funit.benchmark.workbench import FULL, Scale, Workbench
from funit.errors import UserError
from funit.evaluation.report import about

PARTS: Mapping[str, Callable[[Workbench], None]] = {
    "translation": measure_translation,
    "int8": measure_int8,
    "engines": measure_engines,
    "light": measure_light,
    "quality": report_quality,
    "training": measure_training,
    "trainings": report_trainings,
    "memory": measure_memory,
    "startup": measure_startup,
    "data": measure_data,
    "gpu": measure_gpu,
}
WITHOUT_GPU = tuple(name for name in PARTS if name != "gpu")


def run_bench(
    what: Sequence[str] = WITHOUT_GPU,
    scale: Scale = FULL,
    progress: Progress | None = None,
    on_part: Callable[[Results], None] | None = None,
) -> Results:
    """Measures the parts asked for; raises UserError for one that there is not.

    A part that fails is left out, with its error as the reason. `on_part` gets what there is so
    far after each part.
    """
    for name in what:
        if name not in PARTS:
            raise UserError(
                f"there is nothing called `{name}` to measure", hint=f"there is {', '.join(PARTS)}"
            )
    settings = {"parts": list(what), "model": scale.config.model.model_dump(mode="json")}
    described = about(seed=0, config=settings, fingerprint="noise")
    described["machine"]["processor"] = processor()
    results = Results(GOALS, described)
    with tempfile.TemporaryDirectory(prefix="funit-bench-") as folder:
        bench = Workbench(scale, Path(folder), results, progress or _nobody_looks)
        for name in what:
            try:
                PARTS[name](bench)
            except Exception as error:  # an hour of other parts must not be lost
                reason = f"failed: {type(error).__name__}: {error}"
                results.left_out.append(LeftOut(name, "the whole part, or the rest of it", reason))
            if on_part:
                on_part(results)
    return results


def _nobody_looks(what: str, done: int, total: int) -> None:
    """No progress is shown."""


def processor() -> str:
    """What the processor is called; what else Linux says of it that matters for speed."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    stripped = {name.strip(): value.strip() for name, value in facts.items()}
    flags = stripped.get("flags", "").split()
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    has = [flag for flag in wanted if flag in flags]
    return f"{stripped.get('model name', platform.machine())} ({' '.join(has)})"
