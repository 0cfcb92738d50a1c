"""Hostile requests for one path: spellings that some server or framework might read as it, and
headers that a client may forge.

Paths are PEP 3333 strings, as a server passes them on after percent-decoding the request line once.
"""

from collections.abc import Callable, Iterator, Mapping

Changes = Mapping[str, str]


def _texts(block: str) -> list[str]:
    """Return the words of a block, with Python's escapes."""
    return [word.encode().decode("unicode_escape") for word in block.split()]


# Each of these replaces one slash of the path, also the first one.
_SLASHES = {
    "double slash": _texts("// ///"),
    "dot segment": _texts("""
        /./ /x/../ /x/./../ /x//../ /.// //./ /x/y/../../ /public/../ /.../../
    """),
    "backslash": _texts(r"\\ /\\ \\\\ /x\\..\\ /.\\"),
    "path parameter": _texts("/;x/ ;x/ /x/..;/ /;/ ;/ /x/..;y=1/ /x;/../"),
    "broken UTF-8": _texts(r"""
        /\xff \xff/ /\xc3\x0a \xe2\x82/ /\xc0\xaf \xc3/ \xf0\x9f\x98/ \xc0\x80/ /\xff/../ /x\xff/../
        /..\xff/ /x/../\xff/../
    """),
    "control character": _texts(r"/\x00 \x00/ /\n \n/ /\t \t/ \x7f/ \x1f/ /.\x00./"),
    "space": _texts(r"/\x20 \x20/"),
    "invisible character": _texts(r"/\xef\xbb\xbf /\xe2\x80\x8b"),
    "percent-encoding": _texts("""
        %2f %2F /%2f %5c /%5c %252f /%2e/ /x/%2e%2e/ /x/..%2f /%252e/ /x/%252e%252e/ /x/..%00/ /%00
        %00/ %20/ %3bx/
    """),
}
# Each of these replaces one slash of the path, but not the first one.
_INNER_SLASHES = {
    "percent-encoding of IIS": ["%u002f"],
    "end of a segment": _texts("./ %/ ?x/ #x/"),
    "look-alike letter": _texts(r"\xcc\x81/"),
}
_FRONTS = {
    "no first slash": [""],
    "dot segment": ["./", "/../", "../", "/../../", "/.../../"],
    "absolute URL": [
        "http://evil.example/",
        "https://evil.example/",
        "https://evil.example//",
        "//evil.example/",
    ],
    "before the first slash": ["x/", "x//", "x/./"],
    "virtual host": ["/VirtualHostRoot/", "/VirtualHostRoot/_vh_x/", "/VirtualHostBase/http/x:80/"],
}
_ENDS = {
    "slash at the end": _texts("/ //"),
    "dot segment": _texts("/. /x/.. /x/../ . /.."),
    "format suffix": _texts(".json .html .x .json/ .json// /.json /.json/"),
    "view name": _texts("/@@ /+ /@@/x"),
    "index": _texts("/index /index/ /index.json /index/x"),
    "path parameter": _texts(";x ;x=1 ;"),
    "broken UTF-8": _texts(r"\xff \xc3 \xc3\n"),
    "control character": _texts(r"\n \r \r\n \x0b \x00 \x00.html \t"),
    "space": _texts(r"\x20"),
    "query or fragment": _texts("?x ?x=1 #x"),
    "percent-encoding": _texts("%0a %00 %20 %2f %3bx %ff /%zz"),
}
# Each of these is inserted into a segment, after its first character.
_WITHIN = {
    "broken UTF-8": _texts(r"\xff \xe2\x82 \xc3\n \xed"),
    "control character": _texts(r"\x00 \n"),
    "space": _texts(r"\x20"),
    "invisible character": _texts(r"\xe2\x80\x8b"),
    "percent-encoding": _texts("%ff %00"),
}
# Each of these is inserted between two characters of a segment, and before and after it.
_BETWEEN = {
    "space": _texts(r"\x20"),
    "broken UTF-8": _texts(r"\xff \xed"),
    "control character": ["\n"],
}
_DOTLESS_I = "\xc4\xb1"  # becomes an I in upper case
# Each of these is inserted before the first letter of a segment.
_VIEW_NAMES = {"view name": _texts("@@ + ++")}


