"""`jwt-middleware users`, as an operator runs it."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit import forking
from tests.kit.forking import CORE
from tests.kit.passwords import CHEAP

from .conftest import COMMAND, MAIN, Command, Done, on_a_terminal

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "wonderland"  # of every user here


@pytest.fixture
def with_ann(command: Command) -> Command:
    """The command in a folder with a database auth.db, in which there is ann."""
    SQLStore("sqlite:///auth.db").add_user("ann", PASSWORD, scopes=["read"])
    return command


def test_a_user_is_added(command: Command, tmp_path: Path) -> None:
    """`add --create` makes the file, says where and with which id, and the user can sign in."""
    done = command(
        "users",
        "add",
        "ann",
        "--scope",
        "b",
        "--scope",
        "a",
        "--database",
        "auth.db",
        "--create",
        given=PASSWORD,
    )
    assert done == Done(0, "", f"Created {tmp_path}/auth.db\nAdded ann with the id 1\n")
    ann = SQLStore(f"sqlite:///{tmp_path}/auth.db").authenticate("ann", PASSWORD)
    assert ann is not None
    assert ann.scopes == ("b", "a")


def test_users_are_listed(with_ann: Command) -> None:
    """`list` prints one line a user, with tabs, and says who is disabled."""
    with_ann("users", "add", "Zoë Doe", "--database", "auth.db", given=PASSWORD)
    with_ann("users", "disable", "ann", "--database", "auth.db")
    assert with_ann("users", "list", "--database", "auth.db") == Done(
        0, "2\tZoë Doe\t\t\n1\tann\tread\tdisabled\n", ""
    )


def test_scopes_are_set_and_taken_away(with_ann: Command) -> None:
    """`scopes` replaces all scopes, with none named by none."""
    assert with_ann("users", "scopes", "ann", "write", "a:b", "--database", "auth.db") == Done(
        0, "", ""
    )
    assert with_ann("users", "list", "--database", "auth.db").out == "1\tann\twrite a:b\t\n"
    assert with_ann("users", "scopes", "ann", "--database", "auth.db").good
    assert with_ann("users", "list", "--database", "auth.db").out == "1\tann\t\t\n"


def test_a_password_is_set(with_ann: Command, tmp_path: Path) -> None:
    """`passwd` replaces the password by the first line of stdin, without its end."""
    assert with_ann(
        "users", "passwd", "ann", "--database", "auth.db", given=" looking glass \r\nmore\n"
    ) == Done(0, "", "")
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db")
    assert store.authenticate("ann", " looking glass ")
    assert store.authenticate("ann", PASSWORD) is None


def test_a_user_is_removed(with_ann: Command) -> None:
    """`remove` forgets the user, silently."""
    assert with_ann("users", "remove", "ann", "--database", "auth.db") == Done(0, "", "")
    assert with_ann("users", "list", "--database", "auth.db") == Done(0, "", "")


URLS = ["auth.db", "./auth.db", "sqlite:///auth.db"]


@pytest.mark.parametrize("url", URLS)
def test_the_environment_names_the_database(with_ann: Command, url: str) -> None:
    """The URL, or just the path of a file, may come from the environment."""
    done = with_ann("users", "list", environ={"JWT_MIDDLEWARE_DATABASE_URL": url})
    assert done == Done(0, "1\tann\tread\t\n", "")


def test_postgresql(command: Command, postgresql_url: str) -> None:
    """The same commands work on PostgreSQL, where nothing has to be created."""
    environ = {"JWT_MIDDLEWARE_DATABASE_URL": postgresql_url}
    assert (
        command("users", "add", "ann", given=PASSWORD, environ=environ).err
        == "Added ann with the id 1\n"
    )
    assert command("users", "list", environ=environ).out == "1\tann\t\t\n"


COMMANDS = [
    ("list",),
    ("add", "bob"),
    ("passwd", "ann"),
    ("scopes", "ann"),
    ("disable", "ann"),
    ("remove", "ann"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_file_that_is_not_there(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Without --create a mistyped path is one clear line, and no file."""
    given = ["--password-stdin"] if arguments[0] in ("add", "passwd") else []
    done = command("users", *arguments, "--database", "auht.db", *given, given=PASSWORD)
    assert done == Done(
        1,
        "",
        f"Error: there is no file {tmp_path}/auht.db: "
        "'users add' and 'users import' make it with --create\n",
    )
    assert not any(tmp_path.iterdir())


