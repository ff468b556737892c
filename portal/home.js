// The public list: notices by category and by text. Changes nothing.
'use strict';

const CATEGORIES = ['实物资产', '债权', '股权', '特许经营权', '未来经营权'];
const list = {category: '', q: '', next: null};

function line(item) {
  const {data} = item;
  const row = element('tr');
  const name = element('td');
  name.append(element('a', data.name || item.title, {href: '/instances/' + item.id}), element('p', data.project_code, {className: 'small'}));
  const money = data.start_price === undefined ? '—' : shown({type: 'money', value: data.start_price});
  const until = data.registration_end ? shown({type: 'time', value: data.registration_end}) : '—';
  const states = item.states.map((state) => state.title).join('、');
  row.append(name, ...[data.category || '—', money, until, states].map((text) => element('td', text)));
  return row;
}

async function show(after) {
  const query = new URLSearchParams({limit: '20'});
  if (list.category) query.set('category', list.category);
  if (list.q) query.set('q', list.q);
  if (after) query.set('after', after);
  const page = await call('GET', '/listings?' + query);
  const rows = page.items.map(line);
  const body = document.getElementById('listings');
  if (after) body.append(...rows);
  else body.replaceChildren(...rows);
  list.next = page.next;
  document.getElementById('more').hidden = !page.next;
  section.hidden = false;
  say(body.children.length === 0 ? '没有符合条件的公告。' : '');
}

const guarded = (work) => work().catch((error) => say(error.message, 'error'));

function tabs() {
  const one = (title, category) => element('button', title, {
    type: 'button',
    className: list.category === category ? '' : 'plain',
    onclick: () => {
      list.category = category;
      tabs();
      guarded(() => show());
    },
  });
  document.getElementById('categories').replaceChildren(one('全部', ''), ...CATEGORIES.map((name) => one(name, name)));
}

async function load() {
  tabs();
  await guarded(() => show());
}

document.getElementById('more').addEventListener('click', () => guarded(() => show(list.next)));
document.getElementById('search').addEventListener('submit', (event) => {
  event.preventDefault();
  list.q = document.getElementById('q').value.trim();
  guarded(() => show());
});
