// The page on which one signs in with a certificate and tries out key and seal.
'use strict';

const place = (id) => document.getElementById(id);
const PHONE = 'phone';
const adapters = {};

function say(text, kind) {
  place('message').textContent = text;
  place('message').className = kind || '';
}

function option(value, text) {
  const made = document.createElement('option');
  made.value = value;
  made.textContent = text;
  return made;
}

async function load() {
  Object.assign(adapters, await Certificates.atHand());
  for (const [key, adapter] of Object.entries(adapters)) place('source').append(option(key, adapter.name));
  place('source').append(option(PHONE, '手机扫码'));
  await chosen();
}

async function chosen() {
  const adapter = adapters[place('source').value];
  place('soft').hidden = !(adapter && adapter.soft);
  place('certificate').replaceChildren();
  place('certificate').disabled = place('test').disabled = !adapter;
  if (!adapter) return;
  for (const one of await adapter.list()) place('certificate').append(option(one.id, one.title));
}

async function enter() {
  const adapter = adapters[place('source').value];
  const signed = adapter
    ? await Certificates.enter(adapter, place('certificate').value)
    : await Certificates.byPhone(({code, check}) => {
        place('phone').hidden = false;
        place('code').src = code;
        place('check').textContent = check;
      });
  const opened = {opened: '，已为您开立账号，请完善资料', proven: '，此前以该号码填写的资料与密码已清除，请重新完善资料'}[signed.account] || '';
  say('已登录' + (signed.name ? '：' + signed.name : '') + (signed.mark ? '（' + signed.mark + '）' : '') + opened + '。');
  const on = document.createElement('a');
  on.href = signed.account === 'known' ? '/mine' : '/profile';
  on.textContent = signed.account === 'known' ? '去我的交易' : '去完善资料';
  place('message').append(on);
}

async function test() {
  const file = place('seal').files[0];
  const bytes = file && new Uint8Array(await file.arrayBuffer());
  const seal = bytes && btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  const report = await Certificates.test(adapters[place('source').value], place('certificate').value, seal);
  const body = place('steps').tBodies[0];
  body.replaceChildren();
  const words = {ok: '通过', warning: '提示', failed: '未通过'};
  for (const step of report.steps) {
    const row = body.insertRow();
    [words[step.status], step.reason, step.name].forEach((text) => { row.insertCell().textContent = text; });
    row.cells[0].className = {ok: 'done', warning: 'warned', failed: 'error'}[step.status];
    row.cells[2].className = 'small';
  }
  place('steps').hidden = false;
  const what = file ? '登录和签章' : '登录';
  const conclusion = {
    ok: '全部通过，可以用于' + what + '。',
    warning: '可以使用，请留意标为“提示”的事项。',
    failed: '有未通过的步骤，请按说明处理后再使用。',
  };
  say(conclusion[report.status], {ok: 'done', warning: 'warned', failed: 'error'}[report.status]);
}

const guarded = (work) => async () => {
  say('');
  try {
    await work();
  } catch (error) {
    say(error.message, 'error');
  }
};

place('source').addEventListener('change', guarded(chosen));
place('enter').addEventListener('click', guarded(enter));
place('test').addEventListener('click', guarded(test));
guarded(load)();
