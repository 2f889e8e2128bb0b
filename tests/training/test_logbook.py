"""The log, the alarms and the curves."""

import json
from pathlib import Path

import pytest
import torch

from funit.config import ModelConfig
from funit.data.dataset import Samples
from funit.model.generator import Generator
from funit.training.logbook import Logbook, draw_samples, progress_bar, spread


def samples(num_contents: int = 4, num_looks: int = 3) -> Samples:
    torch.manual_seed(0)
    contents = torch.rand(num_contents, 3, 8, 8) * 2 - 1
    examples = torch.rand(num_looks, 1, 3, 8, 8) * 2 - 1
    return Samples(contents, examples, ("a",) * num_contents, ("b",) * num_looks)


def test_samples_are_every_content_in_every_look(either: ModelConfig) -> None:
    generator = Generator(either).eval()
    shown = Samples(torch.randn(4, 3, 16, 16), torch.randn(2, 3, 3, 16, 16), ("a",) * 4, ("b",) * 2)

    with torch.no_grad():
        drawn = draw_samples(generator, shown)

        assert drawn.shape == (2, 4, 3, 16, 16)
        for look, examples in enumerate(shown.examples):
            for number, content in enumerate(shown.contents):
                alone = generator(content[None], examples[None])[0]
                torch.testing.assert_close(drawn[look, number], alone, rtol=1e-4, atol=1e-5)


def test_outputs_that_follow_look_and_pose_raise_no_alarm() -> None:
    drawn = torch.rand(3, 4, 3, 8, 8) * 2 - 1

    assert spread(drawn, samples()).alarm() is None


def test_outputs_that_ignore_the_examples_raise_an_alarm() -> None:
    drawn = (torch.rand(1, 4, 3, 8, 8) * 2 - 1).expand(3, -1, -1, -1, -1)
    drawn = drawn + 0.01 * torch.randn(3, 4, 3, 8, 8)

    assert "examples" in str(spread(drawn, samples()).alarm())


def test_outputs_that_ignore_the_pose_raise_an_alarm() -> None:
    drawn = (torch.rand(3, 1, 3, 8, 8) * 2 - 1).expand(-1, 4, -1, -1, -1)

    assert "pose" in str(spread(drawn, samples()).alarm())


def test_a_single_unseen_class_raises_neither_a_warning_nor_an_alarm() -> None:
    drawn = torch.rand(1, 4, 3, 8, 8) * 2 - 1

    assert spread(drawn, samples(num_looks=1)).alarm() is None


def test_outputs_that_are_all_the_same_raise_an_alarm() -> None:
    drawn = torch.full((3, 4, 3, 8, 8), 0.5)

    assert "examples" in str(spread(drawn, samples()).alarm())
    assert "pose" in str(spread(drawn[:1], samples(num_looks=1)).alarm())


def test_what_is_said_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(None) as bar:
        bar.say("left out: `seen/[red]fox[/]/1.png`")
        bar.say("[/]")

    assert capsys.readouterr().err == "left out: `seen/[red]fox[/]/1.png`\n[/]\n"


def test_a_line_has_the_mean_of_each_term_over_its_own_steps(tmp_path: Path) -> None:
    logbook = Logbook(tmp_path / "metrics.jsonl")
    for step in range(4):
        terms = {"g/adversarial": torch.tensor(float(step))}
        logbook.add(terms | ({"d/gradient_penalty": torch.tensor(8.0)} if step == 0 else {}))

    assert logbook.means() == {"g/adversarial": 1.5, "d/gradient_penalty": 8.0}
    assert logbook.means() == {}


def test_going_back_to_a_checkpoint_forgets_the_lines_after_it(tmp_path: Path) -> None:
    logbook = Logbook(tmp_path / "metrics.jsonl")
    for images in (8, 16, 24):
        logbook.write({"images": images})
    with logbook.path.open("a") as file:
        file.write('{"images": 32, "cut')  # a power failure

    logbook.rewind(16)

    assert [json.loads(line)["images"] for line in logbook.path.read_text().splitlines()] == [8, 16]
