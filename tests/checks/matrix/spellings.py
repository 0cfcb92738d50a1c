"""Ways to spell a path under /api, look-alikes that are public, and headers a client may forge.

Paths are PEP 3333 text: what a server hands on after it has percent-decoded the request line once.
"""

from itertools import product


def words(block: str) -> tuple[str, ...]:
    """The words of a block, with Python's escapes; '' is the empty one."""
    return tuple(
        "" if word == "''" else word.encode().decode("unicode_escape") for word in block.split()
    )


_FRONTS = words(r"""
    '' / // /// /./ /../ /../../ /x/../ /x/./../ /x//../ /x/y/../../ /.// //./ \\ /\\ /;x/ /;/ /\xff
    /\xff/../ /\x00 /\n /\x20 /\t /%2e/ /x/%2e%2e/ /x/..;/ /x/..;y=1/ /x\\..\\ /%2f /%5c /\xc0\xaf
    /\xef\xbb\xbf /\xe2\x80\x8b http://evil.example/ /public/../ /apix/../ /x;/../ /x\xff/../
    /..\xff/
    /.\x00./ /x/..%00/ /x/..%2f /x/%252e%252e/
""")
_WITHIN = words(r"""
    /api//secret /api///secret /api/./secret /api/x/../secret /api/../api/secret /api/secret/.
    /api\\secret
    /api/.\\secret /api;x/secret /api;/secret /api/;x/secret /api/secret;x=1 /api;x /api/secret/x/..
    /api/secret/.. /api/x/.. /api/ /api// /api/secret/ /api/secret// /api/. /api\xff/secret
    /ap\xffi/secret
    /\xffapi\xff/\xffsecret\xff /api/secret\xff /api\xe2\x82/secret /api\xc3/secret
    /api\xf0\x9f\x98/secret
    /a\xedp\xa0i/secret /api\xc0\x80/secret /ap\xc3\n\xa9i/secret /api/secret\n /api\n /api\n/secret
    /api/secret\r\n /api/secret\r /api/secret\x0b /api/secret\x00 /api\x00/secret /a\x00pi/secret
    /api/secret\x00.html /api\x7f/secret /api\x1f/secret /api/secret\x20 \x20/api/secret
    /api\x20/secret
    /a\x20p\x20i/secret /api\t/secret /api/secret\t /api\xc3\n /api/secret\xc3\n /%61pi/secret
    /api%2fsecret
    /api%2Fsecret /%61%70%69/secret /ap%69/secret /%2561pi/secret /api%252fsecret /api%5csecret
    /api%00/secret /api%0a /api/secret%0a /ap%ffi/secret /api%20/secret /api%3bx/secret
    /api/secret%3bx
    /api%/secret /api/%zz /api/secret?x=1 /api?x /api#x/secret /api/items/ /api/items/7
    /api/items/a/b
    /api/items/.. /api/items/../.. /api/items/a\x20b\xc3\xa9 /api/items/%2e%2e%2f%2e%2e
    /api/items/\xff
    /api/items// /api/items/7\n /api/things/7 //api//secret// \\api\\secret \\\\api\\secret
    /\\api/secret
    /.\\api/secret api api/secret ./api/secret ../api /api/secret/../secret /api/../../api/secret
    /.../../api/secret /api/.../../secret /x/../\xff/../api https://example.com/api/secret
    //example.com/api/secret /api%u002fsecret /api/secret. /api./secret /API/secret /Api
    /\xef\xbd\x81\xef\xbd\x90\xef\xbd\x89/secret /ap\xc4\xb1/secret /api\xcc\x81/secret
""")

SPELLINGS = tuple(
    dict.fromkeys(
        [front + path for path in ("api/secret", "api") for front in _FRONTS] + [*_WITHIN]
    )
)
"""Paths that some server or framework might take for one under /api."""

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
