"""Digests of values: the same value gives the same short name on every machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

LENGTH = 16
"""Hexadecimal digits kept: 64 bits, more than enough to tell the designs of one review apart."""


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses become objects, tuples lists, enumerations their names."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}")


def digest_of(value: Any) -> str:
    """Digest of a value made of dataclasses, containers, text and numbers; order of keys does not count."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_bytes(text.encode("utf-8", "surrogatepass"))  # names of files need be no text


def digest_bytes(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[:LENGTH]


def digest_file(path: Path) -> str:
    """As `digest_bytes` of its content, read in pieces; raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:LENGTH]
