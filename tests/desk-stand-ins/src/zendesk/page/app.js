// The agent's page. What people wrote goes in as text only.

const element = (id) => document.getElementById(id);
let chosen = null;
let shown = "";

function line({ from, text }) {
  const item = document.createElement("li");
  item.className = from;
  item.dataset.from = from;
  item.textContent = text;
  return item;
}

function entry(ticket) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.ticket = ticket.id;
  button.textContent = `#${ticket.id} · ${ticket.status} · ${ticket.subject}`;
  button.setAttribute("aria-current", String(ticket.id === chosen));
  button.addEventListener("click", () => {
    chosen = ticket.id;
    refresh();
  });
  item.append(button);
  return item;
}

function show({ agent, tickets }) {
  element("agent").textContent = agent;
  element("none").hidden = tickets.length > 0;
  chosen ??= tickets[0]?.id ?? null;
  element("tickets").replaceChildren(...tickets.map(entry));
  const ticket = tickets.find(({ id }) => id === chosen);
  element("ticket").hidden = !ticket;
  if (!ticket) return;
  element("subject").textContent = ticket.subject;
  element("status").textContent = ticket.status;
  element("people").textContent = `${ticket.requester} · ${ticket.assignee ?? "nobody has it"}`;
  element("lines").replaceChildren(...ticket.lines.map(line));
  element("lines").scrollTop = element("lines").scrollHeight;
}

async function refresh() {
  try {
    const answer = await fetch("/agent/api/tickets");
    const text = await answer.text();
    if (text + chosen !== shown) {
      show(JSON.parse(text));
      shown = text + chosen;
    }
  } catch {
    element("trouble").textContent = "The stand-in does not answer.";
  }
}

async function act(body) {
  const answer = await fetch(`/agent/api/tickets/${chosen}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const { statuses = [] } = answer.ok ? await answer.json() : {};
  const wrong = statuses.filter((status) => status !== 200);
  const told = wrong.length ? `The webhook was answered ${wrong.join(", ")}.` : "";
  element("trouble").textContent = answer.ok ? told : `The stand-in answered ${answer.status}.`;
  await refresh();
}

element("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value;
  if (!text.trim()) return;
  element("text").value = "";
  act({ act: event.submitter?.value === "note" ? "note" : "say", text });
});

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => act({ act: button.dataset.act }));
}

element("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  target.value = "";
  act({ act: "file", name: file.name, content: btoa(binary) });
});

refresh();
setInterval(refresh, 700);