READERS = [
    ("users", "list"),
    ("users", "passwd", "ann"),
    ("users", "logout", "ann"),
    ("users", "scopes", "ann"),
    ("users", "disable", "ann"),
    ("users", "enable", "ann"),
    ("users", "remove", "ann"),
    ("tokens", "add", "ann", "--name", "x"),
    ("tokens", "list", "ann"),
    ("tokens", "remove", "abcdefghijkl"),
]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_the_database_of_another_program(
    command: Command, request: pytest.FixtureRequest, engine: str
) -> None:
    """A command that needs users says that there are none, and leaves the database as it is, which
    a slip in the URL may have named."""
    url = request.getfixturevalue(f"{engine}_url").replace("mariadb:", "mysql:")
    made = sa.create_engine(
        url.replace("postgresql:", "postgresql+psycopg:").replace("mysql:", "mysql+pymysql:")
    )
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id INTEGER)")
    for arguments in READERS:
        given = PASSWORD if "passwd" in arguments else None
        done = command(*arguments, "--database", url, given=given)
        assert done == Done(
            1,
            "",
            "Error: the database has no table of users: 'users add' and 'users import' make it\n",
        ), arguments
        assert sa.inspect(made).get_table_names() == ["theirs"], arguments
    assert command("users", "add", "ann", "--database", url, given=PASSWORD).good
    assert command("tokens", "list", "ann", "--database", url).good
    assert command("tokens", "add", "bob", "--name", "x", "--database", url).code == 1
    assert command("users", "list", "--database", url).out == "1\tann\t\t\n"
    made.dispose()


@pytest.mark.parametrize("name", ["passwd", "scopes", "disable", "remove"])
def test_a_user_that_is_not_there(with_ann: Command, name: str) -> None:
    """A mistyped name is one clear line."""
    done = with_ann("users", name, "anne", "--database", "auth.db", given=PASSWORD)
    assert done == Done(1, "", "Error: there is no user named 'anne'\n")


BAD = {
    "a name that is taken": (["ann"], PASSWORD, "there is a user named 'ann' already"),
    "a bad name": (["a\nb"], PASSWORD, "username must be 1 to 255 characters"),
    "a bad scope": (
        ["bob", "--scope", "a b"],
        PASSWORD,
        "each of scopes must be printable ASCII without spaces",
    ),
    "an empty password": (["bob"], "", "password must not be empty"),
    "a long password": (["bob"], "x" * 1025, "at most 1024 bytes"),
    "a password that is not UTF-8": (["bob"], b"\xe4\xf6\xfc", "password must be a Unicode string"),
}


@pytest.mark.parametrize(("arguments", "given", "reason"), BAD.values(), ids=BAD)
def test_what_cannot_be_added(
    with_ann: Command, arguments: list[str], given: str | bytes, reason: str
) -> None:
    """What cannot be kept is one line that says why, and nothing is changed."""
    done = with_ann("users", "add", *arguments, "--database", "auth.db", given=given)
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch("Error: .*\n", done.err)
    assert reason in done.err
    assert with_ann("users", "list", "--database", "auth.db").out == "1\tann\tread\t\n"


DATABASES = {
    "no server": (
        "postgresql://ann:hunter2@127.0.0.1:1/auth",
        "the user database does not answer: connection failed",
    ),
    "no database": (__file__, "the user database does not answer: file is not a database"),
    "a folder": ("/", "the user database does not answer: unable to open database file"),
    "no MySQL": (
        "mysql://ann:hunter2@127.0.0.1:1/auth",
        "the user database does not answer: ",
    ),
    "another engine": (
        "mssql://ann:hunter2@127.0.0.1/auth",
        "url_or_engine must be an SQLite, PostgreSQL, MySQL or MariaDB URL",
    ),
    "in memory": ("sqlite://", "url_or_engine must name a file"),
}