def spellings(path: str) -> dict[str, str]:
    """Return the hostile spellings of a path, each with the name of its oddity. The path itself is
    left out."""
    rest = path.removeprefix("/")
    slashes = [place for place, character in enumerate(path) if character == "/"]
    letters = [place + 2 for place in slashes if path[place + 1 : place + 2].isalnum()]
    found = {
        **{piece + rest: hole for hole, piece in _pieces(_FRONTS)},
        **{
            path[:at] + piece + path[at + 1 :]: hole
            for at in slashes
            for hole, piece in _pieces(_SLASHES)
        },
        **{
            path[:at] + piece + path[at:]: hole
            for at in letters
            for hole, piece in _pieces(_WITHIN)
        },
        **{
            path[: at - 1] + piece + path[at - 1 :]: hole
            for at in letters
            for hole, piece in _pieces(_VIEW_NAMES)
        },
        **{
            path[:at] + piece + path[at + 1 :]: hole
            for at in slashes[1:]
            for hole, piece in _pieces(_INNER_SLASHES)
        },
        **{path + piece: hole for hole, piece in _pieces(_ENDS)},
        **{path.replace("_", sign): "punctuation" for sign in "-.!" if "_" in path},
        _in_latin_1(path): "Latin-1",
        **{
            path[: at - 1] + escape + path[at:]: hole
            for at in letters
            for hole, escape in _escapes(path[at - 1])
        },
        _in_ascii(bytes.upper, path): "letter case",
        _in_ascii(bytes.title, path): "letter case",
        **dict(_whole(path)),
    }
    found.pop(path, None)
    return found


def _whole(path: str) -> Iterator[tuple[str, str]]:
    """Yield spellings in which more than one place of the path is odd."""
    first, *others = segments = path.strip("/").split("/")
    rest = "".join(f"/{segment}" for segment in others)
    for hole, piece in _pieces(_WITHIN):
        yield f"/{first[:-1]}{piece}{first[-1:]}{rest}", hole
    for hole, piece in _pieces(_BETWEEN):
        yield f"/{piece.join(first)}{rest}", hole
        yield "".join(f"/{piece}{segment}{piece}" for segment in segments), hole
    yield f"//{'//'.join(segments)}//", "double slash"
    yield path.replace("/", "\\"), "backslash"
    yield "\\" + path.replace("/", "\\"), "backslash"
    yield f"/{first}x/..{path}", "dot segment"
    yield f"/{first}/..{path}", "dot segment"
    yield f"/{first}/../..{path}", "dot segment"
    yield f"{path.rstrip('/')}/../{segments[-1]}", "dot segment"
    yield f"/{''.join(f'%{ord(letter):02x}' for letter in first)}{rest}", "percent-encoding"
    yield f"/{first[:-1]}%{ord(first[-1:] or '/'):02x}{rest}", "percent-encoding"
    yield f"/{_in_ascii(bytes.upper, first)}{rest}", "letter case"
    yield f"/{''.join(map(_full_width, first))}{rest}", "full-width letter"
    yield f"/{first.replace('i', _DOTLESS_I)}{rest}", "look-alike letter"


def forgeries(path: str) -> Iterator[tuple[str, Changes]]:
    """Yield the headers that a client may send beside a path or in place of it, each with its name,
    as changes to the environ."""
    for name in (
        "X_ORIGINAL_URL",
        "X_REWRITE_URL",
        "X_FORWARDED_URI",
        "X_FORWARDED_PATH",
        "X_VHM_ROOT",
    ):
        for value in ("/", "/public", "/x/.."):
            yield _header(name), {"PATH_INFO": path, f"HTTP_{name}": value}
        yield _header(name), {"PATH_INFO": "/no-such-page", f"HTTP_{name}": path}
    for name, values in _HEADERS.items():
        for value in values:
            yield _header(name), {"PATH_INFO": path, f"HTTP_{name}": value}
    for front in ("/public", "/x/..", "//", path):
        yield "SCRIPT_NAME", {"SCRIPT_NAME": front, "PATH_INFO": path}
    yield from _moved(path)


