"""Ways to spell a path under /api, look-alikes that are public, and headers a client may forge.

Paths are PEP 3333 text: what a server hands on after it has percent-decoded the request line once.
"""

from itertools import product

from jwt_middleware.testing.spellings import spellings


def words(block: str) -> tuple[str, ...]:
    """The words of a block, with Python's escapes; '' is the empty one."""
    return tuple(
        "" if word == "''" else word.encode().decode("unicode_escape") for word in block.split()
    )


_ITEMS = words(r"""
    /api/items/ /api/items/7 /api/items/a/b /api/items/.. /api/items/../.. /api/items/a\x20b\xc3\xa9
    /api/items/%2e%2e%2f%2e%2e /api/items/\xff /api/items// /api/items/7\n /api/things/7
""")
"""Paths of the apps' other protected handlers."""

_PATHS = ("/api/secret", "/api")
SPELLINGS = tuple(
    dict.fromkeys([*_PATHS, *(found for path in _PATHS for found in spellings(path)), *_ITEMS])
)
"""Paths that some server or framework might take for one under /api: the users' list of hostile
spellings, and the apps' other paths."""

LOOK_ALIKES = words(r"""
    / /apix /ap /a /api-docs /api_ /feed.json /apis /apisecret /apix/secret /xapi /x/api
    /x/api/secret /API
    /Api/secret /secret /items/7 /api2/secret /.well-known/api /public/api /public/api/secret
    /public/x\x20y/z /public/a+b@c:d,e=f&g!h~ /public/\xc3\xbc\xe6\x97\xa5 /public/100%
    /public/a%20b
    /public/a;b=c /public/..x/.y/z.. /public/x\\api /public/./x/./y /public//api//secret
    /public/x/../api
    /public/\xff/x /public/;api/ /public/%61pi /public/\n
""")
"""Public paths that are nearly under /api."""

METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "BREW",
    "",
)
METHODS += ("get", "Get", "head", "post", "pOsT", "options", "any", "ANY", "PROXY")

_OTHERS = ("/", "/public/x", "/api/secret", "/x")
FORGED = tuple(
    {name: value}
    for name, values in {
        "SCRIPT_NAME": ("/mnt", "/public", "/api", "/x/..", "//", "mnt", "/m\xffnt", "/public/x"),
        "HTTP_X_VHM_ROOT": (
            "/",
            "/public",
            "/x/..",
            "/api",
            "api",
            "/x/../api",
            "/api/items",
            "\xff",
        ),
        "HTTP_X_ORIGINAL_URL": _OTHERS,
        "HTTP_X_REWRITE_URL": _OTHERS,
        "HTTP_X_FORWARDED_URI": _OTHERS,
        "HTTP_X_FORWARDED_PATH": _OTHERS,
        "HTTP_X_FORWARDED_PREFIX": ("/public", "/api"),
        "HTTP_X_FORWARDED_HOST": ("localhost", "evil.example"),
        "HTTP_X_FORWARDED_FOR": ("127.0.0.1",),
        "HTTP_X_SCRIPT_NAME": ("/public",),
        "HTTP_SCRIPT_NAME": ("/public",),
        "HTTP_PATH_INFO": ("/public/x",),
        "HTTP_REMOTE_USER": ("admin",),
        "HTTP_X_REMOTE_USER": ("admin",),
        "REMOTE_USER": ("admin",),
        "AUTH_TYPE": ("Bearer",),
        "HTTP_JWT_MIDDLEWARE_IDENTITY": ("admin",),
        "HTTP_X_HTTP_METHOD_OVERRIDE": ("GET", "OPTIONS", "POST"),
        "QUERY_STRING": ("_method=GET", "/api", "path=/public"),
        "REQUEST_URI": ("/public/x", "/", "//"),
        "RAW_URI": ("/public/x", "/"),
        "HTTP_ORIGIN": ("https://evil.example",),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": ("GET",),
        "HTTP_UPGRADE": ("websocket",),
        "HTTP_EXPECT": ("100-continue",),
    }.items()
    for value in values
)
"""What a client, or a careless server, may put beside the path."""

_MOUNTED = words(r"/api /api/ //api /x/../api /ap\xffi /%61pi /x;/../api api")
MOUNTS = tuple(product(_MOUNTED, ("", "/", "/secret", "//secret", "/x")))
"""SCRIPT_NAME and PATH_INFO of paths that are under /api only when both are taken together."""

PIECES = words(r"""
    / / / api api secret items 7 public x . .. %2e %2f %5c %61pi \xff \xe2\x82 \xc3 \xa9 \n \r \t
    \x20 \x00
    \x7f \\ ; ..; % 25 ? # :
""")
"""What random hostile paths are made of."""