@pytest.mark.parametrize(("url", "reason"), DATABASES.values(), ids=DATABASES)
def test_a_database_that_does_not_answer(command: Command, url: str, reason: str) -> None:
    """An outage or a wrong URL is one line that says why, and shows no password."""
    done = command("users", "list", environ={"JWT_MIDDLEWARE_DATABASE_URL": url})
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch("Error: .*\n", done.err)
    assert reason in done.err
    assert "hunter2" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["nothing"], ["add", "--database", "x"], ["list", "--what"]],
    ids=" ".join,
)
def test_misuse(command: Command, arguments: list[str]) -> None:
    """What the command does not understand is exit code 2, with its usage on stderr."""
    done = command("users", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: jwt-middleware users" in done.err


def test_a_pipe_is_no_terminal(with_ann: Command) -> None:
    """Without a terminal the command asks for --password-stdin rather than wait or take what
    comes."""
    done = with_ann("users", "add", "bob", "--database", "auth.db", ask=True)
    assert done.code == 2
    assert "there is no terminal to ask for the password: use --password-stdin" in done.err


TOPICS = ("", "users", "users add", "users list", "keys", "keys new", "token", "token inspect")


@pytest.mark.parametrize("topic", [tuple(topic.split()) for topic in TOPICS], ids=" ".join)
def test_help(command: Command, topic: tuple[str, ...]) -> None:
    """Every level explains itself, and the upper ones show an example."""
    done = command(*topic, "--help")
    assert done.good
    assert done.out.startswith(f"Usage: {' '.join(('jwt-middleware', *topic))} ")
    assert topic[1:] or re.search(
        "  jwt-middleware (keys new|users add ann|token inspect)", done.out
    )


def test_version(command: Command) -> None:
    """`--version` prints name and version."""
    assert re.fullmatch(r"jwt-middleware \d+\.\d+\.\d+\n", command("--version").out)


# ---------------------------------------------------------------------------------------- as real
# processes


ADD = ("users", "add", "ann", "--database", "auth.db", "--create")


def test_a_password_is_typed_twice(tmp_path: Path) -> None:
    """On a terminal the password is asked for twice and never shown."""
    code, shown = on_a_terminal(tmp_path, *ADD, answers=["secret-1\n"] * 2)
    assert code == 0
    assert "secret" not in shown
    assert SQLStore(f"sqlite:///{tmp_path}/auth.db").authenticate("ann", "secret-1")


@pytest.mark.parametrize(
    "answers",
    [["\x03"], ["secret-1\n", "\x03"], ["\x04"]],
    ids=["Ctrl-C", "Ctrl-C later", "Ctrl-D"],
)
def test_typing_is_given_up(tmp_path: Path, answers: list[str]) -> None:
    """Ctrl-C and Ctrl-D end the command at once: nothing is made, no traceback."""
    code, shown = on_a_terminal(tmp_path, *ADD, answers=answers)
    assert code == 1
    assert shown.endswith("Aborted!\r\n")
    assert "Traceback" not in shown
    assert not any(tmp_path.iterdir())


def test_a_reader_that_goes_away(with_ann: Command, tmp_path: Path) -> None:
    """`users list | head` ends without a word when there are more users than fit into the pipe."""
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db")
    for n in range(20):
        store.add_user(f"user{n}", PASSWORD, scopes=["s" * 9999])
    listing = (
        f"{' '.join(map(re.escape, COMMAND[:1]))} -c '{COMMAND[2]}' users list --database auth.db"
    )
    done = subprocess.run(f"{listing} | head -c 1", shell=True, capture_output=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (b"1", b"")


def test_a_terminal_that_cannot_show_a_name(with_ann: Command, tmp_path: Path) -> None:
    """A name outside the terminal's character set is escaped, and the listing goes on."""
    with_ann("users", "add", "Zoë \u03a9", "--database", "auth.db", given=PASSWORD)
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [*COMMAND, "users", "list", "--database", "auth.db"],
        capture_output=True,
        cwd=tmp_path,
        env=environ,
    )
    assert done.stdout == b"2\tZo\xeb \\u03a9\t\t\n1\tann\tread\t\n"


_LIST = ["users", "list", "--database", "x"]
MISSING = {
    "click": ("click", "jwt-middleware needs click", "cli", ["--help"]),
    "click, for nothing": ("click", "jwt-middleware needs click", "cli", []),
    "click, for an option": ("click", "jwt-middleware needs click", "cli", ["--version"]),
    "click, for keys": ("click", "jwt-middleware needs click", "cli", ["keys", "new"]),
    "click, for a token": ("click", "jwt-middleware needs click", "cli", ["token", "inspect"]),
    "click, for routes": (
        "click",
        "jwt-middleware needs click",
        "cli",
        ["routes", "--app", "users"],
    ),
    "click, for users": ("click", "jwt-middleware needs click", "login", _LIST),
    "click, for tokens": ("click", "jwt-middleware needs click", "login", ["tokens", "list"]),
    "click, for the demo": ("click", "jwt-middleware needs click", "demo", ["demo"]),
    "sqlalchemy": ("sqlalchemy", "Error: SQLStore needs SQLAlchemy", "login", _LIST),
}


@pytest.mark.parametrize(("missing", "line", "extra", "arguments"), MISSING.values(), ids=MISSING)
def test_an_extra_is_missing(missing: str, line: str, extra: str, arguments: list[str]) -> None:
    """Without what an extra installs the command is one line that names the smallest one with which
    that command runs."""
    script = f"import sys; sys.modules[{missing!r}] = None; {MAIN}"
    done = forking.run(script, *arguments, after=CORE)
    assert done.stderr == f"{line}: pip install 'wsgi-jwt-middleware[{extra}]'\n"
    assert (done.returncode, done.stdout) == (1, "")


def test_logout_ends_the_sessions(command: Command, tmp_path: Path) -> None:
    """A user is signed out everywhere and can sign in again; others stay signed in; an unknown one
    is one line."""
    from jwt_middleware.login.sessions import SessionEnded, Sessions

    for name in ("ann", "bob"):
        assert command(
            "users", "add", name, "--database", "auth.db", "--create", given="secret"
        ).good
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db", password_method=CHEAP)
    sessions = Sessions(store, reuse_grace=10, idle_timeout=60, session_lifetime=60, issuer="i")
    tokens = {user.username: sessions.start(user, 900)[0] for user in store.users()}
    assert command("users", "logout", "ann", "--database", "auth.db") == Done(0, "", "")
    with pytest.raises(SessionEnded):
        sessions.rotate(tokens["ann"], 900)
    assert sessions.rotate(tokens["bob"], 900)
    assert store.authenticate("ann", "secret")
    done = command("users", "logout", "eve", "--database", "auth.db")
    assert done == Done(1, "", "Error: there is no user named 'eve'\n")


def test_a_user_is_enabled_again(with_ann: Command, tmp_path: Path) -> None:
    """`enable` undoes `disable`: the user can sign in."""
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db")
    for command, can_sign_in in (("disable", False), ("enable", True), ("enable", True)):
        assert with_ann("users", command, "ann", "--database", "auth.db") == Done(0, "", "")
        assert (store.authenticate("ann", PASSWORD) is not None) is can_sign_in


@pytest.mark.parametrize("spelling", ["Ann", "ANN", " ann ", "\uff41nn"])
@pytest.mark.parametrize(
    "words",
    [("logout",), ("disable",), ("enable",), ("remove",), ("passwd",), ("scopes", "x")],
    ids=lambda words: words[0],
)
def test_any_spelling_of_a_name(
    with_ann: Command, words: tuple[str, ...], spelling: str, tmp_path: Path
) -> None:
    """Every command finds the user whom the store finds, and ends the sessions it says."""
    from jwt_middleware.login.sessions import SessionEnded, Sessions

    command, *more = words
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db")
    sessions = Sessions(store, reuse_grace=10, idle_timeout=60, session_lifetime=60, issuer="i")
    token = sessions.start(store.users()[0], 900)[0]
    given = "another" if command == "passwd" else None
    done = with_ann("users", command, spelling, *more, "--database", "auth.db", given=given)
    assert done == Done(0, "", "")
    if command in ENDS_SESSIONS:
        with pytest.raises(SessionEnded):
            sessions.rotate(token, 900)


@pytest.mark.parametrize("prefix", [None, "shop:"], ids=["default", "shop"])
@pytest.mark.parametrize(
    "words", [("logout", "ann"), ("disable", "ann"), ("remove", "ann"), ("passwd", "ann")]
)
def test_a_log_elsewhere_is_told(
    command: Command, words: tuple[str, ...], redis_url: str, tmp_path: Path, prefix: str | None
) -> None:
    """With --log the sessions that a command ends are revoked in the log that the middleware reads,
    under its prefix."""
    from jwt_middleware.login.sessions import Sessions
    from jwt_middleware.stores import RedisLog

    assert command("users", "add", "ann", "--database", "auth.db", "--create", given="secret").good
    log = RedisLog(redis_url, prefix=prefix) if prefix else RedisLog(redis_url)
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db", log=log)
    sessions = Sessions(store, reuse_grace=10, idle_timeout=60, session_lifetime=60, issuer="i")
    sid = sessions.start(store.users()[0], 900)[1].sid
    given = "another" if words[0] == "passwd" else None
    where = ("--database", "auth.db", "--log", redis_url)
    more = ("--log-prefix", prefix) if prefix else ()
    assert command("users", *words, *where, *more, given=given).good
    assert f"sid\ni\n{sid}" in [entry.key for entry in log.read_revocations(None).entries]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--log-prefix", "shop:"), "--log-prefix needs --log"),
        (("--log", "redis://127.0.0.1:1", "--log-prefix", "{shop}"), "prefix must be 1 to 200"),
    ],
    ids=["no log", "braces"],
)
def test_a_prefix_that_cannot_be_used(
    with_ann: Command, arguments: tuple[str, ...], expected: str
) -> None:
    """A prefix without a log, or one that no log can have, ends nothing."""
    done = with_ann("users", "logout", "ann", "--database", "auth.db", *arguments)
    assert done.code != 0
    assert expected in done.err


