"""Personal access tokens: their form, and what every bundled store promises of them."""

import hashlib
import math
import re
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.stores import (
    MemoryStore,
    PersonalToken,
    SQLStore,
    UnknownToken,
    UnknownUser,
    UserRecord,
)
from jwt_middleware.stores.tokens import KEEP_EXPIRED, MAX_TOKENS, new_token, parse_token
from tests.kit.clock import stopped
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP

from .conftest import entries_of

Store = MemoryStore | SQLStore
FAR = 4e9
KEY = b"k" * 32
FORM = re.compile(r"jwtm_pat_[0-9A-Za-z]{72}")


def add(store: Store, username: str = "ann", **options: Any) -> str:
    """A new token that lasts."""
    return store.add_token(
        username, **{"name": "ci", "scopes": ("read",), "expires_at": FAR} | options
    )


@pytest.fixture
def with_ann(session_store: Store) -> Store:
    """A store with ann, who may read and write."""
    session_store.add_user("ann", "wonderland", scopes=("read", "write"))
    return session_store


# ------------------------------------------------------------------------------------------------
# the form


def test_the_form_of_a_token() -> None:
    """A prefix for scanners, an id, 256 bits, a tag and the CRC-32 of all before it, all of it
    token68."""
    token, token_id, secret_hash = new_token(KEY)
    assert FORM.fullmatch(token)
    assert token[9:21] == token_id
    assert hashlib.sha256(token[21:64].encode()).digest() == secret_hash
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    checksum = 0
    for digit in token[-6:]:
        checksum = checksum * 62 + alphabet.index(digit)
    assert checksum == zlib.crc32(token[:-6].encode())


def test_a_token_is_read_as_it_was_made() -> None:
    """Its parts are the id and the hash of the secret, and it has the tag of its store alone."""
    token, token_id, secret_hash = new_token(KEY)
    parts = parse_token(token)
    assert parts is not None
    assert (parts.id, parts.secret_hash) == (token_id, secret_hash)
    assert parts.has_tag_of(KEY)
    assert not parts.has_tag_of(b"other" * 7)
    assert len({new_token(KEY)[0] for _ in range(100)}) == 100


def test_no_repr_shows_a_secret() -> None:
    """Neither of the parts of a token nor of a record of it."""
    token, _, secret_hash = new_token(KEY)
    shown = repr(parse_token(token))
    assert token[21:64] not in shown
    assert repr(secret_hash) not in shown


@given(place=st.integers(0, 80), other=st.sampled_from("0aZ_-.~+/=\u0660\n "))
def test_any_other_character_breaks_a_token(place: int, other: str) -> None:
    """The checksum finds every change of a character, and another alphabet is another form."""
    token = new_token(KEY)[0]
    changed = token[:place] + other + token[place + 1 :]
    assert parse_token(changed) is None or changed == token


ODD = {
    "empty": "",
    "the prefix alone": "jwtm_pat_",
    "cut short": new_token(KEY)[0][:-1],
    "one more": new_token(KEY)[0] + "0",
    "another prefix": "JWTM_PAT_" + new_token(KEY)[0][9:],
    "a line end": new_token(KEY)[0] + "\n",
    "padded": new_token(KEY)[0] + "=",
}


@pytest.mark.parametrize("token", ODD.values(), ids=ODD)
def test_what_is_no_token(token: str) -> None:
    """Another length, another prefix, something before or after it."""
    assert parse_token(token) is None


# ------------------------------------------------------------------------------------------------
# the stores


def test_a_token_is_added_listed_and_found(with_ann: Store) -> None:
    """The list has what its owner may see, and the record has the hash of the secret and the
    user."""
    before = time.time()
    token = add(with_ann, " ANN ", name="build \u2603", scopes=["write", "read", "write"])
    (listed,) = with_ann.tokens("ann")
    assert listed == PersonalToken(
        id=token[9:21],
        name="build \u2603",
        scopes=("write", "read"),
        created_at=listed.created_at,
        expires_at=FAR,
    )
    assert before <= listed.created_at <= time.time()
    record = with_ann.find_token(listed.id)
    assert record is not None
    assert (record.token, record.is_removed) == (listed, False)
    assert record.secret_hash == hashlib.sha256(token[21:64].encode()).digest()
    assert record.user == UserRecord(1, "ann", ("read", "write"))
    key = with_ann.token_key()
    parts = parse_token(token)
    assert key is not None
    assert parts is not None
    assert parts.has_tag_of(key)


def test_tokens_are_listed_oldest_first(with_ann: Store) -> None:
    """Each user's alone; expired ones too, but none that was removed."""
    with_ann.add_user("bob", "wonderland")
    add(with_ann, "bob", name="bob's")
    for n in range(3):
        with stopped("time", 1.9e9 + n):
            add(with_ann, name=f"{n}", expires_at=1.9e9 - 10 if n == 1 else FAR)
    assert [token.name for token in with_ann.tokens("ann")] == ["0", "1", "2"]
    with_ann.remove_token(with_ann.tokens("ann")[0].id)
    assert [token.name for token in with_ann.tokens("ann")] == ["1", "2"]
    assert [token.name for token in with_ann.tokens("bob")] == ["bob's"]


