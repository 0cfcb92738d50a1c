"""Odd names that honest clients ask for: none may be refused or changed on its way to the app.

Each is PEP 3333 text: what a server hands on after it has percent-decoded the request line once.
"""

from .spellings import words

NAMES = words(r"""
    a\x20b \x20a a\x20 100% a%20b a%2Fb a%2fb.txt %E2%82%AC %zz a;b a;b=c ;a a=b&c=d a+b a@b @me
    ~ada a:b,c a|b a\\b
    v1..2 a..b ..a a.. ... .hidden .well-known/x a.b.c report.final.pdf archive.tar.gz api.json a.
    r\xc3\xa9sum\xc3\xa9.pdf \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 e\xcc\x81 \xc2\xa0
    a\xe2\x80\x8bb
    photos/2024-05-01T10:00:00Z/a\x20(1).jpg dav/Caf\xc3\xa9/W\xc3\xb6rk/ _private __init__.py
    --help
    api api/secret x/api +1-555-0100 @scope/package (a) [b] {c} 'd' "e" !f $g ^h `i` <j>
    0e7d2b3c-1f5a-4c77-9d0e-2f4a6b8c0d1e bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
    index.html?x#y
""")
"""What people and programs name their things."""

LONG_NAMES = (
    "a" * 1900,
    "a%20" * 400,
    "b\x20" * 400 + ".txt",
    "/".join(["deep"] * 300),
    "\xc3\xbc" * 900,
)
"""As long as paths may be that are not plain."""

HONEST = (
    {},
    {"SCRIPT_NAME": "/app"},
    {"HTTP_X_FORWARDED_PREFIX": "/app"},
    {"HTTP_X_SCRIPT_NAME": "/app", "SCRIPT_NAME": "/app"},
    {"HTTP_X_FORWARDED_PREFIX": "/api", "SCRIPT_NAME": "/api"},
    {"HTTP_X_FORWARDED_HOST": "app.example", "HTTP_X_FORWARDED_PROTO": "https"},
    {"HTTP_X_ORIGINAL_URI": "/api/public/x", "HTTP_X_FORWARDED_URI": "/api/public/x"},
)
"""What an honest proxy sets, and an honest mount."""
