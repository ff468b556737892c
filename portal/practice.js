// Starts a practice round with the reader's own account and goes to its room. Decides no rule: the workflow says what may be set.
'use strict';

const at = (name) => document.getElementById(name);
const WORDS = ['method', 'bid_signature', 'extension'];
const CHECKS = ['confirm_required', 'proxy_allowed'];
const MONEY = ['start_price', 'increment', 'rival_limit'];
const MINUTES = ['inquiry', 'free', 'timed', 'window', 'extend_by', 'hard_stop'];
const MINUTE = 60000;
// What a listing may have beyond what stands in the form, and a practice knows as well.
const MORE = ['only_multiples', 'max_multiple', 'confirm_multiple', 'self_outbid', 'require_seen'];
let more = {};

// The form as the workflow takes it: money in fen, durations in milliseconds.
function rules() {
  const sealed = at('method').value === 'sealed';
  const data = {max_resets: Number(at('max_resets').value), rival_pause: Math.round(at('rival_pause').value * 1000)};
  for (const name of WORDS) data[name] = at(name).value;
  for (const name of CHECKS) data[name] = at(name).checked;
  for (const name of MINUTES) data[name] = Math.round(at(name).value * MINUTE);
  for (const name of MONEY) data[name] = fenOf(at(name).value);
  // A sealed round has neither; both may still stand in the form from before.
  if (sealed) Object.assign(data, {proxy_allowed: false, free: 0});
  return Object.assign({}, more, data);
}

function named(name) {
  return document.querySelector('label[for="' + name + '"]').textContent.replace(/（.*/, '');
}

// A number of the listing, within what a practice takes; what was changed is told.
function fill(name, value, unit, differs) {
  const fitting = Math.max(Number(at(name).min), Math.min(value, Number(at(name).max)));
  at(name).value = fitting;
  if (value !== fitting) differs.push(named(name) + '原为 ' + value + unit + '，练习为 ' + fitting + unit);
}

// Rules of the listing that one bidder alone cannot try.
function lacking(listing) {
  const differs = [];
  if (listing.priority && listing.priority !== 'none') differs.push('练习里没有优先购买权人');
  if (listing.reserve_kind === 'secret') differs.push('练习没有保留价');
  return differs.concat('练习不缴保证金；平台中断时练习就此结束，不再恢复');
}

// The rules of a listing, as far as a practice has them; the opponent goes five increments up.
function take(listing) {
  const differs = [];
  more = {};
  const given = (name) => listing[name] !== undefined && listing[name] !== null;
  for (const name of MORE.filter(given)) more[name] = listing[name];
  for (const name of WORDS.filter(given)) at(name).value = listing[name];
  for (const name of CHECKS.filter(given)) at(name).checked = listing[name];
  for (const name of ['start_price', 'increment'].filter(given)) at(name).value = plain(listing[name]);
  for (const name of MINUTES.filter(given)) fill(name, listing[name] / MINUTE, ' 分钟', differs);
  if (given('max_resets')) fill('max_resets', listing.max_resets, ' 次', differs);
  at('rival_limit').value = plain(listing.start_price + 5 * listing.increment);
  tell(differs.concat(lacking(listing)));
}

function tell(differs) {
  at('differs').hidden = differs.length === 0;
  at('differs').textContent = '与该项目的规则不同之处：' + differs.join('；') + '。';
}

async function chosen() {
  if (at('like').value === '') {
    more = {};
    tell([]);
    return;
  }
  take((await call('GET', '/instances/' + at('like').value)).data);
}

async function roomOf(round) {
  const {children} = await call('GET', '/instances/' + round);
  return children.find((child) => child.machine === 'auction').id;
}

async function enter(round) {
  await call('POST', '/instances/' + round + '/events/take_part', {}, {'Idempotency-Key': freshKey()});
  location.href = '/rooms/' + (await roomOf(round));
}

async function start() {
  say('正在开练习室…');
  const opened = await call('POST', '/trades', {bundle: 'asset-sale', machine: 'practice', data: rules()}, {'Idempotency-Key': freshKey()});
  await enter(opened.instance);
}

const guarded = (work) => async (event) => {
  event.preventDefault();
  try {
    await work();
  } catch (error) {
    say(error.message, 'error');
  }
};

// The round that is still open, and the listings whose rules may be tried: both are among what the reader takes part in.
async function load() {
  login.hidden = session.token() !== null;
  if (session.token() === null) return;
  try {
    const mine = (await every('/my/trades')).filter((item) => item.mine);
    const open = (machine) => mine.find((item) => item.machine === machine && !item.done);
    const [part, round] = [open('trainee'), open('practice')];
    at('open').hidden = part === undefined && round === undefined;
    if (part) at('back').href = '/rooms/' + (await roomOf(part.parent));
    // A round was opened and the way into it got lost.
    else if (round) at('back').onclick = guarded(() => enter(round.id));
    const listings = mine.filter((item) => item.machine === 'application' && item.parent);
    const options = listings.map((item) => element('option', (item.about && item.about.name) || item.title, {value: item.parent}));
    at('like').replaceChildren(at('like').firstElementChild, ...options);
    const wanted = new URLSearchParams(location.search).get('like');
    if (listings.some((item) => item.parent === wanted)) {
      at('like').value = wanted;
      await chosen();
    }
    section.hidden = false;
    say('');
  } catch (error) {
    say(error.message, 'error');
  }
}

at('round').addEventListener('submit', guarded(start));
at('like').addEventListener('change', guarded(chosen));
