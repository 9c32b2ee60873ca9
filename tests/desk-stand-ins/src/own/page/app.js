// Plays the agent. What anybody wrote is only ever set as text.
const $ = (id) => document.getElementById(id);
let chosen = null;
let shown = "";

async function look() {
  const answer = await fetch("/page/api/conversations");
  const { conversations } = await answer.json();
  const text = JSON.stringify([chosen, conversations]);
  if (text === shown) return;
  chosen ??= conversations[0]?.reference ?? null;
  shown = JSON.stringify([chosen, conversations]);
  draw(conversations);
}

function draw(conversations) {
  $("none").hidden = conversations.length > 0;
  $("list").replaceChildren(...conversations.map((talk) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${talk.reference} · ${talk.about.split("\n")[0]}${talk.closed ? " · closed" : ""}`;
    button.setAttribute("aria-current", String(talk.reference === chosen));
    button.addEventListener("click", () => {
      chosen = talk.reference;
      look();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  const talk = conversations.find((talk) => talk.reference === chosen);
  $("talk").hidden = !talk;
  if (!talk) return;
  $("about").textContent = talk.about;
  $("state").textContent = talk.closed ? "closed" : "open";
  const lines = $("lines");
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.replaceChildren(...talk.lines.map((line) => {
    const item = document.createElement("li");
    item.className = line.from;
    item.textContent = line.text;
    return item;
  }));
  if (atEnd) lines.scrollTop = lines.scrollHeight;
}

async function act(act, text = "") {
  const answer = await fetch("/page/api/acts", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ reference: chosen, act, text }),
  });
  const { statuses } = await answer.json();
  const bad = statuses.filter((status) => status < 200 || status > 299);
  $("trouble").hidden = bad.length === 0;
  $("trouble").textContent = bad.length ? `The bridge answered ${bad.join(", ")}.` : "";
  await look();
}

function write(what) {
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  act(what, text);
}

$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  write("say");
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    write("say");
  }
});
$("note").addEventListener("click", () => write("note"));
$("claim").addEventListener("click", () => act("claim"));
$("close").addEventListener("click", () => act("close"));
look();
setInterval(look, 500);
