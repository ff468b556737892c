// One to-do: shows what the API says of it, draws its form, sends its outcomes.
'use strict';

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
    control = element('input', '', {inputMode: 'decimal', value: start === null ? '' : plain(start)});
    read = () => (control.value === '' ? null : fenOf(control.value));
  } else if (field.type === 'int' || field.type === 'duration') {
    const scale = field.type === 'duration' ? 60000 : 1;
    control = element('input', '', {type: 'number', step: 'any', value: start === null || start === undefined ? '' : start / scale});
    read = () => (control.value === '' ? null : Math.round(Number(control.value) * scale));
  } else if (field.type === 'period') {
    return span(field, start);
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
        ids.push((await call('POST', '/files', form, {'Idempotency-Key': freshKey()})).id);
      }
      if (ids.length === 0) return start ?? null;
      return field.type === 'files' ? ids : ids[0];
    };
  } else if (field.type === 'list' || field.type === 'form') {
    return group(field, start);
  } else {
    control = element(field.type === 'rich' ? 'textarea' : 'input', '', {value: start ?? ''});
    // What was never filled in is not sent; what is emptied is sent empty.
    read = () => (control.value === '' && (start ?? '') === '' ? null : control.value);
  }
  const label = caption(field);
  label.append(control);
  return {node: label, read, control};
}

function caption(field) {
  const required = field.required === true || (field.required === undefined && field.optional === false && field.value === null);
  return element('label', (field.title || field.name) + (field.type === 'duration' ? '（分钟）' : '') + (required ? ' *' : ''));
}

// A period of time: a number and its unit.
function span(field, start) {
  const [count, unit] = String(start ?? '').split(' ');
  const number = element('input', '', {type: 'number', min: 0, step: 1, value: count});
  const units = element('select');
  Object.entries(UNITS).forEach(([value, text]) => units.append(element('option', text, {value})));
  if (UNITS[unit] || UNITS[unit + 's']) units.value = UNITS[unit] ? unit : unit + 's';
  const box = element('span', '', {className: 'pair'});
  box.append(number, units);
  const label = caption(field);
  label.append(box);
  return {node: label, read: () => (number.value === '' ? null : number.value + ' ' + units.value)};
}

// Fields that only some answers ask for are shown, and sent, with those answers alone.
const controls = {};
let known = {};

function applies(field) {
  if (!field.only_if) return true;
  const other = controls[field.only_if.field];
  const value = other === undefined ? known[field.only_if.field] : other.type === 'checkbox' ? other.checked : other.value;
  return value === undefined || field.only_if.values.includes(value);
}

const conditional = [];

function refresh() {
  for (const [field, node] of conditional) node.hidden = !applies(field);
}

// Rows of a list and entries of a form are fields within a field.
function group(field, start) {
  const box = element('fieldset');
  box.append(element('legend', field.title || field.name));
  if (field.type === 'form') {
    const inner = field.fields.map((one) => [one.name, input(Object.assign({value: null}, one), (start || {})[one.name] ?? null)]);
    inner.forEach(([, part], at) => {
      box.append(part.node);
      conditional.push([field.fields[at], part.node]);
    });
    return {node: box, read: () => collect(inner.filter((_, at) => applies(field.fields[at])))};
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
    await call('POST', path, body, {'Idempotency-Key': freshKey()});
    section.hidden = true;
    say('已办理。', 'done');
    if (name === 'claim' || name === 'release') await load();
  } catch (error) {
    say(error.message, 'error');
  }
}

function draw(todo, papers) {
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
      if (part.control) controls[field.name] = part.control;
      parts.push([field.name, part]);
      section.append(part.node);
    }
  }
  if (todo.sign) {
    section.append(element('p', '签署的文件摘要：' + todo.sign.digest, {className: 'small digest'}));
    const signed = papers.filter((paper) => paper.sha256 === todo.sign.digest);
    signed.forEach((paper) => section.append(element('p'), reading(paper)));
  }
  const seal = todo.sign && todo.sign.sealed ? sealing(todo, () => {
    section.hidden = true;
    say('已签章。', 'done');
  }) : null;
  if (seal) section.append(seal.node);
  for (const outcome of todo.outcome_forms) {
    const extra = outcome.fields.filter((field) => !parts.some(([name]) => name === field.name)).map((field) => [field.name, input(field)]);
    extra.forEach(([, part]) => section.append(part.node));
    const send = async () => {
      try {
        if (outcome.name === 'signed' && seal) return await seal.start();
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
  section.addEventListener('change', refresh);
  refresh();
  section.hidden = false;
  login.hidden = true;
}

async function load() {
  try {
    const todo = await call('GET', '/todos/' + id);
    // What a form depends on and does not ask for stands in the data.
    known = (await call('GET', '/instances/' + todo.instance)).data;
    draw(todo, todo.sign ? await documents(todo.instance) : []);
    say('');
  } catch (error) {
    say(session.token() ? error.message : '', 'error');
  }
}
