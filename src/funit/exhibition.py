"""Pictures of a gallery: a look in every pose, rows of poses as strips and as animations.

Shapes: N poses, M looks.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from funit.data.images import WHITE, write_image
from funit.gallery import Gallery
from funit.home import whole_file
from funit.translator import Translator

CELL_SIZE, PADDING = 128, 4  # pixels; a cell is at least twice the model's size
FRAME_TIME, POSE_TIME = 100, 500  # milliseconds: of a frame of an animation, of a pose by itself

_NUM_COLUMNS = 8  # of a sheet of poses
_INK = (60, 60, 60)
_LINE = 20  # pixels: height of a line of text

Frames = Sequence[Image.Image]


def write_look(translator: Translator, gallery: Gallery, index: int, out: Path) -> list[Path]:
    """Draws one look: a sheet of all poses, and each row as a strip and as a GIF; the files."""
    drawn = [_enlarged(image) for image in translator.draw(gallery.poses, gallery.one_look(index))]
    start = f"look-{_in_a_file_name(gallery.look_names[index])}"
    rows = {row: [drawn[i] for i in numbers] for row, numbers in gallery.rows.items()}
    files = [out / f"{start}-poses.png"]
    write_image(poses_sheet(rows), files[0])
    for row, frames in rows.items():
        strip, animation = (
            out / f"{start}-{_in_a_file_name(row)}{suffix}" for suffix in (".png", ".gif")
        )
        write_image(_side_by_side([frames]), strip)
        files.append(strip)
        if len(frames) > 1:
            write_gif(frames, animation, FRAME_TIME if gallery.is_animation(row) else POSE_TIME)
            files.append(animation)
    return files


def poses_sheet(rows: dict[str, list[Image.Image]]) -> Image.Image:
    """Each row of poses under its name, in as many lines as it needs."""
    blocks = []
    for name, frames in rows.items():
        lines = [frames[i : i + _NUM_COLUMNS] for i in range(0, len(frames), _NUM_COLUMNS)]
        blocks.append((name, _side_by_side(lines)))
    size = (max(b.width for _, b in blocks), sum(b.height + _LINE for _, b in blocks))
    sheet = Image.new("RGB", size, WHITE)
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(14), 0
    for name, block in blocks:
        draw.text((PADDING, top + _LINE / 2), name, fill=_INK, font=font, anchor="lm")
        sheet.paste(block, (0, top + _LINE))
        top += _LINE + block.height
    return sheet


def gallery_sheet(translator: Translator, gallery: Gallery) -> Image.Image:
    """A line for each look, with its number and name, and a column for each pose."""
    looks = range(len(gallery.look_names))
    drawn = [translator.draw(gallery.poses, gallery.one_look(index)) for index in looks]
    cells = _side_by_side(drawn)
    font = ImageFont.load_default(12)
    labels = [f"{index + 1}  {gallery.look_names[index]}" for index in looks]
    left = int(max(font.getlength(label) for label in labels)) + 4 * PADDING
    sheet = Image.new("RGB", (left + cells.width, _LINE + cells.height), WHITE)
    sheet.paste(cells, (left, _LINE))
    draw = ImageDraw.Draw(sheet)
    height = cells.height / len(looks)
    for index, label in enumerate(labels):
        middle = _LINE + (index + 0.5) * height
        draw.text((2 * PADDING, middle), label, fill=_INK, font=font, anchor="lm")
    width = cells.width / len(gallery.poses)
    for row, numbers in gallery.rows.items():
        where = (left + numbers[0] * width + PADDING, _LINE / 2)
        draw.text(where, row, fill=_INK, font=font, anchor="lm")
    return sheet


def write_gif(frames: Frames, path: Path, milliseconds: int) -> None:
    """An animation that goes round for ever; its frames share their 256 colours."""
    palette = _side_by_side([frames]).quantize(256)
    plain = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    with whole_file(path) as temporary:
        plain[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=plain[1:],
            duration=milliseconds,
            loop=0,
        )


def _side_by_side(lines: Sequence[Frames]) -> Image.Image:
    """Lines of pictures of one size."""
    width, height = (side + PADDING for side in lines[0][0].size)
    sheet = Image.new("RGB", (width * max(map(len, lines)), height * len(lines)), WHITE)
    for y, line in enumerate(lines):
        for x, picture in enumerate(line):
            sheet.paste(picture, (x * width, y * height))
    return sheet


def _enlarged(image: Image.Image) -> Image.Image:
    size = image.width * max(2, CELL_SIZE // image.width)
    return image.resize((size, size), Image.Resampling.BICUBIC)


def _in_a_file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "unnamed"
