// Shows the lines. Everything that somebody wrote is set as text.

const NAMES = { user: "You", bot: "Bot", human: "Person", system: "" };
const DELIVERY = { sending: "Sending…", delivered: "Delivered", not_delivered: "Not delivered" };

export class Lines {
  constructor(list) {
    this.list = list;
    this.items = new Map();
    this.atEnd = true;
    list.addEventListener("scroll", () => {
      this.atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    }, { passive: true });
    // The list shrinks when a keyboard comes up or the details are opened: the end stays in view.
    new ResizeObserver(() => {
      if (this.atEnd) this.toEnd();
    }).observe(list);
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.atEnd = true;
  }

  clear() {
    this.items.clear();
    this.list.replaceChildren();
  }

  // Adds new lines and changes the known ones, by id.
  merge(lines) {
    let mine = false;
    for (const line of lines) {
      let item = this.items.get(line.id);
      if (!item) {
        item = make(line);
        this.items.set(line.id, item);
        this.list.append(item);
        mine ||= line.author === "user";
      }
      show(item, line);
    }
    if (this.atEnd || mine) this.toEnd();
  }
}

function make(line) {
  const item = document.createElement("li");
  item.className = "line";
  item.dataset.test = "line";
  item.dataset.author = line.author;
  const text = document.createElement("p");
  text.className = "line-text";
  text.dir = "auto";
  item.append(text);
  if (line.author !== "system") {
    const meta = document.createElement("p");
    meta.className = "line-meta";
    item.append(meta);
  }
  return item;
}

function show(item, line) {
  item.querySelector(".line-text").textContent = line.text;
  if (line.delivery) item.dataset.delivery = line.delivery;
  const meta = item.querySelector(".line-meta");
  if (!meta) return;
  const time = new Date(line.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const parts = [NAMES[line.author], time, DELIVERY[line.delivery]];
  meta.textContent = parts.filter(Boolean).join(" · ");
}