def _moved(path: str) -> Iterator[tuple[str, Changes]]:
    """Yield headers that name a prefix, which an app removes from the path or prepends to it."""
    for name in _PREFIXES:
        for prefix, moved in (("/x", "/x" + path), ("/x/", "/x" + path), ("x", "/x" + path)):
            yield _header(name), {"PATH_INFO": moved, _key(name): prefix}
        yield _header(name), {"PATH_INFO": "/x" + path[1:], _key(name): "/x"}
        yield _header(name), {"PATH_INFO": path + path, _key(name): path}
    yield "X-Outside-Url", {"PATH_INFO": "/x" + path, "HTTP_X_OUTSIDE_URL": "http://localhost/x"}
    slashes = [place for place, character in enumerate(path) if character == "/" and place]
    for at in [*slashes, len(path)]:
        for name in (*_PREFIXES, "X_VHM_ROOT"):
            yield _header(name), {_key(name): path[:at], "PATH_INFO": path[at:]}
        yield "SCRIPT_NAME", {"SCRIPT_NAME": path[:at] + "/", "PATH_INFO": path[at:]}
        yield "SCRIPT_NAME", {"SCRIPT_NAME": path[1:at], "PATH_INFO": path[at:]}
        if at < len(path) - 1:
            yield "SCRIPT_NAME", {"SCRIPT_NAME": path[:at], "PATH_INFO": path[at + 1 :]}
            yield "SCRIPT_NAME", {"SCRIPT_NAME": path[:at] + "/", "PATH_INFO": path[at + 1 :]}


_METHODS = ("GET", "OPTIONS", "POST", "HEAD")
_PREFIXES = (
    "SCRIPT_NAME",
    "X_SCRIPT_NAME",
    "X_FORWARDED_PREFIX",
    "X_FORWARDED_SCRIPT_NAME",
    "X_INGRESS_PATH",
    "X_FORWARDED_PATH",
)
_HEADERS = {
    "X_FORWARDED_PREFIX": ("/public",),
    "X_SCRIPT_NAME": ("/public",),
    "X_FORWARDED_FOR": ("127.0.0.1",),
    "X_REAL_IP": ("127.0.0.1",),
    "X_FORWARDED_HOST": ("localhost", "evil.example"),
    "X_FORWARDED_PROTO": ("https",),
    "X_FORWARDED_USER": ("admin",),
    "X_REMOTE_USER": ("admin",),
    "REMOTE_USER": ("admin",),
    "X_USER": ("admin",),
    "X_HTTP_METHOD_OVERRIDE": _METHODS,
    "X_HTTP_METHOD": _METHODS,
    "X_METHOD_OVERRIDE": _METHODS,
    "ORIGIN": ("https://evil.example", "null"),
    "ACCESS_CONTROL_REQUEST_METHOD": ("GET",),
    "UPGRADE": ("websocket",),
}


def _in_ascii(change: Callable[[bytes], bytes], path: str) -> str:
    return change(path.encode("latin-1")).decode("latin-1")


def _in_latin_1(path: str) -> str:
    """Return the path in Latin-1 if it is UTF-8 and has such characters."""
    try:
        return path.encode("latin-1").decode().encode("latin-1").decode("latin-1")
    except UnicodeError:
        return path


def _pieces(table: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    return ((hole, piece) for hole, pieces in table.items() for piece in pieces)


def _escapes(letter: str) -> Iterator[tuple[str, str]]:
    yield "percent-encoding", f"%{ord(letter):02x}"
    yield "percent-encoding", f"%25{ord(letter):02x}"
    if letter.isascii():
        yield "full-width letter", _full_width(letter)


def _full_width(letter: str) -> str:
    """The letter as East Asian fonts have it, which NFKC turns into the usual one."""
    is_usual = letter.isascii() and letter.isprintable() and letter != " "
    return chr(ord(letter) + 0xFEE0).encode().decode("latin-1") if is_usual else letter


def _key(name: str) -> str:
    return name if name == "SCRIPT_NAME" else f"HTTP_{name}"


def _header(name: str) -> str:
    return name if name == "SCRIPT_NAME" else name.replace("_", "-").title()
