"""The command line: one function a command, which reads its options and prints what came back.

Results go to stdout, progress to stderr. Whatever the user can mend ends in one line of error, one
line of hint and exit code 1. Imports that take time stand inside the commands.
"""

import importlib.util
import io
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from funit import __version__
from funit.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from PIL.Image import Image
    from sqlalchemy import Engine as Database

    from funit.config import Settings
    from funit.engines.engine import Engine
    from funit.evaluation.candidates import Truth
    from funit.evaluation.protocol import Network
    from funit.evaluation.report import Report
    from funit.repository import ModelRepository
    from funit.service.services import Services
    from funit.translator import Translator

# What Typer raises for a wrong use of the command line; it has no public name.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

DEFAULT_MODEL = "default"
FORCE_HINT = "`--force` replaces it, or give another `--out`"


class Commands(TyperGroup):
    """The commands; the one place where errors become text."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> None:  # type: ignore[override]
        """Runs a command line and ends the process."""
        options |= {"prog_name": "funit", "standalone_mode": False}
        try:
            code = super().main(args, **options)
        except UserError as error:
            code = _fail(error.message, error.hint)
        except UsageError as error:
            code = _fail(*_explain(error))
        except typer.Abort:
            code = _fail("interrupted", "")
        sys.exit(code)


def _fail(message: str, hint: str) -> int:
    print(f"Error: {_one_line(message)}", file=sys.stderr)
    if hint:
        print(f"\nhint: {_one_line(hint)}", file=sys.stderr)
    return 1


def _explain(error: Any) -> tuple[str, str]:
    """The message and the hint of a wrong use of the command line."""
    command = error.ctx.command_path if error.ctx else "funit"
    hint = f"`{command} --help` shows how it is used"
    near = getattr(error, "possibilities", None)
    message: str = error.message if near else error.format_message()
    message = message[:1].lower() + message[1:].rstrip(".")
    return message, f"did you mean `{near[0]}`? {hint}" if near else hint


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """The command `funit`."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    app()


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it comes at once, and brackets stay what they are
)
data_app = typer.Typer(help="Look at a data set, make it fast to read, or draw one.")
models_app = typer.Typer(help="The models that have names.")
keys_app = typer.Typer(help="Who may use the service, and for what.")
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
jobs_app = typer.Typer(help="Trainings that no crash loses: queued, evaluated, published.")
app.add_typer(jobs_app, name="jobs")
schedules_app = typer.Typer(help="Trainings that come again, by time or by new images.")
jobs_app.add_typer(schedules_app, name="schedules")


def _option(help_text: str) -> Any:
    """An option without a default worth showing."""
    return Option(help=help_text, show_default=False)


