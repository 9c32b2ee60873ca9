// The agent's page. Everything that somebody wrote is set as text.

const $ = (id) => document.getElementById(id);
const NAMES = { user: "Contact", bridge: "GPTBots (private)", agent: "You", note: "You (private)" };

let chosen = location.hash.slice(1);
let shown = "";

async function refresh() {
  try {
    const answer = await fetch("/page/api/conversations");
    const { conversations } = await answer.json();
    show(conversations);
  } catch {
    trouble("The server cannot be reached. Trying again…");
  }
  setTimeout(refresh, 500);
}

function show(conversations) {
  if (!conversations.some((one) => one.reference === chosen)) {
    chosen = conversations.at(-1)?.reference ?? "";
  }
  // Nothing moves under a reader while nothing is new.
  const now = JSON.stringify([chosen, conversations]);
  if (now === shown) return;
  shown = now;
  $("list").replaceChildren(...conversations.toReversed().map(choice));
  const one = conversations.find((one) => one.reference === chosen);
  $("about").textContent = one ? `#${one.reference} ${one.about}` : "No conversation yet";
  $("status").textContent = one ? (one.closed ? "resolved" : "open") : "";
  $("claim").disabled = $("close").disabled = !one || one.closed;
  $("reopen").hidden = !one?.closed;
  $("lines").replaceChildren(...(one?.lines ?? []).map(line));
  $("lines").scrollTop = $("lines").scrollHeight;
}

function choice(one) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `#${one.reference} ${one.about}${one.closed ? " (resolved)" : ""}`;
  button.setAttribute("aria-current", String(one.reference === chosen));
  button.addEventListener("click", () => {
    chosen = one.reference;
    history.replaceState(null, "", `#${chosen}`);
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function line({ from, text }) {
  const item = document.createElement("li");
  item.dataset.test = "line";
  item.dataset.from = from;
  const who = document.createElement("b");
  who.textContent = NAMES[from];
  const said = document.createElement("p");
  said.className = "line-text";
  said.dir = "auto";
  said.textContent = text;
  item.append(who, said);
  return item;
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

// A webhook is tried once: where it was not taken, the message is marked as failed.
async function act(name, text = "") {
  if (!chosen) return false;
  const answer = await fetch(`/page/api/conversations/${chosen}/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text }),
  }).catch(() => null);
  const { answers = [] } = (await answer?.json().catch(() => null)) ?? {};
  const failed = !answer?.ok || answers.some((status) => status < 200 || status > 299);
  trouble(failed ? "A webhook was not taken by the other side." : "");
  return Boolean(answer?.ok);
}

for (const name of ["claim", "close", "reopen"]) {
  $(name).addEventListener("click", () => act(name));
}

$("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("message").value;
  if (!text.trim() || !chosen) return;
  $("message").value = "";
  $("message").focus();
  // Nothing typed is lost, also not what was typed since.
  if (!(await act(event.submitter?.value || "say", text))) {
    $("message").value = [text, $("message").value].filter(Boolean).join("\n");
  }
});

$("message").addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word. Safari tells only by the key code.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || composing) return;
  event.preventDefault();
  $("write").requestSubmit();
});

refresh();
