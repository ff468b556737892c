// One instance: where it stands, its fields, its documents, and the reader's own to-dos. Changes nothing.
'use strict';

function draw(instance, papers) {
  section.replaceChildren(element('h1', instance.title));
  section.append(element('p', instance.states.map((state) => state.title).join('、'), {className: 'small'}));
  const list = element('dl');
  for (const field of instance.fields) {
    const value = instance.data[field.name];
    list.append(element('dt', field.title), element('dd', shown(Object.assign({}, field, {value}))));
  }
  section.append(list);
  for (const todo of instance.todos) {
    const line = element('p', '待办：');
    line.append(element('a', todo.title, {href: '/todos/' + todo.id}));
    section.append(line);
  }
  for (const child of instance.children) {
    if (child.machine === 'auction') section.append(element('a', '进入竞价室', {href: '/rooms/' + child.id}));
  }
  papers.forEach((paper) => section.append(reading(paper)));
  section.hidden = false;
  login.hidden = true;
}

async function load() {
  try {
    draw(await call('GET', '/instances/' + id), await documents(id));
    say('');
  } catch (error) {
    // What a reader without a name may not see, a signed-in one perhaps may.
    login.hidden = session.token() !== null;
    say(login.hidden ? error.message : '', 'error');
  }
}
