// The demo's front page: who is signed in, by a call that needs a token, and what becomes of that token.

import { createClient } from "./auth/jwt-client.js";

const client = createClient();
const find = (selector) => document.querySelector(selector);
const CAUSES = { login: "Signed in in another tab.", logout: "Signed out.", ended: "The session has ended." };
let expiresAt = Infinity; // by this page's clock, from the seconds that the server says are left
let shown;

function log(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, " ", text);
  find("#log ol").prepend(line);
}

/** Call the API and show what it says; the client sees to the token. */
async function call() {
  expiresAt = Infinity;
  const answer = await client.fetch("api/me");
  log(`GET /api/me: ${answer.status}`);
  if (!answer.ok) return;
  const { name, token, expires_in: left } = await answer.json();
  expiresAt = Date.now() + left * 1000;
  find("h1").textContent = `Hello, ${name}`;
  find("#token").textContent = `…${token.slice(-4)}`;
  if (shown && shown !== token) log(`A new token: …${token.slice(-4)}.`);
  shown = token;
  tick();
}

function tick() {
  const left = Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000));
  if (left > 60) return;
  find("#left").value = left;
  find("#seconds").textContent = left ? `expires in ${left} s` : "expired";
  if (left) return;
  log(`Token …${shown.slice(-4)} has expired.`);
  attempt(call);
}

function render(user, cause) {
  find("#out").hidden = Boolean(user);
  find("#in").hidden = !user;
  if (CAUSES[cause]) log(CAUSES[cause]);
  if (user) return attempt(call);
  find("h1").textContent = "Nobody is signed in";
  expiresAt = Infinity;
  shown = undefined;
}

const attempt = (work) => work().catch((error) => log(`That did not work: ${error.message}.`));

find("#call").addEventListener("click", () => attempt(call));
find("#sign-out").addEventListener("click", () => attempt(() => client.logout()));
find("#everywhere").addEventListener("click", () => attempt(() => client.logout({ all: true })));
find("a.button").search = new URLSearchParams({ next: location.pathname }).toString(); // and back to here
setInterval(tick, 1000);
client.onChange(render);
attempt(() => client.user());
