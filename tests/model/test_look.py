import pytest
import torch

from funit.model.look import Look


def looks_of_single_examples(number: int, positions: int = 6) -> Look:
    return Look(
        class_code=torch.randn(number, 5),
        keys=torch.randn(number, 4, positions),
        values=torch.randn(number, 7, positions),
        log_shares=torch.zeros(number, positions),
    )


def assert_same(one: Look, other: Look) -> None:
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right)


def test_looks_are_put_together_and_taken_apart() -> None:
    looks = looks_of_single_examples(4)

    apart = [looks[:1], looks[1:3], looks[3:]]

    assert [len(part.class_code) for part in apart] == [1, 2, 1]
    assert_same(Look.cat(apart), looks)


def test_the_class_code_is_the_mean_that_the_shares_weigh() -> None:
    single = looks_of_single_examples(2)

    look = single.merged(torch.tensor([[0.75, 0.25]]))

    expected = 0.75 * single.class_code[0] + 0.25 * single.class_code[1]
    torch.testing.assert_close(look.class_code, expected[None])


def test_every_position_keeps_its_key_its_value_and_its_examples_share() -> None:
    single, shares = looks_of_single_examples(6), torch.rand(2, 3)
    shares /= shares.sum(dim=1, keepdim=True)

    looks = single.merged(shares)

    for look in range(2):
        for example in range(3):
            where = slice(6 * example, 6 * example + 6)
            number = 3 * look + example
            assert torch.equal(looks.keys[look, :, where], single.keys[number])
            assert torch.equal(looks.values[look, :, where], single.values[number])
            share = looks.log_shares[look, where].exp()
            torch.testing.assert_close(share, shares[look, example].expand(6))


def test_looks_that_are_merged_together_are_those_that_are_merged_alone() -> None:
    single, shares = looks_of_single_examples(6), torch.full((2, 3), 1 / 3)

    alone = [single[:3].merged(shares[:1]), single[3:].merged(shares[1:])]

    assert_same(single.merged(shares), Look.cat(alone))


def test_merged_looks_can_be_merged_again() -> None:
    single = looks_of_single_examples(4)
    pairs = single.merged(torch.tensor([[0.5, 0.5], [0.75, 0.25]]))

    look = pairs.merged(torch.tensor([[0.4, 0.6]]))

    assert_same(look, single.merged(torch.tensor([[0.2, 0.2, 0.45, 0.15]])))


@pytest.mark.parametrize("num_examples", [1, 5])
def test_without_attention_a_look_is_a_class_code_alone(num_examples: int) -> None:
    nothing = torch.empty(2 * num_examples, 0, 0)
    codes = torch.randn(2 * num_examples, 5)
    single = Look(codes, nothing, nothing, nothing.flatten(1))

    look = single.merged(torch.full((2, num_examples), 1 / num_examples))

    torch.testing.assert_close(look.class_code, codes.view(2, num_examples, 5).mean(dim=1))
    assert look.keys.numel() == look.values.numel() == look.log_shares.numel() == 0
    assert_same(Look.cat([look[:1], look[1:]]), look)
