"""What every bundled store promises, on every engine."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import TokenMinter
from jwt_middleware.stores import MemoryStore, NameTaken, SQLStore, UnknownUser, User, UserRecord
from jwt_middleware.stores.passwords import PasswordHasher
from jwt_middleware.trust.minted_claims import LOGIN_CLAIMS
from tests.kit.parts import examples
from tests.kit.passwords import CHEAP, CHEAP_COST

Store = MemoryStore | SQLStore
DAMAGED = {
    "empty": "",
    "no hash at all": "hunter2",
    "cut short": "scrypt:1024:1:1$salt$" + "0" * 126,
    "unknown method": "argon2$salt$" + "0" * 128,
    "impossible cost": "scrypt:1000:8:1$salt$" + "0" * 128,
    "enormous cost": "scrypt:99999999999999999999:8:1$salt$" + "0" * 128,
    "not hexadecimal": "scrypt:1024:1:1$salt$" + "ü" * 128,
}
UNKNOWN_NAMES = ["bob", "an n", "\u00e1nn", "annn", "a", "", "ann\0", "\udce4", "an\nn", "a" * 256]
GOOD_NAMES = [
    "a",
    "a" * 255,
    "\U0001f600" * 255,
    "ann@example.com",
    "Ann O'Neil",
    'a"b\\c%_',
    "\uffff",
]
BAD_PASSWORDS = ["", "a" * 1025, "ä" * 513, "geheim\udce4", "geheim\0", None, 12345678, b"geheim"]
BAD_SCOPES = ["read", "read write", b"read", None, 5, {"read": 1}, {"read"}, [None], [["read"]]]
BAD_METHODS = ["", "plain", "scrypt", "scrypt:3:8:1", "scrypt:01024:8:1",
    "scrypt:" + "9" * 99 + ":8:1", "scrypt:1024",
               "pbkdf2:none:1", "pbkdf2:md5:10000000", "argon2", None, 5]  # fmt: skip
JSON_VALUES = [None, True, False, 0, 1, -1.5, [], ["ann"], {}, {"ann": 1}]


def by_value(value: object) -> str:
    return ascii(value)[:40]


def test_a_user_signs_in(store: Store) -> None:
    """The name and the password of a user give the user, with its id, scopes and claims."""
    added = store.add_user(
        "ann", "wonderland", scopes=["read", "write"], claims={"dept": {"no": 7}}
    )
    assert added == User(added.id, "ann", ("read", "write"), {"dept": {"no": 7}})
    assert store.authenticate("ann", "wonderland") == added
    assert store.get(str(added.id)) == added


@pytest.mark.parametrize("password", ["", "Wonderland", "wonderland ", "wonderlan"], ids=by_value)
def test_a_wrong_password_is_refused(store: Store, password: str) -> None:
    """Only the exact password signs in."""
    store.add_user("ann", "wonderland")
    assert store.authenticate("ann", password) is None


@pytest.mark.parametrize("name", UNKNOWN_NAMES, ids=by_value)
def test_an_unknown_name_is_refused(store: Store, name: str) -> None:
    """Another name is unknown, and so is one that no store can hold."""
    store.add_user("ann", "wonderland")
    assert store.authenticate(name, "wonderland") is None


SPELLINGS = {
    "case": ("Ann", "aNN"),
    "blanks around": ("ann", " ann\u00a0"),
    "an ideographic space": ("ann", "\u3000ann"),
    "full width": ("ann", "\uff21\uff4e\uff4e"),
    "a ligature": ("fiona", "\ufb01ona"),
    "composed": ("zoe\u0308", "zo\u00eb"),
    "sharp s": ("Stra\u00dfe", "STRASSE"),
    "final sigma": ("\u03c3\u03bf\u03c2", "\u03a3\u039f\u03a3"),
}


@pytest.mark.parametrize(("entered", "typed"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_name_as_people_type_it(store: Store, entered: str, typed: str) -> None:
    """Every spelling finds the user, whose name is shown as it was entered; none makes another."""
    added = store.add_user(entered, "wonderland", scopes=("read",))
    for name in (entered, typed, typed.upper(), f" {typed.lower()} "):
        found = store.authenticate(name, "wonderland")
        assert found == added
        assert found.username == entered
        with pytest.raises(NameTaken, match="already"):
            store.add_user(name, "other")
    store.set_password(typed, "looking-glass")
    assert store.authenticate(entered, "looking-glass")
    store.set_scopes(typed, ("write",))
    assert store.users()[0].scopes == ("write",)
    store.disable_user(typed)
    assert store.users()[0].disabled
    store.remove_user(typed)
    assert store.users() == []


@pytest.mark.parametrize("value", JSON_VALUES, ids=by_value)
def test_no_json_value_signs_in(store: Store, value: Any) -> None:
    """Whatever a client sends as name or password is a refusal, not an error."""
    store.add_user("ann", "wonderland")
    assert store.authenticate(value, "wonderland") is None
    assert store.authenticate("ann", value) is None


@pytest.mark.parametrize(
    "password", ["\udce4", "a" * 1025, "ä" * 513, "wonderland\0"], ids=by_value
)
def test_a_password_nobody_can_have_is_refused(
    store: Store, password: str, hashes: list[object]
) -> None:
    """A password that could not have been set is refused before anything is hashed."""
    store.add_user("ann", "wonderland")
    hashes.clear()
    assert store.authenticate("ann", password) is None
    assert not hashes


def test_a_refusal_costs_one_hash_whatever_its_cause(
    store: Store, hashes: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a clock nor the log tells an unknown name, a disabled user or a NUL from a wrong
    password."""
    store.add_user("ann", "wonderland")
    store.add_user("eve", "wonderland")
    store.disable_user("eve")
    hashes.clear()
    for name, password in [
        ("ann", "x"),
        ("eve", "wonderland"),
        ("bob", "x"),
        ("b\0b", "x"),
        ("", "x"),
        ("a" * 999, "x"),
    ]:
        assert store.authenticate(name, password) is None
    assert hashes == [CHEAP_COST] * 6
    assert not caplog.records


