// jwt-client.js before a server that asks for a recent login. Prints what each request came to.

Object.defineProperty(globalThis, "navigator", { value: {} }); // no locks, as by plain http
const { createClient } = await import(process.argv[2]);

let count = 0;
let age = "old"; // of the login whose tokens are given out now
let how = { header: true, accepts: "new" };
const bodies = [];
globalThis.location = new URL("http://localhost/");
globalThis.document = { baseURI: "http://localhost/" };
globalThis.fetch = async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/auth/token") {
    const { username, password } = await request.json();
    if (password === "wrong") return Response.json({ error: "invalid_grant", msg: "Bad" }, { status: 401 });
    const id = username === "ada" ? 1 : 2;
    return Response.json({ user_id: id, expires_in: 900, access_token: `${age}-${++count}`, refresh_token: "r" });
  }
  if (pathname === "/api/body") bodies.push(await request.text());
  if (request.headers.get("Authorization").includes(how.accepts)) return new Response("welcome");
  const error = "insufficient_user_authentication";
  const challenge = `Bearer realm="api", error="${error}", max_age="300", acr_values="mfa pin"`;
  const headers = how.header ? { "WWW-Authenticate": challenge } : {};
  return Response.json({ error, reason: "login_too_old" }, { status: 401, headers });
};

class Area {
  items = {};
  getItem = (name) => this.items[name] ?? null;
  setItem = (name, value) => void (this.items[name] = value);
  removeItem = (name) => void delete this.items[name];
}
Object.assign(globalThis, { sessionStorage: new Area(), localStorage: new Area() });

const client = createClient({ base: "http://localhost/auth/", storage: "local" });
const found = { asked: [] };

/** Log in a long time ago, and send requests; the user answers the question with a name and a password. */
async function ask(name, { path = "api", times = 1, as = "ada", password = "right", now = "new", ...server } = {}) {
  how = { header: true, accepts: "new", ...server };
  age = "old";
  await client.login("ada", "right");
  const stop = client.onStepUp(async (needed) => {
    found.asked.push(needed);
    age = now;
    await client.login(as, password);
  });
  const work = () => (server.send ?? client.fetch)(`http://localhost/${path}`, { method: "POST", body: "a body" });
  const answers = await Promise.all([...Array(times)].map(() => work().catch((error) => error)));
  found[name] = answers.map((answer) => (answer.name ? `${answer.name} ${answer.status}` : answer.status));
  stop();
}

await client.login("ada", "right");
found["without a callback"] = [(await client.fetch("http://localhost/api")).status];
await ask("by the header", { path: "api/body" });
await ask("by the body alone", { header: false });
await ask("two at once", { times: 2 });
await ask("as another user", { as: "grace" });
await ask("login fails", { password: "wrong" });
const undo = client.install();
await ask("login fails, installed", { password: "wrong", send: (...words) => globalThis.fetch(...words) });
undo();
await ask("still too old", { now: "old" });
age = "old";
await client.login("ada", "right");
found.stopped = [(await client.fetch("http://localhost/api")).status];
console.log(JSON.stringify({ ...found, bodies }));
process.exit(0);
