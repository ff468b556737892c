// Sends a file to be verified and shows each step as it was judged. Decides nothing itself.
'use strict';

const form = document.getElementById('upload');
const message = document.getElementById('message');
const result = document.getElementById('result');
const MARKS = {ok: ['✓ 通过', 'done'], warning: ['！注意', 'warned'], failed: ['✗ 未通过', 'error']};
const PICTURES = {png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', bmp: 'image/bmp'};

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return Object.assign(made, attributes);
}

function moment(millis) {
  return new Date(millis).toLocaleString('zh-CN', {timeZone: 'Asia/Shanghai'});
}

function steps(report) {
  const table = element('table');
  for (const step of report.steps) {
    const [word, kind] = MARKS[step.status];
    const row = element('tr');
    row.append(element('td', word, {className: kind}), element('td', step.reason), element('td', step.name, {className: 'small'}));
    table.append(row);
  }
  return table;
}

function seal(found) {
  const box = element('div');
  const kind = PICTURES[found.picture_kind];
  if (found.picture && kind) {
    box.append(element('img', '', {src: 'data:' + kind + ';base64,' + found.picture, width: 120, alt: found.name}));
  }
  const period = moment(found.valid_from) + ' 至 ' + moment(found.valid_until);
  box.append(element('p', '印章：' + found.name + '（' + found.id + '），制章人 ' + found.maker + '，有效期 ' + period, {className: 'small'}));
  if (found.test) box.append(element('p', '测试签章 无法律效力', {className: 'error'}));
  return box;
}

function show(answer) {
  result.replaceChildren();
  const kind = {valid: 'done', undetermined: 'error', invalid: 'error', unsigned: 'error'}[answer.verdict];
  result.append(element('h2', answer.conclusion, {className: kind, id: 'conclusion'}));
  if (answer.seal) result.append(seal(answer.seal));
  if (answer.report.steps.length) result.append(steps(answer.report));
  for (const signature of answer.signatures) {
    const at = signature.at ? '，' + moment(signature.at) : '';
    result.append(element('h2', '签章 ' + signature.number + '：' + (signature.signer || '签章人未知') + at));
    if (signature.seal) result.append(seal(signature.seal));
    result.append(steps(signature.report));
  }
  if (answer.platform.steps.length) result.append(element('h2', '与平台保存的文书比对'), steps(answer.platform));
  result.append(element('p', '上传文件的 SM3：' + answer.sm3, {className: 'small digest'}));
  result.append(element('p', '“通过”表示签名与文件在技术上相符；法律效力还取决于证书由谁签发、密钥由谁掌管。', {className: 'small'}));
  result.hidden = false;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  message.textContent = '正在验证…';
  message.className = '';
  result.hidden = true;
  try {
    const query = new URLSearchParams(location.search);
    const asked = new URLSearchParams();
    const paper = location.pathname.split('/')[2];
    if (paper) asked.set('document', paper);
    if (paper && query.get('h')) asked.set('h', query.get('h'));
    const body = new FormData();
    body.append('file', form.file.files[0]);
    const text = asked.toString();
    const response = await fetch('/api/v1/verify' + (text ? '?' + text : ''), {method: 'POST', body});
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.title + (answer.detail ? '：' + answer.detail : ''));
    show(answer);
    message.textContent = '';
  } catch (error) {
    message.textContent = error.message;
    message.className = 'error';
  }
});

if (location.pathname.split('/')[2]) {
  const about = document.getElementById('about');
  about.textContent = '二维码只指明文书，不证明任何内容。请上传收到的文件：验证以上传的文件为准，并与平台以此编号保存的文书比对。' + about.textContent;
}
