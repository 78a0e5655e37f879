"""PNG without compression: a compressor may be replaced by a faster one and give other bytes, stored blocks cannot."""

import zlib

import numpy as np

STORED = 0xFFFF  # most bytes that one stored block of deflate holds


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _stored(data: bytes) -> bytes:
    """A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4)."""
    blocks = []
    for start in range(0, len(data), STORED):
        part = data[start : start + STORED]
        size = len(part)
        last = start + STORED >= len(data)
        blocks.append(bytes([last]) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + part)
    return b"\x78\x01" + b"".join(blocks) + zlib.adler32(data).to_bytes(4, "big")


def encode(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8 pixels [H, W] (grey) or [H, W, 3] (RGB)."""
    height, width = pixels.shape[:2]
    color = 2 if pixels.ndim == 3 else 0
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, color, 0, 0, 0])
    rows = pixels.reshape(height, -1)
    unfiltered = np.concatenate([np.zeros((height, 1), np.uint8), rows], 1).tobytes()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(unfiltered)) + _chunk(b"IEND", b"")
