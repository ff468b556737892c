// One instance: where it stands, its fields, its documents, the reader's own to-dos, and the way to apply. Decides nothing.
'use strict';

// What needs nothing filled in first, and what it leads to.
const ACTS = {
  apply: {title: '竞买申请', ask: null, now: (listing) => !listing.children.some((child) => child.mine)},
  withdraw: {title: '撤回申请', ask: '确认撤回竞买申请？撤回后不能再次申请本项目。', now: (own) => own.tags.includes('open')},
};

async function act(instance, event) {
  if (ACTS[event].ask && !confirm(ACTS[event].ask)) return;
  try {
    say('正在提交…');
    const done = await call('POST', '/instances/' + instance.id + '/events/' + event, {}, {'Idempotency-Key': freshKey()});
    if (!done.created) return await load();
    // The application is filled in at its first to-do.
    const [todo] = (await call('GET', '/instances/' + done.created)).todos;
    location.href = todo ? '/todos/' + todo.id : '/instances/' + done.created;
  } catch (error) {
    say(error.message, 'error');
  }
}

// Says what is missing where the reader cannot apply although others can.
async function hint(instance) {
  const open = instance.machine === 'listing' && instance.tags.includes('registering');
  if (!open || instance.events.some((event) => event.name === 'apply')) return;
  if (session.token() === null) return section.append(element('p', '登录后可以提交竞买申请。', {className: 'warned'}));
  if ((await call('GET', '/me')).member) return;
  const missing = element('p', '您的资料尚未完善，不能提交竞买申请。', {className: 'warned'});
  missing.append(element('a', '去完善资料', {href: '/profile'}));
  section.append(missing);
}

function linked(text, href) {
  const line = element('p');
  line.append(element('a', text, {href}));
  section.append(line);
}

function draw(instance, papers) {
  section.replaceChildren(element('h1', instance.data.name || instance.title));
  section.append(element('p', instance.states.map((state) => state.title).join('、'), {className: 'small'}));
  const list = element('dl');
  for (const field of instance.fields) {
    const value = instance.data[field.name];
    if (value === undefined || value === null || value === '') continue;
    list.append(element('dt', field.title), element('dd', shown(Object.assign({}, field, {value}))));
  }
  section.append(list);
  for (const todo of instance.todos) {
    const line = element('p', '待办：');
    line.append(element('a', todo.title, {href: '/todos/' + todo.id}));
    section.append(line);
  }
  for (const child of instance.children) {
    if (child.machine === 'auction') linked('进入竞价室', '/rooms/' + child.id);
    if (child.mine) linked('我的竞买申请', '/instances/' + child.id);
  }
  for (const event of instance.events.filter((one) => ACTS[one.name] && ACTS[one.name].now(instance))) {
    section.append(element('button', ACTS[event.name].title, {type: 'button', onclick: () => act(instance, event.name)}));
  }
  papers.forEach((paper) => section.append(reading(paper)));
  section.hidden = false;
  login.hidden = session.token() !== null;
}

async function load() {
  try {
    const instance = await call('GET', '/instances/' + id);
    draw(instance, await documents(id));
    say('');
    await hint(instance);
  } catch (error) {
    // What a reader without a name may not see, a signed-in one perhaps may.
    login.hidden = session.token() !== null;
    say(login.hidden ? error.message : '', 'error');
  }
}
