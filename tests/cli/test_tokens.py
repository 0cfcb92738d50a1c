"""`jwt-middleware tokens`, as an operator runs it."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import JWTMiddleware, Refusal, RevocationList, Rule
from jwt_middleware.stores import OpaqueTokens, RedisLog, SQLStore

from .conftest import Command, Done

pytestmark = pytest.mark.usefixtures("cheap_hashes")

DATABASE = ("--database", "auth.db")


@pytest.fixture
def with_ann(command: Command) -> Command:
    """The command in a folder with a database auth.db, in which there is ann, who may read."""
    SQLStore("sqlite:///auth.db").add_user("ann", "wonderland", scopes=["read"])
    return command


def reason(token: str, store: SQLStore) -> str | None:
    """Why a middleware over the store refuses a token, or None."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError

    provider = OpaqueTokens(store, issuer="https://example.com/tokens")
    revocations = RevocationList(store, max_staleness=0)
    middleware = JWTMiddleware(
        app, providers=[provider], rules=[Rule("/")], revocations=revocations
    )
    try:
        middleware.verify(token)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_a_token_is_made(with_ann: Command) -> None:
    """`add` prints the token alone on stdout, and a middleware accepts it for as many days as were
    asked for."""
    done = with_ann(
        "tokens", "add", "ann", "--name", "build", "--scope", "read", "--days", "30", *DATABASE
    )
    assert done.good
    assert re.fullmatch(r"jwtm_pat_[0-9A-Za-z]{72}\n", done.out)
    assert re.fullmatch(r"It expires on \d{4}-\d\d-\d\d\. It cannot be shown again\.\n", done.err)
    store = SQLStore("sqlite:///auth.db")
    assert reason(done.out.strip(), store) is None
    (listed,) = store.tokens("ann")
    assert (listed.name, listed.scopes) == ("build", ("read",))
    assert listed.expires_at == pytest.approx(time.time() + 30 * 86_400, abs=60)


def test_a_token_lasts_ninety_days(with_ann: Command) -> None:
    """Without `--days`."""
    assert with_ann("tokens", "add", "ann", "--name", "x", *DATABASE).good
    (listed,) = SQLStore("sqlite:///auth.db").tokens("ann")
    assert listed.expires_at == pytest.approx(time.time() + 90 * 86_400, abs=60)
    assert listed.scopes == ()


def test_tokens_are_listed(with_ann: Command) -> None:
    """One line a token, with tabs, oldest first, without a secret; an expired one says so."""
    store = SQLStore("sqlite:///auth.db")
    yesterday = time.time() - 86_400
    token = store.add_token("ann", name="Büro 1", scopes=["b", "a"], expires_at=yesterday)
    made = with_ann("tokens", "add", "ann", "--name", "new", *DATABASE).out.strip()
    done = with_ann("tokens", "list", "ann", *DATABASE)
    today, expired = (time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (None, yesterday))
    first, second = done.out.splitlines()
    assert first == f"{token[9:21]}\tBüro 1\tb a\t{today}\t{expired}\texpired"
    assert second.split("\t")[:4] == [made[9:21], "new", "", today]
    assert second.endswith("\t")
    assert token[21:64] not in done.out
    assert made[21:64] not in done.out


def test_a_token_is_taken_back(with_ann: Command) -> None:
    """`remove` is silent, and workers refuse the token."""
    token = with_ann("tokens", "add", "ann", "--name", "x", *DATABASE).out.strip()
    assert with_ann("tokens", "remove", token[9:21], *DATABASE) == Done(0, "", "")
    assert with_ann("tokens", "list", "ann", *DATABASE) == Done(0, "", "")
    assert reason(token, SQLStore("sqlite:///auth.db")) == "revoked"


def test_a_token_is_taken_back_in_a_log_elsewhere(with_ann: Command, redis_url: str) -> None:
    """With `--log` the revocation goes to that Redis; without it, it is an error."""
    log = RedisLog(redis_url)
    split = SQLStore("sqlite:///auth.db", log=log)
    token = split.add_token("ann", name="x", scopes=(), expires_at=4e9)
    split.end_sessions("1")  # the database knows of the log
    done = with_ann("tokens", "remove", token[9:21], *DATABASE)
    assert (done.code, "--log URL" in done.err) == (1, True)
    assert reason(token, split) is None
    assert with_ann("tokens", "remove", token[9:21], *DATABASE, "--log", redis_url).good
    assert reason(token, split) == "revoked"


FAILS: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown user": (("add", "bob", "--name", "x"), "there is no user named 'bob'"),
    "tokens of an unknown user": (("list", "bob"), "there is no user named 'bob'"),
    "an unknown id": (("remove", "nothing"), "there is no personal token with this id"),
    "a bad name": (("add", "ann", "--name", " "), "name must be 1 to 255 characters"),
    "a bad scope": (("add", "ann", "--name", "x", "--scope", "a b"), "RFC 6749"),
}


@pytest.mark.parametrize(("arguments", "said"), FAILS.values(), ids=FAILS)
def test_what_fails(with_ann: Command, arguments: tuple[str, ...], said: str) -> None:
    """One line on stderr says why, and the exit code is 1."""
    done = with_ann("tokens", *arguments, *DATABASE)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert said in done.err


USAGE = {
    "no name": ("add", "ann"),
    "no days": ("add", "ann", "--name", "x", "--days", "0"),
    "half a day": ("add", "ann", "--name", "x", "--days", "0.5"),
    "too many days": ("add", "ann", "--name", "x", "--days", "99999"),
    "no user": ("list",),
    "no id": ("remove",),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_what_cannot_be_asked(with_ann: Command, arguments: tuple[str, ...]) -> None:
    """A slip in the arguments is a usage error, and makes nothing."""
    assert with_ann("tokens", *arguments, *DATABASE).code == 2
    assert SQLStore("sqlite:///auth.db").tokens("ann") == []


def test_a_whole_token_as_the_id_is_not_repeated(with_ann: Command) -> None:
    """An operator may paste it; the terminal's log need not have it twice."""
    token = with_ann("tokens", "add", "ann", "--name", "x", *DATABASE).out.strip()
    done = with_ann("tokens", "remove", token, *DATABASE)
    assert done.code == 1
    assert token[21:] not in done.out + done.err


def test_no_file_is_made(command: Command, tmp_path: Path) -> None:
    """A slip in the name of the file is an error."""
    done = command("tokens", "list", "ann", "--database", "other.db")
    assert (done.code, "there is no file" in done.err) == (1, True)
    assert list(tmp_path.iterdir()) == []
