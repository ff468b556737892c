// The announced sessions by day: when, what, how many at once, and which day is the busiest. Needs nobody to sign in, changes nothing.
'use strict';

const DAY = 86400000;
const OFFSET = 8 * 3600000;
const at = (name) => document.getElementById(name);

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return Object.assign(made, attributes);
}

// China's clock, whatever the reader's machine is set to.
const clock = (millis) => new Date(millis + OFFSET).toISOString().slice(11, 16);
const dayOf = (millis) => new Date(millis + OFFSET).toISOString().slice(0, 10);
const begins = (day) => Date.parse(day + 'T00:00:00Z') - OFFSET;
const weekday = (day) => '日一二三四五六'[new Date(begins(day) + OFFSET).getUTCDay()];
const named = (day) => day.slice(0, 4) + '年' + Number(day.slice(5, 7)) + '月' + Number(day.slice(8)) + '日 星期' + weekday(day);

// A session that began the day before, or ends the day after, says so.
function hours(one, day) {
  const first = one.from < begins(day) ? dayOf(one.from) + ' ' : '';
  const last = one.until > begins(day) + DAY ? dayOf(one.until) + ' ' : '';
  return first + clock(one.from) + '–' + last + clock(one.until);
}

function table(sessions, day) {
  const head = element('tr');
  head.append(...['时间', '标的', '状态'].map((title) => element('th', title)));
  const rows = sessions.map((one) => {
    const row = element('tr');
    const title = element('td');
    title.append(element('a', one.title, {href: one.page}));
    row.append(element('td', hours(one, day)), title, element('td', one.state));
    return row;
  });
  const made = element('table');
  made.append(head, ...rows);
  return made;
}

function use(slots) {
  const list = element('ul', '', {className: 'use'});
  list.append(...slots.map((slot) => {
    const text = clock(slot.from) + '–' + clock(slot.until) + ' ' + slot.announced + '/' + slot.limit + ' 场';
    return element('li', text, {className: slot.announced >= slot.limit ? 'full' : ''});
  }));
  return list;
}

function block(day, answer) {
  const [from, until] = [begins(day.day), begins(day.day) + DAY];
  const touches = (one) => one.from < until && one.until > from;
  const made = element('section', '', {className: 'day', id: 'day-' + day.day});
  if (day.day === answer.busiest) made.classList.add('busiest');
  const head = element('h2', named(day.day));
  head.append(element('span', day.sessions + ' 场，同时最多 ' + day.most + ' 场', {className: 'small'}));
  const own = answer.slots.filter(touches).map((slot) => Object.assign({}, slot, {
    from: Math.max(slot.from, from), until: Math.min(slot.until, until),
  }));
  made.append(head, use(own), table(answer.items.filter(touches), day.day));
  return made;
}

function show(answer) {
  at('span').textContent = dayOf(answer.from) + ' 至 ' + dayOf(answer.until - 1);
  at('days').replaceChildren(...answer.days.map((day) => block(day, answer)));
  const busiest = answer.days.find((day) => day.day === answer.busiest);
  at('busiest').hidden = !busiest;
  if (busiest) at('busiest').textContent = '最忙的一天：' + named(busiest.day) + '，' + busiest.sessions + ' 场，同时最多 ' + busiest.most + ' 场';
  at('message').textContent = answer.days.length ? '' : '这段时间没有已公告的场次。';
}

let asked = 0;

async function load(query) {
  const own = ++asked;
  try {
    const response = await fetch('/api/v1/sessions' + query, {headers: {'Accept-Language': 'zh-CN'}});
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail || answer.title);
    // A slower answer to an earlier question must not take the place of this one's.
    if (own !== asked) return;
    show(answer);
    const turn = (from) => () => load('?from=' + from + '&to=' + (from + answer.until - answer.from));
    at('earlier').onclick = turn(answer.from - (answer.until - answer.from));
    at('later').onclick = turn(answer.until);
  } catch (error) {
    at('message').textContent = '暂时读不到场次，请稍后刷新：' + error.message;
  }
}

load(location.search);
