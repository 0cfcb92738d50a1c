"""Makes the pages of the site that are made from code: reference tables and drawings.

Each table joins what the code has with words from `words.toml`. A thing without words and words
without a thing raise `ValueError`, so the site is not built and a test is red.
"""

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Any

import drawings

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent

MODULES = (
    "jwt_middleware",
    "jwt_middleware.flask",
    "jwt_middleware.bottle",
    "jwt_middleware.certificates",
    "jwt_middleware.login",
    "jwt_middleware.login_events",
    "jwt_middleware.stores",
    "jwt_middleware.metrics",
    "jwt_middleware.settings",
    "jwt_middleware.testing",
)
"""The modules whose public names are the API."""

_NAMES = {
    "jwt_middleware.metrics": ("PrometheusMetrics",),
    "jwt_middleware.settings": ("from_env", "login_from_env", "filter_app_factory"),
}
"""The public names of modules without `__all__`."""


def words() -> dict[str, dict[str, str]]:
    """Return the words by table."""
    return tomllib.loads((FOLDER / "words.toml").read_text())


def joined(table: str, things: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the words of each thing, in the order of the things."""
    things = list(things)
    if lacking := [name for name in things if not texts.get(name, "").strip()]:
        raise ValueError(f"[{table}] in docs/words.toml has no words for {', '.join(lacking)}")
    if left := [name for name in texts if name not in things]:
        raise ValueError(f"[{table}] in docs/words.toml has words for nothing: {', '.join(left)}")
    return {name: texts[name] for name in things}


# ------------------------------------------------------------------ what the code has


LAZY_NAMES = {
    "jwt_middleware.testing": {"DjangoClient": "testing/django_client.py"},
}
"""Public names outside of `__all__`, since they need a package that the build does not have, with
the file of their class."""


def public_names() -> dict[str, tuple[str, ...]]:
    """Return the public names by module."""
    return {
        name: _NAMES.get(name) or tuple(sorted(import_module(name).__all__)) for name in MODULES
    }


def option_names() -> dict[str, str]:
    """Return the text options with the form of their values."""
    from jwt_middleware.settings.options import OPTIONS

    return {name: option.form for name, option in OPTIONS.items()}


def sections_of(option: str) -> str:
    """Return where an option may be set."""
    from jwt_middleware.settings.options import GUARD, LOGIN

    sections = {"ini: guard": GUARD, "ini: login": LOGIN}
    found = [section for section, options in sections.items() if option in options]
    return ", ".join(["environment", *found] if found else [])


def parameters() -> dict[str, tuple[str, ...]]:
    """Return every parameter that describes a middleware or a login app, with the text options
    that say it. Those of `Rule` are words of a rule."""
    return {name: options for name, (options, _) in _parameters().items()}


def defaults() -> dict[str, str]:
    """Return the default of each text option that has a value, as text."""
    found: dict[str, str] = {}
    for name, (options, default) in _parameters().items():
        (option, *others) = options or ("",)
        is_same = option == name.rpartition(".")[2] or (bool(option) and not others)
        is_text = is_same and option in option_names()  # others are words of a rule
        text = _default_text(option, default) if is_text else ""
        if text and found.setdefault(option, text) != text:
            raise ValueError(f"{option} has two defaults, {found[option]} and {text}")
    return found


def _default_text(option: str, default: Any) -> str:
    """Return a default as it would be written, or "" if it is no value of the option."""
    if default is inspect.Parameter.empty or default is None or default in ((), ""):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{' '.join(map(str, default))}`"
    if not isinstance(default, (int, float, str)):
        return ""
    text = f"`{default}`"
    if "seconds" in option_names().get(option, ""):
        for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
            if default >= 2 * size and default % size == 0:
                return f"{text} ({default // size} {unit})"
    return text


def _parameters() -> dict[str, tuple[tuple[str, ...], Any]]:
    """Return the text options and the default of each parameter of `parameters`."""
    from jwt_middleware import DPoP, Fetch, Introspection, JWTMiddleware, Provider, Rule
    from jwt_middleware.login import LoginApp, TokenMinter
    from jwt_middleware.login.throttle import Throttle
    from jwt_middleware.settings import options as groups
    from jwt_middleware.settings.rules import FLAGS

    said: dict[Any, tuple[str, ...]] = {
        JWTMiddleware: groups.MIDDLEWARE,
        Provider: groups.TERMS,
        Provider.discover: (*groups.TERMS, *groups.DISCOVERY, *groups.ALGORITHM),
        Introspection: (*groups.INTROSPECTION_TERMS, *groups.INTROSPECTION),
        Fetch: groups.FETCH,
        Rule: ("prefix", "requires", "methods", *FLAGS),
        LoginApp: (*groups.LOGIN_APP, "throttle"),
        Throttle: groups.THROTTLE,
        TokenMinter: groups.MINTER,
        DPoP: (),
    }
    by_others = {
        "JWTMiddleware.providers": ("providers", *groups.PROVIDER, "tokens_issuer"),
        "JWTMiddleware.revocations": (*groups.STORE, *groups.LOG),
        "Provider.keys": (*groups.KEYS, "private_key"),
        "Provider.discover.fetch": groups.FETCH,
        "Introspection.url": ("introspection_url",),
        "Introspection.fetch": groups.FETCH,
        "JWTMiddleware.dpop": groups.DPOP,
        "LoginApp.dpop": groups.DPOP,
        "DPoP.url": ("dpop_url",),
        "DPoP.replays": groups.STORE,
        "DPoP.max_age": ("dpop_max_age",),
        "DPoP.nonces": ("dpop_nonces",),
        "LoginApp.store": (*groups.STORE, *groups.LOG),
        "LoginApp.minter": (*groups.MINTER, *groups.SIGNERS),
        "TokenMinter.key": groups.SIGNERS,
    }
    found = {}
    for thing, options in said.items():
        for name, parameter in inspect.signature(thing).parameters.items():
            if name not in ("self", "app") and parameter.kind is not parameter.VAR_KEYWORD:
                full = f"{thing.__qualname__}.{name}"
                said_by = (name,) * (name in options) or by_others.pop(full, ())
                found[full] = said_by, parameter.default
    if by_others:
        raise ValueError(f"no such parameter: {', '.join(by_others)}")
    return found


def only_in_python_names() -> list[str]:
    """Return the parameters that no text says."""
    return [name for name, options in parameters().items() if not options]


def endpoint_names() -> list[str]:
    """Return the endpoints of a login app with everything turned on, such as `POST /token`."""
    from jwt_middleware import Key
    from jwt_middleware.login import LoginApp, TokenMinter
    from jwt_middleware.stores import MemoryStore

    minter = TokenMinter(Key.generate(), issuer="https://i.example", audience="a")
    routes = vars(LoginApp(MemoryStore(), minter))["_routes"]
    named = {path: routes.methods_of(path) for path in routes.paths}
    return [f"{m} {path}" for path, methods in named.items() for m in methods if m != "HEAD"]


def reason_names() -> list[str]:
    """Return the reasons of refusals."""
    from jwt_middleware.reasons import DESCRIPTIONS

    return list(DESCRIPTIONS)


def metric_names() -> dict[str, tuple[str, ...]]:
    """Return the metrics with their labels."""
    from prometheus_client import CollectorRegistry

    from jwt_middleware import metrics

    counters = vars(metrics.PrometheusMetrics(CollectorRegistry())).values()
    found = {f"{c._name}_total": c._labelnames for c in counters if hasattr(c, "_labelnames")}
    for value in vars(metrics).values():
        if isinstance(value, tuple) and str(value[0]).startswith("jwt_middleware_"):
            found[value[0]] = value[2]
    return dict(sorted(found.items()))


def log_field_names() -> list[str]:
    """Return the fields of the record that a refusal writes."""
    import logging

    from jwt_middleware import Decision, JWTMiddleware, Rule
    from jwt_middleware.events import log_refusal

    records: list[logging.LogRecord] = []
    log = logging.Logger("unused")
    log.addHandler(_Collecting(records))
    known = set(vars(logging.makeLogRecord({})))
    events = vars(import_module("jwt_middleware.events"))
    del Decision, Rule
    app = JWTMiddleware(_nothing, providers=[_provider()], rules=[_rule()])
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/api"}
    ours, events["_log"] = events["_log"], log
    try:
        log_refusal(app.decide(environ), environ)
    finally:
        events["_log"] = ours
    return [name for name in vars(records[0]) if name not in known]


def event_names() -> dict[str, str]:
    """Return the events of the login app with the sentence in the log."""
    from jwt_middleware.login import audit

    return {name: sentence for name, (_, sentence) in vars(audit)["_EVENTS"].items()}


def command_names() -> dict[str, Any]:
    """Return the commands of `jwt-middleware` by their full name."""
    from jwt_middleware.cli.root import root

    return dict(_commands("jwt-middleware", root))


def _commands(name: str, command: Any) -> Iterable[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for word in sorted(inner):
            yield from _commands(f"{name} {word}", inner[word])


def client_names() -> list[str]:
    """Return what `jwt-client.js` offers: functions, classes and the members of a client."""
    types = (ROOT / "jwt_middleware/login/page/jwt-client.d.ts").read_text()
    client = types.partition("export interface Client {")[2].partition("\n}")[0]
    options = types.partition("export interface ClientOptions {")[2].partition("\n}")[0]
    return [
        *re.findall(r"^export (?:function|class) (\w+)", types, re.MULTILINE),
        *(f"client.{name}" for name in re.findall(r"^  (\w+)\(", client, re.MULTILINE)),
        *(f"option {name}" for name in re.findall(r"^  (\w+)\??:", options, re.MULTILINE)),
    ]


def environ_names() -> list[str]:
    """Return the keys that the middleware sets in the environ."""
    keys = ["REMOTE_USER", "AUTH_TYPE"]
    for file in ("identity", "events", "middleware", "views", "wire/credentials", "decision"):
        source = (ROOT / "jwt_middleware" / f"{file}.py").read_text()
        keys += re.findall(r'_KEY = "(jwt_middleware\.\w+)"', source)
    return list(dict.fromkeys(keys))


# ------------------------------------------------------------------ the pages


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, "|" + "---|" * head.strip("|").count("|") + "---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _options() -> str:
    from jwt_middleware.settings.options import GUARD, LOGIN, PROVIDER

    guard = [name for name in GUARD if name not in PROVIDER]
    parts = {
        "Options of the middleware": guard,
        "Options of a provider": PROVIDER,
        "Options of the login app": [name for name in LOGIN if name not in (*PROVIDER, *guard)],
    }
    said = joined("options", option_names(), words()["options"])
    return "\n".join(
        f"## {title}\n\n{_option_table(names, said)}" for title, names in parts.items()
    )


def _option_table(names: Iterable[str], said: Mapping[str, str]) -> str:
    forms, usual = option_names(), defaults()
    rows = (
        (
            f"`JWT_MIDDLEWARE_{name.upper()}`<br>`{name}`",
            f"{said[name]} Value: {forms[name]}."
            + f" Default: {usual.get(name)}." * (name in usual),
            sections_of(name),
        )
        for name in names
    )
    return table("| variable, ini option | meaning | where |", rows)


def _only_in_python() -> str:
    said = joined("only_in_python", only_in_python_names(), words()["only_in_python"])
    return table("| parameter | why no text says it |", ((f"`{n}`", s) for n, s in said.items()))


def _endpoints() -> str:
    names = joined("endpoints", endpoint_names(), words()["endpoints"])
    return table("| request | answer |", ((f"`{n}`", said) for n, said in names.items()))


def _reasons() -> str:
    from jwt_middleware.reasons import DESCRIPTIONS

    links = {n: f"[`{n}`](../refused.md#{n.replace('_', '-')})" for n in DESCRIPTIONS}
    rows = ((links[n], said) for n, said in DESCRIPTIONS.items())
    return table("| reason | sentence in the answer |", rows)


def _metrics() -> str:
    labels = metric_names()
    said = joined("metrics", labels, words()["metrics"])
    rows = ((f"`{n}`", ", ".join(f"`{x}`" for x in labels[n]), said[n]) for n in labels)
    return table("| metric | labels | meaning |", rows)


def _log_fields() -> str:
    said = joined("log_fields", log_field_names(), words()["log_fields"])
    return table("| field | meaning |", ((f"`{n}`", text) for n, text in said.items()))


def _events() -> str:
    rows = ((f"`{name}`", sentence) for name, sentence in event_names().items())
    return table("| event | the line says |", rows)


def _environ() -> str:
    said = joined("environ", environ_names(), words()["environ"])
    return table("| key | meaning |", ((f"`{n}`", text) for n, text in said.items()))


def _client() -> str:
    said = joined("client", client_names(), words()["client"])
    return table("| name | meaning |", ((f"`{n}`", text) for n, text in said.items()))


def _command_line() -> str:
    import click

    parts = []
    for name, command in command_names().items():
        context = click.Context(command, info_name=name)
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        text = re.sub(r"\n +", "\n", re.sub(r"\x08", "", command.help or "")).strip()
        rows = [record for param in command.params if (record := param.get_help_record(context))]
        options = table("| option | meaning |", ((f"`{n}`", h) for n, h in rows)) if rows else ""
        parts.append(f"## {name}\n\n```text\n{usage}\n```\n\n{text}\n\n{options}")
    return "\n".join(parts)


def _api() -> str:
    parts = []
    for module, names in public_names().items():
        parts.append(f"## {module}\n\n```{{eval-rst}}\n.. py:currentmodule:: {module}\n")
        parts += [_entry(module, name) for name in names]
        parts += [_read_entry(module, *one) for one in LAZY_NAMES.get(module, {}).items()]
        parts.append("```\n")
    return "\n".join(parts)


def _entry(module: str, name: str) -> str:
    thing = getattr(import_module(module), name)
    kind = type(thing)  # not `isinstance`, which a proxy of Flask's would answer
    if issubclass(kind, type):
        members = [f"   .. auto{kind}:: {module}.{name}.{each}" for each, kind in _lent(thing)]
        return "\n".join([f".. autoclass:: {module}.{name}\n", *members, ""])
    if kind is FunctionType:
        return f".. autofunction:: {module}.{name}\n"
    said = "\n".join(f"   {line}" for line in _rewritten(words_below(name).splitlines()))
    return f".. py:data:: {module}.{name}\n\n{said}\n"


def _read_entry(module: str, name: str, file: str) -> str:
    """Return the entry of a class from the text of its file, which is not imported."""
    tree = ast.parse((ROOT / "jwt_middleware" / file).read_text())
    (owner,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    functions = [n for n in owner.body if isinstance(n, ast.FunctionDef)]
    (start,) = (n for n in functions if n.name == "__init__")
    lines = [f".. py:class:: {module}.{name}({_arguments(start)})", "", *_said(owner)]
    for one in functions:
        if not one.name.startswith("_"):
            is_property = any(isinstance(n, ast.Name) for n in one.decorator_list)
            call = "" if is_property else f"({_arguments(one)})"
            kind = "property" if is_property else "method"
            inner = [f".. py:{kind}:: {one.name}{call}", "", *_said(one)]
            lines += [f"   {line}" for line in inner]
    return "\n".join([*lines, ""])


def _arguments(function: ast.FunctionDef) -> str:
    return ast.unparse(function.args).removeprefix("self, ").removeprefix("self")


def _said(thing: ast.ClassDef | ast.FunctionDef) -> list[str]:
    return [
        f"   {line}" for line in [*_rewritten((ast.get_docstring(thing) or "").splitlines()), ""]
    ]


INSIDE = ("replace_verifier", "replace_hasher", "keep")
"""Members by which our own modules reach into a public class. A program has no use for them."""


def _lent(thing: type) -> list[tuple[str, str]]:
    """Return the public members that a class has from bases without an entry of their own, each
    with its kind: the base is internal, so its members would be nowhere in the reference."""
    named = [
        getattr(import_module(m), name) for m, names in public_names().items() for name in names
    ]
    shown = set(map(id, named))
    found: dict[str, str] = {}
    for base in thing.__mro__:
        if id(base) not in shown and base.__module__.partition(".")[0] == "jwt_middleware":
            for name, member in vars(base).items():
                if not name.startswith("_") and name not in (*vars(thing), *INSIDE):
                    found.setdefault(name, _kind_of(member))
    return list(found.items())


def _kind_of(member: object) -> str:
    if isinstance(member, (FunctionType, classmethod, staticmethod)):
        return "method"
    return "property" if isinstance(member, property) else "attribute"


def words_below(name: str) -> str:
    """Return the docstring below the assignment of a public name in the package, or ""."""
    return _words_of_assignments().get(name, "")


@cache
def _words_of_assignments() -> dict[str, str]:
    """Return every docstring below an assignment of the package by name; the first file wins."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "jwt_middleware").rglob("*.py")):
        for statement, below in pairwise(ast.parse(file.read_text()).body):
            if not (isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
                continue
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, cleandoc(str(below.value.value)))
    return found


def _examples() -> str:
    """Return the tables of examples/README.md."""
    parts = []
    for title, names in examples().items():
        rows = [(f"[{name}]({name})", said) for name, said in names.items()]
        parts.append(table(f"| {title} | shows |", rows))
    return "\n".join(parts)


def examples() -> dict[str, dict[str, str]]:
    """Return the words on each example by group; every file of the folder is in one group."""
    groups: dict[str, dict[str, str]] = {
        title: dict(names)  # type: ignore[call-overload]
        for title, names in words()["examples"].items()
    }
    folder = ROOT / "examples"
    files = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*.py"))]
    files = [name for name in files if not name.endswith(("paste_app.py", "__init__.py"))]
    files += [f"{name}" for name in ("nginx.conf", "paste.ini")]
    said = {name: text for names in groups.values() for name, text in names.items()}
    joined("examples", files, said)
    return groups


PAGES: Mapping[str, Callable[[], str]] = {
    "options": _options,
    "only-in-python": _only_in_python,
    "endpoints": _endpoints,
    "reasons": _reasons,
    "metrics": _metrics,
    "log-fields": _log_fields,
    "events": _events,
    "environ": _environ,
    "client": _client,
    "command-line": _command_line,
    "api": _api,
}
"""What is generated, by the name of its file in `docs/_generated`."""

_BETWEEN = ("<!-- generated by docs/generate.py -->", "<!-- end -->")


def examples_page() -> str:
    """Return examples/README.md with its generated tables."""
    page = (ROOT / "examples" / "README.md").read_text()
    start, end = _BETWEEN
    head, _, rest = page.partition(start)
    return f"{head}{start}\n\n{_examples()}\n{end}{rest.partition(end)[2]}"


def write_pages() -> None:
    """Write every generated page and drawing."""
    folder = FOLDER / "_generated"
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        _write(folder / f"{name}.md", make())
    for source in sorted((FOLDER / "drawings").glob("*.txt")):
        _write(folder / f"{source.stem}.svg.md", drawings.figure(source.stem, source.read_text()))


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text() != text:  # an unchanged file is not built again
        file.write_text(text)


# ------------------------------------------------------------------ docstrings


def as_restructured_text(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Rewrite a docstring in place: Sphinx reads reStructuredText, and ours are Markdown."""
    lines[:] = list(_rewritten(lines))


def _rewritten(lines: Iterable[str]) -> Iterable[str]:
    """Yield the lines with tables and indented code as blocks, and a blank line before a list."""
    before, block, in_list = "", "", False
    for line in lines:
        bare = line.strip()
        kind = _block_of(line, block, is_free=not before and not in_list)
        if kind and kind != block:
            yield from ("", ".. code-block:: text", "")
        elif block and not kind:
            yield ""
        if kind:
            yield f"    {line}" if kind == "table" else line
        else:
            is_item = bare.startswith("- ")
            if is_item and before and not in_list:
                yield ""
            in_list = is_item or (in_list and (not bare or line.startswith(" ")))
            yield _escaped(line)
        before, block = bare, kind


def _block_of(line: str, block: str, *, is_free: bool) -> str:
    """Return the kind of block that a line belongs to: a table, code, or none."""
    if line.lstrip().startswith("|"):
        return "table"
    if line.startswith("    ") and (is_free or block == "code"):
        return "code"
    return "code" if block == "code" and not line.strip() else ""


def _escaped(line: str) -> str:
    """Escape the stars and underscores that are not within backticks."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(p if p.startswith("`") else re.sub(r"([*|])", r"\\\1", p) for p in parts)


class _Collecting(__import__("logging").Handler):  # type: ignore[misc]
    """Collects log records."""

    def __init__(self, records: list[Any]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: Any) -> None:
        """Collect one record."""
        self._records.append(record)


def _nothing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


def _provider() -> Any:
    from jwt_middleware import Key, KeySet, Provider

    return Provider(issuer="https://i.example", audience="a", keys=KeySet([Key.generate()]))


def _rule() -> Any:
    from jwt_middleware import Rule

    return Rule("/api")


if __name__ == "__main__":
    (ROOT / "examples" / "README.md").write_text(examples_page())
    write_pages()
