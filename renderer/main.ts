import { mount } from "svelte";
import { AgentClient } from "./agent/client.ts";
import { PortTransport } from "./agent/port-transport.ts";
import { SocketTransport } from "./agent/socket-transport.ts";
import { askAuthorized, tradeToken } from "./agent/token.ts";
import type { Transport } from "./agent/transport.ts";
import { AppController } from "./app.svelte.ts";
import App from "./App.svelte";
import { createClientId } from "./grid/edit-id.ts";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";

/** In the desktop app the page comes from `app://` and the agent through a port. */
async function openTransport(): Promise<Transport> {
  if (!window.location.protocol.startsWith("http")) return new PortTransport(window);
  await tradeToken(window.location, window.history);
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  return new SocketTransport(`${scheme}://${window.location.host}/ws`, askAuthorized);
}

async function start(): Promise<void> {
  const client = new AgentClient(await openTransport(), createClientId());
  const app = new AppController(client, window);
  const target = document.getElementById("app");
  if (target === null) throw new Error("index.html has an element with the id app");
  mount(App, { target, props: { app } });
  client.start();
}

void start();
