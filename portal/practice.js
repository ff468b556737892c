// Starts a practice round with the reader's own account and goes to its room. Decides no rule: the workflow says what may be set.
'use strict';

const at = (name) => document.getElementById(name);
const RULES = ['method', 'bid_signature', 'start_price', 'increment', 'inquiry', 'timed', 'confirm_required', 'proxy_allowed'];
const MONEY = ['start_price', 'increment', 'rival_limit'];
const MINUTE = 60000;
// What a listing may have beyond what stands in the form, and a practice knows as well.
const MORE = ['free', 'extension', 'window', 'max_resets', 'only_multiples', 'max_multiple', 'confirm_multiple', 'self_outbid', 'require_seen'];
let more = {};

// The form as the workflow takes it: money in fen, durations in milliseconds.
function rules() {
  const sealed = at('method').value === 'sealed';
  const data = {
    method: at('method').value,
    bid_signature: at('bid_signature').value,
    confirm_required: at('confirm_required').checked,
    proxy_allowed: at('proxy_allowed').checked && !sealed,
    inquiry: Math.round(at('inquiry').value * MINUTE),
    timed: Math.round(at('timed').value * MINUTE),
    rival_pause: Math.round(at('rival_pause').value * 1000),
  };
  for (const name of MONEY) data[name] = fenOf(at(name).value);
  return Object.assign({}, more, data);
}

// The rules of a listing, as far as a practice has them; the opponent goes five increments up.
function take(listing) {
  more = {};
  for (const name of MORE) if (listing[name] !== undefined && listing[name] !== null) more[name] = listing[name];
  for (const name of RULES) {
    const value = listing[name];
    if (value === undefined || value === null) continue;
    if (MONEY.includes(name)) at(name).value = plain(value);
    else if (at(name).type === 'checkbox') at(name).checked = value;
    else at(name).value = ['inquiry', 'timed'].includes(name) ? value / MINUTE : value;
  }
  at('rival_limit').value = plain(listing.start_price + 5 * listing.increment);
}

async function chosen() {
  if (at('like').value === '') {
    more = {};
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
