"""A module of SystemVerilog that is synthesised, placed and routed out of context."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from flows.core.digest import digest_of

PARAMETER = re.compile(r"\bparameter\s+(\[[^\]]*\]\s*)?(\w+)\s*=\s*([^,\n/]*[^,\n/\s])")
PORT = re.compile(r"\b(input|output)\s+logic\s*(\[[^\]]*\])?\s*(\w+)")
HEADER = re.compile(r"^module\s+(\w+)(.*?)^\);", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TOP = "stage"
"""What the module that is synthesised is called."""


@dataclass(frozen=True)
class MemoryFile:
    """The size of what a module reads from a file: `depth` words of `width` bits."""

    width: int
    depth: int

    def contents(self, name: str) -> str:
        """Numbers for $readmemh, the same for every design: what is counted is then the module's, not the network's."""
        digits = -(-self.width // 4)
        text = hashlib.shake_128(name.encode()).hexdigest(self.depth * (digits + 1) // 2 + 1)
        last = (1 << (self.width - 1) % 4 + 1) - 1
        words = (text[at * digits : (at + 1) * digits] for at in range(self.depth))
        return "".join(f"{int(word[0], 16) & last:x}{word[1:]}\n" for word in words)


@dataclass(frozen=True)
class RtlStage:
    """An instance of a module, called `name` in the design, with what its parameters are set to; those in `memories`
    name the files that it reads."""

    name: str
    module: str
    parameters: Mapping[str, int | str]
    memories: Mapping[str, MemoryFile] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Equal for stages that are built alike, whatever they are called."""
        sizes = {name: (memory.width, memory.depth) for name, memory in self.memories.items()}
        return digest_of([self.module, dict(sorted(self.parameters.items())), dict(sorted(sizes.items()))])


@dataclass(frozen=True)
class Netlist:
    """What is placed and routed: what the step `step` synthesised of `name`, with the module `top`."""

    name: str
    step: str
    top: str = TOP

    @property
    def kind(self) -> str:
        """Equal for netlists of stages that are built alike."""
        return self.step


Built = TypeVar("Built", RtlStage, Netlist)


def distinct(built: Sequence[Built]) -> tuple[Built, ...]:
    """The first of each kind."""
    return tuple({of.kind: of for of in reversed(built)}.values())[::-1]


def files(stage: RtlStage, library: Mapping[str, str]) -> dict[str, str]:
    """All that synthesis reads, by file name: the module and those in it, their memories, and `TOP` around it.

    `library` has the text of every module by its name.
    """
    read = {f"{name}.sv": library[name] for name in needed(stage.module, library)}
    contents = {f"{name.lower()}.mem": memory.contents(name) for name, memory in stage.memories.items()}
    return {f"{TOP}.sv": around(stage, library[stage.module]), **read, **contents}


def needed(module: str, library: Mapping[str, str]) -> tuple[str, ...]:
    """The modules that `module` is made of, itself among them, by name.

    >>> needed("b", {"a": "module a();", "b": "module b(); a x(); // c", "c": ""})
    ('a', 'b')
    """
    names: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        names.add(name)
        words = set(re.findall(r"\w+", COMMENT.sub("", library[name])))
        waiting += [other for other in library if other in words and other not in names]
    return tuple(sorted(names))


def around(stage: RtlStage, text: str) -> str:
    """A module with the ports of `stage`, whose parameters are set: tools disagree on how to set them otherwise."""
    header = HEADER.search(COMMENT.sub("", text))
    if header is None or header[1] != stage.module:
        raise ValueError(f"no module {stage.module} in its file")
    parameters = [match[2] for match in PARAMETER.finditer(header[2])]
    if unknown := set(stage.parameters) - set(parameters):
        raise ValueError(f"module {stage.module} has no parameter {', '.join(sorted(unknown))}")
    ports = PORT.findall(header[2])
    return "\n".join(
        (
            f"module {TOP} #(",
            ",\n".join(_set(stage, header[2])),
            ") (",
            ",\n".join(f"    {way} logic {width}{' ' if width else ''}{name}" for way, width, name in ports),
            ");",
            f"    {stage.module} #({', '.join(f'.{name}({name})' for name in parameters)})",
            f"        {TOP}_of ({', '.join(f'.{name}({name})' for _, _, name in ports)});",
            "endmodule\n",
        )
    )


def _set(stage: RtlStage, header: str) -> Iterator[str]:
    for width, name, default in PARAMETER.findall(header):
        value: int | str = stage.parameters.get(name, default)
        if name in stage.memories:
            value = f'"{name.lower()}.mem"'
        elif isinstance(value, str) and name in stage.parameters and "'" not in value:  # no number with its width
            value = f'"{value}"'
        yield f"    parameter {width}{name} = {value}"
