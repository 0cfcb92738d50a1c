"""Hashes of other programs: bcrypt, Argon2 and Django's, as those programs make them."""

import hashlib
import importlib.util
import logging
import time
from base64 import b64encode
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher as Argon2
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import MemoryStore, SQLStore, check_password, other_hashes, passwords
from jwt_middleware.stores.costs import read_hash, read_method
from jwt_middleware.stores.passwords import PasswordHasher
from tests.kit.passwords import CHEAP, follow_work, forget_what_is_learned

from .test_conformance import by_value

PASSWORD = "wonderland"


def bcrypt_hash(password: str | bytes = PASSWORD, cost: int = 4, prefix: bytes = b"2b") -> str:
    """What the package bcrypt, Flask-Bcrypt and PHP's password_hash store."""
    given = password.encode() if isinstance(password, str) else password
    made = bcrypt.hashpw(given, bcrypt.gensalt(cost)).decode()
    return made.replace("$2b$", f"${prefix.decode()}$", 1)


def argon2_hash(kind: Type = Type.ID, memory: int = 64, passes: int = 2, lanes: int = 1) -> str:
    """What argon2-cffi stores."""
    return Argon2(passes, memory, lanes, type=kind).hash(PASSWORD)


def django_pbkdf2(digest: str = "sha256", rounds: int = 1000, salt: str = "zuckersalz") -> str:
    """What django.contrib.auth.hashers.PBKDF2PasswordHasher stores."""
    made = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt.encode(), rounds)
    return f"pbkdf2_{digest}${rounds}${salt}${b64encode(made).decode()}"


def django_scrypt(n: int = 1024, r: int = 8, p: int = 5, salt: str = "zuckersalz") -> str:
    """What django.contrib.auth.hashers.ScryptPasswordHasher stores."""
    made = hashlib.scrypt(PASSWORD.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=2**26)
    return f"scrypt${n}${salt}${r}${p}${b64encode(made).decode()}"


def django_bcrypt_sha256() -> str:
    """What django.contrib.auth.hashers.BCryptSHA256PasswordHasher stores."""
    return "bcrypt_sha256$" + bcrypt_hash(hashlib.sha256(PASSWORD.encode()).hexdigest())


HASHES = {
    "bcrypt 2b": bcrypt_hash(),
    "bcrypt 2a": bcrypt_hash(prefix=b"2a"),
    "bcrypt 2y": bcrypt_hash(prefix=b"2y"),
    "argon2id": argon2_hash(),
    "argon2id with lanes": argon2_hash(lanes=4),
    "argon2i": argon2_hash(Type.I),
    "argon2d": argon2_hash(Type.D),
    "django pbkdf2_sha256": django_pbkdf2(),
    "django pbkdf2_sha1": django_pbkdf2("sha1"),
    "django scrypt": django_scrypt(),
    "django argon2": "argon2" + argon2_hash(),
    "django bcrypt": "bcrypt$" + bcrypt_hash(),
    "django bcrypt_sha256": django_bcrypt_sha256(),
    "werkzeug scrypt": generate_password_hash(PASSWORD, "scrypt:1024:8:5"),
    "werkzeug pbkdf2": generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
}


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has checked no password yet."""
    forget_what_is_learned(monkeypatch)


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
def test_a_hash_of_another_program(stored: str) -> None:
    """The right password matches, and no other: not in another case, longer, shorter or empty."""
    assert check_password(stored, PASSWORD, unknown=CHEAP) is True
    for wrong in ("Wonderland", PASSWORD + "x", PASSWORD[:-1], "", PASSWORD + "\0", stored):
        assert check_password(stored, wrong, unknown=CHEAP) is False


def test_hashes_that_django_itself_made() -> None:
    """Django's own values match, which ours above only imitate."""
    scrypt = (
        "scrypt$16384$lFrY2iD5fsUJLbDH3lZ4aJ$8$5$K0J+UeclB4Zys5GYmosGhBfLb3gnMpsz+7XaTxhKknX68yXdi"
        "SCyc2hoqgQ3Yux7fYuWvrzultCm6szuAZOgig=="
    )
    for stored in (
        scrypt,
        "pbkdf2_sha256$1000000$oLN8L9wGE2FSz0VjvF2DTV$imOnKwBTC633Sl2pbwGqEsMxoM0B8xtDdR676KHMmPw=",
        "bcrypt_sha256$$2b$12$PTWdpnKHbfC2Y8qI3q.Pq.sm2PetkDq74RyldGmv/ZrimfgOB.83C",
    ):
        assert check_password(stored, PASSWORD) is True


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
def test_it_is_replaced_at_the_next_login(stored: str, sqlite_url: str) -> None:
    """A login with the right password replaces the hash by one of the store; a wrong one leaves
    it."""
    store = SQLStore(sqlite_url, password_method=CHEAP)
    hasher = store.replace_hasher(_Fixed(stored))
    store.add_user("ann", PASSWORD)
    store.replace_hasher(hasher)
    # inside: nothing else shows a stored hash
    assert store.authenticate("ann", "wrong") is None
    assert store._find("ann").password_hash == stored
    assert store.authenticate("ann", PASSWORD) is not None
    assert store._find("ann").password_hash.startswith(f"{CHEAP}$")
    assert store.authenticate("ann", PASSWORD) is not None
    store.close()


