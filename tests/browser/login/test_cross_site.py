"""What a page of another site or of a sibling host can do with the cookies of a signed-in browser.

The site is at a loopback host by plain http, so its cookies have no `__Host-` prefix. Chromium
applies the rules of the prefix there too, so what it does for https is tested with the name.
"""

import json
from typing import Any

import jwt
import pytest

from .conftest import Browser, Site, fill_in
from .test_forms import LOGIN

pytestmark = pytest.mark.needs_browser

HOST, SIBLING, FAR = "app.site.localhost", "evil.site.localhost", "foreign.localhost"

_FORM = """<form method="post" action="{url}"><input name="username" value="{name}">
<input name="password" value="lovelace"></form><script>document.forms[0].submit()</script>"""
_FETCH = """<script>fetch("{url}", {{method: "POST", mode: "no-cors", credentials: "include"}})
</script>"""

# What the page of the attacker does; the status from a sibling host, which SameSite lets through;
# the status from another site, None where the browser shows none.
ATTACKS: dict[str, tuple[str, str, int, int | None]] = {
    "form": (_FORM, "/paged/act", 403, 401),
    "fetch with credentials": (_FETCH, "/paged/act", 403, 401),
    "redirect": (_FORM.replace("{url}", "/redirect"), "/paged/act", 403, 401),
    "sign-in as the attacker": (_FORM, LOGIN, 403, 403),
    "sign-out": (_FORM, "/paged/auth/logout", 403, 403),
    "renewal": (_FETCH, "/paged/auth/token", 415, 415),  # a fetch cannot send a form
    # Safe methods change nothing, and no script of the other page reads what they answer.
    "image": ('<img src="{url}">', "/paged/act", 200, None),  # the browser keeps the 401 to itself
    "frame": ('<iframe src="{url}"></iframe>', "/paged/act", 200, 303),
    "link": ('<script>location = "{url}"</script>', "/paged/act", 200, 200),
}


def signed_in(browser: Browser, username: str) -> Any:
    """A page of the site in a browser that is signed in."""
    page = browser.open("/paged/start", HOST)
    fill_in(page, username)
    page.wait_for_url(browser.site.url("/paged/start", HOST))
    return page


def values_in(browser: Browser) -> dict[str, str]:
    """The value of each cookie."""
    return {name: cookie["value"] for name, cookie in browser.cookies.items()}


def session_in(browser: Browser) -> tuple[str, ...]:
    """Whose session the cookies are of, which it is, and the names of the cookies."""
    claims = jwt.decode(browser.cookies["jwt"]["value"], options={"verify_signature": False})
    return claims["sub"], claims["sid"], *sorted(browser.cookies)


def visit(browser: Browser, host: str, markup: str, url: str, *, is_answered: bool = True) -> Any:
    """Open a page of the attacker, and return the status that its request got."""

    def serve(route: Any) -> None:
        if route.request.url.endswith("/redirect"):
            route.fulfill(status=307, headers={"Location": url})
        else:
            route.fulfill(body=markup, content_type="text/html")

    page = browser.context.new_page()
    page.route(f"http://{host}/*", serve)
    expect = page.expect_response if is_answered else page.expect_request
    with expect(lambda each: each.url == url) as seen:
        page.goto(f"http://{host}/", wait_until="commit")
    return seen.value.status if is_answered else None


@pytest.mark.parametrize("host", [SIBLING, FAR])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_request_of_another_page_acts(
    attack: str, host: str, browser: Browser, site: Site, ada: str
) -> None:
    """An unsafe request is refused wherever its cookies come along, and the session stays what it
    was."""
    mine = signed_in(browser, ada)
    session, values = session_in(browser), values_in(browser)
    template, path, from_sibling, from_far = ATTACKS[attack]
    url = site.url(path, HOST)
    expected = from_sibling if host == SIBLING else from_far
    markup = template.format(url=url, name=site.new_user())
    assert visit(browser, host, markup, url, is_answered=expected is not None) == expected
    assert session_in(browser) == session
    if path != LOGIN:  # a refused sign-in is answered by our page, whose script renews the session
        assert values_in(browser) == values
    mine.reload()
    assert mine.inner_text("body").strip() == f"{site.id_of(ada)} GET"
    if expected == 303:  # to the sign-in page, which may not be framed; the browser says so
        browser.expect_wrong("frame-ancestors")


def test_a_form_of_this_host_acts(browser: Browser, site: Site, ada: str) -> None:
    """What the table refuses works from a page of the site itself."""
    page = signed_in(browser, ada)
    with page.expect_response("**/paged/act") as answered:
        page.set_content(_FORM.format(url=site.url("/paged/act", HOST), name="x"))
    assert answered.value.status == 200


def test_a_sibling_host_cannot_plant_a_cookie(browser: Browser, site: Site, ada: str) -> None:
    """With the prefix the browser refuses it; without, at a loopback host, two cookies of a name
    are refused, and nobody acts as the attacker."""
    mine = signed_in(browser, ada)
    page = browser.open("/", SIBLING)
    planted = "jwt=x.y.z; Domain=site.localhost; Path=/paged"
    attributes = "=x; Domain=site.localhost; Path=/; Secure"
    for cookie in (planted, *(f"__Host-{name}{attributes}" for name in ("jwt", "jwt_refresh"))):
        page.evaluate("(cookie) => void (document.cookie = cookie)", cookie)
    found = [each["name"] for each in browser.context.cookies()]
    assert sorted(found) == ["jwt", "jwt", "jwt_refresh", "jwt_session"]
    assert mine.reload().status == 400


def test_a_proxy_that_changes_the_host(browser: Browser, site: Site, ada: str) -> None:
    """`Sec-Fetch-Site` lets the site's own pages act and keeps others out. The login app wants the
    origin listed, and the client says so."""
    signed_in(browser, ada)
    token = browser.cookies["jwt"]["value"]
    url = site.url("/rehosted/paged/act", HOST)
    top = site.url("/", HOST).replace("http:", "https:")
    cookie = {"name": "__Host-jwt", "value": token, "url": top}
    browser.context.add_cookies([{**cookie, "secure": True, "sameSite": "Lax"}])
    tab = browser.tab("cookie", base="/rehosted/auth", host=HOST)
    act = "fetch(argument, { method: 'POST' }).then((answer) => answer.status)"
    assert tab.run(act, url) == 200
    assert visit(browser, SIBLING, _FORM.format(url=url, name="x"), url) == 403
    message = tab.page.evaluate(
        "(name) => client.login(name, 'lovelace').catch(({ message }) => message)", ada
    )
    assert "a proxy between them changes Host" in message
    assert json.dumps(site.url("", HOST))[1:-1] in message
