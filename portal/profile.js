// Registering, and completing who one is. What a number must look like the server says.
'use strict';

const at = (name) => document.getElementById(name);
const FIELDS = {name: '姓名或单位名称', code: '证件号码', email: '邮箱', phone: '手机号码', address: '地址', display_name: '称呼', password: '密码'};
let version = null;

function fill(me) {
  version = me.etag;
  at('standing').textContent = me.member ? '资料已完善，可以参加交易。' : '请完善资料：完善以后才能报名、报价和练习。';
  at('standing').className = me.member ? 'done' : 'warned';
  const party = me.party || {};
  at('kind').value = party.kind || 'person';
  at('party_name').value = party.name || '';
  at('code').placeholder = party.code ? '已登记 ' + party.code + '，修改联系方式须再填一次' : '';
  for (const name of ['email', 'phone', 'address']) at(name).value = me[name] || '';
}

async function load() {
  login.hidden = at('register').hidden = session.token() !== null;
  if (session.token() === null) return;
  try {
    fill(await call('GET', '/me'));
    section.hidden = false;
    say('');
  } catch (error) {
    say(error.message, 'error');
  }
}

// A field that was refused is named as the page names it.
function wrong(error) {
  const field = error.problem && FIELDS[error.problem.field];
  say(field ? '填写内容有误，请核对：' + field : error.message, 'error');
}

at('profile').addEventListener('submit', async (event) => {
  event.preventDefault();
  const value = (name) => at(name).value.trim();
  const body = {kind: value('kind'), name: value('party_name'), code: value('code').toUpperCase(), email: value('email'), phone: value('phone')};
  if (value('address')) body.address = value('address');
  try {
    fill(await call('PUT', '/me/profile', body, {'If-Match': version}));
    at('code').value = '';
    say('资料已保存。', 'done');
  } catch (error) {
    wrong(error);
  }
});

at('register').addEventListener('submit', async (event) => {
  event.preventDefault();
  const value = (name) => at('new_' + name).value.trim();
  const body = {name: value('name'), display_name: value('display'), email: value('email'), password: at('new_password').value};
  try {
    await call('POST', '/accounts', body, {'Idempotency-Key': freshKey()});
    session.keep(await call('POST', '/auth/login', {name: body.name, password: body.password}));
    ways();
    await load();
  } catch (error) {
    wrong(error);
  }
});
