"""Reads text options into objects, and words the faults of options as their owner wrote them."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .._options import got, require
from ..errors import ConfigurationError
from .options import OPTIONS, PROVIDER, Option

_FILE = "_file"
"""Ends the name of an option whose value is in a file."""

_NEAR = 0.8
"""The likeness of two names from which one may be a slip of the other, 0 to 1."""


_PARAMETERS = ("path", "pem")
"""Parameters of constructors that read one option, under another name."""

_IN_PYTHON = re.compile(
    r"Fetch\((?P<fetch>\w+)=\.\.\.\)"
    r"|\b(?P<named>[a-z_]+)=\(?'(?P<value>[^']*)'(?:,\))?"
    r"|\b(?P<word>scope|claim|acr|issued_by)\('(?P<argument>[^']*)'\)"
    r"|\b[A-Z]\w+\('(?P<only>[^']*)'(?:, \.\.\.)?\)"
    r"""|(?<!\w)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
    r"|\b(?P<bare>[a-z]+(?:_[a-z]+)+)\b"
)
"""Parts of a constructor's message that only a Python program can write: an option of `Fetch`, an
argument, a requirement of a rule, an object of one string, and an option's name with an underscore.
Quoted text is matched so that nothing within it is."""


@dataclass(frozen=True, slots=True, repr=False)
class Values:
    """The values of the options that are set. Some are secrets, so it has no `repr` of them.

    - `own`: those without the name of a provider.
    - `of_providers`: those of each of several providers.
    - `name_of`: returns an option as its owner wrote it.
    """

    own: Mapping[str, Any]
    of_providers: Mapping[str, "Values"]
    name_of: Callable[[str], str]

    def picked(self, names: Collection[str]) -> dict[str, Any]:
        """Return the values of some options, without those that are not set."""
        return {name: self.own[name] for name in names if name in self.own}

    def listed(self, names: Collection[str]) -> str:
        """Return options as their owner writes them, for a message."""
        return ", ".join(map(self.name_of, names))

    def need(self, name: str) -> None:
        """Raise `ConfigurationError` unless the option is set."""
        require(name in self.own, f"{self.name_of(name)} must be set to {OPTIONS[name].form}")

    def only_one_of(self, names: Collection[str]) -> str | None:
        """Return the one option that is set, or None. Two set options raise
        `ConfigurationError`."""
        found = [name for name in names if name in self.own]
        rule = f"only one of {self.listed(names)} must be set"
        require(len(found) <= 1, f"{rule}, got {self.listed(found)}")
        return found[0] if found else None

    def refuse(self, names: Collection[str], need: str) -> None:
        """Raise `ConfigurationError` for an option that has no effect here, since an owner would
        believe that it has."""
        unused = [name for name in names if name in self.own]
        require(not unused, f"{self.listed(unused)} must only be set if {need}")

    @contextmanager
    def worded(self, **options: str) -> Iterator[None]:
        """Word the faults of a constructor as faults of options.

        A message starts with the name of a parameter, which is an option of the same name, or the
        one that `options` has for it.
        """
        try:
            yield
        except ConfigurationError as error:
            name, _, rule = str(error).partition(" ")
            option = options.get(name, name)
            if option not in OPTIONS:
                raise
            raise ConfigurationError(f"{self.name_of(option)} {self.as_text(rule)}") from None

    def as_text(self, message: object) -> str:
        """Return a message of a constructor with options as their owner writes them, and examples
        as text: `access_cookie='__Host-jwt'` becomes `JWT_MIDDLEWARE_ACCESS_COOKIE=__Host-jwt`.

        Quoted text stays, since it may be the owner's own value.
        """
        return _IN_PYTHON.sub(self._as_text, str(message))

    def _as_text(self, found: re.Match[str]) -> str:
        option = next(filter(None, found.group("fetch", "named", "bare")), "")
        if option in OPTIONS:
            text = found["value"]
            return self.name_of(option) + ("" if text is None else f"={text}")
        if found["word"]:
            return f"{found['word']}={found['argument']}"
        return found["only"] or found[0]


