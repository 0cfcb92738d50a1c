"""Random hostile requests: paths made of pieces, prefixes in headers, forged SCRIPT_NAMEs, methods.

Each is made from one number, so that a failing one can be made again.
"""

from random import Random
from typing import NamedTuple

from .spellings import METHODS, PIECES, words

SECRET_PATHS = words(r"""
    /api /api/secret /api/items/7 /my_api /my_api/secret /caf\xc3\xa9 /caf\xc3\xa9/secret
""")
_SEGMENTS = words(r"""
    '' '' . .. x public api api secret my_api my-api my.api my!api caf\xc3\xa9 caf\xe9 @@api
    @@secret +api
    ++api ++view++api @@my_api +my_api api.json api.xml my_api.html secret.json secret.a.b .json
    api. api;v=1
    VirtualHostBase http localhost:80 VirtualHostRoot _vh_x _vh_ http: https: %2e%2e apix ap i
    %61pi caf%e9
    caf%C3%A9 ap%69 api%2ejson api%2Fsecret
""")
_SUFFIXES = words(
    r".json .xml .html .api .txt . .a.b ; / // /. /.. .json/ .json// /.json \n %2ejson .json%20"
)
_PREFIXES = words(
    r"/x /public /x/ / x /api /ap /my_api /apix /x/y // /x/.. /x/../api /public/x \xff /x%20 /a"
)
PREFIX_HEADERS = words("""
    HTTP_X_SCRIPT_NAME HTTP_X_FORWARDED_PREFIX HTTP_X_INGRESS_PATH HTTP_X_OUTSIDE_URL
    HTTP_X_VHM_ROOT
    SCRIPT_NAME
""")
_OTHER_HEADERS = words("""
    HTTP_X_VHM_HOST HTTP_X_ORIGINAL_URL HTTP_X_ORIGINAL_URI HTTP_X_REWRITE_URL HTTP_X_FORWARDED_URI
    HTTP_X_FORWARDED_PATH HTTP_X_MATCHED_PATH HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_SERVER
    HTTP_SCRIPT_NAME
    HTTP_PATH_INFO REQUEST_URI RAW_URI HTTP_X_SCHEME
""")
_OVERRIDES = words("HTTP_X_HTTP_METHOD_OVERRIDE HTTP_X_METHOD_OVERRIDE HTTP_X_HTTP_METHOD")


class Request(NamedTuple):
    """A path, a method, and what else stands in the environ."""

    path: str
    method: str = "GET"
    more: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join(
            [f"{self.method} {self.path!a}", *(f"{key}={value!a}" for key, value in self.more)]
        )


def hostile(seed: int) -> Request:
    """Make the hostile request of this number."""
    random = Random(seed)
    path, more = random.choice((_spoiled, _joined, _prefixed, _prefixed, _split, _hosted))(random)
    if random.random() < 0.3:
        path += random.choice(_SUFFIXES)
    if random.random() < 0.3:
        path = _with_pieces(random, path)
    if random.random() < 0.1:
        more[random.choice(_OTHER_HEADERS)] = random.choice((*SECRET_PATHS, *_PREFIXES))
    method = random.choice(("GET", "GET", "GET", "POST", random.choice(METHODS)))
    if random.random() < 0.1:
        more[random.choice(_OVERRIDES)] = random.choice(METHODS)
    return Request(path, method, tuple(more.items()))


def _with_pieces(random: Random, path: str) -> str:
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(path))
        path = path[:at] + random.choice(PIECES) + path[at:]
    return path


def _spoiled(random: Random) -> tuple[str, dict[str, str]]:
    """A secret path with hostile pieces put in anywhere."""
    return _with_pieces(random, random.choice(SECRET_PATHS)), {}


def _joined(random: Random) -> tuple[str, dict[str, str]]:
    """Any segments."""
    path = "/".join(random.choices(_SEGMENTS, k=random.randint(1, 5)))
    return (path if random.random() < 0.1 else "/" + path), {}


def _prefixed(random: Random) -> tuple[str, dict[str, str]]:
    """A secret path behind a prefix that a header names, once or in another form."""
    prefix, path = random.choice(_PREFIXES), random.choice(SECRET_PATHS)
    if random.random() < 0.2:
        path = "/".join(("", random.choice(_SEGMENTS), *path.split("/")[2:]))
    header = random.choice(PREFIX_HEADERS)
    value = _form(random, prefix)
    if header in ("HTTP_X_OUTSIDE_URL", "HTTP_X_VHM_HOST") and random.random() < 0.8:
        value = "http://localhost" + value
    path = random.choice((prefix + path, prefix + path, prefix + path[1:], path))
    more = {header: value}
    if random.random() < 0.1:
        more[random.choice(PREFIX_HEADERS)] = random.choice(_PREFIXES)
    return path, more


def _form(random: Random, prefix: str) -> str:
    forms = (
        prefix,
        prefix,
        prefix,
        prefix + "/",
        prefix.strip("/"),
        f"{prefix}, /y",
        f" {prefix} ",
        f"/y, {prefix}",
    )
    return random.choice(forms)


def _hosted(random: Random) -> tuple[str, dict[str, str]]:
    """A secret path as Zope's virtual hosts spell it."""
    start, *names = random.choice(SECRET_PATHS).strip("/").split("/")
    base = random.choice((["VirtualHostBase", "http", "localhost:80"], [], ["x"]))
    root = ["VirtualHostRoot", *random.choice(([], ["_vh_x"], ["_vh_x", "_vh_api"]))]
    parts = random.choice(([*base, start, *root], [*base, *root, start], [*root, *base, start]))
    return "/" + "/".join([*parts, *names]), {}


def _split(random: Random) -> tuple[str, dict[str, str]]:
    """A secret path of which a header or SCRIPT_NAME holds the start."""
    path = random.choice(SECRET_PATHS)
    at = random.randint(0, len(path))
    start, rest = path[:at], path[at:]
    if random.random() < 0.3:
        rest = random.choice(("/" + rest, rest.removeprefix("/"), "/public" + rest, "/../" + rest))
    header = random.choice((*PREFIX_HEADERS, "HTTP_X_VHM_HOST"))
    if header in ("HTTP_X_OUTSIDE_URL", "HTTP_X_VHM_HOST"):
        start = "http://localhost" + start
    return rest, {header: random.choice((start, start, start + "/", f"/x, {start}"))}
