// The room of one auction as everybody sees it: phase, countdown, price, leader. Shows what following.js brings and changes nothing.
'use strict';

const PHASES = {
  waiting: '等待开始', inquiry: '询问期', free: '自由竞价', timed: '限时竞价', sealed: '密封报价', priority: '询问优先购买权人',
  suspended: '竞价中止', reopening: '竞价中止，待恢复', sold: '竞价结束', unsold: '竞价结束，未成交', annulled: '本场无效', terminated: '项目终结',
};
const AFTER = {
  waiting: '距竞价开始', inquiry: '距询问期结束，之后自动进入下一阶段', free: '距自由竞价结束，之后进入限时竞价', sealed: '距报价截止', priority: '距行权截止',
};
const OVER = ['sold', 'unsold', 'annulled', 'terminated'];
// How long the room waits for what it needs at once, in milliseconds.
const SOON = 8000;

const at = (name) => document.getElementById(name);
const yuan = (fen) => shown({type: 'money', value: fen});

// What is known: the instance as this reader sees it, what was published last, and the reader's own application, once it was sought.
const room = {instance: null, number: null, data: {}, own: null, whose: null, sought: false, asked: 0, told: false, resets: 0};

function phase() {
  return room.data.phase || 'waiting';
}

function standing() {
  return room.data.frozen === true || ['suspended', 'reopening'].includes(phase());
}

function leads() {
  return room.own !== null && room.own.key !== null && room.data.leader === room.own.key;
}

// Where the countdown runs to, in the server's time; null where nothing runs.
function ends() {
  if (room.data.frozen === true) return null;
  if (phase() === 'waiting') return room.data.opens ?? room.instance.data.auction_start ?? null;
  return room.data.ends ?? room.data.opens ?? null;
}

function span(millis) {
  return millis % 60000 === 0 ? millis / 60000 + ' 分钟' : millis / 1000 + ' 秒';
}

// What a bid does to the clock, from the rules as they are published and from how often the clock was set back.
function until() {
  if (phase() === 'waiting' && ends() === null) return '开始时间另行公告';
  if (phase() !== 'timed') return AFTER[phase()] || '';
  const {extension, window: last, extend_by: by, timed, max_resets: most} = room.instance.data;
  const stop = room.data.stop ?? null;
  const now = clock.now();
  if (most > 0 && room.resets >= most) return '距限时竞价结束；重新计时已满 ' + most + ' 次，到时即结束';
  if (stop !== null && now !== null && now >= stop) return '距限时竞价结束；已过最晚延时时刻，到时即结束';
  const when = extension === 'in_window' ? '最后 ' + span(last) + '内有新的报价' : '有新的报价';
  const rest = most > 0 ? '（还可重新计时 ' + (most - room.resets) + ' 次）' : '';
  const late = stop === null ? '' : '；' + shown({type: 'time', value: stop}) + ' 起的报价不再延时';
  return '距限时竞价结束；' + when + '即重新计时 ' + span(by || timed) + rest + late;
}

function two(number) {
  return String(number).padStart(2, '0');
}

function tick() {
  const now = clock.now();
  const end = room.instance === null ? null : ends();
  let text = '--:--';
  let short = false;
  if (end !== null && now === null) text = '校时中';
  if (end !== null && now !== null) {
    const left = Math.max(0, end - now);
    const seconds = Math.ceil(left / 1000);
    const hours = Math.floor(seconds / 3600);
    text = (hours > 0 ? hours + ':' : '') + two(Math.floor(seconds / 60) % 60) + ':' + two(seconds % 60);
    short = seconds <= 30;
  }
  at('left').textContent = text;
  at('left').className = short ? 'short' : '';
}

function paint() {
  if (room.instance === null) return;
  const data = room.data;
  const current = phase();
  const bids = data.bids ?? 0;
  at('phase').textContent = room.data.frozen === true ? '竞价中止' : PHASES[current] || current;
  at('until').textContent = standing() ? (data.opens ? '公告的恢复时间' : '') : until();
  at('price').textContent = bids > 0 ? yuan(data.price) : current === 'sealed' ? '密封，到时开启' : '尚无报价';
  at('leader').textContent = data.leader || '—';
  at('bids').textContent = data.bids === undefined ? '—' : String(data.bids);
  at('ahead').hidden = !leads();
  for (const name of ['plate', 'plate_label']) at(name).hidden = room.own === null;
  at('plate').textContent = room.own === null ? '' : room.own.key;
  at('notice').hidden = !standing();
  at('notice').textContent = data.opens ? '竞价已中止，将于 ' + shown({type: 'time', value: data.opens}) + ' 恢复。已接受的报价有效。'
    : '竞价已中止，计时停止。恢复时间另行公告，已接受的报价有效。';
  at('again').hidden = !(room.instance.data.mark && OVER.includes(current));
  if (OVER.includes(current)) ending();
  desk();
  tick();
}

function ending() {
  if (room.told) return;
  room.told = true;
  if (phase() === 'sold' && leads()) ask('恭喜您！成为最高报价人', '知道了', null);
  else if (phase() === 'sold') say('竞价结束，最高报价人号牌 ' + room.data.leader + '，最高报价 ' + yuan(room.data.price) + '。');
  else say({unsold: '竞价结束，未成交。', annulled: '因系统故障，本场竞价无效。', terminated: '项目终结，竞价随之结束。'}[phase()]);
}

