"""`jwt-middleware users import`, as an operator runs it."""

import csv
import io
from pathlib import Path

import pytest

from jwt_middleware.stores import SQLStore
from tests.kit import forking
from tests.kit.forking import APPS
from tests.stores.test_other_hashes import HASHES, PASSWORD

from .conftest import MAIN, Command, Done

pytestmark = pytest.mark.usefixtures("cheap_hashes")

HASH = HASHES["django pbkdf2_sha256"]


def written(*rows: tuple[str, ...]) -> str:
    """A CSV file as Python, a spreadsheet or a database writes it."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def imported(command: Command, folder: Path, content: str | bytes, *more: str) -> Done:
    """Import a file into auth.db."""
    given = content.encode() if isinstance(content, str) else content
    (folder / "people.csv").write_bytes(given)
    return command("users", "import", "people.csv", "--database", "auth.db", "--create", *more)


def test_users_are_imported(command: Command, tmp_path: Path) -> None:
    """Every form of a hash is imported with its scopes, and its user can log in."""
    rows = [(name, stored, "read write") for name, stored in HASHES.items()]
    done = imported(command, tmp_path, written(*rows))
    assert done == Done(0, "", f"Imported {len(rows)} users\n")
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db")
    user = store.authenticate("argon2id", PASSWORD)
    assert user is not None
    assert user.scopes == ("read", "write")


FORMS = {
    "a head": f"name,hash,scopes\nann,{HASH},read\n",
    "another head": f"Username,Password\nann,{HASH},read\n",
    "no end of line": f"ann,{HASH},read",
    "CRLF": f"ann,{HASH},read\r\n",
    "a mark of Excel": f"\ufeffann,{HASH},read\r\n",
    "blank lines": f"\n\nann,{HASH},read\n\n",
    "quotes": f'"ann","{HASH}","read"\n',
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_forms_of_the_file(command: Command, tmp_path: Path, content: str) -> None:
    """What programs write as CSV is read, with and without a head."""
    assert imported(command, tmp_path, content) == Done(0, "", "Imported 1 users\n")
    assert command("users", "list", "--database", "auth.db").out == "1\tann\tread\t\n"


def test_scopes_may_be_left_out(command: Command, tmp_path: Path) -> None:
    """Two fields are a user without scopes; names may have blanks, quotes and any letters."""
    content = written(("Zoë, the 2nd", HASH), ('the "boss"', HASH, ""))
    assert imported(command, tmp_path, content).good
    listed = command("users", "list", "--database", "auth.db").out
    assert listed == '1\tZoë, the 2nd\t\t\n2\tthe "boss"\t\t\n'


def test_stdin(command: Command, tmp_path: Path) -> None:
    """`-` reads stdin, so that no file with hashes need be left behind."""
    arguments = ("users", "import", "-", "--database", "auth.db", "--create")
    done = forking.run(MAIN, *arguments, after=APPS, cwd=tmp_path, given=f"ann,{HASH}\n")
    assert (done.returncode, done.stderr) == (0, "Imported 1 users\n")


def test_every_bad_line_is_told(command: Command, tmp_path: Path) -> None:
    """Each bad line is told with its number and its cause, nothing is imported, and no hash and no
    plain password is shown."""
    rows = (
        ("name", "hash", "scopes"),
        ("ann", HASH, "read"),
        ("bob", "hunter2", "read"),
        ("Ann", HASH, "read"),
        ("eve",),
        ("mallory", HASH, 'a"b'),
        ("zoe", HASHES["argon2id"][:-9] + "%", ""),
        ("old", "$6$salt$" + "x" * 86),
    )
    done = imported(command, tmp_path, written(*rows) + f"kim,{HASHES['argon2id']},read\n")
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines()
    starts = [line.split(":")[0] for line in lines]
    assert starts == [*(f"line {number}" for number in (3, 4, 5, 6, 7, 8, 9)), "Error"]
    assert "the hash of 'bob' cannot be used: it has an unknown form" in lines[0]
    assert "there is a user named 'Ann' already" in lines[1]
    assert "two or three fields, name,hash,scopes, got 1" in lines[2]
    assert "each of scopes must be" in lines[3]
    assert "it is damaged" in lines[4]
    assert "SHA-512 crypt" in lines[5]
    assert "quote a hash with commas" in lines[6]
    assert lines[7] == "Error: nothing was imported: mend these lines first"
    assert "hunter2" not in done.err
    assert HASH not in done.err
    assert command("users", "list", "--database", "auth.db").out == ""


def test_lines_are_counted_as_editors_do(command: Command, tmp_path: Path) -> None:
    """A quoted line break and a blank line count, so that the number leads to the place."""
    content = f'\nann,{HASH},"read\nwrite"\n\nbob,hunter2\n'
    done = imported(command, tmp_path, content)
    assert done.err.splitlines()[0].startswith("line 5: the hash of 'bob'")


UNREADABLE = {
    "not UTF-8": (b"ann," + HASH.encode() + b"\nz\xf6e,x\n", "it is not UTF-8"),
    "an open quote": (f'ann,{HASH}\nbob,"{HASH}\n', "unexpected end of data"),
    "a very long field": ("a" * 200_000 + ",x\n", "field larger than field limit"),
}


@pytest.mark.parametrize(("content", "cause"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_csv(
    command: Command, tmp_path: Path, content: str | bytes, cause: str
) -> None:
    """It is one line that says why, and nothing is imported."""
    done = imported(command, tmp_path, content)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: nothing was imported: the file cannot be read after line")
    assert done.err.endswith(f"{cause}\n") or cause in done.err
    assert command("users", "list", "--database", "auth.db").out == ""


def test_no_file(command: Command) -> None:
    """A mistyped path is one line and exit code 2, as click has it."""
    done = command("users", "import", "people.csv", "--database", "auth.db", "--create")
    assert done.code == 2
    assert "people.csv" in done.err


def test_many_faults(command: Command, tmp_path: Path) -> None:
    """Of many bad lines the first hundred are shown."""
    done = imported(command, tmp_path, "".join(f"user {n},hunter2\n" for n in range(300)))
    lines = done.err.splitlines()
    assert len(lines) == 102
    assert lines[100] == "further lines are not shown"


def test_a_taken_name(command: Command, tmp_path: Path) -> None:
    """An import that is repeated says whom there is already, and changes nothing."""
    assert imported(command, tmp_path, f"ann,{HASH}\n").good
    done = imported(command, tmp_path, f"bob,{HASH}\nann,{HASH}\n")
    assert done.err.splitlines()[0] == "line 2: there is a user named 'ann' already"
    assert command("users", "list", "--database", "auth.db").out == "1\tann\t\t\n"


@pytest.mark.parametrize("package", ["bcrypt", "argon2"])
def test_without_the_extra(package: str, tmp_path: Path) -> None:
    """Without its package, a hash of bcrypt or Argon2 is refused with the command to type."""
    name = "bcrypt 2b" if package == "bcrypt" else "argon2id"
    (tmp_path / "people.csv").write_text(written((name, HASHES[name]), ("ann", HASH)))
    script = f"""if True:
        import sys
        sys.modules[{package!r}] = None
        {MAIN}
    """
    arguments = ("users", "import", "people.csv", "--database", "auth.db", "--create")
    done = forking.run(script, *arguments, after=APPS, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("line 1: ")
    assert "pip install 'wsgi-jwt-middleware[hashes]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content", ["", "\n\n", "name,hash,scopes\n"], ids=["empty", "blank", "head"]
)
def test_a_file_without_users(command: Command, tmp_path: Path, content: str) -> None:
    """Nothing to import is an error, and makes no database: the wrong file was named, or the export
    failed."""
    (tmp_path / "people.csv").write_text(content)
    done = command("users", "import", "people.csv", "--database", "auth.db", "--create")
    assert done == Done(1, "", "Error: nothing was imported: the file has no users\n")
    assert not (tmp_path / "auth.db").exists()