@dataclass(frozen=True, slots=True)
class _Table:
    """The options that may be set, also those of each of several providers."""

    options: Mapping[str, Option]
    providers: tuple[str, ...]
    name_of: Callable[[str], str]

    def option_of(self, name: str) -> str:
        """Return the option that a name sets: `NAME_file` sets NAME, but `ca_file` is an option."""
        return name if name in self.options else name.removesuffix(_FILE)

    def check(self, name: str) -> None:
        """Raise `ConfigurationError` for a name that sets no option."""
        if self.option_of(name) not in self.options:
            shown = self.name_of(name)
            if not (shown.isascii() and shown.isprintable()):
                shown = got(shown)
            raise ConfigurationError(f"{shown} is not an option{self._help(name)}")

    def _help(self, name: str) -> str:
        option = name.removesuffix(_FILE)
        near = get_close_matches(option, self.options, 1, _NEAR)
        if near:
            return f"; the nearest is {self.name_of(near[0] + name.removeprefix(option))}"
        for ending in PROVIDER if "providers" in self.options else ():
            provider = option.removesuffix(f"_{ending}")
            if provider != option:
                return f"; {self.name_of('providers')} does not name {got(provider)}"
        return f" (known: {', '.join(map(self.name_of, self.options))})"

    def value_of(self, name: str, text: str) -> Any:
        """Return the value of an option that a name and its text set."""
        option = self.option_of(name)
        form, is_secret = self.options[option].form, self.options[option].is_secret
        is_file = name != option
        # The content of a file may be a secret, and so may the name of a file that is none.
        shown = "" if is_secret else f", got {got(text)}"
        rule = (
            f"{self.name_of(name)} must {'name a file that contains' if is_file else 'be'} {form}"
        )
        try:
            content = Path(text).read_text().strip() if is_file else text
            return self.options[option].convert(content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{rule}{_end_of(error, self.options[option])}") from None
        except OSError as error:
            raise ConfigurationError(f"{rule}{shown}: {type(error).__name__}") from None
        except (ValueError, LookupError):
            # The message of a foreign error might quote a secret, so show only our own.
            raise ConfigurationError(f"{rule}{shown}") from None


def _end_of(error: ConfigurationError, option: Option) -> str:
    """Return the end of a message about an option, from that of a constructor.

    An owner of text options has never seen the parameters of constructors. The rule of the
    parameter that is the option repeats the form of the option, so only what it got is added.
    """
    name, _, rest = str(error).partition(" must ")
    if name in _PARAMETERS:
        return f": it must {rest}"
    _, separator, value = rest.partition(", got ")
    if OPTIONS.get(name) is option and separator:
        return f"{separator}{value}"
    return f": {error}"


def read_options(
    texts: Mapping[str, str],
    known: Collection[str],
    *,
    name_of: Callable[[str], str] = str,
    defaults: Mapping[str, str] | None = None,
    others: Collection[str] = (),
    is_foreign: Callable[[str], object] = lambda name: False,
) -> Values:
    """Return the objects that the options describe.

    An unknown option in `texts` is an error, unless it `is_foreign`. One of `others` has no effect.
    `defaults` may have options of anything, so unknown ones are ignored there. The
    `ConfigurationError` names the option at fault.
    """
    table = _table({**(defaults or {}), **texts}, (*known, *others), name_of)
    found = {table.option_of(name) for name in texts}
    given = {n: t for n, t in (defaults or {}).items() if table.option_of(n) not in found}
    given = {name: text for name, text in given.items() if table.option_of(name) in table.options}
    for name, text in texts.items():
        if table.option_of(name) in table.options or not is_foreign(name):
            table.check(name)
            given[name] = text
    skipped = {*others} - {*known}
    if "providers" not in known:
        skipped |= {*table.options} - {*known}
    values: dict[str, Any] = {}
    for name, text in given.items():
        option = table.option_of(name)
        both = f"{name_of(option)} and {name_of(option + _FILE)} must not both be set"
        require(option not in values, both)
        if option not in skipped:
            values[option] = table.value_of(name, text)
    return _divided(values, table)


def _table(
    texts: Mapping[str, str], known: Collection[str], name_of: Callable[[str], str]
) -> _Table:
    table = _Table({name: OPTIONS[name] for name in known}, (), name_of)
    names = [name for name in texts if table.option_of(name) == "providers"]
    if "providers" not in known or not names:
        return table
    options = dict(table.options)
    providers = table.value_of(names[0], texts[names[0]])
    for provider in providers:
        for option in PROVIDER:
            full = f"{provider}_{option}"
            rule = f"{name_of('providers')} must not name {got(provider)}"
            require(full not in options, f"{rule}, since {name_of(full)} has another meaning")
            options[full] = OPTIONS[option]
    return _Table(options, providers, name_of)


def _divided(values: Mapping[str, Any], table: _Table) -> Values:
    def of_provider(provider: str) -> Values:
        names = {option: f"{provider}_{option}" for option in PROVIDER}
        own = {option: values[name] for option, name in names.items() if name in values}
        return Values(own, {}, lambda option: table.name_of(f"{provider}_{option}"))

    own = {name: value for name, value in values.items() if name in OPTIONS}
    return Values(own, {name: of_provider(name) for name in table.providers}, table.name_of)
