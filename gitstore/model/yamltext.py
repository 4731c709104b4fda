"""YAML as strangers write it: bounded, with the place of every value.

PyYAML's C parser gives the events; what they build is made here, so that depth, size, aliases,
duplicate keys and tags are judged before anything is constructed. Scalars are resolved by the
rules of YAML 1.1, as conda reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from gitstore.model.problems import Fix, Problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_VALUES = 20_000

KeyPath = tuple[str | int, ...]
_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
)
_SPECIAL_FIRST = frozenset("-+.0123456789~=<nNtTfFyYoO")
_LINE = re.compile(
    "[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029])|[^\r\n\x85\u2028\u2029]+"
)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(Exception):
    """The text cannot be read; ``problem`` says why and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """Parsed YAML: plain values, and for each key path its line and column, counted from 1.

    The place of a mapping's entry is its key; the place of a list's item is the item.

    ``texts`` holds what was written for scalars that are not text, such as ``3.10``; ``lines``
    are those of the file, where comments still stand.
    """

    value: Any
    places: dict[KeyPath, tuple[int, int]]
    texts: dict[KeyPath, str]
    lines: list[str]

    def problem(
        self, path: KeyPath, code: str, message: str, hint: str = "", fixes: tuple[Fix, ...] = ()
    ) -> Problem:
        """Make a problem at the place of ``path``, or of its nearest parent that has one."""
        at = path
        while at and at not in self.places:
            at = at[:-1]
        line, column = self.places.get(at, (1, 1))
        return Problem(
            code=code,
            message=message,
            hint=hint,
            line=line,
            column=column,
            key=key_text(path),
            fixes=fixes,
        )

    def line(self, path: KeyPath) -> str:
        """Return the line on which a value begins, with its comment."""
        number, _ = self.places.get(path, (0, 0))
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def text(self, path: KeyPath, value: Any) -> str:
        """Return a scalar as it was written."""
        return self.texts.get(path, str(value))


