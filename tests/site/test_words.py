"""What exists has words, and words are of what exists: the comparison goes both ways."""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import pytest

from jwt_middleware.reasons import DESCRIPTIONS
from tests.kit import ROOT
from tests.kit.pages import DOCS, README, generator, pages

docs = generator()

TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "options": docs.option_names,
    "only_in_python": docs.only_in_python_names,
    "endpoints": docs.endpoint_names,
    "metrics": docs.metric_names,
    "log_fields": docs.log_field_names,
    "environ": docs.environ_names,
    "client": docs.client_names,
}


@pytest.mark.parametrize("table", TABLES)
def test_each_thing_of_a_table_has_words_and_the_reverse(table: str) -> None:
    """The table of the reference can be built, and has a row for each thing."""
    names = list(TABLES[table]())
    assert len(names) > 3
    assert list(docs.joined(table, names, docs.words()[table])) == names


@pytest.mark.parametrize("table", TABLES)
def test_a_thing_without_words_is_found(table: str) -> None:
    """Something new that nobody has described stops the build and names what lacks words."""
    with pytest.raises(ValueError, match="has no words for something_new"):
        docs.joined(table, [*TABLES[table](), "something_new"], docs.words()[table])


@pytest.mark.parametrize("table", TABLES)
def test_words_without_a_thing_are_found(table: str) -> None:
    """Words on something that was removed stop the build too."""
    words = {**docs.words()[table], "something_gone": "It was here."}
    with pytest.raises(ValueError, match="words for nothing: something_gone"):
        docs.joined(table, TABLES[table](), words)


def test_every_table_of_words_is_used() -> None:
    """`words.toml` has no table that nothing reads."""
    assert set(docs.words()) == {*TABLES, "examples"}


def test_every_option_can_be_set_somewhere() -> None:
    """Each option of the table says where it may be set."""
    assert [name for name in docs.option_names() if not docs.sections_of(name)] == []


