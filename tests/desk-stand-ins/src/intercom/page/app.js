// The agent's inbox. What was written is put in as text, never as HTML.

const $ = (id) => document.getElementById(id);
let chosen = location.hash.slice(1);
let shown = "";

async function refresh() {
  const answer = await fetch("/agent/api/conversations");
  const text = await answer.text();
  if (text + chosen === shown) return;
  shown = text + chosen;
  show(JSON.parse(text).conversations);
}

function show(conversations) {
  $("none").hidden = conversations.length > 0;
  $("list").replaceChildren(...[...conversations].reverse().map(item));
  const open = conversations.find(({ id }) => id === chosen);
  $("open").hidden = !open;
  if (!open) return;
  $("about").textContent = open.about;
  $("state").textContent = open.mine ? `${open.state}, mine` : open.state;
  const lines = $("lines");
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.replaceChildren(...open.lines.map(line));
  if (atEnd) lines.scrollTop = lines.scrollHeight;
}

function item({ id, about, state }) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${about} (${state})`;
  button.setAttribute("aria-current", String(id === chosen));
  button.addEventListener("click", () => {
    chosen = id;
    history.replaceState(null, "", `#${id}`);
    refresh();
  });
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

function line({ from, text }) {
  const entry = document.createElement("li");
  entry.dataset.from = from;
  entry.textContent = text;
  return entry;
}

// One at a time: what was typed first must arrive first.
let last = Promise.resolve();

function act(name, text = "") {
  const id = chosen;
  last = last.then(() => send(id, name, text)).catch((error) => tell(String(error)));
  return last;
}

async function send(id, name, text) {
  const answer = await fetch(`/agent/api/conversations/${encodeURIComponent(id)}/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text }),
  });
  if (!answer.ok) throw new Error(`The stand-in answered ${answer.status}.`);
  const refused = (await answer.json()).webhooks.filter((status) => status !== 200);
  tell(refused.length ? `The bridge answered a webhook with ${refused.join(", ")}.` : "");
  await refresh();
}

function tell(trouble) {
  $("trouble").textContent = trouble;
  $("trouble").hidden = !trouble;
}

function typed() {
  const text = $("text").value.trim();
  $("text").value = "";
  return text;
}

$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = typed();
  if (text) act("say", text);
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("write").requestSubmit();
});
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => {
    const name = button.dataset.act;
    const text = name === "note" || name === "file" ? typed() : "";
    if (text || (name !== "note" && name !== "file")) act(name, text);
  });
}

refresh();
setInterval(() => refresh().catch(() => {}), 700);