Data = Annotated[
    Path,
    Argument(
        metavar="DATA",
        help="A folder or zip of class folders (or of `seen` and `unseen` with class folders in "
        "them), or a file that `funit data pack` made.",
        show_default=False,
    ),
]
Assignments = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="PART.NAME=VALUE",
        help="One setting, as `training.batch_size=32`, over the file. May be repeated.",
    ),
]
Model = Annotated[
    str,
    Option("--model", help="A name (`funit models list`), NAME@VERSION, NAME@ALIAS, or a folder."),
]
Contents = Annotated[
    list[Path],
    Argument(
        metavar="CONTENT...",
        help="Images whose pose to keep, or folders of them.",
        show_default=False,
    ),
]
Likes = Annotated[
    list[Path],
    Option(
        help="An image of the class to imitate. Repeat it: more examples, a better likeness.",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    Option(
        min=0,
        max=1,
        help="Do not use translations that score less: how like the examples they are, 0..1.",
        show_default=False,
    ),
]
Device = Annotated[str, Option(help="`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one.")]
EngineName = Annotated[
    str,
    Option(
        "--engine",
        help="`onnxruntime`, `openvino`, `torch`, or `auto`: the first of these that is installed "
        "and ready; `torch` on a GPU.",
    ),
]
Precision = Annotated[
    str,
    Option(
        help="What numbers it computes with: `fp32` (32 bits), or `bf16` (16 bits, by `openvino` "
        "or `torch`): faster where the processor has it, with an error that is seldom seen. A "
        "model exported in `fp16` or `int8` computes in that."
    ),
]
ModelsAndData = Annotated[
    list[str],
    Argument(
        metavar="[MODEL]... DATA",
        help="Models (names, folders, or folders of another program's translations with their "
        "pairs.csv) to measure side by side, then the data. The baselines are measured in any "
        "case.",
        show_default=False,
    ),
]
Measures = Annotated[
    str | None,
    _option(
        "What is measured beside the errors of each image: of accuracy, distribution, copies, "
        "spread and few-shot, separated by commas.  [default: all]"
    ),
]
PairsFile = Annotated[
    Path | None,
    _option("A CSV of the pairs, for another program to translate; it is replaced."),
]
HtmlFile = Annotated[
    Path | None, Option("--html", help="A page with plots and pictures; it is replaced.")
]
TargetPart = Annotated[
    str | None,
    _option("The classes to translate into.  [default: unseen; all where DATA is not divided]"),
]
TruthName = Annotated[
    str,
    Option(
        help="`names`: the same file name in two classes is the same pose, so the true answer is "
        "known; `none`: it is not; `auto`: whether images of one name are alike."
    ),
]
Shots = Annotated[str | None, _option("How many examples, separated by commas.  [default: 1,5]")]
NumPairs = Annotated[
    int | None,
    Option(
        min=1,
        help="How many translations, each number of examples.  [default: 1500, quick: 200]",
        show_default=False,
    ),
]
Networks = Annotated[
    list[str] | None,
    Option(
        metavar="NAME[=FILE]",
        help="A feature network that judges: efficientnet_lite0, efficientnet_lite2, or "
        "inception_v3 and vgg16 with their file of weights. May be repeated.  "
        "[default: efficientnet_lite0]",
        show_default=False,
    ),
]
ModelName = Annotated[
    str,
    Argument(
        metavar="MODEL",
        help="A name, NAME@VERSION, NAME@ALIAS, or a folder.",
        show_default=False,
    ),
]
MaxSize = Annotated[
    str | None,
    _option("Refuse a model whose files have more bytes in all, as `16MB` or `2GiB`."),
]
Force = Annotated[bool, Option("--force", help="Replace what is there.")]
DatabaseUrl = Annotated[
    str | None,
    Option(
        "--database-url",
        metavar="URL",
        help="`sqlite:////PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.  "
        "[default: $FUNIT_DATABASE_URL, else a file in $FUNIT_HOME]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, Option("--json", help="Print JSON instead of a table.")]
JobId = Annotated[str, Argument(metavar="JOB", help="Its id.", show_default=False)]
JobData = Annotated[
    str,
    Argument(
        metavar="DATA",
        help="A folder or zip as for `funit train`, or a data set of the service.",
        show_default=False,
    ),
]
JobModel = Annotated[
    str | None, Option("--name", help="The model's name; it gets the next version.")
]
JobFile = Annotated[
    Path | None,
    Option(
        "--request",
        help="A YAML or JSON file of all that a job can be asked for; options come before it.",
    ),
]
JobPreset = Annotated[str | None, _option("`small` (the default), `paper` or `light`.")]
JobParent = Annotated[
    str | None,
    Option("--from", metavar="MODEL", help="Start from this model.", show_default=False),
]
JobImages = Annotated[int | None, _option("Images to train on.")]
JobMinimum = Annotated[
    str | None,
    Option(
        "--require",
        metavar="METRIC[@EXAMPLES]<=X",
        help="What a model must reach to be published, as `l1_foreground/copy-content<=0.8`.",
        show_default=False,
    ),
]
JobAlias = Annotated[str | None, _option("Moved to the new version.")]
ScheduleName = Annotated[str, Argument(metavar="SCHEDULE", help="Its name.", show_default=False)]
EveryHours = Annotated[
    float | None, _option("A training so long after the last one; 0: not by time.")
]
NewImages = Annotated[
    int | None,
    _option("A training once so many images have come since the last one; 0: not for them."),
]
ServiceConfig = Annotated[
    Path | None, _option("The YAML file of the service's settings, as for `funit serve`.")
]


@app.callback(invoke_without_command=True)
def funit(
    context: typer.Context,
    version: Annotated[bool, Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Redraws one picture's pose in the look of a class that one or a few examples show."""
    if version:
        print(f"funit {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def train(
    data: Data,
    out: Annotated[Path, _option("The folder of the run; one that exists goes on.")],
    preset: Annotated[
        str | None,
        _option(
            "`small` (the default: 64 px, two CPU cores), `paper` (128 px, a GPU) or `light` "
            "(128 px, fast to translate)."
        ),
    ] = None,
    config: Annotated[
        Path | None, _option("A YAML or JSON file of settings, over the preset.")
    ] = None,
    assignments: Assignments = None,
    from_model: Annotated[
        str | None,
        Option(
            "--from",
            metavar="MODEL",
            help="Start from what a model has learned: its name, NAME@VERSION, or the folder of a "
            "model, a run or a checkpoint. Its settings hold, too; those of a --preset but for "
            "the networks.",
            show_default=False,
        ),
    ] = None,
    max_images: Annotated[
        int | None, _option("Stop after so many images in the whole run.")
    ] = None,
    max_minutes: Annotated[float | None, _option("Stop this call after so many minutes.")] = None,
    seed: Annotated[int | None, _option("Of everything that is drawn by chance.")] = None,
    unseen: Annotated[int | None, _option("Keep so many classes back, to test with.")] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the settings; write nothing.")
    ] = False,
) -> None:
    """Learns from the classes of DATA. The same command again goes on where it stopped."""
    from funit.config import merged, parse_assignments, read_settings

    training = {"max_images": max_images, "max_minutes": max_minutes, "seed": seed}
    given = merged(
        read_settings(config) if config else {},
        parse_assignments(assignments or []),
        {"training": _given(training), "data": _given({"num_unseen": unseen})},
    )
    if dry_run:
        print(_planned_settings(data, out, given, preset, from_model), end="")
        return
    from funit.fine_tuning import train

    command = shlex.join(["funit", *sys.argv[1:]])
    checkpoint = train(data, out, given, preset=preset, from_model=from_model, command=command)
    print(checkpoint.path)


@app.command()
def translate(
    content: Contents,
    like: Likes,
    model: Model = DEFAULT_MODEL,
    out: Annotated[
        Path | None,
        Option(help="A file; for several images a folder.  [default: translated.png, translated]"),
    ] = None,
    threshold: Threshold = None,
    skip_existing: Annotated[
        bool, Option("--skip-existing", help="Leave translations that exist as they are.")
    ] = False,
    force: Force = False,
    engine: EngineName = "auto",
    precision: Precision = "fp32",
    device: Device = "auto",
) -> None:
    """Redraws CONTENT as the class that the --like images show."""
    from funit.translator import Translator, image_files

    is_single = len(content) == 1 and not content[0].is_dir()
    out = out or Path("translated.png" if is_single else "translated")
    num_images = len(image_files(content))
    translator = Translator.load(model, device, engine, precision)
    look = translator.encode_class(like)
    check = None if threshold is None else _score_check(translator, like, threshold, device)
    start, num_written = time.monotonic(), 0
    problems: list[UserError] = []
    with _progress("translating", num_images, "images") as advance:

        def note(problem: UserError) -> None:
            problems.append(problem)
            advance()

        for path in translator.translate_files(
            content,
            look,
            out,
            skip_existing=skip_existing,
            force=force,
            on_problem=note,
            on_skipped=lambda _: advance(),
            is_used=check,
        ):
            print(path)
            advance()
            num_written += 1
    if num_written or not problems:
        _print_rate(translator.engine, num_written, time.monotonic() - start)
    _report_problems(problems, num_images)


@app.command()
def classify(
    images: Annotated[
        list[Path],
        Argument(metavar="IMAGES...", help="Images, or folders of them.", show_default=False),
    ],
    like: Annotated[
        list[str] | None,
        Option(
            metavar="CLASS=IMAGE|FOLDER",
            help="Examples of a class; one is enough. Repeat it for each class.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[Path | None, _option("Or: a folder or zip of class folders.")] = None,
    model: Model = DEFAULT_MODEL,
    threshold: Annotated[
        float, Option(min=0, max=1, help="What scores less, 0..1, is none of the classes.")
    ] = 0.5,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Says which class each image shows, or none: of those that --like or --data show."""
    from funit.classification import Recogniser
    from funit.translator import image_files

    files = image_files(images)
    if bool(like) == bool(data):
        raise UserError(
            "classes are shown by `--like` or by `--data`", hint="give one of them: `--like fox=f/`"
        )
    examples = _examples(like or [])
    recogniser = Recogniser.load(model, device)
    known = recogniser.learn_data(data) if data else recogniser.learn(examples)
    problems: list[UserError] = []
    found = []
    with _progress("classifying", len(files)) as advance:
        for file in files:
            try:
                found += [(str(file), one) for one in recogniser.classify([file], known, threshold)]
            except UserError as error:
                problems.append(error)
            advance()
    if as_json:
        _print_json([{"image": file, **asdict(one)} for file, one in found])
    else:
        _print_table(
            ["image", "class", "score"],
            [[file, one.cls or "(none of them)", f"{one.score:.2f}"] for file, one in found],
        )
    _report_problems(problems, len(files))


@app.command()
def demo(
    model: Model = DEFAULT_MODEL,
    look: Annotated[
        str | None,
        _option(
            "Draw this look of the model's gallery instead, by its number (from 1) or its name, in "
            "every pose: look-NAME-*.png and .gif."
        ),
    ] = None,
    out: Annotated[
        Path, Option(help="The folder for contact-sheet.png and scores.json; both are replaced.")
    ] = Path("demo"),
    device: Device = "auto",
) -> None:
    """Shows a model creatures of classes that it never saw, and how far it is from the truth.

    A model of other things shows its gallery: poses and looks kept as codes, without any picture.
    """
    from funit.demo import (
        SCORES_FILE,
        SHEET_FILE,
        is_of_creatures,
        run_demo,
        show_gallery,
        show_look,
    )

    if look is not None:
        for path in show_look(model, out, look, device):
            print(path)
        return
    if is_of_creatures(model):
        with _progress("drawing creatures") as advance:
            report = run_demo(model, out, device=device, progress=advance)
    else:
        report = show_gallery(model, out, device)
    _print_scores(report)
    print(out / SHEET_FILE)
    print(out / SCORES_FILE)


@app.command()
def evaluate(
    models_and_data: ModelsAndData,
    part: TargetPart = None,
    truth: TruthName = "auto",
    shots: Shots = None,
    pairs: NumPairs = None,
    quick: Annotated[
        bool, Option("--quick", help="Two minutes: few pairs, few real images, and what is cheap.")
    ] = False,
    only: Measures = None,
    network: Networks = None,
    allow_same_network: Annotated[
        bool,
        Option("--allow-same-network", help="Let a network judge a model trained with it."),
    ] = False,
    write_pairs: PairsFile = None,
    seed: Annotated[int, Option(min=0, help="Of the choice of images.")] = 0,
    device: Device = "auto",
    json_file: Annotated[
        Path | None, Option("--json", help="A file for the results; it is replaced.")
    ] = None,
    html_file: HtmlFile = None,
) -> None:
    """Measures models on classes of DATA, beside the baselines, as the paper does and more.

    Errors against the truth are known where a file name stands in two classes: the same pose.
    """
    from funit.evaluation.page import check_page, write_page
    from funit.evaluation.protocol import evaluate

    *models, data = models_and_data
    for file in (json_file, html_file, write_pairs):
        if file is not None:
            _check_writable(file)
    if html_file:
        check_page()
    with _progress("evaluating") as advance:
        report = evaluate(
            models,
            Path(data),
            part=part,
            truth=_truth(truth),
            shots=_numbers(shots) if shots else None,
            num_pairs=pairs,
            quick=quick,
            measures=_words(only) if only is not None else None,
            networks=[_network(text) for text in network] if network else None,
            allow_same_network=allow_same_network,
            pairs_csv=write_pairs,
            seed=seed,
            device=device,
            progress=lambda what, done, total: advance(done, total, what),
        )
    print(report.markdown(), end="")
    if json_file:
        report.write(json_file)
    if html_file:
        write_page(report, html_file)


@app.command()
def publish(
    run: Annotated[
        Path, Argument(metavar="RUN", help="A run folder, or a model folder.", show_default=False)
    ],
    name: Annotated[
        str, Option(help="The model's name; it gets the next version.", show_default=False)
    ],
    scores: Annotated[
        Path | None, _option("What `funit evaluate --json` wrote of it: they are kept with it.")
    ] = None,
    require: Annotated[
        list[str] | None,
        Option(
            metavar="METRIC<=X",
            help="Publish only if a score is as it must be, as `l1_foreground<=0.1`: of 5 "
            "examples, or `l1@1<=0.2` of 1. May be repeated.",
            show_default=False,
        ),
    ] = None,
    max_size: MaxSize = None,
    licence: Annotated[
        str | None,
        _option("Under which others may use it, as `CC-BY-4.0`; its card says it."),
    ] = None,
) -> None:
    """Gives what a training learned a name, under which other commands find it."""
    from funit.onnx_export import can_export, write_graphs
    from funit.repository import ModelRepository
    from funit.statistics import training_statistics

    repository = ModelRepository()
    rows = _checked_scores(repository, run, scores, require or [])
    writer = write_graphs if can_export() else None  # `auto` engines need them
    info = repository.publish(
        run,
        name,
        scores=rows,
        licence=licence,
        write_graphs=writer,
        measure_codes=training_statistics,
        max_size=_num_bytes(max_size) if max_size else None,
    )
    print(f"{info.name}@{info.version}")


@app.command()
def export(
    model: Annotated[
        str,
        Argument(metavar="MODEL", help="A name, NAME@VERSION, or a folder.", show_default=False),
    ],
    out: Annotated[Path, _option("The folder to write.")],
    precision: Annotated[
        str,
        Option(
            help="In which the graphs compute: `fp32`, `fp16` for graphics cards, or `int8`, which "
            "is refused where translations of DATA get 2% worse."
        ),
    ] = "fp32",
    data: Annotated[
        Path | None, _option("For int8: images to calibrate and judge with, as for `evaluate`.")
    ] = None,
    part: Annotated[str, Option(help="For int8: the classes to judge by.")] = "unseen",
    force: Force = False,
) -> None:
    """Writes a model as ONNX graphs with their weights, and compares them with PyTorch."""
    if precision == "int8":
        _export_int8(model, data, part, out, force)
        return
    from funit.export import export_model

    exported = export_model(model, out, precision, force=force)
    for one in exported.parity:
        print(f"{one.engine}: at most {one.largest:.2g} from PyTorch, images being in -1..1")
    print(f"{exported.path}: opset {exported.record.opset}, {exported.record.precision}")


@app.command()
def bench(
    what: Annotated[
        str | None,
        _option(
            "What is measured: of translation, int8, light, quality, training, memory, startup, "
            "data and gpu, separated by commas.  [default: all but gpu]"
        ),
    ] = None,
    json_file: Annotated[
        Path | None, Option("--json", help="A file for the results; it is replaced.")
    ] = None,
) -> None:
    """Measures how fast this is here, as ratios to the model and the training of the paper."""
    from funit.benchmark.bench import WITHOUT_GPU, run_bench
    from funit.benchmark.results import COLUMNS

    with _progress("measuring") as advance:
        results = run_bench(
            _words(what) if what else WITHOUT_GPU,
            progress=lambda name, done, total: advance(done, total, name),
            on_part=(lambda so_far: so_far.write(json_file)) if json_file else None,
        )
    _print_table(COLUMNS, results.cells())
    for item in results.left_out:
        print(f"left out: {item.what}, {item.variant}: {item.reason}")


@app.command()
def serve(
    host: Annotated[
        str, Option(help="An address of this machine. Any but its own needs API keys.")
    ] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535, help="0: one that is free.")] = 8000,
    database_url: DatabaseUrl = None,
    storage: Annotated[
        str | None,
        _option(
            "A folder, or a URL as `s3://BUCKET/FOLDER`.  "
            "[default: $FUNIT_STORAGE, else a folder in $FUNIT_HOME]"
        ),
    ] = None,
    workers: Annotated[int, Option(min=1, help="Processes that answer.")] = 1,
    config: Annotated[
        Path | None, _option("A YAML file of the service's settings; options come before it.")
    ] = None,
    model: Annotated[
        str | None, _option("The model of requests that name none.  [default: default]")
    ] = None,
    data_root: Annotated[
        list[Path] | None,
        _option("Folders under it may be registered as data sets. May be repeated."),
    ] = None,
    keys: Annotated[
        str | None,
        _option(
            "`required`: every request needs an API key; `none`: whoever reaches it may do "
            "everything.  [default: none on this machine's own address, else required]"
        ),
    ] = None,
    jobs: Annotated[
        bool,
        Option(help="Do the jobs, too; of services with one database, one may."),
    ] = True,
) -> None:
    """Serves translations, models, data and trainings over HTTP, until it is told to stop."""
    _check_service()
    from funit.service.server import serve

    given = _given(
        {
            "database_url": database_url,
            "storage_url": storage,
            "default_model": model,
            "data_roots": data_root or None,
            "keys": keys,
        }
    )
    serve(
        host,
        port,
        config=config,
        given=given,
        workers=workers,
        jobs=jobs,
        on_start=lambda url: print(url, flush=True),
    )


@keys_app.command("create")
def keys_create(
    name: Annotated[
        str, Argument(metavar="NAME", help="Whose it is; it stands in logs.", show_default=False)
    ],
    scope: Annotated[
        list[str],
        _option("What it allows: `translate`, `data`, `train`, or `admin`: all. May be repeated."),
    ],
    database_url: DatabaseUrl = None,
) -> None:
    """Makes an API key and prints it, for the only time."""
    _check_service()
    from funit.service.auth import create_key

    with _database(database_url) as database:
        print(create_key(database, name, scope))


@keys_app.command("list")
def keys_list(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Lists the API keys; the keys themselves are not kept."""
    _check_service()
    from funit.service.auth import list_keys

    with _database(database_url) as database:
        keys = list_keys(database)
    if as_json:
        _print_json(
            [
                {
                    "name": key.name,
                    "scopes": key.scopes,
                    "created_at": _moment(key.created_at),
                    "revoked_at": _moment(key.revoked_at) or None,
                }
                for key in keys
            ]
        )
        return
    _print_table(
        ["key", "scopes", "created", "revoked"],
        [
            [key.name, ", ".join(key.scopes), _moment(key.created_at), _moment(key.revoked_at)]
            for key in keys
        ],
    )


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, Argument(metavar="NAME", help="Of the key.", show_default=False)],
    database_url: DatabaseUrl = None,
) -> None:
    """Makes an API key useless, from the next request on."""
    _check_service()
    from funit.service.auth import revoke_key

    with _database(database_url) as database:
        revoke_key(database, name)
    print(f"{name} is revoked")


@jobs_app.command("run")
def jobs_run(config: ServiceConfig = None, database_url: DatabaseUrl = None) -> None:
    """Does the jobs until it is told to stop; then trainings write a checkpoint first.

    One process does the jobs of a database. However it ends, the next one goes on with them.
    """
    _check_service()
    from funit.service.jobs.process import run_jobs
    from funit.service.logs import set_up_logs
    from funit.service.settings import build_settings

    set_up_logs()
    settings = build_settings(config, _given({"database_url": database_url}))
    run_jobs(settings, on_start=lambda: print("ready", flush=True))


@jobs_app.command("create")
def jobs_create(
    data: JobData,
    name: JobModel = None,
    request: JobFile = None,
    preset: JobPreset = None,
    from_model: JobParent = None,
    assignments: Assignments = None,
    max_images: JobImages = None,
    max_passes: Annotated[float | None, _option("Passes over the data to train for.")] = None,
    require: JobMinimum = None,
    alias: JobAlias = None,
    priority: Annotated[int | None, _option("A higher one is begun sooner.")] = None,
    device: Annotated[str | None, _option("One of those that the service has.")] = None,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Queues a training, and prints its id; `funit jobs run` does it."""
    options = {
        "name": name,
        "preset": preset,
        "from_model": from_model,
        "max_images": max_images,
        "max_passes": max_passes,
        "alias": alias,
        "priority": priority,
        "device": device,
    }
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import create_job
        from funit.service.jobs.requests import build_request

        asked = _asked_job(data, request, assignments, require, options)
        print(create_job(services, build_request(asked)).id)


@jobs_app.command("list")
def jobs_list(
    state: Annotated[list[str] | None, _option("Only jobs in this state. May be repeated.")] = None,
    limit: Annotated[int, Option(min=1, help="At most so many.")] = 100,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Lists the jobs, the newest first."""
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import described
        from funit.service.jobs.store import known_state, list_jobs

        jobs = list_jobs(services.database, [known_state(s) for s in state or ()], limit=limit)
        if as_json:
            _print_json([described(job) for job in jobs])
            return
        _print_table(
            ["job", "name", "state", "images", "of", "alerts", "model"],
            [
                [
                    job.id,
                    job.request["name"],
                    job.state,
                    f"{job.progress.get('images', 0):,}",
                    f"{job.progress.get('images_wanted') or 0:,}",
                    str(len(job.alerts)),
                    job.model or "",
                ]
                for job in jobs
            ],
        )


@jobs_app.command("show")
def jobs_show(
    job_id: JobId,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prints how far a job is, what its evaluations led to, and its alerts."""
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import described
        from funit.service.jobs.store import find_job

        job = find_job(services.database, job_id)
    if as_json:
        _print_json({**described(job), "report": job.report})
        return
    told = {"job": job.id, "state": job.state, "model": job.model, "error": job.error}
    progress = {name: value for name, value in job.progress.items() if name != "losses"}
    for name, value in {**told, **progress}.items():
        if value is not None:
            print(f"{name:18} {value}")
    for each in (job.report or {}).get("history", []):
        print(f"{'evaluation':18} {each['images']:,} images: {each['reason']}: {each['next']}")
    for alert in job.alerts:
        print(f"{'alert':18} {alert['message']}")


@jobs_app.command("pause")
def jobs_pause(
    job_id: JobId, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Stops a job behind a checkpoint; its slot is free for others."""
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import pause_job

        print(_state_of(pause_job(services, job_id)))


@jobs_app.command("resume")
def jobs_resume(
    job_id: JobId, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Lets a paused job go on where it was."""
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import resume_job

        print(_state_of(resume_job(services, job_id)))


@jobs_app.command("cancel")
def jobs_cancel(
    job_id: JobId, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Ends a job behind a checkpoint, for good; its run folders stay."""
    with _services(config, database_url) as services:
        from funit.service.jobs.manager import cancel_job

        print(_state_of(cancel_job(services, job_id)))


@jobs_app.command("follow")
def jobs_follow(
    job_id: JobId,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
    as_json: Annotated[bool, Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Prints what happens to a job, from its beginning until it ends."""
    with _services(config, database_url) as services:
        from funit.service.jobs.store import events_after

        after, has_more = 0, True
        while has_more:
            events, has_more = events_after(services.database, job_id, after)
            for event in events:
                after = event.id
                found = {"at": _moment(event.at), "event": event.kind, **event.data}
                print(json.dumps(found) if as_json else _event_line(found), flush=True)
            if has_more and not events:
                time.sleep(0.5)


@schedules_app.command("create")
def schedules_create(
    schedule: ScheduleName,
    data: JobData,
    every_hours: EveryHours = None,
    new_images: NewImages = None,
    name: JobModel = None,
    request: JobFile = None,
    preset: JobPreset = None,
    from_model: JobParent = None,
    assignments: Assignments = None,
    max_images: JobImages = None,
    require: JobMinimum = None,
    alias: JobAlias = None,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Makes a training come again; new images are counted in a data set of the service.

    Each time it is of the newest version of the data, and starts from the model's newest version.
    """
    options = {
        "name": name,
        "preset": preset,
        "from_model": from_model,
        "max_images": max_images,
        "alias": alias,
    }
    with _services(config, database_url) as services:
        from funit.service.jobs.requests import build_request, validated
        from funit.service.jobs.schedules import LocalScheduleRequest, create_schedule

        job = build_request(_asked_job(data, request, assignments, require, options))
        times = _given({"every_hours": every_hours or None, "new_images": new_images or None})
        asked = validated(LocalScheduleRequest, {"name": schedule, "job": job, **times})
        print(create_schedule(services, asked).name)


@schedules_app.command("list")
def schedules_list(
    config: ServiceConfig = None, database_url: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Lists the schedules, by name."""
    with _services(config, database_url) as services:
        from funit.service.jobs.schedules import described, list_schedules

        found = [described(schedule) for schedule in list_schedules(services)]
    if as_json:
        _print_json(found)
        return
    _print_table(
        ["schedule", "state", "data", "model", "every hours", "new images", "last job", "error"],
        [
            [
                each["name"],
                each["state"],
                str(each["request"]["dataset"] or each["request"]["path"]),
                each["request"]["name"],
                f"{each['every_hours']:g}" if each["every_hours"] else "",
                f"{each['new_images']:,}" if each["new_images"] else "",
                each["last_run_at"] or "",
                each["error"] or "",
            ]
            for each in found
        ],
    )


@schedules_app.command("show")
def schedules_show(
    schedule: ScheduleName,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prints when a schedule is due, what it makes, and why it could not if so."""
    with _services(config, database_url) as services:
        from funit.service.jobs.schedules import described, find_schedule

        found = described(find_schedule(services, schedule))
    if as_json:
        _print_json(found)
        return
    job = {f"job.{name}": value for name, value in found.pop("request").items()}
    for name, value in {**found, **job}.items():
        if value not in (None, {}, []):
            print(f"{name:18} {value}")


@schedules_app.command("change")
def schedules_change(
    schedule: ScheduleName,
    every_hours: EveryHours = None,
    new_images: NewImages = None,
    request: Annotated[
        Path | None,
        _option("A YAML or JSON file of what its jobs are asked for, over what they were."),
    ] = None,
    config: ServiceConfig = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Gives a schedule another time or other jobs; what is not named stays."""
    with _services(config, database_url) as services:
        from funit.config import merged, read_settings
        from funit.service.jobs.requests import validated
        from funit.service.jobs.schedules import (
            LocalScheduleChange,
            change_schedule,
            find_schedule,
        )

        times = _given({"every_hours": every_hours, "new_images": new_images})
        changes: dict[str, Any] = {name: value or None for name, value in times.items()}
        if request is not None:
            now = find_schedule(services, schedule).request
            changes["job"] = merged(now, read_settings(request))
        change = validated(LocalScheduleChange, changes)
        print(_schedule_line(change_schedule(services, schedule, change)))


@schedules_app.command("pause")
def schedules_pause(
    schedule: ScheduleName, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Makes no more jobs until it is resumed; those under way go on."""
    with _services(config, database_url) as services:
        from funit.service.jobs.schedules import pause_schedule

        print(_schedule_line(pause_schedule(services, schedule)))


@schedules_app.command("resume")
def schedules_resume(
    schedule: ScheduleName, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Makes jobs again: one at once if it was due meanwhile."""
    with _services(config, database_url) as services:
        from funit.service.jobs.schedules import resume_schedule

        print(_schedule_line(resume_schedule(services, schedule)))


@schedules_app.command("remove")
def schedules_remove(
    schedule: ScheduleName, config: ServiceConfig = None, database_url: DatabaseUrl = None
) -> None:
    """Makes no more jobs; those that it made stay."""
    with _services(config, database_url) as services:
        from funit.service.jobs.schedules import remove_schedule

        remove_schedule(services, schedule)
    print(f"removed {schedule}")


@data_app.command("check")
def data_check(data: Data, as_json: AsJson = False) -> None:
    """Lists the classes of DATA, and the images that cannot be used, with the reason."""
    from funit.data.catalog import check_images, read_catalog

    catalog = read_catalog(data)
    with _progress("reading", catalog.num_images) as advance:
        catalog = check_images(catalog, progress=advance)
    summary = catalog.summary
    if as_json:
        _print_json(summary)
    else:
        _print_summary(summary)


@data_app.command("pack")
def data_pack(
    data: Data,
    out: Annotated[Path, Option(help="The file to write; it ends in .pack.", show_default=False)],
    size: Annotated[
        int, Option(help="Shortest side of every image, pixels.", min=16, show_default=False)
    ],
    unseen: Annotated[int, Option(help="Keep so many classes back, to test with.", min=0)] = 0,
    seed: Annotated[int, Option(help="Chooses the classes that are kept back.")] = 0,
    force: Force = False,
) -> None:
    """Decodes and resizes DATA into one file, from which training reads at memory speed."""
    from funit.data.catalog import read_catalog
    from funit.data.packed import SUFFIX, pack

    if out.suffix != SUFFIX:
        raise UserError(f"`{out}` does not end in {SUFFIX}", hint=f"try `{out.stem}{SUFFIX}`")
    _refuse_existing(out, force)
    catalog = read_catalog(data, unseen, seed)
    with _progress("packing", catalog.num_images) as advance:
        packed = pack(catalog, size, out, progress=advance)
    for problem in packed.problems:
        print(f"left out: {problem}", file=sys.stderr)
    print(out)


@data_app.command("menagerie")
def data_menagerie(
    classes: Annotated[int, _option("How many species.")],
    poses: Annotated[int, _option("How many poses; every species is drawn in each.")],
    out: Annotated[Path, _option("A .zip, or a folder; in it CLASS/POSE.png.")],
    pool: Annotated[
        int | None,
        _option("Draw each species in its own choice of --poses out of so many poses."),
    ] = None,
    size: Annotated[int, Option(help="Height and width, pixels.")] = 64,
    seed: Annotated[int, Option(help="Another seed, other creatures.")] = 0,
    force: Force = False,
) -> None:
    """Draws creatures; the same file name is the same pose, so that each true answer is known."""
    from funit.data.menagerie import write_menagerie

    _refuse_existing(out, force)
    _refuse_foreign_folder(out)
    with _progress("drawing", classes * poses) as advance:
        write_menagerie(out, classes, poses, size, seed, progress=advance, pose_pool=pool)
    print(out)


@models_app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """Lists the models inside the package and the published ones."""
    from funit.repository import ModelRepository

    problems: list[UserError] = []
    entries = ModelRepository().entries(on_problem=problems.append)
    for problem in problems:
        print(f"left out: {problem.message}", file=sys.stderr)
    if as_json:
        _print_json([entry.described() for entry in entries])
        return
    _print_table(
        ["model", "version", "aliases", "pixels", "classes", "images seen", "bytes", "licence"],
        [
            [
                entry.info.name,
                str(entry.info.version),
                ", ".join(entry.aliases),
                str(entry.info.config.model.image_size),
                str(entry.info.config.model.num_classes),
                f"{entry.info.training.images:,}",
                f"{entry.size:,}",
                entry.info.licence,
            ]
            for entry in entries
        ],
    )


@models_app.command("show")
def models_show(model: ModelName, as_json: AsJson = False) -> None:
    """Prints a model's card: what it was trained on, how, and how good it is."""
    from funit.model_folder import card
    from funit.repository import ModelRepository

    found = ModelRepository().find(model)
    if as_json:
        _print_json({"path": str(found.path), **found.info.model_dump(mode="json")})
    else:
        print(card(found.info))
        print(f"in {found.path}")


@models_app.command("alias")
def models_alias(
    model: Annotated[str, Argument(metavar="NAME@VERSION", show_default=False)],
    alias: Annotated[str, Argument(metavar="ALIAS", show_default=False)],
    remove: Annotated[
        bool, Option("--remove", help="Drop the alias of NAME; its version stays.")
    ] = False,
) -> None:
    """Gives a version a second name, as `production`, which another version may have had."""
    from funit.repository import ModelRepository

    repository = ModelRepository()
    if remove:
        repository.remove_alias(model.partition("@")[0], alias)
    else:
        print(f"{alias}: {repository.set_alias(model, alias).label}")


@models_app.command("remove")
def models_remove(
    model: Annotated[str, Argument(metavar="NAME@VERSION", show_default=False)],
) -> None:
    """Removes a version that no alias names. Its files stay until `funit models clean`."""
    from funit.repository import ModelRepository

    print(f"removed {ModelRepository().remove(model)}")


@models_app.command("clean")
def models_clean() -> None:
    """Frees the disk of files that nothing names any more, of models, data and looks.

    What others are storing meanwhile stays. The storage must be of this database alone.
    """
    from funit.repository import ModelRepository

    num_files, num_bytes = ModelRepository().clean()
    print(f"removed {num_files} files, {num_bytes:,} bytes")


@models_app.command("export")
def models_export(
    model: ModelName,
    out: Annotated[Path, _option("The folder or the .zip to write.")],
    layout: Annotated[
        str,
        Option(
            help="`folder`: weights, settings and card, as Hugging Face names them; `triton`: the "
            "graphs, as a model repository of Triton."
        ),
    ] = "folder",
    force: Force = False,
) -> None:
    """Writes a model for others: to a folder, or to one zip."""
    from funit.model_exchange import export_model, known_layout
    from funit.repository import ModelRepository

    export_model(ModelRepository().find(model), out, known_layout(layout), force=force)
    print(out)


@models_app.command("import")
def models_import(
    source: Annotated[
        Path,
        Argument(
            metavar="FOLDER|ZIP",
            help="What `funit models export` wrote, or a model folder.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str, Option(help="The model's name here; it gets the next version.", show_default=False)
    ],
    max_size: MaxSize = None,
) -> None:
    """Takes in a model of somebody else's, after everything in it was checked."""
    from funit.model_exchange import import_model
    from funit.onnx_export import can_export, write_graphs
    from funit.repository import ModelRepository

    info = import_model(
        source,
        name,
        ModelRepository(),
        write_graphs=write_graphs if can_export() else None,
        max_size=_num_bytes(max_size) if max_size else None,
    )
    print(f"{info.name}@{info.version}")


# -------------------------------------------------------------------- pieces


def _checked_scores(
    repository: "ModelRepository", run: Path, file: Path | None, wanted: Sequence[str]
) -> "list[dict[str, Any]] | None":
    """The scores to publish with a model, None for its own; UserError where one is not enough."""
    if file is None and not wanted:
        return None
    from funit.evaluation.requirements import Requirement, check_requirements, read_scores

    requirements = [Requirement.parse(text) for text in wanted]
    scores = read_scores(file, str(run)) if file else None
    check_requirements(repository.find(run).info.scores if scores is None else scores, requirements)
    return scores


def _num_bytes(text: str) -> int:
    """The bytes of a size such as `16MB`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kMG]?)(i?)B?", text.strip())
    if found is None:
        raise UserError(f"`{text}` is no size", hint="write `16MB`, `2GiB`, or a number of bytes")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kMG".index(unit or " "))


def _export_int8(model: str, data: Path | None, part: str, out: Path, force: bool) -> None:
    from funit.quantization import quantise_model

    if data is None:
        raise UserError("`int8` is calibrated and judged with images", hint="give `--data DATA`")
    quantised = quantise_model(model, data, out, part=part, force=force)
    print(f"truth error: {quantised.ratio:.4f} times that of 32 bits")
    print(f"{quantised.path}: opset {quantised.record.opset}, int8")


def _check_service() -> None:
    """Refuses what needs the extra `serve` where it is not installed."""
    for package in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"the service needs `{package}`", hint="`pip install 'funit[serve]'`")


def _moment(time: "datetime | None") -> str:
    return time.isoformat(timespec="seconds") if time else ""


@contextmanager
def _database(url: str | None) -> Iterator["Database"]:
    from funit.database.connection import open_database
    from funit.home import database_url

    database = open_database(url or database_url())
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def _services(config: Path | None, database_url: str | None) -> Iterator["Services"]:
    """What the service uses, as its settings say."""
    _check_service()
    from funit.service.services import open_services
    from funit.service.settings import build_settings

    with open_services(build_settings(config, _given({"database_url": database_url}))) as services:
        yield services


def _state_of(job: Any) -> str:
    """What a job is, and what it is about to be."""
    return f"{job.id} {job.state}" + (f", to {job.wanted}" if job.wanted else "")


def _asked_job(
    data: str,
    file: Path | None,
    assignments: list[str] | None,
    require: str | None,
    options: dict[str, Any],
) -> "Settings":
    """What a job is asked for by options, over a file."""
    from funit.config import merged, parse_assignments, read_settings
    from funit.service.jobs.requests import Minimum

    where = {"path": str(Path(data).absolute())} if Path(data).exists() else {"dataset": data}
    given = {**where, **_given(options), "settings": parse_assignments(assignments or [])}
    if require is not None:
        given["minimum"] = Minimum.parse(require).model_dump(exclude_none=True)
    return merged(read_settings(file) if file else {}, given)


def _schedule_line(schedule: Any) -> str:
    """Whether a schedule makes jobs, and when."""
    if not schedule.enabled:
        return f"{schedule.name} paused"
    times = []
    if schedule.every_hours:
        times.append(f"every {schedule.every_hours:g} hours")
    if schedule.new_images:
        times.append(f"for {schedule.new_images:,} new images")
    return f"{schedule.name} active, {', '.join(times)}"


def _event_line(event: dict[str, Any]) -> str:
    """What happened to a job, for people."""
    kind, data = event["event"], event
    if kind == "log":
        told = data["line"]
    elif kind == "progress":
        told = f"{data['images']:,} of {data['images_wanted'] or 0:,} images, "
        told += f"{data['images_per_second']:g} a second"
    else:
        known = ("state", "message", "reason", "error", "model", "name", "wanted", "next")
        told = ", ".join(str(data[name]) for name in known if data.get(name) is not None)
    return f"{data['at']} {kind:10} {told}"


def _numbers(text: str) -> list[int]:
    """The numbers of a list such as `1,5`."""
    numbers = [int(word) if word.strip().isdecimal() else 0 for word in text.split(",")]
    if 0 in numbers:
        raise UserError(f"`--shots {text}` is no list of numbers", hint="write `--shots 1,5`")
    return sorted(set(numbers))


def _score_check(
    translator: "Translator", like: Sequence[Path], threshold: float, device: str
) -> "Callable[[Sequence[Path], Sequence[Image]], list[UserError | None]]":
    """What refuses translations that are too little like the examples."""
    from funit.classification import Recogniser
    from funit.translator import refusal

    recogniser = Recogniser.of(translator, device)
    known = recogniser.learn_one(list(like))

    def check(names: Sequence[Path], results: "Sequence[Image]") -> list[UserError | None]:
        scores = recogniser.likeness(list(results), known)
        return [refusal(s, threshold, f"`{n}`") for n, s in zip(names, scores, strict=True)]

    return check


def _examples(like: Sequence[str]) -> dict[str, list[Path]]:
    """The images of each class, of words such as `fox=folder`."""
    from funit.translator import image_files

    examples: dict[str, list[Path]] = {}
    for text in like:
        name, _, place = text.partition("=")
        if not name or not place:
            raise UserError(f"`--like {text}` names no class", hint="write `--like fox=FOLDER`")
        examples.setdefault(name, []).extend(image_files([Path(place)]))
    return examples


def _words(text: str) -> list[str]:
    """The words of a list such as `accuracy,spread`."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _truth(text: str) -> "Truth":
    """Whether the truth is known, as the evaluation takes it."""
    from funit.evaluation.candidates import TRUTHS

    for known in TRUTHS:
        if text == known:
            return known
    raise UserError(f"`--truth {text}` is not known", hint=f"there are {', '.join(TRUTHS)}")


def _check_writable(file: Path) -> None:
    """Refuses a place for results before an hour goes into them."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(
            f"`{file}` cannot be written", hint="name a file in a folder that may be written to"
        )


def _network(text: str) -> "Network":
    """A feature network, and its file if it is named: `vgg16=vgg16-397923af.pth`."""
    from funit.evaluation.protocol import Network

    name, _, weights = text.partition("=")
    return Network(name, Path(weights) if weights else None)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _planned_settings(
    data: Path, out: Path, given: "Settings", preset: str | None, from_model: str | None
) -> str:
    """The settings that a training would use, as YAML."""
    from funit.config import build_config, merged, to_yaml
    from funit.data.catalog import read_catalog
    from funit.data.packed import SUFFIX, open_packed
    from funit.fine_tuning import find_parent
    from funit.training.run import requested_settings

    parent = find_parent(out, from_model) if from_model else None
    wanted = requested_settings(out, given, preset, parent)
    checked = build_config(merged({"model": {"num_classes": 2}}, wanted))
    if data.suffix == SUFFIX:
        num_classes = len(open_packed(data).classes)
    else:
        num_unseen, seed = checked.data.num_unseen, checked.training.seed
        num_classes = len(read_catalog(data, num_unseen, seed).seen)
    return to_yaml(build_config(merged(wanted, {"model": {"num_classes": num_classes}})))


def _refuse_existing(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise UserError(f"`{out}` exists", hint=FORCE_HINT)


def _refuse_foreign_folder(out: Path) -> None:
    """`--force` removes a whole folder: only one that holds a menagerie and nothing else."""
    if not out.is_dir():
        return
    foreign = [path.name for path in out.iterdir() if not re.match(r"[0-9]{4}-", path.name)]
    if foreign:
        raise UserError(
            f"`{out}` holds `{foreign[0]}`, which is no part of a menagerie",
            hint="give another `--out`, or remove the folder yourself",
        )


def _print_rate(engine: "Engine", num_images: int, seconds: float) -> None:
    rate = num_images / max(seconds, 1e-9)
    which = f"{engine.name}, {engine.precision}"
    print(f"{num_images:,} images, {rate:,.1f} images/s, by {which}", file=sys.stderr)


def _report_problems(problems: Sequence[UserError], num_images: int) -> None:
    """Names every image that was left out; the last words are one error and one hint."""
    for problem in problems[:-1]:
        print(f"left out: {_one_line(problem.message)}", file=sys.stderr)
    if problems:
        last = problems[-1]
        more = f" ({len(problems)} of {num_images} images were left out)" if num_images > 1 else ""
        raise UserError(f"{last.message}{more}", hint=last.hint)


@contextmanager
def _progress(what: str, total: int | None = None, unit: str = "") -> Iterator[Callable[..., None]]:
    """A bar on stderr; the function it gives takes how many are done, of how many, and of what.

    Without a word there is one more. With a `unit` the bar says how many a second.
    """
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.1f} {unit}/s" if unit and task.speed else "")

    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        Rate(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # results in a pipe stay there
    ) as progress:
        task = progress.add_task(what, total=total)

        def advance(
            done: int | None = None, total: int | None = None, what: str | None = None
        ) -> None:
            if done is None:
                progress.advance(task)
            else:
                progress.update(task, completed=done, total=total, description=what)

        yield advance


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # in a pipe every row is one line
    console.print(table)


def _print_summary(summary: dict[str, Any]) -> None:
    """What `data check` found."""
    _print_table(
        ["part", "classes", "images"],
        [[part, str(s["classes"]), f"{s['images']:,}"] for part, s in summary["parts"].items()],
    )
    low, high = summary["smallest_image"], summary["largest_image"]
    print(f"\nsizes from {low[0]} x {low[1]} to {high[0]} x {high[1]} pixels")
    problems = summary["problems"]
    print(f"{len(problems)} left out" + (":" if problems else ""))
    for problem in problems:
        print(f"  {problem['path']}: {problem['reason']}")


def _print_scores(report: "Report") -> None:
    """The error on the foreground beside that of the baselines, where it was measured."""
    errors = [row for row in report.rows if row.metric == "l1_foreground"]
    if not errors:
        return
    copying = {row.shots: row.value for row in errors if row.model == "copy-content"}
    rows = [
        [
            row.model,
            str(row.shots),
            f"{row.value:.4f}",
            f"{row.low:.4f} to {row.high:.4f}",
            f"{row.value / copying[row.shots]:.2f}",
        ]
        for row in errors
    ]
    print("Error on the foreground (0..1), unseen classes, and its ratio to copying the pose:\n")
    _print_table(["model", "examples", "error", "95% interval", "ratio"], rows)
    print()