ENDS_SESSIONS = {
    "passwd": ("passwd", "ann", "--password-stdin"),
    "logout": ("logout", "ann"),
    "disable": ("disable", "ann"),
    "remove": ("remove", "ann"),
}


@pytest.fixture
def logged_in_redis(command: Command, redis_url: str) -> Command:
    """The command in a folder with an auth.db whose revocations are logged in Redis, as the
    deployment's own store has recorded it."""
    store = SQLStore("sqlite:///auth.db", log=RedisLog(redis_url))
    store.add_user("ann", PASSWORD)
    store.revoke(token_id="any", expires_at=time.time() + 60)
    store.close()
    return command


@pytest.mark.parametrize("arguments", ENDS_SESSIONS.values(), ids=ENDS_SESSIONS)
def test_sessions_are_not_ended_where_nobody_reads_of_it(
    logged_in_redis: Command, redis_url: str, arguments: tuple[str, ...]
) -> None:
    """Without `--log` the command fails and names the option, and nothing is changed; with it, it
    works."""
    database = ("--database", "auth.db")
    done = logged_in_redis("users", *arguments, *database, given=PASSWORD)
    assert (done.code, done.out) == (1, "")
    assert "--log" in done.err
    assert done.err.count("\n") == 1
    store = SQLStore("sqlite:///auth.db")
    assert store.authenticate("ann", PASSWORD)
    store.close()
    done = logged_in_redis("users", *arguments, *database, "--log", redis_url, given="other\n")
    assert done == Done(0, "", "")


@pytest.mark.parametrize("arguments", [("list",), ("scopes", "ann", "read"), ("add", "bob")])
def test_what_ends_no_session_needs_no_log(
    logged_in_redis: Command, arguments: tuple[str, ...]
) -> None:
    """Users are listed, added and given scopes without naming where revocations are logged."""
    done = logged_in_redis("users", *arguments, "--database", "auth.db", given=PASSWORD)
    assert done.good, done.err


def test_a_log_that_is_not_there_is_one_line(with_ann: Command) -> None:
    """A mistyped `--log` fails, and the user is not disabled."""
    log = ("--log", "redis://127.0.0.1:1")
    done = with_ann("users", "disable", "ann", "--database", "auth.db", *log)
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "disabled" not in with_ann("users", "list", "--database", "auth.db").out
