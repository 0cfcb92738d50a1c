/**
 * Keeps a user logged in. The client gets tokens from the login app, sends one with each request and renews them:
 *
 *     import { createClient } from "/auth/jwt-client.js";
 *     const client = createClient();
 *     await client.login("ada", "her password");
 *     const answer = await client.fetch("/api/me");
 *
 * Scripts that call `fetch` themselves need no change after `client.install()`.
 *
 * `storage` chooses where the tokens are stored:
 * - "cookie": the access token in memory, the refresh token in a cookie that scripts cannot read (it needs https).
 * - "session": both in sessionStorage, for one tab until it is closed.
 * - "local": both in localStorage, for all tabs and forever.
 * Any script of the page can read tokens from sessionStorage and localStorage, and send them away.
 *
 * With "cookie", the client only asks for a session where there may be one. The login app sets a second cookie that
 * scripts can read and that says nothing else. A page on another host cannot read it. There the client remembers in
 * localStorage that it has logged in.
 *
 * Only one tab renews at a time (Web Locks) and notifies the others (BroadcastChannel). So any number of parallel
 * requests and tabs cost one refresh. Over http there are no locks, and the server gives all tabs the same successor
 * for a while.
 *
 * With "session", other tabs do not learn a token. A tab encrypts its messages with the refresh token that it replaces,
 * so only its own copy (a duplicated tab) can read them. Over plain http, except for localhost, there is no encryption
 * and no message. A copy then has to log in again.
 *
 * With `dpop`, the tokens are worthless elsewhere (RFC 9449). The browser has a key in IndexedDB that no script can
 * read, and signs every request with it. A token or a cookie that is copied to another machine lacks the key. The login
 * app and the middleware need `dpop` too. Without it there, the client sends bearer tokens.
 *
 * @typedef {{id: number | string, username?: string}} User
 * @typedef {"start" | "login" | "logout" | "ended"} Cause the event: a session was found at the start, a login or a
 *     logout in this or another tab, or the server has ended the session
 * @typedef {{token: string, refreshToken?: string, user: User, dueAt: number, isBound?: boolean}} Session
 * @typedef {{session: Session | null, cause: Cause, at: number}} News
 * @typedef {(user: User | null, cause: Cause) => void} Callback
 * @typedef {{user: User, maxAge?: number, acrValues?: string[]}} StepUp a login that the server asks for (RFC 9470)
 */

const [TIMEOUT, NEWS_WITHIN] = [15_000, 300]; // milliseconds, as all times here except retryAfter

/** The cookie that the login app sets beside the refresh cookie. Over http at a loopback host it has no prefix. */
const SESSION_COOKIE = /(?:^|;\s*)(?:__Host-)?jwt_session=1/;

/** Reasons of a refusal for which another token helps. The other reasons mean that a new one is refused too. */
const STALE = ["expired", "revoked", "signature", "malformed", "claims", "issuer", "audience", "type", "not_yet_valid"];

const ownRequests = new WeakSet(); // requests of any client on the page, which no installed `fetch` may change

/** A failure, with its HTTP `status` (0: no answer), its `code`, and the seconds after which to try again. */
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

/** @param {string} refreshToken the source of the key, so that only its holders can read the messages */
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
    .catch(() => null); // a message for the copies of another tab
  return plain && JSON.parse(new TextDecoder().decode(plain));
}

/**
 * Return the error of a 401. Gateways rename or drop `WWW-Authenticate`, so the body decides too.
 *
 * @param {Response} response @returns {Promise<"invalid_token" | "insufficient_user_authentication" | undefined>}
 */
async function errorOf(response) {
  if (response.status !== 401) return;
  const named = response.headers.get("WWW-Authenticate")?.match(/invalid_token|insufficient_user_authentication/);
  if (named) return /** @type {any} */ (named[0]);
  // Do not read another body: it may never end.
  if (!/^application\/(problem\+)?json\b/i.test(response.headers.get("Content-Type") ?? "")) return;
  const problem = await response.clone().json().catch(() => null);
  return STALE.includes(problem?.reason) ? "invalid_token" : problem?.error;
}

