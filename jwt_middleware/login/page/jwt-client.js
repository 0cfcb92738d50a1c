/**
 * Keeps a person signed in: gets tokens from the login app, sends them with each call and renews them in time:
 *
 *     import { createClient } from "/auth/jwt-client.js";
 *     const client = createClient();
 *     await client.login("ada", "her password");
 *     const answer = await client.fetch("/api/me");
 *
 * `storage` says where the tokens are. "cookie": the access token in memory, the refresh token in a cookie that no
 * script can read (it needs https). "session": both in sessionStorage, for one tab until it is closed. "local": both in
 * localStorage, for all tabs and for ever. What is in a storage, any script of the page can read and send away.
 *
 * One tab renews at a time (Web Locks) and tells the others (BroadcastChannel): any number of parallel calls and tabs
 * cost one refresh. By http there are no locks; the server then gives all tabs the same successor for a while.
 *
 * With "session" no other tab learns a token: what a tab tells is encrypted with the refresh token that it replaces, so
 * only its own copy (a duplicated tab) can read it. By plain http, but for localhost, there is no encryption and nothing
 * is told: a copy then has to log in again.
 *
 * @typedef {{id: number | string, username?: string}} User
 * @typedef {"start" | "login" | "logout" | "ended"} Cause what happened: found at the start, signed in or out in this
 *     or another tab, or the server has ended the session
 * @typedef {{token: string, refreshToken?: string, user: User, dueAt: number}} Session
 * @typedef {{session: Session | null, cause: Cause, at: number}} News
 * @typedef {(user: User | null, cause: Cause) => void} Callback
 */

const [TIMEOUT, NEWS_WITHIN] = [15_000, 300]; // milliseconds, as are all times here but retryAfter

/** What went wrong: with its HTTP `status` (0: no answer), its `code`, and after how many seconds to try again. */
export class LoginError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfter] */
  constructor(status, code, message, retryAfter) {
    super(message);
    this.name = "LoginError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** @param {string} refreshToken the key of what only its holders may read */
async function keyOf(refreshToken) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`jwt-client ${refreshToken}`));
  return crypto.subtle.importKey("raw", digest, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** @param {News} news @param {string} refreshToken */
async function seal(news, refreshToken) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify(news));
  return { iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(refreshToken), plain) };
}

/** @param {{iv: Uint8Array, sealed: ArrayBuffer}} message @param {string} [refreshToken] @returns {Promise<News | null>} */
async function unseal({ iv, sealed }, refreshToken) {
  if (!refreshToken || !sealed || !crypto.subtle) return null;
  const plain = await crypto.subtle
    .decrypt({ name: "AES-GCM", iv }, await keyOf(refreshToken), sealed)
    .catch(() => null); // sealed for the copies of another tab
  return plain && JSON.parse(new TextDecoder().decode(plain));
}

/**
 * @param {object} [options]
 * @param {string | URL} [options.base] the address of the login app; without it, where this module came from
 * @param {"cookie" | "session" | "local"} [options.storage]
 * @param {string[]} [options.origins] where `fetch` may send the token beside the page's own origin and that of `base`
 */
