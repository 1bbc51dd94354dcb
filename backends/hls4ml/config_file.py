"""Reads an ``hls4ml_config.yml`` as plain data: text, numbers, lists and mappings, and mappings where hls4ml has them.

YAML can say far more than such a file needs, and some of it means other than it looks. That is refused, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from flows.core.errors import InputError, SetupError
from flows.core.files import read_text
from flows.core.text import printable

SIZE_LIMIT, LONGEST = 256 << 10, 1000
"""Bytes of the file, and characters of one value."""
DEEPEST, MOST_VALUES = 20, 20_000
"""Levels, and values. One that the file names (``&a``) to repeat it (``*a``) counts each time that it is repeated."""
INT, FLOAT, BOOL, NULL, TEXT, TIME, MERGE, VALUE, LIST, MAPPING = (
    f"tag:yaml.org,2002:{kind}"
    for kind in ("int", "float", "bool", "null", "str", "timestamp", "merge", "value", "seq", "map")
)
PLAIN = {
    INT: re.compile("[-+]?(0|[1-9][0-9]{0,17})"),
    FLOAT: re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+][0-9]{1,3})?"),
}
"""How numbers look that are what they look like: YAML 1.1 reads 1:4 as 64, 0100 as 64, and 6_4 as 64."""
TRUTHS = {word: truth for truth, words in ((True, "true yes on"), (False, "false no off")) for word in words.split()}
ADVICE = "compare it with one that hls4ml writes"
PARTS = ("Model", "LayerName", "LayerType")
"""What must be a mapping, where it stands."""


def load(path: Path) -> Mapping[str, Any]:
    """The settings in the file at `path`.

    Tags of hls4ml's own (``!keras_model``) are read as the text behind them. Raises `InputError` where it is no plain
    YAML, and `SetupError` where PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise SetupError("package PyYAML", "not installed, and --config needs it", "`pip install PyYAML`") from None
    content = read_text(path, "name an hls4ml_config.yml", f"config {path}", SIZE_LIMIT)
    try:
        node = yaml.compose(content, yaml.SafeLoader)
        settings = _Values(path).of(node) if node else None
    except yaml.YAMLError as reason:
        mark = getattr(reason, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise wrong(path, f"is no plain YAML{where}") from None
    except RecursionError:
        raise wrong(path, "is nested too deep") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as reason:  # PyYAML's own faults
        raise wrong(path, f"is no plain YAML ({printable(str(reason))[:80]})") from None
    if not isinstance(settings, dict):
        raise wrong(path, "holds no settings", "give an hls4ml_config.yml, or its HLSConfig")
    _check_mappings(path, settings)
    return settings


def wrong(path: Path, fact: str, advice: str = ADVICE) -> InputError:
    return InputError(f"config {path}", fact, advice)


class _Values:
    """YAML's nodes as values, counted as they are repeated. Raises `InputError`."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, 0

    def of(self, node: Any, depth: int = 1) -> Any:
        self._count += 1
        if self._count > MOST_VALUES or depth > DEEPEST:
            raise self._wrong(node, f"more than {MOST_VALUES:,} values, or more than {DEEPEST} levels deep")
        if node.id == "scalar":
            return self._scalar(node)
        if node.tag not in (LIST, MAPPING):
            raise self._wrong(node, f"the tag {printable(node.tag)[:60]} is not plain YAML", "write plain values")
        if node.id == "sequence":
            return [self.of(item, depth + 1) for item in node.value]
        settings: dict[str, Any] = {}
        for key, item in node.value:
            name = self.of(key, depth + 1)
            if not isinstance(name, str):
                raise self._wrong(key, f"the name {printable(str(name))[:40]} is no text", "write it in quotes")
            if name in settings:
                raise self._wrong(key, f"{name} is set a second time", "keep one of the two")
            settings[name] = self.of(item, depth + 1)
        return settings

    def _scalar(self, node: Any) -> Any:
        text, shown = node.value, printable(node.value)[:40]
        if len(text) > LONGEST or printable(text) != text:
            raise self._wrong(node, f"{shown} is not one line of at most {LONGEST:,} characters", "shorten it")
        match node.tag:
            case tag if tag in (TEXT, TIME, MERGE, VALUE) or tag.startswith("!"):
                return text
            case tag if tag == NULL:
                return None
            case tag if tag == BOOL and text.lower() in TRUTHS:
                return TRUTHS[text.lower()]
            case tag if tag in PLAIN and PLAIN[tag].fullmatch(text) and isfinite(float(text)):
                return int(text) if tag == INT else float(text)
            case tag if tag in PLAIN:
                raise self._wrong(node, f"{shown} may be read as another number than it looks", "write plain digits")
        raise self._wrong(node, f"the tag {printable(node.tag)[:60]} is not plain YAML", "write plain values")

    def _wrong(self, node: Any, fact: str, advice: str = ADVICE) -> InputError:
        return wrong(self._path, f"line {node.start_mark.line + 1}: {fact}", advice)


def _check_mappings(path: Path, settings: Mapping[str, Any]) -> None:
    """Raises `InputError` where a list or a value stands for a mapping."""
    whole = settings.get("HLSConfig", settings)
    parts = {part: whole[part] for part in PARTS if whole.get(part) is not None} if isinstance(whole, dict) else {}
    rows = {
        f"{part}, {name}": row
        for part in ("LayerName", "LayerType")
        if isinstance(parts.get(part), dict)
        for name, row in parts[part].items()
    }
    for name, value in ({"HLSConfig": whole} | parts | rows).items():
        if not isinstance(value, dict) and (value is not None or name not in rows):
            shown = "a list" if isinstance(value, list) else printable(str(value))[:40]
            raise wrong(path, f"{name[:80]} is {shown}, and must hold settings by name")
