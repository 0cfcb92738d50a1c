"""`jwt-client.d.ts`, compiled with `tsc --strict`: what it accepts, what it refuses, and that it
names what the module exports."""

import re
from pathlib import Path

import pytest

import jwt_middleware.login
from tests.kit.npm import npm_install, run_tool

pytestmark = pytest.mark.needs_tools

PAGE = Path(jwt_middleware.login.__file__).parent / "page"

_HEAD = """import { createClient, LoginError } from "./jwt-client.js";
import type { Cause, Client, ClientOptions, StepUp, User } from "./jwt-client.js";
"""

RIGHT = """
const options: ClientOptions = { base: new URL("https://api.example/auth"), storage: "session" };
const client: Client = createClient({ ...options, origins: ["https://api.example"] });
export const another: Client = createClient();
export const bound: Client = createClient({ dpop: true });
export async function main(): Promise<string | number> {
  const stop: () => void = client.onChange((user: User | null, cause: Cause) => {
    console.log(user?.username?.length, cause === "ended");
  });
  const undo: () => void = client.install({ origins: ["https://other.example"] });
  client.install();
  const quiet: () => void = client.onStepUp(async ({ user, maxAge, acrValues }: StepUp) => {
    console.log(maxAge?.toFixed(), acrValues?.join());
    await client.login(user.username ?? "", "password");
  });
  quiet();
  try {
    await client.login("ada", "password");
    const answer: Response = await client.fetch(new Request("/api/me"), { method: "PUT" });
    await client.fetch(new URL("https://api.example/api/me"));
    console.log(answer.status);
  } catch (error) {
    if (error instanceof LoginError) return error.retryAfter ?? error.status;
    throw error;
  }
  const user = await client.user();
  await client.logout({ all: true });
  await client.logout();
  stop();
  undo();
  return user === null ? "nobody" : user.id;
}
"""

WRONG = {
    "a storage that does not exist": 'createClient({ storage: "cookies" });',
    "an option that does not exist": 'createClient({ path: "/auth" });',
    "dpop that is a text": 'createClient({ dpop: "true" });',
    "an origin that is not a list": 'createClient({ origins: "https://a.example" });',
    "a base that is a number": "createClient({ base: 8000 });",
    "a login without a password": 'createClient().login("ada");',
    "a password that may be null": 'createClient().login("ada", null);',
    "a user that may be null": "createClient().user().then((user) => user.id);",
    "a name that may be unknown": "createClient().user().then((user) => user?.username.length);",
    "an id taken for a number": "createClient().user().then((user) => (user ? user.id + 1 : 0));",
    "a token that is not given out": "createClient().token;",
    "a cause that does not exist": 'createClient().onChange((_, cause) => cause === "expired");',
    "a callback that needs more": (
        "createClient().onChange((user: User | null, cause: Cause, more: string) => void more);"
    ),
    "a callback that is none": 'createClient().onChange("user");',
    "a step-up without a callback": "createClient().onStepUp();",
    "an age that may be unknown": "createClient().onStepUp(({ maxAge }) => maxAge.toFixed());",
    "logout of all as a boolean": "createClient().logout(true);",
    "install with a list": 'createClient().install(["https://a.example"]);',
    "a result of install taken for a number": "const n: number = createClient().install();",
    "fetch without an address": "createClient().fetch();",
    "fetch taken for its text": "const t: Promise<string> = createClient().fetch('/api');",
    "an error without its code": 'new LoginError(400, "x");',
    "a delay that may be unknown": ("const n: number = new LoginError(429, 'x', 'x').retryAfter;"),
    "a default import": 'import client from "./jwt-client.js"; client();',
    "a name that is not exported": 'import { STALE } from "./jwt-client.js"; STALE;',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TypeScript project with the declarations."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm_install(folder, "typescript@7.0.2")
    return folder


def compile_strictly(folder: Path, sources: dict[str, str]) -> dict[str, list[str]]:
    """Compile sources beside the declarations, and return the errors of each."""
    (folder / "jwt-client.d.ts").write_text((PAGE / "jwt-client.d.ts").read_text())
    for name, source in sources.items():
        (folder / name).write_text(source)
    options = "--strict --noEmit --pretty false --target es2022 --module nodenext --lib es2022,dom"
    tsc = folder / "node_modules" / ".bin" / "tsc"
    printed = run_tool("sh", "-c", f'"$0" {options} "$@" || true', str(tsc), *sources, cwd=folder)
    found = re.findall(r"^([\w.-]+)\(\d+,\d+\): error (TS\d+:.*)$", printed, re.MULTILINE)
    assert len(found) == printed.count("error TS"), printed
    return {name: [text for file, text in found if file == name] for name in sources}


def test_a_right_consumer_compiles(folder: Path) -> None:
    """Every name and option in use, with no error and no `any` for want of a type."""
    assert compile_strictly(folder, {"right.ts": _HEAD + RIGHT}) == {"right.ts": []}


def test_wrong_uses_are_refused(folder: Path) -> None:
    """Each line of the table has an error, and only one."""
    sources = {f"wrong{at}.ts": f"{_HEAD}{line}\n" for at, line in enumerate(WRONG.values())}
    errors = compile_strictly(folder, sources)
    counts = {why: len(errors[f"wrong{at}.ts"]) for at, why in enumerate(WRONG)}
    assert counts == dict.fromkeys(WRONG, 1)


def test_the_declarations_and_the_module_agree(folder: Path) -> None:
    """`tsc` reads the module itself: it exports the same values, and its client and errors have the
    members of the declared ones, both ways round."""
    (folder / "real.js").write_text((PAGE / "jwt-client.js").read_text())
    check = """import * as real from "./real.js";
import * as declared from "./jwt-client.js";
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type RealClient = ReturnType<typeof real.createClient>;
export const values: Same<keyof typeof real, keyof typeof declared> = true;
export const members: Same<keyof RealClient, keyof declared.Client> = true;
export const errors: Same<keyof real.LoginError, keyof declared.LoginError> = true;
export const client: declared.Client = null! as RealClient;
export const options: Parameters<typeof real.createClient>[0] = null! as declared.ClientOptions;
export const user: Same<Awaited<ReturnType<RealClient["user"]>>, declared.User | null> = true;
"""
    printed = run_tool(
        *("sh", "-c", '"$0" "$@" || true', str(folder / "node_modules" / ".bin" / "tsc")),
        *("--strict", "--noEmit", "--pretty", "false", "--allowJs"),
        *("--target", "es2022", "--module", "nodenext"),
        *("--lib", "es2023,dom,dom.iterable", _written(folder / "check.ts", check)),
        cwd=folder,
    )
    assert printed == ""


def _written(file: Path, source: str) -> str:
    file.write_text(source)
    return file.name