// One line of the course, in its place. What comes again, after a lost connection, is there already.
function note(event) {
  const {data, at: time, number} = event;
  const lines = [...at('course').children];
  if (lines.some((line) => line.dataset.number === String(number))) return;
  const when = new Date(time).toLocaleTimeString('zh-CN', {timeZone: 'Asia/Shanghai', hour12: false});
  const what = data.bids > 0 && data.leader ? yuan(data.price) + '　号牌 ' + data.leader : '';
  const line = element('li', when + '　' + (data.frozen === true ? '竞价中止' : PHASES[data.phase] || '') + '　' + what);
  line.dataset.number = number;
  at('course').insertBefore(line, lines.find((other) => Number(other.dataset.number) < number) || null);
  while (at('course').children.length > 50) at('course').lastChild.remove();
}

// A standstill is laid over what was published before; everything else replaces it.
function take(event) {
  note(event);
  if (room.number !== null && event.number <= room.number) return;
  const only = Object.keys(event.data);
  const before = room.data;
  room.data = only.length === 1 && only[0] === 'frozen' ? Object.assign({}, room.data, event.data) : event.data;
  room.number = event.number;
  // Within the timed phase the deadline moves with a bid that sets the clock back, and with nothing else.
  if (before.phase === 'timed' && room.data.phase === 'timed' && before.bids < room.data.bids && before.ends < room.data.ends) room.resets += 1;
  if (room.data.phase === 'timed' && before.phase !== 'timed' && !stood(before)) room.resets = 0;
  // Whether a suspension is followed by the whole phase or by what remained of it, the snapshot says.
  if (stood(before) && !stood(room.data)) fresh();
  if (before.phase !== room.data.phase) turned();
  clock.reached(event.at);
  paint();
}

// Where the instance stands, whatever led there.
function stand(event) {
  const before = room.number === null ? room.instance.data.phase : phase();
  room.number = event.number;
  room.data = event.data;
  if (event.at !== null) note(event);
  if (before !== phase()) turned();
  paint();
  fresh();
}

const stood = (data) => data.frozen === true || ['suspended', 'reopening'].includes(data.phase);

// What this bidder may do changes with the phase. Hundreds have the page open: they do not all ask in the same instant.
function turned() {
  if (room.sought && room.own === null) return;
  setTimeout(again, Math.random() * 500);
}

// A question that is answered by a button; without a second button it only tells.
function ask(text, yes, no) {
  return new Promise((answer) => {
    at('dialog_text').textContent = text;
    at('dialog_yes').textContent = yes;
    at('dialog_no').textContent = no || '';
    at('dialog_no').hidden = no === null;
    at('dialog_yes').onclick = () => answer(true);
    at('dialog_no').onclick = () => answer(false);
    at('dialog').oncancel = () => answer(false);
    at('dialog').showModal();
  });
}

// How often the clock was set back before this page came; from then on it counts by itself.
async function fresh() {
  if (!(room.instance.data.max_resets > 0)) return;
  const number = room.number;
  try {
    const instance = await call('GET', '/instances/' + id, undefined, undefined, SOON);
    if (number === room.number) room.resets = instance.data.resets ?? 0;
    paint();
  } catch (error) {
    // The page goes on with what it has; the sentence under the clock may promise too much, the clock does not.
  }
}

// The reader's own application: a child of what the room belongs to, whatever else they take part in. Asked for twice at once,
// the later answer counts.
async function own() {
  const turn = ++room.asked;
  const whose = session.account();
  let found = null;
  if (session.token() !== null && room.instance.parent !== null) {
    const parent = await call('GET', '/instances/' + room.instance.parent, undefined, undefined, SOON);
    const mine = parent.children.find((child) => child.mine);
    if (mine !== undefined) found = await call('GET', '/instances/' + mine.id, undefined, undefined, SOON);
  }
  // Who must sign in again keeps the desk meanwhile.
  if (turn !== room.asked || (session.token() === null && room.own !== null)) return;
  room.own = found;
  room.whose = whose;
  room.sought = true;
}

// The same until it is answered: without it a bidder would not find the button to go on with.
async function again() {
  for (let wait = 500; ; wait = Math.min(2 * wait, 4000)) {
    try {
      await own();
      return paint();
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) return;
    }
    const turn = room.asked;
    await new Promise((later) => setTimeout(later, wait * (1 + Math.random())));
    if (turn !== room.asked) return;
  }
}

// Who opens the room while it cannot be reached comes in as soon as it can.
function reload(error) {
  if (error.problem !== undefined && error.status < 500) return;
  setTimeout(() => { say(''); load(); }, 2000 + Math.random() * 2000);
}

async function load() {
  try {
    room.instance = await call('GET', '/instances/' + id);
    room.resets = room.instance.data.resets ?? 0;
    await own();
  } catch (error) {
    say(error.message, 'error');
    if (room.instance === null) return reload(error);
    again();
  }
  const fields = room.instance.data;
  at('start').textContent = yuan(fields.start_price);
  at('increment').textContent = yuan(fields.increment);
  document.body.classList.toggle('practice', Boolean(fields.mark));
  document.body.dataset.mark = fields.mark || '';
  login.hidden = session.token() !== null;
  section.hidden = false;
  if (room.following === undefined) {
    room.following = true;
    clock.sync();
    following.begin();
    setInterval(tick, 100);
  }
  naming();
  paint();
}

async function naming() {
  try {
    if (room.instance.parent) at('name').textContent = (await call('GET', '/instances/' + room.instance.parent)).data.name || '竞价室';
  } catch (error) {
    // The room can be used without the lot's name.
  }
}