def test_a_store_holds_no_token(with_ann: Store) -> None:
    """No repr of what a store gives out has the token or its secret."""
    token = add(with_ann)
    record = with_ann.find_token(token[9:21])
    for shown in (repr(with_ann), repr(with_ann.tokens("ann")), repr(record)):
        assert token not in shown
        assert token[21:64] not in shown
    assert record is not None
    assert repr(record.secret_hash) not in repr(record)


def test_a_removed_token_is_in_the_log(with_ann: Store) -> None:
    """Until it has expired and five minutes more, whoever its issuer is; once, however often it is
    removed; and its record says so."""
    token_id = add(with_ann)[9:21]
    with_ann.remove_token(token_id)
    entries = entries_of(with_ann)
    assert entries == {f"jti\n\n{token_id}": FAR + 300}
    cursor = with_ann.read_revocations(None).cursor
    with_ann.remove_token(token_id)
    assert list(with_ann.read_revocations(cursor).entries) == []
    record = with_ann.find_token(token_id)
    assert record is not None
    assert record.is_removed


@pytest.mark.parametrize("token_id", ["", "x" * 12, "' OR 1=1 --", "x" * 99, 5, None], ids=ascii)
def test_what_is_not_there_cannot_be_removed(with_ann: Store, token_id: Any) -> None:
    """A slip while a leaked token is taken back is an error, which repeats nothing of it."""
    token = add(with_ann)
    for wrong in (token_id, token):
        with pytest.raises(UnknownToken) as caught:
            with_ann.remove_token(wrong)
        assert isinstance(caught.value, LookupError)
        assert str(caught.value) == "there is no personal token with this id"
    assert len(with_ann.tokens("ann")) == 1
    assert entries_of(with_ann) == {}


ENDS = {
    "disable_user": lambda store: store.disable_user("ann"),
    "remove_user": lambda store: store.remove_user("ann"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_tokens_end_with_their_user(with_ann: Store, end: Any) -> None:
    """Of a disabled or removed user all tokens are revoked, in the log and in their records; those
    of others go on."""
    with_ann.add_user("bob", "wonderland")
    ids = {add(with_ann)[9:21] for _ in range(3)}
    other = add(with_ann, "bob")[9:21]
    end(with_ann)
    assert {f"jti\n\n{token_id}" for token_id in ids} <= entries_of(with_ann).keys()
    assert f"jti\n\n{other}" not in entries_of(with_ann)
    for token_id in ids:
        record = with_ann.find_token(token_id)
        assert record is not None
        assert record.is_removed
    assert len(with_ann.tokens("bob")) == 1


def test_a_user_who_is_enabled_again_gets_no_token_back(with_ann: Store) -> None:
    """Whatever was the reason to disable the user, a token may be in wrong hands; new ones can be
    made."""
    token_id = add(with_ann)[9:21]
    with_ann.disable_user("ann")
    with_ann.enable_user("ann")
    record = with_ann.find_token(token_id)
    assert record is not None
    assert record.is_removed
    assert with_ann.tokens("ann") == []
    assert len({add(with_ann), *(token.id for token in with_ann.tokens("ann"))}) == 2


LEAVES = {
    "set_password": lambda store: store.set_password("ann", "looking-glass"),
    "set_scopes": lambda store: store.set_scopes("ann", ()),
    "end_sessions": lambda store: store.end_sessions("1"),
}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES)
def test_what_ends_no_token(with_ann: Store, change: Any) -> None:
    """A machine goes on when its user changes the password or is logged out."""
    token_id = add(with_ann)[9:21]
    change(with_ann)
    record = with_ann.find_token(token_id)
    assert record is not None
    assert not record.is_removed
    assert f"jti\n\n{token_id}" not in entries_of(with_ann)


def test_the_user_of_a_record_is_that_of_now(with_ann: Store) -> None:
    """Its scopes and name are read with the token; of a removed user there is none."""
    token_id = add(with_ann)[9:21]
    with_ann.set_scopes("ann", ["other"])
    record = with_ann.find_token(token_id)
    assert record is not None
    assert record.user is not None
    assert record.user.scopes == ("other",)
    with_ann.remove_user("ann")
    record = with_ann.find_token(token_id)
    assert record is not None
    assert record.user is None


@pytest.mark.parametrize("name", ["bob", "", "a\0", "\udce4", None], ids=ascii)
def test_nobodys_tokens(with_ann: Store, name: Any) -> None:
    """A name that is not there is `UnknownUser`."""
    for call in (lambda: add(with_ann, name), lambda: with_ann.tokens(name)):
        with pytest.raises(UnknownUser, match="there is no user named"):
            call()


def test_a_disabled_user_gets_no_token(with_ann: Store) -> None:
    """It would come to life when the user is enabled again."""
    with_ann.disable_user("ann")
    with pytest.raises(ConfigurationError, match="must not be disabled"):
        add(with_ann)


@pytest.mark.usefixtures("patient")
def test_a_user_has_a_hundred_tokens(with_ann: Store) -> None:
    """No more can be made, also by many at once; one that is removed makes room."""

    def try_to_add(_: int) -> bool:
        try:
            return bool(add(with_ann))
        except ConfigurationError:
            return False

    for _ in range(MAX_TOKENS - 3):
        add(with_ann)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(try_to_add, range(8))) == 3
    assert len(with_ann.tokens("ann")) == MAX_TOKENS
    with_ann.remove_token(with_ann.tokens("ann")[0].id)
    assert try_to_add(0)
    assert not try_to_add(0)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": ""}, "name must be"),
    "blanks": ({"name": "  "}, "name must be"),
    "a name of lines": ({"name": "a\nb"}, "name must be"),
    "a NUL": ({"name": "a\0"}, "name must be"),
    "a lone surrogate": ({"name": "\ud800"}, "name must be"),
    "a long name": ({"name": "a" * 256}, "name must be"),
    "a name that is no string": ({"name": 5}, "name must be"),
    "scopes as a string": ({"scopes": "read"}, "scopes must be a list or tuple"),
    "a scope with a space": ({"scopes": ["a b"]}, "RFC 6749"),
    "no scopes": ({"scopes": None}, "scopes must be a list or tuple"),
    "a duration": ({"expires_at": 90 * 86_400}, "expires_at must be a moment"),
    "a date as text": ({"expires_at": "2030-01-01"}, "expires_at must be a moment"),
    "no date": ({"expires_at": None}, "expires_at must be a moment"),
    "a boolean": ({"expires_at": True}, "expires_at must be a moment"),
    "infinity": ({"expires_at": math.inf}, "expires_at must be a moment"),
    "not a number": ({"expires_at": math.nan}, "expires_at must be a moment"),
    "after the calendar": ({"expires_at": 253402300800}, "expires_at must be a moment"),
    "a number without end": ({"expires_at": 10**400}, "expires_at must be a moment"),
}


