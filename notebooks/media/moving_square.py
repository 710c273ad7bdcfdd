"""Write moving-square.mp4, the clip of notebook 04: four seconds, eight frames a second, 192×108 pixels.

A blue square moves to the right and turns red half-way. Made once with imageio-ffmpeg 0.6.0 and NumPy, which no notebook
needs: `uv run --no-project --with imageio-ffmpeg --with numpy notebooks/media/moving_square.py`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

WIDTH, HEIGHT, SIDE = 192, 108, 32
FRAMES, RATE = 32, 8
BLUE, RED = (31, 119, 180), (214, 39, 40)


def frame(number: int) -> bytes:
    """Draw one frame: white, with the square where it stands by then; three bytes a pixel."""
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    left = 8 + round(number * (WIDTH - SIDE - 16) / (FRAMES - 1))
    picture[38 : 38 + SIDE, left : left + SIDE] = BLUE if number < FRAMES // 2 else RED
    return picture.tobytes()


def main() -> None:
    """Encode the frames as H.264, without the encoder's name and settings."""
    source = f"-f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -r {RATE} -i -"
    codec = "-c:v libx264 -pix_fmt yuv420p -crf 30 -bsf:v filter_units=remove_types=6"
    plain = "-fflags +bitexact -map_metadata -1 -movflags +faststart"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *f"{source} {codec} {plain}".split()]
    target = Path(__file__).parent / "moving-square.mp4"
    subprocess.run([*command, str(target)], input=b"".join(map(frame, range(FRAMES))), check=True)


if __name__ == "__main__":
    main()
