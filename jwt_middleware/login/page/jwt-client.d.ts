// The types of jwt-client.js. Copy this file into a TypeScript project, for example as src/jwt-client.d.ts.

/** The user of the session. `username` may be unknown after the page was loaded again. */
export interface User {
  id: number | string;
  username?: string;
}

/**
 * Why the user changed: a session was found at the start, a login or a logout in this or another tab, or the server has
 * ended the session.
 */
export type Cause = "start" | "login" | "logout" | "ended";

/** A failure of the login app. */
export class LoginError extends Error {
  constructor(status: number, code: string, message: string, retryAfter?: number);
  name: "LoginError";
  /** The HTTP status; 0 without an answer. */
  status: number;
  /** The error code of the answer, `network_error`, `insecure_context` or `no_key`. */
  code: string;
  /** Seconds after which to try again. */
  retryAfter?: number;
}

/** A login that the server asks for (RFC 9470). `maxAge` is in seconds; both may be unknown. */
export interface StepUp {
  user: User;
  maxAge?: number;
  acrValues?: string[];
}

export interface ClientOptions {
  /** The address of the login app; by default, the folder of the module. */
  base?: string | URL;
  /** Where the tokens are stored; by default, `"cookie"`. */
  storage?: "cookie" | "session" | "local";
  /** Where `fetch` may send the token, besides the page's own origin and that of `base`. */
  origins?: string[];
  /** Whether requests are signed with a key of this browser, so that stolen tokens are worthless; by default, not. */
  dpop?: boolean;
}

export interface Client {
  /** Log in. Rejects with a `LoginError`. */
  login(username: string, password: string): Promise<void>;
  /** End the session, or with `all` every session of the user. Rejects with a `LoginError`. */
  logout(options?: { all?: boolean }): Promise<void>;
  /** Return the user, or null without a session. Rejects with a `LoginError`. */
  user(): Promise<User | null>;
  /** `fetch` with the token. Rejects with a `LoginError` if the token cannot be renewed. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Make the page's own `fetch` send the token too. Returns a function that undoes this. */
  install(options?: { origins?: string[] }): () => void;
  /**
   * Ask for the password again where the server needs a recent login; the request is then repeated once. The callback
   * calls `login` and waits for it. Returns a function that stops this.
   */
  onStepUp(callback: (needed: StepUp) => unknown): () => void;
  /** Call back each time the user changes. Returns a function that stops this. */
  onChange(callback: (user: User | null, cause: Cause) => void): () => void;
}

export function createClient(options?: ClientOptions): Client;
