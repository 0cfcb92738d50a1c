import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { client } from "./auth.js";

function SignIn() {
  const [message, setMessage] = useState("");

  async function signIn(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    await client.login(form.get("username"), form.get("password")).catch((error) => setMessage(error.message));
  }

  return (
    <form onSubmit={signIn}>
      <input name="username" autoComplete="username" aria-label="User name" required />
      <input name="password" type="password" autoComplete="current-password" aria-label="Password" required />
      <button>Sign in</button>
      <p role="alert">{message}</p>
    </form>
  );
}

function SignedIn({ user }) {
  const [calls, setCalls] = useState([]);

  async function call() {
    const response = await client.fetch("/api/me"); // renews an expired token first
    const { id } = await response.json();
    setCalls((before) => [...before, `${response.status}: ${id}`]);
  }

  return (
    <>
      <p id="user">Signed in as {user.username ?? `user ${user.id}`}</p>
      <button onClick={call}>Call the API</button>
      <button onClick={() => client.logout()}>Sign out</button>
      <ol>{calls.map((text, at) => <li key={at}>{text}</li>)}</ol>
    </>
  );
}

function App() {
  const [user, setUser] = useState(undefined); // undefined: not known yet

  useEffect(() => {
    const stop = client.onChange(setUser);
    client.user().then(setUser, () => setUser(null));
    return stop;
  }, []);

  if (user === undefined) return null;
  return user ? <SignedIn user={user} /> : <SignIn />;
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
