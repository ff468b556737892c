// The desk of a bidder in the room: what may be done now, and the refusals in plain words. Decides nothing: the server does.
'use strict';

// This many increments above the least that is accepted, a bid is asked about again.
const REACH = 5;
const STEPS = [1, 2, 5];
// An amount that the page changed by itself this short a time ago, in milliseconds, nobody has read yet.
const UNREAD = 1500;
let drawn = '';
// What the bidder typed or stepped to; null while the amount follows the price.
let amount = null;
// What the field showed when the pointer went down on the button.
let pointed = null;
let moved = -Infinity;
// How often a signature was begun: who presses again while the medium waits means the later one.
let pressed = 0;
// The same bidder's other tabs hear that something has changed.
const tabs = new BroadcastChannel('luochui-desk');
tabs.onmessage = ({data}) => data === id && again();
// What was told to one bidder is not for whoever finds the page after the sign-in has ended.
window.addEventListener('forgotten', () => {
  say('');
  if (room.instance !== null) desk();
});

// What the bidder typed or stepped to, in fen; null where nothing that is an amount.
function typed() {
  try {
    return amount === null ? null : fenOf(amount);
  } catch (error) {
    return null;
  }
}

// The least that would be accepted now.
function least() {
  const {start_price: start, increment} = room.instance.data;
  return (room.data.bids ?? 0) > 0 ? room.data.price + increment : start;
}

// Who holds a priority right to the same price may offer it while another leads.
function matches() {
  return room.instance.data.priority === 'same_price' && (room.own.data.priority_rank ?? 0) > 0 && (room.data.bids ?? 0) > 0 && !leads();
}

function signed(event) {
  const wanted = room.instance.data.bid_signature;
  return event === 'enter' || (wanted === 'every_bid' && event !== 'join');
}

async function send(instance, event, body) {
  const key = freshKey();
  const press = ++pressed;
  const whole = signed(event) ? Object.assign({}, body, {signature: await signing.over(instance, event, key, body)}) : body;
  if (press !== pressed || command.running()) throw Object.assign(new Error('已重新提交'), {superseded: true});
  const answer = await command.send('/instances/' + instance + '/events/' + event, whole, key);
  if (event !== 'bid') tabs.postMessage(id);
  return answer;
}

function refused(error, fen) {
  if (error.superseded) return;
  const {code, tell} = error.problem || {};
  if (code === 'duplicate_price' && leads() && room.data.price === fen) return say('您已是这一价格的最高报价人。', 'done');
  const entry = code === 'bad_signature' && room.instance.data.bid_signature === 'once_at_entry';
  if (error.status === 500) return say('结果未知：' + error.message + '。请先核对当前最高价和号牌，再决定是否报价。', 'error');
  // Without an answer of the server's nothing was sent: the signature was not made.
  say((error.problem ? '未被接受：' : '未提交：') + error.message + (tell && tell.atLeast ? '，至少 ' + yuan(tell.atLeast) : '') + (entry ? '；请先在“报价签名”中签名进入竞价室' : ''), 'error');
}

const DONE = {bid: '报价', limit: '代理报价，限额', offer: '密封报价'};

async function bid(event, fen, question) {
  const far = fen > least() + REACH * room.instance.data.increment;
  const lines = [question || '确认' + DONE[event] + ' ' + yuan(fen) + '？', far ? '此价远高于当前价，请核对。' : '', '报价一经接受不可撤回。'];
  if ((far || question || event !== 'bid') && !(await ask(lines.filter(Boolean).join('\n'), '确认', '取消'))) return;
  const body = {amount: fen, confirmed: far};
  if (event === 'bid' && room.instance.data.require_seen) body.seen = room.data.bids ?? 0;
  try {
    await send(id, event, body);
  } catch (error) {
    const jump = error.problem && error.problem.code === 'confirm_jump';
    if (!jump) return refused(error, fen);
    if (!(await ask('报价 ' + yuan(fen) + ' 远高于当前价，确认报价？', '确认', '取消'))) return say('未报价。');
    try {
      await send(id, event, Object.assign(body, {confirmed: true}));
    } catch (still) {
      return refused(still, fen);
    }
  }
  say(DONE[event] + ' ' + yuan(fen) + ' 已被接受。' + (event === 'limit' ? '限额以内由系统代您应价。' : ''), 'done');
  // What was typed while the answer was on its way stays.
  if (typed() === fen) amount = null;
  desk();
  if (event === 'offer') again();
}

// Sends what the bidder saw. An amount that the page moved under the finger, or a moment before, is asked about first.
function submit(event, field) {
  const seen = pointed ?? field.value;
  const unread = event === 'bid' && amount === null && (seen !== field.value || performance.now() - moved < UNREAD);
  pointed = null;
  const fen = fenOf(unread ? field.value : seen);
  return bid(event, fen, unread ? '价格刚刚变化，现在最低可报 ' + yuan(fen) + '。\n确认报价 ' + yuan(fen) + '？' : '');
}