class _Fixed(PasswordHasher):
    """Makes the same hash of every password."""

    def __init__(self, stored: str) -> None:
        super().__init__(CHEAP)
        # inside: the class is frozen
        object.__setattr__(self, "_stored", stored)

    __slots__ = ("_stored",)

    def hash(self, password: str) -> str:
        """Return that hash."""
        return str(self._stored)


LONG = {"ASCII": "a" * 72, "Cyrillic": "ж" * 36, "cut in a character": "x" + "ж" * 36}


@pytest.mark.parametrize("start", LONG.values(), ids=LONG)
def test_what_bcrypt_cuts(start: str, sqlite_url: str) -> None:
    """Of a long password bcrypt only knows 72 bytes, so its owner can log in with the whole, and
    the new hash knows every byte."""
    password = start + " and more"
    stored = bcrypt_hash(password.encode()[:72])
    assert check_password(stored, password, unknown=CHEAP) is True
    assert check_password(stored, "b" + password, unknown=CHEAP) is False
    assert check_password(stored, password[:20], unknown=CHEAP) is False
    rehashed = PasswordHasher(CHEAP).rehash(password)
    assert check_password(rehashed, password[:-1], unknown=CHEAP) is False


@pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)
def test_passwords_that_nobody_can_have(stored: str) -> None:
    """NUL, which C ends a string at, a lone surrogate and a very long password never match, and
    raise nothing."""
    for password in ("wonderland\0", "\0wonderland", "wonder\0land", "\udce4", "a" * 1025, ""):
        assert check_password(stored, password, unknown=CHEAP) is False


UNKNOWN = {
    "plain": "hunter2",
    "plain with dollars": "$hunter$2$",
    "empty": "",
    "MD5 crypt": "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "SHA-256 crypt": "$5$rounds=5000$salt$" + "x" * 43,
    "SHA-512 crypt": "$6$salt$" + "x" * 86,
    "yescrypt": "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
    "bcrypt 2x": bcrypt_hash(prefix=b"2x"),
    "phpass": "$P$B" + "x" * 30,
    "WordPress 6.8": "$wp" + bcrypt_hash(prefix=b"2y"),
    "passlib pbkdf2": "$pbkdf2-sha256$29000$salt$" + "x" * 43,
    "passlib bcrypt-sha256": "$bcrypt-sha256$v=2,t=2b,r=12$" + "x" * 22 + "$" + "x" * 31,
    "LDAP": "{SSHA}" + "x" * 32,
    "Django MD5": "md5$zAzigypfQlgQzw58Kqckv7$02ce337ba39ae28694c06e318e7230ae",
    "old werkzeug": "sha256$salt$" + "0" * 64,
    "bare MD5": "02ce337ba39ae28694c06e318e7230ae",
    "bare SHA-256": "0" * 64,
    "unusable": "!eSzS66ZBU2hAClVaowEL3kXlzOlgQS3JhMBgRiU4",
    "locked": "*",
    "MySQL": "*" + "0" * 40,
    "argon2 of another kind": "$argon2ds$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$" + "x" * 43,
    "a name alone": "argon2",
}


