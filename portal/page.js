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

async function call(method, path, body, headers) {
  const token = sessionStorage.getItem('token');
  const response = await fetch(api + path, {
    method,
    headers: Object.assign(
      {'Accept-Language': navigator.language},
      body === undefined || body instanceof FormData ? {} : {'Content-Type': 'application/json'},
      token ? {Authorization: 'Bearer ' + token} : {},
      headers,
    ),
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (response.status === 401 && path !== '/auth/login') {
    sessionStorage.removeItem('token');
    section.hidden = true;
    login.hidden = false;
  }
  // What the server said stays with the error: a refusal may tell more, and one without it may be tried again.
  if (!response.ok) throw Object.assign(new Error(answer.title + (answer.detail ? '：' + answer.detail : '')), {problem: answer});
  return answer;
}

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
      const token = sessionStorage.getItem('token');
      const response = await fetch(api + '/documents/' + found.id, {headers: token ? {Authorization: 'Bearer ' + token} : {}});
      if (!response.ok) throw new Error((await response.json()).title);
      const link = element('a', '', {href: URL.createObjectURL(await response.blob()), download: found.title + '.pdf'});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) {
      say(error.message, 'error');
    }
  };
  return element('button', '下载《' + found.title + '》', {type: 'button', className: 'plain', onclick: open});
}

async function documents(instance) {
  return (await call('GET', '/instances/' + instance + '/documents')).items;
}


login.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const name = login.querySelector('[autocomplete=username]').value;
    const password = document.getElementById('password').value;
    sessionStorage.setItem('token', (await call('POST', '/auth/login', {name, password})).access_token);
    await load();
  } catch (error) {
    say(error.message, 'error');
  }
});

window.addEventListener('DOMContentLoaded', () => load());