function money(event, title, hint) {
  const form = element('form');
  const field = element('input', '', {inputMode: 'decimal', id: event + '_amount', autocomplete: 'off'});
  const label = element('label', hint);
  label.append(field);
  form.append(label);
  if (event === 'bid') {
    // An emptied field follows the price again.
    field.addEventListener('input', () => { amount = field.value === '' ? null : field.value; low(); });
    form.append(element('p', '', {id: 'bid_hint', className: 'small'}), steps(field));
    field.value = plain(least());
  }
  const button = element('button', title, {type: 'submit'});
  const down = () => { pointed = field.value; };
  button.addEventListener('pointerdown', down);
  button.addEventListener('keydown', (pressed) => ['Enter', ' '].includes(pressed.key) && down());
  for (const name of ['pointerleave', 'pointercancel', 'blur']) button.addEventListener(name, () => { pointed = null; });
  // The second half of a double click is no second bid.
  button.addEventListener('click', (clicked) => clicked.detail > 1 && clicked.preventDefault());
  form.append(button);
  form.addEventListener('submit', async (submitted) => {
    submitted.preventDefault();
    if (command.running()) return;
    try {
      await submit(event, field);
    } catch (error) {
      say(error.message, 'error');
    }
  });
  return form;
}

function steps(field) {
  const to = (fen) => () => {
    field.value = plain(fen());
    amount = field.value;
    low();
  };
  const box = element('div', '', {className: 'steps'});
  const add = (text, fen, id) => box.append(element('button', text, {type: 'button', className: 'plain', id, onclick: to(fen)}));
  STEPS.forEach((count) => add('+' + count + ' 个幅度', () => least() + (count - 1) * room.instance.data.increment, 'step_' + count));
  if (room.instance.data.priority === 'same_price' && (room.own.data.priority_rank ?? 0) > 0) add('应当前价', () => room.data.price ?? least(), 'same');
  return box;
}

// What was typed before the price rose is said to be too low, and left as it is.
function low() {
  const hint = at('bid_hint');
  if (!hint) return;
  const short = typed() !== null && typed() < (matches() ? room.data.price : least());
  hint.textContent = short ? '低于现在最低可报的 ' + yuan(least()) + '，请重新选择' : '现在最低可报 ' + yuan(least());
  hint.classList.toggle('error', short);
}

async function simple(instance, event, question, done) {
  if (question && !(await ask(question, '确认', '取消'))) return;
  if (command.running()) return;
  try {
    await send(instance, event, {});
  } catch (error) {
    return refused(error);
  }
  say(done, 'done');
  again();
}

function offered() {
  const may = (name) => room.instance.events.some((event) => event.name === name);
  const is = (name) => room.own.states.some((state) => state.path.split('.').includes(name));
  const fields = room.instance.data;
  const current = room.data.frozen === true ? 'suspended' : phase();
  const open = (current === 'timed' || current === 'free') && !is('absent') && !is('banned');
  const entry = fields.bid_signature === 'once_at_entry' && room.own.data.entered !== true;
  const sealed = current === 'sealed' && may('offer');
  return {
    key: fields.bid_signature !== undefined && fields.bid_signature !== 'none' && !OVER.includes(current),
    enter: entry && may('enter') && !OVER.includes(current),
    join: current === 'inquiry' && is('asked'),
    joined: current === 'inquiry' && is('joined'),
    absent: is('absent') && !OVER.includes(current),
    banned: is('banned'),
    bid: open && may('bid'),
    limit: open && may('limit') && fields.proxy_allowed === true,
    offer: sealed && room.own.data.offered === true && (session.account() === room.whose ? ' ' + yuan(room.own.data.offer) : ''),
    sealed: sealed && room.own.data.offered !== true,
    exercise: current === 'priority' && may('exercise') && (room.own.data.priority_rank ?? 0) > 0 && !leads(),
  };
}

function fill(box, now) {
  const button = (text, act) => element('button', text, {type: 'button', onclick: act});
  const note = (text, kind) => box.append(element('p', text, {className: kind}));
  if (now.enter) box.append(button('签名进入竞价室', () => simple(id, 'enter', null, '已签名进入竞价室，可以报价。')));
  if (now.join) box.append(button('确认参加限时竞价', () => simple(room.own.id, 'join', null, '已确认参加。')));
  if (now.joined) note('您已确认参加限时竞价，请等待询问期结束。', 'done');
  if (now.absent) note('您未在询问期内确认参加，本场不能报价。', 'error');
  if (now.banned) note('您已被取消参加本场竞价的资格，有异议请联系交易中心。', 'error');
  if (now.bid) box.append(money('bid', '我要报价', '报价（元）'));
  if (now.limit) box.append(element('h2', '代理报价'), money('limit', '委托代理报价', '最高限额（元）：限额以内由系统代为应价，任何人都看不到'));
  if (now.sealed) box.append(money('offer', '提交密封报价', '报价（元）：每人一次，到时开启，不低于起始价'));
  if (now.offer !== false) note('您已提交密封报价' + now.offer + '，请等待开启。', 'done');
  if (now.exercise) {
    const question = () => '以 ' + yuan(room.data.price) + ' 行使优先购买权？\n一经行使不可撤回。';
    box.append(button('行使优先购买权', () => simple(id, 'exercise', question(), '已行使优先购买权。')));
  }
}

// Drawn anew only when something else may be done: what is being typed stays, but not for another bidder.
function desk() {
  const box = at('desk');
  box.hidden = room.own === null;
  at('signing').hidden = true;
  const now = room.own === null ? {} : offered();
  at('signing').hidden = !now.key;
  if (now.key) signing.prepare();
  const wanted = room.own === null ? '' : JSON.stringify([room.own.id, now]);
  if (wanted !== drawn) {
    drawn = wanted;
    amount = null;
    pointed = null;
    box.replaceChildren();
    if (room.own !== null) fill(box, now);
    command.lock();
  }
  const field = at('bid_amount');
  if (field && amount === null && field.value !== plain(least())) {
    field.value = plain(least());
    moved = performance.now();
  }
  low();
}