@pytest.mark.parametrize(("options", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_stored(with_ann: Store, options: dict[str, Any], said: str) -> None:
    """It is refused with the rule, and nothing is stored."""
    with pytest.raises(ConfigurationError, match=said):
        add(with_ann, **options)
    assert with_ann.tokens("ann") == []


def test_an_expired_token_is_listed_for_a_while(with_ann: Store) -> None:
    """Its bearer is told that it has expired; after three months it is forgotten."""
    add(with_ann, name="old", expires_at=time.time() - KEEP_EXPIRED - 100)
    recent = add(with_ann, name="recent", expires_at=time.time() - 100)
    with stopped("time", time.time() + 61):  # memory is swept once a minute
        with_ann.revoke(token_id="x", expires_at=FAR)
        add(with_ann, name="new")
    assert [token.name for token in with_ann.tokens("ann")] == ["recent", "new"]
    assert with_ann.find_token(recent[9:21]) is not None


@pytest.mark.usefixtures("patient")
def test_one_key_for_all_tokens_of_a_store(with_ann: Store) -> None:
    """It is made with the first token, by one of those who make it at once, and stays."""
    with ThreadPoolExecutor(4) as threads:
        tokens = list(threads.map(lambda _: add(with_ann), range(4)))
    key = with_ann.token_key()
    assert key is not None
    parts = [parse_token(token) for token in [*tokens, add(with_ann)]]
    assert all(part is not None and part.has_tag_of(key) for part in parts)
    assert with_ann.token_key() == key


def test_a_new_store_has_no_key(memory_store: MemoryStore, sqlite_store: SQLStore) -> None:
    """Without a token no guess can be right."""
    assert memory_store.token_key() is None
    assert sqlite_store.token_key() is None


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_database_from_before_the_tokens(request: pytest.FixtureRequest, engine: str) -> None:
    """It gets their table at the first use, keeps its users and its version, and an earlier
    release goes on with it."""
    url = request.getfixturevalue(f"{engine}_url")
    old = SQLStore(url, password_method=CHEAP)
    old.add_user("ann", "wonderland")
    with database_of(old).transaction(write=True) as connection:
        connection.execute(sa.text("DROP TABLE jwt_middleware_token"))
    new = SQLStore(url, password_method=CHEAP)
    token_id = add(new)[9:21]
    assert new.find_token(token_id) is not None
    with database_of(new).transaction() as connection:
        version = connection.execute(sa.text("SELECT version FROM jwt_middleware_schema"))
        assert version.scalar_one() == 2
    assert old.authenticate("ann", "wonderland")
    old.close()
    new.close()
