// Runs the sign-in page: the form, the panel of a signed-in user and the messages. The server wrote the texts into it.

import { createClient } from "./jwt-client.js";

const client = createClient();
const find = (selector) => document.querySelector(selector);
const [form, panel, message, username, password] = ["form", "section", "#message", "#username", "#password"].map(find);
const { next, texts: sentences } = find("main").dataset;
const texts = JSON.parse(sentences);
const asksAgain = new URLSearchParams(location.search).get("prompt") === "login"; // though there is a session
let ticking;

function show(kind, ...parts) {
  clearInterval(ticking);
  message.className = `message ${kind}`;
  message.replaceChildren(...parts);
}

function inWords(seconds) {
  const [unit, value] = seconds < 120 ? ["second", seconds] : ["minute", Math.ceil(seconds / 60)];
  const format = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(value);
}

/** Count the seconds down. A screen reader reads them once, not every second. */
function countDown(seconds) {
  const until = Date.now() + seconds * 1000;
  const [heard, seen] = [document.createElement("span"), document.createElement("span")];
  heard.className = "unseen";
  seen.ariaHidden = "true";
  heard.textContent = seen.textContent = texts.throttled.replace("{time}", inWords(seconds));
  show("error", heard, seen);
  ticking = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) seen.textContent = texts.throttled.replace("{time}", inWords(left));
    else show("info", texts.try_now);
  }, 1000);
}

function explain(error) {
  if (error.status === 429) return countDown(error.retryAfter ?? 60);
  const kinds = { 401: "wrong", network_error: "unreachable", insecure_context: "insecure" };
  show("error", texts[kinds[error.status] ?? kinds[error.code] ?? "unavailable"]);
}

/** Keep the fragment of the page asked for, as an app with its own routes needs it (RFC 9110 section 10.2.2). */
const leave = () => location.replace(next.includes("#") ? next : next + location.hash);

function render(user, cause) {
  if (asksAgain && cause === "start") return;
  if (user && next) return leave();
  form.hidden = Boolean(user);
  panel.hidden = !user;
  const name = user?.username;
  find("h1").textContent = user ? texts.signed_in : texts.sign_in;
  find("#who").textContent = name ? texts.signed_in_as.replace("{username}", () => name) : texts.signed_in_here;
  if (cause === "start") return; // the server may have said what is wrong
  show("info", ...({ logout: [texts.signed_out], ended: [texts.ended] }[cause] ?? []));
  (user ? find("#who") : username).focus();
}

/** Run the action of a button, only once at a time, and show its errors. */
async function run(button, work) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  await work().catch(explain);
  button.ariaDisabled = "false";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = find("#sign-in");
  run(button, async () => {
    const label = button.textContent;
    button.textContent = texts.signing_in;
    password.type = "password";
    find("#show").checked = false;
    try {
      await client.login(username.value, password.value);
      form.reset();
      if (asksAgain && next) leave(); // the user may be the same, which is not a change
    } catch (error) {
      const isWrong = error.status === 401;
      username.ariaInvalid = password.ariaInvalid = String(isWrong);
      if (isWrong) password.select();
      throw error;
    } finally {
      button.textContent = label;
    }
  });
});
find("#show").addEventListener("change", ({ target }) => (password.type = target.checked ? "text" : "password"));
// A click, not a submit event: the button of an owner's template may have no form.
find("#sign-out").addEventListener("click", (event) => {
  event.preventDefault();
  run(find("#sign-out"), () => client.logout());
});
find("#sign-in").disabled = false; // in a template for browsers with scripts
client.onChange(render);
if (isSecureContext) client.user().catch(explain);
else show("error", texts.insecure);