/** @param {ArrayBuffer | Uint8Array} bytes @returns {string} base64url without padding */
function encode(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
const utf8 = (text) => new TextEncoder().encode(text);

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Return the key of this browser with a name, or make it. Its private part never leaves the browser.
 *
 * @param {string} name @returns {Promise<CryptoKeyPair>}
 */
async function loadKey(name) {
  const opening = indexedDB.open("jwt-client", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  const database = await answerOf(opening);
  try {
    const find = () => answerOf(database.transaction("keys").objectStore("keys").get(name));
    const found = await find();
    if (found) return found;
    const made = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    // Another tab may have stored its key meanwhile. `add` then fails, and that key counts.
    const keys = database.transaction("keys", "readwrite").objectStore("keys");
    return await answerOf(keys.add(made, name)).then(() => made, find);
  } finally {
    database.close();
  }
}

/**
 * Return a proof for one request (RFC 9449 section 4.2).
 *
 * @param {CryptoKeyPair} key @param {Request} request @param {string} [token] @param {string} [nonce]
 * @param {number} [ahead] milliseconds by which the server's clock is ahead
 */
async function proofOf(key, { method, url }, token, nonce, ahead = 0) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", key.publicKey);
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
  const claims = {
    jti: encode(crypto.getRandomValues(new Uint8Array(16))),
    htm: method,
    htu: url.split(/[?#]/)[0],
    iat: Math.floor((Date.now() + ahead) / 1000),
    ath: token && encode(await crypto.subtle.digest("SHA-256", utf8(token))),
    nonce,
  };
  const signed = [header, claims].map((part) => encode(utf8(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, utf8(signed));
  return `${signed}.${encode(signature)}`;
}

/** Return whether another proof would be accepted: one with a nonce, or with the server's time. @param {Response} response */
async function asksForProof(response) {
  if (response.status !== 400 && response.status !== 401) return false;
  if (response.headers.get("WWW-Authenticate")?.includes("use_dpop_nonce")) return true;
  if (!/^application\/(problem\+)?json\b/i.test(response.headers.get("Content-Type") ?? "")) return false;
  const problem = await response.clone().json().catch(() => null);
  return problem?.error === "use_dpop_nonce" || problem?.reason === "proof_time";
}

/**
 * Stop waiting when a request is aborted, as `fetch` does. The work goes on, since other requests need it too.
 *
 * @template T @param {AbortSignal} signal @param {Promise<T>} work @returns {Promise<T>}
 */
function unlessAborted(signal, work) {
  const aborted = new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, aborted]);
}

/** Say what to do about a refusal of the login app that depends on the page's origin. @param {URL} home */
function whereFrom(home) {
  if (location.origin !== home.origin)
    return (
      `The page is at ${location.origin}, the login app at ${home.origin}. Open the page at the login app's host, ` +
      `or name ${location.origin} in allowed_origins. Cookies need the same site, and localhost is not 127.0.0.1.`
    );
  return (
    `The page and the login app are both at ${home.origin}, so a proxy between them changes Host. ` +
    `Pass Host on, or name ${location.origin} in allowed_origins.`
  );
}

/**
 * @param {object} [options]
 * @param {string | URL} [options.base] the address of the login app; by default, the folder of this module
 * @param {"cookie" | "session" | "local"} [options.storage]
 * @param {string[]} [options.origins] where `fetch` may send the token, besides the page's own origin and that of `base`
 * @param {boolean} [options.dpop] whether requests are signed with a key of this browser
 */
export function createClient({ base = new URL(".", import.meta.url), storage = "cookie", origins = [], dpop = false } = {}) {
  if (!["cookie", "session", "local"].includes(storage))
    throw new TypeError(`storage must be cookie, session or local, got ${storage}`);
  const home = new URL(String(base).replace(/\/?$/, "/"), location.href);
  const name = `jwt-client ${storage} ${home}`;
  const isCookie = storage === "cookie";
  const area = storage === "local" ? localStorage : storage === "session" ? sessionStorage : null;
  const channel = new BroadcastChannel(name);
  const callbacks = /** @type {Set<Callback>} */ (new Set());
  let memory = /** @type {Session | null | undefined} */ (undefined); // undefined: not known yet
  let lastUser = /** @type {User | null | undefined} */ (undefined); // the user of the last callback
  let renewing = /** @type {Promise<void> | undefined} */ (undefined);
  let [stepUp, asking] = /** @type {[((needed: StepUp) => unknown)?, Promise<unknown>?]} */ ([]);
  let changedAt = 0;
  let newsArrived = () => {};
  let uninstall = /** @type {(() => void) | undefined} */ (undefined);
  let transport = (/** @type {Request} */ request) => fetch(request);
  let key = /** @type {Promise<CryptoKeyPair> | undefined} */ (undefined);
  const nonces = /** @type {Map<string, string>} */ (new Map()); // by origin
  let ahead = 0;

  // Cookies are shared by all ports of a host.
  const canReadCookie = location.protocol === home.protocol && location.hostname === home.hostname;
  const mayHaveSession = () =>
    canReadCookie ? SESSION_COOKIE.test(document.cookie) : localStorage.getItem(name) === "1";

  /** @returns {Session | null | undefined} */
  const load = () => (area ? JSON.parse(area.getItem(name) ?? "null") : memory);

  const isDue = (/** @type {Session} */ session) => Date.now() >= session.dueAt;

  function save(/** @type {Session | null} */ session) {
    if (!area) {
      memory = session;
      if (canReadCookie) return;
      if (session) localStorage.setItem(name, "1");
      else localStorage.removeItem(name);
    } else if (session) area.setItem(name, JSON.stringify(session));
    else area.removeItem(name);
  }

  function notify(/** @type {Cause} */ cause) {
    const user = load()?.user ?? null;
    if (lastUser !== undefined && lastUser?.id === user?.id) return;
    lastUser = user;
    // A microtask each, so that an error in one callback does not affect the others.
    for (const callback of callbacks) queueMicrotask(() => callback(user, cause));
  }

  /** @param {Session | null} session @param {Cause} cause */
  async function change(session, cause) {
    const replaced = load()?.refreshToken;
    changedAt = Date.now();
    save(session);
    notify(cause);
    const news = { session, cause, at: changedAt };
    if (storage !== "session") channel.postMessage(news);
    else if (replaced && cause !== "login" && crypto.subtle) channel.postMessage(await seal(news, replaced));
  }

  /** @param {News} news */
  function receive({ session, cause, at }) {
    if (at < changedAt) return;
    changedAt = at;
    save(session); // to localStorage too, since another process's change may appear there after its message
    newsArrived();
    notify(cause);
  }

  let reading = Promise.resolve(); // read messages in order, since each may need the token of the one before
  channel.onmessage = ({ data }) => {
    reading = reading.then(async () => {
      const news = storage === "session" ? await unseal(data, load()?.refreshToken) : data;
      if (news) receive(news);
    });
  };

  /** @param {(waited: boolean) => Promise<void>} work runs in one tab at a time */
  async function exclusively(work) {
    if (!navigator.locks) return work(false);
    const isFree = { ifAvailable: true };
    const wasFree = await navigator.locks.request(name, isFree, async (lock) => lock && (await work(false), true));
    if (!wasFree) await navigator.locks.request(name, () => work(true));
  }

  /**
   * Send a request with a proof. Repeat it once if the server asks for a nonce, or if the clock of this machine is wrong.
   *
   * @param {() => Request} make a new request, whose body is not used yet @param {string} [token]
   */
  async function sendSigned(make, token) {
    key ??= loadKey(String(home)).catch((error) => {
      key = undefined;
      throw new LoginError(0, "no_key", `the browser has no key for DPoP: ${error?.message ?? error}`);
    });
    const pair = await key;
    const attempt = async () => {
      const request = make();
      const { origin } = new URL(request.url);
      request.headers.set("DPoP", await proofOf(pair, request, token, nonces.get(origin), ahead));
      ownRequests.add(request);
      const response = await transport(request);
      const nonce = response.headers.get("DPoP-Nonce");
      if (nonce) nonces.set(origin, nonce);
      return response;
    };
    const response = await attempt();
    if (!(await asksForProof(response))) return response;
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (date) ahead = date - Date.now();
    return attempt();
  }

  /** @param {string} path @param {object} fields */
  async function post(path, fields) {
    const signal = AbortSignal.timeout(TIMEOUT);
    const make = () => {
      const request = new Request(new URL(path, home), {
        method: "POST",
        credentials: isCookie ? "include" : "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(isCookie ? { ...fields, cookie: true } : fields),
        signal,
      });
      ownRequests.add(request);
      return request;
    };
    const sending = dpop ? sendSigned(make) : transport(make());
    const response = await sending.catch((error) => {
      if (error instanceof LoginError) throw error;
      const hint = location.origin === home.origin ? "" : `. ${whereFrom(home)}`;
      throw new LoginError(0, "network_error", `the login app does not answer: ${error.message}${hint}`);
    });
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const { error = "", error_description, msg, detail, reason } = answer ?? {};
    const why = error_description ?? msg ?? detail ?? response.statusText;
    const message = reason === "cross_site" ? `${why} ${whereFrom(home)}` : why;
    throw new LoginError(response.status, error, message, Number(response.headers.get("Retry-After")) || undefined);
  }

  /** @param {{username?: string, [field: string]: string | undefined}} fields @param {Cause} cause */
  async function grant(fields, cause) {
    const answer = await post("token", fields);
    const user = { id: answer.user_id, username: answer.username ?? fields.username ?? load()?.user.username };
    // Renew a tenth early. Do not use `exp`, since the clock of this machine may be wrong.
    const dueAt = Date.now() + answer.expires_in * 1000 * 0.9;
    const isBound = answer.token_type === "DPoP";
    await change({ token: answer.access_token, refreshToken: answer.refresh_token, user, dueAt, isBound }, cause);
  }

  /** @param {string} [stale] the access token that is not valid any more */
  function renew(stale) {
    if (isCookie && load() === undefined && !mayHaveSession()) {
      memory = null;
      return Promise.resolve();
    }
    const isDone = (session = load()) => session === null || (session && session.token !== stale && !isDue(session));
    renewing ??= exclusively(async (waited) => {
      if (waited && !isDone())
        await new Promise((resolve) => setTimeout((newsArrived = () => resolve(null)), NEWS_WITHIN));
      if (isDone()) return;
      await grant({ grant_type: "refresh_token", refresh_token: load()?.refreshToken }, "start").catch(async (error) => {
        if (error.status !== 400) throw error;
        await change(null, error.code === "invalid_grant" ? "ended" : "start");
      });
    }).finally(() => (renewing = undefined));
    return renewing;
  }

  async function current() {
    const session = load();
    if (session === undefined || (session && isDue(session))) await renew(session?.token);
    notify("start");
    return load() ?? null;
  }

  /** Let the page ask for the password, once for all requests. @param {Response} response @param {Session} session */
  function logInAgain({ headers }, { user, token }) {
    const [, age] = headers.get("WWW-Authenticate")?.match(/max_age="?(\d+)/) ?? [];
    const [, values] = headers.get("WWW-Authenticate")?.match(/acr_values="([^"]*)/) ?? [];
    if (load()?.token === token) // otherwise another request or tab has just done so
      asking ??= (async () => stepUp?.({ user, maxAge: age && +age, acrValues: values?.split(" ") }))().finally(
        () => (asking = undefined),
      );
    return asking;
  }

  /** @param {Request} request @param {Session | null} session */
  function send(request, session) {
    if (session) request.headers.set("Authorization", `${session.isBound ? "DPoP" : "Bearer"} ${session.token}`);
    if (session?.isBound) return sendSigned(() => request.clone(), session.token);
    ownRequests.add(request);
    return transport(request);
  }

  /**
   * Send a request with the token. Renew a token that is refused, and repeat the request once.
   *
   * @param {Request} request @param {(error: Error) => Session | null} recover from a renewal that failed
   */
  async function sendWithToken(request, recover) {
    const { signal } = request;
    const session = await unlessAborted(signal, current().catch(recover));
    const response = await send(request.clone(), session);
    const error = session && (await errorOf(response));
    const isStepUp = error === "insufficient_user_authentication";
    if (!session || !(isStepUp ? stepUp : error === "invalid_token")) return response;
    const work = isStepUp ? Promise.resolve(logInAgain(response, session)) : renew(session.token);
    await unlessAborted(signal, work.catch(recover));
    const renewed = load();
    const isNew = renewed && renewed.token !== session.token && (!isStepUp || renewed.user.id === session.user.id);
    return isNew ? send(request, renewed) : response;
  }

  /**
   * Return whether an installed `fetch` adds the token. Read the arguments only, since `new Request` takes the body.
   *
   * @param {RequestInfo | URL} input @param {RequestInit | undefined} init @param {string[]} allowed origins
   */
  function isOurs(input, init, allowed) {
    const request = input instanceof Request ? input : null;
    if (request && ownRequests.has(request)) return false;
    const address = request?.url ?? String(input);
    if (!URL.canParse(address, document.baseURI)) return false;
    const { protocol, origin, href } = new URL(address, document.baseURI);
    // A token in the header would change what the login app revokes.
    const isLoginApp = ["token", "revoke", "logout"].some((path) => href.split(/[?#]/)[0] === new URL(path, home).href);
    if (!protocol.startsWith("http") || !allowed.includes(origin) || isLoginApp) return false;
    return !new Headers(init?.headers ?? request?.headers).has("Authorization");
  }

  return {
    /** Log in. @param {string} username @param {string} password @throws {LoginError} */
    async login(username, password) {
      if ((isCookie || dpop) && !isSecureContext) throw new LoginError(0, "insecure_context", "logging in needs https here");
      await exclusively(() => grant({ username, password }, "login"));
    },

    /** End the session, or with `all` every session of the user, before resolving. @throws {LoginError} */
    async logout({ all = false } = {}) {
      await exclusively(async () => {
        const session = load();
        if (isCookie || session) await post("revoke", { token: session?.refreshToken, all });
        await change(null, "logout");
      });
    },

    /** Return the user, or null without a session. Restore or renew the session if it is due. @throws {LoginError} */
    async user() {
      return (await current())?.user ?? null;
    },

    /**
     * `fetch` with the token. Without a session, send no token and let the server answer.
     * @param {RequestInfo | URL} input @param {RequestInit} [init] @throws {LoginError} if the token cannot be renewed
     */
    async fetch(input, init) {
      const request = new Request(input, init);
      if (![location.origin, home.origin, ...origins].includes(new URL(request.url).origin))
        throw new TypeError(`origins must name the origin of ${request.url} before the token is sent there`);
      return sendWithToken(request, (error) => {
        throw error;
      });
    },

    /**
     * Make the page's own `fetch` send the token too, for scripts that do not know this client. It adds the token to
     * requests to the page's origin and to the `origins` given here. It passes on unchanged: other requests, requests
     * with an Authorization header, and those of a client. If the token cannot be renewed, the server answers.
     *
     * @param {{origins?: string[]}} [options] more origins than the page's
     * @returns {() => void} a function that undoes this
     */
    install({ origins: more = [] } = {}) {
      if (uninstall) return uninstall; // a second wrapper would send the requests of the first one to itself
      const before = globalThis.fetch;
      const allowed = [location.origin, ...more];
      const own = async (/** @type {RequestInfo | URL} */ input, /** @type {RequestInit} */ init) =>
        uninstall === undo && isOurs(input, init, allowed)
          ? sendWithToken(new Request(input, init), () => load() ?? null)
          : before.call(globalThis, input, init);
      const undo = () => {
        if (uninstall !== undo) return;
        uninstall = undefined;
        transport = (request) => fetch(request);
        if (globalThis.fetch === own) globalThis.fetch = before; // another script may have wrapped ours
      };
      uninstall = undo;
      transport = (request) => before.call(globalThis, request);
      globalThis.fetch = /** @type {typeof fetch} */ (own);
      return undo;
    },

    /**
     * Ask for the password again where the server needs a recent login; the request is then repeated once. `callback`
     * calls `login` and waits for it. Returns a function that stops this. @param {(needed: StepUp) => unknown} callback
     */
    onStepUp(callback) {
      stepUp = callback;
      return () => void (stepUp === callback && (stepUp = undefined));
    },

    /** Call back each time the user changes. Returns a function that stops this. @param {Callback} callback */
    onChange(callback) {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
  };
}
