"""The documentation is true of the code: reference, links, YAML and command lines."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from jsonschema import Draft202012Validator

from gitstore.cli import cli
from gitstore.model.codes import FAILURES, PROBLEMS, REASONS, VERBS
from gitstore.model.lockfile import Lockfile, render_lockfile
from gitstore.model.problems import Problem
from gitstore.model.settings import check_namespace_settings, check_store_settings
from gitstore.model.spec import KNOWN_KEYS, parse_spec
from gitstore.model.yamltext import Document, parse_yaml
from gitstore.resources import load_schema, schema_names
from gitstore.site.catalogue import STATES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
SHELLS = ("sh", "crontab", "ini")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def test_reference_is_what_the_generator_writes(generate: Any) -> None:
    assert generate.stale_pages(generate.make_pages()) == []


def test_generator_writes_the_same_twice(generate: Any) -> None:
    assert generate.make_pages() == generate.make_pages()


def test_generator_names_stale_pages(
    generate: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "docs/reference/codes.md is stale" in capsys.readouterr().out
    assert generate.main([]) == 0
    (tmp_path / "old.md").write_text(generate.MARK)
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("docs/reference/old.md is stale")
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert not (tmp_path / "old.md").exists()


def test_generator_refuses_other_arguments(
    generate: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--wrong"]) == 2
    assert capsys.readouterr().out.startswith("usage:")


def test_words_that_are_missing_or_left_over_are_refused(generate: Any) -> None:
    words = importlib.import_module("docs.generator.words")
    with pytest.raises(words.WordsError, match="nothing at verbs / fly"):
        words.Words({}).take("verbs", "fly")
    with pytest.raises(words.WordsError, match="verbs / fly"):
        words.Words({"verbs": {"fly": "Fly."}}).check_all_taken()


def test_every_command_and_option_has_a_place() -> None:
    sections = dict(
        re.findall(
            r"^## (.+?)$(.*?)(?=^## |\Z)", read(REFERENCE / "commands.md"), re.MULTILINE | re.DOTALL
        )
    )
    shared = sections["Options of every command"]
    for words, command in walk_commands():
        own = sections[" ".join(["gitstore", *words])] if words else shared
        for param in command.params:
            for option in param.opts if isinstance(param, click.Option) else ():
                assert f"`{option}`" in own + shared, (words, option)


def test_every_exit_code_has_a_place(generate: Any) -> None:
    codes = importlib.import_module("docs.generator.codes")
    numbers = {*codes.exit_codes(), *(kind.exit_code for kind in codes.error_classes())}
    rows = re.findall(r"^\| (\d+) \|", read(REFERENCE / "exit-codes.md"), re.MULTILINE)
    assert [int(row) for row in rows] == sorted(numbers)


@pytest.mark.parametrize(
    ("kind", "table"), [("problem", PROBLEMS), ("reason", REASONS), ("failure", FAILURES)]
)
def test_every_code_has_a_place(kind: str, table: dict[str, Any]) -> None:
    found = re.findall(rf'<a id="{kind}-([\w-]+)"></a>', read(REFERENCE / "codes.md"))
    assert found == list(table)


def test_every_verb_has_a_place() -> None:
    assert all(f"| `{verb}` |" in read(REFERENCE / "codes.md") for verb in VERBS)


@pytest.mark.parametrize("name", schema_names())
def test_every_schema_has_a_page_with_all_its_keys(name: str, generate: Any) -> None:
    files = importlib.import_module("docs.generator.files")
    text = read(REFERENCE / "files" / f"{name}.md")
    for row in files.rows_of(load_schema(name)):
        assert f"| `{row.path}` |" in text


@pytest.mark.parametrize("path", sorted((DOCS / "generator" / "examples").glob("*.json")), ids=str)
def test_examples_of_files_are_valid(path: Path) -> None:
    validator = Draft202012Validator(load_schema(path.stem))
    assert list(validator.iter_errors(json.loads(read(path)))) == []


def test_pages_of_the_formats_of_others_name_every_key() -> None:
    spec = read(REFERENCE / "environment-yml.md")
    assert all(f"`{key}`" in spec for key in KNOWN_KEYS)
    lock = Lockfile(channels=(), platforms=(), source="environment.yml", packages=())
    keys = re.findall(r"gitstore\.[\w-]+", render_lockfile(lock).decode())
    text = read(REFERENCE / "conda-lock-yml.md")
    assert keys
    assert all(f"`{key}`" in text for key in keys)


def test_every_state_of_the_site_has_a_place() -> None:
    text = read(REFERENCE / "site.md")
    assert all(
        f"| `{state}` | {words} | {said} |" in text for state, (words, said) in STATES.items()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_images_resolve(page: Path) -> None:
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors_of(file), target


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in links_of(page)
        if target.partition("#")[0]
    }
    lonely = [page for page in PAGES if page.resolve() not in linked and page.name != "README.md"]
    assert [str(page.relative_to(ROOT)) for page in lonely] == []


def test_yaml_blocks_are_valid() -> None:
    checks: dict[str, Callable[[Document], list[Problem]]] = {
        "spec": lambda document: parse_spec(document)[1],
        "namespace": check_namespace_settings,
        "store": check_store_settings,
    }
    blocks = [block for block in all_blocks() if block.info.startswith("yaml")]
    assert blocks
    for block in blocks:
        tag = block.info.removeprefix("yaml").strip()
        document = parse_yaml(block.text.encode())
        assert tag in checks or tag == "other", f"{block}: say which kind of YAML this is"
        assert tag == "other" or checks[tag](document) == [], str(block)


def test_command_lines_exist() -> None:
    lines = [(block, line) for block in all_blocks() for line in command_lines(block)]
    assert len(lines) > 20
    for block, line in lines:
        check_command_line(str(block), line)


def test_commands_in_running_text_exist() -> None:
    for page in PAGES:
        prose = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
        for found in re.findall(r"`(gitstore (?!<)[^`]+)`", prose):
            check_command_line(str(page.relative_to(ROOT)), found, is_whole=False)


def test_house_words() -> None:
    for page in PAGES:
        text = read(page)
        assert not re.search(r"pip3? install (-\S+ )*gitstore\b", text), page
        assert not re.search(r"\block file", text, re.IGNORECASE), page


def test_commands_are_checked_for_real() -> None:
    for wrong in ("gitstore fly", "gitstore plan --fly", "gitstore namespace fly", "gitstore init"):
        with pytest.raises(pytest.fail.Exception):
            check_command_line("here", wrong)
    check_command_line("here", "gitstore --store lab plan --exit-code team")
    check_command_line("here", "gitstore namespace create NAME --channel URL")


@pytest.fixture(scope="session")
def generate() -> Any:
    return importlib.import_module("docs.generate")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def walk_commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that call it."""
    context = click.Context(cli)
    todo: list[tuple[tuple[str, ...], click.Command]] = [((), cli)]
    while todo:
        words, command = todo.pop()
        yield words, command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                todo.append(((*words, name), below))


