"""How far translations are from the truth: arrays -> numbers.

Images are uint8 arrays (..., H, W, 3); each metric gives one number an image, (...,), NaN where a
mask is given that is nowhere true. Errors are in 0..1, PSNR in decibels.
"""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]  # (..., H, W)

BACKGROUND_TOLERANCE = 8  # of 255: how far from the background a foreground pixel is
MAX_PSNR = 100.0  # of equal images; a step of one in a single number of 64 x 64 x 3 gives 89

_MAX_DRAWN = 5000  # values of a bootstrap; 1,000 draws of them are 40 MB
_WINDOW_SIZE, _WINDOW_DEVIATION = 11, 1.5  # of SSIM, as in the paper of Wang et al. (2004)


def l1(images: Images, truths: Images, mask: Mask | None = None) -> Values:
    """Mean absolute error over the frame, or where the mask is true."""
    return _mean(_error(images, truths).mean(axis=-1), mask)


def psnr(images: Images, truths: Images, mask: Mask | None = None) -> Values:
    """Peak signal-to-noise ratio over the frame, or where the mask is true; at most MAX_PSNR."""
    return _decibels(_mean(np.square(_error(images, truths)).mean(axis=-1), mask))


def ssim(images: Images, truths: Images, mask: Mask | None = None) -> Values:
    """Structural similarity (Wang et al., 2004), of each colour channel, then their mean.

    A Gaussian window of 11 x 11 pixels and deviation 1.5, where it lies inside the image and, with
    a mask, its middle is in that; K1 = 0.01, K2 = 0.03. In -1..1, equal images have 1.
    """
    margin = _WINDOW_SIZE // 2
    inside = None if mask is None else mask[..., margin:-margin, margin:-margin]
    return _mean(_similarity(images, truths), inside)


def foreground_of(truths: Images, contents: Images) -> Mask:
    """The pixels that matter: (..., H, W).

    Those where the content or the truth differs by more than 8/255 in any channel from the
    background, which is the median colour of the truth's one-pixel border.
    """
    colour = background(truths)
    return foreground(contents, colour) | foreground(truths, colour)


def background(images: Images) -> Values:
    """The median colour of each image's one-pixel border: (..., H, W, 3) -> (..., 3)."""
    border = np.concatenate(
        [
            images[..., 0, :, :],
            images[..., -1, :, :],
            images[..., 1:-1, 0, :],
            images[..., 1:-1, -1, :],
        ],
        axis=-2,
    )
    return np.median(border, axis=-2)


def foreground(images: Images, colour: Values) -> Mask:
    """Where any channel differs from the background: (..., H, W, 3), (..., 3) -> (..., H, W)."""
    distance = np.abs(images - colour[..., None, None, :])
    mask: Mask = np.any(distance > BACKGROUND_TOLERANCE, axis=-1)
    return mask


def bootstrap(values: Values, seed: int, num_draws: int = 1000) -> tuple[float, float]:
    """The 95% interval of the mean, from means of values drawn anew with replacement."""
    (values,) = _in_blocks(values)
    return interval(values[_draws(len(values), seed, num_draws)].mean(axis=1))


def bootstrap_ratio(
    values: Values, base: Values, seed: int, num_draws: int = 1000
) -> tuple[float, float]:
    """The 95% interval of the ratio of two means; both are drawn anew together, pair by pair."""
    values, base = _in_blocks(values, base)
    draws = _draws(len(values), seed, num_draws)
    above, below = values[draws].mean(axis=1), base[draws].mean(axis=1)
    known = below > 0  # where few images have an error at all, a draw may miss them
    return interval(above[known] / below[known])


def share_interval(share: float, count: int) -> tuple[float, float]:
    """The 95% interval of a share of so many (Wilson, 1927): it has a width at 0 and at 1 too."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    error = np.sqrt(z2 * (share * (1 - share) + z2 / (4 * count)) / count) / (1 + z2 / count)
    return float(max(0.0, middle - error)), float(min(1.0, middle + error))


def interval(figures: Values) -> tuple[float, float]:
    """Where 95% of the figures lie."""
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


def _in_blocks(*columns: Values) -> list[Values]:
    """Means of blocks, instead of more values than it takes to know how they scatter.

    Blocks of values that are dealt by chance scatter as much less as there are fewer of them, so
    the interval is the same; what is left over by equal blocks is spared.
    """
    size = -(-len(columns[0]) // _MAX_DRAWN)
    if size <= 1:
        return list(columns)
    whole = len(columns[0]) // size * size
    # by chance: classes take turns, and blocks of whole turns would hide how classes differ
    dealt = np.random.default_rng(9).permutation(len(columns[0]))[:whole]
    return [column[dealt].reshape(-1, size).mean(axis=1) for column in columns]


def _draws(count: int, seed: int, num_draws: int) -> NDArray[np.int64]:
    """Numbers of values, drawn with replacement: (num_draws, count)."""
    return np.random.default_rng(seed).integers(count, size=(num_draws, count))


def _error(images: Images, truths: Images) -> Values:
    return np.abs(images.astype(np.float64) - truths) / 255


def _mean(values: Values, mask: Mask | None) -> Values:
    """The mean of each image's values, where the mask is true: (..., H, W) -> (...,)."""
    if mask is None:
        return values.mean(axis=(-2, -1))
    count = mask.sum(axis=(-2, -1))
    total = (values * mask).sum(axis=(-2, -1))
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _decibels(squared: Values) -> Values:
    return -10 * np.log10(np.maximum(squared, 10 ** (-MAX_PSNR / 10)))


def _similarity(images: Images, truths: Images) -> Values:
    """Structural similarity at each place of the window: (..., H - 10, W - 10)."""
    x, y = _channels_first(images), _channels_first(truths)
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x = _blurred(x * x) - mean_x**2
    var_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    return similarity.mean(axis=-3)


def _channels_first(images: Images) -> Values:
    return np.moveaxis(images.astype(np.float64) / 255, -1, -3)


def _blurred(channels: Values) -> Values:
    """The means under the window: (..., H, W) -> (..., H - 10, W - 10)."""
    height, width = channels.shape[-2:]
    blurred: Values = _window(height) @ channels @ _window(width).T
    return blurred


def _window(size: int) -> Values:
    """The window at each place along one side, as a matrix (size - 10, size)."""
    assert size >= _WINDOW_SIZE, "SSIM needs at least 11 pixels a side"
    offsets = np.arange(_WINDOW_SIZE) - _WINDOW_SIZE // 2
    weights = np.exp(-(offsets**2) / (2 * _WINDOW_DEVIATION**2))
    weights /= weights.sum()
    matrix = np.zeros((size - _WINDOW_SIZE + 1, size))
    for row in range(len(matrix)):
        matrix[row, row : row + _WINDOW_SIZE] = weights
    return matrix
