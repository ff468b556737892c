// What the pages share: asking the API, signing in, showing values. Keeps its token in this tab only.
'use strict';

const api = '/api/v1';
const id = location.pathname.split('/').pop();
const section = document.getElementById('content');
const login = document.getElementById('login');
const message = document.getElementById('message');

function say(text, kind) {
  message.textContent = text;
  message.className = kind || '';
}

// What a person can do about a refusal that does not say so itself.
const ADVICE = {
  not_found: '可能尚未公开，或须登录后才能查看',
  forbidden: '请核对登录的账号；资料尚未完善的，请先到“我的资料”完善', too_many_requests: '请等几秒再试', overloaded: '请等几秒再试',
  unavailable: '请稍后再试', internal: '请稍后再试，仍不行的请联系交易中心', precondition_failed: '请刷新页面后重新填写',
  other_holder: '所用证书不是本账号主体的，请换用登记主体的证书', bad_signature: '请核对所选证书，重新签名',
};

// A problem in Chinese with what to do. A detail in English is for programs.
function told(problem) {
  const parts = [problem.title];
  if (problem.detail && /[^\x00-\x7f]/.test(problem.detail)) parts.push(problem.detail);
  const advice = ADVICE[problem.reason] || ADVICE[problem.code];
  if (advice && !problem.title.includes(advice)) parts.push(advice);
  if (problem.field) parts.push('有误的一项：' + problem.field);
  return parts.join('；');
}

// How long an answer is waited for, in milliseconds. A file may be long on its way.
const PATIENCE = {answer: 30000, file: 600000};

// Where nobody knows whether it arrived: an error without a problem, which may be tried again under the same key.
const UNKNOWN = '网络不通，请检查网络后再试';

async function sent(method, path, body, headers, patience) {
  const plain = body === undefined || body instanceof FormData;
  try {
    return await fetch(api + path, {
      method,
      headers: Object.assign({'Accept-Language': 'zh-CN'}, plain ? {} : {'Content-Type': 'application/json'}, session.headers(), headers),
      body: plain ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(patience || (body instanceof FormData ? PATIENCE.file : PATIENCE.answer)),
    });
  } catch (error) {
    throw new Error(UNKNOWN);
  }
}

// What the server said. What a proxy says in its place, in a page of its own, is no answer.
async function read(response) {
  if (response.status === 204) return {};
  const answer = await response.json().catch(() => null);
  if (answer === null || (!response.ok && typeof answer.code !== 'string')) throw new Error(UNKNOWN);
  return answer;
}

async function call(method, path, body, headers, patience) {
  const asker = session.account();
  let response = await sent(method, path, body, headers, patience);
  let answer = await read(response);
  if (session.over(response.status, answer)) {
    const renewed = await session.renew();
    // Who signed in meanwhile must not do what another began.
    if (renewed && session.account() === asker) {
      response = await sent(method, path, body, headers, patience);
      answer = await read(response);
    } else if (!renewed && session.lasts()) {
      // Nobody has said that the sign-in is over: the renewal is tried again.
      throw new Error(UNKNOWN);
    }
  }
  if (session.over(response.status, answer)) {
    if (session.account() === asker) session.forget();
    login.hidden = session.token() !== null;
    // What is public is shown to those who are signed in no more as well.
    if (method === 'GET') {
      response = await sent(method, path, body, headers, patience);
      answer = await read(response);
    }
  }
  // What the server said stays with the error: a refusal may tell more, and one without it may be tried again.
  if (!response.ok) throw Object.assign(new Error(told(answer)), {problem: answer, status: response.status});
  return Object.assign(answer, {etag: response.headers.get('ETag')});
}

// An amount is read as text: a binary fraction would be off by a fen.
function fenOf(text) {
  const match = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(',', '').trim());
  if (!match) throw new Error('金额格式不正确，请填写数字，最多两位小数：' + text);
  return Number(match[1]) * 100 + Number((match[2] || '').padEnd(2, '0'));
}

const plain = (fen) => (fen / 100).toFixed(2);