def links_of(page: Path) -> list[str]:
    """Return the relative targets of a page's links and images."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def anchors_of(page: Path) -> set[str]:
    """Return what can be linked inside a page: its headings as GitHub names them, and ids."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'id="([^"]+)"', text))


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page)]


def blocks_of(page: Path) -> Iterator[Block]:
    inside: list[str] | None = None
    info, start = "", 0
    for number, line in enumerate(read(page).splitlines(), start=1):
        if not line.strip().startswith("```"):
            if inside is not None:
                inside.append(line)
            continue
        if inside is None:
            inside, info, start = [], line.strip()[3:], number
            assert info, f"{page.relative_to(ROOT)}:{number}: say which language this is"
        else:
            yield Block(page=page, line=start, info=info, text="\n".join(inside) + "\n")
            inside = None


def command_lines(block: Block) -> Iterator[str]:
    """Yield the calls of gitstore in a block that people copy."""
    language = block.info.split()[0]
    for line in block.text.replace("\\\n", " ").splitlines():
        typed = line.removeprefix("$ ") if language == "console" and line.startswith("$ ") else line
        if language in SHELLS or (language == "console" and typed != line):
            yield from re.findall(r"(?:^|[\s/(])(gitstore(?= |$)[^|;&>)]*)", typed)


def check_command_line(where: str, line: str, *, is_whole: bool = True) -> None:
    """Fail where a call names a command, an option or a count of arguments that is not there.

    Running text may name a command without what it needs.
    """
    _, *arguments = shlex.split(line, comments=True)
    command: click.Command = cli
    path = ["gitstore"]
    while True:
        context = click.Context(command, info_name=path[-1], **cli.context_settings)
        try:
            values, rest, _ = command.make_parser(context).parse_args(list(arguments))
        except click.UsageError as exc:
            pytest.fail(f"{where}: `{line}`: {exc.format_message()}")
        if not isinstance(command, click.Group):
            break
        if not rest and (command is cli or not is_whole):
            return
        found = command.get_command(context, rest[0]) if rest else None
        if found is None:
            pytest.fail(f"{where}: `{line}`: no command {rest[:1]} in {' '.join(path)}")
        command, arguments = found, rest[1:]
        path.append(rest[0])
    missing = [
        param.name
        for param in command.params
        if isinstance(param, click.Argument) and param.required and not given(values, param)
    ]
    if rest or (missing and is_whole):
        pytest.fail(f"{where}: `{line}`: too much {rest}, missing {missing}")


def given(values: dict[str, Any], param: click.Argument) -> bool:
    value = values.get(str(param.name))
    return isinstance(value, (str, tuple, list)) and len(value) > 0