@pytest.mark.parametrize("stored", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_hash_is_a_refusal(
    store: Store, stored: str, hashes: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged hash costs one hash and one warning, which shows neither it nor the password;
    nothing is raised."""
    store.add_user("ann", "wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    store._update("ann", {"password_hash": stored})
    hashes.clear()
    assert store.authenticate("ann", "wonderland") is None
    assert hashes[-1] == CHEAP_COST
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware.login", logging.WARNING)
    assert "wonderland" not in caplog.text
    assert not stored or stored not in caplog.text


@pytest.mark.parametrize(
    "user_id", ["0", "-1", "01", " 1", "1 ", "+1", "1.0", "1e0", "", "ann", "\u0661", "1\0",
    "\udce4", "9" * 18,
                str(2**63 - 1), str(2**63), "9" * 5000, None, 1, 1.0, True, ["1"]], ids=by_value
)  # fmt: skip
def test_any_other_id_is_nobody(store: Store, user_id: Any) -> None:
    """`get` knows the text of an id as the store wrote it, and answers None to everything else."""
    assert store.add_user("ann", "wonderland").id == 1
    assert store.get(user_id) is None


def test_a_disabled_user_is_nobody(store: Store) -> None:
    """A disabled user neither signs in nor gets new tokens, keeps its name, and can be disabled
    again."""
    ann = store.add_user("ann", "wonderland")
    store.disable_user("ann")
    store.disable_user("ann")
    assert store.authenticate("ann", "wonderland") is None
    assert store.get(str(ann.id)) is None
    with pytest.raises(ConfigurationError):
        store.add_user("ann", "other")


def test_a_user_is_enabled_again(store: Store) -> None:
    """It logs in with its password, keeps id, scopes and claims, and its former sessions do not
    come back; enabling it once more changes nothing."""
    ann = store.add_user("ann", "wonderland", scopes=["read"], claims={"a": 1})
    store.disable_user("ann")
    for _ in range(2):
        store.enable_user(" ANN ")
        enabled = store.authenticate("ann", "wonderland")
        assert enabled is not None
        assert enabled == store.get(str(ann.id))
        assert (enabled.id, enabled.scopes, enabled.claims) == (ann.id, ("read",), {"a": 1})
        assert enabled.version == ann.version + 1
        assert [user.disabled for user in store.users()] == [False]


def test_an_id_is_never_used_again(store: Store) -> None:
    """A token of a removed user is not one of the next user."""
    ann = store.add_user("ann", "wonderland")
    store.remove_user("ann")
    assert store.authenticate("ann", "wonderland") is None
    assert store.get(str(ann.id)) is None
    assert store.add_user("ann", "wonderland").id != ann.id


def test_users_are_listed_by_name(store: Store) -> None:
    """The list is in the order of the code points on every engine, and says who is disabled."""
    for name in ["b", "a", "C", "\u00e4", "_", "\U0001f600", "\uffee"]:
        store.add_user(name, "wonderland", scopes=("s",), claims={"n": name})
    store.disable_user("b")
    assert [(user.username, user.disabled) for user in store.users()] == [
        (name, name == "b") for name in ["C", "_", "a", "b", "\u00e4", "\uffee", "\U0001f600"]
    ]
    assert store.users()[0] == UserRecord(3, "C", ("s",), {"n": "C"}, disabled=False)


def test_a_name_is_taken_once(store: Store) -> None:
    """A second user of the same name is refused, and the first one stays as it was."""
    ann = store.add_user("ann", "wonderland")
    with pytest.raises(NameTaken, match="there is a user named 'ann' already"):
        store.add_user("ann", "other", scopes=("admin",))
    assert store.authenticate("ann", "wonderland") == ann


@pytest.mark.parametrize("name", GOOD_NAMES, ids=by_value)
def test_a_name_is_any_text(store: Store, name: str) -> None:
    """Names hold whatever characters people have, up to 255 of them."""
    user = store.add_user(name, "wonderland")
    assert store.authenticate(name, "wonderland") == user


@pytest.mark.parametrize(
    "name",
    ["", " ", "\u3000", "a" * 256, "a\0", "a\n", "\x7f", "\x85", "\udce4", None, 5, b"ann"],
    ids=by_value,
)
def test_a_name_that_cannot_be_kept(store: Store, name: Any) -> None:
    """A name that is empty, too long or has control characters is refused with the rule."""
    with pytest.raises(ConfigurationError, match="username must be 1 to 255 characters"):
        store.add_user(name, "wonderland")
    assert store.users() == []


@pytest.mark.parametrize("password", BAD_PASSWORDS, ids=by_value)
def test_a_password_that_cannot_be_kept(store: Store, password: Any) -> None:
    """A bad new password is refused with the rule, which does not repeat it, and the old one
    stays."""
    store.add_user("ann", "wonderland")
    for call in (
        lambda: store.add_user("bob", password),
        lambda: store.set_password("ann", password),
    ):
        with pytest.raises(ConfigurationError, match="password must") as caught:
            call()
        assert "geheim" not in str(caught.value)
        assert "12345678" not in str(caught.value)
    assert [user.username for user in store.users()] == ["ann"]
    assert store.authenticate("ann", "wonderland")


@pytest.mark.parametrize(
    "password", ["a" * 1024, "ä" * 512, " ", "a\nb", "\U0001f600 and more"], ids=by_value
)
def test_a_password_is_any_text(store: Store, password: str) -> None:
    """A password is compared as it is, up to 1024 bytes, with nothing cut off or trimmed."""
    store.add_user("ann", password)
    assert store.authenticate("ann", password)
    assert store.authenticate("ann", password[:-1] + "x") is None
    assert store.authenticate("ann", password[:-1]) is None


def test_a_password_can_be_changed(store: Store) -> None:
    """After `set_password` the new password signs in, with another version of the user, and the old
    one does not."""
    ann = store.add_user("ann", "wonderland")
    store.set_password("ann", "looking-glass")
    assert store.authenticate("ann", "looking-glass") == replace(ann, version=1)
    assert store.authenticate("ann", "wonderland") is None


def test_scopes_can_be_changed(store: Store) -> None:
    """`set_scopes` replaces all scopes; each is kept once, in the order given."""
    ann = store.add_user("ann", "wonderland", scopes=("read",))
    store.set_scopes("ann", ["write", "a:b/c.d-e_f~!", "write"])
    assert store.get(str(ann.id)) == User(ann.id, "ann", ("write", "a:b/c.d-e_f~!"))
    store.set_scopes("ann", ())
    assert store.get(str(ann.id)) == User(ann.id, "ann")


@pytest.mark.parametrize("scopes", BAD_SCOPES, ids=by_value)
def test_scopes_are_a_list(store: Store, scopes: Any) -> None:
    """A text where a tuple belongs is refused, and the message shows the right form."""
    store.add_user("ann", "wonderland", scopes=("kept",))
    for call in (
        lambda: store.add_user("bob", "x", scopes=scopes),
        lambda: store.set_scopes("ann", scopes),
    ):
        with pytest.raises(ConfigurationError, match="scopes=\\('read', 'write'\\)"):
            call()
    assert [user.scopes for user in store.users()] == [("kept",)]


@pytest.mark.parametrize(
    "scope", ["", " ", "a b", 'a"', "a\\", "ä", "a\n", "a\x7f", "\0", "\udce4"], ids=by_value
)
def test_a_scope_is_a_scope_token(store: Store, scope: str) -> None:
    """A scope has the characters of RFC 6749 section 3.3 and no other."""
    with pytest.raises(ConfigurationError, match="RFC 6749"):
        store.add_user("ann", "wonderland", scopes=["read", scope])


@pytest.mark.parametrize(
    "claims", ["text", [], 5, [("a", 1)], {1: 2}, {"a": {1: 2}}, {"a": (1,)}, {"a": {1}},
    {"a": b""}, {"a": Ellipsis},
               {"a": float("nan")}, {"a": float("inf")}], ids=by_value
)  # fmt: skip
def test_claims_are_what_json_keeps(store: Store, claims: Any) -> None:
    """Claims that would come back different, or not at all, are refused."""
    with pytest.raises(ConfigurationError, match="claims must be a dict"):
        store.add_user("ann", "wonderland", claims=claims)


def test_claims_nested_too_deep(store: Store) -> None:
    """Claims that hold themselves, or nest without end, are refused as well."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"d": deep}
    for claims in (endless, deep):
        with pytest.raises(ConfigurationError, match="claims must be a dict"):
            store.add_user("ann", "wonderland", claims=claims)
    while deep:  # a dict this deep overflows the stack of the interpreter when it is freed at once
        deep = deep["d"]


def test_claims_come_back_as_they_were(store: Store) -> None:
    """Every JSON type survives, even texts that a database would not take; a caller's change
    reaches nobody else."""
    claims = {"t": "\0ä\U0001f600", "n": [1, 2**80, 1.5, True, None], "o": {"": {}}}
    given = dict(claims)
    ann = store.add_user("ann", "wonderland", claims=given)
    given["t"] = "changed"
    got = store.get(str(ann.id))
    assert got is not None
    assert got.claims == claims
    got.claims["n"].append("changed")
    assert store.get(str(ann.id)) == User(ann.id, "ann", (), claims)


CHANGES = {
    "set_password": lambda store, name: store.set_password(name, "x"),
    "set_scopes": lambda store, name: store.set_scopes(name, ()),
    "disable_user": lambda store, name: store.disable_user(name),
    "enable_user": lambda store, name: store.enable_user(name),
    "remove_user": lambda store, name: store.remove_user(name),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", ["bob", "", "a\0", "\udce4", None], ids=by_value)
def test_an_unknown_user_cannot_be_changed(store: Store, change: Any, name: Any) -> None:
    """A change for a name that is not there is `UnknownUser`, a `LookupError`, and touches no other
    user."""
    store.add_user("ann", "wonderland")
    with pytest.raises(UnknownUser, match="there is no user named") as caught:
        change(store, name)
    assert isinstance(caught.value, LookupError)
    assert store.authenticate("ann", "wonderland")


@pytest.mark.parametrize(
    "old", ["scrypt:2048:8:1", "pbkdf2:sha256:1000", "pbkdf2:sha512:10"], ids=str
)
def test_a_login_renews_an_old_hash(store: Store, old: str) -> None:
    """A hash made with other parameters is replaced at the next good login, and only then."""
    ann = store.add_user("ann", "wonderland")
    old_hash = PasswordHasher(old).hash("wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    store._update("ann", {"password_hash": old_hash})
    assert store.authenticate("ann", "wrong") is None
    assert store._find("ann").password_hash == old_hash
    assert store.authenticate("ann", "wonderland") == ann
    new_hash = store._find("ann").password_hash
    assert new_hash.startswith(CHEAP)
    assert store.authenticate("ann", "wonderland") == ann
    assert store._find("ann").password_hash == new_hash


def test_a_renewal_loses_no_new_password(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is set while a login renews the old hash stays."""
    store.add_user("ann", "wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    store._update("ann", {"password_hash": PasswordHasher("scrypt:2048:8:1").hash("wonderland")})
    rehash = PasswordHasher.rehash

    def set_meanwhile(hasher: PasswordHasher, password: str) -> str:
        monkeypatch.setattr(PasswordHasher, "rehash", rehash)
        store.set_password("ann", "looking-glass")
        return rehash(hasher, password)

    monkeypatch.setattr(PasswordHasher, "rehash", set_meanwhile)
    assert store.authenticate("ann", "wonderland")
    assert store.authenticate("ann", "wonderland") is None
    assert store.authenticate("ann", "looking-glass")


@pytest.mark.usefixtures("patient")
def test_many_threads_at_once(store: Store) -> None:
    """Threads that use one new store at once lose nothing and get no error."""
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda n: store.add_user(f"user{n:02}", "wonderland"), range(40)))
        found = list(threads.map(lambda user: store.get(str(user.id)), added))
    assert found == added
    assert [user.username for user in store.users()] == [f"user{n:02}" for n in range(40)]


@pytest.mark.usefixtures("patient")
def test_one_of_many_gets_a_name(store: Store) -> None:
    """When threads ask for the same name at once, one gets it and the others are told so."""

    def add(n: int) -> bool:
        try:
            return store.add_user("ann", f"password{n}") is not None
        except ConfigurationError:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(8))) == 1


def test_ping(store: Store) -> None:
    """`ping` is silent while the store answers."""
    assert store.ping() is None


def test_the_password_method(store: Store) -> None:
    """Passwords are hashed with the method asked for, by default with scrypt and 128 MiB."""
    store.add_user("ann", "wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    assert store._find("ann").password_hash.startswith("scrypt:1024:1:1$")
    assert (
        MemoryStore()._hasher.method
        == SQLStore("sqlite:///x.db")._hasher.method
        == "scrypt:131072:8:1"
    )


@pytest.mark.parametrize("method", BAD_METHODS, ids=by_value)
def test_a_password_method_that_cannot_be_had(method: Any) -> None:
    """An unknown method is refused while building, with an example of a good one."""
    for build in (MemoryStore, lambda **options: SQLStore("sqlite:///x.db", **options)):
        with pytest.raises(ConfigurationError, match="scrypt:131072:8:1"):
            build(password_method=method)


def test_nothing_shows_a_hash(store: Store) -> None:
    """No repr of a store, or of a row of it, shows the hash of a password."""
    store.add_user("ann", "wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    row = store._find("ann")
    for shown in (repr(store), repr(row), repr(store.users())):
        assert row.password_hash not in shown
        assert "wonderland" not in shown


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.binary(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), st.floats(), max_size=2),
    st.builds(object),
    st.builds(set),
)


@given(
    username=st.one_of(st.just("ann"), ANYTHING),
    password=st.one_of(st.just("wonderland"), ANYTHING),
    scopes=ANYTHING,
    claims=ANYTHING,
)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_anything_is_a_user_or_a_configuration_error(
    username: Any, password: Any, scopes: Any, claims: Any
) -> None:
    """Nothing but `ConfigurationError` comes out of `add_user`, and what it accepts logs in."""
    store = MemoryStore(password_method=CHEAP)
    added = None
    with suppress(ConfigurationError):
        added = store.add_user(username, password, scopes=scopes, claims=claims)
    assert store.authenticate(username, password) == added
    assert [user.username for user in store.users()] == ([added.username] if added else [])


@given(method=ANYTHING)
def test_any_method_is_taken_or_a_configuration_error(method: Any) -> None:
    """Nothing but `ConfigurationError` comes out of a store's constructor."""
    for build in (MemoryStore, lambda **options: SQLStore("sqlite:///x.db", **options)):
        with suppress(ConfigurationError):
            build(password_method=method)


NO_CLAIMS = {
    **{name: {name: "x"} for name in ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid")},
    "scope": {"scope": "admin"},
    "scp": {"scp": "admin"},
    "events": {"events": {"logout": {}}},
    "cnf": {"cnf": {"jkt": "x"}},
    "acr": {"acr": "mfa"},
    "amr": {"amr": ["otp"]},
    "auth_time": {"auth_time": 4_000_000_000},
    "acr that is null": {"acr": None},
    "a lone surrogate": {"a": "\ud800"},
    "a name with one": {"\ud800": "a"},
    "a long number": {"a": 10**5000},
    "deep": {"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
}


@pytest.mark.parametrize("claims", NO_CLAIMS.values(), ids=NO_CLAIMS)
def test_claims_that_no_token_can_have(claims: dict[str, Any]) -> None:
    """They are refused when the user is added, and not when the user logs in; nobody is added. A
    minter refuses the same, but for the claims of a login, which the app that did it knows."""
    store = MemoryStore(password_method=CHEAP)
    with pytest.raises(ConfigurationError, match=r"^claims must"):
        store.add_user("ann", "wonderland", claims=claims)
    assert store.users() == []
    minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
    if LOGIN_CLAIMS.isdisjoint(claims):
        with pytest.raises(ValueError, match="claim"):
            minter.mint("1", claims=claims)


@settings(max_examples=examples(200), deadline=None)
@given(
    claims=st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["sub", "scp", "cnf", "events", "email"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=3,
    )
)
def test_what_is_added_can_be_minted(claims: dict[str, Any]) -> None:
    """A user whose claims were accepted gets a token with them, of every minter."""
    store = MemoryStore(password_method=CHEAP)
    try:
        user = store.add_user("ann", "wonderland", claims=claims)
    except ConfigurationError:
        return
    minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
    caller = minter.verify(minter.mint("1", claims=user.claims))
    assert {name: caller.claims[name] for name in claims} == claims
