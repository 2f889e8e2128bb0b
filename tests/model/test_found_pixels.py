"""Pixels that positions have, and the image that they make together."""

import pytest
import torch
import torch.nn.functional as F

from funit.model.found_pixels import laid_together, pixels_at_positions


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("side", [2, 4, 8])
def test_pixels_of_an_image_make_the_image(side: int, overlap: bool) -> None:
    image = torch.rand(2, 3, 16, 32)

    found = pixels_at_positions(image, side, overlap=overlap)

    assert found.shape == (2, 3 * side**2 * (4 if overlap else 1), 16 // side, 32 // side)
    torch.testing.assert_close(laid_together(found, side, overlap=overlap), image)


@pytest.mark.parametrize("side", [2, 4])
def test_what_overlaps_goes_over_into_each_other_from_middle_to_middle(side: int) -> None:
    colours = torch.rand(1, 3, 3, 5)
    at_each = colours.repeat_interleave(side**2, dim=1)  # one colour all over a position
    around = torch.cat([at_each] * 4, dim=1)

    apart = laid_together(at_each, side, overlap=False)
    together = laid_together(around, side, overlap=True)

    torch.testing.assert_close(apart, F.interpolate(colours, scale_factor=side))
    smooth = F.interpolate(colours, scale_factor=side, mode="bilinear", align_corners=False)
    torch.testing.assert_close(together, smooth)


def test_a_position_has_what_is_around_it() -> None:
    image = torch.zeros(1, 3, 8, 8)
    image[:, :, 2, 2] = 1  # of the position in the first row and column, of four by four pixels

    apart, around = (pixels_at_positions(image, 4, overlap=o) for o in (False, True))

    def positions_with_it(found: torch.Tensor) -> list[list[bool]]:
        return (found.amax(dim=1)[0] > 0).tolist()

    assert positions_with_it(apart) == [[True, False], [False, False]]
    assert positions_with_it(around) == [[True, True], [True, True]]