// A command's key. Browsers draw UUIDs only where the connection is secure.
const freshKey = () => (crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) + performance.now());

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return Object.assign(made, attributes);
}

function shown(field) {
  const value = field.value;
  if (value === null || value === '') return '—';
  if (field.type === 'money') return (value / 100).toLocaleString('zh-CN', {minimumFractionDigits: 2}) + ' 元';
  if (field.type === 'time') return new Date(value).toLocaleString('zh-CN', {timeZone: 'Asia/Shanghai'});
  if (field.type === 'bool') return value ? '是' : '否';
  if (field.type === 'enum' && field.labels) return field.labels[field.options.indexOf(value)] || value;
  if (field.type === 'duration') return value / 60000 + ' 分钟';
  if (field.type === 'period') return period(value).join(' ');
  if (field.type === 'file') return '已上传';
  if (field.type === 'files') return value.length + ' 个文件';
  if (field.type === 'form') return row(field.fields, value);
  if (field.type === 'list') return value.map((one) => row(field.columns, one)).join('\n') || '—';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function row(fields, value) {
  const filled = fields.filter((one) => value[one.name] !== undefined && value[one.name] !== null);
  return filled.map((one) => (one.title || one.name) + '：' + shown(Object.assign({}, one, {value: value[one.name]}))).join('；');
}

const UNITS = {workdays: '个工作日', days: '天', hours: '小时', minutes: '分钟', seconds: '秒'};

// '10 workdays' as a number and a unit in Chinese.
function period(text) {
  const [count, unit] = String(text).split(' ');
  return [count, UNITS[unit] || UNITS[unit + 's'] || unit];
}

// A rendered document lies behind the token, which a plain link would not send.
function reading(found) {
  const open = async () => {
    try {
      const response = await sent('GET', '/documents/' + found.id, undefined, undefined, PATIENCE.file);
      if (!response.ok) throw new Error(told(await read(response)));
      const link = element('a', '', {href: URL.createObjectURL(await response.blob()), download: found.title + '.pdf'});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) {
      say(error.message, 'error');
    }
  };
  return element('button', '下载《' + found.title + '》', {type: 'button', className: 'plain', onclick: open});
}

// All rows of a list that comes in pages; a page more than this many shows nobody anything.
async function every(path) {
  const items = [];
  for (let after = null, pages = 0; pages < 20; pages++) {
    const page = await call('GET', path + '?limit=100' + (after ? '&after=' + encodeURIComponent(after) : ''));
    items.push(...page.items);
    after = page.next;
    if (!after) break;
  }
  return items;
}

async function documents(instance) {
  return (await call('GET', '/instances/' + instance + '/documents')).items;
}

// A page that is being filled in stays as it is when its reader had to sign in again; the others are read anew.
const stays = () => !section.hidden && section.dataset.stays !== undefined;

login.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const name = login.querySelector('[autocomplete=username]').value;
    const password = login.querySelector('[autocomplete=current-password]').value;
    session.keep(await call('POST', '/auth/login', {name, password}));
    login.hidden = true;
    ways();
    say(stays() ? '已登录，请再操作一次。' : '');
    if (!stays()) await load();
  } catch (error) {
    say(error.message, 'error');
  }
});

async function leave() {
  try {
    await call('POST', '/auth/logout');
  } catch (error) {
    // Whatever the server says of it, this tab forgets.
  }
  session.forget();
  location.reload();
}

const PAGES = {'/': '国有资产', '/calendar': '场次日历', '/mine': '我的交易', '/practice': '竞价练习', '/certificate': '数字证书', '/profile': '我的资料'};

// The ways to the other pages. Who is signed in can sign out on every one: offices share machines.
function ways() {
  const nav = document.querySelector('nav');
  const link = ([href, title]) => element('a', title, {href, className: location.pathname === href ? 'here' : ''});
  nav.replaceChildren(...Object.entries(PAGES).map(link));
  if (session.token() !== null) nav.append(element('button', '退出', {type: 'button', className: 'plain', onclick: leave}));
}

window.addEventListener('DOMContentLoaded', () => {
  ways();
  load();
});
