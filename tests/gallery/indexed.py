"""Pictures with few colours, which take a quarter of the room."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

# The most frequent colours, each the mean of those that are alike, and the nearest for all others.
QUANTIZE = """async ([source, wanted]) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
  const alike = (at, shift) => (pixels[at] >> 3) << shift;
  const key = (at) => alike(at, 10) | alike(at + 1, 5) | alike(at + 2, 0);
  const sums = new Map();
  for (let at = 0; at < pixels.length; at += 4) {
    const name = key(at), sum = sums.get(name) ?? [0, 0, 0, 0];
    sum[0] += 1;
    for (let part = 0; part < 3; part += 1) sum[part + 1] += pixels[at + part];
    sums.set(name, sum);
  }
  const mean = ([count, ...parts]) => parts.map((part) => Math.round(part / count));
  const palette = [...sums.values()].sort((a, b) => b[0] - a[0]).slice(0, wanted).map(mean);
  const nearest = new Map();
  for (const [name, sum] of sums) {
    const mine = mean(sum);
    const to = (each) => each.reduce((all, part, at) => all + (part - mine[at]) ** 2, 0);
    const away = palette.map(to);
    nearest.set(name, away.indexOf(Math.min(...away)));
  }
  let text = "";
  for (let at = 0; at < pixels.length; at += 4) text += String.fromCharCode(nearest.get(key(at)));
  return [image.width, image.height, palette.flat(), btoa(text)];
}"""


def fewer_colours(page: Page, png: bytes, *, colours: int = 256) -> bytes:
    """Return the picture with a palette (PNG, colour type 3), drawn by the page's browser."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    width, height, palette, indices = page.evaluate(QUANTIZE, [source, colours])
    pixels = base64.b64decode(indices)
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (("IHDR", header), ("PLTE", bytes(palette)), ("IDAT", zlib.compress(rows, 9)))
    chunks = b"".join(_chunk(name.encode(), data) for name, data in (*parts, ("IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
