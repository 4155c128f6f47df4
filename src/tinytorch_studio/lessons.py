"""Lessons: what stands in a module's lesson.md, in order: headings, programs, sessions, pictures, directives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tinytorch_studio.course import Exercise, Module

COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
WRITE = re.compile(r"\s*write\s+([\w.]+):\s*([\w-]+)\s*")


@dataclass(frozen=True)
class Heading:
    """A heading: its level, and its text without backticks."""

    line: int
    level: int
    text: str


@dataclass(frozen=True)
class Program:
    """A block of the lesson's program. printed: the lines that it must print; None if no block says so."""

    line: int
    code: str
    printed: str | None
    shown_at: int = 0  # the line of the block with its output
    timing: bool = False  # what it prints depends on the machine


@dataclass(frozen=True)
class Command:
    """A command of a session, and the lines below it."""

    line: int
    text: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Console:
    """A session in the learner's folder."""

    line: int
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Picture:
    """Code whose last expression is drawn."""

    line: int
    code: str
    caption: str


@dataclass(frozen=True)
class Write:
    """A body that goes into the learner's file before the next session."""

    line: int
    function: str
    body: str  # the name of a known mistake, "reference" or "untouched"


@dataclass(frozen=True)
class Link:
    """Where the text points to."""

    line: int
    target: str


Item = Heading | Program | Console | Picture | Write | Link


@dataclass
class Lesson:
    """A parsed lesson."""

    path: Path
    text: str
    items: list[Item] = field(default_factory=list)

    def section(self, exercise: Exercise) -> str:
        """The part under an exercise's heading, with the heading; empty if there is none."""
        headings = [each for each in self.items if isinstance(each, Heading)]
        lines = self.text.splitlines()
        for number, each in enumerate(headings):
            if each.level == 3 and each.text == exercise.name:
                after = [other.line for other in headings[number + 1 :] if other.level <= 3]
                end = after[0] - 1 if after else len(lines)
                return "\n".join(lines[each.line - 1 : end]).rstrip() + "\n"
        return ""


def read(module: Module) -> Lesson | None:
    """A module's lesson; None where there is none yet."""
    path = module.path("lesson.md")
    return parse(path, path.read_text(encoding="utf-8")) if path.exists() else None


def parse(path: Path, text: str) -> Lesson:
    """Markdown, taken apart."""
    return Lesson(path, text, list(items(text)))


def items(text: str) -> Iterator[Item]:
    """Everything of a lesson that is not prose."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    blocks = [each for each in tokens if each.type not in ("html_block",) or not comments(each.content)]
    following = {id(a): b for a, b in pairwise(blocks)}
    taken: set[int] = set()  # blocks of output that belong to a program
    for number, token in enumerate(tokens):
        line = (token.map or [0])[0] + 1
        if token.type == "heading_open":
            yield Heading(line, int(token.tag[1]), tokens[number + 1].content.replace("`", ""))
        elif token.type == "html_block":
            yield from (
                Write(line, *found.groups())
                for found in map(WRITE.fullmatch, comments(token.content))
                if found
            )
        elif token.type == "inline":
            children = token.children or []
            yield from (
                Link(line, str(each.attrGet("href"))) for each in children if each.type == "link_open"
            )
        elif token.type == "fence" and id(token) not in taken:
            output = following.get(id(token))
            name = token.info.strip()
            if name != "python":
                yield from block(name, line, token.content)
            elif output is not None and output.type == "fence" and output.info.split()[:1] == ["text"]:
                taken.add(id(output))
                at = (output.map or [0])[0] + 1
                yield Program(line, token.content, output.content, at, output.info.split()[1:] == ["timing"])
            else:
                yield Program(line, token.content, None)


def comments(html: str) -> list[str]:
    """The insides of comments."""
    return COMMENT.findall(html)


def block(name: str, line: int, content: str) -> Iterator[Item]:
    """A session or a picture; other blocks are only to be read."""
    if name == "console":
        yield Console(line, tuple(commands(line, content)))
    elif name == "picture":
        first, _, rest = content.partition("\n")
        has_caption = first.startswith("caption:")
        caption = first.removeprefix("caption:").strip() if has_caption else ""
        yield Picture(line, rest if has_caption else content, caption)


def commands(line: int, content: str) -> Iterator[Command]:
    """The commands of a session, each with the lines below it."""
    at, text, output = 0, "", list[str]()
    for number, each in enumerate(content.splitlines(), line + 1):
        if each.startswith("$ "):
            if text:
                yield Command(at, text, tuple(output))
            at, text, output = number, each[2:].strip(), []
        else:
            output.append(each)
    if text:
        yield Command(at, text, tuple(output))


def without_comments(text: str) -> str:
    """The Markdown that a reader sees: no comments, and no empty lines that they leave behind. Blocks stay."""
    parts = re.split(r"(^```.*?^```[ ]*$)", text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [re.sub(r"\n{3,}", "\n\n", COMMENT.sub("", part)) for part in parts[::2]]
    return "".join(parts)