@pytest.mark.parametrize("stored", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_form(stored: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is named as such, never as damaged, costs what an unknown name costs, and is not
    repeated: it may be a password."""
    assert check_password(stored, "hunter2", unknown=CHEAP) is False
    (record,) = caplog.records
    assert "unknown" in record.getMessage()
    assert "damaged" not in record.getMessage()
    assert not stored or stored not in record.getMessage() or stored == "*"
    assert "hunter" not in record.getMessage()


def test_the_form_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Of a form that others know the WARNING says which it is."""
    for form, name in (
        ("SHA-512 crypt", "SHA-512 crypt"),
        ("phpass", "phpass"),
        ("LDAP", "LDAP"),
        ("unusable", "no password matches"),
        ("bare MD5", "bare digest"),
        ("passlib pbkdf2", "passlib"),
    ):
        caplog.clear()
        check_password(UNKNOWN[form], "x", unknown=CHEAP)
        assert name in caplog.text


@pytest.mark.parametrize("form", [form for form in HASHES if "werkzeug" not in form])
@pytest.mark.parametrize("damage", ["cut", "longer", "odd character"])
def test_a_damaged_hash(form: str, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A hash of a known form that is cut short, longer or not base64 is damaged, and raises
    nothing."""
    stored = HASHES[form]
    damaged = {"cut": stored[:-9], "longer": stored + "AAA", "odd character": stored[:-5] + "ü%   "}
    if damage == "longer" and "argon2" in form:
        # no part: there is nothing to test
        pytest.skip("a longer tag is another hash of Argon2")
    assert check_password(damaged[damage], PASSWORD, unknown=CHEAP) is False
    if damage != "cut" or "argon2" not in form:
        assert "it is damaged" in caplog.text


TOO_COSTLY = {
    "bcrypt 17": bcrypt_hash().replace("$04$", "$17$"),
    "bcrypt 31": bcrypt_hash().replace("$04$", "$31$"),
    "bcrypt 99": bcrypt_hash().replace("$04$", "$99$"),
    "bcrypt 00": bcrypt_hash().replace("$04$", "$00$"),
    "argon2 with gigabytes": argon2_hash().replace("m=64", "m=1048576"),
    "argon2 with terabytes": argon2_hash().replace("m=64", "m=4294967295"),
    "argon2 for hours": argon2_hash().replace("t=2", "t=4294967295"),
    "argon2 for half a minute": argon2_hash().replace("m=64,t=2", "m=524288,t=80"),
    "argon2 with threads": argon2_hash().replace("m=64,t=2,p=1", "m=524288,t=1,p=65536"),
    "argon2 without memory": argon2_hash().replace("m=64", "m=7"),
    "argon2 without lanes": argon2_hash().replace("p=1", "p=0"),
    "django pbkdf2": django_pbkdf2().replace("$1000$", "$99999999999$"),
    "django pbkdf2 without rounds": django_pbkdf2().replace("$1000$", "$0$"),
    "django scrypt with gigabytes": django_scrypt().replace("$1024$", "$1073741824$"),
    "django scrypt for hours": django_scrypt().replace("$8$5$", "$8$65536$"),
    "django scrypt with an odd n": django_scrypt().replace("$1024$", "$1000$"),
}


@pytest.mark.parametrize("stored", TOO_COSTLY.values(), ids=TOO_COSTLY)
def test_hostile_costs(stored: str, hashes: list[object], caplog: pytest.LogCaptureFixture) -> None:
    """A hash in the table costs neither minutes nor gigabytes: beyond the bounds it is never
    computed, and costs what an unknown name costs."""
    started_at = time.process_time()
    assert check_password(stored, PASSWORD, unknown=CHEAP) is False
    assert time.process_time() - started_at < 1
    assert hashes == [(1024, 1, 1)]
    assert len(caplog.records) == 1


def test_the_costliest_that_is_allowed() -> None:
    """What current guides recommend is within the bounds."""
    for method in (
        *("bcrypt:12", "bcrypt:16", "argon2id:65536:3:4", "argon2id:102400:2:8"),
        *("argon2id:524288:1:4", "argon2id:7168:5:1", "pbkdf2:sha256:1200000"),
    ):
        assert read_method(method) is not None


@given(text=st.from_regex(r"(bcrypt|bcrypt_sha256|argon2|scrypt|pbkdf2_sha256)?\$[!-~]{0,99}"))
def test_any_hash_is_read_or_refused(text: str) -> None:
    """A hash has a method or a fault, whatever stands behind its name."""
    method, fault = read_hash(text)
    assert (method is None) != (fault is None)


@pytest.mark.parametrize(
    "name", ["bcrypt 2b", "argon2id", "argon2id with lanes", "django scrypt"], ids=str
)
def test_a_table_of_this_method(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `unknown` for the table's method, a known and an unknown name cost one hash of it."""
    method = read_hash(HASHES[name])[0]
    assert method is not None
    spent = _count(monkeypatch)
    for stored in (HASHES[name], None, "x"):
        spent.clear()
        assert check_password(stored, "wrong", unknown=method.text) is False
        assert spent == [method.text]


@pytest.mark.parametrize("other", ["bcrypt 2b", "argon2id", "django pbkdf2_sha256"], ids=str)
def test_a_cheaper_hash_beside_ours(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password for a cheap hash of another program is padded by hashing of ours."""
    spent = _count(monkeypatch)
    unit = 3e-7  # seconds; a small hash of another program takes a millisecond
    follow_work(
        monkeypatch, spent, lambda one: read_method(one).work * unit if "scrypt" in one else 1e-3
    )
    check_password(HASHES[other], "wrong", unknown="scrypt:16384:8:1")
    works = [read_method(one).work for one in spent[1:]]  # type: ignore[union-attr]
    assert 0.5 * 16384 * 8 <= sum(works) <= 16384 * 8


@pytest.mark.parametrize(
    ("stored", "unknown"),
    [(bcrypt_hash(), "bcrypt:8"), (argon2_hash(), "argon2id:640:7:1")],
    ids=["bcrypt", "argon2"],
)
def test_a_cheaper_hash_of_the_same_kind(
    stored: str, unknown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The works of one kind are added up exactly."""
    spent = _count(monkeypatch)
    check_password(stored, "wrong", unknown=unknown)
    works = [read_method(one).work for one in spent]  # type: ignore[union-attr]
    target = read_method(unknown)
    assert target is not None
    assert sum(works) == pytest.approx(target.work, rel=1 / 32)


def test_a_costlier_hash_of_another_program(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the first wrong password on, unknown names cost as much as bcrypt; the WARNING names
    `unknown`, and no method for new hashes, which bcrypt cannot be."""
    hasher = PasswordHasher(CHEAP)
    hasher.check(bcrypt_hash(cost=8), "wrong")
    (record,) = caplog.records
    assert "unknown='bcrypt:8'" in record.getMessage()
    assert "password_method" not in record.getMessage()
    spent = _count(monkeypatch)
    hasher.check(None, "wrong")
    assert spent == ["bcrypt:8"]


def _count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of all hashes from here on."""
    from jwt_middleware.stores import hash_checks

    spent: list[str] = []
    matches, spend = hash_checks.matches, hash_checks.spend

    def count_matches(stored_hash: str, password: str) -> bool:
        spent.append(read_hash(stored_hash)[0].text)  # type: ignore[union-attr]
        return matches(stored_hash, password)

    def count_spend(method: str, password: str) -> None:
        spent.append(method)
        spend(method, password)

    monkeypatch.setattr(passwords, "matches", count_matches)
    monkeypatch.setattr(passwords, "spend", count_spend)
    monkeypatch.setattr(hash_checks, "spend", count_spend)
    return spent


@pytest.mark.parametrize("method", ["bcrypt:12", "argon2id:65536:3:4", "bcrypt:4"])
def test_new_hashes_are_ours(method: str) -> None:
    """The methods of other programs are checked, and never made."""
    with pytest.raises(ConfigurationError, match="password_method must be scrypt:n:r:p"):
        PasswordHasher(method)
    with pytest.raises(ConfigurationError, match="password_method must be scrypt:n:r:p"):
        MemoryStore(password_method=method)


BAD = [
    "bcrypt",
    "bcrypt:",
    "bcrypt:3",
    "bcrypt:17",
    "bcrypt:012",
    "argon2id:64:2",
    "argon2id:7:1:1",
]


@pytest.mark.parametrize("unknown", BAD, ids=by_value)
def test_an_unknown_that_is_no_method(unknown: str) -> None:
    """A slip in the option shows at the first call, with the right forms."""
    with pytest.raises(ConfigurationError, match="bcrypt:cost or argon2id:m:t:p"):
        check_password(None, "x", unknown=unknown)


@pytest.mark.parametrize("name", ["bcrypt 2b", "argon2id"])
def test_without_the_extra(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its package a hash is refused in one sentence that names the extra, and costs what an
    unknown name costs."""
    real = importlib.util.find_spec

    def find_spec(package: str, *rest: Any) -> Any:
        return None if package in ("bcrypt", "argon2") else real(package, *rest)

    monkeypatch.setattr(other_hashes, "find_spec", find_spec)
    assert check_password(HASHES[name], PASSWORD, unknown=CHEAP) is False
    assert "pip install 'wsgi-jwt-middleware[hashes]'" in caplog.text
    method = "bcrypt:12" if name == "bcrypt 2b" else "argon2id:64:2:1"
    with pytest.raises(ConfigurationError, match="hashes"):
        check_password(None, PASSWORD, unknown=method)


def test_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """When Argon2 gets no memory, that is the machine's fault and not a wrong password."""
    from argon2 import exceptions, low_level

    def fail(*arguments: object) -> None:
        raise exceptions.VerificationError("Memory allocation error")

    monkeypatch.setattr(low_level, "verify_secret", fail)
    with pytest.raises(StoreUnavailable, match="memory is short"):
        check_password(HASHES["argon2id"], PASSWORD, unknown=CHEAP)


def test_nothing_is_logged_for_a_wrong_password(caplog: pytest.LogCaptureFixture) -> None:
    """A wrong password for a good hash of another program is nothing to report."""
    with caplog.at_level(logging.DEBUG):
        check_password(HASHES["django pbkdf2_sha256"], "wrong")
    assert not caplog.records


def test_argon2_has_few_passes() -> None:
    """Each lane starts threads in each pass, so a hash with little memory and many passes would
    cost minutes, and then each login of the process too."""
    assert other_hashes.is_possible_argon2(128, 100, 16)
    assert not other_hashes.is_possible_argon2(128, 101, 16)
    assert not other_hashes.is_possible_argon2(128, 32_768, 16)
