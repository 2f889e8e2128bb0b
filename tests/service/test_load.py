"""A real service with more to do than it may: every answer is right, or an honest refusal."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx2
import yaml
from drawings import difference, png, uploads
from serving import serving

from funit.translator import Translator

NUM_CLIENTS, NUM_ROUNDS, NUM_PICTURES = 40, 5, 7
ROUNDING = 1


async def asked(url: str, looks: list[str]) -> list[tuple[int, httpx2.Response]]:
    """The answers to many clients at once, each with the number of its request."""
    limits = httpx2.Limits(max_connections=NUM_CLIENTS)
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as client:

        async def one(number: int) -> list[tuple[int, httpx2.Response]]:
            found = []
            for n in range(number, number + NUM_ROUNDS):
                data = {"look": looks[n % len(looks)]}
                files = uploads("content", [n % NUM_PICTURES])
                found.append((n, await client.post("/v1/translations", data=data, files=files)))
            return found

        answers = await asyncio.gather(*map(one, range(NUM_CLIENTS)))
    return [answer for found in answers for answer in found]


def test_under_too_much_load_answers_are_right_or_honest_refusals(tmp_path: Path) -> None:
    config = tmp_path / "service.yaml"
    limits = {"num_queued": 12, "requests_per_minute": 10_000}
    config.write_text(yaml.safe_dump({"limits": limits, "generator": {"batch_size": 4}}))
    translator = Translator.load("default")
    examples = [[100], [101, 102], [103]]

    with serving("--config", str(config), "--no-jobs", home=tmp_path) as served:
        made = [
            httpx2.post(f"{served.url}/v1/looks", files=uploads("examples", seeds), timeout=60)
            for seeds in examples
        ]
        answers = asyncio.run(asked(served.url, [answer.json()["id"] for answer in made]))
        figures = served.get("/metrics").text

    looks = [translator.encode_class([png(seed) for seed in seeds]) for seeds in examples]
    statuses = Counter(answer.status_code for _, answer in answers)
    assert statuses[200] + statuses[503] == NUM_CLIENTS * NUM_ROUNDS, statuses
    assert statuses[200] >= NUM_ROUNDS
    assert statuses[503] >= NUM_ROUNDS
    for n, answer in answers:
        if answer.status_code == 200:
            wanted = translator.translate(png(n % NUM_PICTURES), looks[n % len(looks)])
            assert difference(answer.content, wanted) <= ROUNDING
        else:
            assert int(answer.headers["retry-after"]) >= 1
            assert "are before yours" in answer.json()["error"]
    counted = 'funit_requests_total{method="POST",route="/v1/translations",status="%d"} %d.0'
    assert all(counted % each in figures for each in statuses.items())
    assert "funit_queue_length 0.0" in figures