def key_text(path: KeyPath) -> str:
    """Write a key path as people do: ``dependencies[3].pip[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def parse_yaml(data: bytes) -> Document:
    """Parse one YAML document.

    Raises:
        YamlError: with one problem that names the place.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(
            Problem(
                code="file-too-large",
                message=f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read",
            )
        )
    text = _decode(data)
    builder = _Builder()
    try:
        builder.run(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as exc:
        raise YamlError(_syntax_problem(exc, text)) from exc
    except yaml.YAMLError as exc:
        position = getattr(exc, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise YamlError(
            Problem(
                code="yaml-syntax", message="a character that YAML forbids", line=line, column=1
            )
        ) from exc
    lines = split_lines(text)
    return Document(value=builder.root, places=builder.places, texts=builder.texts, lines=lines)


def split_lines(text: str) -> list[str]:
    """Split text into lines as YAML counts them (`str.splitlines` knows more breaks), ends kept."""
    return _LINE.findall(text)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - (data.rfind(b"\n", 0, exc.start) + 1) + 1
        raise YamlError(
            Problem(
                code="not-utf8",
                message=f"the byte 0x{data[exc.start]:02x} is not UTF-8",
                hint="save the file as UTF-8",
                line=line,
                column=column,
            )
        ) from exc


def _syntax_problem(exc: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = exc.problem_mark or exc.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "{{" in text or "{%" in text:
        return Problem(
            code="yaml-template",
            message="this is a Jinja template, not YAML",
            hint="write out the values; nothing here fills templates in",
            line=line,
            column=column,
        )
    said = " ".join(part for part in (exc.context, exc.problem) if part)
    hint = "indent with spaces, never with tabs" if "\\t" in said else ""
    if "mapping values are not allowed" in said:
        hint = "a `:` in a value needs quotes, and list items are indented alike"
    if "could not find expected ':'" in said:
        # The parser gives up a line too late: where the key should have begun.
        mark = exc.context_mark or mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = "begin a list item with `- `, and a key with `key: `"
    return Problem(code="yaml-syntax", message=said, hint=hint, line=line, column=column)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    path: KeyPath
    value: dict[Any, Any] | list[Any]
    anchor: str | None
    count_before: int
    key: Any = None
    has_key: bool = False
    key_places: dict[Any, int] = field(default_factory=dict)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


class _Builder:
    """Builds values from events, with a stack of its own: no recursion that input can exhaust."""

    def __init__(self) -> None:
        self.root: Any = None
        self.places: dict[KeyPath, tuple[int, int]] = {}
        self.texts: dict[KeyPath, str] = {}
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open_anchors: set[str] = set()
        self._count = 0
        self._documents = 0
        self._resolver: Any = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()

    def run(self, events: Iterator[yaml.Event]) -> None:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._open(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise self._error(event, "yaml-documents", "a second YAML document begins here")

    def _error(self, event: yaml.Event, code: str, message: str, hint: str = "") -> YamlError:
        line, column = _place(event)
        return YamlError(Problem(code=code, message=message, hint=hint, line=line, column=column))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._grow(event, 1)
        text: str = event.value
        value: Any = text
        plain, quoted = event.implicit
        if event.tag is not None and event.tag != "!":
            self._check_tag(event)
            value = self._construct(event, event.tag, text)
        elif plain and (text == "" or text[0] in _SPECIAL_FIRST):
            tag: str = self._resolver.resolve(yaml.ScalarNode, text, (plain, quoted))
            value = self._construct(event, tag, text)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(event, value, None if isinstance(value, str) else text)

    def _construct(self, event: yaml.ScalarEvent, tag: str, text: str) -> Any:
        name = tag.rpartition(":")[2]
        if name not in ("int", "float", "bool", "null"):
            return text
        node = yaml.ScalarNode(tag, text)
        try:
            return getattr(self._constructor, f"construct_yaml_{name}")(node)
        except (ValueError, KeyError, IndexError) as exc:
            raise self._error(event, "yaml-tag", f"`{text[:40]}` is not of type {name}") from exc

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!" and event.tag not in _CORE_TAGS:
            raise self._error(event, "yaml-tag", f"the tag `{event.tag[:60]}` is not plain data")

    def _grow(self, event: yaml.Event, values: int) -> None:
        self._count += values
        if self._count > MAX_VALUES:
            raise self._error(
                event, "yaml-too-many", f"the file unfolds to more than {MAX_VALUES:,} values"
            )

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._check_tag(event)
        self._grow(event, 1)
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(event, "yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels")
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.value, dict) and not frame.has_key:
            raise self._error(event, "yaml-syntax", "a key must be plain text")
        value: dict[Any, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._next_path()
        self._note(event, path)
        if event.anchor:
            self._open_anchors.add(event.anchor)
        self._stack.append(
            _Frame(path=path, value=value, anchor=event.anchor, count_before=self._count - 1)
        )

    def _close(self, event: yaml.Event) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._open_anchors.discard(frame.anchor)
            self._anchors[frame.anchor] = (frame.value, self._count - frame.count_before)
        self._put(event, frame.value, None, noted=True)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor in self._open_anchors:
            raise self._error(event, "yaml-alias", f"`*{str(event.anchor)[:40]}` holds itself")
        if event.anchor not in self._anchors:
            raise self._error(event, "yaml-alias", f"`*{str(event.anchor)[:40]}` refers to nothing")
        value, size = self._anchors[str(event.anchor)]
        self._grow(event, size)
        self._put(event, value, None)

    def _next_path(self) -> KeyPath:
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            return (*frame.path, len(frame.value))
        return (*frame.path, frame.key)

    def _note(self, event: yaml.Event, path: KeyPath) -> None:
        self.places.setdefault(path, _place(event))

    def _put(self, event: yaml.Event, value: Any, text: str | None, *, noted: bool = False) -> None:
        if not self._stack:
            self.root = value
            return
        frame = self._stack[-1]
        if isinstance(frame.value, dict) and not frame.has_key:
            self._put_key(event, frame, value, text)
            return
        path = self._next_path()
        if not noted:
            self._note(event, path)
        if text is not None:
            self.texts[path] = text
        if isinstance(frame.value, list):
            frame.value.append(value)
            return
        frame.has_key = False
        if frame.key == "<<" and isinstance(value, dict):
            for key, merged in value.items():
                frame.value.setdefault(key, merged)
        else:
            frame.value[frame.key] = value

    def _put_key(self, event: yaml.Event, frame: _Frame, key: Any, text: str | None) -> None:
        if isinstance(key, (dict, list)):
            raise self._error(event, "yaml-syntax", "a key must be plain text")
        name = key if isinstance(key, str) else text or str(key)
        line, _ = _place(event)
        if name in frame.key_places and name != "<<":
            first = frame.key_places[name]
            raise self._error(
                event, "yaml-duplicate-key", f"`{name[:60]}` stands here and in line {first}"
            )
        frame.key_places[name] = line
        frame.key, frame.has_key = name, True
        self._note(event, (*frame.path, name))
