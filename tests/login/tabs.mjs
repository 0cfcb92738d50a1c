// Three tabs of jwt-client.js in one process, each with a sessionStorage of its own. Prints what each tab knows at
// the end, and all that went over the channel.

Object.defineProperty(globalThis, "navigator", { value: {} }); // no locks, as by plain http
const { createClient } = await import(process.argv[2]);
const storage = "session";

let count = 0;
const answers = new Map(); // refresh token to its successor: the server is idempotent
globalThis.location = new URL("http://localhost/");
globalThis.fetch = async (request) => {
  const { pathname } = new URL(request.url);
  const fields = request.method === "POST" && pathname !== "/api" ? await request.json() : {};
  if (pathname === "/auth/revoke") return Response.json({});
  if (pathname === "/auth/token") {
    const old = fields.refresh_token;
    if (!answers.has(old) || !old) answers.set(old, `secret-refresh-${++count}`);
    const answer = { user_id: 1, expires_in: 900, access_token: `secret-access-${++count}` };
    return Response.json({ ...answer, refresh_token: answers.get(old) });
  }
  return new Response(request.headers.get("Authorization"));
};

class Area {
  constructor(items = {}) {
    this.items = { ...items };
  }
  getItem(name) {
    return this.items[name] ?? null;
  }
  setItem(name, value) {
    this.items[name] = value;
  }
  removeItem(name) {
    delete this.items[name];
  }
}

const shared = new Area();
function open(area) {
  Object.assign(globalThis, { sessionStorage: area, localStorage: shared });
  const tab = { area, changes: [], client: createClient({ base: "http://localhost/auth/", storage }) };
  tab.client.onChange((user, cause) => tab.changes.push([user?.id ?? null, cause]));
  return tab;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const overheard = [];
const spy = new BroadcastChannel(`jwt-client ${storage} http://localhost/auth/`);
spy.onmessage = ({ data }) => {
  const texts = [JSON.stringify(data)];
  for (const part of Object.values(data)) {
    if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) texts.push(Buffer.from(part).toString("latin1"));
  }
  overheard.push(texts.join(" "));
};

const first = open(new Area());
const stranger = open(new Area());
await first.client.login("ada", "x");
const copy = open(new Area(first.area.items));
await copy.client.user();
const expire = (tab) => {
  for (const [name, text] of Object.entries(tab.area.items)) {
    tab.area.items[name] = JSON.stringify({ ...JSON.parse(text), dueAt: 0 });
  }
};
expire(first);
await first.client.user();
expire(first);
await first.client.user(); // twice in a row: the copy needs the first message to read the second
await pause();
const known = [first, copy, stranger].map((tab) => JSON.parse(Object.values(tab.area.items)[0] ?? "null")?.refreshToken);
await first.client.logout();
await pause();
console.log(JSON.stringify({ known, changes: [first, copy, stranger].map((tab) => tab.changes), overheard, count }));
process.exit(0);
