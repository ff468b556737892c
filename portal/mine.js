// What the signed-in party takes part in: projects, deposits, to-dos, and the way into the room. Changes nothing.
'use strict';

function line(cells) {
  const row = element('tr');
  for (const cell of cells) {
    const made = element('td', typeof cell === 'string' ? cell : '');
    if (typeof cell !== 'string' && cell) made.append(cell);
    row.append(made);
  }
  return row;
}

const fill = (name, rows) => document.getElementById(name).replaceChildren(...rows);
const money = (value) => (value === undefined ? '—' : shown({type: 'money', value}));

// The room of a lot, once there is one.
async function roomOf(listing) {
  const shownListing = await call('GET', '/instances/' + listing);
  return {listing: shownListing, room: shownListing.children.find((child) => child.machine === 'auction')};
}

async function one(item) {
  const {listing, room} = await roomOf(item.parent);
  const own = (await call('GET', '/instances/' + item.id)).data;
  const name = listing.data.name || item.title;
  const link = element('a', name, {href: '/instances/' + item.parent});
  const enter = room
    ? element('a', '我要报价', {href: '/rooms/' + room.id})
    : element('a', '先练习一场', {href: '/practice?like=' + item.parent});
  return {
    trade: line([link, item.key || '—', item.states.map((state) => state.title).join('、'), enter]),
    deposit: line([name, money(listing.data.deposit), money(own.paid), money(own.owed), own.payment_reference || '—']),
  };
}

async function load() {
  if (session.token() === null) {
    login.hidden = false;
    return;
  }
  try {
    const items = (await every('/my/trades')).filter((item) => item.mine && item.machine === 'application' && item.parent);
    const rows = await Promise.all(items.map(one));
    fill('trades', rows.map((row) => row.trade));
    fill('deposits', rows.map((row) => row.deposit));
    const todos = await every('/todos');
    const due = (todo) => (todo.due ? shown({type: 'time', value: todo.due}) : '—');
    fill('todos', todos.map((todo) => line([todo.title, due(todo), element('a', '办理', {href: '/todos/' + todo.id})])));
    section.hidden = false;
    login.hidden = true;
    say(todos.length === 0 ? '现在没有待办的事项。' : '');
  } catch (error) {
    say(error.message, 'error');
  }
}
