"""Whether translations keep the pose: a classifier of poses, taught by real pictures, is asked.

    python scripts/check_poses.py MODEL... DATA [--part unseen] [--shots 5] [--pairs 600]
                                  [--passes 4] [--seed 0] [--with-truth] [--json FILE]

For DATA whose file names are poses, as `walk_s_03.png` is. A small network learns to tell the pose
from pictures of the seen classes, and meets the classes of the part: their real pictures, then what
each model makes of others' pictures. Prints the accuracy on both, and their ratio on the same poses
of the same classes, with 95% intervals; the baselines stand beside. A motion is a pose without its
number, `walk_s`. Sheets repeat frames but for a few pixels: a guess is near if the class's own real
picture in the guessed pose is the true one in 99 of 100 pixels. With `--with-truth` models are
asked three times more, with the true answer in place of the pose image, of every example, and of
both: it tells where poses are lost. Four minutes on one thread for 43,000 pictures of 64 px.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from show_limits import AS_IT_IS, with_truth
from torch import Tensor, nn

from funit.data.images import to_signed
from funit.data.packed import Packed, PackedClass
from funit.errors import UserError
from funit.evaluation.candidates import Candidate, Model, Opened, open_candidates
from funit.evaluation.metrics import Images, Values, bootstrap, bootstrap_ratio
from funit.evaluation.pairs import Pair, Pairs, choose_pairs, load_pairs, real_image
from funit.evaluation.report import Row, about
from funit.home import whole_file

REAL = "real pictures"
SMALLEST = 4  # positions a side of the last map: where a limb is must not be lost
WIDTH, BATCH_SIZE, AT_ONCE = 24, 64, 48
LEARNING_RATE = 2e-3
NEAR = 0.01  # of the pixels may differ between pictures of poses that are near

Labels = NDArray[np.int64]
Picture = tuple[PackedClass, int]
Loaded = tuple[Labels, Pairs]  # numbers of pairs, and what they show


def main() -> None:
    """Reads the options and prints what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", default="unseen")
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=600)
    parser.add_argument("--passes", type=float, default=4, help="over the seen classes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--with-truth", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        found = json.dumps(check(options), indent=1)
    except UserError as error:
        raise SystemExit(f"Error: {error}\nhint: {error.hint}") from None
    print(found)
    if options.json:
        with whole_file(options.json) as temporary:
            temporary.write_text(found + "\n")


def check(options: argparse.Namespace) -> dict[str, Any]:
    """The rows of all models, in the one shape of results."""
    opened = open_candidates(options.models, options.data, "auto", "names")
    judge = PoseJudge(opened.packed, opened.size, options.seed)
    judge.learn(options.passes)
    config = {
        "models": options.models,
        "part": options.part,
        "pairs": options.pairs,
        "passes": options.passes,
        "poses": len(judge.poses),
    }
    return {
        "about": about(options.seed, config, opened.packed.fingerprint),
        "rows": [asdict(row) for row in rows(opened, judge, options)],
    }


def rows(opened: Opened, judge: "PoseJudge", options: argparse.Namespace) -> Iterator[Row]:
    """The accuracy on all real pictures of the part, then that of each model and its ratio."""
    packed, part, seed = opened.packed, options.part, options.seed
    pictures = judge.known(packed.part(part))
    if not pictures:
        raise UserError(
            f"no pose of the part `{part}` is one of the seen classes",
            hint="give DATA where the same file name is the same pose",
        )
    for metric, right in judge.right(judge.images(pictures), pictures).items():
        yield Row(REAL, part, 0, metric, right.mean(), *bootstrap(right, seed), len(right))

    chosen = choose_pairs(packed, part, options.pairs, options.shots, seed)
    pairs = [p for p in chosen if p.truth is not None and p.source.names[p.content] in judge.poses]
    loaded = list(load_pairs(packed, pairs, opened.size, options.shots, AT_ONCE))
    truths = [picture for ns, _ in loaded for picture in _truths([pairs[n] for n in ns])]
    base = judge.right(judge.images(truths), truths)
    for candidate in opened.candidates:
        for name, images in _answers(candidate, pairs, loaded, options.with_truth):
            for metric, right in judge.right(images, truths).items():
                facts = name, part, options.shots
                yield Row(*facts, metric, right.mean(), *bootstrap(right, seed), len(right))
                if base[metric].any():  # else the judge knows nothing
                    interval = bootstrap_ratio(right, base[metric], seed)
                    ratio = right.mean() / base[metric].mean()
                    yield Row(*facts, f"{metric}/{REAL}", ratio, *interval, len(right))


def _answers(
    candidate: Candidate, pairs: Sequence[Pair], loaded: Sequence[Loaded], truth_too: bool
) -> Iterator[tuple[str, Images]]:
    """What it makes of all pairs; a model also of those with the truth in them, if asked for."""
    numbers = [ns for ns, _ in loaded]
    shown = [with_truth(some, some.truth) for _, some in loaded if some.truth is not None]
    for what in shown[0] if truth_too and isinstance(candidate, Model) else [AS_IT_IS]:
        answers = [
            candidate.answer([pairs[n] for n in ns], some[what])
            for ns, some in zip(numbers, shown, strict=True)
        ]
        known = [images for images in answers if images is not None]
        if len(known) == len(answers):  # not a baseline that has not what it needs
            name = candidate.name if what == AS_IT_IS else f"{candidate.name}, {what}"
            yield name, np.concatenate(known)


def _truths(pairs: Sequence[Pair]) -> list[Picture]:
    return [(pair.target, pair.truth) for pair in pairs if pair.truth is not None]


class PoseJudge:
    """Tells the pose of a picture of any class, after it has learned from the seen classes."""

    def __init__(self, packed: Packed, size: int, seed: int) -> None:
        self.packed, self.size, self.seed = packed, size, seed
        names = {name for cls in packed.part("seen") for name in cls.names}
        self.names = sorted(names)
        self.poses = {name: number for number, name in enumerate(self.names)}
        self.motions = np.array([_motion(name) for name in self.names])
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network = pose_network(size, len(self.poses))

    def learn(self, passes: float) -> None:
        """Sees every picture of the seen classes so often, in any colours."""
        random = np.random.default_rng(self.seed)
        pictures = self.known(self.packed.part("seen"))
        num_steps = max(1, round(passes * len(pictures) / BATCH_SIZE))
        optimizer = torch.optim.AdamW(self.network.parameters(), LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=num_steps + 1
        )
        self.network.train()
        for step, chosen in zip(range(num_steps), _batches(len(pictures), random), strict=False):
            some = [pictures[number] for number in chosen]
            images = recoloured(_tensor(self.images(some)), random)
            loss = F.cross_entropy(self.network(images), torch.from_numpy(self.labels(some)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 200 == 0:
                print(f"step {step} of {num_steps}: {loss.item():.3f}", file=sys.stderr)
        self.network.eval()

    def right(self, images: Images, truths: Sequence[Picture]) -> dict[str, Values]:
        """1 for each image that is taken for the pose of its true picture: (N, H, W, 3) -> (N,).

        Likewise for the motion, whatever the frame; and for a pose of which the true picture's
        class has a real picture that is nearly the true one.
        """
        guesses, labels = self.guesses(images), self.labels(truths)
        near = [
            self._is_near(*picture, guess) for picture, guess in zip(truths, guesses, strict=True)
        ]
        found = {
            "pose_accuracy": guesses == labels,
            "near_pose_accuracy": np.array(near),
            "motion_accuracy": self.motions[guesses] == self.motions[labels],
        }
        return {metric: right.astype(np.float64) for metric, right in found.items()}

    @torch.inference_mode()
    def guesses(self, images: Images) -> Labels:
        """The numbers of the poses that they are taken for: (N, H, W, 3) -> (N,)."""
        parts = [
            self.network(_tensor(images[start : start + BATCH_SIZE])).argmax(dim=1)
            for start in range(0, len(images), BATCH_SIZE)
        ]
        return torch.cat(parts).numpy()

    def _is_near(self, cls: PackedClass, number: int, guess: int) -> bool:
        name = self.names[guess]
        if name not in cls.names:
            return False
        true, guessed = self.images([(cls, number), (cls, cls.names.index(name))])
        return bool((true != guessed).any(axis=-1).mean() <= NEAR)

    def known(self, classes: Sequence[PackedClass]) -> list[Picture]:
        """The pictures of classes whose poses are among those that were learned."""
        return [
            (cls, i) for cls in classes for i, name in enumerate(cls.names) if name in self.poses
        ]

    def images(self, pictures: Sequence[Picture]) -> Images:
        """(N, H, W, 3)"""
        return np.stack([real_image(self.packed, cls, i, self.size) for cls, i in pictures])

    def labels(self, pictures: Sequence[Picture]) -> Labels:
        """The numbers of the poses: (N,)."""
        return np.array([self.poses[cls.names[i]] for cls, i in pictures])


def pose_network(size: int, num_poses: int) -> nn.Sequential:
    """Halves an image down to 4 positions a side, of which a linear layer sees each."""
    layers: list[nn.Module] = []
    before, width = 3, WIDTH
    while size > SMALLEST:
        layers += [
            nn.Conv2d(before, width, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        before, width, size = width, min(2 * width, 8 * WIDTH), -(-size // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * size * size, num_poses))


def recoloured(images: Tensor, random: np.random.Generator) -> Tensor:
    """The colours of each image exchanged and weakened by chance; white stays: (B, 3, H, W)."""
    order = torch.from_numpy(random.random((len(images), 3)).argsort(axis=1))
    strength = torch.from_numpy(random.uniform(0.6, 1.0, (len(images), 3, 1, 1)).astype(np.float32))
    exchanged = images[torch.arange(len(images))[:, None], order]
    return 1 - (1 - exchanged) * strength


def _motion(name: str) -> str:
    """`walk_s_03.png` -> `walk_s`: a pose without its number."""
    return re.sub(r"_?\d*\.\w+$", "", name)


def _batches(count: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Numbers of pictures without end, each once in a pass."""
    while True:
        order = random.permutation(count)
        yield from (order[i : i + BATCH_SIZE] for i in range(0, count, BATCH_SIZE))


def _tensor(images: Images) -> Tensor:
    """(N, H, W, 3) bytes -> (N, 3, H, W) in [-1, 1]"""
    return torch.from_numpy(to_signed(images)).movedim(-1, 1).contiguous()


if __name__ == "__main__":
    main()
