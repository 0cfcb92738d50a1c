// The login app serves the client, so client and server have the same version. Vite must not bundle it.
const address = "/auth/jwt-client.js";
const { createClient } = await import(/* @vite-ignore */ address);

export const client = createClient();
