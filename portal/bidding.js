// The desk of a bidder in the room: what may be done now, and the refusals in plain words. Decides nothing: the server does.
'use strict';

const REACH = 5;
const STEPS = [1, 2, 5];
let drawn = '';
let amount = null;

// An amount is read as text: a binary fraction would be off by a fen.
function fenOf(text) {
  const match = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(',', '').trim());
  if (!match) throw new Error('金额格式不正确：' + text);
  return Number(match[1]) * 100 + Number((match[2] || '').padEnd(2, '0'));
}

// The least that would be accepted now.
function least() {
  const {start_price: start, increment} = room.instance.data;
  return (room.data.bids ?? 0) > 0 ? room.data.price + increment : start;
}

// The same command under the same key until it is answered: a lost answer must not bid twice.
async function send(instance, event, body) {
  const key = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) + performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call('POST', '/instances/' + instance + '/events/' + event, body, {'Idempotency-Key': key});
    } catch (error) {
      if (error.problem !== undefined || attempt === 3) throw error;
      await new Promise((later) => setTimeout(later, 300 * (attempt + 1)));
    }
  }
}

function refused(error) {
  const told = error.problem && error.problem.tell && error.problem.tell.atLeast;
  say('未被接受：' + error.message + (told ? '，至少 ' + yuan(told) : ''), 'error');
}

async function bid(event, fen) {
  const far = fen > least() + REACH * room.instance.data.increment;
  const question = '确认' + (event === 'limit' ? '委托代理报价，限额 ' : '报价 ') + yuan(fen) + '？' + (far ? '\n此价远高于当前价，请核对。' : '') + '\n报价一经接受不可撤回。';
  if ((far || event !== 'bid') && !(await ask(question, '确认', '取消'))) return;
  const body = event === 'limit' ? {amount: fen} : {amount: fen, confirmed: far};
  if (event === 'bid' && room.instance.data.require_seen) body.seen = room.data.bids ?? 0;
  try {
    say('正在提交…');
    await send(id, event, body);
    say(event === 'bid' ? '报价 ' + yuan(fen) + ' 已被接受。' : '已被接受。', 'done');
  } catch (error) {
    if (error.problem && error.problem.code === 'confirm_jump' && (await ask('报价 ' + yuan(fen) + ' 远高于当前价，确认报价？', '确认', '取消'))) {
      return send(id, event, Object.assign(body, {confirmed: true})).then(() => say('报价 ' + yuan(fen) + ' 已被接受。', 'done'), refused);
    }
    refused(error);
  }
}

function money(event, title, hint) {
  const form = element('form');
  const field = element('input', '', {inputMode: 'decimal', id: event + '_amount', autocomplete: 'off'});
  field.addEventListener('input', () => { amount = field.value; });
  const label = element('label', hint);
  label.append(field);
  form.append(label);
  if (event === 'bid') {
    const steps = element('div', '', {className: 'steps'});
    const to = (count) => () => { field.value = ((least() + (count - 1) * room.instance.data.increment) / 100).toFixed(2); };
    STEPS.forEach((count) => steps.append(element('button', '+' + count + ' 个幅度', {type: 'button', className: 'plain', onclick: to(count)})));
    form.append(steps);
    to(1)();
  }
  form.append(element('button', title, {type: 'submit'}));
  form.addEventListener('submit', async (submitted) => {
    submitted.preventDefault();
    try {
      await bid(event, fenOf(field.value));
    } catch (error) {
      say(error.message, 'error');
    }
  });
  return form;
}

async function simple(instance, event, done) {
  try {
    await send(instance, event, {});
    say(done, 'done');
    await load();
  } catch (error) {
    refused(error);
  }
}

function offered() {
  const may = (name) => room.instance.events.some((event) => event.name === name);
  const fields = room.instance.data;
  const current = room.data.frozen === true ? 'suspended' : phase();
  const open = current === 'timed' || current === 'free';
  return {
    join: current === 'inquiry' && fields.confirm_required === true,
    bid: open && may('bid'),
    limit: open && may('limit') && fields.proxy_allowed === true,
    offer: current === 'sealed' && may('offer'),
    exercise: current === 'priority' && may('exercise'),
    signed: (open || current === 'sealed') && fields.bid_signature !== undefined && fields.bid_signature !== 'none',
  };
}

// Drawn anew only when something else may be done: what is being typed stays.
function desk() {
  const box = at('desk');
  const now = offered();
  box.hidden = room.own === null;
  const wanted = JSON.stringify(now);
  if (room.own === null || wanted === drawn) {
    const field = at('bid_amount');
    // An amount that nobody typed follows the price.
    if (field && amount === null) field.value = (least() / 100).toFixed(2);
    return;
  }
  drawn = wanted;
  amount = null;
  box.replaceChildren();
  if (now.join) box.append(element('button', '确认参加限时竞价', {type: 'button', onclick: () => simple(room.own.id, 'join', '已确认参加。')}));
  if (now.bid) box.append(money('bid', '我要报价', '报价（元）'));
  if (now.limit) box.append(element('h2', '代理报价'), money('limit', '委托代理报价', '最高限额（元）：限额以内由系统代为应价，任何人都看不到'));
  if (now.offer) box.append(money('offer', '提交密封报价', '报价（元）：每人一次，到时开启'));
  if (now.exercise) box.append(element('button', '行使优先购买权', {type: 'button', onclick: () => simple(id, 'exercise', '已行使优先购买权。')}));
  if (now.signed) box.append(element('p', '本场要求报价签名，请使用装有数字证书驱动的客户端报价。', {className: 'small'}));
}
