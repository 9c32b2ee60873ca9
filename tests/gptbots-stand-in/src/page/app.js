import { get, post } from "./api.js";
import { Lines } from "./lines.js";

const $ = (id) => document.getElementById(id);
const lines = new Lines($("lines"));
const profile = $("profile");
const message = $("message");

const HINTS = {
  bot: "You are talking to the bot.",
  busy: "Nobody is free right now. The bot is here.",
  connecting: "Looking for a person…",
  connected: "You are talking to a person.",
};
const ENDED = {
  user: "You have left. The bot is back.",
  bridge: "The conversation was closed. The bot is back.",
  timeout: "Nobody answered in time. The bot is back.",
};

let user;
let source;

// Which user: the address says so; else the one before the reload (in a frame the address is the
// embedding page's business, so the tab remembers it); else a new one.
const query = new URLSearchParams(location.search);
const framed = window.top !== window;

function remembered() {
  const inHash = new URLSearchParams(location.hash.slice(1)).get("user");
  return query.get("user") ?? inHash ?? (framed ? stored() : null);
}

function stored() {
  try {
    return sessionStorage.getItem("user");
  } catch {
    return null;
  }
}

function remember(key) {
  if (!query.get("user")) history.replaceState(null, "", key ? `#user=${key}` : location.pathname);
  try {
    if (key) sessionStorage.setItem("user", key);
    else sessionStorage.removeItem("user");
  } catch {
    // A browser without storage keeps the user in the address.
  }
}

async function open(bot) {
  const opened = await post("/page/api/users", {
    user: user ?? remembered(),
    bot: bot ?? query.get("bot"),
  });
  user = opened.user;
  remember(user);
  $("bot").textContent = opened.bot.name;
  document.title = opened.bot.name;
  profile.elements.bot.value = opened.bot.id;
  for (const [name, value] of Object.entries(opened.profile)) {
    const field = profile.elements[name];
    if (field && document.activeElement !== field) field.value = value ?? "";
  }
  showPhone();
  listen();
}

function listen() {
  source?.close();
  source = new EventSource(`/page/api/users/${user}/events`);
  source.onopen = () => trouble("");
  source.onmessage = (event) => {
    const { reset, head, lines: changed } = JSON.parse(event.data);
    if (reset) lines.clear();
    show(head);
    lines.merge(changed);
  };
  source.onerror = () => {
    trouble("The connection is lost. Trying again…");
    // The browser tries again by itself, but not when the server does not know the user any more
    // because it was restarted.
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 1000);
  };
}

function show(head) {
  const status = head.status.is;
  const open = head.asking || status === "connecting" || status === "connected";
  const pill = $("status");
  pill.textContent = status;
  pill.dataset.status = status;
  $("hint").textContent =
    head.asking ? "Asking for a person…" : status === "ended" ? ENDED[head.status.by] : HINTS[status];
  $("human").hidden = open;
  $("human").disabled = open;
  $("leave").hidden = !open;
  for (const field of profile.elements) field.disabled = open && field.id !== "fresh";
  document.body.dataset.open = open;
}

function trouble(text) {
  const place = $("trouble");
  place.textContent = text;
  place.hidden = !text;
}

async function start() {
  try {
    await open();
  } catch (error) {
    trouble(error.status ? error.message : "The server cannot be reached. Trying again…");
    if (!error.status) setTimeout(start, 1000);
  }
}

async function act(name, body) {
  try {
    await post(`/page/api/users/${user}/${name}`, body);
    trouble("");
    return true;
  } catch (error) {
    trouble(error.status ? error.message : "That did not arrive. Try again.");
    return false;
  }
}

function showPhone() {
  const channel = profile.elements.conversation_type.value;
  $("phone").hidden = !channel.startsWith("WHATSAPP") && !profile.elements.phone.value;
}

$("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = message.value;
  if (!text.trim() || !user) return;
  message.value = "";
  message.focus();
  // Nothing typed is lost, also not what was typed since.
  if (!(await act("messages", { text }))) {
    message.value = [text, message.value].filter(Boolean).join("\n");
  }
});

message.addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word. Safari tells only by the key code.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || composing) return;
  event.preventDefault();
  $("write").requestSubmit();
});

$("human").addEventListener("click", () => {
  // A second press before the answer would be a second request.
  $("human").disabled = true;
  act("human").then((done) => {
    if (!done) $("human").disabled = false;
  });
});

$("leave").addEventListener("click", () => act("leave"));

profile.addEventListener("submit", (event) => event.preventDefault());

profile.addEventListener("change", (event) => {
  if (event.target.name === "bot") {
    user = undefined;
    remember(null);
    lines.clear();
    open(event.target.value).catch((error) => trouble(error.message));
    return;
  }
  showPhone();
  const told = {};
  for (const name of ["user_name", "email", "user_id", "conversation_type", "phone"]) {
    told[name] = profile.elements[name].value.trim() || null;
  }
  act("profile", told);
});

$("fresh").addEventListener("click", () => {
  remember(null);
  location.assign(location.pathname);
});

async function showBots() {
  const { bots } = await get("/page/api/bots");
  const choice = profile.elements.bot;
  choice.replaceChildren(...bots.map((bot) => new Option(bot.name, bot.id)));
  $("bots").hidden = bots.length < 2 || query.has("user");
}

// In a frame the focus is the embedding page's; on a phone it would bring up the keyboard.
if (!framed && matchMedia("(hover: hover)").matches) message.focus();
await showBots().catch(() => {});
start();
