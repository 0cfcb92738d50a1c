import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The proxy passes the browser's Host on, so the login app sees the page's own origin and needs no `allowed_origins`.
const api = { target: process.env.API ?? "http://127.0.0.1:8000", changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": api, "/auth": api } },
});
