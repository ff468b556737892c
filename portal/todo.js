// One to-do: shows what the API says of it, draws its form, sends its outcomes. Keeps its token in this tab only.
'use strict';

const api = '/api/v1';
const id = location.pathname.split('/').pop();
const section = document.getElementById('todo');
const login = document.getElementById('login');
const message = document.getElementById('message');

function say(text, kind) {
  message.textContent = text;
  message.className = kind || '';
}

async function call(method, path, body, headers) {
  const token = sessionStorage.getItem('token');
  const response = await fetch(api + path, {
    method,
    headers: Object.assign(
      {'Accept-Language': navigator.language},
      body === undefined || body instanceof FormData ? {} : {'Content-Type': 'application/json'},
      token ? {Authorization: 'Bearer ' + token} : {},
      headers,
    ),
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (response.status === 401 && path !== '/auth/login') {
    sessionStorage.removeItem('token');
    section.hidden = true;
    login.hidden = false;
  }
  if (!response.ok) throw new Error(answer.title + (answer.detail ? '：' + answer.detail : ''));
  return answer;
}

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return Object.assign(made, attributes);
}

function shown(field) {
  const value = field.value;
  if (value === null || value === '') return '—';
  if (field.type === 'money') return (value / 100).toLocaleString('zh-CN', {minimumFractionDigits: 2}) + ' 元';
  if (field.type === 'time') return new Date(value).toLocaleString('zh-CN', {timeZone: 'Asia/Shanghai'});
  if (field.type === 'bool') return value ? '是' : '否';
  if (field.type === 'enum' && field.labels) return field.labels[field.options.indexOf(value)] || value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// An amount is read as text: a binary fraction would be off by a fen.
function fen(text) {
  const match = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(',', ''));
  if (!match) throw new Error('金额格式不正确：' + text);
  return Number(match[1]) * 100 + Number((match[2] || '').padEnd(2, '0'));
}

function input(field, value) {
  const start = value === undefined ? field.value : value;
  let control;
  let read;
  if (field.type === 'bool') {
    control = element('input', '', {type: 'checkbox', checked: start === true});
    read = () => control.checked;
  } else if (field.type === 'enum') {
    control = element('select');
    if (field.optional) control.append(element('option', '', {value: ''}));
    field.options.forEach((option, at) => control.append(element('option', (field.labels || [])[at] || option, {value: option})));
    control.value = start ?? (field.optional ? '' : field.options[0]);
    read = () => control.value || null;
  } else if (field.type === 'money') {
    control = element('input', '', {inputMode: 'decimal', value: start === null ? '' : (start / 100).toFixed(2)});
    read = () => (control.value === '' ? null : fen(control.value));
  } else if (field.type === 'int' || field.type === 'duration') {
    control = element('input', '', {type: 'number', step: 1, value: start ?? ''});
    read = () => (control.value === '' ? null : Number(control.value));
  } else if (field.type === 'time') {
    // The field shows China's time wherever the browser is: UTC+8, without summer time.
    const local = start === null ? '' : new Date(start + 8 * 3600000).toISOString().slice(0, 16);
    control = element('input', '', {type: 'datetime-local', value: local});
    read = () => (control.value === '' ? null : Date.parse(control.value + '+08:00'));
  } else if (field.type === 'file' || field.type === 'files') {
    control = element('input', '', {type: 'file', multiple: field.type === 'files'});
    read = async () => {
      const ids = [];
      for (const file of control.files) {
        const form = new FormData();
        form.append('file', file);
        ids.push((await call('POST', '/files', form, {'Idempotency-Key': crypto.randomUUID()})).id);
      }
      if (ids.length === 0) return start ?? null;
      return field.type === 'files' ? ids : ids[0];
    };
  } else if (field.type === 'list' || field.type === 'form') {
    return group(field, start);
  } else {
    control = element(field.type === 'rich' ? 'textarea' : 'input', '', {value: start ?? ''});
    read = () => control.value;
  }
  const label = element('label', field.title || field.name);
  label.append(control);
  return {node: label, read};
}

// Rows of a list and entries of a form are fields within a field.
function group(field, start) {
  const box = element('fieldset');
  box.append(element('legend', field.title || field.name));
  if (field.type === 'form') {
    const inner = field.fields.map((one) => [one.name, input(Object.assign({value: null}, one), (start || {})[one.name] ?? null)]);
    inner.forEach(([, part]) => box.append(part.node));
    return {node: box, read: () => collect(inner)};
  }
  const rows = [];
  const add = (row) => {
    const inner = field.columns.map((one) => [one.name, input(Object.assign({value: null}, one), row[one.name] ?? null)]);
    inner.forEach(([, part]) => box.insertBefore(part.node, more));
    rows.push(inner);
  };
  const more = element('button', '增加一行', {type: 'button', className: 'plain', onclick: () => rows.length < field.max && add({})});
  box.append(more);
  (start || []).forEach(add);
  return {node: box, read: () => Promise.all(rows.map(collect))};
}

async function collect(parts) {
  const values = {};
  for (const [name, part] of parts) {
    const value = await part.read();
    if (value !== null) values[name] = value;
  }
  return values;
}

async function act(name, path, body) {
  try {
    say('正在提交…');
    await call('POST', path, body, {'Idempotency-Key': crypto.randomUUID()});
    section.hidden = true;
    say('已办理。', 'done');
    if (name === 'claim' || name === 'release') await load();
  } catch (error) {
    say(error.message, 'error');
  }
}

function draw(todo) {
  section.replaceChildren(element('h1', todo.title));
  if (todo.due) section.append(element('p', '办理期限：' + shown({type: 'time', value: todo.due}) + (todo.provisional ? '（预计）' : ''), {className: 'small'}));
  const list = element('dl');
  todo.show.forEach((field) => list.append(element('dt', field.title), element('dd', shown(field))));
  section.append(list);
  const draft = todo.draft || {};
  const parts = [];
  for (const page of todo.pages) {
    if (page.title) section.append(element('h2', page.title));
    for (const field of page.fields) {
      const part = input(field, draft[field.name]);
      parts.push([field.name, part]);
      section.append(part.node);
    }
  }
  if (todo.sign) section.append(element('p', '签署的文件摘要：' + todo.sign.digest, {className: 'small'}));
  for (const outcome of todo.outcome_forms) {
    const extra = outcome.fields.filter((field) => !parts.some(([name]) => name === field.name)).map((field) => [field.name, input(field)]);
    extra.forEach(([, part]) => section.append(part.node));
    const send = async () => {
      try {
        const body = await collect(parts.concat(extra));
        if (outcome.name === 'signed' && todo.sign) body.digest = todo.sign.digest;
        await act(outcome.name, `/todos/${id}/outcomes/${outcome.name}`, body);
      } catch (error) {
        say(error.message, 'error');
      }
    };
    section.append(element('button', outcome.title || outcome.name, {type: 'button', onclick: send}));
  }
  if (todo.acts.includes('claim') && !todo.claimed) {
    section.append(element('button', '认领', {type: 'button', className: 'plain', onclick: () => act('claim', `/todos/${id}/claim`, {})}));
  }
  section.hidden = false;
  login.hidden = true;
}

async function load() {
  try {
    draw(await call('GET', '/todos/' + id));
    say('');
  } catch (error) {
    say(sessionStorage.getItem('token') ? error.message : '', 'error');
  }
}

login.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const name = document.getElementById('name').value;
    const password = document.getElementById('password').value;
    sessionStorage.setItem('token', (await call('POST', '/auth/login', {name, password})).access_token);
    await load();
  } catch (error) {
    say(error.message, 'error');
  }
});

load();