export function createClient({ base = new URL(".", import.meta.url), storage = "cookie", origins = [] } = {}) {
  if (!["cookie", "session", "local"].includes(storage)) throw new TypeError(`there is no storage ${storage}`);
  const home = new URL(String(base).replace(/\/?$/, "/"), location.href);
  const name = `jwt-client ${storage} ${home}`;
  const isCookie = storage === "cookie";
  const area = storage === "local" ? localStorage : storage === "session" ? sessionStorage : null;
  const channel = new BroadcastChannel(name);
  const callbacks = /** @type {Set<Callback>} */ (new Set());
  let memory = /** @type {Session | null | undefined} */ (undefined); // undefined: not known yet
  let told = /** @type {User | null | undefined} */ (undefined);
  let renewing = /** @type {Promise<void> | undefined} */ (undefined);
  let changedAt = 0;
  let heard = () => {};

  /** @returns {Session | null | undefined} */
  const load = () => (area ? JSON.parse(area.getItem(name) ?? "null") : memory);

  const isDue = (/** @type {Session} */ session) => Date.now() >= session.dueAt;

  function save(/** @type {Session | null} */ session) {
    if (!area) memory = session;
    else if (session) area.setItem(name, JSON.stringify(session));
    else area.removeItem(name);
  }

  function tell(/** @type {Cause} */ cause) {
    const user = load()?.user ?? null;
    if (told !== undefined && told?.id === user?.id) return;
    told = user;
    for (const callback of callbacks) queueMicrotask(() => callback(user, cause)); // what it throws is its own
  }

  /** @param {Session | null} session @param {Cause} cause */
  async function keep(session, cause) {
    const replaced = load()?.refreshToken;
    changedAt = Date.now();
    save(session);
    tell(cause);
    const news = { session, cause, at: changedAt };
    if (storage !== "session") channel.postMessage(news);
    else if (replaced && cause !== "login" && crypto.subtle) channel.postMessage(await seal(news, replaced));
  }

  /** @param {News} news */
  function hear({ session, cause, at }) {
    if (at < changedAt) return;
    changedAt = at;
    save(session); // to localStorage too: what another process has put there may show later than its message
    heard();
    tell(cause);
  }

  let reading = Promise.resolve(); // one message after the other: each may need the token that the one before brought
  channel.onmessage = ({ data }) => {
    reading = reading.then(async () => {
      const news = storage === "session" ? await unseal(data, load()?.refreshToken) : data;
      if (news) hear(news);
    });
  };

  /** @param {(waited: boolean) => Promise<void>} work one at a time in all tabs */
  async function exclusively(work) {
    if (!navigator.locks) return work(false);
    const isFree = { ifAvailable: true };
    const wasFree = await navigator.locks.request(name, isFree, async (lock) => lock && (await work(false), true));
    if (!wasFree) await navigator.locks.request(name, () => work(true));
  }

  /** @param {string} path @param {object} fields */
  async function post(path, fields) {
    const request = new Request(new URL(path, home), {
      method: "POST",
      credentials: isCookie ? "include" : "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(isCookie ? { ...fields, cookie: true } : fields),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const response = await fetch(request).catch((error) => {
      throw new LoginError(0, "network_error", `no answer from the login app: ${error.message}`);
    });
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const { error = "", error_description: why = response.statusText } = answer ?? {};
    throw new LoginError(response.status, error, why, Number(response.headers.get("Retry-After")) || undefined);
  }

  /** @param {{username?: string, [field: string]: string | undefined}} fields @param {Cause} cause */
  async function grant(fields, cause) {
    const answer = await post("token", fields);
    const user = { id: answer.user_id, username: answer.username ?? fields.username ?? load()?.user.username };
    // A tenth early, in milliseconds. `exp` would need the right time here.
    const dueAt = Date.now() + answer.expires_in * 1000 * 0.9;
    await keep({ token: answer.access_token, refreshToken: answer.refresh_token, user, dueAt }, cause);
  }

  /** @param {string} [stale] the access token that is not good any more */
  function renew(stale) {
    const isDone = (session = load()) => session === null || (session && session.token !== stale && !isDue(session));
    renewing ??= exclusively(async (waited) => {
      if (waited && !isDone()) await new Promise((resolve) => setTimeout((heard = () => resolve(null)), NEWS_WITHIN));
      if (isDone()) return;
      await grant({ grant_type: "refresh_token", refresh_token: load()?.refreshToken }, "start").catch(async (error) => {
        if (error.status !== 400) throw error;
        await keep(null, error.code === "invalid_grant" ? "ended" : "start");
      });
    }).finally(() => (renewing = undefined));
    return renewing;
  }

  async function current() {
    const session = load();
    if (session === undefined || (session && isDue(session))) await renew(session?.token);
    tell("start");
    return load() ?? null;
  }

  /** @param {Request} request @param {Session | null} session */
  function send(request, session) {
    if (session) request.headers.set("Authorization", `Bearer ${session.token}`);
    return fetch(request);
  }

  return {
    /** Sign in. @param {string} username @param {string} password @throws {LoginError} */
    async login(username, password) {
      if (isCookie && !isSecureContext) throw new LoginError(0, "insecure_context", "signing in needs https here");
      await exclusively(() => grant({ username, password }, "login"));
    },

    /** End the session, or with `all` each one of the user. Once it resolves it has ended. @throws {LoginError} */
    async logout({ all = false } = {}) {
      await exclusively(async () => {
        const session = load();
        if (isCookie || session) await post("revoke", { token: session?.refreshToken, all });
        await keep(null, "logout");
      });
    },

    /** Who is signed in, or null. It restores or renews the session where that is due. @throws {LoginError} */
    async user() {
      return (await current())?.user ?? null;
    },

    /**
     * `fetch` with the token. If nobody is signed in, without: the answer is the server's to give.
     * @param {RequestInfo | URL} input @param {RequestInit} [init] @throws {LoginError} no new token could be had
     */
    async fetch(input, init) {
      const request = new Request(input, init);
      if (![location.origin, home.origin, ...origins].includes(new URL(request.url).origin))
        throw new TypeError(`the token does not go to ${request.url}: name its origin in origins`);
      const session = await current();
      const response = await send(request.clone(), session);
      const isRefused = response.status === 401 && response.headers.get("WWW-Authenticate")?.includes("invalid_token");
      if (!session || !isRefused) return response;
      await renew(session.token);
      const renewed = load();
      return renewed ? send(request, renewed) : response;
    },

    /** Call back at each change of who is signed in. Returns what ends that. @param {Callback} callback */
    onChange(callback) {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
  };
}
