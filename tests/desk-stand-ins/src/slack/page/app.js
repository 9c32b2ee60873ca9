// The agent's side of a channel. Everything that somebody wrote is set as text.

const $ = (id) => document.getElementById(id);
const NAMES = { user: "User", app: "Handoff", agent: "Ken", note: "Ken, to colleagues" };

let threads = [];
let open = null;
let shown = "";

async function load() {
  try {
    const response = await fetch("/page/api/threads");
    if (response.ok) {
      threads = (await response.json()).threads;
      show();
    }
  } catch {
    // The stand-in is gone; when it is back, the next round shows it.
  }
  setTimeout(load, 700);
}

function show() {
  // Nothing new: what somebody selects or focuses stays.
  const now = JSON.stringify([open, threads]);
  if (now === shown) return;
  shown = now;
  $("none").hidden = threads.length > 0;
  open ??= threads.at(-1)?.reference ?? null;
  $("threads").replaceChildren(...threads.map((thread) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.test = "thread";
    button.dataset.closed = thread.closed;
    button.setAttribute("aria-current", thread.reference === open);
    button.textContent = thread.about.split("\n").slice(0, 2).join("\n");
    button.addEventListener("click", () => {
      open = thread.reference;
      show();
    });
    item.append(button);
    return item;
  }).reverse());
  const thread = threads.find((thread) => thread.reference === open);
  $("thread").hidden = !thread;
  if (!thread) return;
  $("about").textContent = thread.about;
  $("claim").hidden = !thread.buttons.includes("Claim");
  $("close").hidden = !thread.buttons.includes("Close chat");
  const list = $("lines");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.replaceChildren(...thread.lines.map(line));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function line(line) {
  const item = document.createElement("li");
  item.className = "line";
  item.dataset.test = "line";
  item.dataset.from = line.from;
  const from = document.createElement("p");
  from.className = "line-from";
  from.textContent = line.accident ? `${NAMES[line.from]} (${line.accident})` : NAMES[line.from];
  const text = document.createElement("p");
  text.className = "line-text";
  text.dir = "auto";
  text.textContent = line.text;
  item.append(from, text);
  return item;
}

async function act(wish) {
  const response = await fetch("/page/api/acts", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reference: open, ...wish }),
  }).catch(() => null);
  const statuses = response?.ok ? (await response.json()).statuses : [0];
  const failed = statuses.find((status) => status < 200 || status > 299);
  $("trouble").hidden = failed === undefined;
  $("trouble").textContent = failed ? `The bridge answered ${failed}.` : "The bridge did not answer.";
  return failed === undefined;
}

$("claim").addEventListener("click", () => act({ act: "claim" }));
$("close").addEventListener("click", () => act({ act: "close" }));
$("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = $("file").files;
  if (file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    if (await act({ act: "file", text: file.name, file: btoa(binary) })) $("file").value = "";
  }
  const text = $("text").value;
  if (text.trim() && (await act({ act: "say", text }))) $("text").value = "";
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("write").requestSubmit();
});

load();
