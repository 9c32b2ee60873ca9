// The switches for faults: what is offered, what else was asked for, and how often each happened.

/** What the page offers: the language's text, and what it does in plain words. */
const OFFERED = [
  ['gptbots:503', 'GPTBots is down (HTTP 503)'],
  ['gptbots:hang', 'GPTBots does not answer'],
  ['gptbots:slow=2s', 'GPTBots answers 2 seconds late'],
  ['gptbots:429(retry-after=7)', 'GPTBots asks for a pause of 7 seconds'],
  ['gptbots:code=50000', 'GPTBots answers 200 with an error code'],
  ['gptbots:drop', 'GPTBots closes the connection'],
  ['gptbots:close-midway=20%', 'GPTBots takes every fifth line and breaks off its answer'],
  ['gptbots:rubbish', 'GPTBots answers with rubbish'],
  ['desk:503', 'The desk is down (a stand-in of --desk)'],
  ['desk:hang', 'The desk does not answer'],
  ['desk:drop', 'The desk takes every line and breaks off its answer'],
  ['dynamodb:throttle=10%', 'DynamoDB throttles every tenth call'],
  ['dynamodb:conflict=10%', 'Every tenth write collides with another transaction'],
  ['dynamodb:timeout-after-write=5%', 'DynamoDB writes, but its answer gets lost'],
  ['relay:kill=20%', 'Every fifth run of the relay dies on the way'],
  ['relay:overlap', 'Two relays get every bell at once'],
  ['bells:lose=50%', 'Every second bell gets lost'],
  ['bells:double', 'Every bell comes twice'],
  ['bells:delay=3s', 'Bells are late by up to 3 seconds'],
  ['webhooks:repeat', 'GPTBots sends every webhook twice'],
  ['webhooks:reorder=30%', 'GPTBots sends some webhooks out of order'],
  ['clock:skew=±3s', 'Clocks differ by up to 3 seconds'],
];
const REFRESH = 1000;

const at = (id) => document.getElementById(id);
const rows = new Map();

/** The row of a fault; made when it is seen first. */
function rowOf(fault, words) {
  const known = rows.get(fault);
  if (known) {
    return known;
  }
  const item = document.createElement('li');
  const label = document.createElement('label');
  const box = document.createElement('input');
  const text = document.createElement('code');
  const met = document.createElement('span');
  box.type = 'checkbox';
  box.dataset.test = 'fault';
  box.dataset.fault = fault;
  text.textContent = fault;
  met.className = 'met';
  met.dataset.test = 'fault-met';
  label.append(box, words ? ` ${words} ` : ' ', text);
  item.append(label, met);
  at('fault-list').append(item);
  box.addEventListener('change', () => change(fault, box.checked));
  const row = { box, met };
  rows.set(fault, row);
  return row;
}

function show(faults) {
  let on = 0;
  for (const fault of faults) {
    const row = rowOf(fault.fault);
    row.box.checked = fault.on;
    row.met.textContent = fault.met > 0 ? `${fault.met}×` : '';
    row.met.dataset.met = fault.met;
    on += fault.on ? 1 : 0;
  }
  at('faults-on').textContent = on > 0 ? `(${on} on)` : '';
}

async function ask(wish) {
  const options = wish && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(wish),
  };
  const answer = await fetch('sandbox/faults', options);
  return { fine: answer.ok, body: await answer.json() };
}

/** Switches a fault. Returns whether it worked; what is wrong with it is shown. */
async function change(fault, on) {
  at('fault-error').textContent = '';
  try {
    const { fine, body } = await ask({ fault, on });
    if (fine) {
      show(body);
    } else {
      at('fault-error').textContent = `Character ${body.at + 1}: ${body.message}`;
    }
    return fine;
  } catch {
    at('fault-error').textContent = 'The sandbox does not answer.';
    return false;
  }
}

async function refresh() {
  try {
    const { fine, body } = await ask();
    if (fine) {
      show(body);
    }
  } catch {
    // It may be starting again: the next look will tell.
  }
  setTimeout(refresh, REFRESH);
}

for (const [fault, words] of OFFERED) {
  rowOf(fault, words);
}
at('fault-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = at('fault-text');
  if (await change(input.value.trim(), true)) {
    input.value = '';
  }
});
refresh();