def sections() -> dict[str, str]:
    """The sections of "Why was I refused" on one reason each."""
    text = (DOCS / "refused.md").read_text()
    found = re.split(r"^### (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def test_every_reason_has_a_section_and_the_reverse() -> None:
    """ "Why was I refused" has exactly the reasons of the code."""
    assert sections().keys() == DESCRIPTIONS.keys()


@pytest.mark.parametrize("reason", DESCRIPTIONS)
def test_a_section_says_status_cause_log_and_fix(reason: str) -> None:
    """Each section has the status, the cause, the line of the log and what to do."""
    section = sections()[reason]
    for label in ("Status", "Cause", "Log", "Fix"):
        assert re.search(rf"^\*\*{label}\*\* \S", section, re.MULTILINE), label
    assert re.search(rf"`[^`]*: {reason}\b", section), "the line of the log names the reason"


def test_the_outcomes_of_the_pages_are_those_of_the_code() -> None:
    """The page on metrics and the words on the counter name each outcome that a decision can have:
    `allowed`, what an answer of ours calls itself, `refused` and `reported`."""
    source = "".join(file.read_text() for file in (ROOT / "jwt_middleware" / "wire").glob("*.py"))
    own = re.findall(r'^    outcome(?:: ClassVar\[str\])? = "(\w+)"', source, re.MULTILINE)
    outcomes = {"allowed", "refused", "reported", *own}
    assert len(outcomes) > 4
    page = (DOCS / "how-to/observing.md").read_text()
    (row,) = re.findall(r"`outcome` \(([^)]+)\)", page)
    assert set(re.findall(r"`(\w+)`", row)) == outcomes
    words = docs.words()["metrics"]["jwt_middleware_decisions_total"]
    assert outcomes <= set(re.findall(r"`(\w+)`", words))


def test_each_command_and_option_has_help() -> None:
    """Each command of `jwt-middleware` says what it does, and so does each of its options."""
    for name, command in docs.command_names().items():
        assert command.help, name
        for option in command.params:
            if option.param_type_name == "option":
                assert option.help, f"{name} {option.name}"


def _named_commands() -> list[tuple[str, str]]:
    """Each use of the command in the pages, the README and the examples' pages."""
    files = [*pages().values(), README, ROOT / "examples" / "README.md", ROOT / "CONTRIBUTING.md"]
    return [
        (file.name, use)
        for file in files
        for use in re.findall(r"jwt-middleware ([a-z][^`\n#<>;)]*)", file.read_text())
    ]


@pytest.mark.parametrize(("page", "use"), _named_commands())
def test_each_command_of_a_page_exists(page: str, use: str) -> None:
    """Each use of `jwt-middleware` names a command, or several as `new|activate`, and options
    that it has."""
    words = use.split()
    depth = 1 if words[0] in ("demo", "explain", "routes") else 2
    names = [words[0]]
    if depth == 2 and len(words) > 1:
        names = [f"{words[0]} {word}" for word in words[1].rstrip(",.").split("|")]
    commands = docs.command_names()
    for name in names:
        known = [full for full in commands if f"{full} ".startswith(f"jwt-middleware {name} ")]
        assert known, f"{page}: jwt-middleware {name}"
        has = {opt for full in known for param in commands[full].params for opt in param.opts}
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", use):
            assert option in has | {"--help"}, f"{page}: {use}"


def test_each_command_is_named_by_a_page() -> None:
    """A command that no page explains would be found by nobody."""
    text = "".join(use + "\n" for _, use in _named_commands())
    for name in docs.command_names():
        words = name.split()[1:]
        named = rf"{words[0]} (?:\w+\|)*{words[1]}\b" if len(words) > 1 else words[0]
        assert re.search(named, text), name


def test_every_public_name_has_an_entry() -> None:
    """The API has each public name, and each has a docstring."""
    api = docs.PAGES["api"]()
    for module, names in docs.public_names().items():
        for name in names:
            assert re.search(rf":: {re.escape(module)}\.{name}$", api, re.MULTILINE), name
            thing = getattr(import_module(module), name)
            words = docs.words_below(name) or thing.__doc__
            assert words, f"{module}.{name} has no words"


def test_every_member_of_a_public_class_is_in_the_reference() -> None:
    """Also one that a class has from an internal base, such as `JWTMiddleware.ready`: it has an
    entry of its own, or its base has. `generate.INSIDE` lists what is for our own modules."""
    api = docs.PAGES["api"]()
    shown = {f"{module}.{name}" for module, names in docs.public_names().items() for name in names}
    things = {
        full: getattr(import_module(full.rpartition(".")[0]), full.rpartition(".")[2])
        for full in shown
    }
    bases = {id(thing) for thing in things.values()}
    lacking = []
    for full, thing in things.items():
        for base in thing.__mro__ if issubclass(type(thing), type) else ():
            if id(base) in bases or not base.__module__.startswith("jwt_middleware"):
                continue
            for name in {*vars(base)} - {*vars(thing)} - {*docs.INSIDE}:
                if name[0] != "_" and f":: {full}.{name}\n" not in api:
                    lacking.append(f"{full}.{name}")
    assert lacking == []
    assert ":: jwt_middleware.JWTMiddleware.ready\n" in api
    assert ":: jwt_middleware.stores.SQLStore.add_user\n" in api
    assert ":: jwt_middleware.testing.DjangoClient(app" in api


def test_every_default_is_in_the_table_of_options() -> None:
    """An option whose parameter has a value as its default shows it once, from the code."""
    usual = docs.defaults()
    rows = {
        name: row
        for row in docs.PAGES["options"]().splitlines()
        for name in re.findall(r"^\| `JWT_MIDDLEWARE_\w+`<br>`(\w+)`", row)
    }
    one_of_each_kind = {
        "leeway": "`5`",
        "timeout": "`3`",
        "lifetime": "`900` (15 minutes)",
        "idle_timeout": "`604800` (7 days)",
        "strict_origins": "`false`",
        "dpop_nonces": "`false`",
        "scope_claims": "`scope scp`",
        "subject_claim": "`sub`",
        "per_name": "`100/hour`",
    }
    assert one_of_each_kind.items() <= usual.items()
    for name, text in usual.items():
        assert rows[name].count("Default:") == 1, name
        assert f" Default: {text}. |" in rows[name]


def test_the_names_that_are_imported_in_pages_are_public() -> None:
    """A page, the README and an example import from us only what the API has."""
    public = docs.public_names()
    files = [*pages().values(), README, *(ROOT / "examples").glob("*.py")]
    imports = r"^ *from (jwt_middleware[\w.]*) import (?:\(([^)]+)\)|(.+))$"
    for file in files:
        for module, many, one in re.findall(imports, file.read_text(), re.MULTILINE):
            assert module in public, f"{file.name}: {module}"
            names = re.sub(r"#.*| as \w+", "", many or one).replace("\n", " ").split(",")
            unknown = {name.strip() for name in names if name.strip()} - set(public[module])
            unknown -= {name for name in unknown if name in ("LOGIN_EVENTS",)}
            unknown -= {*docs.LAZY_NAMES.get(module, ())}
            assert not unknown, f"{file.name}: {module} {unknown}"


def test_the_table_of_examples_is_the_generated_one() -> None:
    """`python docs/generate.py` would change nothing in examples/README.md."""
    assert docs.examples_page() == (ROOT / "examples" / "README.md").read_text()


def test_each_example_is_linked_from_a_page() -> None:
    """Each example is named by a page of the site, where a reader of its topic meets it."""
    text = "".join(file.read_text() for file in pages().values())
    names = [name for group in docs.examples().values() for name in group]
    assert [name for name in names if f"examples/{name}" not in text] == []


@pytest.mark.parametrize("name", sorted(set(docs.PAGES) - {"api", "command-line"}))
def test_a_table_of_the_reference_is_the_generated_one(name: str) -> None:
    """Who reads a clone finds the tables of today's code, without a build."""
    text = (DOCS / "_generated" / f"{name}.md").read_text()
    assert docs.PAGES[name]() == text, "run python docs/generate.py"


@pytest.mark.parametrize("file", sorted((DOCS / "reference").glob("*.md")), ids=lambda f: f.name)
def test_a_page_that_is_empty_in_a_clone_says_how_to_fill_it(file: Path) -> None:
    """Who reads the source of a reference page finds the command that makes its tables."""
    text = file.read_text()
    assert ("_generated/" in text) == ("python docs/generate.py" in text)
