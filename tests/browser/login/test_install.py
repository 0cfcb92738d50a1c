"""`client.install()`: the page's own `fetch` sends the token too, for scripts that do not know the
client."""

from typing import Any

import pytest

from .conftest import Browser, Site, Tab
from .site import GATEWAYS

pytestmark = pytest.mark.needs_browser

_SENT = "(async (answer) => [answer.status, await answer.text()])"
_INVALID = {
    "status": 401,
    "headers": {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'},
    "body": "no",
}


def installed(browser: Browser, ada: str, **options: Any) -> Tab:
    """A page whose `fetch` is wrapped, with a session."""
    tab = browser.tab("local", **options)
    tab.login(ada)
    tab.run("void client.install()")
    return tab


def asked(browser: Browser, path: str) -> list[Any]:
    """A list that grows with each request for a path, preflights left out."""
    found: list[Any] = []
    browser.context.on(
        "request", lambda each: path in each.url and each.method != "OPTIONS" and found.append(each)
    )
    return found


OURS = {
    "a path": ("fetch('/api/me')", "GET "),
    "an address": ("fetch(location.origin + '/api/me')", "GET "),
    "a URL": ("fetch(new URL('/api/me', location.href))", "GET "),
    "a relative path": ("fetch('api/me')", "GET "),
    "by window": ("window.fetch('/api/me')", "GET "),
    "a fragment": ("fetch('/api/me#x')", "GET "),
    "a body": ("fetch('/api/me', { method: 'POST', body: 'text' })", "POST text"),
    "a request": ("fetch(new Request('/api/me'))", "GET "),
    "a request with a body": (
        "fetch(new Request('/api/me', { method: 'PUT', body: 'text' }))",
        "PUT text",
    ),
    "a request and options": (
        "fetch(new Request('/api/me', { method: 'PUT', body: 'a' }), { body: 'b' })",
        "PUT b",
    ),
    "a form": (
        "fetch('/api/me', { method: 'POST', body: new URLSearchParams({ a: 1 }) })",
        "POST a=1",
    ),
    "headers as a list": ("fetch('/api/me', { headers: [['X-A', 'b']] })", "GET "),
}


@pytest.mark.parametrize("is_renewed", [False, True], ids=["good token", "stale token"])
@pytest.mark.parametrize(("call", "expected"), OURS.values(), ids=OURS)
def test_requests_of_the_page_carry_the_token(
    call: str, expected: str, is_renewed: bool, browser: Browser, site: Site, ada: str
) -> None:
    """In each form that `fetch` takes; a stale token is renewed once, and the body is sent
    again."""
    tab = installed(browser, ada)
    if is_renewed:
        tab.call()
        site.revoke(browser.tokens[-1])
    assert tab.run(f"{call}.then({_SENT})") == [200, f"{site.id_of(ada)} {expected}"]
    assert browser.refreshes == is_renewed


def test_streams_pass_both_ways(browser: Browser, ada: str) -> None:
    """A body that is a stream arrives whole, again after a renewal; an answer is given on before
    its stream ends, also a refusal that never ends."""
    tab = browser.tab("local")
    tab.login(ada)
    seen = tab.run("""(async () => {
        const bodies = [];
        const endless = (status, type) => new Response(new ReadableStream({
            start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        }), { status, headers: { "Content-Type": type } });
        const plain = window.fetch;
        window.fetch = async (input, init) => {
            const request = new Request(input, init);
            if (!request.url.includes("/stream")) return plain(request);
            if (request.url.endsWith("/refused")) return endless(401, "text/html");
            if (!request.body) return endless(200, "text/event-stream");
            bodies.push(await request.text());
            const problem = JSON.stringify({ error: "invalid_token" });
            if (bodies.length > 1) return new Response("done");
            return new Response(problem, {
                status: 401, headers: { "Content-Type": "application/problem+json" },
            });
        };
        client.install();
        const body = new Blob(["streamed"]).stream();
        const sent = await fetch("/stream", { method: "POST", body, duplex: "half" });
        const read = async (path) => {
            const reader = (await fetch(path)).body.getReader();
            const { value } = await reader.read();
            return new TextDecoder().decode(value);
        };
        return [bodies, await sent.text(), await read("/stream"), await read("/stream/refused")];
    })()""")
    assert seen == [["streamed", "streamed"], "done", "first", "first"]


THEIRS = {
    "another origin": "fetch(argument)",
    "a request to another origin": "fetch(new Request(argument))",
    "without CORS": "fetch(argument, { mode: 'no-cors' })",
    "with cookies": "fetch(argument, { credentials: 'include' })",
    "another scheme": "fetch('data:,x')",
    "a blob": "fetch(URL.createObjectURL(new Blob(['x'])))",
    "a user in the address": "fetch(argument.replace('//', '//' + location.host + '@'))",
    "a network path": "fetch(argument.replace('http:', ''))",
}


@pytest.mark.parametrize("call", THEIRS.values(), ids=THEIRS)
def test_other_origins_never_get_a_token(call: str, browser: Browser, site: Site, ada: str) -> None:
    """Such a request is passed on as it is, without a token and without a renewal."""
    tab = installed(browser, ada)
    tab.run(f"{call}.then(() => 1, () => 0)", site.url("/api/me", "elsewhere.localhost"))
    assert (browser.called, browser.refreshes) == ([], 0)


def test_other_origins_are_passed_the_very_arguments(browser: Browser, ada: str) -> None:
    """What the page's `fetch` gets for them is what the script gave, not a copy."""
    tab = browser.tab("local")
    tab.login(ada)
    assert tab.run("""(async () => {
        const given = [];
        window.fetch = async (...words) => (given.push(words), new Response("x"));
        client.install();
        const request = new Request("https://other.example/"), init = { method: "PUT" };
        await fetch(request, init);
        await fetch("https://other.example/", init);
        return [given[0][0] === request, given[0][1] === init, given[1][1] === init, given.length];
    })()""") == [True, True, True, 2]


def test_an_origin_named_at_install(browser: Browser, site: Site, ada: str) -> None:
    """It gets the token; a port beside it does not."""
    tab = browser.tab("local")
    tab.login(ada)
    elsewhere = site.url("", "elsewhere.localhost")
    tab.run("void client.install({ origins: [argument] })", elsewhere)
    tab.run("fetch(argument + '/api/me').catch(() => 0)", elsewhere)
    tab.run("fetch(argument + '1/api/me').catch(() => 0)", elsewhere[:-1])
    assert {*browser.called} == {f"{elsewhere}/api/me"}


def test_an_authorization_of_the_script_stays(browser: Browser, ada: str) -> None:
    """A request that has one is passed on, and its refusal too."""
    tab = installed(browser, ada)
    header = "{ headers: { authorization: 'Bearer x.y.z' } }"
    for call in (f"fetch('/api/me', {header})", f"fetch(new Request('/api/me', {header}))"):
        assert tab.run(f"{call}.then({_SENT})")[0] == 401
    assert browser.tokens == ["x.y.z", "x.y.z"]
    assert browser.refreshes == 0


@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke", "/auth/token?x#y"])
def test_a_refusal_of_the_login_app_starts_nothing(path: str, browser: Browser, ada: str) -> None:
    """A 401 of the token endpoint is the answer, also to a script of the page: no token goes there,
    and none is renewed for it."""
    tab = installed(browser, ada)
    browser.context.route(f"**{path.split('?')[0]}*", lambda route: route.fulfill(**_INVALID))
    found = asked(browser, path.split("?")[0])
    call = "fetch(argument, { method: 'POST', body: '{}' })"
    assert tab.run(f"{call}.then({_SENT})", path) == [401, "no"]
    assert len(found) == 1
    assert browser.tokens == []


def test_a_renewal_that_is_refused_with_401(browser: Browser, site: Site, ada: str) -> None:
    """The page gets its own 401, after one attempt to renew."""
    tab = installed(browser, ada)
    tab.call()
    site.revoke(browser.tokens[-1])
    browser.context.route("**/auth/token", lambda route: route.fulfill(**_INVALID))
    found, renewals = asked(browser, "/api/me"), asked(browser, "/auth/token")
    assert tab.run(f"fetch('/api/me').then({_SENT})")[0] == 401
    assert (len(found), len(renewals)) == (1, 1)


def test_a_401_that_stays(browser: Browser, ada: str) -> None:
    """One renewal, one repetition, then it is the answer; each time anew, never in a loop."""
    tab = installed(browser, ada)
    browser.context.route("**/api/stays", lambda route: route.fulfill(**_INVALID))
    found = asked(browser, "/api/stays")
    for count in (1, 2):
        assert tab.run(f"fetch('/api/stays').then({_SENT})") == [401, "no"]
        assert (len(found), browser.refreshes) == (2 * count, count)


def test_many_requests_with_a_stale_token(browser: Browser, site: Site, ada: str) -> None:
    """They share one renewal."""
    tab = installed(browser, ada)
    tab.call()
    site.revoke(browser.tokens[-1])
    calls = "Promise.all([...Array(8)].map(() => fetch('/api/me').then(({ status }) => status)))"
    assert tab.run(calls) == [200] * 8
    assert browser.refreshes == 1


_WRAP = """{
    const inner = window.fetch;
    window.wrapped ??= [];
    window.fetch = async (input, init) => {
        window.wrapped.push(NAME);
        return inner(COPY);
    };
}"""
_SAME, _COPY = "input, init", "new Request(input, init)"

STACKS: dict[str, tuple[list[str], int]] = {
    "before": ([f"before {_SAME}", "install"], 1),
    "after": (["install", f"after {_SAME}"], 1),
    "before and after": ([f"before {_SAME}", "install", f"after {_SAME}"], 2),
    "copies before and after": ([f"before {_COPY}", "install", f"after {_COPY}"], 2),
    "install twice": (["install", "install"], 0),
    "install twice around a wrapper": (["install", f"after {_SAME}", "install"], 1),
    "two clients": (["install", "other"], 0),
    "two clients around a wrapper that copies": (["install", f"between {_COPY}", "other"], 1),
}


@pytest.mark.parametrize(("steps", "wrappers"), STACKS.values(), ids=STACKS)
def test_wrappers_of_others(
    steps: list[str], wrappers: int, browser: Browser, site: Site, ada: str
) -> None:
    """Whatever else has wrapped `fetch`, and however often: each request is sent once, through each
    wrapper once, and a stale token costs one renewal and one repetition."""
    tab = browser.tab("local")
    tab.login(ada)
    for step in steps:
        name, _, copy = step.partition(" ")
        wrap = _WRAP.replace("NAME", f"'{name}'").replace("COPY", copy)
        known = {
            "install": "void client.install()",
            "other": "import('/auth/jwt-client.js').then(({ createClient }) =>"
            " void createClient({ storage: 'local' }).install())",
        }
        tab.run(known.get(name, f"(() => {wrap})()"))
    found = asked(browser, "/api/me")
    assert tab.run(f"fetch('/api/me').then({_SENT})")[0] == 200
    assert len(found) == 1
    through = tab.page.evaluate("window.wrapped ?? []")
    assert len(through) == wrappers
    site.revoke(browser.tokens[-1])
    assert tab.run("fetch('/api/me', { method: 'PUT', body: 'x' }).then((answer) => answer.text())")
    assert (len(found), browser.refreshes) == (3, 1)


def test_undone(browser: Browser, ada: str) -> None:
    """What `install` returns gives the page its own `fetch` back, also below a later wrapper; a
    second call does nothing, and one may install again."""
    tab = browser.tab("local")
    tab.login(ada)
    assert tab.run("""(async () => {
        const status = () => fetch("/api/me").then((answer) => answer.status);
        const plain = window.fetch;
        const undo = client.install();
        const seen = [await status(), client.install() === undo];
        undo();
        seen.push(window.fetch === plain, await status());
        const again = client.install();
        undo();
        seen.push(await status());
        const inner = window.fetch;
        window.fetch = (...words) => inner(...words);
        again();
        return [...seen, await status()];
    })()""") == [200, True, True, 401, 200, 401]


def test_without_a_session(browser: Browser) -> None:
    """The server answers, and nothing is asked of the login app."""
    tab = browser.tab("cookie")
    tab.run("void client.install()")
    assert tab.run(f"fetch('/api/me').then({_SENT})")[0] == 401
    assert (browser.sent, browser.tokens) == ([], [])


ABORTS = {
    "before": ("", "controller.abort();", "AbortError"),
    "with a reason": ("", "controller.abort(new TypeError('mine'));", "TypeError"),
    "by a timeout": ("", "", "TimeoutError"),
    "during the request": ("**/api/me", "setTimeout(() => controller.abort(), 50);", "AbortError"),
    "during a renewal": (
        "**/auth/token",
        "setTimeout(() => controller.abort(), 50);",
        "AbortError",
    ),
}


@pytest.mark.parametrize("form", ["fetch", "client.fetch"])
@pytest.mark.parametrize(("held", "abort", "name"), ABORTS.values(), ids=ABORTS)
def test_aborted(
    held: str, abort: str, name: str, form: str, browser: Browser, site: Site, ada: str
) -> None:
    """A signal ends the call at once, with its own reason, also while a token is renewed, which
    goes on for the others."""
    tab = installed(browser, ada)
    if "token" in held:
        tab.call()
        site.revoke(browser.tokens[-1])
    waiting: list[Any] = []
    if held or not abort:
        browser.context.route(held or "**/api/me", lambda route: waiting.append(route))
    signal = "AbortSignal.timeout(100)" if not abort else "controller.signal"
    began = "const began = performance.now(); const controller = new AbortController();"
    call = f"{form}('/api/me', {{ signal }})"
    ended = tab.page.evaluate(f"""async () => {{
        {began} const signal = {signal}; {abort}
        const late = new Promise((resolve) => setTimeout(() => resolve(["late"]), 5000));
        const name = {call}.then(() => ["answered"], (error) => [error.name]);
        return Promise.race([name, late]);
    }}""")
    assert ended == [name]
    for route in waiting:
        route.continue_()
    browser.context.unroute_all()
    assert tab.call()[0] == 200


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("form", ["fetch", "client.fetch"])
def test_a_gateway_that_changes_the_challenge(
    form: str, gateway: str, browser: Browser, site: Site, ada: str
) -> None:
    """The error is read from the body, so a stale token is renewed behind it too, and the page can
    still read the body of what it gets."""
    tab = browser.tab("local", base=f"{gateway}/auth")
    tab.login(ada)
    tab.run("void client.install()")
    url = f"{gateway}/api/me"
    assert tab.run(f"{form}(argument).then({_SENT})", url)[0] == 200
    site.revoke(browser.tokens[-1])
    answer = tab.run(f"{form}(argument, {{ method: 'PUT', body: 'x' }}).then({_SENT})", url)
    assert answer == [200, f"{site.id_of(ada)} PUT x"]
    assert browser.refreshes == 1
    tab.run("client.logout()")
    status, body = tab.run(f"{form}(argument).then({_SENT})", url)
    assert (status, '"reason"' in body) == (401, True)
